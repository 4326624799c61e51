"""Conversion routes: one request, one answer: a file in, and what it becomes, or what is wrong in it, out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from tallyport.web.folders import RESULT, VALIDATION, JobContext
from tallyport.web.http.downloads import Downloads, read
from tallyport.web.http.failures import Failed, failed, refusals
from tallyport.web.http.route import FILE, TAKING, Having, Parts, router
from tallyport.web.messages import (
    FINAL,
    ConversionOptions,
    ConvertQuery,
    FileQuery,
    Format,
    JobOptions,
    Kind,
    SourceRequest,
    Validation,
)

_LOOK_EVERY_S = 0.05
_PACKED = {"gz": "application/gzip", "zst": "application/zstd"}
_CONVERTED = {
    "description": "A zip archive of what `tallyport convert` writes; with `layout=single` the one ADV2 file.",
    "content": {kind: {"schema": {}} for kind in ("application/zip", "application/json", *_PACKED.values())},
    "headers": {
        f"Tallyport-{name}": {"schema": {"type": "integer"}, "description": f"Values {name}."}
        for name in ("Read", "Written", "Superseded", "Rejected")
    },
}

routes = router()


@routes.post(
    "/convert",
    response_class=StreamingResponse,
    openapi_extra=FILE,
    responses={200: _CONVERTED, **TAKING, **refusals(429)},
)
async def convert(request: Request, asked: Annotated[ConvertQuery, Query()], parts: Having) -> Response:
    """Convert a legacy file."""
    how = asked.model_dump(include=set(ConversionOptions.model_fields))
    options = JobOptions(**how, id_schemes=asked.id_scheme)
    job = await _done(parts, "convert", request, asked.name, asked.format, options)
    summary, downloads = job["summary"], Downloads(JobContext(parts.folders, job))
    is_single = options.layout == "single"
    single = downloads.single() if is_single else None
    if summary["sources_failed"] or (is_single and single is None):
        failure = _source_failed(parts, job)
        parts.queue.remove(job)
        raise failure
    if single:
        blocks, media_type = read(single), _PACKED.get(options.compress, "application/json")
    else:
        blocks, media_type = downloads.blocks("adv2.zip"), "application/zip"
    headers = {f"tallyport-{name}": str(count) for name, count in summary["values"].items()}
    return StreamingResponse(blocks, 200, headers, media_type, BackgroundTask(parts.queue.remove, job))


@routes.post("/validate", response_model=Validation, openapi_extra=FILE, responses={**TAKING, **refusals(429)})
async def validate(request: Request, asked: Annotated[FileQuery, Query()], parts: Having) -> Response:
    """Validate an ADV2 file: gives what `tallyport validate --json` prints."""
    job = await _done(parts, "validate", request, asked.name, None, JobOptions())
    path = parts.folders.jobs / job["id"] / VALIDATION
    return StreamingResponse(read(path), 200, None, "application/json", BackgroundTask(parts.queue.remove, job))


async def _done(
    parts: Parts, kind: Kind, request: Request, name: str, form: Format | None, options: JobOptions
) -> dict[str, Any]:
    """Have a job done and wait for it; a client that goes away cancels it. The caller removes it."""
    upload = await parts.uploads.receive(request.stream(), name)
    id = parts.queue.add(kind, [SourceRequest(upload=upload["id"], format=form)], "convert", options)
    try:
        while (job := parts.store.job(id)) and job["state"] not in FINAL:
            if await request.is_disconnected():
                raise ClientDisconnect
            await asyncio.sleep(_LOOK_EVERY_S)
    except BaseException:
        parts.jobs.cancel(id)
        raise
    if job is None:
        raise failed("TP914", found=id)
    if job["state"] != "done":
        parts.queue.remove(job)
        raise Failed(job["finding"], 422)
    return job


def _source_failed(parts: Parts, job: Mapping[str, Any]) -> Failed:
    """Return why the one source of a job has no ADV2."""
    result = json.loads((parts.folders.jobs / job["id"] / RESULT).read_bytes())
    error = result["sources"][0].get("error")
    if error is None:
        return failed("TP915", message="the file has no values, so there is no single ADV2 file")
    return Failed(error, 422)
