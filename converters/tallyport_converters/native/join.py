"""Rows of legacy formats, joined from pieces."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import c_uint64
from dataclasses import dataclass
from itertools import accumulate

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Escape, PieceKind
from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.row_batch import ArrowBatch


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


class Join(Owner):
    """Joins the rows of one ADV2 group: `join` them batch by batch, then `end`. `report`: see `abi.JoinReport`."""

    free = "tp_join_free"

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
        super().__init__(library.tp_join_new(escape, len(sizes), array, group_pieces, group_close, len(group_close)))
        self.report: abi.JoinReport = library.tp_join_report(self.handle).contents
        for piece in pieces:
            texts = [text or b"" for text in piece.texts]
            ends = (c_uint64 * (len(texts) + 1))(0, *accumulate(map(len, texts)))
            stated = bytes(text is not None for text in piece.texts)
            added = library.tp_join_piece(
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
            text = library.tp_join_rows(self.handle, batch.handle, row, size)
            if not text:
                raise MemoryError
            if size.value:
                yield ctypes.string_at(text, size.value)

    def end(self) -> bytes:
        """Return what closes the rows joined so far."""
        return self._group_close if library.tp_join_end(self.handle) else b""

    def unstated(self) -> Iterator[tuple[Piece, int, int]]:
        """Yield the pieces that left rows out, each with how many and the first."""
        fields = self.report
        for number, piece in enumerate(self._pieces):
            if fields.unstated[number]:
                yield piece, fields.unstated[number], fields.first_unstated[number]
