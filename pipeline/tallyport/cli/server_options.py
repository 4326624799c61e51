"""Which server: the options that all commands share which talk to one, and how such a command runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import Duration, Run, extra, gathered, option, refuse, together, usage
from tallyport_schemas.finding import SourceUnreadable, finding
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
_WAIT = option(
    "--wait",
    "wait_s",
    type=Duration(),
    metavar="TIME",
    default="10m",
    help="How long to wait for a server that goes away, such as 90s or 10m; 0 not at all.",
)


class ServerOptions:
    """The options of a command that talks to a server. `wait_s`: how long one that goes away is waited for."""

    def __init__(self, profile: str | None, *, wait_s: float = 0, **given: Any) -> None:
        self.profile, self.wait_s, self._given = profile, wait_s, given

    def talk(
        self,
        work: Callable[[Client], Awaitable[int]],
        *,
        watch: Callable[[Waiting], None] = lambda _: None,
    ) -> int:
        """Connect, do the work and return its exit code; `watch` hears when the server goes away meanwhile."""
        with extra("server"):
            import asyncio

            from tallyport.dhis2.api.patience import Patience
            from tallyport.dhis2.api.profiles import find_profile
            from tallyport.dhis2.client import open_client
            from tallyport.dhis2.maintenance.integrity import NoSuchCheck
        with usage():
            profile = find_profile(self.profile, **self.settings())

        async def talking() -> int:
            async with open_client(profile, patience=Patience(self.wait_s, watch)) as client:
                return await work(client)

        with usage(NoSuchCheck):
            return asyncio.run(talking())

    def settings(self, *, has_stdin: bool = True) -> dict[str, Any]:
        """Return what was given as settings of a profile, None where nothing was."""
        given = self._given
        files = {name: given[f"{name}_file"] for name in _SECRETS}
        refuse(
            (not has_stdin and self.reads_stdin, "standard input belongs to the protocol"),
            (list(files.values()).count("-") > 1, "standard input can be read only once"),
        )
        secrets = {name: _secret(path) for name, path in files.items()}
        return {"url": given.get("url"), "username": given["username"], "timeout_s": given["timeout"]} | secrets

    @property
    def reads_stdin(self) -> bool:
        """Whether a secret is to come from standard input."""
        return any(self._given[f"{name}_file"] == "-" for name in _SECRETS)

    @property
    def loose(self) -> list[str]:
        """The options given that say nothing without a profile."""
        return [f"--{name.replace('_', '-')}" for name, value in self._given.items() if value is not None]


def _profile(name: str, help: str) -> Callable[[Run], Run]:
    return option(name, "profile", metavar="PROFILE", help=help)


_WHICH = together(
    _profile("--profile", "Profile in the profiles file, or a URL; see docs/server.md."),
    option("--url", metavar="URL", help="The server, as https://host/path."),
    _CREDENTIALS,
)


def _server(*options: Callable[[Run], Run]) -> Callable[[Run], Run]:
    return gathered("server", ServerOptions, *options, section="Server")


server_options = _server(_WHICH)
"""Which server, and the credentials: a command gets them as `server`."""

waiting_server_options = _server(_WHICH, _WAIT)
"""The same of a command whose work takes long: with --wait."""

source_server_options = _server(
    _profile("--server", "Take it from a DHIS2 server: a profile in the profiles file, or a URL."), _CREDENTIALS, _WAIT
)
"""The same of a command that may take what it needs from a server: by --server."""


def _secret(path: object) -> str | None:
    """Return what a file holds, without the line's end."""
    if path is None:
        return None
    reason = ""
    try:
        with click.open_file(str(path), "r", encoding="utf-8") as file:
            text: str = file.read(SECRET_BYTES + 1)
        if len(text) > SECRET_BYTES or not text.strip():
            reason = f"it has more than {SECRET_BYTES >> 10} KiB" if text.strip() else "it is empty"
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    if reason:
        message, advice = "the secret cannot be read", "write the secret alone into the file, readable for you alone"
        raise SourceUnreadable(finding("TP862", message=message, help=advice, source=str(path), found=reason))
    return text.rstrip("\r\n")
