"""Conversion: sources in, one folder of ADV2 files each. The half's public door.

`conversion` is an iterator of what happens; nothing here prints. Rules: docs/adv2-format.md, docs/formats.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from tallyport_converters.conversion.source_run import Attempt
from tallyport_converters.conversion.source_run import Outcome as Outcome
from tallyport_converters.conversion.trail import Trail
from tallyport_converters.files.names import clashes
from tallyport_converters.files.output import Compress
from tallyport_converters.files.publish import WORK, run_in
from tallyport_converters.options import Options as Options
from tallyport_converters.readers.detect import FORMATS, detect
from tallyport_converters.readers.reader import Hints, Reader
from tallyport_converters.sources import Source, stem_of
from tallyport_schemas.document import Document
from tallyport_schemas.finding import SourceUnreadable, Unusable, finding, is_address
from tallyport_schemas.progress import Progress

BLOCK_BYTES = 1 << 20
"""Bytes that are scanned at a time; nothing that is written depends on it."""

_BUILT = "built"


@dataclass(slots=True)
class Report:
    """The outcome of a conversion, source by source."""

    sources: list[Outcome] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The highest of the sources'."""
        return max((outcome.exit_code for outcome in self.sources), default=0)

    def as_json(self) -> Document:
        """Return it as `json/conversion.schema.json` describes it."""
        return {"sources": [outcome.as_json() for outcome in self.sources]}


def convert(
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    source_format: str | None = None,
    id_schemes: Mapping[str, str] | None = None,
    data_set: str | None = None,
    keep_followup_false: bool = False,
    layout: Literal["split", "single"] = "split",
    compress: Compress = "none",
    jobs: int | None = None,
    memory_bytes: int = 256 << 20,
    strict: bool = False,
    overwrite: bool = False,
    header: bool | None = None,
    sheet: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Report:
    """Rewrite legacy files into ADV2, a folder in `output` for each source.

    `sources` are files, folders (walked) or `-` (stdin). `source_format` is detected from content where it is None.
    `id_schemes` maps a kind (`de ou ds cc c co coc aoc`, "" for all) to a scheme and goes before the file's.
    `data_set` is that of files that name none. `jobs` threads read and write (None: one for each core); neither they
    nor `memory_bytes`, the budget for values that are held, change what is written. `header` says whether a CSV file
    starts with a header row (None: detected from content), `sheet` which sheet of a workbook to read, by name or by
    number from 1 (None: the only one with the columns of values). `watch` is called with progress, after each block
    read and each data element written.

    A source that cannot be read as a whole does not keep the others from being converted: see `Outcome.error`.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: an option is none of what it can be.
        NameClash: two sources would write the same folder.
        Refused: TP901 an output folder exists, TP902 another run is using it.
        OutsideFailed: TP801, the disk failed; nothing half-written is left.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = Options(
        source_format,
        id_schemes or {},
        data_set,
        keep_followup_false,
        layout,
        compress,
        jobs or 0,
        memory_bytes,
        strict,
        overwrite,
        header,
        sheet,
    )
    report = Report()
    for event in conversion(sources, Path(output), options):
        if isinstance(event, Outcome):
            report.sources.append(event)
        elif watch:
            watch(event)
    return report


class NameClash(ValueError):
    """Two sources would write the same folder."""


def conversion(
    sources: Sequence[str | os.PathLike[str]],
    output: Path,
    options: Options,
    *,
    name: str | None = None,
    trails: Path | None = None,
) -> Iterator[Progress | Outcome]:
    """Convert source by source, yielding progress and the outcome of each; see `convert`.

    `name` is what to call a single source whose path does not say it: it goes into manifest and findings, while the
    folder is named after the path. `trails`: a folder that is to take what leads back from rows that are written to
    those that were read; then outcomes have a `trail`.
    """
    if is_address(os.fspath(output)):
        raise ValueError(f"the output has to be a folder of this machine, not an address: {output}")
    paths = list(_walked(sources, output))
    named = [(path, _stem(path)) for path in paths]
    twice = clashes(stem for _, stem in named)
    if twice:
        both = [path for path, stem in named if stem.casefold() == twice[0].casefold()]
        raise NameClash(f"{both[0]} and {both[1]} would both become the folder {twice[0]}: convert them one by one")
    if any(stem.casefold() == WORK for _, stem in named):
        raise NameClash(f"{WORK} is the folder that a run works in: rename the source")
    with (
        run_in(output, [stem for _, stem in named], overwrite=options.overwrite) as work,
        ThreadPoolExecutor(options.threads) as threads,
    ):
        for path, stem in named:
            try:
                yield from _convert_one(path, stem, output, work, options, threads, name, trails)
            except SourceUnreadable as error:
                called = "stdin" if path == "-" else name or Path(path).name
                yield Outcome(called, error=error.finding if error.finding.source else error.finding.at(called))


def _stem(path: str) -> str:
    return "stdin" if path == "-" else stem_of(Path(path).name)


def _walked(sources: Sequence[str | os.PathLike[str]], output: Path) -> Iterator[str]:
    """Yield the files that sources stand for: folders are walked, hidden files and the output skipped.

    A folder without files is yielded itself.
    """
    for source in [os.fspath(path) for path in sources]:
        if source == "-" or not Path(source).is_dir():
            yield source
            continue
        is_empty = True
        for folder, folders, files in os.walk(source):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and not _is_same(Path(folder, name), output)
            )
            found = [str(Path(folder, name)) for name in sorted(files) if not name.startswith(".")]
            is_empty &= not found
            yield from found
        if is_empty:
            yield source


def _is_same(folder: Path, output: Path) -> bool:
    return output.exists() and folder.samefile(output)


def _cleared(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _reader(
    make_all: Callable[[Source, Hints], list[Callable[[], Reader]]],
    which: int,
    hints: Hints,
    source: Source,
) -> Reader:
    """Return the reader that has read a source, for another reading."""
    return make_all(source, hints)[which]()


def _convert_one(
    path: str,
    stem: str,
    output: Path,
    work: Path,
    options: Options,
    threads: Executor,
    name: str | None,
    trails: Path | None,
) -> Iterator[Progress | Outcome]:
    if path != "-" and Path(path).is_dir():
        raise SourceUnreadable(finding("TP125", found=path, expected="a file to convert"))
    with closing(Source.open(path, spool=work, name=name)) as source:
        try:
            form, evidence = detect(source.head()) if options.source_format is None else (None, "--from")
            form = form or FORMATS[options.source_format or ""]
            readers = form.readers(source, options.hints)
            row_numbers = _cleared(trails / stem) if trails else None
            for which, make in enumerate(readers):
                attempt = Attempt(
                    source,
                    make(),
                    folder=work / _BUILT,
                    final=output / stem,
                    options=options,
                    threads=threads,
                    block_bytes=BLOCK_BYTES,
                    row_numbers=row_numbers,
                )
                try:
                    outcome = yield from attempt.run()
                except Exception as error:
                    # Only XML has a second reader, for what the first is in doubt of.
                    if which == len(readers) - 1 or type(error).__name__ != "Doubt":
                        raise
                    continue
                trail = None
                if row_numbers:
                    make_again = partial(_reader, form.readers, which, options.hints)
                    header, places = attempt.reader.header, attempt.places
                    trail = Trail(path, source.name, make_again, header, places, row_numbers)
                yield replace(outcome, evidence=evidence, trail=trail)
                return
        except Unusable as error:
            if error.finding.source is None:
                error.finding = error.finding.at(source.name)
            raise
