"""Filling: a snapshot of metadata into the tables of the embedded database, by COPY and a statement a step.

Objects keep their ids from one snapshot to the next, and so their values. What a snapshot only mentions cannot be
made: all of it is reported, and nothing is changed.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallyport.metadata import CHECKS, Snapshot
from tallyport.metadata.tables import Table
from tallyport.postgres.connection import Row
from tallyport.postgres.embedded.metadata_lines import MEMBERS, OBJECTS, Line, MetadataLines
from tallyport.postgres.statements import statement, statement_on
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection

_OF_UNITS = frozenset({"categoryoption_organisationunits", "datasetsource"})
"""Tables that may have millions of rows: only what changes is written."""


@dataclass(frozen=True, slots=True)
class Filled:
    """How many objects were stored, by collection, with findings: TP783, TP784."""

    objects: dict[str, int]
    findings: tuple[Finding, ...]


def fill(database: Connection[Row], snapshot: Snapshot) -> Filled:
    """Add a snapshot in the transaction that is open.

    Raises:
        SourceUnreadable: TP782, it refers to objects that it does not hold, or DHIS2's tables cannot hold it.
    """
    import psycopg

    lines = MetadataLines(snapshot, dict(database.execute(statement("embedded/period_types")).fetchall()))
    for name in OBJECTS:
        deque(lines.objects(name), maxlen=0)  # a reading for what is lacking alone: nothing is held
    for of_table in lines.members().values():
        deque(of_table, maxlen=0)
    if lines.lacking:
        raise SourceUnreadable(finding("TP782", culprits=lines.lacking))
    try:
        gone = _write(database, snapshot, lines)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        diagnostics = error.diag
        said = filter(None, (diagnostics.message_primary, diagnostics.message_detail, diagnostics.context))
        message = "the metadata cannot be stored as DHIS2 stores it"
        advice = "export it again from DHIS2, all of it at the same time"
        found = "; ".join(" ".join(text.split()) for text in said)
        raise SourceUnreadable(finding("TP782", message=message, help=advice, found=found)) from error
    return Filled(snapshot.summary()["objects"], tuple(_notices(snapshot, gone)))


def _write(database: Connection[Row], snapshot: Snapshot, lines: MetadataLines) -> list[str]:
    """Write all lines; returns the objects of the database that the snapshot does not have."""
    gone = []
    for name, (table, *_) in OBJECTS.items():
        known: dict[str, int] = dict(
            database.execute(statement_on("embedded/ids", table=table, id=f"{table}id")).fetchall()
        )
        lines.ids[name], missing = _ids(database, snapshot.table(name), known)
        gone += [f"{name} {uid}" for uid in missing]
    for name, (table, unique, _) in OBJECTS.items():
        columns = (f"{table}id", "uid", "code", "name", *lines.cells(name))
        given = _given(database, table, columns, lines.objects(name))
        for column in unique:
            free = statement_on("embedded/free", table=table, column=column, given=given)
            database.execute(free, {"keep_uid": column == "name"})
        database.execute(statement_on("embedded/objects", table=table, id=columns[0], columns=columns, given=given))
    if lines.periods:
        kinds, starts, ends, isos = map(list, zip(*lines.periods, strict=True))
        named = {"kinds": kinds, "starts": starts, "ends": ends, "isos": isos}
        database.execute(statement("embedded/periods"), named)
    lines.period_ids = dict(database.execute(statement("embedded/period_ids")).fetchall())
    for table, of_table in lines.members().items():
        if table in _OF_UNITS:
            given = _given(database, table, MEMBERS[table], of_table)
            owner, unit = MEMBERS[table]
            database.execute(statement_on("embedded/of_units", table=table, given=given, owner=owner, unit=unit))
        else:
            database.execute(statement_on("embedded/clear", table=table))
            _copy(database, table, MEMBERS[table], of_table)
    tables = [*(of.table for of in OBJECTS.values()), *MEMBERS]
    database.execute(statement_on("embedded/analyze", tables=tables))
    return sorted(gone)


def _ids(database: Connection[Row], table: Table, known: Mapping[str, int]) -> tuple[array[int], set[str]]:
    """Return the id of each object by its row, new where none is `known`; and the UIDs that are known alone."""
    uids = [uid if is_defined else "" for uid, is_defined in zip(table.uids, table.is_defined, strict=True)]
    wanted = sum(uid not in known for uid in uids if uid)
    made = iter(database.execute(statement("embedded/new_ids"), {"count": wanted}).fetchall())
    return array("q", [(known.get(uid) or next(made)[0]) if uid else 0 for uid in uids]), known.keys() - set(uids)


def _given(database: Connection[Row], table: str, columns: Sequence[str], lines: Iterable[Line]) -> str:
    """Copy lines for a table beside it; returns the name of the table that has them, until the transaction ends."""
    given = f"given_{table}"
    database.execute(statement_on("embedded/given", given=given, columns=columns, table=table))
    _copy(database, given, columns, lines)
    return given


def _copy(database: Connection[Row], table: str, columns: Sequence[str], lines: Iterable[Line]) -> None:
    into = statement_on("embedded/copy", table=table, columns=columns)
    with database.cursor() as cursor, cursor.copy(into) as copy:
        for line in lines:
            copy.write_row(line)


def _notices(snapshot: Snapshot, gone: Sequence[str]) -> Iterator[Finding]:
    unanswered = [
        f"{check.name} ({', '.join(snapshot.lacking(short))})"
        for short, check in CHECKS.items()
        if snapshot.lacking(short)
    ]
    if unanswered:
        yield finding("TP783", culprits=unanswered)
    if gone:
        yield finding("TP784", culprits=gone)
