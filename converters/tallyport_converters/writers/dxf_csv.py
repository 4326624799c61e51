"""DXF2 CSV writer: a header row, then a record a value, in the order that DHIS2 to 2.42 reads by position.

Names are those that 2.43 knows. It takes columns that it does not know for categories, unless there is a column
`categoryOptionCombo` in that very spelling: so that is avoided where there are categories, and only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.join import Piece, constant
from tallyport_converters.readers.csv_columns import CATEGORIES_LIMIT, is_category_column
from tallyport_converters.writers.writer import (
    Combos,
    FileScope,
    GroupScope,
    Layout,
    Named,
    Optioned,
    Writer,
    fragments,
    merged,
    no_place,
)

_COLUMNS = (
    "dataElement,period,orgUnit,categoryOptionCombo,attributeOptionCombo,"
    "value,storedBy,timestamp,comment,followUp,deleted"
)
_QUOTED = re.compile(r'[,"\r\n]|\A[ \t]|[ \t]\Z')


class DxfCsvWriter(Writer):
    """See `Writer`."""

    format = "dxf-csv"
    suffix = ".csv"
    closing = b""

    def opening(self, scope: FileScope) -> bytes:
        """Return the header row."""
        categories = _columns(scope)
        columns = _COLUMNS.replace("categoryOptionCombo", "categoryoptioncombo") if categories else _COLUMNS
        if scope.has_option_lists:
            columns += ",attributeOptions"
        return ",".join([columns, *categories]).encode() + b"\n"

    def layout(self, group: GroupScope, scope: FileScope) -> Layout:
        """Return rows as records; categories of data elements have columns of their own."""
        pieces = [
            fragments("dataElement", Named([group.data_element], range(0)), _cell),
            fragments("period", group.periods, _cell, b","),
            fragments("orgUnit", group.org_units, _cell, b","),
            _identified("categoryOptionCombo", group.coc),
            _identified("attributeOptionCombo", group.aoc),
            Piece(PieceKind.VALUE, [b",", b"", b"", b","], field="value"),
            constant(b",,"),
            Piece(PieceKind.COMMENT, [b",", b"", b"", b","], field="comment"),
            Piece(PieceKind.FOLLOWUP, [b",true", b",false", b"", b","], field="followUp"),
            Piece(PieceKind.DELETED, [b",true", b",", b"", b""], field="deleted"),
            *_option_list(group.aoc, scope),
            *_categories(group.coc, scope),
            constant(b"\n"),
        ]
        return Layout(merged(pieces), Escape.CSV)


def can_be_column(category: str) -> bool:
    """Whether a category can be named by a column: its name must mean nothing else, and be whole without quotes."""
    return is_category_column(category) and not re.search(r'[,;\t"\r\n]|\A\s|\s\Z', category) and category != "null"


def _columns(scope: FileScope) -> list[str]:
    """Return the categories that have a column; none where they would be more than readers take."""
    found = [category for category in scope.categories if can_be_column(category)]
    return found if len(found) <= CATEGORIES_LIMIT else []


def _cell(text: str) -> bytes | None:
    """Return a cell; None for `null`, which is no value with and without quotes."""
    if text == "null":
        return None
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def _identified(field: str, combos: Combos) -> Piece:
    return fragments(field, combos, _cell, b",") if isinstance(combos, Named) else constant(b",")


def _option_list(combos: Combos, scope: FileScope) -> Iterator[Piece]:
    """Yield the cell of attribute options, separated by spaces."""
    if not isinstance(combos, Optioned):
        if scope.has_option_lists:
            yield constant(b",")
        return
    if combos.categories is not None:
        raise no_place("ao", ", ".join(combos.categories))
    combos.check_size("ao")
    texts = [
        None if any(re.search("[ \t]", option) for option in options) else " ".join(options)
        for options in combos.combined()
    ]
    yield fragments("attributeOptions", Named(texts, combos.places), _cell, b",")


def _categories(combos: Combos, scope: FileScope) -> Iterator[Piece]:
    """Yield a cell for each category of the file."""
    of_group: dict[str, Named] = {}
    if isinstance(combos, Optioned):
        categories = combos.named("co")
        bad = [name for name in categories if not can_be_column(name)]
        if bad:
            raise no_place("co", ", ".join(bad))
        if not _columns(scope):
            raise no_place("co", f"more than {CATEGORIES_LIMIT} categories in one file")
        of_group = dict(zip(categories, combos.options, strict=True))
    for name in _columns(scope):
        if name in of_group:
            yield fragments(name, of_group[name], _cell, b",")
        else:
            yield constant(b",")
