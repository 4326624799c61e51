"""Load: ADV2 into the tables of a DHIS2 database, group by group: large ones each in a transaction of its own, small
ones in one with others, which comes to the same.

A dry run is the same up to its last statement: then all is rolled back, group after group having seen what those
before it did.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tallyport.postgres.catalog.header_lookup import LookedUp
from tallyport.postgres.catalog.stored_metadata import default_objects
from tallyport.postgres.connection import Row, connection
from tallyport.postgres.imports.access import access
from tallyport.postgres.imports.batch_size import Batching
from tallyport.postgres.imports.bundle import Bundle, BundledGroup
from tallyport.postgres.imports.change_list import Changes
from tallyport.postgres.imports.group import CHANGES, GroupFails, GroupImport, GroupOutcome, ImportOptions, ImportRun
from tallyport.postgres.imports.session import Session
from tallyport.postgres.imports.sql_script import Script
from tallyport.postgres.imports.triggers import triggers
from tallyport.postgres.imports.uninterrupted import uninterrupted
from tallyport.postgres.imports.write import Changed
from tallyport.postgres.schema_history import known_generation, unread_schema
from tallyport.postgres.statements import statement
from tallyport.source_report import SourceReport
from tallyport.validation.rejected_rows import RejectedRows, worst
from tallyport.validation.validate import walked
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.convert import Outcome as Conversion
from tallyport_converters.files.work_folders import sweep
from tallyport_converters.sources import Source
from tallyport_schemas.document import Document, Documented
from tallyport_schemas.finding import Finding, Severity, SourceUnreadable, finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class GroupOrigin:
    """Where the group of a converted source stands: in a file of the conversion's folder, from a row of it on."""

    folder: str
    file: str
    first_row: int


@dataclass(frozen=True, slots=True)
class GroupLoad:
    """What became of one group. `rows`: how many by change; `cleared`: stored values that its `delete` took.

    Where it is not `valid`, nothing of it was written, and all its rows are ignored. `batching` is None where its
    header failed. `undo`: the file that brings back what it removed for good. `origin`: of a group that was made of a
    legacy file; then `rejected` has the rows that were not written.
    """

    file: str
    number: int
    de: str | None
    valid: bool
    rows: dict[str, int]
    cleared: int
    periods_created: int
    batching: Batching | None
    undo: Path | None
    findings: Sequence[Finding]
    origin: GroupOrigin | None = None
    rejected: RejectedRows | None = None

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        batching = self.batching
        return {
            "file": self.file,
            "number": self.number,
            "de": self.de,
            "valid": self.valid,
            "rows": self.rows,
            "cleared": self.cleared,
            "periods_created": self.periods_created,
            "batching": {"mode": batching.mode, "reason": batching.reason} if batching else None,
            "undo": str(self.undo) if self.undo else None,
            "findings": [found.as_json() for found in self.findings],
        }


@dataclass(frozen=True, slots=True)
class FileLoad:
    """A file has been read to its end, or could not be: then `error` says why."""

    file: str
    error: Finding | None = None


Event = GroupLoad | FileLoad | Progress | Finding
"""What an import reports as it goes; a finding is about the whole database, and comes before anything is written."""

_WORTH = 2
"""Groups that are written together at least."""


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import.

    `conversions`: of sources that were none of ADV2; `sources`: what became of all values of these. `findings`: on the
    database.
    """

    dry_run: bool = False
    generation: Generation | None = None
    groups: list[GroupLoad] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    sources: list[SourceReport] = field(default_factory=list)

    def add(self, event: Event | Conversion | SourceReport) -> None:
        """Take one event."""
        if isinstance(event, Conversion):
            self.conversions.append(event)
        elif isinstance(event, SourceReport):
            self.sources.append(event)
        elif isinstance(event, GroupLoad):
            self.groups.append(event)
        elif isinstance(event, Finding):
            self.findings.append(event)
        elif isinstance(event, FileLoad) and event.error:
            self.errors.append(event.error)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of all groups, by change."""
        return {change: sum(group.rows[change] for group in self.groups) for change in CHANGES}

    @property
    def exit_code(self) -> int:
        """0 nothing was found, 1 values skipped or warnings, 3 a group failed or a source is unreadable, 5 refused.

        Groups of a legacy file are no units of its own: their rows are rejected like others, unless it is all of them.
        """
        if any(found.code == "TP753" for group in self.groups for found in group.findings):
            return 5
        converted = max((outcome.exit_code for outcome in self.conversions), default=0)
        fails = not all(group.valid for group in self.groups if group.origin is None)
        takes_none = bool(self.groups) and not any(group.valid for group in self.groups)
        if converted == 3 or self.errors or fails or takes_none:
            return 3
        of_groups = (found for group in self.groups for found in group.findings)
        of_sources = (found for source in self.sources for found in source.findings)
        told = any(found.severity is not Severity.INFO for found in chain(of_groups, of_sources))
        return 1 if told or self.findings or self.rows["ignored"] else converted

    def as_json(self) -> Document:
        """Return it as `json/import.schema.json` describes it."""
        parts: dict[str, Sequence[Documented]] = {
            "conversions": self.conversions,
            "groups": self.groups,
            "findings": self.findings,
            "errors": self.errors,
            "sources": self.sources,
        }
        lists = {name: [part.as_json() for part in found] for name, found in parts.items() if found}
        return {"generation": self.generation, "dry_run": self.dry_run, "rows": self.rows, **lists}


