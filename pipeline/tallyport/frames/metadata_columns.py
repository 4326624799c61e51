"""Metadata columns: what metadata adds to a frame, and what it holds for the identifiers of a header.

What a snapshot says of all objects of a kind is laid out once; a group then needs the number of each of its objects.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import date
from functools import cached_property, lru_cache
from math import prod

from tallyport.frames.columns import (
    ATTRIBUTE_OPTION_COMBO,
    CATEGORY_OPTION_COMBO,
    DATA_ELEMENT,
    ORG_UNIT,
    ColumnType,
    FrameColumn,
)
from tallyport.metadata import Snapshot
from tallyport.metadata.combos import HeaderResolver, Unsettled
from tallyport.metadata.tables import NONE
from tallyport_converters.model import periods
from tallyport_converters.native.table import Entries
from tallyport_schemas.group_header import GroupHeader

EPOCH = date(1970, 1, 1)

_PERIOD_DAYS = {"period_start": 0, "period_end": 1}
"""The columns of a period's days: the first, the last."""

COMBINATIONS_LIMIT = 1_000_000
"""Combinations of category options for which a group's option combos are looked up."""

_KINDS = {
    DATA_ELEMENT: ("", "dataElements"),
    ORG_UNIT: ("ou", "organisationUnits"),
    CATEGORY_OPTION_COMBO: ("coc", "categoryOptionCombos"),
    ATTRIBUTE_OPTION_COMBO: ("aoc", "categoryOptionCombos"),
}
"""The columns that names are added to: the dimension that their objects follow from, and their table."""

_LEVEL = "level_"


class MetadataColumns:
    """The columns that one snapshot adds."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._entries: dict[tuple[str, str], Entries] = {}
        self._resolver = HeaderResolver(snapshot)

    @cached_property
    def names(self) -> frozenset[str]:
        """What the added columns are called."""
        return frozenset(column.name for column in self.columns)

    @cached_property
    def columns(self) -> tuple[FrameColumn, ...]:
        """The added columns, but `data_set`."""
        made: list[FrameColumn] = []
        for column, (dimension, _) in _KINDS.items():
            made += (FrameColumn(f"{column}_{what}", dimension=dimension) for what in ("name", "code"))
            if column == ORG_UNIT:
                made += (FrameColumn(f"{_LEVEL}{i + 1}", dimension=dimension) for i in range(len(self._levels)))
        return (*made, *(FrameColumn(name, ColumnType.DATE, "pe") for name in _PERIOD_DAYS))

    def texts(self, column: str) -> Sequence[str | None]:
        """Return what a column says of each object of its kind."""
        _, table, what = self._place(column)
        if what.startswith(_LEVEL):
            return self._levels[int(what.removeprefix(_LEVEL)) - 1]
        return [text or None for text in self._snapshot.table(table).texts(what)]

    def entries(self, column: str) -> Entries:
        """Return the same for tables, made once."""
        _, table, what = self._place(column)
        if (table, what) not in self._entries:
            self._entries[table, what] = Entries(self.texts(column))
        return self._entries[table, what]

    def objects(self, column: str, header: GroupHeader) -> array[int] | None:
        """Return the object that a column speaks of for each identifier of its dimension; `NONE` where it is not known.

        Of option combos given by category options: for each combination of these. None: of none it is known.
        """
        dimension, _, _ = self._place(column)
        if not dimension:
            return array("i", self._snapshot.resolve_all("de", header.ids["de"], [header.de]).rows)
        if dimension == "ou":
            return array("i", self._snapshot.resolve_all("ou", header.ids["ou"], header.ou).rows)
        return self._option_combos(dimension, header)

    def days(self, column: str, texts: Sequence[str]) -> list[int | None]:
        """Return the day that a column shows of each period, counted from 1970."""
        return [None if span is None else span[_PERIOD_DAYS[column]] for span in map(_span, texts)]

    def data_set(self, header: GroupHeader) -> str | None:
        """Return the data set that a header names, or the only one that has its data element."""
        if header.ds is not None:
            return header.ds
        (element,) = self._snapshot.keys("de", header.ids["de"], [header.de])
        data_sets = [] if element is None else list(self._snapshot.data_sets_of(element))
        if len(data_sets) != 1:
            return None
        return self._snapshot.identifiers_of("ds", header.ids["ds"], data_sets)[0]

    def _option_combos(self, kind: str, header: GroupHeader) -> array[int] | None:
        combos, options = (header.coc, header.co) if kind == "coc" else (header.aoc, header.ao)
        count = prod(map(len, options.options)) if options else len(combos or (None,))
        if count > COMBINATIONS_LIMIT:
            return None
        try:
            found = self._resolver.option_combos(header, kind).by_place
        except Unsettled:
            return None
        return array("i", [found.get(place, NONE) for place in range(count)])

    def _place(self, column: str) -> tuple[str, str, str]:
        """Return the dimension and the table of a column, and which of the table's columns it shows."""
        if column.startswith(_LEVEL):
            return (*_KINDS[ORG_UNIT], column)
        of, _, what = column.rpartition("_")
        return (*_KINDS[of], what)

    @cached_property
    def _levels(self) -> Sequence[Sequence[str | None]]:
        """For each level from the root: the name of each organisation unit's ancestor there, its own included."""
        table = self._snapshot.table("organisationUnits")
        parents, names = table.ints("parent"), table.texts("name")
        depths = depths_of(parents)
        levels: list[list[str | None]] = [[None] * len(parents) for _ in range(max(depths, default=0))]
        for row, depth in enumerate(depths):
            at = row
            for level in range(depth - 1, -1, -1):
                levels[level][row] = names[at] or None
                at = parents[at]
        return levels


def depths_of(parents: Sequence[int]) -> array[int]:
    """Return at which level of the hierarchy each organisation unit is, 1 for a root, given the row of its parent."""
    depths = array("i", [NONE]) * len(parents)
    for row in range(len(parents)):
        path: list[int] = []
        at = row
        while at != NONE and depths[at] == NONE and len(path) <= len(parents):
            path.append(at)
            depths[at] = 0  # until it is known: whoever lies below itself is a root
            at = parents[at]
        above = 0 if at == NONE else depths[at]
        for depth, below in enumerate(reversed(path), start=above + 1):
            depths[below] = depth
    return depths


@lru_cache(maxsize=10_000)
def _span(text: str) -> tuple[int, int] | None:
    """Return the first and the last day of a period, counted from 1970; None for what is not a period."""
    period = periods.parse(text)
    return None if period is None else ((period.start - EPOCH).days, (period.end - EPOCH).days)
