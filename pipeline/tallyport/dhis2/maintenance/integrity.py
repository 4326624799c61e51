"""Data integrity: the server's checks, runs of them, and what they found; issues as a stream of rows.

Results come from the server's cache, which keeps them for an hour: a run fills it.
"""

from __future__ import annotations

import asyncio
import fnmatch
import time
from collections.abc import AsyncGenerator, Callable, Container, Mapping, Sequence
from typing import TypedDict, Unpack

from tallyport.dhis2.api.connection import Connection, RequestFailed, typed
from tallyport.dhis2.api.models import (
    IntegrityCheck,
    IntegrityReport,
    IssueSeverity,
    JobReference,
    Notification,
    not_run,
    weight,
)
from tallyport.dhis2.api.server_jobs import JOB_TIMEOUT_S, Tasks, checked, started
from tallyport.dhis2.maintenance.issue_stream import IntegrityRow, IssueReading
from tallyport_schemas.finding import Finding


class NoSuchCheck(ValueError):
    """The server has no check of that name, or none in that section."""


class Kind(TypedDict, total=False):
    """Of which section the checks are, and of which severity at least."""

    section: str | None
    severity: IssueSeverity | None


class Integrity:
    """Data integrity; its methods are reached by `Client.maintenance`.

    Those that take `checks` choose by names, patterns (`*` stands for anything) or codes, None being all; of a
    `section`, and of a `severity` or a stronger one.

    Raises:
        NoSuchCheck: no check has such a name, there is no such section, or no check to run.
    """

    def __init__(self, connection: Connection, tasks: Tasks) -> None:
        self._connection = connection
        self._tasks = tasks

    async def list_checks(self) -> list[IntegrityCheck]:
        """Return all checks that the server has."""
        return await self._connection.get_all(IntegrityCheck, "dataIntegrity", "checks")

    async def select_checks(
        self,
        checks: Sequence[str] | None = None,
        *,
        section: str | None = None,
        severity: IssueSeverity | None = None,
    ) -> list[IntegrityCheck]:
        """Return the checks that are chosen.

        The server drops in silence what it does not know, and takes no names for all: so they are looked up here.
        """
        chosen = known = await self.list_checks()
        sections = {check.section for check in known if check.section}
        if section is not None and section.casefold() not in {name.casefold() for name in sections}:
            raise NoSuchCheck(f"the server has no section {section!r}; it has: {', '.join(sorted(sections))}")
        if checks is not None:
            picked: dict[str, IntegrityCheck] = {}
            for text in checks:
                name = text.replace("-", "_")
                found = [c for c in known if c.code == text or fnmatch.fnmatchcase(c.name.replace("-", "_"), name)]
                if not found:
                    raise NoSuchCheck(f"the server has no data integrity check {text!r}")
                picked |= {check.name: check for check in found}
            chosen = list(picked.values())
        return [
            check
            for check in chosen
            if (section is None or (check.section or "").casefold() == section.casefold())
            and (severity is None or weight(check.severity) >= weight(severity))
        ]

    async def get_integrity_report(
        self,
        checks: Sequence[str] | None = None,
        *,
        details: bool = True,
        **of: Unpack[Kind],
    ) -> IntegrityReport:
        """Return the results that the server has in its cache, by the name of the check; none that was not run.

        `details` gives the issues, else their number.
        """
        chosen = await self.select_checks(checks, **of)
        path = f"dataIntegrity/{'details' if details else 'summary'}"
        found = (await self._connection.get(path, _asked(chosen)) or {}) if chosen else {}
        if isinstance(found, dict):
            found = {name: result for name, result in found.items() if result is not None}  # null: no result of it
        report = typed(IntegrityReport, {"results": found}, self._connection.where("GET", path))
        missing = _missing(chosen, report.results, is_named=checks is not None)
        return report.model_copy(update={"missing": missing, "details": details})

    async def iter_integrity_issues(
        self,
        checks: Sequence[str] | None = None,
        *,
        tell: Callable[[Finding], None] | None = None,
        **of: Unpack[Kind],
    ) -> AsyncGenerator[IntegrityRow]:
        """Yield the issues that the server has in its cache, while its answer still arrives.

        Holds one issue, however many there are. Closing the iterator closes the connection: leave the loop within
        `contextlib.aclosing`. `tell` is called with what is not known: TP863 for a check that crashed, TP864 for those
        without a result.
        """
        chosen = await self.select_checks(checks, **of)
        if not chosen:
            return
        async with self._connection.stream("dataIntegrity/details", _asked(chosen)) as (pieces, where):
            reading = IssueReading({check.name: check for check in chosen}, where, tell)
            async for piece in pieces:
                for row in reading.feed(piece):
                    yield row
            reading.end()
        missing = _missing(chosen, reading.finished, is_named=checks is not None)
        if missing and tell:
            tell(not_run(missing, details=True))

    async def run_integrity(
        self,
        checks: Sequence[str] | None = None,
        *,
        wait: bool = True,
        details: bool = True,
        timeout_s: float = JOB_TIMEOUT_S,
        watch: Callable[[Notification], None] | None = None,
        **of: Unpack[Kind],
    ) -> JobReference:
        """Run checks at the server and, with `wait`, return when their results can be read.

        Here None is all checks that are not slow.

        Raises:
            RequestFailed: TP860 it did not end in time, TP861 it failed.
        """
        chosen = await self.select_checks(checks, **of)
        names = [check.name for check in chosen if checks is not None or not check.is_slow]
        if not names:
            raise NoSuchCheck("there is no check to run")
        kind = "details" if details else "summary"
        job = started(await self._connection.post(f"dataIntegrity/{kind}", json=names))
        if wait:
            await self._await_results(job, names, kind, timeout_s, watch)
        return job

    async def _await_results(
        self,
        job: JobReference,
        names: Sequence[str],
        kind: str,
        timeout_s: float,
        watch: Callable[[Notification], None] | None,
    ) -> None:
        """Wait for the results of a run.

        Since 2.42 such a job says nothing as long as nothing fails: that it is done shows in results that are newer.
        """
        until = time.monotonic() + timeout_s
        waits = self._connection.poll.waits()
        seen = 0
        while True:
            said = await self._tasks.notifications(job)
            for notification in said[seen:]:
                if watch:
                    watch(notification)
            seen = len(said)
            if said and said[-1].completed:
                checked(job, said[-1])
                return
            running = await self._connection.get(f"dataIntegrity/{kind}/running")
            if not running and await self._are_fresh(job, names, kind):
                return
            wait_s = next(waits)
            if time.monotonic() + wait_s > until:
                found = f"still running after {timeout_s:g} s"
                raise RequestFailed("TP860", source=f"{job.job_type} {job.id}", found=found)
            await asyncio.sleep(wait_s)

    async def _are_fresh(self, job: JobReference, names: Sequence[str], kind: str) -> bool:
        """Whether all results are of this run. Both times are the server's, so its clock does not matter."""
        completed = await self._connection.get(f"dataIntegrity/{kind}/completed")
        if not isinstance(completed, list) or not set(names) <= set(completed):
            return False
        async with self._connection.stream(f"dataIntegrity/{kind}", {"checks": ",".join(names)}) as (pieces, where):
            reading = IssueReading({}, where)
            async for piece in pieces:
                reading.feed(piece)
            reading.end()
        return all(reading.finished.get(name, "") >= (job.created or "") for name in names)


def _missing(chosen: Sequence[IntegrityCheck], seen: Container[str], *, is_named: bool) -> tuple[str, ...]:
    """Return the checks without a result. Where none is named, those that only run on demand are not missed."""
    return tuple(check.name for check in chosen if check.name not in seen and (is_named or not check.is_slow))


def _asked(checks: Sequence[IntegrityCheck]) -> Mapping[str, Sequence[str]]:
    """Return the parameter that asks for results of these checks: by name, or those that are slow stay out."""
    return {"checks": ",".join(check.name for check in checks)}
