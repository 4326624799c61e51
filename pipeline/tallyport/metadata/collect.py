"""Collecting: tables out of the objects of metadata exports, several exports into one.

What was read first stands; what another export says differently is reported, what it says in addition is taken.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from operator import itemgetter
from typing import Any

from tallyport.metadata.json_export import BARE, elements
from tallyport.metadata.snapshot_file import is_snapshot
from tallyport.metadata.tables import NONE, TABLES, UNKNOWN, Lists, Table, TableColumn, packed
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

OBJECTS = 5_000_000
"""Objects of all kinds together at most: what they take in memory is bounded by that."""

_ID = itemgetter("id")
_ELSEWHERE = frozenset({"attributeValues", "dataSetElements", "dataInputPeriods", "options", "path", "level"})
"""Fields of exports that are read into no column of the same object, or into several."""
_EMPTY = {"int": UNKNOWN, "day": UNKNOWN, "row": NONE}


class _Growing:
    """A table that is being collected: cells of every column, None where nothing is known."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns = TABLES[name]
        self.known = _ELSEWHERE | {column.field for column in self.columns.values()}
        self.rows: dict[str, int] = {}
        self.uids: list[str] = []
        self.is_defined = bytearray()
        self.seen: set[str] = set()
        self.cells: dict[str, dict[int, Any]] = {column: {} for column in self.columns}
        self.attributes: dict[str, dict[int, str]] = {}
        self.is_present = False

    def row(self, uid: str) -> int:
        """Return the row of an object, a new one if it is mentioned for the first time."""
        row = self.rows.setdefault(uid, len(self.rows))
        if row == len(self.uids):
            self.uids.append(uid)
            self.is_defined.append(0)
        return row

    def table(self) -> Table:
        """Return the finished table."""
        columns = {name: self._column(name, column.type) for name, column in self.columns.items()}
        return Table(
            self.name,
            self.uids,
            self.is_defined,
            frozenset(self.seen),
            columns,
            self.attributes,
            is_present=self.is_present,
        )

    def _column(self, name: str, kind: str) -> object:
        cells, rows = self.cells[name], range(len(self.rows))
        if kind == "text":
            return [cells.get(row, "") for row in rows]
        if kind in _EMPTY:
            return array("i", [cells.get(row, _EMPTY[kind]) for row in rows])
        if kind == "marks":
            cells = {row: packed(of) for row, of in cells.items()}
        counts = array("i", [len(cells[row]) if row in cells else NONE for row in rows])
        if kind == "marks":
            return Lists(counts, b"".join(cells[row] for row in rows if row in cells))
        values = [value for row in rows for value in cells.get(row, ())]
        return Lists(counts, values if kind == "texts" else array("i", values))


