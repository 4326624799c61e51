"""The scanner's Python face for ADV2: heads of groups, and rows with what is wrong with them. See scan_adv2.c."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from ctypes import POINTER, Structure, c_char_p, c_int64, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice, pairwise

from tallyport_converters.native import _SEED, Batch, Buffer, Fault, _address, _Batch, _library, _Owner, check_scan
from tallyport_converters.native.batch import ArrowBatch, _RowBatch
from tallyport_schemas.row_batch import RowColumns

PLACES_LIMIT = 64
"""Indexes that a row may have."""

PROPERTIES_LIMIT = 1_000
"""Properties of a head that are given; there are thirteen."""

ROWS_FIRST, ROWS_NEXT, AFTER_ROW, ROWS_END = range(4)
"""States between blocks of rows: behind the `[`, behind a comma, behind a row, behind the `]`."""

KEY_BYTES = 256 << 20
"""Memory that finding repeats within a period and organisation unit may take, unless a form says otherwise."""

NEED_MORE = 12
"""Fault of a head that the block holds only the beginning of."""


class Flaw(IntEnum):
    """Why a row is ignored, as `enum Flaw` in scan_adv2.c."""

    NO_ARRAY = 1
    TOO_SHORT = 2
    TOO_LONG = 3
    INDEX_TYPE = 4
    INDEX_RANGE = 5
    ORDER = 6
    REPEATED = 7
    VALUE_TYPE = 8
    VALUE_NULL = 9
    TEXT_LONG = 10
    UNSTORABLE = 11
    DELETED_TYPE = 12
    FOLLOWUP_TYPE = 13
    COMMENT_TYPE = 14
    COMMENT_LONG = 15
    NOT_NUMBER = 16
    NOT_WHOLE = 17
    OUT_OF_RANGE = 18
    JUDGED_VALUE = 19
    JUDGED_COMMENT = 20
    REFUSED = 21
    STAMP = 22


class ValueRule(IntEnum):
    """How values are judged, as `enum Rule` in scan_adv2.c."""

    NONE = 0
    NUMBER = 1
    INTEGER = 2
    JUDGED = 3
    DIGITS = 4


class _RowRules(Structure):
    _fields_ = [
        ("places", c_uint32),
        ("sizes", c_uint32 * PLACES_LIMIT),
        ("block_places", c_uint32),
        ("rule", c_uint32),
        ("minimum", c_int64),
        ("maximum", c_int64),
        ("judges_comments", c_uint32),
        ("comment_limit", c_uint32),
        ("restores", c_uint32),
        ("apart", c_uint32),
        ("refused", c_char_p * PLACES_LIMIT),
        ("key_bytes", c_uint64),
    ]


class _Run(Structure):
    _fields_ = [
        ("row", c_uint64),
        ("count", c_uint64),
        ("at", c_uint64),
        ("size", c_uint64),
        ("mark", c_uint64),
        ("flaw", c_uint32),
        ("position", c_uint32),
        ("verdict", c_uint32),
    ]


class _Rows(Structure):
    _fields_ = [
        ("rows", c_uint64),
        ("accepted", c_uint64),
        ("ignored", c_uint64),
        ("consumed", c_uint64),
        ("error_at", c_uint64),
        ("run_count", c_uint64),
        ("state", c_uint32),
        ("error", c_uint32),
        ("runs", POINTER(_Run)),
    ]


def _declare() -> None:
    rows, p32 = POINTER(_Rows), POINTER(c_uint32)
    _library.tp_rows_new.restype, _library.tp_rows_new.argtypes = rows, [POINTER(_RowRules), c_uint64]
    _library.tp_rows_free.restype, _library.tp_rows_free.argtypes = None, [rows]
    _library.tp_rows_scan.restype = None
    _library.tp_rows_scan.argtypes = [rows, c_void_p, c_uint64, c_uint32, c_uint32]
    _library.tp_rows_judge.restype = None
    _library.tp_rows_judge.argtypes = [rows, c_char_p, c_char_p, c_uint32]
    _library.tp_rows_scanned.restype, _library.tp_rows_scanned.argtypes = c_uint64, [rows]
    _library.tp_rows_texts.restype, _library.tp_rows_texts.argtypes = c_uint32, [rows, c_uint32]
    _library.tp_rows_text.restype, _library.tp_rows_text.argtypes = c_void_p, [rows, c_uint32, POINTER(p32)]
    _library.tp_rows_batch.restype, _library.tp_rows_batch.argtypes = POINTER(_RowBatch), [rows, c_void_p]
    _library.tp_rows_named.restype, _library.tp_rows_named.argtypes = POINTER(_RowBatch), [rows]
    _library.tp_scan_head.restype = None
    _library.tp_scan_head.argtypes = [POINTER(_Batch), c_void_p, c_uint64, c_uint32]


_declare()


@dataclass(frozen=True, slots=True)
class RowForm:
    """What a header allows its rows: see `RowRules` in scan_adv2.c. `sizes`: of the dimensions that take a place.

    `refused`: by place, a byte for each index: 1 where rows may not name it. `apart`: flawed rows are not put together.
    `restores`: rows are those of an undo, and have three places more.
    """

    sizes: Sequence[int]
    block_places: int
    rule: ValueRule = ValueRule.NONE
    minimum: int = 0
    maximum: int = 0
    judges_comments: bool = False
    comment_limit: int = 5_000
    refused: Mapping[int, bytes] = field(default_factory=dict)
    apart: bool = False
    key_bytes: int = KEY_BYTES
    restores: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Rows `row` to `row + count - 1` share a flaw; `span` is the first one's in the block.

    `position` is the element at fault; `mark` the row that the flaw `ORDER` is about, or the index that is `REFUSED`.
    """

    flaw: Flaw
    row: int
    count: int
    position: int
    mark: int
    span: slice


