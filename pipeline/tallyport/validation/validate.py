"""Validation: ADV2 files in, verdicts and findings out, as an iterator. Nothing here prints.

A group's header is judged before a row of it is read, at a cost that does not depend on the rows. Rows then stream:
memory holds a header, a block of rows, and the keys of one period and org unit. Rules: docs/adv2-format.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tallyport.validation.report import (
    Event,
    FileReport,
    FileResult,
    GroupReport,
    GroupResult,
    HeaderVerdict,
    RowFinding,
    ValidationReport,
    findings_of,
)
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import check_form, counted_rows, readable
from tallyport_converters.adv2.row_check import RowFindings, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native.adv2 import KEY_BYTES
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, finding, shown
from tallyport_schemas.generations import Generation
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot
    from tallyport_schemas.group_header import GroupHeader

_ADV2_NAMES = (".adv2.json", ".adv2.json.gz", ".adv2.json.zst")


def validate(
    paths: Sequence[str | os.PathLike[str]],
    *,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    header_only: bool = False,
    today: date | None = None,
    generation: Generation = Generation.V43,
    memory_bytes: int = KEY_BYTES,
) -> ValidationReport:
    """Say of ADV2 files whether they can be imported.

    `paths` are ADV2 files (plain or compressed), folders of them, or `-`. `metadata` is a snapshot, or the path of one
    or of a DHIS2 metadata export; without it only form is checked. `header_only` reads no rows. `today` decides which
    periods lie in the future (default: the system's date). `generation`: the DHIS2 whose rules for values and comments
    hold, as no metadata says which it is of. `memory_bytes` is what finding
    repeated rows may take: a file that needs more is not read on (TP224).

    The report holds all findings: for files with very many, `validation` gives the same as a stream.

    Raises:
        ValueError: a folder holds no ADV2 file.
        SourceUnreadable: the metadata cannot be read.
    """
    snapshot = load_snapshot(metadata)
    files: list[FileReport] = []
    groups: list[GroupReport] = []
    found: list[Finding] = []
    for event in validation(
        paths,
        snapshot,
        header_only=header_only,
        today=today,
        generation=generation,
        memory_bytes=memory_bytes,
    ):
        found += findings_of(event)
        if isinstance(event, GroupResult):
            groups.append(GroupReport(event, found))
            found = []
        elif isinstance(event, FileResult):
            files.append(FileReport(event.file, groups, event.error))
            groups = []
    return ValidationReport(files, snapshot.findings if snapshot else ())


def load_snapshot(metadata: Snapshot | str | os.PathLike[str] | None) -> Snapshot | None:
    """Return a snapshot, loaded if it is a path."""
    if not isinstance(metadata, str | os.PathLike):
        return metadata
    from tallyport.metadata import load_metadata

    return load_metadata(Path(metadata))


def validation(
    paths: Sequence[str | os.PathLike[str]],
    snapshot: Snapshot | None,
    *,
    header_only: bool = False,
    today: date | None = None,
    generation: Generation = Generation.V43,
    memory_bytes: int = KEY_BYTES,
    any_identifiers: bool = False,
    takes_undo: bool = True,
    name: str | None = None,
) -> Iterator[Event]:
    """Validate file by file; see `validate`. Of each group: its HeaderVerdict, RowFindings, its GroupResult.

    `any_identifiers`: those that are said to be UIDs need not look like some. `takes_undo`: groups that bring back what
    another removed are valid. `name`: what to call the one file whose path does not say it.

    Raises:
        ValueError: at once, before anything is read: a folder holds no ADV2 file.
    """
    how = _How(snapshot, header_only, today or date.today(), generation, memory_bytes, any_identifiers, takes_undo)
    return _validate_files([(path, name or label) for path, label in walked(paths)], how)


def walked(paths: Sequence[str | os.PathLike[str]]) -> Iterator[tuple[str, str]]:
    """Yield (path, label) of the files that paths stand for; of a folder, its ADV2 files.

    Raises:
        ValueError: a folder holds no ADV2 file.
    """
    for path in [os.fspath(path) for path in paths]:
        if path == "-" or not Path(path).is_dir():
            yield path, "stdin" if path == "-" else shown(Path(path).name or path)
            continue
        files = (p for p in Path(path).rglob("*") if p.name.endswith(_ADV2_NAMES) and p.is_file())
        found = sorted(files, key=_numbered)
        if not found:
            raise ValueError(f"there is no ADV2 file (*.adv2.json) in {shown(path)}")
        yield from ((str(p), shown(p.relative_to(path).as_posix())) for p in found)


def _numbered(path: Path) -> list[str | int]:
    """Return the key that puts the second group of a data element before its tenth: what deletes has to come first."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", path.as_posix())]


