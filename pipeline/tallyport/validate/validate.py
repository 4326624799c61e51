"""Validation: ADV2 files in, verdicts and findings out, as an iterator. Nothing here prints.

A group's header is judged before a row of it is read, at a cost that does not depend on the rows. Rows then stream:
memory holds a header, a block of rows, and the keys of one period and org unit. Rules: docs/adv2-format.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tallyport.validate.form import check_form
from tallyport.validate.rows import row_check
from tallyport_converters.adv2_reading import Adv2File, RawHead
from tallyport_converters.sources import Source
from tallyport_schemas.findings import Finding, SourceUnreadable, finding
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot
    from tallyport.validate.rules import RowRules

_ADV2_NAMES = (".adv2.json", ".adv2.json.gz", ".adv2.json.zst")


@dataclass(frozen=True, slots=True)
class HeaderVerdict:
    """What was found of a group's header; comes before any of its rows is read. `size`: rows declared."""

    file: str
    number: int
    de: str | None
    size: int | None
    findings: Sequence[Finding]
    not_made: Sequence[str]

    @property
    def valid(self) -> bool:
        """Whether rows may be looked at."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class RowFinding:
    """A row of a group, or neighbouring rows, that are ignored."""

    file: str
    number: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The outcome of one group. `findings` are those that came after its rows (`size`, what follows `data`)."""

    file: str
    number: int
    de: str | None
    valid: bool
    declared: int | None
    read: int
    accepted: int
    ignored: int
    findings: Sequence[Finding]
    not_made: Sequence[str]


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file has been read, or could not be: then `error` says why, and its last group stands for nothing."""

    file: str
    error: Finding | None = None


Event = HeaderVerdict | RowFinding | GroupResult | FileResult | Progress


@dataclass(slots=True)
class GroupReport:
    """One group with all that was found of it."""

    result: GroupResult
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class FileReport:
    """One file with its groups."""

    file: str
    groups: list[GroupReport] = field(default_factory=list)
    error: Finding | None = None


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The outcome of a validation, file by file."""

    files: Sequence[FileReport]

    @property
    def exit_code(self) -> int:
        """0 all accepted, 1 rows ignored, 3 a group failed or a file is unreadable."""
        groups = [group.result for file in self.files for group in file.groups]
        if any(file.error for file in self.files) or not all(group.valid for group in groups):
            return 3
        return 1 if any(group.ignored for group in groups) else 0


def validate(
    paths: Sequence[str | os.PathLike[str]],
    *,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    header_only: bool = False,
    today: date | None = None,
) -> ValidationReport:
    """Say of ADV2 files whether they can be imported.

    `paths` are ADV2 files (plain or compressed), folders of them, or `-`. `metadata` is a snapshot, or the path of one
    or of a DHIS2 metadata export; without it only form is checked. `header_only` reads no rows. `today` decides which
    periods lie in the future (default: the system's date).

    The report holds all findings: for files with very many, `validation` gives the same as a stream.

    Raises:
        ValueError: a folder holds no ADV2 file.
        SourceUnreadable: the metadata cannot be read.
    """
    snapshot = load_snapshot(metadata)
    files: list[FileReport] = []
    found: list[Finding] = []
    current: FileReport | None = None
    for event in validation(paths, snapshot, header_only=header_only, today=today):
        if isinstance(event, Progress):
            continue
        if current is None:
            current = FileReport(event.file)
            files.append(current)
        if isinstance(event, HeaderVerdict):
            found = list(event.findings)
        elif isinstance(event, RowFinding):
            found.append(event.finding)
        elif isinstance(event, GroupResult):
            current.groups.append(GroupReport(event, [*found, *event.findings]))
        else:
            current.error = event.error
            current = None
    return ValidationReport(files)


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
) -> Iterator[Event]:
    """Validate file by file; see `validate`. Of each group: its HeaderVerdict, RowFindings, its GroupResult."""
    day = today or date.today()
    for path, label in list(_walked(paths)):
        try:
            with closing(Source.open(path)) as source:
                yield from _validate_file(source, label, snapshot, header_only, day)
        except SourceUnreadable as error:
            yield FileResult(label, error.finding.at(label))
        else:
            yield FileResult(label)


def _walked(paths: Sequence[str | os.PathLike[str]]) -> Iterator[tuple[str, str]]:
    """Yield (path, label) of the files that paths stand for; of a folder, its ADV2 files."""
    for path in [os.fspath(path) for path in paths]:
        if path == "-" or not Path(path).is_dir():
            yield path, "stdin" if path == "-" else Path(path).name
            continue
        found = sorted(p for p in Path(path).rglob("*") if p.name.endswith(_ADV2_NAMES) and p.is_file())
        if not found:
            raise ValueError(f"there is no ADV2 file (*.adv2.json) in {path}")
        yield from ((str(p), p.relative_to(path).as_posix()) for p in found)


def _validate_file(
    source: Source, label: str, snapshot: Snapshot | None, header_only: bool, today: date
) -> Iterator[Event]:
    file = Adv2File(source)
    for head in file.heads():
        header, found, de = check_form(head.properties, has_rows=head.has_rows)
        not_made: Sequence[str] = ()
        rules: RowRules | None = None
        if header and snapshot:
            from tallyport.validate.relations import check_relations

            relations = check_relations(header, snapshot, today=today)
            found, not_made, rules = relations.findings, relations.not_made, relations.rules
        found = [f.at(label) for f in found]
        size = header.size if header else None
        yield HeaderVerdict(label, head.number, de, size, found, not_made)
        if header_only:
            yield GroupResult(label, head.number, de, not found, size, 0, 0, 0, (), not_made)
            if not file.is_array:
                return
            continue
        counts = (0, 0, 0)
        if head.has_rows and (header is None or found):
            for rows in file.skip_rows():
                counts = (rows, 0, rows)
        elif head.has_rows and header:
            check = row_check(header, rules)
            for block in file.rows(check.form):
                check.judge(block)
                for flaw in check.findings(block):
                    yield RowFinding(label, head.number, flaw.at(label))
                counts = block.rows.counts
                yield Progress(label, "validate", file.position, source.size_bytes, counts[0])
        yield _result(file, label, head, de, size, counts, not found, not_made)


def _result(
    file: Adv2File,
    label: str,
    head: RawHead,
    de: str | None,
    size: int | None,
    counts: tuple[int, int, int],
    valid: bool,
    not_made: Sequence[str],
) -> GroupResult:
    """Judge what only the end of a group's rows shows."""
    read, accepted, ignored = counts
    late: list[Finding] = []
    if file.trailing:
        late.append(finding("TP510", source=label, found=file.trailing, expected="the group's end"))
    if size is not None and size != read:
        late.append(finding("TP514", source=label, field="size", found=f"{read:,} rows", expected=f"{size:,} rows"))
    if late or not valid:
        accepted, ignored = 0, read
    return GroupResult(label, head.number, de, valid and not late, size, read, accepted, ignored, late, not_made)
