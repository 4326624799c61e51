"""`tallyport table` by its contract: exit codes, the JSON document, what a terminal gets, standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from support import running
from support.checking import check_against, strict_json
from support.places import SAMPLES
from tallyport.cli import main

OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE, REFUSED = 0, 1, 2, 3, 4, 5
GOOD = '{"de":"deVisits001","pe":["202401","202402"],"ou":"ouClinicA01","size":2,"data":[[0,12],[1,7]]}'


def table(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main.run(["table", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_samples_become_a_table_and_the_screen_has_the_sums(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = table(capsys, SAMPLES, "-o", tmp_path / "values.parquet")
    assert code == FINDINGS
    lines = out.splitlines()
    assert lines[0] == f"{tmp_path / 'values.parquet'}: 18 read = 18 written"
    assert lines[1].startswith("  18 rows of 13 columns, ")
    assert "january.json: 8 read = 6 written + 1 superseded + 1 rejected" in lines
    assert "error[TP304]: invalid period\n  --> january.json, line 9" in err


def test_document_fits_its_schema_and_has_the_account_of_every_source(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = table(capsys, SAMPLES, "-o", tmp_path / "values.csv", "--wide", "data-element", "--json")
    document = strict_json(out.encode())
    check_against("table", document)
    assert document["values"] == {"read": 18, "written": 17, "ignored": 0, "left_out": 1}
    assert document["dropped"] == {"comment": 4, "followup": 3}
    assert [source["source"] for source in document["sources"]][2:] == ["january.json", "march.xml"]
    assert code == FINDINGS


def test_clean_source_on_standard_input_ends_with_0(tmp_path: Path) -> None:
    ended = running.run("table", "-", "-o", "values.csv", stdin=GOOD.encode(), cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (OK, b"")
    assert pl.read_csv(tmp_path / "values.csv")["value"].to_list() == [12, 7]
    assert running.names(tmp_path) == {"values.csv"}


@pytest.mark.parametrize("output", ["o.parquet", "o.arrow", "o.csv", "o.xlsx", "o.duckdb", "parts"])
def test_disk_that_is_full_ends_the_run_with_nothing_half_done(tmp_path: Path, output: str) -> None:
    rows = ",".join(f"[{unit},{unit * 7919 % 10007}]" for unit in range(20_000))
    units = json.dumps([f"ou{unit:09}" for unit in range(20_000)])
    text = f'{{"de":"deVisits001","pe":"202401","ou":{units},"size":20000,"data":[{rows}]}}'
    (tmp_path / "many.adv2.json").write_text(text)
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    program = f"{limited}; from tallyport.cli.main import main; main()"
    arguments = [
        "table",
        "many.adv2.json",
        "-o",
        f"out/{output}",
        *(["--partition", "year"] if output == "parts" else []),
    ]
    ended = subprocess.run(
        [sys.executable, "-B", "-c", program, *arguments],
        cwd=tmp_path,
        env=running.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == OUTSIDE, ended.stderr
    assert ended.stderr.startswith("error[TP801]")
    assert "File too" in ended.stderr
    assert running.names(tmp_path) == {"many.adv2.json"}


def test_failures_have_their_exit_codes_and_leave_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good, odd, out = tmp_path / "good.adv2.json", tmp_path / "odd.txt", tmp_path / "out"
    good.write_text(GOOD)
    odd.write_text("no values here")
    for code, arguments in (
        (USAGE, (good, "-o", out / "values.txt")),
        (USAGE, (good, "-o", "-")),
        (USAGE, (good, "-o", out / "values", "--wide", "period", "--partition", "year")),
        (UNREADABLE, (good, odd, "-o", out / "values.csv")),
        (REFUSED, (good, "-o", odd.rename(tmp_path / "there.csv"))),
    ):
        ended, printed, err = table(capsys, *arguments)
        assert (ended, printed) == (code, "")
        assert "error[TP" in err
        assert not out.exists()
