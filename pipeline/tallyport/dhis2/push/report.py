"""Push report: how to push, what is reported on the way, and the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

from tallyport.dhis2.api.models import Notification
from tallyport.dhis2.api.patience import WAIT_S
from tallyport.dhis2.api.server_jobs import JOB_TIMEOUT_S
from tallyport.dhis2.client import Client
from tallyport.dhis2.push.chunk_size import MAX_REQUEST_S
from tallyport.dhis2.push.completions import CompletionsSent
from tallyport.dhis2.push.journal import Journal
from tallyport.dhis2.request.data_values import MEMBERS
from tallyport.dhis2.request.rejections import CLASSES
from tallyport.source_report import Accounts, SourceReport
from tallyport.validation.report import FileResult, RowFinding
from tallyport_converters.convert import Options, Outcome
from tallyport_schemas.document import Document, Documented
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.progress import Progress, Waiting


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push.

    `dry_run`: the server checks, and writes nothing. `is_async`: chunks are jobs of the server. `chunk_rows`: values of
    a request, by default what brings the most values a second, learnt for each data set. `max_request_s`: no request is
    made that should take longer, by what was seen. `parallel`: how many requests are sent at once, by default 2, and 1
    to a 2.41 or as jobs. `is_lenient`: have 2.41 and 2.42 store what 2.43 refuses, such as an option combo of another
    category combo. `clears`: let the server clear stored comments and follow-up flags that a row does not state,
    instead of reading and sending them along. `completions`: send what the sources state of complete data sets, too.
    `conversion`: how sources that are no ADV2 are read. `state`: folder for the journal that lets a push resume, by
    default the platform's. `wait_s`: how long a server that goes away is waited for.
    """

    dry_run: bool = False
    is_async: bool = False
    chunk_rows: int | None = None
    max_request_s: float = MAX_REQUEST_S
    parallel: int | None = None
    is_lenient: bool = False
    clears: bool = False
    completions: bool = False
    conversion: Options = field(default_factory=Options)
    state: Path | None = None
    rejects: Path | None = None
    job_timeout_s: float = JOB_TIMEOUT_S
    wait_s: float = WAIT_S


@dataclass(frozen=True, slots=True)
class ChunkPushed:
    """Rows of a chunk are settled: how many, what became of them, and how long the server took."""

    rows: int
    counts: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class ClearingAhead:
    """Reported before the first value is sent: of how many rows a stored comment or follow-up flag may be cleared."""

    rows: int


