"""Connection: requests to one server and their answers; whatever goes wrong becomes a finding that names the request.

Credentials go to the profile's own server and nowhere else. A request is repeated only where that is safe: one that
reads, or one that the server has not taken. Every wait is bounded, and so is what is held of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import orjson
import stamina
from pydantic import BaseModel, ValidationError

from tallyport.dhis2.api.models import WebMessage
from tallyport.dhis2.api.patience import Patience, Poll, Wait
from tallyport.dhis2.api.profiles import Profile, origin
from tallyport_schemas import __version__
from tallyport_schemas.finding import OutsideFailed, finding, shown

DOCUMENT_BYTES = 128 << 20
"""Bytes that an answer may have which is held as a whole."""

Parameters = Mapping[str, str | Sequence[str]]
"""Query parameters; one with several values is repeated."""

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

_INFO = "system/info"
_REDIRECTS = 5
_WAIT_FIRST_S = 0.2
_WAIT_MOST_S = 30.0
_NOT_TAKEN = (429, 503)
_OF_PROXIES = (502, 504)  # the server behind may have done it
_TITLE = re.compile(r"<title[^>]*>([^<]*)|<h1[^>]*>([^<]*)", re.IGNORECASE)


def _has_no_headers(record: logging.LogRecord) -> bool:
    return "_headers.complete" not in record.getMessage()


# The library of retries warns of each on stderr where nobody listens. That of HTTP logs an answer's headers, where
# session cookies stand, and what a server repeats.
logging.getLogger("stamina").addHandler(logging.NullHandler())
for _name in ("httpcore2.http11", "httpcore2.http2", "httpcore2.proxy"):
    logging.getLogger(_name).addFilter(_has_no_headers)


class RequestFailed(OutsideFailed):
    """A request got no good answer. `status` is that of the answer, if there was one, and `document` its JSON."""

    def __init__(self, code: str, *, status: int | None = None, document: Any = None, **members: Any) -> None:
        super().__init__(finding(code, **members))
        self.status = status
        self.document = document
        self.is_passing = False
        """Whether the same request may succeed later, and did nothing so far."""
        self.wait_s: float | None = None
        """How long the server asks to wait before that."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a whole: `document` is its JSON, None where it has no body. `where` names the request."""

    status: int
    document: Any
    where: str

    def message(self) -> WebMessage:
        """Return it as DHIS2's envelope; 2.42 answers some requests without a body."""
        return WebMessage() if self.document is None else typed(WebMessage, self.document, self.where)


