"""The HTTP interface of `tallyport serve`: who gets in, what goes in, what comes out; whatever is sent to it."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openapi_spec_validator
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from support.databases import execute, running_server, small
from support.places import ROOT, SAMPLES
from support.running import contents, environment, run
from support.serving import KEY, Server, served
from support.waiting import wait_until
from tallyport.web.folders import Folders
from tallyport.web.http.app import interface
from tallyport.web.serve import ServeOptions, serve
from tallyport.web.store import Store
from tallyport_schemas.finding import OutsideFailed

CASES = int(os.environ.get("TALLYPORT_CASES", "0")) or 6
"""Requests that are made up for each kind of request; 2,000 in all are TALLYPORT_CASES=125."""

LIMIT = 3_000_000
DOCUMENT = interface().openapi()
PDF = ROOT / "tests" / "fixtures" / "dxf-pdf"
FILES: Mapping[str, bytes] = {
    **{path.name: path.read_bytes() for path in sorted(SAMPLES.iterdir())},
    "form.pdf": (PDF / "filled-monthly.pdf").read_bytes(),
    "packed.json.gz": gzip.compress((SAMPLES / "january.json").read_bytes(), mtime=0),
}
"""Files in all formats."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("served"), "--limit", str(LIMIT)) as running:
        yield running


def fetched(server: Server, job: Mapping[str, Any], what: str) -> bytes:
    answer = server.ask("GET", f"/api/jobs/{job['id']}/downloads/{what}")
    assert answer.status == 200, answer.body
    return answer.body


