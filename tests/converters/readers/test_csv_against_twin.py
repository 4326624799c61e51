"""The CSV scanner against the plain splitter (`readers.csv_records.cells`), record by record, on random text.

`TALLYPORT_CSV_CASES` says how many texts.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator

import pytest

from support import fuzz
from support.scanned import Read, Row, as_counted, opened, read_all, too_long, trimmed
from tallyport_converters.model.combos import Combo, identified, listed, mapped
from tallyport_converters.native.abi import COLUMN_AGAIN, Column, Kind
from tallyport_converters.readers.dxf_csv import DxfCsv
from tallyport_converters.text.csv_records import Cell, cells
from tallyport_schemas.finding import WHITE, SourceUnreadable

CASES = int(os.environ.get("TALLYPORT_CSV_CASES", "10000"))
SEED = int(os.environ.get("TALLYPORT_FUZZ_SEED", "1"))

COLUMNS = ("dataElement", "period", "orgUnit", "catoptcombo", "attributeOptionCombo", "value", "comment", "followUp")
MORE = (
    "deleted",
    "storedBy",
    "created",
    "lastUpdated",
    "attributeCombo",
    "attributeOptions",
    "AGE",
    "SEX",
    "",
    "value",
)
PLAIN = ("", "", "a", "de1", "ou1", "202401", "1", "12.5", "true", "FALSE", "null", "NULL", "x y", "é", "日本", "😀")
ODD = (
    " ",
    "\t",
    "  a ",
    '""',
    '"a"',
    '"a,b;c"',
    '"a""b"',
    '""""',
    '"\n"',
    '"a\r\nb"',
    '"null"',
    '" a "',
    'a"b',
    '"a" ',
)
BROKEN = ('"a"b', '"', "\0", "a\0b", '"a\0"', '" "x', "\x85", "\u2028", "\x0b", "\ufeff", "'", "\\", "\x1c", "n" * 90)


