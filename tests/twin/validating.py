"""A plain validation of a whole ADV2 file, row by row: what `tallyport validate` must say of it, and nothing more.

Shares with what it judges the types of values, the reading of periods and the codes of findings.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from tallyport_converters.model import periods
from tallyport_schemas.finding import shown
from tallyport_schemas.value_types import (
    ValueType,
    check,
    check_comment,
    check_file,
    check_options,
    normalise,
)

if TYPE_CHECKING:
    from tallyport_converters.adv2.row_rules import RowRules

Flaw = tuple[str, str | None]
"""The code of a finding and the field that it is about."""


class Number(str):
    """A number as it stands in the file."""

    __slots__ = ()


class Object(list[tuple[str, object]]):
    """An object: its members in order, repeated ones too."""

    __slots__ = ()


@dataclass
class Verdict:
    """What is to be said of one group. `rows` has an entry for each row: None where it is accepted."""

    de: str | None
    header: set[Flaw] = field(default_factory=set)
    late: set[Flaw] = field(default_factory=set)
    size: int | None = None
    read: int = 0
    rows: list[Flaw | None] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether its good rows are accepted."""
        return not self.header and not self.late

    @property
    def accepted(self) -> int:
        """How many rows are."""
        return self.rows.count(None) if self.valid else 0

    @property
    def runs(self) -> list[tuple[int, int, str, str | None, int | None]]:
        """Neighbouring rows that share a flaw: the first, how many, code, field, and the row that set the mark."""
        found: list[tuple[int, int, str, str | None, int | None]] = []
        for i, flaw in enumerate(self.rows):
            if flaw is None:
                continue
            mark = self.marks.get(i)
            if found and found[-1][0] + found[-1][1] == i and found[-1][2:] == (*flaw, mark):
                found[-1] = (found[-1][0], found[-1][1] + 1, *found[-1][2:])
            else:
                found.append((i, 1, *flaw, mark))
        return found


@dataclass
class File:
    """What is to be said of a file: its groups, or the code of why it cannot be read."""

    groups: list[Verdict]
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """The program's."""
        if self.error or not all(group.valid for group in self.groups):
            return 3
        return 1 if any(group.accepted < group.read for group in self.groups) else 0


