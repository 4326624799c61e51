"""The scanner's Python face: C structures, typed functions, and owners that free what C allocated.

Everything is called without the interpreter's lock (ctypes), so threads scan side by side.
The C side holds no state between calls but what these objects own. Built by build_native.py.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from ctypes import POINTER, Structure, c_char_p, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

NO_RANK = 0xFFFF_FFFF
"""A rank that is none: of an identifier that rejects its row, or of a header that says nothing."""

Buffer = bytes | bytearray | memoryview


class Kind(IntEnum):
    """Identifier dictionaries, as `enum Kind` in core.h."""

    DE = 0
    PE = 1
    OU = 2
    COC = 3
    AOC = 4
    DS = 5


DIMENSIONS = (Kind.PE, Kind.OU, Kind.COC, Kind.AOC)
"""The key dimensions of an ADV2 row in their order; positions in this tuple are `dimension` below."""


class Dropped(IntEnum):
    """Fields that are counted by number, as `enum Dropped` in core.h."""

    STORED_BY = 0
    CREATED = 1
    LAST_UPDATED = 2
    FOLLOWUP_FALSE = 3


class Notice(IntEnum):
    """Readings that are worth a finding, as `enum Notice` in core.h."""

    DUPLICATE_KEY = 0
    COC_NUMBER = 1
    AOC_NUMBER = 2
    BLANK_VALUE = 3
    ANNOTATION_TAKEN = 4
    NULL_CELL = 5
    CSV_MISREAD = 6
    CSV_CUT = 7
    COMBO_AND_OPTIONS = 8
    OPTION_LIST = 9
    CONTENT_PASSED = 10


class Spaces(IntEnum):
    """Texts that had white space at their ends, as `enum Spaces` in core.h."""

    OF_IDENTIFIERS = 0
    OF_TEXTS = 1


WORD_PLACES = ("value", "comment", "categoryOptionCombo", "attributeOptionCombo")
"""Where words for nothing are looked for, as `enum WordPlace` in tidy.h."""

WORDS = (
    *("NA", "N/A", "n.a.", "NaN", "null", "None", "nil", "NaT", "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?"),
    *("#NULL!", "#NUM!", "<NA>", "(null)", "(blank)", "undefined", r"\N", "-", "--", ".", "?", "\u2013", "\u2014"),
)
"""Words for nothing, as tidy.c has them."""


class Fault(IntEnum):
    """Why a scan stopped, as `enum Error` in core.h."""

    NONE = 0
    NO_MEMORY = 1
    TRUNCATED = 2
    SYNTAX = 3
    UTF8 = 4
    CONTROL = 5
    STRUCTURE = 6
    TRAILING = 7
    REPEATED = 8
    DEPTH = 9
    DOUBT = 10
    UNCLOSED_QUOTE = 11
    BLOCK_SIZE = 13
    MANY_KEYS = 14


class Column(IntEnum):
    """What a CSV column means, as `enum Column` in scan_csv.c; below VALUE: an identifier, as `Kind`."""

    VALUE = 6
    COMMENT = 7
    FOLLOWUP = 8
    DELETED = 9
    STORED_BY = 10
    CREATED = 11
    LAST_UPDATED = 12
    ATTRIBUTE_COMBO = 13
    ATTRIBUTE_OPTIONS = 14
    CATEGORY = 15
    DROPPED = 16
    COUNTED = 17
    PASSED = 18


AGAIN = 32
"""And a `Column`: one that means what another column means by another name."""


class Field(IntEnum):
    """What a field of a row means by its name, as `enum Field` in core.h; below VALUE: an identifier, as `Kind`."""

    VALUE = 6
    COMMENT = 7
    FOLLOWUP = 8
    DELETED = 9
    STORED_BY = 10
    CREATED = 11
    LAST_UPDATED = 12
    UNKNOWN = 13


class NamedBy(IntEnum):
    """How a name says what a field means, as `enum Naming` in core.h: those behind OTHERWISE give way to better."""

    OTHERWISE = 1
    CODE = 2
    NAME = 3
    OF_OLD = 4


_NAMED_SHORT = 16


class Tally(Structure):
    """How many rows share something, and the first of them."""

    _fields_ = [("count", c_uint64), ("first", c_uint64)]


class _Property(Structure):
    _fields_ = [("key_at", c_uint32), ("key_size", c_uint32), ("value_at", c_uint32), ("value_size", c_uint32)]


class _Batch(Structure):
    _fields_ = [
        ("rows", c_uint64),
        ("rejected", c_uint64),
        ("consumed", c_uint64),
        ("error_at", c_uint64),
        ("group_at", c_uint64),
        ("group_size", c_uint64),
        ("property_count", c_uint64),
        ("dropped", c_uint64 * len(Dropped)),
        ("notices", Tally * len(Notice)),
        ("spaces", Tally * len(Spaces)),
        ("nothing", Tally),
        ("words", c_uint64 * len(WORDS) * len(WORD_PLACES)),
        ("state", c_uint32),
        ("error", c_uint32),
        ("properties", POINTER(_Property)),
    ]


class _Layout(Structure):
    _fields_ = [
        ("columns", c_uint64),
        ("meaning", c_char_p),
        ("names", c_char_p),
        ("name_ends", POINTER(c_uint32)),
        ("delimiter", c_uint32),
        ("expected", c_uint32),
    ]


class _Blob(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("size", c_uint64),
        ("segments", c_uint64),
        ("des", POINTER(c_uint32)),
        ("starts", POINTER(c_uint64)),
    ]


class _Meaning(Structure):
    _fields_ = [
        ("rank", c_void_p * 4),
        ("period_note", c_void_p),
        ("coc_shape", c_void_p),
        ("aoc_shape", c_void_p),
        ("ds", c_void_p),
        ("header", c_uint32 * 4),
        ("header_ds", c_uint32),
        ("seed", c_uint64),
    ]


_PAIR_TEXT = 96
_PAIRS = 5
_FIELDS_KEPT = 64


class Pair(Structure):
    """A row that lost to a later one of its key which says something else, as `Pair` in group.h."""

    _fields_ = [
        ("row", c_uint64),
        ("by_row", c_uint64),
        ("ranks", c_uint32 * 4),
        ("flags", c_uint32),
        ("by_flags", c_uint32),
        ("sizes", c_uint32 * 4),
        ("texts", (c_uint8 * _PAIR_TEXT) * 4),
    ]

    def text(self, number: int) -> str:
        """Return a text: 0 the value, 1 that of the later row, 2 and 3 their comments; what is long is cut."""
        size = int(self.sizes[number])
        text = bytes(self.texts[number][: min(size, _PAIR_TEXT)]).decode(errors="ignore")
        return text + "..." * (size > _PAIR_TEXT)

    @staticmethod
    def is_deleted(flags: int) -> bool:
        """Tell whether flags are those of a deleted row."""
        return bool(flags & _DELETED)

    @staticmethod
    def is_marked(flags: int) -> bool:
        """Tell whether flags are those of a row marked for follow-up."""
        return bool(flags & _FOLLOWUP_TRUE)


_DELETED, _FOLLOWUP_TRUE = 4, 8


class Keys(Structure):
    """What became of rows that share a key, as `Keys` in group.h."""

    _fields_ = [
        ("superseded", c_uint64),
        ("different", c_uint64),
        ("clashing", c_uint64),
        ("field", c_uint64 * _FIELDS_KEPT),
        ("fields", c_uint32),
        ("pairs", c_uint32),
        ("pair", Pair * _PAIRS),
    ]

    def clashing_fields(self) -> list[int]:
        """Return the hashes of the names of fields that tell rows of one key apart: see `name_hash`."""
        return list(self.field[: self.fields])

    def sample(self) -> list[Pair]:
        """Return copies of the first rows that lost to one that says something else."""
        return [Pair.from_buffer_copy(self.pair[i]) for i in range(self.pairs)]


class _Name(Structure):
    _fields_ = [
        ("dropped", c_uint64),
        ("taken", c_uint64),
        ("first", c_uint64),
        ("last", c_uint64),
        ("field", c_uint32),
    ]


class _Split(Structure):
    _fields_ = [
        ("groups", c_uint64),
        ("values", c_uint64),
        ("rejected", c_uint64),
        ("disagree", Tally * 3),
        ("period_notes", Tally * 3),
        ("keys", Keys),
        ("has_left_out", c_uint32),
    ]


class _Used(Structure):
    _fields_ = [("count", c_uint64), ("ranks", POINTER(c_uint32))]


class _Lines(Structure):
    _fields_ = [
        ("lines", c_uint64),
        ("records", c_uint64),
        ("delimiter", c_uint32),
        ("quoted", c_uint32),
        ("after_quote", c_uint32),
        ("in_cell", c_uint32),
        ("after_return", c_uint32),
    ]


class _Form(Structure):
    _fields_ = [
        ("index", c_void_p * 4),
        ("tokens", c_void_p * 4),
        ("token_ends", c_void_p * 4),
        ("followup_false", c_uint32),
        ("rows", c_void_p),
    ]


_READ_RUN = ctypes.CFUNCTYPE(c_int64, c_uint32, c_void_p, c_uint64)


def library_path() -> Path:
    """Return where the compiled scanner lies; `TALLYPORT_SCANNER` names another build of it (sanitized, say)."""
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    return Path(os.environ.get("TALLYPORT_SCANNER") or Path(__file__).with_name(f"scanner{suffix}"))


def _load() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"the compiled scanner cannot be loaded ({error}): install tallyport again") from error
    p8, p32, p64 = POINTER(c_uint8), POINTER(c_uint32), POINTER(c_uint64)
    batch, split, used = POINTER(_Batch), POINTER(_Split), POINTER(_Used)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "tp_batch_new": (batch, [c_uint64]),
        "tp_batch_free": (None, [batch]),
        "tp_batch_row_span": (None, [batch, c_uint64, p32, p32]),
        "tp_batch_names": (c_uint32, [batch]),
        "tp_batch_name": (c_void_p, [batch, c_uint32, p64, POINTER(_Name)]),
        "tp_name_hash": (c_uint64, [c_char_p, c_uint64, c_uint64]),
        "tp_field_named": (c_uint32, [c_char_p, c_uint64, p32]),
        "tp_scan_json": (None, [batch, c_void_p, c_uint64, c_uint32, c_uint32, c_uint32]),
        "tp_scan_csv": (None, [batch, c_void_p, c_uint64, POINTER(_Layout), c_uint32]),
        "tp_scan_tuples": (None, [batch, c_void_p, c_uint64, c_uint32]),
        "tp_scan_xml": (None, [batch, c_void_p, c_uint64, c_uint32, c_uint32, c_uint32]),
        "tp_cut_json": (c_uint64, [c_void_p, c_uint64]),
        "tp_cut_csv": (c_uint64, [c_void_p, c_uint64]),
        "tp_cut_xml": (c_uint64, [c_void_p, c_uint64, c_char_p, c_uint64]),
        "tp_count_lines": (c_uint64, [c_void_p, c_uint64]),
        "tp_lines_count": (None, [POINTER(_Lines), c_void_p, c_uint64]),
        "tp_row_numbers_new": (c_void_p, []),
        "tp_row_numbers_free": (None, [c_void_p]),
        "tp_row_numbers_take": (c_void_p, [c_void_p, p64]),
        "tp_dictionaries_new": (c_void_p, [c_uint64]),
        "tp_dictionaries_free": (None, [c_void_p]),
        "tp_dictionaries_size": (c_uint64, [c_void_p]),
        "tp_dictionary_count": (c_uint32, [c_void_p, c_uint32]),
        "tp_dictionary_add": (c_uint32, [c_void_p, c_uint32, c_char_p, c_uint64]),
        "tp_dictionary_text": (c_void_p, [c_void_p, c_uint32, POINTER(p32)]),
        "tp_rejects_new": (c_void_p, []),
        "tp_rejects_free": (None, [c_void_p]),
        "tp_rejects_next": (c_uint64, [c_void_p, c_uint64]),
        "tp_pack": (POINTER(_Blob), [batch, c_void_p, c_void_p, c_uint64]),
        "tp_blob_free": (None, [POINTER(_Blob)]),
        "tp_split": (split, [POINTER(c_void_p), p64, c_uint64, POINTER(_Meaning), c_void_p, c_uint32]),
        "tp_split_free": (None, [split]),
        "tp_split_group": (None, [split, c_uint64, p32, p32, p32, p64]),
        "tp_split_render": (p8, [split, c_uint64, POINTER(_Form), p64]),
        "tp_split_run": (p8, [split, c_uint64, p64]),
        "tp_used_new": (used, [c_uint32]),
        "tp_used_free": (None, [used]),
        "tp_used_clear": (None, [used]),
        "tp_used_add": (c_uint32, [used, c_char_p, c_uint64]),
        "tp_used_split": (c_uint32, [used, split, c_uint64, c_uint32]),
        "tp_used_settle": (None, [used]),
        "tp_used_index": (c_void_p, [used]),
        "tp_bytes_free": (None, [p8]),
        "tp_merge_new": (c_void_p, [c_uint32, _READ_RUN, c_void_p]),
        "tp_merge_survey": (c_uint32, [c_void_p, POINTER(c_void_p)]),
        "tp_merge_rewind": (c_uint32, [c_void_p]),
        "tp_merge_free": (None, [c_void_p]),
        "tp_merge_next": (c_void_p, [c_void_p, POINTER(_Form), c_uint64, p64, p64, POINTER(Keys)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


_library = _load()
_SEED = int.from_bytes(os.urandom(8), "little")
# Differs from run to run, so that no input can be made to collide; nothing that is written depends on it.


_EMPTY = ctypes.create_string_buffer(1)
# Where an empty buffer lies: C allows no arithmetic with NULL.


def _address(buffer: Buffer) -> tuple[Any, int]:
    """Return where `buffer` lies (with whatever keeps it there) and its size in bytes."""
    if isinstance(buffer, bytes):
        return ctypes.cast(c_char_p(buffer), c_void_p), len(buffer)
    size = len(buffer)
    return (ctypes.c_char * size).from_buffer(buffer) if size else _EMPTY, size


class _Owner:
    """Owns one C object: freed at the end of a `with`, on `close`, or with the Python object."""

    _free: Callable[[Any], None]

    def __init__(self, handle: Any) -> None:
        if not handle:
            raise MemoryError
        self.handle = handle

    def close(self) -> None:
        """Free the C object; further use is an error."""
        handle, self.handle = self.handle, None
        if handle:
            self._free(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.close()


def check_scan(error: int) -> None:
    """Raise for what is no fault of the input.

    Raises:
        MemoryError: out of memory.
        ValueError: the block is larger than the scanner's offsets reach.
    """
    if error == Fault.NO_MEMORY:
        raise MemoryError
    if error == Fault.BLOCK_SIZE:
        raise ValueError("a block to be scanned has 1 GiB or more")


class Layout:
    """What the columns of a CSV file mean.

    `names` are the columns' names as UTF-8. `expected` is the number of cells that a row is held to, if to any.
    """

    def __init__(self, delimiter: bytes, meaning: Sequence[int], names: Sequence[bytes], expected: int) -> None:
        ends, total = [], 0
        for name in names:
            total += len(name)
            ends.append(total)
        self._ends = (c_uint32 * max(1, len(ends)))(*ends)
        self._meaning, self._names = bytes(meaning), b"".join(names)
        self.struct = _Layout(len(meaning), self._meaning, self._names, self._ends, delimiter[0], expected)


class FieldName(NamedTuple):
    """A field by its name: how many rows had it left out, or taken for `field`, and the first of them all."""

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
    field = int(_library.tp_field_named(text, len(text), naming))
    if field == Field.UNKNOWN:
        return None
    return Naming(field, NamedBy(naming.value & ~_NAMED_SHORT), bool(naming.value & _NAMED_SHORT))


def name_hash(name: bytes) -> int:
    """Return what stands for a name in `Keys`."""
    return int(_library.tp_name_hash(name, len(name), _SEED))


class Batch(_Owner):
    """The rows of one scanned block, and what the scan has to say of it."""

    _free = _library.tp_batch_free

    def __init__(self) -> None:
        super().__init__(_library.tp_batch_new(_SEED))

    @property
    def _fields(self) -> _Batch:
        fields: _Batch = self.handle.contents
        return fields

    def scan_json(self, block: Buffer, *, state: int, final: bool, row_data_set: bool = False) -> None:
        """Scan DXF2 JSON; see tp_scan_json."""
        at, size = _address(block)
        _library.tp_scan_json(self.handle, at, size, state, final, row_data_set)
        self._after()

    def scan_csv(self, block: Buffer, layout: Layout, *, final: bool) -> None:
        """Scan CSV records; see tp_scan_csv."""
        at, size = _address(block)
        _library.tp_scan_csv(self.handle, at, size, layout.struct, final)
        self._after()

    def scan_tuples(self, block: Buffer, *, final: bool) -> None:
        """Scan tuples of PostgreSQL's COPY in binary form; see tp_scan_tuples."""
        at, size = _address(block)
        _library.tp_scan_tuples(self.handle, at, size, final)
        self._after()

    def scan_xml(self, block: Buffer, *, adx: bool, state: int, final: bool) -> None:
        """Scan DXF2 XML or ADX; see tp_scan_xml."""
        at, size = _address(block)
        _library.tp_scan_xml(self.handle, at, size, adx, state, final)
        self._after()

    def _after(self) -> None:
        check_scan(self._fields.error)

    @property
    def rows(self) -> int:
        """How many rows were read, rejected ones included."""
        return int(self._fields.rows)

    @property
    def consumed(self) -> int:
        """How many bytes of the block are done with; the rest belongs in front of the next block."""
        return int(self._fields.consumed)

    @property
    def state(self) -> int:
        """In which state of the scanner's grammar the next block starts."""
        return int(self._fields.state)

    @property
    def fault(self) -> Fault:
        """Why the scan stopped before the block's end."""
        return Fault(self._fields.error)

    @property
    def fault_at(self) -> int:
        """Offset of the fault within the block."""
        return int(self._fields.error_at)

    @property
    def open_group(self) -> tuple[int, int]:
        """Offset and size of the start tag of the last ADX group."""
        return int(self._fields.group_at), int(self._fields.group_size)

    def properties(self) -> Iterator[tuple[slice, slice]]:
        """Yield where the header properties' keys and values lie in the block."""
        for i in range(self._fields.property_count):
            p = self._fields.properties[i]
            yield slice(p.key_at, p.key_at + p.key_size), slice(p.value_at, p.value_at + p.value_size)

    def dropped(self) -> Iterator[tuple[Dropped, int]]:
        """Yield how many rows had a field that ADV2 has no place for."""
        return ((which, int(self._fields.dropped[which])) for which in Dropped)

    def names(self) -> Iterator[FieldName]:
        """Yield the fields that are known by their name only, or by another name than the usual one."""
        size, found = c_uint64(), _Name()
        for id_ in range(1, _library.tp_batch_names(self.handle) + 1):
            at = _library.tp_batch_name(self.handle, id_, size, found)
            if found.dropped or found.taken:
                name = ctypes.string_at(at, size.value)
                yield FieldName(name, int(found.dropped), int(found.taken), int(found.first), int(found.field))

    def notices(self) -> Iterator[tuple[Notice, int, int]]:
        """Yield how many rows a notice is about and the first of them, within the batch."""
        for which in Notice:
            tally = self._fields.notices[which]
            if tally.count:
                yield which, int(tally.count), int(tally.first)

    def spaces(self) -> Iterator[tuple[Spaces, int, int]]:
        """Yield how many texts had white space at their ends, and the first row that has one."""
        for which in Spaces:
            tally = self._fields.spaces[which]
            if tally.count:
                yield which, int(tally.count), int(tally.first)

    def words(self) -> Iterator[tuple[str, str, int]]:
        """Yield where which word for nothing stands, and how often."""
        for place, counts in zip(WORD_PLACES, self._fields.words if self._fields.nothing.count else (), strict=False):
            yield from ((place, word, int(count)) for word, count in zip(WORDS, counts, strict=True) if count)

    @property
    def first_word(self) -> int:
        """The first row that has a word for nothing, if one has."""
        return int(self._fields.nothing.first)

    def row_span(self, row: int) -> slice:
        """Return where a row lies in the scanned block."""
        at, size = c_uint32(), c_uint32()
        _library.tp_batch_row_span(self.handle, row, at, size)
        return slice(at.value, at.value + size.value)


