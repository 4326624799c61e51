"""Triggers: those that fire for each row that is written, done for a whole group at once where that is the same.

Five foreign keys cost several times what a row does. Where the role may, and all triggers are known, what they would
check and write is checked and written by a statement, with the same locks; else they fire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement

if TYPE_CHECKING:
    from psycopg import Connection

_REPLICA = "replica"
"""The replication role of a session in which triggers do not fire."""


@dataclass(frozen=True, slots=True)
class Triggers:
    """What may be done about them. `log`: one of them writes the change log. `role`: to which they are set back."""

    may_set_aside: bool
    log: bool
    role: str


def triggers(database: Connection[Row]) -> Triggers:
    """Determine what may be done about triggers in a session; leaves nothing behind."""
    found = database.execute(statement("imports/triggers")).fetchone()
    assert found is not None
    are_known, log, role = found
    return Triggers(bool(are_known) and role != _REPLICA and _may_set(database), log, role)


def _may_set(database: Connection[Row]) -> bool:
    """Return whether the role may set triggers aside: it depends on the server's version how that can be asked."""
    from psycopg import errors

    try:
        with database.transaction(force_rollback=True):
            database.execute("set local session_replication_role = replica")
    except errors.InsufficientPrivilege:
        return False
    return True
