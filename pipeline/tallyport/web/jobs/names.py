"""Names: what people call the things that a job's result names by UID, asked of the target once for each job.

A name is a courtesy: where the target cannot be asked, the UIDs stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tallyport.web.jobs.targets import ask_server, database_of_job
from tallyport_schemas.finding import Unusable

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client

_NAMES_MOST = 3000
_BATCH = 100
_UID = re.compile(r"\b[A-Za-z][A-Za-z0-9]{10}\b")
_OF_DATABASE = ("dataelement", "organisationunit", "categoryoptioncombo", "dataset", "categoryoption")
_OF_SERVER = ("dataElements", "organisationUnits", "categoryOptionCombos", "dataSets", "categoryOptions")


def named(result: Mapping[str, Any], target_kind: str) -> dict[str, str]:
    """Return the names of what `result` names by UID, as far as the target knows them."""
    uids = sorted(filter(_UID.fullmatch, set(_uids(result))))[:_NAMES_MOST]
    ask = _ASK.get(target_kind)
    found: dict[str, str] = {}
    if ask and uids:
        with suppress(Unusable, ValueError, OSError):
            found.update(ask(uids))
    return found


def _uids(result: Mapping[str, Any]) -> Iterator[str]:
    for problem in result["problems"]:
        for found in problem["found"]:
            yield from _UID.findall(found["text"])
        for place in problem["places"]:
            yield from place.get("keys", {}).values()
    yield from (group["de"] for group in result["groups"] if group["de"])
    for change in result.get("changes", ()):
        yield from (change[name] for name in ("de", "ou", "coc", "aoc") if change.get(name))
    yield from (result.get("completeness") or {}).get("units", ())


def _from_database(uids: Sequence[str]) -> Iterator[tuple[str, str]]:
    from tallyport.postgres.connection import connection

    with connection(database_of_job()) as database:
        for table in _OF_DATABASE:
            yield from database.execute(f"select uid, name from {table} where uid = any(%s)".encode(), [list(uids)])


def _from_server(uids: Sequence[str]) -> Iterable[tuple[str, str]]:
    async def asking(client: Client) -> Iterable[tuple[str, str]]:
        found: dict[str, str] = {}
        for collection in _OF_SERVER:
            missing = [uid for uid in uids if uid not in found]
            for at in range(0, len(missing), _BATCH):
                asked = f"id:in:[{','.join(missing[at : at + _BATCH])}]"
                async for page, _ in client.pages(collection, "id,name", filters=[asked]):
                    found |= {one["id"]: one["name"] for one in page if "name" in one}
        return found.items()

    return ask_server(asking)


_ASK: Mapping[str, Callable[[Sequence[str]], Iterable[tuple[str, str]]]] = {
    "database": _from_database,
    "profile": _from_server,
}