class Collection:
    """Tables in the making: `add` exports, then take `tables`."""

    def __init__(self) -> None:
        self._growing = {name: _Growing(name) for name in TABLES}
        self._fields = {
            name: [(of.field, column, self._read(of)) for column, of in columns.items() if of.field]
            for name, columns in TABLES.items()
        }
        self._further = {
            "optionSets": self._further_option_set,
            "dataSets": self._further_data_set,
            "organisationUnits": self._further_org_unit,
            "categoryCombos": self._further_combo,
        }
        self._options: dict[str, tuple[str | None, str]] = {}
        self._option_lists: dict[int, list[str]] = {}
        self._conflicts: dict[str, dict[str, None]] = {}
        self._nameless = 0
        self._source = ""
        self._objects = 0

    def add(self, source: Source) -> None:
        """Add what an export says.

        Raises:
            SourceUnreadable: TP107, TP108, TP112, TP113 or TP118, or the source cannot be read.
        """
        self._source = source.name
        if is_snapshot(source):
            raise self._unfit("a snapshot", "a metadata export: a snapshot is used as it is")
        is_metadata = False
        for name, element in elements(source):
            collection = "organisationUnits" if name == BARE else name
            if collection not in TABLES and collection != "options":
                continue
            is_metadata = True
            if collection in TABLES:
                self._growing[collection].is_present = True
            if element is None:
                continue
            if not isinstance(element, dict):
                raise self._unfit(f"{type(element).__name__} in {collection}", "objects")
            if name == BARE and not element.keys() & {"path", "openingDate", "level", "parent"}:
                raise self._unfit("an array of other objects", "a metadata export, or an array of organisation units")
            try:
                self._take(collection, element)
            except (TypeError, ValueError, AttributeError, KeyError) as error:
                found = f"{collection} {_uid(element) or ''}: {error}"
                raise self._unfit(found, "the shape of DHIS2's metadata export") from error
        if not is_metadata:
            raise self._unfit("none of its collections", "a metadata export of DHIS2")

    def add_objects(self, collection: str, objects: Iterable[dict[str, Any]]) -> None:
        """Add objects of one collection, in the shape that an export has them in.

        For objects that come from elsewhere than an export: the collection is there, also where it is empty.
        """
        self._growing[collection].is_present = True
        for element in objects:
            self._take(collection, element)

    def tables(self) -> dict[str, Table]:
        """Return the finished tables."""
        self._settle_options()
        return {name: growing.table() for name, growing in self._growing.items()}

    def findings(self) -> list[Finding]:
        """Return what was odd: TP740 by collection, TP741."""
        found = [
            finding("TP740", field=collection, culprits=culprits)
            for collection, culprits in sorted(self._conflicts.items())
        ]
        if self._nameless:
            found.append(finding("TP741", count=self._nameless))
        return found

    def _unfit(self, found: str, expected: str) -> SourceUnreadable:
        message = "the document is no metadata export"
        help_text = "export the metadata from DHIS2, or make a snapshot of it with tallyport snapshot"
        return SourceUnreadable(
            finding("TP113", message=message, help=help_text, source=self._source, found=found, expected=expected)
        )

    def _take(self, collection: str, element: dict[str, Any]) -> None:
        uid = _uid(element)
        if uid is None:
            self._nameless += 1
            return
        self._objects += 1
        if self._objects > OBJECTS:
            raise SourceUnreadable(
                finding(
                    "TP118",
                    message="the exports hold more objects than memory allows",
                    help="export only what the data refers to",
                    source=self._source,
                    found=f"more than {OBJECTS:,} objects",
                )
            )
        if collection == "options":
            code = _text(element.get("code"))
            if code is not None:
                self._option(uid, code, _uid(element.get("optionSet")))
            return
        growing = self._growing[collection]
        row = growing.row(uid)
        growing.is_defined[row] = 1
        growing.seen.update(element.keys() & growing.known)
        for field, column, read in self._fields[collection]:
            given = element.get(field)
            if given is not None:
                self._set(collection, row, column, read(given))
        for attribute, value in _attribute_values(element.get("attributeValues")):
            values = growing.attributes.setdefault(attribute, {})
            if values.setdefault(row, value) != value:
                self._conflict(collection, row, f"attribute {attribute}")
        if further := self._further.get(collection):
            further(row, element)

    def _set(self, collection: str, row: int, column: str, value: Any) -> None:
        if value is None:
            return
        cells = self._growing[collection].cells[column]
        if cells.setdefault(row, value) is not value and cells[row] != value:
            if isinstance(value, array) and sorted(value) == sorted(cells[row]):
                return
            self._conflict(collection, row, column)

    def _conflict(self, collection: str, row: int, column: str) -> None:
        uid = self._growing[collection].uids[row]
        self._conflicts.setdefault(collection, {})[f"{uid} {column.replace('_', ' ')}"] = None

    def _read(self, column: TableColumn) -> Callable[[Any], Any]:
        return _READ.get(column.type) or partial(self._row if column.type == "row" else self._rows, column.table)

    def _row(self, table: str, reference: Any) -> int | None:
        uid = _uid(reference)
        return None if uid is None else self._growing[table].row(uid)

    def _rows(self, table: str, references: Any) -> array[int]:
        growing = self._growing[table]
        try:
            # Most are known by now, and there are millions: every data set lists its organisation units.
            return array("i", map(growing.rows.__getitem__, map(_ID, _list(references))))
        except (KeyError, TypeError):
            return array("i", [growing.row(uid) for uid in map(_uid, _list(references)) if uid is not None])

    def _option(self, uid: str, code: str, option_set: str | None) -> None:
        known = self._options.get(uid)
        self._options[uid] = (option_set or (known[0] if known else None), code)

    def _settle_options(self) -> None:
        """Give each option set the codes of its options; it stays unknown where an option is not in the exports."""
        growing = self._growing["optionSets"]
        listed: dict[int, list[str]] = dict(self._option_lists)
        has_list = set(listed)
        for uid, (option_set, _) in self._options.items():
            if option_set is not None and (row := growing.row(option_set)) not in has_list:
                listed.setdefault(row, []).append(uid)
        for row, uids in listed.items():
            if all(uid in self._options for uid in uids):
                growing.cells["options"][row] = [self._options[uid][1] for uid in uids]

    def _further_option_set(self, row: int, element: dict[str, Any]) -> None:
        if "options" not in element:
            return
        uids = []
        for option in _list(element["options"]):
            if (uid := _uid(option)) is None:
                continue
            uids.append(uid)
            if isinstance(option, dict) and (code := _text(option.get("code"))) is not None:
                self._option(uid, code, None)
        if self._option_lists.setdefault(row, uids) != uids and sorted(self._option_lists[row]) != sorted(uids):
            self._conflict("optionSets", row, "options")

    def _further_data_set(self, row: int, element: dict[str, Any]) -> None:
        if "dataSetElements" in element:
            rows, combos = array("i"), array("i")
            for member in _list(element["dataSetElements"]):
                data_element = self._row("dataElements", member.get("dataElement"))
                if data_element is not None:
                    combo = self._row("categoryCombos", member.get("categoryCombo"))
                    rows.append(data_element)
                    combos.append(NONE if combo is None else combo)
            known = self._growing["dataSets"].cells
            given = dict(zip(rows, combos, strict=True))
            if row not in known["elements"]:
                known["elements"][row], known["element_combos"][row] = rows, combos
            elif dict(zip(known["elements"][row], known["element_combos"][row], strict=True)) != given:
                self._conflict("dataSets", row, "elements")
        if "dataInputPeriods" in element:
            texts: list[str] = []
            opening, closing = array("i"), array("i")
            for window in _list(element["dataInputPeriods"]):
                period = window.get("period")
                text = _text(period.get("id") if isinstance(period, dict) else period)
                if text is not None:
                    texts.append(text)
                    opening.append(_day(window.get("openingDate")))
                    closing.append(_day(window.get("closingDate")))
            self._set("dataSets", row, "input_periods", texts)
            if self._growing["dataSets"].cells["input_periods"][row] is texts:
                self._set("dataSets", row, "input_openings", opening)
                self._set("dataSets", row, "input_closings", closing)

    def _further_org_unit(self, row: int, element: dict[str, Any]) -> None:
        path = element.get("path")
        if "parent" not in element and isinstance(path, str):
            above = [uid for uid in path.split("/") if uid][:-1]
            if above:
                self._set("organisationUnits", row, "parent", self._row("organisationUnits", above[-1]))

    def _further_combo(self, row: int, element: dict[str, Any]) -> None:
        for option_combo in self._rows("categoryOptionCombos", element.get("categoryOptionCombos") or []):
            self._set("categoryOptionCombos", option_combo, "combo", row)


