"""`tallyport integrity`: the server's checks of its data, runs of them, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.rows import Listing, NamedOption, chosen_format, flushed, format_options
from tallyport.cli.screen import JobTicker
from tallyport.cli.server_options import ServerOptions, server_options
from tallyport_schemas.finding import Finding

if TYPE_CHECKING:
    from tallyport.dhis2.api.models import IntegrityReport
    from tallyport.dhis2.client import Client

SEVERITIES = ("INFO", "WARNING", "SEVERE", "CRITICAL")
"""As dhis2/answers.py has them: it need not be loaded for `--help`."""

_RESULTS = {
    "severity": 8,
    "count": -9,
    "check": 44,
    "section": 1,
    "displayName": 0,
    "code": 0,
    "percentage": 0,
    "startTime": 0,
    "finishedTime": 0,
    "error": 0,
}
_ISSUES = {
    "severity": 8,
    "check": 1,
    "id": 11,
    "name": 1,
    "comment": 1,
    "displayName": 0,
    "section": 0,
    "refs": 0,
}
_CHECKS = {"severity": 8, "code": 6, "check": 44, "section": 1, "displayName": 0, "isSlow": 0, "description": 0}


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose checks."""
    for option in (
        click.option(
            "--severity",
            type=click.Choice(SEVERITIES, case_sensitive=False),
            metavar="LEVEL",
            help="INFO, WARNING, SEVERE or CRITICAL: this one and stronger ones.",
        ),
        click.option("--section", metavar="NAME", help="Checks of this section only, such as 'Option sets'."),
        click.option(
            "--check",
            "checks",
            cls=NamedOption,
            multiple=True,
            metavar="NAME",
            help="Name, pattern or code; repeatable.",
        ),
    ):
        command = option(command)
    return command


@click.group("integrity")
def command() -> None:
    """Check the data of a DHIS2 server and read what was found.

    \b
    Examples:
      tallyport integrity run --profile play --severity SEVERE
      tallyport integrity report --profile play --json
      tallyport integrity run --profile play --details
      tallyport integrity issues --profile play --severity WARNING --format csv
      tallyport integrity checks --profile play

    The server keeps results for an hour. The exit code is 1 if there are issues of what was asked for.
    """


