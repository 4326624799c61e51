"""Row batches: the accepted rows of ADV2 groups in columns, to be written, sent, counted or looked at.

Streams: a block of rows becomes a batch. A row costs no Python.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from os import PathLike, fspath

from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form, counted_rows
from tallyport_converters.adv2.row_check import RowCheck, RowFindings, row_check
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.row_batch import ArrowBatch, ArrowBatches
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, finding
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.row_batch import RowColumns


class RowBatches:
    """The rows of the group whose head `file` has just given: iterate once, then look at `counts`.

    `check` says which rows are accepted, `take` gets what is wrong with the others: neighbours that share it as one,
    unless the check keeps them apart. Without `take` it is in `findings`.
    """

    def __init__(
        self,
        file: Adv2File,
        header: GroupHeader,
        check: RowCheck,
        take: Callable[[Finding], None] | None = None,
        label: str | None = None,
    ) -> None:
        self.header = header
        self.columns = RowColumns.of(header)
        self.counts = (0, 0, 0)
        """Rows read, accepted and ignored so far."""
        self.findings: list[Finding] = []
        self._take = take or self.findings.append
        self._label = label
        self._check, self._file = check, file
        self.named: ArrowBatch | None = None
        """Of a group that deletes: the keys of the ignored rows of the last batch that have all their indexes."""
        self.is_alone = False
        """Whether it is known that no other group follows in the file."""
        self.unread = self._read(file)
        """The batches that were not read yet."""

    def __iter__(self) -> Iterator[ArrowBatch]:
        """Yield the batches that were not read before.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        return self.unread

    def read_all(self) -> ArrowBatches:
        """Return all that was not read before as one table, held in memory.

        Raises:
            SourceUnreadable: as iterating.
        """
        return ArrowBatches(self.columns, self)

    def pass_by(self) -> None:
        """Have the rows that were not read refused from now on: their file continues with another group."""
        self.unread = _passed()

    @property
    def is_read(self) -> bool:
        """Whether the file has no further row of the group."""
        return not self._file.has_rows

    def leave(self, identifiers: Mapping[str, bytes]) -> None:
        """Ask for fewer rows: none of those that name an identifier marked 1. To be called before any is read.

        `identifiers`: by dimension, a byte for each. The rows are counted as read, but neither judged nor in a batch.
        Where none can follow that is asked for, the rest of the group is not read.
        """
        place_of = dict(zip(self.columns.dimensions, self.columns.places, strict=True))
        passed = {place: marks for name, marks in identifiers.items() if (place := place_of[name]) is not None}
        self._check = replace(self._check, form=replace(self._check.form, passed=passed))

    def _read(self, file: Adv2File) -> Iterator[ArrowBatch]:
        check = self._check
        told = RowFindings(file)
        for block in file.rows(check.form) if file.has_rows else ():
            check.judge(block)
            for found in check.findings(block, self._label):
                for ready in [found] if check.form.apart else told.add(found):
                    self._take(ready)
            rows = block.rows
            self.counts = rows.counts
            if rows.fault[0] is Fault.NONE:  # else reading on raises
                if self.header.delete is not None:
                    self.named = rows.named(self.columns)
                yield rows.batch(block.block, self.columns)
            if rows.report.done:
                break
        for ready in told.rest():
            self._take(ready)


def _passed() -> Iterator[ArrowBatch]:
    raise RuntimeError("the file was read on: the rows of a group are to be read before the next group")
    yield


def read_groups(
    path: str | PathLike[str], take: Callable[[Finding], None] | None = None, *, takes_undo: bool = True
) -> Generator[RowBatches, None, None]:
    """Yield the groups of an ADV2 file. The rows of each are to be read before the next group, or not at all.

    Of values nothing is checked but their form; rows that fail it are in `findings`, unless `take` gets them.
    `takes_undo`: a group that brings back what another removed is not invalid.

    Raises:
        SourceUnreadable: the file cannot be read, is no JSON, or a header is invalid.
    """
    with closing(Source.open(fspath(path))) as source:
        file = Adv2File(source)
        for head in file.heads():
            header, findings, _ = check_form(head.properties, any_identifiers=True, takes_undo=takes_undo)
            if header is None:
                raise SourceUnreadable(findings[0])
            rows = RowBatches(file, header, row_check(header, None), take)
            rows.is_alone = not file.is_array
            yield rows
            if file.has_rows:  # the next head is behind them
                rows.pass_by()
            elif file.rows_read != header.size:
                found, expected = counted_rows(file.rows_read), counted_rows(header.size)
                raise SourceUnreadable(finding("TP514", field="size", found=found, expected=expected))
            if file.trailing:
                raise SourceUnreadable(finding("TP510", field="data", found=file.trailing))
