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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A server is away and waited for: the request that waits, why, for how long so far and at most. Or it is back."""

    source: str
    reason: str
    waited_s: float
    wait_s: float
    is_over: bool = False
