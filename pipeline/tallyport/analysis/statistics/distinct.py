"""Distinct texts: identifiers of many headers as numbers, the same for the same text."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


class Distinct:
    """Gives each text an id, from 0 in the order in which they come. A list that comes again costs nothing."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._ids: dict[str, int] = {}
        self._last: tuple[Sequence[str], pl.Series] = ((), pl.Series([], dtype=pl.Int32))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.texts)

    def ids(self, texts: Sequence[str]) -> pl.Series:
        """Return the id of each text."""
        if texts != self._last[0]:
            self._last = texts, pl.Series([self.id(text) for text in texts], dtype=pl.Int32)
        return self._last[1]

    def id(self, text: str) -> int:
        """Return the id of a text."""
        found = self._ids.get(text)
        if found is None:
            found = self._ids[text] = len(self.texts)
            self.texts.append(text)
        return found
