"""The JSON scanner against the standard library's parser: what it accepts, and what the rows mean.

Random documents in all the ways JSON can be written, and mutations of them, are read in blocks of random sizes; a plain
reading of what `json` makes of the same bytes must give the same rows, or a fault where `json` sees one too.
`json` is made strict: no NaN or Infinity, numbers by their literal, repeated keys seen.
`TALLYPORT_JSON_CASES` says how many documents.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest

from support import fuzz
from support.scanned import Read, Row, as_counted, opened, read_all, too_long, trimmed
from tallyport_converters.model.combos import Combo, identified, mapped
from tallyport_converters.native.batch import field_named
from tallyport_converters.readers.dxf_json import DxfJson
from tallyport_converters.readers.reader import Number
from tallyport_schemas.finding import WHITE, SourceUnreadable

CASES = int(os.environ.get("TALLYPORT_JSON_CASES", "10000"))
SEED = int(os.environ.get("TALLYPORT_FUZZ_SEED", "1"))

# Documents

STRINGS = (
    *(
        "",
        "a",
        "de1",
        "ou1",
        "202401",
        "0",
        "1",
        "12.5",
        "true",
        "false",
        "TRUE",
        "False",
        "null",
        " ",
        "\t",
        " x ",
        "é",
    ),
    *(
        "日本",
        "😀",
        "\0",
        "a\0b",
        "\ud800",
        "\udc00x",
        "\ud83d",
        '"',
        "\\",
        "/",
        "\n",
        "\r\n",
        "\x08\x0c",
        "\x7f",
        "\x85",
    ),
    *("\u2028", "\ufffd", "\ufffe", "},{", '"},{"', "[", "\\u0041", "y" * 40, "\x1f"),
)
NUMBERS = ("0", "1", "-1", "12.50", "1e3", "1E+05", "-0.0", "1e999999", "9" * 40, "0.1e-7", "20" * 20)
BAD = (
    "01",
    "1.",
    ".5",
    "+1",
    "NaN",
    "Infinity",
    "-Infinity",
    "nul",
    "True",
    "'a'",
    '"\t"',
    '"\\x"',
    '"\\u12"',
    "-",
    "1e",
    "",
)
FIELDS = (
    "dataElement",
    "period",
    "orgUnit",
    "categoryOptionCombo",
    "attributeOptionCombo",
    "value",
    "comment",
    "deleted",
)
FOLLOW_UPS = ("followUp", "followup", "follow_up", "flwup")
STAMPS = ("storedBy", "created", "lastUpdated")
OTHERS = ("other", "dataSet", "Elements", "", "value2", "täglich", "a\0b")


class Writer:
    """Writes one random document; rows mostly have the same keys, spaced alike."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.style = rng.randrange(3)
        self.gaps = [rng.choice(("", "", " ", "\n  ")) for _ in range(8)]

    def gap(self, place: int) -> str:
        if self.rng.random() < 0.93:
            return self.gaps[place]
        return self.rng.choice(("", " ", "\n", "\t", "\r", " \r\n\t  "))

    def string(self, text: str) -> str:
        rng = self.rng
        plain = self.style < 2 and not any("\ud800" <= c <= "\udfff" for c in text)
        out = json.dumps(text, ensure_ascii=not plain or rng.random() < 0.2)
        if self.style == 2 and rng.random() < 0.3:
            out = '"' + "".join(self.character(c) for c in text) + '"'
        return out

    def character(self, c: str) -> str:
        if c > "\uffff":
            return json.dumps(c)[1:-1]
        if c == "/" and self.rng.random() < 0.5:
            return "\\/"
        return f"\\u{ord(c):04{self.rng.choice('xX')}}"

    def value(self, depth: int = 0) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.72:
            return self.string(rng.choice(STRINGS))
        if kind < 0.84:
            return rng.choice(NUMBERS)
        if kind < 0.94:
            return rng.choice(("true", "false", "null"))
        if kind < 0.9405:
            return rng.choice(BAD)
        if depth > 3:
            return rng.choice(("{}", "[]"))
        if rng.random() < 0.4:
            return self.array([self.value(depth + 1) for _ in range(rng.randrange(3))])
        return self.object([(rng.choice(STRINGS), self.value(depth + 1)) for _ in range(rng.randrange(3))])

    def object(self, members: list[tuple[str, str]]) -> str:
        inner = ",".join(
            f"{self.gap(0)}{self.string(key)}{self.gap(1)}:{self.gap(2)}{text}{self.gap(3)}" for key, text in members
        )
        return "{" + (inner or self.gap(4)) + "}"

    def array(self, items: list[str]) -> str:
        return (
            "[" + ",".join(f"{self.gap(5)}{item}{self.gap(6)}" for item in items) + (self.gap(7) if items else "") + "]"
        )

    def row(self, keys: list[str]) -> str:
        rng = self.rng
        if rng.random() < 0.02:
            return self.value()
        members = []
        for key in keys:
            if rng.random() < 0.1:
                continue
            if key in ("deleted", *FOLLOW_UPS) and rng.random() < 0.9:
                members.append((key, rng.choice(("true", "false", '"true"', '"FALSE"', "null", '""'))))
            elif key in FIELDS[3:5] and rng.random() < 0.3:
                options = [
                    (rng.choice(STRINGS[1:6]), self.string(rng.choice(STRINGS[1:6]))) for _ in range(rng.randrange(3))
                ]
                members.append((key, self.object(options)))
            elif key in FIELDS and rng.random() < 0.7:
                members.append((key, self.string(rng.choice(STRINGS[1:8]))))
            else:
                members.append((key, self.value()))
        if members and rng.random() < 0.05:
            members.append((rng.choice(members)[0], self.value()))
        return self.object(members)

    def write(self) -> bytes:
        rng = self.rng
        keys = [key for key in FIELDS if rng.random() < 0.8]
        keys += [key for key in (*FOLLOW_UPS, *STAMPS, *OTHERS) if rng.random() < 0.12]
        if rng.random() < 0.4:
            rng.shuffle(keys)
        rows = self.array([self.row(keys) for _ in range(rng.choice((0, 1, 2, 3, 5, 9)))])
        members = [
            (name, self.string(rng.choice([text for text in STRINGS if storable(text)])))
            for name in ("dataSet", "period", "orgUnit")
            if rng.random() < 0.15
        ]
        members += [(rng.choice(OTHERS), self.value()) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
        members = [(name, text) for name, text in members if name != "dataSet" or text[:1] == '"']
        members.insert(rng.randint(0, len(members)), ("dataValues", rows))
        if rng.random() < 0.02:
            members.append(("dataValues", rng.choice(("[]", "null", "{}"))))
        text = self.gap(0) + self.object(members) + rng.choice(("", "", "\n", " \t\r\n"))
        return (b"\xef\xbb\xbf" if rng.random() < 0.05 else b"") + text.encode()


# The plain reading


class Members(list[tuple[str, Any]]):
    """An object as its pairs, in order."""


def storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def parsed(data: bytes) -> Any:
    """Raises ValueError for what is no JSON."""

    def never(constant: str) -> None:
        raise ValueError(constant)

    text = data.decode().removeprefix("\ufeff")
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=never, object_pairs_hook=Members)


