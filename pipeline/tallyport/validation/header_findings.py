"""What the metadata says of a header: the findings, the identifiers that are refused, the checks that were not made.

A header spans all combinations of what it lists, and its rows need not use them all. So what is wrong for every
combination of an identifier is an error, and what is wrong for some is a warning: the rows decide. Where the header
deletes, everything that it spans is touched, and some is as bad as all.

What was converted from a legacy file never said its header: there an identifier that is wrong stands for its own rows
alone, and is refused (`by_member`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain

from tallyport.metadata import CHECKS, Snapshot
from tallyport_schemas.finding import Finding, Severity, finding

_OF_COMBINATIONS = frozenset({"TP728", "TP729", "TP730"})
"""What does not go together with something else that rows name: periods with units or options, units with options."""


class HeaderFindings:
    """Collects what is found of one header, which `deletes` or does not.

    `refused`: identifiers with what is wrong with each, by the property that lists them.
    """

    def __init__(self, snapshot: Snapshot, *, deletes: bool = False, by_member: bool = False) -> None:
        self.found: list[Finding] = []
        self.refused: dict[tuple[str, str], Finding] = {}
        self.not_made: dict[str, None] = {}
        self.by_member = by_member
        self._deletes = deletes
        self._snapshot = snapshot

    def say(
        self,
        code: str,
        where: str,
        culprits: Iterable[str],
        *,
        expected: str | None = None,
        is_certain: bool = True,
        advice: str | None = None,
        members: Sequence[str] = (),
    ) -> None:
        """Report a failure; `members`: the identifiers that the culprits stand for, one each, where they are some."""
        if self.by_member and members:
            for member, culprit in zip(members, culprits, strict=True):
                of_member = advice if advice and member in advice else None
                found = _advised(finding(code, field=where, culprits=[culprit], expected=expected), of_member)
                self.refused.setdefault((where, member), found)
            return
        found = _advised(finding(code, field=where, culprits=culprits, expected=expected), advice)
        is_of_rows = self.by_member and code in _OF_COMBINATIONS
        if (is_of_rows or not is_certain) and not self._deletes:
            message = f"{found.message}, for some of what the header spans"
            found = replace(found, severity=Severity.WARNING, message=message)
        self.found.append(found)

    def say_pairs(
        self, code: str, where: str, refused: Mapping[str, list[str]], sizes: tuple[int, int], expected: str
    ) -> None:
        """Report what does not go with each option combo; certain if one of either goes with none of the other."""
        if not refused:
            return
        times = Counter(chain.from_iterable(refused.values()))
        is_certain = sizes[1] in times.values() or any(len(unfit) == sizes[0] for unfit in refused.values())
        culprits = [f"{text}: {' '.join(unfit)}" for text, unfit in refused.items()]
        self.say(code, where, culprits, expected=expected, is_certain=is_certain)

    def cannot(self, check: str, missing: Iterable[str]) -> None:
        """Note that a check of `CHECKS` was not made, for want of something."""
        self.not_made[f"{CHECKS[check].name}: the metadata has no {' and no '.join(missing)}"] = None

    def can(self, check: str, collection: str = "") -> bool:
        """Whether the snapshot holds what a check needs (of a collection); if not, the check is noted as not made."""
        missing = [field for field in self._snapshot.lacking(check) if field.startswith(collection)]
        if missing:
            self.cannot(check, missing)
        return not missing


def span(first: int, end: int) -> str:
    """Return how people write two days, ordinals, with nothing in place of the earliest and of the latest."""
    since = f"from {date.fromordinal(first)}" if first > 0 else ""
    until = f"to {date.fromordinal(end)}" if end < date.max.toordinal() else ""
    return " ".join(filter(None, (since, until))) or "always"


def _advised(found: Finding, advice: str | None) -> Finding:
    return replace(found, help=f"{found.help}; {advice}") if advice else found
