"""`tallyport push`: values to a DHIS2 server over its Web API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import (
    Command,
    conversion_options,
    extra,
    file_option,
    flag,
    is_given,
    option,
    read_once,
    refuse,
    together,
    usage,
)
from tallyport.cli.screen import counted, duration_text, show_count, show_source, show_worst
from tallyport.cli.server_options import ServerOptions, waiting_server_options
from tallyport.cli.talk import Talk, talk_options
from tallyport_schemas.finding import OutsideFailed, Severity

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client
    from tallyport.dhis2.push.report import Event, PushReport


@click.command("push", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@flag("--dry-run", help="Let the server check everything, and write nothing.")
@flag("--completions", help="Also send which data sets the sources report complete.")
@flag("--lenient", "is_lenient", help="Let 2.41 and 2.42 store what 2.43 refuses.")
@flag(
    "--clear",
    "clears",
    help="Clear stored comments and follow-up flags that a row does not state, instead of keeping them.",
)
@file_option("--state", "Folder for the progress of pushes.  [default: the platform's]", folder=True)
@waiting_server_options
@together(
    flag("--async", "is_async", help="Send chunks as jobs of the server."),
    option(
        "--chunk-size",
        "chunk_rows",
        type=click.IntRange(min=1),
        metavar="N",
        help="Values per request.  [default: measured for each data set, for the most values a second]",
    ),
    option(
        "--max-request-seconds",
        "max_request_s",
        type=click.FloatRange(min=0, min_open=True),
        default=30.0,
        metavar="S",
        help="Send no request that is expected to take longer.",
    ),
    option(
        "--parallel",
        type=click.IntRange(1, 16),
        metavar="N",
        help="Requests sent at once, of different organisation units.  [default: 2; 1 for 2.41 and with --async]",
    ),
    section="Requests",
)
@conversion_options
@talk_options()
def command(
    talk: Talk,
    server: ServerOptions,
    sources: tuple[str, ...],
    id_schemes: Mapping[str, str],
    data_set: str | None,
    **how: Any,
) -> int:
    """Send values to a DHIS2 server, 2.41 to 2.43.

    \b
    Examples:
      tallyport push out --profile production --dry-run
      tallyport push out --profile production
      tallyport push january.json.gz --url https://play.dhis2.org/dev
      tallyport push january.xml --profile production --completions --async

    SOURCE is an ADV2 file, a legacy file (converted on the way), a folder of either, or - for standard input. Values go
    in chunks, two at once, whose size adapts to the server. If a push is interrupted, the same command resumes it.
    Comments and follow-up flags that a row does not state are kept. What the server rejects is reported with its place
    in the source.
    """
    read_once(sources, others=server.reads_stdin)
    dry_run, rejects = how["dry_run"], how["rejects"]
    by_size = how["chunk_rows"] and is_given("max_request_s")
    refuse(
        (dry_run and is_given("state"), "--state has no effect with --dry-run, which leaves nothing to resume"),
        (by_size, "--max-request-seconds has no effect with --chunk-size, which sets the size"),
    )
    with extra("server"):
        from tallyport.dhis2.push.push import ClearingAhead, PushOptions, PushReport, push
    from tallyport_converters.convert import Options

    conversion = Options(id_schemes=id_schemes, data_set=data_set)
    options = PushOptions(conversion=conversion, wait_s=server.wait_s, **how)
    report = PushReport()
    ticker = talk.ticker()

    def watch(event: Event) -> None:
        ticker.show(event)
        if isinstance(event, ClearingAhead) and not talk.as_json:
            ticker.clear()
            said = "values state no comment or no follow-up flag: one that is stored is cleared"
            click.echo(f"{event.rows:,} {said}", err=True)

    async def work(client: Client) -> int:
        talk.hold(report)
        try:
            with ticker, usage():
                await push(client, sources, options, watch=watch, report=report)
        except OutsideFailed:
            if talk.is_shown and not dry_run and report.chunks and (count := sum(report.rows.values())):
                taken = f"{counted(count, 'value')}, which {'is' if count == 1 else 'are'} not sent again"
                click.echo(f"before that the server accounted for {taken}", err=True)
            raise
        finally:
            if not talk.as_json:
                _show_findings(report)
        if talk.as_json:
            talk.print_held()
        elif not talk.quiet:
            _summarise(report)
            for source in report.sources:
                show_source(source, rejects)
        return report.exit_code

    return server.talk(work, watch=ticker.show)


def _show_findings(report: PushReport) -> None:
    """Print what was found, one a cause; of a legacy file its report has it, by line."""
    from tallyport.validation.rejected_rows import Causes

    causes = Causes()
    names = {one.source for one in report.conversions}
    for found in report.findings:
        if found.finding.source not in names:
            causes.add(found.finding, found.finding.count, groups=1)
    for error in (*report.errors, *(one.error for one in report.conversions if one.error)):
        causes.add(error)
    all_found = [*causes.worst_first(), *(one for source in report.sources for one in source.findings)]
    show_worst([one for one in all_found if one.severity is not Severity.INFO])


def _summarise(report: PushReport) -> None:
    """Print the sum of all chunks."""
    resumed = "; resumed where it stopped" if report.is_resumed else ""
    ending = "; nothing was written: a dry run" if report.dry_run else resumed
    click.echo(f"DHIS2 {report.version}{ending}")
    for name, count in report.rows.items():
        show_count(count, name, if_none=True)
    show_count(report.left_out, "not sent")
    show_count(report.kept, "with a stored comment or follow-up flag that was kept")
    show_count(report.may_clear, "of which a stored comment or follow-up flag may be cleared")
    show_count(report.cleared, f"stored {'value' if report.cleared == 1 else 'values'} deleted by scope")
    show_count(report.resent, f"{'chunk' if report.resent == 1 else 'chunks'} sent again")
    if report.waited_s:
        click.echo(f"waited for the server for {duration_text(report.waited_s)}")
    if sent := report.completions:
        show_count(sent.taken, f"of {counted(sent.sent, 'completion')} taken", if_none=True)
