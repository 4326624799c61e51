"""Columns: what a snapshot holds of each kind of object, column by column.

An object is a row of its table; objects refer to each other by row. A row may be known from references alone: then
only its UID is there, and `is_defined` says so. Texts lie joined until they are used.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

NONE: Final = -1
"""No row, no list: unknown, or there is none."""

UNKNOWN: Final = -(2**31)
"""No number."""

ColumnType = Literal["text", "int", "day", "row", "rows", "texts", "days", "marks"]
"""text; number; day; row of another table; list of rows; of texts; of days; a set of rows of another table.

A day is the ordinal of a date, 0 for none.
"""


class TableColumn(NamedTuple):
    """What a column holds: of which field of an export, if of just one; `table` is the one that its rows are of."""

    type: ColumnType
    field: str = ""
    table: str = ""


_IDENTIFIERS = {"code": TableColumn("text", "code"), "name": TableColumn("text", "name")}
_COMBO = TableColumn("row", "categoryCombo", "categoryCombos")
_OPTIONS = TableColumn("rows", "categoryOptions", "categoryOptions")
_ORG_UNITS = TableColumn("marks", "organisationUnits", "organisationUnits")

TABLES: Mapping[str, Mapping[str, TableColumn]] = MappingProxyType(
    {
        "attributes": _IDENTIFIERS,
        "categories": {**_IDENTIFIERS, "options": _OPTIONS},
        "categoryCombos": {**_IDENTIFIERS, "categories": TableColumn("rows", "categories", "categories")},
        "categoryOptionCombos": {**_IDENTIFIERS, "combo": _COMBO, "options": _OPTIONS},
        "categoryOptions": {
            **_IDENTIFIERS,
            "start": TableColumn("day", "startDate"),
            "end": TableColumn("day", "endDate"),
            "org_units": _ORG_UNITS,
        },
        "dataElements": {
            **_IDENTIFIERS,
            "domain_type": TableColumn("text", "domainType"),
            "value_type": TableColumn("text", "valueType"),
            "zero_is_significant": TableColumn("int", "zeroIsSignificant"),
            "combo": _COMBO,
            "option_set": TableColumn("row", "optionSet", "optionSets"),
            "comment_option_set": TableColumn("row", "commentOptionSet", "optionSets"),
        },
        "dataSets": {
            **_IDENTIFIERS,
            "period_type": TableColumn("text", "periodType"),
            "combo": _COMBO,
            "expiry_days": TableColumn("int", "expiryDays"),
            "open_future_periods": TableColumn("int", "openFuturePeriods"),
            "open_periods_after_option_end": TableColumn("int", "openPeriodsAfterCoEndDate"),
            "elements": TableColumn("rows", table="dataElements"),
            "element_combos": TableColumn("rows", table="categoryCombos"),
            "org_units": _ORG_UNITS,
            "input_periods": TableColumn("texts"),
            "input_openings": TableColumn("days"),
            "input_closings": TableColumn("days"),
        },
        "fileResources": _IDENTIFIERS,
        "optionSets": {**_IDENTIFIERS, "options": TableColumn("texts")},
        "organisationUnits": {
            **_IDENTIFIERS,
            "parent": TableColumn("row", "parent", "organisationUnits"),
            "opening": TableColumn("day", "openingDate"),
            "closed": TableColumn("day", "closedDate"),
        },
    }
)
"""The tables of a snapshot, named as DHIS2's collections, and their columns other than `uid` and attribute values."""


@dataclass(eq=False)
class Lists:
    """A list for each row, all in one; None where nothing is known of it.

    A set of rows of another table is a list of bytes: bit 0 of byte 0 is row 0, zero bytes at the end are omitted.
    """

    counts: array[int]
    """`NONE` for an unknown list."""
    values: Sequence[int] | Sequence[str] | bytes
    """Those of all lists, one after the other."""

    @cached_property
    def _starts(self) -> array[int]:
        starts, start = array("i"), 0
        for count in self.counts:
            starts.append(start)
            start += max(count, 0)
        return starts

    def of(self, row: int) -> Sequence[int] | Sequence[str] | bytes | None:
        """Return the list of `row`."""
        count = self.counts[row]
        if count < 0:
            return None
        start = self._starts[row]
        return self.values[start : start + count]


