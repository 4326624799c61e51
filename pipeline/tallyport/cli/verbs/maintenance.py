"""`tallyport maintenance`: what keeps a server's derived data right."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.screen import JobTicker, finding_text
from tallyport.cli.server_options import ServerOptions, server_options, usage
from tallyport_schemas.finding import Finding, shown

if TYPE_CHECKING:
    from tallyport.dhis2.api.models import JobReference, Notification
    from tallyport.dhis2.client import Client
    from tallyport.dhis2.maintenance.maintenance import Maintenance

JOB_TIMEOUT_S, MATRIX_TIMEOUT_S = 3600.0, 300.0


def _shared(name: str, *, waits: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the options that all of these have."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            partial(server_options, waits=waits),
            click.option("-q", "--quiet", is_flag=True, help="Print no progress."),
            click.option("--json", "as_json", is_flag=True, envvar=_variable(name), help="Print one JSON document."),
        ):
            command = option(command)
        return command

    return decorate


def _variable(name: str) -> str:
    return f"TALLYPORT_MAINTENANCE_{name.upper().replace('-', '_')}_JSON"


_watch = click.option("--watch", is_flag=True, help="Show what the job says until it is done; the exit code tells how.")
_job_timeout = click.option(
    "--job-timeout", metavar="SECONDS", type=click.FloatRange(0), help="How long --watch waits; default 3600."
)


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


@command.command("coc", short_help="Make missing category option combos.")
@click.argument("combo", required=False)
@click.option("--watch", is_flag=True, help="Wait until no option combo is missing; exit code 1 if some still are.")
@click.option("--job-timeout", metavar="SECONDS", type=click.FloatRange(0), help="How long --watch waits; default 300.")
@_shared("coc")
def coc(
    server: ServerOptions, combo: str | None, watch: bool, job_timeout: float | None, as_json: bool, quiet: bool
) -> int:
    """Make the category option combos that are missing, and remove obsolete ones.

    \b
    Examples:
      tallyport maintenance coc --profile play
      tallyport maintenance coc --profile play --watch
      tallyport maintenance coc bjDvmb4bfuf --profile play --watch --json

    COMBO is the identifier of a category combo; default: all of them.
    """
    _refuse_idle(watch=watch, job_timeout=job_timeout)

    async def work(client: Client) -> int:
        maintenance = client.maintenance
        with usage():
            message = await maintenance.update_category_option_combos(combo)
        missing = []
        if watch:
            if not as_json and not quiet:
                click.echo("waiting for the option combos", err=True)
            timeout_s = MATRIX_TIMEOUT_S if job_timeout is None else job_timeout
            missing = await maintenance.incomplete_category_combos(combo, timeout_s=timeout_s)
        findings = [state.as_finding() for state in missing]
        document: dict[str, Any] = {"message": message.message, "complete": not missing if watch else None}
        _print(document, findings, "" if quiet else message.message or "option combos are updated", as_json=as_json)
        return int(bool(findings))

    return server.talk(work)


@command.command("analytics")
@click.option("--last-years", type=click.IntRange(0), metavar="N", help="Only data of that many years.")
@click.option("--skip", multiple=True, metavar="PART", help="A part to leave out, such as Events; repeatable.")
@_watch
@_job_timeout
@_shared("analytics", waits=True)
def analytics(
    server: ServerOptions,
    last_years: int | None,
    skip: Sequence[str],
    watch: bool,
    job_timeout: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make the analytics tables anew.

    \b
    Examples:
      tallyport maintenance analytics --profile play --watch
      tallyport maintenance analytics --profile play --last-years 2 --skip Events

    Parts that can be left out: ResourceTables, Aggregate, ValidationResult, Events, Enrollment, TrackedEntities,
    OrgUnitOwnership, Outliers.
    """
    _refuse_idle(watch=watch, job_timeout=job_timeout)

    def start(maintenance: Maintenance) -> Awaitable[JobReference]:
        return maintenance.refresh_analytics(last_years=last_years, skip=skip)

    return _run_job(server, start, watch=watch, job_timeout=job_timeout, as_json=as_json, quiet=quiet)


