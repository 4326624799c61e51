"""DXF2 JSON writer: one object, a row a line, every row whole.

Values are texts and the follow-up is spelled `followUp`, as DHIS2 2.43 insists; 2.42 reads all but the latter.
"""

from __future__ import annotations

import json

from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.join import Piece, constant
from tallyport_converters.writers.writer import (
    Combos,
    FileScope,
    GroupScope,
    Layout,
    Named,
    Writer,
    fragments,
    merged,
    scheme_properties,
)


class DxfJsonWriter(Writer):
    """See `Writer`."""

    format = "dxf-json"
    suffix = ".json"
    closing = b"\n]}\n"
    states_schemes = True
    data_set_of: str | None = "file"
    states_deletion = True

    def opening(self, scope: FileScope) -> bytes:
        """Return the header's properties, up to the rows."""
        members: dict[str, object] = {}
        if scope.data_set:
            members["dataSet"] = scope.data_set
        members |= dict(scheme_properties(scope.schemes))
        if scope.deletion:
            members["deletion"] = {
                "orgUnits": scope.deletion.org_units,
                "periods": scope.deletion.periods,
                "elements": scope.deletion.elements,
            }
        opened = _text(members)[:-1]
        return opened + (b"," if members else b"") + b'"dataValues":[\n'

    def layout(self, group: GroupScope, scope: FileScope) -> Layout:
        """Return rows as objects; combos by options become objects as well."""
        del scope
        pieces = [
            constant(b',\n{"dataElement":' + _text(group.data_element)),
            fragments("period", group.periods, _text, b',"period":'),
            fragments("orgUnit", group.org_units, _text, b',"orgUnit":'),
            *_combo("categoryOptionCombo", "co", group.coc),
            *_combo("attributeOptionCombo", "ao", group.aoc),
            Piece(PieceKind.VALUE, [b',"value":"', b'"', b"", b""], field="value"),
            Piece(PieceKind.COMMENT, [b',"comment":"', b'"', b"", b""], field="comment"),
            Piece(PieceKind.FOLLOWUP, [b',"followUp":true', b',"followUp":false', b"", b""], field="followUp"),
            Piece(PieceKind.DELETED, [b',"deleted":true', b"", b"", b""], field="deleted"),
            constant(b"}"),
        ]
        return Layout(merged(pieces), Escape.JSON, separator=b",\n")


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _combo(field: str, role: str, combos: Combos) -> list[Piece]:
    name = _text(field)
    if combos is None:
        return []
    if isinstance(combos, Named):
        return [fragments(field, combos, _text, b"," + name + b":")]
    parts = [constant(b"," + name + b":{")]
    for number, (category, options) in enumerate(zip(combos.named(role), combos.options, strict=True)):
        parts.append(fragments(field, options, _text, (b"," if number else b"") + _text(category) + b":"))
    return [*parts, constant(b"}")]
