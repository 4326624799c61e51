"""Delivery: how a job's converted values get to each kind of target, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from tallyport.web.folders import CHANGES, REJECTS, SCRIPT, UNDO, JobContext
from tallyport.web.jobs.change_preview import first_changes
from tallyport.web.jobs.recorder import FIRST_SHOWN, Recorder
from tallyport.web.jobs.targets import ask_server, database_of_job
from tallyport_schemas.finding import finding

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client
    from tallyport.dhis2.push.push import PushReport
    from tallyport_converters.model.combos import KnownCategories


def into_database(job: JobContext, recorder: Recorder) -> None:
    """Import into the database that the environment names; a dry run leaves its statements as a script."""
    from tallyport.postgres.imports.import_run import ImportOptions
    from tallyport.postgres.imports.import_values import import_values
    from tallyport.postgres.imports.report import FileLoad, GroupLoad

    database = database_of_job()
    options = ImportOptions(
        dry_run=job.is_dry_run,
        username=job.request["options"].get("username"),
        undo=job.folder / UNDO if job.request.get("removes_for_good") else None,
        sql=job.folder / SCRIPT if job.is_dry_run else None,
        changes=job.folder / CHANGES,
    )

    def watch(event: Any) -> None:
        if isinstance(event, GroupLoad):
            for found in event.findings if not event.origin else ():  # of a legacy file, its report has them by line
                recorder.found(found)
            more: dict[str, Any] = {"cleared": event.cleared} if event.cleared else {}
            if event.undo:
                more["undo"] = event.undo.name
            recorder.group(event.file, event.de, event.valid, event.rows, **more)
            for name, count in (("cleared", event.cleared), ("periods_created", event.periods_created)):
                recorder.summary[name] = recorder.summary.get(name, 0) + count
        elif isinstance(event, FileLoad):
            recorder.file(event)
        else:
            recorder.take(event)

    try:
        report = import_values(
            job.files(),
            database,
            options,
            conversions=job.conversions,
            rejects=job.folder / REJECTS,
            watch=watch,
        )
    finally:  # what was written before a run was cut short is there, and so is the list of it
        if options.changes and options.changes.exists():
            recorder.result["changes"], leaps = first_changes(options.changes, job.names, FIRST_SHOWN)
            if leaps:
                recorder.found(finding("TP931", count=leaps))
    recorder.summary["generation"] = report.generation
    recorder.ends_with(report.exit_code if report.exit_code != 5 else 3)


def to_profile(job: JobContext, recorder: Recorder) -> None:
    """Send to the DHIS2 server that the environment names; a dry run has the server check, and write nothing.

    What was acknowledged before this is cancelled, or dies, is not sent again by a later run of the same files.
    """
    from tallyport.dhis2.push.push import ChunkPushed, ClearingAhead, PushOptions, push
    from tallyport.dhis2.request.rejections import CLASSES
    from tallyport.validation.report import FileResult, RowFinding

    options = PushOptions(dry_run=job.is_dry_run, state=job.pushes, rejects=job.folder / REJECTS)
    converted = {one.source for one in job.conversions}
    recorder.summary["rows"] = dict.fromkeys((*CLASSES, "left_out"), 0)

    def watch(event: Any) -> None:
        if isinstance(event, RowFinding):
            if event.finding.source not in converted:  # of a legacy file, its report has them by line
                recorder.found(event.finding)
        elif isinstance(event, FileResult):
            recorder.file(event)
        elif isinstance(event, ClearingAhead):
            recorder.summary["may_clear"] = event.rows
        elif isinstance(event, ChunkPushed):
            recorder.chunk(event.rows, event.counts, event.seconds)
        else:
            recorder.take(event)

    def pushing(client: Client) -> Awaitable[PushReport]:
        recorder.summary["tells_new_from_changed"] = client.version < (2, 43)
        return push(client, job.files(), options, conversions=job.conversions, watch=watch)

    report = ask_server(pushing)
    recorder.summary |= {
        "rows": report.rows | {"left_out": report.left_out},
        "cleared": report.cleared,
        "kept": report.kept,
        "groups": report.groups,
        "groups_failed": report.failed_groups,
        "resumed": report.is_resumed,
    }
    recorder.ends_with(report.exit_code)


def _of_database(schemes: Mapping[str, str]) -> KnownCategories | None:
    from tallyport.postgres.catalog.stored_metadata import of_database
    from tallyport.postgres.connection import connection

    with connection(database_of_job()) as connected:
        return of_database(connected)(schemes)


def _of_profile(schemes: Mapping[str, str]) -> KnownCategories | None:
    from tallyport.dhis2.pull_snapshot import pull_categories
    from tallyport.metadata.known_categories import of_snapshot

    snapshot = ask_server(pull_categories)
    return of_snapshot(snapshot)(schemes) if snapshot else None


CATEGORIES: Mapping[str, Callable[[Mapping[str, str]], KnownCategories | None]] = {
    "database": _of_database,
    "profile": _of_profile,
}
"""What says which categories a kind of target has, once a conversion asks; some have none."""

WRITERS: Mapping[str, Callable[[JobContext, Recorder], None]] = {"database": into_database, "profile": to_profile}
"""How a kind of target is written to; others are only converted for."""
