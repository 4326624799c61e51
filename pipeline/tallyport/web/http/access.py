"""Access: who may speak with the server. Host, origin, session; and the headers that bind a browser to the page alone.

A browser gets in by the one-time token of the address that was printed, which becomes a cookie; a program by a key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallyport.web.http.failures import answer, failed
from tallyport.web.store import SESSION_S, Store

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_CLOSED = (
    "This page needs the address that tallyport serve printed: open it from there. Each is good for one browser.\n"
)


class AccessControl:
    """Lets in who may, as middleware around `app`. `token` is what `tallyport serve` prints, good once."""

    def __init__(self, app: ASGIApp, *, store: Store, hosts: Collection[str], cookie: str, key: str | None) -> None:
        self._app, self._store, self._hosts, self._cookie, self._key = app, store, frozenset(hosts), cookie, key
        self.token: str | None = secrets.token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the app do it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    headers[name] = text
                if "cache-control" not in headers:
                    headers["cache-control"] = "no-cache" if "etag" in headers else "no-store"
            await send(message)

        refusal = self._refusal(scope)
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # its body is dropped on the way
        await (refusal or self._app)(inner, receive, send_bound)

    def _refusal(self, scope: Scope) -> Response | None:
        request = HTTPConnection(scope)
        headers = request.headers
        if headers.getlist("host") != [headers.get("host")] or headers.get("host") not in self._hosts:
            return answer(failed("TP911", found=headers.get("host")))
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") != headers["host"]:
            return answer(failed("TP912", found=origin))
        if scope["path"] != "/" and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return answer(failed("TP912", found=headers["sec-fetch-site"]))
        if self._is_let_in(request):
            return None
        if scope["path"] == "/":
            return self._exchange(request) or PlainTextResponse(_CLOSED, 401)
        return answer(failed("TP910"))

    def _is_let_in(self, request: HTTPConnection) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._key and scheme.lower() == "bearer":
            return hmac.compare_digest(given.encode(), self._key.encode())
        secret = request.cookies.get(self._cookie)
        return secret is not None and self._store.has_session(_digest(secret))

    def _exchange(self, request: HTTPConnection) -> Response | None:
        """Return a cookie for the token, which is then no longer valid."""
        given = request.query_params.get("token", "")
        if self.token is None or not hmac.compare_digest(given.encode(), self.token.encode()):
            return None
        self.token = None
        secret = secrets.token_urlsafe(32)
        self._store.add_session(_digest(secret))
        # No redirect: a browser that comes from elsewhere would follow it without the cookie, which is strict.
        response = HTMLResponse('<a href="/">tallyport</a>', headers={"refresh": "0; url=/"})
        response.set_cookie(self._cookie, secret, max_age=int(SESSION_S), httponly=True, samesite="strict")
        return response


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
