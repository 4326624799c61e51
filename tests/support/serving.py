"""The page for the tests: servers as processes of their own, programs that ask them, and a real browser."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, sync_playwright

from support.places import ROOT
from support.running import command, environment

KEY = "the-key-of-the-tests"
FINAL = ("done", "failed", "cancelled", "interrupted")

os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(ROOT / ".venv" / "browsers"))
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


class Server:
    """A server that runs. Asks are made as a program makes them, with the key."""

    def __init__(self, folder: Path, *options: str, settings: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self.options = options
        self.settings = {"TALLYPORT_SERVE_KEY": KEY, **settings}
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, on the port that it had before."""
        line = command("serve", "--json", "--no-browser", "--folder", self.folder, "--port", str(self.port))
        self.process = subprocess.Popen([*line, *self.options], stdout=subprocess.PIPE, env=environment(self.settings))
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, "the server did not start"
        self.address = json.loads(said)["address"]
        self.port = urlsplit(self.address).port or 0

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it; returns its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = {},
        *,
        is_known: bool = True,
    ) -> Answer:
        """Ask something; a body that is no bytes and cannot be iterated goes as JSON."""
        sent = {"Authorization": f"Bearer {KEY}"} if is_known else {}
        if body is not None and not isinstance(body, bytes | Iterator):
            body, sent = json.dumps(body).encode(), {**sent, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**sent, **headers})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def upload(self, name: str, data: bytes) -> str:
        """Send a file; returns the upload's id."""
        answer = self.ask("PUT", f"/api/uploads?name={quote(name)}", data)
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def dry_run(self, files: Mapping[str, bytes], target: str = "convert", **options: Any) -> dict[str, Any]:
        """Run files dry, to the end."""
        sources = [{"upload": self.upload(name, data)} for name, data in files.items()]
        begun = self.ask("POST", "/api/jobs", {"sources": sources, "target": target, "options": options})
        assert begun.status == 201, begun.body
        return self.wait(begun.json["id"])

    def run(self, job: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Run what was run dry, to the end."""
        begun = self.ask("POST", f"/api/jobs/{job['id']}/run", {"plan": job["plan"], **more})
        assert begun.status == 201, begun.body
        return self.wait(begun.json["id"])

    def job(self, id: str) -> dict[str, Any]:
        """Look at a job."""
        answer = self.ask("GET", f"/api/jobs/{id}")
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def wait(self, id: str, *states: str) -> dict[str, Any]:
        """Wait until a job is in one of these states, by default one that is final."""
        until = time.monotonic() + 60
        while (job := self.job(id))["state"] not in (states or FINAL):
            assert time.monotonic() < until, job
            time.sleep(0.03)
        return job


@contextmanager
def served(folder: Path, *options: str, settings: Mapping[str, str] = {}) -> Iterator[Server]:
    """Have a server run, with `settings` in its environment."""
    server = Server(folder, *options, settings=settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def chromium() -> str | None:
    """Where a Chromium is: `TALLYPORT_CHROMIUM`, or one that the system has; None for Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("TALLYPORT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Have a browser run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
