"""Rejected rows, explained: a second reading of the blocks that hold any, each such row read slowly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from tallyport_converters.header import Header
from tallyport_converters.native import Rejects
from tallyport_converters.readers.reader import Reader, explain
from tallyport_converters.scanning import Place, scan_again
from tallyport_schemas.findings import Finding, SourceUnreadable, finding


def explained(
    reader: Reader, header: Header, rejects: Rejects, places: Sequence[Place], block_bytes: int
) -> Iterator[tuple[Finding, Any]]:
    """Yield the finding and the original fields of every rejected row, in row order.

    Raises:
        SourceUnreadable: TP121, the source is no longer what it was.
    """
    for scanned in scan_again(reader, _with_rejects(rejects, places), block_bytes):
        with scanned.batch as batch:
            first, rows = scanned.place.first_row, scanned.place.rows
            row = rejects.after(first)
            while row is not None and row < first + rows:
                read = reader.row(scanned.block, batch.row_span(row - first))
                try:
                    yield explain(read, row, header, reader), read.original
                except AssertionError as error:
                    raise SourceUnreadable(finding("TP121", row=row, found=str(error))) from error
                row = rejects.after(row + 1)


def _with_rejects(rejects: Rejects, places: Sequence[Place]) -> Iterator[Place]:
    starts = [place.first_row for place in places]
    row = rejects.after(0)
    while row is not None:
        # Places without rows share their first row with the next one: the last of them holds it.
        place = places[bisect_right(starts, row) - 1]
        yield place
        row = rejects.after(place.first_row + place.rows)
