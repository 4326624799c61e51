"""Database file: a table as a DuckDB database with one table, `data_values`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tallyport_schemas.finding import OutsideFailed, finding

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE = "data_values"
_BATCH_ROWS = 100_000


@contextmanager
def opened(path: Path, memory_bytes: int) -> Iterator[DuckDBPyConnection]:
    """Give a DuckDB database that holds so much in memory, and what is more beside its file.

    Raises:
        ImportError: DuckDB is not installed.
        OutsideFailed: TP801, the disk failed.
        MemoryError: it needs more than it may hold.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_bytes}B",
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(path, config=settings) as database:
            yield database
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except duckdb.Error as error:
        raise OutsideFailed(finding("TP801", found=f"{path.name}: {error}")) from error


def write_database(frame: pl.LazyFrame, path: Path, memory_bytes: int) -> None:
    """Write a frame into a new DuckDB database, batch by batch: one transaction would hold all of it in memory.

    Raises:
        ImportError: DuckDB is not installed.
    """
    with opened(path, memory_bytes) as database:
        database.register("batch", _Batch(pl.DataFrame(schema=frame.collect_schema())))
        database.execute(f"CREATE TABLE {TABLE} AS SELECT * FROM batch")
        for rows in frame.collect_batches(chunk_size=_BATCH_ROWS):
            database.register("batch", _Batch(rows))
            database.execute(f"INSERT INTO {TABLE} SELECT * FROM batch")
        database.unregister("batch")


class _Batch:
    """Rows as an Arrow stream and nothing else: a frame of polars, DuckDB would pass through pyarrow."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)
