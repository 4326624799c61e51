"""Journal: how far a push has come, in a file that outlives it, so that the same command resumes where it stopped.

A line for each request that the server acknowledged: which rows it settled, what became of them, what was found. It is
on disk before another request takes its place. Rows may come in any order. A push that is done leaves no journal.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tallyport.validation.report import RowFinding
from tallyport_converters.files import locks
from tallyport_schemas.finding import Finding, OutsideFailed, Refused, finding

Mark = tuple[int, int]
"""A file's place among all, and a group's number in it."""

_VERSION = 2


class RowSet:
    """A set of row numbers: a bit for each number up to the largest."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, first: int, count: int) -> None:
        """Take in `count` numbers from `first` on."""
        end = first + count
        if len(self._bits) << 3 < end:
            self._bits.extend(bytes((end + 7 >> 3) - len(self._bits)))
        for number in range(first, end):
            self._bits[number >> 3] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        return number >> 3 < len(self._bits) and bool(self._bits[number >> 3] >> (number & 7) & 1)

    def __len__(self) -> int:
        return int.from_bytes(self._bits, "little").bit_count()


_NONE = RowSet()


class Journal:
    """One push's journal. Without a path nothing is kept: that is a dry run.

    Raises:
        OutsideFailed: TP801, the disk failed, from all that keeps something.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._settled: dict[Mark, RowSet] = {}
        self._cleared: set[Mark] = set()
        self._is_empty = True
        self.counts: Counter[str] = Counter()
        """What became of the rows that are settled, an earlier run's too."""
        self.findings: list[RowFinding] = []
        """What earlier runs found, with its file and group."""
        self.is_resumed = False
        self._is_open = self._is_over = False

    def settled(self, mark: Mark) -> RowSet:
        """Return the rows of a group that earlier runs settled."""
        return self._settled.get(mark, _NONE)

    def is_cleared(self, mark: Mark) -> bool:
        """Whether a group's scope was deleted."""
        return mark in self._cleared

    def clear(self, mark: Mark, counts: Mapping[str, int]) -> None:
        """Keep that a group's scope was deleted."""
        self._cleared.add(mark)
        self._is_empty = False
        self.counts.update(counts)
        self._write({"cleared": mark, "counts": dict(counts)})

    def settle(
        self,
        rows: Mapping[Mark, Sequence[int]],
        counts: Mapping[str, int],
        findings: Iterable[RowFinding],
    ) -> None:
        """Keep that the rows of these numbers are settled."""
        self._is_empty = False
        self.counts.update(counts)
        self._write(
            {
                "settled": [[*mark, *_runs(numbers)] for mark, numbers in rows.items()],
                "counts": dict(counts),
                "findings": [[one.file, one.number, one.finding.as_json()] for one in findings],
            }
        )

    def leave_open(self, found: Finding) -> None:
        """Keep that the push ended early: the rows that were sent last are not settled, whatever became of them."""
        self._is_open = True
        self._write({"open": found.as_json(), "counts": {}})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            os.write(self._file, orjson.dumps(line) + b"\n")
            os.fsync(self._file)
        except OSError as error:
            raise OutsideFailed(finding("TP801", source=str(self._path), found=error.strerror)) from error

    def finish(self) -> None:
        """The push is done: forget it on leaving."""
        self._is_over = True

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Read what there is, and keep it from other runs meanwhile.

        Raises:
            Refused: TP886, another run is at it.
            OutsideFailed: TP877, it is damaged; TP801.
        """
        if self._path is None:
            yield
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = locks.held(self._path)
        except OSError as error:
            raise OutsideFailed(finding("TP801", source=str(self._path), found=error.strerror)) from error
        if self._file is None:
            raise Refused(finding("TP886"))
        try:
            self._read(self._file)
            try:
                yield
            finally:
                self._is_over |= self._is_empty and not self._is_open
        finally:
            if self._is_over:
                locks.give_up(self._path, self._file)
            else:
                os.close(self._file)
            self._file = None

    def _read(self, file: int) -> None:
        with open(file, "r+b", closefd=False) as lines:
            text = lines.read()
            whole = text[: text.rfind(b"\n") + 1]
            lines.truncate(len(whole))  # a line that a killed run did not end was not acknowledged either
            lines.seek(len(whole))
        try:
            for line in whole.splitlines():
                entry = orjson.loads(line)
                self.counts.update({str(name): int(count) for name, count in entry["counts"].items()})
                if "open" in entry:
                    self._is_open = True
                    continue
                if "cleared" in entry:
                    place, number = entry["cleared"]
                    self._cleared.add((int(place), int(number)))
                    continue
                for place, number, *runs in entry["settled"]:
                    settled = self._settled.setdefault((int(place), int(number)), RowSet())
                    at = 0
                    for gap, count in zip(runs[::2], runs[1::2], strict=True):
                        settled.add(at + gap, count)
                        at += gap + count
                self.findings += [RowFinding(str(a), int(n), Finding.of_json(one)) for a, n, one in entry["findings"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutsideFailed(finding("TP877", source=str(self._path), found=str(error))) from error
        self.is_resumed = bool(self._settled or self._cleared)
        self._is_empty = not self.is_resumed


def journal_path(folder: Path, target: str, digests: Sequence[str]) -> Path:
    """Return a push's journal: known by where the values go and by the bytes of what they come from."""
    import hashlib

    key = hashlib.sha256(orjson.dumps([_VERSION, target, list(digests)])).hexdigest()
    return folder / f"{key[:32]}.ndjson"


def _runs(numbers: Sequence[int]) -> list[int]:
    """Return numbers as runs: how many are skipped, how many follow, and so on.

    >>> _runs([7, 3, 4, 5])
    [3, 3, 1, 1]
    """
    found: list[int] = []
    end = 0
    for number in sorted(numbers):
        if found and number == end:
            found[-1] += 1
        else:
            found += [number - end, 1]
        end = number + 1
    return found
