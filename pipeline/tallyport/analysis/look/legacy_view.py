"""A look into a legacy file: what its header says, what its fields are taken for, and the rows that are asked for.

Reads no further than these rows, by the reader that a conversion uses. Memory: a block, and the rows that are shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tallyport.analysis.look.conditions import FIELDS, FLAGS, Condition
from tallyport.analysis.look.field_use import column_uses, field_uses
from tallyport.analysis.look.view import Cell, FieldUse, FileView, ShownRow
from tallyport.analysis.look.wanted import Wanted
from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport.frames.columns import ATTRIBUTE_OPTION_COMBO, CATEGORY_OPTION_COMBO
from tallyport_converters.conversion.rejects import bounded
from tallyport_converters.conversion.scan import BlockPlace, Scanned, scan_all
from tallyport_converters.conversion.source_rows import SourceRow, source_rows
from tallyport_converters.conversion.unread_fields import FieldNames
from tallyport_converters.model.combos import Combo, ComboForm
from tallyport_converters.model.field_names import CANONICAL
from tallyport_converters.model.file_header import Header, scheme_of, settle_schemes
from tallyport_converters.native.abi import Column
from tallyport_converters.readers.csv_columns import Columns
from tallyport_converters.readers.dxf_csv import DxfCsv
from tallyport_converters.readers.reader import Reader, RejectedRow, row_problem
from tallyport_schemas.document import Document
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import KINDS

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

BLOCK_BYTES, SMALL_BYTES = 1 << 18, 1 << 10
"""Bytes that are scanned at a time; and of a file that breaks off in its first block, so that rows before are shown."""

_COMBOS = frozenset({CATEGORY_OPTION_COMBO, ATTRIBUTE_OPTION_COMBO})


def look(
    readers: Sequence[Callable[[], Reader]],
    view: FileView,
    wanted: Wanted,
    snapshot: Snapshot | None,
    id_schemes: Mapping[str, str],
) -> None:
    """Fill a view with what is asked for, by the first of the readers that is in no doubt.

    Raises:
        SourceUnreadable: the file is malformed, or holds no data value set.
        UnknownField: a condition is about a field that no row has.
        ValueError: there is no row of that number.
    """
    for which, make in enumerate(readers):
        try:
            reading = _Look(make(), view, wanted, BLOCK_BYTES)
            if reading.error and not reading.numbers:
                reading = _Look(make(), view, wanted, SMALL_BYTES)
            reading.fill(snapshot, id_schemes)
            return
        except Exception as error:
            # Only XML has a second reader, for what the first is in doubt of.
            if which == len(readers) - 1 or type(error).__name__ != "Doubt":
                raise


class _Look:
    """One reading."""

    def __init__(self, reader: Reader, view: FileView, wanted: Wanted, block_bytes: int) -> None:
        """Find the rows that are asked for; reads no further."""
        self._reader, self._view, self._wanted, self._block_bytes = reader, view, wanted, block_bytes
        self._places: list[BlockPlace] = []
        self._names = FieldNames()
        self._rows = 0
        self._is_whole = False
        self._categories: set[str] = set()
        self.numbers: list[int] = []
        """The rows that are asked for, and one more."""
        self.error: SourceUnreadable | None = None
        """Why it is not read on."""
        try:
            self._scan()
        except SourceUnreadable as error:
            self.error = error

    def fill(self, snapshot: Snapshot | None, id_schemes: Mapping[str, str]) -> None:
        """Fill the view.

        Raises:
            SourceUnreadable: the file breaks off after what is in the view, or holds no data value set.
        """
        reader, view, wanted = self._reader, self._view, self._wanted
        if self.error and not self.numbers:
            raise self.error
        header = reader.finish()
        view.header = header_document(header)
        view.findings += [found.at(view.name) for found in header.findings]
        view.is_complete = self._is_whole and len(self.numbers) <= wanted.rows
        ids = settle_schemes(header.schemes, id_schemes, reader.default_scheme)
        names = KnownNames(snapshot, {kind: scheme_of(ids, kind) for kind in KINDS})
        found = source_rows(reader, self.numbers[: wanted.rows], self._places)
        view.rows = [self._shown(row, header, names) for row in found]
        view.fields = self._fields()
        if self.error:
            raise self.error
        if wanted.row is not None and not view.rows:
            raise wanted.missing(1, self._rows)
        for each in wanted.where:
            if each.is_category and self._is_whole and not any(map(each.is_about, self._categories)):
                raise each.unknown(name.partition(".")[2] for name in self._categories)

    def _scan(self) -> None:
        for scanned in scan_all(self._reader, None, 0, self._block_bytes):
            with scanned.batch as batch:
                self._reader.take(batch, scanned.block)
                for name in batch.names():
                    self._names.add(name, self._rows)
                self._places.append(scanned.place)
                for number in self._of_block(scanned):
                    self.numbers.append(number)
                    if self._wanted.row is not None or len(self.numbers) > self._wanted.rows:
                        return
                self._rows += batch.report.rows
        self._is_whole = True

    def _of_block(self, scanned: Scanned) -> Iterator[int]:
        wanted, count = self._wanted, scanned.batch.report.rows
        if wanted.row is not None:
            if self._rows <= wanted.row < self._rows + count:
                yield wanted.row
        elif not wanted.where:
            yield from range(self._rows, self._rows + count)
        else:
            for at in range(count):
                cells = self._cells(self._reader.row(scanned.block, scanned.batch.row_span(at)), self._reader.header)
                self._categories.update(_categories(cells))
                if all(_holds(each, cells) for each in wanted.where):
                    yield self._rows + at

    def _shown(self, row: SourceRow, header: Header, names: KnownNames) -> ShownRow:
        cells = self._cells(row.read, header)
        named = {
            column: name
            for column, kind in KIND_OF.items()
            if isinstance(cell := cells.get(column), str) and (name := names.one(kind, cell))
        }
        problem = row_problem(row.read, row.number, header, self._reader)
        return ShownRow(
            row.number,
            cells,
            named,
            line=row.line,
            sheet_row=row.sheet_row,
            original=bounded(row.read.original),
            finding=None if problem is None else row.placed(problem, header).at(self._view.name),
        )

    def _cells(self, read: RejectedRow, header: Header) -> dict[str, Cell]:
        """Return what a row says, column by column, the header's word where it says nothing."""
        fields = dict(read.fields or {})
        if isinstance(self._reader, DxfCsv) and "attributeOptionCombo" not in fields:
            place = self._reader.columns.meanings.index(Column.ATTRIBUTE_OPTIONS) if _lists(self._reader) else None
            options = None if place is None else read.original.get(self._reader.columns.names[place])
            fields |= {"attributeOptionCombo": options.split()} if options else {}
        cells = {column: _cell(column, fields.get(CANONICAL[number])) for number, column in FIELDS.items()}
        cells["org_unit"] = cells["org_unit"] or header.org_unit
        cells["data_set"] = cells["data_set"] or header.data_set
        cells["attribute_option_combo"] = cells["attribute_option_combo"] or _of_combo(header.attribute_option_combo)
        period = cells["period"] or header.period
        known = self._reader.period(period) if isinstance(period, str) else None
        cells["period"] = known.period.iso if known else period
        return cells

    def _fields(self) -> list[FieldUse]:
        columns = getattr(self._reader, "columns", None)
        if isinstance(columns, Columns):
            return column_uses(columns)
        names: dict[tuple[str, bool], None] = {}
        for row in self._view.rows:
            original = row.original if isinstance(row.original, dict) else {}
            group = original.get("group") if self._view.format == "adx" else None
            names |= {(name, True): None for name in group or {}}
            names |= {(name, False): None for name in original if not (group and name == "group")}
        known = {name for name, _ in names}
        names |= {(name, False): None for name in self._names.left_out if name not in known}
        return field_uses(names, self._names.left_out, is_adx=self._view.format == "adx")


