"""Write table: values of any source as one file that other programs read, or as a folder of Parquet files.

What is no ADV2 is converted on the way, into a work folder, with the same account of every value. Nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tallyport.any_source import converted
from tallyport.frames.columns import VALUE
from tallyport.frames.scan import lazy_frame
from tallyport.frames.value_files import ValueFiles
from tallyport.source_report import Accounts, SourceReport
from tallyport.tables.database_file import write_database
from tallyport.tables.flat_file import write_arrow, write_csv, write_parquet
from tallyport.tables.parts import write_parts
from tallyport.tables.passage import Passage
from tallyport.tables.report import TableFile, TableReport
from tallyport.tables.table_kind import LIBRARIES, Partition, TableKind, fitted, kind_of, require
from tallyport.tables.wide import Spread, WideTable
from tallyport.tables.workbook import LongTexts, write_workbook
from tallyport.validation.rejected_rows import Causes
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.output import sync_folder
from tallyport_converters.files.publish import publish, run_in
from tallyport_converters.files.work_folders import work_folder
from tallyport_schemas.finding import Finding, Refused, SourceUnreadable, finding
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

MEMORY_BYTES = 128_000_000
"""What DuckDB may hold; polars holds some batches beside it."""

Watch = Callable[[Progress | Outcome | SourceReport | Finding], None]


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be written where."""

    path: Path
    kind: TableKind
    spread: Spread | None
    partition: Partition | None
    overwrite: bool


def write_table(
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    wide: str | None = None,
    partition: str | None = None,
    conversion: Options | None = None,
    rejects: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    watch: Watch | None = None,
    report: TableReport | None = None,
) -> TableReport:
    """Write values as a table: Parquet, Arrow, CSV, a workbook or a DuckDB database, by the suffix of `output`.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. A row holds a value, in the order of the sources.
    `metadata`: a snapshot, or the path of one or of a DHIS2 metadata export, adds columns as for `scan_adv2`.
    `wide`: `period` or `data-element` gives one column to each of these. `partition`: `data-element` or `year` makes
    `output` a folder of Parquet files, one below a folder for each of these. `conversion`: how sources that are no ADV2
    are read. `rejects`: a file that takes all their rejected values, as NDJSON. `watch` hears of progress, of each
    conversion and of every finding. `report`: one to fill, for whoever needs to know what was found before it failed.

    Memory does not grow with the rows.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: an option is none of what it can be, or does not fit the others; a folder holds no ADV2 file.
        SourceUnreadable: a source or the metadata is unreadable, or a header of ADV2 is invalid: nothing is written.
        Refused: TP790 the table is larger than a worksheet; TP901 the output exists; TP902 another run is using it.
        OutsideFailed: TP809 a library is not installed; TP801, the disk failed; nothing half-written is left.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    target = _target(Path(output), wide, partition, overwrite=overwrite)
    _refuse_taken(target, sources)
    run = _Run(target, watch, report or TableReport())
    with ExitStack() as stack:
        file = stack.enter_context(WholeFile(Path(rejects))) if rejects is not None else None
        work = stack.enter_context(work_folder())
        paths = run.convert(sources, work, conversion)
        accounts = stack.enter_context(closing(Accounts(run.report.conversions)))
        run.write(ValueFiles(paths, metadata, on_invalid=run.ignore), work)
        for account in accounts:
            run.report.sources.append(account.report(file))
    return run.report


def _target(path: Path, wide: str | None, partition: str | None, *, overwrite: bool) -> _Target:
    """Return what is to be written.

    Raises:
        ValueError, OutsideFailed: see `write_table`.
    """
    if wide is not None and partition is not None:
        raise ValueError("a wide table is one file: choose either wide or partition")
    kind = TableKind.PARQUET if partition is not None else kind_of(path)
    target = _Target(
        path,
        kind,
        None if wide is None else Spread(wide),
        None if partition is None else Partition(partition),
        overwrite,
    )
    for library in {LIBRARIES.get(kind), "duckdb" if target.spread else None} - {None}:
        require(str(library))
    return target


def _refuse_taken(target: _Target, sources: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse an output that is in the way of something else, before any work.

    Raises:
        ValueError: it is a source.
        Refused: TP901, it exists, and may not be replaced or is not what it would be replaced by.
    """
    there = target.path.resolve()
    if any(os.fspath(source) != "-" and Path(source).resolve() == there for source in sources):
        raise ValueError("the output is a source, which it would replace")
    if not os.path.lexists(target.path):
        return
    if not target.overwrite:
        help = "choose another name, or replace it with --overwrite"
        raise Refused(finding("TP901", help=help, found=str(target.path)))
    is_ours = _is_partitioned(there) if target.partition else there.is_file()
    if not is_ours:
        help = "choose another name: only a table of the same shape is replaced"
        raise Refused(finding("TP901", help=help, found=str(target.path)))