class _How(NamedTuple):
    """See `validation`."""

    snapshot: Snapshot | None
    header_only: bool
    today: date
    generation: Generation
    memory_bytes: int
    any_identifiers: bool
    takes_undo: bool


def _validate_files(files: Sequence[tuple[str, str]], how: _How) -> Iterator[Event]:
    for path, label in files:
        try:
            with closing(Source.open(path)) as source:
                file = Adv2File(source)
                for head in file.heads():
                    yield from _Group(file, head, label, how).validate()
                    if how.header_only and not file.is_array:
                        break
        except SourceUnreadable as error:
            yield FileResult(label, error.finding.at(label))
        else:
            yield FileResult(label)


class _Group:
    """One group being validated."""

    def __init__(self, file: Adv2File, head: RawHead, label: str, how: _How) -> None:
        self._file, self._head, self._label, self._how = file, head, label, how
        self._header, self._found, self._de = check_form(
            head.properties, any_identifiers=how.any_identifiers, takes_undo=how.takes_undo
        )
        self._not_made: Sequence[str] = ()
        self._rules = RowRules(generation=how.generation)
        self._counts = (0, 0, 0)
        self._row_findings = RowFindings(file)

    def validate(self) -> Iterator[Event]:
        """Yield the header's verdict, what is wrong with rows, and the result."""
        if self._how.snapshot:
            self._look_up(self._how.snapshot)
        header_only = self._how.header_only
        size = self._header.size if self._header else None
        found = [f.at(self._label) for f in self._found]
        verdict = HeaderVerdict(self._label, self._head.number, self._de, size, found, self._not_made)
        yield verdict
        try:
            if self._head.has_rows and not header_only:
                yield from self._rows(self._header if verdict.valid else None)
        except SourceUnreadable:
            yield from self._rest()
            yield self._result(size, ())  # the file breaks off within the group
            raise
        yield from self._rest()
        late = [] if header_only else [f.at(self._label) for f in self._late()]
        yield self._result(size, late, valid=verdict.valid and not late)

    def _look_up(self, snapshot: Snapshot) -> None:
        """Hold the header to the metadata; where its form fails, what can be read of it: all failures are reported."""
        from tallyport.validation.relations import check_relations

        if self._header:
            relations = check_relations(self._header, snapshot, today=self._how.today)
            self._found, self._not_made = relations.findings, relations.not_made
            if relations.rules:
                self._rules = replace(relations.rules, generation=self._how.generation)
        elif rest := readable(self._head.properties, self._found):
            found = check_relations(rest.header, snapshot, today=self._how.today).findings
            self._found = [*self._found, *rest.certain(found)]

    def _rows(self, header: GroupHeader | None) -> Iterator[Event]:
        if header is None:
            for rows in self._file.skip_rows():
                self._counts = (rows, 0, rows)
            return
        check = row_check(header, self._rules, memory_bytes=self._how.memory_bytes)
        for block in self._file.rows(check.form):
            check.judge(block)
            for found in check.findings(block, self._label):
                yield from map(self._row_finding, self._row_findings.add(found))
            self._counts = block.rows.counts
            size = self._file.source.size_bytes
            yield Progress(self._label, "validate", self._file.position, size, self._counts[0])

    def _rest(self) -> Iterator[RowFinding]:
        """Yield the findings about rows that waited, as later rows might have shared them."""
        yield from map(self._row_finding, self._row_findings.rest())

    def _row_finding(self, found: Finding) -> RowFinding:
        return RowFinding(self._label, self._head.number, found)

    def _late(self) -> Iterator[Finding]:
        """Yield what only the end of a group's rows shows."""
        if self._file.trailing:
            yield finding("TP510", field="data", found=self._file.trailing, expected="the group's end")
        size, read = self._header.size if self._header else None, self._counts[0]
        if size is not None and size != read:
            yield finding("TP514", field="size", found=counted_rows(read), expected=counted_rows(size))

    def _result(self, size: int | None, late: Sequence[Finding], *, valid: bool = False) -> GroupResult:
        read, accepted, ignored = self._counts if valid else (self._counts[0], 0, self._counts[0])
        head = self._head
        return GroupResult(
            self._label, head.number, self._de, valid, size, read, accepted, ignored, late, self._not_made
        )
