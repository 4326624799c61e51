"""What an import reports: its events as they come, and the report made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from tallyport.postgres.imports.batch_size import Batching
from tallyport.source_report import SourceReport
from tallyport.validation.rejected_rows import RejectedRows, worst
from tallyport_converters.convert import Outcome as Conversion
from tallyport_schemas.document import Document, Documented
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.progress import Progress

CHANGES = ("insert", "update", "undelete", "delete", "unchanged", "ignored")
"""What may happen to a row."""


@dataclass(frozen=True, slots=True)
class GroupOrigin:
    """Where the group of a converted source stands: in a file of the conversion's folder, from a row of it on."""

    folder: str
    file: str
    first_row: int


@dataclass(slots=True)
class GroupLoad:
    """What became of one group. `rows`: how many by change; `cleared`: stored values that its `delete` took.

    Where it is not `valid`, nothing of it was written, and all its rows are ignored. `batching` is None where its
    header failed. `undo`: the file that brings back what it removed for good. `origin`: of a group that was made of a
    legacy file; then `rejected` has the rows that were not written.
    """

    file: str
    number: int
    de: str | None
    origin: GroupOrigin | None = None
    rejected: RejectedRows | None = None
    valid: bool = True
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANGES, 0))
    cleared: int = 0
    periods_created: int = 0
    batching: Batching | None = None
    undo: Path | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def title(self) -> str:
        """How people know the group."""
        return f"{self.file}, group {self.number}: {self.de or 'no data element'}"

    def by_member(self, header: GroupHeader) -> bool:
        """Whether what is wrong with an identifier costs its own rows alone."""
        return self.rejected is not None and header.delete is None

    def leave_out(self, left_out: Finding) -> None:
        """Report rows that were skipped; batches share a finding."""
        for at, known in enumerate(self.findings):
            if (known.code, known.field) == (left_out.code, left_out.field) and known.count and left_out.count:
                self.findings[at] = replace(known, count=known.count + left_out.count)
                return
        self.findings.append(left_out)

    def settle(self, read: int, staged: int) -> None:
        """Take the end of a group that has had so many rows, of which so many were not skipped."""
        self.rows["unchanged"] = staged - sum(self.rows.values())
        self.rows["ignored"] = read - staged
        if self.rejected is not None:
            self.findings += self.rejected.findings()

    def fail(self, findings: Sequence[Finding], read: int) -> None:
        """Take why the group fails: all rows that were read are ignored."""
        if self.undo:
            self.undo.unlink(missing_ok=True)
        self.valid, self.undo, self.cleared, self.periods_created = False, None, 0, 0
        self.rows = dict.fromkeys(CHANGES, 0) | {"ignored": read}
        self.findings = list(findings)
        if self.rejected is not None and read:
            self.rejected = RejectedRows()
            why = worst(findings)
            self.rejected.add(range(read), why)
            self.findings = [*self.rejected.findings(), *(found for found in findings if found is not why)]

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
