"""Rejected rows, explained: a second reading of the blocks that hold any, each such row read slowly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tallyport_converters.header import Header
from tallyport_converters.native import Rejects
from tallyport_converters.readers.reader import Reader, explain
from tallyport_converters.scanning import Place
from tallyport_converters.source_rows import source_rows
from tallyport_schemas.findings import Finding, SourceUnreadable, finding


def explained(
    reader: Reader, header: Header, rejects: Rejects, places: Sequence[Place], block_bytes: int
) -> Iterator[tuple[Finding, Any]]:
    """Yield the finding and the original fields of every rejected row, in row order.

    Raises:
        SourceUnreadable: TP121, the source is no longer what it was.
    """
    for row in source_rows(reader, _numbers(rejects), places, block_bytes):
        try:
            found = explain(row.read, row.number, header, reader)
        except AssertionError as error:
            raise SourceUnreadable(finding("TP121", row=row.number, found=str(error))) from error
        yield row.placed(found, header), row.read.original


def _numbers(rejects: Rejects) -> Iterator[int]:
    row = rejects.after(0)
    while row is not None:
        yield row
        row = rejects.after(row + 1)
