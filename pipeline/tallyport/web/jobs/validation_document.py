"""Validation document: the document that `tallyport validate --json` prints, written to a file as things happen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tallyport.validation.validate import FileResult, GroupResult, HeaderVerdict, RowFinding, validation
from tallyport_schemas.finding import Finding
from tallyport_schemas.progress import Progress


def write_validation(path: Path, name: str, document: Path) -> None:
    """Validate one ADV2 file, called `name`, and write what came of it; findings are not held in memory."""
    with document.open("w", encoding="utf-8") as out:
        out.write(f'{{"files":[{{"file":{json.dumps(name)},"groups":[')
        out.writelines(_parts(path, name))


def _parts(path: Path, name: str) -> Iterator[str]:
    between, groups = "", ""
    for event in validation([path], None):
        if isinstance(event, Progress):
            continue
        found: list[Finding] = []
        if isinstance(event, HeaderVerdict):
            yield f'{groups}{{"de":{json.dumps(event.de)},"findings":['
            between, groups, found = "", ",", list(event.findings)
        elif isinstance(event, RowFinding):
            found = [event.finding]
        elif isinstance(event, GroupResult):
            found = list(event.findings)
        for each in found:
            yield between + json.dumps(each.at(name).as_json())
            between = ","
        if isinstance(event, GroupResult):
            rows = {
                "declared": event.declared,
                "read": event.read,
                "accepted": event.accepted,
                "ignored": event.ignored,
            }
            yield f'],"valid":{json.dumps(event.valid)},"rows":{json.dumps(rows)}}}'
        elif isinstance(event, FileResult):
            error = f',"error":{json.dumps(event.error.at(name).as_json())}' if event.error else ""
            yield f"]{error}}}]}}\n"
