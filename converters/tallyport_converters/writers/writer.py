"""What a writer of a legacy format is given and gives: a file's scope, a group's dimensions, the layout of its rows.

A writer knows one format's bytes and never looks at rows: it says once a group what each index stands for, and the
joiner does the rest. What a format cannot state is said, never bent. Rules: docs/formats/writing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Protocol

from tallyport_converters.model.file_header import SCHEME_PROPERTIES
from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.join import Piece, constant
from tallyport_schemas.finding import Finding, finding

COMBINATIONS_LIMIT = 100_000
"""Combinations of options that are written down for one group."""

COMBINED_BYTES = 64 << 20
"""Characters that they may have in all."""


@dataclass(frozen=True, slots=True)
class Named:
    """A dimension by identifier: one for each combination of the indexes at `places`; None where there is none."""

    identifiers: Sequence[str | None]
    places: range


@dataclass(frozen=True, slots=True)
class Optioned:
    """Combos by category options: a dimension for each category. `categories` is None for a list without names."""

    categories: Sequence[str] | None
    options: Sequence[Named]

    def named(self, field: str) -> Sequence[str]:
        """Return the categories' names.

        Raises:
            Unstated: TP771, there are none.
        """
        if self.categories is None:
            raise no_place(field, f"options for {len(self.options)} categories that are not named")
        return self.categories

    @property
    def combinations(self) -> int:
        """How many combinations the options make."""
        return prod(len(named.identifiers) for named in self.options)

    def check_size(self, field: str) -> None:
        """Do nothing if the combinations can be written down.

        Raises:
            Unstated: TP771, they are too many.
        """
        longest = sum(max(len(name or "") for name in named.identifiers) for named in self.options)
        if self.combinations > COMBINATIONS_LIMIT or self.combinations * longest > COMBINED_BYTES:
            raise no_place(field, f"{self.combinations:,} combinations of options")

    def combined(self) -> Iterator[tuple[str, ...]]:
        """Yield all combinations, in the order of the rows' indexes."""
        yield from product(*(tuple(map(str, named.identifiers)) for named in self.options))

    @property
    def places(self) -> range:
        """The places of all categories together."""
        return range(self.options[0].places.start, self.options[-1].places.stop)


Combos = Named | Optioned | None
"""The combos of a group; None for the default one."""


@dataclass(frozen=True, slots=True)
class GroupScope:
    """What an ADV2 group's rows are about. `sizes`: of the dimensions that its rows have an index for."""

    data_element: str
    data_set: str | None
    periods: Named
    org_units: Named
    coc: Combos
    aoc: Combos
    sizes: Sequence[int]


@dataclass(frozen=True, slots=True)
class DeletionScope:
    """Stored values to mark deleted before the rows of a file are applied: `elements` as DXF2 JSON has them."""

    org_units: Sequence[str]
    periods: Sequence[str]
    elements: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FileScope:
    """What is the same in all rows of a file, and what its beginning has to name.

    `schemes` has the scheme of every kind of identifier. `categories` are those that rows give options for;
    `has_option_lists`: some give attribute options without their categories.
    """

    data_set: str | None
    schemes: Mapping[str, str]
    categories: Sequence[str] = ()
    has_option_lists: bool = False
    deletion: DeletionScope | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a group are written: see `Join`. `separator` begins every row and is omitted before the first."""

    pieces: Sequence[Piece]
    escape: Escape
    group_pieces: int = 0
    group_close: bytes = b""
    separator: bytes = b""


class Writer(Protocol):
    """One legacy format.

    `default_scheme` is what readers take identifiers for that the file does not state a scheme of (`states_schemes`).
    `data_set_of`: where the format names the data set, once a file, once a group of rows, or not at all.
    """

    format: str
    suffix: str
    closing: bytes
    """What comes after the rows."""
    default_scheme: str = "UID"
    states_schemes: bool = False
    data_set_of: str | None = None
    states_deletion: bool = False

    def opening(self, scope: FileScope) -> bytes:
        """Return what comes before the rows."""

    def layout(self, group: GroupScope, scope: FileScope) -> Layout:
        """Return how a group's rows are written.

        Raises:
            Unstated: the format has no place for what the group's header says.
        """


class Unstated(Exception):
    """A group says what the format has no place for: none of its rows can be written. `finding` says what."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.finding = found


def no_place(field: str, found: str) -> Unstated:
    """Return what to raise for category options that have no place in the format."""
    return Unstated(finding("TP771", field=field, found=found))


def scheme_properties(schemes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the header properties that state these schemes, as (name, scheme), in DHIS2's order.

    Category combos have no property of their own: the general one is theirs.
    """
    general = schemes["cc"]
    return [
        (name, scheme)
        for name, kind in SCHEME_PROPERTIES.items()
        if (scheme := schemes[kind] if kind else general) != (general if kind else "UID")
    ]


Escaper = Callable[[str], bytes | None]


def fragments(field: str, named: Named, escaped: Escaper, before: bytes = b"", after: bytes = b"") -> Piece:
    """Return the piece of a dimension: each identifier, escaped, between two texts; None where it cannot be stated."""
    texts = [None if name is None else escaped(name) for name in named.identifiers]
    return Piece(
        PieceKind.PLACES, [None if text is None else before + text + after for text in texts], named.places, field
    )


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces with neighbours that are the same in every row as one."""
    found: list[Piece] = []
    for piece in pieces:
        text, last = _constant(piece), _constant(found[-1]) if found else None
        if text is not None and last is not None:
            found[-1] = constant(last + text)
        else:
            found.append(piece)
    return found


def _constant(piece: Piece) -> bytes | None:
    return piece.texts[0] if piece.kind is PieceKind.PLACES and not piece.places else None
