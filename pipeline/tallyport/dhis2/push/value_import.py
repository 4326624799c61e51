"""Value import: one request that carries values, sent until its outcome is known, and the summary of it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tallyport.dhis2.api.connection import Reply, RequestFailed, typed
from tallyport.dhis2.api.models import Conflict, ImportSummary, JobReference, WebMessage
from tallyport.dhis2.api.server_jobs import started
from tallyport.dhis2.push.report import PushRun
from tallyport.dhis2.request.acknowledgement import ImportAnswer, Unacknowledged, check_acknowledged
from tallyport.dhis2.request.data_values import Row, body
from tallyport.dhis2.request.plan import Schemes
from tallyport.dhis2.request.rejections import is_success
from tallyport.validation.report import RowFinding
from tallyport_schemas.finding import finding

_UNKNOWN = ("TP851", "TP852", "TP868")
_UNKNOWN_STATUS = (502, 504)
_WAIT_FIRST_S, _WAIT_MOST_S = 0.5, 30.0
_SUMMARY_LOOKS = 5
_STRICT = ("strictPeriods", "strictCategoryOptionCombos", "strictAttributeOptionCombos", "strictOrganisationUnits")
_STRICT_OF_DATA_SETS = "strictDataElements"  # a request that names no data set is refused for it


def strict_options(version: tuple[int, int], data_set: str | None) -> dict[str, str]:
    """Return the query parameters by which servers before 2.43 refuse what 2.43 always refuses.

    Without them a week in a monthly data set, or an option combo of another category combo, is stored in silence.

    >>> strict_options((2, 43), "ds")
    {}
    """
    if version >= (2, 43):
        return {}
    return dict.fromkeys((*_STRICT, _STRICT_OF_DATA_SETS) if data_set else _STRICT, "true")


class Envelope(NamedTuple):
    """What a request says of all its rows."""

    schemes: Schemes
    data_set: str | None


class TooLarge(Exception):
    """The server does not take so many values at once."""

    def __init__(self, failed: RequestFailed) -> None:
        super().__init__()
        self.failed = failed


class ValueImport:
    """Imports of values at one server."""

    def __init__(self, run: PushRun) -> None:
        self._run, self._client, self._options = run, run.client, run.options
        self._profile = run.client.connection.profile

    async def send(
        self,
        envelope: Envelope,
        rows: Sequence[Row],
        deletion: Mapping[str, object] | None = None,
        *,
        is_check: bool = False,
    ) -> tuple[ImportSummary, float]:
        """Send rows and return what became of them, and how many seconds that took. `is_check`: nothing is written.

        Raises:
            TooLarge: the server does not take so many, or does not answer in time.
            Unacknowledged: it does not say what became of the rows.
        """
        content = gzip.compress(body(rows, envelope.data_set, deletion), 1)
        parameters = dict(envelope.schemes)
        if not self._options.is_lenient:
            parameters |= strict_options(self._client.version, envelope.data_set)
        if self._options.dry_run or is_check:
            parameters["dryRun"] = "true"
        if self._options.is_async:
            parameters["async"] = "true"
        clock = asyncio.get_running_loop()
        wait_s, left = _WAIT_FIRST_S, self._profile.retries
        wait = self._client.connection.begin_wait()
        while True:
            started_at = clock.time()
            try:
                reply = await self._client.connection.post(
                    "dataValueSets", parameters, content=content, accept=(400, 409), is_work=True
                )
                said = await self._said(reply)
                check_acknowledged(said, rows, self._client.version)
                return said.summary, clock.time() - started_at
            except Unacknowledged:
                raise
            except RequestFailed as failed:
                if failed.status == 413:
                    raise TooLarge(failed) from None
                if failed.finding.code not in _UNKNOWN and failed.status not in _UNKNOWN_STATUS:
                    raise
                reason = failed.finding.message
                is_slow = failed.finding.code == "TP851" or failed.status == 504
                if not await wait.ends(failed, failed.status):
                    if not left or wait.is_over:
                        raise
                    left -= 1
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _WAIT_MOST_S)
                first = rows[0].group if rows else None
                again = finding("TP887", found=reason, count=len(rows) or None)
                self._run.take(RowFinding(first.label if first else "", first.number if first else 0, again))
                if is_slow and len(rows) > 1:
                    raise TooLarge(failed) from None

    async def _said(self, reply: Reply) -> ImportAnswer:
        """Return what an answer says of the import, or what its job ends with."""
        document = reply.document if isinstance(reply.document, dict) else {}
        if "importCount" in document:  # a summary without the message around it
            return self._checked(typed(ImportSummary, document, reply.where), reply)
        message = reply.message()
        response = message.response or {}
        if self._options.is_async and "jobType" in response:
            return await self._said_of(started(reply))
        if "importCount" in response:
            return self._checked(typed(ImportSummary, response, reply.where), reply, message)
        if reply.status == 400 and message.message and "period" in message.message.lower():
            # 2.43 says no more of a period that it does not know.
            conflict = Conflict(value=message.message, property="period")
            return ImportAnswer(ImportSummary(status="ERROR", conflicts=(conflict,)), reply.where, reply.status)
        if reply.status >= 400:
            found = self._profile.redacted(f"{reply.status}: {message.message}")
            raise RequestFailed("TP855", status=reply.status, document=reply.document, source=reply.where, found=found)
        head = " ".join(filter(None, (str(reply.status), message.status)))
        found = self._profile.redacted(f"{head}: {message.message or 'no reason'}, without a summary")
        raise Unacknowledged("TP866", status=reply.status, document=reply.document, source=reply.where, found=found)

    def _checked(self, summary: ImportSummary, reply: Reply, message: WebMessage | None = None) -> ImportAnswer:
        """Return what an answer says: its summary is no success where the answer around it is none."""
        around = "ERROR" if reply.status >= 400 else (message.status if message else None) or "OK"
        if is_success(summary) and around in ("ERROR", "WARNING"):
            summary = summary.model_copy(update={"status": around})
        return self._redacted(ImportAnswer(summary, reply.where, reply.status, message.message if message else None))

    def _redacted(self, said: ImportAnswer) -> ImportAnswer:
        """Return it without the secret, which a server may repeat."""
        message = said.message and self._profile.redacted(said.message)
        description = said.summary.description and self._profile.redacted(said.summary.description)
        return replace(said, message=message, summary=said.summary.model_copy(update={"description": description}))

    async def _said_of(self, job: JobReference) -> ImportAnswer:
        """Return what a job ends with: also one that calls itself failed, as what it imported was wrong."""
        options, tasks = self._options, self._client.tasks
        where = f"{job.job_type} {job.id}"
        last: str | None = None
        try:
            said = await tasks.await_completion(job, timeout_s=options.job_timeout_s, watch=self._run.watch)
            last = said.message
        except RequestFailed as failed:
            if failed.finding.code != "TP861" or (summary := await tasks.import_summary(job)) is None:
                raise
            status = "ERROR" if is_success(summary) else summary.status
            summary = summary.model_copy(update={"status": status})
            return self._redacted(ImportAnswer(summary, where, message=failed.finding.found))
        for look in range(_SUMMARY_LOOKS):
            if (summary := await tasks.import_summary(job)) is not None:
                return self._redacted(ImportAnswer(summary, where, message=last))
            await asyncio.sleep(self._client.connection.poll.first_s * (look + 1))
        raise RequestFailed("TP857", source=where, found="no summary", expected="ImportSummary")
