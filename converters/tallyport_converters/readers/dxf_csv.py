"""DXF2 CSV reader: one record a value, columns detected from a header row or by position.

Rules and leniencies: docs/formats/dxf-csv.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tallyport_converters.model import periods
from tallyport_converters.model.field_names import named
from tallyport_converters.model.file_header import Header
from tallyport_converters.model.row_fields import RowFields
from tallyport_converters.native.abi import Column, Fault, Field, Kind, Notice
from tallyport_converters.native.batch import Batch, CsvLayout
from tallyport_converters.native.library import Buffer
from tallyport_converters.native.lines import Lines, cut_csv
from tallyport_converters.readers.csv_columns import columns_of, is_known
from tallyport_converters.readers.csv_layout import (
    POSITIONS,
    POSITIONS_BEFORE,
    RECORDS_LOOKED_AT,
    check_cells,
    has_row_names,
    is_before_attribute_combos,
)
from tallyport_converters.readers.reader import Reader, RejectedRow
from tallyport_converters.sources import Source
from tallyport_converters.text.csv_records import DELIMITERS, Cell, Start, begin, each_cell, not_utf8, records_behind
from tallyport_converters.text.position import LOCATED_BYTES, locate
from tallyport_schemas.finding import WHITE, Finding, SourceUnreadable, finding

LINES_ABOVE = 30
"""Lines above a header row among which it is looked for: a report's title."""

SURPLUS_SHOWN = 100
"""Cells that a rejected row is given with beyond the columns that there are."""

_UNNAMED = {Column.CATEGORY, Column.ATTRIBUTE_COMBO, Column.ATTRIBUTE_OPTIONS}


def begin_table(head: bytes) -> tuple[Start, int]:
    """Read the first record, or the header row below a title; returns it and how many lines stand above.

    Raises:
        SourceUnreadable: as `begin`; TP111 a whole line is in one cell.
    """
    begun = begin(head)
    first = [cell.text for cell in begun.first]
    check_cells([first, *islice(records_behind(head, begun, begun.end), 1)], DELIMITERS)
    if names_columns(begun.first) or (len(first) >= 4 and periods.parse(first[1])):
        return begun, 0
    at = begun.start
    for _ in range(LINES_ABOVE):
        line_end = re.compile(rb"\r\n|\r|\n").search(head, at)
        if not line_end:
            break
        at = line_end.end()
        try:
            below = begin(head[at:])
        except SourceUnreadable:
            continue
        found = {known.field for cell in below.first if (known := named(cell.text))}
        if {Kind.DE, Field.VALUE} <= found:
            start = at + below.start
            return below._replace(start=start, end=at + below.end), len(re.findall(rb"\r\n|\r|\n", head[:start]))
    return begun, 0


def names_columns(first: list[Cell]) -> bool:
    """Return whether a record is a header row: two of its cells name columns that are known."""
    return sum(is_known(cell.text) for cell in first) >= 2