class Dictionaries(_Owner):
    """All distinct identifiers of one source, by kind; ids count from 1, 0 is absent."""

    _free = _library.tp_dictionaries_free

    def __init__(self) -> None:
        super().__init__(_library.tp_dictionaries_new(_SEED))

    def add(self, kind: Kind, text: bytes) -> int:
        """Return the id of `text`, new or known."""
        id_ = int(_library.tp_dictionary_add(self.handle, kind, text, len(text)))
        if not id_:
            raise MemoryError
        return id_

    def texts(self, kind: Kind) -> list[bytes]:
        """Return all texts of a kind; that of id i is at position i - 1."""
        ends = POINTER(c_uint32)()
        at = _library.tp_dictionary_text(self.handle, kind, ctypes.byref(ends))
        count = _library.tp_dictionary_count(self.handle, kind)
        if not count:
            return []
        whole = ctypes.string_at(at, ends[count])
        marks = ends[: count + 1]
        return [whole[a:b] for a, b in pairwise(marks)]

    @property
    def size_bytes(self) -> int:
        """Memory that the dictionaries hold."""
        return int(_library.tp_dictionaries_size(self.handle))


class Rejects(_Owner):
    """Which rows of a source were rejected: a bit each."""

    _free = _library.tp_rejects_free

    def __init__(self) -> None:
        super().__init__(_library.tp_rejects_new())

    def after(self, row: int) -> int | None:
        """Return the first rejected row from `row` on."""
        found = int(_library.tp_rejects_next(self.handle, row))
        return None if found == 0xFFFF_FFFF_FFFF_FFFF else found

    @property
    def bits(self) -> int | None:
        """Address of the bits: valid until the next `pack`."""
        bits: int | None = ctypes.cast(self.handle, POINTER(c_void_p))[0]
        return bits


