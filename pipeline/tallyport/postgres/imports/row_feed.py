"""Row feed: the accepted rows of an ADV2 group for an import, and what the ignored ones name, as lines for COPY.

Streams; holds a block of rows. The lines are made by copy_text.c.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator
from ctypes import c_uint64
from math import prod
from types import MappingProxyType
from typing import IO, Self

from tallyport.validation.rejected_rows import RejectedRows
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import Refused, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.finding import SourceUnreadable, finding
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import COMMENT, DELETED, FOLLOWUP, VALUE

_IN_MEMORY = 1 << 20

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


class RowFeed(RowBatches):
    """The rows of a group with what an import does in addition: it reads ahead, and keeps what ignored rows name.

    `text` makes lines for COPY of batches. Where the group deletes, `kept` takes a line for each ignored row that has
    all its indexes, with the key columns of `text`: beyond some, on the disk. Use the feed in a `with`.
    """

    def __init__(
        self,
        file: Adv2File,
        header: GroupHeader,
        rules: RowRules | None,
        refused: Refused = MappingProxyType({}),
        rejected: RejectedRows | None = None,
    ) -> None:
        """`refused`: identifiers that rows may not name. `rejected` takes each row that is skipped, if it is given."""
        check = row_check(header, rules, refused, apart=rejected is not None)
        super().__init__(file, header, check, rejected.add_finding if rejected is not None else None)
        self.text = CopyText(header)
        self.kept: IO[bytes] | None = None
        if header.delete is not None:
            self.kept = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed on leaving
        self.ahead: list[ArrowBatch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.kept:
            self.kept.close()
            self.kept = None

    def read_ahead(self, limit: int) -> bool:
        """Read rows of about `limit` bytes, which are kept; returns whether these are all.

        Raises:
            SourceUnreadable: as iterating.
        """
        for batch in self.unread:
            self.ahead.append(batch)
            if sum(ahead.size_bytes for ahead in self.ahead) > limit:
                return False
        return True

    def __iter__(self) -> Iterator[ArrowBatch]:
        """Yield the rows, a block at a time; what was read ahead comes first, each time.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        yield from self.ahead
        for batch in self.unread:
            if self.kept and self.named:
                self.kept.write(self.text.lines(self.named))
            yield batch
