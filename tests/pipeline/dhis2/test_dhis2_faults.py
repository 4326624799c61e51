"""What can go wrong between the program and a DHIS2 server: a clear error each, no traceback, no hang, no secret."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from support.dhis2_http import Fault
from support.dhis2_running import combos
from support.dhis2_server import BEARER, PASSWORD, SECRETS, TOKEN, USERNAME, Dhis2Server, issues
from tallyport.cli import main

OUTSIDE, USAGE = 4, 2
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
PAGE = {"Content-Type": "text/html"}
CREDENTIALS = {
    "password": {"TALLYPORT_USERNAME": USERNAME, "TALLYPORT_PASSWORD": PASSWORD},
    "token": {"DHIS2_TOKEN": TOKEN},
    "bearer": {"TALLYPORT_BEARER": BEARER},
}


@dataclass
class Ended:
    """A run that ended, with all that it said anywhere."""

    exit_code: int
    stdout: str
    stderr: str
    logged: str
    took_s: float
    written: str = field(default="", repr=False)

    @property
    def code(self) -> str:
        """The code of the finding that it failed with."""
        return str(json.loads(self.stdout)["error"]["code"])

    @property
    def found(self) -> str:
        return str(json.loads(self.stdout)["error"].get("found", ""))


class Runner:
    """Runs the program against a server, and searches all that comes of it for secrets."""

    def __init__(
        self,
        folder: Path,
        server: Dhis2Server,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.folder, self.server, self._capsys, self._caplog, self._patch = folder, server, capsys, caplog, patch
        self.secrets = list(SECRETS)
        self.expect("")
        self.use("password")
        patch.chdir(folder)
        patch.setenv("TALLYPORT_PROFILES", str(folder / "profiles.toml"))
        patch.setenv("TALLYPORT_RETRIES", "0")
        caplog.set_level(logging.DEBUG)

    def use(self, kind: str) -> None:
        """Give credentials of this kind by the environment."""
        for settings in CREDENTIALS.values():
            for name in settings:
                self._patch.delenv(name, raising=False)
        for name, text in CREDENTIALS[kind].items():
            self._patch.setenv(name, text)

    def expect(self, code: str) -> None:
        """Wait briefly where nothing is to come, and long enough for a busy machine where something is."""
        self.timeout_s = 0.8 if code == "TP851" else 5.0

    def __call__(self, *arguments: str, url: str | None = None) -> Ended:
        self._capsys.readouterr()
        self._caplog.clear()
        began = time.monotonic()
        exit_code = main.run([*arguments, "--url", url or self.server.url, "--timeout", str(self.timeout_s)])
        took_s = time.monotonic() - began
        stdout, stderr = self._capsys.readouterr()
        files = "".join(path.read_text() for path in self.folder.rglob("*") if path.is_file())
        ended = Ended(exit_code, stdout, stderr, self._caplog.text, took_s, files)
        for secret in self.secrets:
            assert secret not in stdout + stderr + ended.logged + files
        assert "Traceback" not in stderr
        assert took_s < 60
        return ended


@pytest.fixture
def server() -> Iterator[Dhis2Server]:
    with Dhis2Server(metadata=combos()) as loopback:
        loopback.issues = {"orgunits_trailing_spaces": issues(2000)}
        loopback.fill_cache()
        yield loopback


@pytest.fixture
def run(
    tmp_path: Path,
    server: Dhis2Server,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Runner:
    return Runner(tmp_path, server, capsys, caplog, monkeypatch)


FAULTS = {
    "reset": (Fault("reset"), "TP852", ""),
    "reset in the body": (Fault("break"), "TP852", ""),
    "cut": (Fault("cut"), "TP852", ""),
    "no answer": (Fault("silence"), "TP851", ""),
    "stalled": (Fault("stall"), "TP851", ""),
    "drop by drop": (Fault("drip"), "TP851", "no whole answer within"),
    "500 with a page": (Fault("status", headers=PAGE), "TP856", "500 Internal Server Error: HTTP Status 500"),
    "503": (Fault("status", status=503, body=b"busy", headers={"Content-Type": "text/plain"}), "TP856", "503"),
    "a page": (Fault("status", status=200, headers=PAGE), "TP857", "text/html: HTTP Status 500"),
    "truncated JSON": (Fault("truncate"), "TP857", "at byte"),
    "a length too short": (Fault("understate"), "TP857", "at byte"),
    "a length too long": (Fault("overstate"), "TP852", ""),
    "no gzip": (Fault("status", status=200, body=b"plain", headers=GZIP), "TP857", ""),
    "no object": (Fault("status", status=200, body=b"[]", headers={"Content-Type": "application/json"}), "TP857", ""),
    "another host": (Fault("redirect", target="https://other.example.org/api"), "TP858", "https://other.example.org"),
    "in circles": (Fault("redirect", target="/dhis/api/me", times=20), "TP858", "more than 5 redirects"),
    "the login page": (Fault("redirect", target="/dhis/dhis-web-login/"), "TP853", "login page"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_of_an_answer_is_a_clear_error(name: str, run: Runner) -> None:
    fault, code, told = FAULTS[name]
    run.expect(code)
    run.server.fail(replace(fault, path="/api/me"))
    ended = run("server", "info", "--json")
    assert (ended.exit_code, ended.code) == (OUTSIDE, code)
    assert told in ended.found
    assert ended.stderr == ""
    error = json.loads(ended.stdout)["error"]
    assert error["source"] == f"GET {run.server.url}/api/me"
    run.server.fail(replace(fault, path="/api/me"))
    ended = run("server", "info")
    assert (ended.exit_code, ended.stdout) == (OUTSIDE, "")
    assert f"error[{code}]" in ended.stderr
    assert "  help: " in ended.stderr


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("silence", "TP851"),
        ("status", "TP856"),
        ("break", "TP852"),
        ("cut", "TP852"),
        ("stall", "TP851"),
        ("truncate", "TP857"),
        ("overstate", "TP852"),
    ],
)
def test_each_fault_within_a_stream_of_issues_is_a_clear_error_behind_the_rows_that_came(
    kind: str, code: str, run: Runner
) -> None:
    run.expect(code)
    run.server.fail(Fault(kind, "/details"))
    ended = run("integrity", "issues", "--format", "ndjson")
    assert ended.exit_code == OUTSIDE
    assert f"error[{code}]" in ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["id"] for row in rows] == [f"i{number:010d}" for number in range(len(rows))]
    run.server.fail(Fault(kind, "/details"))
    ended = run("integrity", "issues", "--format", "json")
    assert (ended.exit_code, ended.code) == (OUTSIDE, code)
    assert "issues" not in json.loads(ended.stdout)


def test_a_server_that_is_not_there_is_a_clear_error(run: Runner) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/dhis"
        ended = run("server", "info", "--json", url=url)
    assert (ended.exit_code, ended.code) == (OUTSIDE, "TP850")
    ended = run("server", "info", "--json", url="http://no-such-host.invalid/dhis")
    assert (ended.exit_code, ended.code) == (OUTSIDE, "TP850")


def test_a_server_that_does_not_speak_http_is_a_clear_error(run: Runner) -> None:
    run.server.fail(Fault("status", "/system/info", status=99))
    ended = run("server", "info", "--json")
    assert (ended.exit_code, ended.code) == (OUTSIDE, "TP852")


def test_a_job_without_an_end_is_given_up_and_its_id_told(run: Runner) -> None:
    run.server.is_endless = True
    ended = run("maintenance", "analytics", "--watch", "--job-timeout", "1", "--json")
    assert (ended.exit_code, ended.code, ended.found) == (OUTSIDE, "TP860", "still running after 1 s")
    assert json.loads(ended.stdout)["job"]["id"] == "job00000000"
    ended = run("integrity", "run", "--job-timeout", "1")
    assert ended.exit_code == OUTSIDE
    assert "error[TP860]" in ended.stderr


def test_a_fault_on_the_way_of_a_job_is_survived_where_asking_again_is_safe(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYPORT_RETRIES", "2")
    run.server.fail(Fault("reset", "/system/tasks", skip=1), Fault("status", "/system/tasks", status=503))
    ended = run("maintenance", "resource-tables", "--watch")
    assert ended.exit_code == 0
    assert "Process completed" in ended.stdout


def test_what_works_at_the_server_is_not_begun_twice(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYPORT_RETRIES", "3")
    run.server.fail(Fault("lose", "/resourceTables"))
    ended = run("maintenance", "analytics", "--json")
    assert (ended.exit_code, ended.code) == (OUTSIDE, "TP852")
    assert len(run.server.jobs) == 1


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_server_that_repeats_what_it_is_sent_does_not_make_a_secret_known(kind: str, run: Runner) -> None:
    run.use(kind)
    told = "you sent {headers}: " + " ".join(SECRETS)
    page = f"<html><title>{told}</title></html>".encode()
    text = json.dumps({"httpStatusCode": 500, "status": "ERROR", "message": told}).encode()
    for fault in (
        Fault("status", body=page),
        Fault("status", status=200, body=page),
        Fault("status", body=text, headers={"Content-Type": "application/json"}),
        Fault("status", status=409, body=text, headers={"Content-Type": "application/json"}),
        Fault("redirect", target=f"https://{USERNAME}:{PASSWORD}@other.example.org/?token={TOKEN}"),
    ):
        run.secrets = list({"password": SECRETS[0::3], "token": [TOKEN], "bearer": [BEARER]}[kind])
        for form in ([], ["--json"]):
            run.server.fail(replace(fault, path="/api/me"))
            assert run("server", "info", *form).exit_code == OUTSIDE


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_wrong_credentials_are_not_shown(kind: str, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    run.use(kind)
    for name, text in CREDENTIALS[kind].items():
        monkeypatch.setenv(name, f"{text}-wrong")
    ended = run("server", "info")  # this server's answer repeats the header
    assert ended.exit_code == OUTSIDE
    assert "error[TP853]" in ended.stderr
    assert "***" in ended.stderr


def test_no_output_of_what_goes_well_holds_a_secret(run: Runner) -> None:
    for kind in CREDENTIALS:
        run.use(kind)
        assert run("server", "info").exit_code == 0
        assert run("server", "info", "--json").exit_code == 0
        assert run("integrity", "report", "--format", "csv").exit_code == 1
        assert run("maintenance", "cache").exit_code == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"TALLYPORT_USERNAME": USERNAME, "TALLYPORT_TOKEN": TOKEN, "TALLYPORT_PASSWORD": PASSWORD},
        {"TALLYPORT_PASSWORD": f"{PASSWORD}\n"},
        {"TALLYPORT_PASSWORD": ""},
        {"TALLYPORT_URL": f"http://{USERNAME}:{PASSWORD}@host"},
    ],
    ids=["several", "unprintable", "without password", "in the URL"],
)
def test_credentials_that_make_no_sense_are_an_error_of_usage_without_them(
    settings: dict[str, str], run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    ended = run("server", "info", "--json", url=settings.get("TALLYPORT_URL"))
    assert (ended.exit_code, ended.code) == (USAGE, "TP900")
