"""Slow readers: the bytes of a legacy file in, its values out, with what was rejected, dropped and noticed.

The whole file is held, every row is looked at by itself. Where one row has several faults, all are kept: the fast
reader names one of them. Notices are counted by code and field ("TP401 period"): how often each *must* be given, and
how often more it *may* be, as where only a rejected row gives rise to it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from tallyport_converters.model import periods
from twin.values import SCHEME_KEYS, Combo, Deletion, Element, OptionList, Pairs, Value

SCHEMED_KINDS = ("ds", "de", "ou", "cc", "c", "co", "coc", "aoc")
LONGEST_TEXT = 50_000
NAMES_COUNTED = 1_000
NAMES_SHOWN = 20
LONGEST_NAME = 200


class UnreadableError(Exception):
    """The source as a whole is refused; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Options:
    """What the caller says besides the file."""

    data_set: str | None = None
    id_schemes: tuple[tuple[str, str], ...] = ()
    keep_followup_false: bool = False
    header: bool | None = None


@dataclass
class Reading:
    """All that a source says."""

    options: Options
    schemes: dict[str, str] = field(default_factory=dict)
    """By kind, and the general one under ""."""
    data_set: str | None = None
    values: list[Value] = field(default_factory=list)
    rejected: dict[int, frozenset[str]] = field(default_factory=dict)
    originals: dict[int, object] = field(default_factory=dict)
    """What rejected rows say themselves, without what is empty."""
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    must: Counter[str] = field(default_factory=Counter)
    may: Counter[str] = field(default_factory=lambda: Counter({"TP430": 1}))
    """That white space was removed is counted by no twin: test_white_space.py has when it is told."""
    completions: list[dict[str, object]] = field(default_factory=list)
    deletion: Deletion | None = None
    taken: dict[str, str] = field(default_factory=dict)
    """Names that are not DHIS2's, and how their fields are named: see `called`."""
    different: Counter[str] = field(default_factory=Counter)
    """Superseded values that differ from what stands, by data element."""
    superseded: int = 0

    def leave_out(self, name: str, text: str, draft: Draft | None = None) -> None:
        """Count a field that nobody understands; of a row, it tells the row from others."""
        self.drop(name, text)
        notice = f"TP421 {name}"
        if notice not in self.must and sum(key.startswith("TP421 ") for key in self.must) >= NAMES_COUNTED:
            notice = "TP421 (other)"
        self.must[notice] += 1
        if draft is not None:
            draft.left_out[name] = text

    def drop(self, name: str, found: object = "x") -> None:
        """Count a field that ADV2 has no place for, where there is something in it."""
        if found is None or found == "":
            return
        name = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
        self.dropped[name if name in self.dropped or len(self.dropped) < NAMES_COUNTED else "(other)"] += 1


@dataclass
class Head:
    """What rows fall back on."""

    data_set: str | None = None
    period: str | None = None
    org_unit: str | None = None
    aoc: Combo = None
    without_period: str = "TP303"
    notices: frozenset[str] = frozenset()
    """What is said of it once a row takes it over."""
    left_out: dict[str, str] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)
    said: dict[str, object] = field(default_factory=dict)
    group_combo: Combo = None


