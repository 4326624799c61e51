"""App: the routes of the HTTP interface and of the page. Each answers a request from the store, or queues a job."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import mimetypes
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tallyport.web.folders import RESULT, Folders
from tallyport.web.http.downloads import MEDIA_TYPES, Downloads, read
from tallyport.web.http.failures import Failed, answer, failed, invalid
from tallyport.web.http.openapi import document
from tallyport.web.http.uploads import Uploads, new_id
from tallyport.web.jobs.processes import Jobs
from tallyport.web.jobs.targets import Target
from tallyport.web.messages import (
    FINAL,
    ConvertQuery,
    Download,
    DryRunRequest,
    FindingMessage,
    Format,
    Job,
    JobSource,
    Kind,
    NameQuery,
    Options,
    RunRequest,
    Server,
    SourceOf,
    TargetMessage,
    Upload,
    finding_of,
)
from tallyport.web.messages import Jobs as JobList
from tallyport.web.store import Store
from tallyport_converters.model.file_header import canonical_scheme
from tallyport_schemas import __version__
from tallyport_schemas.finding import finding

PAGE, TEXTS = Path(__file__).parents[1] / "page", Path(__file__).parents[1] / "texts"

_BODY_BYTES = 1 << 20
_WAITING_MOST = 200
_LISTED_MOST = 200
_LOOK_EVERY_S = 0.15
_HEARTBEAT_S = 15.0
_SCRIPT_SHOWN_BYTES = 64 << 10
_IDLE_UPLOADS_S = 24 * 3600.0

_ID = re.compile("[a-z2-7]{16}")

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    store: Store
    folders: Folders
    uploads: Uploads
    jobs: Jobs
    targets: Mapping[str, Target]


class Routes:
    """The interface; every method answers one kind of request."""

    def __init__(self, parts: Parts) -> None:
        self._store, self._folders, self._uploads = parts.store, parts.folders, parts.uploads
        self._jobs, self._targets = parts.jobs, parts.targets

    async def server(self, request: Request) -> Response:
        """Say what this server offers."""
        del request
        languages = sorted(path.stem for path in TEXTS.glob("*.json"))
        formats = ["dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx"]
        targets = [target.message for target in self._targets.values()]
        return _json(Server(__version__, self._uploads.limit_bytes, languages, formats, targets))

    async def openapi(self, request: Request) -> Response:
        """Describe this interface."""
        del request
        return Response(json.dumps(document()), media_type="application/json")

    # --- Uploads -----------------------------------------------------------------------------------------------------

    async def put_upload(self, request: Request) -> Response:
        """Take a file in."""
        name = _query(request, NameQuery).name
        return _json(_upload(await self._uploads.receive(request, name)), 201)

    async def upload(self, request: Request) -> Response:
        """Say what a file is."""
        return _json(_upload(self._known_upload(_id(request))))

    async def remove_upload(self, request: Request) -> Response:
        """Remove a file that no job needs."""
        id = self._known_upload(_id(request))["id"]
        self._uploads.remove(id)
        return Response(status_code=204)

    def _known_upload(self, id: str) -> dict[str, Any]:
        upload = self._store.upload(id)
        if upload is None:
            raise failed("TP914", found=id)
        return upload

    # --- Jobs --------------------------------------------------------------------------------------------------------

    async def job_list(self, request: Request) -> Response:
        """List jobs."""
        del request
        listed = (job for job in self._store.jobs(limit=_LISTED_MOST) if job["kind"] in ("dry-run", "run"))
        return _json(JobList([self._message(job) for job in listed]))

    async def dry_run(self, request: Request) -> Response:
        """Queue a dry run."""
        asked = await _body(request, DryRunRequest)
        target = self._target(asked.target)
        for name in msgspec.to_builtins(asked.options):
            if name not in target.options:
                raise failed("TP915", field=name, message=f"the option {name} has no effect on this target")
        return self._queued("dry-run", asked.sources, target, asked.options)

    async def run(self, request: Request) -> Response:
        """Queue the run of a dry run: of the same bytes, options and target, or not at all."""
        job = self._known_job(request)
        asked = await _body(request, RunRequest)
        if job["kind"] != "dry-run" or job["state"] != "done" or not job["summary"].get("runnable"):
            raise failed("TP918", message="only a dry run that found something to do can be run")
        target = self._target(job["target"]["id"])
        if asked.plan != job["plan"] or target.fingerprint != job["fingerprint"]:
            raise failed("TP917")
        removes = bool(job["summary"].get("removes_for_good")) and target.kind == "database"
        if removes and asked.confirm != target.label:
            raise failed("TP919", expected=target.label)
        return self._repeated(job, "run", of=job["id"], removes_for_good=removes)

    async def again(self, request: Request) -> Response:
        """Queue a job again that was cut short: the same bytes, options and target."""
        job = self._known_job(request)
        if job["state"] not in ("failed", "cancelled", "interrupted"):
            raise failed("TP918", message="only a job that was cut short can be run again")
        if self._target(job["target"]["id"]).fingerprint != job["fingerprint"]:
            raise failed("TP917")
        return self._repeated(job, job["kind"], of=job["of"], **_kept(job["request"], "removes_for_good"))

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that waits or is at work."""
        job = self._known_job(request)
        if job["state"] in FINAL:
            raise failed("TP918", message="the job has ended")
        self._jobs.cancel(job["id"])
        return self._answer(job["id"], 202)

    async def job(self, request: Request) -> Response:
        """Say all that is known of a job."""
        return self._answer(self._known_job(request)["id"], 200)

    async def remove_job(self, request: Request) -> Response:
        """Remove a job that has ended, and what it left."""
        job = self._known_job(request)
        if job["state"] not in FINAL:
            raise failed("TP918", message="the job has not ended", help="cancel it first")
        await anyio.to_thread.run_sync(self._forget, job)
        return Response(status_code=204)

    def _forget(self, job: Mapping[str, Any]) -> None:
        self._jobs.remove(job["id"])
        for source in job["request"]["sources"]:
            if self._store.remove_upload(source["upload"]):
                self._folders.upload(source["upload"]).unlink(missing_ok=True)

    def _target(self, id: str) -> Target:
        if id not in self._targets:
            raise failed("TP915", field="target", found=id, expected=", ".join(self._targets))
        return self._targets[id]

    def _queued(self, kind: str, sources: list[SourceOf], target: Target, options: Options) -> Response:
        _check_schemes(options.id_schemes)
        taken = [self._source(source) for source in sources]
        if twice := [name for name, count in Counter(source.upload for source in sources).items() if count > 1]:
            raise failed("TP915", field="sources", found=twice[0], message="a file is in the list twice")
        return self._add(kind, {"sources": taken, "options": msgspec.to_builtins(options)}, target)

    def _source(self, source: SourceOf) -> dict[str, Any]:
        upload = self._known_upload(source.upload)
        is_adv2 = upload["format"] == "adv2" and source.format is None
        told = {"upload": upload["id"], **_kept(upload, "name", "bytes", "sha256"), "is_adv2": is_adv2}
        return told | ({"format": source.format} if source.format else {})

    def _repeated(self, job: Mapping[str, Any], kind: str, *, of: str | None, **more: Any) -> Response:
        request = {**_kept(job["request"], "sources", "options"), **more}
        return self._add(kind, request, self._targets[job["target"]["id"]], of=of)

    def _add(self, kind: str, request: dict[str, Any], target: Target, of: str | None = None) -> Response:
        if len(self._store.jobs("queued")) >= _WAITING_MOST:
            raise failed("TP926")
        id = new_id()
        told = msgspec.to_builtins(target.message)
        self._store.add_job(id, kind, request, told, target.fingerprint, plan_of(request, target), of)
        self._jobs.wake()
        return self._answer(id, 201)

    def _known_job(self, request: Request) -> dict[str, Any]:
        job = self._store.job(_id(request))
        if job is None:
            raise failed("TP914", found=request.path_params["id"])
        return job

    def _answer(self, id: str, status: int) -> Response:
        job = self._store.job(id)
        if job is None:
            raise failed("TP914", found=id)
        message = self._message(job)
        result = self._folders.job(id) / RESULT
        if job["state"] in FINAL and result.exists():
            downloads = Downloads(self._folders, job)
            found: dict[str, Any] = json.loads(result.read_bytes())
            offered = dict(downloads.offered())
            if "statements.sql" in offered:
                found["sql"] = downloads.script(_SCRIPT_SHOWN_BYTES).decode(errors="replace")
            message.result = found
            message.downloads = [Download(what, size) for what, size in offered.items()]
        return _json(message, status)

    def _message(self, job: Mapping[str, Any]) -> Job:
        summary, kind = job["summary"], job["kind"]
        can_run = kind == "dry-run" and job["state"] == "done" and summary and summary.get("runnable")
        removes = can_run and summary["removes_for_good"] and job["target"]["kind"] == "database"
        return Job(
            job["id"],
            kind,
            job["state"],
            job["created"],
            [
                JobSource(source["upload"], source["name"], source["bytes"], source.get("format"))
                for source in job["request"]["sources"]
            ],
            TargetMessage(**job["target"]),
            msgspec.convert(job["request"]["options"], Options),
            job["started"],
            job["ended"],
            job["of"],
            FindingMessage(**job["finding"]) if job["finding"] else None,
            summary,
            job["plan"] if can_run else None,
            job["target"]["label"] if removes else None,
        )

    # --- Watching, fetching ------------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """Stream a job's events, behind the one that was seen last."""
        job = self._known_job(request)
        seen = request.headers.get("last-event-id", "")
        after = int(seen) if seen.isdecimal() and len(seen) < 18 else 0
        return StreamingResponse(self._events(job["id"], after), media_type="text/event-stream")

    async def _events(self, id: str, after: int) -> AsyncIterator[bytes]:
        quiet_s = 0.0
        yield b"retry: 1000\n\n"
        while True:
            for number, kind, data in self._store.events(id, after):
                after, quiet_s = number, 0.0
                yield f"id: {number}\nevent: {kind}\ndata: {data}\n\n".encode()
                if kind == "end":
                    return
            job = self._store.job(id)
            if job is None or job["state"] in FINAL:
                state = job["state"] if job else "gone"
                yield f'event: end\ndata: {{"state": "{state}"}}\n\n'.encode()
                return
            await asyncio.sleep(_LOOK_EVERY_S)
            quiet_s += _LOOK_EVERY_S
            if quiet_s > _HEARTBEAT_S:
                quiet_s = 0.0
                yield b": still here\n\n"

    async def download(self, request: Request) -> Response:
        """Fetch what a job left."""
        job, what = self._known_job(request), request.path_params["what"]
        if what not in MEDIA_TYPES:
            raise failed("TP914", found=what, expected=", ".join(MEDIA_TYPES))
        downloads = Downloads(self._folders, job)
        if job["state"] not in FINAL or what not in dict(downloads.offered()):
            raise failed("TP914", found=what)
        headers = {"content-disposition": f'attachment; filename="{what}"'}
        return StreamingResponse(downloads.blocks(what), 200, headers, MEDIA_TYPES[what])

    # --- One request, one answer -------------------------------------------------------------------------------------

    async def convert(self, request: Request) -> Response:
        """Take a legacy file in, and answer with what it becomes: an archive, or the one file of `layout=single`."""
        asked = _query(request, ConvertQuery)
        options = Options(
            data_set=asked.data_set,
            id_schemes=asked.id_scheme,
            keep_followup_false=asked.keep_followup_false,
            strict=asked.strict,
            layout=asked.layout,
            compress=asked.compress,
        )
        job = await self._passing("convert", request, asked.name, asked.format, options)
        summary, downloads = job["summary"], Downloads(self._folders, job)
        try:
            if summary["sources_failed"] or (options.layout == "single" and downloads.single() is None):
                raise self._source_failed(job)
            if options.layout == "single" and (path := downloads.single()):
                packed = {"gz": "application/gzip", "zst": "application/zstd"}
                blocks, media_type = read(path), packed.get(options.compress, "application/json")
            else:
                blocks, media_type = downloads.blocks("adv2.zip"), "application/zip"
        except Failed:
            self._forget(job)
            raise
        headers = {f"tallyport-{name}": str(count) for name, count in summary["values"].items()}
        return StreamingResponse(blocks, 200, headers, media_type, BackgroundTask(self._forget, job))

    async def validate(self, request: Request) -> Response:
        """Take an ADV2 file in, and answer with what `tallyport validate --json` says of it."""
        job = await self._passing("validate", request, _query(request, NameQuery).name, None, Options())
        path = Downloads(self._folders, job).validation
        return StreamingResponse(read(path), 200, None, "application/json", BackgroundTask(self._forget, job))

    async def _passing(
        self, kind: Kind, request: Request, name: str, form: Format | None, options: Options
    ) -> dict[str, Any]:
        """Have a job done and wait for it; whoever goes away cancels it. Whoever asked removes it."""
        upload = await self._uploads.receive(request, name)
        source = SourceOf(upload["id"], form)
        id = json.loads(bytes(self._queued(kind, [source], self._targets["convert"], options).body))["id"]
        try:
            while (job := self._store.job(id)) and job["state"] not in FINAL:
                if await request.is_disconnected():
                    raise ClientDisconnect
                await asyncio.sleep(_LOOK_EVERY_S / 3)
        except BaseException:
            self._jobs.cancel(id)
            raise
        if job is None:
            raise failed("TP914", found=id)
        if job["state"] != "done":
            self._forget(job)
            raise Failed(finding_of(job["finding"]), 422)
        return job

    def _source_failed(self, job: Mapping[str, Any]) -> Failed:
        """Return why the one source of a job has no ADV2."""
        result = json.loads((self._folders.job(job["id"]) / RESULT).read_bytes())
        error = result["sources"][0].get("error")
        if error is None:
            return Failed(finding("TP915", message="the file has no values, so there is no single ADV2 file"), 422)
        return Failed(finding_of(error), 422)


