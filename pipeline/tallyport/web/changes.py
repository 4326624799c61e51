"""Changes: what an import does to each row that it changes, with files called what people call them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tallyport.web.folders import Naming

TEXT_SHOWN = 200
"""Characters of a value that are shown; the file has all of them."""

_FILE = re.compile(rb'\{"file":("(?:[^"\\]|\\.)*")')


def changes(path: Path, naming: Naming) -> Iterator[bytes]:
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


def first_changes(path: Path, naming: Naming, count: int) -> list[dict[str, Any]]:
    """Return the first changes, to look at; long texts are cut."""
    return [
        {name: _cut(told) if isinstance(told, str) else told for name, told in json.loads(line).items()}
        for line in islice(changes(path, naming), count)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"
