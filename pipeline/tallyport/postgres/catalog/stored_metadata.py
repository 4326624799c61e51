"""Stored metadata: objects of a DHIS2 database, made into a snapshot, with the ids that the database knows them by.

That of what a header names takes a dozen statements, however long its lists are. A snapshot is the catalog that the
resolver of option combos asks, and what the checks of validation are made on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tallyport.metadata import Collection, Snapshot
from tallyport.metadata.catalog import DEFAULT_COMBO
from tallyport.metadata.known_categories import of_snapshot
from tallyport.metadata.snapshot import KINDS
from tallyport.postgres.catalog.org_unit_cache import KnownUnits
from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement
from tallyport_converters.model import periods
from tallyport_converters.model.combos import KnownCategories
from tallyport_converters.model.periods import PeriodType
from tallyport_schemas.group_header import KINDS as KINDS_OF_IDENTIFIERS
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from psycopg import Connection

_FILE_TYPES = ("FILE_RESOURCE", "IMAGE")
_OPTION = ("startDate", "endDate", "organisationUnits")


@dataclass(frozen=True, slots=True)
class StoredObjects:
    """Some objects: a snapshot of them, and their ids by collection and UID. `count`: how many they are."""

    snapshot: Snapshot
    ids: Mapping[str, Mapping[str, int]]
    count: int

    def ids_of(self, collection: str, rows: Iterable[int]) -> list[int]:
        """Return the ids of objects of the snapshot."""
        uids, ids = self.snapshot.table(collection).uids, self.ids[collection]
        return [ids[uids[row]] for row in rows]


def header_objects(database: Connection[Row], header: GroupHeader, units: KnownUnits) -> StoredObjects:
    """Return what a header names other than its periods, and all that decides whether it belongs together."""
    fetched = _Fetched(database, header.ids)
    fetched.of_header(header, units)
    return fetched.objects()


def value_objects(database: Connection[Row], used: Sequence[Row]) -> StoredObjects:
    """Return what decides whose the option combos of values are; `used`: rows of `exports/used_combos.sql`."""
    fetched = _Fetched(database, dict.fromkeys(KINDS_OF_IDENTIFIERS, "UID"))
    elements = fetched.data_elements(sorted({row[0] for row in used}))
    data_sets = fetched.data_sets([], [row[0] for row in elements])
    fetched.category_combos([*_combos_of(elements, data_sets), *(combo for row in used for combo in row[3:])])
    fetched.categories()
    fetched.option_combos(sorted({row[1] for row in used}), sorted({row[2] for row in used}))
    return fetched.objects()


def default_objects(database: Connection[Row]) -> Snapshot:
    """Return the default category combo with its option combos."""
    fetched = _Fetched(database, dict.fromkeys(KINDS_OF_IDENTIFIERS, "UID"))
    fetched.category_combos([])
    fetched.option_combos()
    return fetched.objects().snapshot


def of_database(database: Connection[Row]) -> Callable[[Mapping[str, str]], KnownCategories]:
    """Return what a conversion asks for categories, by the schemes of its source; nothing is fetched before it is."""

    def known(schemes: Mapping[str, str]) -> KnownCategories:
        fetched = _Fetched(database, schemes)
        fetched.data_elements(None)
        fetched.data_sets(None, None)
        fetched.category_combos(None)
        fetched.categories()
        return of_snapshot(fetched.objects().snapshot)(schemes)

    return known


def _combos_of(elements: Sequence[Row], data_sets: Sequence[Row]) -> list[int | None]:
    """Return the ids of the category combos that data elements and data sets have."""
    return [combo for row in data_sets for combo in (row[6], *row[12])] + [row[8] for row in elements]


class _Fetched:
    """Fetches objects, which can be named in `schemes`. Where what is named is None, all there are."""

    def __init__(self, database: Connection[Row], schemes: Mapping[str, str]) -> None:
        self._database, self._schemes = database, schemes
        self._collection = Collection()
        self._count = 0
        self._ids: dict[str, dict[str, int]] = {collection: {} for collection in (*KINDS.values(), "attributes")}

    def objects(self) -> StoredObjects:
        """Return what was fetched."""
        return StoredObjects(Snapshot(self._collection.tables()), self._ids, self._count)

    def of_header(self, header: GroupHeader, units: KnownUnits) -> None:
        """Fetch what a header names."""
        self._attributes()
        elements = self.data_elements([header.de], has_option_sets=True)
        one = elements[0] if len(elements) == 1 else None
        unit_rows = units.rows(self._database, header.ids["ou"], header.ou)
        self._add("organisationUnits", map(self._org_unit, unit_rows))
        unit_ids = [row[0] for row in unit_rows]
        named = [] if header.ds is None else [header.ds]
        data_sets = self.data_sets(named, [one[0]] if one else [], unit_ids)
        self.category_combos(_combos_of(elements, data_sets), [] if header.cc is None else [header.cc])
        given = [dimension for dimension in (header.co, header.ao) if dimension is not None]
        self.categories({name for dimension in given for name in dimension.categories or ()})
        self._category_options({name for dimension in given for place in dimension.options for name in place}, unit_ids)
        self.option_combos(header.coc or (), header.aoc or ())
        if one and one[6] in _FILE_TYPES:
            self._add("fileResources", ({"id": uid} for (uid,) in self._rows("file_resources")))

    # --- One collection each -----------------------------------------------------------------------------------------

    def data_elements(self, names: Sequence[str] | None, *, has_option_sets: bool = False) -> list[Row]:
        """Fetch data elements; with their option sets, if these are of interest."""
        rows = self._rows("data_elements", **self._named("de", names))
        sets = self._option_sets([id_ for row in rows for id_ in row[10:12] if id_]) if has_option_sets else {}
        self._add("dataElements", (self._data_element(row, sets) for row in rows))
        return rows

    def data_sets(
        self, names: Sequence[str] | None, elements: Sequence[int] | None, unit_ids: Sequence[int] | None = None
    ) -> list[Row]:
        """Fetch data sets by name and those of data elements; with what they have of units, if these are given."""
        rows = self._rows("data_sets", **self._named("ds", names), data_elements=elements)
        ids = [row[0] for row in rows] if unit_ids is not None else []
        assigned: dict[int, list[str]] = (
            dict(self._rows("assigned_units", data_sets=ids, org_units=unit_ids)) if ids else {}
        )
        windows: dict[int, list[dict[str, Any]]] = {}
        for data_set, kind, start, opening, closing in self._rows("input_periods", data_sets=ids) if ids else ():
            period = periods.containing(start, PeriodType(kind)) if kind in list(PeriodType) else None
            if period:
                window = {"period": period.iso, "openingDate": opening, "closingDate": closing}
                windows.setdefault(data_set, []).append(window)
        self._add("dataSets", (self._data_set(row, assigned, windows) for row in rows))
        return rows

    def category_combos(self, ids: Iterable[int | None] | None, names: Sequence[str] = ()) -> None:
        """Fetch category combos by id and by name, and the default one."""
        wanted = None if ids is None else sorted({combo for combo in ids if combo is not None})
        given = self._named("cc", names)
        del given["attribute"]
        rows = self._rows("category_combos", ids=wanted, default_uid=DEFAULT_COMBO, **given)
        objects = (self._object("cc", row, has_attribute=False) | {"categories": row[4]} for row in rows)
        self._add("categoryCombos", objects)

    def categories(self, names: Iterable[str] = ()) -> None:
        """Fetch categories by name, and those of the category combos that were fetched."""
        rows = self._rows("categories", combos=self._combos, **self._named("c", sorted(names)))
        self._add("categories", (self._object("c", row) | {"categoryOptions": row[5]} for row in rows))
        self._ids["categoryOptions"] |= {uid: id_ for row in rows for uid, id_ in zip(row[5], row[6], strict=True)}

    def option_combos(self, names: Sequence[str] = (), attribute_names: Sequence[str] = ()) -> None:
        """Fetch option combos by name, and those of the category combos that were fetched."""
        of_both = self._named("coc", names, "coc_") | self._named("aoc", attribute_names, "aoc_")
        rows = self._rows("option_combos", combos=self._combos, **of_both)
        self._add("categoryOptionCombos", map(self._option_combo, rows))

    def _category_options(self, names: Iterable[str], unit_ids: Sequence[int]) -> None:
        named = self._named("co", sorted(names))
        rows = self._rows("category_options", combos=self._combos, org_units=unit_ids, **named)
        objects = (self._object("co", row) | dict(zip(_OPTION, row[5:], strict=True)) for row in rows)
        self._add("categoryOptions", objects)

    def _attributes(self) -> None:
        uids = {scheme.partition(":")[2] for scheme in self._schemes.values()} - {""}
        known = self._rows("attributes", uids=sorted(uids)) if uids else []
        self._add("attributes", ({"id": uid} for (uid,) in known))

    def _option_sets(self, ids: Sequence[int]) -> dict[int, str]:
        """Fetch option sets; returns their UIDs."""
        rows = self._rows("option_sets", ids=ids) if ids else []
        listed = (
            {"id": uid, "options": [{"id": f"{uid} {at}", "code": code} for at, code in enumerate(codes)]}
            for _, uid, codes in rows
        )
        self._add("optionSets", listed)
        return {id_: uid for id_, uid, _ in rows}

    # --- Rows as objects of an export --------------------------------------------------------------------------------

    def _data_element(self, row: Row, option_sets: Mapping[int, str]) -> dict[str, Any]:
        domain, value_type, zero, _, combo, option_set, comment_set = row[5:]
        return self._object("de", row) | {
            "domainType": domain,
            "valueType": value_type,
            "zeroIsSignificant": zero,
            "categoryCombo": {"id": combo},
            "optionSet": option_sets.get(option_set),
            "commentOptionSet": option_sets.get(comment_set),
        }

    def _org_unit(self, row: Row) -> dict[str, Any]:
        path, opening, closed = row[5:]
        return self._object("ou", row) | {"path": path, "openingDate": opening, "closedDate": closed}

    def _data_set(
        self, row: Row, assigned: Mapping[int, list[str]], windows: Mapping[int, list[dict[str, Any]]]
    ) -> dict[str, Any]:
        period_type, _, combo, expiry, future, after_end, members, _ = row[5:]
        return self._object("ds", row) | {
            "periodType": period_type,
            "categoryCombo": {"id": combo},
            "expiryDays": expiry,
            "openFuturePeriods": future or 0,
            "openPeriodsAfterCoEndDate": after_end or 0,
            "organisationUnits": assigned.get(row[0], []),
            "dataSetElements": members,
            "dataInputPeriods": windows.get(row[0], []),
        }

    def _option_combo(self, row: Row) -> dict[str, Any]:
        found = self._object("coc", row)
        attribute = self._schemes["aoc"].partition(":")[2]
        if attribute and row[5]:
            found["attributeValues"][attribute] = {"value": row[5]}
        return found | {"categoryCombo": row[6], "categoryOptions": row[7]}

    def _object(self, kind: str, row: Row, *, has_attribute: bool = True) -> dict[str, Any]:
        """Return what all objects have, of a row that begins with id, uid, code, name, attribute's value."""
        self._ids[KINDS[kind]][row[1]] = row[0]
        found: dict[str, Any] = {"id": row[1], "code": row[2], "name": row[3], "attributeValues": {}}
        attribute = self._schemes[kind].partition(":")[2]
        if has_attribute and attribute and row[4]:
            found["attributeValues"][attribute] = {"value": row[4]}
        return found

    # --- Asking ------------------------------------------------------------------------------------------------------

    @property
    def _combos(self) -> list[int]:
        return list(self._ids["categoryCombos"].values())

    def _rows(self, name: str, **parameters: Any) -> list[Row]:
        rows = self._database.execute(statement(f"catalog/{name}"), parameters).fetchall()
        self._count += len(rows)
        return rows

    def _named(self, kind: str, names: Iterable[str] | None, prefix: str = "") -> dict[str, Any]:
        """Return the parameters that name objects in the scheme of their kind."""
        scheme, _, attribute = self._schemes[kind].partition(":")
        given = {"names": None if names is None else list(names), "scheme": scheme, "attribute": attribute or None}
        return {prefix + key: value for key, value in given.items()}

    def _add(self, collection: str, objects: Iterable[dict[str, Any]]) -> None:
        self._collection.add_objects(collection, objects)
