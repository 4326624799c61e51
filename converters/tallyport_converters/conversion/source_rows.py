"""Source rows: single rows of a source, read again and slowly, each with its place as a person finds it.

Reads the blocks that hold them, and counts the lines of what lies before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from tallyport_converters.conversion.scan import BlockPlace, scan_again
from tallyport_converters.model.file_header import Header
from tallyport_converters.readers.reader import Number, Reader, RejectedRow
from tallyport_schemas.finding import Finding, shown

KEY = ("dataElement", "period", "orgUnit")
"""The fields that show a person which value it is."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a source: its index, and its content.

    `line`: where it starts, from 1, as an editor counts; None where the source has no lines of its own, such as a PDF.
    `sheet_row`: of a CSV file, the row that a spreadsheet shows.
    """

    number: int
    line: int | None
    sheet_row: int | None
    read: RejectedRow

    def keys(self, header: Header) -> Mapping[str, str]:
        """Return the row's data element, period and organisation unit, as far as it or the header names them."""
        fields = self.read.fields or {}
        named = {name: fields.get(name) for name in KEY}
        named["period"] = named["period"] or header.period
        named["orgUnit"] = named["orgUnit"] or header.org_unit
        return {name: shown(str(text)) for name, text in named.items() if isinstance(text, str | Number) and text != ""}

    def placed(self, found: Finding, header: Header) -> Finding:
        """Return a finding that is about this row, with its place."""
        place: dict[str, Any] = {"line": self.line, "sheet_row": self.sheet_row, **self.read.place}
        place["cell"] = self.read.cells.get(found.field or "")
        return replace(found, row=self.number, keys=self.keys(header), **place)


def source_rows(reader: Reader, rows: Iterable[int], places: Sequence[BlockPlace]) -> Iterator[SourceRow]:
    """Yield rows, given in rising order, of a source that was read to its end in `places`.

    Raises:
        SourceUnreadable: TP121, the source is no longer what it was.
    """
    # Places without rows share their first row with the next one: the last of them holds it.
    starts = [place.first_row for place in places]
    waiting: deque[list[int]] = deque()

    def wanted() -> Iterator[BlockPlace]:
        for at, of_place in groupby(rows, key=lambda row: bisect_right(starts, row) - 1):
            waiting.append(list(of_place))
            yield places[at]

    lines = reader.lines()
    is_csv = lines is not None and lines.state.delimiter  # else a line is a record
    for scanned in scan_again(reader, wanted(), lines):
        with scanned.batch as batch:
            here = lines.copy() if lines else None
            at = len(scanned.place.context)
            for row in waiting.popleft():
                span = batch.row_span(row - scanned.place.first_row)
                if here:
                    here.count(bytes(scanned.block[at : span.start]))
                at = span.start
                yield SourceRow(
                    row,
                    here.state.lines + 1 if here else None,
                    here.state.records + 1 if here and is_csv else None,
                    reader.row(scanned.block, span),
                )
