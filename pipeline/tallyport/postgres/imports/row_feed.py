"""Row feed: the accepted rows of an ADV2 group for an import, and what the ignored ones name.

Streams; holds a block of rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import MappingProxyType
from typing import IO, Self

from tallyport.postgres.imports.copy_text import CopyText
from tallyport.validation.rejected_rows import RejectedRows
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import Refused, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.finding import Finding
from tallyport_schemas.group_header import GroupHeader

_IN_MEMORY = 1 << 20


class RowFeed:
    """The rows of the group whose head `file` has just given: iterate once, then look at `counts` and `findings`.

    `text` makes lines for COPY of them. Where the group deletes, `named` takes a line for each ignored row that has all
    its indexes, with the key columns of `text`: beyond some, on the disk. Use the feed in a `with`.
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
        check = row_check(header, rules, refused, apart=rejected is not None)
        self._rows = RowBatches(file, header, check, rejected.add_finding if rejected is not None else None)
        self.text = CopyText(header)
        self.named: IO[bytes] | None = None
        if header.delete is not None:
            self.named = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed on leaving
        self.ahead: list[ArrowBatch] = []
        self.unread = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.named:
            self.named.close()
            self.named = None

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows read, accepted and ignored so far."""
        return self._rows.counts

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with rows that are left out; neighbours that share it as one. Empty with `rejected`."""
        return self._rows.findings

    def read_ahead(self, limit: int) -> bool:
        """Read rows of about `limit` bytes, which are kept; returns whether these are all.

        Raises:
            SourceUnreadable: as iterating.
        """
        kept = 0
        for batch in self.unread:
            self.ahead.append(batch)
            kept += batch.size_bytes
            if kept > limit:
                return False
        return True

    def __iter__(self) -> Iterator[ArrowBatch]:
        """Yield the rows, a block at a time; what was read ahead comes first, each time.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        yield from self.ahead
        yield from self.unread

    def _read(self) -> Iterator[ArrowBatch]:
        for batch in self._rows:
            if self.named and self._rows.named:
                self.named.write(self.text.lines(self._rows.named))
            yield batch
