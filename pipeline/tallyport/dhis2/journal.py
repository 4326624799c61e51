"""Journal: how far a push has come, in a file that outlives it, so that the same command goes on where it stopped.

A line for each chunk that the server acknowledged: which rows it settled, what became of them, what was found. Lines
are on disk before the next chunk is sent. A push that is done leaves none.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tallyport_schemas.findings import Finding, OutsideFailed, Refused, Severity, finding

Mark = tuple[int, int, str]
"""A file's place, a group's number in it, and the data set that its rows are sent to (empty: none is said)."""

_VERSION = 1


def state_folder() -> Path:
    """Return where journals lie: the platform's folder for state."""
    import platformdirs

    return platformdirs.user_state_path("tallyport", appauthor=False) / "push"


class Journal:
    """One push's journal. Without a path nothing is kept: that is a dry run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._settled: dict[Mark, int] = {}
        self._cleared: set[Mark] = set()
        self.counts: Counter[str] = Counter()
        """What became of the rows that are settled, an earlier run's too."""
        self.findings: list[tuple[str, int, Finding]] = []
        """What earlier runs found, with its file and group."""
        self.is_resumed = False

    def settled(self, mark: Mark) -> int:
        """Return the number of the first row that is not settled."""
        return self._settled.get(mark, 0)

    def is_cleared(self, mark: Mark) -> bool:
        """Whether a group's scope was deleted."""
        return mark in self._cleared

    def clear(self, mark: Mark, counts: Mapping[str, int]) -> None:
        """Keep that a group's scope was deleted.

        Raises:
            OutsideFailed: TP801, the disk failed.
        """
        self._cleared.add(mark)
        self.counts.update(counts)
        self._write({"cleared": mark, "counts": dict(counts)})

    def settle(
        self, marks: Mapping[Mark, int], counts: Mapping[str, int], findings: Iterable[tuple[str, int, Finding]]
    ) -> None:
        """Keep that rows below the numbers given are settled.

        Raises:
            OutsideFailed: TP801, the disk failed.
        """
        self._settled.update(marks)
        self.counts.update(counts)
        self._write(
            {
                "settled": [[*mark, row] for mark, row in marks.items()],
                "counts": dict(counts),
                "findings": [[label, number, found.as_json()] for label, number, found in findings],
            }
        )

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            os.write(self._file, orjson.dumps(line) + b"\n")
            os.fsync(self._file)
        except OSError as error:
            raise OutsideFailed(finding("TP801", source=str(self._path), found=error.strerror)) from error

    def finish(self) -> None:
        """The push is done: forget it."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Read what there is, and keep it from other runs meanwhile.

        Raises:
            Refused: TP886, another run is at it.
            OutsideFailed: TP877, it is damaged; TP801, the disk failed.
        """
        if self._path is None:
            yield
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise OutsideFailed(finding("TP801", source=str(self._path), found=error.strerror)) from error
        try:
            if not _locks(self._file):
                raise Refused(finding("TP886"))
            self._read(self._path.read_bytes())
            try:
                yield
            finally:
                if not self._settled and not self._cleared:
                    self.finish()
        finally:
            os.close(self._file)
            self._file = None

    def _read(self, text: bytes) -> None:
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):  # a line that a killed run did not end was not acknowledged either
            assert self._file is not None
            os.ftruncate(self._file, len(whole))
        try:
            for line in whole.splitlines():
                entry = orjson.loads(line)
                self.counts.update({str(name): int(count) for name, count in entry["counts"].items()})
                if "cleared" in entry:
                    place, number, data_set = entry["cleared"]
                    self._cleared.add((int(place), int(number), str(data_set)))
                    continue
                self._settled.update({(int(p), int(n), str(d)): int(row) for p, n, d, row in entry["settled"]})
                self.findings += [(str(a), int(n), _finding(found)) for a, n, found in entry["findings"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutsideFailed(finding("TP877", source=str(self._path), found=str(error))) from error
        self.is_resumed = bool(self._settled or self._cleared)


def journal_path(folder: Path, target: str, digests: Sequence[str]) -> Path:
    """Return a push's journal: told by where the values go and by the bytes of what they come from."""
    import hashlib

    key = hashlib.sha256(orjson.dumps([_VERSION, target, list(digests)])).hexdigest()
    return folder / f"{key[:32]}.ndjson"


def _finding(members: dict[str, Any]) -> Finding:
    return Finding(**{**members, "severity": Severity(members["severity"])})


def _locks(file: int) -> bool:
    """Take an open file for oneself; released when it is closed, or when the process ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this platform
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
