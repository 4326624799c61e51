"""Cells: the columns of a batch as the text of a worksheet's rows. A row costs no Python.

A value is a number where a worksheet carries exactly that text (`CARRIED`), else a text, which never is a formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

MOST_ROWS = 1_048_576
"""Rows of a worksheet, its header included."""

MOST_COLUMNS = 16_384
"""Columns of a worksheet."""

LONGEST_TEXT = 32_767
"""Characters (UTF-16 units) of a cell."""

DIGITS = 15
"""Significant digits of a number that every spreadsheet keeps."""

CARRIED = r"^(?:0|-?[1-9][0-9]*(?:\.[0-9]*[1-9])?|-?0\.0{0,4}[1-9](?:[0-9]*[1-9])?)$"
"""The texts that a number comes back as, if it has no more than `DIGITS`: smaller ones are written with an exponent."""

_LONGEST_NUMBER = 32
_DAY_ZERO, _FIRST_DAY = date(1899, 12, 30), date(1900, 3, 1)
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CONTROLS = [chr(code) for code in (*range(9), 11, 12, *range(13, 32), 0xFFFE, 0xFFFF)]
_ESCAPES = _MARKUP | {control: f"_x{ord(control):04X}_" for control in _CONTROLS}


def column_letters(index: int) -> str:
    """Return what a worksheet calls a column, counted from 0.

    >>> column_letters(0), column_letters(25), column_letters(26), column_letters(16_383)
    ('A', 'Z', 'AA', 'XFD')
    """
    letters = ""
    index += 1
    while index:
        index, place = divmod(index - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


def rows_text(batch: pl.DataFrame, first_row: int, numeric: Sequence[str], day_style: str) -> str:
    """Return the rows of a batch as a worksheet's XML; `first_row`: the number of the first, from 1.

    `numeric`: the columns of text that become numbers where these carry it. `day_style`: the number of the style of
    a day.
    """
    numbered = batch.with_row_index("row number", first_row)
    row = pl.col("row number").cast(pl.String)
    cells = [
        _cell(name, kind, pl.format('<c r="' + column_letters(place) + '{}"', row), name in numeric, day_style)
        for place, (name, kind) in enumerate(batch.schema.items())
    ]
    line = pl.concat_str([pl.format('<row r="{}">', row), *cells, pl.lit("</row>")])
    return "".join(numbered.select(line).to_series())


def too_long(columns: Sequence[str]) -> pl.Expr:
    """Return whether a row has a text that no cell holds."""
    # UTF-16 has two units for what UTF-8 has four bytes for; only long texts are counted that way.
    units = pl.any_horizontal(_units(name) > LONGEST_TEXT for name in columns)
    return units.fill_null(value=False)


def _units(name: str) -> pl.Expr:
    text = pl.col(name)
    astral = pl.when(text.str.len_bytes() > LONGEST_TEXT).then(text.str.count_matches(r"[\x{10000}-\x{10FFFF}]"))
    return text.str.len_chars() + astral.fill_null(0)


def escaped(text: pl.Expr) -> pl.Expr:
    """Return a text as XML has it; what XML cannot carry, as spreadsheets write it: `_x0007_`."""
    kept = text.str.replace_all(r"_(x[0-9A-Fa-f]{4}_)", "_x005F_${1}")
    return kept.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


def _cell(name: str, kind: pl.DataType, start: pl.Expr, is_numeric: bool, day_style: str) -> pl.Expr:
    """Return the cells of a column; `start`: the beginning of each."""
    shown = pl.col(name)
    if kind == pl.String:
        return pl.when(shown.is_null()).then(pl.lit("")).otherwise(_text(shown, start, is_numeric=is_numeric))
    if kind == pl.Boolean:
        cell = pl.concat_str(start, pl.lit(' t="b"><v>'), shown.cast(pl.Int8).cast(pl.String), pl.lit("</v></c>"))
    elif kind == pl.Date:
        days = (shown - pl.lit(_DAY_ZERO)).dt.total_days().cast(pl.String)
        cell = pl.concat_str(start, pl.lit(f' s="{day_style}"><v>'), days, pl.lit("</v></c>"))
        early = _text(shown.dt.to_string("iso"), start, is_numeric=False)
        cell = pl.when(shown < _FIRST_DAY).then(early).otherwise(cell)  # before that spreadsheets disagree
    else:
        cell = pl.concat_str(start, pl.lit("><v>"), shown.cast(pl.String), pl.lit("</v></c>"))
    return pl.when(shown.is_null()).then(pl.lit("")).otherwise(cell)


def _text(text: pl.Expr, start: pl.Expr, *, is_numeric: bool) -> pl.Expr:
    as_text = pl.concat_str(start, pl.lit(' t="inlineStr"><is><t xml:space="preserve">'), escaped(text))
    as_text = pl.concat_str(as_text, pl.lit("</t></is></c>"))
    if not is_numeric:
        return as_text
    as_number = pl.concat_str(start, pl.lit("><v>"), text, pl.lit("</v></c>"))
    digits = text.str.replace_all(r"[-.]", "").str.strip_chars_start("0").str.len_bytes()
    is_carried = text.str.contains(CARRIED) & (digits <= DIGITS) & (text.str.len_bytes() <= _LONGEST_NUMBER)
    return pl.when(is_carried).then(as_number).otherwise(as_text)
