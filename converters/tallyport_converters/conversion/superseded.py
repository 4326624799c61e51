"""Superseded values that differ from what superseded them: how that is reported, and what the manifest says of it."""

from __future__ import annotations

from typing import Any

from tallyport_converters.conversion.groups import Counts, RowText, Superseding
from tallyport_schemas.finding import Finding, finding

ELEMENTS_LIMIT = 100
"""Data elements that the manifest counts apart."""

_NAMED = 5
"""Data elements that the finding names."""

_TEXT, _IDENTIFIER = 24, 40
"""Characters of a value, and of an identifier, that the finding shows."""

OTHER = "(other)"


def by_data_element(counts: Counts) -> dict[str, int]:
    """Return the number of such values by data element, most first; what is beyond the limit is counted together."""
    in_order = sorted(counts.different.items(), key=lambda item: (-item[1], item[0]))
    found = dict(in_order[:ELEMENTS_LIMIT])
    if rest := sum(rows for _, rows in in_order[ELEMENTS_LIMIT:]):
        found[OTHER] = rest
    return found


def members(counts: Counts) -> dict[str, Any]:
    """Return what the manifest says."""
    return {
        "values": sum(counts.different.values()),
        "dataElements": by_data_element(counts),
        "sample": [pair.as_json() for pair in counts.sample],
    }


def superseded_by_others(counts: Counts) -> Finding:
    """Say how many there are, in which data elements, and show the first."""
    elements = sorted(counts.different.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{_cut(element, _IDENTIFIER)} {rows:,}" for element, rows in elements[:_NAMED])
    more = f", and {len(elements) - _NAMED:,} more data elements" if len(elements) > _NAMED else ""
    count = sum(counts.different.values())
    noun = "value was" if count == 1 else "values were"
    return finding(
        "TP426",
        message=f"{count:,} {noun} superseded by a later one that differs: {named}{more}",
        row=counts.sample[0].lost.row,
        field="value",
        culprits=map(_pair, counts.sample),
        count=count,
    )


def _pair(pair: Superseding) -> str:
    key = " ".join(_cut(text, _IDENTIFIER) for text in (pair.data_element, pair.period, pair.org_unit))
    lost, by = _said(pair.lost, pair.by), _said(pair.by, pair.lost)
    has_lines = pair.lost.line != pair.by.line  # all rows of a file may stand on one
    first, last = (
        f"line {one.line:,}" if has_lines and one.line else f"row {one.row:,}" for one in (pair.lost, pair.by)
    )
    return f"{key}: {first} has {lost} and {last} {by}"


def _said(one: RowText, other: RowText) -> str:
    """Show what a row says, as far as that is the difference."""
    parts = []
    if one.value != other.value or (one.is_deleted, one.comment, one.is_marked) == (
        other.is_deleted,
        other.comment,
        other.is_marked,
    ):
        parts.append(_cut(one.value, _TEXT) or "no value")
    if one.is_deleted != other.is_deleted:
        parts.append("deleted" if one.is_deleted else "not deleted")
    if one.is_marked != other.is_marked:
        parts.append("a follow-up" if one.is_marked else "no follow-up")
    if one.comment != other.comment and one.value == other.value:
        parts.append(f'the comment "{_cut(one.comment, _TEXT)}"' if one.comment else "no comment")
    return ", ".join(parts)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
