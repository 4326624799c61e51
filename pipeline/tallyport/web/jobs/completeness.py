"""Completeness: how many values ADV2 files have for each period and organisation unit, as a map to look at.

A row costs no Python: rows come in columns, and pairs of indexes are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import row_check
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.progress import Progress

PERIODS_SHOWN, UNITS_SHOWN = 36, 120
"""Most that the map shows: the last periods, and the units that have the least."""

CELLS_LIMIT = 300_000
"""Cells that are counted: what needs more gets no map."""


class Completeness:
    """Counts of values by period and organisation unit; feed it files, then ask for the map."""

    def __init__(self) -> None:
        self._cells: Counter[tuple[str, str]] = Counter()
        self._is_too_large = False
        self.removes_for_good = 0
        """Groups whose header removes what is stored for good."""

    def add(self, files: Sequence[tuple[str, str]]) -> Iterator[Progress]:
        """Count the accepted rows of files, (path, label); one that cannot be read counts as far as it goes."""
        sizes = [Path(path).stat().st_size for path, _ in files]
        done = values = 0
        for (path, label), size in zip(files, sizes, strict=True):
            try:
                with closing(Source.open(path)) as source:
                    file = Adv2File(source)
                    for head in file.heads():
                        header, _, _ = check_form(head.properties)
                        self.removes_for_good += header is not None and header.delete == "hard"
                        if header is None or not head.has_rows:
                            continue
                        for rows in self._count(file, header):
                            position = min(file.position, size)
                            yield Progress(label, "map", done + position, sum(sizes), values + rows)
                        values += header.size
            except SourceUnreadable:
                pass  # whoever validates the file says so
            done += size
            yield Progress(label, "map", done, sum(sizes), values)

    def _count(self, file: Adv2File, header: GroupHeader) -> Iterator[int]:
        rows = RowBatches(file, header, row_check(header, None))
        counts: Counter[tuple[int, int]] = Counter()
        for batch in rows:
            if not self._is_too_large:
                counts.update(zip(batch.integers("pe"), batch.integers("ou"), strict=True))
                self._is_too_large = len(counts) > CELLS_LIMIT
            yield rows.counts[0]
        for (period, unit), count in counts.items():
            self._cells[header.pe[period], header.ou[unit]] += count
        self._is_too_large = self._is_too_large or len(self._cells) > CELLS_LIMIT

    def map(self) -> dict[str, Any] | None:
        """Return the map: periods, units, and a row of counts for each unit; None where there is nothing to show."""
        if self._is_too_large or not self._cells:
            return None
        by_period, by_unit, filled = Counter[str](), Counter[str](), Counter[str]()
        for (period, unit), count in self._cells.items():
            by_period[period] += count
            by_unit[unit] += count
            filled[unit] += 1
        periods = sorted(by_period)[-PERIODS_SHOWN:]
        units = sorted(by_unit, key=lambda unit: (filled[unit], by_unit[unit], unit))[:UNITS_SHOWN]
        return {
            "periods": periods,
            "units": units,
            "cells": [[self._cells[period, unit] for period in periods] for unit in units],
            "most": max(self._cells.values()),
            "total_periods": len(by_period),
            "total_units": len(by_unit),
            "filled": len(self._cells),
        }
