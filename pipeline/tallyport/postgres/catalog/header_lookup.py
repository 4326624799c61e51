"""Header lookup: what a group's header names, checked against a DHIS2 database, and the ids that rows are stored under.

The checks are those of validation, made on a snapshot of just what the header names.

Headers of a run that name the same share what was found: a run sees the metadata as it was when it first asked, as a
request to DHIS2 does. What an import writes locks what it refers to, so that an object that is removed is noticed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tallyport.metadata.combos import HeaderResolver, Unsettled
from tallyport.postgres.catalog.memory import Memory
from tallyport.postgres.catalog.org_unit_cache import KnownUnits
from tallyport.postgres.catalog.stored_metadata import StoredObjects, header_objects
from tallyport.postgres.connection import Row
from tallyport.validation.relations import Relations, check_relations
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period
from tallyport_schemas.finding import Finding, finding
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from psycopg import Connection


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

    `periods_after_option_end`: how many periods the data set stays open after the end of attribute options. What
    `relations` refuse has no place in `scope`.
    """

    relations: Relations
    findings: Sequence[Finding]
    scope: Scope | None
    periods_after_option_end: int


class KnownHeaders:
    """What the headers of a run have named so far."""

    def __init__(self) -> None:
        self.units = KnownUnits()
        self.objects: Memory[StoredObjects] = Memory()
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

    `known`: from other groups of the run, with the same `today` and `skipped`; these and `by_member` are as in
    `check_relations`.
    """
    scheme = tuple(header.ids.items())
    named = (scheme, header.ds, header.cc, header.de, header.ou, header.coc, header.co, header.aoc, header.ao)
    asked = (named, header.pe, header.delete, by_member)
    if found := known.looked_up.get(asked):
        return found
    objects = known.objects.get(named)
    if objects is None:
        with database.transaction():
            objects = header_objects(database, header, known.units)
        known.objects.keep(named, objects, objects.count)
    relations = check_relations(header, objects.snapshot, today=today, skipped=skipped, by_member=by_member)
    found = _looked_up(header, objects, relations)
    known.looked_up.keep(asked, found, len(header.pe) + len(header.ou))
    return found


def _looked_up(header: GroupHeader, objects: StoredObjects, relations: Relations) -> LookedUp:
    """Give ids their places, where the header is right."""
    found = list(relations.findings)
    scope = None
    if not relations.is_empty and not _has_errors(found):
        combos, attributes = (_placed(header, kind, objects, found) for kind in ("coc", "aoc"))
        if not _has_errors(found):
            scope = _scope(header, relations, objects, combos, attributes)
    after_end = objects.snapshot.table("dataSets").ints("open_periods_after_option_end")
    back = max((after_end[row] for row in relations.rows.data_sets), default=0)
    return LookedUp(relations, found, scope, back)


def _has_errors(findings: Iterable[Finding]) -> bool:
    return any(f.severity == "error" for f in findings)


def _placed(header: GroupHeader, kind: str, objects: StoredObjects, found: list[Finding]) -> dict[int, int]:
    """Return the ids of option combos by place; what is wrong is added to `found`."""
    try:
        made = HeaderResolver(objects.snapshot).option_combos(header, kind).by_place
    except Unsettled as error:
        found.append(finding("TP709", field=error.role, found=error.found, expected=error.expected))
        return {}
    if not made:
        code = "TP707" if kind == "coc" else "TP708"
        found.append(finding(code, field=kind, expected="the default option combo"))
    return dict(zip(made, objects.ids_of("categoryOptionCombos", made.values()), strict=True))


def _scope(
    header: GroupHeader,
    relations: Relations,
    objects: StoredObjects,
    combos: dict[int, int],
    attributes: dict[int, int],
) -> Scope:
    rows, no_periods, no_units = relations.rows, *(relations.refused.get(place, {}) for place in (0, 1))
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