class DxfCsv(Reader):
    """Reads one DXF2 CSV source. `has_header`: None to detect it from the content."""

    format = "dxf-csv"
    has_places = True

    def __init__(self, source: Source, *, has_header: bool | None = None) -> None:
        self.source = source
        self.header = Header()
        head = source.head()
        begun, above = begin_table(head) if has_header is None else (begin(head), 0)
        is_header = names_columns(begun.first) if has_header is None else has_header
        if above:
            title = head[: begun.start].decode(errors="replace").strip().splitlines()[0]
            self.header.findings.append(finding("TP433", found=title, expected=f"line {above + 1} names the columns"))
        self._delimiter = begun.delimiter
        if begun.delimiter != ",":
            self.header.findings.append(finding("TP410", found=repr(begun.delimiter)))
        self._skip = begun.end if is_header else begun.start
        self._misread = begun.misread[0] or (is_header and begun.misread[1])
        records = list(islice(records_behind(head, begun, self._skip), RECORDS_LOOKED_AT))
        written = self._named(begun, records) if is_header else self._by_position(records)
        self.columns = columns_of(
            written, is_header=is_header, has_row_names=is_header and len(written) > len(begun.first)
        )
        self.no_place = self.columns.no_place
        self.header.findings += self.columns.findings
        for name, field in self.columns.taken.items():
            self.header.take_named(name, field)
        names = [name.encode() for name in self.columns.names]
        self.layout = CsvLayout(begun.delimiter.encode(), self.columns.meanings, names, len(names) if is_header else 0)

    def _named(self, begun: Start, records: list[list[str]]) -> list[str]:
        """Return the columns that the header row names; row names stand in front without a name."""
        columns = [cell.text for cell in begun.first]
        periods_at = (i for i, cell in enumerate(columns) if (known := named(cell)) and known.field == Kind.PE)
        period_at = next(periods_at, None)
        if period_at is not None and has_row_names(columns, records, period_at):
            self.header.findings.append(finding("TP434", found=records[0][0]))
            return ["", *columns]
        return columns

    def _by_position(self, records: list[list[str]]) -> list[str]:
        if not is_before_attribute_combos(records):
            return list(POSITIONS)
        self.header.findings.append(
            finding("TP432", expected="dataElement,period,orgUnit,categoryOptionCombo,value,...")
        )
        return list(POSITIONS_BEFORE)

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the records after the header."""
        return self.source.blocks(size_bytes, skip_bytes=self._skip)

    def lines(self) -> Lines:
        """See `Reader`."""
        lines = Lines(self._delimiter)
        lines.count(self.source.head()[: self._skip])
        return lines

    def cut(self, block: Buffer) -> int:
        """See `Reader`."""
        return cut_csv(block)

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        del state
        return Batch().scan_csv(block, self.layout, final=final)

    def take(self, batch: Batch, block: Buffer) -> None:
        """See `Reader`: rows of CSV say nothing of the header, but one notice is enough for both."""
        del block
        if self._misread:
            self._misread = all(notice is not Notice.CSV_MISREAD for notice, *_ in batch.notices())

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`."""
        where, found = locate(self.source.blocks(LOCATED_BYTES), offset + batch.report.fault_at + self._skip)
        if batch.fault is Fault.UTF8:
            return not_utf8(f"the CSV is not UTF-8 ({where})", found)
        message = f"a quoted cell is never closed: its row starts at {where}"
        return finding("TP111", message=message, row=batch.report.rows, found=found, expected="a closing quote")

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        columns, fields = self.columns, RowFields()
        unfit: dict[str, Any] = {}
        original: dict[str, str] = {}
        options: dict[str, str] = {}
        is_faulty = False
        for i, (cell, _) in enumerate(each_cell(bytes(block[span]).decode(), self._delimiter)):
            is_faulty |= cell.trailing
            if not cell.text or i >= len(columns.names) + SURPLUS_SHOWN:  # a row may be millions of cells
                continue
            name = columns.names[i] if i < len(columns.names) else f"(column {i + 1})"
            original[name if name not in original else f"{name} (column {i + 1})"] = cell.text
            if i >= len(columns.names) or cell.text == "null":
                continue
            if "\0" in cell.text and columns.meanings[i] in _UNNAMED:
                unfit[name] = cell.text  # even where an option combo wins over it
            elif kept := columns.field_of(i):
                fields.take(kept, name, cell.text)
            elif columns.meanings[i] == Column.CATEGORY and cell.text.strip(WHITE):
                options[name] = cell.text
        if options:
            fields.fields.setdefault("categoryOptionCombo", options)
        if is_faulty:
            original["(row)"] = bytes(block[span]).decode()  # the cells lack what stands behind a quote
        return RejectedRow({**fields.fields, **unfit}, original, is_faulty, fields.doubled)

    def finish(self) -> Header:
        """Return the header."""
        if self._misread:
            self.header.findings.append(finding("TP409"))
        return self.header
