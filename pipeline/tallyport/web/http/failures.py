"""Failures: a request that is refused, as a status and a finding; every refusal of the interface has this shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from tallyport.web.messages import EXPECTED, Failure
from tallyport_schemas.finding import finding, shown

_STATUS: Mapping[str, int] = {
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
    "TP930": 503,
}
ALWAYS = (401, 403, 421, 422)
"""Statuses that any request may be answered with."""


class Failed(HTTPException):
    """A request is refused; `members` are those of the finding."""

    def __init__(self, members: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__(status or _STATUS.get(members["code"], 422), members["code"])
        self.members = members


def failed(code: str, *, status: int | None = None, **more: str | None) -> Failed:
    """Make one of a code, with the members of `finding`."""
    return Failed(finding(code, **more).as_json(), status)  # type: ignore[arg-type]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the statuses of refusals, for the OpenAPI document."""
    return {status: {"model": Failure} for status in statuses}


def invalid(error: RequestValidationError) -> Failed:
    """Return the first thing that is wrong in a request that does not fit its type: which member, what it may be."""
    wrong = error.errors()[0]
    kind, (place, *path), context = wrong["type"], wrong["loc"], wrong.get("ctx", {})
    if kind == "json_invalid":
        return failed("TP915", status=400, message="the request is not JSON", found=context["error"])
    found = context.get("found", wrong["input"])
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    if place == "path":
        return failed("TP914", found=text)
    names = [step for step in path if isinstance(step, str)]
    if kind in ("missing", "extra_forbidden") and names:
        name, trouble = shown(names[-1]), "is missing" if kind == "missing" else "is unknown"
        message = f"the member {name or 'without a name'} {trouble}"
        return failed("TP915", field=name, message=message, expected=EXPECTED.get(name))
    field = next((name for name in reversed(names) if name in EXPECTED), ".".join(map(str, path)))
    own = wrong["msg"] if kind == "finding" else None  # any other is in a programmer's words
    return failed("TP915", field=field or None, message=own, found=text, expected=EXPECTED.get(field))


def answer(failure: Failed, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says so; what was not read of a body ends the connection."""
    closing = {"connection": "close"} if failure.status_code in (400, 413) else {}
    body = {"error": failure.members, "errors": [failure.members]}
    return JSONResponse(body, failure.status_code, {**closing, **(headers or {})})


async def refused(request: Request, error: Exception) -> Response:
    """Answer what was raised for a request, by us or by the framework."""
    if isinstance(error, Failed):
        return answer(error)
    if isinstance(error, RequestValidationError):
        return answer(invalid(error))
    if isinstance(error, ClientDisconnect) or isinstance(error.__cause__, ClientDisconnect):
        return answer(failed("TP923"))
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # JSON that is not even text, or nested beyond any sense
        return answer(failed("TP915", status=400, message="the request is not JSON", found=str(error.__cause__)))
    if error.status_code != 405:
        return answer(failed("TP914"))
    return answer(failed("TP916"), {"allow": ", ".join(_methods(request))})


def _methods(request: Request) -> Iterator[str]:
    """Yield the methods that a path has; the framework names those of one route alone."""
    for method in ("DELETE", "GET", "POST", "PUT"):
        asked = {**request.scope, "method": method}
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.routes):
            yield method
