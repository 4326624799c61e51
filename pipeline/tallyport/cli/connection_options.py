"""Options that say which DHIS2 server, and by which credentials: shared by all verbs that talk to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tallyport.dhis2.profiles import Profile

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--server", "--profile", "server", metavar="PROFILE|URL", help="Profile of the server, or its URL."),
    click.option("--username", metavar="NAME", help="User name; with --password."),
    click.option("--password", metavar="TEXT", help="Better in the profile or TALLYPORT_PASSWORD: others see it here."),
    click.option("--token", metavar="TEXT", help="Personal access token; likewise TALLYPORT_TOKEN."),
    click.option("--bearer", metavar="TEXT", help="OAuth2 bearer token; likewise TALLYPORT_BEARER."),
    click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
                 help="How long to wait for the next part of an answer.  [default: 60]"),
    click.option("--answer-timeout", "answer_timeout_s", type=click.FloatRange(min=0, min_open=True),
                 metavar="SECONDS", help="How long to wait for the server's work.  [default: 900]"),
    click.option("--retries", type=click.IntRange(min=0), metavar="N",
                 help="How often to repeat what may be repeated.  [default: 3]"),
)  # fmt: skip

NAMES = ("server", "username", "password", "token", "bearer", "timeout_s", "answer_timeout_s", "retries")
"""The names of their parameters."""


def connection_options(command: Command) -> Command:
    """Give a command the options of a connection."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def connection_profile(given: Mapping[str, Any]) -> Profile:
    """Return the profile that a command's options stand for, with the environment and the profiles' file.

    Raises:
        UsageError: there is no such profile.
        SourceUnreadable: TP862, the file cannot be read.
    """
    from tallyport.dhis2.profiles import find_profile

    try:
        return find_profile(given["server"], **{name: given[name] for name in NAMES[1:]})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