def load(paths: Sequence[str | os.PathLike[str]], database: str, options: ImportOptions | None = None) -> ImportReport:
    """Import ADV2 files (plain or compressed), or folders of them, into a DHIS2 database.

    `database` is a URL. The report holds all findings.

    Raises:
        ValueError: a folder holds no ADV2 file.
        Refused: TP752, TP903, TP904, the user does not exist, or must not write; TP759, who may not force checks does;
            TP905 to TP907, the tables are not known.
        OutsideFailed: TP805 to TP809: groups before it are in, the running one is not.
    """
    options = options or ImportOptions()
    report = ImportReport(options.dry_run)
    with connection(database) as connected:
        report.generation = known_generation(connected, options.assume)
        for event in loading(connected, paths, options):
            report.add(event)
    return report


def loading(
    database: Connection[Row],
    paths: Sequence[str | os.PathLike[str]],
    options: ImportOptions,
    made_of: Mapping[str, str] = MappingProxyType({}),
    keeps: Collection[str] = (),
) -> Generator[Event, None, None]:
    """Import file by file over a connection; see `load`. Yields each group when it is in, each file when it is done.

    `made_of`: for a folder that a conversion wrote, the source: its files are gone afterwards, and called after it.
    `keeps`: those of these folders of which no scope is deleted.
    """
    files = [
        (path, f"{made_of[given]}/{label}" if given in made_of else label, given if given in made_of else None)
        for given in (os.fspath(each) for each in paths)
        for path, label in walked([given])
    ]
    of = known_generation(database, options.assume)
    by = access(database, of, options.username, options.force)
    yield from default_objects(database).findings
    yield from unread_schema(database)
    if options.undo:
        sweep(options.undo)
    with ExitStack() as stack:
        script = stack.enter_context(Script(options.sql)) if options.sql else None
        changes = stack.enter_context(Changes(options.changes)) if options.changes else None
        database.execute(statement("imports/staging"))
        if script:
            script.outside(database, statement("imports/staging"))
        may = triggers(database)
        database.commit()
        stack.enter_context(database.transaction(force_rollback=True) if options.dry_run else nullcontext())
        run = ImportRun(Session(database, script), of, may, by, options)
        loader = _Loader(run, script, changes, sum(_size(path) for path, *_ in files), keeps)
        for path, label, folder in files:
            yield from loader.file(path, label, folder)
        yield from loader.rest()
        if script:
            script.outside(database, statement("imports/drop_staging"))


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # opening it will tell


@dataclass(frozen=True, slots=True)
class _Group:
    """A group whose head was read; `header` is None where its form fails."""

    load: GroupImport
    file: Adv2File
    head: RawHead
    label: str
    header: GroupHeader | None
    de: str | None
    origin: GroupOrigin | None
    rejected: RejectedRows | None

    @property
    def title(self) -> str:
        return f"{self.label}, group {self.head.number}: {self.de or 'no data element'}"


