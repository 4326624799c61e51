"""Change preview: what an import does to each row that it changes, with files called what people call them."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tallyport.web.folders import SourceNames

TEXT_SHOWN = 200
"""Characters of a value that are shown; the file has all of them."""

_FILE = re.compile(rb'\{"file":("(?:[^"\\]|\\.)*")')


def changes(path: Path, naming: SourceNames) -> Iterator[bytes]:
    """Yield the lines of a file of changes: its files have labels that are made of our own names."""
    called: dict[bytes, bytes] = {}
    with path.open("rb") as lines:
        for line in lines:
            match = _FILE.match(line)
            if match is None:
                yield line
                continue
            label = match[1]
            if label not in called:
                called[label] = json.dumps(naming.label(json.loads(label)), ensure_ascii=False).encode()
            yield b'{"file":' + called[label] + line[match.end() :]


def first_changes(path: Path, naming: SourceNames, count: int) -> tuple[list[dict[str, Any]], int]:
    """Return changes to look at, and how many leap. Those that leap furthest come first, then the first of the file.

    A value leaps that becomes ten times as much or more, or a tenth or less, and has three digits before or after: a
    shifted decimal point, a column too far. Those have `leap`, the factor. Long texts are cut.
    """
    first: list[dict[str, Any]] = []
    furthest: list[tuple[float, int, dict[str, Any]]] = []
    leaps = 0
    for number, line in enumerate(changes(path, naming)):
        factor = _leap(line)
        if factor:
            leaps += 1
            heapq.heappush(furthest, (factor, -number, {**_shown(line), "leap": round(factor)}))
            if len(furthest) > count:
                heapq.heappop(furthest)
        elif len(first) < count:
            first.append(_shown(line))
    worst = [change for *_, change in sorted(furthest, key=lambda one: one[:2], reverse=True)]
    return (worst + first)[:count], leaps


_NUMBERS = re.compile(rb'"before":"(-?[0-9]{1,15}(?:\.[0-9]+)?)".*"value":"(-?[0-9]{1,15}(?:\.[0-9]+)?)"')
_LEAP, _LEAST = 10, 100


def _leap(line: bytes) -> float:
    """Return by which factor a changed number leaps; 0 where it does not."""
    found = _NUMBERS.search(line)
    if not found:
        return 0
    low, high = sorted((abs(float(found[1])), abs(float(found[2]))))
    return high / low if low and high >= _LEAST and high >= _LEAP * low else 0


def _shown(line: bytes) -> dict[str, Any]:
    return {name: _cut(member) if isinstance(member, str) else member for name, member in json.loads(line).items()}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"
