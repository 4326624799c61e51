"""Writing: how a job's converted values get to each kind of target, and what is told of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tallyport.web.folders import SCRIPT, UNDO
from tallyport.web.messages import finding_of
from tallyport.web.targets import DATABASE_SETTING, PROFILE_SETTING
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


def to_profile(told: Telling) -> None:
    """Send to the DHIS2 server of the profile that the environment names: by `tallyport push`, whose document is read.

    A signal to this process reaches that one too. What was acknowledged before is not sent again by a later run.
    """
    profile = os.environ[PROFILE_SETTING]
    line = [sys.executable, "-P", "-m", "tallyport.cli.main", "push", str(told.out), "--profile", profile, "--json"]
    if told.is_dry_run:
        line.append("--dry-run")
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        said, _ = process.communicate()
    document: dict[str, Any] = json.loads(said)
    for members in [*document.get("findings", ()), *document.get("errors", ())]:
        told.keep({name: member for name, member in members.items() if name != "group"})
    told.summary["rows"] = {name: count for name, count in document.get("rows", {}).items() if name != "cleared"}
    told.summary["cleared"] = document.get("cleared", 0)
    told.summary["groups_failed"] = document.get("failed_groups", 0)
    if "error" in document:
        raise OutsideFailed(finding_of(document["error"]))
    told.ends_with(min(process.returncode, 3))


def writer_of(kind: str) -> Callable[[Telling], None] | None:
    """Return how a kind of target is written to; None for one that is only converted for."""
    return {"database": into_database, "profile": to_profile}.get(kind)
