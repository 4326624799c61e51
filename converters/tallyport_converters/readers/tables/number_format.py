"""Number formats of a workbook: what a cell shows by its format, a number or a part of a date.

Source: ECMA-376, part 1, 18.8.30 (numFmts), 18.8.31.
"""

from __future__ import annotations

import re
from enum import StrEnum


class CellShape(StrEnum):
    """What a number in a cell is shown as. The letter marks such a cell among the texts of a sheet."""

    NUMBER = "N"
    PERCENT = "P"
    DAY = "D"
    MONTH = "M"
    YEAR = "Y"
    MOMENT = "S"
    TIME = "T"


_BUILT_IN = {
    **dict.fromkeys((9, 10), CellShape.PERCENT),
    **dict.fromkeys((14, 15, 16, *range(27, 32), 36, *range(50, 55), 57, 58), CellShape.DAY),
    17: CellShape.MONTH,
    22: CellShape.MOMENT,
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 46, 47, 55, 56), CellShape.TIME),
}
"""Formats that a workbook need not spell out, by their number."""

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
_MINUTES = re.compile(r"(?<=h)[^a-z]*m{1,2}|m{1,2}(?=[^a-z]*s)")


def shape_of(number: int, code: str | None) -> CellShape:
    """Return what a format shows, given its number, and its code where the workbook spells it out.

    >>> codes = ("mmm yyyy", "d/m/yy", "yyyy", "hh:mm", "yyyy-mm-dd hh:mm", '0.0" m"', "0%")
    >>> [str(shape_of(164, code)) for code in codes]
    ['M', 'D', 'Y', 'T', 'S', 'N', 'P']
    """
    if code is None:
        return _BUILT_IN.get(number, CellShape.NUMBER)
    shown = _LITERAL.sub("", code).partition(";")[0].lower()
    if "general" in shown or re.search("[0#?]", shown.replace(".0", "").replace("0", "0" if "s" not in shown else "")):
        return CellShape.PERCENT if "%" in shown else CellShape.NUMBER
    has_time = bool(re.search("[hs]", shown))
    dates = re.sub(r"am/pm|a/p", "", _MINUTES.sub("", shown))
    has_day, has_month, has_year = ("d" in dates, "m" in dates, bool(re.search("[ye]", dates)))
    if has_time:
        return CellShape.MOMENT if has_day or has_month or has_year else CellShape.TIME
    if has_day:
        return CellShape.DAY
    if has_month:
        return CellShape.MONTH if has_year else CellShape.DAY
    return CellShape.YEAR if has_year else CellShape.NUMBER
