"""Client: the room's door. One server, its version known, and what can be requested of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tallyport.dhis2.api.connection import Connection, RequestFailed, typed
from tallyport.dhis2.api.models import Me, SystemInfo
from tallyport.dhis2.api.patience import Patience
from tallyport.dhis2.api.profiles import Profile, find_profile
from tallyport.dhis2.api.server_jobs import Tasks
from tallyport.dhis2.maintenance.maintenance import Maintenance
from tallyport_schemas.document import Document
from tallyport_schemas.generations import Generation

OLDEST = (2, 41)


@dataclass(frozen=True, slots=True)
class ServerReport:
    """Which server this is, and which user is logged in."""

    url: str
    system: SystemInfo
    user: Me

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        return {"url": self.url, "system": self.system.as_json(), "user": self.user.as_json()}


class Client:
    """A DHIS2 server. Made by `open_client`; used within its context, by one task or several."""

    def __init__(self, connection: Connection, info: SystemInfo, version: tuple[int, int]) -> None:
        self.connection = connection
        self.info = info
        self.version = version
        """Such as (2, 43): what servers do differently is decided by it."""
        self.tasks = Tasks(connection)
        self.pages = connection.pages
        self.maintenance = Maintenance(connection, self.tasks)

    @property
    def generation(self) -> Generation:
        """The generation whose rules for values and comments hold: 2.41 takes what 2.42 does."""
        return Generation.V43 if self.version >= (2, 43) else Generation.V42

    @property
    def url(self) -> str:
        """The server's canonical URL."""
        return self.connection.base

    async def me(self) -> Me:
        """Return whose credentials these are."""
        found = await self.connection.get("me", {"fields": "id,username,authorities"})
        return typed(Me, found, self.connection.where("GET", "me"))

    async def report(self) -> ServerReport:
        """Return which server this is, and which user is logged in."""
        return ServerReport(self.url, self.info, await self.me())


@asynccontextmanager
async def open_client(
    profile: Profile | str | None = None,
    *,
    patience: Patience | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """Connect to a DHIS2 server: find its canonical URL and its version.

    `profile` is a profile, the name of one, or a server's URL; `options` are those of `find_profile`, and win.
    `patience`: how long the server is waited for when it goes away, by default not at all.

    Raises:
        ValueError: there is no such profile.
        RequestFailed: TP850 to TP858, it cannot be reached or does not let one in; TP859, it is too old.
    """
    if not isinstance(profile, Profile):
        profile = find_profile(profile, **options)
    elif options:
        raise ValueError("options have no effect on a profile that is ready-made")
    async with Connection(profile) as connection:
        connection.patience = patience or connection.patience
        found = await connection.find_base()
        where = connection.where("GET", "system/info")
        info = typed(SystemInfo, found, where)
        match = re.match(r"(\d+)\.(\d+)", info.version)
        version = (int(match[1]), int(match[2])) if match else (0, 0)
        if version < OLDEST:
            raise RequestFailed("TP859", source=where, found=info.version, expected="2.41 or later")
        yield Client(connection, info, version)
