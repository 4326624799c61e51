"""Session: the steps of an import on one connection, and the tables of its own that rows pass through.

Where a script is asked for, every step that it runs is written there as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, LiteralString

from tallyport.postgres.connection import Row
from tallyport.postgres.imports.sql_script import Script
from tallyport.postgres.statements import statement

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

_LINES = 1_000
"""Lines that are sent at once."""


class Session:
    """Runs statements by name; see `imports/sql/` for what each takes and gives."""

    def __init__(self, database: Connection[Row], script: Script | None = None) -> None:
        self.database = database
        self._script = script

    def run(self, name: str, **parameters: Any) -> int:
        """Run a statement; returns how many rows it touched."""
        text = statement(f"imports/{name}")
        if self._script:
            self._script.statement(self.database, text, parameters)
        return self.database.execute(text, parameters or None).rowcount

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Run a statement and return what it gives."""
        text = statement(f"imports/{name}")
        if self._script:
            self._script.statement(self.database, text, parameters)
        return self.database.execute(text, parameters or None).fetchall()

    def look_up(self, name: str, **parameters: Any) -> list[Row]:
        """Return what a statement gives that changes nothing: no part of a script."""
        return self.database.execute(statement(f"imports/{name}"), parameters or None).fetchall()

    def copy(self, name: str, lines: Iterable[bytes]) -> None:
        """Copy whole lines by a statement's name."""
        with self.copying(statement(f"imports/{name}")) as write:
            left = iter(lines)
            while some := b"".join(islice(left, _LINES)):
                write(some)

    @contextmanager
    def copying(self, into: LiteralString | Composed) -> Iterator[Callable[[bytes], None]]:
        """Open a table for whole lines of COPY's text form; gives what takes them."""
        with self.database.cursor() as cursor, cursor.copy(into) as copy:
            script = self._script
            if script is None:
                yield copy.write
                return
            script.copy(self.database, into)

            def write(lines: bytes) -> None:
                copy.write(lines)
                script.lines(lines)

            yield write
            script.end_of_lines()
