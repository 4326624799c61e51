"""`tallyport import`: values into a DHIS2 database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from tallyport.cli.database_options import assume_option, database_options, opened_database
from tallyport.cli.screen import Ticker, failed_text
from tallyport.cli.source_reports import show_source, show_worst
from tallyport.cli.verbs.convert import Scheme, schemes_by_kind
from tallyport_schemas.finding import Finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.progress import Progress

BATCHES = ("whole", "rows", "stored", "both")
"""The modes of batching, as postgres/batching.py tells them: it need not be loaded for `--help`."""

CHECKS = ("input-periods", "expiry", "future-periods", "approval", "option-dates")
"""What can be forced, as postgres/access.py tells it."""


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@database_options
@assume_option
@click.option("--dry-run", is_flag=True, help="Do everything, then take it back: the counts are those of the run.")
@click.option("--as", "username", metavar="USER", help="DHIS2 user who writes, and who must be allowed to.")
@click.option(
    "--force", multiple=True, type=click.Choice(CHECKS), help="Leave out a check, as a superuser; repeatable."
)
@click.option(
    "--batch", type=click.Choice(BATCHES), help="How much is taken at a time; default: chosen group by group."
)
@click.option(
    "--id-scheme",
    type=Scheme(),
    multiple=True,
    help="Identifier scheme of sources that are no ADV2, as for convert. Repeatable.",
)
@click.option("--data-set", metavar="ID", help="Data set of sources that are no ADV2 and name none.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all rejected values of sources that are no ADV2 to a file, as NDJSON.",
)
@click.option("--sql", type=click.Path(path_type=Path, dir_okay=False), help="Write all statements to a file for psql.")
@click.option(
    "--changes",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write each row's change to a file, as NDJSON.",
)
@click.option("--confirm-hard-delete", is_flag=True, help="Let groups remove values for good.")
@click.option(
    "--undo",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for files that bring back what is removed for good; default: tallyport-undo.",
)
@click.option("--json", "as_json", is_flag=True, envvar="TALLYPORT_IMPORT_JSON", help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
@click.option("-v", "--verbose", is_flag=True, help="Print every group.")
def command(
    sources: tuple[str, ...],
    database: str | None,
    metadata: Path | None,
    embedded: Path | None,
    assume: str | None,
    dry_run: bool,
    username: str | None,
    force: tuple[str, ...],
    batch: str | None,
    id_scheme: tuple[tuple[str, str], ...],
    data_set: str | None,
    rejects: Path | None,
    sql: Path | None,
    changes: Path | None,
    confirm_hard_delete: bool,
    undo: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Write values into the database of a DHIS2 server, 2.42 or 2.43.

    \b
    Examples:
      tallyport import out --database postgresql://dhis@localhost/dhis --dry-run
      tallyport import out --database postgresql://dhis@localhost/dhis --as amina
      tallyport import january.json.gz --database postgresql://dhis@localhost/dhis
      tallyport import out --database postgresql:///dhis --dry-run --sql out.sql
      tallyport import out --metadata hmis.snapshot

    SOURCE is an ADV2 file, a legacy file (converted on the way), a folder of either, or - for standard input. Each
    group is written as a whole or not at all. Rows that are stored already are not written again, so the same command
    completes what was interrupted. Without --database it is an embedded one, which needs no server.
    """
    from tallyport.postgres.imports.access import Check
    from tallyport.postgres.imports.batch_size import Mode
    from tallyport.postgres.imports.group import ImportOptions
    from tallyport.postgres.imports.import_values import import_values
    from tallyport.postgres.imports.run import FileLoad, GroupLoad
    from tallyport.source_report import SourceReport
    from tallyport.validation.rejected_rows import Causes
    from tallyport_converters.convert import Options

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    if verbose and as_json:
        raise click.UsageError("--verbose has no effect on --json, which holds everything")
    if undo is not None and not confirm_hard_delete:
        raise click.UsageError("--undo has no effect without --confirm-hard-delete")
    if len(set(force)) < len(force):
        raise click.UsageError("--force has no effect on a check that is named before")
    files = {name: path for name, path in (("--rejects", rejects), ("--sql", sql), ("--changes", changes)) if path}
    for one, other in combinations(files, 2):
        if files[one].resolve() == files[other].resolve():
            raise click.UsageError(f"{one} and {other} name the same file")
    for name, written in files.items():
        if written.resolve() in {Path(source).resolve() for source in sources}:
            raise click.UsageError(f"{name} names a source, which it would replace")
    if list(sources).count("-") > 1:
        raise click.UsageError("standard input can be read only once")
    reading = Options(id_schemes=schemes_by_kind(id_scheme), data_set=data_set)
    options = ImportOptions(
        dry_run=dry_run,
        username=username,
        force=frozenset(map(Check, force)),
        batch=Mode(batch) if batch else None,
        undo=(undo or Path("tallyport-undo")) if confirm_hard_delete else None,
        sql=sql,
        changes=changes,
        assume=Generation(assume) if assume else None,
    )
    document = click.get_current_context().ensure_object(dict)  # what --json has to show even if the run fails later
    ticker = Ticker(quiet=quiet or as_json)
    causes, reports = Causes(), []

    def watch(event: Any) -> None:
        if isinstance(event, Progress):
            ticker.show(event)
            return
        ticker.clear()
        if isinstance(event, GroupLoad):
            document.setdefault("groups", []).append(_group(event))
            if not event.origin:  # those of a legacy file come with its report, by line
                for found in event.findings:
                    causes.add(found, found.count, groups=1)
            if verbose:
                click.echo(f"{event.file}: {event.de or 'no data element'}: {_counts(event.rows)}")
                if event.batching:
                    click.echo(f"  taken {event.batching.mode}: {event.batching.reason}")
            if event.undo and not as_json:
                click.echo(f"{event.file}: what it removed for good is in {event.undo}", err=True)
        elif isinstance(event, Finding):
            document.setdefault("findings", []).append(event.as_json())
            causes.add(event, event.count)
        elif isinstance(event, FileLoad):
            if event.error:
                causes.add(event.error)
                document.setdefault("errors", []).append(event.error.as_json())
        elif isinstance(event, SourceReport):
            reports.append(event)
            document.setdefault("sources", []).append(event.as_json())
        else:
            document.setdefault("conversions", []).append(_conversion(event))
            if event.error:
                causes.add(event.error)

    try:
        with opened_database(database, metadata, embedded, is_shown=not (quiet or as_json)) as url:
            report = import_values(sources, url, options, conversion=reading, rejects=rejects, watch=watch)
    finally:
        ticker.clear()
        if not as_json:
            show_worst([*causes.worst_first(), *(found for report in reports for found in report.findings)])
    document |= {"generation": report.generation, "dry_run": dry_run, "rows": report.rows}
    if as_json:
        click.echo(json.dumps(document))
        return report.exit_code
    if not quiet:
        _summarise(report, dry_run=dry_run)
        for source in report.sources:
            show_source(source, rejects)
    return report.exit_code


