"""`tallyport validate` by its contract: exit codes, the JSON document, the report, the screen, what it reads."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import running
from support.checking import check_against, json_lines, strict_json
from support.sierra_leone import FILE, VALUES
from tallyport import convert
from tallyport.cli import main
from tallyport.validation import validate as validating
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable, finding
from tallyport_schemas.finding_codes import CODES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE = 0, 1, 2, 3, 4

HEADER = '"de":"deVisits001","pe":["202401","202402"],"ou":"ouClinicA01"'
GOOD = f'{{{HEADER},"size":2,"data":[\n[0,12],\n[1,7,false,true,"checked"]\n]}}\n'
ONE_BAD = f'{{{HEADER},"size":3,"data":[\n[0,12],\n[2,5],\n[1,7]\n]}}\n'
BAD_HEADER = '{"de":"deVisits001","pe":"202413","ou":"ouClinicA01","size":1,"data":[[1]]}'
WRONG_SIZE = f'{{{HEADER},"size":3,"data":[[0,12],[1,7]]}}'
CUT = GOOD[:-20]


@dataclass(frozen=True)
class Ended:
    """A run that ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout, as published."""
        document = strict_json(self.stdout.encode())
        check_against("validation", document)
        for file in document.get("files", ()):
            for group in file["groups"]:
                assert group["rows"]["read"] == group["rows"]["accepted"] + group["rows"]["ignored"]
        return document

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups of all files."""
        return [group for file in self.document["files"] for group in file["groups"]]


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the program in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("TALLYPORT_", "NO_COLOR")):
            monkeypatch.delenv(name)

    def validate(*arguments: str) -> Ended:
        capsys.readouterr()
        exit_code = main.run(["validate", *arguments])
        return Ended(exit_code, *capsys.readouterr())

    return validate


def write(name: str, text: str | bytes) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


# Exit codes.


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        (GOOD, OK),
        (f"[{GOOD},{GOOD}]", OK),
        ("[]", OK),
        (ONE_BAD, FINDINGS),
        (f"[{GOOD},{ONE_BAD}]", FINDINGS),
        (BAD_HEADER, UNREADABLE),
        (WRONG_SIZE, UNREADABLE),
        (f"[{GOOD},{ONE_BAD},{BAD_HEADER},{GOOD}]", UNREADABLE),
        (CUT, UNREADABLE),
        ("", UNREADABLE),
        ("no JSON", UNREADABLE),
    ],
)
def test_exit_code_is_0_if_all_is_accepted_1_if_rows_are_ignored_3_if_a_group_fails_or_a_file_is_unreadable(
    text: str, exit_code: int, run: Run
) -> None:
    write("x.adv2.json", text)
    assert run("x.adv2.json").exit_code == exit_code
    assert run("x.adv2.json", "--json").exit_code == exit_code
    assert run("x.adv2.json", "--quiet").exit_code == exit_code


def test_the_highest_exit_code_of_several_files_applies_and_all_are_validated(run: Run) -> None:
    names = [write(f"{i}.adv2.json", text) for i, text in enumerate((CUT, ONE_BAD, GOOD))]
    ended = run(*names, "missing.adv2.json", "--json")
    assert ended.exit_code == UNREADABLE
    files = ended.document["files"]
    assert [file["file"] for file in files] == [*names, "missing.adv2.json"]
    assert [file.get("error", {}).get("code") for file in files] == ["TP108", None, None, "TP101"]
    assert [len(file["groups"]) for file in files] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--header"],
        ["x.adv2.json", "--quiet", "--verbose"],
        ["x.adv2.json", "--json", "--verbose"],
        ["-", "-"],
        ["empty"],
        ["x.adv2.json", "empty"],
        ["x.adv2.json", "--report", "empty"],
        ["x.adv2.json", "--report", "x.adv2.json"],
        ["folder", "--report", "folder/y.adv2.json"],
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_read_or_written(arguments: list[str], run: Run) -> None:
    write("x.adv2.json", GOOD)
    write("folder/y.adv2.json", GOOD)
    Path("empty").mkdir()
    ended = run(*arguments)
    assert ended.exit_code == USAGE
    if "--json" in arguments:
        assert ended.document["error"]["code"] == "TP900"
    else:
        assert "error[TP900]" in ended.stderr
        assert ended.stdout == ""
    assert Path("x.adv2.json").read_text() == Path("folder/y.adv2.json").read_text() == GOOD
    if "--verbose" not in arguments:
        again = run(*arguments, "--json")
        assert (again.exit_code, again.document["error"]["code"]) == (USAGE, "TP900")


