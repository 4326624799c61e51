"""Passes: which groups may be sent in any order, as none of them can hold a key that another one holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tallyport_schemas.group_header import GroupHeader


class _Box(NamedTuple):
    """Option combos as sets of bits; None where a group does not name them."""

    coc: int | None
    aoc: int | None

    def meets(self, other: _Box) -> bool:
        return all(a is None or b is None or a & b for a, b in zip(self, other, strict=True))


class Pass:
    """Groups whose keys differ by their headers: of rows of one key, the last one is to stand.

    Memory grows with distinct identifiers, and with the periods of each data element.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], int] = {}
        self._units: dict[tuple[str, str], dict[_Box, int]] = {}

    def takes(self, header: GroupHeader) -> bool:
        """Take a group in, unless it may hold a key of a group that is in."""
        units = self._bits("ou", header.ou)
        box = _Box(
            self._bits("coc", header.coc) if header.coc else None, self._bits("aoc", header.aoc) if header.aoc else None
        )
        known = [self._units.get((header.de, period), {}) for period in header.pe]
        if any(units & there and box.meets(other) for of in known for other, there in of.items()):
            return False
        for period in header.pe:
            there = self._units.setdefault((header.de, period), {})
            there[box] = there.get(box, 0) | units
        return True

    def _bits(self, kind: str, names: Iterable[str]) -> int:
        found = bytearray()
        for name in names:
            place = self._places.setdefault((kind, name), len(self._places))
            if len(found) <= place >> 3:
                found.extend(bytes((place >> 3) + 1 - len(found)))
            found[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(found, "little")
