"""Flat file: a table as Parquet, Arrow or CSV, as polars writes them: rows stream through, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tallyport_schemas.finding import OutsideFailed, finding

ROWS = 262_144
"""Rows of a row group of Parquet, and of a batch of Arrow."""


def write_parquet(frame: pl.LazyFrame, path: Path) -> None:
    """Write a frame as Parquet. Columns of text have dictionaries, where their texts repeat.

    Raises:
        OutsideFailed: TP801, the disk failed.
    """
    with parquet_writer(path):
        frame.sink_parquet(path, row_group_size=ROWS)


@contextmanager
def parquet_writer(path: Path) -> Iterator[None]:
    """Say of a failure of the disk that it is one: to the writer of Parquet it is a file out of specification.

    Raises:
        OutsideFailed: TP801.
    """
    try:
        yield
    except pl.exceptions.ComputeError as error:
        if "IO error" not in str(error):
            raise
        raise OutsideFailed(finding("TP801", found=f"{path.name}: {str(error).rpartition('IO error: ')[2]}")) from error


def write_arrow(frame: pl.LazyFrame, path: Path) -> None:
    """Write a frame as an Arrow file (IPC, Feather version 2)."""
    frame.sink_ipc(path, record_batch_size=ROWS, compression="zstd", compat_level=pl.CompatLevel.oldest())


def write_csv(frame: pl.LazyFrame, path: Path) -> None:
    """Write a frame as CSV in UTF-8. A missing value is empty, an empty text is in quotes."""
    frame.sink_csv(path, quote_style="necessary")
