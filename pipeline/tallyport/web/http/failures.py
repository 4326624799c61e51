"""Failures: a request that is not done, as a status and a finding; every refusal of the interface has this shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from tallyport.web.messages import Failure, FindingMessage
from tallyport_schemas.finding import Finding, finding, shown

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
    "TP930": 503,
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


_SCHEME = "UID, CODE, NAME or ATTRIBUTE:<uid> of the attribute, for all kinds or for one: ou=CODE"
_EXPECTED: Mapping[str, str] = {
    "name": "a file name of 1 to 200 characters, without slashes",
    "id_scheme": _SCHEME,
    "id_schemes": _SCHEME,
    "data_set": "the identifier of a data set, 1 to 230 characters",
    "username": "a user name of 1 to 230 characters",
    "layout": "split or single",
    "compress": "none, gz or zst",
    "format": "dxf-json, dxf-csv, dxf-xml, dxf-pdf or adx",
    "sources": "1 to 500 files",
    "upload": "the id of an upload",
    "target": "the id of a target",
    "plan": "the plan of the dry run",
    "confirm": "the name of the target",
    "keep_followup_false": "true or false",
    "strict": "true or false",
}
"""What a member of a request may be, in words."""

_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_MEMBER = re.compile(r"^Object (missing required|contains unknown) field `(.*?)`(?: - at |$)", re.DOTALL)


def invalid(error: msgspec.ValidationError, given: object) -> Failed:
    """Return what to say of a request, `given`, that is not as its type has it: which member, what it may be."""
    text = str(error)
    if member := _MEMBER.search(text):
        field, kind = shown(member[2]), "is missing" if member[1] == "missing required" else "is not known"
        message = f"the member {field or 'without a name'} {kind}"
        return failed("TP915", field=field, message=message, expected=_EXPECTED.get(field))
    path = match[1] if (match := _PATH.search(text)) else ""
    value = given
    for step in re.findall(r"\w+", path):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
    known = next((step for step in reversed(re.findall(r"[A-Za-z_]\w*", path)) if step in _EXPECTED), path)
    found = value if isinstance(value, str) else json.dumps(value)
    return failed("TP915", field=known or None, found=shown(found), expected=_EXPECTED.get(known))


def answer(failure: Failed, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says so; what was not read of a body ends the connection."""
    said = FindingMessage(**failure.finding.as_json())
    body = msgspec.json.encode(Failure(said, [said]))
    closing = {"connection": "close"} if failure.status in (400, 413) else {}
    return Response(body, failure.status, {**closing, **(headers or {})}, "application/json")
