"""What the columns of a table mean: by the names that CSV has for them, or by those of ADV2 in columns.

Rules: docs/formats/tables.md, "Columns".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, named
from tallyport_converters.native.abi import COLUMN_AGAIN, Cells, Column, Field, Kind
from tallyport_converters.readers.csv_columns import Columns, columns_of
from tallyport_converters.readers.tables.table import SURPLUS
from tallyport_converters.readers.tables.text_cells import Role
from tallyport_schemas.finding import SourceUnreadable, finding

ADV2_COLUMNS: Mapping[str, int] = {
    "data_set": Kind.DS,
    "data_element": Kind.DE,
    "period": Kind.PE,
    "org_unit": Kind.OU,
    "category_option_combo": Kind.COC,
    "attribute_option_combo": Kind.AOC,
    "value": Field.VALUE,
    "deleted": Field.DELETED,
    "followup": Field.FOLLOWUP,
    "comment": Field.COMMENT,
}
"""The columns of ADV2's rows, as `scan_adv2` and `table` give them."""

_NEEDED = ("data_element", "period", "org_unit", "value")
_DERIVED = re.compile(
    r"number|source|row|level_[0-9]+|period_start|period_end"
    r"|(?:data_set|data_element|org_unit|category_option_combo|attribute_option_combo)_(?:name|code)"
)
"""Columns that follow from others, or from metadata: they are skipped silently."""

_OPTION = re.compile(r"(co|ao)(?:\.(?P<category>.+)|\[(?P<place>[0-9]+)\])", re.DOTALL)
_OPTIONS: Mapping[tuple[str, bool], int] = {
    ("co", True): Column.CATEGORY,
    ("co", False): Column.OPTION,
    ("ao", True): Column.ATTRIBUTE_CATEGORY,
    ("ao", False): Column.ATTRIBUTE_OPTION,
}
_INDEX = re.compile("__index_level_[0-9]+__|__null_dask_index__")
"""What pandas writes a frame's index as."""

_COMBO = (*_OPTIONS.values(), Column.ATTRIBUTE_COMBO, Column.ATTRIBUTE_OPTIONS)


def is_adv2(names: Sequence[str]) -> bool:
    """Return whether columns are those of ADV2's rows: all that are taken are called so to the letter."""
    if not set(_NEEDED) <= set(names) or len(set(names)) < len(names):
        return False
    others = (name for name in names if name not in ADV2_COLUMNS and not _DERIVED.fullmatch(name))
    return all((known := named(name)) is None or known.field in NO_PLACE for name in others)


def table_columns(names: Sequence[str], readable: Sequence[bool]) -> tuple[Columns, Cells]:
    """Determine what columns mean, and whose cells they are. `readable`: whether the cells of each have texts.

    Raises:
        SourceUnreadable: TP113, no column is the data element's or the value's; see also `columns_of`.
    """
    if is_adv2(names):
        return _of_adv2(names), Cells.ADV2
    found = {known.field for name in names if (known := named(name))}
    missing = [CANONICAL[kind] for kind in (Kind.DE, Field.VALUE) if kind not in found]
    if missing:
        raise SourceUnreadable(
            finding(
                "TP113",
                message=f"no column is called {' or '.join(missing)}",
                help="name the columns as DHIS2 does",
                culprits=names[:20],
                expected="columns such as dataElement, period, orgUnit, categoryOptionCombo and value",
            )
        )
    columns = columns_of(names, is_header=True)
    for place, (name, has_texts) in enumerate(zip(names, readable, strict=True)):
        if _INDEX.fullmatch(name):
            columns.meanings[place] = Column.PASSED
        elif name == SURPLUS or (columns.meanings[place] == Column.CATEGORY and not has_texts):
            columns.meanings[place] = Column.DROPPED
    categories = [name for name, meaning in zip(names, columns.meanings, strict=True) if meaning == Column.CATEGORY]
    columns.findings = [found for found in columns.findings if found.code != "TP424"]
    if categories:
        columns.findings.append(finding("TP424", culprits=categories))
    return columns, Cells.TABLE


def _of_adv2(names: Sequence[str]) -> Columns:
    columns = Columns(list(names))
    for place, name in enumerate(names):
        option = _OPTION.fullmatch(name)
        if option:
            columns.meanings.append(_OPTIONS[option[1], option["category"] is not None])
            columns.names[place] = option["category"] or name
        elif name in ADV2_COLUMNS:
            columns.meanings.append(ADV2_COLUMNS[name])
        else:
            is_derived = _DERIVED.fullmatch(name) or _INDEX.fullmatch(name)
            columns.meanings.append(Column.PASSED if is_derived else Column.DROPPED)
    return columns


def role(meaning: int) -> Role:
    """Return what cells of a column are taken for, by its meaning."""
    meaning -= COLUMN_AGAIN if meaning >= COLUMN_AGAIN else 0
    if meaning == Column.PASSED or meaning in (Column.DROPPED, Column.COUNTED) or meaning in NO_PLACE:
        return Role.SHOWN
    if meaning == Kind.PE:
        return Role.PERIOD
    return Role.IDENTIFIER if meaning in set(Kind) or meaning in _COMBO else Role.TEXT
