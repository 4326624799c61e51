"""Imports of data values at the tests' DHIS2 server: judged, counted and stored as 2.42.4.1 and 2.43.0 do.

2.41 and 2.42 judge row by row; from 2.43 on a request is judged as a whole first, then its values.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from support.dhis2_http import Answer, Request
from tallyport_converters.model import periods

if TYPE_CHECKING:
    from support.dhis2_server import Dhis2Server

Object = dict[str, Any]

KEY = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
COMBOS = ("categoryOptionCombo", "attributeOptionCombo")
_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_PERIOD = re.compile(r"\d{4,8}([A-Za-z]\w*)?")
_ZERO = re.compile(r"0(\.0*)?")

OPTIONS: Object = {
    "idSchemes": {},
    "dryRun": False,
    "async": False,
    "importStrategy": "CREATE_AND_UPDATE",
    "mergeMode": "REPLACE",
    "reportMode": "FULL",
    "skipExistingCheck": False,
    "sharing": False,
    "skipNotifications": False,
    "skipAudit": False,
    "datasetAllowsPeriods": False,
    "strictPeriods": False,
    "strictDataElements": False,
    "strictCategoryOptionCombos": False,
    "strictAttributeOptionCombos": False,
    "strictOrganisationUnits": False,
    "strictDataSetApproval": False,
    "strictDataSetLocking": False,
    "strictDataSetInputPeriods": False,
    "requireCategoryOptionCombo": False,
    "requireAttributeOptionCombo": False,
    "skipPatternValidation": False,
    "ignoreEmptyCollection": False,
    "force": False,
    "firstRowIsHeader": True,
    "skipLastUpdated": False,
    "mergeDataValues": False,
    "skipCache": False,
}
"""The options of an import that an answer repeats; 2.43 has `atomic` as well."""


@dataclass
class Breakdown:
    """An import that fails within: what the server then says of it, and how many rows it stores all the same.

    `counts` are those of the summary. `is_bare`: the summary comes without the message around it.
    """

    status: str = "ERROR"
    http: int = 409
    description: str | None = "The import process failed: could not serialize access due to concurrent update"
    counts: Mapping[str, int] = field(default_factory=dict)
    stored: int = 0
    is_bare: bool = False


def import_options(generation: int, request: Request) -> Object:
    """The options of an import as an answer repeats them."""
    said = {name: text == "true" for name, (text, *_) in request.query.items() if OPTIONS.get(name) in (True, False)}
    return OPTIONS | said | ({"atomic": False} if generation >= 43 else {})


def summary_of(
    options: Object,
    status: str,
    counts: Mapping[str, int],
    conflicts: Sequence[Object] = (),
    rejected: Iterable[int] = (),
) -> Object:
    """An import summary, as far as both generations have the same."""
    count = {name: counts.get(name, 0) for name in ("imported", "updated", "ignored", "deleted")}
    return {
        "status": status,
        "importOptions": options,
        "importCount": count,
        "conflicts": list(conflicts),
        "rejectedIndexes": sorted(rejected),
        "responseType": "ImportSummary",
    }


class ValueImport:
    """One import of data values."""

    def __init__(self, server: Dhis2Server, request: Request) -> None:
        self.server, self.request = server, request
        self.generation = server.generation
        self.options = import_options(self.generation, request)
        self.document = _object(request.body)
        self.dry_run = bool(self.options["dryRun"]) or (self.document or {}).get("dryRun") is True
        self.rows: list[Object] = (self.document or {}).get("dataValues", [])
        self.conflicts: list[Object] = []
        self.rejected: set[int] = set()
        self.breakdown = server.breakdowns.pop(0) if server.breakdowns else None

    def answer(self) -> Answer:
        """The answer of a synchronous import."""
        if self.generation >= 43:
            bad = [r["period"] for r in self.rows if not _PERIOD.fullmatch(r.get("period", ""))]
            if bad:
                return self.server.message(400, f"Invalid period: {bad[0]}")
        summary, status = self.run()
        if self.breakdown and self.breakdown.is_bare:
            return Answer.of(summary, status)
        level = "OK" if summary["status"] == "SUCCESS" else str(summary["status"])
        return self.server.message(status, self._message(level), response=summary, level=level)

    def _message(self, level: str) -> str:
        if level == "OK":
            return "Import was successful."
        if level == "ERROR":
            return "An error occurred, please check import summary."
        if self.generation >= 43:
            return "Import completed with warnings, please check import summary."
        return "One more conflicts encountered, please check import summary."

    def run(self) -> tuple[Object, int]:
        """Import; returns the summary and the status of the answer that goes with it."""
        if self.breakdown:
            return self._break_down(self.breakdown)
        if self.document is None:
            return self._not_understood()
        return self._run_43() if self.generation >= 43 else self._run_42()

    def _summary(self, status: str, counts: Mapping[str, int], description: str | None = None) -> Object:
        summary = summary_of(self.options, status, counts, self.conflicts, self.rejected)
        if self.generation < 43:
            summary["description"] = description or "Import process completed successfully"
        if self.generation >= 43 or description is None:
            summary["dataSetComplete"] = "false"
        return summary

    def _not_understood(self) -> tuple[Object, int]:
        """What is answered to a body that is no JSON: 2.43 takes it for a request without values."""
        if self.generation >= 43:
            return self._summary("SUCCESS", {}), 200
        return self._summary("ERROR", {}, "The import process failed: Post-condition was null"), 409

    def _break_down(self, breakdown: Breakdown) -> tuple[Object, int]:
        for row in self.rows[: breakdown.stored]:
            self._store(row)
        summary = self._summary(breakdown.status, breakdown.counts, breakdown.description)
        if breakdown.description is not None:
            summary["description"] = breakdown.description
        return summary, breakdown.http

    # --- Metadata ----------------------------------------------------------------------------------------------------

    def _scheme(self, kind: str) -> str:
        own = f"{kind}IdScheme"
        given = (self.document or {}).get(own) or self.request.first(own) or self.request.first("idScheme")
        return str(given or "UID").upper()

    def _by(self, kind: str, collection: str) -> dict[str, Object]:
        """Objects of a collection by their identifier in the import's scheme."""
        return self.server.metadata.by(collection, self._scheme(kind))

    @cached_property
    def elements(self) -> dict[str, Object]:
        return self._by("dataElement", "dataElements")

    @cached_property
    def units(self) -> dict[str, Object]:
        return self._by("orgUnit", "organisationUnits")

    @cached_property
    def combos(self) -> dict[str, dict[str, Object]]:
        """The option combos, as rows name them in either place."""
        return {name: self._by(name, "categoryOptionCombos") for name in COMBOS}

    @cached_property
    def default(self) -> Object:
        """The option combo that stands for none."""
        return self.server.default_option_combo

    def _combo(self, row: Object, name: str) -> Object | None:
        """The option combo of a row; the default one where it names none."""
        given = row.get(name)
        return self.combos[name].get(given) if given else self.default

    def _is_of(self, option_combo: Object | None, combo: str | None) -> bool:
        """Whether an option combo is one of a category combo; a server without metadata of combos asks for none."""
        if combo is None or not self.server.metadata.collections.get("categoryCombos"):
            return True
        return option_combo is not None and option_combo["categoryCombo"]["id"] == combo

    # --- 2.41 and 2.42: row by row -----------------------------------------------------------------------------------

    def _run_42(self) -> tuple[Object, int]:
        assert self.document is not None
        data_set = self.document.get("dataSet")
        known_set = self._by("dataSet", "dataSets").get(data_set) if data_set else None
        if data_set and known_set is None:
            text = f"Data set not found or not accessible: `{data_set}`"
            conflict = _conflict_42("E7600", {"dataSet": data_set}, text, "dataSet")
            self.conflicts.append(conflict)
            return self._summary("ERROR", {}, "Import process was aborted"), 409
        counts: Counter[str] = Counter()
        merged: dict[tuple[str, str], Object] = {}
        for index, row in enumerate(self.rows):
            found = self._flaw_42(row, known_set)
            if found:
                code, objects, text, kind = found
                conflict = merged.setdefault(
                    (code, json.dumps(objects)), _conflict_42(code, objects, text, kind) | {"indexes": []}
                )
                conflict["indexes"].append(index)
                self.rejected.add(index)
                counts["ignored"] += 1
            else:
                counts[self._store(row)] += 1
        self.conflicts += merged.values()
        self._taken()
        return self._summary("WARNING" if self.conflicts else "SUCCESS", counts), 409 if self.conflicts else 200

    def _flaw_42(self, row: Object, data_set: Object | None) -> tuple[str, Object, str, str] | None:
        """Why a row is not taken: code, culprits by kind, the text, and the property."""
        name = row["dataElement"]
        element = self.elements.get(name)
        if element is None:
            return "E7610", {"dataElement": name}, f"Data element not found or not accessible: `{name}`", "dataElement"
        if not _PERIOD.fullmatch(row["period"]):
            return "E7611", {"period": row["period"]}, f"Period not valid: `{row['period']}`", "period"
        unit = row["orgUnit"]
        if unit not in self.units:
            text = f"Organisation unit not found or not accessible: `{unit}`"
            return "E7612", {"organisationUnit": unit}, text, "orgUnit"
        for code, kind, words in (("E7613", COMBOS[0], "Category"), ("E7615", COMBOS[1], "Attribute")):
            if self.combos[kind] and self._combo(row, kind) is None:
                text = f"{words} option combo not found or not accessible for writing data: `{row[kind]}`"
                return code, {kind: row[kind]}, text, kind
        if not row.get("deleted") and not row.get("value") and not row.get("comment"):
            text = f"Data value or comment not specified for data element: `{name}`"
            return "E7618", {"dataElement": name}, text, "value"
        if _is_wrong(row, element):
            text = f"Value must match value type of data element `{name}`: `Data value is not numeric`"
            return "E7619", {"dataElement": name, "value": "value_not_numeric"}, text, "value"
        if strict := self._strict_flaw(row, element, data_set):
            return strict
        if (unit, row["period"]) in self.server.locked:
            text = f"Current date is past expiry days for period {row['period']}"
            return "E7640", {"period": row["period"]}, text, "period"
        return None

    def _strict_flaw(
        self, row: Object, element: Object, data_set: Object | None
    ) -> tuple[str, Object, str, str] | None:
        """What is wrong with a row where the request asks for strictness: it is to fit the data set, or one of any."""
        if not any(self.options[name] for name in self.options if name.startswith("strict")):
            return None
        options, uid = self.options, element["id"]
        data_sets = [data_set] if data_set else self.server.metadata.collections.get("dataSets", [])
        holders = [one for one in data_sets if uid in _members(one)]
        period = periods.parse(row["period"])
        if options["strictPeriods"] and (period is None or period.kind not in {one["periodType"] for one in holders}):
            return "E7632", {"period": row["period"]}, f"Period type of `{row['period']}` does not fit", "period"
        if options["strictDataElements"] and not holders:
            return "E7633", {"dataElement": uid}, f"Data element `{uid}` is not in the data set", "dataElement"
        for option, name, code, combos in (
            ("strictCategoryOptionCombos", COMBOS[0], "E7634", [self._combo_of(one, element) for one in holders]),
            ("strictAttributeOptionCombos", COMBOS[1], "E7635", [_id(one.get("categoryCombo")) for one in holders]),
        ):
            if options[option] and not any(self._is_of(self._combo(row, name), combo) for combo in combos):
                culprit = row.get(name) or self.default["id"]
                return code, {name: culprit}, f"Option combo `{culprit}` is of another category combo", name
        if options["strictOrganisationUnits"]:
            unit = self.units[row["orgUnit"]]["id"]
            if not any(unit in _units(one) for one in holders):
                culprit = row["orgUnit"]
                return "E7636", {"organisationUnit": culprit}, f"Unit `{culprit}` is not assigned", "orgUnit"
        return None

    @staticmethod
    def _combo_of(data_set: Object, element: Object) -> str | None:
        """The category combo that a data element has in a data set."""
        return _id(_members(data_set).get(element["id"])) or _id(element.get("categoryCombo"))

    # --- 2.43: group by group ----------------------------------------------------------------------------------------

    def _run_43(self) -> tuple[Object, int]:
        for kind, member, known, (strange, malformed) in (
            ("data element", "dataElement", self.elements, ("E8103", "E8104")),
            ("org unit", "orgUnit", self.units, ("E8107", "E8106")),
        ):
            scheme = self._scheme(member)
            for name in dict.fromkeys(r[member] for r in self.rows):
                if scheme == "UID" and not _UID.fullmatch(name):
                    self._conflict(malformed, f"{kind} {name} is no valid UID", [name], [-1])
                elif scheme != "UID" and name not in known:
                    self._conflict(strange, f"Could not find {kind} {name} in scheme {scheme}", [name], [-1])
                else:
                    continue
                return self._summary("ERROR", {}), 409
        if flaw := self._flaw_of_group():
            code, text, arguments = flaw
            self.rejected = set(range(len(self.rows)))
            self._conflict(code, text, arguments, sorted(self.rejected))
            return self._summary("ERROR", {}), 409
        counts: Counter[str] = Counter()
        counts["deleted"] = self._delete_scope()
        for index, row in enumerate(self.rows):
            element = self.elements[row["dataElement"]]
            if not row.get("deleted") and not row.get("value"):
                self._conflict("E8120", f"Value #{index} value is required", [str(index)], [index])
            elif _is_wrong(row, element):
                kind, value = element["valueType"], row["value"]
                text = f"Value #{index} value `{value}` is no valid {kind}: value_not_numeric"
                self._conflict("E8122", text, [str(index), value, kind, "value_not_numeric"], [index])
            elif len(row.get("comment") or "") > 5000:
                self._conflict("E8125", f"Value #{index} comment is too long", [str(index)], [index])
            else:
                counts[self._store(row)] += 1
                continue
            self.rejected.add(index)
            counts["ignored"] += 1
        self._taken()
        status = "SUCCESS" if not counts["ignored"] else "WARNING" if counts["updated"] else "ERROR"
        return self._summary(status, counts), 409 if status == "ERROR" else 200

    def _conflict(self, code: str, text: str, arguments: Sequence[str], indexes: list[int]) -> None:
        self.conflicts.append(
            {"objects": {"args": "-".join(arguments)}, "value": text, "errorCode": code, "indexes": indexes}
        )

    def _flaw_of_group(self) -> tuple[str, str, list[str]] | None:
        """Why a group of values is refused as a whole: the first reason there is."""
        assert self.document is not None
        data_sets = self._by("dataSet", "dataSets")
        named = self.document.get("dataSet")
        used = list(dict.fromkeys(r["dataElement"] for r in self.rows))
        uids = {name: self.elements.get(name, {}).get("id", name) for name in used}
        if named is None:
            holders = [d for d in data_sets.values() if set(uids.values()) & _members(d).keys()]
            if not used:
                return None
            if len(holders) != 1:
                code, words = ("E8002", "found several sets") if holders else ("E8003", "found no set")
                return (
                    code,
                    f"Data set detection failed, {words} for data element(s): `{_listed(used)}`",
                    [_listed(used)],
                )
            named, data_set = holders[0]["id"], holders[0]
        elif named not in data_sets:
            if self._scheme("dataSet") != "UID":
                return "E8005", f"Data set {named} was not found", [named]
            data_set = {"id": named, "dataSetElements": [], "organisationUnits": [], "categoryCombo": None}
        else:
            data_set = data_sets[named]

        def unusable(code: str, what: str, found: Iterable[str]) -> tuple[str, str, list[str]]:
            names = _listed(dict.fromkeys(found))
            return code, f"Data set {named} not usable with {what}(s): `{names}`", [named, names]

        members = _members(data_set)
        if strange := [name for name in used if uids[name] not in members]:
            return unusable("E8020", "data element", strange)
        assigned = _units(data_set)
        if strange := [r["orgUnit"] for r in self.rows if self.units.get(r["orgUnit"], {}).get("id") not in assigned]:
            return unusable("E8022", "org unit", strange)
        kinds = {text: periods.parse(text) for text in {r["period"] for r in self.rows}}
        of_set = data_set.get("periodType")
        if of_set and (strange := [text for text, found in kinds.items() if found is None or found.kind != of_set]):
            return unusable("E8021", "period", sorted(strange))
        if flaw := self._flaw_of_combos(data_set, named, uids):
            return flaw
        if any((r["orgUnit"], r["period"]) in self.server.locked for r in self.rows):
            return "E8030", "Data set is not open for entry", [named]
        places: dict[tuple[str | None, ...], list[int]] = {}
        for index, row in enumerate(self.rows):
            places.setdefault(tuple(map(row.get, KEY)), []).append(index)
        for key, indexes in places.items():
            if len(indexes) > 1:
                named_key = dict(zip(KEY, key, strict=True))
                text = ", ".join(f"{name}={named_key[name]}" for name in (KEY[0], *KEY[2:], KEY[1]) if named_key[name])
                found = f"DataValueKey[{text}]"
                return "E8128", f"Value #{indexes} all affect the same data value: `{found}`", [str(indexes), found]
        return None

    def _flaw_of_combos(
        self, data_set: Object, named: str, uids: Mapping[str, str]
    ) -> tuple[str, str, list[str]] | None:
        of_set = _id(data_set.get("categoryCombo"))
        pairs = {(r.get("attributeOptionCombo"), r["dataElement"], r.get("categoryOptionCombo")): r for r in self.rows}
        strange = [
            aoc or self.default["id"]
            for (aoc, _, _), row in pairs.items()
            if not self._is_of(self._combo(row, COMBOS[1]), of_set)
        ]
        if strange:
            names = _listed(dict.fromkeys(strange))
            text = f"Data set {named} not usable with attribute option combo(s): `{names}`"
            return "E8023", text, [named, names]
        for element in uids:
            combo = self._combo_of(data_set, self.elements[element])
            strange = [
                coc or self.default["id"]
                for (_, of, coc), row in pairs.items()
                if of == element and not self._is_of(self._combo(row, COMBOS[0]), combo)
            ]
            if strange:
                names = _listed(dict.fromkeys(strange))
                text = f"Data set {named} + data element {element} not usable with category option combo(s): `{names}`"
                return "E8024", text, [named, element, names]
        return None

    def _delete_scope(self) -> int:
        """Set the values that the scope names to nothing beside their flag; comments stay."""
        scope = (self.document or {}).get("deletion")
        if not scope:
            return 0
        default = self.default["id"]
        wanted = {
            (e["dataElement"], e.get("categoryOptionCombo", default), e.get("attributeOptionCombo", default))
            for e in scope["elements"]
        }
        found = 0
        for (element, period, unit, coc, aoc), stored in self.server.values.items():
            if (element, coc, aoc) in wanted and period in scope["periods"] and unit in scope["orgUnits"]:
                found += 1
                if not self.dry_run:
                    stored.pop("value", None)
                    stored["deleted"] = True
        return found

    # --- What is stored ----------------------------------------------------------------------------------------------

    def _taken(self) -> None:
        if not self.dry_run:
            self.server.accepted_sizes.append(len(self.rows))

    def _store(self, row: Object) -> str:
        """Write a value; returns the count it goes into."""
        element = self.elements[row["dataElement"]]
        combos = [self._combo(row, name) or {"id": row.get(name)} for name in COMBOS]
        key = (
            element["id"],
            row["period"],
            self.units[row["orgUnit"]]["id"],
            combos[0]["id"],
            combos[1]["id"],
        )
        count, stored = (
            _stored_43(row) if self.generation >= 43 else _stored_42(row, element, self.server.values.get(key))
        )
        if not self.dry_run:
            self.server.arrivals[key] += 1
            if stored is not None:
                self.server.values[key] = stored
                now = self.server.now()
                self.server.times[key] = (self.server.times.get(key, (now, now))[0], now)
        return count


