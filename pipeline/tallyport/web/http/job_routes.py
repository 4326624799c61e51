"""Job routes: dry runs, their runs, how they go, what they found and what they leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Header, Path
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response, StreamingResponse

from tallyport.web.folders import RESULT, SCRIPT, JobContext
from tallyport.web.http.downloads import MEDIA_TYPES, Downloads
from tallyport.web.http.failures import failed, refusals
from tallyport.web.http.route import Having, KnownJob, Parts, giving, router
from tallyport.web.messages import FINAL, DryRunRequest, Job, JobList, RunRequest

_LISTED_MOST = 200
_LOOK_EVERY_S = 0.15
_SCRIPT_SHOWN_BYTES = 64 << 10

_What = Annotated[str, Path(json_schema_extra={"enum": [*MEDIA_TYPES]})]

routes = router()


@routes.get("/jobs", **giving(JobList))
async def jobs(parts: Having) -> object:
    """List all jobs, the newest first."""
    listed = parts.store.jobs(limit=_LISTED_MOST)
    return {"jobs": [_message(job) for job in listed if job["kind"] in ("dry-run", "run")]}


@routes.post("/jobs", status_code=201, **giving(Job), responses=refusals(400, 404, 413, 415, 429))
async def dry_run(asked: DryRunRequest, parts: Having) -> object:
    """Start a dry run."""
    return _shown(parts, parts.queue.add("dry-run", asked.sources, asked.target, asked.options))


@routes.post("/jobs/{id}/run", status_code=201, **giving(Job), responses=refusals(400, 404, 409, 413, 415, 429))
async def run(job: KnownJob, asked: RunRequest, parts: Having) -> object:
    """Run what was run dry.

    Only with the plan of a dry run that has ended: the same bytes, options and target.
    """
    if job["kind"] != "dry-run" or job["state"] != "done" or not job["summary"].get("runnable"):
        raise failed("TP918", message="only a dry run that found something to do can be run")
    target = parts.queue.target(job["target"]["id"])
    if asked.plan != job["plan"] or target.fingerprint != job["fingerprint"]:
        raise failed("TP917")
    removes = _removes(job)
    if removes and asked.confirm != target.label:
        raise failed("TP919", expected=target.label)
    return _shown(parts, parts.queue.repeat(job, "run", of=job["id"], removes_for_good=removes))


@routes.post("/jobs/{id}/again", status_code=201, **giving(Job), responses=refusals(404, 409, 429))
async def again(job: KnownJob, parts: Having) -> object:
    """Run a job again that was cut short: the same bytes, options and target."""
    if job["state"] not in ("failed", "cancelled", "interrupted"):
        raise failed("TP918", message="only a job that was cut short can be run again")
    if parts.queue.target(job["target"]["id"]).fingerprint != job["fingerprint"]:
        raise failed("TP917")
    removes = bool(job["request"].get("removes_for_good"))
    return _shown(parts, parts.queue.repeat(job, job["kind"], of=job["of"], removes_for_good=removes))


@routes.post("/jobs/{id}/cancel", status_code=202, **giving(Job), responses=refusals(404, 409))
async def cancel(job: KnownJob, parts: Having) -> object:
    """Cancel a job that waits or runs."""
    if job["state"] in FINAL:
        raise failed("TP918", message="the job has ended")
    parts.jobs.cancel(job["id"])
    return _shown(parts, job["id"])


@routes.get("/jobs/{id}", **giving(Job), responses=refusals(404))
async def show_job(job: KnownJob, parts: Having) -> object:
    """Show a job with its result."""
    return _shown(parts, job["id"])


@routes.delete("/jobs/{id}", status_code=204, responses=refusals(404, 409))
async def remove_job(job: KnownJob, parts: Having) -> None:
    """Remove a job that has ended, and what it left."""
    if job["state"] not in FINAL:
        raise failed("TP918", message="the job has not ended", help="cancel it first")
    await anyio.to_thread.run_sync(parts.queue.remove, job)


class _EventStream(EventSourceResponse):
    """Events, without a media type that the document would give to refusals as well."""

    media_type = None  # type: ignore[assignment]


@routes.get(
    "/jobs/{id}/events",
    response_class=_EventStream,
    responses=refusals(404),
)
async def events(
    job: KnownJob, parts: Having, last_event_id: Annotated[str, Header()] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: stages, progress, end.

    `Last-Event-ID` continues after the event that was seen last.
    """
    after = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 18 else 0
    yield ServerSentEvent(retry=1000)
    while True:
        for number, kind, data in parts.store.events(job["id"], after):
            after = number
            yield ServerSentEvent(id=str(number), event=kind, raw_data=data)
            if kind == "end":
                return
        now = parts.store.job(job["id"])
        if now is None or now["state"] in FINAL:
            yield ServerSentEvent(event="end", data={"state": now["state"] if now else "gone"})
            return
        await asyncio.sleep(_LOOK_EVERY_S)


@routes.get(
    "/jobs/{id}/downloads/{what}",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The file.", "content": {kind: {"schema": {}} for kind in MEDIA_TYPES.values()}},
        **refusals(404),
    },
)
async def download(job: KnownJob, what: _What, parts: Having) -> Response:
    """Download one of the job's `downloads`."""
    found = Downloads(JobContext(parts.folders, job))
    if job["state"] not in FINAL or what not in found.offered():
        raise failed("TP914", found=what)
    headers = {"content-disposition": f'attachment; filename="{what}"'}
    return StreamingResponse(found.blocks(what), 200, headers, MEDIA_TYPES[what])


def _shown(parts: Parts, id: str) -> dict[str, Any]:
    """Return all that is known of a job."""
    job = parts.store.job(id)
    if job is None:
        raise failed("TP914", found=id)
    message = _message(job)
    result = parts.folders.jobs / id / RESULT
    if job["state"] not in FINAL or not result.exists():
        return message
    context = JobContext(parts.folders, job)
    found: dict[str, Any] = json.loads(result.read_bytes())
    offered = Downloads(context).offered()
    if "statements.sql" in offered:
        with (context.folder / SCRIPT).open("rb") as script:
            found["sql"] = script.read(_SCRIPT_SHOWN_BYTES).decode(errors="replace")
    listed = [{"what": what, "bytes": size} for what, size in offered.items()]
    return {**message, "result": found, "downloads": listed}


def _message(job: Mapping[str, Any]) -> dict[str, Any]:
    can_run = job["kind"] == "dry-run" and job["state"] == "done" and job["summary"].get("runnable")
    return {
        **job,
        **job["request"],
        "plan": job["plan"] if can_run else None,
        "confirm": job["target"]["label"] if can_run and _removes(job) else None,
    }


def _removes(job: Mapping[str, Any]) -> bool:
    return bool(job["summary"]["removes_for_good"]) and job["target"]["kind"] == "database"
