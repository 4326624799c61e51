"""Statements: SQL, each from its own file in the `sql/` of the room that runs it. Read once.

What several statements of a room say alike is a part: a line `--> name` stands for `sql/parts/name.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from psycopg.sql import Composed

_PART = re.compile(r"^( *)--> (\w+)\n", re.MULTILINE)


@cache
def statement(name: str) -> LiteralString:
    """Return the text of a statement, `exports/units` being `exports/sql/units.sql`.

    Its first comment says what it takes and gives.
    """
    room, _, stem = name.rpartition("/")
    folder = files(__package__).joinpath(room, "sql")

    def part(found: re.Match[str]) -> str:
        text = folder.joinpath("parts", f"{found[2]}.sql").read_text(encoding="utf-8")
        return "".join(found[1] + line for line in text.splitlines(keepends=True))

    # The files are part of the package, as much as a literal in the code would be.
    text: LiteralString = folder.joinpath(f"{stem}.sql").read_text(encoding="utf-8")
    return _PART.sub(part, text) if "-->" in text else text


def statement_on(name: str, **names: str | Sequence[str]) -> Composed:
    """Return a statement on a table or column, or a list of some, that its text leaves open, as `{table}`."""
    from psycopg.sql import SQL, Identifier

    lists = {given: [as_] if isinstance(as_, str) else as_ for given, as_ in names.items()}
    return SQL(statement(name)).format(**{given: SQL(", ").join(map(Identifier, of)) for given, of in lists.items()})
