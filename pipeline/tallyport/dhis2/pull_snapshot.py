"""Pulling: a server's metadata as a snapshot, page by page, and of each object only what the snapshot holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.patience import WAIT_S, Patience
from tallyport.dhis2.client import Client
from tallyport.metadata import Collection, Snapshot
from tallyport_schemas.progress import Progress, Waiting

_NAMES = "id,code,name,attributeValues[attribute[id],value]"

FIELDS: Mapping[str, str] = {
    "attributes": "id,code,name",
    "categories": f"{_NAMES},categoryOptions[id]",
    "categoryCombos": f"{_NAMES},categories[id]",
    "categoryOptionCombos": f"{_NAMES},categoryCombo[id],categoryOptions[id]",
    "categoryOptions": f"{_NAMES},startDate,endDate,organisationUnits[id]",
    "dataElements": (
        f"{_NAMES},domainType,valueType,zeroIsSignificant,categoryCombo[id],optionSet[id],commentOptionSet[id]"
    ),
    "dataSets": (
        f"{_NAMES},periodType,categoryCombo[id],expiryDays,openFuturePeriods,openPeriodsAfterCoEndDate,"
        "organisationUnits[id],dataSetElements[dataElement[id],categoryCombo[id]],"
        "dataInputPeriods[period[id],openingDate,closingDate]"
    ),
    "fileResources": "id,code,name",
    "optionSets": f"{_NAMES},options[id,code]",
    "organisationUnits": f"{_NAMES},parent[id],openingDate,closedDate",
}
"""The collections of a snapshot, and what is asked of each."""

_PAGES: Mapping[str, int] = {"dataSets": 25, "categoryOptions": 100, "optionSets": 50}
"""Objects of a page where each may hold a list of very many; else the usual number."""

_OF_CATEGORIES: Mapping[str, str] = {
    "categories": _NAMES,
    "categoryCombos": "id,categories[id]",
    "dataElements": f"{_NAMES},categoryCombo[id]",
    "dataSets": f"{_NAMES},categoryCombo[id],dataSetElements[dataElement[id],categoryCombo[id]]",
}
"""What says which categories data elements and data sets have."""

_WITHOUT = ("fileResources",)
"""What a server may not list, and a snapshot can be without."""


async def pull_snapshot(
    client: Client, *, watch: Callable[[Progress | Waiting], None] | None = None, wait_s: float = WAIT_S
) -> Snapshot:
    """Return the metadata of a server that validation needs; the same as its metadata export would give.

    It holds what the user may see. `wait_s`: how long a server that goes away is waited for.

    Raises:
        RequestFailed: TP850 to TP858.
        SourceUnreadable: TP118, there are more objects than memory allows.
    """
    watch = watch or (lambda _: None)
    with client.connection.patient(Patience(wait_s, watch)):
        return await _pull(client, FIELDS, watch)


async def pull_categories(client: Client, *, watch: Callable[[Progress], None] = lambda _: None) -> Snapshot | None:
    """Return as much of a server's metadata as says which categories data elements and data sets have.

    None if the user may not know.

    Raises:
        RequestFailed: TP850 to TP858.
        SourceUnreadable: TP118, there are more objects than memory allows.
    """
    try:
        return await _pull(client, _OF_CATEGORIES, watch)
    except RequestFailed as failed:
        if failed.status not in (403, 404):
            raise
        return None


async def _pull(client: Client, collections: Mapping[str, str], watch: Callable[[Progress], None]) -> Snapshot:
    collection = Collection()
    objects = 0
    for name, fields in collections.items():
        done = 0
        try:
            async for page, total in client.pages(name, fields, page_size=_PAGES.get(name, 1000)):
                collection.add_objects(name, page)
                done += len(page)
                objects += len(page)
                watch(Progress(client.url, f"pull {name}", done, total, objects, "objects"))
        except RequestFailed as failed:
            if name not in _WITHOUT or failed.status not in (403, 404):
                raise
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise RequestFailed("TP857", source=f"GET {client.url}/api/{name}", found=str(error)) from None
    return Snapshot(collection.tables(), collection.findings())
