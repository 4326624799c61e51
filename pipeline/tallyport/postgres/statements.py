"""Statements: SQL, each from its own file in the `sql/` of the room that runs it. Read once, never put together."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str) -> LiteralString:
    """Return the text of a statement, `exports/units` being `exports/sql/units.sql`.

    Its first comment says what it takes and gives.
    """
    room, _, stem = name.rpartition("/")
    # The files are part of the package, as much as a literal in the code would be.
    text: LiteralString = files(__package__).joinpath(room, "sql", f"{stem}.sql").read_text(encoding="utf-8")
    return text
