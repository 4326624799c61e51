"""Targets: where a job's values go. To add one: describe it here, and write to it in `delivery`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tallyport.web.jobs.limits import limited
from tallyport_schemas.finding import Finding, OutsideFailed, Refused, finding

if TYPE_CHECKING:
    from tallyport.dhis2.api.profiles import Profile
    from tallyport.dhis2.client import Client

Answer = TypeVar("Answer")
CONVERSION_OPTIONS = ("data_set", "id_schemes", "keep_followup_false", "strict")
DATABASE_SETTING = "TALLYPORT_IMPORT_DATABASE"
PROFILE_SETTING, PROFILE_URL_SETTING = "TALLYPORT_PUSH_PROFILE", "TALLYPORT_PUSH_URL"


@dataclass(frozen=True, slots=True)
class Target:
    """One target. `options` are those that have an effect; `settings` reach the job in its environment alone.

    `fingerprint` differs for what are different places, and says nothing of how to get in.
    """

    id: str
    kind: str
    label: str
    options: tuple[str, ...]
    fingerprint: str
    settings: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return what the page may know: no address with a password, no key."""
        return {"id": self.id, "kind": self.kind, "label": self.label, "options": list(self.options)}


def convert_only() -> Target:
    """Return the target that is always offered: files to download."""
    return Target("convert", "convert", "", (*CONVERSION_OPTIONS, "layout", "compress"), "convert", {})


def database(url: str) -> Target:
    """Return the database at `url`.

    Raises:
        OutsideFailed: TP809, the driver is not installed.
        Refused: TP915, the address is not one of a database.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise OutsideFailed(finding("TP809", found="psycopg")) from None
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        raise Refused(
            finding("TP915", field="database", expected="postgresql://user@host/name", message="invalid database URL")
        ) from None
    place = {name: str(parts[name]) for name in ("host", "hostaddr", "port", "dbname", "user") if parts.get(name)}
    name, host = place.get("dbname", "PostgreSQL"), place.get("host", "localhost")
    return Target(
        "database",
        "database",
        f"{name} ({'localhost' if host.startswith('/') else host})",
        (*CONVERSION_OPTIONS, "username"),
        _digest(["database", place]),
        {DATABASE_SETTING: url},
    )


def profile(name: str) -> Target:
    """Return the DHIS2 server of a profile, or of a URL; its key is looked up by the job, for this server alone.

    Raises:
        OutsideFailed: TP809, what talks to servers is not installed.
        Refused: TP915, there is no such profile, or it makes no sense.
        SourceUnreadable: TP862, the profiles' file cannot be read.
    """
    try:
        import tallyport.dhis2.push.push  # noqa: F401  # said now, not by every job
        from tallyport.dhis2.api.profiles import find_profile, origin
    except ImportError as error:
        raise OutsideFailed(
            finding("TP809", found=error.name, help="install it with pip install 'tallyport[server]'")
        ) from None
    try:
        found = find_profile(name)
    except ValueError as error:
        raise Refused(finding("TP915", field="profile", message=str(error), help="see docs/server.md")) from None
    host = origin(found.url)[1]
    user = found.credentials.username if found.credentials else None
    return Target(
        "profile",
        "profile",
        f"{found.name} ({host})" if found.name else host,
        CONVERSION_OPTIONS,
        _digest(["profile", found.url, user]),
        {PROFILE_SETTING: name, PROFILE_URL_SETTING: found.url},
    )


def database_of_job() -> str:
    """Return the database that a job's environment names.

    Raises:
        OutsideFailed: TP806, it names none.
    """
    url = os.environ.get(DATABASE_SETTING)
    if not url:
        raise OutsideFailed(finding("TP806", found="the job was given no database"))
    return url


def _profile_of_job() -> Profile:
    """Return the profile that a job's environment names, at the URL that it had when the server was started.

    Raises:
        Refused: TP915, there is no such profile, or it leads elsewhere now.
    """
    from tallyport.dhis2.api.profiles import find_profile

    try:
        return find_profile(os.environ[PROFILE_SETTING], url=os.environ[PROFILE_URL_SETTING])
    except ValueError as error:
        raise Refused(finding("TP915", field="profile", message=str(error))) from None


def ask_server(work: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """Do what a job has to do at the DHIS2 server that its environment names."""
    import asyncio

    from tallyport.dhis2.client import open_client

    async def working() -> Answer:
        async with limited(), open_client(_profile_of_job()) as client:
            return await work(client)

    return asyncio.run(working())


def cancelled(kind: str) -> Finding:
    """Return the finding for a cancelled job with this kind of target."""
    if kind != "profile":
        return finding("TP920")
    return finding("TP920", help="what the server has taken stays there; run it again to send the rest")


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
