"""A sheet of a workbook as a table: which sheet, which row names the columns, and its rows below that.

Rules: docs/formats/workbooks.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import polars as pl

from tallyport_converters.model.field_names import CANONICAL, named
from tallyport_converters.native.abi import Field, Kind
from tallyport_converters.readers.csv_columns import is_known
from tallyport_converters.readers.tables.cell_faults import MARK
from tallyport_converters.readers.tables.sheet_cells import settled
from tallyport_converters.readers.tables.table import SURPLUS
from tallyport_converters.readers.tables.text_cells import Role
from tallyport_converters.readers.tables.workbook import Sheet, Workbook
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

ROWS_ABOVE = 30
"""Rows above the one that names the columns among which it is looked for: a report's title."""

PLACES_SHOWN = 20
"""Places of hidden or merged cells that a finding shows."""


class _Top(NamedTuple):
    """The first rows of a sheet: their numbers, and the texts of their cells by column."""

    rows: Sequence[tuple[int, Mapping[int, str]]]

    @property
    def header(self) -> int | None:
        """The place of the row that names the columns."""
        for place, (_, cells) in enumerate(self.rows):
            found = {known.field for text in cells.values() if (known := named(text))}
            is_first = place == 0 and sum(is_known(text) for text in cells.values()) >= 2
            if is_first or {Kind.DE, Field.VALUE} <= found:
                return place
        return None