class Connection:
    """Requests to the server of a profile. An asynchronous context manager.

    Raises:
        RequestFailed: TP850 to TP858, from any of the requests.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.base = profile.url
        """The server's URL; the canonical one after `find_base`."""
        self.patience = Patience()
        self.poll = Poll()
        """How often jobs are looked at."""
        timeout = httpx2.Timeout(profile.timeout_s)
        self._client = httpx2.AsyncClient(
            timeout=timeout,
            verify=_trust(),
            follow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": f"tallyport/{__version__}"},
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @contextmanager
    def patient(self, patience: Patience) -> Iterator[None]:
        """Wait for a server that goes away meanwhile, as long as `patience` has it."""
        before, self.patience = self.patience, patience
        try:
            yield
        finally:
            self.patience = before

    def begin_wait(self) -> Wait:
        """Return what waits for the server when a request fails: it asks for the little that every server gives."""
        return self.patience.begin(partial(self._get_once, _INFO, None))

    async def find_base(self) -> Any:
        """Ask for the system's info, and learn the canonical URL on the way, where the server leads there.

        A server that cannot be reached is not waited for: the URL may be wrong. One that has a proxy answer is.
        """
        try:
            get = partial(self._get_once, _INFO, None)
            url, document = await self._persist(get, is_waiting=lambda failed: failed.status is not None)
        except RequestFailed as failed:
            if failed.status != 404:
                raise
            found = failed.finding  # every DHIS2 has it: this is another place
            raise RequestFailed("TP857", status=404, source=found.source, found=found.found) from None
        if url.endswith(f"/api/{_INFO}"):
            self.base = url.removesuffix(f"/api/{_INFO}")
        return document

    async def get(self, path: str, parameters: Parameters | None = None, *, is_optional: bool = False) -> Any:
        """Return the JSON at `/api/{path}`. `is_optional`: None if the server knows no such thing (404)."""
        try:
            return (await self._persist(partial(self._get_once, path, parameters)))[1]
        except RequestFailed as failed:
            if is_optional and failed.status == 404:
                return None
            raise

    async def get_all(self, model: type[Model], path: str, expected: str) -> list[Model]:
        """Return the array at `/api/{path}`, as answers of a known shape."""
        found, where = await self.get(path), self.where("GET", path)
        if not isinstance(found, list):
            raise RequestFailed("TP857", source=where, found="no array", expected=expected)
        return [typed(model, one, where) for one in found]

    async def post(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        json: Any = None,
        content: bytes | None = None,
        accept: Sequence[int] = (),
        is_work: bool = False,
        is_idempotent: bool = False,
    ) -> Reply:
        """Send JSON, or `content` that is JSON already; an answer with an error's status is returned if in `accept`.

        Sent once: it is not repeated but where the server did not take it. `is_work`: the server answers when its work
        is done. `is_idempotent`: twice is as good as once.
        """
        body = content if json is None else orjson.dumps(json)
        wait_s = self.profile.answer_timeout_s if is_work else self.profile.timeout_s

        async def send() -> Reply:
            sending = self._answer("POST", path, parameters, body, wait_s)
            try:
                async with self._deadline("POST", path, wait_s), sending as (response, where):
                    document = self._document(response, await self._body(response, where), where)
                    return Reply(response.status_code, document, where)
            except RequestFailed as failed:
                if failed.status in accept and failed.document is not None and failed.status is not None:
                    return Reply(failed.status, failed.document, self.where("POST", path))
                raise

        return await self._persist(
            send, is_sent_once=True, is_waiting=lambda failed: failed.is_passing or is_idempotent
        )

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Parameters | None = None
    ) -> AsyncIterator[tuple[AsyncIterator[bytes], str]]:
        """Open the JSON that answers a GET, in pieces, with the request's name; leaving closes the connection."""
        async with AsyncExitStack() as stack:

            async def open_it() -> tuple[httpx2.Response, str]:
                async with self._deadline("GET", path, self.profile.timeout_s):
                    return await stack.enter_async_context(self._answer("GET", path, parameters))

            response, where = await self._persist(open_it)
            pieces = await stack.enter_async_context(aclosing(self._pieces(response, where)))
            if not _is_json(response):
                raise self._no_json(response, await anext(pieces, b""), where)
            yield pieces, where

    async def pages(
        self, collection: str, fields: str, *, filters: Sequence[str] = (), page_size: int = 1000
    ) -> AsyncIterator[tuple[list[dict[str, Any]], int]]:
        """Yield the objects of a collection, such as `dataElements`, page by page, with the number there are in all.

        `fields` and `filters` as DHIS2 has them, `id,code` and `id:in:[a,b]`.
        """
        asked: dict[str, str | Sequence[str]] = {"fields": fields, "filter": list(filters), "order": "id:asc"}
        for page in count(1):
            answer = await self.get(collection, {**asked, "page": str(page), "pageSize": str(page_size)})
            objects = answer.get(collection) if isinstance(answer, dict) else None
            if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
                where, expected = self.where("GET", collection), f"a page of {collection}"
                raise RequestFailed("TP857", source=where, found="no such collection", expected=expected)
            pager = answer.get("pager") or {}
            yield objects, int(pager.get("total") or len(objects))
            if page >= int(pager.get("pageCount") or 1) or not objects:
                return

    async def _pieces(self, response: httpx2.Response, where: str) -> AsyncGenerator[bytes]:
        """Yield an answer's body as it comes, unpacked."""
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except httpx2.HTTPError as error:
            raise self._failed(error, where) from None

    # --- One request -------------------------------------------------------------------------------------------------

    def where(self, method: str, path: str) -> str:
        """Return how a request is named in findings: without its query."""
        return f"{method} {self.base}/api/{path}"

    @asynccontextmanager
    async def _deadline(self, method: str, path: str, wait_s: float) -> AsyncIterator[None]:
        """Bound the whole of a request: an answer may also come drop by drop."""
        most = wait_s + 3 * self.profile.timeout_s
        try:
            async with asyncio.timeout(most):
                yield
        except TimeoutError:
            found = f"no whole answer within {most:g} s"
            raise RequestFailed("TP851", source=self.where(method, path), found=found) from None

    async def _persist(
        self,
        once: Callable[[], Awaitable[Result]],
        *,
        is_sent_once: bool = False,
        is_waiting: Callable[[RequestFailed], bool] = lambda _: True,
    ) -> Result:
        """Repeat a request that fails for a moment, and wait for a server that is away where `is_waiting` says so."""

        def is_repeated(error: Exception) -> bool | float:
            if not isinstance(error, RequestFailed):
                return False
            if error.is_passing and error.wait_s is not None:
                return min(error.wait_s, _WAIT_MOST_S)
            is_broken = error.finding.code in ("TP850", "TP852") or error.status in _OF_PROXIES
            return error.is_passing or (is_broken and not is_sent_once)

        wait = self.begin_wait()
        repeat = stamina.AsyncRetryingCaller(
            attempts=self.profile.retries + 1,
            timeout=None,
            wait_initial=_WAIT_FIRST_S,
            wait_max=_WAIT_MOST_S,
            wait_jitter=_WAIT_FIRST_S,
        )
        while True:
            try:
                return await repeat(is_repeated, once)
            except RequestFailed as failed:
                if not (is_waiting(failed) and await wait.ends(failed, failed.status)):
                    raise

    async def _get_once(self, path: str, parameters: Parameters | None) -> tuple[str, Any]:
        """Return the URL that a GET led to, without its query, and the JSON there."""
        async with self._deadline("GET", path, self.profile.timeout_s):
            async with self._answer("GET", path, parameters) as (response, where):
                body = await self._body(response, where)
            return str(response.url.copy_with(query=None)), self._document(response, body, where)

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        body: bytes | None = None,
        wait_s: float | None = None,
    ) -> AsyncIterator[tuple[httpx2.Response, str]]:
        """Send a request, following redirects on the same server; raises for an answer with an error's status."""
        url = f"{self.base}/api/{path}"
        for _ in range(_REDIRECTS + 1):
            where = f"{method} {url.partition('?')[0]}"
            response = await self._send(method, url, where, parameters, body, wait_s)
            try:
                if response.is_redirect:
                    url, parameters = self._target(response, where), None
                    continue
                if response.status_code >= 400:
                    raise await self._refusal(response, where)
                yield response, where
                return
            finally:
                await response.aclose()
        raise RequestFailed("TP858", source=where, found=f"more than {_REDIRECTS} redirects")

    async def _send(
        self,
        method: str,
        url: str,
        where: str,
        parameters: Parameters | None,
        body: bytes | None,
        wait_s: float | None,
    ) -> httpx2.Response:
        profile = self.profile
        headers = {} if body is None else {"Content-Type": "application/json"}
        if profile.credentials:
            assert origin(url)[1] == origin(self.base)[1]
            headers["Authorization"] = profile.credentials.header
        timeout = httpx2.Timeout(profile.timeout_s, read=wait_s or profile.timeout_s)
        try:
            request = self._client.build_request(
                method, url, params=parameters, headers=headers, content=body, timeout=timeout
            )
            response = await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self._failed(error, where) from None
        task = asyncio.current_task()
        if task and task.cancelling():  # it came as the answer did, and was lost within the HTTP library
            await response.aclose()
            raise asyncio.CancelledError
        return response

    def _target(self, response: httpx2.Response, where: str) -> str:
        """Return where a redirect leads, if it may be followed."""
        target = urljoin(str(response.url), response.headers.get("Location", ""))
        there = urlsplit(target)
        if re.search(r"(^|/)(dhis-web-)?login", there.path):
            raise self._wrong("TP853", response, where, f"led to the login page {there.path}")
        here = origin(str(response.url))
        is_upgrade = here[0] == "http" and origin(target) == ("https", here[1], 443) and here[2] == 80
        if origin(target) != here and not is_upgrade:
            place = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
            raise self._wrong("TP858", response, where, f"{response.status_code}, to {place}")
        if not where.startswith("GET "):
            raise self._wrong("TP858", response, where, f"{response.status_code}, to {there.path}")
        return target

    async def _body(self, response: httpx2.Response, where: str) -> bytes:
        """Return a body as a whole."""
        parts: list[bytes] = []
        size = 0
        async for piece in self._pieces(response, where):
            parts.append(piece)
            size += len(piece)
            if size > DOCUMENT_BYTES:
                raise self._wrong("TP857", response, where, f"an answer of more than {DOCUMENT_BYTES >> 20} MiB")
        return b"".join(parts)

    def _document(self, response: httpx2.Response, body: bytes, where: str) -> Any:
        """Return a body's JSON, None for an empty one."""
        if not body.strip():
            return None
        if not _is_json(response):
            raise self._no_json(response, body, where)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            reason = f"{error.msg}, at byte {error.pos:,} of {len(body):,}"
            raise self._wrong("TP857", response, where, reason) from None

    def _no_json(self, response: httpx2.Response, body: bytes, where: str) -> RequestFailed:
        """Return the exception for an answer that is not JSON, a page most often."""
        kind = response.headers.get("Content-Type", "an answer without a type").partition(";")[0]
        return self._wrong("TP857", response, where, f"{kind}: {_gist(body)}", expected="application/json")

    async def _refusal(self, response: httpx2.Response, where: str) -> RequestFailed:
        """Return the exception for an answer with an error's status, with what DHIS2 says of it."""
        status = response.status_code
        document = None
        said = ""
        try:
            body = await self._body(response, where)
            said = _gist(body)
            if _is_json(response):
                document = orjson.loads(body)
                said = _said(document) or said
        except (RequestFailed, orjson.JSONDecodeError):
            pass  # the status is known, and says enough
        code = {401: "TP853", 403: "TP854"}.get(status, "TP856" if status >= 500 or status == 429 else "TP855")
        found = f"{status} {response.reason_phrase}" + (f": {said}" if said else "")
        failed = self._wrong(code, response, where, found, document=document)
        failed.is_passing = status in _NOT_TAKEN
        after = response.headers.get("Retry-After", "")
        failed.wait_s = float(after) if after.isdecimal() else None
        return failed

    def _wrong(self, code: str, response: httpx2.Response, where: str, found: str, **more: Any) -> RequestFailed:
        found = shown(self.profile.redacted(found))
        return RequestFailed(code, status=response.status_code, source=where, found=found, **more)

    def _failed(self, error: httpx2.HTTPError, where: str) -> RequestFailed:
        """Return the exception for a failure of the network."""
        code = "TP852"
        if isinstance(error, httpx2.TimeoutException):
            code = "TP851"
        elif isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol | httpx2.ProxyError):
            code = "TP850"
        elif isinstance(error, httpx2.DecodingError):
            code = "TP857"
        reason = shown(self.profile.redacted(" ".join(str(error).split()) or type(error).__name__))
        failed = RequestFailed(code, source=where, found=reason)
        failed.is_passing = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)  # nothing was sent
        return failed


@cache
def _trust() -> ssl.SSLContext:
    """Return whom to trust; made once, as it takes longer than a request."""
    return httpx2.create_ssl_context()


def _is_json(response: httpx2.Response) -> bool:
    return "json" in response.headers.get("Content-Type", "")


def typed(model: type[Model], document: Any, where: str) -> Model:
    """Return a document as an answer of a known shape.

    Raises:
        RequestFailed: TP857, it has another.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise RequestFailed("TP857", source=where, found=f"{place}: {first['msg']}", expected=model.__name__) from None


def _said(document: Any) -> str:
    """Return what DHIS2 itself says in an answer."""
    if not isinstance(document, dict):
        return ""
    response = document.get("response")
    description = response.get("description") if isinstance(response, dict) else document.get("description")
    parts = [document.get("errorCode"), document.get("message") or document.get("error"), description]
    return " ".join(str(part) for part in parts if part)


def _gist(body: bytes) -> str:
    """Return what a page says of itself, or the beginning of a text."""
    text = body[:20_000].decode("utf-8", "replace")
    titled = _TITLE.search(text)
    return " ".join((next(filter(None, titled.groups()), "") if titled else text).split())