def unpacked(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def by_command_line(folder: Path, files: Mapping[str, bytes], *options: str) -> dict[str, bytes]:
    """What the command line writes of files."""
    (folder / "in").mkdir()
    for name, data in files.items():
        (folder / "in" / name).write_bytes(data)
    assert run("convert", folder / "in", "-o", folder / "out", *options).returncode in (0, 1)
    return contents(folder / "out")


# --- Who gets in -----------------------------------------------------------------------------------------------------


def test_nobody_gets_anything_without_being_known(server: Server) -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method in operations:
            answer = server.ask(method.upper(), path.replace("{id}", "a" * 16), is_known=False)
            assert (answer.status, answer.json["error"]["code"]) == (401, "TP910"), path
    for path in ("/", "/page.js", "/texts/en.json", "/nothing"):
        assert server.ask("GET", path, is_known=False).status == 401
    wrong = {"Authorization": "Bearer wrong", "Cookie": f"tallyport-{server.port}=wrong"}
    assert server.ask("GET", "/api/jobs", headers=wrong, is_known=False).status == 401


def test_the_address_lets_one_browser_in_and_its_cookie_is_for_this_site_alone(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        token = server.address.partition("?")[2]
        assert server.ask("GET", f"/?{token}x", is_known=False).status == 401
        first = server.ask("GET", f"/?{token}", is_known=False)
        assert (first.status, first.headers["refresh"]) == (200, "0; url=/")
        cookie = first.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        known = {"Cookie": cookie.partition(";")[0]}
        assert server.ask("GET", "/", headers=known, is_known=False).status == 200
        assert server.ask("GET", f"/?{token}", is_known=False).status == 401
        assert server.stop() == 0
        server.start()
        assert server.ask("GET", "/api/jobs", headers=known, is_known=False).status == 200


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1:1", "localhost.example.org:{port}", ""])
def test_a_request_for_another_host_is_refused(server: Server, host: str) -> None:
    answer = server.ask("GET", "/api/jobs", headers={"Host": host.format(port=server.port)})
    assert (answer.status, answer.json["error"]["code"]) == (421, "TP911")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://localhost:{port}"},  # another name of this machine is another site too
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_request_from_another_site_is_refused(server: Server, headers: Mapping[str, str]) -> None:
    sent = {name: text.format(port=server.port) for name, text in headers.items()}
    answer = server.ask("PUT", "/api/uploads?name=a.json", b"{}", sent)
    assert (answer.status, answer.json["error"]["code"]) == (403, "TP912")


def test_a_request_from_the_page_is_taken(server: Server) -> None:
    sent = {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"}
    assert server.ask("GET", "/api/jobs", headers=sent).status == 200


def test_every_answer_binds_the_browser_to_the_page(server: Server) -> None:
    for answer in (server.ask("GET", "/"), server.ask("GET", "/api/jobs"), server.ask("GET", "/", is_known=False)):
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {policy[f"{kind}-src"] for kind in ("script", "style", "connect", "img")} == {"'self'"}
        assert policy["frame-ancestors"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_this_machine_is_listened_to(server: Server) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", server.port), timeout=2)


def test_the_page_is_small_and_of_this_server_alone(server: Server) -> None:
    page = ("", *(path.name for path in (ROOT / "pipeline/tallyport/web/page").iterdir() if path.suffix != ".html"))
    first_load = [server.ask("GET", f"/{name}", headers={"Accept-Encoding": "gzip"}) for name in page]
    first_load.append(server.ask("GET", "/texts/fr.json", headers={"Accept-Encoding": "gzip"}))
    assert {answer.status for answer in first_load} == {200}
    assert sum(len(answer.body) for answer in first_load) < 50_000
    for answer in first_load:
        is_packed = answer.headers.get("content-encoding") == "gzip"
        text = (gzip.decompress(answer.body) if is_packed else answer.body).decode()
        addresses = text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in addresses
        assert "https:" not in addresses
        assert "innerHTML" not in text


# --- Uploads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_an_upload_is_told_by_its_content(server: Server, name: str) -> None:
    answer = server.ask("PUT", "/api/uploads?name=anything", FILES[name])
    formats = {"april.adx.xml": "adx", "february.csv": "dxf-csv", "march.xml": "dxf-xml", "form.pdf": "dxf-pdf"}
    assert answer.json["format"] == formats.get(name, "dxf-json")
    assert answer.json["compression"] == ("gzip" if name.endswith(".gz") else "none")
    assert answer.json["evidence"]
    assert server.ask("DELETE", f"/api/uploads/{answer.json['id']}").status == 204
    assert server.ask("GET", f"/api/uploads/{answer.json['id']}").status == 404


def test_an_upload_that_is_nothing_known_says_why(server: Server) -> None:
    answer = server.ask("PUT", "/api/uploads?name=photo.json", b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert answer.status == 201
    assert answer.json.get("format") is None
    assert answer.json["finding"]["source"] == "photo.json"


@pytest.mark.parametrize("name", ["..%2Fx", "a%2Fb", "a%5Cb", "", "%00", "a%0Ab", "x" * 201])
def test_a_name_that_could_be_a_path_is_refused(server: Server, name: str) -> None:
    answer = server.ask("PUT", f"/api/uploads?name={name}", b"{}")
    assert (answer.status, answer.json["error"]["code"]) == (422, "TP915")


def test_no_name_becomes_a_path(server: Server) -> None:
    server.dry_run({"..": FILES["january.json"], "~name.json": FILES["january.json"]})
    assert not [path for path in server.folder.rglob("*") if "name" in path.name and path.name != "~name.json"]
    assert not list(server.folder.rglob("~name*"))


def test_an_upload_over_the_limit_is_refused_by_what_it_declares(server: Server) -> None:
    before = set((server.folder / "uploads").iterdir())
    answer = server.ask("PUT", "/api/uploads?name=a.json", b"", {"Content-Length": str(LIMIT + 1)})
    assert (answer.status, answer.json["error"]["code"]) == (413, "TP913")
    assert set((server.folder / "uploads").iterdir()) == before


def test_an_upload_over_the_limit_is_cut_off_while_reading(server: Server) -> None:
    before = set((server.folder / "uploads").iterdir())
    head = (
        f"PUT /api/uploads?name=a.json HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        connection.sendall(head.encode())
        try:
            while sent < 20 * LIMIT:
                connection.sendall(chunk)
                sent += 0x10000
        except OSError:
            pass  # the server has hung up
    assert sent < LIMIT + 8_000_000  # what it read, and what the system's buffers hold
    assert set((server.folder / "uploads").iterdir()) == before


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    before = set((server.folder / "uploads").iterdir())
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"PUT /api/uploads?name=a.json HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: 1000\r\n\r\nhalf".encode()
        )
        wait_until(lambda: set((server.folder / "uploads").iterdir()) != before)
    wait_until(lambda: set((server.folder / "uploads").iterdir()) == before)


# --- Jobs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"layout": "single", "compress": "gz"}])
def test_what_is_fetched_is_what_the_command_line_writes(
    server: Server, tmp_path: Path, options: Mapping[str, str]
) -> None:
    files = {name: data for name, data in FILES.items() if not name.startswith("packed")}
    line = [word for name, text in options.items() for word in (f"--{name}", text)]
    expected = by_command_line(tmp_path, files, *line)
    dry = server.dry_run(files, **options)
    assert dry["state"] == "done"
    done = server.run(dry)
    for job in (dry, done):
        assert unpacked(fetched(server, job, "adv2.zip")) == expected
        assert fetched(server, job, "rejects.ndjson") == expected["january/rejects.ndjson"]
        manifests = [json.loads(data) for name, data in expected.items() if name.endswith("manifest.json")]
        told = json.loads(fetched(server, job, "manifest.json"))["sources"]
        assert sorted(told, key=str) == sorted(manifests, key=str)
    findings = [json.loads(line) for line in fetched(server, done, "findings.ndjson").splitlines()]
    assert len(findings) == done["summary"]["problems"]
    assert sum(problem["count"] for problem in done["result"]["problems"]) == sum(f.get("count", 1) for f in findings)
    assert ("TP304", "january.json", 6) in [(f["code"], f["source"], f.get("row")) for f in findings]


def test_an_archive_is_the_same_bytes_each_time(server: Server) -> None:
    jobs = [server.dry_run({"january.json": FILES["january.json"]}) for _ in range(2)]
    first, second = (fetched(server, job, "adv2.zip") for job in jobs)
    assert first == second


def test_a_broken_file_does_not_keep_others_from_being_taken(server: Server) -> None:
    job = server.dry_run({"broken.json": b'{"dataValues":[{"dataEle', "january.json": FILES["january.json"]})
    assert job["state"] == "done"
    assert (job["summary"]["exit_code"], job["summary"]["sources_failed"]) == (3, 1)
    assert job["summary"]["values"]["written"] == 6
    assert {name.partition("/")[0] for name in unpacked(fetched(server, job, "adv2.zip"))} == {"january"}
    assert server.run(job)["summary"]["values"]["written"] == 6


def test_a_file_with_nothing_in_it_to_take_cannot_be_run(server: Server) -> None:
    job = server.dry_run({"broken.json": b'{"dataValues":[{"dataEle'})
    assert "plan" not in job
    answer = server.ask("POST", f"/api/jobs/{job['id']}/run", {"plan": "x"})
    assert (answer.status, answer.json["error"]["code"]) == (409, "TP918")


def test_a_run_is_of_the_same_bytes_options_and_target_or_not_at_all(server: Server) -> None:
    first = server.dry_run({"january.json": FILES["january.json"]})
    others = [
        server.dry_run({"january.json": FILES["january.json"]}, keep_followup_false=True),
        server.dry_run({"january.json": FILES["january.json"].replace(b"17", b"18")}),
    ]
    assert len({job["plan"] for job in [first, *others]}) == 3
    for other in others:
        answer = server.ask("POST", f"/api/jobs/{first['id']}/run", {"plan": other["plan"]})
        assert (answer.status, answer.json["error"]["code"]) == (409, "TP917")
    run_of_run = server.run(first)
    answer = server.ask("POST", f"/api/jobs/{run_of_run['id']}/run", {"plan": first["plan"]})
    assert (answer.status, answer.json["error"]["code"]) == (409, "TP918")


def test_files_of_one_name_get_folders_of_their_own(server: Server) -> None:
    """Case aside: some file systems do not see it."""
    other = FILES["january.json"].replace(b"17", b"18")
    files = (("a.json", other), ("A.json", FILES["january.json"]))
    sources = [{"upload": server.upload(name, data)} for name, data in files]
    job = server.wait(server.ask("POST", "/api/jobs", {"sources": sources}).json["id"])
    assert {name.partition("/")[0] for name in unpacked(fetched(server, job, "adv2.zip"))} == {"a", "A-2"}


@pytest.mark.parametrize(
    "message",
    [
        {"target": "database"},
        {"options": {"username": "amina"}},
        {"options": {"id_schemes": ["NONE"]}},
        {"options": {"id_schemes": ["ou=CODE", "ou=NAME"]}},
        {"options": {"unknown": 1}},
        {"sources": []},
        {"more": 1},
        {"": 1},
        {"a `b`": 1},
        {"sources": [[[]]]},
        {"target": 7},
        {"options": {"id_schemes": ["blah=FOO"]}},
        {"options": {"layout": "flat"}},
        {"sources": [{"upload": "../../etc/passwd"}]},
    ],
)
def test_a_dry_run_of_what_cannot_be_is_refused_in_plain_words(server: Server, message: Mapping[str, Any]) -> None:
    asked = {"sources": [{"upload": server.upload("a.json", b"{}")}], **message}
    answer = server.ask("POST", "/api/jobs", asked)
    assert (answer.status, answer.json["error"]["code"]) == (422, "TP915")
    for of_a_program in (b"regex", b"`str`", b"`int`", b"length", b"$.", b"Expected", b"Object"):
        assert of_a_program not in answer.body


@pytest.mark.parametrize("name", ["a" * 205, "a/b.json", ""])
def test_a_name_that_cannot_be_is_refused_in_plain_words(server: Server, name: str) -> None:
    answer = server.ask("PUT", f"/api/uploads?name={quote(name, safe='')}", b"{}")
    error = answer.json["error"]
    expected = "a file name of 1 to 200 characters, without slashes"
    assert (answer.status, error["field"], error["expected"]) == (422, "name", expected)


def test_a_server_that_stops_says_so_to_whoever_is_sending(tmp_path: Path) -> None:
    with served(tmp_path / "served") as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"PUT /api/uploads?name=a.json HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: 1000\r\n\r\nhalf".encode()
        )
        until = time.monotonic() + 60
        while not list((server.folder / "uploads").iterdir()):
            assert time.monotonic() < until
            time.sleep(0.02)
        server.stop()
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"TP930" in answer


def test_an_upload_that_a_job_needs_stays_until_the_job_is_removed(server: Server) -> None:
    job = server.dry_run({"january.json": FILES["january.json"]})
    upload = job["sources"][0]["upload"]
    assert server.ask("DELETE", f"/api/uploads/{upload}").status == 409
    assert server.ask("DELETE", f"/api/jobs/{job['id']}").status == 204
    assert server.ask("GET", f"/api/uploads/{upload}").status == 404
    assert not (server.folder / "jobs" / job["id"]).exists()
    assert not (server.folder / "uploads" / upload).exists()


def events(server: Server, id: str, after: int = 0) -> list[tuple[int, str, Any]]:
    answer = server.ask("GET", f"/api/jobs/{id}/events", headers={"Last-Event-ID": str(after)})
    told = []
    for block in answer.body.decode().split("\n\n"):
        members = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in members:
            told.append((int(members.get("id", 0)), members["event"], json.loads(members["data"])))
    return told


def test_events_go_on_behind_the_one_that_was_seen_last(server: Server) -> None:
    job = server.dry_run({"january.json": FILES["january.json"]})
    told = events(server, job["id"])
    assert [kind for _, kind, _ in told] == ["stages", "end"]
    assert told[0][2] == {"stages": ["convert", "check", "map"]}
    assert told[1][2] == {"state": "done"}
    assert events(server, job["id"], told[0][0]) == told[1:]
    assert [(kind, data) for _, kind, data in events(server, job["id"], told[1][0])] == [("end", {"state": "done"})]


def stopped(server: Server, id: str) -> int:
    """Have a job's process stand still as soon as it is there; returns its process."""
    lock, until = server.folder / "jobs" / id / "lock", time.monotonic() + 60
    while not (lock.exists() and lock.read_text().isdecimal()):
        assert time.monotonic() < until
        time.sleep(0.001)
    os.kill(int(lock.read_text()), signal.SIGSTOP)
    return int(lock.read_text())


def begun(server: Server, name: str) -> str:
    asked = {"sources": [{"upload": server.upload(name, FILES[name])}]}
    return str(server.ask("POST", "/api/jobs", asked).json["id"])


def test_a_job_that_crashes_takes_nothing_with_it_and_can_be_run_again(server: Server) -> None:
    id = begun(server, "january.json")
    os.kill(stopped(server, id), signal.SIGKILL)
    job = server.wait(id)
    assert (job["state"], job["finding"]["code"]) == ("interrupted", "TP922")
    again = server.ask("POST", f"/api/jobs/{id}/again")
    assert again.status == 201
    assert server.wait(again.json["id"])["state"] == "done"
    assert server.ask("POST", f"/api/jobs/{again.json['id']}/again").status == 409


def test_a_job_outlives_its_server_and_is_found_by_the_next_one(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        id = begun(server, "january.json")
        process = stopped(server, id)
        server.stop(signal.SIGKILL)
        server.start()
        assert server.job(id)["state"] in ("queued", "running")
        os.kill(process, signal.SIGCONT)
        assert server.wait(id)["state"] == "done"


def test_jobs_go_on_without_a_server_and_those_that_had_not_begun_begin_with_the_next_one(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        alive = begun(server, "january.json")
        processes = [stopped(server, alive)]
        dead = begun(server, "february.csv")
        processes.append(stopped(server, dead))
        server.stop(signal.SIGKILL)
        os.kill(processes[1], signal.SIGKILL)
        os.kill(processes[0], signal.SIGCONT)
        until = time.monotonic() + 60
        while Path(f"/proc/{processes[0]}").exists() and time.monotonic() < until:
            time.sleep(0.02)
        server.start()
        assert server.wait(alive)["state"] == "done"
        assert server.wait(dead)["state"] == "done"


def test_what_a_killed_server_left_half_done_is_gone_with_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / f"{'a' * 16}.partial").write_bytes(b"{}")
    (tmp_path / "jobs" / ("b" * 16)).mkdir(parents=True)
    with served(tmp_path) as server:
        assert server.ask("GET", "/api/jobs").json == {"jobs": []}
        assert not list((tmp_path / "uploads").iterdir())
        assert not list((tmp_path / "jobs").iterdir())


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make()
    store = Store(tmp_path)
    lines = (f"deVisits001,202501,ou{number:09},,,1\n" for number in range(1_000_000))
    (folders.uploads / ("a" * 16)).write_text(
        "dataelement,period,orgunit,catoptcombo,attroptcombo,value\n" + "".join(lines)
    )
    source = {"upload": "a" * 16, "name": "large.csv", "bytes": 1, "is_adv2": False}
    store.add_job("b" * 16, "dry-run", {"sources": [source], "options": {}}, {"kind": "convert"}, "", "")
    (folders.jobs / ("b" * 16)).mkdir()
    line = [sys.executable, "-P", "-m", "tallyport.web.jobs.worker", str(tmp_path), "b" * 16, "0.5"]
    assert subprocess.run(line, env=environment(), timeout=60, check=False).returncode == 0
    job = store.job("b" * 16)
    assert job is not None
    assert (job["state"], job["finding"]["code"]) == ("failed", "TP921")


def test_a_folder_has_one_server(server: Server) -> None:
    ended = run("serve", "--folder", server.folder, "--port", "0", "--no-browser", "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (5, "TP924")


def test_what_is_not_installed_is_said(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['fastapi', 'starlette', 'uvicorn']));"
        "from tallyport.cli.main import run; sys.exit(run(['serve', '--no-browser', '--json']))"
    )
    ended = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, check=False)
    error = json.loads(ended.stdout)["error"]
    assert (ended.returncode, error["code"]) == (4, "TP809")
    assert "tallyport[web]" in error["help"]


def test_windows_is_refused_in_words_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(OutsideFailed) as refused:
        serve(ServeOptions(folder=tmp_path / "served"))
    assert (refused.value.finding.code, refused.value.finding.help) == ("TP809", "use the command line")
    assert not (tmp_path / "served").exists()


def test_a_port_that_is_taken_is_said(server: Server, tmp_path: Path) -> None:
    ended = run("serve", "--folder", tmp_path, "--port", str(server.port), "--no-browser")
    assert ended.returncode == 4
    assert b"TP925" in ended.stderr


# --- A database ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_server() as postgres:
        yield small(postgres, "43")


@pytest.fixture(scope="module")
def writing(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("writing"), "--database", database) as running:
        yield running


def adv2(*rows: list[Any], **header: Any) -> bytes:
    made = {"de": "deVisits001", "pe": ["202503", "202504"], "ou": ["ouClinicA01", "ouClinicB01"], **header}
    return json.dumps({**made, "size": len(rows), "data": rows}).encode()


def stored(database: str) -> list[Any]:
    return execute(database, "select value from datavalue where not deleted order by 1")


def test_a_dry_run_into_a_database_counts_what_the_run_then_does(writing: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    dry = writing.dry_run({"visits.adv2.json": adv2([0, 0, 5], [1, 1, 7])}, "database", username="amina")
    assert (dry["state"], stored(database)) == ("done", [])
    assert 'copy "staged"' in dry["result"]["sql"]
    assert fetched(writing, dry, "statements.sql").decode().startswith(dry["result"]["sql"])
    done = writing.run(dry)
    assert (
        done["summary"]["rows"]
        == dry["summary"]["rows"]
        == {
            **dict.fromkeys(done["summary"]["rows"], 0),
            "insert": 2,
        }
    )
    assert stored(database) == [("5",), ("7",)]
    assert writing.run(dry)["summary"]["rows"]["unchanged"] == 2


def test_attributes_of_adx_that_the_database_has_no_category_for_are_skipped(writing: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    value = '<dataValue dataElement="deVisits001" value="7" source="EMR"/>'
    start = '<group orgUnit="ouClinicA01" period="2025-03-01/P1M">'
    text = f'<adx xmlns="urn:ihe:qrph:adx:2015">{start}{value}</group></adx>'
    dry = writing.dry_run({"march.xml": text.encode()}, "database", id_schemes=["UID"])
    assert [found["field"] for found in dry["result"]["problems"] if found["code"] == "TP436"] == ["source"]
    writing.run(dry)
    assert stored(database) == [("7",)]


def test_changes_are_told_value_by_value_as_the_command_line_tells_them(
    writing: Server, database: str, tmp_path: Path
) -> None:
    execute(database, "truncate datavalue")
    writing.run(writing.dry_run({"visits.adv2.json": adv2([0, 0, 5], [1, 1, 7])}, "database"))
    data = adv2([0, 0, 6], [1, 0, 8], [1, 1, 7])
    (tmp_path / "visits.adv2.json").write_bytes(data)
    line = ("import", tmp_path / "visits.adv2.json", "--database", database, "--dry-run")
    assert run(*line, "--changes", tmp_path / "changes.ndjson").returncode == 0
    dry = writing.dry_run({"visits.adv2.json": data}, "database")
    done = writing.run(dry)
    for job in (dry, done):
        lines = fetched(writing, job, "changes.ndjson")
        assert lines == (tmp_path / "changes.ndjson").read_bytes()
        assert job["result"]["changes"] == [json.loads(line) for line in lines.splitlines()]
        assert [(one["change"], one.get("before"), one["value"]) for one in job["result"]["changes"]] == [
            ("update", "5", "6"),
            ("insert", None, "8"),
        ]


def test_the_first_changes_are_shown_and_long_texts_cut(writing: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    months = [f"{year}{month:02}" for year in range(2000, 2021) for month in range(1, 13)]
    text = "<b>" + "x" * 1_000
    rows = [[number, text] for number in range(len(months))]
    group = {"de": "deNotes0001", "pe": months, "ou": ["ouClinicA01"], "size": len(rows), "data": rows}
    dry = writing.dry_run({"notes.adv2.json": json.dumps(group).encode()}, "database")
    shown = dry["result"]["changes"]
    assert (len(shown), dry["summary"]["rows"]["insert"]) == (200, len(months)), dry["result"]["problems"]
    assert {one["value"] for one in shown} == {f"{text[:200]}…"}
    lines = fetched(writing, dry, "changes.ndjson").splitlines()
    assert [json.loads(line)["value"] for line in lines] == [text] * len(months)


def test_values_are_removed_for_good_only_when_that_is_confirmed(writing: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    writing.run(writing.dry_run({"a.adv2.json": adv2([0, 0, 5], [1, 1, 7])}, "database"))
    dry = writing.dry_run({"a.adv2.json": adv2([0, 0, 5], delete="hard")}, "database")
    assert dry["summary"]["removes_for_good"] == 1
    for confirm in ({}, {"confirm": "yes"}):
        answer = writing.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"], **confirm})
        assert (answer.status, answer.json["error"]["code"]) == (409, "TP919")
    assert len(stored(database)) == 2
    done = writing.run(dry, confirm=dry["confirm"])
    assert (done["state"], stored(database)) == ("done", [("5",)])
    (undo,) = unpacked(fetched(writing, done, "undo.zip")).values()
    writing.run(writing.dry_run({"undo.adv2.json": undo}, "database"))
    assert stored(database) == [("5",), ("7",)]


def test_cancelling_takes_back_what_is_being_written(writing: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    dry = writing.dry_run({"a.adv2.json": adv2([0, 0, 5])}, "database")
    with psycopg.connect(database) as blocking:
        blocking.execute("lock table datavalue")
        asked = writing.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"]})
        id = writing.wait(asked.json["id"], "running")["id"]
        wait_until(lambda: execute(database, "select true from pg_locks where not granted"))
        assert writing.ask("POST", f"/api/jobs/{id}/cancel").status == 202
        job = writing.wait(id)
    assert (job["state"], job["finding"]["code"], stored(database)) == ("cancelled", "TP920", [])
    assert writing.ask("POST", f"/api/jobs/{id}/cancel").status == 409


def test_a_job_that_dies_while_no_server_is_there_is_told_of_by_the_next_one(database: str, tmp_path: Path) -> None:
    execute(database, "truncate datavalue")
    with served(tmp_path, "--database", database) as server:
        dry = server.dry_run({"a.adv2.json": adv2([0, 0, 5])}, "database")
        with psycopg.connect(database) as blocking:
            blocking.execute("lock table datavalue")
            asked = server.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"]})
            id = server.wait(asked.json["id"], "running")["id"]
            process = stopped(server, id)
            server.stop(signal.SIGKILL)
            os.kill(process, signal.SIGKILL)
        server.start()
        job = server.wait(id)
        assert (job["state"], job["finding"]["code"], stored(database)) == ("interrupted", "TP922", [])
        again = server.wait(server.ask("POST", f"/api/jobs/{id}/again").json["id"])
        assert (again["state"], stored(database)) == ("done", [("5",)])


def test_a_database_that_is_another_one_now_is_not_written_to(database: str, tmp_path: Path) -> None:
    with served(tmp_path, "--database", database) as server:
        dry = server.dry_run({"a.adv2.json": adv2([0, 0, 4711])}, "database")
        server.stop()
        server.options = ("--database", database.replace("small_43", "postgres"))
        server.start()
        answer = server.ask("POST", f"/api/jobs/{dry['id']}/run", {"plan": dry["plan"]})
        assert (answer.status, answer.json["error"]["code"]) == (409, "TP917")


def test_a_password_is_nowhere_but_in_the_job_s_environment(tmp_path: Path) -> None:
    with served(tmp_path, "--database", "postgresql://dhis:secret-word@127.0.0.1:1/dhis") as server:
        job = server.dry_run({"a.adv2.json": adv2([0, 0, 5])}, "database")
        assert (job["state"], job["finding"]["code"]) == ("failed", "TP806")
        told = json.dumps([job, server.ask("GET", "/api/server").json])
        assert "dhis (127.0.0.1)" in told
        assert "secret-word" not in told
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-word" in path.read_bytes()]


# --- One request, one answer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_file_sent_to_convert_comes_back_as_the_command_line_writes_it(
    server: Server, tmp_path: Path, name: str
) -> None:
    answer = server.ask("POST", f"/api/convert?name={name}", FILES[name])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    files = unpacked(answer.body)
    assert files == by_command_line(tmp_path, {name: FILES[name]})
    (manifest,) = (json.loads(data) for path, data in files.items() if path.endswith("manifest.json"))
    counts = {key: answer.headers[f"tallyport-{key}"] for key in manifest["values"]}
    assert counts == {key: str(count) for key, count in manifest["values"].items()}


def test_convert_can_answer_with_one_adv2_file(server: Server, tmp_path: Path) -> None:
    answer = server.ask("POST", "/api/convert?name=january.json&layout=single", FILES["january.json"])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    expected = by_command_line(tmp_path, {"january.json": FILES["january.json"]}, "--layout", "single")
    assert answer.body == expected["january/values.adv2.json"]
    checked = server.ask("POST", "/api/validate?name=values.adv2.json", answer.body)
    (tmp_path / "values.adv2.json").write_bytes(answer.body)
    assert checked.json == json.loads(run("validate", tmp_path / "values.adv2.json", "--json").stdout)


def test_what_cannot_be_converted_is_answered_by_the_finding(server: Server) -> None:
    answer = server.ask("POST", "/api/convert?name=broken.json", b'{"dataValues":[{"dataEle')
    assert (answer.status, answer.json["error"]["source"]) == (422, "broken.json")
    assert server.ask("POST", "/api/convert?name=a.json&strict=true", FILES["january.json"]).status == 422


def test_validate_tells_of_what_is_wrong(server: Server, tmp_path: Path) -> None:
    for number, data in enumerate((adv2([0, 0, 5], [0, 0, 6], [5, 0, 1]), adv2([0, 0, 1], size=9), b"[", b"nonsense")):
        path = tmp_path / f"{number}.adv2.json"
        path.write_bytes(data)
        answer = server.ask("POST", f"/api/validate?name={path.name}", data)
        assert answer.json == json.loads(run("validate", path, "--json").stdout)


def kept(folder: Path) -> set[Path]:
    """All that lies in a folder but the store; what goes away meanwhile is not there."""
    return {
        Path(at) / name
        for at, folders, files in os.walk(folder)
        for name in [*folders, *files]
        if not name.startswith("store.sqlite")
    }


def test_what_was_answered_leaves_nothing(server: Server) -> None:
    before = kept(server.folder)
    server.ask("POST", "/api/convert?name=a.json", FILES["january.json"])
    server.ask("POST", "/api/convert?name=a.json", b"{")
    server.ask("POST", "/api/validate?name=a.adv2.json", adv2([0, 0, 5]))
    until = time.monotonic() + 60
    while kept(server.folder) != before:
        assert time.monotonic() < until
        time.sleep(0.02)


def peak_bytes(process: int) -> int:
    (line,) = (x for x in Path(f"/proc/{process}/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory")
def test_500_mb_go_through_convert_with_flat_memory_in_the_server(tmp_path: Path) -> None:
    comment = "x" * 45_000

    def sent() -> Iterator[bytes]:
        yield b"dataelement,period,orgunit,catoptcombo,attroptcombo,value,storedby,lastupdated,comment\n"
        for number in range(11_200):
            yield f'"deVisits001","202501","ou{number:09}","","","1","","","{comment}"\n'.encode()

    with served(tmp_path) as server:
        server.ask("POST", "/api/convert?name=small.csv&layout=single", FILES["february.csv"])
        before = peak_bytes(server.process.pid)
        answer = server.ask("POST", "/api/convert?name=large.csv", sent())
        assert (answer.status, answer.headers["tallyport-written"]) == (200, "11200")
        assert peak_bytes(server.process.pid) - before < 24_000_000


@pytest.mark.parametrize(
    ("path", "methods"), [("/api/jobs", "GET, POST"), ("/api/uploads/aaaaaaaaaaaaaaaa", "DELETE, GET")]
)
def test_a_method_that_is_not_there_is_answered_by_those_that_are(server: Server, path: str, methods: str) -> None:
    answer = server.ask("PATCH", path)
    assert (answer.status, answer.json["error"]["code"], answer.headers["allow"]) == (405, "TP916", methods)


def test_the_description_that_is_served_is_valid_openapi(server: Server) -> None:
    described = server.ask("GET", "/api/openapi.json").json
    openapi_spec_validator.validate(described)
    assert described == json.loads(json.dumps(DOCUMENT))
    for operations in described["paths"].values():
        for operation in operations.values():
            refusals = [answer for status, answer in operation["responses"].items() if int(status) >= 400]
            assert {answer["content"]["application/json"]["schema"]["$ref"] for answer in refusals} == {
                "#/components/schemas/Failure"
            }


# --- Whatever is sent ------------------------------------------------------------------------------------------------

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.phases.coverage.enabled = CASES > 100  # each corner of each message: slow, as many of them begin jobs


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("fuzzed"), "--limit", "100kB") as running:
        yield running


@pytest.fixture(scope="module")
def ended(fuzzed: Server) -> dict[str, Any]:
    return fuzzed.dry_run({"january.json": FILES["january.json"]})


def deepened(case: schemathesis.Case[Any], job: Mapping[str, Any]) -> None:
    """Have every other request speak of what is there: ids that are made up lead nowhere."""
    upload = job["sources"][0]["upload"]
    if case.method == "DELETE" or hash(str(case.body)) % 2:
        return
    if re.fullmatch("[a-z2-7]{16}", str(case.path_parameters.get("id"))):
        case.path_parameters["id"] = upload if "uploads" in case.path else job["id"]
    sources = case.body.get("sources") if isinstance(case.body, dict) else None
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict) and re.fullmatch("[a-z2-7]{16}", str(source.get("upload"))):
            source["upload"] = upload


# Whether a key is asked for is tested above; a file that fits the description may still be none that can be read.
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@schema.parametrize()
@settings(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_the_interface_s_description_says(
    case: schemathesis.Case[Any], fuzzed: Server, ended: dict[str, Any]
) -> None:
    deepened(case, ended)
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{fuzzed.port}",
        headers={"Authorization": f"Bearer {KEY}"},
        checks=CHECKS,
        timeout=60,
    )
