"""App: the HTTP interface with its OpenAPI document, and the page. While it runs, jobs are started and watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import Lifespan

from tallyport.web.http import conversion_routes, job_routes, upload_routes
from tallyport.web.http.failures import ALWAYS, refusals, refused
from tallyport.web.http.route import Having, Parts, giving, router
from tallyport.web.http.uploads import Uploads
from tallyport.web.messages import Format, ServerMessage
from tallyport_schemas import __version__

PAGE, TEXTS = Path(__file__).parents[1] / "page", Path(__file__).parents[1] / "texts"
_IDLE_UPLOADS_S = 24 * 3600.0
_LARGE = ("application/x-ndjson", "application/sql", "application/zstd")
"""Downloads: packing them on the way would cost the server more than it saves on one machine."""

_CREDENTIALS = [Security(APIKeyCookie(name="tallyport", auto_error=False)), Security(HTTPBearer(auto_error=False))]
"""How a client gets in, for the document; `access` enforces it before anything else happens."""

_server = router()


@_server.get("/server", **giving(ServerMessage))
async def server(parts: Having) -> object:
    """Show what this server offers."""
    return {
        "version": __version__,
        "limit_bytes": parts.uploads.limit_bytes,
        "languages": sorted(path.stem for path in TEXTS.glob("*.json")),
        "formats": get_args(Format),
        "targets": [target.as_json() for target in parts.targets.values()],
    }


def application(parts: Parts) -> FastAPI:
    """Return the whole of it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.parts = parts
        parts.uploads.remove_unknown()
        parts.jobs.remove_unknown()
        tasks = [asyncio.create_task(parts.jobs.watch()), asyncio.create_task(_tidy(parts.uploads))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    app = interface(lifespan)
    app.frontend("/texts", directory=TEXTS, fallback=None)
    app.frontend("/", directory=PAGE, fallback=None)
    return app


def interface(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Return the HTTP interface alone; its `openapi()` describes it."""
    app = FastAPI(
        title="tallyport",
        version=__version__,
        description="Conversion, validation and jobs. Refusals are answered by a finding.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=refusals(*ALWAYS),
        dependencies=_CREDENTIALS,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
        middleware=[Middleware(GZipMiddleware, exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *_LARGE))],
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError, ClientDisconnect), refused),
    )
    app.openapi_version = "3.2.0"  # the first that can say what a stream of events consists of
    for routes in (_server, upload_routes.routes, job_routes.routes, conversion_routes.routes):
        app.include_router(routes)
    return app


def _operation(route: APIRoute) -> str:
    """Return the name of an operation in clients that are generated from the document: `showJob`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


async def _tidy(uploads: Uploads) -> None:
    while True:
        uploads.remove_idle(_IDLE_UPLOADS_S)
        await asyncio.sleep(3600)
