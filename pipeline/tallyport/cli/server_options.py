"""Which server: the options that all commands share which talk to one, and how such a command runs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport_schemas.finding import OutsideFailed, SourceUnreadable, finding
from tallyport_schemas.progress import Waiting

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client

SECRET_BYTES = 64 << 10
"""Bytes that a file with a secret may have."""

_OPTIONS = (
    click.option("--profile", metavar="NAME", help="Profile of the profiles' file, or a URL; see docs/server.md."),
    click.option("--url", metavar="URL", help="The server, as https://host/path."),
    click.option("--username", metavar="NAME", help="User; with --password-file."),
    click.option("--password-file", metavar="FILE", help="File that holds the password alone; - for standard input."),
    click.option("--token-file", metavar="FILE", help="File that holds a personal access token."),
    click.option("--bearer-file", metavar="FILE", help="File that holds an OAuth2 bearer token."),
    click.option("--timeout", metavar="SECONDS", type=click.FloatRange(0.1), help="How long to wait for an answer."),
)
_NAMES = ("profile", "url", "username", "password_file", "token_file", "bearer_file", "timeout")


class Duration(click.ParamType[float]):
    """A time such as 90s, 10m or 2h; a number alone counts seconds. It becomes seconds."""

    name = "duration"
    _UNITS: Mapping[str, float] = {"": 1, "s": 1, "m": 60, "h": 3600}

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Return it as seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a time: write 90s, 10m or 2h, or 0 not to wait", param, context)
        return float(match[1]) * self._UNITS[match[2]]


_WAIT = click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    metavar="TIME",
    default="10m",
    show_default=True,
    help="How long to wait for a server that goes away meanwhile, such as 90s or 10m; 0 not at all.",
)


class ServerOptions:
    """The options of a command that talks to a server."""

    def __init__(self, *, wait_s: float = 0, **given: Any) -> None:
        self._given = given
        self.wait_s = wait_s
        """How long a server that goes away is waited for."""

    def talk(
        self,
        work: Callable[[Client], Awaitable[int]],
        *,
        tell: Callable[[Waiting], None] = lambda _: None,
    ) -> int:
        """Connect, do the work and return its exit code; `tell` is told when the server goes away meanwhile."""
        try:
            import asyncio

            from tallyport.dhis2.api.patience import Patience
            from tallyport.dhis2.api.profiles import find_profile
            from tallyport.dhis2.client import open_client
            from tallyport.dhis2.maintenance.integrity import NoSuchCheck
        except ImportError as error:
            raise not_installed(error, "server") from None
        with usage():
            profile = find_profile(self._given["profile"], **self.settings())

        async def talking() -> int:
            async with open_client(profile, patience=Patience(self.wait_s, tell)) as client:
                return await work(client)

        try:
            return asyncio.run(talking())
        except NoSuchCheck as error:
            raise click.UsageError(str(error)) from None

    def settings(self, *, has_stdin: bool = True) -> dict[str, Any]:
        """Return what was given as settings of a profile."""
        given = self._given
        count = [given[f"{name}_file"] for name in ("password", "token", "bearer")].count("-")
        if count > has_stdin:
            told = "standard input can be read only once" if has_stdin else "standard input belongs to the protocol"
            raise click.UsageError(told)
        return {
            "url": given["url"],
            "username": given["username"],
            "password": _secret(given["password_file"]),
            "token": _secret(given["token_file"]),
            "bearer": _secret(given["bearer_file"]),
            "timeout_s": given["timeout"],
        }

    @property
    def reads_stdin(self) -> bool:
        """Whether a secret is to come from standard input."""
        return any(self._given[f"{name}_file"] == "-" for name in ("password", "token", "bearer"))

    @property
    def loose(self) -> list[str]:
        """The options given that say nothing without a profile."""
        given = [name for name, value in self._given.items() if name != "profile" and value is not None]
        return [f"--{name.replace('_', '-')}" for name in given]

    @property
    def profile(self) -> str | None:
        """The name of a profile, or a URL."""
        name: str | None = self._given["profile"]
        return name


def server_options(
    command: Callable[..., Any], *, profile: str = "--profile", waits: bool = False
) -> Callable[..., Any]:
    """Give a command the options, which it gets as one argument, `server`.

    `profile` is what the option for the profile is called: one of another name stands for the URL too. `waits`: it has
    `--wait`, as its work takes long.
    """

    @wraps(command)
    def gathering(**arguments: Any) -> Any:
        given = {name: arguments.pop(name, None) for name in _NAMES}
        server = ServerOptions(wait_s=arguments.pop("wait_s", 0), **given)
        return command(server=server, **arguments)

    decorated: Callable[..., Any] = gathering
    options: Sequence[Callable[..., Any]] = _OPTIONS
    if profile != "--profile":
        both = click.option(profile, "profile", metavar="PROFILE", help="Profile of the profiles' file, or a URL.")
        options = (both, *_OPTIONS[2:])
    for option in reversed([*options, _WAIT] if waits else options):
        decorated = option(decorated)
    return decorated


@contextmanager
def usage() -> Iterator[None]:
    """Turn what the library says of arguments into an error of usage."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def not_installed(error: ImportError, extra: str) -> OutsideFailed:
    """Return the exception for a library that an extra brings."""
    advice = f"install it with pip install 'tallyport[{extra}]'"
    return OutsideFailed(finding("TP809", help=advice, found=error.name or str(error)))


def _secret(path: str | None) -> str | None:
    """Return what a file holds, without the line's end."""
    if path is None:
        return None
    try:
        with click.open_file(path, "r", encoding="utf-8") if path == "-" else Path(path).open(encoding="utf-8") as file:
            text: str = file.read(SECRET_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is no UTF-8"
        raise _unreadable(path, reason) from None
    if len(text) > SECRET_BYTES or not text.strip():
        found = "it is empty" if not text.strip() else f"it has more than {SECRET_BYTES >> 10} KiB"
        raise _unreadable(path, found)
    return text.rstrip("\r\n")


def _unreadable(path: str, reason: str) -> SourceUnreadable:
    advice = "write the secret alone into the file, readable for you alone"
    return SourceUnreadable(
        finding("TP862", message="the secret cannot be read", help=advice, source=path, found=reason)
    )
