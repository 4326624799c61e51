"""A look into an ADV2 file: headers, and the rows that are asked for. Reads no further than these.

Memory: a header, a block of rows, and the rows that are shown. Rows that are not costs no Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tallyport.analysis.look.conditions import Condition
from tallyport.analysis.look.view import Cell, FileView, GroupView, ShownRow, Unmatched
from tallyport.analysis.look.wanted import Wanted
from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport.frames.columns import COLUMNS_OF, DATA_ELEMENT, DATA_SET
from tallyport.metadata.near_names import Nearby
from tallyport_converters.adv2.file import Adv2File, RawHead, RowBlock
from tallyport_converters.adv2.header_form import check_form, counted_rows, readable
from tallyport_converters.adv2.row_check import RowCheck, RowFindings, row_check
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_converters.sources import Source
from tallyport_schemas.finding import finding
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import COMMENT, DELETED, FOLLOWUP, ROW, VALUE, RowColumns

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

GROUPS_SHOWN = 100
"""Headers that a view of one file has."""


def look(source: Source, view: FileView, wanted: Wanted, snapshot: Snapshot | None) -> None:
    """Fill a view with the headers and the rows that are asked for.

    Raises:
        SourceUnreadable: the file breaks off, or is no JSON; what was read before is in the view.
        UnknownField: a condition is about a category that no group has.
        ValueError: there is no row of that number.
    """
    file = Adv2File(source)
    groups = 0
    categories: dict[str, None] = {}
    unmatched: dict[tuple[Condition, str], str | None] | None = None
    for head in file.heads():
        groups += 1
        if wanted.group is not None and head.number < wanted.group:
            continue
        group = _Group(file, head, snapshot)
        if group.header and wanted.where:
            categories.update((name, None) for name, _ in group.header.dimensions if name not in COLUMNS_OF)
            here = group.unmatched(wanted.where)
            unmatched = here if unmatched is None else {key: near for key, near in here.items() if key in unmatched}
        before = len(view.rows)
        try:
            for row in group.rows(wanted, view.name):
                if len(view.rows) == wanted.rows:
                    return
                view.rows.append(row)
        finally:
            group.note(view, is_shown=not wanted.where or len(view.rows) > before)
        if wanted.row is not None:
            break
    view.is_complete = True
    if wanted.row is not None and not view.rows:
        raise wanted.missing(groups, file.rows_read)
    for each in wanted.where:
        if each.is_category and not any(map(each.is_about, categories)):
            raise each.unknown(name.partition(".")[2] or name for name in categories)
    view.unmatched = [Unmatched(each.name, value, near) for (each, value), near in (unmatched or {}).items()]


class _Group:
    """One group that is looked into. `header` is None where its form fails: then there are no rows."""

    def __init__(self, file: Adv2File, head: RawHead, snapshot: Snapshot | None) -> None:
        self.header, self.findings, _ = check_form(head.properties, any_identifiers=True, takes_undo=True)
        self._file, self._number = file, head.number
        shown = self.header
        if shown is None and (rest := readable(head.properties, self.findings)):
            shown = rest.header
        self.view = GroupView(head.number, shown, KnownNames(snapshot, shown.ids)) if shown else None

    def note(self, view: FileView, *, is_shown: bool) -> None:
        """Add the group to a view, with what was found of it."""
        if self.view and is_shown and len(view.groups) < GROUPS_SHOWN:
            view.groups.append(self.view)
        view.findings += [found.at(view.name) for found in self.findings]
        self.findings = []

    def may_match(self, where: Sequence[Condition]) -> bool:
        """Whether rows of the group may meet all conditions, by its header alone."""
        return all(any(marks) for marks in self._marks(where).values()) and self._fits(where)

    def unmatched(self, where: Sequence[Condition]) -> dict[tuple[Condition, str], str | None]:
        """Return the values of conditions that nothing in the header is, each with the nearest that is there."""
        header = self.header
        assert header is not None
        there: dict[str, Sequence[str]] = {DATA_ELEMENT: [header.de], DATA_SET: [header.ds] if header.ds else []}
        there |= {COLUMNS_OF.get(name, name): identifiers for name, identifiers in header.dimensions}
        found: dict[tuple[Condition, str], str | None] = {}
        for each in where:
            for column, identifiers in there.items():
                if each.column == column or each.is_about(column):
                    names = self._names.of(KIND_OF.get(column, "co"), identifiers)
                    for value in each.unmatched(identifiers, names):
                        found[each, value] = Nearby([*identifiers, *filter(None, names)]).closest(value)
        return found

    def _fits(self, where: Sequence[Condition]) -> bool:
        """Whether the conditions hold that are about the group as a whole."""
        header = self.header
        assert header is not None
        of_group = {DATA_ELEMENT: header.de, DATA_SET: header.ds}
        dimensions = [name for name, _ in header.dimensions]
        absent = {column for name, column in COLUMNS_OF.items() if name not in dimensions}
        for each in where:
            if each.column in of_group:
                identifier = of_group[each.column]
                fits = each.holds(identifier, self._names.one(KIND_OF[each.column], identifier))
            elif each.is_category:
                fits = any(map(each.is_about, dimensions))
            else:
                fits = each.column not in absent or each.holds(None)
            if not fits:
                return False
        return True

    @property
    def _names(self) -> KnownNames:
        assert self.view is not None
        return self.view.names

    def _marks(self, where: Sequence[Condition]) -> dict[str, bytes]:
        """Return for each dimension that a condition is about a byte for each identifier: 1 where all of them hold."""
        assert self.header is not None
        found: dict[str, bytes] = {}
        for name, identifiers in self.header.dimensions:
            column = COLUMNS_OF.get(name, name)
            for each in where:
                if each.column == column or each.is_about(name):
                    marks = each.marks(identifiers, self._names.of(KIND_OF.get(column, "co"), identifiers))
                    before = found.get(name)
                    found[name] = marks if before is None else bytes(a & b for a, b in zip(before, marks, strict=True))
        return found

    def rows(self, wanted: Wanted, label: str) -> Iterator[ShownRow]:
        """Yield the rows that are asked for, in their order; what is wrong with others is noted on the way."""
        header = self.header
        if header is None or not self._file.has_rows or not self.may_match(wanted.where):
            return
        check = _refusing(row_check(header, None), header, self._marks(wanted.where))
        columns = RowColumns.of(header)
        told = RowFindings(self._file)
        for block in self._file.rows(check.form):
            check.judge(block)
            first = block.rows.counts[0]
            if wanted.row is not None and wanted.row >= first:
                continue
            with block.rows.batch(block.block, columns) as batch:
                if wanted.row is not None:
                    yield from self._one(wanted.row, check, block, batch)
                    return
                for at in _positions(batch, wanted.where):
                    yield self._shown(batch, at)
            if not wanted.where:
                for found in check.findings(block, label):
                    self.findings += told.add(found)
        self.findings += told.rest()
        if self._file.rows_read != header.size:
            read, stated = counted_rows(self._file.rows_read), counted_rows(header.size)
            self.findings.append(finding("TP514", field="size", found=read, expected=stated))
        if self._file.trailing:
            self.findings.append(finding("TP510", field="data", found=self._file.trailing))

    def _one(self, row: int, check: RowCheck, block: RowBlock, batch: ArrowBatch) -> Iterator[ShownRow]:
        """Yield a row by its number: as it is, or with what is wrong with it."""
        numbers = batch.integers(ROW)
        if row in numbers:
            shown = self._shown(batch, numbers.index(row))
            yield replace(shown, details=self._names.details(shown.cells))
            return
        for run in block.rows.runs():
            if run.row <= row < run.row + run.count:
                found = next(found for found in check.findings(block) if found.row == run.row)
                yield ShownRow(row, {}, {}, self._number, finding=replace(found, row=row, count=None))

    def _shown(self, batch: ArrowBatch, at: int) -> ShownRow:
        """Return a row of a batch with what its indexes stand for."""
        header, only = self.header, slice(at, at + 1)
        assert header is not None
        cells: dict[str, Cell] = {DATA_ELEMENT: header.de}
        names = {DATA_ELEMENT: self._names.one("de", header.de)}
        for name, identifiers in header.dimensions:
            column = COLUMNS_OF.get(name, name)
            identifier = identifiers[batch.integers(name, only)[0]]
            cells[column] = identifier
            names[column] = self._names.one(KIND_OF.get(column, "co"), identifier)
        cells[VALUE] = batch.texts(VALUE, only)[0]
        for flag in (DELETED, FOLLOWUP):
            cells[flag] = batch.flags(flag, only)[0]
        for column in (COMMENT, *batch.columns.stamps):
            cells[column] = batch.texts(column, only)[0]
        known = {column: name for column, name in names.items() if name}
        return ShownRow(batch.integers(ROW, only)[0], cells, known, self._number)


def _refusing(check: RowCheck, header: GroupHeader, marks: dict[str, bytes]) -> RowCheck:
    """Return a check that also has the scanner ignore rows of other identifiers than the marked ones."""
    taken = [name for name, identifiers in header.dimensions if len(identifiers) > 1]
    refused = {
        place: marks[name].translate(bytes.maketrans(b"\0\1", b"\1\0"))
        for place, name in enumerate(taken)
        if name in marks
    }
    return replace(check, form=replace(check.form, refused=refused)) if refused else check


def _positions(batch: ArrowBatch, where: Sequence[Condition]) -> Sequence[int]:
    """Return which rows of a batch meet the conditions on what rows say by themselves."""
    of_rows = [each for each in where if each.is_of_rows]
    if not of_rows:
        return range(len(batch))
    import polars as pl

    frame = pl.DataFrame(batch)
    tests = []
    for each in of_rows:
        column = pl.col(each.column)
        text = column.cast(pl.String) if each.column in (DELETED, FOLLOWUP) else column
        tests.append(text.fill_null("").is_in(each.values))
    return frame.select(pl.arg_where(pl.all_horizontal(tests))).to_series().to_list()
