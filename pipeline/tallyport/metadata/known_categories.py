"""Which categories data elements and data sets have by a snapshot, for conversions that skip what is no category."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from tallyport.metadata import Snapshot
from tallyport.metadata.combos import Resolver
from tallyport.metadata.tables import NONE
from tallyport_converters.model.combos import KnownCategories


def of_snapshot(snapshot: Snapshot) -> Callable[[Mapping[str, str]], KnownCategories]:
    """Return what a conversion asks for by the schemes of its source."""
    return lambda schemes: SnapshotCategories(snapshot, schemes)


class SnapshotCategories:
    """Categories by their identifiers in a source's schemes."""

    def __init__(self, snapshot: Snapshot, schemes: Mapping[str, str]) -> None:
        """Add the scheme of each kind."""
        self._snapshot, self._schemes = snapshot, schemes
        index = snapshot.table("categories").index(schemes["c"])[0]
        self._names: dict[int, set[str]] = {}
        for name, row in index.items():
            self._names.setdefault(row, set()).add(name)

    def of_element(self, data_element: str) -> frozenset[str] | None:
        """See `KnownCategories`."""
        (row,) = self._snapshot.keys("de", self._schemes["de"], [data_element])
        return None if row is None else self._of_combos(Resolver(self._snapshot).data_combos(row))

    def of_data_sets(self, data_sets: Collection[str]) -> frozenset[str] | None:
        """See `KnownCategories`."""
        table = self._snapshot.table("dataSets")
        rows: Iterable[int] = range(len(table))
        if data_sets:
            rows = self._snapshot.resolve_all("ds", self._schemes["ds"], list(data_sets)).rows
        combos = table.ints("combo")
        return self._of_combos({NONE if row == NONE else combos[row] for row in rows})

    def _of_combos(self, combos: Collection[int]) -> frozenset[str] | None:
        """Return the categories of category combos; None unless all of them are known."""
        found: set[str] = set()
        for combo in combos:
            rows = None if combo == NONE else self._snapshot.table("categoryCombos").rows_of("categories", combo)
            if rows is None:
                return None
            found.update(*(self._names.get(row, ()) for row in rows))
        return frozenset(found) if combos else None