def plain(document: Members) -> Read:
    """Return the rows of a document by the rules of docs/formats."""
    read = Read()
    rows = next((value for key, value in document if key == "dataValues"), None) or []
    for number, row in enumerate(rows):
        read.rows.append(plain_row(row, number, read) if isinstance(row, Members) else None)
    return read


def shown(name: str) -> str:
    return "".join(c if storable(c) else "\ufffd" for c in name)


def said(value: Any) -> bool:
    return (value is not None and value != "") or isinstance(value, list)


def plain_row(row: Members, number: int, read: Read) -> Row | None:
    fields: dict[str, Any] = {}
    others: dict[str, Any] = {}
    repeated = False
    for key, value in row:
        if key in (*FIELDS, *STAMPS, *FOLLOW_UPS):
            if key not in STAMPS and isinstance(value, str) and not isinstance(value, Number):
                value = trimmed(key, value)
            repeated |= key in fields
            fields.setdefault(key, value)
        else:
            others.setdefault(shown(key), value)  # two that are shown alike are one: the first stands
    read.dropped.update(name for name in others if said(others[name]))
    read.dropped.update(name for name in STAMPS if said(fields.get(name)))
    good = True
    combos: dict[str, Combo | None] = {}
    for name in ("categoryOptionCombo", "attributeOptionCombo"):
        value = fields.pop(name, None)
        if isinstance(value, Members):
            value = Members((c.strip(WHITE), o.strip(WHITE) if type(o) is str else o) for c, o in value)
            repeated |= len({shown(category) for category, _ in value}) < len(value)
            good &= all(c and fit(o) and o and storable(c) for c, o in value)
            combos[name] = mapped(dict(reversed(value))) if value and good else None
        else:
            good &= value is None or fit(value)
            combos[name] = identified(value) if value and isinstance(value, str) else None
            if isinstance(value, Number):
                read.note("TP403", 1, number)
    if repeated:
        read.note("TP402", 1, number)
    good &= all(fields.get(name) is None or fit(fields[name]) for name in FIELDS[:3])
    texts = {}
    for name in ("value", "comment"):
        value = fields.get(name)
        texts[name] = str(value).lower() if isinstance(value, bool) else value
        good &= value is None or isinstance(value, bool) or (fit(value) and not too_long(value))
    flags = {}
    for name, spellings in (("followUp", FOLLOW_UPS), ("deleted", ("deleted",))):
        given = [found for key in fields if key in spellings and (found := truth(fields[key])) is not None]
        flags[name] = given[0] if given else None
        good &= "none" not in given and len(set(given)) < 2  # one field by two names has to agree
    read.dropped["followup=false"] += flags["followUp"] is False
    good &= bool(fields.get("dataElement"))
    good &= bool(texts["value"] or texts["comment"] or flags["deleted"] is True)
    if not good:
        return None
    if texts["value"] and not texts["value"].strip(WHITE):
        read.note("TP404", 1, number)
    return Row(
        fields["dataElement"],
        fields.get("period") or "",
        fields.get("orgUnit") or "",
        combos["categoryOptionCombo"],
        combos["attributeOptionCombo"],
        "",
        texts["value"] or "",
        texts["comment"] or "",
        flags["followUp"],
        bool(flags["deleted"]),
    )


