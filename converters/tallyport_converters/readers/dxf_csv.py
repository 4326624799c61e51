"""DXF2 CSV reader: one record a value, columns told by a header row or by position.

Rules and leniencies: docs/formats/dxf-csv.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tallyport_converters.header import Header
from tallyport_converters.native import Batch, Buffer, Column, Fault, Kind, Layout, Notice, cut_csv
from tallyport_converters.readers.place import locate
from tallyport_converters.readers.reader import ReadPeriod, RejectedRow, explain_period, iso_period
from tallyport_converters.sources import HEAD_BYTES, Source
from tallyport_schemas.findings import Finding, SourceUnreadable, finding

DELIMITERS = ",;\t"

COLUMNS: Mapping[str, tuple[int, str]] = {
    alias: (meaning, name)
    for meaning, name, aliases in (
        (Kind.DE, "dataElement", "dataelement dataelelement de"),
        (Kind.PE, "period", "period pe"),
        (Kind.OU, "orgUnit", "orgunit organisationunit organizationunit ou source"),
        (Kind.COC, "categoryOptionCombo", "categoryoptioncombo catoptcombo coc"),
        (Kind.AOC, "attributeOptionCombo", "attributeoptioncombo attroptcombo aoc"),
        (Column.VALUE, "value", "value"),
        (Column.STORED_BY, "storedBy", "storedby strby"),
        (Column.CREATED, "created", "created"),
        (Column.LAST_UPDATED, "lastUpdated", "lastupdated lstupd timestamp"),
        (Column.COMMENT, "comment", "comment cmt"),
        (Column.FOLLOWUP, "followUp", "followup flwup"),
        (Column.DELETED, "deleted", "deleted"),
        (Column.ATTRIBUTE_COMBO, "attributeCombo", "attributecombo"),
        (Column.ATTRIBUTE_OPTIONS, "attributeOptions", "attributeoptions"),
    )
    for alias in aliases.split()
}
"""Known header cells, in lower case without spaces, `_` and `-`: their meaning and canonical name."""

POSITIONS = [
    "dataElement",
    "period",
    "orgUnit",
    "categoryOptionCombo",
    "attributeOptionCombo",
    "value",
    "storedBy",
    "lastUpdated",
    "comment",
    "followUp",
    "deleted",
]
"""The columns of a file without a header row."""

CATEGORIES_LIMIT = 256
"""Columns that name a category: as OPTIONS_LIMIT in scan_csv.c."""

_BOM = b"\xef\xbb\xbf"
_UNNAMED = {Column.CATEGORY, Column.ATTRIBUTE_COMBO, Column.ATTRIBUTE_OPTIONS}
_KEPT = {Kind.DE, Kind.PE, Kind.OU, Kind.COC, Kind.AOC, Column.VALUE, Column.COMMENT, Column.FOLLOWUP, Column.DELETED}


class Cell(NamedTuple):
    """One cell: its text, whether text stands behind its closing quote, whether DHIS2 2.43 would misread its quotes."""

    text: str
    trailing: bool = False
    misread: bool = False


def known_column(cell: str) -> tuple[int, str] | None:
    """Return the meaning and canonical name of a header cell, if it has one."""
    return COLUMNS.get(re.sub(r"[\s_-]", "", cell).lower())


def cells(record: str, delimiter: str) -> tuple[list[Cell], int]:
    """Split the first record of a text; returns its cells and where its line end starts.

    The plain form of what scan_csv.c does. An open quote takes all there is.
    """
    found: list[Cell] = []
    at, end = 0, len(record)
    cell_end = re.compile(f"[{delimiter}\r\n]|\\Z")
    while True:
        while at < end and record[at] in " \t" and record[at] != delimiter:
            at += 1
        start = at
        if at < end and record[at] == '"':
            # Quoted: up to a quote that none follows. Possessive, so that an open quote is no maze.
            quoted = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"').match(record, at)
            if not quoted:
                return [*found, Cell(record[at + 1 :].replace('""', '"'))], end
            at = _end(cell_end, record, quoted.end())
            misread = '""' in quoted[1] or "\n" in quoted[1] or "\r" in quoted[1]
            trailing = bool(record[quoted.end() : at].strip(" \t"))
            found.append(Cell(quoted[1].replace('""', '"'), trailing, misread))
        else:
            at = _end(cell_end, record, at)
            found.append(Cell(record[start:at].rstrip(" \t")))
        if at == end or record[at] != delimiter:
            return found, at
        at += 1


def _end(cell_end: re.Pattern[str], record: str, at: int) -> int:
    match = cell_end.search(record, at)
    assert match  # the text's end is one
    return match.start()


def not_utf8(what: str, found: str) -> Finding:
    """Say that text is not UTF-8; `found` begins with the first byte that is none, as an escape."""
    byte = bytes.fromhex(found[2:4]) if re.match(r"\\x[0-9a-f]{2}", found) else b""
    letter = byte.decode("cp1252", errors="ignore")
    looks = f"{found} ({letter} in Windows-1252)" if letter.isprintable() and letter else found
    help = 'save the file as UTF-8; Excel calls that "CSV UTF-8"'
    return finding("TP107", message=what, help=help, found=looks, expected="UTF-8")


def encoding_fault(head: bytes) -> str | None:
    """Return the name of an encoding that is not UTF-8, if `head` shows one."""
    if head[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "UTF-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    sample = head[:1024]
    for offset, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        half = sample[offset::2]
        if len(half) > 3 and half.count(0) > 0.9 * len(half):
            # Zeros alone say nothing: binary files, pictures for one, are full of them. Text has no control characters.
            text = sample.decode(encoding, errors="replace")
            if not any(char < " " and char not in "\t\r\n" for char in text):
                return "UTF-16 without a byte order mark"
    return None


class Start(NamedTuple):
    """How a CSV file begins: its delimiter and first record, and where that record starts and ends in bytes.

    `misread` tells whether DHIS2 2.43 would misread what stands before the record, and the record itself.
    """

    delimiter: str
    first: list[Cell]
    start: int
    end: int
    misread: tuple[bool, bool]


def begin(head: bytes) -> Start:
    """Read the first record of a file from its first bytes.

    Raises:
        SourceUnreadable: TP107 no UTF-8; TP111 no record; TP112 the record is longer than `head`.
    """
    if fault := encoding_fault(head):
        raise SourceUnreadable(finding("TP107", message=f"the CSV is {fault}", found=fault, expected="UTF-8"))
    start = len(_BOM) if head.startswith(_BOM) else 0
    delimiter, misread_before = "", False
    if match := re.compile(rb"sep=([,;\t])(\r\n|\r|\n)").match(head, start):
        delimiter, start = match[1].decode(), match.end()
        misread_before = match[2] == b"\r\n"
    blank = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*").match(head, start)
    if blank and blank[0]:
        start, misread_before = blank.end(), True
    # The scanner checks the records behind the first, and the head may end within a character.
    text = head[start:].decode(errors="surrogateescape")
    if not text.strip():
        raise SourceUnreadable(finding("TP102", message="the source holds nothing but white space"))
    if not delimiter:
        line = re.split(r"[\r\n]", re.sub(r'"[^"]*"?', "", text), maxsplit=1)[0]
        delimiter = max(DELIMITERS, key=line.count)
    first, end = cells(text, delimiter)
    if end == len(text) and len(head) >= HEAD_BYTES:
        raise SourceUnreadable(
            finding("TP112", message="the first record is too long", expected=f"fewer than {HEAD_BYTES:,} bytes")
        )
    if stray := re.search("[\udc80-\udcff]", text[:end]):
        where = start + len(text[: stray.start()].encode())
        found = head[where : where + 24].decode(errors="backslashreplace")
        raise SourceUnreadable(not_utf8(f"the CSV is not UTF-8 (byte {where})", found))
    size = len(text[:end].encode())
    line_end = re.compile(rb"\r\n|\r|\n").match(head, start + size)
    misread = any(cell.misread for cell in first) or bool(line_end and line_end[0] == b"\r\n")
    end_bytes = line_end.end() if line_end else start + size
    return Start(delimiter, first, start, end_bytes, (misread_before, misread))


def names_columns(first: list[Cell]) -> bool:
    """Tell whether a record is a header row: two of its cells name columns that are known."""
    return sum(known_column(cell.text) is not None for cell in first) >= 2


class DxfCsv:
    """Reads one DXF2 CSV source. `has_header`: None to tell by content."""

    format = "dxf-csv"
    default_scheme = "UID"
    first_state = 0
    next_state = 0

    def __init__(self, source: Source, *, has_header: bool | None = None) -> None:
        self.source = source
        self.header = Header()
        begun = begin(source.head())
        is_header = names_columns(begun.first) if has_header is None else has_header
        self._delimiter = begun.delimiter
        if begun.delimiter != ",":
            self.header.findings.append(finding("TP410", found=repr(begun.delimiter)))
        self._skip = begun.end if is_header else begun.start
        self._misread = begun.misread[0] or (is_header and begun.misread[1])
        self.columns = [cell.text for cell in begun.first] if is_header else POSITIONS
        self.meaning = self._meanings(is_header)
        names = [name.encode() for name in self.columns]
        self.layout = Layout(begun.delimiter.encode(), self.meaning, names, len(names) if is_header else 0)

    def _meanings(self, is_header: bool) -> list[int]:
        """Return what each column means, and name those without a name.

        Source: legacy-formats, CSV header names in 2.43; a later column of the same name wins, as there.
        """
        is_fixed = "categoryOptionCombo" in self.columns
        meanings: list[int] = []
        taken: dict[str, int] = {}
        for i, cell in enumerate(self.columns):
            known = known_column(cell)
            name = known[1] if known else cell
            meaning = known[0] if known else Column.DROPPED if is_fixed else Column.CATEGORY
            if not cell:
                self.columns[i] = name = f"(column {i + 1})"
                meaning = Column.DROPPED
            if name in taken:
                meanings[taken[name]] = Column.PASSED
                self.header.findings.append(
                    finding("TP408", field=cell, found=f"columns {taken[name] + 1} and {i + 1}")
                )
            taken[name] = i
            meanings.append(meaning)
        missing = [n for n in ("dataElement", "value") if n not in taken]
        if is_header and missing:
            raise SourceUnreadable(
                finding(
                    "TP111",
                    message=f"the header row names no column {' and no column '.join(missing)}",
                    help="name the columns as DHIS2 does, or say --no-header if this is no header row",
                    row=0,
                    found=", ".join(self.columns),
                    expected=", ".join(POSITIONS),
                )
            )
        self._check_names(meanings)
        return meanings

    def _check_names(self, meanings: list[int]) -> None:
        """Refuse a header row whose cells cannot be names.

        Raises:
            SourceUnreadable: TP107 invalid UTF-8, TP111 a NUL or more categories than a data value has.
        """
        categories = meanings.count(Column.CATEGORY)
        if categories > CATEGORIES_LIMIT:
            raise SourceUnreadable(
                finding(
                    "TP111",
                    message="the header row names too many columns that are none of DHIS2's",
                    row=0,
                    found=f"{categories:,} columns",
                    expected=f"at most {CATEGORIES_LIMIT}, one for each category",
                )
            )
        for i, name in enumerate(self.columns):
            if "\0" in name:
                message = f"a NUL stands in column {i + 1} of the header row"
                raise SourceUnreadable(finding("TP111", message=message, row=0, found=name, expected="a column's name"))
            # A head that was cut may end within a character, so it was decoded with surrogates for what is no UTF-8.
            if any("\ud800" <= c <= "\udfff" for c in name):
                message = f"the CSV is not UTF-8 (column {i + 1} of the header row)"
                raise SourceUnreadable(finding("TP107", message=message, row=0, found=name, expected="UTF-8"))

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the records behind the header."""
        skip = self._skip
        for block in self.source.blocks(size_bytes):
            if skip < len(block):
                yield block[skip:] if skip else block
            skip = max(0, skip - len(block))

    def cut(self, block: Buffer) -> int:
        """See `Reader`."""
        return cut_csv(block)

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        del state
        batch = Batch()
        batch.scan_csv(block, self.layout, final=final)
        return batch

    def take(self, batch: Batch, block: Buffer) -> None:
        """See `Reader`: rows of CSV say nothing of the header, but one notice is enough for both."""
        del block
        if self._misread:
            self._misread = all(notice is not Notice.CSV_MISREAD for notice, *_ in batch.notices())

    def context(self, batch: Batch, block: Buffer) -> bytes:
        """See `Reader`: rows of CSV need none."""
        del batch, block
        return b""

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`."""
        where, found = locate(self.source, offset + batch.fault_at + self._skip)
        if batch.fault is Fault.UTF8:
            return not_utf8(f"the CSV is not UTF-8 ({where})", found)
        message = f"a quoted cell is never closed: its row starts at {where}"
        return finding("TP111", message=message, row=batch.rows, found=found, expected="a closing quote")

    def period(self, text: str) -> ReadPeriod | None:
        """See `Reader`."""
        return iso_period(text)

    def explain_period(self, text: str) -> tuple[str, str | None]:
        """See `Reader`."""
        return explain_period(text), None

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        found, _ = cells(bytes(block[span]).decode(), self._delimiter)
        fields: dict[str, Any] = {}
        original: dict[str, str] = {}
        options: dict[str, str] = {}
        for i, cell in enumerate(found):
            if not cell.text:
                continue
            name = self.columns[i] if i < len(self.columns) else f"(column {i + 1})"
            original[name if name not in original else f"{name} (column {i + 1})"] = cell.text
            if i >= len(self.meaning) or cell.text == "null":
                continue
            if "\0" in cell.text and self.meaning[i] in _UNNAMED:
                fields[name] = cell.text  # unfit, even where an option combo wins over it
                continue
            known = known_column(name)
            if known and self.meaning[i] in _KEPT:
                fields[known[1]] = cell.text
            elif self.meaning[i] == Column.CATEGORY:
                options[name] = cell.text
        if options:
            fields.setdefault("categoryOptionCombo", options)
        is_faulty = any(cell.trailing for cell in found)
        if is_faulty:
            original["(row)"] = bytes(block[span]).decode()  # the cells lack what stands behind a quote
        return RejectedRow(fields, original, is_faulty)

    def finish(self) -> Header:
        """Return the header."""
        if self._misread:
            self.header.findings.append(finding("TP409"))
        return self.header
