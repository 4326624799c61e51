"""Dates in the period column: the periods that they begin, where metadata says of which type these are."""

from __future__ import annotations

from datetime import date

import polars as pl

from tallyport_converters.model.periods import PeriodType, containing
from tallyport_converters.readers.reader import KnownPeriodTypes
from tallyport_converters.readers.tables.cell_faults import MARK, CellFault

_DATED = MARK + CellFault.DATE.value


def dated_periods(
    rows: pl.DataFrame, columns: tuple[str, str, str | None], data_set: str, known: KnownPeriodTypes
) -> pl.DataFrame:
    """Return rows with marked dates as the periods of which they are the first days; what begins none stays marked.

    `columns`: those of the data element, the period, and the data set if there is one; `data_set`: if that is empty.
    """
    keys = [column for column in columns if column]
    period = columns[1]
    dated = rows.filter(pl.col(period).str.starts_with(_DATED)).select(keys).unique()
    found: list[str | None] = []
    for of_row in dated.iter_rows():
        kind = known.of(of_row[0] or "", (of_row[2] if len(keys) > 2 else None) or data_set)
        found.append(_period(of_row[1].removeprefix(_DATED), kind) if kind else None)
    if not any(found):
        return rows
    named = dated.with_columns(pl.Series("named", found, dtype=pl.String))
    joined = rows.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.coalesce("named", period).alias(period)).drop("named")


def _period(text: str, kind: PeriodType) -> str | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    period = containing(day, kind)
    return period.iso if period and period.start == day else None
