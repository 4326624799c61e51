"""Reading ADV2: the groups of a file, one after the other, as heads and blocks of rows. Counterpart of adv2.py.

Streams: holds a group's head, or one block of rows. Knows the bytes, not what they mean: that is validation's matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tallyport_converters.native.abi import Fault, RowsState
from tallyport_converters.native.adv2 import PROPERTIES_LIMIT, RowForm, Rows, scan_head
from tallyport_converters.readers.dxf_json import FAULTS
from tallyport_converters.sources import Source
from tallyport_converters.text.csv_records import encoding_fault
from tallyport_converters.text.position import LOCATED_BYTES, locate
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

BLOCK_BYTES = 1 << 20
HEAD_LIMIT = 16 << 20
"""Bytes that a head may take."""

IDENTIFIERS_LIMIT = 1_000_000
"""Parts that a head may have: each is held as an object."""

ROW_LIMIT = 8 << 20
"""Bytes that a row may take."""

FINDINGS_FREE, FINDING_EACH = 10_000, 64
"""Findings about rows that are reported one by one for each file: so many, and one for so many bytes that were read."""

_BOM = b"\xef\xbb\xbf"
_TRAILING_SHOWN = 1_000
_SPACE = re.compile(rb"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class RawHead:
    """A group's properties in file order as (name, JSON text); `data` among them as `[` where rows follow."""

    number: int
    properties: list[tuple[str, bytes]]
    has_rows: bool


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Rows just scanned, and the bytes they were scanned from."""

    rows: Rows
    block: bytearray


class Adv2File:
    """One ADV2 source: iterate `heads`, and after each that has rows, `rows` or `skip_rows`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._blocks = source.blocks(BLOCK_BYTES, is_hashed=False)
        self._buffer = bytearray()
        self._start = 0
        self._ended = False
        self._pending = False
        self._state: int = RowsState.FIRST
        self._findings = 0
        self.rows_read = 0
        """Rows of the group whose head came last that were read so far: those that exist, whatever its header says."""
        self.is_array = False
        self.trailing = ""

    def heads(self) -> Iterator[RawHead]:
        """Yield the groups' heads; whatever follows a group's rows is in `trailing` of the turn after.

        Raises:
            SourceUnreadable: TP108 malformed, TP107 no UTF-8, TP112 too long a head, TP113 no group.
        """
        while not self._ended and len(self._buffer) < len(_BOM):
            self._more()
        if self._buffer.startswith(_BOM):
            self._drop(len(_BOM))
        self.is_array = self._peek() == b"["
        if self.is_array:
            self._drop(1)
            if self._peek() == b"]":
                self._drop(1)
                self._end()
                return
        number = 0
        while True:
            self.trailing = ""
            yield self._head(number)
            if self._pending:
                for _ in self.skip_rows():
                    pass
            number += 1
            if not self.is_array:
                break
            byte = self._peek()
            if byte not in (b",", b"]"):
                raise self._malformed(0, "a comma or the array's end")
            self._drop(1)
            if byte == b"]":
                break
        self._end()

    def rows(self, form: RowForm) -> Iterator[RowBlock]:
        """Yield the rows of the group whose head came last, block by block; each is to be judged by the caller.

        Raises:
            SourceUnreadable: TP108, TP107, TP112.
        """
        assert self._pending
        yield from self._rows(form)
        self._close_group()
        read = self.rows_read
        for _ in range(PROPERTIES_LIMIT):
            if not self._pending:
                self.rows_read = read
                return
            for _ in self._rows(RowForm((), 0)):  # another `data`: passed, as all that stands in `trailing`
                pass
            self._close_group()
        raise self._too_many()

    def _rows(self, form: RowForm) -> Iterator[RowBlock]:
        wanted, limit = BLOCK_BYTES, 2 * BLOCK_BYTES
        with Rows(form) as rows:
            while self._state != RowsState.END:
                while not self._ended and len(self._buffer) < wanted:
                    self._more()
                # Behind a large head there may be much: not all of it at once.
                is_whole = len(self._buffer) <= limit
                block = self._buffer if is_whole else self._buffer[:limit]
                rows.scan(block, self._state, final=self._ended and is_whole)
                consumed, self._state = rows.report.consumed, rows.report.state
                self._start += consumed
                self._buffer = self._buffer[consumed:]  # whoever reads on is behind this block, also if it is another
                self.rows_read += rows.scanned
                yield RowBlock(rows, block)
                fault, at = rows.fault
                if fault is not Fault.NONE:  # what stands before it was read
                    if fault is Fault.MANY_KEYS:
                        most = f"as many as {form.key_bytes:,} bytes distinguish"
                        raise SourceUnreadable(finding("TP224", row=rows.counts[0], expected=most))
                    raise SourceUnreadable(self._wording(fault, at - consumed))
                if consumed:
                    wanted, limit = BLOCK_BYTES, 2 * BLOCK_BYTES
                elif limit >= ROW_LIMIT:
                    raise self._too_long("row", f"at most {ROW_LIMIT >> 20} MiB", row=rows.counts[0])
                else:
                    wanted = limit = 2 * limit

    def skip_rows(self) -> Iterator[int]:
        """Pass the rows of the group whose head came last: well-formed JSON, otherwise unread. Yields their number."""
        for block in self.rows(RowForm((), 0)):
            block.rows.judge()
            yield block.rows.counts[0]

    @property
    def has_rows(self) -> bool:
        """Whether the group whose head came last has rows that were not read yet."""
        return self._pending

    def may_tell(self) -> bool:
        """Whether one more finding about rows is in proportion to what was read so far; it counts."""
        self._findings += 1
        return self._findings <= FINDINGS_FREE + self.position // FINDING_EACH

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._start + len(self._buffer)

    def _close_group(self) -> None:
        """Pass the `}` after rows. `data` is the last property: anything else there is kept in `trailing`."""
        byte = self._peek()
        if byte == b",":
            # Well-formed properties behind data are a fault of the header, not of the file.
            self._buffer[:1] = b"{"
            names = [name for name, _ in self._head(-1).properties]
            if not names:
                raise SourceUnreadable(self._wording(Fault.SYNTAX, -1))  # a comma, then nothing
            self.trailing = ", ".join([self.trailing, *names] if self.trailing else names)[:_TRAILING_SHOWN]
            return
        if byte != b"}":
            raise self._malformed(0, "the group's end")
        self._drop(1)
        self._pending = False

    def _head(self, number: int) -> RawHead:
        while True:
            head = scan_head(self._buffer, final=self._ended)
            if not head.needs_more:
                break
            if len(self._buffer) > HEAD_LIMIT:
                raise self._too_long("header", f"at most {HEAD_LIMIT >> 20} MiB")
            wanted = min(2 * len(self._buffer), HEAD_LIMIT)  # doubling: a head is scanned a few times only
            self._more()
            while not self._ended and len(self._buffer) < wanted:
                self._more()
        if head.fault:
            raise SourceUnreadable(self._wording(head.fault, head.fault_at))
        if self._buffer.count(b",", 0, head.end) > IDENTIFIERS_LIMIT:
            raise self._too_long("header", f"at most {IDENTIFIERS_LIMIT:,} identifiers")
        if len(head.properties) == PROPERTIES_LIMIT:
            raise self._too_many()
        self._state, self.rows_read = RowsState.FIRST, self.rows_read if number < 0 else 0
        properties = [(_name(self._buffer[key]), bytes(self._buffer[value])) for key, value in head.properties]
        self._drop(head.end)
        self._pending = head.has_rows
        return RawHead(number, properties, head.has_rows)

    def _end(self) -> None:
        if self._peek():
            raise SourceUnreadable(self._wording(Fault.TRAILING, 0))

    def _peek(self) -> bytes:
        """Return the next byte that is not white space, without taking it; empty at the end."""
        while True:
            space = _SPACE.match(self._buffer)
            self._drop(space.end() if space else 0)
            if self._buffer or self._ended:
                return bytes(self._buffer[:1])
            self._more()

    def _more(self) -> None:
        block = next(self._blocks, None)
        if block is None:
            self._ended = True
        else:
            self._buffer += block

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._start += size

    def _too_long(self, what: str, expected: str, row: int | None = None) -> SourceUnreadable:
        where, found = locate(self.source.blocks(LOCATED_BYTES), self._start)
        message = f"the {what} is too long ({where})"
        help_ = "split the group into several with fewer identifiers each" if what == "header" else None
        return SourceUnreadable(finding("TP112", message=message, help=help_, row=row, found=found, expected=expected))

    def _too_many(self) -> SourceUnreadable:
        where, found = locate(self.source.blocks(LOCATED_BYTES), self._start)
        message, expected = f"the JSON is no ADV2 group ({where})", f"fewer than {PROPERTIES_LIMIT:,} properties"
        return SourceUnreadable(finding("TP113", message=message, found=found, expected=expected))

    def _malformed(self, at: int, expected: str) -> SourceUnreadable:
        fault = Fault.SYNTAX if self._buffer[at:] else Fault.TRUNCATED
        return SourceUnreadable(self._wording(fault, at, expected))

    def _wording(self, fault: Fault, at: int, expected: str | None = None) -> Finding:
        if encoding := encoding_fault(self.source.head()):
            return finding("TP107", message=f"the JSON is {encoding}", found=encoding, expected="UTF-8")
        if fault is Fault.UTF8 and self._ended and _is_cut(self._buffer[at:]):
            fault = Fault.TRUNCATED
        code, message, usual = FAULTS[fault]
        if fault is Fault.STRUCTURE:
            message, usual = "the JSON is no ADV2 group", "an object, or an array of objects"
        where, found = locate(self.source.blocks(LOCATED_BYTES), self._start + at)
        if fault is Fault.TRUNCATED:
            found = "the end of the file"
        return finding(code, message=f"{message} ({where})", found=found, expected=expected or usual)


def is_adv2(source: Source) -> bool:
    """Whether a source is ADV2 by the names of its first group.

    Raises:
        SourceUnreadable: as `Adv2File.heads`: then it is none, or a damaged one.
    """
    head = next(Adv2File(source).heads(), None)
    names = {name for name, _ in head.properties} if head else {"de"}
    return "de" in names or len(names & {"ds", "pe", "ou", "coc", "co", "aoc", "ao", "size", "data"}) >= 2


def _is_cut(text: bytearray) -> bool:
    """Whether a text ends within its first character."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start == 0 and error.reason == "unexpected end of data"
    return False


def _name(key: bytearray) -> str:
    if b"\\" not in key:
        return key[1:-1].decode()
    name = json.loads(key)
    assert isinstance(name, str)
    return name
