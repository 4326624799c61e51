"""Writing: takes what is staged into the table, of one group or of several at once: compared, logged, written.

Triggers fire for each row, and five foreign keys cost several times what a row does. Where the role may, and all
triggers are known, what they would check and write is checked and written by a statement, with the same locks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row
from tallyport.postgres.imports.session import Session
from tallyport.postgres.statements import statement
from tallyport_schemas.generations import Generation
from tallyport_schemas.value_types import BOOLEAN_TYPES, NUMERIC_RULES

if TYPE_CHECKING:
    from psycopg import Connection

_REPLICA = "replica"
"""The replication role of a session in which triggers do not fire."""

_INTEGERS = ("INTEGER", "INTEGER_POSITIVE", "INTEGER_NEGATIVE", "INTEGER_ZERO_OR_POSITIVE")

Changed = dict[int, dict[str, int]]
"""How many rows by change, of groups by number."""


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


@dataclass(frozen=True, slots=True)
class Nothing:
    """Rows of a group for which 2.42 stores nothing: zeros, or blanks. `rows`: those that were skipped."""

    group: int
    is_zero: bool
    count: int
    first: int
    left_out: int
    rows: Sequence[int]


class Writing:
    """The writing half of an import by `username`."""

    def __init__(self, session: Session, generation: Generation, triggers: Triggers, username: str) -> None:
        self._session = session
        self._triggers = triggers
        self._username = username
        self.version = generation.replace(".", "")[-2:]

    def begin(self, data_elements: Collection[int]) -> None:
        """Begin within a transaction: nobody else imports into these data elements until it ends."""
        self._session.run("lock_data_elements", data_elements=list(data_elements))
        self._session.run("say_user", username=self._username)
        self._session.run("join_by_hash")

    def find_periods(self) -> None:
        """Give the staged periods the ids that they have."""
        self._session.run(f"find_periods_{self.version}")

    def make_periods(self) -> dict[int, int]:
        """Make the periods of staged rows that are not there; returns how many for which group."""
        made: dict[int, int] = dict(self._session.rows("create_periods"))
        self.find_periods()
        return made

    def normalise(self, value_types: Mapping[int, str | None], *, all_rows: bool) -> list[Nothing]:
        """Make values what DHIS2 stores for them, by the value types of groups; returns what 2.42 stores nothing for.

        `all_rows`: whether it is asked which rows these are.
        """
        session = self._session

        def of(kinds: Container[str | None]) -> list[int]:
            return [number for number, kind in value_types.items() if kind in kinds]

        if booleans := of(BOOLEAN_TYPES):
            session.run(f"normalise_booleans_{self.version}", groups=booleans)
        if self.version != "42":
            if integers := of(_INTEGERS):
                session.run("normalise_integers_43", groups=integers)
            return []
        session.run("normalise_texts_42")
        found = session.rows("leave_out_nothing_42", numbers=of(NUMERIC_RULES), all_rows=all_rows)
        return [
            Nothing(number, is_zero, count, first, left_out, rows or ())
            for number, is_zero, count, first, left_out, rows in found
        ]

    def write(
        self, staged: Mapping[int, int], *, keeps: bool, is_first: bool, told: Callable[[Changed], None] | None
    ) -> Changed:
        """Write what is staged, so many rows of each group; what is stored of it has been read.

        `keeps`: whether a null comment or flag keeps what is stored. `is_first`: nothing is stored in any scope.
        `told` is called when it is known what changes.
        """
        with self._triggers_set_aside() as log:
            if is_first and log != "log_changes_43" and not told:
                self._session.run("write_first", keeps=keeps, username=self._username)
                return {number: {"insert": count} for number, count in staged.items()}
            changed: Changed = {}
            for number, change, count in self._session.rows("plan_changes", keeps=keeps):
                changed.setdefault(number, {})[change] = count
            if not changed:
                return changed
            if told:
                told(changed)
            if log:
                self._session.run(log, username=self._username)
            self._session.run("write_values", keeps=keeps, username=self._username)
            return changed

    @contextmanager
    def _triggers_set_aside(self) -> Iterator[str | None]:
        """Set triggers aside where they may be; gives the step that writes the change log in their place."""
        log = "log_changes_42" if self.version == "42" else None
        if not self._triggers.may_set_aside:
            yield log
            return
        ((are_aside,),) = self._session.rows("set_triggers_aside")
        yield "log_changes_43" if are_aside and self._triggers.log else log
        self._session.run("restore_triggers", role=self._triggers.role)