@dataclass
class Draft:
    """A row before it is judged. `ill` are the fields that were there in a form they cannot have."""

    row: int
    texts: dict[str, str | None] = field(default_factory=dict)
    coc: Combo = None
    aoc: Combo = None
    reasons: set[str] = field(default_factory=set)
    notices: set[str] = field(default_factory=set)
    ill: set[str] = field(default_factory=set)
    original: object = None
    left_out: dict[str, str] = field(default_factory=dict)
    stamps: set[str] = field(default_factory=set)
    said: dict[str, object] = field(default_factory=dict)
    """By field, what was said of it first, as it is compared with what another name says."""
    stand_ins: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Rank, field, name and text of what stands back behind better names."""

    def text(self, name: str) -> str | None:
        return self.texts.get(name) or None


# What all formats have in common


def judge(draft: Draft, head: Head, reading: Reading) -> None:
    """Take the row as a value, or reject it for all its reasons."""
    reasons, notices = draft.reasons, draft.notices
    _tidy(draft, head, reading)
    notices |= head.notices
    data_element = draft.text("dataElement")
    if data_element is None and "dataElement" not in draft.ill:
        reasons.add("TP302")

    period = head.period
    written = draft.text("period")
    if written is not None:
        found = periods.parse(written)
        if found is None:
            reasons.add("TP304")
        else:
            period = found.iso
            if period != written:
                notices.add("TP414 period")
            if head.period is not None and head.period != period:
                notices.add("TP401 period")
    elif period is None and "period" not in draft.ill:
        reasons.add(head.without_period)

    org_unit = draft.text("orgUnit")
    if org_unit is None:
        org_unit = head.org_unit
    elif head.org_unit is not None and head.org_unit != org_unit:
        notices.add("TP401 orgUnit")
    if org_unit is None and "orgUnit" not in draft.ill:
        reasons.add("TP305")

    aoc = draft.aoc
    if aoc is None:
        aoc = head.aoc
    elif head.aoc is not None and head.aoc != aoc:
        notices.add("TP401 attributeOptionCombo")
    if isinstance(draft.aoc, OptionList):
        notices.add("TP416 attributeOptions")

    value, comment = draft.text("value"), draft.text("comment")
    deleted = _boolean(draft, "deleted") is True
    followup = _boolean(draft, "followUp")
    if followup is False and not reading.options.keep_followup_false:
        reading.drop("followup=false")
        followup = None
    if value is None:
        if not deleted and comment is None and not draft.ill & {"value", "comment", "deleted"}:
            reasons.add("TP306")
    elif not value.strip(WHITE):
        notices.add("TP404 value")

    if any(
        text is not None and len(text.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_TEXT
        for text in (value, comment)
    ):
        reasons.add("TP307")
    for text in (data_element, written, org_unit, value, comment, *_names(draft.coc), *_names(aoc), head.data_set):
        if text is not None and re.search("[\x00\ud800-\udfff]", text):
            reasons.add("TP310")

    reading.read += 1
    reading.originals[draft.row] = draft.original
    if reasons:
        reading.rejected[draft.row] = frozenset(reasons)
        reading.may.update(notices)
        reading.may["TP430"] = reading.may["TP431"] = 1
        return
    reading.must.update(notices)
    key = (data_element, period, org_unit, draft.coc, aoc, head.data_set)
    left_out = frozenset(draft.left_out.items())
    reading.values.append(Value(*key, value, comment, followup, deleted, draft.row, left_out))


def settle(reading: Reading, default_scheme: str) -> None:
    """Reject values of keys that only what was left out tells apart; count those that a different one supersedes."""
    by_key: dict[tuple[object, ...], list[Value]] = {}
    for value in reading.values:
        by_key.setdefault(value.key, []).append(value)
    for values in by_key.values():
        last = values[-1]
        if any(value.left_out != last.left_out for value in values):
            reading.rejected |= {value.row: frozenset({"TP314"}) for value in values}
            continue
        for value in values[:-1]:
            reading.superseded += 1
            if _payload(value) != _payload(last):
                reading.different[value.data_element or ""] += 1
    reading.values = [value for value in reading.values if value.row not in reading.rejected]
    reading.originals = {row: reading.originals[row] for row in reading.rejected}
    if reading.different:
        reading.must["TP426 value"] += sum(reading.different.values())
    if reading.taken:
        reading.must["TP422"] += 1
    schemes = effective_schemes(reading, default_scheme)
    for name in reading.taken:
        found = called(name)
        wanted = {2: "CODE", 3: "NAME"}.get(found[1]) if found else None
        if found and wanted and schemes.get(KIND_OF.get(found[0], ""), wanted) != wanted:
            reading.must[f"TP423 {name}"] += 1


def _payload(value: Value) -> tuple[object, ...]:
    return value.value, value.comment, value.deleted, value.followup is True


KIND_OF = {
    "dataElement": "de",
    "orgUnit": "ou",
    "categoryOptionCombo": "coc",
    "attributeOptionCombo": "aoc",
    "dataSet": "ds",
}
CALLED = {
    "dataElement": "dataelement de",
    "period": "period pe",
    "orgUnit": "orgunit organisationunit organizationunit ou",
    "categoryOptionCombo": "categoryoptioncombo catoptioncombo catoptcombo categoryoptcombo coc",
    "attributeOptionCombo": "attributeoptioncombo attroptioncombo attroptcombo attributeoptcombo acoc aoc",
    "dataSet": "dataset",
}
PLAINLY = {
    "value": "value",
    "comment": "comment comments cmt",
    "followUp": "followup isfollowup flwup",
    "deleted": "deleted isdeleted",
    "storedBy": "storedby strby createdby lastupdatedby",
    "created": "created createdat",
    "lastUpdated": "lastupdated lastupd lstupd updatedat timestamp",
    "dataElement": "dataelelement",
    "categoryOptionCombo": "categoryoptioncombos catoptcombos",
    "attributeOptionCombo": "attributeoptioncombos attroptcombos",
}
SUFFIXES = {"": 1, "id": 1, "uid": 1, "code": 2, "name": 3, "shortname": 3, "displayname": 3}
SHORT = ("de", "pe", "ou", "coc", "acoc", "aoc", "cmt", "source")
STAMPS = ("storedBy", "created", "lastUpdated")


def _all_names() -> dict[str, tuple[str, int, bool]]:
    found = {"source": ("orgUnit", 4, True)}
    for name, words in CALLED.items():
        for word in words.split():
            for suffix, rank in SUFFIXES.items():
                found[word + suffix] = (name, rank, word in SHORT)
    for name, words in PLAINLY.items():
        found |= {word: (name, 1, word in SHORT) for word in words.split()}
    return found


KNOWN_NAMES = _all_names()


def called(name: str) -> tuple[str, int, bool] | None:
    """What a field is by a name that need not be DHIS2's: the field, the rank of the name, whether it is short.

    Ranks: 1 as good as DHIS2's, 2 says that it is a code, 3 a name, 4 that of old.
    """
    return KNOWN_NAMES.get(re.sub("[ \t_-]", "", name).lower() if name.isascii() else name)


def stand_in(draft: Draft, reading: Reading, held: Mapping[str, object]) -> None:
    """Let what stands back have the fields that the row has by no better name; `held`: those it has from elsewhere."""
    for _, name, written, given in sorted(draft.stand_ins, key=lambda found: found[0]):
        text = given.strip(WHITE)
        if name in held or name in draft.said:
            reading.leave_out(written, given, draft)
            continue
        draft.said[name] = text
        reading.taken[written] = name
        if name == "categoryOptionCombo":
            draft.coc = text
        elif name == "attributeOptionCombo":
            draft.aoc = text
        else:
            draft.texts[name] = text


def agrees(draft: Draft, name: str, said: object) -> bool:
    """Whether a field says what it said before in the row, by another name; that it says so is noted."""
    if isinstance(said, str) and name in (*IDENTIFYING, "dataSet", "followUp", "deleted"):
        said = said.strip(WHITE)
        if not said:
            return False  # blanks name nothing
    if name not in draft.said:
        draft.said[name] = said
        return True
    if draft.said[name] != said:
        draft.reasons.add("TP313")
    return False


WHITE = "".join(c for c in map(chr, range(0x10000)) if c.isspace() and not "\x1c" <= c <= "\x1f") + "\ufeff\u200b"
NOTHING = (
    *("na", "n/a", "n.a.", "nan", "null", "none", "nil", "nat", "#n/a", "#ref!", "#value!", "#div/0!", "#name?"),
    *("#null!", "#num!", "<na>", "(null)", "(blank)", "undefined", "\\n", "-", "--", ".", "?", "\u2013", "\u2014"),
)


def _tidy(draft: Draft, head: Head, reading: Reading) -> None:
    """Cut white space around texts, and look for words for nothing."""
    for name, text in draft.texts.items():
        inner = (text or "").strip(WHITE)
        if text and inner != text and not (name == "value" and not inner):
            draft.texts[name] = inner
    draft.coc, draft.aoc = tidied(draft.coc), tidied(draft.aoc)
    words = [draft.texts.get("value"), draft.texts.get("comment"), draft.coc, draft.aoc, head.group_combo]
    if any(isinstance(word, str) and word.lower() in NOTHING for word in words):
        reading.must["TP431"] = 1


def trimmed(text: str | None) -> str | None:
    """Return an identifier without the white space around it; blanks are none."""
    return (text or "").strip(WHITE) or None


def tidied(combo: Combo) -> Combo:
    """Return a combo without the white space around its texts."""
    if isinstance(combo, str):
        return trimmed(combo)
    if combo is None or isinstance(combo, OptionList):
        return combo
    pairs = tuple(sorted((category.strip(WHITE), option.strip(WHITE)) for category, option in combo))
    return tuple(pair for pair in pairs if pair[1]) or None


def _boolean(draft: Draft, name: str) -> bool | None:
    text = draft.text(name)
    if text is None:
        return None
    if text.lower() not in ("true", "false") or not text.isascii():
        draft.reasons.add("TP308")
        return None
    return text.lower() == "true"


def _names(combo: Combo) -> Iterator[str]:
    if isinstance(combo, str):
        yield combo
    elif isinstance(combo, OptionList):
        yield from combo.options
    elif combo is not None:
        for category, option in combo:
            yield category
            yield option


def scheme(text: str) -> str:
    """The scheme in its usual form."""
    if text.upper() in ("UID", "ID"):
        return "UID"
    if text.upper() in ("CODE", "NAME"):
        return text.upper()
    if re.fullmatch("(?i:attribute):[A-Za-z][A-Za-z0-9]{10}", text):
        return "ATTRIBUTE:" + text[len("attribute:") :]
    raise UnreadableError("TP119")


def effective_schemes(reading: Reading, default: str) -> dict[str, str]:
    """The scheme of every kind: the caller's before the file's, by kind before general."""
    asked = {kind: scheme(text) for kind, text in reading.options.id_schemes}
    file = {kind: scheme(text) for kind, text in reading.schemes.items()}
    return {
        kind: asked.get(kind) or asked.get("") or file.get(kind) or file.get("") or default for kind in SCHEMED_KINDS
    }


def complete(reading: Reading, written: str | None, head: Head) -> None:
    """Take the completion that a header states."""
    if not written or written == "false":
        return
    if head.data_set is None or head.period is None or head.org_unit is None:
        reading.must["TP413 completeDate"] += 1
        reading.drop("completeDate")
        return
    completion: dict[str, object] = {
        "dataSet": head.data_set,
        "period": head.period,
        "organisationUnit": head.org_unit,
    }
    if isinstance(head.aoc, str):
        completion["attributeOptionCombo"] = head.aoc
    elif head.aoc is not None:
        reading.must["TP413 completeDate"] += 1
    if written != "true":
        completion["date"] = written[:10] if re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", written) else written
    completion["completed"] = True
    reading.completions.append(completion)


def _header_period(reading: Reading, written: str | None, *, intervals: bool) -> str | None:
    if not written:
        return None
    found = periods.parse(written)
    if found is not None:
        return found.iso
    interval = periods.parse_interval(written) if intervals else None
    if interval is None:
        reading.must["TP417 period"] += 1
        return None
    return interval[0].iso


def _utf8(data: bytes) -> str:
    if not data:
        raise UnreadableError("TP102")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:4]:
        raise UnreadableError("TP107")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("TP107") from None


FOLLOWUPS = ("followUp", "followup", "follow_up", "flwup")


# JSON


class Number(str):
    """A number as it stands in the file."""


class Members(list[tuple[str, object]]):
    """A JSON object with its keys in file order, repeated ones too."""

    def first(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in self:
            found.setdefault(key, value)
        return found


def _no_constant(text: str) -> object:
    raise UnreadableError("TP108")


def parse_json(text: str) -> object:
    try:
        return json.loads(
            text, object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=_no_constant
        )
    except json.JSONDecodeError:
        raise UnreadableError("TP108") from None


def _word(value: object) -> str | None:
    """The text of a scalar, "" of an array or object."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return ""


