"""Tasks: the server's jobs. What they say as they go, how they end, and the outcome."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from tallyport.dhis2.api.connection import Connection, Reply, RequestFailed, typed
from tallyport.dhis2.api.models import ImportSummary, JobReference, Notification
from tallyport_schemas.finding import shown

JOB_TIMEOUT_S = 3600.0
"""Seconds that a job is waited for, unless said otherwise."""

_FORGOTTEN_LOOKS = 3


class Tasks:
    """The server's jobs; see `Client.tasks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def notifications(self, job: JobReference) -> list[Notification]:
        """Return what a job has said so far that the server still has, oldest first."""
        path = f"system/tasks/{job.job_type}/{job.id}"
        return (await self._connection.get_all(Notification, path, "notifications"))[::-1]

    async def iter_notifications(
        self, job: JobReference, *, timeout_s: float = JOB_TIMEOUT_S
    ) -> AsyncIterator[Notification]:
        """Yield what a job says as it says it, oldest first, each once; ends after the one that is `completed`.

        Waits between looks grow while nothing happens, and start again when something did.

        Raises:
            RequestFailed: TP860 it did not end in time, TP868 the server was away and does not continue it; or the
                server failed.
        """
        poll = self._connection.poll
        seen: Counter[Notification] = Counter()
        clock = asyncio.get_running_loop()
        until = clock.time() + timeout_s
        waits = poll.waits()
        patience, forgotten = self._connection.patience, 0
        waited_s, heard = patience.waited_s, clock.time()
        while True:
            current: Counter[Notification] = Counter()
            is_new = is_completed = False
            for notification in await self.notifications(job):
                # Entries of one millisecond share their uid: they are told apart by all they say, and by their number.
                key = notification.model_copy(update={"__pydantic_extra__": {}})
                current[key] += 1
                is_completed = notification.completed
                if current[key] > seen[key]:
                    is_new = True
                    yield notification
            forgotten = 0 if current else forgotten + 1
            was_away = patience.waited_s > waited_s
            if (seen or was_away) and forgotten >= _FORGOTTEN_LOOKS:
                raise RequestFailed("TP868", source=f"{job.job_type} {job.id}")
            seen |= current
            if is_completed:
                return
            heard = clock.time() if is_new else heard
            if was_away and clock.time() - heard > patience.wait_s:
                found = f"nothing new of it for {patience.wait_s:g} s"
                raise RequestFailed("TP868", source=f"{job.job_type} {job.id}", found=found)
            waits = poll.waits() if is_new else waits
            wait_s = next(waits)
            if clock.time() + wait_s > until:
                raise RequestFailed(
                    "TP860", source=f"{job.job_type} {job.id}", found=f"still running after {timeout_s:g} s"
                )
            await asyncio.sleep(wait_s)

    async def await_completion(
        self,
        job: JobReference,
        *,
        timeout_s: float = JOB_TIMEOUT_S,
        watch: Callable[[Notification], None] | None = None,
    ) -> Notification:
        """Wait until a job ends and return the last it said; `watch` hears all it says on the way.

        Raises:
            RequestFailed: TP861 it failed, TP860 it did not end in time; or the server failed.
        """
        last = Notification()
        async for last in self.iter_notifications(job, timeout_s=timeout_s):
            if watch:
                watch(last)
        return checked(job, last)

    async def summary(self, job: JobReference) -> Any:
        """Return the outcome of a job, as it is; None where it has no summary (yet)."""
        return await self._connection.get(f"system/taskSummaries/{job.job_type}/{job.id}", is_optional=True)

    async def import_summary(self, job: JobReference) -> ImportSummary | None:
        """Return the outcome of a job that imports; None where it has no summary (yet)."""
        found = await self.summary(job)
        where = self._connection.where("GET", f"system/taskSummaries/{job.job_type}/{job.id}")
        return None if found is None else typed(ImportSummary, found, where)


def checked(job: JobReference, last: Notification) -> Notification:
    """Return the last that a job said.

    Raises:
        RequestFailed: TP861, it says that the job failed.
    """
    if last.level == "ERROR":
        raise RequestFailed("TP861", source=f"{job.job_type} {job.id}", found=shown(last.message or "no reason"))
    return last


def started(reply: Reply) -> JobReference:
    """Return the job that an answer says was started."""
    return typed(JobReference, reply.message().response or {}, reply.where)
