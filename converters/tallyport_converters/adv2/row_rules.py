"""What metadata says of the rows of one group: made once from the snapshot, then read by pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from tallyport_schemas.generations import Generation


@dataclass(frozen=True, slots=True)
class RowRules:
    """Rules for values and comments; None where the snapshot does not say or there is no such rule.

    `multi`: a value names several options, separated by commas. `generation`: whose DHIS2 judges.
    """

    value_type: str | None = None
    option_codes: frozenset[str] | None = None
    multi: bool = False
    comment_codes: frozenset[str] | None = None
    file_resources: frozenset[str] | None = None
    generation: Generation = Generation.V43
