"""A small HTTP/1.1 server on loopback that can also do it wrong: resets, cut and slow bodies, lies about length.

Knows nothing of DHIS2: a subclass answers requests. Runs on a thread of its own; asyncio streams, no framework, as no
framework lets a test break the protocol.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REASONS = {200: "OK", 204: "No Content", 302: "Found", 307: "Temporary Redirect", 400: "Bad Request"}
REASONS |= {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 413: "Payload Too Large"}
REASONS |= {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Request:
    """A request as it came, its body unpacked."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def first(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]

    def listed(self, name: str) -> list[str]:
        return [part for text in self.query.get(name, []) for part in text.split(",") if part]

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class Answer:
    """What is sent back; a body that is an iterator is sent as it comes, in chunks."""

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200, **headers: str) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(document).encode(), {"Content-Type": "application/json;charset=UTF-8"} | named)

    @classmethod
    def page(cls, text: str, status: int = 200) -> Answer:
        return cls(status, text.encode(), {"Content-Type": "text/html;charset=UTF-8"})


@dataclass
class Fault:
    """Something that goes wrong `times` times with requests whose path holds `path`.

    kinds: `refuse` the upload after `after` bytes, `reset` without an answer, `lose` the answer of what was done,
    `break` the answer mid-body by a reset, `cut` it (the body is shorter than said), `truncate` the JSON (the length is
    right), `understate` or `overstate` its length, `silence` no answer at all, `stall` mid-body, `drip` byte by byte,
    `status` with `status`, `redirect` to `target`.
    """

    kind: str
    path: str = "/api/"
    times: int = 1
    method: str = ""
    status: int = 500
    target: str = ""
    after: int = 0
    skip: int = 0
    body: bytes = b"<!doctype html><html><body><h1>HTTP Status 500</h1></body></html>"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})


class LoopbackServer:
    """Listens on a free port of 127.0.0.1 while it is entered."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.left_early: list[str] = []
        """Paths of answers that the other side did not wait for."""
        self.connections = 0
        self.failures: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._serving: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20), self._loop
        ).result()
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            for task in list(self._serving):
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert not self.failures, self.failures

    @property
    def is_serving(self) -> bool:
        """Whether there is a connection, or an answer is still being worked out."""
        return bool(self._serving)

    def go_away(self) -> None:
        """Break all connections off and take no more, as a server that is stopped."""

        async def leave() -> None:
            self._server.close()
            for task in list(self._serving):
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(leave(), self._loop).result()

    def come_back(self) -> None:
        """Listen again where it did before."""
        listening = asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()

    @asynccontextmanager
    async def on_this_loop(self) -> AsyncIterator[Self]:
        """Listen on the running loop, in place of one on a thread of its own."""
        self._loop.close()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._serving):
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
        assert not self.failures, self.failures

    def fail(self, *faults: Fault) -> None:
        self.faults = list(faults)

    def asked(self, path: str, method: str = "") -> list[Request]:
        """Requests whose path holds `path`, without an extension behind it."""
        return [r for r in self.requests if _names(path, r.path) and method in ("", r.method)]

    # --- One connection ----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self.connections += 1
        path = ""
        try:
            while True:
                try:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                except asyncio.IncompleteReadError:
                    break
                line, *lines = head.split("\r\n")
                method, target, _ = line.split(" ")
                headers = {n.lower(): v.strip() for n, _, v in (text.partition(":") for text in lines if text)}
                parts = urlsplit(target)
                path = parts.path
                fault = self._fault(method, path)
                if fault and fault.kind == "refuse":
                    await reader.readexactly(max(1, fault.after))
                    self._reset(writer)
                    return
                body = await _body(reader, headers)
                request = Request(method, path, parse_qs(parts.query, keep_blank_values=True), headers, body)
                self.requests.append(request)
                if not await self._reply(writer, request, fault):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left_early.append(path)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            writer.close()

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if _names(fault.path, path) and fault.times and fault.method in ("", method):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    async def _reply(self, writer: asyncio.StreamWriter, request: Request, fault: Fault | None) -> bool:
        """Answer; returns whether the connection may be used on."""
        kind = fault.kind if fault else ""
        if kind == "reset":
            self._reset(writer)
            return False
        if kind == "silence":
            await asyncio.sleep(3600)
        if fault and kind == "status":
            answer = Answer(fault.status, fault.body, dict(fault.headers))
        elif fault and kind == "redirect":
            answer = Answer(fault.status if fault.status < 400 else 302, b"", {"Location": fault.target})
        else:
            answer = await self.answer(request)
        if kind == "lose":
            self._reset(writer)
            return False
        headers = {"Server": "loopback"} | answer.headers
        if not isinstance(answer.body, bytes):
            await self._stream(writer, answer, headers)
            return True
        body = answer.body
        if "gzip" in request.headers.get("accept-encoding", "") and len(body) > 500:
            body, headers = gzip.compress(body, 1), headers | {"Content-Encoding": "gzip"}
        length = len(body)
        if kind == "truncate":
            body = answer.body[: len(answer.body) // 2]
            headers.pop("Content-Encoding", None)
            length = len(body)
        elif kind == "understate":
            length //= 2
        elif kind == "overstate":
            length += 1000
        sent = body[: len(body) // 2] if kind in ("break", "cut", "stall") else body
        if answer.status != 204:
            headers["Content-Length"] = str(length)
        writer.write(_head(answer.status, headers))
        if kind == "drip":
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
            return True
        writer.write(sent)
        await writer.drain()
        if kind == "stall":
            await asyncio.sleep(3600)
        if kind == "break":
            await asyncio.sleep(0.05)
            self._reset(writer)
        return kind not in ("break", "cut", "understate", "overstate")

    async def _stream(self, writer: asyncio.StreamWriter, answer: Answer, headers: dict[str, str]) -> None:
        assert not isinstance(answer.body, bytes)
        writer.write(_head(answer.status, headers | {"Transfer-Encoding": "chunked"}))
        async for piece in answer.body:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        """Close in a way that the other side sees as a reset."""
        found: socket.socket = writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def _names(part: str, path: str) -> bool:
    """Whether a path holds a part that no extension follows: `/things.json` is another path than `/things`."""
    return re.search(re.escape(part) + r"(?!\.)", path) is not None


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Other')}", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", ""):
        parts: list[bytes] = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        body = b"".join(parts)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


__all__: Sequence[str] = ["Answer", "Fault", "LoopbackServer", "Request"]
