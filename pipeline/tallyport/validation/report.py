"""What a validation says: its events as they come, and the report and the JSON document made of them.

The document is described by `json/validation.schema.json`. However many findings there are, writing it holds none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.progress import Progress


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
        """Whether rows may be looked at: a warning does not fail a group."""
        return not any(found.severity is Severity.ERROR for found in self.findings)


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

    def as_json(self) -> Document:
        """Return the verdict and the counts, as they follow the findings of a group."""
        rows = {"declared": self.declared, "read": self.read, "accepted": self.accepted, "ignored": self.ignored}
        return {"valid": self.valid, "rows": rows} | ({"not_made": list(self.not_made)} if self.not_made else {})


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file has been read, or could not be: then `error` says why, and its last group stands for nothing."""

    file: str
    error: Finding | None = None


Event = HeaderVerdict | RowFinding | GroupResult | FileResult | Progress


def findings_of(event: Event) -> Sequence[Finding]:
    """Return what an event says was found of a group."""
    if isinstance(event, HeaderVerdict | GroupResult):
        return event.findings
    return [event.finding] if isinstance(event, RowFinding) else ()


@dataclass(slots=True)
class GroupReport:
    """One group with all that was found of it."""

    result: GroupResult
    findings: list[Finding] = field(default_factory=list)

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        return {"de": self.result.de, "findings": [found.as_json() for found in self.findings]} | self.result.as_json()


@dataclass(slots=True)
class FileReport:
    """One file with its groups."""

    file: str
    groups: list[GroupReport] = field(default_factory=list)
    error: Finding | None = None

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        document: Document = {"file": self.file, "groups": [group.as_json() for group in self.groups]}
        return document | ({"error": self.error.as_json()} if self.error else {})


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The outcome of a validation, file by file. `metadata`: what was found of the metadata as a whole."""

    files: Sequence[FileReport]
    metadata: Sequence[Finding] = ()

    @property
    def exit_code(self) -> int:
        """0 nothing was found, 1 rows ignored or warnings, 3 a group failed or a file is unreadable."""
        groups = [group for file in self.files for group in file.groups]
        if any(file.error for file in self.files) or not all(group.result.valid for group in groups):
            return 3
        return 1 if self.metadata or any(group.findings for group in groups) else 0

    def as_json(self) -> Document:
        """Return it as `json/validation.schema.json` describes it."""
        metadata = [found.as_json() for found in self.metadata]
        return {"files": [file.as_json() for file in self.files]} | ({"metadata": metadata} if metadata else {})


class ValidationDocument:
    """Writes the document of a `ValidationReport` while the events come, with the first `limit` findings or all."""

    def __init__(self, metadata: Sequence[Finding] = (), *, limit: int | None = None) -> None:
        self.found = 0
        """How many findings there were."""
        self._metadata, self._limit = metadata, limit
        self._files = self._groups = 0
        self._is_open = False
        self._is_first = True

    def parts(self, event: Event) -> Iterator[str]:
        """Yield what an event adds to the document's text."""
        if isinstance(event, Progress):
            return
        if not self._is_open:
            yield f'{"," if self._files else _OPENING}{{"file":{json.dumps(event.file)},"groups":['
            self._is_open, self._groups, self._files = True, 0, self._files + 1
        if isinstance(event, HeaderVerdict):
            yield f'{"," if self._groups else ""}{{"de":{json.dumps(event.de)},"findings":['
            self._is_first, self._groups = True, self._groups + 1
        yield from self._findings(findings_of(event))
        if isinstance(event, GroupResult):
            yield f"],{json.dumps(event.as_json())[1:]}"
        elif isinstance(event, FileResult):
            self.found += event.error is not None
            error = f',"error":{json.dumps(event.error.as_json())}' if event.error else ""
            yield f"]{error}}}"
            self._is_open = False

    def _findings(self, findings: Iterable[Finding]) -> Iterator[str]:
        for found in findings:
            self.found += 1
            if self._limit is not None and self.found > self._limit:
                continue
            yield f"{'' if self._is_first else ','}{json.dumps(found.as_json())}"
            self._is_first = False

    def end(self) -> Iterator[str]:
        """Yield what ends the text."""
        metadata = [found.as_json() for found in self._metadata]
        yield "" if self._files else _OPENING
        yield "]" + (f',"metadata":{json.dumps(metadata)}' if metadata else "") + "}\n"


_OPENING = '{"files":['