def _stored_42(row: Object, element: Object, known: Object | None) -> tuple[str, Object | None]:
    """The count that a row goes into, and what is stored then; None if nothing is."""
    value, comment = (row.get("value") or "").strip() or None, (row.get("comment") or "").strip() or None
    is_zero = bool(
        value and _ZERO.fullmatch(value) and element.get("zeroIsSignificant") is False and _is_number(element)
    )
    is_nothing = is_zero or (value is None and comment is None)
    said: Object = {"followup": bool(row.get("followup"))}
    said |= {name: text for name, text in (("value", value), ("comment", comment)) if text is not None}
    if known and not known.get("deleted"):
        if row.get("deleted") or is_nothing:
            return "deleted", {"value": known.get("value"), **said, "deleted": True}
        return ("ignored", None) if said == known else ("updated", said)
    if is_nothing:
        return "ignored", None
    return "imported", said | ({"deleted": True} if row.get("deleted") else {})


def _stored_43(row: Object) -> tuple[str, Object]:
    said: Object = {}
    for name, stored in (("value", "value"), ("comment", "comment"), ("followUp", "followup")):
        if row.get(name) is not None:
            said[stored] = row[name]
    return "updated", said | ({"deleted": True} if row.get("deleted") else {})


def _object(body: bytes) -> Object | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _conflict_42(code: str, objects: Object, text: str, kind: str) -> Object:
    culprit = next(iter(objects.values()))
    return {"object": culprit, "objects": objects, "value": text, "errorCode": code, "property": kind}


def _members(data_set: Object) -> dict[str, Object | None]:
    """The data elements of a data set, each with the category combo that it has there."""
    return {m["dataElement"]["id"]: m.get("categoryCombo") for m in data_set.get("dataSetElements", [])}


def _units(data_set: Object) -> set[str]:
    return {unit["id"] for unit in data_set.get("organisationUnits", [])}


def _id(reference: Object | None) -> str | None:
    return reference["id"] if reference else None


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _is_number(element: Object) -> bool:
    return str(element.get("valueType", "")).startswith(("INTEGER", "NUMBER", "UNIT_INTERVAL", "PERCENTAGE"))


def _is_wrong(row: Object, element: Object) -> bool:
    """Whether a value does not fit its type, so far as tests need it."""
    kind = element.get("valueType", "TEXT")
    pattern = r"-?(0|[1-9]\d*)" if kind.startswith("INTEGER") else r"-?\d+(\.\d+)?" if kind == "NUMBER" else r"(?s).*"
    return bool(row.get("value")) and not row.get("deleted") and not re.fullmatch(pattern, row["value"])
