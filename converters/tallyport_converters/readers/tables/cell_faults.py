"""Cells that cannot be what their column holds: marked among the texts of a table, and explained.

A mark begins with a NUL, which makes the scanner reject the row. A text that has a NUL of its own is marked as well.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import polars as pl

from tallyport_schemas.finding import Finding, finding

MARK = "\0"


class CellFault(StrEnum):
    """Why a cell cannot be taken; the letter follows the mark."""

    NUL = "t"
    INEXACT = "f"
    NO_NUMBER = "n"
    DATE = "d"
    MOMENT = "m"
    ZONE = "z"
    ERROR = "e"
    NO_RESULT = "c"
    PERCENT = "p"


_SAID: dict[CellFault, tuple[str, str | None, str | None, str | None]] = {
    CellFault.NUL: ("TP310", None, "text that UTF-8 and PostgreSQL can store", None),
    CellFault.INEXACT: ("TP315", None, "at most 15 significant digits, without an exponent", None),
    CellFault.NO_NUMBER: ("TP315", "the cell is not a number", "a number, or no value", "remove the cell's content"),
    CellFault.DATE: ("TP316", None, "a period such as 202501", None),
    CellFault.ZONE: (
        "TP316",
        "the time has a time zone",
        "a date and time of the place, without a time zone",
        "convert the column to local time without a time zone, or write it as text",
    ),
    CellFault.ERROR: ("TP317", None, "a value", None),
    CellFault.PERCENT: ("TP319", None, "a plain number", None),
    CellFault.NO_RESULT: ("TP318", None, "the result beside the formula", None),
    CellFault.MOMENT: ("TP316", "a date or time is where a text is due", "a text", "write the cell as text"),
}
"""Code, message, what is expected and help of each; None where the code's own is right."""


class MarkedCell(NamedTuple):
    """A cell that cannot be taken: why, and what it shows."""

    fault: CellFault
    text: str

    def finding(self, column: str) -> Finding:
        """Return what to report of it."""
        code, message, expected, help_text = _SAID[self.fault]
        return finding(code, message=message, field=column, found=self.text, expected=expected, help=help_text)


def marked(fault: CellFault, shown: pl.Expr) -> pl.Expr:
    """Mark cells, given what they show."""
    return pl.lit(MARK + fault.value) + shown


def mark_of(text: str) -> MarkedCell | None:
    """Return the mark of a cell's text; None if it has none."""
    return MarkedCell(CellFault(text[1]), text[2:]) if text.startswith(MARK) else None