def _uid(reference: Any) -> str | None:
    """Return the UID of an object or a reference, which is an object with an id, or the id itself."""
    found = reference.get("id") if isinstance(reference, dict) else reference
    return _text(found) if isinstance(found, str) and found else None


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    if "\0" in value:
        raise ValueError("a text holds a character that cannot be stored")
    if not value.isascii():
        value.encode()  # a lone surrogate cannot be kept
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not -(2**31) < value < 2**31:
        raise ValueError(f"{value!r} is no sensible number")
    return int(value)


def _day(value: Any) -> int:
    """Return a date or date-time as an ordinal, 0 for none."""
    return date.fromisoformat(text[:10]).toordinal() if (text := _text(value)) else 0


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no array")
    return value


def _attribute_values(values: Any) -> Iterable[tuple[str, str]]:
    """Yield attribute and value, of the array of objects as well as of the object by attribute."""
    if isinstance(values, dict):
        values = [{"attribute": uid, **value} for uid, value in values.items()]
    for value in _list(values or []):
        uid, text = _uid(value.get("attribute")), value.get("value")
        if uid and text not in (None, ""):
            yield uid, _text(text if isinstance(text, str) else str(text)) or ""


_READ: Mapping[str, Callable[[Any], Any]] = {"text": _text, "int": _int, "day": _day}
"""How the field of a column is read, which refers to no other object."""
