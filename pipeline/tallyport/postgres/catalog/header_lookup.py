"""Scope: what a group's header names, looked up in a DHIS2 database.

A dozen statements a group, however long its lists are and however many rows follow. What comes back is made into a
snapshot of just these objects, so that the checks of validation are made on it, the same ones; and into the ids that
rows are stored under.

Headers of a run that name the same share what was found: a run sees the metadata as it was when it first asked, as a
request to DHIS2 does. What an import writes locks what it refers to, so that an object that is removed is noticed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tallyport.metadata import DEFAULT_COMBO, Collection, Snapshot
from tallyport.metadata.combos import Resolver, Unsettled
from tallyport.metadata.snapshot import KINDS
from tallyport.postgres.catalog.memory import Memory
from tallyport.postgres.catalog.org_unit_cache import KnownUnits
from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement
from tallyport.validation.existence import HeaderRows
from tallyport.validation.relations import Relations, check_by_member, check_relations
from tallyport_converters.adv2.row_check import Refused
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period, PeriodType
from tallyport_schemas.finding import Finding, finding
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from psycopg import Connection

_FILE_TYPES = ("FILE_RESOURCE", "IMAGE")


@dataclass(frozen=True, slots=True)
class Scope:
    """The ids of what a header names, by the place that rows refer to it with; `data_sets`: those that can be meant.

    `combos` and `attribute_combos`: an option combo by its place; with category options, a place is their indexes
    read as one number, and places that no option combo has are missing.
    """

    data_element: int
    data_sets: Sequence[int]
    periods: Mapping[int, Period]
    org_units: Mapping[int, int]
    combos: dict[int, int]
    attribute_combos: dict[int, int]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A header against the database. `scope` is None where an error was found.

    `periods_after_option_end`: how many periods the data set stays open after the end of attribute options. `refused`:
    identifiers that no row may name; they have no place in `scope`.
    """

    relations: Relations
    findings: Sequence[Finding]
    scope: Scope | None
    periods_after_option_end: int
    refused: Refused = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Objects:
    """What a header names besides its periods: a snapshot of it, and ids by collection and UID."""

    snapshot: Snapshot
    ids: Mapping[str, Mapping[str, int]]

    def ids_of(self, collection: str, rows: Iterable[int]) -> list[int]:
        """Return the ids of objects of the snapshot."""
        uids, ids = self.snapshot.table(collection).uids, self.ids[collection]
        return [ids[uids[row]] for row in rows]


class KnownHeaders:
    """What the headers of a run have named so far."""

    def __init__(self) -> None:
        self.units = KnownUnits()
        self.objects: Memory[_Objects] = Memory()
        self.looked_up: Memory[LookedUp] = Memory()


def look_up(
    database: Connection[Row],
    header: GroupHeader,
    known: KnownHeaders,
    *,
    today: date,
    skipped: Container[str] = (),
    by_member: bool = False,
) -> LookedUp:
    """Check a header against the database itself, and find the ids of what it names.

    `known`: from other groups of the run, with the same `today` and `skipped`, which is as in `check_relations`.
    `by_member`: identifiers that are wrong are refused one by one, as `check_by_member` does.
    """
    scheme = tuple(header.ids.items())
    named = (scheme, header.ds, header.cc, header.de, header.ou, header.coc, header.co, header.aoc, header.ao)
    asked = (named, header.pe, header.delete, by_member)
    if found := known.looked_up.get(asked):
        return found
    objects = known.objects.get(named)
    if objects is None:
        fetching = _Fetching(database, header, known.units)
        with database.transaction():
            objects = fetching.objects()
        known.objects.keep(named, objects, fetching.count)
    found = _checked(header, objects, today, skipped, by_member=by_member)
    known.looked_up.keep(asked, found, len(header.pe) + len(header.ou))
    return found