def _check_schemes(schemes: Sequence[str]) -> None:
    """Refuse schemes that are none, and two for one kind."""
    kinds: set[str] = set()
    for text in schemes:
        kind, _, scheme = text.rpartition("=")
        try:
            canonical_scheme(scheme)
        except ValueError:
            expected = "UID, CODE, NAME or ATTRIBUTE:<uid>"
            raise failed("TP915", field="id_schemes", found=text, expected=expected) from None
        if kind in kinds:
            raise failed("TP915", field="id_schemes", found=text, message="a kind is given two schemes")
        kinds.add(kind)


def plan_of(request: Mapping[str, Any], target: Target) -> str:
    """Return what tells a plan from others: the files' bytes and names, formats, options, target."""
    sources = [[source["sha256"], source["name"], source.get("format")] for source in request["sources"]]
    text = json.dumps([sources, request["options"], target.fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- Reading requests, writing answers -------------------------------------------------------------------------------


def _id(request: Request) -> str:
    """Return the id of the path; what cannot be one is not looked up."""
    id: str = request.path_params["id"]
    if not _ID.fullmatch(id):
        raise failed("TP914", found=id)
    return id


def _query(request: Request, kind: type[T]) -> T:
    """Return the query as a message."""
    lists = {field.name for field in msgspec.structs.fields(kind) if field.name == "id_scheme"}  # type: ignore[arg-type]
    names = list(request.query_params)
    given: dict[str, Any] = {}
    for name in names:
        texts = request.query_params.getlist(name)
        if name not in lists and len(texts) > 1:
            raise failed("TP915", field=name, message="a parameter is given twice")
        given[name] = texts if name in lists else texts[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, given) from error


async def _body(request: Request, kind: type[T]) -> T:
    """Return the body, JSON, as a message."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise failed("TP915", status=415, found=request.headers.get("content-type"), expected="application/json")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_BYTES:
                raise failed("TP913", expected=f"at most {_BODY_BYTES:,} bytes")
    except ClientDisconnect as error:
        raise failed("TP923") from error
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(error, _read(body)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise failed("TP915", status=400, message="the request is not JSON", found=str(error)) from error


def _read(body: bytes | bytearray) -> object:
    """Return JSON as far as it can be read, to say what is wrong in it."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _json(message: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(message), status, media_type="application/json")


def _upload(upload: Mapping[str, Any]) -> Upload:
    return msgspec.convert(dict(upload), Upload)


def _kept(members: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: members[name] for name in names if name in members}


# --- The page --------------------------------------------------------------------------------------------------------


def _files() -> Mapping[str, tuple[bytes, str]]:
    """Return what a browser may get, by path: read once, found by name in this table and no other way."""
    found = {f"/{path.name}": path for path in PAGE.iterdir() if path.is_file()}
    found |= {f"/texts/{path.name}": path for path in TEXTS.glob("*.json")}
    types = {".js": "text/javascript", ".svg": "image/svg+xml"}
    files = {
        name: (path.read_bytes(), types.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain")
        for name, path in found.items()
    }
    return {**files, "/": files["/index.html"]}


def _file(body: bytes, media_type: str) -> Handler:
    """Return a handler for a file, packed for whoever takes that; browsers ask for it anew only if it changed."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    packed = gzip.compress(body, 9, mtime=0)

    async def handle(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, 200, {**headers, "content-encoding": "gzip"}, media_type)
        return Response(body, 200, headers, media_type)

    return handle


async def _refused(request: Request, error: Exception) -> Response:
    del request
    if isinstance(error, Failed):
        return answer(error)
    assert isinstance(error, HTTPException)
    return answer(failed("TP916" if error.status_code == 405 else "TP914"), error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Answer one who is there no longer: nobody reads it, but it is no fault of ours."""
    del request, error
    return answer(failed("TP923"))


def application(parts: Parts) -> Starlette:
    """Return the whole of it; while it runs, jobs are started and watched."""
    routes = Routes(parts)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        parts.uploads.remove_unknown()
        parts.jobs.remove_unknown()
        tasks = [asyncio.create_task(parts.jobs.watch()), asyncio.create_task(_tidy(parts.uploads))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    table: list[tuple[str, str, Handler]] = [
        ("GET", "/api/server", routes.server),
        ("GET", "/api/openapi.json", routes.openapi),
        ("PUT", "/api/uploads", routes.put_upload),
        ("GET", "/api/uploads/{id}", routes.upload),
        ("DELETE", "/api/uploads/{id}", routes.remove_upload),
        ("GET", "/api/jobs", routes.job_list),
        ("POST", "/api/jobs", routes.dry_run),
        ("GET", "/api/jobs/{id}", routes.job),
        ("DELETE", "/api/jobs/{id}", routes.remove_job),
        ("POST", "/api/jobs/{id}/run", routes.run),
        ("POST", "/api/jobs/{id}/again", routes.again),
        ("POST", "/api/jobs/{id}/cancel", routes.cancel),
        ("GET", "/api/jobs/{id}/events", routes.events),
        ("GET", "/api/jobs/{id}/downloads/{what}", routes.download),
        ("POST", "/api/convert", routes.convert),
        ("POST", "/api/validate", routes.validate),
    ]
    by_path: dict[str, dict[str, Handler]] = {}
    for method, path, handler in table:
        by_path.setdefault(path, {})[method] = handler
    return Starlette(
        routes=[
            *(Route(path, _by_method(handlers), methods=list(handlers)) for path, handlers in by_path.items()),
            *(Route(name, _file(body, kind), methods=["GET"]) for name, (body, kind) in _files().items()),
        ],
        exception_handlers={Failed: _refused, HTTPException: _refused, ClientDisconnect: _gone},
        lifespan=lifespan,
    )


async def _tidy(uploads: Uploads) -> None:
    while True:
        uploads.remove_idle(_IDLE_UPLOADS_S)
        await asyncio.sleep(3600)


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle
