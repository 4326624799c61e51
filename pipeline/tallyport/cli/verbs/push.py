"""`tallyport push`: values to a DHIS2 server over its Web API."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.screen import Ticker, counted, duration_text
from tallyport.cli.server_options import ServerOptions, not_installed, server_options, usage
from tallyport.cli.source_reports import show_source, show_worst
from tallyport.cli.verbs.convert import Scheme, schemes_by_kind
from tallyport_schemas.finding import OutsideFailed, Severity
from tallyport_schemas.progress import Progress, Waiting

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client
    from tallyport.dhis2.push.push import PushReport


@click.command("push")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@partial(server_options, waits=True)
@click.option("--dry-run", is_flag=True, help="Have the server check everything, and write nothing.")
@click.option("--async", "is_async", is_flag=True, help="Send chunks as jobs of the server, and follow them.")
@click.option(
    "--chunk-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Values of a request.  [default: learnt for each data set, for the most values a second]",
)
@click.option(
    "--max-request-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Make no request that should take longer, by what was seen.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 16),
    metavar="N",
    help="Requests sent at once, of different organisation units.  [default: 2; 1 for 2.41 and with --async]",
)
@click.option("--lenient", "is_lenient", is_flag=True, help="Let 2.41 and 2.42 store what 2.43 refuses.")
@click.option(
    "--clear",
    "clears",
    is_flag=True,
    help="Clear stored comments and follow-up flags that a row does not state, instead of keeping them.",
)
@click.option("--completions", is_flag=True, help="Send also which data sets the sources state complete.")
@click.option(
    "--id-scheme",
    type=Scheme(),
    multiple=True,
    help="Identifier scheme of sources that are no ADV2, as for convert. Repeatable.",
)
@click.option("--data-set", metavar="ID", help="Data set of sources that are no ADV2 and name none.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for how far pushes have come.  [default: the platform's]",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all rejected values of sources that are no ADV2 to a file, as NDJSON.",
)
@click.option("--json", "as_json", is_flag=True, envvar="TALLYPORT_PUSH_JSON", help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
def command(
    server: ServerOptions,
    sources: tuple[str, ...],
    dry_run: bool,
    is_async: bool,
    chunk_size: int | None,
    max_request_seconds: float,
    parallel: int | None,
    is_lenient: bool,
    clears: bool,
    completions: bool,
    id_scheme: tuple[tuple[str, str], ...],
    data_set: str | None,
    state: Path | None,
    rejects: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Send values to a DHIS2 server, 2.41 to 2.43.

    \b
    Examples:
      tallyport push out --profile production --dry-run
      tallyport push out --profile production
      tallyport push january.json.gz --url https://play.dhis2.org/dev
      tallyport push january.xml --profile production --completions --async

    SOURCE is an ADV2 file, a legacy file (converted on the way), a folder of either, or - for standard input. Values go
    in chunks, two at once, whose size follows the server. When a push breaks off, the same command goes on where it
    stopped. Comments and follow-up flags that a row does not state are kept. What the server rejects is told with its
    place in the source.
    """
    if list(sources).count("-") + server.reads_stdin > 1:
        raise click.UsageError("standard input can be read only once")
    source = click.get_current_context().get_parameter_source("state")
    if dry_run and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--state has no effect with --dry-run, which leaves nothing to go on with")
    given = click.get_current_context().get_parameter_source("max_request_seconds")
    if chunk_size and given is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--max-request-seconds has no effect with --chunk-size, which says the size")
    id_schemes = schemes_by_kind(id_scheme)
    try:
        from tallyport.dhis2.push.push import ChunkPushed, ClearingAhead, PushOptions, push
    except ImportError as error:
        raise not_installed(error, "server") from None
    from tallyport.dhis2.request.rejections import CLASSES
    from tallyport.source_report import SourceReport
    from tallyport.validation.rejected_rows import Causes
    from tallyport.validation.validate import FileResult, RowFinding
    from tallyport_converters.convert import Options, Outcome

    options = PushOptions(
        dry_run=dry_run,
        is_async=is_async,
        chunk_rows=chunk_size,
        max_request_s=max_request_seconds,
        parallel=parallel,
        is_lenient=is_lenient,
        clears=clears,
        completions=completions,
        conversion=Options(id_schemes=id_schemes, data_set=data_set),
        state=state,
        wait_s=server.wait_s,
        rejects=rejects,
    )
    document = click.get_current_context().ensure_object(dict)  # what --json has to show even if the run fails later
    ticker = Ticker(quiet=quiet or as_json)
    causes = Causes()
    of_sources: list[Any] = []

    def watch(event: Any) -> None:
        if isinstance(event, Progress):
            ticker.show(event)
            return
        if isinstance(event, Waiting):
            ticker.wait(event)
            return
        ticker.clear()
        if isinstance(event, RowFinding):
            is_of_source = event.finding.source in {one["source"]["name"] for one in document.get("conversions", ())}
            if not is_of_source:  # those of a legacy file come with its report, by line
                causes.add(event.finding, event.finding.count, groups=1)
            document.setdefault("findings", []).append({"group": event.number, **event.finding.as_json()})
        elif isinstance(event, FileResult):
            if event.error:
                causes.add(event.error)
                document.setdefault("errors", []).append(event.error.as_json())
        elif isinstance(event, SourceReport):
            document.setdefault("sources", []).append(event.as_json())
            of_sources.extend(event.findings)
        elif isinstance(event, Outcome):
            if event.error:
                causes.add(event.error)
            document.setdefault("conversions", []).append(_conversion(event))
        elif isinstance(event, ClearingAhead):
            document["may_clear"] = event.rows
            if not as_json:
                said = "values state no comment or no follow-up flag: one that is stored is cleared"
                click.echo(f"{event.rows:,} {said}", err=True)
        elif isinstance(event, ChunkPushed):
            document["chunks"] = document.get("chunks", 0) + 1
            rows = document.setdefault("rows", dict.fromkeys(CLASSES, 0))
            for name, count in event.counts.items():
                if name in rows:
                    rows[name] += count
            document["cleared"] = document.get("cleared", 0) + event.counts.get("cleared", 0)

    async def work(client: Client) -> int:
        document.update(server=client.url, version=client.info.version, dry_run=dry_run)
        try:
            with usage():
                report = await push(client, sources, options, watch=watch)
        except OutsideFailed:
            ticker.clear()
            if not (as_json or quiet or dry_run) and (count := sum(document.get("rows", {}).values())):
                taken = f"{counted(count, 'value')}, which {'is' if count == 1 else 'are'} not sent again"
                click.echo(f"before that the server accounted for {taken}", err=True)
            raise
        finally:
            ticker.clear()
            if not as_json:
                told = [*causes.worst_first(), *of_sources]
                show_worst([one for one in told if one.severity is not Severity.INFO])
        document.update(_document(report))
        if as_json:
            click.echo(json.dumps(document))
            return report.exit_code
        if not quiet:
            _summarise(report)
            for of_source in report.sources:
                show_source(of_source, rejects)
        return report.exit_code

    return server.talk(work, tell=ticker.wait)


