"""`tallyport integrity`: the server's checks of its data, runs of them, and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import Command, flag, gathered, is_given, option, refuse, together
from tallyport.cli.progress import ticker
from tallyport.cli.rows import Listing, chosen_format, flushed, format_options
from tallyport.cli.screen import counted
from tallyport.cli.server_options import ServerOptions, server_options, waiting_server_options
from tallyport.cli.talk import MESSAGES, print_document, progress_option
from tallyport.cli.verbs.server.maintenance import print_job, timeout_option

if TYPE_CHECKING:
    from tallyport.dhis2.api.models import IntegrityReport
    from tallyport.dhis2.client import Client

SEVERITIES = ("INFO", "WARNING", "SEVERE", "CRITICAL")
"""As dhis2/api/models.py has them: it need not be loaded for `--help`."""

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


_filters = together(
    option("--check", "checks", multiple=True, metavar="NAME", help="Name, pattern or code. Repeatable."),
    option("--section", metavar="NAME", help="Only checks of this section, such as 'Option sets'."),
    option(
        "--severity",
        type=click.Choice(SEVERITIES, case_sensitive=False),
        metavar="LEVEL",
        help="INFO, WARNING, SEVERE or CRITICAL: this one and stronger ones.",
    ),
    section="Which checks",
)
"""The options that choose checks."""


class Ask:
    """Which checks are asked for, as the client takes it, and how results are printed."""

    def __init__(self, *, form: str | None, as_json: bool, checks: Sequence[str], **others: Any) -> None:
        self.form = chosen_format(form, as_json=as_json)
        self.choice = {"checks": list(checks) or None, **others}


_asked = gathered("ask", Ask, _filters, format_options)


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


@command.command("report", cls=Command, short_help="Print how many issues each check found.")
@_asked
@flag("--details", help="Read results of a run with --details, issues and all.")
@together(flag("-v", "--verbose", help="Print checks that found nothing, too."), section=MESSAGES)
@server_options
def report(server: ServerOptions, ask: Ask, details: bool, verbose: bool) -> int:
    """Print how many issues each check found, by the server's last run.

    \b
    Examples:
      tallyport integrity report --profile play
      tallyport integrity report --profile play --severity SEVERE --format csv
      tallyport integrity report --profile play --check 'orgunits_*' --json
    """
    refuse((verbose and ask.form != "text", f"--verbose has no effect on {ask.form}, which holds everything"))

    async def work(client: Client) -> int:
        found = await client.maintenance.get_integrity_report(**ask.choice, details=details)
        return _print_report(found, ask.form, verbose=verbose)

    return server.talk(work)


@command.command("issues", cls=Command, short_help="Print each issue, as it arrives.")
@_asked
@server_options
def issues(server: ServerOptions, ask: Ask) -> int:
    """Print each issue, as it arrives, by the server's last run with details.

    \b
    Examples:
      tallyport integrity run --profile play --details
      tallyport integrity issues --profile play --severity WARNING
      tallyport integrity issues --profile play --section Categories --format csv
      tallyport integrity issues --profile play --format ndjson | head
    """

    async def work(client: Client) -> int:
        with Listing(ask.form, "issues", _ISSUES) as listing:
            rows = client.maintenance.iter_integrity_issues(**ask.choice, tell=listing.note)
            async with flushed(), aclosing(rows):
                async for row in rows:
                    listing.row(row.as_json())
            return int(listing.end() or listing.count > 0)

    return server.talk(work)


@command.command("run", cls=Command, short_help="Run checks, then print what they found.")
@_asked
@flag("--details", help="Collect the issues too, not only their number.")
@flag("--no-wait", help="Do not wait for the end: print the job alone.")
@timeout_option(3600, "How long to wait; default 3600.")
@together(
    flag("-v", "--verbose", help="Print checks that found nothing, too."),
    flag("-q", "--quiet", help="Print problems only: no progress, no sum if all is well."),
    progress_option,
    section=MESSAGES,
)
@waiting_server_options
def run(
    server: ServerOptions,
    ask: Ask,
    details: bool,
    no_wait: bool,
    timeout_s: float,
    verbose: bool,
    quiet: bool,
    progress: str | None,
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
    refuse(
        (
            verbose and (ask.form != "text" or no_wait),
            f"--verbose has no effect with {'--no-wait' if no_wait else ask.form}",
        ),
        (no_wait and is_given("timeout_s"), "--job-timeout has no effect with --no-wait"),
        (no_wait and ask.form in ("csv", "ndjson"), f"--format {ask.form} has no effect with --no-wait"),
    )
    shown = ticker(progress, is_quiet=quiet or (ask.form == "json" and not progress))

    async def work(client: Client) -> int:
        from tallyport.dhis2.api.models import JobReport

        maintenance = client.maintenance
        # By name, so that what is printed is what ran: the server may also keep results of slow checks of another run.
        chosen = await maintenance.select_checks(**ask.choice)
        names = [check.name for check in chosen if ask.choice["checks"] or not check.is_slow]
        if no_wait:
            job = await maintenance.run_integrity(names, wait=False, details=details)
            print_job(JobReport(job), as_json=ask.form == "json")
            return 0
        with shown:
            await maintenance.run_integrity(names, details=details, timeout_s=timeout_s, watch=shown.say)
        found = await maintenance.get_integrity_report(names, details=details)
        return _print_report(found, ask.form, verbose=verbose, quiet=quiet)

    return server.talk(work, watch=shown.show)


@command.command("checks", cls=Command)
@_asked
@server_options
def list_checks(server: ServerOptions, ask: Ask) -> int:
    """Print the checks that the server has.

    \b
    Examples:
      tallyport integrity checks --profile play
      tallyport integrity checks --profile play --section Categories --json
    """

    async def work(client: Client) -> int:
        with Listing(ask.form, "checks", _CHECKS) as listing:
            for check in await client.maintenance.select_checks(**ask.choice):
                listing.row(check.as_row())
            listing.end()
        return 0

    return server.talk(work)


def _print_report(found: IntegrityReport, form: str, *, verbose: bool, quiet: bool = False) -> int:
    """Print results, those with most weight first; returns the exit code."""
    exit_code = int(bool(found.issue_count or found.gaps()))
    if form == "json":
        print_document(found.as_json())
        return exit_code
    with Listing(form, "checks", _RESULTS) as listing:
        for result in found.worst_first():
            if form != "text" or verbose or result.issue_count:
                listing.row(result.as_row())
        for gap in found.gaps():
            listing.note(gap)
        listing.end()
    if form == "text" and (exit_code or not quiet):
        click.echo(f"{counted(len(found.results), 'check')} with results, {counted(found.issue_count, 'issue')}")
    return exit_code
