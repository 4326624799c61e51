"""Progress: how far a long piece of work has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units (bytes where a source is read) of one phase of one source; `values` seen so far.

    `counted` says what these are, where they are no values.
    """

    source: str
    phase: str
    done: int
    total: int
    values: int
    counted: str = "values"
