"""What `show` answers with: the head of a file in parts that people know, and some of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport.analysis.period_span import PeriodSpan, period_spans
from tallyport.frames.columns import COLUMNS_OF
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from tallyport.analysis.statistics.report import Statistics

LISTED = 5
"""Identifiers of a dimension that a view lists."""

Cell = str | bool | Mapping[str, str] | Sequence[str] | None
"""What a row says in a column: a combo by its options is an object, or a list where categories have no names."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """The identifiers of one dimension of a group: how many, and the first of them with their names."""

    column: str
    count: int
    first: Sequence[str]
    names: Sequence[str | None]

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        listed = [
            {"id": each} | ({"name": name} if name else {}) for each, name in zip(self.first, self.names, strict=True)
        ]
        return {"count": self.count, "first": listed}


@dataclass(frozen=True, slots=True)
class GroupView:
    """The header of one ADV2 group, with the names of what it mentions."""

    number: int
    header: GroupHeader
    names: KnownNames

    @property
    def periods(self) -> list[PeriodSpan]:
        """Its periods, type by type."""
        return period_spans(self.header.pe)

    @property
    def dimensions(self) -> list[Dimension]:
        """What its rows refer to other than periods."""
        found = []
        for name, identifiers in self.header.dimensions:
            if name == "pe":
                continue
            column, first = COLUMNS_OF.get(name, name), identifiers[:LISTED]
            found.append(Dimension(column, len(identifiers), first, self.names.of(KIND_OF.get(column, "co"), first)))
        return found

    def as_json(self) -> Document:
        """Return it as a JSON object; what the header does not have is omitted."""
        header, names = self.header, self.names
        members: Document = {
            "group": self.number,
            "data_element": names.as_json("de", header.de),
            "data_set": names.as_json("ds", header.ds),
            "category_combo": names.as_json("cc", header.cc),
            "period": self._periods_json(),
            **{dimension.column: dimension.as_json() for dimension in self.dimensions},
            "schemes": dict(header.ids),
            "delete": header.delete,
            "undo": header.undo,
            "rows": header.size,
        }
        return {name: value for name, value in members.items() if value is not None}

    def _periods_json(self) -> Document:
        spans = self.periods
        text = "; ".join(span.text for span in spans)
        return {"count": len(self.header.pe), "text": text, "spans": [span.as_json() for span in spans]}


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A column or field of a legacy file by its name, and what it is taken for.

    `column`: as which column of rows it is read, None where it is skipped; `reason` says why, or what it is. `nearest`:
    the field that may be meant by a name that nobody knows. `place`: of CSV, which column it is, from 1.
    """

    name: str
    column: str | None
    reason: str = ""
    nearest: str | None = None
    place: int | None = None
    is_known: bool = True

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        members = {"name": self.name, "place": self.place, "column": self.column, "known": self.is_known}
        members |= {"reason": self.reason or None, "nearest": self.nearest}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row as it is understood, with its place.

    `number` counts from 0: within its group in ADV2, within the file in a legacy one. `line` and `sheet_row` are those
    of findings. `original`: the row's own fields, of a legacy file. `finding`: why it would be rejected or ignored.
    `file`: which one of a folder it is in. `details`: what else is known, of a row that is shown alone.
    """

    number: int
    cells: Mapping[str, Cell]
    names: Mapping[str, str]
    group: int | None = None
    line: int | None = None
    sheet_row: int | None = None
    original: object = None
    finding: Finding | None = None
    file: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> Document:
        """Return it as a JSON object: its place, then its columns, each name after what it is of."""
        members: Document = {
            "file": self.file,
            "group": self.group,
            "row": self.number,
            "line": self.line,
            "sheet_row": self.sheet_row,
        }
        members = {name: value for name, value in members.items() if value is not None}
        for column, cell in self.cells.items():
            members[column] = cell
            if name := self.names.get(column):
                members[f"{column}_name"] = name
        if self.details:
            members["details"] = dict(self.details)
        if self.original is not None:
            members["original"] = self.original
        if self.finding:
            members["finding"] = self.finding.as_json()
        return members


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of a folder in a line. `group`: of ADV2, the header of its first group."""

    name: str
    size_bytes: int
    format: str | None
    group: Document | None
    error: Finding | None

    def as_json(self) -> Document:
        """Return it as a JSON object; what is not known is omitted."""
        members = {"name": self.name, "bytes": self.size_bytes, "format": self.format, "group": self.group}
        members |= {"error": self.error.as_json() if self.error else None}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A value of a condition that nothing in the headers that were read is; `nearest`: what may be meant."""

    name: str
    value: str
    nearest: str | None

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        members: Document = {"field": self.name, "value": self.value}
        return members | ({"nearest": self.nearest} if self.nearest else {})


@dataclass(slots=True)
class FileView:
    """What there is to see of one file, or of a folder.

    `header`: what a legacy file says once for all rows; `groups`: the headers of ADV2 that were read. `is_complete`:
    the rows are all that there are, or all that match. `error`: why the file cannot be read (further). `files`: of a
    folder, what is in it; `statistics`: what was counted of its files.
    """

    name: str
    size_bytes: int = 0
    compression: str = "none"
    format: str | None = None
    evidence: str = ""
    header: Document = field(default_factory=dict)
    fields: Sequence[FieldUse] = ()
    groups: list[GroupView] = field(default_factory=list)
    rows: list[ShownRow] = field(default_factory=list)
    files: list[FileLine] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    is_complete: bool = False
    findings: list[Finding] = field(default_factory=list)
    error: Finding | None = None
    statistics: Statistics | None = None

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 findings or fields that nobody knows, 3 unreadable or invalid."""
        if self.error or any(file.error for file in self.files):
            return 3
        if self.statistics:
            return self.statistics.exit_code
        told = any(found.severity is not Severity.INFO for found in self.findings)
        return 1 if told or any(row.finding for row in self.rows) or not all(u.is_known for u in self.fields) else 0

    def as_json(self) -> Document:
        """Return it as `json/show.schema.json` describes it."""
        source = {"name": self.name, "bytes": self.size_bytes, "compression": self.compression}
        source |= {"format": self.format, "evidence": self.evidence} if self.format else {}
        document: Document = {
            "source": source,
            "header": self.header,
            "fields": [use.as_json() for use in self.fields],
            "groups": [group.as_json() for group in self.groups],
            "files": [file.as_json() for file in self.files],
            "rows": [row.as_json() for row in self.rows],
            "unmatched": [each.as_json() for each in self.unmatched],
            "complete": self.is_complete,
            "findings": [found.as_json() for found in self.findings],
        }
        document |= {"error": self.error.as_json()} if self.error else {}
        return document | ({"statistics": self.statistics.as_json()} if self.statistics else {})
