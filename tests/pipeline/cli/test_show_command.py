"""`tallyport show` by its contract: exit codes, the JSON document, what a terminal gets."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from support import running
from support.checking import check_against, strict_json
from support.places import ROOT, SAMPLES
from tallyport import show
from tallyport.cli import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run(["show", *arguments])
    return code, *capsys.readouterr()


def test_document_is_that_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    path = SAMPLES / "january.json"
    code, out, _ = shown(capsys, str(path), "--json", "--rows", "3")
    document = strict_json(out.encode())
    assert document == json.loads(json.dumps(show(path, rows=3).as_json()))
    check_against("show", document)
    assert code == 0


def test_screen_has_what_was_detected_the_fields_and_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = shown(capsys, str(SAMPLES / "january.json"))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "january.json: dxf-json (it starts with {), 1.8 kB"
    assert "storedBy - no place in ADV2: dropped and counted" in lines
    assert "3 deMeasles01 202501 ouClinicA01 cocUnder1y1 aocDefault1 42 false" in lines
    assert "error[TP304]: invalid period" in err
    assert code == 1


def test_one_row_is_shown_with_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    metadata = ROOT / "pipeline/tallyport/demo/metadata.json"
    _, out, _ = shown(capsys, str(SAMPLES / "january.json"), "--row", "3", "--metadata", str(metadata))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "row 3, line 6" in lines
    assert any(line.startswith("org unit ouClinicB01 (") for line in lines)
    assert "lastUpdated 2025-02-05T07:45:00.000+0000" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--row", "1", "--rows", "2"), "--rows has no effect with --row"),
        (("--row", "1", "--where", "ou=a"), "--row and --where exclude each other"),
        (("--id-scheme", "CODE"), "--id-scheme has no effect without --metadata"),
        (("--where", "clinic=ouClinicA01"), "orgUnit may be meant"),
        (("--row", "99"), "the last one is row 7"),
    ],
)
def test_wrong_options_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = shown(capsys, str(SAMPLES / "january.json"), *arguments)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"<html>", b'{"pager":{}}', b"{"])
def test_what_holds_no_values_is_refused_by_its_finding(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x").write_bytes(content)
    code, out, _ = shown(capsys, str(tmp_path / "x"), "--json")
    assert code == 3
    assert strict_json(out.encode())["error"]["code"].startswith("TP1")


def test_standard_input_is_shown() -> None:
    done = running.run("show", "-", "--json", stdin=(SAMPLES / "february.csv").read_bytes())
    document = strict_json(done.stdout)
    assert (document["source"]["name"], document["source"]["format"], done.returncode) == ("stdin", "dxf-csv", 0)


def test_table_fits_the_terminal(tmp_path: Path) -> None:
    row = {"dataElement": "d" * 40, "period": "202501", "orgUnit": "o" * 60, "value": "1", "comment": "c" * 300}
    (tmp_path / "wide.json").write_bytes(running.json_rows([row]))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        running.command("show", tmp_path / "wide.json"),
        stdout=theirs,
        env=running.environment({"COLUMNS": "80", "NO_COLOR": "1"}),
    )
    os.close(theirs)
    text = b""
    try:
        while block := os.read(ours, 65536):
            text += block
    except OSError:  # Linux says so that nobody writes any more
        pass
    assert process.wait() == 0
    os.close(ours)
    assert max(len(line.rstrip("\r")) for line in text.decode().splitlines()) <= 80
