"""`tallyport stats` by its contract: exit codes, the JSON document, what a terminal gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import running
from support.checking import check_against, strict_json
from support.places import ROOT, SAMPLES
from tallyport import convert, stats
from tallyport.cli import main

METADATA = ROOT / "pipeline/tallyport/demo/metadata.json"


def counted(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    code = main.run(["stats", *arguments])
    out, err = capsys.readouterr()
    return code, [" ".join(line.split()) for line in out.splitlines()], err


def test_document_is_that_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [SAMPLES / "january.json", SAMPLES / "february.csv"]
    code = main.run(["stats", "--json", *map(str, paths)])
    document = strict_json(capsys.readouterr().out.encode())
    check_against("stats", document)
    assert document == json.loads(json.dumps(stats(paths).as_json()))
    assert code == 1  # a superseded value differs


def test_screen_has_sums_elements_gaps_and_duplicates(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(SAMPLES / name) for name in ("january.json", "february.csv")]
    code, lines, err = counted(capsys, *paths, "--metadata", str(METADATA))
    assert lines[0] == "january.json: 8 read = 6 written + 1 superseded + 1 rejected"
    assert "2 files, 2.3 kB: 11 rows, 212.1 bytes a row" in lines
    assert "2 months, 202501 to 202502" in lines
    assert "data element rows periods org units gaps duplicates min median max texts" in lines
    assert any(line.startswith("1 key in several groups, 1 with different values") for line in lines)
    assert "warning[TP426]" in err
    assert code == 1


def test_long_tables_are_cut_and_say_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = {"period": "202501", "orgUnit": "ou1", "value": "1"}
    rows = [{**row, "dataElement": f"element{number}"} for number in range(30)]
    (tmp_path / "a.json").write_bytes(running.json_rows(rows))
    _, lines, _ = counted(capsys, str(tmp_path / "a.json"))
    assert "first 20 of 30 data elements, all with --verbose" in lines
    assert sum(line.startswith("element") for line in lines) == 20
    _, lines, _ = counted(capsys, str(tmp_path / "a.json"), "--verbose")
    assert sum(line.startswith("element") for line in lines) == 30


def test_folder_without_values_and_files_that_are_none_end_as_elsewhere(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "x.json").write_text("{")
    code, lines, err = counted(capsys, str(tmp_path / "x.json"))
    assert (code, lines) == (3, [])
    assert "error[TP108]" in err
    code, _, err = counted(capsys, "-", "-")
    assert code == 2
    assert "standard input can be read only once" in err


def test_standard_input_is_counted_adv2_or_legacy(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    for path, rows in ((SAMPLES / "february.csv", 5), (tmp_path / "january" / "deMeasles01.adv2.json", 3)):
        done = running.run("stats", "-", "--json", stdin=path.read_bytes())
        assert done.returncode == 0, done.stderr
        assert strict_json(done.stdout)["rows"] == rows
