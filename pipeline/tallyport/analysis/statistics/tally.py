"""Tally: what is counted while the rows of groups stream by. A row costs no Python.

Memory: some counts and the distinct numbers of each data element, a bit for each period and org unit of it, and the
distinct identifiers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from tallyport.analysis.statistics.distinct import Distinct
from tallyport.analysis.statistics.number_range import NumberRange
from tallyport.analysis.statistics.presence import Cells, Presence
from tallyport.analysis.statistics.repeats import GroupKeys
from tallyport.frames.columns import COLUMNS_OF, NUMBER
from tallyport_converters.native.abi import TableSource
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_converters.native.table import Column, RowTable, TableForm
from tallyport_schemas.group_header import GroupHeader

_NUMBERS = TableForm([Column(NUMBER, TableSource.NUMBER)], views=True)
"""The values of a batch as numbers, where they are such."""


@dataclass(slots=True)
class RowCounts:
    """Rows, and those with something of their own. `empty`: neither a value nor deleted."""

    rows: int = 0
    deleted: int = 0
    empty: int = 0
    followup: int = 0
    comments: int = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a batch."""
        self.rows += len(frame)
        self.deleted += int(frame["deleted"].sum())
        self.empty += int((frame["value"].is_null() & ~frame["deleted"]).sum())
        self.followup += int(frame["followup"].sum())
        self.comments += int((frame["comment"].is_not_null() & (frame["comment"] != "")).sum())

    def as_json(self) -> dict[str, int]:
        """Return them as a JSON object."""
        return {
            "rows": self.rows,
            "deleted": self.deleted,
            "empty": self.empty,
            "followup": self.followup,
            "comments": self.comments,
        }


@dataclass(slots=True)
class ElementTally:
    """What is counted of one data element."""

    scheme: str
    counts: RowCounts = field(default_factory=RowCounts)
    values: NumberRange = field(default_factory=NumberRange)
    presence: Presence = field(default_factory=Presence)
    groups: list[GroupKeys] = field(default_factory=list)
    repeated: int = 0
    """Rows whose key an earlier row of their group has."""
    combos: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


class Tally:
    """What is counted of all groups."""

    def __init__(self) -> None:
        self.units, self.periods = Distinct(), Distinct()
        self.counts = RowCounts()
        self.elements: dict[str, ElementTally] = {}
        self.combos: dict[str, Counter[str]] = defaultdict(Counter)
        """By column, how many rows name each combo or option."""
        self.schemes: dict[str, str] = {}
        """The schemes of the first group."""
        self.rows_by_period: Counter[int] = Counter()
        self.rows_by_unit = pl.Series([], dtype=pl.Int64)

    def of_element(self, header: GroupHeader) -> ElementTally:
        """Return what is counted of a group's data element."""
        self.schemes = self.schemes or dict(header.ids)
        return self.elements.setdefault(header.de, ElementTally(header.ids["de"]))

    def add_units(self, units: pl.Series, rows: pl.Series) -> None:
        """Add numbers of rows to those of org units, distinct ones."""
        missing = len(self.units) - len(self.rows_by_unit)
        if missing:
            self.rows_by_unit = self.rows_by_unit.extend_constant(0, missing)
        self.rows_by_unit.scatter(units, self.rows_by_unit.gather(units) + rows)


class GroupTally:
    """What is counted of one group: `add` its batches, then `close`."""

    def __init__(self, tally: Tally, header: GroupHeader, keys: GroupKeys) -> None:
        self._tally, self._header, self._keys = tally, header, keys
        self._element = tally.of_element(header)
        self._periods, self._units = tally.periods.ids(header.pe), tally.units.ids(header.ou)
        self._cells = Cells.none(self._periods, self._units)
        self._counts: dict[str, list[pl.DataFrame]] = defaultdict(list)

    def add(self, batch: ArrowBatch) -> None:
        """Count the rows of a batch."""
        numbers = pl.DataFrame(RowTable(_NUMBERS, batch, slice(0, len(batch))))
        frame = pl.DataFrame(batch).hstack(numbers)
        self._element.counts.add(frame)
        self._tally.counts.add(frame)
        self._keys.rows += len(frame)
        for name, _ in self._header.dimensions:
            self._counts[name].append(frame[name].value_counts(name="count"))
        stated = frame.filter(pl.col("value").is_not_null() & ~pl.col("deleted"))
        self._cells.mark((stated["pe"].cast(pl.Int64) * len(self._header.ou) + stated["ou"]).unique())
        self._element.values.add(stated[NUMBER].value_counts(name="count").cast({"count": pl.Int64}))

    def close(self) -> None:
        """Add the group to the whole."""
        tally, element = self._tally, self._element
        element.presence.add(self._cells)
        element.groups.append(self._keys)
        for name, identifiers in self._header.dimensions:
            parts = self._counts[name]
            if not parts:
                continue
            counted = pl.concat(parts).group_by(name).sum()
            if name == "pe":
                ids = self._periods.gather(counted[name])
                for period, count in zip(ids, counted["count"], strict=True):
                    tally.rows_by_period[period] += count
            elif name == "ou":
                tally.add_units(self._units.gather(counted[name]), counted["count"].cast(pl.Int64))
            else:
                self._add_combos(COLUMNS_OF.get(name, name), identifiers, counted)

    def _add_combos(self, column: str, identifiers: Sequence[str], counted: pl.DataFrame) -> None:
        for index, count in counted.iter_rows():
            self._tally.combos[column][identifiers[index]] += count
            self._element.combos[column].add(identifiers[index])
