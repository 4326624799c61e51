"""Servers and clients for the tests that talk to DHIS2: one of each version, and how to run what is asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any, TypeVar

from support.dhis2_server import PASSWORD, USERNAME, Dhis2Server
from tallyport.dhis2.api.patience import Poll
from tallyport.dhis2.api.profiles import Credentials, Profile
from tallyport.dhis2.client import Client, open_client

Found = TypeVar("Found")

QUICK = Poll(first_s=0.01, most_s=0.05)
"""Looks at jobs often, as the server's jobs take a step with each look."""

_SEX = {"id": "categorySex", "categoryOptions": [{"id": "optionMale0"}, {"id": "optionFemal"}]}
_AGE = {"id": "categoryAge", "categoryOptions": [{"id": "optionYoung"}, {"id": "optionOld00"}]}


def combos() -> dict[str, list[dict[str, Any]]]:
    """Metadata of two category combos without any option combo: one of four, one of two that may be made."""
    return deepcopy(
        {
            "categories": [_SEX, _AGE],
            "categoryOptionCombos": [],
            "categoryCombos": [
                {"id": "comboSexAge", "name": "Sex and age", "categories": [_SEX, _AGE], "categoryOptionCombos": []},
                {"id": "comboOfSex0", "name": "Sex", "categories": [_SEX], "categoryOptionCombos": []},
            ],
        }
    )


def profile_of(server: Dhis2Server, **settings: Any) -> Profile:
    """A profile of the server, as its user; short timeouts."""
    url = settings.pop("url", server.url)
    known: dict[str, Any] = {"credentials": Credentials("basic", PASSWORD, USERNAME), "timeout_s": 5.0, "retries": 1}
    return Profile(url, **known | settings)


def talk(server: Dhis2Server, work: Callable[[Client], Awaitable[Found]], **settings: Any) -> Found:
    """Connect, do the work, return what came of it."""

    async def talking() -> Found:
        async with open_client(profile_of(server, **settings)) as client:
            client.connection.poll = QUICK
            return await work(client)

    return asyncio.run(talking())
