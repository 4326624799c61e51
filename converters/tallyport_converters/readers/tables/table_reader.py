"""A table as a reader: its rows as records of CSV whose cells are exact, on their way to the scanner.

Every text is quoted, so a cell without quotes is one that is not there. Each record begins with its row's number.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from tallyport_converters.model.file_header import Header
from tallyport_converters.model.row_fields import RowFields
from tallyport_converters.native.abi import Cells, Column, Kind
from tallyport_converters.native.batch import Batch, CsvLayout
from tallyport_converters.native.library import Buffer
from tallyport_converters.readers.reader import Hints, Reader, RejectedRow
from tallyport_converters.readers.tables.cell_faults import mark_of
from tallyport_converters.readers.tables.date_periods import dated_periods
from tallyport_converters.readers.tables.sheet_cells import settled
from tallyport_converters.readers.tables.table import ValueTable
from tallyport_converters.readers.tables.table_columns import role, table_columns
from tallyport_converters.readers.tables.text_cells import Role, as_text, is_readable
from tallyport_converters.sources.meter import unpacked_meter
from tallyport_converters.text.csv_records import each_cell
from tallyport_schemas.finding import WHITE, Finding, SourceUnreadable, finding

_DELIMITER = ","


class TableReader(Reader):
    """Reads one table. `packed_bytes`: the size of the file that it is in; None for what is in memory anyway.

    Raises:
        SourceUnreadable: TP111, TP113, TP131, its columns cannot be those of values; TP133, a column that is needed
            is nested.
    """

    has_places = True

    def __init__(self, table: ValueTable, packed_bytes: int | None = None, hints: Hints | None = None) -> None:
        self.format = table.format
        self.table = table
        self.header = Header()
        self._packed_bytes = packed_bytes
        self._hints = hints or Hints()
        self.columns, self.cells = table_columns(table.names, [is_readable(type_) for type_ in table.types])
        self._check_types()
        self.no_place = self.columns.no_place
        self.header.findings += [*table.findings, *self.columns.findings]
        self.header.keeps_followup_false = self.cells is Cells.ADV2
        for name, field in self.columns.taken.items():
            self.header.take_named(name, field)
        order = sorted(range(len(table.names)), key=self._place_in_order)
        self._order = order
        meanings = [Column.PASSED, *(self.columns.meanings[i] for i in order)]
        names = [b"", *(self.columns.names[i].encode() for i in order)]
        self.layout = CsvLayout(_DELIMITER.encode(), meanings, names, 0, self.cells)

    def _place_in_order(self, column: int) -> tuple[int, str]:
        """Options without categories come in the order of their places, whatever the order of the columns."""
        is_listed = self.columns.meanings[column] in (Column.OPTION, Column.ATTRIBUTE_OPTION)
        name = self.columns.names[column]
        return (1, name.zfill(8)) if is_listed else (0, "")

    def _check_types(self) -> None:
        """Refuse columns that have no texts where some are needed.

        Raises:
            SourceUnreadable: TP133.
        """
        for name, meaning, type_ in zip(self.columns.names, self.columns.meanings, self.table.types, strict=True):
            if role(meaning) is Role.SHOWN or is_readable(type_):
                continue
            message, help_text = "a column holds what has no text", "give the column one text or number a row"
            expected = "a column of texts or numbers"
            refused = finding("TP133", message=message, help=help_text, field=name, found=str(type_), expected=expected)
            raise SourceUnreadable(refused)

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the rows as records, a chunk at a time.

        Raises:
            SourceUnreadable: TP105, they are out of proportion to the file; and what the table raises.
        """
        del size_bytes
        names = [f"c{i}" for i in range(len(self.table.names))]
        texts = [self._texts(i).alias(names[i]) for i in self._order]
        meter = None if self._packed_bytes is None else unpacked_meter(self._packed_bytes)
        for chunk in self.table.chunks():
            numbered = chunk.rename(dict(zip(chunk.columns, ["row", *names], strict=True)))
            out = io.BytesIO()
            self._settled(numbered.select("row", *texts)).write_csv(
                out, include_header=False, quote_style="non_numeric"
            )
            if meter:
                meter.make(out.tell())
            yield out.getvalue()

    def _settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Take dates for periods, where metadata says which these are."""
        known, meanings = self._hints.period_types, self.columns.meanings
        if known is None or Kind.DE not in meanings or Kind.PE not in meanings:
            return rows
        of_set = f"c{meanings.index(Kind.DS)}" if Kind.DS in meanings else None
        columns = (f"c{meanings.index(Kind.DE)}", f"c{meanings.index(Kind.PE)}", of_set)
        return dated_periods(rows, columns, self._hints.data_set, known)

    def _texts(self, column: int) -> pl.Expr:
        named, meant = pl.col(f"c{column}"), role(self.columns.meanings[column])
        return settled(named, meant) if self.table.has_marks else as_text(named, self.table.types[column], meant)

    def cut(self, block: Buffer) -> int:
        """See `Reader`: blocks are whole."""
        return len(block)

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        del state
        return Batch().scan_csv(block, self.layout, final=final)

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`: polars has UTF-8 only."""
        del offset
        return finding("TP133", row=batch.report.rows, found=f"fault {batch.fault.name}")

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        number, *texts = [cell.text for cell, _ in each_cell(bytes(block[span]).decode(), _DELIMITER)]
        fields = RowFields()
        original: dict[str, str] = {}
        options: dict[str, dict[str, str]] = {}
        fault: Finding | None = None
        cells: dict[str, str] = {}
        for i, text in zip(self._order, texts, strict=True):
            name, meaning = self.columns.names[i], self.columns.meanings[i]
            if cell := self.table.place(int(number), i).get("cell"):
                cells[name] = cells[self.columns.field_of(i) or name] = cell
            if not text:
                continue
            mark = mark_of(text)
            if mark and role(meaning) is not Role.SHOWN:
                text = mark.text
                fault = fault or mark.finding(name)
            original[name if name not in original else f"{name} (column {i + 1})"] = text
            if field := self.columns.field_of(i):
                fields.take(field, name, text)
            elif meaning in (Column.CATEGORY, Column.ATTRIBUTE_CATEGORY) and text.strip(WHITE):
                kind = "categoryOptionCombo" if meaning == Column.CATEGORY else "attributeOptionCombo"
                options.setdefault(kind, {})[name] = text
        for kind, chosen in options.items():
            fields.fields.setdefault(kind, chosen)
        place = self.table.place(int(number), None)
        return RejectedRow(fields.fields, original, doubled=fields.doubled, fault=fault, place=place, cells=cells)

    def finish(self) -> Header:
        """See `Reader`."""
        self.header.findings += self.table.noticed()
        return self.header
