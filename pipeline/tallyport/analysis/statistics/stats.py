"""`stats`: what is in files: counts, gaps, duplicates, ranges and sizes. Rows stream by; nothing here prints.

What is no ADV2 is converted first, into a folder that is gone afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport.analysis.period_span import period_spans
from tallyport.analysis.statistics.presence import Gaps, UnitGap, gaps_of
from tallyport.analysis.statistics.repeats import KeyIds, Repeat, Repeats, may_repeat, repeats
from tallyport.analysis.statistics.report import CountedFile, ElementStatistics, LevelCount, NamedGap, Statistics
from tallyport.analysis.statistics.tally import ElementTally, GroupTally, Tally
from tallyport.any_source import converted
from tallyport.validation.validate import load_snapshot, walked
from tallyport_converters.adv2.file import Adv2File, RowBlock
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.adv2.row_check import RowFindings, row_check
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.files.work_folders import work_folder
from tallyport_converters.model import periods
from tallyport_converters.native.abi import Flaw
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.progress import Progress
from tallyport_schemas.row_batch import RowColumns

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

WORST = 5
"""Org units with gaps that are named of each data element."""

MISSING_LISTED = 100
"""Missing periods of such an org unit that are listed."""

WORST_OF_ALL = 20
"""Org units with gaps that are named of all data elements together."""


def stats(
    sources: Sequence[str | os.PathLike[str]],
    *,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    source_format: str | None = None,
    id_schemes: Mapping[str, str] | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Statistics:
    """Count what is in ADV2 files, legacy files, folders of either, or `-` for standard input.

    By data element, period, org unit (by level with `metadata`: a snapshot, or the path of one or of a DHIS2 metadata
    export) and option combo; gaps, duplicates within and across files, ranges of numbers, sizes. `source_format` and
    `id_schemes` are those of `convert`, for legacy files. `watch` hears of progress.

    A file that cannot be read does not keep others from being counted: see `CountedFile.error`, `Outcome.error`.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: an option is none of what it can be.
        SourceUnreadable: the metadata cannot be read, or a file was changed meanwhile.
        OutsideFailed: TP801, the disk failed.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = Options(source_format, id_schemes or {})
    snapshot = load_snapshot(metadata)
    report = Statistics()
    with work_folder() as work:
        paths: list[str] = []
        for event in converted(sources, work, paths, options):
            if isinstance(event, Outcome):
                report.conversions.append(event)
            elif watch:
                watch(event)
        made_of = {str(one.folder): one for one in report.conversions if one.folder}
        count = _Count(report, watch or (lambda _: None))
        for path in paths:
            origin = made_of.get(path)
            for file, label in walked([path]):
                count.file(file, label if origin is None else origin.source, is_converted=origin is not None)
            if origin and origin.manifest:
                values = origin.manifest["values"]
                size, groups = origin.manifest["source"]["bytes"], len(origin.manifest["groups"])
                report.files.append(CountedFile(origin.source, size, groups, values["written"], 0, None))
        count.finish(snapshot)
    return report