# The JSON document.


def test_document_tells_of_each_file_its_groups_and_of_each_group_its_rows_and_findings(run: Run) -> None:
    write("x.adv2.json", f"[{GOOD},{ONE_BAD},{BAD_HEADER}]")
    ended = run("x.adv2.json", "--json")
    good, one_bad, bad_header = ended.groups
    assert good == {
        "de": "deVisits001",
        "findings": [],
        "valid": True,
        "rows": {"declared": 2, "read": 2, "accepted": 2, "ignored": 0},
    }
    assert one_bad == {
        "de": "deVisits001",
        "findings": [
            {
                "code": "TP605",
                "severity": "error",
                "message": "an index is outside the header's list",
                "help": "indexes count from 0 to one below the list's length",
                "source": "x.adv2.json",
                "row": 1,
                "field": "pe",
                "found": "2",
                "expected": "0 to 1",
            }
        ],
        "valid": True,
        "rows": {"declared": 3, "read": 3, "accepted": 2, "ignored": 1},
    }
    assert (bad_header["valid"], bad_header["rows"]) == (
        False,
        {"declared": None, "read": 1, "accepted": 0, "ignored": 1},
    )
    assert [found["code"] for found in bad_header["findings"]] == ["TP508"]
    assert ended.stderr == ""


def test_a_group_that_breaks_off_is_not_valid_and_the_file_says_why(run: Run) -> None:
    write("x.adv2.json", ONE_BAD[:-6])
    ended = run("x.adv2.json", "--json")
    [file] = ended.document["files"]
    assert file["error"]["code"] == "TP108"
    assert "line 4" in file["error"]["message"]
    [group] = file["groups"]
    assert (group["valid"], group["rows"]) == (False, {"declared": 3, "read": 2, "accepted": 0, "ignored": 2})
    assert [found["code"] for found in group["findings"]] == ["TP605"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["missing.adv2.json"], UNREADABLE, "TP101"),
        (["folder.adv2.json/x"], UNREADABLE, "TP101"),
        (["empty.adv2.json"], UNREADABLE, "TP102"),
        (["damaged.adv2.json.gz"], UNREADABLE, "TP104"),
        (["x.adv2.json", "--metadata", "missing.snapshot"], UNREADABLE, "TP101"),
        (["x.adv2.json", "--metadata", "empty.adv2.json"], UNREADABLE, "TP102"),
        (["x.adv2.json", "--report", "missing/report.ndjson"], OUTSIDE, "TP801"),
    ],
)
def test_document_is_one_on_every_failure(arguments: list[str], exit_code: int, code: str, run: Run) -> None:
    write("x.adv2.json", GOOD)
    write("empty.adv2.json", "")
    write("damaged.adv2.json.gz", gzip.compress(GOOD.encode())[:-9])
    ended = run(*arguments, "--json")
    assert ended.exit_code == exit_code
    document = ended.document
    error = document["error"] if "error" in document else document["files"][0]["error"]
    assert error["code"] == code
    assert "Traceback" not in ended.stderr
    text = run(*arguments)
    assert text.exit_code == exit_code
    assert f"error[{code}]" in text.stderr