@dataclass(slots=True)
class PushReport:
    """The outcome of a push. `counts`: rows by class, with those that earlier runs of the same push settled.

    `left_out` counts rows that were not sent, for what is wrong with them or with their group; `cleared` stored values
    that the server deleted by scope; `kept` rows that a stored comment or follow-up flag was sent along with, as they
    state none; `may_clear` rows of which one may be cleared; `resent` chunks that were sent again as their outcome was
    unknown. `groups` are those of files that can be read, with the failed ones. `waited_s`: how long a server that was
    away was waited for. `sources`: what became of all values of legacy files. `chunks`: of this run.
    """

    version: str = ""
    dry_run: bool = False
    server: str = ""
    is_ended: bool = False
    chunks: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    is_resumed: bool = False
    groups: int = 0
    failed_groups: int = 0
    may_clear: int = 0
    findings: list[RowFinding] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    conversions: list[Outcome] = field(default_factory=list)
    completions: CompletionsSent | None = None
    waited_s: float = 0.0
    sources: list[SourceReport] = field(default_factory=list)
    accounts: Accounts = field(default_factory=Accounts, repr=False)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of each class there are."""
        return {name: self.counts[name] for name in CLASSES}

    @property
    def resent(self) -> int:
        """Chunks that were sent again."""
        return sum(found.finding.code == "TP887" for found in self.findings)

    @property
    def cleared(self) -> int:
        """Stored values deleted by scope."""
        return self.counts["cleared"]

    @property
    def kept(self) -> int:
        """Rows that a stored comment or follow-up flag was sent along with."""
        return self.counts["kept"]

    @property
    def exit_code(self) -> int:
        """0 nothing was found, 1 values rejected or warnings, 3 a group failed or a source is unreadable."""
        converted = max((one.exit_code for one in self.conversions), default=0)
        fails = self.failed_groups - self.accounts.failed_groups
        takes_none = self.groups and self.failed_groups == self.groups
        if converted == 3 or self.errors or fails or takes_none:
            return 3
        of_groups = (found.finding for found in self.findings)
        of_sources = (found for source in self.sources for found in source.findings)
        is_found = any(found.severity is not Severity.INFO for found in chain(of_groups, of_sources))
        rejected = self.rows["rejected"] or self.left_out or (self.completions and self.completions.rejected)
        return 1 if is_found or rejected else converted

    def as_json(self) -> Document:
        """Return it as `json/push.schema.json` describes it."""
        parts: dict[str, Sequence[Documented]] = {
            "conversions": self.conversions,
            "errors": self.errors,
            "sources": self.sources,
        }
        document: Document = {
            "server": self.server,
            "version": self.version,
            "dry_run": self.dry_run,
            "resumed": self.is_resumed,
            "chunks": self.chunks,
            "rows": self.rows | ({"left_out": self.left_out} if self.is_ended else {}),
            "cleared": self.cleared,
            "kept": self.kept,
            "may_clear": self.may_clear,
            "failed_groups": self.failed_groups,
            "resent": self.resent,
            "waited_s": round(self.waited_s, 1),
            "findings": [{"group": found.number, **found.finding.as_json()} for found in self.findings],
        }
        document |= {name: [part.as_json() for part in found] for name, found in parts.items() if found}
        if self.completions:
            sent = self.completions
            document["completions"] = {"sent": sent.sent, "taken": sent.taken, "rejected": sent.rejected}
        return document


_OF_NO_GROUP = frozenset({"TP870", "TP872", "TP876", "TP887"})
"""Findings about a chunk or a request, without the rows of it."""

Event = (
    SourceReport | ChunkPushed | ClearingAhead | RowFinding | FileResult | Outcome | Progress | Waiting | Notification
)
Watch = Callable[[Event], None]


@dataclass(slots=True)
class PushRun:
    """What all parts of one push share; `watch` hears of everything as it happens."""

    client: Client
    options: PushOptions
    report: PushReport
    watch: Watch
    journal: Journal = field(default_factory=partial(Journal, None))
    _of_identifiers: dict[tuple[object, ...], int] = field(default_factory=dict)

    def take(self, found: RowFinding) -> None:
        """Take up a finding, and report it; of a legacy file, about the row there.

        An identifier that a group's rows are rejected for is one finding, however many requests they went in: it is
        reported once, and its count grows.
        """
        found = self.redacted(found)
        if account := self.report.accounts.of(found.file):
            one = account.take(found.number, found.finding, fails_group=found.finding.code not in _OF_NO_GROUP)
            found = RowFinding(one.source or found.file, found.number, one)
        one, findings = found.finding, self.report.findings
        if one.code == "TP870" and one.field in MEMBERS:
            key = found.file, found.number, one.message, one.field, one.found
            at = self._of_identifiers.setdefault(key, len(findings))
            if at < len(findings):
                known = findings[at].finding
                count = (known.count or 1) + (one.count or 1)
                findings[at] = replace(findings[at], finding=replace(known, count=count))
                return
        findings.append(found)
        self.watch(found)

    def redacted(self, found: RowFinding) -> RowFinding:
        """Return a finding without the secret, which the server may repeat in what it says."""
        one, clean = found.finding, self.client.connection.profile.redacted
        return replace(found, finding=replace(one, message=clean(one.message), found=one.found and clean(one.found)))
