"""Which columns a CSV file without names for them has, detected from what its first records hold.

Rules: docs/formats/dxf-csv.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tallyport_converters.model import periods
from tallyport_schemas.finding import SourceUnreadable, finding

POSITIONS = [
    "dataElement",
    "period",
    "orgUnit",
    "categoryOptionCombo",
    "attributeOptionCombo",
    "value",
    "storedBy",
    "lastUpdated",
    "comment",
    "followUp",
    "deleted",
]
"""The columns of a file without a header row."""


POSITIONS_BEFORE = [name for name in POSITIONS[:10] if name != "attributeOptionCombo"]
"""The nine columns of files from before there were attribute option combos."""

RECORDS_LOOKED_AT = 50

_UID = re.compile("[A-Za-z][A-Za-z0-9]{10}")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUTH = frozenset({"true", "false"})


def is_before_attribute_combos(records: Sequence[Sequence[str]]) -> bool:
    """Return whether records have the nine columns of old files: then the fifth cell holds values.

    Some record has to show it, and none may show the opposite.
    """
    verdicts = {_is_before(record) for record in records}
    return True in verdicts and False not in verdicts


def _is_before(record: Sequence[str]) -> bool | None:
    """What one record shows; None where it may be either."""
    fifth, sixth, seventh, eighth, ninth = [cell.strip() for cell in [*record, *[""] * 9][4:9]]
    if len(record) > len(POSITIONS_BEFORE) or _UID.fullmatch(fifth) or _DAY.match(eighth):
        return False
    if not fifth:
        return False if _NUMBER.fullmatch(sixth) and not _DAY.match(seventh) else None
    shows = _DAY.match(seventh) or ninth.lower() in _TRUTH or len(record) == 5
    return True if shows or (_NUMBER.fullmatch(fifth) and not _NUMBER.fullmatch(sixth)) else None


def check_cells(records: Sequence[Sequence[str]], delimiters: str) -> None:
    """Refuse a file whose first two records are one cell each with a whole line in it, or the second below a header.

    Raises:
        SourceUnreadable: TP111.
    """
    inner = [_delimiters_within(record, delimiters) for record in records[:2]]
    whole = all(count >= 2 for count in inner) or (len(inner) == 2 and inner[1] == len(records[0]) - 1 >= 2)
    if whole:
        raise SourceUnreadable(
            finding(
                "TP111",
                message="each line is one cell: the file was saved from a single column",
                help="open it in a text editor and remove the quotes around the lines, or export it again",
                found=records[-1][0],
                expected="a cell for each column",
            )
        )


def _delimiters_within(record: Sequence[str], delimiters: str) -> int:
    """How many delimiters stand within a record's only cell; 0 if it has several cells."""
    return max(record[0].count(delimiter) for delimiter in delimiters) if len(record) == 1 else 0


def has_row_names(columns: Sequence[str], records: Sequence[Sequence[str]], period_at: int) -> bool:
    """Return whether records have a cell more than the header row: row names in front, as R writes them."""
    shifted = [len(record) == len(columns) + 1 and _is_period(record, period_at + 1) for record in records]
    return bool(shifted) and all(shifted) and not any(_is_period(record, period_at) for record in records)


def _is_period(record: Sequence[str], at: int) -> bool:
    return at < len(record) and periods.parse(record[at].strip()) is not None
