"""The snapshot: what exists and what belongs together.

Looks things up, never judges: what is allowed is `validate`'s matter. What a snapshot does not hold it says it lacks.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tallyport.metadata.catalog import DEFAULT_COMBO, DEFAULT_NAME, label
from tallyport.metadata.collect import Collection
from tallyport.metadata.combos import Resolver
from tallyport.metadata.near_names import Nearby
from tallyport.metadata.snapshot_file import is_snapshot, packed_snapshot, read_tables, write_file
from tallyport.metadata.tables import NONE, Table, expanded
from tallyport_converters.sources import Source
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "ds": "dataSets",
        "de": "dataElements",
        "ou": "organisationUnits",
        "cc": "categoryCombos",
        "c": "categories",
        "co": "categoryOptions",
        "coc": "categoryOptionCombos",
        "aoc": "categoryOptionCombos",
    }
)
"""The table of each kind of identifier."""


class MetadataCheck(NamedTuple):
    """A check on a header, and the fields of an export that it needs."""

    name: str
    needs: tuple[str, ...]


CHECKS: Mapping[str, MetadataCheck] = MappingProxyType(
    {
        "ds": MetadataCheck("the data set exists", ("dataSets",)),
        "de": MetadataCheck("the data element exists", ("dataElements",)),
        "ou": MetadataCheck("organisation units exist", ("organisationUnits",)),
        "cc": MetadataCheck("the category combo exists", ("categoryCombos",)),
        "c": MetadataCheck("categories exist", ("categories",)),
        "co": MetadataCheck("category options exist", ("categoryOptions",)),
        "coc": MetadataCheck("category option combos exist", ("categoryOptionCombos",)),
        "aoc": MetadataCheck("attribute option combos exist", ("categoryOptionCombos",)),
        "aggregate": MetadataCheck("the data element is aggregate", ("dataElements.domainType",)),
        "element": MetadataCheck("the data element is in the data set", ("dataSets.dataSetElements",)),
        "assigned": MetadataCheck("organisation units are assigned to the data set", ("dataSets.organisationUnits",)),
        "period type": MetadataCheck("periods are of the data set's period type", ("dataSets.periodType",)),
        "combo": MetadataCheck(
            "option combos belong to the data element's category combo",
            ("dataElements.categoryCombo", "dataSets.dataSetElements", "categoryOptionCombos.categoryCombo"),
        ),
        "attribute combo": MetadataCheck(
            "attribute option combos belong to the data set's category combo",
            ("dataSets.categoryCombo", "categoryOptionCombos.categoryCombo"),
        ),
        "options": MetadataCheck(
            "category options belong to their categories, and these to the category combo",
            ("categoryCombos.categories", "categories.categoryOptions"),
        ),
        "combinations": MetadataCheck(
            "there are option combos for the category options",
            ("categoryOptionCombos.categoryCombo", "categoryOptionCombos.categoryOptions"),
        ),
        "open": MetadataCheck("organisation units are open", ("organisationUnits.openingDate",)),
        "option dates": MetadataCheck(
            "periods fit the dates of attribute options",
            ("categoryOptions.startDate", "categoryOptionCombos.categoryOptions"),
        ),
        "option org units": MetadataCheck(
            "attribute options are meant for the organisation units",
            ("categoryOptions.organisationUnits", "organisationUnits.path", "categoryOptionCombos.categoryOptions"),
        ),
        "input periods": MetadataCheck(
            "periods are among the data set's input periods", ("dataSets.dataInputPeriods",)
        ),
        "future": MetadataCheck(
            "periods are not too far in the future", ("dataSets.openFuturePeriods", "dataSets.dataInputPeriods")
        ),
        "value type": MetadataCheck("values are of the data element's value type", ("dataElements.valueType",)),
        "option set": MetadataCheck(
            "values are options of the option set", ("dataElements.optionSet", "optionSets.options")
        ),
        "comment option set": MetadataCheck(
            "comments are options of the comment option set", ("dataElements.commentOptionSet", "optionSets.options")
        ),
        "files": MetadataCheck("the files that values refer to exist", ("fileResources",)),
    }
)
"""Every check that a snapshot is asked for, by a short name: those on headers, then those on values."""

# DHIS2 leaves out what is null. That an export would have had the field shows in another that is never null.
_SHOWN_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "categoryOptions.startDate": ("startDate", "endDate", "organisationUnits"),
        "organisationUnits.path": ("path", "parent"),
        "dataElements.optionSet": ("optionSet", "zeroIsSignificant"),
        "dataElements.commentOptionSet": ("commentOptionSet", "zeroIsSignificant"),
    }
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Many identifiers looked up: the row of each, `NONE` for those that are missing or ambiguous."""

    rows: list[int]
    missing: list[str]
    ambiguous: list[str]