def _lists(reader: DxfCsv) -> bool:
    return Column.ATTRIBUTE_OPTIONS in reader.columns.meanings


def _cell(column: str, said: object) -> Cell:
    """Return what a field says; of a type that the column cannot have, its JSON."""
    if said is None or said == "":
        return None
    if column in FLAGS:
        text = str(said).lower()
        return text == "true" if text in ("true", "false") else _text(said)
    if isinstance(said, dict) and column in _COMBOS:
        return {str(name): _text(option) for name, option in said.items()}
    if isinstance(said, list) and column in _COMBOS:
        return [_text(option) for option in said]
    return _text(said)


def _text(said: object) -> str:
    return str(said) if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _of_combo(combo: Combo) -> Cell:
    """Return a combo as a row shows it."""
    shape = combo.shape
    if shape.form is ComboForm.MAP:
        return dict(zip(shape.names, combo.options, strict=True))
    if shape.form is ComboForm.LIST:
        return list(combo.options)
    return combo.options[0] if combo.options else None


def _categories(cells: Mapping[str, Cell]) -> Mapping[str, str]:
    """Return the option of each category that a row names, as `co.Age` or `ao.Donor`."""
    combos = (("co", cells["category_option_combo"]), ("ao", cells["attribute_option_combo"]))
    return {
        f"{dimension}.{category}": option
        for dimension, combo in combos
        if isinstance(combo, Mapping)
        for category, option in combo.items()
    }


def _holds(condition: Condition, cells: Mapping[str, Cell]) -> bool:
    if condition.is_category:
        return any(condition.holds(said) for name, said in _categories(cells).items() if condition.is_about(name))
    cell = cells[condition.column]
    text = str(cell).lower() if isinstance(cell, bool) else cell
    return condition.holds(text) if text is None or isinstance(text, str) else False


def header_document(header: Header) -> Document:
    """Return what a legacy file says once for all rows; what it does not say is omitted."""
    members: Document = {
        "data_set": header.data_set,
        "period": header.period,
        "org_unit": header.org_unit,
        "attribute_option_combo": _of_combo(header.attribute_option_combo),
        "schemes": dict(header.schemes),
        "completions": len(header.completions),
        "deletion": header.deletion is not None,
        "dropped": sorted(header.dropped),
        "not_understood": sorted(header.left_out),
    }
    return {name: value for name, value in members.items() if value}
