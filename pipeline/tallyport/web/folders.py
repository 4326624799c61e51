"""Folders: what lies where below the server's folder. Every path is made of names of our own; none of a user's.

A job's context says what it was asked for, and where its files are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallyport_converters.sources import stem_of

if TYPE_CHECKING:
    from tallyport_converters.convert import Outcome

FINDINGS, RESULT, SCRIPT, LOG, LOCK = "findings.ndjson", "result.json", "statements.sql", "log.txt", "lock"
CHANGES, UNDO, VALIDATION = "changes.ndjson", "undo", "validation.json"
REJECTS, TRAILS = "rejects.ndjson", "trails"
OUT = "out"
"""What a job has converted: for each source `NNN/<upload>/`, or `NNN.adv2.json` where it was ADV2 before."""

_LABEL = re.compile(r"(\d{3})(?:\.adv2\.json|(?:/[a-z2-7]{16})?/(.+))", re.DOTALL)


class Folders:
    """The folders below `root`: an upload is a file, a job is a folder, each called by its id."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uploads, self.jobs, self.pushes = root / "uploads", root / "jobs", root / "pushes"

    def make(self) -> None:
        """Make them, for this user alone."""
        for folder in (self.root, self.uploads, self.jobs, self.pushes):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


class SourceNames:
    """What a job's sources are called: by number on the disk, by their own names for people."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.stems = _distinct([stem_of(name) for name in names])
        """What the sources are called in an archive: no two the same, case aside."""

    def folder(self, number: int) -> str:
        """The folder's name of a source that is converted."""
        return f"{number:03}"

    def adv2(self, number: int) -> str:
        """The file's name of a source that is ADV2 already."""
        return f"{number:03}.adv2.json"

    def label(self, label: str) -> str:
        """Return for a file's label what people call it.

        >>> SourceNames(["january.json"]).label("000/aaaaaaaaaaaaaaaa/deX.adv2.json")
        'deX.adv2.json'
        >>> SourceNames(["january.json", "x.adv2.json"]).label("000/aaaaaaaaaaaaaaaa/deX.adv2.json")
        'january/deX.adv2.json'
        >>> SourceNames(["january.json", "x.adv2.json"]).label("001.adv2.json")
        'x.adv2.json'
        """
        match = _LABEL.fullmatch(label)
        if not match or int(match[1]) >= len(self.names):
            return label
        name, inner = self.names[int(match[1])], match[2]
        if inner is None:
            return name
        return inner if len(self.names) == 1 else f"{self.stems[int(match[1])]}/{inner}"


class JobContext:
    """One job, as its process sees it; `conversions` has the outcome of each legacy file so far."""

    def __init__(self, folders: Folders, job: Mapping[str, Any]) -> None:
        self.id: str = job["id"]
        self.kind: str = job["kind"]
        self.request: Mapping[str, Any] = job["request"]
        self.target_kind: str = job["target"]["kind"]
        self.is_dry_run = self.kind != "run"
        self.names = SourceNames([source["name"] for source in self.request["sources"]])
        self.folder, self.out, self.pushes = folders.jobs / self.id, folders.jobs / self.id / OUT, folders.pushes
        self.uploads = [folders.uploads / source["upload"] for source in self.request["sources"]]
        self.conversions: list[Outcome] = []

    def files(self) -> list[str]:
        """Return what there is to write: the folders of what was converted, and the files that were ADV2 before."""
        folders = [str(one.folder) for one in self.conversions if one.folder and any(one.folder.glob("*.adv2.json*"))]
        return [*folders, *map(str, sorted(self.out.glob("*.adv2.json")))]


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names of which no two are the same, case aside: the second `a` becomes `a-2`.

    >>> _distinct(["a", "A", "a-2", "b"])
    ['a', 'A-3', 'a-2', 'b']
    """
    given = {name.casefold() for name in names}
    taken: set[str] = set()
    made: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique.casefold() in taken or (number > 1 and unique.casefold() in given):
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        made.append(unique)
    return made
