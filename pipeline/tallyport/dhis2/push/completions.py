"""Completing: what sources state of complete data sets, sent to a server once their values are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tallyport.dhis2.api.connection import RequestFailed, typed
from tallyport.dhis2.api.models import Conflict, ImportSummary
from tallyport.dhis2.client import Client
from tallyport.dhis2.request.data_values import SCHEMES
from tallyport.dhis2.request.rejections import is_success
from tallyport.validation.report import RowFinding
from tallyport_schemas.finding import SourceUnreadable, finding, shown

FILE = "completions.json"
"""The file beside ADV2 files that a conversion writes, in the shape of DHIS2's completeDataSetRegistrations."""

_REFUSED = "the server did not take the completions"

CHUNK = 1_000
"""Completions of a request."""


@dataclass(slots=True)
class CompletionsSent:
    """What became of completions."""

    sent: int = 0
    taken: int = 0
    rejected: int = 0
    findings: list[RowFinding] = field(default_factory=list)


async def complete(
    client: Client, paths: Sequence[str], schemes: Mapping[str, Mapping[str, str]], *, dry_run: bool
) -> CompletionsSent:
    """Send the completions that lie beside ADV2 files: those of the folders `paths`, and below them.

    `schemes` are the identifier schemes of each folder's groups. A completion that is there already is the same then.

    Raises:
        SourceUnreadable: TP889, a file of completions is none.
        RequestFailed: the server failed.
    """
    report = CompletionsSent()
    for path in dict.fromkeys(paths):
        for found in sorted(Path(path).rglob(FILE)) if Path(path).is_dir() else ():
            await _send(client, found, schemes.get(str(found.parent), {}), report, dry_run=dry_run)
    return report


async def _send(
    client: Client, path: Path, schemes: Mapping[str, str], report: CompletionsSent, *, dry_run: bool
) -> None:
    label = f"{path.parent.name}/{path.name}"
    stated = _read(path, label)
    parameters = {SCHEMES[kind]: schemes[kind] for kind in ("ds", "ou", "aoc") if schemes.get(kind, "UID") != "UID"}
    if dry_run:
        parameters["dryRun"] = "true"
    for at in range(0, len(stated), CHUNK):
        part = stated[at : at + CHUNK]
        reply = await client.connection.post(
            "completeDataSetRegistrations",
            parameters,
            json={"completeDataSetRegistrations": part},
            accept=(409,),
            is_work=True,
            is_idempotent=True,
        )
        message = reply.message()
        summary = typed(ImportSummary, message.response or {}, reply.where)
        count = summary.import_count
        if not summary.conflicts and not (is_success(summary) and reply.status < 400):
            words = shown(f"{reply.status} {summary.status}: {summary.description or message.message or 'no reason'}")
            raise RequestFailed("TP866", message=_REFUSED, status=reply.status, source=reply.where, found=words)
        report.sent += len(part)
        report.taken += count.imported + count.updated
        report.rejected += count.ignored or len(summary.conflicts)
        for conflict in summary.conflicts:
            report.findings.append(RowFinding(label, 0, finding("TP876", source=label, found=_said(conflict))))


def _said(conflict: Conflict) -> str:
    return shown(": ".join(filter(None, (conflict.culprit, conflict.value))) or "no reason")


def _read(path: Path, label: str) -> list[dict[str, Any]]:
    try:
        document = orjson.loads(path.read_bytes())
        found = document["completeDataSetRegistrations"]
        if not all(isinstance(one, dict) for one in found):
            raise TypeError("not all of them are objects")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceUnreadable(finding("TP889", source=label, found=str(error))) from None
    return list(found)
