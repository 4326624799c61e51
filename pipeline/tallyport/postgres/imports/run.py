"""Load: ADV2 into the tables of a DHIS2 database, group by group: large ones each in a transaction of its own, small
ones in one with others, which comes to the same.

A dry run is the same up to its last statement: then all is rolled back, group after group having seen what those
before it did.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tallyport.postgres.catalog.stored_metadata import default_objects
from tallyport.postgres.connection import Row
from tallyport.postgres.imports.access import access
from tallyport.postgres.imports.bundle import Bundle
from tallyport.postgres.imports.group import GroupImport, header_failures, read_rest
from tallyport.postgres.imports.import_run import GroupFails, ImportOptions, ImportRun
from tallyport.postgres.imports.records import Changes, Script
from tallyport.postgres.imports.report import Event, FileLoad, GroupLoad, GroupOrigin
from tallyport.postgres.imports.session import Session, uninterrupted
from tallyport.postgres.imports.write import Changed, triggers
from tallyport.postgres.schema_history import known_generation, unread_schema
from tallyport.postgres.statements import statement
from tallyport.validation.rejected_rows import RejectedRows
from tallyport.validation.validate import walked
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import check_form, readable
from tallyport_converters.files.work_folders import sweep
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, finding
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from psycopg import Connection

_WORTH = 2
"""Groups that are written together at least."""


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
        lasting = not options.dry_run
        changes = stack.enter_context(Changes(options.changes, is_lasting=lasting)) if options.changes else None
        database.execute(statement("imports/staging"))
        if script:
            script.statement(database, statement("imports/staging"))
        may = triggers(database)
        database.commit()
        stack.enter_context(database.transaction(force_rollback=True) if options.dry_run else nullcontext())
        run = ImportRun(Session(database, script), of, may, by, options)
        loader = _Loader(run, script, changes, sum(_size(path) for path, *_ in files), keeps)
        for path, label, folder in files:
            yield from loader.file(path, label, folder)
        yield from loader.rest()
        if script:
            script.statement(database, statement("imports/drop_staging"))


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # opening it will tell


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
        self._waiting: list[GroupImport | GroupLoad | FileLoad] = []

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
            last = waiting[-1].load if isinstance(waiting[-1], GroupImport) else waiting[-1]
            yield Progress(last.file, "import", self._reached, self._total, self._values)
            alone = self._write(bundle, reported)
            events = [
                self._loaded(each.load) if isinstance(each, GroupImport) and each not in alone else each
                for each in waiting
            ]
            for at, each in enumerate(events):
                if not isinstance(each, GroupImport):
                    yield each
                    continue
                try:
                    yield from self._alone(each, size=0)
                except Exception:
                    yield from (late for late in events[at + 1 :] if not isinstance(late, GroupImport))
                    raise

    def _write(self, bundle: Bundle, reported: ExitStack) -> set[GroupImport]:
        """Write a bundle; returns the groups that are to be written by themselves.

        These are all, where the database refuses: then it refuses the one that it is about again.
        """
        from psycopg import Error

        groups, database = bundle.members, self._run.session.database
        if len(groups) < _WORTH:
            return set(groups)
        loads = [group.load for group in groups]
        try:
            with self._recorded(*loads), ExitStack() as committed:
                with database.transaction():
                    apart = bundle.write(partial(self._tell, loads) if self._changes else None)
                    committed.enter_context(uninterrupted())
                reported.push(committed.pop_all())
        except Error:
            if database.broken or database.closed:
                raise
            return set(groups)
        bundle.settle()
        return {groups[number] for number in apart}

    @contextmanager
    def _recorded(self, *loads: GroupLoad) -> Iterator[None]:
        """Take what is done to groups into the files that list it, once it is in the database."""
        with ExitStack() as stack:
            for record in (self._script, self._changes):
                if record:
                    stack.enter_context(record.of_groups(loads))
            yield

    def _tell(self, loads: Sequence[GroupLoad], changed: Changed) -> None:
        """List the changes of groups that are written together, or of one by itself."""
        assert self._changes
        for number in sorted(changed):
            self._changes.take(self._run.session.database, loads[number], staged_as=number)

    def _group(
        self, file: Adv2File, head: RawHead, label: str, size: int, origin: GroupOrigin | None
    ) -> Generator[Event, None, int]:
        """Import a group, or let it wait; returns how many rows it has."""
        self._reached = self._done + min(size, file.position)
        rejected = RejectedRows() if origin else None
        header, found, de = check_form(head.properties, any_identifiers=rejected is not None, takes_undo=True)
        load = GroupLoad(label, head.number, de, origin, rejected)
        if header is None:
            with self._run.session.database.transaction():
                failures = [*found, *self._also_wrong(head, found, load)]
            return (yield from self._failing(load, file, head, failures))
        if header.delete and origin and origin.folder in self._keeps:
            return (yield from self._failing(load, file, head, [finding("TP786", field="delete")]))
        looked_up = self._run.look_up(header, by_member=load.by_member(header))
        if looked_up.scope is None:
            failures = header_failures(looked_up, by_member=load.by_member(header))
            return (yield from self._failing(load, file, head, failures))
        told = partial(self._tell, [load]) if self._changes else None
        group = GroupImport(self._run, file, head, header, looked_up, load, told)
        if group.may_go_together() and group.read_ahead():
            if not self._bundle.takes(group.scope):
                yield from self.rest()
            self._bundle.add(group)
            self._waiting.append(group)
            return group.feed.counts[0]
        yield from self.rest()
        with ExitStack() as reported:
            return (yield from self._alone(group, size, reported))

    def _also_wrong(self, head: RawHead, findings: Sequence[Finding], load: GroupLoad) -> list[Finding]:
        """Return what the database says against a header whose form fails by `findings`, of what can be read of it."""
        rest = readable(head.properties, findings)
        if not rest:
            return []
        return rest.certain(self._run.look_up(rest.header, by_member=load.by_member(rest.header)).findings)

    def _alone(self, group: GroupImport, size: int, reported: ExitStack | None = None) -> Generator[Event, None, int]:
        """Import a group in a transaction of its own; returns how many rows it has."""
        load, header = group.load, group.header
        try:
            with self._recorded(load), self._run.session.database.transaction():
                for rows in group.steps():
                    done = self._done + size * min(rows, header.size) // max(header.size, 1)
                    yield Progress(load.file, f"import {header.de}", done, self._total, self._values + rows)
                if reported:
                    reported.enter_context(uninterrupted())
        except GroupFails as failed:
            read, broken = group.read_rest()
            yield self._failed(load, failed.findings, read)
            if broken:
                raise broken from None
            return read
        yield self._loaded(load)
        return sum(load.rows.values())

    def _in_turn(self, event: GroupLoad | FileLoad) -> Iterator[Event]:
        """Report an event, or let it wait for what waits before it."""
        if self._waiting:
            self._waiting.append(event)
        else:
            yield event

    def _failing(
        self, load: GroupLoad, file: Adv2File, head: RawHead, findings: Sequence[Finding]
    ) -> Generator[Event, None, int]:
        """Report a group that fails before its rows are read; returns how many it has.

        Raises:
            SourceUnreadable: the file breaks off within them.
        """
        read, broken = read_rest(file, head)
        yield from self._in_turn(self._failed(load, findings, read))
        if broken:
            raise broken
        return read

    def _failed(self, load: GroupLoad, findings: Sequence[Finding], read: int) -> GroupLoad:
        load.fail(findings, read)
        if self._script:
            self._script.note(f"{load.title} fails: {', '.join(found.code for found in load.findings)}")
        return self._loaded(load)

    def _loaded(self, load: GroupLoad) -> GroupLoad:
        self._values += sum(load.rows.values())
        load.findings = [found.at(load.file) for found in load.findings]
        return load