class Blob(_Owner):
    """Packed rows, parted by data element."""

    _free = _library.tp_blob_free

    @property
    def size_bytes(self) -> int:
        """Bytes of all rows."""
        return int(self.handle.contents.size)

    def segments(self) -> Iterator[tuple[int, int, int]]:
        """Yield (data element's id, address, size in bytes) of each part."""
        blob = self.handle.contents
        for i in range(blob.segments):
            yield int(blob.des[i]), blob.data + blob.starts[i], int(blob.starts[i + 1] - blob.starts[i])


def pack(batch: Batch, dictionaries: Dictionaries, rejects: Rejects, first_row: int) -> Blob:
    """Merge a batch into its source; `first_row` is its first row's index within the source."""
    return Blob(_library.tp_pack(batch.handle, dictionaries.handle, rejects.handle, first_row))


class Ranks:
    """An array of 32-bit numbers that C reads."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.array = (c_uint32 * max(1, len(numbers)))(*numbers)

    @property
    def address(self) -> int:
        """Where the numbers lie."""
        return ctypes.addressof(self.array)


class Meaning:
    """What a source's ids mean: see `Meaning` in group.c. Ranks give the order of what is written."""

    def __init__(
        self,
        *,
        ranks: Sequence[Sequence[int]],
        period_notes: Sequence[int],
        coc_shapes: Sequence[int],
        aoc_shapes: Sequence[int],
        data_sets: Sequence[int],
        header: Sequence[int],
        header_data_set: int,
    ) -> None:
        self._kept = [Ranks(r) for r in [*ranks, coc_shapes, aoc_shapes, data_sets]]
        self._notes = bytes(period_notes) + b"\0"
        addresses = [r.address for r in self._kept]
        self.struct = _Meaning(
            (c_void_p * 4)(*addresses[:4]),
            ctypes.cast(c_char_p(self._notes), c_void_p),
            *addresses[4:],
            (c_uint32 * 4)(*header),
            header_data_set,
            _SEED,
        )