class _Loader:
    """Imports files one after the other; `total` is the size of all on disk.

    Small groups wait, and are written together. What comes after them is reported after them.
    """

    def __init__(
        self, run: ImportRun, script: Script | None, changes: Changes | None, total: int, keeps: Collection[str]
    ) -> None:
        self._run = run
        self._keeps = keeps
        self._script = script
        self._changes = changes
        self._total = total
        self._done = 0
        self._reached = 0
        self._values = 0
        self._bundle = Bundle(run)
        self._waiting: list[tuple[_Group, LookedUp] | Event] = []

    def file(self, path: str, label: str, folder: str | None) -> Iterator[Event]:
        """Import the groups of one file; small ones of its end may be left to wait.

        `folder`: that of the conversion it is from.
        """
        size, rows = _size(path), 0
        try:
            with closing(Source.open(path)) as source:
                file = Adv2File(source)
                for head in file.heads():
                    origin = GroupOrigin(folder, os.path.relpath(path, folder), rows) if folder else None
                    rows += yield from self._group(file, head, label, size, origin)
        except SourceUnreadable as error:
            yield from self._in_turn(FileLoad(label, error.finding.at(label)))
        else:
            yield from self._in_turn(FileLoad(label))
        self._done += size

    def rest(self) -> Iterator[Event]:
        """Write what waits."""
        waiting, bundle = self._waiting, self._bundle
        self._waiting, self._bundle = [], Bundle(self._run)
        if not waiting:
            return
        with ExitStack() as reported:  # what is committed is reported before anything can end the run
            yield Progress(_label(waiting[-1]), "import", self._reached, self._total, self._values)
            apart = self._write(bundle, [each for each in waiting if isinstance(each, tuple)], reported)
            number = 0
            events: list[Event | None] = []
            for each in waiting:
                if isinstance(each, tuple):
                    events.append(None if number in apart else self._loaded(each[0]))
                    number += 1
                else:
                    events.append(each)
            for at, (each, event) in enumerate(zip(waiting, events, strict=True)):
                if event is not None:
                    yield event
                    continue
                assert isinstance(each, tuple)
                try:
                    yield from self._alone(*each, size=0)
                except Exception:
                    yield from (late for late in events[at + 1 :] if late is not None)
                    raise

    def _write(self, bundle: Bundle, groups: Sequence[tuple[_Group, LookedUp]], reported: ExitStack) -> set[int]:
        """Write a bundle; returns the numbers of the groups that are to be written by themselves.

        These are all, where the database refuses: then it refuses the one that it is about again.
        """
        from psycopg import Error

        if len(groups) < _WORTH:
            return set(range(len(groups)))
        database = self._run.session.database
        if self._changes:
            self._changes.begin()
        if self._script:
            self._script.begin(*(group.title for group, _ in groups))
        try:
            with ExitStack() as committed:
                with database.transaction():
                    apart = bundle.write(partial(self._tell, [group for group, _ in groups]) if self._changes else None)
                    committed.enter_context(uninterrupted())
                reported.push(committed.pop_all())
        except Error:
            if self._changes:
                self._changes.drop()
            if database.broken or database.closed:
                raise
            return set(range(len(groups)))
        if self._changes and not self._run.options.dry_run:
            self._changes.keep()
        if self._script:
            self._script.end()
        bundle.settle()
        return apart

    def _tell(self, groups: Sequence[_Group], changed: Changed) -> None:
        """List the changes of groups that are written together."""
        assert self._changes
        for number in sorted(changed):
            group = groups[number]
            self._changes.take(
                self._run.session,
                file=group.label,
                number=group.head.number,
                data_element=group.de or "",
                staged_as=number,
            )

    def _group(
        self, file: Adv2File, head: RawHead, label: str, size: int, origin: GroupOrigin | None
    ) -> Generator[Event, None, int]:
        """Import a group, or let it wait; returns how many rows it has."""
        self._reached = self._done + min(size, file.position)
        rejected = RejectedRows() if origin else None
        header, found, de = check_form(head.properties, any_identifiers=rejected is not None, takes_undo=True)
        told = None
        if self._changes:
            take = partial(self._changes.take, self._run.session, file=label, number=head.number)
            told = partial(_told, partial(take, data_element=de or ""))
        group = _Group(
            GroupImport(self._run, file, head, told, rejected), file, head, label, header, de, origin, rejected
        )
        if header is None:
            with self._run.session.database.transaction():
                failures = [*found, *group.load.also_wrong(found)]
            return (yield from self._failing(group, failures))
        if header.delete and origin and origin.folder in self._keeps:
            return (yield from self._failing(group, [finding("TP786", field="delete")]))
        looked_up = group.load.look_up(header)
        if looked_up.scope is None:
            return (yield from self._failing(group, group.load.failures(header, looked_up)))
        if group.load.may_go_together(header, looked_up) and group.load.read_ahead(header, looked_up):
            if not self._bundle.takes(looked_up.scope):
                yield from self.rest()
            with group.load.feed(header, looked_up) as feed:
                assert feed
                self._bundle.add(BundledGroup(group.load, header, looked_up, looked_up.scope, feed))
                self._waiting.append((group, looked_up))
                return feed.counts[0]
        yield from self.rest()
        with ExitStack() as reported:
            return (yield from self._alone(group, looked_up, size, reported))

    def _alone(
        self, group: _Group, looked_up: LookedUp, size: int, reported: ExitStack | None = None
    ) -> Generator[Event, None, int]:
        """Import a group in a transaction of its own; returns how many rows it has."""
        load, header, label = group.load, group.header, group.label
        assert header
        if self._changes:
            self._changes.begin()
        if self._script:
            self._script.begin(group.title)
        try:
            with self._run.session.database.transaction():
                for rows in load.steps(header, looked_up):
                    done = self._done + size * min(rows, header.size) // max(header.size, 1)
                    yield Progress(label, f"import {header.de}", done, self._total, self._values + rows)
                if reported:
                    reported.enter_context(uninterrupted())
        except GroupFails as failed:
            if self._changes:
                self._changes.drop()
            event, broken = self._fails(group, failed.findings)
            yield event
            if broken:
                raise broken from None
            return sum(event.rows.values())
        if self._changes and not self._run.options.dry_run:
            self._changes.keep()
        if self._script:
            self._script.end()
        event = self._loaded(group)
        yield event
        return sum(event.rows.values())

    def _in_turn(self, event: GroupLoad | FileLoad) -> Generator[Event, None, int]:
        """Report an event, or let it wait for what waits before it; returns how many rows it is about."""
        if self._waiting:
            self._waiting.append(event)
        else:
            yield event
        return sum(event.rows.values()) if isinstance(event, GroupLoad) else 0

    def _failing(self, group: _Group, findings: Sequence[Finding]) -> Generator[Event, None, int]:
        """Report a group that fails; returns how many rows it has.

        Raises:
            SourceUnreadable: the file breaks off within them.
        """
        event, broken = self._fails(group, findings)
        rows = yield from self._in_turn(event)
        if broken:
            raise broken
        return rows

    def _fails(self, group: _Group, findings: Sequence[Finding]) -> tuple[GroupLoad, SourceUnreadable | None]:
        """Describe a group that fails: all its rows are ignored. Returns it, and why it has no more rows than these."""
        outcome, rejected = group.load.outcome, group.rejected
        read, broken = group.load.read_rest()
        if outcome.undo:
            outcome.undo.unlink(missing_ok=True)
        failed = GroupOutcome(list(findings), batching=outcome.batching)
        failed.rows["ignored"] = read
        if rejected is not None and read:
            rejected = RejectedRows()
            why = worst(findings)
            rejected.add(range(failed.rows["ignored"]), why)
            others = (found for found in findings if found is not why)
            failed.findings = [*rejected.findings(), *others]
        if self._script:
            self._script.note(f"{group.title} fails: {', '.join(found.code for found in failed.findings)}")
        return self._described(group, failed, rejected, valid=False), broken

    def _loaded(self, group: _Group) -> GroupLoad:
        return self._described(group, group.load.outcome, group.rejected, valid=True)

    def _described(
        self, group: _Group, outcome: GroupOutcome, rejected: RejectedRows | None, *, valid: bool
    ) -> GroupLoad:
        self._values += sum(outcome.rows.values())
        return GroupLoad(
            group.label,
            group.head.number,
            group.de,
            valid,
            outcome.rows,
            outcome.cleared,
            outcome.periods_created,
            outcome.batching,
            outcome.undo,
            [found.at(group.label) for found in outcome.findings],
            group.origin,
            rejected,
        )


def _told(take: Callable[[], None], changed: Changed) -> None:
    """List the changes of a group by itself."""
    del changed
    take()


def _label(waiting: object) -> str:
    """Return the file that something that waits is of."""
    if isinstance(waiting, tuple):
        return str(waiting[0].label)
    return waiting.file if isinstance(waiting, GroupLoad | FileLoad) else ""
