"""Selection: what the predicate of a query leaves of a group, as far as its header alone decides it.

A predicate is taken apart where its parts must all hold. A part about one dimension of the header is asked of the
distinct identifiers: none left, and no row of the group is read. The rest is asked of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

import polars as pl

from tallyport.frames.columns import ColumnType, FrameColumn
from tallyport.frames.group_columns import GroupColumns

TYPES: Mapping[ColumnType, pl.DataType] = {
    ColumnType.TEXT: pl.String(),
    ColumnType.NUMBER: pl.Float64(),
    ColumnType.FLAG: pl.Boolean(),
    ColumnType.DATE: pl.Date(),
    ColumnType.COUNT: pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a group. `unasked`: by dimension, 1 for each identifier whose rows are not asked for.

    `rest`: what is still to be asked of the rows, and the columns that it needs.
    """

    unasked: Mapping[str, bytes]
    rest: pl.Expr | None
    needs: frozenset[str]


class GroupSelection:
    """A predicate on the columns of a frame."""

    def __init__(self, predicate: pl.Expr | None, columns: Sequence[FrameColumn]) -> None:
        self._columns = {column.name: column for column in columns}
        self._parts = [(part, part.meta.root_names()) for part in _parts(predicate)] if predicate is not None else []

    def of(self, group: GroupColumns) -> Left | None:
        """Return what is left of a group; None: nothing."""
        unasked: dict[str, bytes] = {}
        rest: list[tuple[pl.Expr, Sequence[str]]] = []
        for part, names in self._parts:
            dimensions = {group.dimension(self._columns[name]) for name in names} - {""}
            if None in dimensions or len(dimensions) > 1:
                rest.append((part, names))
                continue
            kept = self._kept(part, names, group)
            if not any(kept):
                return None
            for dimension in dimensions:
                assert dimension is not None
                before = unasked.get(dimension, bytes(len(kept)))
                unasked[dimension] = bytes(was or not is_kept for was, is_kept in zip(before, kept, strict=True))
        if any(all(marks) for marks in unasked.values()):
            return None
        needs = frozenset(name for _, names in rest for name in names)
        return Left(
            {dimension: marks for dimension, marks in unasked.items() if any(marks)},
            reduce(and_, (part for part, _ in rest)) if rest else None,
            needs,
        )

    def _kept(self, part: pl.Expr, names: Sequence[str], group: GroupColumns) -> list[bool]:
        shown = {name: group.shown(self._columns[name]) for name in names}
        count = max(map(len, shown.values()), default=1)
        series = (
            pl.Series(name, entries if len(entries) == count else [*entries] * count, TYPES[self._columns[name].type])
            for name, entries in shown.items()
        )
        found = pl.DataFrame(series).select(part.alias("kept"))["kept"] if names else pl.select(part).to_series()
        return [answer is True for answer in found]


def _parts(predicate: pl.Expr) -> list[pl.Expr]:
    """Return the parts of a predicate that must all hold: itself, if it is not made by `&`."""
    inner = predicate.meta.pop()
    if len(inner) == 2:
        for one, other in (inner, inner[::-1]):
            if predicate.meta.eq(one & other):
                return [*_parts(one), *_parts(other)]
    return [predicate]
