"""Gathering: the batches of one source, separated by data element, in memory as long as the budget lasts, else on disk.

Disk is written in large stretches, each data element's values side by side, so that reading them back is sequential.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallyport_converters.native.batch import Batch
from tallyport_converters.native.dictionaries import Blob, Dictionaries, Rejects, address_of, pack, view_of
from tallyport_converters.native.merge import temporary_file_cut
from tallyport_converters.sources.raw import read_into
from tallyport_schemas.finding import OutsideFailed, SourceUnreadable, finding

DICTIONARY_BYTES = 16 << 20
"""What the dictionaries may always take, however small the budget is."""

SEGMENT_BYTES = 160
"""What it takes to know where a batch's values of one data element lie: there may be as many as there are rows."""


class Gathering:
    """The values of one source on their way to groups. `folder` holds what does not fit into `budget_bytes`."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self.dictionaries = Dictionaries()
        self.rejects = Rejects()
        self.rows = 0
        self._budget = budget_bytes
        self._blobs: list[Blob] = []
        self._held = 0
        self._path = folder / "spilled"
        self._file: int | None = None
        self._file_end = 0
        # By data element's id, in row order: (offset, size in bytes) in the file; (address, size) in memory.
        self._on_disk: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._in_memory: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def close(self) -> None:
        """Free memory and disk."""
        if self._file is not None:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            self._file = None
        for blob in self._blobs:
            blob.close()
        self._blobs.clear()
        self._in_memory.clear()

    def add(self, batch: Batch) -> None:
        """Add the rows of the next batch in file order.

        Raises:
            SourceUnreadable: TP118, more distinct identifiers than the budget holds.
            OutsideFailed: TP801, the disk failed.
        """
        blob = pack(batch, self.dictionaries, self.rejects, self.rows)
        self.rows += batch.report.rows
        self._blobs.append(blob)
        for element, at, size in blob.segments():
            self._in_memory[element].append((at, size))
            self._held += SEGMENT_BYTES
        self._held += blob.report.size
        if self._held > self._budget:
            self._spill()
        if self.dictionaries.size_bytes > max(self._budget, DICTIONARY_BYTES):
            raise SourceUnreadable(finding("TP118", row=self.rows))

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = os.open(
                    self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600
                )
            with open(self._file, "r+b", buffering=1 << 20, closefd=False) as out:
                out.seek(self._file_end)
                for element, parts in self._in_memory.items():
                    start = self._file_end
                    for at, size in parts:
                        out.write(view_of(at, size))
                        self._file_end += size
                    self._on_disk[element].append((start, self._file_end - start))
        except OSError as error:
            raise OutsideFailed(finding("TP801", found=error.strerror, field="temporary file")) from error
        self._in_memory.clear()
        for blob in self._blobs:
            blob.close()
        self._blobs.clear()
        self._held = 0

    def sizes(self) -> dict[int, int]:
        """Return the bytes that each data element's values take, by its id."""
        sizes: dict[int, int] = defaultdict(int)
        for parts in (self._on_disk, self._in_memory):
            for element, spans in parts.items():
                sizes[element] += sum(size for _, size in spans)
        return sizes

    @contextmanager
    def load(self, element: int) -> Iterator[list[tuple[int, int]]]:
        """Give (address, size) of all parts of a data element's values, in row order."""
        kept = [self._read(offset, size) for offset, size in self._on_disk.get(element, ())]
        yield [(address_of(part), len(part)) for part in kept] + self._in_memory.get(element, [])

    def load_in_runs(self, element: int, limit_bytes: int) -> Iterator[list[tuple[int, int]]]:
        """Give the same in several goes of at most about `limit_bytes` (or one batch's part, if that is larger)."""
        for offset, size in self._on_disk.get(element, ()):
            for part in self._whole_values(offset, size, limit_bytes):
                yield [(address_of(part), len(part))]
        run: list[tuple[int, int]] = []
        held = 0
        for span in self._in_memory.get(element, ()):
            run.append(span)
            held += span[1]
            if held >= limit_bytes:
                yield run
                run, held = [], 0
        if run:
            yield run

    def _whole_values(self, offset: int, size: int, limit_bytes: int) -> Iterator[bytearray]:
        """Read a stretch in pieces that end between two values."""
        while size:
            part = self._read(offset, min(size, limit_bytes))
            whole = len(part) if len(part) == size else whole_values(part)
            while not whole:  # one value is larger than the limit
                part += self._read(offset + len(part), min(size - len(part), limit_bytes))
                whole = len(part) if len(part) == size else whole_values(part)
            del part[whole:]
            yield part
            offset, size = offset + whole, size - whole

    def _read(self, offset: int, size: int) -> bytearray:
        assert self._file is not None
        part = bytearray(size)
        view, done = memoryview(part), 0
        while done < size:
            try:
                got = read_into(self._file, view[done:], offset + done)
            except OSError as error:
                raise OutsideFailed(finding("TP801", found=error.strerror, field="temporary file")) from error
            if not got:
                raise temporary_file_cut()
            done += got
        view.release()
        return part


def whole_values(part: bytearray) -> int:
    """Return how many bytes of `part` are whole packed values; sizes as in group.h."""
    at = 0
    view = memoryview(part)
    while at + 40 <= len(part):
        flags, value, comment = view[at + 28 : at + 40].cast("I")
        size = (40 + value + comment + 16 * (flags >> 16) + 7) & ~7
        if at + size > len(part):
            break
        at += size
    view.release()
    return at
