"""Serve: the room's public door. Makes the folder, takes the port, prints nothing: the caller is given the address."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tallyport.web.jobs.targets import Target, convert_only, database, profile
from tallyport_converters.files.folders import data_folder
from tallyport_converters.files.locks import held
from tallyport_schemas.finding import OutsideFailed, Refused, finding

_LOCK = "server.lock"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve. `port` 0 takes any that is free. `key` lets in programs that send it as a bearer token.

    `limit_bytes` bounds one upload, `job_minutes` one job. `folder` holds uploads, jobs and their results.
    """

    port: int = 8042
    database: str | None = None
    profile: str | None = None
    limit_bytes: int = 4 * 10**9
    job_minutes: float = 360
    folder: Path | None = None
    key: str | None = None


def serve(options: ServeOptions | None = None, *, listening: Callable[[str], None] | None = None) -> None:
    """Serve the page and its HTTP interface on this machine's loopback address, until interrupted.

    `listening` is called with the address to open, which is good once. Jobs that run when this returns continue.

    Raises:
        Refused: TP924 another server uses the folder, TP915 the database's URL is invalid, or there is no such profile.
        SourceUnreadable: TP862, the profiles' file cannot be read.
        OutsideFailed: TP809 a part is not installed, TP925 the port is taken, TP801 the folder cannot be made.
    """
    options = options or ServeOptions()
    if sys.platform == "win32":
        message, help_text = "the page runs on Linux and macOS only", "use the command line"
        raise OutsideFailed(finding("TP809", message=message, help=help_text))
    try:
        import uvicorn

        from tallyport.web.folders import Folders
        from tallyport.web.http.access import AccessControl
        from tallyport.web.http.app import application
        from tallyport.web.http.job_queue import JobQueue
        from tallyport.web.http.route import Parts
        from tallyport.web.http.uploads import Uploads
        from tallyport.web.jobs.processes import JobProcesses
        from tallyport.web.store import Store
    except ImportError as error:
        help_text = "install it with pip install 'tallyport[web]'"
        raise OutsideFailed(finding("TP809", found=error.name, help=help_text)) from None
    targets = {target.id: target for target in _targets(options)}
    folders = Folders(options.folder or data_folder())
    try:
        folders.make()
    except OSError as error:
        raise OutsideFailed(finding("TP801", found=f"{folders.root}: {error.strerror}")) from error
    with _alone(folders.root), _listening(options.port) as listener:
        port = listener.getsockname()[1]
        store = Store(folders.root)
        uploads = Uploads(store, folders, options.limit_bytes)
        jobs = JobProcesses(store, folders, targets, options.job_minutes * 60)
        queue = JobQueue(store, uploads, jobs, targets)
        access = AccessControl(
            application(Parts(store, folders, uploads, jobs, queue, targets)),
            store=store,
            hosts=[f"{host}:{port}" for host in ("127.0.0.1", "localhost")],
            cookie=f"tallyport-{port}",
            key=options.key,
        )
        config = uvicorn.Config(
            access,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http="h11",
            ws="none",
            limit_concurrency=200,
            timeout_graceful_shutdown=1,
            lifespan="on",
        )
        if listening:
            listening(f"http://127.0.0.1:{port}/?token={access.token}")
        _hang_up_ends()
        with suppress(KeyboardInterrupt):  # the way to end it
            uvicorn.Server(config).run(sockets=[listener])


def _hang_up_ends() -> None:
    """Have SIGHUP end the server as SIGTERM does, which uvicorn sees to, where it would end the process."""
    if callable(signal.getsignal(signal.SIGHUP)):
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _targets(options: ServeOptions) -> Iterator[Target]:
    yield convert_only()
    if options.database:
        yield database(options.database)
    if options.profile:
        yield profile(options.profile)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: its jobs have one server."""
    lock = held(folder / _LOCK)
    if lock is None:
        raise Refused(finding("TP924", found=str(folder)))
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Listen on the loopback address alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError as error:
            why = "it is taken" if error.errno == errno.EADDRINUSE else error.strerror
            raise OutsideFailed(finding("TP925", found=f"{port}: {why}")) from error
        yield listener
