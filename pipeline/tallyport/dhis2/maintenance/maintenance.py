"""Maintenance: what keeps a server's derived data right. Data integrity, option combos, analytics, caches."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence

from tallyport.dhis2.api.connection import Reply, RequestFailed
from tallyport.dhis2.api.models import CategoryComboMatrix, JobReference, WebMessage, matrix
from tallyport.dhis2.api.server_jobs import started
from tallyport.dhis2.maintenance.integrity import Integrity
from tallyport_schemas.finding import shown

MATRIX_TIMEOUT_S = 300.0
"""Seconds that option combos are waited for, unless said otherwise."""

_MATRIX = "id,name,categories[id,categoryOptions[id]],categoryOptionCombos[id,categoryOptions[id]]"
ANALYTICS_PARTS = (
    "ResourceTables",
    "Aggregate",
    "ValidationResult",
    "Events",
    "Enrollment",
    "TrackedEntities",
    "OrgUnitOwnership",
    "Outliers",
)
"""What the making of analytics tables can skip."""

_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")


class Maintenance(Integrity):
    """Maintenance of a server; see `Client.maintenance`. Needs the authority F_PERFORM_MAINTENANCE."""

    async def update_category_option_combos(self, combo: str | None = None) -> WebMessage:
        """Have the server make missing option combos and remove obsolete ones: of all category combos, or of one.

        Returns when it is done. 2.42 answers with nothing.

        Raises:
            ValueError: `combo` is no identifier.
            RequestFailed: TP855, the server did not do it.
        """
        one = "" if combo is None else f"/categoryCombo/{_checked(combo)}"
        path = f"maintenance/categoryOptionComboUpdate{one}"
        return _done(await self._connection.post(path, is_work=True))

    async def incomplete_category_combos(
        self, combo: str | None = None, *, timeout_s: float = 0
    ) -> list[CategoryComboMatrix]:
        """Return the category combos that lack option combos, or the one if it does: none if all is well.

        Looks again for `timeout_s` seconds as long as some are missing.
        """
        until = time.monotonic() + timeout_s
        for wait_s in self._connection.poll.waits():
            found = [state async for state in self._matrices(combo) if not state.is_complete]
            if not found or time.monotonic() + wait_s > until:
                return found
            await asyncio.sleep(wait_s)
        raise AssertionError

    async def _matrices(self, combo: str | None) -> AsyncIterator[CategoryComboMatrix]:
        """Yield the state of a category combo, or of all."""
        path = f"categoryCombos/{_checked(combo)}" if combo else "categoryCombos"
        try:
            if combo:
                yield matrix(await self._connection.get(path, {"fields": _MATRIX}))
                return
            async for page, _ in self._connection.pages(path, _MATRIX, page_size=100):
                for one in page:
                    yield matrix(one)
        except (KeyError, TypeError, AttributeError):
            source, expected = self._connection.where("GET", path), "a category combo" if combo else "a page"
            raise RequestFailed("TP857", source=source, found="another shape", expected=expected) from None

    async def refresh_analytics(self, *, last_years: int | None = None, skip: Sequence[str] = ()) -> JobReference:
        """Start the making of analytics tables.

        `last_years`: only data of that many years. `skip`: parts, such as `Events` for DHIS2's `skipEvents`.

        Raises:
            ValueError: `skip` names none of `ANALYTICS_PARTS`.
        """
        if strange := [part for part in skip if part not in ANALYTICS_PARTS]:
            raise ValueError(f"{strange[0]} is none of {', '.join(ANALYTICS_PARTS)}")
        parameters = {f"skip{part}": "true" for part in skip}
        if last_years is not None:
            parameters["lastYears"] = str(last_years)
        return started(await self._connection.post("resourceTables/analytics", parameters))

    async def refresh_resource_tables(self) -> JobReference:
        """Start the making of resource tables."""
        return started(await self._connection.post("resourceTables"))

    async def refresh_monitoring(self) -> JobReference:
        """Start the surveillance of validation rules."""
        return started(await self._connection.post("resourceTables/monitoring"))

    async def clear_cache(self) -> WebMessage:
        """Have the server forget what it holds in memory of its database."""
        return _done(await self._connection.post("maintenance/cacheClear", is_work=True))


def _checked(combo: str) -> str:
    if not _UID.fullmatch(combo):
        raise ValueError(f"{combo!r} is no identifier of a category combo")
    return combo


def _done(reply: Reply) -> WebMessage:
    """Return what the server says of work that it did: it may have failed under a status that says otherwise."""
    message = reply.message()
    if "ERROR" in (message.status, (message.response or {}).get("status")):
        said = " ".join(filter(None, (message.error_code, message.message))) or "no reason"
        raise RequestFailed("TP855", source=reply.where, status=reply.status, found=shown(said))
    return message
