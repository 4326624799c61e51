"""Parts: a table as a folder of Parquet files, in a folder for each key: `year=2025/00000000.parquet`."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import quote

import polars as pl

from tallyport.tables.flat_file import ROWS, parquet_writer

HELD_ROWS = ROWS
"""Rows that wait in memory for more of their key. Beyond them, the key with the most gets a file."""

_BATCH_ROWS = 100_000


def write_parts(frame: pl.LazyFrame, folder: Path, name: str, key: pl.Expr) -> None:
    """Write a frame as Parquet files of a key each; a key has several if its rows come from all over a large frame.

    The files have no column `name`: who reads them takes it from the folder.
    """
    folder.mkdir()
    parts = _Parts(folder, name)
    for batch in frame.collect_batches(chunk_size=_BATCH_ROWS):
        keyed = batch.with_columns(key.alias(name)).partition_by(
            name, maintain_order=True, as_dict=True, include_key=False
        )
        for (value,), rows in keyed.items():
            parts.add(str(value), rows)
    parts.end()


class _Parts:
    """The rows that wait, by key."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._waiting: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        self._rows: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def add(self, key: str, rows: pl.DataFrame) -> None:
        """Take rows of a key."""
        self._waiting[key].append(rows)
        self._rows[key] += len(rows)
        if self._rows.total() > HELD_ROWS:
            self._write(self._rows.most_common(1)[0][0])

    def end(self) -> None:
        """Write what waits."""
        for key in list(self._waiting):
            self._write(key)

    def _write(self, key: str) -> None:
        del self._rows[key]
        place = self._folder / f"{self._name}={quote(key, safe=' ')}"
        place.mkdir(exist_ok=True)
        rows = pl.concat(self._waiting.pop(key))
        path = place / f"{self._files[key]:08}.parquet"
        with parquet_writer(path):
            rows.write_parquet(path, row_group_size=ROWS)
        self._files[key] += 1
