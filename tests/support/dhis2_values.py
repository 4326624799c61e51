"""Values for the tests' DHIS2 server: files to push, a server that takes them, and what it then has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from support import hmis
from support.dhis2_metadata import served
from support.dhis2_server import PASSWORD, USERNAME, Dhis2Server
from tallyport.dhis2.api.patience import Poll
from tallyport.dhis2.api.profiles import Credentials, Profile
from tallyport.dhis2.client import open_client
from tallyport.dhis2.push.push import PushOptions, PushReport, push

Key = tuple[str, ...]
QUICK = Poll(first_s=0.001, most_s=0.01)

UNITS = ("ouClinicA01", "ouClinicA02", "ouClinicB01", "ouClinicB02")
MONTHS = tuple(f"2025{month:02}" for month in range(1, 13))


def server(version: str) -> Dhis2Server:
    """A server with the metadata of the tests' health information system."""
    return Dhis2Server(version, served(hmis.export()))


def group(rows: Sequence[Sequence[Any]] = (), **given: Any) -> dict[str, Any]:
    """An ADV2 group of stock by month and clinic, but for what is `given`; None takes a property away."""
    said = {"ds": "dsMonthly01", "de": "deStock0001", "pe": list(MONTHS), "ou": list(UNITS)} | given
    head = {name: value for name, value in said.items() if value is not None}
    return head | {"size": given.get("size", len(rows)), "data": [list(row) for row in rows]}


def stock(months: int = 12, units: int = 4) -> list[list[Any]]:
    """Rows for each month and clinic, all of them different, and none zero: 2.42 keeps no zeros of most elements."""
    return [[month, unit, 100 * month + unit + 1] for month in range(months) for unit in range(units)]


def written(path: Path, *groups: dict[str, Any]) -> Path:
    """An ADV2 file of one group, or of several in an array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(groups[0] if len(groups) == 1 else list(groups)), encoding="utf-8")
    return path


def pushed(
    running: Dhis2Server,
    *sources: Path,
    state: Path,
    watch: Callable[[Any], None] | None = None,
    retries: int = 3,
    answer_timeout_s: float = 10,
    parallel: int | None = 1,
    wait_s: float = 0,
    **options: Any,
) -> PushReport:
    """Push, one request after the other unless more are asked for, and return the report.

    Waits are short, and a server that goes away is waited for only where that is asked for.
    """

    async def pushing() -> PushReport:
        credentials = Credentials("basic", PASSWORD, USERNAME)
        profile = Profile(running.url, credentials, timeout_s=2, answer_timeout_s=answer_timeout_s, retries=retries)
        async with open_client(profile) as client:
            client.connection.poll = QUICK
            settings = PushOptions(state=state, parallel=parallel, wait_s=wait_s, **options)
            return await push(client, sources, settings, watch=watch)

    return asyncio.run(pushing())


def texts(running: Dhis2Server) -> dict[tuple[str, str, str], str]:
    """What the server has, by data element, period and organisation unit; deleted values not."""
    return {key[:3]: v.get("value", "") for key, v in running.values.items() if not v.get("deleted")}  # type: ignore[misc]


def sizes(running: Dhis2Server) -> list[int]:
    """How many values the requests had that were sent, in their order."""
    return [len(request.json()["dataValues"]) for request in running.asked("/dataValueSets", "POST")]
