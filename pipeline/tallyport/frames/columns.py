"""Columns: what the columns of a frame are called, what they hold, and in which order they come.

A frame has a row for each value. What its rows share by their group's header is spelled out in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tallyport_schemas.group_header import GroupHeader

DATA_SET, DATA_ELEMENT, PERIOD, ORG_UNIT = "data_set", "data_element", "period", "org_unit"
CATEGORY_OPTION_COMBO, ATTRIBUTE_OPTION_COMBO = "category_option_combo", "attribute_option_combo"
VALUE, NUMBER, DELETED, FOLLOWUP, COMMENT = "value", "number", "deleted", "followup", "comment"


SOURCE, ROW = "source", "row"


class ColumnType(StrEnum):
    """What a column holds: polars has them as String, Float64, Boolean, Date and Int64."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """A column of a frame. `dimension`: the header's dimension that its entries follow from, as in `COLUMNS_OF`.

    An empty dimension: all rows of a group share it. None: each row has its own.
    """

    name: str
    type: ColumnType = ColumnType.TEXT
    dimension: str | None = None


COLUMNS_OF: Mapping[str, str] = MappingProxyType(
    {"pe": PERIOD, "ou": ORG_UNIT, "coc": CATEGORY_OPTION_COMBO, "aoc": ATTRIBUTE_OPTION_COMBO}
)
"""The columns of a header's dimensions. Those of categories are called as the dimension is: `co.Age`, `ao[0]`."""

OF_ROWS = (
    FrameColumn(VALUE),
    FrameColumn(NUMBER, ColumnType.NUMBER),
    FrameColumn(DELETED, ColumnType.FLAG),
    FrameColumn(FOLLOWUP, ColumnType.FLAG),
    FrameColumn(COMMENT),
)
"""What each row has of its own."""

PLACES = (FrameColumn(SOURCE, dimension=""), FrameColumn(ROW, ColumnType.COUNT))
"""Where a row was read: its file, and its number in its group, from 0."""


def frame_columns(headers: Iterable[GroupHeader]) -> tuple[FrameColumn, ...]:
    """Return the columns of the frame that holds the rows of groups with these headers.

    `data_set` is there if any header names one; a column for each category that options are given of.
    """
    has_data_set = False
    categories: dict[str, None] = {}
    for header in headers:
        has_data_set |= header.ds is not None
        categories.update((name, None) for name, _ in header.dimensions if name not in COLUMNS_OF)
    of_headers = [FrameColumn(DATA_SET, dimension="")] if has_data_set else []
    of_headers.append(FrameColumn(DATA_ELEMENT, dimension=""))
    of_headers += [FrameColumn(column, dimension=dimension) for dimension, column in COLUMNS_OF.items()]
    of_headers += [FrameColumn(name, dimension=name) for name in sorted(categories)]
    return (*of_headers, *OF_ROWS)
