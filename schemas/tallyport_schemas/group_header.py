"""The header of an ADV2 group as an object: what it says of its rows' scope.

Made by whoever reads ADV2 once the form is right; read by validation, import and export. Format: docs/adv2-format.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

KINDS = ("ds", "de", "ou", "cc", "c", "co", "coc", "aoc")
"""Kinds of identifiers that `ids` speaks of, in its order."""


@dataclass(frozen=True, slots=True)
class OptionDimension:
    """Combos by their options: for each place (a category) the options that rows refer to by index.

    `categories` names the places; None where they are given in the order of the category combo.
    """

    categories: tuple[str, ...] | None
    options: tuple[tuple[str, ...], ...]

    def names(self, dimension: str) -> list[str]:
        """Return what each category is called: `co.Age`, or `co[0]` where categories have no names."""
        if self.categories is None:
            return [f"{dimension}[{i}]" for i in range(len(self.options))]
        return [f"{dimension}.{category}" for category in self.categories]


@dataclass(frozen=True, slots=True)
class GroupHeader:
    """One group's header, well-formed. `ids` has the scheme of every kind (UID where the file says nothing).

    `undo`: when what its rows bring back was removed, as the database said; None for all but undo files.
    """

    ids: Mapping[str, str]
    ds: str | None
    cc: str | None
    de: str
    pe: tuple[str, ...]
    ou: tuple[str, ...]
    coc: tuple[str, ...] | None
    co: OptionDimension | None
    aoc: tuple[str, ...] | None
    ao: OptionDimension | None
    delete: Literal["soft", "hard"] | None
    size: int
    undo: str | None = None

    @property
    def dimensions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What rows have indexes into, in their order: (name, identifiers) each, implicit ones (of one) included.

        A category is called `co.Age`, or `co[0]` where categories have no names.
        """
        named = [("pe", self.pe), ("ou", self.ou)]
        for combo, combos, option, options in (("coc", self.coc, "co", self.co), ("aoc", self.aoc, "ao", self.ao)):
            if options:
                named += zip(options.names(option), options.options, strict=True)
            elif combos:
                named.append((combo, combos))
        return tuple(named)

    @property
    def places(self) -> tuple[int, ...]:
        """How many identifiers each dimension has."""
        return tuple(len(identifiers) for _, identifiers in self.dimensions)
