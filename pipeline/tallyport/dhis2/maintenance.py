"""Maintenance: what keeps a server's derived data right. Data integrity, option combos, analytics, caches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tallyport.dhis2.answers import CategoryComboMatrix, JobReference, Notification, WebMessage, matrix
from tallyport.dhis2.connecting import Connection, RequestFailed
from tallyport.dhis2.integrity import Integrity
from tallyport.dhis2.tasks import JOB_TIMEOUT_S, Poll, Tasks, started

MATRIX_TIMEOUT_S = 300.0
"""Seconds that option combos are waited for, unless said otherwise."""

_MATRIX = "id,name,categories[id,categoryOptions[id]],categoryOptionCombos[id,categoryOptions[id]]"
Watch = Callable[[Notification], None]


class Maintenance(Integrity):
    """Maintenance of a server; see `Client.maintenance`. Needs the authority F_PERFORM_MAINTENANCE."""

    def __init__(self, connection: Connection, tasks: Tasks) -> None:
        super().__init__(connection, tasks)

    async def update_category_option_combos(self, combo: str | None = None) -> WebMessage:
        """Have the server make missing option combos and remove obsolete ones: of all category combos, or of one.

        Returns when it is done. 2.42 answers without a word.
        """
        path = "maintenance/categoryOptionComboUpdate" + (f"/categoryCombo/{combo}" if combo else "")
        return (await self._connection.post(path, is_work=True)).message()

    async def category_combo_matrix(self, combo: str) -> CategoryComboMatrix:
        """Return how many of the option combos of a category combo there are."""
        found = await self._connection.get(f"categoryCombos/{combo}", {"fields": _MATRIX})
        try:
            return matrix(found)
        except (KeyError, TypeError, AttributeError):
            source = f"GET categoryCombos/{combo}"
            raise RequestFailed("TP857", source=source, found="another shape", expected="a category combo") from None

    async def incomplete_category_combos(self) -> list[CategoryComboMatrix]:
        """Return the category combos that lack option combos."""
        found = []
        page = 1
        while True:
            parameters = {"fields": _MATRIX, "page": str(page), "pageSize": "100", "order": "id:asc"}
            answer = await self._connection.get("categoryCombos", parameters)
            try:
                states = [matrix(combo) for combo in answer["categoryCombos"]]
                pages = answer.get("pager", {}).get("pageCount", page)
            except (KeyError, TypeError, AttributeError):
                source = "GET categoryCombos"
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
        until = time.monotonic() + timeout_s
        waits = (poll or Poll()).waits()
        while not (state := await self.category_combo_matrix(combo)).is_complete:
            wait_s = waits()
            if time.monotonic() + wait_s > until:
                raise missing(state)
            await asyncio.sleep(wait_s)
        return state

    async def refresh_analytics(self, *, last_years: int | None = None, skip: tuple[str, ...] = ()) -> JobReference:
        """Start the making of analytics tables. `skip`: parts, such as `Events` for DHIS2's `skipEvents`."""
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
        return (await self._connection.post("maintenance/cacheClear", is_work=True)).message()

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


def missing(state: CategoryComboMatrix) -> RequestFailed:
    """Return the exception for a category combo that lacks option combos."""
    return RequestFailed(
        "TP865",
        source=f"category combo {state.name or state.id}",
        found=f"{state.present:,} option combos",
        expected=f"{state.expected:,}",
    )
