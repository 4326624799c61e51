"""DXF2 XML writer: one element a row, all data in attributes. Category options have no place in this format."""

from __future__ import annotations

from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.join import Piece, constant
from tallyport_converters.writers.writer import (
    Combos,
    FileScope,
    GroupScope,
    Layout,
    Named,
    Unstated,
    Writer,
    fragments,
    merged,
    no_place,
    scheme_properties,
)
from tallyport_converters.writers.xml_text import attribute, escaped
from tallyport_schemas.finding import finding, shown


class DxfXmlWriter(Writer):
    """See `Writer`."""

    format = "dxf-xml"
    suffix = ".xml"
    closing = b"</dataValueSet>\n"
    states_schemes = True
    data_set_of: str | None = "file"

    def opening(self, scope: FileScope) -> bytes:
        """Return the root's tag."""
        attributes = [("dataSet", scope.data_set)] if scope.data_set else []
        tag = b"".join(attribute(name, text) for name, text in [*attributes, *scheme_properties(scope.schemes)])
        return b'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0"%s>\n' % tag

    def layout(self, group: GroupScope, scope: FileScope) -> Layout:
        """Return rows as elements without content."""
        if scope.data_set and escaped(scope.data_set) is None:
            raise Unstated(finding("TP770", field="dataSet", found=shown(scope.data_set)))
        pieces = [
            fragments("dataElement", Named([group.data_element], range(0)), escaped, b'<dataValue dataElement="', b'"'),
            fragments("period", group.periods, escaped, b' period="', b'"'),
            fragments("orgUnit", group.org_units, escaped, b' orgUnit="', b'"'),
            *_combo("categoryOptionCombo", "co", group.coc),
            *_combo("attributeOptionCombo", "ao", group.aoc),
            Piece(PieceKind.VALUE, [b' value="', b'"', b"", b""], field="value"),
            Piece(PieceKind.COMMENT, [b' comment="', b'"', b"", b""], field="comment"),
            Piece(PieceKind.FOLLOWUP, [b' followUp="true"', b' followUp="false"', b"", b""], field="followUp"),
            Piece(PieceKind.DELETED, [b' deleted="true"', b"", b"", b""], field="deleted"),
            constant(b"/>\n"),
        ]
        return Layout(merged(pieces), Escape.XML)


def _combo(field: str, role: str, combos: Combos) -> list[Piece]:
    if combos is None:
        return []
    if isinstance(combos, Named):
        return [fragments(field, combos, escaped, b' %s="' % field.encode(), b'"')]
    raise no_place(role, ", ".join(combos.named(role)))
