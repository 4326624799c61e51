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
    def places(self) -> tuple[int, ...]:
        """How many identifiers each place of a row's indexes has, in row order, implicit places (of 1) included."""
        coc = tuple(map(len, self.co.options)) if self.co else (len(self.coc),) if self.coc else ()
        aoc = tuple(map(len, self.ao.options)) if self.ao else (len(self.aoc),) if self.aoc else ()
        return (len(self.pe), len(self.ou), *coc, *aoc)
