"""Group columns: what the columns of a frame hold in the rows of one group, by its header and by metadata."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from tallyport.frames.columns import (
    COMMENT,
    DATA_ELEMENT,
    DATA_SET,
    DELETED,
    FOLLOWUP,
    NUMBER,
    ROW,
    SOURCE,
    VALUE,
    ColumnType,
    FrameColumn,
)
from tallyport_converters.native.abi import TableSource
from tallyport_converters.native.table import Column, Entries
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import RowColumns

if TYPE_CHECKING:
    from tallyport.frames.metadata_columns import MetadataColumns

Shown = str | date | None

_SOURCES: Mapping[str, TableSource] = MappingProxyType(
    {
        VALUE: TableSource.VALUE,
        NUMBER: TableSource.NUMBER,
        DELETED: TableSource.DELETED,
        FOLLOWUP: TableSource.FOLLOWUP,
        COMMENT: TableSource.COMMENT,
        ROW: TableSource.ROW,
    }
)


def empty_column(column: FrameColumn) -> Column:
    """Return a column as tables are made of it, without anything in it: what its type follows from."""
    of_header = TableSource.DAY if column.type is ColumnType.DATE else TableSource.TEXT
    return Column(column.name, _SOURCES.get(column.name, of_header))


class GroupColumns:
    """The columns of one group. `label`: what its file is called."""

    def __init__(self, header: GroupHeader, metadata: MetadataColumns | None, label: str) -> None:
        self._header, self._metadata, self._label = header, metadata, label
        self._identifiers = dict(header.dimensions)
        self._added = metadata.names if metadata else frozenset()
        self._objects: dict[str, array[int] | None] = {}

    def dimension(self, column: FrameColumn) -> str | None:
        """Return the dimension of the header that a column follows from here.

        Empty: all rows of the group share it. None: each row has its own, or it follows from several dimensions.
        """
        if column.dimension in self._identifiers:
            return column.dimension
        return None if column.dimension is None or self._places(column) else ""

    def shown(self, column: FrameColumn) -> Sequence[Shown]:
        """Return what a column holds for each identifier of its dimension; one entry where all rows share it."""
        if column.type is ColumnType.DATE:
            return [None if day is None else date(1970, 1, 1) + timedelta(day) for day in self._days(column.name)]
        if self._metadata is None or column.name not in self._added:
            return self._texts(column)
        texts, objects = self._metadata.texts(column.name), self._objects_of(column)
        return [None] if objects is None else [None if row < 0 else texts[row] for row in objects]

    def for_table(self, column: FrameColumn) -> Column:
        """Return a column as tables are made of it."""
        if column.name in _SOURCES:
            return Column(column.name, _SOURCES[column.name])
        places = self._places(column)
        place, sizes = (places[0][0], [size for _, size in places]) if places else (0, [])
        if column.type is ColumnType.DATE:
            days = Entries(self._days(column.name), are_days=True)
            return Column(column.name, TableSource.DAY, days, place, sizes)
        if self._metadata is not None and column.name in self._added:
            objects = self._objects_of(column)
            entries = None if objects is None else self._metadata.entries(column.name)
            return Column(column.name, TableSource.TEXT, entries, place, sizes, objects)
        texts = self._texts(column)
        return Column(column.name, TableSource.TEXT, None if texts == (None,) else Entries(texts), place, sizes)

    def _texts(self, column: FrameColumn) -> Sequence[str | None]:
        if column.dimension:
            return self._identifiers.get(column.dimension, (None,))
        if column.name == DATA_SET:
            return (self._metadata.data_set(self._header) if self._metadata else self._header.ds,)
        return ({DATA_ELEMENT: self._header.de, SOURCE: self._label}[column.name],)

    def _days(self, name: str) -> list[int | None]:
        return self._metadata.days(name, self._header.pe) if self._metadata else []

    def _objects_of(self, column: FrameColumn) -> array[int] | None:
        assert self._metadata is not None
        assert column.dimension is not None
        if column.dimension not in self._objects:
            self._objects[column.dimension] = self._metadata.objects(column.name, self._header)
        return self._objects[column.dimension]

    def _places(self, column: FrameColumn) -> list[tuple[int, int]]:
        """Return the indexes that a column follows from: the place of each in rows, and how many identifiers it has."""
        dimension = column.dimension
        if not dimension:
            return []
        if dimension in self._identifiers:
            names = [dimension]
        elif column.name in self._added and dimension in ("coc", "aoc"):
            options = self._header.co if dimension == "coc" else self._header.ao
            names = options.names(dimension.removesuffix("c")) if options else []
        else:
            return []
        return [(place, len(self._identifiers[name])) for name in names if (place := self._place_of[name]) is not None]

    @cached_property
    def _place_of(self) -> Mapping[str, int | None]:
        columns = RowColumns.of(self._header)
        return dict(zip(columns.dimensions, columns.places, strict=True))
