"""ADV2 as the scanner reads it: heads of groups, and rows with what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_char_p, c_uint32
from dataclasses import dataclass, field
from itertools import islice

from tallyport_converters.native import abi
from tallyport_converters.native.abi import PLACES_LIMIT, Fault, Flaw, ValueRule
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import SEED, Buffer, Owner, address, check_scan, dictionary_texts, library
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.row_batch import RowColumns

PROPERTIES_LIMIT = 1_000
"""Properties of a head that are given; there are thirteen."""

KEY_BYTES = 256 << 20
"""Memory that finding repeats within a period and organisation unit may take, unless a form says otherwise."""


@dataclass(frozen=True, slots=True)
class RowForm:
    """What a header allows its rows: see `abi.RowRules`. `sizes`: of the dimensions that take a place.

    `refused`: by place, a byte for each index: 1 where rows may not name it. `passed`: the same, 1 where rows that name
    it are not asked for: read and counted, not judged, and in no batch. `apart`: flawed rows are not put together.
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
    passed: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows `row` to `row + count - 1` share a flaw; `span` is that of the first in the block.

    `position` is the element at fault; `mark` the row that the flaw `ORDER` is about, or the index that is `REFUSED`.
    """

    flaw: Flaw
    row: int
    count: int
    position: int
    mark: int
    span: slice


class Rows(Owner):
    """The rows of one group, block by block: `scan`, then `judge`, then look."""

    free = "tp_rows_free"

    def __init__(self, form: RowForm) -> None:
        rules = abi.RowRules(
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
            (c_char_p * PLACES_LIMIT)(*(form.passed.get(place) for place in range(len(form.sizes)))),
            form.key_bytes,
        )
        self._form = form  # the scanner reads its `refused`
        super().__init__(library.tp_rows_new(rules, SEED))
        self.report: abi.RowsReport = library.tp_rows_report(self.handle).contents

    def scan(self, block: Buffer, state: int, *, final: bool) -> None:
        """Read the rows of a block that starts in `state`."""
        library.tp_rows_scan(self.handle, *address(block), state, final)
        check_scan(self.report.fault)

    def judge(self, values: bytes | None = None, comments: bytes | None = None, *, no_comment: int = 0) -> None:
        """Accept or ignore the rows scanned last.

        `values` and `comments` have a number for each text: 0 for a good one; rows that are refused for the same
        reason share a number. `no_comment` is the number of rows without a comment.
        """
        library.tp_rows_judge(self.handle, values, comments, no_comment)
        check_scan(self.report.fault)

    def texts(self, *, comments: bool = False) -> list[str]:
        """Return the distinct texts of the block that are to be judged, values or comments."""
        count = library.tp_rows_texts(self.handle, comments)
        return [text.decode() for text in dictionary_texts("tp_rows_text", count, self.handle, comments)]

    def batch(self, block: Buffer, columns: RowColumns) -> ArrowBatch:
        """Return the accepted rows among those judged last; `block` is what was scanned."""
        at, _ = address(block)
        return ArrowBatch(library.tp_rows_batch(self.handle, at), columns)

    def named(self, columns: RowColumns) -> ArrowBatch:
        """Return the keys of the ignored rows among those judged last that have all their indexes."""
        return ArrowBatch(library.tp_rows_named(self.handle), columns)

    @property
    def counts(self) -> tuple[int, int, int]:
        """(read, accepted, ignored) so far."""
        r = self.report
        return r.rows, r.accepted, r.ignored

    @property
    def scanned(self) -> int:
        """Rows of the block, judged or not."""
        return int(library.tp_rows_scanned(self.handle))

    @property
    def fault(self) -> tuple[Fault, int]:
        """Why the scan stopped, and where in the block."""
        return Fault(self.report.fault), self.report.fault_at

    def runs(self) -> Iterator[Run]:
        """Yield what is wrong with the rows of the block, in row order."""
        r = self.report
        for i in range(r.run_count):
            run = r.runs[i]
            span = slice(run.at, run.at + run.size)
            yield Run(Flaw(run.flaw), run.row, run.count, run.position, run.mark, span)


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
    with Batch() as batch:
        library.tp_scan_head(batch.handle, *address(block), final)
        fields = batch.report
        check_scan(fields.fault)
        needs_more = fields.fault == Fault.NEED_MORE
        fault = None if needs_more or not fields.fault else Fault(fields.fault)
        return Head(
            list(islice(batch.properties(), PROPERTIES_LIMIT)),
            fields.consumed,
            fields.state == 1,
            fault,
            fields.fault_at,
            needs_more,
        )
