"""Problems: a job's findings as a person goes through them: one entry for each cause, the worst first.

Memory is bounded: what exceeds the limits is counted, and is in the file of all findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROBLEMS_SHOWN, FOUND_SHOWN, PLACES_SHOWN = 100, 20, 5
_PROBLEMS_KEPT, _FOUND_KEPT = 1000, 1000

_SEVERITIES = ("error", "warning", "info")
_COMMON = ("code", "severity", "message", "help", "field")
_OF_A_PLACE = ("source", "sheet", "sheet_row", "cell", "line", "row", "keys")


@dataclass(slots=True)
class _Problem:
    """What findings of one cause have in common, what they found, and where the first of them are."""

    common: dict[str, Any]
    count: int = 0
    found: Counter[str] = field(default_factory=Counter)
    expected: dict[str, str] = field(default_factory=dict)
    others: int = 0
    places: list[dict[str, Any]] = field(default_factory=list)

    def add(self, members: Mapping[str, Any], times: int) -> None:
        """Take a finding that stands for `times` values or things."""
        self.count += times
        found = members.get("found")
        if found is not None and (found in self.found or len(self.found) < _FOUND_KEPT):
            self.found[found] += times
            if "expected" in members:
                self.expected.setdefault(found, members["expected"])
        elif found is not None:
            self.others += times
        self.place(members)

    def place(self, members: Mapping[str, Any]) -> None:
        """Take where a finding is."""
        place = {name: members[name] for name in _OF_A_PLACE if members.get(name) is not None}
        if place and len(self.places) < PLACES_SHOWN and place not in self.places:
            self.places.append(place)

    def as_json(self) -> dict[str, Any]:
        """Return it as the page has it."""
        shown = self.found.most_common(FOUND_SHOWN)
        found = [
            {"text": text, "count": count, **({"expected": self.expected[text]} if text in self.expected else {})}
            for text, count in shown
        ]
        rest = sum(self.found.values()) + self.others - sum(count for _, count in shown)
        return {**self.common, "count": self.count, "found": found, "other_found": rest, "places": self.places}


def _key(members: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(members.get(name) for name in ("severity", "code", "message", "field"))


class Problems:
    """Findings, grouped as they come."""

    def __init__(self) -> None:
        self._problems: dict[tuple[Any, ...], _Problem] = {}
        self.others = 0
        """Findings of causes beyond the limit."""

    def add(self, members: Mapping[str, Any], times: int = 1) -> None:
        """Take a finding as JSON."""
        key = _key(members)
        if key not in self._problems and len(self._problems) >= _PROBLEMS_KEPT:
            self.others += 1
            return
        cause = self._problems.get(key)
        if cause is None:
            cause = self._problems[key] = _Problem({name: members[name] for name in _COMMON if name in members})
        cause.add(members, times)

    def place(self, members: Mapping[str, Any]) -> None:
        """Take one more place of a cause that was counted before."""
        if (cause := self._problems.get(_key(members))) is not None:
            cause.place(members)

    @property
    def count(self) -> int:
        """How many causes there are."""
        return len(self._problems) + (self.others > 0)

    def worst_first(self) -> list[dict[str, Any]]:
        """Return the causes to show: errors first, then by how many values they concern."""
        ordered = sorted(
            self._problems.values(), key=lambda cause: (_SEVERITIES.index(cause.common["severity"]), -cause.count)
        )
        return [cause.as_json() for cause in ordered[:PROBLEMS_SHOWN]]
