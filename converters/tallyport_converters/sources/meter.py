"""Metering: what may be made of so many bytes. Everything that can grow beyond what it is made from asks first.

Decoders (compression, filters) are weighed against the bytes they were fed, what is written against the source's.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from tallyport_schemas.finding import SourceUnreadable, finding

OUTPUT_FREE_BYTES = 16 << 20
"""Bytes that may be written whatever the size of a source."""

OUTPUT_RATIO = 32
"""Bytes that may be written for each byte of a source beyond these.

ADV2 is mostly smaller than its source. The worst that means no harm are short rows of a data element each, which come
to sixteen times their size with a file and an entry in the manifest each.
"""

Refuse = Callable[[int, int], Exception]
"""Says what to raise, given the bytes that would be made and the bytes taken for them."""


class Meter:
    """Allows `free_bytes`, and `ratio` bytes for each that was taken. Threads may share it.

    Ask by `make` before memory or disk is used: it raises what `refuse` gives. `room` says to a decoder that works
    step by step how much the next step may give at most.
    """

    __slots__ = ("_free_bytes", "_lock", "_refuse", "made", "ratio", "taken")

    def __init__(self, free_bytes: int, ratio: int, refuse: Refuse) -> None:
        self._free_bytes, self.ratio, self._refuse = free_bytes, ratio, refuse
        self._lock = Lock()
        self.made = self.taken = 0

    @property
    def room(self) -> int:
        """Bytes that may still be made of what was taken so far."""
        return max(0, self._free_bytes + self.ratio * self.taken - self.made)

    def make(self, size_bytes: int) -> None:
        """Count bytes that are about to be made.

        Raises:
            Exception: what `refuse` gives, as they are out of proportion.
        """
        with self._lock:
            self.made += size_bytes
        if self.made > self._free_bytes + self.ratio * self.taken:
            raise self._refuse(self.made, self.taken)


def output_meter(source_bytes: int) -> Meter:
    """Return the meter of what is written for a source of so many bytes, as they are once unpacked.

    It raises SourceUnreadable TP130.
    """

    def refuse(made: int, taken: int) -> SourceUnreadable:
        found = f"more than {made:,} bytes to write, of {taken:,} bytes read"
        expected = f"at most {OUTPUT_FREE_BYTES >> 20} MiB and {OUTPUT_RATIO} bytes for each byte read"
        return SourceUnreadable(finding("TP130", found=found, expected=expected))

    meter = Meter(OUTPUT_FREE_BYTES, OUTPUT_RATIO, refuse)
    meter.taken = source_bytes
    return meter


UNPACKED_FREE_BYTES = 64 << 20
"""Bytes of a table's texts that are never taken for a bomb."""

UNPACKED_RATIO = 1_000
"""The same for each byte of its file: columns of one value, packed again, come to some hundreds."""


def unpacked_meter(packed_bytes: int) -> Meter:
    """Return the meter of the texts that a packed table of so many bytes is made into.

    It raises SourceUnreadable TP105.
    """

    def refuse(made: int, taken: int) -> SourceUnreadable:
        message = f"{taken:,} bytes of a table expand to more than {made:,} bytes"
        expected = f"at most {UNPACKED_FREE_BYTES:,} bytes and {UNPACKED_RATIO:,} for each byte read"
        return SourceUnreadable(finding("TP105", message=message, found=f"{made:,} bytes so far", expected=expected))

    meter = Meter(UNPACKED_FREE_BYTES, UNPACKED_RATIO, refuse)
    meter.taken = packed_bytes
    return meter
