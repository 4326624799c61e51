"""Rows in columns: what carries the rows of an ADV2 group between whoever reads them and whoever takes them.

A batch has, in this order, the columns

    row                                   int64, the row's number in its group, from 0
    pe, ou, then coc or one a category
    of co, then aoc or one a category
    of ao                                 int32, an index into that list of the header; 0 where it has one entry
    value                                 utf8 or null: the text that DHIS2 stores
    deleted                               bool
    followup                              bool or null: leave what is stored
    comment                               utf8 or null: leave what is stored; an empty one removes it

and of an undo also `stored_by`, `created` and `last_updated`, utf8. It is handed over by the Arrow C data interface, so
polars, pyarrow and DuckDB take it without a copy: docs/rows-as-arrow.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from tallyport_schemas.group_header import GroupHeader

ROW, VALUE, DELETED, FOLLOWUP, COMMENT = "row", "value", "deleted", "followup", "comment"
STAMPS = ("stored_by", "created", "last_updated")
"""Columns that only the rows of an undo have."""

ALL = slice(None)


@dataclass(frozen=True, slots=True)
class RowColumns:
    """The columns of a group's batches. `dimensions` names those of indexes.

    `places`: for each of these the place of its index in a row; None where rows have none, since it is always 0.
    """

    dimensions: tuple[str, ...]
    places: tuple[int | None, ...]
    stamps: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: GroupHeader) -> RowColumns:
        """Return the columns of the group with this header."""
        names: list[str] = []
        places: list[int | None] = []
        explicit = count()
        for name, identifiers in header.dimensions:
            names.append(name)
            places.append(next(explicit) if len(identifiers) > 1 else None)
        return cls(tuple(names), tuple(places), () if header.undo is None else STAMPS)

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of text."""
        return (VALUE, COMMENT, *self.stamps)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in their order."""
        return (ROW, *self.dimensions, VALUE, DELETED, FOLLOWUP, COMMENT, *self.stamps)


class RowBatch(Protocol):
    """Some rows of a group, in their order. Never changes. Columns are given whole, or of some rows."""

    columns: RowColumns

    def __len__(self) -> int:
        """How many rows there are."""

    def integers(self, column: str, rows: slice = ALL) -> Sequence[int]:
        """Return the column `row`, or one of indexes."""

    def texts(self, column: str, rows: slice = ALL) -> Sequence[str | None]:
        """Return a column of text."""

    def flags(self, column: str, rows: slice = ALL) -> Sequence[bool | None]:
        """Return the column `deleted` or `followup`."""

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return capsules with an ArrowSchema and an ArrowArray, which holds the rows by itself."""
