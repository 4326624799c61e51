"""Which categories data elements and data sets have by a database, for conversions that skip what is no category."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement
from tallyport_converters.model.combos import KnownCategories

if TYPE_CHECKING:
    from psycopg import Connection


def of_database(database: Connection[Row]) -> Callable[[Mapping[str, str]], KnownCategories]:
    """Return what a conversion asks for by the schemes of its source; nothing is looked up before it is."""
    return lambda schemes: DatabaseCategories(database, schemes)


class DatabaseCategories:
    """Categories by their identifiers in a source's schemes, fetched at once."""

    def __init__(self, database: Connection[Row], schemes: Mapping[str, str]) -> None:
        """Fetch them."""
        self._elements = self._fetched(database, "categories_of_elements", schemes, "de")
        self._data_sets = self._fetched(database, "categories_of_data_sets", schemes, "ds")

    @staticmethod
    def _fetched(
        database: Connection[Row], name: str, schemes: Mapping[str, str], kind: str
    ) -> dict[str, frozenset[str]]:
        parameters: dict[str, str | None] = {}
        for each, prefix in ((kind, "owner"), ("c", "category")):
            scheme, _, attribute = schemes[each].partition(":")
            parameters |= {f"{prefix}_scheme": scheme, f"{prefix}_attribute": attribute or None}
        rows = database.execute(statement(f"catalog/{name}"), parameters).fetchall()
        return {owner: frozenset(categories) for owner, categories in rows}

    def of_element(self, data_element: str) -> frozenset[str] | None:
        """See `KnownCategories`."""
        return self._elements.get(data_element)

    def of_data_sets(self, data_sets: Collection[str]) -> frozenset[str] | None:
        """See `KnownCategories`."""
        names = data_sets or self._data_sets.keys()
        if not names or not self._data_sets.keys() >= set(names):
            return None
        return frozenset().union(*(self._data_sets[name] for name in names))
