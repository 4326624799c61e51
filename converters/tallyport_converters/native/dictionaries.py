"""A source's identifiers and rejected rows, and its batches packed for gathering."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import _Pointer, c_uint8

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Kind
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import SEED, Owner, dictionary_texts, library


class Dictionaries(Owner):
    """All distinct identifiers of one source, by kind; ids count from 1, 0 is absent."""

    free = "tp_dictionaries_free"

    def __init__(self) -> None:
        super().__init__(library.tp_dictionaries_new(SEED))

    def add(self, kind: Kind, text: bytes) -> int:
        """Return the id of `text`, new or known."""
        id_ = int(library.tp_dictionary_add(self.handle, kind, text, len(text)))
        if not id_:
            raise MemoryError
        return id_

    def texts(self, kind: Kind) -> list[bytes]:
        """Return all texts of a kind; that of id i is at position i - 1."""
        count = library.tp_dictionary_count(self.handle, kind)
        return dictionary_texts("tp_dictionary_text", count, self.handle, kind)

    @property
    def size_bytes(self) -> int:
        """Memory that the dictionaries hold."""
        return int(library.tp_dictionaries_size(self.handle))


class Rejects(Owner):
    """Which rows of a source were rejected: a bit each."""

    free = "tp_rejects_free"

    def __init__(self) -> None:
        super().__init__(library.tp_rejects_new())

    def after(self, row: int) -> int | None:
        """Return the first rejected row from `row` on."""
        found = int(library.tp_rejects_next(self.handle, row))
        return None if found == 0xFFFF_FFFF_FFFF_FFFF else found

    @property
    def bits(self) -> int | None:
        """Address of the bits: valid until the next `pack`."""
        bits: int | None = library.tp_rejects_bits(self.handle)
        return bits


class Blob(Owner):
    """Packed rows, separated by data element."""

    free = "tp_blob_free"

    def __init__(self, blob: _Pointer[abi.Blob]) -> None:
        super().__init__(blob)
        self.report = blob.contents

    def segments(self) -> Iterator[tuple[int, int, int]]:
        """Yield (data element's id, address, size in bytes) of each part."""
        blob = self.report
        for i in range(blob.segments):
            yield blob.des[i], (blob.data or 0) + blob.starts[i], blob.starts[i + 1] - blob.starts[i]


def pack(batch: Batch, dictionaries: Dictionaries, rejects: Rejects, first_row: int) -> Blob:
    """Merge a batch into its source; `first_row` is its first row's index within the source."""
    return Blob(library.tp_pack(batch.handle, dictionaries.handle, rejects.handle, first_row))


def view_of(at: int, size_bytes: int) -> memoryview:
    """Return memory at an address as it is, for writing it elsewhere."""
    return memoryview((c_uint8 * size_bytes).from_address(at)).cast("B")


def address_of(buffer: bytearray) -> int:
    """Return where a buffer lies; it must not change its size while the address is used."""
    return ctypes.addressof(c_uint8.from_buffer(buffer)) if buffer else 0
