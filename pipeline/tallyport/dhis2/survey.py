"""Survey: files are read as a whole before anything of them is sent, as what is sent cannot be called back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tallyport.dhis2.push_report import PushReport, Watch
from tallyport.validation.files import FileResult, GroupResult, HeaderVerdict, RowFinding, validation


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file that may be pushed, its place among all, and the groups of it that may not; `digest` of its bytes."""

    place: int
    path: str
    label: str
    digest: str
    size: int
    failed: frozenset[int]
    is_readable: bool


def survey(place: int, path: str, label: str, report: PushReport, tell: Watch) -> Surveyed:
    """Check the form of a file; what is wrong with it goes to the report."""
    failed: set[int] = set()
    is_readable = True
    read = ignored = 0
    for event in validation([path], None):
        if isinstance(event, RowFinding):
            _tell(RowFinding(label, event.number, event.finding.at(label)), report, tell)
        elif isinstance(event, HeaderVerdict | GroupResult):
            for found in event.findings:
                _tell(RowFinding(label, event.number, found.at(label)), report, tell)
            if isinstance(event, GroupResult):
                read += event.read
                ignored += event.ignored if event.valid else max(event.read, event.declared or 0)
                if not event.valid:
                    failed.add(event.number)
        elif isinstance(event, FileResult) and event.error:
            is_readable = False
            report.errors.append(event.error.at(label))
            tell(FileResult(label, report.errors[-1]))
    report.left_out += ignored if is_readable else max(read, ignored)
    report.failed_groups += len(failed)
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = Path(path).stat().st_size
    except OSError:
        digest, size = "", 0  # unreadable, as was said
    return Surveyed(place, path, label, digest, size, frozenset(failed), is_readable)


def _tell(found: RowFinding, report: PushReport, tell: Watch) -> None:
    report.findings.append(found)
    tell(found)