def fit(value: Any) -> bool:
    return isinstance(value, str) and storable(value)


def truth(value: Any) -> Any:
    if value is None or (value == "" and isinstance(value, str)):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, Number):
        return {"true": True, "false": False}.get(value.lower(), "none")
    return "none"


# The comparison


def scanned(data: bytes, block_bytes: int) -> Read | SourceUnreadable:
    with opened(data) as source:
        try:
            return read_all(DxfJson(source), block_bytes)
        except SourceUnreadable as error:
            return error


def called(name: str) -> bool:
    """Whether a field is known by a name that is not DHIS2's own."""
    return name not in (*FIELDS, *STAMPS, *FOLLOW_UPS, "dataSet") and field_named(name) is not None


def compared(data: bytes, block_bytes: int) -> bool:
    """Compare the two ways of reading; returns whether the document was accepted."""
    found = scanned(data, block_bytes)
    try:
        document = parsed(data)
    except ValueError:
        assert isinstance(found, SourceUnreadable)
        return False
    if isinstance(found, SourceUnreadable):
        names = [key for key, _ in document] if isinstance(document, Members) else []
        rows = [value for key, value in document if key == "dataValues"] if names else []
        if found.finding.code == "TP108":
            assert len(rows) > 1
        else:
            is_odd = any(value is not None and type(value) is not list for value in rows)
            odd_header = any(key in ("dataSet", "period", "orgUnit") for key in names)
            states = {"dataValues", "dataSet", "completeDate", "deletion"} & set(names)
            no_set = not states and not {"period", "orgUnit"} <= set(names)
            assert found.finding.code == "TP113"
            assert no_set or not isinstance(document, Members) or is_odd or odd_header or len(names) > len(set(names))
        return False
    rows = [row for row in dict(document).get("dataValues") or () if isinstance(row, Members)]
    if any(called(key) for row in rows for key, _ in row):
        return True  # names that are not DHIS2's own are the twin's matter
    wanted = plain(document)
    assert found.rows == wanted.rows
    assert +(found.dropped - found.header.dropped - found.header.left_out) == as_counted(wanted.dropped)
    told = {finding.code for finding in found.header.findings}
    for code in found.notices.keys() | wanted.notices.keys():
        assert code in told or found.notices.get(code) == wanted.notices.get(code)
    return True


@pytest.mark.parametrize("part", range(5))
def test_the_scanner_reads_json_as_json_does(part: int) -> None:
    cases, accepted = CASES // 5, 0
    for number in range(part * cases, (part + 1) * cases):
        rng = random.Random(f"json {SEED} {number}")
        data = Writer(rng).write()
        if rng.random() < 0.4:
            data = fuzz.mutated(rng, data, data) or b" "
        if data[:2] in (b"\x1f\x8b", b"PK"):
            continue
        try:
            accepted += compared(data, rng.choice((16, 20, 50, 200, 1_000, 1 << 16)))
        except Exception as error:
            raise AssertionError(f"document {number}: {data!r}") from error
    assert accepted > 0.4 * cases


def test_names_that_are_shown_alike_are_one() -> None:
    row = rb'{"dataElement":"a","value":"1","\ud800":"a","\ud83d":"b"}'
    assert compared(b'{"dataValues":[%s,%s]}' % (row, row.replace(b'"a",', b'"",', 1)), 1_000)


@pytest.mark.parametrize("block_bytes", [16, 1_000])
@pytest.mark.parametrize("levels", [253, 254, 255, 300, 100_000])
def test_nesting_beyond_256_levels_is_refused(levels: int, block_bytes: int) -> None:
    data = b'{"a":%s%s,"dataValues":[]}' % (b"[" * levels, b"]" * levels)
    found = scanned(data, max(block_bytes, levels // 2))
    assert isinstance(found, SourceUnreadable) == (levels > 255)
    if isinstance(found, SourceUnreadable):
        assert (found.finding.code, found.finding.expected) == ("TP108", "at most 256 levels")
