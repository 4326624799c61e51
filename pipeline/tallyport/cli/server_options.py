"""Which server: the options that all commands share which talk to one, and how such a command runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, TypedDict

import click

from tallyport.cli.options import Called, Duration, option, refuse, together
from tallyport_schemas.finding import OutsideFailed, SourceUnreadable, finding
from tallyport_schemas.progress import Waiting

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client

SECRET_BYTES = 64 << 10
"""Bytes that a file with a secret may have."""

_CREDENTIALS = together(
    option("--username", metavar="NAME", help="User; with --password-file."),
    option("--password-file", metavar="FILE", help="File with the password alone; - for standard input."),
    option("--token-file", metavar="FILE", help="File with a personal access token."),
    option("--bearer-file", metavar="FILE", help="File with an OAuth2 bearer token."),
    option("--timeout", metavar="SECONDS", type=click.FloatRange(0.1), help="How long to wait for an answer."),
)
_SECRETS = ("password", "token", "bearer")
_NAMES = ("profile", "url", "username", "password_file", "token_file", "bearer_file", "timeout")
_WAIT = option(
    "--wait",
    "wait_s",
    type=Duration(),
    metavar="TIME",
    default="10m",
    help="How long to wait for a server that goes away, such as 90s or 10m; 0 not at all.",
)


class Settings(TypedDict):
    """Settings of a profile, None where nothing was given."""

    url: object
    username: object
    password: str | None
    token: str | None
    bearer: str | None
    timeout_s: object


class ServerOptions:
    """The options of a command that talks to a server."""

    def __init__(self, given: Mapping[str, object], wait_s: float) -> None:
        self._given = given
        self.wait_s = wait_s
        """How long a server that goes away is waited for."""

    def talk(
        self,
        work: Callable[[Client], Awaitable[int]],
        *,
        tell: Callable[[Waiting], None] = lambda _: None,
    ) -> int:
        """Connect, do the work and return its exit code; `tell` hears when the server goes away meanwhile."""
        try:
            import asyncio

            from tallyport.dhis2.api.patience import Patience
            from tallyport.dhis2.api.profiles import find_profile
            from tallyport.dhis2.client import open_client
            from tallyport.dhis2.maintenance.integrity import NoSuchCheck
        except ImportError as error:
            raise not_installed(error, "server") from None
        with usage():
            profile = find_profile(self.profile, **self.settings())

        async def talking() -> int:
            async with open_client(profile, patience=Patience(self.wait_s, tell)) as client:
                return await work(client)

        try:
            return asyncio.run(talking())
        except NoSuchCheck as error:
            raise click.UsageError(str(error)) from None

    def settings(self, *, has_stdin: bool = True) -> Settings:
        """Return what was given as settings of a profile."""
        given = self._given
        files = [given[f"{name}_file"] for name in _SECRETS]
        refuse(
            (not has_stdin and self.reads_stdin, "standard input belongs to the protocol"),
            (files.count("-") > 1, "standard input can be read only once"),
        )
        password, token, bearer = map(_secret, files)
        return Settings(
            url=given["url"],
            username=given["username"],
            password=password,
            token=token,
            bearer=bearer,
            timeout_s=given["timeout"],
        )

    @property
    def reads_stdin(self) -> bool:
        """Whether a secret is to come from standard input."""
        return any(self._given[f"{name}_file"] == "-" for name in _SECRETS)

    @property
    def loose(self) -> list[str]:
        """The options given that say nothing without a profile."""
        given = [name for name, value in self._given.items() if name != "profile" and value is not None]
        return [f"--{name.replace('_', '-')}" for name in given]

    @property
    def profile(self) -> str | None:
        """The name of a profile, or a URL."""
        name = self._given["profile"]
        return None if name is None else str(name)


def _profile(name: str, help: str) -> Callable[[Called], Called]:
    return option(name, "profile", metavar="PROFILE", help=help)


_WHICH = together(
    _profile("--profile", "Profile in the profiles file, or a URL; see docs/server.md."),
    option("--url", metavar="URL", help="The server, as https://host/path."),
    _CREDENTIALS,
)


def _gathered(
    *options: Callable[[Callable[..., object]], Callable[..., object]],
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return what gives a command options, which it gets as one argument, `server`."""

    def decorate(command: Callable[..., object]) -> Callable[..., object]:
        @wraps(command)
        def gathering(*, wait_s: float = 0, **arguments: object) -> object:
            given = {name: arguments.pop(name, None) for name in _NAMES}
            return command(server=ServerOptions(given, wait_s), **arguments)

        return together(*options, section="Server")(gathering)

    return decorate


server_options = _gathered(_WHICH)
"""Which server, and the credentials: a command gets them as `server`."""

waiting_server_options = _gathered(_WHICH, _WAIT)
"""The same of a command whose work takes long: with --wait."""

source_server_options = _gathered(
    _profile("--server", "Take it from a DHIS2 server: a profile in the profiles file, or a URL."), _CREDENTIALS, _WAIT
)
"""The same of a command that may take what it needs from a server: by --server."""


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


def _secret(path: object) -> str | None:
    """Return what a file holds, without the line's end."""
    if path is None:
        return None
    try:
        with click.open_file(str(path), "r", encoding="utf-8") as file:
            text: str = file.read(SECRET_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is not UTF-8"
        raise _unreadable(str(path), reason) from None
    if len(text) > SECRET_BYTES or not text.strip():
        found = "it is empty" if not text.strip() else f"it has more than {SECRET_BYTES >> 10} KiB"
        raise _unreadable(str(path), found)
    return text.rstrip("\r\n")


def _unreadable(path: str, reason: str) -> SourceUnreadable:
    advice = "write the secret alone into the file, readable for you alone"
    return SourceUnreadable(
        finding("TP862", message="the secret cannot be read", help=advice, source=path, found=reason)
    )
