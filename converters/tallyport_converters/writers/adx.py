"""ADX writer: neighbouring rows of one period, organisation unit and attribute option combo share a group.

A value that is not a decimal number travels in an annotation beside `value="0"`, as the profile has it.
"""

from __future__ import annotations

from tallyport_converters.model import periods
from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.join import Piece, constant
from tallyport_converters.readers.xml_attributes import is_adx_category
from tallyport_converters.writers.writer import (
    Combos,
    FileScope,
    GroupScope,
    Layout,
    Named,
    Writer,
    fragments,
    merged,
    no_place,
)
from tallyport_converters.writers.xml_text import escaped, is_name


class AdxWriter(Writer):
    """See `Writer`."""

    format = "adx"
    suffix = ".adx.xml"
    closing = b"</adx>\n"
    default_scheme = "CODE"
    data_set_of: str | None = "group"

    def opening(self, scope: FileScope) -> bytes:
        """Return the root's tag. It says no time of export: the file is a function of the values."""
        del scope
        return b'<adx xmlns="urn:ihe:qrph:adx:2015">\n'

    def layout(self, group: GroupScope, scope: FileScope) -> Layout:
        """Return rows as elements within groups; categories are attributes of either."""
        del scope
        data_set = Named([group.data_set], range(0))
        intervals = Named([_interval(period) for period in group.periods.identifiers], group.periods.places)
        of_group = merged(
            [
                constant(b"<group"),
                *([fragments("dataSet", data_set, escaped, b' dataSet="', b'"')] if group.data_set else []),
                fragments("orgUnit", group.org_units, escaped, b' orgUnit="', b'"'),
                fragments("period", intervals, escaped, b' period="', b'"'),
                *_combo("attributeOptionCombo", "ao", group.aoc, is_group=True),
                constant(b">\n"),
            ]
        )
        element = Named([group.data_element], range(0))
        of_row = [
            fragments("dataElement", element, escaped, b'<dataValue dataElement="', b'"'),
            *_combo("categoryOptionCombo", "co", group.coc, is_group=False),
            Piece(PieceKind.DECIMAL, [b' value="', b'"', b' value="0"', b""], field="value"),
            Piece(PieceKind.COMMENT, [b' comment="', b'"', b"", b""], field="comment"),
            Piece(PieceKind.FOLLOWUP, [b' followup="true"', b' followup="false"', b"", b""], field="followup"),
            Piece(PieceKind.DELETED, [b' deleted="true"', b"", b"", b""], field="deleted"),
            Piece(
                PieceKind.OTHER,
                [b"><annotation>", b"</annotation></dataValue>\n", b"/>\n", b"/>\n"],
                field="value",
            ),
        ]
        return Layout([*of_group, *merged(of_row)], Escape.XML, len(of_group), b"</group>\n")


def _interval(name: str | None) -> str | None:
    """Return a period as an interval; None if reading that gives another period: quarters from November."""
    period = periods.parse(name or "")
    interval = periods.interval(period) if period else None
    read = periods.parse_interval(interval) if interval else None
    return interval if read and read[0] == period else None


def _combo(field: str, role: str, combos: Combos, *, is_group: bool) -> list[Piece]:
    if combos is None:
        return []
    if isinstance(combos, Named):
        return [fragments(field, combos, escaped, b' %s="' % field.encode(), b'"')]
    categories = combos.named(role)
    bad = [name for name in categories if not (is_adx_category(name, is_group=is_group) and is_name(name))]
    if bad:
        raise no_place(role, ", ".join(bad))
    return [
        fragments(category, options, escaped, b' %s="' % category.encode(), b'"')
        for category, options in zip(categories, combos.options, strict=True)
    ]
