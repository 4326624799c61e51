"""The page with a DHIS2 server as its target: what is sent, told, kept and never told; over cancelling and crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from support import dhis2_values
from support.dhis2_http import Fault
from support.dhis2_server import PASSWORD, SECRETS, USERNAME, VERSIONS, Dhis2Server
from support.dhis2_values import group, stock, texts
from support.page_window import Window, known, opened
from support.running import environment, run
from support.serving import Server, browsing, served
from support.waiting import wait_until
from tallyport.web.folders import Folders
from tallyport.web.store import Store

NEW = VERSIONS[2]
MONTHS = [f"{year}{month:02}" for year in range(2000, 2020) for month in range(1, 13)]


@pytest.fixture(scope="module")
def started() -> Iterator[Dhis2Server]:
    with dhis2_values.server(NEW) as running:
        yield running


@pytest.fixture
def dhis2(started: Dhis2Server) -> Dhis2Server:
    """A DHIS2 server that has no values yet."""
    for kept in (started.values, started.arrivals, started.requests, started.faults):
        kept.clear()
    started.seconds_a_value = 0
    return started


def profiles(folder: Path, url: str) -> dict[str, str]:
    """The setting that names a file with one profile, `district`."""
    path = folder / "profiles.toml"
    path.write_text(f'[profiles.district]\nurl = "{url}"\nusername = "{USERNAME}"\npassword = "{PASSWORD}"\n')
    return {"TALLYPORT_PROFILES": str(path)}


@contextmanager
def sending(folder: Path, dhis2: Dhis2Server) -> Iterator[Server]:
    settings = profiles(folder, dhis2.url)
    with served(folder / "served", "--profile", "district", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def server(started: Dhis2Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sending(tmp_path_factory.mktemp("sending"), started) as running:
        yield running


def adv2(*groups: dict[str, Any]) -> bytes:
    return json.dumps(list(groups)).encode()


def many() -> bytes:
    """Two groups of 960 rows: more than go in the first requests."""
    rows = [[month, unit, month + unit] for month in range(len(MONTHS)) for unit in range(4)]
    return adv2(*(group(rows, de=de, pe=MONTHS) for de in ("deStock0001", "deSupply001")))


def begun(server: Server, dry: dict[str, Any]) -> str:
    asked = server.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"]})
    assert asked.status == 201, asked.body
    return str(asked.json["id"])


def wait_for_chunks(dhis2: Dhis2Server, count: int) -> None:
    wait_until(lambda: len(dhis2.asked("/dataValueSets", "POST")) >= count)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dry_run_writes_nothing_and_counts_what_the_run_then_does(version: str, tmp_path: Path) -> None:
    with dhis2_values.server(version) as dhis2, sending(tmp_path, dhis2) as server:
        check_dry_run_and_run(server, dhis2)


KEY = {"dataElement", "period", "orgUnit"}


def check_dry_run_and_run(server: Server, dhis2: Dhis2Server) -> None:
    rows = stock()
    rows[5][2] = "much"
    dry = server.dry_run({"stock.adv2.json": adv2(group(rows), group([[0, 0, 1]], de="no such!"))}, "profile")
    assert (dry["state"], dhis2.values) == ("done", {})
    done = server.run(dry)
    assert len(dhis2.values) == 47
    for job in (dry, done):
        summary, result = job["summary"], job["result"]
        counts = summary["rows"]
        assert counts["imported"] + counts["updated"] == 47
        assert (counts["rejected"], counts["left_out"]) == (1, 1)
        assert (summary["groups"], summary["groups_failed"], summary["exit_code"]) == (2, 1, 3)
        (told,) = (found for found in result["problems"] if found["code"] == "TP870")
        assert (told["field"], told["found"][0]["text"]) == ("value", "much")
        (place,) = told["places"]
        assert (place["source"], place["row"], set(place["keys"])) == ("stock.adv2.json", 5, KEY)
        assert sum(chunk["rows"] for chunk in result["chunks"]) == 48
        sums = {name: sum(chunk["counts"].get(name, 0) for chunk in result["chunks"]) for name in counts}
        assert sums == {**counts, "left_out": 0}


def test_it_sends_what_the_command_line_sends(server: Server, dhis2: Dhis2Server, tmp_path: Path) -> None:
    data = adv2(group(stock()))
    server.run(server.dry_run({"stock.adv2.json": data}, "profile"))
    by_page = dict(dhis2.values)
    dhis2.values.clear()
    (tmp_path / "stock.adv2.json").write_bytes(data)
    line = ("push", tmp_path / "stock.adv2.json", "--profile", "district", "--state", tmp_path / "state")
    assert run(*line, env=server.settings).returncode == 0
    assert by_page == dhis2.values


def test_attributes_of_adx_that_the_server_has_no_category_for_are_skipped(server: Server, dhis2: Dhis2Server) -> None:
    value = '<dataValue dataElement="STOCK" value="7" source="EMR"/>'
    head = '<group orgUnit="CLINIC_A1" period="2025-01-01/P1M" dataSet="MONTHLY">'
    text = f'<adx xmlns="urn:ihe:qrph:adx:2015">{head}{value}</group></adx>'
    dry = server.dry_run({"january.xml": text.encode()}, "profile")
    assert [found["field"] for found in dry["result"]["problems"] if found["code"] == "TP436"] == ["source"]
    server.run(dry)
    assert list(texts(dhis2).values()) == ["7"]


def test_a_run_that_is_cancelled_goes_on_where_it_stopped_when_it_is_run_again(
    server: Server, dhis2: Dhis2Server
) -> None:
    dry = server.dry_run({"stock.adv2.json": many()}, "profile")
    before = len(dhis2.asked("/dataValueSets", "POST"))
    dhis2.fail(Fault("silence", path="/dataValueSets", method="POST", skip=1))
    id = begun(server, dry)
    wait_for_chunks(dhis2, before + 2)
    assert server.ask("POST", f"/api/jobs/{id}/cancel").status == 202
    job = server.wait(id)
    assert (job["state"], job["finding"]["code"]) == ("cancelled", "TP920")
    assert "stays there" in job["finding"]["help"]
    known, arrived = job["summary"]["rows"]["updated"], len(dhis2.values)
    # Requests for other org units continue until then, and their answers may have come just too late.
    assert arrived in range(200, 2 * 960 - 199, 200)
    assert known in range(0, arrived + 1, 200)
    again = server.wait(server.ask("POST", f"/api/jobs/{id}/again").json["id"])
    assert (again["state"], again["summary"]["resumed"]) == ("done", True)
    assert again["summary"]["rows"]["updated"] == len(dhis2.values) == 2 * 960
    assert set(dhis2.arrivals.values()) == ({1} if known == arrived else {1, 2})


def test_a_run_whose_process_dies_goes_on_where_it_stopped_when_it_is_run_again(
    server: Server, dhis2: Dhis2Server
) -> None:
    dry = server.dry_run({"stock.adv2.json": many()}, "profile")
    before = len(dhis2.asked("/dataValueSets", "POST"))
    dhis2.fail(Fault("silence", path="/dataValueSets", method="POST", skip=1))
    id = begun(server, dry)
    wait_for_chunks(dhis2, before + 2)
    os.kill(int((server.folder / "jobs" / id / "lock").read_text()), signal.SIGKILL)
    assert server.wait(id)["state"] == "interrupted"
    again = server.wait(server.ask("POST", f"/api/jobs/{id}/again").json["id"])
    assert (again["state"], again["summary"]["resumed"]) == ("done", True)
    assert set(dhis2.arrivals.values()) == {1}
    assert not list((server.folder / "pushes").glob("*.ndjson"))


def test_a_server_that_fails_ends_the_job_with_what_the_push_says(
    server: Server, dhis2: Dhis2Server, tmp_path: Path
) -> None:
    dhis2.fail(Fault("status", path="/dataValueSets", method="POST", status=403, times=99))
    job = server.dry_run({"stock.adv2.json": adv2(group(stock()))}, "profile")
    (tmp_path / "stock.adv2.json").write_bytes(adv2(group(stock())))
    said = run(
        "push", tmp_path / "stock.adv2.json", "--profile", "district", "--json", "--dry-run", env=server.settings
    )
    assert job["state"] == "failed"
    assert job["finding"]["code"] == json.loads(said.stdout)["error"]["code"]


def test_a_job_that_takes_too_long_is_ended_while_it_waits_for_the_server(dhis2: Dhis2Server, tmp_path: Path) -> None:
    dhis2.fail(Fault("silence", path="/dataValueSets", method="POST", times=99))
    folders = Folders(tmp_path)
    folders.make()
    store = Store(tmp_path)
    (folders.uploads / ("a" * 16)).write_bytes(adv2(group(stock())))
    source = {"upload": "a" * 16, "name": "stock.adv2.json", "bytes": 1, "is_adv2": True}
    store.add_job("b" * 16, "run", {"sources": [source], "options": {}}, {"kind": "profile"}, "", "")
    (folders.jobs / ("b" * 16)).mkdir()
    settings = {"TALLYPORT_PUSH_PROFILE": dhis2.url, "TALLYPORT_PUSH_URL": dhis2.url}
    settings |= {"TALLYPORT_USERNAME": USERNAME, "TALLYPORT_PASSWORD": PASSWORD}
    line = [sys.executable, "-P", "-m", "tallyport.web.jobs.worker", str(tmp_path), "b" * 16, "3"]
    assert subprocess.run(line, env=environment(settings), timeout=60, check=False).returncode == 0
    job = store.job("b" * 16)
    assert job is not None
    assert (job["state"], job["finding"]["code"]) == ("failed", "TP921")


def test_a_profile_that_leads_elsewhere_now_is_not_sent_to(dhis2: Dhis2Server, tmp_path: Path) -> None:
    with sending(tmp_path, dhis2) as server:
        dry = server.dry_run({"stock.adv2.json": adv2(group(stock()))}, "profile")
        profiles(tmp_path, "http://127.0.0.1:1/dhis")
        job = server.run(dry)
        assert (job["state"], job["finding"]["code"], dhis2.values) == ("failed", "TP915", {})
        server.stop()
        server.start()
        answer = server.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"]})
        assert (answer.status, answer.json["error"]["code"]) == (409, "TP917")


@pytest.mark.parametrize("name", ["nowhere", f"https://{USERNAME}:{PASSWORD}@example.org/dhis"])
def test_a_profile_that_cannot_be_is_said_at_the_start(name: str, tmp_path: Path) -> None:
    settings = profiles(tmp_path, "http://127.0.0.1:1/dhis")
    line = ("serve", "--no-browser", "--port", "0", "--folder", tmp_path / "served", "--profile", name, "--json")
    ended = run(*line, env=settings)
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (5, "TP915")
    assert PASSWORD.encode() not in ended.stdout + ended.stderr


def test_credentials_are_nowhere_but_with_the_profile(server: Server, dhis2: Dhis2Server) -> None:
    """Not in what is answered, kept or fetched; not even where the server repeats them."""
    said = json.dumps({"httpStatusCode": 403, "status": "ERROR", "message": f"no {PASSWORD} for you"}).encode()
    headers = {"Content-Type": "application/json"}
    rows = stock(1, 2)
    rows[0][2] = "much"
    dry = server.dry_run({"stock.adv2.json": adv2(group(rows))}, "profile")
    dhis2.fail(Fault("status", path="/dataValueSets", method="POST", status=403, body=said, headers=headers, times=9))
    failed = server.run(dry)
    assert failed["state"] == "failed"
    dhis2.fail()
    done = server.run(dry)
    told = [server.ask("GET", path).body for path in ("/api/server", "/api/jobs", "/api/openapi.json")]
    for job in (dry, failed, done):
        told += [
            server.ask("GET", f"/api/jobs/{job['id']}").body,
            server.ask("GET", f"/api/jobs/{job['id']}/events").body,
        ]
        told += [server.ask("GET", f"/api/jobs/{job['id']}/downloads/{one['what']}").body for one in job["downloads"]]
    told += [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
    assert len(told) > 20
    assert b"district (127.0.0.1)" in told[0]
    for secret in (*SECRETS, USERNAME):
        assert not [text for text in told if secret.encode() in text], secret


# --- In a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture
def window(server: Server) -> Iterator[Window]:
    with browsing() as browser, opened(server, browser, known(server, browser)) as window:
        yield window


def test_a_file_goes_to_a_server_with_progress_and_can_be_stopped(
    window: Window, dhis2: Dhis2Server, tmp_path: Path
) -> None:
    page, path = window.page, tmp_path / "stock.adv2.json"
    rows = [[month, unit, month + unit] for month in range(len(MONTHS)) for unit in range(4)]
    bad = group([[0, 0, "much"], [0, 1, 5]], de="deVisits001", coc="ocUnder5F01")
    path.write_bytes(adv2(group(rows, pe=MONTHS), bad, group(stock(), de="deSupply001")))
    page.get_by_role("radio", name="Server district (127.0.0.1)").check()
    window.dry_run(path)
    expect(page.locator("#outcome-title")).to_have_text("1,009 changes will be sent.")
    expect(page.locator(".verdict-head")).to_contain_text("1 of 1,010 values is lost: 1 rejected.")
    expect(page.locator(".problem").filter(has_text="TP870")).to_contain_text(
        "stock.adv2.json · row 0 of its group · field value"
    )
    page.get_by_role("tab", name="Changes").click()
    chunks = page.get_by_role("region", name="Chunks").get_by_role("row")
    expect(chunks.nth(0)).to_have_text("Chunknewchangeddeletedalready thererejectedtime", ignore_case=True)
    expect(chunks.nth(1)).to_have_text(re.compile("^1020000"))
    window.check_access()
    assert not dhis2.values
    dhis2.seconds_a_value = 0.0015  # the rate is told when there is something to tell
    dhis2.fail(Fault("silence", path="/dataValueSets", method="POST", skip=1, times=99))
    page.click("#run")
    expect(page.locator(".stages [aria-current]")).to_have_text("Send")
    expect(page.locator(".progress-line")).to_have_text(re.compile(r"\d+% · .*values · [\d,]+ values per second"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#outcome-title")).to_have_text(re.compile("^Cancelled after [0-9]+ changes: these stay.$"))
    expect(page.locator(".verdict-head")).to_contain_text("What the server has taken stays there")
    dhis2.fail()
    dhis2.seconds_a_value = 0
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("#outcome-title")).to_have_text("1,009 changes sent.")
    expect(page.locator(".verdict-head")).to_contain_text("This run resumed an earlier one")
    expect(page.locator(".counts")).to_contain_text("changed1,009")
    expect(page.locator(".facts")).to_contain_text("This server does not count new, changed and deleted")
    assert len(texts(dhis2)) == 1009
    assert set(dhis2.arrivals.values()) == {1}


def test_a_run_says_that_it_waits_for_a_server_that_is_away(server: Server, dhis2: Dhis2Server) -> None:
    dry = server.dry_run({"stock.adv2.json": adv2(group(stock()))}, "profile")
    dhis2.fail(Fault("status", path="/dataValueSets", status=503, times=12))
    id = begun(server, dry)
    told = server.ask("GET", f"/api/jobs/{id}/events").body.decode()  # until it ends
    assert '"wait_s": 600.0' in told
    assert server.wait(id)["state"] == "done"
    assert len(texts(dhis2)) == len(stock())