class RowNumbers(_Owner):
    """The numbers of rows within their source, in the order in which a group's rows are written."""

    _free = _library.tp_row_numbers_free

    def __init__(self) -> None:
        super().__init__(_library.tp_row_numbers_new())

    def take(self) -> bytes:
        """Return the numbers of the rows written since the last call, 8 bytes each as they lie in memory."""
        size = c_uint64()
        at = _library.tp_row_numbers_take(self.handle, size)
        return ctypes.string_at(at, size.value) if size.value else b""


class Form:
    """How the indexes of a group's rows are written, by dimension: see `Form` in group.h.

    `indexes[d]` is the address of the indexes by rank, None where the dimension takes no place. `tokens[d]` is None
    where the index itself is written. `rows` takes the number of each row that is written, if it is given.
    """

    def __init__(
        self,
        indexes: Sequence[int | None],
        tokens: Sequence[Sequence[bytes] | None],
        *,
        followup_false: bool,
        rows: RowNumbers | None = None,
    ) -> None:
        self._kept: list[object] = [rows]
        texts, ends = (c_void_p * 4)(), (c_void_p * 4)()
        for d, parts in enumerate(tokens):
            if parts is None:
                continue
            joined = b"".join(parts)
            marks, total = [], 0
            for part in parts:
                total += len(part)
                marks.append(total)
            ranks = Ranks(marks)
            self._kept += [joined, ranks]
            texts[d] = ctypes.cast(c_char_p(joined), c_void_p).value
            ends[d] = ranks.address
        self.struct = _Form((c_void_p * 4)(*indexes), texts, ends, followup_false, rows.handle if rows else None)


