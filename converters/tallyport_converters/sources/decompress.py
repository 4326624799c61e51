"""Decompression in bounded steps: gzip, raw deflate, zstd.

Never more than one block of output at a time, and never more output than the input can account for.
Formats: RFC 1951 (deflate), RFC 1952 (gzip), RFC 8878 (zstd).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator

from tallyport_converters.sources.meter import Meter
from tallyport_converters.sources.raw import Block, Reading, unreadable
from tallyport_schemas.finding import SourceUnreadable

FREE_BYTES = 64 << 20
"""Output that is never taken for a bomb, however small the input: it costs a fraction of a second."""

DEFLATE_RATIO = 500
"""Bytes of output per byte of gzip or deflate input beyond `FREE_BYTES`.

A national data set as DHIS2 writes it packs 1:32, one row repeated without change 1:230; deflate's own end is 1:1032,
which is where bombs are.
"""

ZSTD_RATIO = 4_000
"""The same for zstd: a data set packs 1:48 at level 19, forty copies of it with --long 1:1,670, bombs 1:32,000."""

FREE_STREAMS, STREAM_BYTES = 10_000, 16
"""Members or frames beyond the first ten thousand must hold this much on average: millions of empty ones cost minutes
and say nothing, while a writer that ends one after each line stays above it."""

WINDOW_LOG = 27
"""zstd windows up to 128 MiB (what `zstd --long` writes): a frame that asks for more is refused."""

RAW_BYTES = 65_536
"""Compressed bytes that are read at a time."""

ZLIB_GZIP, ZLIB_RAW = 31, -15
"""zlib's names (`wbits`) for gzip with its checks, and for bare deflate, both with the largest window."""


class Gauge:
    """Weighs output against input."""

    __slots__ = ("_meter", "_reading", "_start", "_streams", "kind")

    def __init__(self, reading: Reading, kind: str, ratio: int) -> None:
        self._reading = reading
        self._start = reading.offset
        self._meter = Meter(FREE_BYTES, ratio, self._refused)
        self._streams = 0
        self.kind = kind

    def step(self, size_bytes: int) -> int:
        """Return how many bytes the next step of a decoder may give: at most one more than there may be."""
        self._meter.taken = self._reading.offset - self._start
        return min(size_bytes, self._meter.room + 1)

    def add(self, block: Block, unread: int = 0) -> None:
        """Count `block`, which came from all that was taken but its last `unread` bytes."""
        self._meter.taken = self._reading.offset - self._start - unread
        self._meter.make(len(block))

    def _refused(self, made: int, taken: int) -> SourceUnreadable:
        return unreadable(
            "TP105",
            f"{taken:,} bytes of {self.kind} data expand to more than {made:,} bytes",
            source=self._reading.source,
            found=f"{made:,} bytes so far",
            expected=f"at most {FREE_BYTES:,} bytes and {self._meter.ratio:,} for each byte read",
        )

    def start_stream(self) -> None:
        """Count a member or frame."""
        self._streams += 1
        if self._streams > FREE_STREAMS + self._meter.made // STREAM_BYTES:
            raise unreadable(
                "TP105",
                f"the {self.kind} data consists of very many pieces that hold next to nothing",
                source=self._reading.source,
                found=f"{self._meter.made:,} bytes in {self._streams:,} pieces",
                expected=f"{STREAM_BYTES} bytes in each on average",
            )

    def cut_short(self) -> SourceUnreadable:
        """Return the finding for data that ends within a stream."""
        return unreadable(
            "TP104",
            f"{self.kind} data ends after {self._reading.offset - self._start:,} bytes",
            source=self._reading.source,
            found=f"the end at byte {self._reading.offset:,}",
            expected="the rest of the compressed data",
        )

    def damaged(self, error: Exception, unread: int = 0) -> SourceUnreadable:
        """Return the finding for data that the decompressor refused while `unread` bytes lay before it."""
        return unreadable(
            "TP104",
            f"{self.kind} data is damaged after byte {self._reading.offset - unread:,}",
            source=self._reading.source,
            found=str(error),
            expected=f"sound {self.kind} data",
        )

    def followed(self, unread: Block) -> SourceUnreadable:
        """Return the finding for `unread`, bytes after the compressed data that belong to nothing."""
        offset = self._reading.offset - len(unread)
        return unreadable(
            "TP104",
            f"something else follows the {self.kind} data at byte {offset:,}",
            source=self._reading.source,
            found=f"bytes {unread[:8].hex(' ')}",
            expected="the end of the data",
        )


