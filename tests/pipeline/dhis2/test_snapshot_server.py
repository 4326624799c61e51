"""A snapshot taken from a server: the same as from its metadata export."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support import hmis
from support.dhis2_http import Fault
from support.dhis2_metadata import meaning, served
from support.dhis2_server import PASSWORD, SECRETS, USERNAME, VERSIONS, Dhis2Server
from support.places import DATA
from tallyport.cli.main import run
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.client import open_client
from tallyport.dhis2.pull_snapshot import FIELDS, pull_snapshot
from tallyport.metadata import CHECKS, Snapshot

EXPORT, UNITS = DATA / "sierra-leone-metadata.json.gz", DATA / "sierra-leone-org-units.json.gz"
OK, USAGE, UNREADABLE, OUTSIDE, REFUSED = 0, 2, 3, 4, 5


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("TALLYPORT_", "DHIS2_")) and name != "TALLYPORT_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYPORT_PROFILES", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("TALLYPORT_USERNAME", USERNAME)
    monkeypatch.setenv("TALLYPORT_PASSWORD", PASSWORD)


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Dhis2Server]:
    with Dhis2Server(request.param, served(hmis.export())) as running:
        yield running


def pulled(server: Dhis2Server, watched: list[Any] | None = None, **options: Any) -> Snapshot:
    async def pull() -> Snapshot:
        async with open_client(server.url, username=USERNAME, password=PASSWORD, **options) as client:
            return await pull_snapshot(client, watch=None if watched is None else watched.append)

    return asyncio.run(pull())


def command(server: Dhis2Server, *arguments: str | Path) -> list[str]:
    return ["snapshot", "--server", server.url, *map(str, arguments)]


def test_it_says_what_a_snapshot_of_the_export_says(server: Dhis2Server) -> None:
    snapshot = pulled(server)
    assert meaning(snapshot) == meaning(hmis.whole())
    assert snapshot.summary() == hmis.whole().summary()
    assert not snapshot.findings


def test_many_pages_say_the_same_as_one(server: Dhis2Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyport.dhis2.pull_snapshot._PAGES", dict.fromkeys(FIELDS, 2))
    assert meaning(pulled(server)) == meaning(hmis.whole())
    asked = server.asked("/api/dataElements")
    assert [request.first("page") for request in asked] == ["1", "2", "3", "4"]  # there are seven


def test_only_fields_of_the_snapshot_are_asked_for(server: Dhis2Server) -> None:
    pulled(server)
    asked = {request.path.rpartition("/")[2]: request.first("fields") for request in server.asked("/dhis/api/")}
    assert asked == {"info": "", **FIELDS}


def test_progress_comes_to_the_number_there_is(server: Dhis2Server) -> None:
    watched: list[Any] = []
    pulled(server, watched)
    last = {progress.phase: progress for progress in watched}
    assert all(progress.done == progress.total for progress in last.values())
    assert last["pull dataElements"].total == len(hmis.export()["dataElements"])
    assert {progress.counted for progress in watched} == {"objects"}


def test_server_that_lists_no_file_resources_leaves_only_that_check_out(server: Dhis2Server) -> None:
    del server.metadata.collections["fileResources"]
    checks = {check["check"]: check["possible"] for check in pulled(server).summary()["checks"]}
    assert [name for name, is_possible in checks.items() if not is_possible] == [CHECKS["files"].name]


@pytest.mark.parametrize("strange", [{"id": "dsMonthly01", "expiryDays": "soon"}, {"id": "x", "dataSetElements": 3}])
def test_objects_of_another_shape_are_an_error_that_names_the_request(strange: Mapping[str, Any]) -> None:
    with (
        Dhis2Server(VERSIONS[-1], served(hmis.export()) | {"dataSets": [dict(strange)]}) as server,
        pytest.raises(RequestFailed) as failed,
    ):
        pulled(server)
    assert failed.value.finding.code == "TP857"
    assert "dataSets" in str(failed.value.finding.source)


def test_command_writes_the_snapshot(server: Dhis2Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hmis.snapshot"
    code = run(command(server, "-o", path))
    out, err = capsys.readouterr()
    assert (code, err) == (OK, "")
    assert "7 organisationUnits" in out
    assert meaning(Snapshot.load(path)) == meaning(hmis.whole())


def test_command_shows_what_a_server_has(server: Dhis2Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command(server), "--show"]) == OK
    assert "25 of 25 checks can be made" in capsys.readouterr().out


def test_document_is_the_same_as_for_exports(
    server: Dhis2Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "it"
    assert run(command(server, "-o", path, "--json")) == OK
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "snapshot": {"file": "it", "bytes": path.stat().st_size},
        **hmis.whole().summary(),
        "findings": [],
    }


def test_connection_that_breaks_between_pages_is_taken_up_again(server: Dhis2Server) -> None:
    server.fail(Fault("break", path="/api/dataSets"), Fault("reset", path="/api/categoryOptions"))
    assert meaning(pulled(server)) == meaning(hmis.whole())


def test_server_that_fails_leaves_no_file(
    server: Dhis2Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fail(Fault("status", path="/api/organisationUnits", times=9, status=500))
    assert run(command(server, "-o", tmp_path / "it")) == OUTSIDE
    out, err = capsys.readouterr()
    assert "error[TP856]" in err
    assert "organisationUnits" in err
    assert not any(secret in out + err for secret in SECRETS)
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "it"], "give metadata exports, or a --server"),
        (["export.json", "--server", "http://127.0.0.1:9", "-o", "it"], "not both"),
        (["export.json", "--token-file", "x", "-o", "it"], "--token-file has no effect without --server"),
        (["export.json", "--timeout", "3", "-o", "it"], "--timeout has no effect without --server"),
        (["--server", "nowhere", "-o", "it"], "there is no profile nowhere"),
        (["--server", "http://127.0.0.1:9"], "give --output FILE"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["snapshot", *arguments]) == USAGE
    assert told in capsys.readouterr().err


@pytest.mark.skipif(not EXPORT.exists(), reason=f"{EXPORT.name} is not in {DATA}: set TALLYPORT_DATA")
def test_metadata_of_sierra_leone_says_the_same_by_pages() -> None:
    export = json.loads(gzip.decompress(EXPORT.read_bytes()))
    export["organisationUnits"] = json.loads(gzip.decompress(UNITS.read_bytes()))
    nothing: dict[str, list[Any]] = {name: [] for name in FIELDS}  # exports leave empty collections out
    with Dhis2Server(VERSIONS[-1], nothing | served(export)) as server:
        snapshot = pulled(server)
    assert meaning(snapshot) == meaning(Snapshot.from_exports([EXPORT, UNITS]))
