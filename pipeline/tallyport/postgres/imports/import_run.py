"""Import run: what all groups of a run share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tallyport.postgres.catalog.header_lookup import KnownHeaders, LookedUp, look_up
from tallyport.postgres.imports.access import Access, Check
from tallyport.postgres.imports.batch_size import Mode
from tallyport.postgres.imports.session import Session
from tallyport.postgres.imports.write import Triggers, Writing
from tallyport_schemas.finding import Finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    `dry_run` takes everything back at its end: its counts are those of the run. `username` is stored with every value
    that is written; a DHIS2 user must have it, and may write only what DHIS2 lets that user write. `force`: checks that
    are not made. `today` decides what is open, what has expired, and which periods lie in the future. `batch`: how much
    is taken at a time, None for a choice group by group. `undo`: the folder for files that restore what groups remove
    for good; None refuses such groups. `sql`: a file that gets all statements. `changes`: one that gets all changes.
    `assume`: the generation whose tables these are, whatever their history says.
    """

    dry_run: bool = False
    username: str | None = None
    force: frozenset[Check] = frozenset()
    today: date = field(default_factory=date.today)
    batch: Mode | None = None
    undo: Path | None = None
    sql: Path | None = None
    changes: Path | None = None
    assume: Generation | None = None


class GroupFails(Exception):
    """A group cannot be imported: unwinds its transaction."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__()
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What all groups of a run share."""

    session: Session
    generation: Generation
    triggers: Triggers
    access: Access
    options: ImportOptions
    known: KnownHeaders = field(default_factory=KnownHeaders)

    @property
    def writing(self) -> Writing:
        """What takes staged rows into the table."""
        return Writing(self.session, self.generation, self.triggers, self.access.username)

    def look_up(self, header: GroupHeader, *, by_member: bool) -> LookedUp:
        """Look a header up."""
        return look_up(
            self.session.database,
            header,
            self.known,
            today=self.options.today,
            skipped=self.access.skipped,
            by_member=by_member,
        )
