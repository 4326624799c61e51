"""Rejected rows, explained: a second reading of the blocks that hold any, each such row read slowly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tallyport_converters.conversion.scan import BlockPlace
from tallyport_converters.conversion.source_rows import source_rows
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.dictionaries import Rejects
from tallyport_converters.readers.reader import Reader, explain
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

TEXT_CHARACTERS = 65_536
"""Characters of a text that a rejected row is given with: all that DHIS2 stores of a value, and some more."""

CUT_TO = 1_000
"""Characters that are given of a longer one."""

ROW_CHARACTERS = 1 << 18
"""Characters that are given of a whole row."""


def explained(
    reader: Reader,
    header: Header,
    rejects: Rejects,
    places: Sequence[BlockPlace],
    clashing: Sequence[str] = (),
) -> Iterator[tuple[Finding, Any]]:
    """Yield the finding and the original fields of every rejected row, in row order.

    `clashing`: the fields that alone distinguish some rows of one key.

    Raises:
        SourceUnreadable: TP121, the source is no longer what it was.
    """
    for row in source_rows(reader, _numbers(rejects), places):
        try:
            found = explain(row.read, row.number, header, reader, clashing)
        except AssertionError as error:
            raise SourceUnreadable(finding("TP121", row=row.number, found=str(error))) from error
        yield row.placed(found, header), bounded(row.read.original)


def bounded(original: Any) -> Any:
    """Return a rejected row's fields as they are, or cut where they are longer than any that DHIS2 stores.

    >>> bounded({"value": "x" * 200_000})["value"][-25:]
    'xx... (200000 characters)'
    """
    left = ROW_CHARACTERS

    def cut(value: Any) -> Any:
        nonlocal left
        left -= 2
        if isinstance(value, str):
            left -= min(len(value), TEXT_CHARACTERS)
            return value if len(value) <= TEXT_CHARACTERS else f"{value[:CUT_TO]}... ({len(value)} characters)"
        if isinstance(value, dict):
            members: dict[str, Any] = {}
            for name, part in value.items():
                if left <= 0:
                    members["..."] = f"({len(value) - len(members)} more)"
                    break
                members[cut(name)] = cut(part)
            return members
        if isinstance(value, list):
            parts: list[Any] = []
            for part in value:
                if left <= 0:
                    parts.append(f"... ({len(value) - len(parts)} more)")
                    break
                parts.append(cut(part))
            return parts
        return value

    return cut(original)


def _numbers(rejects: Rejects) -> Iterator[int]:
    row = rejects.after(0)
    while row is not None:
        yield row
        row = rejects.after(row + 1)
