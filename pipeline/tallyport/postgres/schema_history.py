"""The history of a database's tables, where DHIS2 lists its migrations: whether they are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row, generation
from tallyport.postgres.statements import statement
from tallyport_schemas.finding import Finding, Refused, finding
from tallyport_schemas.generations import Generation

if TYPE_CHECKING:
    from psycopg import Connection

KNOWN = (2, 44, 21)
"""The last migration that was looked at: up to it, the tables of values are those of 2.43, but for an index more."""


def known_generation(database: Connection[Row], assumed: Generation | None = None) -> Generation:
    """Return the generation that a database is of, if its tables are known to be those of that; see `generation`.

    `assumed`: what the tables are said to be like, whatever their history says. Nothing is said of the history where
    there is none, or where the role must not read it.

    Raises:
        OutsideFailed: TP808, it lacks tables or columns of both generations, or reckons by another calendar.
        Refused: TP905 a newer schema, TP906 a failed migration, TP907 the tables are not those that are assumed.
    """
    of = generation(database)
    if assumed is None:
        _check(database)
    elif assumed is not of:
        raise Refused(finding("TP907", field="assume", found=str(assumed), expected=str(of)))
    return of


def _check(database: Connection[Row]) -> None:
    if not _is_open(database):
        return
    history = database.execute(statement("schema_history")).fetchall()
    failed = [f"{version or 'repeatable'} ({about})" for version, success, about in history if not success]
    if failed:
        raise Refused(finding("TP906", culprits=failed))
    newest = max((_numbers(version) for version, *_ in history if version), default=())
    if newest > KNOWN:
        raise Refused(finding("TP905", found=_dotted(newest), expected=f"at most {_dotted(KNOWN)}"))


def unread_schema(database: Connection[Row]) -> list[Finding]:
    """Say that the history must not be read; TP747, or nothing."""
    return [finding("TP747")] if _is_open(database) is False else []


def _is_open(database: Connection[Row]) -> bool | None:
    row = database.execute(statement("schema_history_is_open")).fetchone()
    return row[0] if row else None


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers; what is none of them ends it."""
    found = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        found.append(int(part))
    return tuple(found)


def _dotted(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
