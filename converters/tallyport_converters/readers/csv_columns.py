"""What the columns of a CSV file mean, by its header row or by their positions.

Rules: docs/formats/dxf-csv.md, "Columns".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, is_no_category, named, plain
from tallyport_converters.native.abi import COLUMN_AGAIN, Column, Field, Kind, NamedBy
from tallyport_converters.readers.csv_layout import POSITIONS
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

CATEGORIES_LIMIT = 256
"""Columns that name a category: as OPTIONS_LIMIT in scan_csv.c."""

NAME_LIMIT = 1_000
"""Characters of a column's name: each rejected row may give it."""

_OPTION_LISTS: Mapping[str, int] = {
    "attributecombo": Column.ATTRIBUTE_COMBO,
    "attributeoptions": Column.ATTRIBUTE_OPTIONS,
}
"""Columns that CSV alone has."""

_USUAL = {
    *("dataelement", "dataelelement", "de", "period", "pe"),
    *("orgunit", "organisationunit", "organizationunit", "ou", "source"),
    *("categoryoptioncombo", "catoptcombo", "coc", "attributeoptioncombo", "attroptcombo", "aoc"),
    *("value", "comment", "cmt", "followup", "flwup", "deleted"),
}
"""Names that CSV files have had for long: nothing to report."""


@dataclass(slots=True)
class Columns:
    """The columns of a file: their names, and what each means, by `Column` (and `COLUMN_AGAIN`)."""

    names: list[str]
    meanings: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)
    no_place: frozenset[str] = frozenset()

    def field_of(self, place: int) -> str | None:
        """Return DHIS2's name of the field that a column has, if it has a place."""
        meaning = self.meanings[place]
        meaning -= COLUMN_AGAIN if meaning >= COLUMN_AGAIN else 0
        return CANONICAL[meaning] if meaning in CANONICAL and meaning not in NO_PLACE else None


def is_known(cell: str) -> bool:
    """Return whether a cell of a header row names a column that is known."""
    known = named(cell)
    return plain(cell) in _OPTION_LISTS or (known is not None and known.field != Kind.DS)


def is_category_column(name: str) -> bool:
    """Return whether a column of that name is read as a category, where there are any."""
    return plain(name) not in _OPTION_LISTS and not is_no_category(name)


def columns_of(cells: Sequence[str], *, is_header: bool, has_row_names: bool = False) -> Columns:
    """Determine what columns mean; `has_row_names`: the first names the row.

    Source: legacy-formats, CSV header names in 2.43; a later column of the same name wins, as there.

    Raises:
        SourceUnreadable: TP111, the row names no data element or no value.
    """
    columns = Columns([cell or f"(column {place})" for place, cell in enumerate(cells, 1)])
    fields = _fields(cells)
    has_list = any(plain(cell) == "attributeoptions" for cell in cells)
    is_fixed = "categoryOptionCombo" in cells
    place_of: dict[str, int] = {}
    for place, cell in enumerate(cells):
        meaning = _OPTION_LISTS.get(plain(cell))
        if meaning == Column.ATTRIBUTE_COMBO and not has_list:
            meaning = Column.DROPPED
        if meaning is None:
            meaning = fields.get(place)
        if meaning is None:
            meaning = Column.DROPPED if is_fixed or not cell or is_no_category(cell) else Column.CATEGORY
        if cell and cell in place_of:
            columns.meanings[place_of[cell]] = Column.PASSED
            columns.findings.append(finding("TP408", field=cell, found=f"columns {place_of[cell] + 1} and {place + 1}"))
        place_of[cell] = place
        columns.meanings.append(meaning)
        if place in fields and fields[place] not in NO_PLACE and plain(cell) not in _USUAL:
            columns.taken[cell] = CANONICAL[fields[place]]
    _mark_doubled(columns.meanings)
    _check(columns, is_header=is_header)
    categories = [cell for cell, meaning in zip(cells, columns.meanings, strict=True) if meaning == Column.CATEGORY]
    if categories:
        columns.findings.append(finding("TP424", culprits=categories))
    columns.no_place = frozenset(cell for cell in cells if plain(cell) == "attributecombo" and has_list)
    if has_row_names:
        columns.meanings[0] = Column.COUNTED
        columns.no_place |= {columns.names[0]}
    return columns


def _mark_doubled(meanings: list[int]) -> None:
    """Of columns that mean the same by different names, mark all but the first: they have to agree."""
    seen: set[int] = set()
    for place, meaning in enumerate(meanings):
        if meaning in (Column.ATTRIBUTE_COMBO, Column.ATTRIBUTE_OPTIONS):
            meanings[place] = Column.DROPPED if meaning in seen else meaning
        elif meaning in CANONICAL and meaning not in NO_PLACE and meaning in seen:
            meanings[place] = meaning + COLUMN_AGAIN
        seen.add(meaning)


def _fields(cells: Sequence[str]) -> dict[int, int]:
    """Return the field of each column that has one, by place; names that stand back do where there is a better one."""
    found: dict[int, int] = {}
    best: dict[int, NamedBy] = {}
    for cell in cells:
        known = named(cell)
        if known and known.field != Kind.DS:
            best[known.field] = min(known.by, best.get(known.field, known.by))
    for place, cell in enumerate(cells):
        known = named(cell)
        if known and known.field in best and known.by == best[known.field]:
            found[place] = known.field
    return found


def _check(columns: Columns, *, is_header: bool) -> None:
    missing = [CANONICAL[kind] for kind in (Kind.DE, Field.VALUE) if kind not in columns.meanings]
    if is_header and missing:
        raise SourceUnreadable(
            finding(
                "TP111",
                message=f"the header row names no column {' and no column '.join(missing)}",
                help="name the columns as DHIS2 does, or say --no-header if the row is not a header",
                row=0,
                found=", ".join(columns.names),
                expected=", ".join(POSITIONS),
            )
        )
    categories = columns.meanings.count(Column.CATEGORY)
    if categories > CATEGORIES_LIMIT:
        raise SourceUnreadable(
            finding(
                "TP111",
                message="the header row names too many columns that are none of DHIS2's",
                row=0,
                found=f"{categories:,} columns",
                expected=f"at most {CATEGORIES_LIMIT}, one for each category",
            )
        )
    for place, name in enumerate(columns.names, 1):
        if len(name) > NAME_LIMIT:
            found, expected = f"{len(name):,} characters in column {place}", f"at most {NAME_LIMIT:,}"
            raise SourceUnreadable(finding("TP131", row=0, field=name, found=found, expected=expected))
        if "\0" in name:
            message = f"a NUL is in column {place} of the header row"
            raise SourceUnreadable(finding("TP111", message=message, row=0, found=name, expected="a column's name"))
        # A head that was cut may end within a character, so it was decoded with surrogates for what is no UTF-8.
        if any("\ud800" <= c <= "\udfff" for c in name):
            message = f"the CSV is not UTF-8 (column {place} of the header row)"
            raise SourceUnreadable(finding("TP107", message=message, row=0, found=name, expected="UTF-8"))
