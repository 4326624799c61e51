"""Memory: what was found before, by what was asked. Bounded: it begins again when it is full."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

KEPT = 10_000
"""Objects, or identifiers, that are kept in all: some 10 MB."""

_SMALL = KEPT // 10

T = TypeVar("T")


class Memory(Generic[T]):
    """What was found, each with how many objects it takes; many of them are not kept."""

    def __init__(self) -> None:
        self._found: dict[Hashable, T] = {}
        self._objects = 0

    def get(self, asked: Hashable) -> T | None:
        """Return what was found, if it was kept."""
        return self._found.get(asked)

    def keep(self, asked: Hashable, found: T, objects: int) -> None:
        """Keep what was found."""
        if objects > _SMALL:
            return
        if self._objects + objects > KEPT:
            self._found.clear()
            self._objects = 0
        self._found[asked] = found
        self._objects += objects
