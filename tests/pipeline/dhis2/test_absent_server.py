"""A server that goes away and comes back: what was under way goes on by itself, and says that it waits."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support import dhis2_values
from support.dhis2_http import Fault
from support.dhis2_running import combos, talk
from support.dhis2_server import PASSWORD, USERNAME, Dhis2Server
from support.dhis2_values import group, pushed, sizes, stock, texts, written
from tallyport.cli.main import run
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.patience import Patience
from tallyport.dhis2.client import Client
from tallyport.dhis2.pull_snapshot import pull_snapshot
from tallyport_schemas.progress import Waiting

OK, OUTSIDE = 0, 4
VERSIONS = ("2.42.4.1", "2.43.0")
EXPECTED = {("deStock0001", f"2025{m + 1:02}", dhis2_values.UNITS[u]): str(v) for m, u, v in stock()}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("TALLYPORT_", "DHIS2_")) and name != "TALLYPORT_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYPORT_PROFILES", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("TALLYPORT_USERNAME", USERNAME)
    monkeypatch.setenv("TALLYPORT_PASSWORD", PASSWORD)
    monkeypatch.setattr("tallyport.dhis2.api.patience.FIRST_S", 0.02)
    monkeypatch.setattr("tallyport.dhis2.api.patience.MOST_S", 0.2)
    monkeypatch.setattr("tallyport.dhis2.push.value_import._WAIT_FIRST_S", 0.001)


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Dhis2Server]:
    with dhis2_values.server(request.param) as started:
        yield started


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "a.adv2.json", group(stock()))


@contextmanager
def absence(server: Dhis2Server, after: Callable[[], bool], seconds: float) -> Iterator[None]:
    """Have a server go away once something is so, and come back some seconds later; within, and before the end."""

    def be_away() -> None:
        while not after() and not is_over.is_set():
            time.sleep(0.002)
        server.go_away()
        time.sleep(seconds)
        server.come_back()

    is_over = threading.Event()
    thread = threading.Thread(target=be_away)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def waits(told: list[Any]) -> list[Waiting]:
    return [one for one in told if isinstance(one, Waiting)]


# --- A push ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True], ids=["answers", "jobs"])
def test_a_push_goes_on_when_the_server_is_back(
    is_async: bool, server: Dhis2Server, file: Path, tmp_path: Path
) -> None:
    server.seconds_a_value = 0.002
    told: list[Any] = []
    with absence(server, lambda: len(server.accepted_sizes) >= 3, seconds=1.0):
        report = pushed(
            server,
            file,
            state=tmp_path / "state",
            chunk_rows=4,
            retries=0,
            wait_s=30,
            is_async=is_async,
            watch=told.append,
        )
    assert (texts(server), report.exit_code) == (EXPECTED, OK)
    assert sum(report.rows.values()) == len(stock())
    assert 0.5 < report.waited_s < 20
    over = [one.is_over for one in waits(told)]
    assert (over[0], over[-1]) == (False, True)
    assert waits(told)[0].wait_s == 30
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_that_answers_for_an_absent_server_is_waited_with(
    status: int, server: Dhis2Server, file: Path, tmp_path: Path
) -> None:
    server.fail(
        Fault("status", path="/dataValueSets", skip=1, status=status), Fault("status", times=6, skip=8, status=status)
    )
    report = pushed(server, file, state=tmp_path / "state", chunk_rows=8, retries=0, wait_s=30)
    assert (texts(server), report.exit_code) == (EXPECTED, OK)


@pytest.mark.parametrize("fault", [Fault("status", status=504), Fault("silence")], ids=["504", "no answer"])
def test_a_chunk_that_takes_too_long_is_halved(fault: Fault, server: Dhis2Server, file: Path, tmp_path: Path) -> None:
    server.fail(replace(fault, path="/dataValueSets", method="POST"))
    state = tmp_path / "state"
    pushed(server, file, state=state, chunk_rows=16, retries=0, wait_s=30, answer_timeout_s=0.5)
    assert sizes(server)[:2] == [16, 8]
    assert texts(server) == EXPECTED


def test_a_server_that_does_not_come_back_in_time_ends_the_push_and_what_it_took_is_kept(
    server: Dhis2Server, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["push", "--url", server.url, "--state", str(tmp_path / "state"), "--chunk-size", "4", "--wait", "1s"]
    server.seconds_a_value = 0.002
    with absence(server, lambda: len(server.accepted_sizes) >= 3, seconds=4):
        began = time.monotonic()
        assert run([*arguments, str(file)]) == OUTSIDE
        assert 1 < time.monotonic() - began < 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("the server is away, waiting for up to 1 s") == 1
    assert "waited 1 s for it" in err
    assert "before that the server accounted for" in err
    assert run([*arguments, str(file)]) == OK
    assert "resumed where it stopped" in capsys.readouterr().out
    assert texts(server) == EXPECTED


def test_text_says_that_it_waits_and_for_how_long_it_did(
    server: Dhis2Server, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["push", "--url", server.url, "--state", str(tmp_path / "state"), "--chunk-size", "4", str(file)]
    server.fail(Fault("status", path="/dataValueSets", skip=2, times=4, status=503))
    monkeypatch.setenv("TALLYPORT_RETRIES", "0")
    assert run(arguments) == OK
    out, err = capsys.readouterr()
    assert "the server is away, waiting for up to 10 min" in err
    assert "503 Service Unavailable" in err
    assert "the server is back after" in err
    assert "waited for the server for" in out


def test_a_document_says_how_long_it_waited(
    server: Dhis2Server, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fail(Fault("reset", path="/dataValueSets", skip=2, times=4))
    assert run(["push", "--url", server.url, "--state", str(tmp_path / "state"), "--json", str(file)]) == OK
    out, err = capsys.readouterr()
    assert (json.loads(out)["waited_s"] >= 0, err) == (True, "")


def test_waiting_can_be_declined(
    server: Dhis2Server, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail(Fault("status", path="/dataValueSets", times=99, status=503))
    began = time.monotonic()
    monkeypatch.setenv("TALLYPORT_RETRIES", "0")
    arguments = ["push", "--url", server.url, "--state", str(tmp_path / "state"), "--wait", "0", str(file)]
    assert run(arguments) == OUTSIDE
    assert time.monotonic() - began < 5


def test_a_time_to_wait_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["push", "x.json", "--url", "http://127.0.0.1:1", "--wait", "soon"]) == 2
    assert "write 90s, 10m or 2h" in capsys.readouterr().err


def test_completions_wait_too(server: Dhis2Server, tmp_path: Path) -> None:
    said = {"dataSet": "dsMonthly01", "period": "202501", "orgUnit": "ouClinicA01", "completeDate": "2025-02-03"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(said | {"dataValues": [{"dataElement": "deStock0001", "value": "1"}]}))
    server.fail(Fault("lose", path="/completeData", times=2), Fault("status", path="/completeData", status=502))
    report = pushed(server, path, state=tmp_path / "state", completions=True, retries=0, wait_s=30)
    assert report.completions
    assert (report.completions.taken, report.exit_code) == (1, OK)


def test_a_server_that_was_never_there_is_not_waited_for(file: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/dhis"
        began = time.monotonic()
        assert run(["push", "--url", url, "--state", str(tmp_path / "state"), str(file)]) == OUTSIDE
        assert time.monotonic() - began < 10


def test_a_server_that_is_just_starting_behind_its_proxy_is_waited_for(
    server: Dhis2Server, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail(Fault("status", path="/system/info", times=5, status=502))
    monkeypatch.setenv("TALLYPORT_RETRIES", "0")
    assert run(["push", "--url", server.url, "--state", str(tmp_path / "state"), str(file)]) == OK
    assert texts(server) == EXPECTED


def test_two_minutes_of_absence_pass_in_small_steps() -> None:
    """By a clock of the test: 10 minutes are enough for two, the server is looked for often but not without end."""
    looks: list[float] = []
    told: list[Waiting] = []

    class Clock(asyncio.SelectorEventLoop):
        now = 0.0

        def time(self) -> float:
            return self.now

        def _run_once(self) -> None:
            if not self._ready and self._scheduled:  # type: ignore[attr-defined]
                self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
            super()._run_once()  # type: ignore[misc]

    loop = Clock()

    async def look() -> None:
        looks.append(loop.time())
        if loop.time() < 120:
            raise RequestFailed("TP850", found="refused")

    async def waiting() -> bool:
        wait = Patience(600, told.append, first_s=1, most_s=15).begin(look)
        return await wait.ends(RequestFailed("TP852", found="reset"), None)

    try:
        assert loop.run_until_complete(waiting())
    finally:
        loop.close()
    assert 120 <= loop.time() < 136
    assert 8 < len(looks) < 20
    assert told[-1].is_over


# --- Metadata and jobs -----------------------------------------------------------------------------------------------


def test_a_pull_of_metadata_goes_on_when_the_server_is_back(server: Dhis2Server) -> None:
    told: list[Any] = []
    with absence(server, lambda: len(server.asked("/api/categor", "GET")) >= 2, seconds=0.5):
        snapshot = talk(server, lambda client: pull_snapshot(client, watch=told.append), retries=0)
    assert snapshot.summary()["objects"] == talk(server, pull_snapshot).summary()["objects"]
    server.fail(Fault("status", path="/api/dataSets", times=3, status=503))
    talk(server, lambda client: pull_snapshot(client, watch=told.append), retries=0)
    assert waits(told)[-1].is_over


def test_a_job_is_followed_on_when_the_server_is_back() -> None:
    with Dhis2Server(metadata=combos()) as server:
        server.fail(Fault("status", path="/system/tasks", skip=1, times=3, status=502))

        async def work(client: Client) -> str | None:
            client.connection.patience = Patience(30)
            job = await client.maintenance.refresh_resource_tables()
            return (await client.tasks.await_completion(job)).message

        assert talk(server, work, retries=0) == "Process completed"


def test_values_of_a_job_that_the_server_forgot_are_sent_again(server: Dhis2Server, file: Path, tmp_path: Path) -> None:
    server.is_endless = True

    def restart() -> None:
        while not any(job.shown > 2 for job in server.jobs.values()):
            time.sleep(0.002)
        server.go_away()
        server.jobs.clear()
        server.is_endless = False
        server.come_back()

    thread = threading.Thread(target=restart)
    thread.start()
    report = pushed(server, file, state=tmp_path / "state", is_async=True, retries=1, wait_s=30)
    thread.join()
    assert (texts(server), report.exit_code, report.resent) == (EXPECTED, OK, 1)