class SheetTable:
    """The sheet of a workbook that has the values; `sheet` says which, by name or by number from 1.

    Raises:
        SourceUnreadable: TP134, there is no such sheet, or it cannot be said which one has the values; TP113, its
            columns are not those of values; see also `Workbook`.
    """

    format = "xlsx"
    has_marks = True

    def __init__(self, source: Source, sheet: str | None = None) -> None:
        self._source = source
        self._book = Workbook(source)
        self._tops: dict[str, _Top] = {}
        self._sheet, top = self._chosen(sheet)
        place = top.header
        if place is None:
            raise _foreign(self._sheet, top)
        self._header_row, cells = top.rows[place]
        self._width = max(cells)
        self.names: Sequence[str] = [cells.get(column, "") for column in range(1, self._width + 1)] + [SURPLUS]
        self.types: Sequence[pl.DataType] = [pl.String()] * len(self.names)
        self.findings: Sequence[Finding] = list(self._before(top, place, is_said=sheet is not None))
        self._hidden: dict[str, int] = {}
        self._merged: list[str] = []

    def chunks(self) -> Iterator[pl.DataFrame]:
        """See `ValueTable`: the number of a row is the sheet's.

        Raises:
            SourceUnreadable: as `Workbook.cells`.
        """
        self._hidden, self._merged = {}, []
        for cells in self._book.cells(self._sheet):
            below = cells.filter((pl.col("row") > self._header_row) | (pl.col("row") == 0))
            self._note(below.filter(pl.col("type").is_in(["h", "m", "c"])))
            values = self._texts(below.filter(~pl.col("type").is_in(["h", "m", "c"])))
            if len(values):
                yield self._wide(values)
        self._source.check_unchanged()

    def _texts(self, cells: pl.DataFrame) -> pl.DataFrame:
        try:
            return self._book.texts.of(cells)
        except IndexError as error:
            raise SourceUnreadable(finding("TP133", found=str(error))) from None

    def _wide(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Return a row for each that says something."""
        text, column = pl.col("text"), pl.col("column")
        columns = [text.filter(column == place).first().alias(str(place)) for place in range(1, self._width + 1)]
        surplus = text.filter(column > self._width).first().alias(SURPLUS)
        says_something = (text.str.strip_chars() != "").any().alias("says")
        wide = cells.group_by("row", maintain_order=True).agg(*columns, surplus, says_something)
        return wide.filter(pl.col("says")).drop("says")

    def noticed(self) -> Sequence[Finding]:
        """See `ValueTable`."""
        found = []
        if self._merged:
            found.append(finding("TP439", culprits=_first(self._merged)))
        if self._hidden:
            found.append(finding("TP440", culprits=_first(list(self._hidden))))
        return [replace(told, sheet=self._sheet.name) for told in found]

    def _note(self, marks: pl.DataFrame) -> None:
        """Take note of what a person does not see: hidden rows and columns, and cells merged into another one."""
        for row, kind, text in marks.select("row", "type", "text").iter_rows():
            if kind == "h":
                self._hidden[f"row {row}"] = row
            elif kind == "c":
                first, _, last = text.partition(":")
                if first.isdecimal() and int(first) <= self._width:
                    last_column = min(int(last), self._width) if last.isdecimal() else int(first)
                    letters = column_letters(int(first))
                    many = f"columns {letters} to {column_letters(last_column)}"
                    self._hidden[f"column {letters}" if last_column == int(first) else many] = int(first)
            elif _last_row(text) >= self._header_row:
                self._merged.append(text)

    def place(self, row: int, column: int | None) -> Mapping[str, Any]:
        """See `ValueTable`."""
        of_row = {"sheet": self._sheet.name, "sheet_row": row}
        if column is None or column >= self._width:
            return of_row
        return {**of_row, "cell": f"{column_letters(column + 1)}{row}"}

    def _chosen(self, said: str | None) -> tuple[Sheet, _Top]:
        """Return the sheet that is said, or the only one that a person sees and that has the columns of values."""
        sheets = self._book.sheets
        if said is not None:
            by_name = [sheet for sheet in sheets if sheet.name == said]
            by_number = [sheets[int(said) - 1]] if said.isdecimal() and 1 <= int(said) <= len(sheets) else []
            for sheet in by_name or by_number:
                return sheet, self._top(sheet)
            raise _no_sheet(f"the workbook has no sheet {said}", sheets)
        visible = [(sheet, self._top(sheet)) for sheet in sheets if sheet.is_visible]
        filled = [(sheet, top) for sheet, top in visible if top.rows]
        able = [(sheet, top) for sheet, top in filled if top.header is not None]
        if len(able) == 1:
            return able[0]
        if able:
            raise _no_sheet("several sheets have the columns of values", [sheet for sheet, _ in able])
        if not filled:
            raise _no_sheet("no sheet that is visible holds anything", sheets)
        raise _foreign(*filled[0]) if len(filled) == 1 else _no_sheet("no sheet has the columns of values", sheets)

    def _top(self, sheet: Sheet) -> _Top:
        """Read the first rows that say something."""
        if sheet.member in self._tops:
            return self._tops[sheet.member]
        rows: dict[int, dict[int, str]] = {}
        for cells in self._book.cells(sheet):
            texts = self._texts(cells.filter(~pl.col("type").is_in(["h", "m", "c"])))
            shown = texts.with_columns(text=settled(pl.col("text"), Role.SHOWN).str.strip_chars())
            for row, column, text in shown.select("row", "column", "text").iter_rows():
                if text:
                    rows.setdefault(row, {})[column] = text
                if len(rows) > ROWS_ABOVE + 1:
                    break
            if len(rows) > ROWS_ABOVE + 1:
                break
        top = self._tops[sheet.member] = _Top(list(islice(rows.items(), ROWS_ABOVE + 1)))
        return top

    def _before(self, top: _Top, place: int, *, is_said: bool) -> Iterator[Finding]:
        """Yield what there is to report before the rows are read."""
        if place:
            title = next(iter(top.rows[0][1].values()))
            expected = f"row {self._header_row} names the columns"
            yield replace(finding("TP433", found=title, expected=expected), sheet=self._sheet.name)
        others = [sheet for sheet in self._book.sheets if sheet != self._sheet and self._top(sheet).rows]
        if others and not is_said:
            yield finding("TP438", culprits=_first(_called(others)))
        if self._book.has_macros:
            yield finding("TP441")


def column_letters(column: int) -> str:
    """Return what a spreadsheet calls a column.

    >>> column_letters(1), column_letters(28), column_letters(16384)
    ('A', 'AB', 'XFD')
    """
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _called(sheets: Sequence[Sheet]) -> list[str]:
    return [sheet.name + ("" if sheet.is_visible else " (hidden)") for sheet in sheets]


def _first(places: Sequence[str]) -> list[str]:
    more = [f"and {len(places) - PLACES_SHOWN:,} more"] if len(places) > PLACES_SHOWN else []
    return [*places[:PLACES_SHOWN], *more]


def _last_row(merged: str) -> int:
    digits = merged.rpartition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ$")
    return int(digits) if digits.isdecimal() else 0


def _no_sheet(message: str, sheets: Sequence[Sheet]) -> SourceUnreadable:
    return SourceUnreadable(finding("TP134", message=message, culprits=_first(_called(sheets))))


def _foreign(sheet: Sheet, top: _Top) -> SourceUnreadable:
    """Say that the columns of a sheet are not those of values: those of its row that has most."""
    cells = max((cells for _, cells in top.rows), key=len, default={})
    texts = [text.removeprefix(MARK) for text in cells.values()]
    known = {CANONICAL[meant.field] for text in texts if (meant := named(text))}
    missing = [name for name in ("dataElement", "period", "orgUnit", "value") if name not in known]
    message = f"no row of the sheet names a column {', '.join(missing)}"
    help_text = "name the columns as DHIS2 does, in one row above the values"
    expected = "a row such as dataElement, period, orgUnit, categoryOptionCombo, value"
    refused = finding("TP113", message=message, help=help_text, culprits=texts[:12], expected=expected)
    return SourceUnreadable(replace(refused, sheet=sheet.name))
