"""Period spans: many periods in a few words, such as "12 months, 202501 to 202512"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period, PeriodType
from tallyport_schemas.document import Document

_NOUNS = (
    ("Daily", "day"),
    ("BiWeekly", "two-week period"),
    ("Weekly", "week"),
    ("BiMonthly", "two-month period"),
    ("Monthly", "month"),
    ("Quarterly", "quarter"),
    ("SixMonthly", "six-month period"),
    ("Yearly", "year"),
    ("Financial", "financial year"),
)

MISSING_LIMIT = 100_000
"""Periods of a span that are looked at for gaps."""


@dataclass(frozen=True, slots=True)
class PeriodSpan:
    """The distinct periods of one type: how many there are, the first and the last, and those missing between."""

    kind: PeriodType
    count: int
    first: str
    last: str
    missing: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The span in words."""
        noun = next(noun for start, noun in _NOUNS if self.kind.value.startswith(start))
        counted = f"{self.count:,} {noun}{'' if self.count == 1 else 's'}"
        if self.count == 1:
            return f"{counted}, {self.first}"
        gaps = f", {len(self.missing):,} missing between" if self.missing else ""
        return f"{counted}, {self.first} to {self.last}{gaps}"

    def holds(self, name: str) -> bool:
        """Whether a period is of the span's type."""
        period = periods.parse(name)
        return period is not None and period.kind is self.kind

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        return {
            "type": self.kind.value,
            "count": self.count,
            "first": self.first,
            "last": self.last,
            "missing": list(self.missing),
        }


def period_spans(names: Iterable[str]) -> list[PeriodSpan]:
    """Return the spans of periods, one for each period type, the longest first; what is no period is skipped."""
    by_kind: dict[PeriodType, set[Period]] = defaultdict(set)
    for name in names:
        if period := periods.parse(name):
            by_kind[period.kind].add(period)
    spans = [_span(kind, sorted(found, key=periods.sort_key)) for kind, found in by_kind.items()]
    return sorted(spans, key=lambda span: -span.count)


def _span(kind: PeriodType, found: list[Period]) -> PeriodSpan:
    return PeriodSpan(kind, len(found), found[0].iso, found[-1].iso, tuple(_missing(kind, found)))


def _missing(kind: PeriodType, found: list[Period]) -> Iterable[str]:
    """Yield the periods of a type between the first and the last of those found that are not among them."""
    there = {period.iso for period in found}
    day, end = found[0].start, found[-1].start
    for _ in range(MISSING_LIMIT):
        if day >= end:
            return
        period = periods.containing(day, kind)
        if period is None or period.end >= date.max:
            return
        if period.iso not in there:
            yield period.iso
        day = period.end + timedelta(days=1)
