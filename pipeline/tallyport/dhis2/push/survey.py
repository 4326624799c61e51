"""Survey: files are read as a whole before anything of them is sent, as what is sent cannot be called back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tallyport.dhis2.push.report import PushRun
from tallyport.validation.report import FileResult, GroupResult, HeaderVerdict, RowFinding
from tallyport.validation.validate import validation
from tallyport_converters.convert import Outcome


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file that may be pushed and its place among all; `digest` of its bytes.

    `accepted`: for each group that may be sent, by its number, how many of its rows; `refused`: how many are not.
    `is_converted`: of a legacy file; then `deletes_scope` says that this one deletes a scope, and `keeps_scope` that it
    must not.
    """

    place: int
    path: str
    label: str
    digest: str
    size: int
    accepted: Mapping[int, int]
    is_converted: bool
    refused: int = 0
    deletes_scope: bool = False
    keeps_scope: bool = False

    @property
    def folder(self) -> str:
        """What has all files of one source."""
        return str(Path(self.path).parent)


def survey(run: PushRun, place: int, path: str, label: str, *, is_converted: bool = False) -> Surveyed:
    """Check the form of a file, by what the server's generation takes; what is wrong with it goes to the report."""
    accepted: dict[int, int] = {}
    report, generation = run.report, run.client.generation
    groups = rows = 0
    # An identifier of a legacy file that cannot be one is rejected by the server, with its rows alone.
    events = validation([path], None, generation=generation, any_identifiers=is_converted, takes_undo=False)
    for event in events:
        if isinstance(event, RowFinding):
            run.take(RowFinding(label, event.number, event.finding.at(label)))
        elif isinstance(event, HeaderVerdict | GroupResult):
            for found in event.findings:
                run.take(RowFinding(label, event.number, found.at(label)))
            if isinstance(event, GroupResult):
                groups += 1
                rows += event.read if event.valid else max(event.read, event.declared or 0)
                if event.valid:
                    accepted[event.number] = event.accepted
        elif isinstance(event, FileResult) and event.error:
            groups, accepted = 0, {}
            report.errors.append(event.error.at(label))
            run.watch(FileResult(label, report.errors[-1]))
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


def keeping_scopes(files: Sequence[Surveyed], conversions: Sequence[Outcome]) -> list[Surveyed]:
    """Return files, marked by whether their source deletes a scope, and whether it must not, as values are rejected.

    What a rejected value names may lie in the scope: the stored one would go, and the new one not come.
    """
    made = [(str(one.folder), one.manifest) for one in conversions if one.manifest]
    wrong = {folder for folder, manifest in made if manifest["values"]["rejected"]}
    wrong |= {file.folder for file in files if file.is_converted and file.refused}
    # A group without rows is one that deletes.
    deleting = {folder for folder, manifest in made if not all(group["rows"] for group in manifest["groups"])}
    return [
        replace(file, deletes_scope=file.folder in deleting, keeps_scope=file.folder in wrong)
        if file.is_converted
        else file
        for file in files
    ]
