"""Table report: what a table holds, and what became of every value of its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tallyport.source_report import SourceReport
from tallyport_converters.convert import Outcome
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of a table. `name`: below the folder of the output, with `/` between folders."""

    name: str
    size_bytes: int

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        return {"file": self.name, "bytes": self.size_bytes}


@dataclass(slots=True)
class TableReport:
    """What was written.

    Values read are those `written`, `ignored` (invalid ADV2) and `left_out` (what the table cannot hold). `table_rows`:
    rows of the table, which are fewer than the values where it is wide. `sources`: what became of all values of legacy
    files. `dropped`: for each field that the table has no column for, how many values had it.
    """

    read: int = 0
    written: int = 0
    ignored: int = 0
    left_out: int = 0
    table_rows: int = 0
    columns: list[str] = field(default_factory=list)
    files: list[TableFile] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    conversions: list[Outcome] = field(default_factory=list)
    sources: list[SourceReport] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 nothing to look at, 1 values rejected, ignored or skipped, or warnings, 3 a source is unreadable."""
        converted = max((one.exit_code for one in self.conversions), default=0)
        of_sources = (found for source in self.sources for found in source.findings)
        told = any(found.severity is not Severity.INFO for found in (*self.findings, *of_sources))
        return max(converted, int(told or self.ignored > 0 or self.left_out > 0))

    def as_json(self) -> Document:
        """Return it as `json/table.schema.json` describes it."""
        document: Document = {
            "values": {
                "read": self.read,
                "written": self.written,
                "ignored": self.ignored,
                "left_out": self.left_out,
            },
            "rows": self.table_rows,
            "columns": self.columns,
            "files": [file.as_json() for file in self.files],
            "dropped": self.dropped,
            "findings": [found.as_json() for found in self.findings],
        }
        lists: dict[str, Sequence[Outcome] | Sequence[SourceReport]] = {
            "conversions": self.conversions,
            "sources": self.sources,
        }
        return document | {name: [part.as_json() for part in parts] for name, parts in lists.items() if parts}
