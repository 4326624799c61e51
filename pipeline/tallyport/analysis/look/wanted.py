"""What is asked of a file: how many of its first rows, one row by its number, or rows that meet conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tallyport.analysis.look.conditions import Condition

ROWS = 10
"""Rows that are shown unless more are asked for."""

ROWS_LIMIT = 10_000
"""Rows that are shown at most: each is held."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rows`: at most so many. `row`: the one of this number; in a file of several groups, of the group `group`."""

    rows: int = ROWS
    row: int | None = None
    group: int | None = None
    where: tuple[Condition, ...] = ()

    def missing(self, groups: int, rows: int) -> ValueError:
        """Return the exception that says that there is no such row, of so many groups and rows."""
        if self.group is not None and self.group >= groups:
            return ValueError(f"there is no group {self.group:,}: there are {groups:,}, counted from 0")
        last = f"the last one is row {rows - 1:,}" if rows else "there are none"
        return ValueError(f"there is no row {self.row:,}: {last}")


def numbered(text: str | int) -> tuple[int | None, int]:
    """Return the group and the row of a number such as `12`, or `3:12` in a file of several groups.

    Raises:
        ValueError: it is not such a number.
    """
    match = re.fullmatch(r"(?:([0-9]{1,12}):)?([0-9]{1,15})", str(text))
    if not match:
        raise ValueError(f"{text!r} is not the number of a row: write it as 12, or as 3:12 for row 12 of group 3")
    return None if match[1] is None else int(match[1]), int(match[2])
