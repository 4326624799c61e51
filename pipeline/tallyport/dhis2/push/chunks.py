"""Feeding: the rows of files, put into chunks that are on their way at once.

Groups that can hold no key in common go in any order: a pass. Rows of one data set fill chunks as they come, a chunk
for each part of the organisation units, so that no two streams share one; or they wait on the disk, to go unit by unit.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from tallyport.dhis2.push.chunk_size import BYTES, MOST
from tallyport.dhis2.push.delivery import Chunk, Sender
from tallyport.dhis2.push.kept_details import Keeping, states_all
from tallyport.dhis2.push.passes import Pass
from tallyport.dhis2.push.report import ClearingAhead, PushOptions, PushRun
from tallyport.dhis2.push.row_spool import RowSpool
from tallyport.dhis2.push.streams import Streams
from tallyport.dhis2.push.survey import Surveyed
from tallyport.dhis2.push.value_import import Envelope
from tallyport.dhis2.request.data_values import MEMBERS, Group, Row, group_rows
from tallyport.dhis2.request.lookups import Lookups
from tallyport.dhis2.request.plan import CannotSend, Plan, Schemes, planned
from tallyport.dhis2.request.rejections import comboless_findings
from tallyport.metadata.combos import Resolver
from tallyport.validation.report import RowFinding
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.sources import Source
from tallyport_schemas.finding import OutsideFailed, finding
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.progress import Progress

_UNIT = MEMBERS["ou"]


def streams_of(options: PushOptions, version: tuple[int, int]) -> int:
    """Return how many requests are sent at once: one where jobs of the server do the work, or the server is 2.41."""
    return options.parallel or (1 if options.is_async or version < (2, 42) else 2)


@dataclass(slots=True)
class _Pending:
    """Rows that wait for their chunk to be full."""

    rows: list[Row] = field(default_factory=list)
    size: int = 0


class _Sendable(NamedTuple):
    """A group that may be sent, whose rows were not read yet."""

    surveyed: Surveyed
    file: Adv2File
    has_rows: bool
    group: Group
    header: GroupHeader


def _sendable(files: Sequence[Surveyed]) -> Iterator[_Sendable]:
    """Yield the groups that may be sent; the rows of each have to be read, or skipped, before the next.

    Raises:
        OutsideFailed: TP801, a file was changed meanwhile.
    """
    for surveyed in files:
        if not surveyed.accepted:
            continue
        with closing(Source.open(surveyed.path)) as source:
            file = Adv2File(source)
            for head in file.heads():
                if head.number not in surveyed.accepted:
                    continue
                header, _, _ = check_form(head.properties, any_identifiers=surveyed.is_converted)
                if header is None:
                    changed = finding("TP801", message="the file was changed meanwhile", source=surveyed.label)
                    raise OutsideFailed(changed)
                group = Group(surveyed.place, surveyed.label, head.number)
                yield _Sendable(surveyed, file, head.has_rows, group, header)


class Feeder:
    """Sends files. All rows of a pass have one set of identifier schemes, and differ in what they are about."""

    def __init__(self, run: PushRun) -> None:
        self._run, self._client = run, run.client
        client, options = run.client, run.options
        is_new = client.version >= (2, 43)
        self._followup = "followUp" if is_new else "followup"
        self._no_comment = None if is_new else ""  # an empty comment would be stored as one
        self._lookups = Lookups(client)
        self._keeping = None if options.clears else Keeping(client, self._lookups, self._followup)
        self.sender = Sender(run, self._keeping, self._settled)
        self._streams = Streams(streams_of(options, client.version))
        self._pending: dict[tuple[Envelope, int], _Pending] = {}
        self._by_unit: RowSpool | None = None
        self._pass = Pass()
        self._pass_schemes: Schemes | None = None
        self._borders: Sequence[str] = ()
        self._periods: set[str] = set()
        self._started = 0.0
        self._sent = 0
        self._done = self._rows = self._bytes = 0
        self.schemes: dict[str, Mapping[str, str]] = {}
        """The identifier schemes of each folder's groups."""

    async def send(self, files: Sequence[Surveyed]) -> None:
        """Send the groups of files."""
        self._started = asyncio.get_running_loop().time()
        self._bytes = sum(file.size for file in files)
        self._rows = sum(sum(file.accepted.values()) for file in files)
        if self._rows:
            await self._lookups.load_defaults()
            for found in Resolver(self._lookups).several_defaults():
                self._run.take(RowFinding("", 0, found))
        await self._tell_what_may_be_cleared(files)
        files = await self._keeping_scopes(files)
        try:
            async with self._streams:
                for one in _sendable(files):
                    await self._group(one)
                await self._end_pass()
        finally:
            if self._by_unit:
                self._by_unit.close()

    # --- Before anything is sent -------------------------------------------------------------------------------------

    async def _tell_what_may_be_cleared(self, files: Sequence[Surveyed]) -> None:
        """Say of how many rows a stored comment or flag may be cleared, as that is wished for, or cannot be read."""
        unreadable: dict[str, set[str]] | None = None
        if self._keeping:
            unreadable = await self._unreadable_units(self._keeping, files)
            if not any(unreadable.values()):
                return
        count = 0
        for one in _sendable(files):
            settled = self._run.journal.settled(one.group.mark)
            for rows in self._rows_of(one):
                for row in rows:
                    is_readable = unreadable is not None and row.members[_UNIT] not in unreadable[one.header.ids["ou"]]
                    count += not (is_readable or row.number in settled or states_all(row, self._followup))
        if not count:
            return
        self._run.report.may_clear = count
        self._run.watch(ClearingAhead(count))
        if unreadable is not None:
            some = sorted({unit for of in unreadable.values() for unit in of})
            others = f" and {len(some) - 3:,} others" if len(some) > 3 else ""
            found = f"values of the organisation units {', '.join(some[:3])}{others}"
            self._run.take(RowFinding("", 0, finding("TP879", found=found, count=count)))

    async def _unreadable_units(self, keeping: Keeping, files: Sequence[Surveyed]) -> dict[str, set[str]]:
        """Return the organisation units of files that the user may not read, by their scheme."""
        units: dict[str, set[str]] = {}
        some: tuple[str, str, str] | None = None
        for *_, header in _sendable(files):
            units.setdefault(header.ids["ou"], set()).update(header.ou)
            some = some or (header.ids["de"], header.de, header.pe[0])
        if some is None:
            return {}
        scheme, element, period = some
        uid = (await self._lookups.uids("dataElements", scheme, [element])).get(element, element)
        return {of: await keeping.find_unreadable(of, names, uid, period) for of, names in units.items()}

    async def _keeping_scopes(self, files: Sequence[Surveyed]) -> Sequence[Surveyed]:
        """Return files, with those marked whose source must not delete its scope, as the server would reject a value.

        Such a scope is a group of its own, and the values that come in its place are in any others of the source.
        """
        asked = {file.folder for file in files if file.deletes_scope and not file.keeps_scope}
        wrong = {of for of in asked if await self._has_rejected([file for file in files if file.folder == of])}
        return [replace(file, keeps_scope=True) if file.folder in wrong else file for file in files]

    async def _has_rejected(self, files: Sequence[Surveyed]) -> bool:
        """Whether the server would reject values of files: it looks at them without writing."""
        pending: dict[Envelope, list[Row]] = {}
        for one in _sendable(files):
            if not one.header.size:
                continue
            try:
                plan = await planned(one.header, self._lookups, self._client.version)
            except CannotSend:
                return True
            for rows in self._rows_of(one, plan):
                for row in rows:
                    if row.lacks_combo:
                        return True
                    envelope = Envelope(plan.schemes, plan.data_set(row))
                    pending.setdefault(envelope, []).append(row)
                    if len(pending[envelope]) >= self.sender.size(envelope).rows and await self.sender.check(
                        envelope, pending.pop(envelope)
                    ):
                        return True
        return any([await self.sender.check(envelope, rows) for envelope, rows in pending.items()])

    # --- Groups ------------------------------------------------------------------------------------------------------

    def _rows_of(self, one: _Sendable, plan: Plan | None = None) -> Iterator[list[Row]]:
        """Yield a group's rows, some at a time; without a plan, with no option combos for category options."""
        coc, aoc = (plan.coc, plan.aoc) if plan else (lambda _: None, lambda _: None)
        if one.has_rows:
            flag, empty, of = self._followup, self._no_comment, self._client.generation
            yield from group_rows(
                one.file, one.group, one.header, followup=flag, generation=of, no_comment=empty, coc=coc, aoc=aoc
            )

    async def _group(self, one: _Sendable) -> None:
        surveyed, _, _, group, header = one
        self.schemes.setdefault(str(Path(surveyed.path).parent), header.ids)
        accepted = surveyed.accepted[group.number]
        try:
            plan = await planned(header, self._lookups, self._client.version)
            if self._pass_schemes not in (None, plan.schemes) or not self._pass.takes(header):
                await self._end_pass()
                self._pass.takes(header)
            self._pass_schemes = plan.schemes
            self._part_units(header)
            if plan.deletion is not None and not self._run.journal.is_cleared(group.mark):
                if surveyed.keeps_scope:
                    raise CannotSend(finding("TP786", field="delete"))
                if (wrong := header.size - accepted) > 0:
                    raise CannotSend(finding("TP878", field="data", found=f"{wrong:,} of {header.size:,} rows"))
                await self._clear_and_take(one, plan)
                return
        except CannotSend as cannot:
            self._run.report.failed_groups += 1
            self._run.report.left_out += accepted
            self._run.take(RowFinding(group.label, group.number, cannot.finding.at(group.label)))
            self._advance(group, accepted)
            return
        for rows in self._rows_of(one, plan):
            await self._take(group, plan, rows)

    async def _clear_and_take(self, one: _Sendable, plan: Plan) -> None:
        """Clear a group's scope and take its rows, once it is known that all of them can be written.

        Raises:
            CannotSend: TP878, a row cannot: then nothing is cleared; TP888.
        """
        with closing(RowSpool()) as held:
            for rows in self._rows_of(one, plan):
                held.add((Envelope(plan.schemes, plan.data_set(row)), row) for row in rows)
            wrong = 0
            for envelope, run in groupby(held.rows(), key=itemgetter(0)):
                while part := [row for _, row in islice(run, self.sender.size(envelope).rows)]:
                    lacking = list(comboless_findings(row for row in part if row.lacks_combo))
                    for found in lacking or await self.sender.check(envelope, part):
                        self._run.take(found)
                        wrong += found.finding.count or 1
            if wrong:
                raise CannotSend(finding("TP878", field="data", found=f"{wrong:,} of {one.header.size:,} rows"))
            await self.sender.clear(one.group, plan)
            taken = held.rows()
            while part := [row for _, row in islice(taken, MOST // 10)]:
                await self._take(one.group, plan, part)

    async def _take(self, group: Group, plan: Plan, rows: Sequence[Row]) -> None:
        """Put rows into chunks, and send those that are full; or to the disk, if they go by organisation unit."""
        settled = self._run.journal.settled(group.mark)
        lacking: list[Row] = []
        waiting: list[tuple[Envelope, Row]] = []
        passed = 0
        for row in rows:
            if row.lacks_combo:
                self._run.report.left_out += 1
                lacking.append(row)
                continue
            if row.number in settled:
                passed += 1
                continue
            envelope = Envelope(plan.schemes, plan.data_set(row))
            if envelope.data_set in plan.by_unit:
                waiting.append((envelope, row))
                continue
            key = envelope, self._part_of(row.members[_UNIT])
            pending = self._pending.setdefault(key, _Pending())
            pending.rows.append(row)
            pending.size += row.size
            if self._is_full(envelope, pending.rows, pending.size):
                await self._streams.room()
                if self._is_full(envelope, pending.rows, pending.size):  # it may be larger by now
                    await self._send_pending(key)
        if waiting:
            self._by_unit = self._by_unit or RowSpool()
            self._by_unit.add(waiting)
        for found in comboless_findings(lacking):
            self._run.take(found)
        self._advance(group, len(lacking) + passed)
        while sum(len(pending.rows) for pending in self._pending.values()) > MOST:
            await self._send_pending(max(self._pending, key=lambda of: len(self._pending[of].rows)))

    # --- Chunks ------------------------------------------------------------------------------------------------------

    def _part_units(self, header: GroupHeader) -> None:
        """Part the organisation units among streams, at their order: so neighbouring rows stay neighbours mostly."""
        parts = self._streams.most
        if not self._borders and parts <= len(header.ou):
            units = sorted(header.ou)
            self._borders = [units[len(units) * part // parts] for part in range(1, parts)]

    def _part_of(self, unit: str) -> int:
        if not self._borders:
            return crc32(unit.encode()) % self._streams.most
        return bisect_right(self._borders, unit)

    def _is_full(self, envelope: Envelope, rows: Sequence[Row], size: int) -> bool:
        return len(rows) >= self.sender.size(envelope).rows or size >= BYTES

    async def _send_pending(self, key: tuple[Envelope, int]) -> None:
        await self._send(key[0], self._pending.pop(key).rows)

    async def _send(self, envelope: Envelope, rows: list[Row]) -> None:
        """Send a chunk once no other is on its way with a unit of it, or with a period that may be new to the server.

        Servers make a period that they do not have yet, and two requests that both make it collide.
        """
        chunk = Chunk(envelope, rows, self.sender.size(envelope).rows)
        fresh = chunk.members("pe") - self._periods

        async def work() -> None:
            await self.sender.send(chunk)
            self._periods |= fresh

        claims = {f"ou {unit}" for unit in chunk.members("ou")} | {f"pe {period}" for period in fresh}
        await self._streams.start(frozenset(claims), work())

    async def _end_pass(self) -> None:
        """Send all that waits, and wait until it is settled: what comes next may be about the same."""
        while self._pending:
            await self._send_pending(next(iter(self._pending)))
        if self._by_unit:
            await self._send_by_unit(self._by_unit)
        await self._streams.drain()
        if self._by_unit:
            self._by_unit.close()
        self._by_unit, self._pass, self._pass_schemes, self._borders = None, Pass(), None, ()

    async def _send_by_unit(self, spool: RowSpool) -> None:
        """Send rows in chunks of whole organisation units, where one does not fill a chunk alone."""
        pending: list[Row] = []
        envelope: Envelope | None = None
        size = border = 0  # the border is where the rows of the last unit begin
        for of, row in spool.rows(by_unit=True):
            if envelope is not None and of != envelope:
                await self._send(envelope, pending)
                pending, size, border = [], 0, 0
            if pending and pending[-1].members[_UNIT] != row.members[_UNIT]:
                border = len(pending)
            envelope = of
            pending.append(row)
            size += row.size
            if self._is_full(of, pending, size):
                await self._streams.room()
            if self._is_full(of, pending, size):
                cut = border or len(pending)
                await self._send(of, pending[:cut])
                pending, border = pending[cut:], 0
                size = sum(row.size for row in pending)
        if envelope is not None and pending:
            await self._send(envelope, pending)

    # --- How far it has come -----------------------------------------------------------------------------------------

    def _settled(self, group: Group, rows: int) -> None:
        self._sent += rows
        self._advance(group, rows)

    def _advance(self, group: Group, rows: int) -> None:
        self._done += rows
        seconds = max(asyncio.get_running_loop().time() - self._started, 1e-3)
        done = self._bytes * self._done // max(self._rows, 1)
        self._run.watch(
            Progress(group.label, f"push, {self._sent / seconds:,.0f} values/s", done, self._bytes, self._sent)
        )
