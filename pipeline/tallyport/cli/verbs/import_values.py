"""`tallyport import`: values into a DHIS2 database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.database_options import database_options, opened_database
from tallyport.cli.options import (
    Command,
    conversion_options,
    file_option,
    flag,
    option,
    read_once,
    refuse,
    together,
)
from tallyport.cli.screen import failed_text, show_count, show_source, show_worst
from tallyport.cli.talk import Talk, talk_options
from tallyport_schemas.finding import Finding
from tallyport_schemas.generations import Generation

if TYPE_CHECKING:
    from tallyport.cli.progress import Ticker
    from tallyport.postgres.imports.report import GroupLoad, ImportReport

BATCHES = ("whole", "rows", "stored", "both")
"""The modes of batching, as postgres/imports/batch_size.py has them: it need not be loaded for `--help`."""

CHECKS = ("input-periods", "expiry", "future-periods", "approval", "option-dates")
"""What can be forced, as postgres/imports/access.py has it."""


@click.command("import", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@flag("--dry-run", help="Do everything, then roll it back: the counts are those of the run.")
@option("--batch", choices=BATCHES, help="How much is written at a time.  [default: by the group]")
@database_options
@together(
    option("--as", "username", metavar="USER", help="The DHIS2 user who writes; has to be allowed to."),
    option("--force", multiple=True, choices=CHECKS, help="Skip a check, as a superuser. Repeatable."),
    section="Access",
)
@together(
    flag("--confirm-hard-delete", help="Let groups delete values permanently."),
    file_option("--undo", "For files that restore what is deleted.  [default: tallyport-undo]", folder=True),
    section="Deletion",
)
@together(
    file_option("--sql", "Write all statements to a file for psql."),
    file_option("--changes", "Write each row's change to a file, as NDJSON."),
    section="Files to write",
)
@conversion_options
@talk_options(verbose="Print every group.")
def command(
    talk: Talk,
    sources: tuple[str, ...],
    database: str | None,
    metadata: Path | None,
    embedded: Path | None,
    assume: Generation | None,
    force: tuple[str, ...],
    batch: str | None,
    id_schemes: Mapping[str, str],
    data_set: str | None,
    rejects: Path | None,
    confirm_hard_delete: bool,
    undo: Path | None,
    **how: Any,
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
    from tallyport.postgres.imports.import_run import ImportOptions
    from tallyport.postgres.imports.import_values import import_values
    from tallyport.postgres.imports.report import ImportReport
    from tallyport_converters.convert import Options

    refuse(
        (undo is not None and not confirm_hard_delete, "--undo has no effect without --confirm-hard-delete"),
        (len(set(force)) < len(force), "--force has no effect on a check that is named before"),
    )
    _refuse_overwriting({"--rejects": rejects, "--sql": how["sql"], "--changes": how["changes"]}, sources)
    read_once(sources)
    options = ImportOptions(
        force=frozenset(map(Check, force)),
        batch=Mode(batch) if batch else None,
        undo=(undo or Path("tallyport-undo")) if confirm_hard_delete else None,
        assume=assume,
        **how,
    )
    conversion = Options(id_schemes=id_schemes, data_set=data_set)
    report = ImportReport()
    with talk.ticker() as ticker:
        try:
            with opened_database(talk, database, metadata, embedded) as url:
                talk.hold(report)
                watch = partial(_show, talk, ticker)
                import_values(sources, url, options, conversion=conversion, rejects=rejects, watch=watch, report=report)
        finally:
            ticker.clear()
            if not talk.as_json:
                _show_findings(report)
    if talk.as_json:
        talk.print_held()
    elif not talk.quiet:
        _summarise(report)
        for source in report.sources:
            show_source(source, rejects)
    return report.exit_code


def _refuse_overwriting(named: Mapping[str, Path | None], sources: Sequence[str]) -> None:
    """Refuse files to write that are one, or a source."""
    files = {name: path.resolve() for name, path in named.items() if path}
    for one, other in combinations(files, 2):
        refuse((files[one] == files[other], f"{one} and {other} name the same file"))
    read = {Path(source).resolve() for source in sources}
    refuse(*((path in read, f"{name} names a source, which it would replace") for name, path in files.items()))


def _show(talk: Talk, ticker: Ticker, event: object) -> None:
    """Show progress, and with --verbose every group."""
    from tallyport.postgres.imports.report import GroupLoad

    ticker.show(event)
    if not isinstance(event, GroupLoad):
        return
    ticker.clear()
    if talk.verbose:
        click.echo(f"{event.file}: {event.de or 'no data element'}: {_counts(event.rows)}")
        if event.batching:
            click.echo(f"  written {event.batching.mode}: {event.batching.reason}")
    if event.undo and not talk.as_json:
        click.echo(f"{event.file}: what it deleted permanently is in {event.undo}", err=True)


def _show_findings(report: ImportReport) -> None:
    """Print what was found, one a cause; of a legacy file its report has it, by line."""
    from tallyport.validation.rejected_rows import Causes

    causes = Causes()
    errors: list[Finding] = [one.error for one in report.conversions if one.error]
    for found in chain(report.findings, errors, report.errors):
        causes.add(found, found.count)
    for group in report.groups:
        for found in () if group.origin else group.findings:
            causes.add(found, found.count, groups=1)
    show_worst([*causes.worst_first(), *(found for source in report.sources for found in source.findings)])


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {change}" for change, count in rows.items() if count) or "no rows"


def _failed_text(groups: Sequence[GroupLoad]) -> str:
    """Say how many groups there are, and how many fail; legacy files have none: there it is data elements."""
    if not groups or not all(group.origin for group in groups):
        return failed_text(len(groups), sum(not group.valid for group in groups), "group")
    elements = {group.de for group in groups}
    return failed_text(len(elements), len({group.de for group in groups if not group.valid}), "data element")


def _summarise(report: ImportReport) -> None:
    """Print the sum of all groups."""
    ending = "nothing was written: a dry run" if report.dry_run else "written"
    click.echo(f"DHIS2 {report.generation}, {_failed_text(report.groups)}; {ending}")
    for change, count in report.rows.items():
        show_count(count, change, if_none=True)
    cleared = sum(group.cleared for group in report.groups)
    periods = sum(group.periods_created for group in report.groups)
    show_count(cleared, f"stored {'value' if cleared == 1 else 'values'} deleted by scope")
    show_count(periods, f"{'period' if periods == 1 else 'periods'} created")
