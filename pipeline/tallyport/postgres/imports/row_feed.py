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
from tallyport_schemas.group_header import GroupHeader

_IN_MEMORY = 1 << 20


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
