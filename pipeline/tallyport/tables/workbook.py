"""Workbook: a table as an .xlsx file with one worksheet: its header stays in view, and has a filter.

XlsxWriter makes a workbook without rows. They go between its head and its tail as they come, columns at a time, so a
row costs no Python and memory holds a batch.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain
from pathlib import Path

import polars as pl

from tallyport.tables.cells import LONGEST_TEXT, MOST_COLUMNS, MOST_ROWS, rows_text, too_long
from tallyport.tables.value_keys import key_of
from tallyport_schemas.finding import Finding, Refused, finding

SHEET = "values"
"""The name of the worksheet."""

_BATCH_ROWS = 50_000
_NARROWEST, _WIDEST = 8, 50
_SHEET_MEMBER = "xl/worksheets/sheet1.xml"
_BEFORE_ROWS, _AFTER_ROWS = b"<sheetData>", b"</sheetData>"
_STAMP = datetime(1980, 1, 1, tzinfo=UTC)
"""The time of everything in the file, so that the same values give the same bytes."""


def write_workbook(frame: pl.LazyFrame, path: Path, numeric: Sequence[str]) -> LongTexts:
    """Write a frame as a workbook; returns what was skipped, as a text is longer than a cell.

    `numeric`: the columns of values, texts that become numbers where a worksheet carries them exactly.

    Raises:
        ImportError: XlsxWriter is not installed.
        Refused: TP790, the frame has more rows or columns than a worksheet.
    """
    schema = frame.collect_schema()
    if len(schema) > MOST_COLUMNS:
        raise Refused(finding("TP790", found=f"{len(schema):,} columns", expected=f"at most {MOST_COLUMNS:,}"))
    batches = iter(frame.collect_batches(chunk_size=_BATCH_ROWS))
    first = next(batches, pl.DataFrame(schema=schema))
    shell = _Shell(schema, _widths(first), rows=0)
    long_texts = LongTexts(schema, numeric)
    rows = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_member(_SHEET_MEMBER), "w", force_zip64=True) as sheet:
            sheet.write(shell.head)
            for batch in chain([first], batches):
                kept = long_texts.without(batch)
                if rows + len(kept) >= MOST_ROWS:
                    raise Refused(finding("TP790", expected=f"at most {MOST_ROWS - 1:,} rows"))
                sheet.write(rows_text(kept, rows + 2, numeric, shell.day_style).encode())
                rows += len(kept)
            shell = _Shell(schema, shell.widths, rows)
            sheet.write(shell.tail)
        for name, content in shell.others.items():
            archive.writestr(_member(name), content)
    return long_texts


class LongTexts:
    """Rows that are skipped, as one of their texts is longer than a cell: how many, with how many values."""

    def __init__(self, schema: Mapping[str, pl.DataType], numeric: Sequence[str]) -> None:
        self._texts = [name for name, kind in schema.items() if kind == pl.String]
        self._values = pl.max_horizontal(pl.lit(1), pl.sum_horizontal(pl.col(numeric).is_not_null()))
        self.rows = self.values = 0
        self.found: Finding | None = None

    def without(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return a batch without them."""
        is_long = batch.select(too_long(self._texts)).to_series()
        if not is_long.any():
            return batch
        skipped = batch.filter(is_long)
        self.rows += len(skipped)
        self.values += skipped.select(self._values.sum()).item()
        self.found = replace(self.found or self._about(skipped), count=self.values)
        return batch.filter(~is_long)

    def _about(self, skipped: pl.DataFrame) -> Finding:
        """Return the finding about the first of some."""
        first = skipped.row(0, named=True)
        column = max(self._texts, key=lambda name: len(first[name] or ""))
        found = finding("TP791", field=column, found=first[column], expected=f"at most {LONGEST_TEXT:,} characters")
        return replace(found, keys=key_of(first))


class _Shell:
    """A workbook that has all but its rows: the parts of it that go before and after them."""

    def __init__(self, schema: Mapping[str, pl.DataType], widths: Sequence[int], rows: int) -> None:
        from xlsxwriter import Workbook

        self.widths = widths
        made = BytesIO()
        with Workbook(made, {"in_memory": True}) as book:
            book.set_properties({"created": _STAMP.replace(tzinfo=None)})
            sheet = book.add_worksheet(SHEET)
            heading, day = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
            for place, (name, width) in enumerate(zip(schema, widths, strict=True)):
                sheet.set_column(place, place, width)
                sheet.write_string(0, place, name, heading)
            sheet.write_datetime(1, 0, _STAMP.replace(tzinfo=None), day)  # shows which style a day has
            sheet.freeze_panes(1, 0)
            sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})  # 007 and 202501 are meant as texts
            sheet.autofilter(0, 0, max(rows, 1), len(schema) - 1)
        with zipfile.ZipFile(made) as archive:
            self.others = {name: archive.read(name) for name in archive.namelist() if name != _SHEET_MEMBER}
            text = archive.read(_SHEET_MEMBER)
        text = re.sub(rb"<dimension [^>]*/>", b"", text)  # it may be missing, and is not known before the last row
        before, _, rest = text.partition(_BEFORE_ROWS)
        written, _, after = rest.partition(_AFTER_ROWS)
        header, _, sample = written.partition(b"</row>")
        style = re.search(rb' s="([0-9]+)"', sample)
        assert style
        self.day_style = style[1].decode()
        self.head = before + _BEFORE_ROWS + header + b"</row>"
        self.tail = _AFTER_ROWS + after


def _widths(first: pl.DataFrame) -> list[int]:
    """Return how wide columns are, in characters: as their first rows need it, within bounds."""
    texts = first.select(pl.all().cast(pl.String).str.len_chars().max())
    longest = {name: texts[name][0] or 0 for name in first.columns}
    return [min(max(longest[name], len(name) + 3, _NARROWEST) + 1, _WIDEST) for name in first.columns]  # 3: the filter


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _STAMP.timetuple()[:6])
    member.compress_type = zipfile.ZIP_DEFLATED
    return member
