"""Session: the steps of an import on one connection, and the tables of its own that rows pass through.

Where a script is asked for, every step that it runs is written there as well.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any

from tallyport.postgres.catalog.header_lookup import Scope
from tallyport.postgres.connection import Row
from tallyport.postgres.imports.records import Script
from tallyport.postgres.statements import statement, statement_on

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM") if hasattr(signal, name)]

_LINES = 1_000
"""Lines that are sent at once."""


class Session:
    """Runs statements by name; see `imports/sql/` for what each takes and gives."""

    def __init__(self, database: Connection[Row], script: Script | None = None) -> None:
        self.database = database
        self._script = script

    def run(self, name: str, **parameters: Any) -> int:
        """Run a statement; returns how many rows it touched."""
        return self._run(name, parameters).rowcount

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Run a statement and return what it gives."""
        return self._run(name, parameters).fetchall()

    def _run(self, name: str, parameters: dict[str, Any]) -> Cursor[Row]:
        text = statement(f"imports/{name}")
        if self._script:
            self._script.statement(self.database, text, parameters)
        return self.database.execute(text, parameters or None)

    def look_up(self, name: str, **parameters: Any) -> list[Row]:
        """Return what a statement gives that changes nothing: no part of a script."""
        return self.database.execute(statement(f"imports/{name}"), parameters or None).fetchall()

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Copy rows, none of which has a text that COPY would read as another."""
        lines = ("\t".join(map(str, row)).encode() + b"\n" for row in rows)
        with self.copying(table, columns) as write:
            while some := b"".join(islice(lines, _LINES)):
                write(some)

    def stage_scopes(self, scopes: Mapping[int, Scope]) -> None:
        """Stage what the headers of groups name, by the groups' numbers."""
        periods = (
            (number, at, scope.data_element, p.kind, p.iso, p.start, p.end)
            for number, scope in scopes.items()
            for at, p in scope.periods.items()
        )
        columns = ("group_number", "place", "data_element", "kind", "iso", "startdate", "enddate")
        self.copy("staged_period", columns, periods)
        ids = {"staged_unit": "org_units", "staged_combo": "combos", "staged_attribute": "attribute_combos"}
        for table, of in ids.items():
            placed = ((number, *pair) for number, scope in scopes.items() for pair in getattr(scope, of).items())
            self.copy(table, ("group_number", "place", "id"), placed)

    @contextmanager
    def copying(self, table: str, columns: Sequence[str]) -> Iterator[Callable[[bytes], None]]:
        """Open a table for whole lines of COPY's text form; gives what takes them."""
        into = statement_on("imports/copy", table=table, columns=columns)
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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the signals that end a run until the block is left; then they arrive.

    Python runs handlers in its main thread alone, so there is nothing to hold back in any other.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        arrived.append(number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    held = [number for number, handler in before.items() if callable(handler)]
    for number in held:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        for number in dict.fromkeys(arrived):
            signal.raise_signal(number)
