"""The cells of a sheet as texts: numbers as a person would write them, dates marked by what their cells show.

A date becomes a period or a value only where it is known what its column holds: `settled` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tallyport_converters.readers.tables.cell_faults import MARK, CellFault, marked
from tallyport_converters.readers.tables.number_format import CellShape
from tallyport_converters.readers.tables.text_cells import DIGITS_LIMIT, Role, of_float

CELL_SCHEMA = {"row": pl.UInt32, "column": pl.UInt32, "type": pl.String, "style": pl.UInt32, "text": pl.String}
"""The records that a scan of a sheet gives."""

_PLAIN = r"^(0|-?[1-9][0-9]{0,14})$"
_DAYS_1900 = -25_569
"""Day 0 of serial numbers, in days from 1970."""

_DAYS_1904 = -24_107
_LAST_SERIAL = 2_958_466
"""The day after the last one that a workbook can show, at the end of 9999."""

_DATES = "".join(shape.value for shape in CellShape if shape not in (CellShape.NUMBER, CellShape.PERCENT))


@dataclass(frozen=True, slots=True)
class CellTexts:
    """What the cells of a workbook refer to. `shapes`: by style; `from_1904`: days are counted from there."""

    strings: pl.Series
    shapes: Sequence[CellShape]
    from_1904: bool = False

    def of(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Return cells, as `CELL_SCHEMA` has them, with their texts as `text`.

        Raises:
            IndexError: a cell refers to a string that there is not.
        """
        is_shared = pl.col("type") == "s"
        number = pl.when(is_shared).then(pl.col("text")).cast(pl.UInt32, strict=False)
        known = cells.select(bad=(is_shared & ~(number < len(self.strings)).fill_null(False)).any()).item()
        if known:
            raise IndexError("a cell refers to a shared string that there is not")
        shared = cells.select(number.alias("n"))["n"]
        strings = self.strings.gather(shared) if len(self.strings) else pl.Series("", [None] * len(cells), pl.String)
        shapes: Mapping[int, str] = dict(enumerate(map(str, self.shapes)))
        shape = pl.col("style").replace_strict(shapes, default=str(CellShape.NUMBER), return_dtype=pl.String)
        said, value = pl.col("text").fill_null(""), pl.col("text").cast(pl.Float64, strict=False)
        plain = pl.when(said.str.contains(_PLAIN)).then(said).otherwise(of_float(value, DIGITS_LIMIT))
        of_number = pl.when(value.is_null()).then(marked(CellFault.NO_NUMBER, said)).otherwise(plain)
        is_date = shape.str.contains(f"[{_DATES}]") & (value >= 0) & (value < _LAST_SERIAL)
        percent = marked(CellFault.PERCENT, of_float((value * 100).round(6), 17) + "%")
        moment = pl.when(said.str.len_bytes() == 10).then(said + "T00:00:00").otherwise(said)
        truth = said.replace_strict({"1": "true", "0": "false"}, default=said, return_dtype=pl.String)
        text = (
            pl.when(is_shared)
            .then(strings)
            .when(pl.col("type") == "n")
            .then(
                pl.when(is_date).then(self._dated(value, shape)).when(shape == "P").then(percent).otherwise(of_number)
            )
            .when(pl.col("type") == "d")
            .then(pl.lit(MARK) + pl.when(shape == "N").then(pl.lit("S")).otherwise(shape) + moment)
            .when(pl.col("type") == "b")
            .then(truth)
            .when(pl.col("type") == "e")
            .then(marked(CellFault.ERROR, said))
            .when(pl.col("type") == "f")
            .then(marked(CellFault.NO_RESULT, said))
            .otherwise(said)
        )
        return cells.with_columns(text=text).filter(pl.col("text").is_not_null() & (pl.col("text") != ""))

    def _dated(self, serial: pl.Expr, shape: pl.Expr) -> pl.Expr:
        """Write a serial number as a marked date. The calendar of 1900 has a 29 February: days before are later."""
        day = serial.floor() + (_DAYS_1904 if self.from_1904 else _DAYS_1900)
        if not self.from_1904:
            day = day + pl.when(serial < 60).then(1).otherwise(0)
        milliseconds = ((day + (serial - serial.floor())) * 86_400_000).round(0).cast(pl.Int64)
        moment = milliseconds.cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.lit(MARK) + shape + moment


def settled(text: pl.Expr, role: Role) -> pl.Expr:
    """Return what marked cells of a sheet say in a column of that role."""
    is_marked = text.str.starts_with(MARK)
    said, mark = text.str.slice(2), text.str.slice(1, 1)
    is_date = is_marked & mark.str.contains(f"[{_DATES}]")
    whole_day = said.str.replace(r"T00:00:00(\.0+)?$", "")
    time = said.str.slice(11)
    value = (
        pl.when(mark == "T").then(pl.when(said.str.ends_with(":00")).then(time.str.slice(0, 5)).otherwise(time))
        .when(mark == "S").then(said)
        .otherwise(whole_day)
    )  # fmt: skip
    if role is Role.SHOWN:
        return pl.when(is_date).then(value).when(is_marked).then(said).otherwise(text)
    if role is Role.TEXT:
        return pl.when(is_date).then(value).otherwise(text)
    if role is Role.IDENTIFIER:
        return pl.when(is_date).then(marked(CellFault.MOMENT, value)).otherwise(text)
    period = (
        pl.when(mark == "M").then(said.str.slice(0, 4) + said.str.slice(5, 2))
        .when(mark == "Y").then(said.str.slice(0, 4))
        .otherwise(marked(CellFault.DATE, value))
    )  # fmt: skip
    return pl.when(is_date).then(period).otherwise(text)