@pytest.mark.parametrize(
    ("failure", "exit_code", "code"),
    [
        (OSError(28, "No space left on device"), OUTSIDE, "TP801"),
        (MemoryError(), OUTSIDE, "TP802"),
        (KeyboardInterrupt(), 130, "TP803"),
    ],
)
def test_a_failure_in_the_middle_is_one_document_too(
    failure: BaseException, exit_code: int, code: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("folder/1.adv2.json", ONE_BAD)
    write("folder/2.adv2.json", GOOD)
    opened = Source.open

    def fail(path: str) -> Any:
        if path.endswith("2.adv2.json"):
            raise failure
        return opened(path)

    monkeypatch.setattr(Source, "open", fail)
    ended = run("folder", "--json")
    assert (ended.exit_code, ended.document["error"]["code"]) == (exit_code, code)


# The report.


def test_report_has_all_findings_a_line_each_and_nothing_else(run: Run) -> None:
    rows = ",".join(["[0,[]]", "[0,{}]", "[9,1]"] * 50)
    write("1.adv2.json", f'[{{{HEADER},"size":150,"data":[{rows}]}},{BAD_HEADER}]')
    write("2.adv2.json", CUT)
    ended = run("1.adv2.json", "2.adv2.json", "--report", "report.ndjson", "--json")
    lines = json_lines(Path("report.ndjson").read_bytes())
    for line in lines:
        check_against("finding", line)
    said = [found for group in ended.groups for found in group["findings"]]
    errors = [file["error"] for file in ended.document["files"] if "error" in file]
    assert lines == [*said, *errors]
    assert [line["code"] for line in lines] == ["TP608", "TP605"] * 50 + ["TP508", "TP108"]
    again = run("1.adv2.json", "2.adv2.json", "--report", "again.ndjson")
    assert again.exit_code == UNREADABLE
    assert Path("again.ndjson").read_bytes() == Path("report.ndjson").read_bytes()


def test_report_without_findings_is_empty(run: Run) -> None:
    write("x.adv2.json", GOOD)
    write("report.ndjson", "old\n")
    assert run("x.adv2.json", "--report", "report.ndjson").exit_code == OK
    assert Path("report.ndjson").read_bytes() == b""


# The screen.


def test_sum_goes_to_stdout_and_findings_to_stderr(run: Run) -> None:
    write("x.adv2.json", f"[{ONE_BAD},{GOOD}]")
    ended = run("x.adv2.json")
    assert ended.stdout == "1 file, 2 groups\n  5 rows read = 4 accepted + 1 ignored\n"
    assert ended.stderr == (
        "error[TP605]: an index is outside the header's list\n"
        '  --> x.adv2.json, row 1, field "pe"\n'
        "      1 value\n"
        "      found 2\n"
        "      expected 0 to 1\n"
        "  help: indexes count from 0 to one below the list's length\n"
    )
    quiet = run("x.adv2.json", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", ended.stderr)


def test_verbose_tells_the_verdict_of_every_group(run: Run) -> None:
    write("x.adv2.json", f"[{ONE_BAD},{BAD_HEADER}]")
    ended = run("x.adv2.json", "--verbose")
    assert "x.adv2.json: deVisits001: 2 of 3 rows accepted\n" in ended.stdout
    assert "x.adv2.json: deVisits001: the group fails\n" in ended.stdout
    assert "1 file, 2 groups, 1 of them fails" in ended.stdout


def test_screen_is_capped_and_says_so_and_document_is_not(run: Run) -> None:
    rows = ",".join(f"[0,[]],[{place},1]" for place in range(2, 52))
    write("x.adv2.json", f'{{{HEADER},"size":100,"data":[{rows}]}}')
    ended = run("x.adv2.json")
    assert ended.stderr.count("error[") == 20
    assert ended.stderr.endswith("first 20 of 51\n")
    [group] = run("x.adv2.json", "--json").groups
    assert len(group["findings"]) == 100


def test_one_cause_is_one_finding_across_groups_and_files_worst_first(run: Run) -> None:
    write("a.adv2.json", f"[{','.join([ONE_BAD] * 3)}]")
    write("b.adv2.json", f"[{','.join([ONE_BAD] * 2)},{BAD_HEADER}]")
    ended = run("a.adv2.json", "b.adv2.json")
    assert ended.stderr.count("error[TP605]") == 1
    assert "  --> a.adv2.json, first row 1" in ended.stderr
    assert "5 values in 5 groups" in ended.stderr
    assert ended.stderr.startswith("error[TP605]:")
    documents = run("a.adv2.json", "b.adv2.json", "--json").groups
    assert sum(len(of["findings"]) for of in documents) == 6


def test_rows_that_share_a_flaw_are_one_finding_with_their_number(run: Run) -> None:
    write("x.adv2.json", f'{{{HEADER},"size":1000,"data":[{",".join(["[0,[]]"] * 1_000)}]}}')
    ended = run("x.adv2.json")
    assert ended.stderr.count("error[") == 1
    assert "first row 0" in ended.stderr
    assert "1,000 values" in ended.stderr


def test_screen_shows_the_beginning_of_a_long_list_and_document_has_it_whole(run: Run) -> None:
    units = [f"unit{i}" for i in range(1_000)]
    write("x.adv2.json", json.dumps({"de": "deVisits001", "pe": "202401", "ou": units, "size": 0}))
    assert len(max(run("x.adv2.json").stderr.splitlines(), key=len)) < 1_100
    [group] = run("x.adv2.json", "--json").groups
    assert group["findings"][0]["found"] == ", ".join(units)


# What is read.


def test_header_only_does_not_look_at_rows(run: Run) -> None:
    garbage = GOOD[: GOOD.index("[\n[") + 1] + "\x00 no JSON at all " * 100_000
    write("x.adv2.json", garbage)
    ended = run("x.adv2.json", "--header-only", "--json")
    assert ended.exit_code == OK
    [group] = ended.groups
    assert (group["valid"], group["rows"]) == (True, {"declared": 2, "read": 0, "accepted": 0, "ignored": 0})
    assert run("x.adv2.json").exit_code == UNREADABLE
    assert "1 file, 1 group\n" in run("x.adv2.json", "--header-only").stdout


def test_header_only_finds_what_is_wrong_with_headers(run: Run) -> None:
    write("x.adv2.json", BAD_HEADER)
    ended = run("x.adv2.json", "--header-only", "--json")
    assert ended.exit_code == UNREADABLE
    assert [found["code"] for found in ended.groups[0]["findings"]] == ["TP508"]


def test_header_only_comes_to_every_header_of_an_array(run: Run) -> None:
    write("x.adv2.json", f"[{ONE_BAD},{BAD_HEADER},{WRONG_SIZE}]")
    ended = run("x.adv2.json", "--header-only", "--json")
    assert ended.exit_code == UNREADABLE
    assert [group["valid"] for group in ended.groups] == [True, False, True]
    assert {group["rows"]["read"] for group in ended.groups} == {0}


def test_folder_is_walked_for_adv2_files(run: Run) -> None:
    write("out/january/b.adv2.json", GOOD)
    write("out/january/a.adv2.json", ONE_BAD)
    write("out/january/manifest.json", "{}")
    write("out/january/rejects.ndjson", "{}")
    write("out/c.adv2.json.gz", gzip.compress(GOOD.encode()))
    ended = run("out", "--json")
    files = [file["file"] for file in ended.document["files"]]
    assert files == ["c.adv2.json.gz", "january/a.adv2.json", "january/b.adv2.json"]
    assert ended.exit_code == FINDINGS
    assert ended.groups[1]["findings"][0]["source"] == "january/a.adv2.json"


@pytest.mark.parametrize("name", ["x.adv2.json", "x.adv2.json.gz", "x.adv2.json.zst", "anything"])
@pytest.mark.parametrize("compression", ["none", "gzip", "gzip, a byte a member", "zstd", "zip"])
def test_compression_is_told_by_content(name: str, compression: str, run: Run) -> None:
    data = ONE_BAD.encode()
    if compression == "zip":
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr("x.adv2.json", data)
    else:
        packed = {
            "none": data,
            "gzip": gzip.compress(data),
            "gzip, a byte a member": b"".join(gzip.compress(bytes([byte])) for byte in data),
            "zstd": zstd.compress(data),
        }
        write(name, packed[compression])
    ended = run(name, "--json")
    assert ended.exit_code == FINDINGS
    assert ended.groups[0]["rows"] == {"declared": 3, "read": 3, "accepted": 2, "ignored": 1}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_stdin_is_read_for_a_dash(pack: Callable[[bytes], bytes]) -> None:
    ended = running.run("validate", "-", "--json", stdin=pack(ONE_BAD.encode()))
    assert ended.returncode == FINDINGS
    [file] = strict_json(ended.stdout)["files"]
    assert file["file"] == "stdin"
    assert file["groups"][0]["findings"][0]["source"] == "stdin"


def test_byte_order_mark_is_passed(run: Run) -> None:
    write("x.adv2.json", b"\xef\xbb\xbf" + GOOD.encode())
    assert run("x.adv2.json").exit_code == OK


@pytest.mark.parametrize("name", ["größe.adv2.json", "a b.adv2.json", os.fsdecode(b"\xff.adv2.json"), "a\nb.adv2.json"])
def test_file_may_have_any_name(name: str, run: Run) -> None:
    write(name, ONE_BAD)
    assert run(name, "--report", "report.ndjson", "--json").exit_code == FINDINGS
    assert run(name, "--json").document["files"][0]["file"].isprintable()
    assert run(".", "--json").document["files"][0]["file"].isprintable()
    assert run(name).exit_code == FINDINGS
    [line] = json_lines(Path("report.ndjson").read_bytes())
    assert line["source"].isprintable()


def test_settings_of_the_environment_are_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("x.adv2.json", ONE_BAD)
    monkeypatch.setenv("TALLYPORT_VALIDATE_JSON", "1")
    monkeypatch.setenv("TALLYPORT_VALIDATE_HEADER_ONLY", "1")
    monkeypatch.setenv("TALLYPORT_VALIDATE_REPORT", "report.ndjson")
    ended = run("x.adv2.json")
    assert ended.exit_code == OK
    assert ended.groups[0]["rows"]["read"] == 0
    assert Path("report.ndjson").exists()


def test_unreadable_metadata_is_no_verdict_on_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("x.adv2.json", GOOD)

    def fail(_: object) -> None:
        raise SourceUnreadable(finding("TP108", source="export.json"))

    monkeypatch.setattr(validating, "load_snapshot", fail)
    ended = run("x.adv2.json", "--metadata", "export.json", "--json")
    assert ended.exit_code == UNREADABLE
    said = finding("TP108", source="export.json").as_json()
    assert ended.document == {"errors": [said], "error": said}


@pytest.mark.parametrize("code", CODES)
def test_every_finding_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["explain", code]) == OK
    assert CODES[code].message in capsys.readouterr().out
    assert main.run(["explain", code, "--json"]) == OK
    assert strict_json(capsys.readouterr().out.encode())["help"] == CODES[code].help


def test_a_comment_that_only_older_servers_take_survives_a_conversion_and_is_told_by_validation(run: Run) -> None:
    value = {"dataElement": "deVisits001", "period": "202401", "value": "1"}
    rows = [value | {"orgUnit": f"ouClin{size:05}", "comment": "c" * size} for size in (5_000, 5_001, 50_000)]
    Path("old.json").write_text(json.dumps({"dataValues": rows}))
    assert [outcome.error for outcome in convert(["old.json"], "out").sources] == [None]
    assert not list(Path("out").glob("*/rejects.ndjson"))
    ended = run("out", "--json")
    assert ended.exit_code == FINDINGS
    (group,) = ended.groups
    assert group["rows"] == {"declared": 3, "read": 3, "accepted": 1, "ignored": 2}
    assert {found["code"] for found in group["findings"]} == {"TP222"}


@pytest.mark.skipif(not FILE.exists(), reason=f"{FILE.name} is not there: set TALLYPORT_DATA to its folder")
@pytest.mark.parametrize("layout", ["split", "single"])
def test_what_conversion_writes_of_the_sierra_leone_values_has_no_finding(layout: Any, run: Run) -> None:
    convert([FILE], "out", layout=layout)
    ended = run("out", "--json", "--report", "report.ndjson")
    assert ended.exit_code == OK
    assert sum(group["rows"]["accepted"] for group in ended.groups) == VALUES
    assert all(group["valid"] and not group["findings"] for group in ended.groups)
    assert Path("report.ndjson").read_bytes() == b""


def test_values_and_comments_are_held_to_the_rules_of_the_dhis2_that_is_named(run: Run) -> None:
    group = {"de": "deVisits001", "pe": "202501", "ou": "ouClinicA01", "size": 1}
    Path("long.adv2.json").write_text(json.dumps(group | {"data": [[1, False, None, "x" * 5_001]]}), encoding="utf-8")
    assert run("long.adv2.json").exit_code == 1
    assert run("long.adv2.json", "--dhis2", "2.43").exit_code == 1
    assert run("long.adv2.json", "--dhis2", "2.42").exit_code == 0
    assert run("long.adv2.json", "--dhis2", "2.41").exit_code == 2
