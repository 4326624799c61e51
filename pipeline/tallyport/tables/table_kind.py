"""Table kinds: which files a table may be, what each needs to be installed, and which columns it has."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import polars as pl

from tallyport.frames.columns import DATA_ELEMENT, NUMBER, PERIOD
from tallyport_schemas.finding import OutsideFailed, finding


class TableKind(StrEnum):
    """The kinds of tables, each called as the suffix of its files."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    XLSX = "xlsx"
    DUCKDB = "duckdb"


class Partition(StrEnum):
    """By what the files of a partitioned table differ."""

    DATA_ELEMENT = "data-element"
    YEAR = "year"

    @property
    def key(self) -> tuple[str, pl.Expr]:
        """What names the folders, and what it is of a row. A period's text begins with its year."""
        if self is Partition.DATA_ELEMENT:
            return DATA_ELEMENT, pl.col(DATA_ELEMENT)
        return "year", pl.col(PERIOD).str.slice(0, 4)


LIBRARIES: Mapping[TableKind, str] = MappingProxyType({TableKind.XLSX: "xlsxwriter", TableKind.DUCKDB: "duckdb"})
"""What kinds of tables need that the base install lacks."""

_WITHOUT_NUMBERS = (TableKind.CSV, TableKind.XLSX)
"""Kinds whose readers see by themselves which values are numbers."""


def kind_of(path: Path) -> TableKind:
    """Return the kind of table that a file's name asks for.

    Raises:
        ValueError: it asks for none.
    """
    try:
        return TableKind(path.suffix.removeprefix(".").lower())
    except ValueError:
        suffixes = ", ".join(f".{kind}" for kind in TableKind)
        raise ValueError(f"the output says no kind of table: end its name with one of {suffixes}") from None


def require(library: str) -> None:
    """Load a library of the extra `tables`.

    Raises:
        OutsideFailed: TP809, it is not installed.
    """
    try:
        importlib.import_module(library)
    except ImportError as error:
        advice = "install it with pip install 'tallyport[tables]'"
        raise OutsideFailed(finding("TP809", help=advice, found=error.name or library)) from None


def fitted(frame: pl.LazyFrame, kind: TableKind) -> pl.LazyFrame:
    """Return a frame with the columns that this kind of table has."""
    return frame.drop(NUMBER, strict=False) if kind in _WITHOUT_NUMBERS else frame