def _group(load: Any) -> dict[str, Any]:
    return {
        "file": load.file,
        "number": load.number,
        "de": load.de,
        "valid": load.valid,
        "rows": load.rows,
        "cleared": load.cleared,
        "periods_created": load.periods_created,
        "batching": {"mode": load.batching.mode, "reason": load.batching.reason} if load.batching else None,
        "undo": str(load.undo) if load.undo else None,
        "findings": [found.as_json() for found in load.findings],
    }


def _conversion(outcome: Any) -> dict[str, Any]:
    if outcome.error:
        return {"source": {"name": outcome.source}, "error": outcome.error.as_json()}
    return dict(outcome.manifest)


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {change}" for change, count in rows.items() if count) or "no rows"


def _failed_text(groups: Sequence[Any]) -> str:
    """Say how many groups there are, and how many fail; legacy files have none: there it is data elements."""
    if not groups or not all(group.origin for group in groups):
        return failed_text(len(groups), sum(not group.valid for group in groups), "group")
    elements = {group.de for group in groups}
    return failed_text(len(elements), len({group.de for group in groups if not group.valid}), "data element")


def _summarise(report: Any, *, dry_run: bool) -> None:
    """Print the sum of all groups."""
    cleared = sum(group.cleared for group in report.groups)
    periods = sum(group.periods_created for group in report.groups)
    ending = "nothing was written: a dry run" if dry_run else "written"
    click.echo(f"DHIS2 {report.generation}, {_failed_text(report.groups)}; {ending}")
    for change, count in report.rows.items():
        click.echo(f"  {count:>12,} {change}")
    if cleared:
        click.echo(f"  {cleared:>12,} stored {'value' if cleared == 1 else 'values'} deleted by scope")
    if periods:
        click.echo(f"  {periods:>12,} {'period' if periods == 1 else 'periods'} created")