class Snapshot:
    """Metadata at one moment, compact, read-only. Indexes are made when they are first used."""

    def __init__(self, tables: Mapping[str, Table], findings: Iterable[Finding] = ()) -> None:
        """Hold `tables`, as exports or a file gave them."""
        self._tables = dict(tables)
        self._disagreements = tuple(findings)
        self._nearby: dict[tuple[str, str], Nearby] = {}
        self._lacking: dict[str, list[str]] = {}
        self._marks = lru_cache(maxsize=32)(self._expanded)
        self._option_combos = lru_cache(maxsize=32)(self._options_by_option_combo)

    # --- Making, keeping ---------------------------------------------------------------------------------------------

    @classmethod
    def from_exports(cls, paths: Iterable[str | os.PathLike[str]]) -> Snapshot:
        """Return what one or several metadata exports of DHIS2 hold together.

        Each is JSON, plain or in gzip, zip or zstd: an object of collections, or an array of organisation units.
        Read object by object, never held as a whole. `findings` says where they disagree.

        Raises:
            SourceUnreadable: one cannot be read, or is no metadata export.
        """
        collection = Collection()
        for path in paths:
            with Source.open(path) as source:
                collection.add(source)
        return cls(collection.tables(), collection.findings())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Snapshot:
        """Return a snapshot that `save` wrote.

        Raises:
            SourceUnreadable: it is none, of another version, or damaged.
        """
        with Source.open(path) as source:
            return cls(read_tables(source))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
        """Write the snapshot as one file, which appears whole or not at all; returns its size in bytes.

        Raises:
            Refused: TP901, it exists.
            OutsideFailed: TP801, the disk failed.
        """
        data = packed_snapshot(self._tables)
        write_file(Path(path), data, overwrite=overwrite)
        return len(data)

    # --- What there is -----------------------------------------------------------------------------------------------

    def table(self, name: str) -> Table:
        """Return a table, by the name of DHIS2's collection."""
        return self._tables[name]

    def lacks(self, field: str) -> bool:
        """Whether the exports had nothing of a collection, `dataSets`, or of a field of it, `dataSets.periodType`."""
        collection, _, name = field.partition(".")
        table = self._tables[collection]
        if not table.is_present:
            return True
        if not name or not any(table.is_defined):
            return False
        return not table.seen & set(_SHOWN_BY.get(field, (name,)))

    def lacking(self, check: str) -> Sequence[str]:
        """Return the fields that a check of `CHECKS` needs and the snapshot does not have."""
        if check not in self._lacking:  # each of very many headers asks
            self._lacking[check] = [field for field in CHECKS[check].needs if self.lacks(field)]
        return self._lacking[check]

    def summary(self) -> dict[str, Any]:
        """Return what is in the snapshot: how many of what, which checks it can answer, what it lacks for the others.

        ```
        {"objects": {"dataSets": 2, ...}, "checks": [{"check": "...", "possible": true}, {..., "missing": [...]}]}
        ```
        """
        checks: list[dict[str, Any]] = []
        for short, check in CHECKS.items():
            missing = self.lacking(short)
            checks.append({"check": check.name, "possible": not missing} | ({"missing": missing} if missing else {}))
        return {"objects": {name: table.defined for name, table in self._tables.items()}, "checks": checks}

    def as_json(self) -> Document:
        """Return the summary, and what there is to say of the metadata as a whole."""
        return {**self.summary(), "findings": [found.as_json() for found in self.findings]}

    # --- Identifiers -------------------------------------------------------------------------------------------------

    def resolve_all(self, kind: str, scheme: str, identifiers: Sequence[str]) -> Resolved:
        """Return the rows of many identifiers; costs a look-up each."""
        table = self._tables[KINDS[kind]]
        index, several = table.index(scheme)
        rows = [index.get(identifier, NONE) for identifier in identifiers]
        missing = list(compress(identifiers, map(NONE.__eq__, rows))) if NONE in rows else []
        is_defined = table.is_defined
        if scheme == "UID" and table.is_present and len(table) and not all(map(is_defined.__getitem__, rows)):
            only_mentioned = [row != NONE and not is_defined[row] for row in rows]
            missing = [
                identifier
                for identifier, row, is_none in zip(identifiers, rows, only_mentioned, strict=True)
                if is_none or row == NONE
            ]
            rows = [NONE if is_none else row for row, is_none in zip(rows, only_mentioned, strict=True)]
        ambiguous: list[str] = []
        if several and not several.isdisjoint(identifiers):
            ambiguous = [identifier for identifier in identifiers if identifier in several]
            rows = [NONE if identifier in several else row for identifier, row in zip(identifiers, rows, strict=True)]
        return Resolved(rows, missing, ambiguous)

    def holders(self, kind: str, scheme: str, identifier: str) -> tuple[str, ...]:
        """Return the UIDs of all objects that have an identifier."""
        table = self._tables[KINDS[kind]]
        return tuple(
            table.uids[row] for row, text in zip(*table.identifiers(scheme), strict=True) if text == identifier
        )

    def identifiers_of(self, kind: str, scheme: str, rows: Iterable[int | None]) -> list[str | None]:
        """Return objects' identifiers in a scheme; None where there is none, or several objects share it."""
        table = self._tables[KINDS[kind]]
        shared = table.index(scheme)[1]
        values = dict(zip(*table.identifiers(scheme), strict=True))
        found = (None if row is None else values.get(row) for row in rows)
        return [name if name and name not in shared else None for name in found]

    def nearby(self, kind: str, scheme: str, identifier: str) -> str | None:
        """Return an identifier of the same kind and scheme that is close to one that is missing, or None."""
        key = KINDS[kind], scheme
        if key not in self._nearby:
            self._nearby[key] = Nearby(self._tables[key[0]].index(scheme)[0])
        return self._nearby[key].closest(identifier)

    # --- What belongs together ---------------------------------------------------------------------------------------

    def elements_of(self, data_set: int) -> Mapping[int, int] | None:
        """Return the data elements of a data set, each with the category combo it has there or `NONE`."""
        table = self._tables["dataSets"]
        rows, combos = table.rows_of("elements", data_set), table.rows_of("element_combos", data_set)
        return None if rows is None or combos is None else dict(zip(rows, combos, strict=False))

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What there is to say of the metadata as a whole."""
        return (*self._disagreements, *Resolver(self).several_defaults())

    # --- The catalog: see `Catalog`; keys are rows -------------------------------------------------------------------

    def keys(self, kind: str, scheme: str, identifiers: Sequence[str]) -> list[int | None]:
        """Return the object of each identifier; None where there is none, or several."""
        return [_known(row) for row in self.resolve_all(kind, scheme, identifiers).rows]

    def names(self, kind: str, keys: Sequence[int]) -> list[tuple[str, str]]:
        """Return the UID and the name of objects."""
        table = self._tables[KINDS[kind]]
        names = table.texts("name")
        return [(table.uids[row], names[row]) for row in keys]

    def combo_of_element(self, element: int) -> int | None:
        """Return a data element's own category combo."""
        return _known(self._tables["dataElements"].ints("combo")[element])

    def data_sets_of(self, element: int) -> Mapping[int, int | None]:
        """Return the data sets that have a data element, each with the category combo that overrides its own there."""
        return self._data_sets_by_element.get(element, {})

    @cached_property
    def _data_sets_by_element(self) -> Mapping[int, Mapping[int, int | None]]:
        found: dict[int, dict[int, int | None]] = defaultdict(dict)
        for data_set in range(len(self._tables["dataSets"])):
            for element, combo in (self.elements_of(data_set) or {}).items():
                found[element][data_set] = _known(combo)
        return found

    def combo_of_data_set(self, data_set: int) -> int | None:
        """Return the category combo of a data set's attributes."""
        return _known(self._tables["dataSets"].ints("combo")[data_set])

    def option_combos_of(self, combo: int) -> Mapping[int, frozenset[int]]:
        """Return the option combos of a category combo, each with its category options as far as they are known."""
        return self._option_combos(combo)

    def _options_by_option_combo(self, combo: int) -> Mapping[int, frozenset[int]]:
        table = self._tables["categoryOptionCombos"]
        return {row: frozenset(table.rows_of("options", row) or ()) for row in self._rows_by_combo.get(combo, ())}

    @cached_property
    def _rows_by_combo(self) -> Mapping[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for row, combo in enumerate(self._tables["categoryOptionCombos"].ints("combo")):
            if combo != NONE:
                found[combo].append(row)
        return found

    @cached_property
    def default_combos(self) -> tuple[int, ...]:
        """The default category combo: empty where there is none, and servers with two are not rare."""
        table = self._tables["categoryCombos"]
        columns = zip(table.uids, table.texts("name"), table.texts("code"), strict=True)
        return tuple(
            row for row, (uid, name, code) in enumerate(columns) if uid == DEFAULT_COMBO or DEFAULT_NAME in (name, code)
        )

    # --- Organisation units ------------------------------------------------------------------------------------------

    def marked(self, table: str, column: str, row: int) -> bytes | None:
        """Return a set of organisation units as a byte, 0 or 1, for each row of their table; None if not known."""
        return self._marks(table, column, row)

    def _expanded(self, table: str, column: str, row: int) -> bytes | None:
        bits = self._tables[table].bits_of(column, row)
        return None if bits is None else expanded(bits, len(self._tables["organisationUnits"]))

    def at_or_below(self, allowed: bytes) -> bytearray:
        """Return a set of organisation units with all that lie below them, a byte for each row."""
        places, sizes = self._hierarchy
        marked = bytearray(len(places))
        for row in compress(range(len(places)), allowed):
            start, size = places[row], sizes[row]
            marked[start : start + size] = b"\1" * size
        return bytearray(map(marked.__getitem__, places))

    @cached_property
    def _hierarchy(self) -> tuple[array[int], array[int]]:
        """Each organisation unit's place in an order in which all below it follow it, and their number with its own."""
        parents = self._tables["organisationUnits"].ints("parent")
        below: dict[int, list[int]] = defaultdict(list)
        for row, parent in enumerate(parents):
            below[parent].append(row)
        places, sizes = array("i", [NONE]) * len(parents), array("i", [1]) * len(parents)
        order: list[int] = []
        for roots in (below[NONE], range(len(parents))):  # the second finds those that lie below themselves
            waiting = [row for row in roots if places[row] == NONE]
            while waiting:
                row = waiting.pop()
                if places[row] != NONE:
                    continue
                places[row] = len(order)
                order.append(row)
                waiting += below.get(row, ())
        for row in reversed(order):
            parent = parents[row]
            if parent != NONE and places[parent] < places[row]:
                sizes[parent] += sizes[row]
        return places, sizes

    def named(self, table: str, row: int) -> str:
        """Return how people know an object: its name, or its UID where it has none."""
        found = self._tables[table]
        return label(found.uids[row], found.texts("name")[row])


def _known(row: int) -> int | None:
    return None if row == NONE else row


def load_metadata(path: str | os.PathLike[str]) -> Snapshot:
    """Return the metadata that a file holds: a snapshot, or a metadata export of DHIS2; detected from content.

    Raises:
        SourceUnreadable: it is neither, or damaged.
    """
    with Source.open(path) as source:
        if is_snapshot(source):
            return Snapshot(read_tables(source))
        collection = Collection()
        collection.add(source)
    return Snapshot(collection.tables(), collection.findings())
