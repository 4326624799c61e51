"""Push: values of any source to a DHIS2 server, in chunks, each settled before the next is sent.

What is no ADV2 is converted first, and all is checked for its form before anything is sent. A chunk whose outcome is
unknown is sent again: a value that is written twice is the same value. Nothing here prints.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tallyport.converting import converted
from tallyport.dhis2.answers import Conflict, ImportSummary, Notification
from tallyport.dhis2.chunk_size import BYTES, MOST, ChunkSize
from tallyport.dhis2.client import Client
from tallyport.dhis2.completing import CompletionsSent, complete
from tallyport.dhis2.connecting import Reply, RequestFailed, typed
from tallyport.dhis2.journal import Journal, Mark, journal_path, state_folder
from tallyport.dhis2.lookups import Lookups
from tallyport.dhis2.plan import CannotSend, Plan, Schemes, planned
from tallyport.dhis2.rejections import (
    CLASSES,
    Told,
    comboless_findings,
    culprits,
    is_whole,
    may_be_parted,
    outcome,
    rejection_findings,
    scope_finding,
    whole_findings,
)
from tallyport.dhis2.tasks import JOB_TIMEOUT_S, Poll, started
from tallyport.dhis2.values import MEMBERS, Group, Row, body, group_rows
from tallyport.validation.files import FileResult, GroupResult, HeaderVerdict, RowFinding, validation, walked
from tallyport.validation.form import check_form
from tallyport_converters.adv2_reading import Adv2File, RawHead
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.sources import Source
from tallyport_schemas.findings import Finding, Severity, finding
from tallyport_schemas.progress import Progress

ROUNDS, PARTINGS = 256, 64
"""How often a rejected chunk is sent again: without rows that the server names; in halves where it names none."""

_UNKNOWN = ("TP851", "TP852")
_UNKNOWN_STATUS = (502, 504)
_WAIT_FIRST_S, _WAIT_MOST_S = 0.5, 30.0
_SUMMARY_LOOKS = 5


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push.

    `dry_run`: the server checks, and writes nothing. `is_async`: chunks are jobs of the server. `chunk_rows`: values of
    a request, by default as many as the server takes in a few seconds. `completions`: send what the sources state of
    complete data sets, too. `conversion`: how sources that are no ADV2 are read. `state`: folder for the journal that
    lets a push go on, by default the platform's.
    """

    dry_run: bool = False
    is_async: bool = False
    chunk_rows: int | None = None
    completions: bool = False
    conversion: Options = field(default_factory=Options)
    state: Path | None = None
    job_timeout_s: float = JOB_TIMEOUT_S
    poll: Poll = field(default_factory=Poll)


@dataclass(frozen=True, slots=True)
class ChunkPushed:
    """A chunk is settled: the rows it had, what became of them, and how long the server took."""

    rows: int
    counts: Mapping[str, int]
    seconds: float


@dataclass(slots=True)
class PushReport:
    """The outcome of a push. `counts`: rows by class, with those that earlier runs of the same push settled.

    `left_out` counts rows that were not sent, for what is wrong with them or with their group; `cleared` stored values
    that the server deleted by scope; `resent` chunks that were sent again as their outcome was unknown.
    """

    version: str = ""
    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    resent: int = 0
    is_resumed: bool = False
    failed_groups: int = 0
    findings: list[RowFinding] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    conversions: list[Outcome] = field(default_factory=list)
    completions: CompletionsSent | None = None

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of each class there are."""
        return {name: self.counts[name] for name in CLASSES}

    @property
    def cleared(self) -> int:
        """Stored values deleted by scope."""
        return self.counts["cleared"]

    @property
    def exit_code(self) -> int:
        """0 nothing was found, 1 values rejected or warnings, 3 a group failed or a source is unreadable."""
        converted = max((one.exit_code for one in self.conversions), default=0)
        if converted == 3 or self.errors or self.failed_groups:
            return 3
        told = any(found.finding.severity is not Severity.INFO for found in self.findings)
        rejected = self.rows["rejected"] or self.left_out or (self.completions and self.completions.rejected)
        return 1 if told or rejected else converted


Event = ChunkPushed | RowFinding | FileResult | Outcome | Progress | Notification
Watch = Callable[[Event], None]


async def push(
    client: Client,
    sources: Sequence[str | os.PathLike[str]],
    options: PushOptions | None = None,
    *,
    watch: Watch | None = None,
) -> PushReport:
    """Send values to a DHIS2 server.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. A push that broke off goes on where it stopped
    when it is called again with the same sources for the same server. `watch` is told of everything as it happens.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: a folder holds no ADV2 file.
        Refused: TP886, another run pushes the same.
        OutsideFailed: TP850 to TP861 the server or the network failed, TP801 or TP877 the disk: what was acknowledged
            until then is kept, and not sent again.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = options or PushOptions()
    report = PushReport(client.info.version, options.dry_run)
    tell = watch or (lambda _: None)
    with TemporaryDirectory(prefix="tallyport-") as work:
        paths: list[str] = []
        for event in converted(sources, Path(work), paths, options.conversion):
            if isinstance(event, Outcome):
                report.conversions.append(event)
            tell(event)
        files = [_survey(place, path, label, report, tell) for place, (path, label) in enumerate(walked(paths))]
        digests = [file.digest for file in files]
        folder = options.state or state_folder()
        journal = Journal(None if options.dry_run else journal_path(folder, client.url, digests))
        with journal.open():
            report.is_resumed = journal.is_resumed
            report.counts = journal.counts
            report.findings += [RowFinding(*told) for told in journal.findings]
            pusher = _Pusher(client, options, journal, report, tell)
            await pusher.push(files)
            if options.completions:
                folders = [*paths, *(str(one.folder) for one in report.conversions if one.folder)]
                report.completions = await complete(client, folders, pusher.schemes, dry_run=options.dry_run)
                for told in report.completions.findings:
                    pusher.tell(told)
            journal.finish()
    return report


