"""Nearby: what could have been meant by an identifier that does not exist.

Bounded for any number of identifiers: only those are looked at that share their first or last letters with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

LOOKED_AT = 1_000
"""Candidates that are compared letter by letter for one identifier."""

LONGEST = 100
"""Characters of an identifier beyond which nothing is looked for: the comparison's cost is their square."""

CLOSE = 0.8
"""Share of letters in common from which on two identifiers are close: two of ten may differ."""

_EDGE = 3


class Nearby:
    """Finds identifiers close to a text. Making one costs about a microsecond for each identifier."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self._folded: dict[str, str] = {}
        self._starts: Mapping[str, list[str]] = defaultdict(list)
        self._ends: Mapping[str, list[str]] = defaultdict(list)
        for identifier in identifiers:
            folded = _folded(identifier)
            self._folded.setdefault(folded, identifier)
            self._starts[folded[:_EDGE]].append(folded)
            self._ends[folded[-_EDGE:]].append(folded)

    def closest(self, text: str) -> str | None:
        """Return the identifier that is closest to `text`, None if none is close.

        >>> Nearby(["ouClinicA01", "ouClinicB01"]).closest("ouclinicA1")
        'ouClinicA01'
        """
        if not text or len(text) > LONGEST:
            return None
        folded = _folded(text)
        if folded in self._folded:
            return self._folded[folded]
        length = len(folded)
        alike: dict[str, None] = {}
        for edge in (self._starts.get(folded[:_EDGE], ()), self._ends.get(folded[-_EDGE:], ())):
            for candidate in edge:
                # Beyond this difference in length no two texts have enough in common.
                if abs(len(candidate) - length) * CLOSE <= (1 - CLOSE) * 2 * length:
                    alike[candidate] = None
                    if len(alike) >= LOOKED_AT:
                        break
        found = get_close_matches(folded, alike, n=1, cutoff=CLOSE)
        return self._folded[found[0]] if found else None


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()
