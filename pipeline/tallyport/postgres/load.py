"""Load: ADV2 into the tables of a DHIS2 database, group by group, each in a transaction of its own.

A dry run is the same up to its last statement: then all is rolled back, group after group having seen what those
before it did.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tallyport.postgres.access import access
from tallyport.postgres.batching import Batching
from tallyport.postgres.changes import Changes
from tallyport.postgres.connecting import Row, connection, generation
from tallyport.postgres.default_combos import check_default_combos
from tallyport.postgres.group import CHANGES, GroupFails, GroupImport, ImportOptions, Outcome, Run
from tallyport.postgres.script import Script
from tallyport.postgres.session import Session
from tallyport.postgres.statements import statement
from tallyport.postgres.triggers import triggers
from tallyport.postgres.uninterrupted import uninterrupted
from tallyport.rejected_rows import RejectedRows, worst
from tallyport.source_report import SourceReport
from tallyport.validation.files import walked
from tallyport.validation.form import check_form
from tallyport_converters.adv2_reading import Adv2File, RawHead
from tallyport_converters.convert import Outcome as Conversion
from tallyport_converters.sources import Source
from tallyport_converters.work_folders import sweep
from tallyport_schemas.findings import Finding, Severity, SourceUnreadable
from tallyport_schemas.generations import Generation
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Origin:
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
    origin: Origin | None = None
    rejected: RejectedRows | None = None


@dataclass(frozen=True, slots=True)
class FileLoad:
    """A file has been read to its end, or could not be: then `error` says why."""

    file: str
    error: Finding | None = None


Event = GroupLoad | FileLoad | Progress | Finding
"""What an import tells as it goes; a finding is about the database as a whole, and comes before anything is written."""


@dataclass(slots=True)
class LoadReport:
    """The outcome of an import.

    `conversions`: of sources that were none of ADV2; `sources`: what became of all values of these. `findings`: on the
    database.
    """

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
        """0 nothing was found, 1 values left out or warnings, 3 a group failed or a source is unreadable, 5 refused.

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


def load(paths: Sequence[str | os.PathLike[str]], database: str, options: ImportOptions | None = None) -> LoadReport:
    """Import ADV2 files (plain or compressed), or folders of them, into a DHIS2 database.

    `database` is a URL. The report holds all findings.

    Raises:
        ValueError: a folder holds no ADV2 file.
        Refused: TP752, there is no such user; TP759, who may not force checks does.
        OutsideFailed: TP805 to TP809: groups before it are in, the one at work is not.
    """
    report = LoadReport()
    with connection(database) as connected:
        report.generation = generation(connected)
        for event in loading(connected, paths, options or ImportOptions()):
            report.add(event)
    return report


def loading(
    database: Connection[Row],
    paths: Sequence[str | os.PathLike[str]],
    options: ImportOptions,
    made_of: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Event]:
    """Import file by file over a connection; see `load`. Yields each group when it is in, each file when it is done.

    `made_of`: for a folder that a conversion wrote, the source: its files are gone afterwards, and called after it.
    """
    files = [
        (path, f"{made_of[given]}/{label}" if given in made_of else label, given if given in made_of else None)
        for given in (os.fspath(each) for each in paths)
        for path, label in walked([given])
    ]
    of = generation(database)
    by = access(database, of, options.username, options.force)
    yield from check_default_combos(database)
    if options.undo:
        sweep(options.undo)
    with ExitStack() as stack:
        script = stack.enter_context(Script(options.sql)) if options.sql else None
        changes = stack.enter_context(Changes(options.changes)) if options.changes else None
        database.execute(statement("staging"))
        if script:
            script.outside(database, statement("staging"))
        may = triggers(database)
        database.commit()
        stack.enter_context(database.transaction(force_rollback=True) if options.dry_run else nullcontext())
        run = Run(Session(database, script), of, may, by, options)
        loader = _Loader(run, script, changes, sum(_size(path) for path, *_ in files))
        for path, label, folder in files:
            yield from loader.file(path, label, folder)
        if script:
            script.outside(database, statement("drop_staging"))


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # opening it will tell


@dataclass(slots=True)
class _Loader:
    """Imports files one after the other; `total` is the size of all on disk."""

    run: Run
    script: Script | None
    changes: Changes | None
    total: int
    done: int = 0
    values: int = 0

    def file(self, path: str, label: str, folder: str | None) -> Iterator[Event]:
        """Import the groups of one file; `folder`: that of the conversion it is from."""
        size, rows = _size(path), 0
        try:
            with closing(Source.open(path)) as source:
                file = Adv2File(source)
                for head in file.heads():
                    with ExitStack() as reported:  # what is committed is reported before anything can end the run
                        origin = Origin(folder, os.path.relpath(path, folder), rows) if folder else None
                        for event in self._group(file, head, label, size, reported, origin):
                            yield event
                            if isinstance(event, GroupLoad):
                                rows += sum(event.rows.values())
        except SourceUnreadable as error:
            yield FileLoad(label, error.finding.at(label))
        else:
            yield FileLoad(label)
        self.done += size

    def _group(
        self,
        file: Adv2File,
        head: RawHead,
        label: str,
        size: int,
        reported: ExitStack,
        origin: Origin | None,
    ) -> Iterator[Event]:
        rejected = RejectedRows() if origin else None
        header, found, de = check_form(head.properties, any_identifiers=rejected is not None)
        told = None
        if self.changes:
            self.changes.begin()
            told = partial(self.changes.take, self.run.session, file=label, number=head.number, data_element=de or "")
        group = GroupImport(self.run, file, head, told, rejected)
        outcome, valid = group.outcome, True
        title = f"{label}, group {head.number}: {de or 'no data element'}"
        if self.script:
            self.script.begin(title)
        try:
            if header is None:
                with self.run.session.database.transaction():
                    raise GroupFails([*found, *group.also_wrong(found)])
            with self.run.session.database.transaction():
                for rows in group.steps(header):
                    done = self.done + size * min(rows, header.size) // max(header.size, 1)
                    yield Progress(label, f"import {header.de}", done, self.total, self.values + rows)
                reported.enter_context(uninterrupted())
            if self.changes and not self.run.options.dry_run:
                self.changes.keep()
        except GroupFails as failed:
            valid = False
            read = outcome.read
            if head.has_rows and not outcome.has_begun:
                read = max(file.skip_rows(), default=0)
            if self.changes:
                self.changes.drop()
            if outcome.undo:
                outcome.undo.unlink(missing_ok=True)
            outcome = Outcome(failed.findings, batching=outcome.batching)
            outcome.rows["ignored"] = max(read, header.size if header else 0)
            if rejected is not None:
                rejected = RejectedRows()
                rejected.add(range(outcome.rows["ignored"]), worst(failed.findings))
                others = (found for found in failed.findings if found is not worst(failed.findings))
                outcome.findings = [*rejected.findings(), *others]
        if self.script and valid:
            self.script.end()
        elif self.script:
            self.script.note(f"{title} fails: {', '.join(found.code for found in outcome.findings)}")
        self.values += sum(outcome.rows.values())
        yield GroupLoad(
            label,
            head.number,
            de,
            valid,
            outcome.rows,
            outcome.cleared,
            outcome.periods_created,
            outcome.batching,
            outcome.undo,
            [found.at(label) for found in outcome.findings],
            origin,
            rejected,
        )
