"""Filling: a snapshot of metadata into the tables of the embedded database, by COPY and one statement a step.

Objects keep their ids from one snapshot to the next, and so their values. What a snapshot only mentions cannot be
made: all of it is reported, and nothing is changed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tallyport.metadata import CHECKS, Snapshot
from tallyport.metadata.tables import NONE, UNKNOWN, Table
from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement, statement_on
from tallyport_converters.model import periods
from tallyport_converters.model.periods import PeriodType
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection

Cell = str | int | None
Line = Sequence[Cell]

_STEPS = ("objects", "members", "analyze")
_UNIQUE = {
    "code": (
        "attribute",
        "fileresource",
        "organisationunit",
        "category",
        "categoryoption",
        "categorycombo",
        "categoryoptioncombo",
        "optionset",
        "dataelement",
        "dataset",
    ),
    "name": ("attribute", "category", "categoryoption", "categorycombo", "optionset", "dataelement"),
    "path": ("organisationunit",),
}
"""The columns whose texts no two objects of a table share, beside the UID."""

_LAST_DAY = date.max.toordinal()
_ALWAYS_OPEN = date.min.isoformat()
_LEVELS = 21
"""Organisation units below each other at most: DHIS2 keeps 255 characters of a path, and each takes twelve."""


@dataclass(frozen=True, slots=True)
class Filled:
    """How many objects were stored, by collection, with findings: TP783, TP784."""

    objects: dict[str, int]
    findings: tuple[Finding, ...]


def fill(database: Connection[Row], snapshot: Snapshot) -> Filled:
    """Add a snapshot in the transaction that is open.

    Raises:
        SourceUnreadable: TP782, it refers to objects that it does not hold, or DHIS2's tables cannot hold it.
    """
    import psycopg

    tables = _Tables(snapshot)
    for lines in tables.lines().values():
        deque(lines, maxlen=0)  # a reading for what is lacking alone: nothing is held, however many there are
    if tables.lacking:
        raise SourceUnreadable(finding("TP782", culprits=tables.lacking))
    try:
        database.execute(statement("embedded/given"))
        for name, lines in tables.lines().items():
            _copy(database, name, lines)
        gone = database.execute(statement("embedded/gone")).fetchall()
        for column, of in _UNIQUE.items():
            for table in of:
                free = statement_on("embedded/free", table=table, column=column, given=f"given_{table}")
                database.execute(free, {"keep_uid": column == "name"})
        for step in _STEPS:
            database.execute(statement(f"embedded/{step}"))
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        diagnostics = error.diag
        said = filter(None, (diagnostics.message_primary, diagnostics.message_detail, diagnostics.context))
        message = "the metadata cannot be stored as DHIS2 stores it"
        advice = "export it again from DHIS2, all of it at the same time"
        found = "; ".join(" ".join(text.split()) for text in said)
        raise SourceUnreadable(finding("TP782", message=message, help=advice, found=found)) from error
    return Filled(snapshot.summary()["objects"], tuple(_notices(snapshot, gone)))


def _copy(database: Connection[Row], name: str, lines: Iterable[Line]) -> None:
    from psycopg.sql import SQL, Identifier

    with (
        database.cursor() as cursor,
        cursor.copy(SQL("copy {} from stdin").format(Identifier(f"given_{name}"))) as copy,
    ):
        for line in lines:
            copy.write_row(line)


def _notices(snapshot: Snapshot, gone: Iterable[Row]) -> Iterator[Finding]:
    unanswered = [
        f"{check.name} ({', '.join(snapshot.lacking(short))})"
        for short, check in CHECKS.items()
        if snapshot.lacking(short)
    ]
    if unanswered:
        yield finding("TP783", culprits=unanswered)
    kept = [f"{collection} {uid}" for collection, uid in gone]
    if kept:
        yield finding("TP784", culprits=kept)


class _Tables:
    """The lines of every table; `lacking` names what there should be and is not, each once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.lacking: dict[str, None] = {}

    def lines(self) -> dict[str, Iterator[Line]]:
        """Return the lines by the name of the table that takes them."""
        return {
            "attribute": self._named("attributes"),
            "fileresource": self._named("fileResources"),
            "organisationunit": self._org_units(),
            "category": self._with_attributes("categories"),
            "categoryoption": self._category_options(),
            "categorycombo": self._named("categoryCombos"),
            "categoryoptioncombo": self._option_combos(),
            "optionset": self._with_attributes("optionSets"),
            "optionvalue": self._options(),
            "dataelement": self._data_elements(),
            "dataset": self._data_sets(),
            "category_option": self._members("categories", "options", "categoryOptions"),
            "combo_category": self._members("categoryCombos", "categories", "categories"),
            "option_combo_option": self._option_combo_options(),
            "option_unit": self._marked("categoryOptions", "org_units"),
            "dataset_element": self._data_set_elements(),
            "dataset_unit": self._marked("dataSets", "org_units"),
            "input_period": self._input_periods(),
        }

    # --- What there should be ----------------------------------------------------------------------------------------

    def _lacks(self, what: str, owner: str, row: int) -> None:
        self.lacking.setdefault(f"{what} of {owner} {self._snapshot.table(owner).uids[row]}")

    def _reference(self, target: str, place: int) -> int | None:
        """Return the place that an object refers to, if there is an object."""
        if place == NONE:
            return None
        table = self._snapshot.table(target)
        if not table.is_defined[place]:
            # Once is enough: a thousand may refer to the same, or to others that are missing as well.
            missing = f"{target} {table.uids[place]}" if table.is_present else f"all {target}"
            self.lacking.setdefault(missing)
            return None
        return place

    def _needed(self, owner: str, row: int, field: str, value: Cell) -> Cell:
        if value is None or value == "":
            self._lacks(field, owner, row)
        return value

    def _combo(self, owner: str, row: int, place: int) -> int | None:
        if place == NONE:
            self._lacks("categoryCombo", owner, row)
        return self._reference("categoryCombos", place)

    # --- Objects -----------------------------------------------------------------------------------------------------

    def _rows(self, name: str) -> Iterator[tuple[int, list[Cell]]]:
        """Yield every object's place, with its place, uid, code and name: the uid where it has none."""
        table = self._snapshot.table(name)
        codes, names = table.texts("code"), table.texts("name")
        for row, uid in enumerate(table.uids):
            if table.is_defined[row]:
                yield row, [row, uid, codes[row] or None, names[row] or uid]

    def _named(self, name: str) -> Iterator[Line]:
        for _, line in self._rows(name):
            yield line

    def _with_attributes(self, name: str) -> Iterator[Line]:
        attributes = _attributes(self._snapshot.table(name))
        for row, line in self._rows(name):
            yield [*line, attributes[row]]

    def _org_units(self) -> Iterator[Line]:
        table = self._snapshot.table("organisationUnits")
        attributes = _attributes(table)
        opening, closed, paths = table.ints("opening"), table.ints("closed"), self._paths()
        parents = table.ints("parent")
        for row, line in self._rows("organisationUnits"):
            parent = self._reference("organisationUnits", parents[row])
            path = paths.get(row, "")
            days = [_day(opening[row]) or _ALWAYS_OPEN, _day(closed[row])]
            yield [*line, parent, path, path.count("/"), *days, attributes[row]]

    def _paths(self) -> dict[int, str]:
        """Return the path of every organisation unit."""
        table = self._snapshot.table("organisationUnits")
        parents, paths = table.ints("parent"), dict[int, str]()
        for row in range(len(table)):
            above: list[int] = []
            place = row
            while place != NONE and place not in paths and len(above) <= _LEVELS:
                above.append(place)
                place = parents[place]
            if len(above) > _LEVELS or paths.get(place, "").count("/") + len(above) > _LEVELS:
                self._lacks("an end of the units above", "organisationUnits", row)
                continue
            for step in reversed(above):
                paths[step] = f"{paths.get(parents[step], '')}/{table.uids[step]}"
        return paths

    def _category_options(self) -> Iterator[Line]:
        table = self._snapshot.table("categoryOptions")
        attributes = _attributes(table)
        start, end = table.ints("start"), table.ints("end")
        for row, line in self._rows("categoryOptions"):
            yield [*line, _day(start[row]), _day(end[row]), attributes[row]]

    def _option_combos(self) -> Iterator[Line]:
        name = "categoryOptionCombos"
        table = self._snapshot.table(name)
        attributes = _attributes(table)
        combos, names = table.ints("combo"), table.texts("name")
        for row, combo in enumerate(combos):
            if combo != NONE and not table.is_defined[row]:
                self._reference(name, row)
        for row, line in self._rows(name):
            combo_place = self._reference("categoryCombos", combos[row])
            yield [*line[:3], names[row] or None, combo_place, attributes[row]]

    def _options(self) -> Iterator[Line]:
        table = self._snapshot.table("optionSets")
        for row in range(len(table)):
            for place, code in enumerate(table.texts_of("options", row) or ()):
                yield [row, place + 1, code]

    def _data_elements(self) -> Iterator[Line]:
        name = "dataElements"
        table = self._snapshot.table(name)
        attributes = _attributes(table)
        value_types, domains, zero = (
            table.texts("value_type"),
            table.texts("domain_type"),
            table.ints("zero_is_significant"),
        )
        combos = table.ints("combo")
        sets = [table.ints("option_set"), table.ints("comment_option_set")]
        options = self._snapshot.table("optionSets")
        for row, line in self._rows(name):
            value_type = self._needed(name, row, "valueType", value_types[row])
            domain = self._needed(name, row, "domainType", domains[row])
            combo = self._combo(name, row, combos[row])
            used = [self._reference("optionSets", of[row]) for of in sets]
            for place in used:
                if place is not None and options.texts_of("options", place) is None:
                    self._lacks("options", "optionSets", place)
            significant = "true" if zero[row] == 1 else "false"
            yield [*line, value_type, domain, combo, significant, *used, attributes[row]]

    def _data_sets(self) -> Iterator[Line]:
        name = "dataSets"
        table = self._snapshot.table(name)
        attributes = _attributes(table)
        kinds, combos = table.texts("period_type"), table.ints("combo")
        numbers = [table.ints(column) for column in ("expiry_days", "open_future_periods")]
        after_end = table.ints("open_periods_after_option_end")
        known = set(PeriodType)
        for row, line in self._rows(name):
            if kinds[row] not in known:
                self._lacks(f"periodType {kinds[row]}".strip(), name, row)
            combo = self._combo(name, row, combos[row])
            given = [_number(of[row]) for of in numbers]
            yield [*line, kinds[row], combo, *given, _number(after_end[row]) or 0, attributes[row]]

    # --- What belongs together ---------------------------------------------------------------------------------------

    def _defined(self, name: str) -> Iterator[int]:
        is_defined = self._snapshot.table(name).is_defined
        return (row for row, defined in enumerate(is_defined) if defined)

    def _members(self, owner: str, column: str, target: str) -> Iterator[Line]:
        table = self._snapshot.table(owner)
        for row in self._defined(owner):
            for order, member in enumerate(table.rows_of(column, row) or ()):
                place = self._reference(target, member)
                if place is not None:
                    yield [row, order + 1, place]

    def _option_combo_options(self) -> Iterator[Line]:
        for option_combo, _, option in self._members("categoryOptionCombos", "options", "categoryOptions"):
            yield [option_combo, option]

    def _marked(self, owner: str, column: str) -> Iterator[Line]:
        """Yield the organisation units that objects name."""
        for row in self._defined(owner):
            marks = self._snapshot.marked(owner, column, row) or b""
            unit = marks.find(1)
            while unit != NONE:
                if self._reference("organisationUnits", unit) is not None:
                    yield [row, unit]
                unit = marks.find(1, unit + 1)

    def _data_set_elements(self) -> Iterator[Line]:
        name = "dataSets"
        for row in self._defined(name):
            for element, combo in (self._snapshot.elements_of(row) or {}).items():
                place = self._reference("dataElements", element)
                if place is not None:
                    yield [row, place, self._reference("categoryCombos", combo)]

    def _input_periods(self) -> Iterator[Line]:
        name = "dataSets"
        table = self._snapshot.table(name)
        for row in self._defined(name):
            opening, closing = table.rows_of("input_openings", row) or (), table.rows_of("input_closings", row) or ()
            for text, opens, closes in zip(table.texts_of("input_periods", row) or (), opening, closing, strict=False):
                period = periods.parse(text)
                if period is None:
                    self._lacks(f"input period {text}", name, row)
                    continue
                days = [period.start.isoformat(), period.end.isoformat(), _day(opens), _day(closes)]
                yield [row, period.kind.value, period.iso, *days]


def _attributes(table: Table) -> defaultdict[int, str]:
    """Return the attribute values of each object as DHIS2 stores them."""
    import orjson

    by_row: dict[int, dict[str, dict[str, str]]] = defaultdict(dict)
    for attribute, values in table.attributes.items():
        for row, value in values.items():
            by_row[row][attribute] = {"value": value}
    return defaultdict(lambda: "{}", {row: orjson.dumps(values).decode() for row, values in by_row.items()})


def _day(ordinal: int) -> str | None:
    """Return a day as text; None for none."""
    return date.fromordinal(ordinal).isoformat() if 1 <= ordinal <= _LAST_DAY else None


def _number(number: int) -> int | None:
    return None if number == UNKNOWN else number