class _Fetching:
    """Fetches what a header names; `count` is how many objects these are."""

    def __init__(self, database: Connection[Row], header: GroupHeader, units: KnownUnits) -> None:
        self._database = database
        self._header = header
        self._units = units
        self._collection = Collection()
        self.count = 0
        self._ids: dict[str, dict[str, int]] = {collection: {} for collection in (*KINDS.values(), "attributes")}

    def objects(self) -> _Objects:
        """Fetch all of it."""
        self._fetch()
        self.count += sum(map(len, self._ids.values()))
        return _Objects(Snapshot(self._collection.tables()), self._ids)

    def _rows(self, name: str, **parameters: Any) -> list[Row]:
        return self._database.execute(statement(f"catalog/{name}"), parameters).fetchall()

    def _named(self, kind: str, names: Iterable[str], prefix: str = "") -> dict[str, Any]:
        """Return the parameters that name objects in the scheme of their kind."""
        scheme, _, attribute = self._header.ids[kind].partition(":")
        given = {"names": list(names), "scheme": scheme, "attribute": attribute or None}
        return {prefix + key: value for key, value in given.items()}

    def _object(self, kind: str, row: Row, *, has_attribute: bool = True) -> dict[str, Any]:
        """Return what all objects have, of a row that begins with id, uid, code, name, attribute's value."""
        self._ids[KINDS[kind]][row[1]] = row[0]
        found: dict[str, Any] = {"id": row[1], "code": row[2], "name": row[3], "attributeValues": {}}
        attribute = self._header.ids[kind].partition(":")[2]
        if has_attribute and attribute and row[4]:
            found["attributeValues"][attribute] = {"value": row[4]}
        return found

    def _fetch(self) -> None:
        header, add = self._header, self._collection.add_objects
        attributes = {text.partition(":")[2] for text in header.ids.values()} - {""}
        known = self._rows("attributes", uids=sorted(attributes)) if attributes else []
        add("attributes", ({"id": uid} for (uid,) in known))

        elements = self._rows("data_element", **self._named("de", [header.de]))
        one = elements[0] if len(elements) == 1 else None
        add("dataElements", map(self._data_element, elements))
        units = self._units.rows(self._database, header.ids["ou"], header.ou)
        add("organisationUnits", map(self._org_unit, units))
        unit_ids = [row[0] for row in units]

        named = [] if header.ds is None else [header.ds]
        data_sets = self._rows("data_sets", **self._named("ds", named), data_element=one[0] if one else None)
        self._add_data_sets(data_sets, unit_ids, one[1] if one else None)
        self._add_combos([row[6] for row in data_sets] + [row[12] for row in data_sets] + [row[8] for row in elements])
        self._add_options(unit_ids)
        if one and (sets := [uid for uid in one[10:12] if uid]):
            codes = self._rows("option_sets", uids=sets)
            listed = (
                {"id": uid, "options": [{"id": f"{uid} {i}", "code": code} for i, code in enumerate(of)]}
                for uid, of in codes
            )
            add("optionSets", listed)
        if one and one[6] in _FILE_TYPES:
            files = self._rows("file_resources")
            self.count += len(files)
            add("fileResources", ({"id": uid} for (uid,) in files))

    def _data_element(self, row: Row) -> dict[str, Any]:
        domain, value_type, zero, _, combo, option_set, comment_set = row[5:]
        return self._object("de", row) | {
            "domainType": domain,
            "valueType": value_type,
            "zeroIsSignificant": zero,
            "categoryCombo": {"id": combo},
            "optionSet": option_set,
            "commentOptionSet": comment_set,
        }

    def _org_unit(self, row: Row) -> dict[str, Any]:
        path, opening, closed = row[5:]
        return self._object("ou", row) | {"path": path, "openingDate": opening, "closedDate": closed}

    def _add_data_sets(self, rows: Sequence[Row], unit_ids: list[int], element: str | None) -> None:
        ids = [row[0] for row in rows]
        assigned: dict[int, list[str]] = (
            dict(self._rows("assigned_units", data_sets=ids, org_units=unit_ids)) if ids else {}
        )
        windows: dict[int, list[dict[str, Any]]] = {}
        for data_set, kind, start, opening, closing in self._rows("input_periods", data_sets=ids) if ids else ():
            period = periods.containing(start, PeriodType(kind)) if kind in list(PeriodType) else None
            if period:
                window = {"period": period.iso, "openingDate": opening, "closingDate": closing}
                windows.setdefault(data_set, []).append(window)
        objects = []
        for row in rows:
            period_type, _, combo, expiry, future, after_end, has_element, _, override = row[5:]
            members = [{"dataElement": element, "categoryCombo": override}] if has_element and element else []
            objects.append(
                self._object("ds", row)
                | {
                    "periodType": period_type,
                    "categoryCombo": {"id": combo},
                    "expiryDays": expiry,
                    "openFuturePeriods": future or 0,
                    "openPeriodsAfterCoEndDate": after_end or 0,
                    "organisationUnits": assigned.get(row[0], []),
                    "dataSetElements": members,
                    "dataInputPeriods": windows.get(row[0], []),
                }
            )
        self._collection.add_objects("dataSets", objects)

    def _add_combos(self, ids: Iterable[int | None]) -> None:
        wanted = sorted({combo for combo in ids if combo is not None})
        named = [] if self._header.cc is None else [self._header.cc]
        given = self._named("cc", named)
        del given["attribute"]
        rows = self._rows("category_combos", ids=wanted, default_uid=DEFAULT_COMBO, **given)
        objects = (self._object("cc", row, has_attribute=False) | {"categories": row[4]} for row in rows)
        self._collection.add_objects("categoryCombos", objects)

    def _add_options(self, unit_ids: list[int]) -> None:
        header, add = self._header, self._collection.add_objects
        combos = list(self._ids["categoryCombos"].values())
        given = [dimension for dimension in (header.co, header.ao) if dimension is not None]
        categories = {name for dimension in given for name in dimension.categories or ()}
        options = {name for dimension in given for place in dimension.options for name in place}
        rows = self._rows("categories", combos=combos, **self._named("c", sorted(categories)))
        add("categories", (self._object("c", row) | {"categoryOptions": row[5]} for row in rows))
        rows = self._rows("category_options", combos=combos, org_units=unit_ids, **self._named("co", sorted(options)))
        add("categoryOptions", (self._object("co", row) | dict(zip(_OPTION, row[5:], strict=True)) for row in rows))
        of_both = self._named("coc", header.coc or (), "coc_") | self._named("aoc", header.aoc or (), "aoc_")
        rows = self._rows("option_combos", combos=combos, **of_both)
        add("categoryOptionCombos", map(self._option_combo, rows))

    def _option_combo(self, row: Row) -> dict[str, Any]:
        found = self._object("coc", row)
        attribute = self._header.ids["aoc"].partition(":")[2]
        if attribute and row[5]:
            found["attributeValues"][attribute] = {"value": row[5]}
        return found | {"categoryCombo": row[6], "categoryOptions": row[7]}


