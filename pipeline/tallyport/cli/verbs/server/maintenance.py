"""`tallyport maintenance`: what keeps a server's derived data right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import Called, Command, flag, is_given, option, refuse, together, usage
from tallyport.cli.screen import finding_text
from tallyport.cli.server_options import ServerOptions, server_options, waiting_server_options
from tallyport.cli.talk import Talk, print_document, talk_options
from tallyport_schemas.finding import shown

if TYPE_CHECKING:
    from tallyport.dhis2.api.models import JobReference, JobReport, Notification, OptionCombosReport
    from tallyport.dhis2.client import Client
    from tallyport.dhis2.maintenance.maintenance import Maintenance

_watch = flag("--watch", help="Show what the job reports until it ends, and exit accordingly.")


def timeout_option(default: float, help: str) -> Callable[[Called], Called]:
    """Return the option --job-timeout, which a command gets as `timeout_s`; `help` names the default."""
    seconds = click.FloatRange(0)
    return option(
        "--job-timeout", "timeout_s", metavar="SECONDS", type=seconds, default=default, show_default=False, help=help
    )


_job_timeout = timeout_option(3600, "How long --watch waits.  [default: 3600]")
_talk = talk_options(quiet="Print no progress.")


@click.group("maintenance")
def command() -> None:
    """Have a DHIS2 server bring up to date what it derives from its data.

    \b
    Examples:
      tallyport maintenance analytics --profile play --watch
      tallyport maintenance coc --profile play --watch
      tallyport maintenance resource-tables --profile play --json
      tallyport maintenance cache --profile play

    All of it needs the authority F_PERFORM_MAINTENANCE.
    """


@command.command("coc", cls=Command, short_help="Make missing category option combos.")
@click.argument("combo", required=False)
@flag("--watch", help="Wait until no option combo is missing; exit code 1 if some still are.")
@timeout_option(300, "How long --watch waits.  [default: 300]")
@server_options
@talk_options(quiet="Print no progress.", progress=False)
def coc(talk: Talk, server: ServerOptions, combo: str | None, watch: bool, timeout_s: float) -> int:
    """Make the category option combos that are missing, and remove obsolete ones.

    \b
    Examples:
      tallyport maintenance coc --profile play
      tallyport maintenance coc --profile play --watch
      tallyport maintenance coc bjDvmb4bfuf --profile play --watch --json

    COMBO is the identifier of a category combo; default: all of them.
    """
    _refuse_idle(watch=watch)

    async def work(client: Client) -> int:
        from tallyport.dhis2.api.models import OptionCombosReport

        with usage():
            message = await client.maintenance.update_category_option_combos(combo)
        missing = None
        if watch:
            if talk.is_shown:
                click.echo("waiting for the option combos", err=True)
            missing = await client.maintenance.incomplete_category_combos(combo, timeout_s=timeout_s)
        report = OptionCombosReport(message.message, missing)
        _print(talk, report, "option combos are updated")
        return int(bool(report.findings))

    return server.talk(work)


@command.command("analytics", cls=Command)
@option("--last-years", type=click.IntRange(0), metavar="N", help="Only data of that many years.")
@option("--skip", multiple=True, metavar="PART", help="A part to skip, such as Events; repeatable.")
@_watch
@_job_timeout
@waiting_server_options
@_talk
def analytics(talk: Talk, server: ServerOptions, watch: bool, timeout_s: float, **what: Any) -> int:
    """Rebuild the analytics tables.

    \b
    Examples:
      tallyport maintenance analytics --profile play --watch
      tallyport maintenance analytics --profile play --last-years 2 --skip Events

    Parts that can be skipped: ResourceTables, Aggregate, ValidationResult, Events, Enrollment, TrackedEntities,
    OrgUnitOwnership, Outliers.
    """

    start = methodcaller("refresh_analytics", **what)
    return _run_job(talk, server, start, watch=watch, timeout_s=timeout_s)


def _job(name: str, what: str, start: Callable[[Maintenance], Awaitable[JobReference]]) -> None:
    """Add a command that starts a job and has nothing to choose."""

    def run(talk: Talk, server: ServerOptions, watch: bool, timeout_s: float) -> int:
        return _run_job(talk, server, start, watch=watch, timeout_s=timeout_s)

    run.__doc__ = f"{what}\n\n\b\nExamples:\n  tallyport maintenance {name} --profile play --watch"
    command.command(name, cls=Command)(together(_watch, _job_timeout, waiting_server_options, _talk)(run))


_job("resource-tables", "Rebuild the resource tables.", methodcaller("refresh_resource_tables"))
_job("monitoring", "Run the surveillance of validation rules.", methodcaller("refresh_monitoring"))


@command.command("cache", cls=Command, short_help="Clear the cache.")
@flag("--watch", help="Wait until it is done, as it does anyway: the server answers only then.")
@server_options
@talk_options(quiet="Print no progress.", progress=False)
def cache(talk: Talk, server: ServerOptions, watch: bool) -> int:
    """Let the server forget what it holds in memory of its database.

    \b
    Examples:
      tallyport maintenance cache --profile play
    """
    del watch

    async def work(client: Client) -> int:
        from tallyport.dhis2.api.models import OptionCombosReport

        message = await client.maintenance.clear_cache()
        _print(talk, OptionCombosReport(message.message), "the cache is cleared")
        return 0

    return server.talk(work)


def print_job(report: JobReport, *, as_json: bool) -> None:
    """Print a job that was started, and what it reported."""
    if as_json:
        print_document(report.as_json())
        return
    ended = shown(report.said[-1].message or "done") if report.said else "started; follow it with --watch"
    click.echo(f"{report.job.job_type} {report.job.id}: {ended}")


def _run_job(
    talk: Talk,
    server: ServerOptions,
    start: Callable[[Maintenance], Awaitable[JobReference]],
    *,
    watch: bool,
    timeout_s: float,
) -> int:
    """Start a job, follow it if asked, print how it ended. One that fails, or does not end in time, is an error."""
    _refuse_idle(watch=watch)
    ticker = talk.ticker()

    async def work(client: Client) -> int:
        from tallyport.dhis2.api.models import JobReport

        with usage():
            report = JobReport(await start(client.maintenance))

        def hear(notification: Notification) -> None:
            if not talk.as_json:
                report.said.clear()  # only the last is printed
            report.said.append(notification)
            ticker.say(notification)

        if watch:
            talk.hold(report)
            ticker.note(f"{report.job.job_type} {report.job.id} started")
            with ticker:
                await client.tasks.await_completion(report.job, watch=hear, timeout_s=timeout_s)
        if not talk.quiet or talk.as_json:
            print_job(report, as_json=talk.as_json)
        return 0

    return server.talk(work, watch=ticker.show)


def _print(talk: Talk, report: OptionCombosReport, otherwise: str) -> None:
    """Print what the server says that it did, and what is still wrong."""
    if talk.as_json:
        print_document(report.as_json())
        return
    for found in report.findings:
        click.echo(finding_text(found), err=True)
    if not talk.quiet:
        click.echo(shown(report.message or otherwise))


def _refuse_idle(*, watch: bool) -> None:
    refuse((is_given("timeout_s") and not watch, "--job-timeout has no effect without --watch"))