@dataclass(frozen=True, slots=True)
class _File:
    """A file that may be pushed, and which of its groups may not. `digest` is that of its bytes."""

    place: int
    path: str
    label: str
    digest: str
    size: int
    failed: frozenset[int]
    is_readable: bool


def _survey(place: int, path: str, label: str, report: PushReport, tell: Watch) -> _File:
    """Read a file as a whole before anything of it is sent: a group that turns out wrong cannot be called back."""
    failed: set[int] = set()
    is_readable = True
    for event in validation([path], None):
        if isinstance(event, RowFinding):
            report.findings.append(RowFinding(label, event.number, event.finding.at(label)))
            tell(report.findings[-1])
        elif isinstance(event, HeaderVerdict | GroupResult):
            for found in event.findings:
                report.findings.append(RowFinding(label, event.number, found.at(label)))
                tell(report.findings[-1])
            if isinstance(event, GroupResult):
                report.left_out += event.ignored if event.valid else max(event.read, event.declared or 0)
                if not event.valid:
                    failed.add(event.number)
        elif isinstance(event, FileResult) and event.error:
            is_readable = False
            report.errors.append(event.error.at(label))
            tell(FileResult(label, report.errors[-1]))
    report.failed_groups += len(failed)
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = Path(path).stat().st_size
    except OSError:
        digest, size = "", 0  # unreadable, as was said
    return _File(place, path, label, digest, size, frozenset(failed), is_readable)


class _Envelope(NamedTuple):
    """What a request says of all its rows."""

    schemes: Schemes
    data_set: str | None


class _TooLarge(Exception):
    """The server does not take so many values at once."""

    def __init__(self, failed: RequestFailed) -> None:
        super().__init__()
        self.failed = failed


@dataclass(slots=True)
class _Pending:
    """Rows that wait for their chunk to be full."""

    rows: list[Row] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Chunk:
    """Rows that are being sent: all of them, and in parts those that are not settled, the next one last."""

    envelope: _Envelope
    rows: list[Row]
    waiting: list[list[Row]] = field(init=False)
    rounds: int = 0
    partings: int = 0

    def __post_init__(self) -> None:
        self.waiting = [self.rows]


