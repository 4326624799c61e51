"""What attributes mean in DXF2 XML and ADX, for whoever reads them slowly: root, group and rejected rows.

Names as in scan_xml.c. Rules: docs/formats/dxf-xml.md and docs/formats/adx.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tallyport_converters.combos import Combo, identified, mapped
from tallyport_converters.header import SCHEME_PROPERTIES, Completion, Header
from tallyport_converters.readers.dxf_json import FIELDS
from tallyport_converters.readers.reader import adx_period, iso_period
from tallyport_schemas.findings import finding

PASSED_ADX_ROW = frozenset({"period", "orgUnit", "dataSet", "attributeOptionCombo"})
"""Attributes of an ADX row that belong on its group: passed over, counted."""

KNOWN_ADX_ROW = frozenset(FIELDS) | {"storedBy", "created", "lastUpdated"} | PASSED_ADX_ROW
KNOWN_ADX_GROUP = frozenset({"dataSet", "period", "orgUnit", "attributeOptionCombo", "comment", "completeDate"})


def local_name(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def is_plain(name: str) -> bool:
    """Tell whether a name is in no namespace."""
    return not name.startswith("{")


def dxf_header(attributes: Iterable[tuple[str, str]], header: Header) -> None:
    """Take over the root's attributes; empty ones are absent, of a name in two namespaces the first stands."""
    complete_date: str | None = None
    seen: set[str] = set()
    for full_name, value in attributes:
        name = local_name(full_name)
        if not value or full_name.startswith("{http://www.w3.org/"):
            continue
        if name in seen:
            header.findings.append(finding("TP402", field=name))
            continue
        seen.add(name)
        if name == "dataSet":
            header.data_set = value
        elif name == "period":
            read = iso_period(value) or adx_period(value)  # exports of 2.43 write an interval
            header.period = read.period.iso if read else value
        elif name == "orgUnit":
            header.org_unit = value
        elif name == "attributeOptionCombo":
            header.attribute_option_combo = identified(value)
        elif name == "completeDate":
            complete_date = value
        elif name in SCHEME_PROPERTIES:
            header.schemes[SCHEME_PROPERTIES[name]] = value
        elif name in {"importStrategy", "strategy"}:
            header.strategy(name, value)
        else:
            header.drop(name, value)
    if complete_date:
        header.completions.append(
            Completion(header.data_set, header.period, header.org_unit, header.attribute_option_combo, complete_date)
        )


def adx_header(attributes: Iterable[tuple[str, str]], header: Header) -> None:
    """Count what the root of ADX says: none of it has a place in ADV2."""
    for name, value in attributes:
        if not name.startswith("{http://www.w3.org/"):
            header.drop(local_name(name), value)


def adx_categories(attributes: Mapping[str, str], known: frozenset[str]) -> dict[str, str]:
    """Return {category: option} of a tag: its attributes in no namespace that mean nothing else."""
    return {name: value for name, value in attributes.items() if value and is_plain(name) and name not in known}


def adx_completion(group: Mapping[str, str]) -> Completion | None:
    """Return the completion that a group states, if it does."""
    date = group.get("completeDate")
    if not date:
        return None
    read = adx_period(group.get("period", ""))
    combo: Combo = (
        identified(group.get("attributeOptionCombo", ""))
        if group.get("attributeOptionCombo")
        else mapped(adx_categories(group, KNOWN_ADX_GROUP))
    )
    return Completion(
        group.get("dataSet") or None, read.period.iso if read else None, group.get("orgUnit") or None, combo, date
    )


def adx_row(group: Mapping[str, str], row: Mapping[str, str], annotation: str | None) -> dict[str, Any]:
    """Return an ADX row's fields by their canonical names, the group's among them."""
    fields: dict[str, Any] = {}
    for name, value in row.items():
        if value and name in FIELDS and name not in PASSED_ADX_ROW:
            fields.setdefault(FIELDS[name], value)
    if annotation is not None:
        fields["value"] = annotation
    if not fields.get("categoryOptionCombo") and (options := adx_categories(row, KNOWN_ADX_ROW)):
        fields["categoryOptionCombo"] = options
    for name in ("dataSet", "period", "orgUnit", "attributeOptionCombo"):
        if group.get(name):
            fields[name] = group[name]
    if "attributeOptionCombo" not in fields and (options := adx_categories(group, KNOWN_ADX_GROUP)):
        fields["attributeOptionCombo"] = options
    return fields
