"""Presence: for which periods which org units state a data element, a bit each; and the gaps that this shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_PARTS = 32
"""Parts that wait to be put together: each time costs as much as all cells."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Bits of a rectangle: `stated` has period after period a bit for each org unit; both are ids, in any order."""

    periods: pl.Series
    units: pl.Series
    stated: pl.Series

    @classmethod
    def none(cls, periods: pl.Series, units: pl.Series) -> Cells:
        """Return the rectangle of a group of which nothing was read yet."""
        return cls(periods, units, empty_bits(len(periods) * len(units)))

    def mark(self, cells: pl.Series) -> None:
        """Take note of cells by their places."""
        self.stated.scatter(cells, values=True)


def empty_bits(count: int) -> pl.Series:
    """Return so many bits, none of them set."""
    return pl.repeat(value=False, n=count, dtype=pl.Boolean, eager=True)


@dataclass(frozen=True, slots=True)
class UnitGap:
    """An org unit that states some periods and not others: `reported` of so many."""

    unit: int
    reported: int
    missing: Sequence[int]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing of the product of periods and org units that are there.

    `incomplete`: org units that lack some period; `worst`: the ones that lack most. `reported`: org units by id
    (`unit`) with how many of the periods each states.
    """

    periods: int
    units: int
    stated: int
    incomplete: int
    worst: Sequence[UnitGap]
    reported: pl.DataFrame

    @property
    def missing(self) -> int:
        """Cells that nobody states."""
        return self.periods * self.units - self.stated


class Presence:
    """Which periods and org units state one data element, of however many groups."""

    def __init__(self) -> None:
        self._parts: list[Cells] = []

    def add(self, part: Cells) -> None:
        """Add the cells of a group."""
        last = self._parts[-1] if self._parts else None
        if last and last.periods.equals(part.periods) and last.units.equals(part.units):
            self._parts[-1] = Cells(part.periods, part.units, last.stated | part.stated)
            return
        self._parts.append(part)
        if len(self._parts) > _PARTS:
            self._parts = [self.merged()]

    def merged(self) -> Cells:
        """Return all cells together, periods and org units by rising id; without those that state nothing."""
        parts = [_within(part) for part in self._parts]
        if not parts:
            none = pl.Series([], dtype=pl.Int32)
            return Cells.none(none, none)
        periods = pl.concat([part.periods for part in parts]).unique().sort()
        units = pl.concat([part.units for part in parts]).unique().sort()
        whole = Cells.none(periods, units)
        for part in parts:
            at = part.stated.arg_true().cast(pl.Int64)
            width = max(len(part.units), 1)
            period_at = periods.search_sorted(part.periods).cast(pl.Int64).gather(at // width)
            unit_at = units.search_sorted(part.units).cast(pl.Int64).gather(at % width)
            whole.mark(period_at * len(units) + unit_at)
        return whole


def _within(part: Cells) -> Cells:
    """Return a rectangle of only the periods and org units that state something."""
    at = part.stated.arg_true().cast(pl.Int64)
    width = max(len(part.units), 1)
    periods, units = (at // width).unique().sort(), (at % width).unique().sort()
    stated = empty_bits(len(periods) * len(units))
    period_at = periods.search_sorted(at // width).cast(pl.Int64)
    stated.scatter(period_at * len(units) + units.search_sorted(at % width), values=True)
    return Cells(part.periods.gather(periods), part.units.gather(units), stated)


def gaps_of(cells: Cells, periods: Sequence[int], worst: int) -> Gaps:
    """Return the gaps among some of the periods of merged cells, with so many of the worst org units."""
    asked = pl.Series(periods, dtype=pl.Int32)
    width = max(len(cells.units), 1)
    at = cells.stated.arg_true().cast(pl.Int64)
    frame = pl.DataFrame({"period": cells.periods.gather(at // width), "unit": cells.units.gather(at % width)})
    counts = (
        frame.filter(pl.col("period").is_in(asked.implode()))
        .group_by("unit")
        .agg(pl.len().alias("reported"), pl.col("period"))
        .sort("reported", "unit")
    )
    incomplete = counts.filter(pl.col("reported") < len(asked))
    gaps = [
        UnitGap(row["unit"], row["reported"], sorted(set(periods) - set(row["period"])))
        for row in incomplete.head(worst).iter_rows(named=True)
    ]
    stated = int(counts["reported"].sum())
    return Gaps(len(asked), len(counts), stated, len(incomplete), gaps, counts.select("unit", "reported"))
