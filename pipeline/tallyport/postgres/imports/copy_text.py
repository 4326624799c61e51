"""COPY text: rows of a batch as lines that PostgreSQL takes. See copy_text.c."""

from __future__ import annotations

import ctypes
from ctypes import c_uint64
from math import prod

from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.finding import SourceUnreadable, finding
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import COMMENT, DELETED, FOLLOWUP, VALUE

_PLACES = ("period_place", "unit_place", "combo_place", "attribute_place")
_STAMPS = ("storedby", "created", "lastupdated")
_NO_GROUP = -1

_COMBOS_LIMIT = (1 << 63) - 1
"""Option combos that PostgreSQL's bigint can number."""


class CopyText(Owner):
    """Writes rows of the group with this header.

    `columns` names what a line has: the row's number, then the places that it needs, then value, deleted, follow-up and
    comment; `key_columns` those of a batch of keys. A dimension with one identifier has place 0, which is skipped. The
    place of a combo that is given by category options is their indexes read as one number, the last one running
    fastest.

    Raises:
        SourceUnreadable: TP513, the header spans more option combos than PostgreSQL can number.
    """

    free = "tp_copy_text_free"

    def __init__(self, header: GroupHeader) -> None:
        sizes = header.places
        combos = 2 + (len(header.co.options) if header.co else header.coc is not None)
        explicit: list[int] = []
        last = bytearray()
        self.key_columns = ["row_number"]
        parts = (sizes[:1], sizes[1:2], sizes[2:combos], sizes[combos:])
        for name, of_place in zip(_PLACES, parts, strict=True):
            indexes = [size for size in of_place if size > 1]
            if (spanned := prod(indexes)) > _COMBOS_LIMIT:
                found, expected = f"{spanned:.1e} option combos", f"at most {_COMBOS_LIMIT:.1e}"
                raise SourceUnreadable(finding("TP513", found=found, expected=expected))
            if indexes:
                self.key_columns.append(name)
                explicit += indexes
                last += bytes(len(indexes) - 1) + b"\1"
        stamps = () if header.undo is None else _STAMPS
        self.columns = (*self.key_columns, VALUE, DELETED, FOLLOWUP, COMMENT, *stamps)
        super().__init__(library.tp_copy_text_new(len(explicit), (c_uint64 * len(explicit))(*explicit), bytes(last)))

    def lines(self, batch: ArrowBatch, start: int = 0, stop: int | None = None, *, group: int | None = None) -> bytes:
        """Return some rows as whole lines, each after a group's number if one is given."""
        size = c_uint64()
        stop = len(batch) if stop is None else stop
        number = _NO_GROUP if group is None else group
        text = library.tp_copy_text(self.handle, batch.handle, start, stop, number, size)
        if not text:
            raise MemoryError
        return ctypes.string_at(text, size.value)
