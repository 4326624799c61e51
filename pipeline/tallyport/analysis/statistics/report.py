"""What `stats` answers with: counts, gaps, duplicates, ranges and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallyport.analysis.period_span import PeriodSpan
from tallyport.analysis.statistics.number_range import NumberRange
from tallyport.analysis.statistics.presence import Gaps
from tallyport.analysis.statistics.repeats import Repeats
from tallyport.analysis.statistics.tally import RowCounts
from tallyport_converters.conversion.source_run import Outcome
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class CountedFile:
    """One file: its size, its groups and rows, or why it cannot be read. `ignored`: rows of invalid form."""

    name: str
    size_bytes: int
    groups: int
    rows: int
    ignored: int
    error: Finding | None

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        members: Document = {"name": self.name, "bytes": self.size_bytes, "groups": self.groups}
        members |= {"rows": self.rows, "ignored": self.ignored}
        return members | ({"error": self.error.as_json()} if self.error else {})


@dataclass(frozen=True, slots=True)
class NamedGap:
    """An org unit that states some periods and not others."""

    unit: str
    name: str | None
    reported: int
    expected: int
    missing: Sequence[str] = ()

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        members: Document = {"id": self.unit, "name": self.name, "reported": self.reported, "expected": self.expected}
        members |= {"missing": list(self.missing)} if self.missing else {}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ElementStatistics:
    """One data element. `gaps`: among its periods of the most frequent type; `worst`: org units with most of them."""

    data_element: str
    name: str | None
    counts: RowCounts
    spans: Sequence[PeriodSpan]
    units: int
    combos: Mapping[str, int]
    values: NumberRange
    gaps: Gaps
    worst: Sequence[NamedGap]
    repeated: int
    repeats: Repeats

    @property
    def duplicates(self) -> int:
        """Rows whose key an earlier row has."""
        return self.repeated + self.repeats.rows

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        gaps = self.gaps
        cells = gaps.periods * gaps.units
        named = {"name": self.name} if self.name else {}
        return {
            "data_element": {"id": self.data_element, **named},
            **self.counts.as_json(),
            "periods": [span.as_json() for span in self.spans],
            "org_units": self.units,
            "combos": dict(self.combos),
            "values": self.values.as_json(),
            "gaps": {
                "periods": gaps.periods,
                "org_units": gaps.units,
                "missing": gaps.missing,
                "share": round(gaps.missing / cells, 4) if cells else 0.0,
                "incomplete_org_units": gaps.incomplete,
                "worst": [gap.as_json() for gap in self.worst],
            },
            "duplicates": {
                "within_groups": self.repeated,
                "across_groups": self.repeats.rows,
                "keys": self.repeats.keys,
                "differing": self.repeats.differing,
                "first": [repeat.as_json() for repeat in self.repeats.samples],
            },
        }


@dataclass(frozen=True, slots=True)
class LevelCount:
    """Org units of a level of the hierarchy, and the rows that they have."""

    level: int
    units: int
    rows: int

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        return {"level": self.level, "org_units": self.units, "rows": self.rows}


@dataclass(slots=True)
class Statistics:
    """Everything that was counted. `conversions`: what became of legacy files, which were converted on the way."""

    files: list[CountedFile] = field(default_factory=list)
    conversions: list[Outcome] = field(default_factory=list)
    counts: RowCounts = field(default_factory=RowCounts)
    elements: list[ElementStatistics] = field(default_factory=list)
    periods: list[tuple[str, int]] = field(default_factory=list)
    spans: Sequence[PeriodSpan] = ()
    units: int = 0
    levels: list[LevelCount] = field(default_factory=list)
    worst: list[NamedGap] = field(default_factory=list)
    combos: dict[str, list[tuple[str, str | None, int]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 findings or rejected values, 3 a file is unreadable or invalid."""
        codes = [outcome.exit_code for outcome in self.conversions]
        codes += [3 for file in self.files if file.error]
        codes += [1 for found in self.findings if found.severity is not Severity.INFO]
        return max(codes, default=0)

    def as_json(self) -> Document:
        """Return it as `json/stats.schema.json` describes it."""
        rows = self.counts.rows
        return {
            "files": [file.as_json() for file in self.files],
            "conversions": [conversion_json(outcome) for outcome in self.conversions],
            "bytes": self.size_bytes,
            "bytes_per_row": round(self.size_bytes / rows, 2) if rows else None,
            **self.counts.as_json(),
            "data_elements": [element.as_json() for element in self.elements],
            "periods": [{"period": period, "rows": count} for period, count in self.periods],
            "org_units": {
                "count": self.units,
                "levels": [level.as_json() for level in self.levels],
                "worst": [gap.as_json() for gap in self.worst],
            },
            "combos": {column: _named(combos) for column, combos in self.combos.items()},
            "findings": [found.as_json() for found in self.findings],
        }


def conversion_json(outcome: Outcome) -> Document:
    """Return what became of the values of a legacy file."""
    if outcome.error:
        return {"source": outcome.source, "error": outcome.error.as_json()}
    assert outcome.manifest is not None
    return {
        "source": outcome.source,
        "format": outcome.manifest["source"]["format"],
        "values": dict(outcome.manifest["values"]),
        "dropped": dict(outcome.manifest["dropped"]),
        "findings": [found.as_json() for found in outcome.findings],
    }


def _named(combos: Sequence[tuple[str, str | None, int]]) -> list[Document]:
    return [{"id": each} | ({"name": name} if name else {}) | {"rows": rows} for each, name, rows in combos]
