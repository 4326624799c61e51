"""Row feed: the accepted rows of an ADV2 group as the text that COPY takes, and what the ignored ones name.

Streams; holds a block of rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from operator import mul
from types import MappingProxyType
from typing import IO, Self

from tallyport.validation.rejected_rows import RejectedRows
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.row_check import Refused, RowFindings, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native import Fault
from tallyport_schemas.finding import Finding
from tallyport_schemas.group_header import GroupHeader

PLACES = ("period_place", "unit_place", "combo_place", "attribute_place")
_BEHIND = ("value", "deleted", "followup", "comment")
_BEHIND_OF_UNDO = (*_BEHIND, "storedby", "created", "lastupdated")
_IN_MEMORY = 1 << 20


class RowFeed:
    """The rows of the group whose head `file` has just given: iterate once, then look at `counts` and `findings`.

    `columns` names what a line has: the row's number, then the places that it needs, then value, deleted, follow-up and
    comment. A dimension with one identifier has place 0, which is left out. The place of a combo that is given by
    category options is their indexes read as one number, the last one running fastest.

    Where the group deletes, `named` takes a line for each ignored row that has all its indexes, with `named_columns`:
    beyond some, on the disk. Use the feed in a `with`.
    """

    def __init__(
        self,
        file: Adv2File,
        header: GroupHeader,
        rules: RowRules | None,
        refused: Refused = MappingProxyType({}),
        rejected: RejectedRows | None = None,
    ) -> None:
        """`refused`: identifiers that rows may not name. `rejected` takes each row that is left out, if it is given."""
        self._file = file
        self.named: IO[bytes] | None = None
        if header.delete is not None:
            self.named = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed on leaving
        self._rejected = rejected
        self._check = row_check(header, rules, refused, apart=rejected is not None)
        self._weights = _weights(header)
        self.named_columns = ("row_number", *(PLACES[at] for at, weights in enumerate(self._weights) if weights))
        self.columns = (*self.named_columns, *(_BEHIND if header.undo is None else _BEHIND_OF_UNDO))
        self.ahead: list[bytes] = []
        self.unread = self._read()
        self.counts = (0, 0, 0)
        self.findings: list[Finding] = []
        """What is wrong with rows that are left out; neighbours that share it as one. Empty with `rejected`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.named:
            self.named.close()
            self.named = None

    def read_ahead(self, limit: int) -> bool:
        """Read rows of about `limit` bytes, which are kept; returns whether these are all.

        Raises:
            SourceUnreadable: as iterating.
        """
        kept = 0
        for lines in self.unread:
            self.ahead.append(lines)
            kept += len(lines)
            if kept > limit:
                return False
        return True

    def __iter__(self) -> Iterator[bytes]:
        """Yield whole lines, a block at a time; what was read ahead comes first, each time.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        yield from self.ahead
        yield from self.unread

    def _read(self) -> Iterator[bytes]:
        told = RowFindings(self._file)
        for block in self._file.rows(self._check.form):
            self._check.judge(block)
            if self._rejected is not None:
                self._rejected.add_findings(self._check.findings(block))
            for found in self._check.findings(block) if self._rejected is None else ():
                self.findings += told.add(found)
            self.counts = block.rows.counts
            if block.rows.fault[0] is Fault.NONE:  # else reading on raises
                if self.named:
                    self.named.write(self._placed(block.rows.named()))
                yield self._placed(block.rows.copied(block.block))
        self.findings += told.rest()

    def _placed(self, lines: bytes) -> bytes:
        """Return lines with the indexes of category options as one place."""
        if all(len(weights) <= 1 for weights in self._weights):
            return lines
        return b"\n".join(map(self._placed_line, lines.split(b"\n")))

    def _placed_line(self, line: bytes) -> bytes:
        if not line:
            return line
        count = sum(map(len, self._weights))
        number, *fields = line.split(b"\t", 1 + count)
        indexes = iter(map(int, fields[:count]))
        places = [
            b"%d" % sum(map(mul, weights, [next(indexes) for _ in weights])) for weights in self._weights if weights
        ]
        return b"\t".join((number, *places, *fields[count:]))


def _weights(header: GroupHeader) -> Sequence[Sequence[int]]:
    """Return for each place what each explicit index of a row counts in it; nothing where the place is always 0."""
    combos = len(header.co.options) if header.co else 1 if header.coc else 0
    sizes = header.places
    found = []
    for of_place in (sizes[:1], sizes[1:2], sizes[2 : 2 + combos], sizes[2 + combos :]):
        weights: list[int] = []
        weight = 1
        for size in reversed(of_place):
            if size > 1:
                weights.insert(0, weight)
                weight *= size
        found.append(weights)
    return found
