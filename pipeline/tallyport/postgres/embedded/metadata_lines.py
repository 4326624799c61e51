"""Lines: a snapshot of metadata as the rows of DHIS2's tables, and what it would have to hold for that and does not."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import count
from typing import NamedTuple

from tallyport.metadata import Snapshot
from tallyport.metadata.tables import NONE, UNKNOWN, Table
from tallyport_converters.model import periods

Cell = str | int | None
Line = Sequence[Cell]


class ObjectTable(NamedTuple):
    """The table that holds the objects of a collection, and its columns that no two of them share beside the UID."""

    table: str
    unique: Sequence[str]
    has_attributes: bool = True


OBJECTS: Mapping[str, ObjectTable] = {
    "attributes": ObjectTable("attribute", ("code", "name"), has_attributes=False),
    "fileResources": ObjectTable("fileresource", ("code",), has_attributes=False),
    "organisationUnits": ObjectTable("organisationunit", ("code", "path")),
    "categories": ObjectTable("category", ("code", "name")),
    "categoryOptions": ObjectTable("categoryoption", ("code", "name")),
    "categoryCombos": ObjectTable("categorycombo", ("code", "name"), has_attributes=False),
    "categoryOptionCombos": ObjectTable("categoryoptioncombo", ("code",)),
    "optionSets": ObjectTable("optionset", ("code", "name")),
    "dataElements": ObjectTable("dataelement", ("code", "name")),
    "dataSets": ObjectTable("dataset", ("code",)),
}
"""By collection, each after those that it refers to."""

MEMBERS: Mapping[str, Sequence[str]] = {
    "categories_categoryoptions": ("categoryid", "sort_order", "categoryoptionid"),
    "categorycombos_categories": ("categorycomboid", "sort_order", "categoryid"),
    "categorycombos_optioncombos": ("categoryoptioncomboid", "categorycomboid"),
    "categoryoptioncombos_categoryoptions": ("categoryoptioncomboid", "categoryoptionid"),
    "optionvalue": ("optionvalueid", "optionsetid", "sort_order", "uid", "code", "name", "created", "lastupdated"),
    "datasetelement": ("datasetelementid", "datasetid", "dataelementid", "categorycomboid"),
    "datainputperiod": ("datainputperiodid", "datasetid", "periodid", "openingdate", "closingdate"),
    "categoryoption_organisationunits": ("categoryoptionid", "organisationunitid"),
    "datasetsource": ("datasetid", "sourceid"),
}
"""The columns of the tables that say what belongs together."""

_LAST_DAY = date.max.toordinal()
_ALWAYS_OPEN = date.min.isoformat()
_LEVELS = 21
"""Organisation units below each other at most: DHIS2 keeps 255 characters of a path, and each takes twelve."""


class MetadataLines:
    """The lines of every table. `lacking` names what there should be and is not, each once.

    `ids`: of the objects of a collection, by row; `period_types` and `period_ids`: by name, and by ISO text. A first
    reading of all lines determines what is lacking, and the `periods` that input periods are about; it needs no ids.
    """

    def __init__(self, snapshot: Snapshot, period_types: Mapping[str, int]) -> None:
        self._snapshot = snapshot
        self._period_types = period_types
        self.lacking: dict[str, None] = {}
        self.ids: dict[str, Sequence[int]] = {name: range(len(snapshot.table(name))) for name in OBJECTS}
        self.periods: dict[tuple[str, date, date, str], None] = {}
        self.period_ids: Mapping[str, int] = {}

    # --- What there should be ----------------------------------------------------------------------------------------

    def _lacks(self, what: str, owner: str, row: int) -> None:
        self.lacking.setdefault(f"{what} of {owner} {self._snapshot.table(owner).uids[row]}")

    def _reference(self, target: str, row: int) -> int | None:
        """Return the id of what an object refers to, if there is an object."""
        if row == NONE:
            return None
        table = self._snapshot.table(target)
        if not table.is_defined[row]:
            # Once is enough: a thousand may refer to the same, or to others that are missing as well.
            missing = f"{target} {table.uids[row]}" if table.is_present else f"all {target}"
            self.lacking.setdefault(missing)
            return None
        return self.ids[target][row]

    # --- Objects -----------------------------------------------------------------------------------------------------

    def objects(self, name: str) -> Iterator[Line]:
        """Yield the line of every object of a collection: id, UID, code, name and its `cells`."""
        table, ids = self._snapshot.table(name), self.ids[name]
        codes, names = table.texts("code"), table.texts("name")
        cells = list(self.cells(name).values())
        needs_name = name != "categoryOptionCombos"
        for row, uid in self._defined(name):
            called = names[row] or (uid if needs_name else None)
            yield [ids[row], uid, codes[row] or None, called, *(cell(row) for cell in cells)]

    def cells(self, name: str) -> dict[str, Callable[[int], Cell]]:
        """Return what gives the further cells of an object by its row, by the names of their columns."""
        table = self._snapshot.table(name)

        def reference(column: str, target: str) -> Callable[[int], Cell]:
            rows = table.ints(column)
            return lambda row: self._reference(target, rows[row])

        def needed(column: str, field: str, found: Mapping[str, Cell] | None = None) -> Callable[[int], Cell]:
            texts = table.texts(column)

            def cell(row: int) -> Cell:
                text = texts[row]
                value = found.get(text) if found is not None else text
                if not value:
                    self._lacks(f"{field} {text}".strip(), name, row)
                return value

            return cell

        def category_combo(row: int) -> Cell:
            combo = combos[row]
            if combo == NONE:
                self._lacks("categoryCombo", name, row)
            return self._reference("categoryCombos", combo)

        def option_set(column: str) -> Callable[[int], Cell]:
            sets, options = table.ints(column), self._snapshot.table("optionSets")

            def cell(row: int) -> Cell:
                found = self._reference("optionSets", sets[row])
                if found is not None and options.texts_of("options", sets[row]) is None:
                    self._lacks("options", "optionSets", sets[row])
                return found

            return cell

        def day(column: str, otherwise: str | None = None) -> Callable[[int], Cell]:
            days = table.ints(column)
            return lambda row: _day(days[row]) or otherwise

        def number(column: str, otherwise: int | None = None) -> Callable[[int], Cell]:
            numbers = table.ints(column)
            return lambda row: otherwise if numbers[row] == UNKNOWN else numbers[row]

        found: dict[str, Callable[[int], Cell]] = {}
        if name == "organisationUnits":
            found = {
                "parentid": reference("parent", name),
                "path": lambda row: self._paths.get(row, ""),
                "hierarchylevel": lambda row: self._paths.get(row, "").count("/"),
                "openingdate": day("opening", _ALWAYS_OPEN),
                "closeddate": day("closed"),
            }
        elif name == "categoryOptions":
            found = {"startdate": day("start"), "enddate": day("end")}
        elif name == "dataElements":
            combos, zero = table.ints("combo"), table.ints("zero_is_significant")
            found = {
                "valuetype": needed("value_type", "valueType"),
                "domaintype": needed("domain_type", "domainType"),
                "categorycomboid": category_combo,
                "zeroissignificant": lambda row: zero[row] == 1,
                "optionsetid": option_set("option_set"),
                "commentoptionsetid": option_set("comment_option_set"),
            }
        elif name == "dataSets":
            combos = table.ints("combo")
            found = {
                "periodtypeid": needed("period_type", "periodType", self._period_types),
                "categorycomboid": category_combo,
                "expirydays": number("expiry_days"),
                "openfutureperiods": number("open_future_periods"),
                "openperiodsaftercoenddate": number("open_periods_after_option_end", 0),
            }
        if OBJECTS[name].has_attributes:
            found["attributevalues"] = _attributes(table).__getitem__
        return found

    @cached_property
    def _paths(self) -> Mapping[int, str]:
        """The path of every organisation unit."""
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

    # --- What belongs together ---------------------------------------------------------------------------------------

    def members(self) -> dict[str, Iterator[Line]]:
        """Return the lines by the name of the table that takes them."""
        return {
            "categories_categoryoptions": self._listed("categories", "options", "categoryOptions"),
            "categorycombos_categories": self._listed("categoryCombos", "categories", "categories"),
            "categorycombos_optioncombos": self._option_combos(),
            "categoryoptioncombos_categoryoptions": self._option_combo_options(),
            "optionvalue": self._options(),
            "datasetelement": self._data_set_elements(),
            "datainputperiod": self._input_periods(),
            "categoryoption_organisationunits": self._marked("categoryOptions"),
            "datasetsource": self._marked("dataSets"),
        }

    def _defined(self, name: str) -> Iterator[tuple[int, str]]:
        table = self._snapshot.table(name)
        return ((row, uid) for row, uid in enumerate(table.uids) if table.is_defined[row])

    def _listed(self, owner: str, column: str, target: str) -> Iterator[Line]:
        table, ids = self._snapshot.table(owner), self.ids[owner]
        for row, _ in self._defined(owner):
            for order, member in enumerate(table.rows_of(column, row) or ()):
                yield [ids[row], order + 1, self._reference(target, member)]

    def _option_combos(self) -> Iterator[Line]:
        name = "categoryOptionCombos"
        for row, combo in enumerate(self._snapshot.table(name).ints("combo")):
            if combo != NONE:
                yield [self._reference(name, row), self._reference("categoryCombos", combo)]

    def _option_combo_options(self) -> Iterator[Line]:
        name = "categoryOptionCombos"
        for row, _ in self._defined(name):
            for option in dict.fromkeys(self._snapshot.table(name).rows_of("options", row) or ()):
                yield [self.ids[name][row], self._reference("categoryOptions", option)]

    def _options(self) -> Iterator[Line]:
        """Yield the options of option sets: their UIDs, which a snapshot lacks, are made of the set's and the code."""
        table, ids, number = self._snapshot.table("optionSets"), self.ids["optionSets"], count(1)
        for row, uid in self._defined("optionSets"):
            for order, code in enumerate(table.texts_of("options", row) or ()):
                made = hashlib.md5(f"{uid} {code}".encode(), usedforsecurity=False).hexdigest()[:10]
                yield [next(number), ids[row], order + 1, f"o{made}", code, code, "now", "now"]

    def _data_set_elements(self) -> Iterator[Line]:
        number = count(1)
        for row, _ in self._defined("dataSets"):
            for element, combo in (self._snapshot.elements_of(row) or {}).items():
                named = self._reference("dataElements", element), self._reference("categoryCombos", combo)
                yield [next(number), self.ids["dataSets"][row], *named]

    def _input_periods(self) -> Iterator[Line]:
        name, number = "dataSets", count(1)
        table = self._snapshot.table(name)
        for row, _ in self._defined(name):
            opening, closing = table.rows_of("input_openings", row) or (), table.rows_of("input_closings", row) or ()
            for text, opens, closes in zip(table.texts_of("input_periods", row) or (), opening, closing, strict=False):
                period = periods.parse(text)
                if period is None:
                    self._lacks(f"input period {text}", name, row)
                    continue
                self.periods.setdefault((period.kind.value, period.start, period.end, period.iso))
                yield [next(number), self.ids[name][row], self.period_ids.get(period.iso), _day(opens), _day(closes)]

    def _marked(self, owner: str) -> Iterator[Line]:
        """Yield the organisation units that objects name."""
        for row, _ in self._defined(owner):
            marks = self._snapshot.marked(owner, "org_units", row) or b""
            unit = marks.find(1)
            while unit != NONE:
                yield [self.ids[owner][row], self._reference("organisationUnits", unit)]
                unit = marks.find(1, unit + 1)


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
