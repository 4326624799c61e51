"""Processes of jobs: started from the store's queue, watched by a lock that lives as long as they do, cancelled.

A process outlives the server: whoever serves next finds it by its lock. Linux and macOS.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tallyport.web.folders import LOCK, LOG, OUT, Folders
from tallyport.web.jobs.targets import Target, cancelled
from tallyport.web.store import Store
from tallyport_converters.files.locks import held
from tallyport_converters.files.publish import WORK
from tallyport_schemas.finding import finding

WORKER = "tallyport.web.jobs.worker"
SIDE_BY_SIDE = 2
_LOOK_EVERY_S = 0.15
_PATIENCE_S = 10.0
"""How long a cancelled job may take to undo its current step."""


class JobProcesses:
    """The processes of all jobs. `targets` are what this server was started with; a job may take `seconds`."""

    def __init__(self, store: Store, folders: Folders, targets: Mapping[str, Target], seconds: float) -> None:
        self._store, self._folders, self._targets, self._seconds = store, folders, targets, seconds
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: dict[str, float] = {}
        self._awake = asyncio.Event()

    async def watch(self) -> None:
        """Start what waits and see what ended, until cancelled."""
        while True:
            self.look()
            self._awake.clear()
            try:
                async with asyncio.timeout(_LOOK_EVERY_S if self._store.jobs("queued", "running", limit=1) else None):
                    await self._awake.wait()
            except TimeoutError:
                pass

    def wake(self) -> None:
        """Have the watch look at once."""
        self._awake.set()

    def look(self) -> None:
        """Start what waits, oldest first, and see what ended."""
        alive = 0
        for job in reversed(self._store.jobs("queued", "running")):
            id = job["id"]
            if self._is_alive(id):
                alive += 1
                if time.monotonic() > self._cancelled.get(id, math.inf):
                    self._signal(id, signal.SIGKILL)
            elif job["state"] == "running" or id in self._processes:
                self._ended_silently(id)
            elif alive < SIDE_BY_SIDE:
                alive += self._start(job)
        for id, process in list(self._processes.items()):
            if process.poll() is not None and not self._is_alive(id):
                self._ended_silently(id)
                del self._processes[id]

    def cancel(self, id: str) -> None:
        """Ask a job to undo its current step and end; it is killed if it does not."""
        if self._is_alive(id):
            self._cancelled.setdefault(id, time.monotonic() + _PATIENCE_S)
            self._signal(id, signal.SIGINT)
        else:
            self._end_cancelled(id)
        self.wake()

    def remove(self, id: str) -> None:
        """Forget a job that has ended, with its folder."""
        self._store.remove_job(id)
        shutil.rmtree(self._folders.jobs / id, ignore_errors=True)

    def remove_unknown(self) -> None:
        """Remove folders of which the store knows nothing: a server was killed in the middle."""
        for path in self._folders.jobs.iterdir():
            if self._store.job(path.name) is None and not self._is_alive(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _start(self, job: Mapping[str, Any]) -> bool:
        """Start a job's process; it holds the lock from before its first instruction on."""
        id, target = job["id"], self._targets.get(job["target"]["id"])
        if target is None or target.fingerprint != job["fingerprint"]:
            self._store.end_job(id, "failed", finding=finding("TP917").as_json())
            return False
        folder = self._folders.jobs / id
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = held(folder / LOCK)
        if lock is None:
            return False
        try:
            with (folder / LOG).open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", WORKER, str(self._folders.root), id, str(self._seconds)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    env=_environment(target.settings),
                    pass_fds=[lock],
                    start_new_session=True,
                )
            os.write(lock, b"%d" % process.pid)
        finally:
            os.close(lock)
        self._processes[id] = process
        return True

    def _is_alive(self, id: str) -> bool:
        """Whether a job's process is there: then it holds its lock."""
        if (process := self._processes.get(id)) is not None:
            return process.poll() is None
        try:
            lock = held(self._folders.jobs / id / LOCK)
        except FileNotFoundError:
            return False
        if lock is not None:
            os.close(lock)
        return lock is None

    def _signal(self, id: str, number: int) -> None:
        text = (self._folders.jobs / id / LOCK).read_text()
        if text.isdecimal():
            with suppress(ProcessLookupError):
                os.killpg(int(text), number)

    def _ended_silently(self, id: str) -> None:
        """Record how a process that is gone ended, if it did not do so itself, and remove what it left."""
        shutil.rmtree(self._folders.jobs / id / OUT / WORK, ignore_errors=True)
        if id in self._cancelled:
            self._end_cancelled(id)
        else:
            self._store.end_job(id, "interrupted", finding=finding("TP922").as_json())
        self._cancelled.pop(id, None)

    def _end_cancelled(self, id: str) -> None:
        if (job := self._store.job(id)) is not None:
            self._store.end_job(id, "cancelled", finding=cancelled(job["target"]["kind"]).as_json())


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job: the server's, without what is the server's alone."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TALLYPORT_SERVE_")}
    return kept | dict(settings)
