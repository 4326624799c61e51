"""Failing: a request that is not done, as a status and a finding; every refusal of the interface has this shape."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from tallyport.web.messages import Failure, FindingMessage
from tallyport_schemas.findings import Finding, finding

STATUS: Mapping[str, int] = {
    "TP801": 507,
    "TP910": 401,
    "TP911": 421,
    "TP912": 403,
    "TP913": 413,
    "TP914": 404,
    "TP915": 422,
    "TP916": 405,
    "TP917": 409,
    "TP918": 409,
    "TP919": 409,
    "TP923": 400,
    "TP926": 429,
}
"""The status for each finding that answers a request."""


class Failed(Exception):
    """A request is not done."""

    def __init__(self, found: Finding, status: int | None = None) -> None:
        super().__init__(found.code)
        self.finding = found
        self.status = status or STATUS.get(found.code, 422)


def failed(code: str, *, status: int | None = None, **more: str | None) -> Failed:
    """Make one of a code, with the members of `finding`."""
    return Failed(finding(code, **more), status)  # type: ignore[arg-type]


def answer(failure: Failed, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says so; what was not read of a body ends the connection."""
    body = msgspec.json.encode(Failure(FindingMessage(**failure.finding.as_json())))  # type: ignore[arg-type]
    closing = {"connection": "close"} if failure.status in (400, 413) else {}
    return Response(body, failure.status, {**closing, **(headers or {})}, "application/json")
