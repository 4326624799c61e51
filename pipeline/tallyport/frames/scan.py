"""Scan: ADV2 files as a lazy frame of polars, which reads what a query needs when it is collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from tallyport.frames.ahead import ahead
from tallyport.frames.selection import TYPES, GroupSelection
from tallyport.frames.value_files import Paths, Query, ValueFiles
from tallyport_schemas.finding import Finding

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

AHEAD = 3
"""Batches that are read while the one before is used."""


def scan_adv2(
    paths: Paths,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    *,
    on_invalid: Callable[[Finding], None] | None = None,
    with_place: bool = False,
) -> pl.LazyFrame:
    """Return the values of ADV2 files as a lazy frame, a row each.

    Headers are read at once, rows on `collect`: only the columns that a query needs are made; groups and rows that its
    filters exclude by what the header says are not looked at; `head` stops early. Memory does not grow with the files,
    unless the result does.

    Args:
        paths: ADV2 files, plain or compressed, or folders of them.
        metadata: a snapshot, or the path of one or of a metadata export of DHIS2. Adds the names and codes of data
            elements, organisation units and option combos, the levels of the hierarchy, and the days of the period.
        on_invalid: takes what is wrong with each row whose form is invalid; the frame omits it. Without it, such a
            row ends the reading.
        with_place: adds `source`, the file, and `row`, the number of the row in its group.

    Raises:
        ValueError: a folder holds no ADV2 file.
        SourceUnreadable: a file or the metadata cannot be read; on `collect` also: a row is invalid.
    """
    return lazy_frame(ValueFiles(paths, metadata, on_invalid=on_invalid, with_place=with_place))


def read_adv2(
    paths: Paths,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    *,
    on_invalid: Callable[[Finding], None] | None = None,
    with_place: bool = False,
) -> pl.DataFrame:
    """Return the values of ADV2 files as a frame in memory: `scan_adv2(...).collect()`.

    Raises:
        ValueError: a folder holds no ADV2 file.
        SourceUnreadable: a file or the metadata cannot be read, or a row is invalid.
    """
    return scan_adv2(paths, metadata, on_invalid=on_invalid, with_place=with_place).collect()


def lazy_frame(files: ValueFiles) -> pl.LazyFrame:
    """Return files as a lazy frame; `files.counts` says what its queries read."""

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        names = list(schema) if with_columns is None else with_columns
        selection = None if predicate is None else GroupSelection(predicate, files.columns)
        left, last = n_rows, None
        with closing(ahead(files.parts(Query(names, selection, views=True)), AHEAD)) as parts:
            for part in parts:
                frame = pl.DataFrame(part.table)
                if isinstance(part.rest, pl.Expr):
                    frame = frame.filter(part.rest)
                frame = frame.select(names)
                if left is not None:
                    frame = frame.head(left)
                    left -= len(frame)
                    if left == 0:
                        last = frame
                        break
                yield frame
        if last is not None:  # nobody may ask for more: the files are closed by now
            yield last

    schema = {column.name: TYPES[column.type] for column in files.columns}
    return register_io_source(read, schema=schema, explain_name="ADV2")
