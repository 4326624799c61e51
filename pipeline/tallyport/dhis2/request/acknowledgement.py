"""Acknowledgement: whether what a server says of an import accounts for every row that it was sent.

A summary that is not a success and names no rows says nothing of any of them: some may be stored, nobody knows which.
So does one whose counts do not add up, such as that of 2.43 for a request that it did not understand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.models import ImportSummary
from tallyport.dhis2.request.data_values import Row
from tallyport.dhis2.request.rejections import is_success, is_whole, rejected_rows
from tallyport_schemas.finding import shown


class Unacknowledged(RequestFailed):
    """The server does not say what became of rows: they count as not sent."""


@dataclass(frozen=True, slots=True)
class ImportAnswer:
    """What a server says of an import: the summary, the status of the answer, and its message beside the summary.

    `where` names the request or the job. Of a job there is no `status`.
    """

    summary: ImportSummary
    where: str
    status: int | None = None
    message: str | None = None


def check_acknowledged(said: ImportAnswer, rows: Sequence[Row], version: tuple[int, int]) -> None:
    """Return if the summary says of each row what became of it; a request without rows has to succeed, or say why not.

    Raises:
        Unacknowledged: TP866 it is not a success and does not name the rows, TP867 its counts do not add up.
    """
    summary = said.summary
    if is_whole(summary, rows):
        return
    count = summary.import_count
    deleted = 0 if version >= (2, 43) else count.deleted  # there, it is values deleted by scope
    adds_up = count.imported + count.updated + count.ignored + deleted == len(rows)
    if is_success(summary):
        code = "TP867" if rows and not adds_up else None
    elif rows:
        code = None if adds_up and rejected_rows(summary, rows) else "TP866"
    else:
        code = None if summary.conflicts else "TP866"
    if code:
        raise Unacknowledged(code, status=said.status, source=said.where, found=_words(said, rows))


def _words(said: ImportAnswer, rows: Sequence[Row]) -> str:
    """Return status, description and counts as a text."""
    summary, count = said.summary, said.summary.import_count
    told = [text for text in (summary.description, *(conflict.value for conflict in summary.conflicts[:3])) if text]
    reason = "; ".join(dict.fromkeys(told)) or said.message or "no reason"
    head = summary.status if said.status is None else f"{said.status} {summary.status}"
    counts = {"imported": count.imported, "updated": count.updated, "deleted": count.deleted, "ignored": count.ignored}
    sums = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number) or "no values"
    return shown(f"{head}: {reason} ({sums} of {len(rows):,})")
