"""Exports of data values at the tests' DHIS2 server, in the formats and with the refusals of 2.42.4.1 and 2.43.0.

ADX is written as far as it is without values: 2.42 answers JSON to that address.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from support.dhis2_http import Answer, Request
from tallyport_converters.model import periods

if TYPE_CHECKING:
    from support.dhis2_server import Dhis2Server

Object = dict[str, Any]

_SCHEMES = {
    "dataElement": ("dataElements", "dataElementIdScheme"),
    "orgUnit": ("organisationUnits", "orgUnitIdScheme"),
    "categoryOptionCombo": ("categoryOptionCombos", "categoryOptionComboIdScheme"),
    "attributeOptionCombo": ("categoryOptionCombos", "attributeOptionComboIdScheme"),
}
_CSV = ",".join(
    (
        "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo",
        "value,storedby,lastupdated,comment,followup,deleted",
    )
)
_XMLNS = "http://dhis2.org/schema/dxf/2.0"
_TYPES = {"csv": "application/csv", "xml": "application/xml", "adx+xml": "application/adx+xml"}


class ValueExport:
    """One export of data values."""

    def __init__(self, server: Dhis2Server, request: Request) -> None:
        self.server, self.request = server, request
        self.generation = server.generation

    def answer(self, kind: str) -> Answer:
        """The answer in the format that the path's extension names."""
        if refusal := self._refusal():
            code, text = refusal
            return self.server.message(409, text, code)
        if kind == "adx+xml" and self.generation < 43:
            kind = "json"
        values = list(self._values())
        hoisted = self._hoisted()
        if kind == "json":
            return Answer.of(hoisted | {"dataValues": [self._as_json(v, hoisted) for v in values]})
        text = {"csv": self._csv, "xml": self._xml, "adx+xml": self._adx}[kind](values, hoisted)
        return Answer(200, text.encode(), {"Content-Type": f"{_TYPES[kind]};charset=UTF-8"})

    def _refusal(self) -> tuple[str, str] | None:
        asked = self.request.listed
        sets = asked("dataSet")
        if self.generation < 43:  # there, an unknown data set is none
            sets = [uid for uid in sets if uid in self.server.metadata.by_id("dataSets")]
        if not sets and not asked("dataElement") and not asked("dataElementGroup"):
            return "E2001", "At least one data element, data set or data element group must be specified"
        has_dates = bool(asked("startDate") and asked("endDate"))
        is_by_update = bool(asked("lastUpdated") or asked("lastUpdatedDuration")) and self.generation < 43
        if not (asked("period") or has_dates or is_by_update):
            said = "At least one period, start/end dates, last updated or last updated duration must be specified"
            return "E2002", said
        if not asked("orgUnit") and not asked("orgUnitGroup"):
            return "E2006", "At least one organisation unit or organisation unit group must be specified"
        if hidden := [unit for unit in asked("orgUnit") if unit in self.server.unreadable]:
            return "E2012", f"User is not allowed to view org unit: `{hidden[0]}`"
        return None

    def _values(self) -> Iterator[Object]:
        """The values asked for, by the names of the export; those that are null are None."""
        asked = self.request.listed
        elements = set(asked("dataElement"))
        for uid in asked("dataSet"):
            members = self.server.metadata.by_id("dataSets").get(uid, {}).get("dataSetElements", [])
            elements |= {m["dataElement"]["id"] for m in members}
        wanted, units = set(asked("period")), set(asked("orgUnit"))
        since, until = self.request.first("startDate"), self.request.first("endDate")
        attributes = set(asked("attributeOptionCombo"))
        names = {member: self._names(member) for member in _SCHEMES}
        for key, stored in self.server.values.items():
            element, period, unit, coc, aoc = key
            if element not in elements or (wanted and period not in wanted) or (attributes and aoc not in attributes):
                continue
            if since and not _is_within(period, date.fromisoformat(since), date.fromisoformat(until)):
                continue
            if unit not in units and not (self.request.first("children") == "true" and self._is_below(unit, units)):
                continue
            if stored.get("deleted") and self.request.first("includeDeleted") != "true":
                continue
            created, updated = self.server.times[key]
            yield {
                "dataElement": names["dataElement"].get(element, element),
                "period": period,
                "orgUnit": names["orgUnit"].get(unit, unit),
                "categoryOptionCombo": names["categoryOptionCombo"].get(coc, coc),
                "attributeOptionCombo": names["attributeOptionCombo"].get(aoc, aoc),
                "value": stored.get("value"),
                "storedBy": "admin",
                "created": f"{created}+0000",
                "lastUpdated": f"{updated}+0000",
                "comment": stored.get("comment"),
                "followup": stored.get("followup"),
                "deleted": True if stored.get("deleted") else None,
            }

    def _names(self, member: str) -> dict[str, str]:
        """What objects are called in the scheme asked for, by their UID; nothing for UIDs."""
        collection, parameter = _SCHEMES[member]
        scheme = (self.request.first(parameter) or self.request.first("idScheme") or "UID").upper()
        if scheme == "UID":
            return {}
        return {found["id"]: name for name, found in self.server.metadata.by(collection, scheme).items()}

    def _is_below(self, unit: str, units: set[str]) -> bool:
        known = self.server.metadata.by_id("organisationUnits")
        at: str | None = unit
        while at:
            if at in units:
                return True
            parent = known.get(at, {}).get("parent")
            at = parent["id"] if parent else None
        return False

    def _hoisted(self) -> Object:
        """What 2.43 says once for all values, where the request names one of it."""
        asked = self.request.listed
        if self.generation < 43:
            return {}
        names = ["dataSet", "period", "attributeOptionCombo"]
        if self.request.first("children") != "true" and not asked("orgUnitGroup"):
            names.insert(2, "orgUnit")
        return {name: asked(name)[0] for name in names if len(asked(name)) == 1}

    def _as_json(self, value: Object, hoisted: Object) -> Object:
        always = () if self.generation >= 43 else ("comment", "followup")
        return {n: v for n, v in value.items() if n not in hoisted and (v is not None or n in always)}

    def _csv(self, values: list[Object], hoisted: Object) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        text.write(_CSV + "\n")
        for value in values:
            said = [v for n, v in value.items() if n not in ("created", "followup", "deleted")]
            flags = [str(value["followup"]).lower(), "true" if value["deleted"] else "null"]
            writer.writerow(["" if v is None else v for v in said] + flags)
        return text.getvalue()

    def _xml(self, values: list[Object], hoisted: Object) -> str:
        def attributes(of: Object) -> str:
            names = {"followup": "followUp"}
            shown = {n: str(v).lower() if isinstance(v, bool) else v for n, v in of.items() if v is not None}
            return "".join(f" {names.get(n, n)}={quoteattr(v)}" for n, v in shown.items())

        rows = "".join(f"<dataValue{attributes({n: v for n, v in of.items() if n not in hoisted})}/>" for of in values)
        head = f"<?xml version='1.0' encoding='UTF-8'?><dataValueSet xmlns=\"{_XMLNS}\"{attributes(hoisted)}"
        return f"{head}>{rows}</dataValueSet>" if rows else f"{head}/>"

    def _adx(self, values: list[Object], hoisted: Object) -> str:
        assert not values, "the tests' server writes no values in ADX"
        return '<adx xmlns="urn:ihe:qrph:adx:2015"/>'


def _is_within(text: str, since: date, until: date) -> bool:
    period = periods.parse(text)
    return period is not None and since <= period.start and period.end <= until
