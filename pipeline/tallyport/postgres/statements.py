"""Statements: the SQL of this room, each from its own file in `sql/`. Read once, never put together from parts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str) -> LiteralString:
    """Return the text of `sql/<name>.sql`; its first comment says what it takes and gives."""
    # The files are part of the package, as much as a literal in the code would be.
    text: LiteralString = files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return text
