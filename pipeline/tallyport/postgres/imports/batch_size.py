"""Batching: how much of a group passes through the database's temporary space at a time.

Both sides of a group, its rows and the values that are stored in its scope, are taken whole or in parts:

    whole    all rows are staged, and all that is stored in the scope is read, once
    rows     rows are staged in batches; what is stored is read once
    stored   all rows are staged; of what is stored, only the keys of the rows are looked up
    both     rows are staged in batches, and for each batch the keys of its rows are looked up

Rows are ordered by period and organisation unit, so a batch is a stretch of the grid that these two make: the header's
periods, each with all organisation units. A cell of it is a *block*, numbered in that order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.row_batch import RowBatch

ROWS_WHOLE = 500_000
"""Rows that are staged at once, some 100 MB of temporary space."""

ROWS_BATCH = 250_000
"""Rows of a batch, where there are more: those beyond it stay with the client until the batch is in."""

STORED_WHOLE = 1_000_000
"""Stored values that are read at once."""

_WORTH = 20
"""Stored values for each row that are read rather than looked up: reading one costs a fraction of finding one."""

_WORTH_ANYWAY = 10_000


class Mode(StrEnum):
    """Which side of a group is taken in parts."""

    WHOLE = "whole"
    ROWS = "rows"
    STORED = "stored"
    BOTH = "both"

    @property
    def batches_rows(self) -> bool:
        """Whether rows are staged in batches."""
        return self in (Mode.ROWS, Mode.BOTH)

    @property
    def looks_up(self) -> bool:
        """Whether of what is stored only the keys of rows are looked up."""
        return self in (Mode.STORED, Mode.BOTH)


@dataclass(frozen=True, slots=True)
class Batching:
    """How a group was taken, and why."""

    mode: Mode
    reason: str


def stored_limit(rows: int, forced: Mode | None) -> int | None:
    """Return how many stored values of a scope may be read for `rows` rows; None for any number."""
    if forced is not None:
        return 0 if forced.looks_up else None
    return min(STORED_WHOLE, max(_WORTH * rows, _WORTH_ANYWAY))


def choose(rows: int, stored: int | None, forced: Mode | None) -> Batching:
    """Choose how to take a group of `rows` rows; `stored` is None where more is stored than is read at once."""
    if forced is not None:
        return Batching(forced, "asked for")
    batched, looked_up = rows > ROWS_WHOLE, stored is None
    mode = {
        (False, False): Mode.WHOLE,
        (True, False): Mode.ROWS,
        (False, True): Mode.STORED,
        (True, True): Mode.BOTH,
    }[batched, looked_up]
    of_rows = f"{rows:,} rows, {'more' if batched else 'not more'} than {ROWS_WHOLE:,}"
    limit = stored_limit(rows, None)
    of_stored = f"more than {limit:,} values stored in its scope" if stored is None else f"{stored:,} values stored"
    return Batching(mode, f"{of_rows}; {of_stored}")


Part = tuple[ArrowBatch, int, int]
"""Rows of a batch that was read: from the first number to before the second."""


@dataclass(slots=True)
class Stretch:
    """A stretch of the grid, from block `start` to before block `end`, and its rows: read `parts` once, then `end`."""

    start: int
    end: int = 0
    parts: Iterator[Part] = field(init=False)
    rest: Part | None = None
    """Rows that were read and belong to the next batch; None: this is the last one."""


def batches(source: Iterable[ArrowBatch], *, rows: int, periods: int, units: int) -> Iterator[Stretch]:
    """Part rows into batches of about `rows`, never within a block.

    The grid has so many `periods` and `units`. The last batch reaches to its end, so that all batches together are the
    grid.
    """
    unread = ((batch, 0, len(batch)) for batch in source)
    batch = Stretch(0)
    while True:
        parts = chain([batch.rest] if batch.rest else (), unread)
        batch = Stretch(batch.end)
        batch.parts = _parts(parts, rows, periods, units, batch)
        yield batch
        if batch.rest is None:
            return


def _parts(parts: Iterable[Part], rows: int, periods: int, units: int, batch: Stretch) -> Iterator[Part]:
    count = 0
    for read, start, stop in parts:
        count += stop - start
        if count >= rows and start < stop:
            at, block = _last_block(read, start, stop, units)
            if at > start:  # else it is one block so far
                batch.end, batch.rest = block, (read, at, stop)
                yield read, start, at
                return
        yield read, start, stop
    batch.end = periods * units


def _last_block(batch: RowBatch, start: int, stop: int, units: int) -> tuple[int, int]:
    """Return where the last block begins among some rows, and its number."""
    of_period, of_unit = batch.integers("pe"), batch.integers("ou")

    def block(row: int) -> int:
        return of_period[row] * units + of_unit[row]

    last = block(stop - 1)
    return bisect_left(range(stop), last, start, key=block), last
