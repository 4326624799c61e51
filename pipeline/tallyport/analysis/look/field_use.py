"""What the fields of a legacy file are taken for: columns of CSV by their place, others by their name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tallyport.analysis.look.conditions import FIELDS
from tallyport.analysis.look.view import FieldUse
from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, named, nearest
from tallyport_converters.model.row_fields import FIELDS as OF_ROWS
from tallyport_converters.native.abi import COLUMN_AGAIN, Column, NamedBy
from tallyport_converters.readers.csv_columns import Columns
from tallyport_converters.readers.tables.table import SURPLUS
from tallyport_converters.readers.xml_attributes import is_adx_category

DROPPED = "no place in ADV2: dropped and counted"
SKIPPED = "not understood: skipped"
CATEGORY = "a category"

_ANNOTATION = "annotation"

_OPTIONS: Mapping[int, str] = {
    Column.CATEGORY: "co",
    Column.OPTION: "co",
    Column.ATTRIBUTE_CATEGORY: "ao",
    Column.ATTRIBUTE_OPTION: "ao",
}
_BY_CANONICAL = {CANONICAL[number]: column for number, column in FIELDS.items()}
_OF_CSV: Mapping[int, tuple[str | None, str]] = {
    Column.ATTRIBUTE_OPTIONS: ("attribute_option_combo", "options without their categories"),
    Column.ATTRIBUTE_COMBO: (None, "the category combo of the options beside it"),
    Column.COUNTED: (None, "names of rows: skipped"),
}


def column_uses(columns: Columns) -> list[FieldUse]:
    """Return what each column of a CSV file or a table is taken for, in their order: those that have a name."""
    return [
        _column_use(name, meaning, place, is_again=name in columns.names[place:])
        for place, (name, meaning) in enumerate(zip(columns.names, columns.meanings, strict=True), 1)
        if name != SURPLUS
    ]


def _column_use(name: str, meaning: int, place: int, *, is_again: bool) -> FieldUse:
    if meaning == Column.PASSED:
        reason = "skipped: a later column has the same name" if is_again else "follows from others: skipped"
        return FieldUse(name, None, reason, place=place)
    if meaning in _OF_CSV:
        column, reason = _OF_CSV[meaning]
        return FieldUse(name, column, reason, place=place)
    if meaning in _OPTIONS:
        dimension = _OPTIONS[meaning]
        column = name if name.startswith((f"{dimension}.", f"{dimension}[")) else f"{dimension}.{name}"
        return FieldUse(name, column, CATEGORY, nearest(name), place)
    if meaning in NO_PLACE:
        return FieldUse(name, None, DROPPED, place=place)
    if meaning == Column.DROPPED:
        known = named(name)
        if known and known.field not in NO_PLACE:
            return FieldUse(name, None, _beside(known.field), place=place)
        return FieldUse(name, None, SKIPPED, nearest(name), place, is_known=False)
    if meaning >= COLUMN_AGAIN:
        field = meaning - COLUMN_AGAIN
        return FieldUse(name, FIELDS[field], f"has to agree with the other {CANONICAL[field]}", place=place)
    return FieldUse(name, FIELDS[meaning], place=place)


def _beside(field: int) -> str:
    return f"skipped: another field gives the {CANONICAL[field]}"


def field_uses(names: Iterable[tuple[str, bool]], left_out: Iterable[str], *, is_adx: bool) -> list[FieldUse]:
    """Return what fields of rows are taken for, by their names; (name, whether it is of a group) each.

    `left_out`: names that were skipped in a row.
    """
    skipped = set(left_out)
    return [_field_use(name, name in skipped, is_adx=is_adx, is_group=is_group) for name, is_group in names]


def _field_use(name: str, is_skipped: bool, *, is_adx: bool, is_group: bool) -> FieldUse:
    known = named(name)
    if is_adx and name == _ANNOTATION:
        return FieldUse(name, "value", "stands for the value of a text")
    if is_adx and name not in OF_ROWS and is_adx_category(name, is_group=is_group) and not is_skipped:
        return FieldUse(name, f"{'ao' if is_group else 'co'}.{name}", CATEGORY, nearest(name))
    if name in OF_ROWS:
        return FieldUse(name, _BY_CANONICAL[OF_ROWS[name]])
    if known and known.field in NO_PLACE:
        return FieldUse(name, None, DROPPED)
    if known and not is_skipped:
        return FieldUse(name, FIELDS[known.field])
    if known and known.by is not NamedBy.OTHERWISE:
        return FieldUse(name, None, _beside(known.field))
    return FieldUse(name, None, SKIPPED, nearest(name), is_known=False)
