"""Row spool: rows that wait on the disk until they can be sent, in the order of their arrival or by organisation unit.

Memory does not grow with the rows. The file is private and has no name: it is gone with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import orjson

from tallyport.dhis2.push.value_import import Envelope
from tallyport.dhis2.request.data_values import MEMBERS, Group, Row
from tallyport_schemas.finding import OutsideFailed, finding

_CACHE_KB = 16_384


class RowSpool:
    """Rows with the envelope that each goes in. Closed after use.

    Raises:
        OutsideFailed: TP801, the disk failed.
    """

    def __init__(self) -> None:
        self._groups: list[Group] = []
        self._envelopes: dict[Envelope, int] = {}
        self._database = sqlite3.connect("", isolation_level=None)  # a file of its own, which only this can open
        for setting in (f"cache_size=-{_CACHE_KB}", "temp_store=file", "journal_mode=off", "synchronous=off"):
            self._database.execute(f"pragma {setting}")
        self._database.execute(
            "create table rows (envelope int, unit text, source int, number int, size int, lacks text, members blob)"
        )
        self._database.execute("begin")

    def add(self, rows: Iterable[tuple[Envelope, Row]]) -> None:
        """Take up rows."""
        with _on_disk():
            self._database.executemany("insert into rows values (?, ?, ?, ?, ?, ?, ?)", map(self._entry, rows))

    def _entry(self, given: tuple[Envelope, Row]) -> tuple[int, str, int, int, int, str | None, bytes]:
        envelope, row = given
        if not self._groups or self._groups[-1] is not row.group:
            self._groups.append(row.group)
        place = self._envelopes.setdefault(envelope, len(self._envelopes))
        unit = row.members[MEMBERS["ou"]]
        return place, unit, len(self._groups) - 1, row.number, row.size, row.lacks_combo, orjson.dumps(row.members)

    def rows(self, *, by_unit: bool = False) -> Iterator[tuple[Envelope, Row]]:
        """Yield the rows as they came, or envelope by envelope, and within by organisation unit."""
        order = "envelope, unit, rowid" if by_unit else "rowid"
        envelopes = list(self._envelopes)
        asked = "select envelope, source, number, members, size, lacks from rows order by"
        with _on_disk():
            for place, source, number, members, size, lacks in self._database.execute(f"{asked} {order}"):
                yield envelopes[place], Row(self._groups[source], number, orjson.loads(members), size, lacks)

    def close(self) -> None:
        """Forget all rows."""
        self._database.close()


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutsideFailed(finding("TP801", source="rows that wait to be sent", found=str(error))) from error
