"""Maintenance: what keeps a server's derived data right. Data integrity, option combos, analytics, caches."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence

from tallyport.dhis2.api.connection import Connection, Reply, RequestFailed
from tallyport.dhis2.api.models import CategoryComboMatrix, JobReference, Notification, WebMessage, matrix
from tallyport.dhis2.api.server_jobs import JOB_TIMEOUT_S, Poll, Tasks, started
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
Watch = Callable[[Notification], None]


class Maintenance(Integrity):
    """Maintenance of a server; see `Client.maintenance`. Needs the authority F_PERFORM_MAINTENANCE."""

    def __init__(self, connection: Connection, tasks: Tasks) -> None:
        super().__init__(connection, tasks)

    async def update_category_option_combos(self, combo: str | None = None) -> WebMessage:
        """Have the server make missing option combos and remove obsolete ones: of all category combos, or of one.

        Returns when it is done. 2.42 answers with nothing.

        Raises:
            ValueError: `combo` is no identifier.
            RequestFailed: TP855, the server did not do it.
        """
        path = "maintenance/categoryOptionComboUpdate" + (f"/categoryCombo/{combo}" if combo else "")
        if combo is not None and not _UID.fullmatch(combo):
            raise ValueError(f"{combo!r} is no identifier of a category combo")
        return _done(await self._connection.post(path, is_work=True))

    async def category_combo_matrix(self, combo: str) -> CategoryComboMatrix:
        """Return how many of the option combos of a category combo there are."""
        if not _UID.fullmatch(combo):
            raise ValueError(f"{combo!r} is no identifier of a category combo")
        found = await self._connection.get(f"categoryCombos/{combo}", {"fields": _MATRIX})
        try:
            return matrix(found)
        except (KeyError, TypeError, AttributeError):
            source = self._connection.where("GET", f"categoryCombos/{combo}")
            raise RequestFailed("TP857", source=source, found="another shape", expected="a category combo") from None

    async def incomplete_category_combos(
        self, combo: str | None = None, *, timeout_s: float = 0, poll: Poll | None = None
    ) -> list[CategoryComboMatrix]:
        """Return the category combos that lack option combos, or the one if it does: none if all is well.

        Looks again for `timeout_s` seconds as long as some are missing.
        """
        until = time.monotonic() + timeout_s
        waits = (poll or Poll()).waits()
        while True:
            states = [await self.category_combo_matrix(combo)] if combo else await self._matrices()
            found = [state for state in states if not state.is_complete]
            wait_s = waits()
            if not found or time.monotonic() + wait_s > until:
                return found
            await asyncio.sleep(wait_s)

    async def _matrices(self) -> list[CategoryComboMatrix]:
        """Return the state of all category combos that are not complete."""
        found: list[CategoryComboMatrix] = []
        page = 1
        while True:
            parameters = {"fields": _MATRIX, "page": str(page), "pageSize": "100", "order": "id:asc"}
            answer = await self._connection.get("categoryCombos", parameters)
            try:
                states = [matrix(combo) for combo in answer["categoryCombos"]]
                pages = answer.get("pager", {}).get("pageCount", page)
            except (KeyError, TypeError, AttributeError):
                source = self._connection.where("GET", "categoryCombos")
                raise RequestFailed("TP857", source=source, found="another shape", expected="a page") from None
            found += [state for state in states if not state.is_complete]
            if page >= pages:
                return found
            page += 1

    async def await_category_option_combos(
        self, combo: str, *, timeout_s: float = MATRIX_TIMEOUT_S, poll: Poll | None = None
    ) -> CategoryComboMatrix:
        """Wait until a category combo has all its option combos.

        Raises:
            RequestFailed: TP865, some are still missing.
        """
        for state in await self.incomplete_category_combos(combo, timeout_s=timeout_s, poll=poll):
            found = state.as_finding()
            raise RequestFailed(found.code, source=found.source, found=found.found, expected=found.expected)
        return await self.category_combo_matrix(combo)

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

    async def watch(
        self,
        job: JobReference,
        watch: Watch | None = None,
        *,
        timeout_s: float = JOB_TIMEOUT_S,
        poll: Poll | None = None,
    ) -> Notification:
        """Follow a job that was started here to its end; see `Tasks.await_completion`."""
        return await self._tasks.await_completion(job, timeout_s=timeout_s, poll=poll, watch=watch)


def _done(reply: Reply) -> WebMessage:
    """Return what the server says of work that it did: it may have failed under a status that says otherwise."""
    message = reply.message()
    if "ERROR" in (message.status, (message.response or {}).get("status")):
        told = " ".join(filter(None, (message.error_code, message.message))) or "no reason"
        raise RequestFailed("TP855", source=reply.where, status=reply.status, found=shown(told))
    return message