def _conversion(outcome: Any) -> dict[str, Any]:
    if outcome.error:
        return {"source": {"name": outcome.source}, "error": outcome.error.as_json()}
    return dict(outcome.manifest)


def _document(report: PushReport) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": report.version,
        "resumed": report.is_resumed,
        "rows": report.rows | {"left_out": report.left_out},
        "cleared": report.cleared,
        "kept": report.kept,
        "may_clear": report.may_clear,
        "failed_groups": report.failed_groups,
        "resent": report.resent,
        "waited_s": round(report.waited_s, 1),
        "findings": [{"group": found.number, **found.finding.as_json()} for found in report.findings],
    }
    if report.completions:
        sent = report.completions
        document["completions"] = {"sent": sent.sent, "taken": sent.taken, "rejected": sent.rejected}
    return document


def _summarise(report: PushReport) -> None:
    """Print the sum of all chunks."""
    ending = (
        "nothing was written: a dry run" if report.dry_run else "went on where it stopped" if report.is_resumed else ""
    )
    click.echo(f"DHIS2 {report.version}{f'; {ending}' if ending else ''}")
    for name, count in report.rows.items():
        click.echo(f"  {count:>12,} {name}")
    if report.left_out:
        click.echo(f"  {report.left_out:>12,} not sent")
    if report.kept:
        click.echo(f"  {report.kept:>12,} with a stored comment or follow-up flag that was kept")
    if report.may_clear:
        click.echo(f"  {report.may_clear:>12,} of which a stored comment or follow-up flag may be cleared")
    if report.cleared:
        click.echo(f"  {report.cleared:>12,} stored {'value' if report.cleared == 1 else 'values'} deleted by scope")
    if report.resent:
        click.echo(f"  {report.resent:>12,} {'chunk' if report.resent == 1 else 'chunks'} sent again")
    if report.waited_s:
        click.echo(f"waited for the server for {duration_text(report.waited_s)}")
    if report.completions:
        click.echo(f"  {report.completions.taken:>12,} of {counted(report.completions.sent, 'completion')} taken")
