"""What attributes mean in DXF2 XML and ADX, for the readers that take them one by one: root, group and rejected rows.

Names as in scan_xml.c. Rules: docs/formats/dxf-xml.md and docs/formats/adx.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tallyport_converters.model.combos import Combo, identified, mapped
from tallyport_converters.model.field_names import CANONICAL, UNREAD_COMPLETIONS, named
from tallyport_converters.model.file_header import SCHEME_PROPERTIES, Completion, Header
from tallyport_converters.model.header_names import HeaderNames, property_named
from tallyport_converters.model.row_fields import FIELDS, STAMPS, RowFields
from tallyport_converters.native.abi import Kind, NamedBy
from tallyport_converters.readers.reader import (
    Reader,
    ReadPeriod,
    adx_period,
    explain_interval,
    explain_period,
    iso_period,
)
from tallyport_schemas.finding import WHITE, finding

_IDENTIFYING = frozenset({"dataSet", "period", "orgUnit", "attributeOptionCombo"})
"""What belongs on the header, and in ADX on the group."""


class XmlReader(Reader):
    """What both readers of XML have in common: ADX has codes and intervals, DXF2 UIDs and DHIS2's periods."""

    adx: bool

    def _begin(self, *, adx: bool) -> None:
        self.adx = adx
        self.format = "adx" if adx else "dxf-xml"
        self.default_scheme = "CODE" if adx else "UID"
        self.no_place = NO_PLACE if adx else frozenset()

    def period(self, text: str) -> ReadPeriod | None:
        """See `Reader`."""
        return adx_period(text) if self.adx else iso_period(text)

    def explain_period(self, text: str) -> tuple[str, str | None]:
        """See `Reader`."""
        return explain_interval(text) if self.adx else (explain_period(text), None)


def local_name(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def is_plain(name: str) -> bool:
    """Return whether a name is in no namespace."""
    return not name.startswith("{")


def dxf_header(attributes: Iterable[tuple[str, str]], header: Header) -> None:
    """Add the root's attributes; empty ones are absent, of a name in two namespaces the first stands."""
    complete_date: str | None = None
    seen: set[str] = set()
    names = HeaderNames(header)
    for full_name, value in attributes:
        written = local_name(full_name)
        if not value or full_name.startswith("{http://www.w3.org/"):
            continue
        if written in seen:
            header.findings.append(finding("TP402", field=written))
            continue
        seen.add(written)
        name = names.settle(written, value)
        if name in _IDENTIFYING:
            value = header.trim(value)
        if not value:
            continue  # blanks name nothing
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
        elif name and name in SCHEME_PROPERTIES:
            header.schemes[SCHEME_PROPERTIES[name]] = value
        elif name in {"importStrategy", "strategy"}:
            header.strategy(written, value)
        elif name:
            header.drop(written, value)
    if complete_date:
        header.complete(complete_date)


def adx_header(attributes: Iterable[tuple[str, str]], header: Header) -> None:
    """Count what the root of ADX says: none of it has a place in ADV2."""
    for full_name, value in attributes:
        name = local_name(full_name)
        if full_name.startswith("{http://www.w3.org/"):
            continue
        if is_plain(full_name) and property_named(name):
            header.drop(name, value)
        else:
            header.leave_out(name, value)


NO_PLACE = frozenset({"comment", *UNREAD_COMPLETIONS})
"""What says something of a group, and has no place."""

_GROUP_NAMES = ("dataSet", "period", "orgUnit", "attributeOptionCombo", "completeDate")
_GROUP_FIELDS = frozenset({Kind.DS, Kind.PE, Kind.OU, Kind.AOC})


class AdxTag(RowFields):
    """What the attributes of an ADX group or row mean, as scan_xml.c has it.

    `fields` has a combo by its options where none is named. `left_out` is what has no meaning here, `stamps` and
    `no_place` what has no place, `taken` the names that are not DHIS2's, with what they were taken for.
    """

    def __init__(self, attributes: Mapping[str, str], *, is_group: bool) -> None:
        super().__init__()
        self.left_out: dict[str, str] = {}
        self.stamps: dict[str, str] = {}
        self.no_place: dict[str, str] = {}
        self.taken: dict[str, str] = {}
        self.loses_options = False
        combo = "attributeOptionCombo" if is_group else "categoryOptionCombo"
        options: dict[str, str] = {}
        for full_name, text in attributes.items():
            name = local_name(full_name)
            if not text:
                continue
            if not is_plain(full_name):
                self.left_out[name] = text
                continue
            if is_group and name in NO_PLACE:
                self.no_place[name] = text
                continue
            if name in UNREAD_COMPLETIONS:
                self.left_out[name] = text
                continue
            field, by = _meaning(name, is_group=is_group)
            if field is None:
                options[name] = text
            elif field in STAMPS:
                self.stamps[field] = text
            elif field in _IDENTIFYING and not is_group:
                self.left_out[name] = text
            elif by in (None, NamedBy.OTHERWISE):
                self.take(field, name, text)
                if by:
                    self.taken[name] = field
            else:
                self.stand_in(by, field, name, text)
        if self.fields.get(combo):
            self.loses_options = bool(options)
            self.left_out |= options
        elif given := {name: text for name, text in options.items() if text.strip(WHITE)}:
            self.fields[combo] = given
        self.taken |= {name: field for field, name, _ in self.settle()}
        self.left_out |= {name: text for _, _, name, text in self.stand_ins if name not in self.taken}


def _meaning(name: str, *, is_group: bool) -> tuple[str | None, NamedBy | None]:
    """Return the field that an attribute is, and by which kind of name; None for a category."""
    if is_group and name in _GROUP_NAMES:
        return name, None
    if not is_group and name in FIELDS:
        return FIELDS[name], None
    if not is_group and (name in STAMPS or name == "dataSet"):
        return name, None
    known = named(name)
    if not known or known.is_short or (is_group and known.field not in _GROUP_FIELDS):
        return None, None
    return CANONICAL[known.field], known.by


def adx_completion(group: Mapping[str, str]) -> Completion | None:
    """Return the completion that a group states, if it does."""
    tag = AdxTag({name: value.strip(WHITE) for name, value in group.items()}, is_group=True)
    date = tag.fields.get("completeDate")
    if not date:
        return None
    read = adx_period(tag.fields.get("period", ""))
    named_combo = tag.fields.get("attributeOptionCombo", "")
    combo: Combo = mapped(named_combo) if isinstance(named_combo, dict) else identified(named_combo)
    return Completion(
        tag.fields.get("dataSet"), read.period.iso if read else None, tag.fields.get("orgUnit"), combo, date
    )


def adx_row(group: AdxTag, row: AdxTag, annotation: str | None) -> dict[str, Any]:
    """Return an ADX row's fields by their canonical names, the group's among them."""
    fields = dict(row.fields)
    if annotation is not None:
        fields["value"] = annotation
    for name in _IDENTIFYING:
        if group.fields.get(name):
            fields[name] = group.fields[name]
    return fields


def is_adx_category(name: str, *, is_group: bool) -> bool:
    """Return whether an attribute of that name is a category."""
    is_known = name in UNREAD_COMPLETIONS or (is_group and name in NO_PLACE)
    return not is_known and _meaning(name, is_group=is_group)[0] is None
