"""Survey: files are read as a whole before anything of them is sent, as what is sent cannot be called back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tallyport.dhis2.push_report import PushReport, Watch
from tallyport.validation.files import FileResult, GroupResult, HeaderVerdict, RowFinding, validation
from tallyport_converters.convert import Outcome
from tallyport_schemas.generations import Generation


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file that may be pushed and its place among all; `digest` of its bytes.

    `accepted`: for each group that may be sent, by its number, how many of its rows; `refused`: how many are not.
    `is_converted`: of a legacy file; then `keeps_scope` says that no scope may be deleted.
    """

    place: int
    path: str
    label: str
    digest: str
    size: int
    accepted: Mapping[int, int]
    is_converted: bool
    refused: int = 0
    keeps_scope: bool = False


def survey(
    place: int,
    path: str,
    label: str,
    report: PushReport,
    tell: Watch,
    *,
    generation: Generation = Generation.V43,
    is_converted: bool = False,
) -> Surveyed:
    """Check the form of a file, by what the server's generation takes; what is wrong with it goes to the report."""
    accepted: dict[int, int] = {}
    groups = rows = 0
    # An identifier of a legacy file that cannot be one is rejected by the server, with its rows alone.
    events = validation([path], None, generation=generation, any_identifiers=is_converted, takes_undo=False)
    for event in events:
        if isinstance(event, RowFinding):
            report.take(RowFinding(label, event.number, event.finding.at(label)), tell)
        elif isinstance(event, HeaderVerdict | GroupResult):
            for found in event.findings:
                report.take(RowFinding(label, event.number, found.at(label)), tell)
            if isinstance(event, GroupResult):
                groups += 1
                rows += event.read if event.valid else max(event.read, event.declared or 0)
                if event.valid:
                    accepted[event.number] = event.accepted
        elif isinstance(event, FileResult) and event.error:
            groups, accepted = 0, {}
            report.errors.append(event.error.at(label))
            tell(FileResult(label, report.errors[-1]))
    report.left_out += rows - sum(accepted.values())
    report.groups += groups
    report.failed_groups += groups - len(accepted)
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = Path(path).stat().st_size
    except OSError:
        digest, size = "", 0  # unreadable, as was said
    return Surveyed(place, path, label, digest, size, accepted, is_converted, rows - sum(accepted.values()))


def keeping_scopes(files: Sequence[Surveyed], conversions: Iterable[Outcome]) -> list[Surveyed]:
    """Return files, with those marked of which no scope may be deleted as values of their source are rejected.

    What a rejected value names may lie in the scope: the stored one would go, and the new one not come.
    """
    wrong = {str(one.folder) for one in conversions if one.manifest and one.manifest["values"]["rejected"]}
    wrong |= {str(Path(file.path).parent) for file in files if file.is_converted and file.refused}
    return [replace(file, keeps_scope=file.is_converted and str(Path(file.path).parent) in wrong) for file in files]
