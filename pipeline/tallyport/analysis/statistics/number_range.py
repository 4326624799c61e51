"""Number ranges: what the values of a data element are: how many numbers, from where to where, how many texts.

Distinct numbers are counted. Beyond `DISTINCT` of them they are rounded to three digits for quartiles, and it is said
so; all else stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tallyport_schemas.document import Document

DISTINCT = 10_000
"""Distinct numbers of a data element that are counted one by one."""

_WAITING = 50_000
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Numbers in order: each is one of the values, that of the nearest rank."""

    minimum: float
    lower: float
    median: float
    upper: float
    maximum: float


class NumberRange:
    """The values of one data element, as they come."""

    def __init__(self) -> None:
        self.numbers = self.texts = self.zeros = self.negatives = 0
        self.is_exact = True
        self._minimum = float("inf")
        self._maximum = float("-inf")
        self._parts: list[pl.DataFrame] = []
        self._waiting = 0

    def add(self, counts: pl.DataFrame) -> None:
        """Add counted values: `number`, null for a text, and `count`."""
        numbers = counts.drop_nulls("number")
        total = int(numbers["count"].sum())
        self.texts += int(counts["count"].sum()) - total
        if not total:
            return
        self.numbers += total
        column, count = numbers["number"], numbers["count"]
        self.zeros += int(count.filter(column == 0).sum())
        self.negatives += int(count.filter(column < 0).sum())
        self._minimum = min(self._minimum, float(str(column.min())))
        self._maximum = max(self._maximum, float(str(column.max())))
        self._parts.append(numbers)
        self._waiting += len(numbers)
        if self._waiting > _WAITING:
            self._parts = [self._counted()]
            self._waiting = 0

    def _counted(self) -> pl.DataFrame:
        counted = pl.concat(self._parts)
        if not self.is_exact:
            counted = counted.with_columns(pl.col("number").round_sig_figs(_DIGITS))
        counted = counted.group_by("number").sum()
        if self.is_exact and len(counted) > DISTINCT:
            self.is_exact = False
            counted = counted.with_columns(pl.col("number").round_sig_figs(_DIGITS)).group_by("number").sum()
        return counted

    def quartiles(self) -> Quartiles | None:
        """Return where the numbers lie; None where there are none."""
        if not self.numbers:
            return None
        counted = self._counted().sort("number")
        up_to = counted["count"].cum_sum()
        ranks = [-(-self.numbers * part // 4) for part in (1, 2, 3)]
        at = [int(up_to.search_sorted(rank)) for rank in ranks]
        lower, median, upper = (float(counted["number"][place]) for place in at)
        return Quartiles(self._minimum, lower, median, upper, self._maximum)

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        members: Document = {"numbers": self.numbers, "texts": self.texts}
        members |= {"zeros": self.zeros, "negatives": self.negatives}
        if found := self.quartiles():
            members |= {
                "min": _plain(found.minimum),
                "lower_quartile": _plain(found.lower),
                "median": _plain(found.median),
                "upper_quartile": _plain(found.upper),
                "max": _plain(found.maximum),
                "exact": self.is_exact,
            }
        return members


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number