class OwnedBytes(_Owner):
    """Bytes that C allocated, to be seen without a copy."""

    _free = _library.tp_bytes_free

    def __init__(self, handle: Any, size_bytes: int) -> None:
        super().__init__(handle)
        self._size = size_bytes

    def view(self) -> memoryview:
        """Return the bytes; valid until `close`."""
        return memoryview((c_uint8 * self._size).from_address(ctypes.addressof(self.handle.contents))).cast("B")


class Split(_Owner):
    """The groups of one data element's values, sorted; of each key the last row, unless they are to be merged."""

    _free = _library.tp_split_free

    def __init__(
        self, parts: Sequence[tuple[int, int]], meaning: Meaning, rejects: Rejects, *, as_run: bool = False
    ) -> None:
        addresses = (c_void_p * len(parts))(*(at for at, _ in parts))
        sizes = (c_uint64 * len(parts))(*(size for _, size in parts))
        super().__init__(_library.tp_split(addresses, sizes, len(parts), meaning.struct, rejects.bits, as_run))

    @property
    def rejected(self) -> int:
        """How many rows have a period or organisation unit that rejects them."""
        return int(self.handle.contents.rejected)

    @property
    def keys(self) -> Keys:
        """What became of rows that share a key; valid until `close`."""
        keys: Keys = self.handle.contents.keys
        return keys

    @property
    def has_left_out(self) -> bool:
        """Tell whether a row has fields that nobody understands."""
        return bool(self.handle.contents.has_left_out)

    @property
    def disagreements(self) -> list[tuple[int, int]]:
        """(rows, first row) that differ from the header in period, org unit, attribute option combo."""
        return [(int(t.count), int(t.first)) for t in self.handle.contents.disagree]

    @property
    def period_notes(self) -> list[tuple[int, int]]:
        """(rows, first row) by the note of their period."""
        return [(int(t.count), int(t.first)) for t in self.handle.contents.period_notes]

    def groups(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield (group, data set's rank, COC shape, AOC shape, rows)."""
        ds, coc, aoc, count = c_uint32(), c_uint32(), c_uint32(), c_uint64()
        for i in range(self.handle.contents.groups):
            _library.tp_split_group(self.handle, i, ds, coc, aoc, count)
            yield i, ds.value, coc.value, aoc.value, count.value

    def render(self, group: int, form: Form) -> OwnedBytes:
        """Return the group's rows as ADV2 text, without the brackets around them."""
        size = c_uint64()
        return OwnedBytes(_library.tp_split_render(self.handle, group, form.struct, size), size.value)

    def run(self, group: int) -> OwnedBytes:
        """Return the group's values as a sorted run for `merge`."""
        size = c_uint64()
        return OwnedBytes(_library.tp_split_run(self.handle, group, size), size.value)


class Used(_Owner):
    """Which ranks of one dimension a group names, in order, and the index of each; to be used group after group.

    Memory: some bytes for each rank that there is (`room`). A group costs what it names.
    """

    _free = _library.tp_used_free

    def __init__(self, room: int) -> None:
        super().__init__(_library.tp_used_new(room))

    def clear(self) -> None:
        """Forget the group before."""
        _library.tp_used_clear(self.handle)

    def add_split(self, split: Split, group: int, dimension: int) -> None:
        """Add the ranks that a group holds in a dimension."""
        if not _library.tp_used_split(self.handle, split.handle, group, dimension):
            raise MemoryError

    def add(self, packed: bytes) -> None:
        """Add what `packed` gave of a part of the group."""
        if not _library.tp_used_add(self.handle, packed, len(packed) // 4):
            raise MemoryError

    def packed(self) -> bytes:
        """Return the ranks as they lie in memory, 4 bytes each."""
        used = self.handle.contents
        return ctypes.string_at(used.ranks, 4 * used.count) if used.count else b""

    def settle(self) -> list[int]:
        """Return the ranks in order; `index_address` then holds the index of each."""
        _library.tp_used_settle(self.handle)
        used = self.handle.contents
        return used.ranks[: used.count] if used.count else []

    @property
    def index_address(self) -> int:
        """Where the indexes lie, by rank: valid until the next group."""
        return int(_library.tp_used_index(self.handle))


class Merge(_Owner):
    """Sorted runs of one group, merged into ADV2 text; `written` and `keys` count on."""

    _free = _library.tp_merge_free

    def __init__(self, runs: Sequence[Callable[[], Callable[[int], bytes]]], rejects: Rejects) -> None:
        """Each of `runs` begins to read a run: what it gives returns up to so many bytes, b"" at the end."""
        self._failure: BaseException | None = None
        self._runs = runs
        self._readers = [begin() for begin in runs]

        def read(run: int, at: int, size: int) -> int:
            try:
                data = self._readers[run](size)
            except Exception as error:  # must not pass through C: it is raised again in pieces()
                self._failure = error
                return -1
            ctypes.memmove(at, data, len(data))
            return len(data)

        self._read = _READ_RUN(read)
        self._written = c_uint64()
        self.keys = Keys()
        super().__init__(_library.tp_merge_new(len(runs), self._read, rejects.bits))

    @property
    def written(self) -> int:
        """Rows given so far."""
        return self._written.value

    def survey(self, used: Sequence[Used]) -> None:
        """Find the keys whose rows only fields tell apart that nobody understands, so that `pieces` rejects those.

        Adds to `used` the ranks that the other rows hold, by dimension.
        """
        marks = (c_void_p * len(used))(*(ctypes.cast(ranks.handle, c_void_p).value for ranks in used))
        self._check(_library.tp_merge_survey(self.handle, marks))
        self._readers = [begin() for begin in self._runs]
        self._check(_library.tp_merge_rewind(self.handle))

    def _check(self, good: object) -> None:
        if self._failure:
            raise self._failure
        if not good:
            raise MemoryError

    def pieces(self, form: Form, piece_bytes: int) -> Iterator[bytes]:
        """Yield the rows as text, piece by piece."""
        size = c_uint64()
        while True:
            at = _library.tp_merge_next(self.handle, form.struct, piece_bytes, size, self._written, self.keys)
            self._check(at)
            if not size.value:
                return
            yield ctypes.string_at(at, size.value)


def view_of(at: int, size_bytes: int) -> memoryview:
    """Return memory at an address as it is, for writing it elsewhere."""
    return memoryview((c_uint8 * size_bytes).from_address(at)).cast("B")


def address_of(buffer: bytearray) -> int:
    """Return where a buffer lies; it must not change its size while the address is used."""
    return ctypes.addressof(c_uint8.from_buffer(buffer)) if buffer else 0


def cut_json(block: Buffer) -> int:
    """Guess where a block of DXF2 JSON may be cut: behind a comma between rows; 0 for nowhere."""
    at, size = _address(block)
    return int(_library.tp_cut_json(at, size))


def cut_csv(block: Buffer) -> int:
    """Guess where a block of CSV may be cut: behind a line end; 0 for nowhere."""
    at, size = _address(block)
    return int(_library.tp_cut_csv(at, size))


def cut_xml(block: Buffer, tag: bytes) -> int:
    """Guess where a block of XML may be cut: before the last start `tag` (`<group`); 0 for nowhere."""
    at, size = _address(block)
    return int(_library.tp_cut_xml(at, size, tag, len(tag)))


class Lines:
    """Counts the lines of a text that comes in parts, and where it is CSV, its records: both behind the last byte."""

    def __init__(self, delimiter: str = "") -> None:
        self._struct = _Lines(delimiter=ord(delimiter) if delimiter else 0)

    def count(self, block: Buffer) -> None:
        """Count on."""
        at, size = _address(block)
        _library.tp_lines_count(self._struct, at, size)

    def copy(self) -> Lines:
        """Return the same count, to go on with."""
        other = Lines()
        ctypes.memmove(ctypes.byref(other._struct), ctypes.byref(self._struct), ctypes.sizeof(_Lines))
        return other

    @property
    def is_csv(self) -> bool:
        """Whether lines within quoted cells are no records of their own."""
        return bool(self._struct.delimiter)

    @property
    def lines(self) -> int:
        """Line ends so far."""
        return int(self._struct.lines)

    @property
    def records(self) -> int:
        """Line ends so far that end a record."""
        return int(self._struct.records)


def count_lines(block: Buffer) -> int:
    """Count line feeds."""
    at, size = _address(block)
    return int(_library.tp_count_lines(at, size))