@command.command("resource-tables")
@_watch
@_job_timeout
@_shared("resource-tables", waits=True)
def resource_tables(server: ServerOptions, watch: bool, job_timeout: float | None, as_json: bool, quiet: bool) -> int:
    """Make the resource tables anew.

    \b
    Examples:
      tallyport maintenance resource-tables --profile play --watch
    """
    _refuse_idle(watch=watch, job_timeout=job_timeout)

    def start(maintenance: Maintenance) -> Awaitable[JobReference]:
        return maintenance.refresh_resource_tables()

    return _run_job(server, start, watch=watch, job_timeout=job_timeout, as_json=as_json, quiet=quiet)


@command.command("monitoring")
@_watch
@_job_timeout
@_shared("monitoring", waits=True)
def monitoring(server: ServerOptions, watch: bool, job_timeout: float | None, as_json: bool, quiet: bool) -> int:
    """Run the surveillance of validation rules.

    \b
    Examples:
      tallyport maintenance monitoring --profile play --watch
    """
    _refuse_idle(watch=watch, job_timeout=job_timeout)

    def start(maintenance: Maintenance) -> Awaitable[JobReference]:
        return maintenance.refresh_monitoring()

    return _run_job(server, start, watch=watch, job_timeout=job_timeout, as_json=as_json, quiet=quiet)


@command.command("cache", short_help="Clear the cache.")
@click.option("--watch", is_flag=True, help="Wait until it is done, as it does anyway: the server answers only then.")
@_shared("cache")
def cache(server: ServerOptions, watch: bool, as_json: bool, quiet: bool) -> int:
    """Have the server forget what it holds in memory of its database.

    \b
    Examples:
      tallyport maintenance cache --profile play
    """
    del watch

    async def work(client: Client) -> int:
        message = await client.maintenance.clear_cache()
        text = "" if quiet else message.message or "the cache is cleared"
        _print({"message": message.message}, [], text, as_json=as_json)
        return 0

    return server.talk(work)


def print_job(job: JobReference, said: Sequence[Notification], *, as_json: bool) -> None:
    """Print a job that was started, and what it said."""
    last = said[-1] if said else None
    if as_json:
        document: dict[str, Any] = {"job": job.as_json(), "completed": bool(last and last.completed)}
        if last:
            document |= {"message": last.message, "notifications": [one.as_json() for one in said]}
        click.echo(json.dumps(document))
    else:
        ended = shown(last.message or "done") if last else "started; --watch would follow it"
        click.echo(f"{job.job_type} {job.id}: {ended}")


def _run_job(
    server: ServerOptions,
    start: Callable[[Maintenance], Awaitable[JobReference]],
    *,
    watch: bool,
    job_timeout: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Start a job, follow it if asked, print how it ended. One that fails, or does not end in time, is an error."""

    ticker = JobTicker(quiet=quiet or as_json)

    async def work(client: Client) -> int:
        with usage():
            job = await start(client.maintenance)
        said: list[Notification] = []
        if watch:

            def tell(notification: Notification) -> None:
                if as_json:
                    said.append(notification)
                else:
                    said[:] = [notification]
                ticker.tell(notification)

            ticker.note(f"{job.job_type} {job.id} started")
            document = click.get_current_context().ensure_object(dict)
            document["job"] = job.as_json()
            try:
                timeout_s = JOB_TIMEOUT_S if job_timeout is None else job_timeout
                await client.maintenance.watch(job, tell, timeout_s=timeout_s)
            finally:
                ticker.clear()
        if as_json or not quiet:
            print_job(job, said, as_json=as_json)
        return 0

    return server.talk(work, tell=ticker.wait)


def _print(document: dict[str, Any], findings: Sequence[Finding], text: str, *, as_json: bool) -> None:
    """Print what was done, as a document or as a line, and what is still wrong."""
    if as_json:
        members = {name: value for name, value in document.items() if value is not None}
        click.echo(json.dumps(members | {"findings": [found.as_json() for found in findings]}))
        return
    for found in findings:
        click.echo(finding_text(found), err=True)
    if text:
        click.echo(shown(text))


def _refuse_idle(*, watch: bool, job_timeout: float | None) -> None:
    if job_timeout is not None and not watch:
        raise click.UsageError("--job-timeout has no effect without --watch")
