"""Scan: ADV2 files as a lazy frame of polars, which reads what a query needs when it is collected.

Headers are read at once, rows when they are asked for, in batches of about a megabyte of ADV2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing

import polars as pl
from polars.io.plugins import register_io_source

from tallyport.frames.columns import DATA_ELEMENT, DATA_SET, NUMBER, ColumnType, FrameColumn, frame_columns
from tallyport.validation.validate import walked
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.adv2.row_batches import RowBatches, open_adv2
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import GroupHeader

_TYPES: dict[ColumnType, pl.DataType] = {
    ColumnType.TEXT: pl.String(),
    ColumnType.NUMBER: pl.Float64(),
    ColumnType.FLAG: pl.Boolean(),
    ColumnType.DATE: pl.Date(),
}
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"


def scan_adv2(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> pl.LazyFrame:
    """Return the values of ADV2 files as a lazy frame, a row each. `paths`: files, or folders of them.

    Raises:
        ValueError: a folder holds no ADV2 file.
        SourceUnreadable: a file cannot be read, is no JSON, or a header is invalid; on `collect`, a row is invalid.
    """
    files = list(walked([paths] if isinstance(paths, str | os.PathLike) else paths))
    columns = frame_columns(header for path, label in files for header in _headers(path, label))

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        wanted = columns if with_columns is None else [column for column in columns if column.name in with_columns]
        left = n_rows
        for frame in _frames(files, wanted):
            found = frame if predicate is None else frame.filter(predicate)
            if left is not None:
                found = found.head(left)
                left -= len(found)
            yield found
            if left == 0:
                return

    return register_io_source(read, schema={column.name: _TYPES[column.type] for column in columns})


def read_adv2(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> pl.DataFrame:
    """Return the values of ADV2 files as a frame in memory; see `scan_adv2`.

    Raises:
        ValueError: as `scan_adv2`.
        SourceUnreadable: as `scan_adv2`, or a row is invalid.
    """
    return scan_adv2(paths).collect()


def _headers(path: str, label: str) -> Iterator[GroupHeader]:
    with closing(Source.open(path)) as source:
        file = Adv2File(source)
        for head in file.heads():
            header, findings, _ = check_form(head.properties, any_identifiers=True, takes_undo=True)
            if header is None:
                raise SourceUnreadable(findings[0].at(label))
            yield header
            if not file.is_array:
                return


def _frames(files: Sequence[tuple[str, str]], wanted: Sequence[FrameColumn]) -> Iterator[pl.DataFrame]:
    for path, label in files:
        for rows in open_adv2(path):
            for batch in rows:
                if rows.findings:
                    raise SourceUnreadable(rows.findings[0].at(label))
                yield _frame(rows, batch, wanted)
            if rows.findings:
                raise SourceUnreadable(rows.findings[0].at(label))


def _frame(rows: RowBatches, batch: ArrowBatch, wanted: Sequence[FrameColumn]) -> pl.DataFrame:
    taken = pl.DataFrame(batch)
    identifiers = dict(rows.header.dimensions)
    shared = {DATA_ELEMENT: rows.header.de, DATA_SET: rows.header.ds}
    made: list[pl.Series | pl.Expr] = []
    for column in wanted:
        if column.name == NUMBER:
            text = pl.col("value")
            made.append(pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64()).alias(NUMBER))
        elif column.dimension is None:
            made.append(taken[column.name])
        elif column.dimension in identifiers:
            made.append(pl.Series(column.name, identifiers[column.dimension]).gather(taken[column.dimension]))
        else:
            shown = shared.get(column.name)
            made.append(pl.repeat(shown, len(taken), dtype=_TYPES[column.type], eager=True).alias(column.name))
    return taken.select(made)