class Rows(_Owner):
    """The rows of one group, block by block: `scan`, then `judge`, then look."""

    _free = _library.tp_rows_free

    def __init__(self, form: RowForm) -> None:
        rules = _RowRules(
            len(form.sizes),
            (c_uint32 * PLACES_LIMIT)(*form.sizes),
            form.block_places,
            form.rule,
            form.minimum,
            form.maximum,
            form.judges_comments,
            form.comment_limit,
            form.restores,
            form.apart,
            (c_char_p * PLACES_LIMIT)(*(form.refused.get(place) for place in range(len(form.sizes)))),
            form.key_bytes,
        )
        self._form = form  # the scanner reads its `refused`
        super().__init__(_library.tp_rows_new(rules, _SEED))

    def scan(self, block: Buffer, state: int, *, final: bool) -> None:
        """Read the rows of a block that starts in `state`."""
        at, size = _address(block)
        _library.tp_rows_scan(self.handle, at, size, state, final)
        check_scan(self.handle.contents.error)

    def judge(self, values: bytes | None = None, comments: bytes | None = None, *, no_comment: int = 0) -> None:
        """Accept or ignore the rows scanned last.

        `values` and `comments` have a number for each text: 0 for a good one; rows that are refused for the same
        reason share a number. `no_comment` is the number of rows without a comment.
        """
        _library.tp_rows_judge(self.handle, values, comments, no_comment)
        check_scan(self.handle.contents.error)

    def texts(self, *, comments: bool = False) -> list[str]:
        """Return the distinct texts of the block that are to be judged, values or comments."""
        count = _library.tp_rows_texts(self.handle, comments)
        if not count:
            return []
        ends = POINTER(c_uint32)()
        at = _library.tp_rows_text(self.handle, comments, ctypes.byref(ends))
        whole = ctypes.string_at(at, ends[count])
        marks = ends[: count + 1]
        return [whole[a:b].decode() for a, b in pairwise(marks)]

    def batch(self, block: Buffer, columns: RowColumns) -> ArrowBatch:
        """Return the accepted rows among those judged last; `block` is what was scanned."""
        at, _ = _address(block)
        return ArrowBatch(_library.tp_rows_batch(self.handle, at), columns)

    def named(self, columns: RowColumns) -> ArrowBatch:
        """Return the keys of the ignored rows among those judged last that have all their indexes."""
        return ArrowBatch(_library.tp_rows_named(self.handle), columns)

    @property
    def counts(self) -> tuple[int, int, int]:
        """(read, accepted, ignored) so far."""
        r = self.handle.contents
        return int(r.rows), int(r.accepted), int(r.ignored)

    @property
    def scanned(self) -> int:
        """Rows of the block, judged or not."""
        return int(_library.tp_rows_scanned(self.handle))

    @property
    def consumed(self) -> int:
        """Bytes of the block that are done with."""
        return int(self.handle.contents.consumed)

    @property
    def state(self) -> int:
        """In which state the next block starts."""
        return int(self.handle.contents.state)

    @property
    def fault(self) -> tuple[Fault, int]:
        """Why the scan stopped, and where in the block."""
        return Fault(self.handle.contents.error), int(self.handle.contents.error_at)

    def runs(self) -> Iterator[Run]:
        """Yield what is wrong with the rows of the block, in row order."""
        r = self.handle.contents
        for i in range(r.run_count):
            run = r.runs[i]
            span = slice(run.at, run.at + run.size)
            yield Run(Flaw(run.flaw), int(run.row), int(run.count), int(run.position), int(run.mark), span)


@dataclass(frozen=True, slots=True)
class Head:
    """A group's head within a block: its properties' spans, and where it ends.

    Of very many properties only the first `PROPERTIES_LIMIT` are given. `has_rows`: rows follow; else the group has
    ended. `fault` is None for a whole head.
    """

    properties: Sequence[tuple[slice, slice]]
    end: int
    has_rows: bool
    fault: Fault | None
    fault_at: int
    needs_more: bool


def scan_head(block: Buffer, *, final: bool) -> Head:
    """Read the head of a group from the beginning of `block`; see tp_scan_head."""
    at, size = _address(block)
    with Batch() as batch:
        _library.tp_scan_head(batch.handle, at, size, final)
        fields = batch.handle.contents
        check_scan(fields.error)
        needs_more = fields.error == NEED_MORE
        fault = None if needs_more or not fields.error else Fault(fields.error)
        return Head(
            list(islice(batch.properties(), PROPERTIES_LIMIT)),
            int(fields.consumed),
            fields.state == 1,
            fault,
            int(fields.error_at),
            needs_more,
        )