def text(rng: random.Random) -> bytes:
    delimiter = rng.choice(",,,;\t")
    names = [name for name in COLUMNS if name in ("dataElement", "value") or rng.random() < 0.8]
    names += [name for name in MORE if rng.random() < 0.12]
    if rng.random() < 0.5:
        rng.shuffle(names)
    odd = rng.choice((0.0, 0.1, 0.4))
    ends = rng.choice((("\n",), ("\r\n",), ("\r",), ("\n", "\r\n", "\r"), ("\n", "\n", "\n\n", "\n \t\n", "\r\r\n")))
    out = f"sep={delimiter}\n" if rng.random() < 0.6 else ""
    out += delimiter.join(names) + rng.choice(ends)
    for _ in range(rng.choice((0, 1, 2, 4, 8))):
        width = len(names) if rng.random() < 0.9 else rng.randint(0, len(names) + 3)
        row = [rng.choice(PLAIN if rng.random() >= odd else ODD) for _ in range(width)]
        if row and rng.random() < odd / 3:
            row[rng.randrange(width)] = rng.choice(BROKEN)
        out += delimiter.join(row) + rng.choice(ends)
    if rng.random() < 0.3:
        out = out.rstrip("\r\n")
    return (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + out.encode()


def records(body: str, delimiter: str) -> Iterator[tuple[list[Cell], str, str] | None]:
    """Yield (cells, raw text, line end) of each record, None for a blank line.

    Raises:
        ValueError: a quote stays open.
    """
    at = 0
    while at < len(body):
        line = re.compile(r"[ \t]*(?:\r\n|\r|\n|\Z)").match(body, at)
        if line:
            yield None
            at = line.end()
            continue
        found, end = cells(body[at:], delimiter)
        raw = body[at : at + end]
        if is_open(raw, delimiter):
            raise ValueError(raw)
        at += end
        line_end = "\r\n" if body[at : at + 2] == "\r\n" else body[at : at + 1]
        yield found, raw, line_end
        at += len(line_end)


def is_open(raw: str, delimiter: str) -> bool:
    """Tell whether a record ends within quotes: they are told apart character by character."""
    state = "start"
    for c in raw:
        if state == "quoted":
            state = "behind" if c == '"' else "quoted"
        elif c == delimiter:
            state = "start"
        elif state == "behind":
            state = "quoted" if c == '"' else "after"
        elif state == "start":
            state = "quoted" if c == '"' else "start" if c in " \t" else "plain"
    return state == "quoted"


def plain(reader: DxfCsv, body: str, delimiter: str) -> Read:
    """Return the rows of a text by the rules of docs/formats."""
    read = Read()
    for record in records(body, delimiter):
        number = len(read.rows)
        if record is None:
            read.note("TP409", 1, number)
            continue
        found, raw, line_end = record
        if not any(cell.trailing or cell.text.strip(WHITE) for cell in found):
            continue  # delimiters alone
        inside = any("\n" in cell.text or "\r" in cell.text for cell in found)
        if line_end == "\r\n" or doubled(raw, delimiter) or inside:
            read.note("TP409", 1, number)
        if any(cell.text == "null" for cell in found):
            read.note("TP407", 1, number)
        if not line_end and len(found) < len(reader.columns.names):
            read.note("TP411", 1, number)
        read.rows.append(plain_row(reader, found, number, read))
    return read


def doubled(raw: str, delimiter: str) -> bool:
    """Tell whether a quote is doubled within a quoted cell."""
    state = "start"
    for c in raw:
        if state == "quoted":
            state = "behind" if c == '"' else "quoted"
        elif state == "behind" and c == '"':
            return True
        elif c == delimiter:
            state = "start"
        elif state == "behind":
            state = "after"
        elif state == "start":
            state = "quoted" if c == '"' else "start" if c in " \t" else "plain"
    return False


def _name(meaning: int) -> str:
    return "value" if meaning == Column.VALUE else ""


def plain_row(reader: DxfCsv, found: list[Cell], number: int, read: Read) -> Row | None:
    kinds: dict[int, str] = {}
    options: list[tuple[str, str]] = []
    good = not any(cell.trailing for cell in found)
    names = set()
    for i, cell in enumerate(found):
        meaning = reader.columns.meanings[i] if i < len(reader.columns.meanings) else None
        if meaning is not None and meaning >= COLUMN_AGAIN:
            meaning -= COLUMN_AGAIN
            said = cell.text.lower() if meaning in (Column.FOLLOWUP, Column.DELETED) else cell.text
            good &= kinds.get(meaning, said) in (said, cell.text) and "\0" not in cell.text
            if meaning in kinds or cell.text == "null":
                continue
        if not cell.text or cell.text == "null" or meaning == Column.PASSED:
            continue
        if meaning is None:
            names.add("(surplus cells)")
        elif meaning in (Column.DROPPED, Column.COUNTED):
            names.add(reader.columns.names[i])
        elif meaning == Column.CATEGORY:
            options.append((reader.columns.names[i], cell.text))
            good &= "\0" not in cell.text
        else:
            kinds[meaning] = cell.text if meaning >= Column.ATTRIBUTE_COMBO else trimmed(_name(meaning), cell.text)
            if meaning == Column.ATTRIBUTE_COMBO:
                names.add(reader.columns.names[i])
            if meaning not in (Column.STORED_BY, Column.CREATED, Column.LAST_UPDATED):
                good &= "\0" not in cell.text
    kinds = {meaning: text for meaning, text in kinds.items() if text or meaning >= Column.VALUE}
    if Kind.COC in kinds:
        names |= {name for name, _ in options}
    options = [(name, text.strip(WHITE)) for name, text in options if text.strip(WHITE)]
    if Kind.AOC in kinds and Column.ATTRIBUTE_OPTIONS in kinds:
        names.add(reader.columns.names[reader.columns.meanings.index(Column.ATTRIBUTE_OPTIONS)])
    read.dropped.update(names)
    stamps = {Column.STORED_BY: "storedBy", Column.CREATED: "created", Column.LAST_UPDATED: "lastUpdated"}
    read.dropped.update(name for column, name in stamps.items() if column in kinds)
    flags: dict[Column, bool | None] = {}
    for column in (Column.FOLLOWUP, Column.DELETED):
        word = kinds.get(column, "").lower()
        flags[column] = {"": None, "true": True, "false": False}.get(word)
        good &= word in ("", "true", "false")
    read.dropped["followup=false"] += flags[Column.FOLLOWUP] is False
    listed_options = [part for part in re.split("[ \t]", kinds.get(Column.ATTRIBUTE_OPTIONS, "")) if part]
    if listed_options and Kind.AOC not in kinds:
        read.note("TP416", 1, number)
    value, comment = kinds.get(Column.VALUE, ""), kinds.get(Column.COMMENT, "")
    good &= Kind.DE in kinds and bool(value or comment or flags[Column.DELETED])
    good &= not too_long(value) and not too_long(comment)
    if not good:
        return None
    if value and not value.strip(WHITE):
        read.note("TP404", 1, number)
    coc: Combo | None = mapped(dict(reversed(options))) if options else None
    aoc: Combo | None = None
    if Kind.COC in kinds:
        coc = identified(kinds[Kind.COC])
    if Kind.AOC in kinds:
        aoc = identified(kinds[Kind.AOC])
    elif listed_options:
        aoc = listed(listed_options, kinds.get(Column.ATTRIBUTE_COMBO, ""))
    return Row(
        kinds[Kind.DE],
        kinds.get(Kind.PE, ""),
        kinds.get(Kind.OU, ""),
        coc,
        aoc,
        "",
        value,
        comment,
        flags[Column.FOLLOWUP],
        bool(flags[Column.DELETED]),
    )


def compared(data: bytes, block_bytes: int) -> bool:
    """Compare the two ways of reading; returns whether the text was accepted."""
    with opened(data) as source:
        try:
            reader = DxfCsv(source, has_header=True)
        except SourceUnreadable:
            return False
        found: Read | SourceUnreadable
        try:
            found = read_all(reader, block_bytes)
        except SourceUnreadable as error:
            found = error
        body = b"".join(bytes(block) for block in reader.blocks(1 << 20))
        delimiter = reader.layout.struct.delimiter
        try:
            wanted = plain(reader, body.decode(), chr(delimiter))
        except ValueError:
            assert isinstance(found, SourceUnreadable)
            assert found.finding.code in ("TP107", "TP111")
            return False
    assert isinstance(found, Read)
    assert found.rows == wanted.rows
    assert +(found.dropped - found.header.dropped - found.header.left_out) == as_counted(wanted.dropped)
    told = {finding.code for finding in found.header.findings}
    assert {code: n for code, n in found.notices.items() if code not in told} == wanted.notices
    return True


@pytest.mark.parametrize("part", range(5))
def test_the_scanner_splits_csv_as_the_plain_splitter_does(part: int) -> None:
    cases, accepted = CASES // 5, 0
    for number in range(part * cases, (part + 1) * cases):
        rng = random.Random(f"csv {SEED} {number}")
        data = text(rng)
        if rng.random() < 0.3:
            data = fuzz.mutated(rng, data, data) or b" "
        try:
            accepted += compared(data, rng.choice((16, 20, 50, 200, 1_000, 1 << 16)))
        except Exception as error:
            raise AssertionError(f"text {number}: {data!r}") from error
    assert accepted > 0.6 * cases
