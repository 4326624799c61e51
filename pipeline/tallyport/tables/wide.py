"""Wide table: a column for each period or each data element, and a row for what the values in it have in common.

DuckDB puts the rows in order, on the disk where they are many; they become wide as they come from there. So memory
holds a batch, and the order of rows and columns follows from the values alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from tallyport.frames.columns import COMMENT, DATA_ELEMENT, DELETED, FOLLOWUP, NUMBER, PERIOD, VALUE
from tallyport.tables.database_file import opened
from tallyport.tables.flat_file import write_parquet
from tallyport.tables.value_keys import key_of
from tallyport_converters.model.periods import parse, sort_key
from tallyport_schemas.finding import Finding, finding

_BATCH_ROWS = 100_000
_PLACE, _RUN, _NTH = "place in the sources", "run of one key", "nth of its cell"


class Spread(StrEnum):
    """What becomes the columns of a wide table."""

    PERIOD = "period"
    DATA_ELEMENT = "data-element"

    @property
    def column(self) -> str:
        """The column of the long table whose entries become columns."""
        return PERIOD if self is Spread.PERIOD else DATA_ELEMENT

    @property
    def replaced(self) -> Sequence[str]:
        """The columns of the long table that a wide one does not have."""
        about = ("period_start", "period_end") if self is Spread.PERIOD else ("data_element_name", "data_element_code")
        return (self.column, *about, VALUE, NUMBER, DELETED, FOLLOWUP, COMMENT)


class WideTable:
    """Values made wide, in a work folder that is there until `rows` was read.

    `columns` are those of values, of which `values` were read. `deleted`: those that are marked so, and not in it.
    `dropped`: how many of the others had a comment or a follow-up flag, which have no place.
    """

    def __init__(self, values: pl.LazyFrame, spread: Spread, work: Path, memory_bytes: int) -> None:
        """Read all values and put them in order.

        Raises:
            ImportError: DuckDB is not installed.
            ValueError: a period or data element is called as another column.
            SourceUnreadable: as `values` raises.
        """
        self._spread = spread
        self._keys = [name for name in values.collect_schema() if name not in spread.replaced]
        given, self._ordered = work / "given.parquet", work / "ordered.parquet"
        write_parquet(values.with_row_index(_PLACE), given)
        rows = pl.scan_parquet(given)
        counts = rows.select(
            pl.len(), pl.col(DELETED).sum(), pl.col(COMMENT, FOLLOWUP).filter(~pl.col(DELETED)).count()
        )
        counted = counts.collect().row(0, named=True)
        self.values, self.deleted = counted["len"], counted[DELETED] or 0
        self.dropped = {name: counted[name] for name in (COMMENT, FOLLOWUP) if counted[name]}
        found = rows.filter(~pl.col(DELETED)).select(spread.column).unique().collect().to_series()
        self.columns = sorted(found, key=_by_time) if spread is Spread.PERIOD else sorted(found)
        taken = sorted({*self._keys}.intersection(self.columns))
        if taken:
            raise ValueError(f"{taken[0]!r} is both a {spread} and a column: write the table without --wide")
        shown = ", ".join(map(_quoted, (*self._keys, spread.column, VALUE)))
        order = ", ".join(map(_quoted, (*self._keys, spread.column, _PLACE)))
        with opened(work / "order.duckdb", memory_bytes) as database:
            database.execute(
                f"COPY (SELECT {shown} FROM read_parquet($given) WHERE NOT {DELETED} ORDER BY {order}) TO $ordered",
                {"given": str(given), "ordered": str(self._ordered)},
            )
        given.unlink()
        self._doubled: Finding | None = None

    def findings(self) -> list[Finding]:
        """Return what is to be said of the table, once it was read."""
        found = [self._doubled] if self._doubled else []
        return [*found, finding("TP793", count=self.deleted)] if self.deleted else found

    def rows(self) -> pl.LazyFrame:
        """Return the table; it is read once."""
        ordered = pl.scan_parquet(self._ordered)
        types = ordered.collect_schema()
        schema = {**{name: types[name] for name in self._keys}, **dict.fromkeys(self.columns, types[VALUE])}

        def read(
            with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            del n_rows, batch_size  # nobody asks for a part
            for batch in self._batches(ordered):
                found = batch.select(with_columns or batch.columns)
                yield found if predicate is None else found.filter(predicate)

        return register_io_source(read, schema=schema)

    def _batches(self, ordered: pl.LazyFrame) -> Iterator[pl.DataFrame]:
        waiting: pl.DataFrame | None = None
        for batch in ordered.collect_batches(chunk_size=_BATCH_ROWS):
            rows = batch if waiting is None else pl.concat([waiting, batch])
            run = rows.select((_begins(self._keys).cum_sum() - 1).alias(_RUN)).to_series()
            waiting = rows.filter(run == run[-1])  # the next batch may have more of this key
            yield self._wide(rows.with_columns(run).filter(run < run[-1]))
        if waiting is not None:
            yield self._wide(waiting.with_columns(pl.lit(0).alias(_RUN)))

    def _wide(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows made wide; they are in order, and runs count from 0."""
        of_cell = [_RUN, self._spread.column]
        is_double = ~rows.select(_begins(of_cell)).to_series()
        nth = pl.int_range(pl.len()).over(of_cell) if is_double.any() else pl.lit(0, pl.Int64)
        rows = rows.with_columns(nth.alias(_NTH))
        self._note(rows.filter(is_double))
        runs = rows.group_by(_RUN, maintain_order=True).agg(pl.col(self._keys).first(), pl.col(_NTH).max() + 1)
        starts = runs[_NTH].cum_sum() - runs[_NTH]
        places = rows.select(pl.col(_RUN).replace_strict(runs[_RUN], starts) + pl.col(_NTH)).to_series()
        height = int(runs[_NTH].sum())
        wide = runs.select(pl.col(self._keys).repeat_by(_NTH).explode())
        cells = rows.select(self._spread.column, VALUE, places.alias(_PLACE))
        by_column = cells.partition_by(self._spread.column, as_dict=True)
        return wide.with_columns(_spread_out(name, by_column.get((name,)), height) for name in self.columns)

    def _note(self, doubles: pl.DataFrame) -> None:
        if doubles.is_empty():
            return
        if self._doubled is None:
            first = doubles.row(0, named=True)
            told = finding("TP792", field=first[self._spread.column], found=first[VALUE], count=0)
            self._doubled = replace(told, keys=key_of(first))
        self._doubled = replace(self._doubled, count=(self._doubled.count or 0) + len(doubles))


def _begins(columns: Sequence[str]) -> pl.Expr:
    """Return whether a row differs from the one before in any of these columns; rows are in order of them."""
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in columns)
    return differs | (pl.int_range(pl.len()) == 0)


def _spread_out(name: str, cells: pl.DataFrame | None, height: int) -> pl.Series:
    """Return a column in which some cells have a value."""
    if cells is None:
        return pl.repeat(None, height, dtype=pl.String, eager=True).alias(name)
    which = pl.repeat(None, height, dtype=pl.Int64, eager=True)
    return cells[VALUE].gather(which.scatter(cells[_PLACE], pl.int_range(len(cells), eager=True))).alias(name)


def _by_time(text: str) -> tuple[date, int, str]:
    """Return what puts periods in the order of time."""
    period = parse(text)
    return sort_key(period) if period else (date.max, 0, text)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
