"""Route: what all routes share: the parts they work with, the bounds of a request, the things that a path names."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tallyport.web.folders import Folders
from tallyport.web.http.failures import failed, refusals
from tallyport.web.http.job_queue import JobQueue
from tallyport.web.http.uploads import Uploads
from tallyport.web.jobs.processes import JobProcesses
from tallyport.web.jobs.targets import Target
from tallyport.web.messages import Id
from tallyport.web.store import Store

_MESSAGE_BYTES = 1 << 20
_IDLE_S = 60.0
_LISTS = ("id_scheme",)

FILE: dict[str, Any] = {
    "requestBody": {
        "required": False,  # no body is an empty file
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""Describes a body that is a file, for the OpenAPI document: routes read it themselves, as it comes."""

TAKING = refusals(400, 413, 503, 507)
"""How a file may be refused."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    store: Store
    folders: Folders
    uploads: Uploads
    jobs: JobProcesses
    queue: JobQueue
    targets: Mapping[str, Target]


class _BoundedRequest(Request):
    """A request whose body is cut off at `limit_bytes` while it is read, and when nothing more of it comes."""

    limit_bytes = _MESSAGE_BYTES

    async def stream(self) -> AsyncGenerator[bytes, None]:
        declared, size, chunks = self.headers.get("content-length", ""), 0, super().stream()
        if declared.isdecimal():
            self._bound(int(declared))
        while True:
            try:
                async with asyncio.timeout(_IDLE_S):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise failed("TP923") from None
            size += len(chunk)
            self._bound(size)
            yield chunk

    def _bound(self, size: int) -> None:
        if size > self.limit_bytes:
            raise failed("TP913", expected=f"at most {self.limit_bytes:,} bytes")


class Route(APIRoute):
    """A route whose requests are bounded: a message by 1 MiB, a file by the server's limit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()
        is_message = self.body_field is not None

        async def bounded(request: Request) -> Response:
            bound = _BoundedRequest(request.scope, request.receive)
            given = Counter(name for name, _ in bound.query_params.multi_items())
            if twice := [name for name, count in given.items() if count > 1 and name not in _LISTS]:
                raise failed("TP915", field=twice[0], message="a parameter is given twice")
            media_type = bound.headers.get("content-type", "")
            if not is_message:
                bound.limit_bytes = parts_of(request).uploads.limit_bytes
            elif media_type.partition(";")[0].strip().lower() != "application/json":
                raise failed("TP915", status=415, found=media_type, expected="application/json")
            return await handle(bound)

        return bounded


def router() -> APIRouter:
    """Return a router for a subject of the interface."""
    return APIRouter(prefix="/api", route_class=Route)


def giving(model: type[BaseModel]) -> dict[str, Any]:
    """Describe what a route answers; members at their defaults are omitted."""
    return {"response_model": model, "response_model_exclude_defaults": True}


def parts_of(request: Request) -> Parts:
    """Return what the routes work with."""
    parts: Parts = request.app.state.parts
    return parts


Having = Annotated[Parts, Depends(parts_of)]


def _known_upload(id: Id, parts: Having) -> dict[str, Any]:
    return parts.queue.known_upload(id)


def _known_job(id: Id, parts: Having) -> dict[str, Any]:
    job = parts.store.job(id)
    if job is None:
        raise failed("TP914", found=id)
    return job


KnownUpload = Annotated[dict[str, Any], Depends(_known_upload)]
KnownJob = Annotated[dict[str, Any], Depends(_known_job)]
"""What the id of a path names; TP914 where that is nothing."""