def _checked(
    header: GroupHeader, objects: _Objects, today: date, skipped: Container[str], *, by_member: bool
) -> LookedUp:
    """Check a header by the objects that it names, and give ids their places."""
    snapshot = objects.snapshot
    refused: Refused = {}
    is_empty = False
    if by_member:
        judged = check_by_member(header, snapshot, today=today, skipped=skipped)
        relations, refused, is_empty = judged.relations, judged.refused, judged.left is None
    else:
        relations = check_relations(header, snapshot, today=today, skipped=skipped)
    found = list(relations.findings)
    scope = None
    if not is_empty and not _has_errors(found):
        combos, attributes = (_placed(header, kind, objects, found) for kind in ("coc", "aoc"))
        if not _has_errors(found):
            scope = _scope(header, relations.rows, objects, refused, combos, attributes)
    after_end = snapshot.table("dataSets").ints("open_periods_after_option_end")
    back = max((after_end[row] for row in relations.rows.data_sets), default=0)
    return LookedUp(relations, found, scope, back, refused)


def _has_errors(findings: Iterable[Finding]) -> bool:
    return any(f.severity == "error" for f in findings)


def _placed(header: GroupHeader, kind: str, objects: _Objects, found: list[Finding]) -> dict[int, int]:
    """Return the ids of option combos by place; what is wrong is added to `found`."""
    try:
        made = Resolver(objects.snapshot).option_combos(header, kind).by_place
    except Unsettled as error:
        found.append(finding("TP709", field=error.role, found=error.found, expected=error.expected))
        return {}
    if not made:
        code = "TP707" if kind == "coc" else "TP708"
        found.append(finding(code, field=kind, expected="the default option combo"))
    return dict(zip(made, objects.ids_of("categoryOptionCombos", made.values()), strict=True))


def _scope(
    header: GroupHeader,
    rows: HeaderRows,
    objects: _Objects,
    refused: Refused,
    combos: dict[int, int],
    attributes: dict[int, int],
) -> Scope:
    no_periods, no_units = refused.get(0, ()), refused.get(1, ())
    named = enumerate(objects.snapshot.keys("ou", header.ids["ou"], header.ou))
    units = {at: row for at, row in named if row is not None and at not in no_units}
    assert rows.element is not None, "relations fail without a data element"
    (element,) = objects.ids_of("dataElements", [rows.element])
    return Scope(
        element,
        objects.ids_of("dataSets", rows.data_sets),
        {at: p for at, p in enumerate(map(periods.parse, header.pe)) if p is not None and at not in no_periods},
        dict(zip(units, objects.ids_of("organisationUnits", units.values()), strict=True)),
        combos,
        attributes,
    )


_OPTION = ("startDate", "endDate", "organisationUnits")
