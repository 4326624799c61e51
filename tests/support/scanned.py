"""What a reader hands on of a file, row by row: for tests that compare one way of reading with another."""

from __future__ import annotations

import ctypes
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from support.fuzz import exact_blocks, opened
from tallyport_converters.conversion.scan import scan_all
from tallyport_converters.conversion.source_run import DROPPED, NOTICES
from tallyport_converters.model.combos import Combo, decode
from tallyport_converters.model.file_header import Header, count_dropped
from tallyport_converters.native.abi import Kind
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.dictionaries import Dictionaries, Rejects, pack
from tallyport_converters.native.library import Buffer
from tallyport_converters.readers.reader import Reader
from tallyport_schemas.finding import WHITE

_PACKED = struct.Struct("<Q8I")  # `Packed` in group.h
_DELETED, _FOLLOWUP_TRUE, _FOLLOWUP_FALSE = 4, 8, 16  # `RowFlag`


class Row(NamedTuple):
    """One row as the scanner hands it on: before the header stands in, before periods are looked at."""

    data_element: str
    period: str
    org_unit: str
    coc: Combo | None
    aoc: Combo | None
    data_set: str
    value: str
    comment: str
    followup: bool | None
    deleted: bool


@dataclass
class Read:
    """All of a file: None stands for a rejected row; notices are (rows, first row) by code."""

    rows: list[Row | None] = field(default_factory=list)
    header: Header = field(default_factory=Header)
    dropped: Counter[str] = field(default_factory=Counter)
    notices: dict[str, tuple[int, int]] = field(default_factory=dict)

    def note(self, code: str, count: int, first: int) -> None:
        known, known_first = self.notices.get(code, (0, first))
        self.notices[code] = (known + count, min(known_first, first))


def as_counted(dropped: Mapping[str, int]) -> Counter[str]:
    """Return counts by the names that are told: long ones are cut."""
    counts: Counter[str] = Counter()
    for name, count in dropped.items():
        if count:
            count_dropped(counts, name, count)
    return counts


def too_long(text: str) -> bool:
    """Tell whether a value or comment is longer than what DHIS2 stores."""
    return len(text.encode("utf-16-le", "surrogatepass")) > 2 * 50_000


def rows_of(batch: Batch) -> list[Row | None]:
    """Return the rows of one batch."""
    rows: list[Row | None] = [None] * batch.report.rows
    with Dictionaries() as dictionaries, Rejects() as rejects, pack(batch, dictionaries, rejects, 0) as blob:
        texts = {kind: [b"", *dictionaries.texts(kind)] for kind in Kind}
        for element, at, size in blob.segments():
            part = ctypes.string_at(at, size)
            position = 0
            while position < size:
                row, pe, ou, coc, aoc, ds, flags, value_size, comment_size = _PACKED.unpack_from(part, position)
                start = position + _PACKED.size
                end = start + value_size
                followup = True if flags & _FOLLOWUP_TRUE else False if flags & _FOLLOWUP_FALSE else None
                rows[row] = Row(
                    texts[Kind.DE][element].decode(),
                    texts[Kind.PE][pe].decode(),
                    texts[Kind.OU][ou].decode(),
                    decode(texts[Kind.COC][coc]) if coc else None,
                    decode(texts[Kind.AOC][aoc]) if aoc else None,
                    texts[Kind.DS][ds].decode(),
                    part[start:end].decode(),
                    part[end : end + comment_size].decode(),
                    followup,
                    bool(flags & _DELETED),
                )
                position += (_PACKED.size + value_size + comment_size + 16 * (flags >> 16) + 7) & ~7
        rejected, row = set(), rejects.after(0)
        while row is not None:
            rejected.add(row)
            row = rejects.after(row + 1)
        assert rejected == {i for i, found in enumerate(rows) if found is None}
    return rows


def read_all(reader: Reader, block_bytes: int) -> Read:
    """Read a file to its end.

    Raises whatever the reader raises.
    """
    read = Read()
    with exact_blocks():
        for scanned in scan_all(reader, None, 1, block_bytes):
            with scanned.batch as batch:
                take(read, reader, batch, scanned.block)
    read.header = reader.finish()
    read.dropped += read.header.dropped + read.header.left_out
    read.dropped += Counter({name: groups for name, (groups, _) in read.header.left_out_of_groups.items()})
    for found in read.header.findings:
        read.note(found.code, found.count or 1, found.row or 0)
    return read


def take(read: Read, reader: Reader, batch: Batch, block: Buffer) -> None:
    """Take over what one batch says."""
    reader.take(batch, block)
    for notice, count, first in batch.notices():
        read.note(NOTICES[notice][0], count, len(read.rows) + first)
    for which, count in batch.dropped():
        if count:
            read.dropped[DROPPED[which]] += count
    for name, count, *_ in batch.names():
        count_dropped(read.dropped, name.decode(), count)
    read.rows += rows_of(batch)


__all__ = ["Read", "Row", "as_counted", "opened", "read_all", "rows_of", "take", "too_long"]


def trimmed(name: str, text: str) -> str:
    """A field's text without the white space around it; a blank value stays as it is."""
    inner = text.strip(WHITE)
    return text if name == "value" and not inner else inner
