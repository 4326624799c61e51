"""The joiner's Python face: rows of legacy formats out of batches of rows. See join_rows.c."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, Structure, c_char_p, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

from tallyport_converters.native import _library, _Owner
from tallyport_converters.native.batch import ArrowBatch, _RowBatch

PIECES_LIMIT = 160
"""Pieces that a row may have, as in join_rows.c: three for each category of both combos, and the others."""


class PieceKind(IntEnum):
    """What a piece writes, as `enum PieceKind` in join_rows.c, which says what its texts are."""

    PLACES = 0
    VALUE = 1
    DECIMAL = 2
    OTHER = 3
    DELETED = 4
    FOLLOWUP = 5
    COMMENT = 6


class Escape(IntEnum):
    """How values and comments are written, as `enum Escape` in join_rows.c."""

    JSON = 0
    CSV = 1
    XML = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of every row. `field` names it in findings.

    `texts` of PLACES: one for each combination of the indexes at `places`, the last running fastest; None where it
    cannot be stated, which leaves the row out. Of the other kinds: four, as `enum PieceKind` lists them.
    """

    kind: PieceKind
    texts: Sequence[bytes | None]
    places: range = range(0)
    field: str = ""


def constant(text: bytes) -> Piece:
    """Return the piece that is the same in every row."""
    return Piece(PieceKind.PLACES, [text])


class _Join(Structure):
    _fields_ = [
        ("written", c_uint64),
        ("left_out", c_uint64),
        ("misread", c_uint64),
        ("first_misread", c_uint64),
        ("unstated", c_uint64 * PIECES_LIMIT),
        ("first_unstated", c_uint64 * PIECES_LIMIT),
    ]


def _declare() -> None:
    join, p64 = POINTER(_Join), POINTER(c_uint64)
    _library.tp_join_new.restype = join
    _library.tp_join_new.argtypes = [c_uint32, c_uint32, p64, c_uint32, c_char_p, c_uint64]
    _library.tp_join_free.restype, _library.tp_join_free.argtypes = None, [join]
    _library.tp_join_piece.restype = c_uint32
    _library.tp_join_piece.argtypes = [join, c_uint32, c_uint32, c_uint32, c_uint32, c_char_p, p64, c_char_p]
    _library.tp_join_rows.restype, _library.tp_join_rows.argtypes = c_void_p, [join, POINTER(_RowBatch), p64, p64]
    _library.tp_join_end.restype, _library.tp_join_end.argtypes = c_uint32, [join]


_declare()


class Join(_Owner):
    """Joins the rows of one ADV2 group: `join` them batch by batch, then `end`."""

    _free = _library.tp_join_free

    def __init__(
        self,
        pieces: Sequence[Piece],
        sizes: Sequence[int],
        escape: Escape,
        *,
        group_pieces: int = 0,
        group_close: bytes = b"",
    ) -> None:
        """`sizes`: of the dimensions that rows have an index for.

        The first `group_pieces` pieces are written only where one of them differs from the row before, after
        `group_close` for the rows before.
        """
        self._pieces = pieces
        self._group_close = group_close
        array = (c_uint64 * max(1, len(sizes)))(*sizes)
        super().__init__(_library.tp_join_new(escape, len(sizes), array, group_pieces, group_close, len(group_close)))
        for piece in pieces:
            texts = [text or b"" for text in piece.texts]
            ends = (c_uint64 * (len(texts) + 1))(0, *accumulate(map(len, texts)))
            stated = bytes(text is not None for text in piece.texts)
            added = _library.tp_join_piece(
                self.handle,
                piece.kind,
                piece.places.start,
                len(piece.places),
                len(texts),
                b"".join(texts),
                ends,
                stated,
            )
            if not added:
                raise MemoryError

    def join(self, batch: ArrowBatch) -> Iterator[bytes]:
        """Yield the rows of a batch, a megabyte or a row at a time. An empty text is none."""
        row, size = c_uint64(), c_uint64()
        while row.value < len(batch):
            text = _library.tp_join_rows(self.handle, batch.handle, row, size)
            if not text:
                raise MemoryError
            if size.value:
                yield ctypes.string_at(text, size.value)

    def end(self) -> bytes:
        """Return what closes the rows joined so far."""
        return self._group_close if _library.tp_join_end(self.handle) else b""

    @property
    def counts(self) -> tuple[int, int]:
        """Rows written and left out so far."""
        fields = self.handle.contents
        return int(fields.written), int(fields.left_out)

    @property
    def misread(self) -> tuple[int, int]:
        """How many rows DHIS2 2.43 would misread, for quotes and line ends in CSV, and the first of them."""
        fields = self.handle.contents
        return int(fields.misread), int(fields.first_misread)

    def unstated(self) -> Iterator[tuple[Piece, int, int]]:
        """Yield the pieces that left rows out, each with how many and the first."""
        fields = self.handle.contents
        for number, piece in enumerate(self._pieces):
            if fields.unstated[number]:
                yield piece, int(fields.unstated[number]), int(fields.first_unstated[number])