def judge(data: bytes, rules: RowRules | None = None) -> File:
    """Judge a file."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return File([], "TP108" if error.reason == "unexpected end of data" else "TP107")
    try:
        root = json.loads(text, object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=refuse)
    except ValueError:
        return File([], "TP108")
    groups = [root] if isinstance(root, Object) or not isinstance(root, list) else root
    if not all(isinstance(group, Object) for group in groups):
        return File([], "TP113")
    return File([_group(group, rules) for group in groups])


# The header.

KNOWN = ("ids", "ds", "cc", "de", "pe", "ou", "coc", "co", "aoc", "ao", "delete", "size", "data")
SCHEMES = ("ds", "de", "ou", "cc", "c", "co", "coc", "aoc")


def _group(members: Object, rules: RowRules | None) -> Verdict:
    head: dict[str, object] = {}
    failures: set[Flaw] = set()
    rows: list[object] | None = None
    behind = 0
    for i, (name, value) in enumerate(members):
        is_rows = name == "data" and _is_array(value)
        if name in head or (not is_rows and _repeats(value)):
            failures.add(("TP502", shown(name) or '""'))
        head.setdefault(name, value)
        if is_rows:  # the header ends here
            assert isinstance(value, list)
            rows = value
            behind = len(members) - i - 1
            break
    if "data" in head and (rows is None or head["data"] is not rows):
        failures.add(("TP504", "data"))
    size = _header(head, failures)
    verdict = Verdict(_shown_de(head, failures), failures, read=len(rows or ()))
    if behind:
        verdict.late.add(("TP510", "data"))
    if failures:
        return verdict
    verdict.size = size
    if size != verdict.read:
        verdict.late.add(("TP514", "size"))
    _rows(verdict, rows or [], _places(head), rules)
    return verdict


def _shown_de(head: dict[str, object], failures: set[Flaw]) -> str | None:
    de = head.get("de")
    if not _is_text(de) or de == "":
        return None
    return shown(str(de)) if failures else str(de)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _is_array(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, Object)


def _repeats(value: object) -> bool:
    """Whether an object within the value has a key twice."""
    if isinstance(value, Object):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(_repeats(part) for _, part in value)
    return isinstance(value, list) and any(_repeats(part) for part in value)


def _first(value: Object) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, part in value:
        found.setdefault(key, part)
    return found


def _header(head: dict[str, object], failures: set[Flaw]) -> int | None:
    """Note the failures of a header; return its size."""
    for name in head:
        if name not in KNOWN:
            failures.add(("TP501", shown(name) or '""'))
    for name in ("de", "pe", "ou", "size"):
        if name not in head:
            failures.add(("TP503", name))
    for one, other in (("coc", "co"), ("aoc", "ao")):
        if one in head and other in head:
            failures.add(("TP505", f"{one}, {other}"))
    if "delete" in head and (not _is_text(head["delete"]) or head["delete"] not in ("soft", "hard")):
        failures.add(("TP511", "delete"))
    schemes = _schemes(head, failures)
    for name in ("de", "ds", "cc"):
        if name in head:
            value = head[name]
            if not _is_text(value):
                failures.add(("TP504", name))
            elif value == "":
                failures.add(("TP512", name))
            else:
                _hold(name, [str(value)], schemes[name], failures)
    for name in ("pe", "ou", "coc", "aoc"):
        if name in head:
            found = _identifiers(name, head[name], failures, single=True)
            if name == "pe":
                for text in found:
                    period = periods.parse(text)
                    if period is None or period.iso != text:
                        failures.add(("TP508", "pe"))
            else:
                _hold(name, found, schemes[name], failures)
    for name in ("co", "ao"):
        if name in head:
            _options(name, head[name], schemes, failures)
    size = None
    if "size" in head:
        stated = head["size"]
        if isinstance(stated, Number) and stated.isascii() and stated.isdigit() and len(stated) <= 18:
            size = int(stated)
            if size and "data" not in head:
                failures.add(("TP503", "data"))
        else:
            failures.add(("TP504", "size"))
    if not failures:
        counts = [count for _, count in _places(head)]
        keys = 1
        for count in counts:
            keys *= count
        if len(counts) > 64 or keys > 2**120:
            failures.add(("TP513", "co, ao"))
    return size


def _schemes(head: dict[str, object], failures: set[Flaw]) -> dict[str, str]:
    """Return which kinds must be UIDs; "?" where the scheme is none."""
    if "ids" not in head:
        return dict.fromkeys(SCHEMES, "UID")
    value = head["ids"]
    if _is_text(value):
        return dict.fromkeys(SCHEMES, _scheme("ids", value, failures))
    if not isinstance(value, Object):
        failures.add(("TP504", "ids"))
        return dict.fromkeys(SCHEMES, "?")
    schemes = dict.fromkeys(SCHEMES, "UID")
    for kind, scheme in _first(value).items():
        if kind in SCHEMES:
            schemes[kind] = _scheme(f"ids.{kind}", scheme, failures)
        else:
            failures.add(("TP509", "ids"))
    return schemes


def _scheme(name: str, value: object, failures: set[Flaw]) -> str:
    if not _is_text(value):
        failures.add(("TP504", name))
        return "?"
    text = str(value)
    if text in ("UID", "CODE", "NAME") or (text.startswith("ATTRIBUTE:") and _is_uid(text[10:])):
        return text
    failures.add(("TP509", name))
    return "UID" if text.upper() in ("UID", "ID") else "?"


def _is_uid(text: str) -> bool:
    letters = string.ascii_letters
    return len(text) == 11 and text[0] in letters and all(c in letters + string.digits for c in text)


def _identifiers(name: str, value: object, failures: set[Flaw], *, single: bool) -> list[str]:
    """Return the texts of a dimension that are some."""
    if _is_text(value) and single:
        value = [value]
    if not isinstance(value, list) or isinstance(value, Object):
        failures.add(("TP504", name))
        return []
    texts = [str(item) for item in value if _is_text(item)]
    if len(texts) < len(value):
        failures.add(("TP504", name))
    if not value or "" in texts:
        failures.add(("TP512", name))
    texts = [text for text in texts if text]
    if len(set(texts)) < len(texts):
        failures.add(("TP506", name))
    return texts


def _hold(name: str, identifiers: Sequence[str], scheme: str, failures: set[Flaw]) -> None:
    for text in identifiers:
        if not (_is_uid(text) if scheme == "UID" else _storable(text)):
            failures.add(("TP507", name))


def _storable(text: str) -> bool:
    return all(c != "\0" and not "\ud800" <= c <= "\udfff" for c in text)


def _options(name: str, value: object, schemes: dict[str, str], failures: set[Flaw]) -> None:
    if not isinstance(value, list):
        failures.add(("TP504", name))
        return
    if isinstance(value, Object):
        found = _first(value)
        if len(found) > 64:
            failures.add(("TP513", name))
            return
        if not found or "" in found:
            failures.add(("TP512", name))
        _hold(f"{name} categories", [category for category in found if category], schemes["c"], failures)
        fields = {f"{name}.{shown(category)}": options for category, options in found.items()}
    else:
        if len(value) > 64:
            failures.add(("TP513", name))
            return
        if not value:
            failures.add(("TP512", name))
        fields = {f"{name}[{i}]": options for i, options in enumerate(value)}
    for place, options in fields.items():
        texts = _identifiers(place, options, failures, single=isinstance(value, Object))
        _hold(place, texts, schemes["co"], failures)


def _places(head: dict[str, object]) -> list[tuple[str, int]]:
    """Return the dimensions that take a place in a row, with their sizes."""
    found: list[tuple[str, object]] = [("pe", head["pe"]), ("ou", head["ou"])]
    for combo, options in (("coc", "co"), ("aoc", "ao")):
        if combo in head:
            found.append((combo, head[combo]))
        value = head.get(options)
        if isinstance(value, Object):
            found += [(f"{options}.{shown(category)}", part) for category, part in value]
        elif isinstance(value, list):
            found += [(f"{options}[{i}]", part) for i, part in enumerate(value)]
    sizes = [(name, len(value) if isinstance(value, list) else 1) for name, value in found]
    return [(name, size) for name, size in sizes if size > 1]


# The rows.


def _rows(verdict: Verdict, rows: list[object], places: list[tuple[str, int]], rules: RowRules | None) -> None:
    seen: set[tuple[int, ...]] = set()
    last: tuple[int, ...] | None = None
    mark = 0
    dimensions = sum(name in ("pe", "ou") for name, _ in places)
    for number, row in enumerate(rows):
        flaw = _form(row, places) or _content(row, len(places), rules)
        if flaw is None:
            assert isinstance(row, list)
            key = tuple(int(index) for index in row[: len(places)])
            block = key[:dimensions]
            if last is not None and block < last:
                flaw = ("TP606", None)
                verdict.marks[number] = mark
            elif key in seen:
                flaw = ("TP607", None)
            else:
                if block != last:
                    last, mark = block, number
                seen.add(key)
        verdict.rows.append(flaw)


def _form(row: object, places: list[tuple[str, int]]) -> Flaw | None:
    if not _is_array(row):
        return "TP601", None
    assert isinstance(row, list)
    for i, element in enumerate(row):
        if i < len(places):
            name, size = places[i]
            if not isinstance(element, Number) or not element.removeprefix("-").isdigit():
                return "TP604", name
            if element.startswith("-") or len(element) > 18 or int(element) >= size:
                return "TP605", name
            continue
        at = i - len(places)
        if at == 0:
            code = _value_form(element)
            if code:
                return code, "value"
        elif at == 1 and not isinstance(element, bool):
            return "TP610", "deleted"
        elif at == 2 and not (element is None or isinstance(element, bool)):
            return "TP611", "followup"
        elif at == 3 and element is not None:
            if not _is_text(element):
                return "TP612", "comment"
            if not _storable(str(element)):
                return "TP613", "comment"
            if _units(str(element)) > 5_000:
                return "TP222", "comment"
        elif at > 3:
            return "TP603", None
    if len(row) <= len(places):
        return "TP602", None
    value, deleted, _, comment = _payload(row, len(places))
    if not value and not deleted and not comment:
        return "TP609", "value"
    return None


def _value_form(element: object) -> str | None:
    if isinstance(element, list):
        return "TP608"
    if isinstance(element, str):
        if not _storable(element):
            return "TP613"
        if _units(element) > 50_000:
            return "TP216"
    return None


def _units(text: str) -> int:
    return sum(2 if c > "\uffff" else 1 for c in text)


def _payload(row: list[object], places: int) -> tuple[str, bool, bool | None, str]:
    value, deleted, followup, comment = (row[places:] + [None] * 4)[:4]
    if isinstance(value, bool):
        value = "true" if value else "false"
    return str(value or ""), deleted is True, None if followup is None else bool(followup), str(comment or "")


def _content(row: object, places: int, rules: RowRules | None) -> Flaw | None:
    """Hold value and comment to the metadata."""
    assert isinstance(row, list)
    if rules is None:
        return None
    value, deleted, _, comment = _payload(row, places)
    if value:
        code = _value_code(value, rules)
        if code:
            return code, "value"
    if rules.comment_codes is not None and (comment or not deleted):
        problem = check_comment(comment or None, rules.comment_codes)
        if problem:
            return problem.code, "comment"
    return None


def _value_code(value: str, rules: RowRules) -> str | None:
    if rules.value_type is not None and rules.value_type in ValueType.__members__:
        kind = ValueType(rules.value_type)
        problem = check(kind, value)
        stored = normalise(kind, value)
        if problem is None and kind in (ValueType.FILE_RESOURCE, ValueType.IMAGE) and rules.file_resources is not None:
            problem = check_file(rules.file_resources, stored)
    else:
        problem, stored = None, value
    if problem is None and rules.option_codes is not None:
        problem = check_options(rules.option_codes, stored, rules.multi)
    return problem.code if problem else None
