"""Passage: what is seen of a table's rows as they pass on their way into its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import polars as pl

from tallyport.tables.value_keys import key_of
from tallyport_schemas.finding import Finding, finding

_FORMULA = r"^(?:[=+@\t\r]|-[^0-9.])"
"""How texts begin that a spreadsheet takes for a formula where it opens a file of text."""


class Passage:
    """Counts rows, and looks for texts that begin like a formula if asked."""

    def __init__(self, *, looks_for_formulas: bool = False) -> None:
        self._looks, self._lock = looks_for_formulas, Lock()
        self.rows = 0
        self.formulas: Finding | None = None

    def through(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the same rows, which are seen when they are read."""
        schema = frame.collect_schema()
        texts = [name for name, kind in schema.items() if kind == pl.String] if self._looks else []

        def see(batch: pl.DataFrame) -> pl.DataFrame:
            with self._lock:
                self.rows += len(batch)
                if texts:
                    self._look(batch, texts)
            return batch

        return frame.map_batches(see, schema=schema, validate_output_schema=False, streamable=True)

    def _look(self, batch: pl.DataFrame, texts: Sequence[str]) -> None:
        # Most texts repeat in a batch: what is looked at is each of them once.
        begins = {name: batch[name].unique().str.contains(_FORMULA).any() for name in texts}
        suspects = [name for name, is_found in begins.items() if is_found]
        if not suspects:
            return
        like = batch.filter(pl.any_horizontal(pl.col(suspects).str.contains(_FORMULA).fill_null(value=False)))
        if self.formulas is None:
            first = like.row(0, named=True)
            column = next(
                name for name in suspects if pl.Series([first[name]], dtype=pl.String).str.contains(_FORMULA)[0]
            )
            self.formulas = replace(finding("TP794", field=column, found=first[column], count=0), keys=key_of(first))
        self.formulas = replace(self.formulas, count=(self.formulas.count or 0) + len(like))
