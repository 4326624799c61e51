"""COPY text: rows of a batch as lines that PostgreSQL takes. See copy_text.c."""

from __future__ import annotations

import ctypes
from ctypes import c_uint64

from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import COMMENT, DELETED, FOLLOWUP, VALUE

_PLACES = ("period_place", "unit_place", "combo_place", "attribute_place")
_STAMPS = ("storedby", "created", "lastupdated")
_NO_GROUP = -1


class CopyText(Owner):
    """Writes rows of the group with this header.

    `columns` names what a line has: the row's number, then the places that it needs, then value, deleted, follow-up and
    comment; `key_columns` those of a batch of keys. A dimension with one identifier has place 0, which is left out. The
    place of a combo that is given by category options is their indexes read as one number, the last one running
    fastest.
    """

    free = "tp_copy_text_free"

    def __init__(self, header: GroupHeader) -> None:
        sizes = header.places
        combos = 2 + (len(header.co.options) if header.co else header.coc is not None)
        weights: list[int] = []
        ends: list[bool] = []
        self.key_columns = ["row_number"]
        parts = (sizes[:1], sizes[1:2], sizes[2:combos], sizes[combos:])
        for name, of_place in zip(_PLACES, parts, strict=True):
            explicit = [size for size in of_place if size > 1]
            if not explicit:
                continue
            self.key_columns.append(name)
            weight = 1
            of_indexes: list[int] = []
            for size in reversed(explicit):
                of_indexes.append(weight)
                weight *= size
            if weight >> 63:
                raise OverflowError("a header spans more option combos than PostgreSQL can number")
            weights += reversed(of_indexes)
            ends += [at == len(explicit) - 1 for at in range(len(explicit))]
        stamps = () if header.undo is None else _STAMPS
        self.columns = (*self.key_columns, VALUE, DELETED, FOLLOWUP, COMMENT, *stamps)
        super().__init__(library.tp_copy_text_new(len(weights), (c_uint64 * len(weights))(*weights), bytes(ends)))

    def lines(self, batch: ArrowBatch, start: int = 0, stop: int | None = None, *, group: int | None = None) -> bytes:
        """Return some rows as whole lines, each behind a group's number if one is given."""
        size = c_uint64()
        stop = len(batch) if stop is None else stop
        number = _NO_GROUP if group is None else group
        text = library.tp_copy_text(self.handle, batch.handle, start, stop, number, size)
        if not text:
            raise MemoryError
        return ctypes.string_at(text, size.value)
