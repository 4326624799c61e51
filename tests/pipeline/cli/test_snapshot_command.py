"""`tallyport snapshot`: what it writes, says and refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support import running
from support.hmis import METADATA, ORG_UNITS, whole
from tallyport.cli.main import run
from tallyport.metadata import Snapshot

OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE, REFUSED = 0, 1, 2, 3, 4, 5


def ran(capsys: pytest.CaptureFixture[str], *arguments: str | os.PathLike[str]) -> tuple[int, str, str]:
    code = run(["snapshot", *(os.fspath(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys: pytest.CaptureFixture[str], *arguments: str | os.PathLike[str]) -> tuple[int, Any]:
    code, out, _ = ran(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_snapshot_of_several_exports_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hmis.snapshot"
    code, out, err = ran(capsys, METADATA, ORG_UNITS, "-o", path)
    assert (code, err) == (OK, "")
    assert Snapshot.load(path).summary() == whole().summary()
    assert "7 organisationUnits" in out
    assert "25 of 25 checks can be made" in out
    assert [path.name for path in tmp_path.iterdir()] == ["hmis.snapshot"]


def test_document_says_what_was_written_and_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hmis.snapshot"
    code, written = document(capsys, METADATA, ORG_UNITS, "-o", path)
    assert code == OK
    assert written == {
        "snapshot": {"file": "hmis.snapshot", "bytes": path.stat().st_size},
        **whole().summary(),
        "findings": [],
    }


@pytest.mark.parametrize("is_kept", [False, True])
def test_show_says_what_is_missing_for_which_check(
    is_kept: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = METADATA
    if is_kept:
        path = tmp_path / "it"
        Snapshot.from_exports([METADATA]).save(path)
    code, out, _ = ran(capsys, "--show", path)
    assert code == OK
    assert "22 of 25 checks can be made" in out
    assert "not: organisation units exist (it has no organisationUnits)" in out
    code, shown = document(capsys, "--show", path)
    assert code == OK
    assert {"check": "organisation units exist", "possible": False, "missing": ["organisationUnits"]} in shown["checks"]
    assert "snapshot" not in shown


def test_show_takes_several_exports_together(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = document(capsys, "--show", METADATA, ORG_UNITS)
    assert (code, {key: shown[key] for key in ("objects", "checks")}) == (OK, whole().summary())


def test_exports_that_disagree_end_with_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"dataElements": [{"id": "deStock0001", "name": "Stocks"}]}', encoding="utf-8")
    code, out, err = ran(capsys, METADATA, other, "-o", tmp_path / "it")
    assert code == FINDINGS
    assert "warning[TP740]" in err
    assert "deStock0001 name" in err
    assert "TP740" not in out
    code, written = document(capsys, METADATA, other, "-o", tmp_path / "it", "--overwrite")
    assert (code, written["findings"][0]["found"]) == (FINDINGS, "deStock0001 name")


def test_existing_file_is_replaced_only_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "it"
    path.write_text("mine")
    code, failed = document(capsys, METADATA, "-o", path)
    assert (code, failed["error"]["code"]) == (REFUSED, "TP901")
    assert path.read_text() == "mine"
    assert ran(capsys, METADATA, "-o", path, "--overwrite")[0] == OK
    assert Snapshot.load(path).summary()["objects"]["dataSets"] == 4


USAGES: list[tuple[str, ...]] = [
    (),
    ("-o", "it"),
    ("a.json",),
    ("a.json", "--show", "-o", "it"),
    ("a.json", "--show", "--overwrite"),
    ("a.json", "--show", "--quiet"),
    ("-", "-", "-o", "it"),
]


@pytest.mark.parametrize("arguments", USAGES, ids=" ".join)
def test_options_without_sense_are_a_matter_of_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed = document(capsys, *arguments)
    assert (code, failed["error"]["code"]) == (USAGE, "TP900")


def test_unreadable_export_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"dataElements": [')
    code, failed = document(capsys, METADATA, broken, "-o", tmp_path / "it")
    assert (code, failed["error"]["code"], failed["error"]["source"]) == (UNREADABLE, "TP108", "broken.json")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.json"]


def test_missing_folder_is_a_failure_of_the_outside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, failed = document(capsys, METADATA, "-o", tmp_path / "not there" / "it")
    assert (code, failed["error"]["code"]) == (OUTSIDE, "TP801")


def test_quiet_says_nothing_where_nothing_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, METADATA, "-o", tmp_path / "it", "--quiet") == (OK, "", "")


def test_export_is_read_from_standard_input_and_options_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "it"
    ended = running.run("snapshot", "-", stdin=METADATA.read_bytes(), env={"TALLYPORT_SNAPSHOT_OUTPUT": str(path)})
    assert (ended.returncode, ended.stderr) == (OK, b"")
    assert Snapshot.load(path).summary()["objects"]["dataSets"] == 4
