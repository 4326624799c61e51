"""A look into a legacy file: what its header says, what its fields are taken for, and the rows that are asked for.

Reads no further than these rows, by the reader that a conversion uses. Memory: a block, and the rows that are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING

from tallyport.analysis.look.field_use import column_uses, field_uses
from tallyport.analysis.look.row_cells import of_combo, row_cells
from tallyport.analysis.look.row_search import RowSearch
from tallyport.analysis.look.view import FieldUse, FileView, ShownRow
from tallyport.analysis.look.wanted import Wanted
from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport_converters.conversion.rejects import bounded
from tallyport_converters.conversion.scan import BlockPlace, Scanned, scan_all
from tallyport_converters.conversion.source_rows import SourceRow, source_rows
from tallyport_converters.conversion.unread_fields import FieldNames
from tallyport_converters.model.file_header import Header, scheme_of, settle_schemes
from tallyport_converters.readers.csv_columns import Columns
from tallyport_converters.readers.reader import Reader, row_problem
from tallyport_schemas.document import Document
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import KINDS

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

BLOCK_BYTES, SMALL_BYTES = 1 << 18, 1 << 10
"""Bytes that are scanned at a time; and of a file that breaks off in its first block, so that rows before are shown."""


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
            reading = _Look(make(), view, wanted, snapshot, id_schemes)
            if reading.error and not reading.numbers:
                reading = _Look(make(), view, wanted, snapshot, id_schemes, SMALL_BYTES)
            if header := reading.late_header:
                reading = _Look(make(), view, wanted, snapshot, id_schemes, header=header)
            reading.fill()
            return
        except Exception as error:
            # Only XML has a second reader, for what the first is in doubt of.
            if which == len(readers) - 1 or type(error).__name__ != "Doubt":
                raise


class _Look:
    """One reading."""

    def __init__(
        self,
        reader: Reader,
        view: FileView,
        wanted: Wanted,
        snapshot: Snapshot | None,
        id_schemes: Mapping[str, str],
        block_bytes: int = BLOCK_BYTES,
        header: Header | None = None,
    ) -> None:
        """Find the rows that are asked for; reads no further. `header`: the whole of it, if it is known."""
        self._reader, self._view, self._wanted, self._block_bytes = reader, view, wanted, block_bytes
        self._snapshot, self._id_schemes = snapshot, id_schemes
        self._places: list[BlockPlace] = []
        self._names = FieldNames()
        self._rows = 0
        self._is_whole = False
        self._search: RowSearch | None = None
        self._header = header
        self.numbers: list[int] = []
        """The rows that are asked for, and one more."""
        self.error: SourceUnreadable | None = None
        """Why it is not read on."""
        try:
            self._scan()
        except SourceUnreadable as error:
            self.error = error

    @property
    def late_header(self) -> Header | None:
        """The header, if conditions were judged by less of it, as parts of it follow the rows."""
        if self._search is None or self._search.header.stands_in == self._reader.header.stands_in:
            return None
        return self._reader.header

    def fill(self) -> None:
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
        names = self._known_names(header)
        found = source_rows(reader, self.numbers[: wanted.rows], self._places)
        view.rows = [self._shown(row, header, names) for row in found]
        view.fields = self._fields()
        if self.error:
            raise self.error
        if wanted.row is not None and not view.rows:
            raise wanted.missing(1, self._rows)
        there = self._search.categories if self._search else set()
        for each in wanted.where:
            if each.is_category and self._is_whole and not any(map(each.is_about, there)):
                raise each.unknown(name.partition(".")[2] for name in there)

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
            if self._search is None:
                header = self._header or copy(self._reader.header)
                self._search = RowSearch(wanted.where, self._reader, header, self._known_names(header))
            yield from (self._rows + at for at in self._search.rows(scanned))

    def _known_names(self, header: Header) -> KnownNames:
        ids = settle_schemes(header.schemes, self._id_schemes, self._reader.default_scheme)
        return KnownNames(self._snapshot, {kind: scheme_of(ids, kind) for kind in KINDS})

    def _shown(self, row: SourceRow, header: Header, names: KnownNames) -> ShownRow:
        cells = row_cells(row.read, header, self._reader)
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
            sheet_row=row.sheet_row or row.read.place.get("sheet_row"),
            original=bounded(row.read.original),
            details=names.details(cells) if self._wanted.row is not None else {},
            finding=None if problem is None else row.placed(problem, header).at(self._view.name),
        )

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


def header_document(header: Header) -> Document:
    """Return what a legacy file says once for all rows; what it does not say is omitted."""
    members: Document = {
        "data_set": header.data_set,
        "period": header.period,
        "org_unit": header.org_unit,
        "attribute_option_combo": of_combo(header.attribute_option_combo),
        "schemes": dict(header.schemes),
        "completions": len(header.completions),
        "deletion": header.deletion is not None,
        "dropped": sorted(header.dropped),
        "not_understood": sorted(header.left_out),
    }
    return {name: value for name, value in members.items() if value}
