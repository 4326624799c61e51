"""Rejected rows: the rows of a group that are not written while the others are, each with its cause.

One cause is one finding, however many rows it is about. Memory: 12 bytes a row, and a bounded number of causes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tallyport_schemas.finding import Finding, Severity

CAUSES_LIMIT = 1_000
"""Causes that are distinguished by what was found; those beyond it are distinguished by their kind alone."""

_ORDER = list(Severity)

_Key = tuple[str, str | None, str | None, str | None, str]


class Causes:
    """Findings of one cause put together, whatever file they are of: same code, field, what was found and expected.

    Each of `findings` keeps its place, in the order of arrival.
    """

    def __init__(self) -> None:
        self._places: dict[_Key, int] = {}
        self.findings: list[Finding] = []

    def add(self, found: Finding, count: int | None = None, *, groups: int | None = None) -> int:
        """Take a finding that is about `count` rows and comes from `groups` groups; returns the place of its cause."""
        key = _key(found)
        if key not in self._places and len(self._places) >= CAUSES_LIMIT:
            found = replace(found, found=None, keys=None)
            key = _key(found)
        place = self._places.setdefault(key, len(self.findings))
        if place == len(self.findings):
            self.findings.append(replace(found, count=count, groups=groups))
            return place
        known = self.findings[place]
        is_earlier = found.row is not None and (known.row is None or found.row < known.row)
        first = found if is_earlier and found.source == known.source else known
        self.findings[place] = replace(
            known,
            row=first.row,
            line=first.line,
            sheet=first.sheet,
            sheet_row=first.sheet_row,
            cell=first.cell,
            keys=first.keys,
            count=_sum(known.count, count),
            groups=_sum(known.groups, groups),
        )
        return place

    def worst_first(self) -> list[Finding]:
        """Return one finding for each cause, errors first, then those that are about most."""
        return worst_first(self.findings)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which they matter: errors first, then those that are about most."""

    def order(found: Finding) -> tuple[int, int, int]:
        return _ORDER.index(found.severity), -max(found.count or 0, found.groups or 0), found.row or 0

    return sorted(findings, key=order)


def _key(found: Finding) -> _Key:
    return found.code, found.field, found.found, found.expected, found.message


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


def worst(findings: Sequence[Finding]) -> Finding:
    """Return the first of the worst of some findings: why rows are rejected that are wrong in several ways."""
    return min(findings, key=lambda found: _ORDER.index(found.severity))


class RejectedRows:
    """The rejected rows of one group. `rows` has their numbers within it, `places` for each that of its cause."""

    def __init__(self) -> None:
        self.causes = Causes()
        self.rows = array("Q")
        self.places = array("I")

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, rows: Sequence[int] | range, found: Finding) -> None:
        """Take rows that are rejected for one reason."""
        if rows:
            place = self.causes.add(replace(found, row=min(rows)), len(rows))
            self.rows.extend(rows)
            self.places.extend(place for _ in rows)

    def add_finding(self, found: Finding) -> None:
        """Take a finding that is about `count` neighbouring rows, from `row` on."""
        assert found.row is not None
        self.add(range(found.row, found.row + (found.count or 1)), found)

    def findings(self) -> list[Finding]:
        """Return one finding for each cause, with its first row and their number."""
        return self.causes.worst_first()
