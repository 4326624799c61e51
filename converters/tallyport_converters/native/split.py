"""The values of one data element, split into groups, sorted, and written as ADV2 rows."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, Array, _Pointer, c_uint32, c_uint64, c_void_p
from itertools import accumulate

from tallyport_converters.native import abi
from tallyport_converters.native.abi import DIMENSIONS, PAIR_TEXT
from tallyport_converters.native.dictionaries import Rejects, view_of
from tallyport_converters.native.library import SEED, Owner, library


def clashing_fields(keys: abi.Keys) -> list[int]:
    """Return the hashes of the names of fields that distinguish rows of one key: see `name_hash`."""
    return keys.field[: keys.fields]


def sample(keys: abi.Keys) -> list[abi.Pair]:
    """Return copies of the first rows that lost to one that says something else."""
    return [abi.Pair.from_buffer_copy(pair) for pair in keys.pair[: keys.pairs]]


def pair_text(pair: abi.Pair, number: int) -> str:
    """Return a text of a pair: 0 the value, 1 that of the later row, 2 and 3 their comments; what is long is cut."""
    size = pair.sizes[number]
    text = bytes(pair.texts[number][: min(size, PAIR_TEXT)]).decode(errors="ignore")
    return text + "..." * (size > PAIR_TEXT)


def numbers(values: Sequence[int]) -> Array[c_uint32]:
    """Return an array of 32-bit numbers that C reads."""
    return (c_uint32 * max(1, len(values)))(*values)


class Meaning:
    """What a source's ids mean: see `abi.Meaning`. Ranks give the order of what is written."""

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
        kept = [numbers(r) for r in (*ranks, coc_shapes, aoc_shapes, data_sets)]
        self.struct = abi.Meaning(
            (POINTER(c_uint32) * DIMENSIONS)(*(ctypes.cast(array, POINTER(c_uint32)) for array in kept[:DIMENSIONS])),
            bytes(period_notes) + b"\0",
            *kept[DIMENSIONS:],
            (c_uint32 * DIMENSIONS)(*header),
            header_data_set,
            SEED,
        )


class RowNumbers(Owner):
    """The numbers of rows within their source, in the order in which a group's rows are written."""

    free = "tp_row_numbers_free"

    def __init__(self) -> None:
        super().__init__(library.tp_row_numbers_new())

    def take(self) -> bytes:
        """Return the numbers of the rows written since the last call, 8 bytes each as they lie in memory."""
        size = c_uint64()
        at = library.tp_row_numbers_take(self.handle, size)
        return ctypes.string_at(at, size.value) if size.value else b""


class Form:
    """How the indexes of a group's rows are written, by dimension: see `abi.Form`.

    `indexes[d]` are the indexes by rank, None where the dimension takes no place. `tokens[d]` is None where the index
    itself is written. `rows` takes the number of each row that is written, if it is given.
    """

    def __init__(
        self,
        indexes: Sequence[_Pointer[c_uint32] | None],
        tokens: Sequence[Sequence[bytes] | None],
        *,
        followup_false: bool,
        rows: RowNumbers | None = None,
    ) -> None:
        self.struct = abi.Form(followup_false=followup_false, rows=rows.handle if rows else None)
        for d, (index, parts) in enumerate(zip(indexes, tokens, strict=True)):
            if index is not None:
                self.struct.index[d] = index
            if parts is not None:
                self.struct.tokens[d] = b"".join(parts)
                ends = numbers(list(accumulate(map(len, parts))))
                self.struct.token_ends[d] = ctypes.cast(ends, POINTER(c_uint32))


class OwnedBytes(Owner):
    """Bytes that C allocated, to be seen without a copy."""

    free = "tp_bytes_free"

    def __init__(self, at: int, size_bytes: int) -> None:
        super().__init__(at)
        self._at, self._size = at, size_bytes

    def view(self) -> memoryview:
        """Return the bytes; valid until `close`."""
        return view_of(self._at, self._size)


class Split(Owner):
    """The groups of one data element's values, sorted; of each key the last row, unless they are to be merged.

    `report` (see `abi.SplitReport`) is valid until `close`.
    """

    free = "tp_split_free"

    def __init__(
        self, parts: Sequence[tuple[int, int]], meaning: Meaning, rejects: Rejects, *, as_run: bool = False
    ) -> None:
        addresses = (c_void_p * len(parts))(*(at for at, _ in parts))
        sizes = (c_uint64 * len(parts))(*(size for _, size in parts))
        super().__init__(library.tp_split(addresses, sizes, len(parts), meaning.struct, rejects.bits, as_run))
        self.report: abi.SplitReport = library.tp_split_report(self.handle).contents

    def groups(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield (group, data set's rank, COC shape, AOC shape, rows)."""
        ds, coc, aoc, count = c_uint32(), c_uint32(), c_uint32(), c_uint64()
        for i in range(self.report.groups):
            library.tp_split_group(self.handle, i, ds, coc, aoc, count)
            yield i, ds.value, coc.value, aoc.value, count.value

    def render(self, group: int, form: Form) -> OwnedBytes:
        """Return the group's rows as ADV2 text, without the brackets around them."""
        size = c_uint64()
        return OwnedBytes(library.tp_split_render(self.handle, group, form.struct, size), size.value)

    def run(self, group: int) -> OwnedBytes:
        """Return the group's values as a sorted run for `merge`."""
        size = c_uint64()
        return OwnedBytes(library.tp_split_run(self.handle, group, size), size.value)


class Used(Owner):
    """Which ranks of one dimension a group names, in order, and the index of each; to be used group after group.

    Memory: some bytes for each rank that there is (`room`). A group costs what it names.
    """

    free = "tp_used_free"

    def __init__(self, room: int) -> None:
        super().__init__(library.tp_used_new(room))

    def clear(self) -> None:
        """Forget the group before."""
        library.tp_used_clear(self.handle)

    def add_split(self, split: Split, group: int, dimension: int) -> None:
        """Add the ranks that a group holds in a dimension."""
        if not library.tp_used_split(self.handle, split.handle, group, dimension):
            raise MemoryError

    def add(self, packed: bytes) -> None:
        """Add what `packed` gave of a part of the group."""
        if not library.tp_used_add(self.handle, packed, len(packed) // 4):
            raise MemoryError

    def _ranks(self) -> tuple[_Pointer[c_uint32], int]:
        count = c_uint64()
        ranks: _Pointer[c_uint32] = library.tp_used_ranks(self.handle, count)
        return ranks, count.value

    def packed(self) -> bytes:
        """Return the ranks as they lie in memory, 4 bytes each."""
        ranks, count = self._ranks()
        return ctypes.string_at(ranks, 4 * count) if count else b""

    def settle(self) -> list[int]:
        """Return the ranks in order; `index` then holds the index of each."""
        library.tp_used_settle(self.handle)
        ranks, count = self._ranks()
        return ranks[:count] if count else []

    @property
    def index(self) -> _Pointer[c_uint32]:
        """The indexes, by rank: valid until the next group."""
        index: _Pointer[c_uint32] = library.tp_used_index(self.handle)
        return index
