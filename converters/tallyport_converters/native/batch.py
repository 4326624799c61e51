"""Batches of rows in C memory, and how Arrow's users get at them. See row_batch.c.

Capsules are made by the interpreter itself, through ctypes; what frees and releases them is C. So memory is freed once,
whoever holds the last part of it, on whatever thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from itertools import pairwise
from typing import Any

from tallyport_converters.native import _library, _Owner
from tallyport_schemas.row_batch import DELETED, FOLLOWUP, ROW, RowColumns

_NO_PLACE = -1


class _RowBatch(Structure):
    _fields_ = [("rows", c_uint64), ("size_bytes", c_uint64)]


class _Columns(Structure):
    _fields_ = [
        ("indexes", c_uint32),
        ("texts", c_uint32),
        ("places", POINTER(c_int32)),
        ("names", c_char_p),
        ("names_size", c_uint64),
    ]


def _declare() -> None:
    batch, columns, p8, p32 = POINTER(_RowBatch), POINTER(_Columns), POINTER(c_uint8), POINTER(c_int32)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "tp_row_batch_free": (None, [batch]),
        "tp_row_batch_numbers": (POINTER(c_int64), [batch]),
        "tp_row_batch_indexes": (p32, [batch, c_uint32]),
        "tp_row_batch_texts": (c_void_p, [batch, c_uint32, POINTER(p32), POINTER(p8)]),
        "tp_row_batch_flags": (p8, [batch, c_uint32, POINTER(p8)]),
        "tp_arrow_schema": (c_void_p, [columns]),
        "tp_arrow_array": (c_void_p, [batch, columns]),
        "tp_arrow_stream": (c_void_p, [POINTER(batch), c_uint64, columns]),
        "tp_capsule_name": (c_void_p, [c_uint32]),
        "tp_capsules_by": (None, [c_void_p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(_library, name)
        function.restype, function.argtypes = result, arguments
    _library.tp_capsules_by(ctypes.cast(ctypes.pythonapi.PyCapsule_GetPointer, c_void_p))


_declare()
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_void_p, c_void_p)(("PyCapsule_New", ctypes.pythonapi))
_RELEASES = tuple(
    ctypes.cast(release, c_void_p)
    for release in (_library.tp_schema_capsule_free, _library.tp_array_capsule_free, _library.tp_stream_capsule_free)
)
_SCHEMA, _ARRAY, _STREAM = range(3)


def _capsule(kind: int, structure: int | None) -> object:
    if not structure:
        raise MemoryError
    return _new_capsule(structure, _library.tp_capsule_name(kind), _RELEASES[kind])


def _exported(columns: RowColumns) -> _Columns:
    places = [_NO_PLACE if place is None else place for place in columns.places]
    names = b"".join(name.encode(errors="replace") + b"\0" for name in columns.names)
    array = (c_int32 * len(places))(*places)
    return _Columns(len(places), len(columns.texts), array, names, len(names))


class ArrowBatch(_Owner):
    """A `RowBatch` in C memory. Handing it over copies nothing; `close` leaves alone what was handed over."""

    _free = _library.tp_row_batch_free

    def __init__(self, handle: Any, columns: RowColumns) -> None:
        super().__init__(handle)
        self.columns = columns

    def __len__(self) -> int:
        return int(self.handle.contents.rows)

    @property
    def size_bytes(self) -> int:
        """The memory that it takes."""
        return int(self.handle.contents.size_bytes)

    def integers(self, column: str) -> list[int]:
        """See `RowBatch`."""
        count = len(self)
        if column == ROW:
            return list(_library.tp_row_batch_numbers(self.handle)[:count])
        place = self.columns.places[self.columns.dimensions.index(column)]
        return [0] * count if place is None else list(_library.tp_row_batch_indexes(self.handle, place)[:count])

    def texts(self, column: str) -> list[str | None]:
        """See `RowBatch`."""
        ends, given = POINTER(c_int32)(), POINTER(c_uint8)()
        number = self.columns.texts.index(column)
        data = _library.tp_row_batch_texts(self.handle, number, ctypes.byref(ends), ctypes.byref(given))
        marks = ends[: len(self) + 1]
        whole = ctypes.string_at(data, marks[-1])
        texts = [whole[a:b].decode() for a, b in pairwise(marks)]
        if not given:
            return [*texts]
        return [text if is_given else None for text, is_given in zip(texts, self._bits(given), strict=True)]

    def flags(self, column: str) -> list[bool | None]:
        """See `RowBatch`."""
        given = POINTER(c_uint8)()
        is_followup = (DELETED, FOLLOWUP).index(column)
        flags = self._bits(_library.tp_row_batch_flags(self.handle, is_followup, ctypes.byref(given)))
        if not given:
            return [*flags]
        return [flag if is_given else None for flag, is_given in zip(flags, self._bits(given), strict=True)]

    def _bits(self, bits: Any) -> list[bool]:
        count = len(self)
        return [bool(byte >> bit & 1) for byte in bits[: count // 8 + 1] for bit in range(8)][:count]

    def __arrow_c_schema__(self) -> object:
        """See `RowBatch`."""
        return _capsule(_SCHEMA, _library.tp_arrow_schema(_exported(self.columns)))

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """See `RowBatch`. There is one schema, whatever is requested, as the interface allows."""
        del requested_schema
        array = _capsule(_ARRAY, _library.tp_arrow_array(self.handle, _exported(self.columns)))
        return self.__arrow_c_schema__(), array


class ArrowBatches:
    """Batches of one group, none of them or more, as one table. No sequence: polars would take it for a list."""

    def __init__(self, columns: RowColumns, batches: Iterable[ArrowBatch]) -> None:
        self.columns = columns
        self.batches = tuple(batches)

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns."""
        return _capsule(_SCHEMA, _library.tp_arrow_schema(_exported(self.columns)))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an ArrowArrayStream, which holds the batches by itself. It has one schema."""
        del requested_schema
        handles = (POINTER(_RowBatch) * len(self.batches))(*(batch.handle for batch in self.batches))
        return _capsule(_STREAM, _library.tp_arrow_stream(handles, len(self.batches), _exported(self.columns)))