def _is_partitioned(folder: Path) -> bool:
    """Whether all in a folder are the parts of a table."""
    names = tuple(f"{each.key[0]}=" for each in Partition)
    return folder.is_dir() and all(part.is_dir() and part.name.startswith(names) for part in folder.iterdir())


class _Run:
    """One run."""

    def __init__(self, target: _Target, watch: Watch | None, report: TableReport) -> None:
        self._target, self._watch, self.report = target, watch, report
        self._causes = Causes()

    def convert(self, sources: Sequence[str | os.PathLike[str]], work: Path, options: Options | None) -> list[str]:
        """Convert what is no ADV2; returns the paths of all that is to be read.

        Raises:
            SourceUnreadable: a source cannot be converted.
        """
        paths: list[str] = []
        for event in converted(sources, work, paths, options):
            if isinstance(event, Outcome):
                self.report.conversions.append(event)
            if self._watch:
                self._watch(event)
        for made in self.report.conversions:
            if made.error:
                raise SourceUnreadable(made.error)
        return paths

    def ignore(self, found: Finding) -> None:
        """Take what is wrong with rows of ADV2 that are invalid."""
        self._causes.add(found, found.count)

    def write(self, files: ValueFiles, work: Path) -> None:
        """Write the table; it appears when it is whole.

        Raises:
            SourceUnreadable, Refused, OutsideFailed: see `write_table`.
        """
        target, report, values = self._target, self.report, lazy_frame(files)
        wide = WideTable(values, target.spread, work, MEMORY_BYTES) if target.spread else None
        rows = fitted(wide.rows() if wide else values, target.kind)
        report.columns = rows.collect_schema().names()
        passage = Passage(looks_for_formulas=target.kind is TableKind.CSV)
        with run_in(target.path.parent, [target.path.name], overwrite=target.overwrite) as building:
            built = building / target.path.name
            long_texts = self._write_rows(passage.through(rows), built, [VALUE] if wide is None else wide.columns)
            parts = sorted(part for part in built.rglob("*") if part.is_file()) if built.is_dir() else [built]
            for part in parts:
                sync_folder(part)
                name = target.path.name if part == built else part.relative_to(built).as_posix()
                report.files.append(TableFile(name, part.stat().st_size))
            publish(built, target.path)
        report.table_rows = passage.rows
        report.read = files.counts.rows
        report.ignored = report.read - (wide.values if wide else passage.rows)
        report.left_out = wide.deleted if wide else 0
        if long_texts:
            report.table_rows -= long_texts.rows
            report.left_out += long_texts.values
            self._say(long_texts.found)
        report.written = report.read - report.ignored - report.left_out
        report.dropped = wide.dropped if wide else {}
        self._say(*self._causes.worst_first(), passage.formulas, *(wide.findings() if wide else ()))

    def _write_rows(self, rows: pl.LazyFrame, path: Path, numeric: Sequence[str]) -> LongTexts | None:
        """Write rows into a new file or folder; returns what a workbook had to skip."""
        if self._target.partition:
            write_parts(rows, path, *self._target.partition.key)
        elif self._target.kind is TableKind.XLSX:
            return write_workbook(rows, path, numeric)
        elif self._target.kind is TableKind.DUCKDB:
            write_database(rows, path, MEMORY_BYTES)
        else:
            _FLAT[self._target.kind](rows, path)
        return None

    def _say(self, *findings: Finding | None) -> None:
        for found in filter(None, findings):
            self.report.findings.append(found)
            if self._watch:
                self._watch(found)


_FLAT = {TableKind.PARQUET: write_parquet, TableKind.ARROW: write_arrow, TableKind.CSV: write_csv}