@command.command("report", short_help="Print how many issues each check found.")
@_filters
@click.option("--details", is_flag=True, help="Read results of a run with --details, issues and all.")
@format_options
@click.option("-v", "--verbose", is_flag=True, help="Print checks that found nothing, too.")
@server_options
def report(
    server: ServerOptions,
    checks: Sequence[str],
    section: str | None,
    severity: str | None,
    details: bool,
    form: str | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Print how many issues each check found, by the server's last run.

    \b
    Examples:
      tallyport integrity report --profile play
      tallyport integrity report --profile play --severity SEVERE --format csv
      tallyport integrity report --profile play --check 'orgunits_*' --json
    """
    chosen_form = chosen_format(form, as_json=as_json)
    if verbose and chosen_form != "text":
        raise click.UsageError(f"--verbose has no effect on {chosen_form}, which holds everything")

    async def work(client: Client) -> int:
        choice = _choice(checks, section, severity)
        found = await client.maintenance.get_integrity_report(**choice, details=details)
        return _print_report(found, chosen_form, verbose=verbose, details=details)

    return server.talk(work)


@command.command("issues", short_help="Print each issue, as it arrives.")
@_filters
@format_options
@server_options
def issues(
    server: ServerOptions,
    checks: Sequence[str],
    section: str | None,
    severity: str | None,
    form: str | None,
    as_json: bool,
) -> int:
    """Print each issue, as it arrives, by the server's last run with details.

    \b
    Examples:
      tallyport integrity run --profile play --details
      tallyport integrity issues --profile play --severity WARNING
      tallyport integrity issues --profile play --section Categories --format csv
      tallyport integrity issues --profile play --format ndjson | head
    """
    chosen_form = chosen_format(form, as_json=as_json)

    async def work(client: Client) -> int:
        with Listing(chosen_form, "issues", _ISSUES) as listing:
            choice = _choice(checks, section, severity)
            rows = client.maintenance.iter_integrity_issues(**choice, tell=_telling(listing))
            async with flushed(), aclosing(rows):
                async for row in rows:
                    listing.row(row.as_json())
            return int(listing.end() or listing.count > 0)

    return server.talk(work)


@command.command("run", short_help="Run checks, then print what they found.")
@_filters
@click.option("--details", is_flag=True, help="Collect the issues too, not only their number.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end: print the job alone.")
@click.option("--job-timeout", metavar="SECONDS", type=click.FloatRange(0), help="How long to wait; default 3600.")
@format_options
@click.option("-v", "--verbose", is_flag=True, help="Print checks that found nothing, too.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only: no progress, no sum if all is well.")
@partial(server_options, waits=True)
def run(
    server: ServerOptions,
    checks: Sequence[str],
    section: str | None,
    severity: str | None,
    details: bool,
    no_wait: bool,
    job_timeout: float | None,
    form: str | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Run checks at the server, wait for them and print how many issues each found.

    \b
    Examples:
      tallyport integrity run --profile play
      tallyport integrity run --profile play --severity SEVERE --quiet
      tallyport integrity run --profile play --check 'data_elements_*'
      tallyport integrity run --profile play --details --no-wait

    Checks that the server calls slow run only if --check names them.
    """
    from tallyport.cli.verbs.maintenance import print_job

    chosen_form = chosen_format(form, as_json=as_json)
    if verbose and (chosen_form != "text" or no_wait):
        raise click.UsageError(f"--verbose has no effect with {'--no-wait' if no_wait else chosen_form}")
    if no_wait and job_timeout is not None:
        raise click.UsageError("--job-timeout has no effect with --no-wait")
    if no_wait and chosen_form in ("csv", "ndjson"):
        raise click.UsageError(f"--format {chosen_form} has no effect with --no-wait")

    ticker = JobTicker(quiet=quiet or chosen_form == "json")

    async def work(client: Client) -> int:
        maintenance = client.maintenance
        # By name, so that what is printed is what ran: the server may also keep results of slow checks of another run.
        chosen = await maintenance.select_checks(**_choice(checks, section, severity))
        names = [check.name for check in chosen if checks or not check.is_slow]
        if no_wait:
            job = await maintenance.run_integrity(names, wait=False, details=details)
            print_job(job, [], as_json=chosen_form == "json")
            return 0
        try:
            timeout_s = 3600.0 if job_timeout is None else job_timeout
            await maintenance.run_integrity(names, details=details, timeout_s=timeout_s, watch=ticker.tell)
        finally:
            ticker.clear()
        found = await maintenance.get_integrity_report(names, details=details)
        return _print_report(found, chosen_form, verbose=verbose, details=details, quiet=quiet)

    return server.talk(work, tell=ticker.wait)


@command.command("checks")
@_filters
@format_options
@server_options
def list_checks(
    server: ServerOptions,
    checks: Sequence[str],
    section: str | None,
    severity: str | None,
    form: str | None,
    as_json: bool,
) -> int:
    """Print the checks that the server has.

    \b
    Examples:
      tallyport integrity checks --profile play
      tallyport integrity checks --profile play --section Categories --json
    """
    chosen_form = chosen_format(form, as_json=as_json)

    async def work(client: Client) -> int:
        with Listing(chosen_form, "checks", _CHECKS) as listing:
            for check in await client.maintenance.select_checks(**_choice(checks, section, severity)):
                listing.row(_named(check.as_json()))
            listing.end()
        return 0

    return server.talk(work)


def _choice(checks: Sequence[str], section: str | None, severity: str | None) -> dict[str, Any]:
    """Return the arguments by which the client chooses checks."""
    from tallyport.dhis2.api.models import Severity

    least = Severity(severity.upper()) if severity else None
    return {"checks": list(checks) or None, "section": section, "severity": least}


def _named(check: dict[str, Any]) -> dict[str, Any]:
    """Return a check with its name as rows have it: `name` is that of an issue there."""
    return {"check": check.pop("name"), **check}


def _telling(listing: Listing) -> Callable[[Finding], None]:
    """Return what tells of results that the server does not have, with the run that brings details."""
    from dataclasses import replace

    def tell(found: Finding) -> None:
        advice = "run them first with tallyport integrity run --details: it keeps results for an hour"
        listing.tell(replace(found, help=advice) if found.code == "TP864" else found)

    return tell


def _print_report(found: IntegrityReport, form: str, *, verbose: bool, details: bool, quiet: bool = False) -> int:
    """Print results, those with most weight first; returns the exit code."""
    from tallyport.dhis2.api.models import weight

    results = sorted(found.results.values(), key=lambda r: (-weight(r.severity), -r.issue_count, r.name))
    total = sum(result.issue_count for result in results)
    with Listing(form, "checks", _RESULTS) as listing:
        for result in results:
            if form != "text" or verbose or result.issue_count:
                counted = {"count": None if result.has_crashed else result.issue_count}
                listing.row(_named(result.as_json() | counted))
        tell = _telling(listing) if details else listing.tell
        for gap in found.gaps():
            tell(gap)
        is_bad = listing.end(issueCount=total)
    is_bad = is_bad or total > 0
    if form == "text" and (is_bad or not quiet):
        checks, issues = ("" if count == 1 else "s" for count in (len(results), total))
        click.echo(f"{len(results):,} check{checks} with results, {total:,} issue{issues}")
    return int(is_bad)
