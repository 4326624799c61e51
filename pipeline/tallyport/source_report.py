"""Source report: what became of all values of a legacy file that was converted on the way to where they go.

The sum holds: read = written + superseded + rejected, whoever rejected them. Each rejected value has the place in its
own file, its content, and why; one cause is one finding.
"""

from __future__ import annotations

import json
import mmap
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import chain
from struct import Struct
from typing import Any

from tallyport.validation.rejected_rows import Causes, RejectedRows
from tallyport_converters.conversion.manifest import json_line
from tallyport_converters.convert import Outcome
from tallyport_converters.files.atomic import WholeFile
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity, SourceUnreadable

_MARK = Struct("=I")
_LOOKED_AT = 1 << 20

REJECTS_KEPT = 1_000
"""Rejected values of a source that a report has; a file of rejects has all of them."""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of the values of one source: the sum, what ADV2 has no place for, and what was found.

    `findings` are by cause, the worst first. `rejects` has the first rejected values as the lines of a file of rejects
    have them. `completions`: data sets that the source reports complete.
    """

    source: str
    values: Mapping[str, int]
    dropped: Mapping[str, int]
    completions: int
    findings: Sequence[Finding]
    rejects: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def as_json(self) -> Document:
        """Return it as `sources` of an import or a push has it."""
        return {
            "source": self.source,
            "values": dict(self.values),
            "dropped": dict(self.dropped),
            "completions": self.completions,
            "findings": [found.as_json() for found in self.findings],
            "rejects": list(self.rejects),
        }


class SourceAccount:
    """The account of one converted source, kept while its values are written elsewhere. Closed after use.

    Memory: a bounded number of causes, and at most 4 bytes for each row of the source where rows of it are rejected.
    """

    def __init__(self, conversion: Outcome) -> None:
        assert conversion.manifest is not None
        assert conversion.trail is not None
        self._conversion, self._manifest, self._trail = conversion, conversion.manifest, conversion.trail
        self._causes = Causes()
        self._rejected = 0
        self._marks: mmap.mmap | None = None
        for found in conversion.findings:
            self._causes.add(found, found.count)

    def close(self) -> None:
        """Forget which rows were rejected."""
        if self._marks:
            self._marks.close()

    def add(self, file: str, first_row: int, rejected: RejectedRows, findings: Iterable[Finding] = ()) -> None:
        """Take the rejected rows of a group that begins at `first_row` of an ADV2 file of the source's.

        `findings`: what else was found of the group, about no row.
        """
        numbers = self._trail.numbers(file, [first_row + row for row in rejected.rows])
        places: list[int] = []
        for found in rejected.causes.findings:
            place = self._causes.add(replace(found, row=None, source=self._conversion.source), found.count, groups=1)
            places.append(place)
        marks = self._opened() if numbers else None
        for number, place in zip(numbers, rejected.places, strict=True):
            assert marks is not None
            _MARK.pack_into(marks, number * _MARK.size, places[place] + 1)
        self._rejected += len(numbers)
        for found in findings:
            self._causes.add(replace(found, row=None, source=self._conversion.source), groups=1)

    @property
    def completions(self) -> int:
        """Data sets that the source reports complete."""
        return int(self._manifest.get("completions", 0))

    def note(self, found: Finding) -> None:
        """Take a finding about the source."""
        self._causes.add(found.at(self._conversion.source), found.count)

    def in_source(self, file: str, first_row: int, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings about rows of an ADV2 file as findings about rows of the source."""
        rows = [first_row + found.row for found in findings if found.row is not None]
        numbers = iter(self._trail.numbers(file, rows))
        source = self._conversion.source
        return [replace(found, source=source, row=None if found.row is None else next(numbers)) for found in findings]

    def files(self) -> Mapping[str, FileAccount]:
        """Return the account for each file that the conversion wrote."""
        groups: dict[str, list[tuple[int, int]]] = {}
        for group in self._manifest["groups"]:
            of_file = groups.setdefault(group["file"], [(0, 0)])
            of_file.append((sum(of_file[-1]), group["rows"]))
        return {file: FileAccount(self, file, of_file[1:]) for file, of_file in groups.items()}

    def report(self, file: WholeFile | None = None) -> SourceReport:
        """Return the account, once all of it is written; `file` takes every rejected value.

        Raises:
            OutsideFailed: TP801, the disk failed.
        """
        rejects: list[Mapping[str, Any]] = []
        for line in merge(self._of_conversion(), self._of_later(is_whole=file is not None), key=_row):
            if file:
                file.write(json_line(line))
            if len(rejects) < REJECTS_KEPT:
                rejects.append(line)
        values = dict(self._manifest["values"])
        values["written"] -= self._rejected
        values["rejected"] += self._rejected
        findings = self._causes.worst_first()
        source = self._conversion.source
        return SourceReport(source, values, self._manifest["dropped"], self.completions, findings, rejects)

    # --- Rejected values, in the order of the source -----------------------------------------------------------------

    def _of_conversion(self) -> Iterator[Mapping[str, Any]]:
        """Yield what the conversion rejected, and take its causes."""
        assert self._conversion.folder is not None
        path = self._conversion.folder / "rejects.ndjson"
        if not path.exists():
            return
        with path.open("rb") as lines:
            for line in lines:
                members = json.loads(line)
                found = {name: value for name, value in members.items() if name != "original"}
                self._causes.add(Finding.of_json(found), 1)
                yield members

    def _of_later(self, *, is_whole: bool) -> Iterator[Mapping[str, Any]]:
        """Yield what was rejected later: all of it, or the first of each cause and some more."""
        rows = self._marked() if is_whole else iter(self._some())
        header = self._trail.header
        waiting: deque[tuple[int, int]] = deque()

        def numbers() -> Iterator[int]:
            for number, place in rows:
                waiting.append((number, place))
                yield number

        is_placed: set[int] = set()
        try:
            for row in self._trail.rows(numbers()):
                _, place = waiting.popleft()
                found = row.placed(self._causes.findings[place], header)
                if place not in is_placed:
                    is_placed.add(place)
                    self._causes.findings[place] = found
                one = replace(found, count=None, groups=None)
                yield {**one.as_json(), "original": row.read.original}
        except SourceUnreadable:  # it is gone: a pipe, or removed meanwhile. Its rows have their number alone.
            for number, place in chain(waiting, rows):
                one = replace(self._causes.findings[place], row=number, count=None, groups=None)
                yield one.as_json()

    def _some(self) -> list[tuple[int, int]]:
        """Return the rows that a report has without a file: the first of each cause, and the first of all."""
        found: dict[int, int] = {}
        known: set[int] = set()
        for number, place in self._marked():
            if len(found) < REJECTS_KEPT or place not in known:
                known.add(place)
                found[number] = place
        return list(found.items())

    def _marked(self) -> Iterator[tuple[int, int]]:
        """Yield the marked rows in their order, each with the place of its cause."""
        for start in range(0, len(self._marks or ()), _LOOKED_AT):
            assert self._marks is not None
            part = self._marks[start : start + _LOOKED_AT]
            if part.strip(b"\0"):
                for at, (mark,) in enumerate(_MARK.iter_unpack(part), start // _MARK.size):
                    if mark:
                        yield at, mark - 1

    def _opened(self) -> mmap.mmap:
        if self._marks is None:
            last = self._trail.places[-1]
            self._marks = mmap.mmap(-1, (last.first_row + last.rows) * _MARK.size)  # pages come as they are touched
        return self._marks


class FileAccount:
    """The account of a source, for what is found of one of its ADV2 files, group by group."""

    def __init__(self, account: SourceAccount, file: str, groups: Sequence[tuple[int, int]]) -> None:
        self._account, self._file, self._groups = account, file, groups
        self.failed: set[int] = set()
        """Groups that were rejected as a whole."""

    def take(self, number: int, found: Finding, *, fails_group: bool) -> Finding:
        """Take a finding of a group, about neighbouring rows or none; returns it about the source.

        An error that is about no row rejects all of them, if it `fails_group`.
        """
        start, rows = self._groups[number] if number < len(self._groups) else (0, 0)
        rejected, others = RejectedRows(), [found]
        if found.severity is Severity.ERROR and found.row is not None:
            rejected.add_finding(found)
            others = []
        elif found.severity is Severity.ERROR and fails_group and number not in self.failed:
            self.failed.add(number)
            rejected.add(range(rows), replace(found, count=None))
            others = [] if rows else others
        self._account.add(self._file, start, rejected, others)
        (of_source,) = self._account.in_source(self._file, start, [found])
        return of_source


class Accounts:
    """The accounts of all converted sources of a run. Closed after use."""

    def __init__(self, conversions: Iterable[Outcome] = ()) -> None:
        self._accounts: list[SourceAccount] = []
        self._files: dict[str, FileAccount] = {}
        self._names: dict[str, str] = {}
        for conversion in conversions:
            name = conversion.source
            while name in self._names.values():  # of two files of one name, from different folders
                name += "'"
            self._names[str(conversion.folder)] = name
            account = SourceAccount(conversion)
            self._accounts.append(account)
            self._files |= {f"{name}/{file}": of_file for file, of_file in account.files().items()}

    def close(self) -> None:
        """Forget which rows were rejected."""
        for account in self._accounts:
            account.close()

    def __iter__(self) -> Iterator[SourceAccount]:
        return iter(self._accounts)

    def label(self, folder: str, file: str) -> str | None:
        """Return what a file of a conversion's folder is called, after its source; None of another folder."""
        return f"{self._names[folder]}/{file}" if folder in self._names else None

    def of(self, label: str) -> FileAccount | None:
        """Return the account for what is found of a file, by its label: the source, then the file."""
        return self._files.get(label)

    @property
    def failed_groups(self) -> int:
        """Groups that were rejected as a whole."""
        return sum(len(file.failed) for file in self._files.values())


def _row(members: Mapping[str, Any]) -> int:
    row = members.get("row")
    return row if isinstance(row, int) else 0
