"""Scanning: a reader's blocks in, accepted batches out, in file order, by as many threads as are given.

A block is cut where a row probably starts and scanned at once. That a cut was right is proven by the scan before it:
it must end exactly there, between two rows. Otherwise the block is scanned again from where that scan really ended.
So no string, quote or comment can lead astray; it only costs time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from tallyport_converters.native.abi import Fault
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.native.lines import Lines
from tallyport_converters.readers.reader import Reader
from tallyport_schemas.finding import SourceUnreadable, finding

READ_AGAIN_BYTES = 1 << 18
"""Bytes that a second reading takes at a time."""

UNIT_LIMIT = 32 << 20
"""Bytes that one row or header property may take."""


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """How to come by a scanned block again: its bytes in the reader's blocks, and how it was scanned."""

    start: int
    end: int
    context: bytes
    state: int
    final: bool
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """An accepted batch with the block it was scanned from."""

    batch: Batch
    block: Buffer
    place: BlockPlace


@dataclass(slots=True)
class _Ahead:
    block: bytearray
    state: int
    final: bool
    start: int
    scan: Future[Batch]


def _cut_blocks(reader: Reader, block_bytes: int) -> Iterator[tuple[bytearray, bool]]:
    """Yield blocks cut where rows probably start, and whether each is the last."""
    carry = bytearray()
    for block in reader.blocks(block_bytes):
        carry += block
        cut = reader.cut(carry)
        if not cut and len(carry) <= UNIT_LIMIT:
            continue
        cut = cut or len(carry)
        rest = carry[cut:]
        del carry[cut:]
        yield carry, False
        carry = rest
    yield carry, True


def scan_all(reader: Reader, executor: Executor | None, threads: int, block_bytes: int) -> Iterator[Scanned]:
    """Yield the batches of a source in order. At most `threads` + 1 blocks are held.

    Raises:
        SourceUnreadable: the source is malformed; what was yielded before is void.
    """

    def submit(block: bytearray, state: int, final: bool) -> Future[Batch]:
        if executor:
            return executor.submit(reader.scan, block, state, final=final)
        future: Future[Batch] = Future()
        future.set_result(reader.scan(block, state, final=final))
        return future

    blocks = _cut_blocks(reader, block_bytes)
    ahead: deque[_Ahead] = deque()
    state, rest, context, rows, offset = reader.first_state, bytearray(), b"", 0, 0
    ended = False
    while True:
        while not ended and len(ahead) <= (threads if executor else 0):
            block, final = next(blocks)
            guess = reader.next_state if offset or ahead else reader.first_state
            ahead.append(_Ahead(block, guess, final, offset, submit(block, guess, final)))
            offset += len(block)
            ended = final
        if not ahead:
            return
        item = ahead.popleft()
        block, start = item.block, item.start
        batch = item.scan.result()
        if rest or context or state != item.state:
            batch.close()
            start -= len(rest)
            rest[:0] = context
            rest += block
            block = rest
            batch = reader.scan(block, state, final=item.final)
        if batch.fault is not Fault.NONE:
            found = reader.fault(batch, start - len(context))
            raise SourceUnreadable(found if found.row is None else replace(found, row=rows + found.row))
        report = batch.report
        place = BlockPlace(start, start + len(block) - len(context), context, state, item.final, rows, report.rows)
        rows += report.rows
        state, consumed = report.state, report.consumed
        context = reader.context(batch, block) if not item.final else b""
        if len(block) - consumed > UNIT_LIMIT:
            raise SourceUnreadable(
                finding("TP112", row=rows, found=f"more than {UNIT_LIMIT >> 20} MiB without an end", expected="a row")
            )
        yield Scanned(batch, block, place)
        del block[:consumed]  # whoever took the batch is done with it
        rest = block


def scan_again(reader: Reader, places: Iterator[BlockPlace], lines: Lines | None = None) -> Iterator[Scanned]:
    """Yield the batches of some places (in order) again, by a second reading of the source.

    `lines` counts all that stands before the place that was yielded last.

    Raises:
        SourceUnreadable: TP121, other rows are there than at the first reading.
    """
    window, window_start, counted = bytearray(), 0, 0
    blocks = reader.blocks(READ_AGAIN_BYTES)

    def count_to(end: int) -> None:
        nonlocal counted
        if lines and end > counted:
            lines.count(bytes(window[counted - window_start : end - window_start]))
            counted = end

    for place in places:
        while window_start + len(window) < place.end:
            drop = max(0, min(len(window), place.start - window_start))
            count_to(window_start + drop)
            del window[:drop]
            window_start += drop
            block = next(blocks, None)
            if block is None:
                break
            window += block
        count_to(place.start)
        block = bytearray(place.context) + window[place.start - window_start : place.end - window_start]
        batch = reader.scan(block, place.state, final=place.final)
        if batch.report.rows != place.rows:
            raise SourceUnreadable(finding("TP121"))
        yield Scanned(batch, block, place)
