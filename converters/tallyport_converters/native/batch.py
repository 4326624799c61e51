"""One scanned block: its rows, and what the scan has to say of it; and what fields are by their names."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import c_uint32, c_uint64
from itertools import accumulate
from typing import NamedTuple, Self

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Cells, Dropped, Fault, Field, Kind, NamedBy, Notice, Spaces
from tallyport_converters.native.library import SEED, Buffer, Owner, address, check_scan, dictionary_texts, library

WORD_PLACES = ("value", "comment", "categoryOptionCombo", "attributeOptionCombo")
"""Where words for nothing are looked for, as `WordPlace`."""

WORDS = tuple(library.tp_word(number).decode() for number in range(abi.WORDS))
"""Words for nothing."""


class CsvLayout:
    """What the columns of a CSV file mean.

    `names` are the columns' names as UTF-8. `expected` is the number of cells that a row must have, if given.
    """

    def __init__(
        self,
        delimiter: bytes,
        meaning: Sequence[int],
        names: Sequence[bytes],
        expected: int,
        cells: Cells = Cells.CSV,
    ) -> None:
        ends = (c_uint32 * max(1, len(names)))(*accumulate(map(len, names)))
        self.struct = abi.Layout(len(meaning), bytes(meaning), b"".join(names), ends, delimiter[0], expected, cells)


class FieldName(NamedTuple):
    """A field by its name: how many rows had it skipped, or taken for `field`, and the first of them all."""

    name: bytes
    left_out: int
    taken: int
    first: int
    field: int


class Naming(NamedTuple):
    """What a name means that is not DHIS2's own. `is_short`: it may be the name of a category."""

    field: int
    by: NamedBy
    is_short: bool


def field_named(name: str) -> Naming | None:
    """Return what a field is by its name, in any letter case and spelling; None where nobody knows."""
    text, naming = name.encode(errors="surrogatepass"), c_uint32()
    field = int(library.tp_field_named(text, len(text), naming))
    if field == Field.UNKNOWN:
        return None
    return Naming(field, NamedBy(naming.value & ~abi.NAMED_SHORT), bool(naming.value & abi.NAMED_SHORT))


def name_hash(name: bytes) -> int:
    """Return what represents a name in `Keys`."""
    return int(library.tp_name_hash(name, len(name), SEED))


class WantedRows:
    """Rows that are looked for in a batch: see `abi.RowsWanted`.

    `ids` has, by kind, a byte for each identifier of the batch and one before them for none: 1 where it will do.
    `flags` has one for each of the 256 combinations of `RowFlag`. `values` and `comments`: texts that will do.
    """

    def __init__(
        self,
        ids: Mapping[Kind, bytes],
        flags: bytes | None = None,
        values: Sequence[bytes] = (),
        comments: Sequence[bytes] = (),
    ) -> None:
        by_kind = (ctypes.c_char_p * len(Kind))(*(ids.get(kind) for kind in Kind))
        self.struct = abi.RowsWanted(by_kind, flags, _texts(values), _texts(comments))


def _texts(texts: Sequence[bytes]) -> abi.Texts:
    ends = (c_uint32 * (len(texts) + 1))(0, *accumulate(map(len, texts)))
    return abi.Texts(b"".join(texts), ends, len(texts))


class Batch(Owner):
    """The rows of one scanned block, and what the scan has to say of it: see `abi.BatchReport`."""

    free = "tp_batch_free"

    def __init__(self) -> None:
        super().__init__(library.tp_batch_new(SEED))
        self.report: abi.BatchReport = library.tp_batch_report(self.handle).contents

    def scan_json(self, block: Buffer, *, state: int, final: bool, row_data_set: bool = False) -> Self:
        """Scan DXF2 JSON; see tp_scan_json."""
        return self._scan(library.tp_scan_json, block, state, final, row_data_set)

    def scan_csv(self, block: Buffer, layout: CsvLayout, *, final: bool) -> Self:
        """Scan CSV records; see tp_scan_csv."""
        return self._scan(library.tp_scan_csv, block, layout.struct, final)

    def scan_tuples(self, block: Buffer, *, final: bool) -> Self:
        """Scan tuples of PostgreSQL's COPY in binary form; see tp_scan_tuples."""
        return self._scan(library.tp_scan_tuples, block, final)

    def scan_xml(self, block: Buffer, *, adx: bool, state: int, final: bool) -> Self:
        """Scan DXF2 XML or ADX; see tp_scan_xml."""
        return self._scan(library.tp_scan_xml, block, adx, state, final)

    def _scan(self, scan: Callable[..., object], block: Buffer, *arguments: object) -> Self:
        scan(self.handle, *address(block), *arguments)
        check_scan(self.report.fault)
        return self

    @property
    def fault(self) -> Fault:
        """Why the scan stopped before the block's end."""
        return Fault(self.report.fault)

    def properties(self) -> Iterator[tuple[slice, slice]]:
        """Yield where the header properties' keys and values lie in the block."""
        for i in range(self.report.property_count):
            p = self.report.properties[i]
            yield slice(p.key_at, p.key_at + p.key_size), slice(p.value_at, p.value_at + p.value_size)

    def dropped(self) -> Iterator[tuple[Dropped, int]]:
        """Yield how many rows had a field that ADV2 has no place for."""
        return ((which, self.report.dropped[which]) for which in Dropped)

    def names(self) -> Iterator[FieldName]:
        """Yield the fields that are known by their name only, or by another name than the usual one."""
        size, found = c_uint64(), abi.Name()
        for id_ in range(1, library.tp_batch_names(self.handle) + 1):
            at = library.tp_batch_name(self.handle, id_, size, found)
            if found.dropped or found.taken:
                name = ctypes.string_at(at, size.value)
                yield FieldName(name, found.dropped, found.taken, found.first, found.field)

    def notices(self) -> Iterator[tuple[Notice, int, int]]:
        """Yield how many rows a notice is about and the first of them, within the batch."""
        for which in Notice:
            tally = self.report.notices[which]
            if tally.count:
                yield which, tally.count, tally.first

    def spaces(self) -> Iterator[tuple[Spaces, int, int]]:
        """Yield how many texts had white space at their ends, and the first row that has one."""
        for which in Spaces:
            tally = self.report.spaces[which]
            if tally.count:
                yield which, tally.count, tally.first

    def words(self) -> Iterator[tuple[str, str, int]]:
        """Yield where which word for nothing stands, and how often."""
        for place, counts in zip(WORD_PLACES, self.report.words if self.report.nothing.count else (), strict=False):
            yield from ((place, word, int(count)) for word, count in zip(WORDS, counts, strict=True) if count)

    def texts(self, kind: Kind) -> list[bytes]:
        """Return the distinct identifiers of a kind in its rows; that of id i is at position i - 1."""
        return dictionary_texts("tp_batch_text", library.tp_batch_ids(self.handle, kind), self.handle, kind)

    def find(self, wanted: WantedRows) -> Iterator[int]:
        """Yield the rows that are wanted, and all rejected ones, of which little is known."""
        row = 0
        while (row := int(library.tp_batch_find(self.handle, wanted.struct, row))) < self.report.rows:
            yield row
            row += 1

    def row_span(self, row: int) -> slice:
        """Return where a row lies in the scanned block."""
        at, size = c_uint32(), c_uint32()
        library.tp_batch_row_span(self.handle, row, at, size)
        return slice(at.value, at.value + size.value)
