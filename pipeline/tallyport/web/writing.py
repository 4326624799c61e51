"""Writing: how a job's converted values get to each kind of target, and what is told of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tallyport.web.folders import SCRIPT, UNDO
from tallyport.web.targets import DATABASE_SETTING
from tallyport.web.telling import Telling
from tallyport_schemas.findings import OutsideFailed, finding
from tallyport_schemas.progress import Progress


def into_database(told: Telling) -> None:
    """Import into the database that the environment names; a dry run leaves its statements as a script."""
    from tallyport.postgres.group import ImportOptions
    from tallyport.postgres.importing import import_values
    from tallyport.postgres.load import FileLoad, GroupLoad

    database = os.environ.get(DATABASE_SETTING)
    if not database:
        raise OutsideFailed(finding("TP806", found="the job was given no database"))
    options = ImportOptions(
        dry_run=told.is_dry_run,
        username=told.request["options"].get("username"),
        undo=told.folder / UNDO if told.request.get("removes_for_good") else None,
        sql=told.folder / SCRIPT if told.is_dry_run else None,
    )

    def watch(event: Any) -> None:
        if isinstance(event, Progress):
            told.progress(event)
        elif isinstance(event, GroupLoad):
            for found in event.findings:
                told.found(found)
            more: dict[str, Any] = {"cleared": event.cleared} if event.cleared else {}
            if event.undo:
                more["undo"] = event.undo.name
            told.group(event.file, event.de, event.valid, event.rows, **more)
            for name, count in (("cleared", event.cleared), ("periods_created", event.periods_created)):
                told.summary[name] = told.summary.get(name, 0) + count
        elif isinstance(event, FileLoad):
            told.file(event)

    report = import_values([told.out], database, options, watch=watch)
    told.summary["generation"] = report.generation
    told.ends_with(report.exit_code if report.exit_code != 5 else 3)


def writer_of(kind: str) -> Callable[[Telling], None] | None:
    """Return how a kind of target is written to; None for one that is only converted for."""
    return {"database": into_database}.get(kind)
