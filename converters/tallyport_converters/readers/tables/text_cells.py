"""The cells of a table as texts: exactly what was written, or marked as what cannot be taken.

Rules: docs/formats/tables.md.
"""

from __future__ import annotations

from enum import Enum, auto

import polars as pl

from tallyport_converters.readers.tables.cell_faults import MARK, CellFault, marked

DIGITS_LIMIT = 15
"""Significant digits of a number that a double holds whatever they are; a single holds six."""

_SINGLE_DIGITS_LIMIT = 6
_WHOLE_LIMIT = 10.0**16
"""Whole numbers below are written without an exponent everywhere."""

_NESTED = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary, pl.Duration)


class Role(Enum):
    """What a column's cells are taken for."""

    PERIOD = auto()
    IDENTIFIER = auto()
    TEXT = auto()
    SHOWN = auto()
    """Nothing: they are counted where they say something."""


def is_readable(type_: pl.DataType) -> bool:
    """Return whether cells of a type have a text."""
    return not isinstance(type_, _NESTED)


def as_text(column: pl.Expr, type_: pl.DataType, role: Role) -> pl.Expr:
    """Return the texts of a column; null stays null. What cannot be taken is marked, unless nobody takes it."""
    if not is_readable(type_):
        return pl.when(column.is_not_null()).then(pl.lit("(nested)"))
    if role is Role.SHOWN or type_ == pl.Null:
        return column.cast(pl.String)
    if isinstance(type_, (pl.Float32, pl.Float64)):
        return of_float(column, _SINGLE_DIGITS_LIMIT if isinstance(type_, pl.Float32) else DIGITS_LIMIT)
    if isinstance(type_, (pl.Date, pl.Datetime, pl.Time)):
        return _of_moment(column, type_, role)
    text = column.cast(pl.String)
    if isinstance(type_, (pl.String, pl.Categorical, pl.Enum)):
        has_nul = text.str.contains(MARK, literal=True)
        return pl.when(has_nul).then(marked(CellFault.NUL, text)).otherwise(text)
    return text


def of_float(column: pl.Expr, digits_limit: int) -> pl.Expr:
    """Write floats as a person would have: the shortest text that reads back as the same, if it is beyond doubt.

    >>> frame = pl.DataFrame({"x": [12.0, 0.1, -0.0, 0.1 + 0.2, 1e20, float("nan"), None]})
    >>> frame.select(of_float(pl.col("x"), 15)).to_series().to_list()
    ['12', '0.1', '0', '\\x00f0.30000000000000004', '\\x00f1e+20', '\\x00nNaN', None]
    """
    shortest = column.cast(pl.String)
    whole = (column == column.floor()) & (column.abs() < _WHOLE_LIMIT)
    text = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(shortest)
    bare = text.str.strip_chars_start("-")
    digits = (
        pl.when(whole)
        .then(bare.str.strip_chars_end("0"))
        .otherwise(bare.str.replace(".", "", literal=True).str.strip_chars_start("0"))
    )
    is_exact = (digits.str.len_bytes() <= digits_limit) & ~text.str.contains("e", literal=True)
    return (
        pl.when(column.is_nan() | column.is_infinite())
        .then(marked(CellFault.NO_NUMBER, shortest))
        .when(is_exact)
        .then(text)
        .otherwise(marked(CellFault.INEXACT, shortest))
    )


def _of_moment(column: pl.Expr, type_: pl.DataType, role: Role) -> pl.Expr:
    """Write dates and times as DHIS2 stores them. Without a time zone: whose day it is would be a guess."""
    if isinstance(type_, pl.Date):
        text = column.dt.strftime("%Y-%m-%d")
    elif isinstance(type_, pl.Time):
        to_minutes = (column.dt.second() == 0) & (column.dt.nanosecond() == 0)
        text = pl.when(to_minutes).then(column.dt.strftime("%H:%M")).otherwise(column.dt.strftime("%H:%M:%S%.f"))
    else:
        text = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if getattr(type_, "time_zone", None) else ""))
    if getattr(type_, "time_zone", None):
        return marked(CellFault.ZONE, text)
    if role is Role.PERIOD:
        return marked(CellFault.DATE, text)
    return text if role is Role.TEXT else marked(CellFault.MOMENT, text)