class _Pusher:
    """Sends files one after the other. All rows that wait have one set of schemes, and a data element in one group."""

    def __init__(self, client: Client, options: PushOptions, journal: Journal, report: PushReport, tell: Watch) -> None:
        self._client, self._options, self._journal, self._report, self._tell = client, options, journal, report, tell
        self._lookups = Lookups(client)
        self._size = ChunkSize(options.chunk_rows)
        self._pending: dict[_Envelope, _Pending] = {}
        self._elements: set[str] = set()
        self._refused: dict[tuple[_Envelope, str, str | None], Conflict] = {}
        self._followup = "followUp" if client.version >= (2, 43) else "followup"
        self._started = time.monotonic()
        self._sent = 0
        self._done = self._total = 0
        self.schemes: dict[str, Mapping[str, str]] = {}
        """The identifier schemes of each folder's groups."""

    def tell(self, told: Told) -> None:
        """Take up a finding."""
        self._report.findings.append(RowFinding(*told))
        self._tell(self._report.findings[-1])

    async def push(self, files: Sequence[_File]) -> None:
        """Send the groups of files."""
        self._total = sum(file.size for file in files)
        for file in files:
            if file.is_readable:
                await self._file(file)
            self._done += file.size
        await self._flush()

    async def _file(self, surveyed: _File) -> None:
        with closing(Source.open(surveyed.path)) as source:
            file = Adv2File(source)
            for head in file.heads():
                if head.number not in surveyed.failed:
                    await self._group(surveyed, file, head)

    async def _group(self, surveyed: _File, file: Adv2File, head: RawHead) -> None:
        header, _, _ = check_form(head.properties)
        assert header, "the survey has seen it"
        group = Group(surveyed.place, surveyed.label, head.number, header)
        self.schemes.setdefault(str(Path(surveyed.path).parent), header.ids)
        try:
            plan = await planned(header, self._lookups, self._client.version)
            before = next(iter(self._pending), None)
            if plan.deletion is not None or header.de in self._elements or (before and before.schemes != plan.schemes):
                await self._flush()  # rows of one key must arrive in their order
            if plan.deletion is not None:
                await self._clear(group, plan)
        except CannotSend as cannot:
            self._report.failed_groups += 1
            self._report.left_out += header.size
            self.tell((group.label, group.number, cannot.finding.at(group.label)))
            return
        self._elements.add(header.de)
        if not head.has_rows:
            return
        for rows in group_rows(file, group, followup=self._followup, coc=plan.coc, aoc=plan.aoc):
            await self._take(group, plan, rows)
            self._progress(surveyed, (rows[-1].number + 1) / max(header.size, 1) if rows else 0)

    async def _clear(self, group: Group, plan: Plan) -> None:
        """Have the server delete the group's scope, unless an earlier run did."""
        mark = group.place, group.number, plan.deletion_data_set or ""
        if self._journal.is_cleared(mark):
            return
        envelope = _Envelope(plan.schemes, plan.deletion_data_set)
        summary, seconds = await self._import(envelope, [], plan.deletion)
        if summary.status == "ERROR":
            raise CannotSend(scope_finding(summary))
        counts = {"cleared": summary.import_count.deleted}
        self._journal.clear(mark, counts)
        self._tell(ChunkPushed(0, counts, seconds))

    async def _take(self, group: Group, plan: Plan, rows: Sequence[Row]) -> None:
        """Put rows into chunks, and send those that are full."""
        lacking: list[Row] = []
        for row in rows:
            if row.lacks_combo:
                self._report.left_out += 1
                lacking.append(row)
                continue
            envelope = _Envelope(plan.schemes, plan.data_set(row))
            if row.number < self._journal.settled((group.place, group.number, envelope.data_set or "")):
                continue
            pending = self._pending.setdefault(envelope, _Pending())
            pending.rows.append(row)
            pending.size += row.size
            if len(pending.rows) >= self._size.rows or pending.size >= BYTES:
                await self._send(envelope)
        for told in comboless_findings(lacking):
            self.tell(told)
        while sum(len(pending.rows) for pending in self._pending.values()) > MOST:
            await self._send(max(self._pending, key=lambda envelope: len(self._pending[envelope].rows)))

    async def _flush(self) -> None:
        while self._pending:
            await self._send(next(iter(self._pending)))
        self._elements.clear()

    async def _send(self, envelope: _Envelope) -> None:
        """Send a chunk until all its rows are settled; what is rejected as a whole without those it is rejected for."""
        chunk = _Chunk(envelope, self._pending.pop(envelope).rows)
        while chunk.waiting:
            rows = chunk.waiting.pop()
            known = [(row, conflict) for row in rows if (conflict := self._known(envelope, row))]
            if known:
                self._reject(chunk, rows, known, 0.0)
                continue
            try:
                summary, seconds = await self._import(envelope, rows)
            except _TooLarge as error:
                if len(rows) == 1:
                    raise error.failed from None
                self._size.refused(len(rows))
                chunk.waiting += _halves(rows)
                continue
            if not is_whole(summary, rows):
                self._size.took(len(rows), seconds)
                counts, told = outcome(summary, rows, self._client.version)
                self._settle(chunk, counts, told, seconds)
                continue
            named = culprits(summary, rows)
            if named and chunk.rounds < ROUNDS:
                chunk.rounds += 1
                for row, kind, conflict in named:
                    self._refused[envelope, kind, row.members[MEMBERS[kind]]] = conflict
                self._reject(chunk, rows, [(row, conflict) for row, _, conflict in named], seconds)
            elif len(rows) > 1 and chunk.partings < PARTINGS and may_be_parted(summary):
                chunk.partings += 1
                chunk.waiting += _halves(rows)
            else:
                counts = Counter({"rejected": len(rows)})
                self._settle(chunk, counts, list(whole_findings(rows, summary)), seconds)

    def _known(self, envelope: _Envelope, row: Row) -> Conflict | None:
        """Return why the server will not take a row, if it has said so of another with the same identifier."""
        if self._refused:
            for kind, member in MEMBERS.items():
                if (conflict := self._refused.get((envelope, kind, row.members.get(member)))) is not None:
                    return conflict
        return None

    def _reject(self, chunk: _Chunk, rows: Sequence[Row], rejected: list[tuple[Row, Conflict]], seconds: float) -> None:
        """Settle rows that a server rejects; the others are sent without them."""
        blamed = {id(row) for row, _ in rejected}
        if innocent := [row for row in rows if id(row) not in blamed]:
            chunk.waiting.append(innocent)
        self._settle(chunk, Counter({"rejected": len(rejected)}), list(rejection_findings(rejected)), seconds)

    def _settle(self, chunk: _Chunk, counts: Counter[str], told: Sequence[Told], seconds: float) -> None:
        """Keep that all rows of a chunk are settled but those that wait, and say what became of them."""
        marks: dict[Mark, int] = {}
        data_set = chunk.envelope.data_set or ""
        for row in chunk.rows:
            marks[row.group.place, row.group.number, data_set] = row.number + 1
        for row in (row for part in chunk.waiting for row in part):
            mark = row.group.place, row.group.number, data_set
            marks[mark] = min(marks[mark], row.number)
        self._journal.settle(marks, counts, told)
        rows = sum(counts[name] for name in CLASSES)
        self._sent += rows
        for one in told:
            self.tell(one)
        self._tell(ChunkPushed(rows, dict(counts), seconds))

    def _progress(self, file: _File, part: float) -> None:
        rate = self._sent / max(time.monotonic() - self._started, 1e-3)
        phase = f"push, {rate:,.0f} values/s"
        self._tell(Progress(file.label, phase, self._done + int(file.size * min(part, 1)), self._total, self._sent))

    # --- One request -------------------------------------------------------------------------------------------------

    async def _import(
        self, envelope: _Envelope, rows: Sequence[Row], deletion: Mapping[str, object] | None = None
    ) -> tuple[ImportSummary, float]:
        """Send rows and return what became of them, and how many seconds that took.

        Raises:
            _TooLarge: the server does not take so many, or does not answer in time.
        """
        content = gzip.compress(body(rows, envelope.data_set, deletion), 1)
        parameters = dict(envelope.schemes)
        if self._options.dry_run:
            parameters["dryRun"] = "true"
        if self._options.is_async:
            parameters["async"] = "true"
        wait_s, left = _WAIT_FIRST_S, self._client.connection.profile.retries
        while True:
            started_at = time.monotonic()
            try:
                reply = await self._client.connection.post(
                    "dataValueSets", parameters, content=content, accept=(400, 409), is_work=True
                )
                summary = await self._summary(reply)
                return summary, time.monotonic() - started_at
            except RequestFailed as failed:
                if failed.status == 413:
                    raise _TooLarge(failed) from None
                is_unknown = failed.finding.code in _UNKNOWN or failed.status in _UNKNOWN_STATUS
                if not is_unknown or not left:
                    raise
                left -= 1
                self._report.resent += 1
                first = rows[0].group if rows else None
                told = finding("TP887", found=failed.finding.message, count=len(rows) or None)
                self.tell((first.label if first else "", first.number if first else 0, told))
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _WAIT_MOST_S)
                if failed.finding.code == "TP851" and len(rows) > 1:
                    raise _TooLarge(failed) from None

    async def _summary(self, reply: Reply) -> ImportSummary:
        """Return the summary that an answer has, or that its job ends with."""
        message = reply.message()
        response = message.response or {}
        if self._options.is_async and "jobType" in response:
            job, tasks = started(reply), self._client.tasks
            options = self._options
            await tasks.await_completion(job, timeout_s=options.job_timeout_s, poll=options.poll, watch=self._tell)
            for look in range(_SUMMARY_LOOKS):
                if (told := await tasks.import_summary(job)) is not None:
                    return told
                await asyncio.sleep(options.poll.first_s * (look + 1))
            raise RequestFailed(
                "TP857", source=f"{job.job_type} {job.id}", found="no summary", expected="ImportSummary"
            )
        if "importCount" in response:
            return typed(ImportSummary, response, reply.where)
        conflict = Conflict(value=message.message, error_code=message.error_code, indexes=(-1,))
        if reply.status == 400 and message.message and "period" in message.message.lower():
            return ImportSummary(status="ERROR", conflicts=(conflict,))  # 2.43 says no more of a period that is none
        found = f"{reply.status}: {message.message}"
        raise RequestFailed("TP855", status=reply.status, document=reply.document, source=reply.where, found=found)


def _halves(rows: list[Row]) -> list[list[Row]]:
    """Return the halves of rows, the first one last: it is taken first."""
    middle = (len(rows) + 1) // 2
    return [rows[middle:], rows[:middle]]
