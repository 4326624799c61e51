"""Batches of rows in C memory, and how Arrow's users get at them. See row_batch.c.

Capsules are made by the interpreter itself, through ctypes; what frees and releases them is C. So memory is freed once,
whoever holds the last part of it, on whatever thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import POINTER, c_int32, c_void_p
from itertools import pairwise
from typing import TypeVar, cast

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Capsule
from tallyport_converters.native.library import Owner, library
from tallyport_schemas.row_batch import ALL, DELETED, FOLLOWUP, ROW, RowColumns

T = TypeVar("T")

_NO_PLACE = -1
_OPEN_CAPSULE = ctypes.cast(ctypes.pythonapi.PyCapsule_GetPointer, abi.OpenCapsule)
library.tp_capsules_by(_OPEN_CAPSULE)
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_void_p, c_void_p)(("PyCapsule_New", ctypes.pythonapi))
_RELEASES = tuple(
    ctypes.cast(release, c_void_p)
    for release in (library.tp_schema_capsule_free, library.tp_array_capsule_free, library.tp_stream_capsule_free)
)


def capsule(kind: int, structure: int | None) -> object:
    """Return a structure of the Arrow C data interface in a capsule, which frees it.

    Raises:
        MemoryError: there is none, as memory ran out.
    """
    if not structure:
        raise MemoryError
    return _new_capsule(structure, library.tp_capsule_name(kind), _RELEASES[kind])


def _exported(columns: RowColumns) -> abi.Columns:
    places = [_NO_PLACE if place is None else place for place in columns.places]
    names = b"".join(name.encode(errors="replace") + b"\0" for name in columns.names)
    array = (c_int32 * len(places))(*places)
    return abi.Columns(len(places), len(columns.texts), array, names, len(names))


class ArrowBatch(Owner):
    """A `RowBatch` in C memory. Handing it over copies nothing; `close` leaves alone what was handed over."""

    free = "tp_row_batch_free"

    def __init__(self, handle: object, columns: RowColumns) -> None:
        super().__init__(handle)
        self.columns = columns

    def __len__(self) -> int:
        return int(library.tp_row_batch_rows(self.handle))

    @property
    def size_bytes(self) -> int:
        """The memory that it takes."""
        return int(library.tp_row_batch_size(self.handle))

    def integers(self, column: str, rows: slice = ALL) -> list[int]:
        """See `RowBatch`."""
        start, stop, _ = rows.indices(len(self))
        if column == ROW:
            return list(library.tp_row_batch_numbers(self.handle)[start:stop])
        place = self.columns.places[self.columns.dimensions.index(column)]
        if place is None:
            return [0] * (stop - start)
        return list(library.tp_row_batch_indexes(self.handle, place)[start:stop])

    def texts(self, column: str, rows: slice = ALL) -> list[str | None]:
        """See `RowBatch`."""
        start, stop, _ = rows.indices(len(self))
        ends, given = POINTER(c_int32)(), c_void_p()
        number = self.columns.texts.index(column)
        data = library.tp_row_batch_texts(self.handle, number, ctypes.byref(ends), ctypes.byref(given))
        marks = ends[start : stop + 1]
        whole, first = ctypes.string_at(data + marks[0], marks[-1] - marks[0]), marks[0]
        texts = [whole[a - first : b - first].decode() for a, b in pairwise(marks)]
        return _where_given(texts, given, start, stop)

    def flags(self, column: str, rows: slice = ALL) -> list[bool | None]:
        """See `RowBatch`."""
        start, stop, _ = rows.indices(len(self))
        given = c_void_p()
        number = (DELETED, FOLLOWUP).index(column)
        flags = library.tp_row_batch_flags(self.handle, number, ctypes.byref(given))
        return _where_given(_bits(flags, start, stop), given, start, stop)

    def __arrow_c_schema__(self) -> object:
        """See `RowBatch`."""
        return capsule(Capsule.SCHEMA, library.tp_arrow_schema(_exported(self.columns)))

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """See `RowBatch`. There is one schema, whatever is requested, as the interface allows."""
        del requested_schema
        array = capsule(Capsule.ARRAY, library.tp_arrow_array(self.handle, _exported(self.columns)))
        return self.__arrow_c_schema__(), array


def _bits(at: int, start: int, stop: int) -> list[bool]:
    whole = ctypes.string_at(at, stop // 8 + 1)
    return [bool(whole[row >> 3] >> (row & 7) & 1) for row in range(start, stop)]


def _where_given(column: list[T], given: c_void_p, start: int, stop: int) -> list[T | None]:
    """Return a part of a column with None where `given`, if there is such, has no bit."""
    if given.value is None:
        return [*column]
    bits = _bits(given.value, start, stop)
    return [entry if is_given else None for entry, is_given in zip(column, bits, strict=True)]


class ArrowBatches:
    """Batches of one group, none of them or more, as one table. No sequence: polars would take it for a list."""

    def __init__(self, columns: RowColumns, batches: Iterable[ArrowBatch]) -> None:
        self.columns = columns
        self.batches = tuple(batches)

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns."""
        return capsule(Capsule.SCHEMA, library.tp_arrow_schema(_exported(self.columns)))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an ArrowArrayStream, which holds the batches by itself. It has one schema."""
        del requested_schema
        handles = (c_void_p * len(self.batches))(*[cast(c_void_p, batch.handle) for batch in self.batches])
        return capsule(Capsule.STREAM, library.tp_arrow_stream(handles, len(self.batches), _exported(self.columns)))