def _header_text(value: object) -> str | None:
    if isinstance(value, list | bool):
        raise UnreadableError("TP113")
    return _word(value) or None


def _plain(value: object) -> object:
    """The value as JSON without repeated keys: the first of each, numbers as their texts."""
    if isinstance(value, Members):
        return {key: _plain(member) for key, member in value.first().items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _without_empty(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in ("", None)}


ROW_NAMES = {
    **{name: name for name in ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")},
    **{name: name for name in ("value", "comment", "deleted")},
    **dict.fromkeys(FOLLOWUPS, "followUp"),
}
IDENTIFYING = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")


def read_json(data: bytes, options: Options) -> Reading:
    reading = Reading(options)
    root = parse_json(_utf8(data))
    if not isinstance(root, Members):
        raise UnreadableError("TP113")
    keys = [key for key, _ in root]
    if keys.count("dataValues") > 1:
        raise UnreadableError("TP108")
    if not {"dataValues", "dataSet", "completeDate", "deletion"} & set(keys) and not {"period", "orgUnit"} <= set(keys):
        raise UnreadableError("TP113")
    known = {*SCHEME_KEYS, "dataSet", "completeDate", "period", "orgUnit", "attributeOptionCombo", "deletion"}
    known |= {"attributeCategoryOptions", "dataValues", *NO_PLACE_IN_HEADERS}
    for key, count in Counter(keys).items():
        if count > 1:
            (reading.must if key in known else reading.may)[f"TP402 {key}"] += count - 1
    first = root.first()
    rows = first.get("dataValues")
    if rows is not None and (not isinstance(rows, list) or isinstance(rows, Members)):
        raise UnreadableError("TP113")

    top = _settled(reading, {key: value for key, value in first.items() if key != "dataValues"}, known)
    named = {name: trimmed(_header_text(top.get(name))) for name in ("dataSet", "period", "orgUnit")}
    head = Head(named["dataSet"] or options.data_set)
    head.period = _header_period(reading, named["period"], intervals=False)
    head.org_unit = named["orgUnit"]
    draft = Draft(-1)
    head.aoc = tidied(_json_combo(top.get("attributeOptionCombo"), "attributeOptionCombo", draft))
    if draft.reasons:
        raise UnreadableError("TP113")
    reading.must.update(draft.notices)
    listed = top.get("attributeCategoryOptions")
    if listed and isinstance(listed, list):
        if head.aoc is None:
            head.aoc = OptionList(tuple(str(option) for option in listed))
            reading.must["TP416 attributeCategoryOptions"] += 1
        else:
            reading.drop("attributeCategoryOptions")
    _strategy(reading, "strategy", _word(top.get("strategy")))
    reading.schemes = _file_schemes({key: _header_text(top.get(key)) for key in SCHEME_KEYS})
    reading.data_set = head.data_set
    written = top.get("completeDate")
    complete(reading, _word(written) if isinstance(written, bool) else _header_text(written), head)
    reading.deletion = _deletion(reading, top.get("deletion"))
    for index, row in enumerate(rows or ()):
        _json_row(reading, index, row, head)
    return reading


NO_PLACE_IN_HEADERS = ("strategy", "importStrategy", "dryRun", "exported")


def _settled(reading: Reading, written: Mapping[str, object], known: set[str]) -> dict[str, object]:
    """What the properties of a header say by their known names; counts those that are not known, or have no place."""
    plain = {re.sub("[ _-]", "", name).lower(): name for name in known}
    found: dict[str, object] = {}
    for name, value in written.items():
        if value is None or value == "":
            continue
        field = called(name)
        known_name = name if name in known else plain.get(re.sub("[ _-]", "", name).lower())
        if known_name is None and field and (field[0] in STAMPS or (field[1] == 1 and field[0] in known)):
            known_name = field[0]
        if known_name is None:
            reading.leave_out(name, "x")
            continue
        if known_name in STAMPS:
            reading.drop(name)
            continue
        if known_name != name:
            reading.taken[name] = known_name
        if known_name in NO_PLACE_IN_HEADERS:
            reading.drop(name)
        if found.setdefault(known_name, value) != value:
            raise UnreadableError("TP122")
    return found


def _file_schemes(header: Mapping[str, str | None]) -> dict[str, str]:
    return {SCHEME_KEYS[key]: text for key, text in header.items() if key in SCHEME_KEYS and text}


def _strategy(reading: Reading, name: str, text: str | None) -> None:
    if (text or "").upper() in ("DELETE", "DELETES"):
        reading.must[f"TP412 {name}"] += 1


def _json_row(reading: Reading, index: int, row: object, head: Head) -> None:
    if not isinstance(row, Members):
        reading.read += 1
        reading.rejected[index] = frozenset({"TP301"})
        reading.originals[index] = _plain(row)
        return
    original = _plain(row)
    assert isinstance(original, dict)
    draft = Draft(index, original=_without_empty(original))
    seen: set[str] = set()
    for key, value in row:
        known = (ROW_NAMES[key], 0, False) if key in ROW_NAMES else called(key)
        if known and known[0] == "dataSet":
            known = None  # the header's alone
        if key in seen:
            if known and known[1] < 2 and known[0] in ROW_NAMES:
                draft.notices.add("TP402")
            else:
                reading.may["TP402"] += 1
            continue
        seen.add(key)
        text = json.dumps(_plain(value)) if isinstance(value, list) else _word(value)
        if known and known[0] in STAMPS:
            if text and known[0] not in draft.stamps:
                draft.stamps.add(known[0])
                reading.drop(known[0])
        elif known is None or (known[1] > 1 and (not isinstance(value, str) or _unstorable(value))):
            if text:
                reading.leave_out(key, text, draft)
        elif known[1] > 1:
            if text:
                draft.stand_ins.append((known[1], known[0], key, text))
        else:
            if known[1] and value not in (None, ""):
                reading.taken[key] = known[0]
            is_second, reasons = known[0] in draft.said, len(draft.reasons)
            _json_field(draft, known[0], value)
            if is_second and len(draft.reasons) > reasons:
                draft.reasons.add("TP313")  # it differs, besides
    stand_in(draft, reading, {})
    judge(draft, head, reading)


def _unstorable(text: str) -> bool:
    return re.search("[\x00\ud800-\udfff]", text) is not None


def _json_field(draft: Draft, name: str, value: object) -> None:
    if name in ("categoryOptionCombo", "attributeOptionCombo"):
        combo = _json_combo(value, name, draft)
        said = [(key, str(option)) for key, option in value] if isinstance(value, Members) else combo
        if combo and agrees(draft, name, said):
            draft.coc, draft.aoc = (combo, draft.aoc) if name == "categoryOptionCombo" else (draft.coc, combo)
    elif isinstance(value, list) or (isinstance(value, bool) and name in IDENTIFYING):
        draft.reasons.add("TP309")
        draft.ill.add(name)
        if name in ("followUp", "deleted"):
            draft.said.setdefault(name, "none")
    elif isinstance(value, Number) and name in ("followUp", "deleted"):
        draft.reasons.add("TP308")
        draft.ill.add(name)
        draft.said.setdefault(name, "none")
    else:
        text = _word(value)
        if text and name in ("followUp", "deleted") and text.strip(WHITE).lower() not in ("", "true", "false"):
            draft.reasons.add("TP308")
        if text and agrees(draft, name, text.lower() if name in ("followUp", "deleted") else text):
            draft.texts[name] = text


def _json_combo(value: object, name: str, draft: Draft) -> Combo:
    if isinstance(value, Members):
        found: dict[str, str] = {}
        for category, option in value:
            if not isinstance(option, str) or not option.strip(WHITE) or not category.strip(WHITE):
                draft.reasons.add("TP312")
            elif category.strip(WHITE) in map(str.strip, found):
                draft.notices.add("TP402")
            else:
                found[category] = str(option)
        return tuple(sorted(found.items())) or None
    if isinstance(value, list | bool):
        draft.reasons.add("TP309")
        draft.ill.add(name)
        return None
    if isinstance(value, Number):
        draft.notices.add(f"TP403 {name}")
    return str(value) if value else None


def _deletion(reading: Reading, value: object) -> Deletion | None:
    if value is None:
        return None
    if not isinstance(value, Members):
        raise UnreadableError("TP113")
    scope = value.first()
    lists = [scope.get(key) or [] for key in ("orgUnits", "periods", "elements")]
    if not all(isinstance(found, list) and not isinstance(found, Members) for found in lists):
        raise UnreadableError("TP113")
    units, whens, elements = lists
    assert isinstance(units, list)
    assert isinstance(whens, list)
    assert isinstance(elements, list)
    canonical = []
    for when in whens:
        period = periods.parse(str(when))
        if period is None:
            raise UnreadableError("TP304")
        canonical.append(period.iso)
    if not (units and whens and elements):
        reading.must["TP420 deletion"] += 1
        return None
    found_elements = []
    for element in elements:
        parts = element.first()
        combos = [_word(parts.get(key)) or None for key in ("categoryOptionCombo", "attributeOptionCombo")]
        found_elements.append(Element(str(parts["dataElement"]), *combos))
    return Deletion(tuple(str(unit) for unit in units), tuple(canonical), tuple(found_elements))


# CSV


@dataclass
class Record:
    """A line of cells, none where it is blank or has nothing but delimiters.

    `junk`: text stands behind a closing quote. `ended`: by a line end.

    `odd`: DHIS2 2.43 would misread it.
    """

    cells: list[str]
    text: str = ""
    junk: bool = False
    odd: bool = False
    ended: bool = True


COLUMNS = {
    **dict.fromkeys(("dataelement", "dataelelement", "de"), "dataElement"),
    **dict.fromkeys(("period", "pe"), "period"),
    **dict.fromkeys(("orgunit", "organisationunit", "ou", "source"), "orgUnit"),
    **dict.fromkeys(("categoryoptioncombo", "catoptcombo", "coc"), "categoryOptionCombo"),
    **dict.fromkeys(("attributeoptioncombo", "attroptcombo", "aoc"), "attributeOptionCombo"),
    **dict.fromkeys(("storedby", "strby"), "storedBy"),
    **dict.fromkeys(("lastupdated", "lstupd", "timestamp"), "lastUpdated"),
    **dict.fromkeys(("comment", "cmt"), "comment"),
    **dict.fromkeys(("followup", "flwup"), "followUp"),
    **{"value": "value", "deleted": "deleted", "created": "created"},
    **{"attributecombo": "attributeCombo", "attributeoptions": "attributeOptions"},
}
POSITIONS = (
    *("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "storedBy"),
    *("lastUpdated", "comment", "followUp", "deleted"),
)


def read_csv(data: bytes, options: Options) -> Reading:
    reading = Reading(options, data_set=options.data_set)
    begun = _begin_csv(_utf8(data))
    if begun is None:
        raise UnreadableError("TP102")
    below = _below_a_title(begun.text, begun.records[0].cells) if options.header is None else None
    if below:
        reading.must["TP433"] += 1
        begun = below
    delimiter, records, odd_start = begun.delimiter, begun.records, begun.odd
    if delimiter != ",":
        reading.must["TP410"] += 1

    has_header = options.header
    if has_header is None:
        has_header = sum(_column(cell) is not None for cell in records[0].cells) >= 2
    if has_header:
        odd_start = odd_start or records[0].odd
        written = records.pop(0).cells
        row_names = _has_row_names(written, [record.cells for record in records if record.cells][:50])
        if row_names:
            reading.must["TP434"] += 1
            written = ["", *written]
        known = columns(written)
        if "dataElement" not in known or "value" not in known:
            raise UnreadableError("TP111")
        names = [name or f"(column {place})" for place, name in enumerate(written, 1)]
        meanings = [column or name for column, name in zip(known, names, strict=True)]
        passed = {place for place, name in enumerate(written) if name and name in written[place + 1 :]}
        for place, name in enumerate(written):
            if name and name in written[:place]:
                reading.must[f"TP408 {name}"] += 1
            column = known[place]
            if column in ROW_NAMES and re.sub("[ _-]", "", name.lower()) not in COLUMNS:
                reading.taken[name] = column
    else:
        names = list(POSITIONS)
        shows = {_shows_old_columns(record.cells) for record in [r for r in records if r.cells][:50]}
        if True in shows and False not in shows:
            reading.must["TP432"] += 1
            names = [*POSITIONS[:4], *POSITIONS[5:10]]
        meanings = list(names)
        passed = set()
        row_names = False
    fixed = "categoryOptionCombo" in names
    if (
        has_header
        and not fixed
        and any(
            meaning == name and not is_no_category(name) and place not in passed
            for place, (meaning, name) in enumerate(zip(meanings, names, strict=True))
            if name not in POSITIONS and meaning not in ("attributeCombo", "attributeOptions")
        )
    ):
        reading.must["TP424"] += 1
    odd = sum(record.odd for record in records)
    if odd or odd_start:
        reading.must["TP409"] += odd or 1
    records = [record for record in records if record.cells]

    for index, record in enumerate(records):
        if index == len(records) - 1 and has_header and not record.ended and len(record.cells) < len(names):
            reading.must["TP411"] += 1
        draft = Draft(index, original=_csv_original(record, names))
        if record.junk:
            draft.reasons.add("TP311")
        if "null" in record.cells:
            draft.notices.add("TP407")
        cells = ["" if cell == "null" else cell for cell in record.cells]
        surplus = [cell for cell in cells[len(names) :] if cell]
        if surplus:
            reading.leave_out("(surplus cells)", surplus[0], draft)
        cells += [""] * (len(names) - len(cells))
        options_given: dict[str, str] = {}
        lists: dict[str, str] = {}
        for place, cell in enumerate(cells[: len(names)]):
            name, meaning = names[place], meanings[place]
            if not cell or place in passed:
                continue
            if row_names and place == 0:
                reading.drop(name)
            elif meaning in (*STAMPS, *ROW_NAMES):
                _xml_field(reading, draft, name, cell, (meaning, 0, False))
            elif meaning in ("attributeCombo", "attributeOptions"):
                lists[meaning] = cell
                if meaning == "attributeCombo":
                    reading.drop(name)
            elif fixed or is_no_category(name):
                reading.leave_out(name, cell, draft)
            else:
                options_given[name] = cell
        listed = [option for option in re.split("[ \t]+", lists.get("attributeOptions", "")) if option]
        if lists.get("attributeOptions") and draft.aoc is not None:
            reading.leave_out(names[meanings.index("attributeOptions")], lists["attributeOptions"], draft)
        elif listed:
            draft.aoc = OptionList(tuple(listed), lists.get("attributeCombo", ""))
        if draft.coc is None:
            draft.coc = tuple(sorted(options_given.items())) or None
        else:
            for name, cell in options_given.items():
                reading.leave_out(name, cell, draft)
        judge(draft, Head(options.data_set), reading)
    return reading


@dataclass
class Beginning:
    """What a CSV file or the part below its title is, from the first line that is not blank.

    `odd`: DHIS2 2.43 would misread what stands above.
    """

    text: str
    delimiter: str
    records: list[Record]
    odd: bool


def _begin_csv(text: str) -> Beginning | None:
    """Pass over the line that names the delimiter, and blank ones; None if there is nothing else."""
    odd = False
    announced = re.match("sep=([,;\t])(\r\n|\r|\n)", text)
    if announced:
        text = text[announced.end() :]
        odd = announced[2] == "\r\n"
    if not text.strip():
        return None
    blank = re.match("([ \t]*[\r\n])*", text)
    assert blank
    text = text[blank.end() :]
    delimiter = announced[1] if announced else _delimiter(text)
    records = split_records(text, delimiter)
    odd = odd or bool(blank[0])
    while not records[0].cells:
        odd = True
        records.pop(0)
    return Beginning(text, delimiter, records, odd)


def _below_a_title(text: str, first: list[str]) -> Beginning | None:
    """The header row below lines of a title, and all behind it."""
    if sum(_column(cell) is not None for cell in first) >= 2 or (len(first) >= 4 and periods.parse(first[1])):
        return None
    for line_end in list(re.finditer("\r\n|\r|\n", text))[:30]:
        below = _begin_csv(text[line_end.end() :])
        names = {known[0] for cell in below.records[0].cells if (known := called(cell))} if below else set()
        if {"dataElement", "value"} <= names:
            return below
    return None


def _has_row_names(written: list[str], records: list[list[str]]) -> bool:
    """Whether all records have a cell in front of those that the header row names, as their periods show."""

    def is_period(record: list[str], at: int) -> bool:
        return at < len(record) and periods.parse(record[at].strip()) is not None

    at = next((at for at, cell in enumerate(written) if (called(cell) or ("",))[0] == "period"), None)
    if at is None or not records:
        return False
    return all(len(record) == len(written) + 1 and is_period(record, at + 1) for record in records) and not any(
        is_period(record, at) for record in records
    )


def _shows_old_columns(cells: list[str]) -> bool | None:
    """Whether a record without header row has the columns of old files, where the fifth is the value."""

    def number(text: str) -> bool:
        return re.fullmatch("-?[0-9]+([.][0-9]+)?", text) is not None

    def day(text: str) -> bool:
        return re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None

    padded = [cell.strip() for cell in cells] + [""] * 9
    if len(cells) > 9 or re.fullmatch("[A-Za-z][A-Za-z0-9]{10}", padded[4]) or day(padded[7]):
        return False
    if padded[4] == "":
        return False if number(padded[5]) and not day(padded[6]) else None
    if day(padded[6]) or padded[8].lower() in ("true", "false") or len(cells) == 5:
        return True
    return True if number(padded[4]) and not number(padded[5]) else None


def _column(cell: str) -> str | None:
    known = called(cell)
    listed = {"attributecombo": "attributeCombo", "attributeoptions": "attributeOptions"}
    name = listed.get(re.sub("[ _-]", "", cell.lower())) or (known[0] if known else None)
    return name if name != "dataSet" else None


def columns(written: list[str]) -> list[str | None]:
    """What each column is, None for a category or what is left out; a name that stands back does for all rows."""
    best: dict[str, int] = {}
    for cell in written:
        known = called(cell)
        if known:
            best[known[0]] = min(known[1], best.get(known[0], known[1]))
    found: list[str | None] = []
    for cell in written:
        known, name = called(cell), _column(cell)
        found.append(name if known is None or known[1] == best[known[0]] else None)
    if "attributeOptions" not in found:
        found = [None if name == "attributeCombo" else name for name in found]
    return found


def is_no_category(name: str) -> bool:
    """Whether a column that is none of ours cannot be a category: what the documents drawn here have of that kind."""
    return name.startswith("(column ") or called(name) is not None or _column(name) is not None


def _delimiter(text: str) -> str:
    """The candidate that stands most often outside quotes in the first line that is not blank; the comma if none."""
    counts = Counter({",": 0, ";": 0, "\t": 0})
    quoted = False
    for c in re.sub("^([ \t]*[\r\n])+", "", text):
        if c == '"':
            quoted = not quoted
        elif not quoted and c in "\r\n":
            break
        elif not quoted and c in counts:
            counts[c] += 1
    return max(counts, key=lambda c: counts[c])


def _csv_original(record: Record, names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, cell in enumerate(record.cells, 1):
        name = names[place - 1] if place <= len(names) else f"(column {place})"
        if cell:
            found[name if name not in found else f"{name} (column {place})"] = cell
    return {**found, "(row)": record.text} if record.junk else found


def split_records(text: str, delimiter: str) -> list[Record]:
    records: list[Record] = []
    space = " \t".replace(delimiter, "")
    at = 0
    while at < len(text):
        blank = re.compile("[ \t]*(\r\n|\r|\n|$)").match(text, at)
        if blank is not None and (blank[1] or blank.end() == len(text)):
            at = blank.end()
            records.append(Record([], odd=True))
            continue
        record = Record([])
        begun = at
        while True:
            while text[at : at + 1] and text[at] in space:
                at += 1
            if text[at : at + 1] == '"':
                at += 1
                cell = ""
                while True:
                    if at >= len(text):
                        raise UnreadableError("TP111")
                    if text[at] == '"' and text[at + 1 : at + 2] == '"':
                        cell += '"'
                        record.odd = True
                        at += 2
                    elif text[at] == '"':
                        at += 1
                        break
                    else:
                        record.odd = record.odd or text[at] in "\r\n"
                        cell += text[at]
                        at += 1
                start = at
                while at < len(text) and text[at] not in (delimiter, "\r", "\n"):
                    at += 1
                record.junk = record.junk or text[start:at].strip(" \t") != ""
                record.cells.append(cell)
            else:
                start = at
                while at < len(text) and text[at] not in (delimiter, "\r", "\n"):
                    at += 1
                record.cells.append(text[start:at].strip(" \t"))
            if text[at : at + 1] != delimiter:
                break
            at += 1
        record.text = text[begun:at]
        if text[at : at + 2] == "\r\n":
            record.odd = True
            at += 2
        elif at < len(text):
            at += 1
        else:
            record.ended = False
        if not record.junk and not any(cell.strip(WHITE) for cell in record.cells):
            record = Record([])  # delimiters alone
        records.append(record)
    return records


# XML


def _tree(data: bytes, root_name: str) -> etree._Element:
    if not data:
        raise UnreadableError("TP102")
    if re.match(rb"(?s)(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*<!DOCTYPE", data):
        raise UnreadableError("TP110")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise UnreadableError("TP109") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError("TP110")
    if _local(root.tag) != root_name:
        raise UnreadableError("TP113")
    return root


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _is_element(node: etree._Element) -> bool:
    return isinstance(node.tag, str)


def _attributes(element: etree._Element) -> list[tuple[str, str, bool]]:
    """Local name, text, and whether it is in a namespace; empty ones are as good as absent."""
    return [(_local(name), str(text), str(name).startswith("{")) for name, text in element.attrib.items() if text]


def _root_attributes(root: etree._Element) -> list[tuple[str, str]]:
    """Local name and text of what the root says, without XML's own plumbing."""
    plumbing = "{http://www.w3.org/"
    return [(_local(name), str(text)) for name, text in root.items() if text and not str(name).startswith(plumbing)]


def _says_something(text: str | None) -> bool:
    return text is not None and text.strip(" \t\r\n") != ""


def read_xml(data: bytes, options: Options) -> Reading:
    reading = Reading(options)
    root = _tree(data, "dataValueSet")
    known = {*SCHEME_KEYS, "dataSet", "completeDate", "period", "orgUnit", "attributeOptionCombo"}
    written_top: dict[str, str] = {}
    for name, text in _root_attributes(root):
        if name in written_top:
            reading.must[f"TP402 {name}"] += 1
            continue
        written_top[name] = text
        if name in ("importStrategy", "strategy"):
            _strategy(reading, name, text)
    known |= {*NO_PLACE_IN_HEADERS, "attributeCategoryOptions", "deletion"}
    top = {name: str(value) for name, value in _settled(reading, written_top, known).items()}
    for name in ("dataSet", "period", "orgUnit", "attributeOptionCombo"):
        if name in top:
            top[name] = trimmed(top[name]) or ""
    head = Head(top.get("dataSet") or options.data_set)
    head.period = _header_period(reading, top.get("period"), intervals=True)
    head.org_unit = top.get("orgUnit") or None
    head.aoc = top.get("attributeOptionCombo") or None
    reading.schemes = _file_schemes(top)
    reading.data_set = head.data_set
    complete(reading, top.get("completeDate"), head)
    rows: list[etree._Element] = []
    _collect(root, rows, reading)
    for index, row in enumerate(rows):
        attributes = [(name, text) for name, text, _ in _attributes(row)]
        draft = Draft(index, original=dict(reversed(attributes)))
        seen: set[str] = set()
        for written, text in attributes:
            named = (ROW_NAMES[written], 0, False) if written in ROW_NAMES else called(written)
            if written in seen:
                if named and named[1] < 2 and named[0] in ROW_NAMES:
                    draft.notices.add("TP402")
                else:
                    reading.may["TP402"] += 1
                continue
            seen.add(written)
            _xml_field(reading, draft, written, text, named if named and named[0] != "dataSet" else None)
        stand_in(draft, reading, {})
        if _says_something(row.text) or any(_is_element(child) or _says_something(child.tail) for child in row):
            _pass_over(reading)
        judge(draft, head, reading)
    return reading


def _xml_field(reading: Reading, draft: Draft, written: str, text: str, named: tuple[str, int, bool] | None) -> None:
    """Take an attribute of a row for what it is."""
    if named is None:
        reading.leave_out(written, text, draft)
        return
    name, rank, _ = named
    if name in STAMPS:
        if name not in draft.stamps:
            draft.stamps.add(name)
            reading.drop(name)
        return
    if rank > 1:
        draft.stand_ins.append((rank, name, written, text))
        return
    if rank:
        reading.taken[written] = name
    if name in ("followUp", "deleted") and text.strip(WHITE).lower() not in ("", "true", "false"):
        draft.reasons.add("TP308")
    if not agrees(draft, name, text.lower() if name in ("followUp", "deleted") else text):
        return
    if name == "categoryOptionCombo":
        draft.coc = text
    elif name == "attributeOptionCombo":
        draft.aoc = text
    else:
        draft.texts[name] = text


def _collect(element: etree._Element, rows: list[etree._Element], reading: Reading) -> None:
    """All data values below `element`, at any depth but not in one another."""
    if _says_something(element.text):
        _pass_over(reading)
    for child in element:
        if _says_something(child.tail):
            _pass_over(reading)
        if not _is_element(child):
            continue
        if _local(child.tag) == "dataValue":
            rows.append(child)
            continue
        before = len(rows)
        _collect(child, rows, reading)
        if len(rows) == before:
            _pass_over(reading)


def _pass_over(reading: Reading) -> None:
    """Notice content without a meaning; how often is not held, as a text may be one or many."""
    reading.must["TP418"] += 1
    reading.may["TP418"] += 1_000_000


# ADX

UNREAD_COMPLETIONS = ("completedDate", "dataSetComplete")
GROUP_NAMES = ("dataSet", "period", "orgUnit", "attributeOptionCombo", "completeDate")
ADX_PASSED_OVER = ("period", "orgUnit", "dataSet", "attributeOptionCombo")


def read_adx(data: bytes, options: Options) -> Reading:
    reading = Reading(options)
    root = _tree(data, "adx")
    plumbing = "{http://www.w3.org/"
    for full_name, text in root.items():
        if text and not str(full_name).startswith(plumbing):
            if str(full_name).startswith("{") or str(full_name) not in (*NO_PLACE_IN_HEADERS, *STAMPS):
                reading.leave_out(_local(full_name), "x")
            else:
                reading.drop(_local(full_name))
    _adx_content(root, None, reading)
    if "TP419" in reading.must or "TP419" in reading.may:
        for notice in [notice for notice in reading.must if notice.startswith("TP421 ")]:
            if called(notice.removeprefix("TP421 ")) is None:
                reading.may[notice] += reading.must.pop(notice)
    return reading


def _adx_content(element: etree._Element, group: tuple[Head, etree._Element] | None, reading: Reading) -> None:
    """Read what stands in the root, in a group, or in an element that means nothing."""
    if _says_something(element.text):
        _pass_over(reading)
    for child in element:
        if _says_something(child.tail):
            _pass_over(reading)
        if not _is_element(child):
            continue
        before = reading.read
        if _local(child.tag) == "dataValue" and group is not None:
            judge(_adx_row(reading, child, group[1], group[0]), group[0], reading)
        elif _local(child.tag) == "group":
            _adx_content(child, (_adx_group(reading, child), child), reading)
        else:
            _adx_content(child, group, reading)
            if reading.read == before:
                _pass_over(reading)


def _adx_group(reading: Reading, group: etree._Element) -> Head:
    draft = Draft(-1)
    others: dict[str, str] = {}
    for name, text, in_namespace in _attributes(group):
        named = (name, 0, False) if name in (*GROUP_NAMES, "comment") else called(name)
        if named and (named[2] or (named[1] and named[0] not in KIND_OF and named[0] != "period")):
            named = None
        if named and named[0] in ("dataElement", "categoryOptionCombo"):
            named = None
        if in_namespace:
            reading.leave_out(name, text, draft)
        elif name == "comment":
            reading.drop(name, text)
        elif name in UNREAD_COMPLETIONS:
            reading.drop(name, text)
            reading.must[f"TP437 {name}"] += 1
        elif named is None:
            others[name] = text
        else:
            _xml_field(reading, draft, name, text, named)
    if draft.aoc is not None:
        draft.texts["attributeOptionCombo"] = str(draft.aoc)
    notices: set[str] = set()
    aoc = _adx_combo(reading, draft, draft.texts.get("attributeOptionCombo"), others, notices)
    stand_in(draft, reading, {"attributeOptionCombo": aoc} if aoc is not None else {})
    known = {name: text.strip(WHITE) for name, text in draft.texts.items() if text and text.strip(WHITE)}
    head = Head(known.get("dataSet") or reading.options.data_set, org_unit=known.get("orgUnit"))
    aoc = head.group_combo = tidied(aoc)
    head.left_out, head.reasons, head.said = draft.left_out, draft.reasons, draft.said
    if "period" in known:
        found = periods.parse_interval(known["period"])
        if found is None:
            head.without_period = "TP304"
        else:
            head.period = found[0].iso
            if found[1]:
                notices.add("TP406 period")
    head.aoc = aoc if aoc is not None else tidied(draft.aoc)
    head.notices = frozenset(notices)
    complete(reading, known.get("completeDate"), head)
    return head


def _adx_combo(reading: Reading, draft: Draft, combo: str | None, others: dict[str, str], notices: set[str]) -> Combo:
    if combo is None:
        found: Pairs = tuple(sorted(others.items()))
        return found or None
    if others:
        notices.add("TP419")
    for name, text in others.items():
        reading.leave_out(name, text, draft)
    return combo


def _adx_row(reading: Reading, element: etree._Element, group: etree._Element, head: Head) -> Draft:
    original: dict[str, object] = {str(name): text for name, text in element.items() if text}
    original["group"] = {str(name): text for name, text in group.items() if text}
    draft = Draft(reading.read, original=original, left_out=dict(head.left_out), reasons=set(head.reasons))
    others: dict[str, str] = {}
    for name, text, in_namespace in _attributes(element):
        exact = name in ROW_NAMES or name == "dataSet"
        named = (ROW_NAMES.get(name, name), 0, False) if exact else called(name)
        if named and named[2]:
            named = None
        if in_namespace or (named and named[0] in ADX_PASSED_OVER):
            reading.leave_out(name, text, draft)
        elif named is None:
            others[name] = text
        else:
            _xml_field(reading, draft, name, text, named)
    combo = draft.coc if isinstance(draft.coc, str) else None
    draft.coc = _adx_combo(reading, draft, combo, others, draft.notices)
    stand_in(draft, reading, {"categoryOptionCombo": draft.coc} if draft.coc is not None else {})
    children = [child for child in element if _is_element(child)]
    annotations = [child for child in children if _local(child.tag) == "annotation"]
    if annotations:
        text = annotations[0].text or ""
        if text and (draft.text("value") or "0") != "0":
            draft.notices.add("TP405 annotation")
        draft.texts["value"] = text
        if text:
            original["annotation"] = text
    inside = [child for annotation in annotations for child in annotation]
    if (
        len(children) > len(annotations[:1])
        or any(_is_element(child) for child in inside)
        or _says_something(element.text)
        or any(_says_something(child.tail) for child in [*element, *inside])
    ):
        _pass_over(reading)
    return draft


READERS = {"dxf-json": read_json, "dxf-csv": read_csv, "dxf-xml": read_xml, "adx": read_adx}


def read(data: bytes, source_format: str, options: Options | None = None) -> Reading:
    reading = READERS[source_format](data, options or Options())
    settle(reading, "CODE" if source_format == "adx" else "UID")
    _tell_the_rarest_together(reading)
    return reading


def _tell_the_rarest_together(reading: Reading) -> None:
    """Of many names that are not understood, those of the most rows are given one by one."""
    names = sorted((-count, notice) for notice, count in reading.must.items() if notice.startswith("TP421 "))
    for count, notice in names[NAMES_SHOWN:]:
        del reading.must[notice]
        reading.must["TP421"] -= count
