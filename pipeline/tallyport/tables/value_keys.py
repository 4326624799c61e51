"""Value keys: by what a finding says which value it is about."""

from __future__ import annotations

from collections.abc import Mapping

from tallyport.frames.columns import DATA_ELEMENT, ORG_UNIT, PERIOD

_NAMES = {DATA_ELEMENT: "dataElement", PERIOD: "period", ORG_UNIT: "orgUnit"}


def key_of(row: Mapping[str, object]) -> Mapping[str, str] | None:
    """Return the key of a row of a table as a finding has it, as far as the row has it."""
    return {name: str(row[column]) for column, name in _NAMES.items() if row.get(column)} or None
