"""Sending: the rows of files in chunks, each settled before the next is sent; what is rejected is told row by row."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from tallyport.dhis2.answers import Conflict
from tallyport.dhis2.chunk_size import BYTES, MOST, ChunkSize
from tallyport.dhis2.client import Client
from tallyport.dhis2.journal import Journal, Mark
from tallyport.dhis2.lookups import Lookups
from tallyport.dhis2.plan import CannotSend, Plan, planned
from tallyport.dhis2.push_report import ChunkPushed, PushOptions, PushReport, Watch
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
from tallyport.dhis2.survey import Surveyed
from tallyport.dhis2.value_import import Envelope, TooLarge, ValueImport, redacted
from tallyport.dhis2.values import MEMBERS, Group, Row, group_rows
from tallyport.validation.files import RowFinding
from tallyport.validation.form import check_form
from tallyport_converters.adv2_reading import Adv2File, RawHead
from tallyport_converters.sources import Source
from tallyport_schemas.findings import OutsideFailed, finding
from tallyport_schemas.progress import Progress

ROUNDS, PARTINGS = 256, 64
"""How often a rejected chunk is sent again: without rows that the server names; in halves where it names none."""


@dataclass(slots=True)
class _Pending:
    """Rows that wait for their chunk to be full."""

    rows: list[Row] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Chunk:
    """Rows that are being sent: all of them, and in parts those that are not settled, the next one last."""

    envelope: Envelope
    rows: list[Row]
    waiting: list[list[Row]] = field(init=False)
    rounds: int = 0
    partings: int = 0

    def __post_init__(self) -> None:
        self.waiting = [self.rows]


class Sender:
    """Sends files one after the other. All rows that wait have one set of schemes, and a data element in one group."""

    def __init__(self, client: Client, options: PushOptions, journal: Journal, report: PushReport, tell: Watch) -> None:
        self._client, self._options, self._journal, self._report, self._tell = client, options, journal, report, tell
        self._lookups = Lookups(client)
        self._import = ValueImport(client, options, tell, self.tell)
        self._size = ChunkSize(options.chunk_rows)
        self._pending: dict[Envelope, _Pending] = {}
        self._elements: set[str] = set()
        self._refused: dict[tuple[Envelope, str, str | None], Conflict] = {}
        self._followup = "followUp" if client.version >= (2, 43) else "followup"
        self._started = time.monotonic()
        self._sent = 0
        self._done = self._total = 0
        self.schemes: dict[str, Mapping[str, str]] = {}
        """The identifier schemes of each folder's groups."""

    def tell(self, told: Told) -> None:
        """Take up a finding."""
        self._report.findings.append(RowFinding(*self._clean(told)))
        self._tell(self._report.findings[-1])

    def _clean(self, told: Told) -> Told:
        """Return a finding without the secret, which the server may repeat in what it says."""
        label, number, found = told
        message = redacted(found.message, self._client)
        return label, number, replace(found, message=message, found=found.found and redacted(found.found, self._client))

    async def send(self, files: Sequence[Surveyed]) -> None:
        """Send the groups of files."""
        self._total = sum(file.size for file in files)
        for file in files:
            if file.accepted:
                await self._file(file)
            self._done += file.size
        await self._flush()

    async def _file(self, surveyed: Surveyed) -> None:
        with closing(Source.open(surveyed.path)) as source:
            file = Adv2File(source)
            for head in file.heads():
                if head.number in surveyed.accepted:
                    await self._group(surveyed, file, head)

    async def _group(self, surveyed: Surveyed, file: Adv2File, head: RawHead) -> None:
        header, _, _ = check_form(head.properties)
        if header is None:
            raise OutsideFailed(finding("TP801", message="the file was changed meanwhile", source=surveyed.label))
        group = Group(surveyed.place, surveyed.label, head.number, header, surveyed.is_converted)
        self.schemes.setdefault(str(Path(surveyed.path).parent), header.ids)
        try:
            plan = await planned(header, self._lookups, self._client.version)
            before = next(iter(self._pending), None)
            if plan.deletion is not None or header.de in self._elements or (before and before.schemes != plan.schemes):
                await self._flush()  # rows of one key must arrive in their order
            if plan.deletion is not None:
                if (wrong := header.size - surveyed.accepted[head.number]) > 0:
                    raise CannotSend(finding("TP878", field="data", found=f"{wrong:,} of {header.size:,} rows"))
                await self._clear(group, plan)
        except CannotSend as cannot:
            self._report.failed_groups += 1
            self._report.left_out += surveyed.accepted[head.number]
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
        envelope = Envelope(plan.schemes, plan.deletion_data_set)
        try:
            summary, seconds = await self._import.send(envelope, [], plan.deletion)
        except TooLarge as error:
            raise error.failed from None
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
            envelope = Envelope(plan.schemes, plan.data_set(row))
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

    async def _send(self, envelope: Envelope) -> None:
        """Send a chunk until all its rows are settled; what is rejected as a whole without those it is rejected for."""
        chunk = _Chunk(envelope, self._pending.pop(envelope).rows)
        while chunk.waiting:
            rows = chunk.waiting.pop()
            if len(rows) > self._size.rows:  # it has become smaller since
                chunk.waiting += _parts(rows, self._size.rows)
                continue
            known = [(row, conflict) for row in rows if (conflict := self._known(envelope, row))]
            if known:
                self._reject(chunk, rows, known, 0.0)
                continue
            try:
                summary, seconds = await self._import.send(envelope, rows)
            except TooLarge as error:
                if len(rows) == 1:
                    raise error.failed from None
                self._size.refused(len(rows))
                chunk.waiting.append(rows)
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
                chunk.waiting += _parts(rows, (len(rows) + 1) // 2)
            else:
                counts = Counter({"rejected": len(rows)})
                self._settle(chunk, counts, list(whole_findings(rows, summary)), seconds)

    def _known(self, envelope: Envelope, row: Row) -> Conflict | None:
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
        told = [self._clean(one) for one in told]
        self._journal.settle(marks, counts, told)
        rows = sum(counts[name] for name in CLASSES)
        self._sent += rows
        for one in told:
            self.tell(one)
        self._tell(ChunkPushed(rows, dict(counts), seconds))

    def _progress(self, file: Surveyed, part: float) -> None:
        rate = self._sent / max(time.monotonic() - self._started, 1e-3)
        phase = f"push, {rate:,.0f} values/s"
        self._tell(Progress(file.label, phase, self._done + int(file.size * min(part, 1)), self._total, self._sent))


def _parts(rows: list[Row], size: int) -> list[list[Row]]:
    """Return the first `size` rows and the others, the first ones last: they are taken first."""
    return [rows[size:], rows[:size]]
