"""OpenAPI: the description of the HTTP interface, its messages made from the very types that check them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from tallyport.web import messages
from tallyport.web.http.downloads import MEDIA_TYPES
from tallyport_schemas import __version__

_REF = "#/components/schemas/{name}"
_TYPES = (
    messages.Server,
    messages.Upload,
    messages.Jobs,
    messages.Job,
    messages.DryRunRequest,
    messages.RunRequest,
    messages.Failure,
    messages.Validation,
    messages.NameQuery,
    messages.ConvertQuery,
)
_STATUSES = {
    400: "The request breaks off, or is no JSON.",
    401: "Whoever asks is not known.",
    403: "The request comes from another site.",
    404: "There is no such thing.",
    405: "That cannot be done to this.",
    409: "Not now, or not so.",
    413: "The body is too large; no more than the limit was read.",
    415: "The body is not JSON.",
    421: "The request is for another host.",
    422: "The request, or the file, is not as it should be.",
    429: "Too many jobs are waiting.",
    503: "The server is stopping.",
    507: "The disk is full.",
}
_ALWAYS = (401, 403, 421)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_VALUES = {
    f"Tallyport-{name}": {"schema": {"type": "integer"}, "description": f"Values {name}."}
    for name in ("Read", "Written", "Superseded", "Rejected")
}


def _of(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}


def _any_of(*media_types: str) -> dict[str, Any]:
    return {media_type: {"schema": {}} for media_type in media_types}


def _gives(description: str, content: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"description": description, **({"content": dict(content)} if content else {}), **more}


def _operation(
    name: str,
    summary: str,
    answers: Mapping[int, Mapping[str, Any]],
    *fails: int,
    parameters: list[dict[str, Any]] | None = None,
    body: Mapping[str, Any] | None = None,
    description: str = "",
) -> dict[str, Any]:
    statuses = sorted({*fails, *_ALWAYS})
    refusals = {str(status): _gives(_STATUSES[status], _of(messages.Failure)) for status in statuses}
    members: dict[str, Any] = {"operationId": name, "summary": summary}
    if description:
        members["description"] = description
    if parameters:
        members["parameters"] = parameters
    if body:
        is_file = "application/octet-stream" in body  # no body is an empty file
        members["requestBody"] = {"required": not is_file, "content": dict(body)}
    return members | {"responses": {**{str(status): dict(given) for status, given in answers.items()}, **refusals}}


def _path(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": dict(schema), "description": description}


def _queries(components: Mapping[str, Any], kind: type) -> list[dict[str, Any]]:
    """Return the parameters that a message of a query stands for."""
    schema = components[kind.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": _without_null(member)}
        for name, member in schema["properties"].items()
    ]


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one without a text is left out."""
    if "anyOf" in schema:
        (given,) = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
        return {**given}
    return dict(schema)


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    id = {"type": "string", "pattern": "^[a-z2-7]{16}$"}
    job, upload = _path("id", id, "The job's."), _path("id", id, "The upload's.")
    what = _path("what", {"type": "string", "enum": list(MEDIA_TYPES)}, "One of the job's `downloads`.")
    file = {"application/octet-stream": _BINARY}
    a_job = _gives("The job.", _of(messages.Job))
    gone = {204: _gives("It is gone.")}
    takes = (400, 413, 422, 503, 507)
    paths = {
        "/api/server": {
            "get": _operation("server", "What this server offers", {200: _gives("It.", _of(messages.Server))})
        },
        "/api/openapi.json": {
            "get": _operation("openapi", "This document", {200: _gives("It.", {"application/json": {"schema": {}}})})
        },
        "/api/uploads": {
            "put": _operation(
                "upload",
                "Send a file",
                {201: _gives("The upload, and what it is.", _of(messages.Upload))},
                *takes,
                parameters=_queries(components, messages.NameQuery),
                body=file,
                description="The body is the file. It goes to the disk as it comes; at the limit it is cut off.",
            )
        },
        "/api/uploads/{id}": {
            "get": _operation(
                "showUpload", "An upload", {200: _gives("It.", _of(messages.Upload))}, 404, parameters=[upload]
            ),
            "delete": _operation("removeUpload", "Remove an upload", gone, 404, 409, parameters=[upload]),
        },
        "/api/jobs": {
            "get": _operation("jobs", "All jobs, the youngest first", {200: _gives("They.", _of(messages.Jobs))}),
            "post": _operation(
                "dryRun",
                "Begin a dry run",
                {201: a_job},
                *(400, 404, 413, 415, 422, 429),
                body=_of(messages.DryRunRequest),
            ),
        },
        "/api/jobs/{id}": {
            "get": _operation("showJob", "A job with its result", {200: a_job}, 404, parameters=[job]),
            "delete": _operation("removeJob", "Remove a job that has ended", gone, 404, 409, parameters=[job]),
        },
        "/api/jobs/{id}/run": {
            "post": _operation(
                "run",
                "Run what was run dry",
                {201: a_job},
                *(400, 404, 409, 413, 415, 422, 429),
                parameters=[job],
                body=_of(messages.RunRequest),
                description="Only with the plan of a dry run that has ended: the same bytes, options and target.",
            )
        },
        "/api/jobs/{id}/again": {
            "post": _operation(
                "again", "Run a job again that was cut short", {201: a_job}, 404, 409, 422, 429, parameters=[job]
            )
        },
        "/api/jobs/{id}/cancel": {
            "post": _operation("cancel", "Cancel a job", {202: a_job}, 404, 409, parameters=[job])
        },
        "/api/jobs/{id}/events": {
            "get": _operation(
                "events",
                "Follow a job",
                {200: _gives("Server-sent events: stages, progress, end.", {"text/event-stream": {"schema": {}}})},
                404,
                parameters=[
                    job,
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "required": False},
                ],
            )
        },
        "/api/jobs/{id}/downloads/{what}": {
            "get": _operation(
                "download",
                "Fetch what a job left",
                {200: _gives("The file.", _any_of(*sorted(set(MEDIA_TYPES.values()))))},
                404,
                parameters=[job, what],
            )
        },
        "/api/convert": {
            "post": _operation(
                "convert",
                "Convert a legacy file",
                {
                    200: _gives(
                        "A zip archive of what `tallyport convert` writes; with `layout=single` the one ADV2 file.",
                        _any_of("application/zip", "application/json", "application/gzip", "application/zstd"),
                        headers=_VALUES,
                    )
                },
                *(*takes, 429),
                parameters=_queries(components, messages.ConvertQuery),
                body=file,
            )
        },
        "/api/validate": {
            "post": _operation(
                "validate",
                "Validate an ADV2 file",
                {200: _gives("What `tallyport validate --json` prints.", _of(messages.Validation))},
                *(*takes, 429),
                parameters=_queries(components, messages.NameQuery),
                body=file,
            )
        },
    }
    kept = {name: schema for name, schema in components.items() if not name.endswith("Query")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tallyport",
            "version": __version__,
            "description": "Conversion, validation and jobs. What is refused is answered by a finding.",
        },
        "security": [{"cookie": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": kept,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "tallyport"},
                "key": {"type": "http", "scheme": "bearer"},
            },
        },
    }
