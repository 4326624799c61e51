"""Sending: chunks of rows, each until all its rows are settled; what is rejected is reported row by row.

Several chunks may be on their way at once. What a request settles is in the journal before its chunk is released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tallyport.dhis2.api.models import Conflict
from tallyport.dhis2.push.chunk_size import ChunkSize
from tallyport.dhis2.push.kept_details import Keeping, unread_findings
from tallyport.dhis2.push.report import ChunkPushed, PushRun
from tallyport.dhis2.push.value_import import Envelope, TooLarge, ValueImport
from tallyport.dhis2.request.data_values import MEMBERS, Group, Row
from tallyport.dhis2.request.plan import CannotSend, Plan
from tallyport.dhis2.request.rejections import (
    CLASSES,
    KINDS,
    culprits,
    identity,
    is_success,
    is_whole,
    may_be_parted,
    outcome,
    rejection_findings,
    scope_finding,
    whole_findings,
)
from tallyport.validation.report import RowFinding

ROUNDS, PARTINGS = 256, 64
"""How often a rejected chunk is sent again without rows that the server names; how often chunks of a data set are sent
in halves for nothing, where it names none: a request that is taken gives one back."""


@dataclass(slots=True)
class Chunk:
    """Rows that are being sent: all of them, and in parts those that are not settled, the next one last.

    `asked` is the size that they were cut to, if to one. `kept` are the ids of rows that something stored was added to.
    """

    envelope: Envelope
    rows: list[Row]
    asked: int | None = None
    waiting: list[list[Row]] = field(init=False)
    kept: set[int] = field(default_factory=set)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.waiting = [self.rows]

    def members(self, kind: str) -> set[str]:
        """Return the identifiers of a kind that it has."""
        return {str(row.members[MEMBERS[kind]]) for row in self.rows}


class Sender:
    """Sends chunks to one server.

    `keeping` knows what is stored beside values; without it, what rows do not state is cleared. `settled` hears how
    many rows of which group have been settled.
    """

    def __init__(
        self,
        run: PushRun,
        keeping: Keeping | None = None,
        settled: Callable[[Group, int], None] = lambda _group, _rows: None,
    ) -> None:
        self._run, self._keeping, self._settled = run, keeping, settled
        self._import = ValueImport(run)
        self._sizes: dict[str | None, ChunkSize] = {}
        self._partings: Counter[str | None] = Counter()
        self._refused: dict[tuple[Envelope, str, object], Conflict] = {}

    def size(self, envelope: Envelope) -> ChunkSize:
        """Return what is known of how many values the server takes well: of each data set by itself."""
        name = envelope.data_set
        if name not in self._sizes:
            self._sizes[name] = ChunkSize(self._run.options.chunk_rows, self._run.options.max_request_s)
        return self._sizes[name]

    async def clear(self, group: Group, plan: Plan) -> None:
        """Have the server delete the group's scope.

        Raises:
            CannotSend: TP888, the server did not.
        """
        envelope = Envelope(plan.schemes, plan.deletion_data_set)
        try:
            summary, seconds = await self._import.send(envelope, [], plan.deletion)
        except TooLarge as error:
            raise error.failed from None
        if not is_success(summary):
            raise CannotSend(scope_finding(summary))
        counts = {"cleared": summary.import_count.deleted}
        self._run.journal.clear(group.mark, counts)
        self._run.report.chunks += 1
        self._run.watch(ChunkPushed(0, counts, seconds))

    async def check(self, envelope: Envelope, rows: Sequence[Row]) -> list[RowFinding]:
        """Have the server look at rows without writing them; return what it found."""
        size = self.size(envelope).rows
        if len(rows) > size:
            parts = [await self.check(envelope, rows[at : at + size]) for at in range(0, len(rows), size)]
            return list(chain.from_iterable(parts))
        try:
            summary, _ = await self._import.send(envelope, rows, is_check=True)
        except TooLarge as error:
            if len(rows) == 1:
                raise error.failed from None
            self.size(envelope).refused(len(rows))
            return await self.check(envelope, rows)
        if is_whole(summary, rows):
            if named := culprits(summary, rows):
                return list(rejection_findings((row, conflict) for row, _, conflict in named))
            return list(whole_findings(rows, summary))
        counts, found = outcome(summary, rows, self._run.client.version)
        return found if counts["rejected"] or summary.conflicts else []

    async def send(self, chunk: Chunk) -> None:
        """Send a chunk until all its rows are settled; what is rejected as a whole without those it is rejected for."""
        envelope, size = chunk.envelope, self.size(chunk.envelope)
        await self._keep(chunk)
        while chunk.waiting:
            rows = chunk.waiting.pop()
            if len(rows) > size.rows:  # it has become smaller since
                chunk.waiting += _parts(rows, size.rows)
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
                size.refused(len(rows))
                chunk.waiting.append(rows)
                continue
            if not is_whole(summary, rows):
                self._partings[envelope.data_set] = max(0, self._partings[envelope.data_set] - 1)
                size.took(len(rows), seconds, chunk.asked if len(rows) == len(chunk.rows) else None)
                counts, findings = outcome(summary, rows, self._run.client.version)
                wrong = {at for conflict in summary.conflicts for at in conflict.indexes} | set(
                    summary.rejected_indexes
                )
                counts["kept"] = sum(id(row) in chunk.kept for at, row in enumerate(rows) if at not in wrong)
                self._settle(rows, counts, findings, seconds)
                continue
            named = culprits(summary, rows)
            if named and chunk.rounds < ROUNDS:
                chunk.rounds += 1
                for row, kind, conflict in named:
                    self._refused[envelope, kind, identity(row, kind)] = conflict
                self._reject(chunk, rows, [(row, conflict) for row, _, conflict in named], seconds)
            elif len(rows) > 1 and self._partings[envelope.data_set] < PARTINGS and may_be_parted(summary):
                self._partings[envelope.data_set] += 1
                chunk.waiting += _parts(rows, (len(rows) + 1) // 2)
            else:
                counts = Counter({"rejected": len(rows)})
                self._settle(rows, counts, list(whole_findings(rows, summary)), seconds)

    async def _keep(self, chunk: Chunk) -> None:
        """Add to rows what is stored of what they do not state."""
        if self._keeping is None:
            return
        added, unknown = await self._keeping.complete(chunk.envelope, chunk.rows)
        chunk.kept = set(map(id, added))
        self._run.report.may_clear += len(unknown)
        for found in unread_findings(unknown):
            self._run.take(found)

    def _known(self, envelope: Envelope, row: Row) -> Conflict | None:
        """Return why the server will not take a row, if it has said so of another with the same identifier."""
        if self._refused:
            for kind in KINDS:
                if (conflict := self._refused.get((envelope, kind, identity(row, kind)))) is not None:
                    return conflict
        return None

    def _reject(self, chunk: Chunk, rows: Sequence[Row], rejected: list[tuple[Row, Conflict]], seconds: float) -> None:
        """Settle rows that a server rejects; the others are sent without them."""
        blamed = {id(row) for row, _ in rejected}
        if innocent := [row for row in rows if id(row) not in blamed]:
            chunk.waiting.append(innocent)
        counts = Counter({"rejected": len(rejected)})
        self._settle([row for row, _ in rejected], counts, list(rejection_findings(rejected)), seconds)

    def _settle(self, rows: Sequence[Row], counts: Counter[str], found: Sequence[RowFinding], seconds: float) -> None:
        """Keep that rows are settled, and say what became of them."""
        numbers: dict[Group, list[int]] = {}
        for row in rows:
            numbers.setdefault(row.group, []).append(row.number)
        found = [self._run.redacted(one) for one in found]
        self._run.journal.settle({group.mark: of for group, of in numbers.items()}, counts, found)
        for one in found:
            self._run.take(one)
        for group, of in numbers.items():
            self._settled(group, len(of))
        self._run.report.chunks += 1
        self._run.watch(ChunkPushed(sum(counts[name] for name in CLASSES), dict(counts), seconds))


def _parts(rows: list[Row], size: int) -> list[list[Row]]:
    """Return the first `size` rows and the others, the first ones last: they are taken first."""
    return [rows[size:], rows[:size]]
