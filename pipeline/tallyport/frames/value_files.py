"""Value files: ADV2 files as the source of one table. Reads what a query asks for, and counts what it read.

Headers are read at once; they say which columns there are. Rows are read when they are asked for, in batches of about a
megabyte of ADV2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallyport.frames.columns import DATA_SET, PLACES, FrameColumn, frame_columns
from tallyport.frames.group_columns import GroupColumns
from tallyport.validation.validate import load_snapshot, walked
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.adv2.row_batches import RowBatches, read_groups
from tallyport_converters.native.table import RowTable, TableForm
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from tallyport.frames.metadata_columns import MetadataColumns
    from tallyport.frames.selection import GroupSelection
    from tallyport.metadata import Snapshot

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_IN_PLACE = {"pe": b'"2025"', "ou": b'"any"'}

PART_ROWS = 1 << 18
"""Rows of a table that is made of a header alone."""


@dataclass(slots=True)
class ReadCounts:
    """What was read so far: groups that were opened and those of them that needed no row; rows and batches of rows."""

    groups: int = 0
    passed: int = 0
    batches: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: columns, and of which rows. `views`: texts lie as polars has them, else end to end."""

    names: Collection[str]
    selection: GroupSelection | None = None
    views: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows, and what is still to be asked of them: the predicate `rest` of polars, None for nothing."""

    table: RowTable
    rest: object | None


class ValueFiles:
    """The files that `paths` stand for. `columns`: all that a table of them can have; `counts`: what was read."""

    def __init__(
        self,
        paths: Paths,
        metadata: Snapshot | str | os.PathLike[str] | None = None,
        *,
        on_invalid: Callable[[Finding], None] | None = None,
        with_place: bool = False,
    ) -> None:
        """Read the headers, but for their periods and organisation units.

        Raises:
            ValueError: a folder holds no ADV2 file.
            SourceUnreadable: a file cannot be read, or is not ADV2; or the metadata cannot be read.
        """
        self._files = list(walked(path_list(paths)))
        self._on_invalid = on_invalid
        self._metadata = _metadata_columns(load_snapshot(metadata))
        self.counts = ReadCounts()
        columns = frame_columns(self._headers())
        if self._metadata:
            if columns[0].name != DATA_SET:
                columns = (FrameColumn(DATA_SET, dimension=""), *columns)
            columns += self._metadata.columns
        self.columns = (*columns, *PLACES) if with_place else columns

    def parts(self, query: Query) -> Generator[Part, None, None]:
        """Yield the rows with the columns of a query, in the order of `columns`, then what their rest needs.

        Raises:
            SourceUnreadable: a file cannot be read; or a row is invalid, unless `on_invalid` takes what is wrong.
        """
        for path, label in self._files:
            with _placed(label), closing(read_groups(path, self._taker(label), takes_undo=False)) as groups:
                for rows in groups:
                    self.counts.groups += 1
                    yield from self._of_group(rows, GroupColumns(rows.header, self._metadata, label), query)
                    if rows.is_alone and not rows.is_read:
                        break  # what is left of it is not asked for, and no other group follows

    def _of_group(self, rows: RowBatches, group: GroupColumns, query: Query) -> Iterator[Part]:
        left = query.selection.of(group) if query.selection else None
        if query.selection and left is None:
            self.counts.passed += 1
            return
        needed = [column for column in self.columns if column.name in query.names]
        if left:
            needed += [column for column in self.columns if column.name in left.needs - set(query.names)]
        rest = left.rest if left else None
        form = TableForm([group.for_table(column) for column in needed], views=query.views)
        if left and left.unasked:
            rows.leave(left.unasked)
        elif form.is_constant and not self._on_invalid:
            self.counts.passed += 1
            for start in range(0, rows.header.size, PART_ROWS):
                yield Part(RowTable(form, None, slice(0, min(PART_ROWS, rows.header.size - start))), rest)
            return
        before = 0
        for batch in rows:
            self.counts.batches += 1
            self.counts.rows += rows.counts[0] - before
            before = rows.counts[0]
            for start in range(0, len(batch), form.rows_at_most):
                yield Part(RowTable(form, batch, slice(start, min(start + form.rows_at_most, len(batch)))), rest)

    def _taker(self, label: str) -> Callable[[Finding], None]:
        def take(found: Finding) -> None:
            if self._on_invalid is None:
                raise SourceUnreadable(found.at(label))
            self._on_invalid(found.at(label))

        return take

    def _headers(self) -> Iterator[GroupHeader]:
        for path, label in self._files:
            with _placed(label), closing(Source.open(path)) as source:
                file = Adv2File(source)
                for head in file.heads():
                    yield _without_lists(head)
                    if not file.is_array:
                        break


def _without_lists(head: RawHead) -> GroupHeader:
    """Return a header without its periods and organisation units, which may be many: reading its rows looks at them.

    Raises:
        SourceUnreadable: another of its properties is invalid.
    """
    properties = [(name, _IN_PLACE.get(name, text)) for name, text in head.properties]
    header, findings, _ = check_form(properties, any_identifiers=True, takes_undo=False)
    if header is None:
        raise SourceUnreadable(findings[0])
    return header


@contextmanager
def _placed(label: str) -> Iterator[None]:
    """Say of what cannot be read in which file it is."""
    try:
        yield
    except SourceUnreadable as error:
        raise SourceUnreadable(error.finding.at(label)) from None


def path_list(paths: Paths) -> Sequence[str | os.PathLike[str]]:
    """Return paths as a list, also if there is just one."""
    return [paths] if isinstance(paths, str | os.PathLike) else paths


def _metadata_columns(snapshot: Snapshot | None) -> MetadataColumns | None:
    if snapshot is None:
        return None
    from tallyport.frames.metadata_columns import MetadataColumns

    return MetadataColumns(snapshot)