class _Count:
    """One counting."""

    def __init__(self, report: Statistics, watch: Callable[[Progress], None]) -> None:
        self._report, self._watch = report, watch
        self._tally = Tally()
        self._ids = KeyIds(self._tally.periods, self._tally.units)
        self._files: list[tuple[str, str]] = []
        self._broken: set[int] = set()

    def file(self, path: str, label: str, *, is_converted: bool) -> None:
        """Count an ADV2 file; one that was made of a legacy file is not listed."""
        self._files.append((path, label))
        groups, rows, ignored, size = 0, self._tally.counts.rows, 0, 0
        error: Finding | None = None
        try:
            with closing(Source.open(path)) as source:
                size = source.size_bytes
                file = Adv2File(source)
                for head in file.heads():
                    groups += 1
                    header, found, _ = check_form(head.properties, any_identifiers=True, takes_undo=True)
                    self._report.findings += [each.at(label) for each in found]
                    if header is None:
                        ignored += max(file.skip_rows(), default=0) if file.has_rows else 0
                    elif file.has_rows:
                        ignored += self._group(file, header, head.number, label)
                    else:
                        self._tally.of_element(header)
        except SourceUnreadable as unreadable:
            error = unreadable.finding.at(label)
            self._broken.add(len(self._files) - 1)
        if not is_converted:
            counted = self._tally.counts.rows - rows
            self._report.files.append(CountedFile(label, size, groups, counted, ignored, error))

    def _group(self, file: Adv2File, header: GroupHeader, number: int, label: str) -> int:
        """Count the rows of a group; returns how many are ignored."""
        group = GroupTally(self._tally, header, self._ids.group(len(self._files) - 1, number, header))
        columns, check, told = RowColumns.of(header), row_check(header, None), RowFindings(file)
        counts = (0, 0, 0)
        try:
            for block in file.rows(check.form):
                check.judge(block)
                counts = block.rows.counts
                self._tally.elements[header.de].repeated += _repeated(block)
                for found in check.findings(block, label):
                    self._report.findings += told.add(found)
                with block.rows.batch(block.block, columns) as batch:  # of one that breaks off, the rows before
                    group.add(batch)
                size = file.source.size_bytes if file.source.compression == "none" else 0
                self._watch(Progress(label, "count", file.position, size, self._tally.counts.rows))
        finally:
            self._report.findings += told.rest()
            group.close()
        return counts[2]

    def finish(self, snapshot: Snapshot | None) -> None:
        """Fill the report."""
        tally, report = self._tally, self._report
        asked = {name: one.groups for name, one in tally.elements.items() if may_repeat(one.groups)}
        again = repeats(asked, self._files, self._ids, self._broken)
        names = KnownNames(snapshot, tally.schemes) if tally.schemes else KnownNames(None)
        reported, expected = _zeros(len(tally.units)), _zeros(len(tally.units))
        for element, one in tally.elements.items():
            statistics = self._element(element, one, again.get(element, Repeats()), names)
            report.elements.append(statistics)
            gaps = statistics.gaps
            units = gaps.reported["unit"]
            reported.scatter(units, reported.gather(units) + gaps.reported["reported"].cast(pl.Int64))
            expected.scatter(units, expected.gather(units) + gaps.periods)
        report.elements.sort(key=lambda one: (-one.counts.rows, one.data_element))
        report.counts = tally.counts
        texts = tally.periods.texts
        report.periods = in_order((texts[period], rows) for period, rows in tally.rows_by_period.items())
        report.spans = period_spans(period for period, _ in report.periods)
        self._units(names, reported, expected)
        for column, counted in tally.combos.items():
            kind = KIND_OF.get(column, "co")
            most_first = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
            report.combos[column] = [(each, names.one(kind, each), rows) for each, rows in most_first]

    def _element(self, element: str, one: ElementTally, again: Repeats, names: KnownNames) -> ElementStatistics:
        texts = self._tally.periods.texts
        cells = one.presence.merged()
        by_text = {texts[period]: period for period in cells.periods}
        spans = period_spans(by_text)
        main = [period for text, period in by_text.items() if spans and spans[0].holds(text)]
        gaps = gaps_of(cells, main, WORST)
        return ElementStatistics(
            element,
            names.one("de", element),
            one.counts,
            spans,
            len(cells.units),
            {column: len(found) for column, found in one.combos.items()},
            one.values,
            gaps,
            [self._gap(gap, gaps, names) for gap in gaps.worst],
            one.repeated,
            replace(again, samples=[self._named(repeat, names) for repeat in again.samples]),
        )

    def _named(self, repeat: Repeat, names: KnownNames) -> Repeat:
        """Return a repeat with the names of what its key says."""
        named = {f"{column}_name": names.one(KIND_OF[column], text) for column, text in repeat.key.items()}
        return replace(repeat, key={**repeat.key, **{column: name for column, name in named.items() if name}})

    def _gap(self, gap: UnitGap, gaps: Gaps, names: KnownNames) -> NamedGap:
        unit = self._tally.units.texts[gap.unit]
        missing = in_order((self._tally.periods.texts[period], 0) for period in gap.missing)
        first = [period for period, _ in missing[:MISSING_LISTED]]
        return NamedGap(unit, names.one("ou", unit), gap.reported, gaps.periods, first)

    def _units(self, names: KnownNames, reported: pl.Series, expected: pl.Series) -> None:
        """Fill what is said of org units: how many, by level, and those with most gaps."""
        units, report = self._tally.units.texts, self._report
        frame = pl.DataFrame({"unit": range(len(units)), "reported": reported, "expected": expected})
        gaps = frame.filter(pl.col("reported") < pl.col("expected")).with_columns(
            share=pl.col("reported") / pl.col("expected")
        )
        for row in gaps.sort("share", "unit").head(WORST_OF_ALL).iter_rows(named=True):
            unit = units[row["unit"]]
            report.worst.append(NamedGap(unit, names.one("ou", unit), row["reported"], row["expected"]))
        report.units = len(units)
        rows = self._tally.rows_by_unit
        rows = rows.extend_constant(0, len(units) - len(rows))
        levels = pl.DataFrame({"level": names.levels(units), "rows": rows}, schema_overrides={"level": pl.Int32})
        counted = levels.drop_nulls("level").group_by("level").agg(pl.len().alias("units"), pl.col("rows").sum())
        report.levels = [LevelCount(*row) for row in counted.sort("level").iter_rows()]


def _repeated(block: RowBlock) -> int:
    """Return how many rows of a block have the key of an earlier one of their group."""
    return sum(run.count for run in block.rows.runs() if run.flaw is Flaw.REPEATED)


def in_order(counted: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return periods with their numbers in the order of time."""
    found = [(period, text, count) for text, count in counted if (period := periods.parse(text))]
    return [(text, count) for _, text, count in sorted(found, key=lambda each: periods.sort_key(each[0]))]


def _zeros(count: int) -> pl.Series:
    return pl.repeat(0, count, dtype=pl.Int64, eager=True)
