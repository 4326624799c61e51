"""Which period types data elements and data sets have by a snapshot, for tables that give periods as dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache

from tallyport.metadata import Snapshot
from tallyport_converters.model.periods import PeriodType


def period_types_of(snapshot: Snapshot) -> Callable[[Mapping[str, str]], SnapshotPeriodTypes]:
    """Return what a conversion asks for by the schemes of its source."""
    return lambda schemes: SnapshotPeriodTypes(snapshot, schemes)


class SnapshotPeriodTypes:
    """Period types by the identifiers of data elements and data sets in a source's schemes."""

    def __init__(self, snapshot: Snapshot, schemes: Mapping[str, str]) -> None:
        """Add the scheme of each kind."""
        self._snapshot, self._schemes = snapshot, schemes
        self._of = lru_cache(maxsize=65_536)(self._look_up)

    def of(self, data_element: str, data_set: str) -> PeriodType | None:
        """See `KnownPeriodTypes`."""
        return self._of(data_element, data_set)

    def _look_up(self, data_element: str, data_set: str) -> PeriodType | None:
        kind, identifier = ("ds", data_set) if data_set else ("de", data_element)
        (row,) = self._snapshot.keys(kind, self._schemes[kind], [identifier])
        if row is None:
            return None
        sets: Iterable[int] = [row] if data_set else self._snapshot.data_sets_of(row)
        types = {self._snapshot.table("dataSets").texts("period_type")[of_set] for of_set in sets}
        if len(types) == 1:
            with suppress(ValueError):  # a type that nobody knows
                return PeriodType(types.pop())
        return None