def filled(blocks: Iterator[Block], size_bytes: int) -> Generator[Block]:
    """Join neighbours as long as both fit into `size_bytes`: whoever works block by block does not meet tiny ones."""
    held: bytearray = bytearray()
    for block in blocks:
        if len(held) + len(block) > size_bytes:
            yield held
            held = bytearray()
        if held or len(block) * 2 <= size_bytes:
            held += block
        else:
            yield block
    if held:
        yield held


def gzip_blocks(reading: Reading, size_bytes: int) -> Generator[Block]:
    """Yield what all members of a gzip file expand to. Zero bytes after a member are padding, as tapes leave it."""
    gauge = Gauge(reading, "gzip", DEFLATE_RATIO)
    rest = yield from inflated(reading, gauge, size_bytes, ZLIB_GZIP)
    while rest := rest.lstrip(b"\0") or bytes(reading.take(RAW_BYTES)):
        if rest[0] == 0x1F:
            rest = yield from inflated(reading, gauge, size_bytes, ZLIB_GZIP, rest)
        elif rest[0]:
            raise gauge.followed(rest)


def inflated(
    reading: Reading, gauge: Gauge, size_bytes: int, wbits: int, fed: Block = b""
) -> Generator[Block, None, bytes]:
    """Yield what one zlib stream expands to, starting with the bytes `fed`; return what was taken after its end."""
    gauge.start_stream()
    stream = zlib.decompressobj(wbits)
    while not stream.eof:
        fed = fed or reading.take(RAW_BYTES)
        is_at_end = not fed
        try:
            block = stream.decompress(fed, gauge.step(size_bytes))
        except zlib.error as error:
            raise gauge.damaged(error, unread=len(fed)) from error
        fed = stream.unconsumed_tail
        if block:
            gauge.add(block, unread=len(fed) or len(stream.unused_data))
            yield block
        elif is_at_end:
            raise gauge.cut_short()
    return stream.unused_data


def zstd_blocks(reading: Reading, size_bytes: int) -> Generator[Block]:
    """Yield what all frames of a zstd file expand to."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    gauge = Gauge(reading, "zstd", ZSTD_RATIO)
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    fed: Block = reading.take(RAW_BYTES)
    while fed:
        gauge.start_stream()
        stream = zstd.ZstdDecompressor(options=options)
        while not stream.eof:
            if stream.needs_input:
                fed = fed or reading.take(RAW_BYTES)
                if not fed:
                    raise gauge.cut_short()
            try:
                block = stream.decompress(fed, gauge.step(size_bytes))
            except zstd.ZstdError as error:
                if "too much memory" in str(error):
                    raise _window_too_large(reading, error) from error
                raise gauge.damaged(error, unread=len(fed)) from error
            fed = b""
            if block:
                gauge.add(block, unread=len(stream.unused_data))
                yield block
        fed = stream.unused_data or reading.take(RAW_BYTES)


def _window_too_large(reading: Reading, error: Exception) -> SourceUnreadable:
    return unreadable(
        "TP105",
        f"the zstd data needs a window of more than {1 << WINDOW_LOG >> 20} MiB in memory",
        source=reading.source,
        found=str(error),
        expected=f"a window of at most {1 << WINDOW_LOG >> 20} MiB, as zstd --long={WINDOW_LOG} writes",
    )
