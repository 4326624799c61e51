"""Upload routes: files in, one at a time, and what they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from tallyport.web.http.failures import refusals
from tallyport.web.http.route import FILE, TAKING, Having, KnownUpload, giving, router
from tallyport.web.messages import FileQuery, Upload

routes = router()


@routes.put("/uploads", status_code=201, **giving(Upload), openapi_extra=FILE, responses=TAKING)
async def upload(request: Request, asked: Annotated[FileQuery, Query()], parts: Having) -> object:
    """Send a file.

    The body is the file. It goes to the disk as it comes; at the limit it is cut off.
    """
    return await parts.uploads.receive(request.stream(), asked.name)


@routes.get("/uploads/{id}", **giving(Upload), responses=refusals(404))
async def show_upload(upload: KnownUpload) -> object:
    """Show an upload."""
    return upload


@routes.delete("/uploads/{id}", status_code=204, responses=refusals(404, 409))
async def remove_upload(upload: KnownUpload, parts: Having) -> None:
    """Remove an upload that no job needs."""
    parts.uploads.remove(upload["id"])
