"""Rejected rows: the rows of a group that are left out while the others go in, each with its cause.

One cause is one finding, however many rows it is about. Memory: 12 bytes a row, and a bounded number of causes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tallyport_schemas.findings import Finding, Severity

CAUSES_LIMIT = 1_000
"""Causes that are told apart by what was found; those beyond it are told apart by their kind alone."""

_ORDER = list(Severity)

_Key = tuple[str, str | None, str | None, str | None, str]


class Causes:
    """Findings of one cause put together: same code, field, and what was found and expected."""

    def __init__(self) -> None:
        self._places: dict[_Key, int] = {}
        self._findings: list[Finding] = []

    def add(self, found: Finding, count: int = 1) -> int:
        """Take a finding that is about `count` rows; returns the place of its cause."""
        key = _key(found)
        if key not in self._places and len(self._places) >= CAUSES_LIMIT:
            found = replace(found, found=None)
            key = _key(found)
        place = self._places.setdefault(key, len(self._findings))
        if place == len(self._findings):
            self._findings.append(replace(found, count=count))
            return place
        known = self._findings[place]
        first = min((row for row in (known.row, found.row) if row is not None), default=None)
        self._findings[place] = replace(known, row=first, count=(known.count or 0) + count)
        return place

    def __getitem__(self, place: int) -> Finding:
        return self._findings[place]

    def findings(self) -> list[Finding]:
        """Return one finding for each cause, the worst first, then those of most rows."""
        return sorted(self._findings, key=lambda found: (_ORDER.index(found.severity), -(found.count or 0)))


def _key(found: Finding) -> _Key:
    return found.code, found.field, found.found, found.expected, found.message


def worst(findings: Sequence[Finding]) -> Finding:
    """Return the first of the worst of some findings: why rows are rejected that are wrong in several ways."""
    return min(findings, key=lambda found: _ORDER.index(found.severity))


class RejectedRows:
    """The rejected rows of one group."""

    def __init__(self) -> None:
        self._causes = Causes()
        self._rows = array("Q")
        self._places = array("I")

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[int, Finding]]:
        """Yield each row's number within the group, with its cause."""
        return ((row, self._causes[place]) for row, place in zip(self._rows, self._places, strict=True))

    def add(self, rows: Sequence[int] | range, found: Finding) -> None:
        """Take rows that are rejected for one reason."""
        if rows:
            place = self._causes.add(replace(found, row=min(rows)), len(rows))
            self._rows.extend(rows)
            self._places.extend(place for _ in rows)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Take findings that are each about `count` neighbouring rows, from `row` on."""
        for found in findings:
            assert found.row is not None
            self.add(range(found.row, found.row + (found.count or 1)), found)

    def findings(self) -> list[Finding]:
        """Return one finding for each cause, with its first row and their number."""
        return self._causes.findings()
