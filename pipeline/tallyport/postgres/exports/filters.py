"""Selecting: what filters name, looked up in a DHIS2 database, as ids that statements take.

Objects are named by UID, or else by code. None in place of a list means all there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tallyport.postgres.connection import Row, is_storable
from tallyport.postgres.statements import statement, statement_on
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period, PeriodType
from tallyport_schemas.finding import SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Filters:
    """Which values are meant: those that fit all that is given.

    Data elements are chosen by themselves, by their groups and by data sets: what any of these has is meant. So it is
    with organisation units and their groups; `children` takes all below `org_units` as well, `levels` keeps those of
    these levels (the root is 1). `start` and `end`: periods that lie wholly between these days, both included.
    `updated_since` is compared with the time of the last change as the server has it. `deleted`: values that are
    marked deleted are meant too.

    Raises:
        ValueError: what was given does not go together, or a period is none.
    """

    data_elements: Sequence[str] = ()
    data_element_groups: Sequence[str] = ()
    data_sets: Sequence[str] = ()
    periods: Sequence[str] = ()
    start: date | None = None
    end: date | None = None
    org_units: Sequence[str] = ()
    children: bool = False
    org_unit_groups: Sequence[str] = ()
    levels: Sequence[int] = ()
    attribute_option_combos: Sequence[str] = ()
    updated_since: datetime | None = None
    deleted: bool = False

    def __post_init__(self) -> None:
        for text in self.periods:
            if periods.parse(text) is None:
                raise ValueError(f"{text!r} is no period: {periods.explain(text)}")
        if self.periods and (self.start or self.end):
            raise ValueError("periods are given by themselves, or by the days that they lie between")
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"the start, {self.start}, is after the end, {self.end}")
        if self.children and not self.org_units:
            raise ValueError("children need organisation units that they lie below")
        if self.children and self.org_unit_groups:
            raise ValueError("children are those of organisation units, not of their groups")

    @property
    def as_json(self) -> dict[str, Any]:
        """What was given, by name."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value if isinstance(value, (bool, list)) else list(value) if isinstance(value, tuple) else str(value)
            for name, value in given.items()
            if value
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids that statements filter by, and what the periods are called; `unnamed`: periods that ISO texts cannot name.

    `data_sets` are those that filters name, in their order.
    """

    parameters: dict[str, Any]
    periods: dict[int, Period]
    unnamed: dict[int, str]
    data_sets: Sequence[int]


def select(database: Connection[Row], filters: Filters) -> Selection:
    """Look up what filters name.

    Raises:
        SourceUnreadable: TP760, the database does not have some of it.
    """
    unknown: list[str] = []

    def ids(name: str, **parameters: Any) -> list[int]:
        return [row[0] for row in database.execute(statement(f"exports/{name}"), parameters)]

    def found(table: str, names: Sequence[str]) -> list[int]:
        if not names:
            return []
        storable = {"names": [name for name in names if is_storable(name)]}
        find = statement_on("exports/find", table=table, id=f"{table}id")
        known = {name: id_ for name, id_ in database.execute(find, storable) if id_ is not None}
        unknown.extend(name for name in names if name not in known)
        return [known[name] for name in names if name in known]

    elements = found("dataelement", filters.data_elements)
    groups = found("dataelementgroup", filters.data_element_groups)
    data_sets = found("dataset", filters.data_sets)
    units = found("organisationunit", filters.org_units)
    unit_groups = found("orgunitgroup", filters.org_unit_groups)
    attributes = found("categoryoptioncombo", filters.attribute_option_combos)
    if unknown:
        raise SourceUnreadable(finding("TP760", culprits=unknown))
    if groups:
        elements += ids("group_elements", ids=groups)
    if data_sets:
        elements += ids("members", ids=data_sets)
    if unit_groups:
        units += ids("group_units", ids=unit_groups)
    by_element = filters.data_elements or filters.data_element_groups or filters.data_sets
    by_unit = filters.org_units or filters.org_unit_groups
    by_period = filters.periods or filters.start or filters.end
    levels = list(filters.levels) or None
    if by_unit or levels:
        units = ids("units", ids=units if by_unit else None, children=filters.children, levels=levels)
    named, unnamed = _periods(database, filters)
    parameters = {
        "data_elements": sorted(set(elements)) if by_element else None,
        "periods": sorted(named) if by_period else None,
        "org_units": units if by_unit or levels else None,
        "attribute_combos": attributes or None,
        "updated_since": filters.updated_since,
        "deleted": filters.deleted,
    }
    return Selection(parameters, named, {} if by_period else unnamed, data_sets)


def _periods(database: Connection[Row], filters: Filters) -> tuple[dict[int, Period], dict[int, str]]:
    """Return the periods that are meant, by id, and what is known of those that cannot be named."""
    wanted = {period.iso for text in filters.periods if (period := periods.parse(text))}
    named: dict[int, Period] = {}
    unnamed: dict[int, str] = {}
    for id_, kind, start, end, iso in database.execute(statement("exports/periods")):
        period = _period(kind, start, end, iso)
        if period is None:
            unnamed[id_] = iso or f"{kind or 'a period of no type'} from {start} to {end}"
        elif (
            (not wanted or period.iso in wanted)
            and (filters.start is None or filters.start <= period.start)
            and (filters.end is None or period.end <= filters.end)
        ):
            named[id_] = period
    return named, unnamed


def _period(kind: str | None, start: date, end: date, iso: str | None) -> Period | None:
    """Return the period of a row; before 2.43 a row has no ISO text, which then follows from type and days."""
    if iso is not None:
        return periods.parse(iso)
    period = periods.containing(start, PeriodType(kind)) if kind in list(PeriodType) else None
    return period if period and (period.start, period.end) == (start, end) else None
