"""Imports of groups into a database for the tests, and looks at what is there afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from support.databases import execute
from tallyport.postgres.connection import connection
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.report import ImportReport
from tallyport.postgres.imports.run import loading
from tallyport.postgres.schema_history import known_generation

TODAY = date(2026, 1, 31)

Group = dict[str, Any]


def load(paths: Sequence[str | os.PathLike[str]], database: str, options: ImportOptions | None = None) -> ImportReport:
    """Import ADV2 files without the room's door, which converts what is none."""
    options = options or ImportOptions()
    report = ImportReport(options.dry_run)
    with connection(database) as connected:
        report.generation = known_generation(connected, options.assume)
        for event in loading(connected, paths, options):
            report.add(event)
    return report


@dataclass(frozen=True)
class Importing:
    """Imports groups into a database, and looks at it."""

    url: str
    folder: Path

    def __call__(self, *groups: Group | str, **options: Any) -> ImportReport:
        """Import groups, given as objects or as their text."""
        texts = [group if isinstance(group, str) else json.dumps(group, ensure_ascii=False) for group in groups]
        path = self.folder / "values.adv2.json"
        path.write_text(texts[0] if len(texts) == 1 else f"[{','.join(texts)}]", encoding="utf-8")
        return load([path], self.url, ImportOptions(**{"today": TODAY} | options))

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return execute(self.url, text)

    @property
    def stored(self) -> list[tuple[Any, ...]]:
        return self.sql(
            "select o.uid, p.startdate::text, v.value, v.deleted, v.followup, v.comment from datavalue v "
            "join organisationunit o on o.organisationunitid = v.sourceid join period p using (periodid) order by 1, 2"
        )

    @property
    def log(self) -> list[tuple[Any, ...]]:
        return self.sql("select audittype, value, modifiedby from datavalueaudit order by datavalueauditid")


def visits(*rows: list[Any], **header: Any) -> Group:
    """A group of two periods and two org units."""
    made = {"de": "deVisits001", "pe": ["202503", "202504"], "ou": ["ouClinicA01", "ouClinicB01"]}
    return {**made, **header, "size": len(rows), "data": list(rows)}


def changes(report: ImportReport) -> dict[str, int]:
    return {change: count for change, count in report.rows.items() if count}


def codes(report: ImportReport) -> list[str]:
    return [found.code for group in report.groups for found in group.findings]
