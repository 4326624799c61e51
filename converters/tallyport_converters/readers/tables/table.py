"""What a table is to its reader: named columns of known types, and rows in chunks, as often as asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tallyport_schemas.finding import Finding

if TYPE_CHECKING:
    import polars as pl

CHUNK_ROWS = 32_768
"""Rows that are looked at together: some megabytes of text."""

SURPLUS = "(surplus cells)"
"""What the column of cells beyond those that have a name is called, as in CSV."""


class ValueTable(Protocol):
    """Rows of named columns. `names` may have a name twice; `types` are polars' of each."""

    format: str
    names: Sequence[str]
    types: Sequence[pl.DataType]
    findings: Sequence[Finding]
    """What there is to report of the table before its rows are read."""
    has_marks: bool
    """Whether texts are cells of a sheet, of which `sheet_cells.settled` says what they mean."""

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows from the beginning, at most `CHUNK_ROWS` at a time; can be called again.

        The first column has the number of each row as `place` understands it; the others are the table's, in order.
        """

    def noticed(self) -> Sequence[Finding]:
        """Return what there is to report once all rows were read."""

    def place(self, row: int, column: int | None) -> Mapping[str, Any]:
        """Return the place of a row, or of its cell in a column (from 0), by the names that a finding has for it."""
