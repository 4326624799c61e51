"""Write: a frame of values into ADV2, as a conversion would write a file of the same values.

A frame is whatever hands over columns of Arrow: polars, pandas, pyarrow, a relation of DuckDB.
Rules: docs/formats/tables.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import polars as pl

from tallyport_converters.conversion.source_run import Attempt, Outcome
from tallyport_converters.convert import BLOCK_BYTES
from tallyport_converters.files.output import Compress
from tallyport_converters.files.publish import run_in
from tallyport_converters.options import Options
from tallyport_converters.readers.tables.table import CHUNK_ROWS
from tallyport_converters.readers.tables.table_reader import TableReader
from tallyport_schemas.finding import Finding, OutsideFailed, SourceUnreadable, finding
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from types import CapsuleType  # type: ignore[attr-defined, unused-ignore]


class ArrowStream(Protocol):
    """Anything that hands over its columns through the Arrow C data interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """Return the columns as a stream of batches."""


class _FrameTable:
    """A frame of polars as a table."""

    format = "frame"
    findings: Sequence[Finding] = ()
    has_marks = False

    def __init__(self, frame: pl.DataFrame | pl.LazyFrame) -> None:
        self._frame = frame
        schema = frame.collect_schema()
        self.names: Sequence[str] = schema.names()
        self.types: Sequence[pl.DataType] = schema.dtypes()
        self.rows = len(frame) if isinstance(frame, pl.DataFrame) else int(frame.select(pl.len()).collect().item())

    def chunks(self) -> Iterator[pl.DataFrame]:
        """See `ValueTable`."""
        row = 0
        for chunk in self._parts():
            numbered = chunk.rename({name: f"c{i}" for i, name in enumerate(self.names)})
            yield numbered.with_row_index("row", row)
            row += len(chunk)

    def _parts(self) -> Iterator[pl.DataFrame]:
        if isinstance(self._frame, pl.DataFrame):
            return self._frame.iter_slices(CHUNK_ROWS)
        return self._frame.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=True)

    def noticed(self) -> Sequence[Finding]:
        """See `ValueTable`."""
        return ()

    def place(self, row: int, column: int | None) -> Mapping[str, Any]:
        """See `ValueTable`: rows are counted as values are."""
        del row, column
        return {}


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame as an origin of values: see `source_run.Origin`."""

    name: str
    rows: int
    columns: Sequence[str]
    compression: str = "none"
    size_bytes: int = 0
    unpacked_bytes: int = 0

    def described(self, source_format: str) -> Mapping[str, Any]:
        """Return what the manifest says of it."""
        del source_format
        return {"frame": {"name": self.name, "rows": self.rows, "columns": list(self.columns)}}


def write_adv2(
    frame: ArrowStream | pl.DataFrame | pl.LazyFrame,
    output: str | os.PathLike[str],
    *,
    name: str = "frame",
    id_schemes: Mapping[str, str] | None = None,
    data_set: str | None = None,
    keep_followup_false: bool = False,
    layout: Literal["split", "single"] = "split",
    compress: Compress = "none",
    jobs: int | None = None,
    memory_bytes: int = 256 << 20,
    strict: bool = False,
    overwrite: bool = False,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Write a frame as ADV2 into the folder `output`, which appears when it is complete.

    `frame` is a frame of polars (a lazy one goes through the disk), or anything with `__arrow_c_stream__`: a frame
    of pandas, a table of pyarrow, a relation of DuckDB. Its columns are called as those of a CSV file, or as
    `scan_adv2` calls them: then the files come back byte for byte. Null is what is not there. `name` is what findings
    and manifest call it; the other options are those of `convert`.

    Raises:
        TypeError: `frame` is nothing of the kind.
        ValueError: an option is none of what it can be.
        SourceUnreadable: TP111, TP113, TP131, TP133, the columns are not those of values; TP119, TP120.
        Refused: TP901 the folder exists, TP902 another run is using it.
        OutsideFailed: TP801, the disk failed; TP809, a library is missing that the frame needs.
    """
    options = Options(
        id_schemes=id_schemes or {},
        data_set=data_set,
        keep_followup_false=keep_followup_false,
        layout=layout,
        compress=compress,
        jobs=jobs or 0,
        memory_bytes=memory_bytes,
        strict=strict,
        overwrite=overwrite,
    )
    final = Path.cwd() / output
    with (
        run_in(final.parent, [final.name], overwrite=overwrite) as work,
        ThreadPoolExecutor(options.threads) as threads,
    ):
        try:
            table = _FrameTable(_readable(frame, work / "frame.arrow"))
            attempt = Attempt(
                _Frame(name, table.rows, table.names),
                TableReader(table),
                folder=work / "built",
                final=final,
                options=options,
                threads=threads,
                block_bytes=BLOCK_BYTES,
            )
            steps = attempt.run()
            while True:
                try:
                    progress = next(steps)
                except StopIteration as ended:
                    outcome: Outcome = ended.value
                    return outcome
                if watch:
                    watch(progress)
        except SourceUnreadable as error:
            raise SourceUnreadable(error.finding.at(name)) from error


def _readable(frame: object, spool: Path) -> pl.DataFrame | pl.LazyFrame:
    """Return a frame of polars of any other. A lazy one is computed into the file `spool`, and read from there."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        frame.sink_ipc(spool, compression="uncompressed")
        return pl.scan_ipc(spool)
    if not (hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__")):
        raise TypeError(f"a frame is needed, with __arrow_c_stream__, not {type(frame).__name__}")
    try:
        return pl.DataFrame(frame)  # type: ignore[arg-type]
    except ModuleNotFoundError as error:
        help_text = "install it with pip install 'tallyport[tables]'"
        raise OutsideFailed(finding("TP809", found=error.name, help=help_text)) from error
    except pl.exceptions.PolarsError as error:
        raise SourceUnreadable(finding("TP133", found=str(error).splitlines()[0])) from error