_BITS = tuple(bytes((byte >> bit) & 1 for bit in range(8)) for byte in range(256))


def expanded(bits: bytes, rows: int) -> bytes:
    """Return a set of rows as `rows` bytes, each 0 or 1."""
    return b"".join(map(_BITS.__getitem__, bits))[:rows].ljust(rows, b"\0")


def packed(rows: Sequence[int]) -> bytes:
    """Return a set of rows as bits.

    >>> packed([0, 9])
    b'\\x01\\x02'
    """
    bits = bytearray(max(rows, default=-8) // 8 + 1)
    for row in rows:
        bits[row >> 3] |= 1 << (row & 7)
    return bytes(bits)


@dataclass(eq=False)
class Table:
    """All objects of a kind. `uids` has each row's UID; `seen` names the fields that the exports had for any.

    Of `columns`, texts are a list, or joined; numbers an array; others `Lists`.
    """

    name: str
    uids: list[str]
    is_defined: bytes | bytearray
    seen: frozenset[str]
    columns: dict[str, object]
    attributes: Mapping[str, Mapping[int, str]]
    _: KW_ONLY
    is_present: bool
    _indexes: dict[str, tuple[dict[str, int], frozenset[str]]] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        """How many rows there are, those known from references alone included."""
        return len(self.uids)

    @property
    def defined(self) -> int:
        """How many objects there are."""
        return sum(self.is_defined)

    def texts(self, column: str) -> list[str]:
        """Return a column of texts, empty for none."""
        found = self.columns[column]
        if isinstance(found, str):
            found = self.columns[column] = found.split("\0")
        assert isinstance(found, list)
        return found

    def ints(self, column: str) -> array[int]:
        """Return a column of numbers, days or rows."""
        found = self.columns[column]
        assert isinstance(found, array)
        return found

    def lists(self, column: str) -> Lists:
        """Return a column of lists."""
        found = self.columns[column]
        assert isinstance(found, Lists)
        if isinstance(found.values, str):
            found.values = found.values.split("\0")
        return found

    def rows_of(self, column: str, row: int) -> Sequence[int] | None:
        """Return a list of rows or days; None if it is not known."""
        return self.lists(column).of(row)  # type: ignore[return-value]

    def texts_of(self, column: str, row: int) -> Sequence[str] | None:
        """Return a list of texts; None if it is not known."""
        return self.lists(column).of(row)  # type: ignore[return-value]

    def bits_of(self, column: str, row: int) -> bytes | None:
        """Return a set of rows; None if it is not known."""
        return self.lists(column).of(row)  # type: ignore[return-value]

    def identifiers(self, scheme: str) -> tuple[Iterable[int], Sequence[str]]:
        """Return rows and their identifiers in `scheme`, of which some may be empty."""
        if scheme.startswith("ATTRIBUTE:"):
            values = self.attributes.get(scheme.removeprefix("ATTRIBUTE:"), {})
            return values.keys(), list(values.values())
        return range(len(self.uids)), self.uids if scheme == "UID" else self.texts(scheme.lower())

    def index(self, scheme: str) -> tuple[dict[str, int], frozenset[str]]:
        """Return the rows by their identifier in `scheme`, and which identifiers several objects have.

        UIDs lead to rows known from references too. Made when first asked for.
        """
        if scheme not in self._indexes:
            self._indexes[scheme] = self._index(scheme)
        return self._indexes[scheme]

    def _index(self, scheme: str) -> tuple[dict[str, int], frozenset[str]]:
        if scheme == "UID":
            return dict(zip(self.uids, range(len(self.uids)), strict=True)), frozenset()
        rows, texts = self.identifiers(scheme)
        found = dict(zip(texts, rows, strict=True))
        found.pop("", None)
        if len(found) == len(texts) - texts.count(""):
            return found, frozenset()
        once: set[str] = set()
        twice = {text for text in texts if text and (text in once or once.add(text))}  # type: ignore[func-returns-value]
        return found, frozenset(twice)
