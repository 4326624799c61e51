"""The command line's contract: options, exit codes, JSON, what goes to stdout and what to stderr, names of files.

Most run in this process; what a shell, a pipe or a terminal has a part in runs as a process of its own.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from support import running
from support.checking import check_against
from support.places import SAMPLES
from support.running import check_whole, contents, json_rows, names
from tallyport.cli import main
from tallyport.cli.main import VERBS
from tallyport_converters.files.publish import publish
from tallyport_schemas import __version__
from tallyport_schemas.finding import OutsideFailed, finding
from tallyport_schemas.finding_codes import CODES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE, REFUSED = 0, 1, 2, 3, 4, 5
ANSI = "\x1b["
ROW = {"dataElement": "element1", "period": "202501", "orgUnit": "unit1", "value": "1"}
SPOILT = {**ROW, "period": "202513"}


class Ended:
    """A run that ended: its exit code and what it printed."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr

    @property
    def document(self) -> Any:
        """The one JSON document on stdout, and nothing else; that of a conversion fits its schema."""
        document = json.loads(self.stdout)
        if "sources" in document:
            check_against("conversion", document)
        return document

    @property
    def error(self) -> dict[str, str]:
        error: dict[str, str] = self.document["error"]
        assert {"code", "severity", "message", "help"} <= error.keys()
        return error


class Shell:
    """Runs the program in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder, self._capsys, self._patch = folder, capsys, patch
        patch.chdir(folder)
        for name in os.environ:
            if name.startswith(("TALLYPORT_", "NO_COLOR")):
                patch.delenv(name)

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        exit_code = main.run(arguments)
        return Ended(exit_code, *self._capsys.readouterr())

    def set(self, **settings: str) -> None:
        for name, text in settings.items():
            self._patch.setenv(name, text)

    def write(self, name: str, *rows: dict[str, str]) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json_rows(rows))
        return name

    def groups(self, folder: str) -> list[dict[str, Any]]:
        """The headers of all groups of an output folder, in the order of their file names."""
        check_whole(self.folder / folder)
        found: list[dict[str, Any]] = []
        for path in sorted((self.folder / folder).glob("*.adv2.json")):
            root = json.loads(path.read_bytes())
            found += root if isinstance(root, list) else [root]
        return found


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


# Help


def test_the_program_alone_shows_its_help_and_ends_with_2(shell: Shell) -> None:
    ended = shell()
    assert (ended.exit_code, ended.stdout) == (USAGE, "")
    assert "Usage: tallyport" in ended.stderr


def test_the_help_lists_every_verb_after_examples(shell: Shell) -> None:
    ended = shell("--help")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert ended.stdout.index("Examples:") < ended.stdout.index("Options:") < ended.stdout.index("Commands:")
    assert all(f"  {verb}  " in ended.stdout for verb in VERBS)
    assert max(map(len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_of_a_verb_has_examples_before_the_options(verb: str, option: str, shell: Shell) -> None:
    ended = shell(verb, option)
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert f"  tallyport {verb} " in ended.stdout[ended.stdout.index("Examples:") : ended.stdout.index("Options:")]
    assert "--json" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"], ["export", "--help"]])
def test_help_loads_no_heavy_library_and_takes_less_than_0_15_s_of_processor_time(arguments: list[str]) -> None:
    script = f"import sys; from tallyport.cli import main; main.run({arguments}); print(*sys.modules, file=sys.stderr)"
    took = []
    for _ in range(4):  # the first may have to compile the modules
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, "-c", script]
        ended = subprocess.run(line, env=running.environment(), capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    loaded = {name.partition(".")[0] for name in ended.stderr.split()}
    assert not loaded & {"lxml", "orjson", "pikepdf", "asyncio", "rich", "tallyport_converters"}
    assert min(took) < 0.15


def test_the_version_names_the_package_the_core_and_the_libraries(shell: Shell) -> None:
    first, core, python, libraries, *_ = shell("--version").stdout.splitlines()
    assert first == f"tallyport {__version__}"
    assert core.startswith("core: scanner")
    assert python.startswith(f"Python {sys.version_info.major}.{sys.version_info.minor}.")
    assert f"click {version('click')}, " in libraries


def test_a_mistyped_verb_is_answered_with_the_near_one(shell: Shell) -> None:
    ended = shell("convrt", "a.json", "-o", "out")
    assert (ended.exit_code, ended.stdout) == (USAGE, "")
    assert "error[TP900]: No such command 'convrt'. Did you mean 'convert'?" in ended.stderr


def test_files_given_to_export_are_answered_with_the_command_to_type_instead(shell: Shell) -> None:
    ended = shell("export", "out/my file", "--to", "dxf-csv", "-o", "legacy", "--compress", "gz")
    assert (ended.exit_code, ended.stdout) == (USAGE, "")
    hint = "tallyport write-back 'out/my file' --to dxf-csv -o legacy --compress gz"
    assert ended.stderr.endswith(
        f"error[TP900]: export reads a database, not files\n  help: write files back with: {hint}\n"
    )


# Exit codes


def test_nothing_to_report_ends_with_0(shell: Shell) -> None:
    ended = shell("convert", shell.write("a.json", ROW), "-o", "out")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert "1 read = 1 written + 0 superseded + 0 rejected" in ended.stdout


def test_infos_alone_end_with_0(shell: Shell) -> None:
    ended = shell("convert", shell.write("a.json", {**ROW, "period": "2025-01"}), "-o", "out")
    assert ended.exit_code == OK
    assert "info[TP414]" in ended.stderr


@pytest.mark.parametrize(
    ("rows", "code"), [([ROW, SPOILT], "error[TP304]"), ([{**ROW, "value": " "}], "warning[TP404]")]
)
def test_rejected_values_and_warnings_end_with_1(rows: list[dict[str, str]], code: str, shell: Shell) -> None:
    ended = shell("convert", shell.write("a.json", *rows), "-o", "out")
    assert ended.exit_code == FINDINGS
    assert code in ended.stderr
    assert code not in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["convert"], "SOURCE"),
        (["convert", "a.json"], "--output"),
        (["convert", "a.json", "-o", "out", "--bogus"], "--bogus"),
        (["bogus"], "bogus"),
        (["convert", "a.json", "-o", "out", "--from", "ods"], "ods"),
        (["convert", "a.json", "-o", "out", "--id-scheme", "MINE"], "UID, CODE, NAME, ATTRIBUTE:<uid>"),
        (["convert", "a.json", "-o", "out", "--id-scheme", "xx=CODE"], "de, ou"),
        (["convert", "a.json", "-o", "out", "--layout", "both"], "both"),
        (["convert", "a.json", "-o", "out", "--compress", "zip"], "zip"),
        (["convert", "a.json", "-o", "out", "--jobs", "0"], "--jobs"),
        (["convert", "a.json", "-o", "out", "--memory", "lots"], "256MB"),
        (["convert", "a.json", "-o", "out", "--memory", "0"], "--memory"),
        (["convert", "s3://bucket/a.json", "-o", "out"], "s3://bucket/a.json is an address"),
        (["convert", "a.json", "-o", "s3://bucket/out"], "s3://bucket/out is an address"),
        (["export", "a.json", "--output=gs://bucket/out"], "gs://bucket/out is an address"),
        (["validate", "https://host.example/a.adv2.json"], "is an address"),
        (["import", "s3://bucket/a.json"], "is an address"),
        (["push", "s3://bucket/a.json", "--url", "http://localhost:1"], "is an address"),
        (["snapshot", "s3://bucket/metadata.json", "-o", "x"], "is an address"),
        (["convert", "-", "-", "-o", "out"], "only once"),
        (["explain", "TP000"], "TP000"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_a_usage_error_ends_with_2_says_what_is_wrong_and_where_to_read_on(
    arguments: list[str], told: str, shell: Shell
) -> None:
    shell.write("a.json", ROW)
    (shell.folder / "empty").mkdir()
    ended = shell(*arguments)
    assert (ended.exit_code, ended.stdout) == (USAGE, "")
    assert told in ended.stderr
    assert re.search(r"help: see tallyport.* --help", ended.stderr)
    assert not (shell.folder / "out").exists()
    ended = shell(*arguments, "--json")
    assert (ended.exit_code, ended.error["code"], ended.stderr) == (USAGE, "TP900", "")
    assert told in ended.error["message"]


@pytest.mark.parametrize(
    "options",
    [
        ["--header", "--from", "dxf-json"],
        ["--no-header", "--from", "adx"],
        ["--keep-followup-false", "--from", "dxf-pdf"],
        ["--quiet", "--verbose"],
        ["--json", "--verbose"],
        ["--id-scheme", "CODE", "--id-scheme", "NAME"],
        ["--id-scheme", "ou=CODE", "--id-scheme", "ou=CODE"],
    ],
)
def test_an_option_without_effect_is_a_usage_error(options: list[str], shell: Shell) -> None:
    ended = shell("convert", shell.write("a.json", ROW), "-o", "out", *options)
    assert ended.exit_code == USAGE
    assert not (shell.folder / "out").exists()


def test_sources_whose_names_clash_are_a_usage_error_before_any_work(shell: Shell) -> None:
    sources = [shell.write(name, ROW) for name in ("b.json", "one/a.json", "two/A.csv.gz")]
    ended = shell("convert", *sources, "-o", "out")
    assert ended.exit_code == USAGE
    assert "one/a.json and two/A.csv.gz would both become the folder A" in ended.stderr
    assert not (shell.folder / "out").exists()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("missing.json", None, "TP101"),
        ("empty.json", b"", "TP102"),
        ("note.txt", b"Dear all,", "TP103"),
        ("cut.json.gz", gzip.compress(b'{"dataValues":[]}', mtime=0)[:-9], "TP104"),
        ("cut.json", b'{"dataValues":[{"dataElement":', "TP108"),
        ("odd.xml", b"<dataValueSet><dataValue</dataValueSet>", "TP109"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_3_and_leaves_nothing(
    name: str, data: bytes | None, code: str, shell: Shell
) -> None:
    if data is not None:
        (shell.folder / name).write_bytes(data)
    ended = shell("convert", name, "-o", "out")
    assert (ended.exit_code, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith(f"error[{code}]: ")
    assert f"\n  --> {name}" in ended.stderr
    assert "\n  help: " in ended.stderr
    assert not (shell.folder / "out").exists()
    ended = shell("convert", name, "-o", "out", "--json")
    assert (ended.exit_code, ended.stderr) == (UNREADABLE, "")
    (source,) = ended.document["sources"]
    assert (source["source"], source["error"]["code"]) == ({"name": name}, code)


def test_other_sources_are_converted_and_the_highest_exit_code_applies(shell: Shell) -> None:
    fine, findings = shell.write("fine.json", ROW), shell.write("findings.json", ROW, SPOILT)
    (shell.folder / "broken.json").write_text("{")
    assert shell("convert", fine, "broken.json", findings, "-o", "out1").exit_code == UNREADABLE
    assert names(shell.folder / "out1") == {"fine", "findings"}
    assert shell("convert", fine, findings, "-o", "out2").exit_code == FINDINGS
    ended = shell("convert", fine, "broken.json", findings, "-o", "out3", "--json")
    assert (ended.exit_code, ended.stderr) == (UNREADABLE, "")
    documents = ended.document["sources"]
    assert [document["source"]["name"] for document in documents] == [fine, "broken.json", findings]
    assert [set(document) & {"error", "values"} for document in documents] == [{"values"}, {"error"}, {"values"}]


def test_an_output_that_cannot_be_made_ends_with_4(shell: Shell) -> None:
    shell.write("a.json", ROW)
    (shell.folder / "file").touch()
    ended = shell("convert", "a.json", "-o", "file")
    assert (ended.exit_code, ended.stdout) == (OUTSIDE, "")
    assert ended.stderr.startswith("error[TP801]: ")
    assert shell("convert", "a.json", "-o", "file", "--json").error["code"] == "TP801"


def test_an_output_that_exists_ends_with_5_unless_it_is_to_be_overwritten(shell: Shell) -> None:
    shell.write("a.json", ROW)
    assert shell("convert", "a.json", "-o", "out").exit_code == OK
    before = contents(shell.folder)
    ended = shell("convert", "a.json", "-o", "out")
    assert (ended.exit_code, ended.stdout) == (REFUSED, "")
    assert "--overwrite" in ended.stderr
    assert shell("convert", "a.json", "-o", "out", "--json").error["code"] == "TP901"
    assert contents(shell.folder) == before
    shell.write("a.json", ROW, {**ROW, "period": "202502"})
    assert shell("convert", "a.json", "-o", "out", "--overwrite").exit_code == OK
    assert [group["size"] for group in shell.groups("out/a")] == [2]
    assert names(shell.folder / "out") == {"a"}


def test_an_interruption_ends_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("a.json", ROW)

    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("tallyport_converters.conversion.source_run.understand", interrupted)
    ended = shell("convert", "a.json", "-o", "out")
    assert (ended.exit_code, ended.stdout) == (130, "")
    assert "interrupted" in ended.stderr
    assert not (shell.folder / "out").exists()
    assert shell("convert", "a.json", "-o", "out", "--json").error["code"] == "TP803"


def test_a_fault_of_the_program_is_no_exit_code_of_the_contract(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("a.json", ROW)

    def faulty(*_: object) -> object:
        raise RuntimeError("wrong")

    monkeypatch.setattr("tallyport_converters.conversion.source_run.understand", faulty)
    ended = shell("convert", "a.json", "-o", "out", "--json")
    assert ended.exit_code == 70
    assert (ended.error["code"], ended.error["found"]) == ("TP804", "RuntimeError: wrong")
    assert "Traceback" in ended.stderr
    assert not (shell.folder / "out").exists()


# JSON, stdout and stderr


def test_json_is_the_manifests_and_nothing_else(shell: Shell) -> None:
    shutil.copytree(SAMPLES, shell.folder / "samples")
    ended = shell("convert", "samples", "-o", "out", "--json")
    assert ended.stderr == ""
    folders = [shell.folder / "out" / name for name in ("april", "february", "january", "march")]
    assert ended.document == {"sources": [json.loads((path / "manifest.json").read_bytes()) for path in folders]}


@pytest.mark.parametrize("verb", ["explain TP304", "completion bash", "convert a.json -o out"])
def test_every_verb_prints_one_json_document(verb: str, shell: Shell) -> None:
    shell.write("a.json", ROW)
    ended = shell(*verb.split(), "--json")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert isinstance(ended.document, dict)


def test_a_failure_in_the_middle_still_tells_of_the_sources_before(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(built: Path, final: Path) -> None:
        if final.name == "b":
            raise OutsideFailed(finding("TP801", found="no luck"))
        publish(built, final)

    monkeypatch.setattr("tallyport_converters.conversion.source_run.publish", failing)
    sources = [shell.write(name, ROW) for name in ("a.json", "b.json", "c.json")]
    ended = shell("convert", *sources, "-o", "out", "--json")
    assert ended.exit_code == OUTSIDE
    assert [source["source"]["name"] for source in ended.document["sources"]] == ["a.json"]
    assert ended.error["found"] == "no luck"
    monkeypatch.setattr("tallyport_converters.conversion.source_run.publish", publish)
    assert shell("convert", *sources, "-o", "out").exit_code == OK
    assert names(shell.folder / "out") == {"a", "b", "c"}


def test_results_go_to_stdout_and_problems_to_stderr(shell: Shell) -> None:
    ended = shell("convert", shell.write("a.json", ROW, SPOILT), "-o", "out")
    assert ended.stdout.splitlines()[:2] == [
        "a.json: dxf-json, " + f"{(shell.folder / 'a.json').stat().st_size} bytes",
        "  2 read = 1 written + 0 superseded + 1 rejected",
    ]
    assert "rejects.ndjson" in ended.stdout
    assert ended.stderr.splitlines() == [
        f"error[TP304]: {CODES['TP304'].message}",
        '  --> a.json, line 1, field "period"',
        f"      data element {SPOILT['dataElement']}, period 202513, org unit {SPOILT['orgUnit']}",
        "      found 202513",
        "      expected 202513: month 13; months are 01 to 12",
        f"  help: {CODES['TP304'].help}",
    ]


def test_quiet_prints_problems_only(shell: Shell) -> None:
    fine, spoilt = shell.write("fine.json", {**ROW, "period": "2025-01"}), shell.write("spoilt.json", SPOILT)
    ended = shell("convert", fine, "-o", "out1", "--quiet")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (OK, "", "")
    ended = shell("convert", spoilt, "-o", "out2", "-q")
    assert (ended.exit_code, ended.stdout) == (FINDINGS, "")
    assert "error[TP304]" in ended.stderr


def test_verbose_also_tells_how_the_format_was_told(shell: Shell) -> None:
    shutil.copy(SAMPLES / "february.csv", shell.folder)
    plain = shell("convert", "february.csv", "-o", "out1").stdout
    told = shell("convert", "february.csv", "-o", "out2", "--verbose").stdout
    assert "dxf-csv," in plain
    assert "dxf-csv (its first row names columns)," in told


def test_what_has_no_place_is_shown_and_counted(shell: Shell) -> None:
    rows = [{**ROW, "storedBy": "amina", "period": f"20250{month}"} for month in range(1, 4)]
    ended = shell("convert", shell.write("a.json", *rows), "-o", "out")
    assert "dropped (no place in ADV2): storedBy 3" in ended.stdout


def test_the_screen_is_capped_and_says_so_and_files_are_not(shell: Shell) -> None:
    rows = [{**SPOILT, "orgUnit": f"unit{i}"} for i in range(1_234)]
    ended = shell("convert", shell.write("a.json", *rows), "-o", "out")
    assert ended.stderr.count("error[TP304]") == 20
    assert ended.stderr.endswith("first 20 of 1,234\n")
    lines = (shell.folder / "out/a/rejects.ndjson").read_text().splitlines()
    assert len(lines) == 1_234


def test_rejects_name_the_place_the_reason_and_the_original_fields(shell: Shell) -> None:
    row = {**SPOILT, "storedBy": "amina", "mine": "x"}
    shell("convert", shell.write("a.json", ROW, row), "-o", "out")
    (line,) = (shell.folder / "out/a/rejects.ndjson").read_text().splitlines()
    found = json.loads(line)
    assert (found["code"], found["severity"], found["source"], found["row"]) == ("TP304", "error", "a.json", 1)
    assert (found["field"], found["found"], found["original"]) == ("period", "202513", row)


def test_a_pipe_gets_no_colors(shell: Shell) -> None:
    shell.write("a.json", SPOILT)
    ended = running.run("convert", "a.json", "-o", "out", cwd=shell.folder)
    assert ended.returncode == FINDINGS
    assert ANSI.encode() not in ended.stdout + ended.stderr


def test_a_pipe_gets_colors_where_they_are_forced(shell: Shell) -> None:
    shell.write("a.json", SPOILT)
    ended = running.run("convert", "a.json", "-o", "out", cwd=shell.folder, env={"FORCE_COLOR": "1"})
    assert f"{ANSI}31m".encode() in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize(
    ("settings", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)], ids=str
)
@pytest.mark.parametrize("arguments", [["convert", "a.json", "-o", "out"], ["convert", "b.json", "-o", "out"]])
def test_a_terminal_gets_colors_unless_no_color_is_set(
    arguments: list[str], settings: dict[str, str], colored: bool, shell: Shell
) -> None:
    import pty

    shell.write("a.json", SPOILT)
    terminal, ours = pty.openpty()
    line, env = running.command(*arguments), running.environment({"TERM": "xterm", **settings})
    with subprocess.Popen(line, env=env, cwd=shell.folder, stderr=ours, stdout=ours) as process:
        process.wait(timeout=60)
    printed = os.read(terminal, 65_536).decode()
    os.close(ours)
    os.close(terminal)
    assert "error" in printed
    assert (f"{ANSI}31m" in printed) is colored


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["explain", "TP304"], ["convert", "a.json", "-o", "out"], ["convert", "-h"], ["bogus"]]
)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_stdout_that_cannot_be_written_is_no_traceback(
    arguments: list[str], options: list[str], shell: Shell
) -> None:
    shell.write("a.json", ROW)
    read, closed_pipe = os.pipe()
    os.close(read)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        for stdout in (full.fileno(), closed_pipe):
            ended = subprocess.run(
                running.command(*arguments, *options, *(["--overwrite"] if arguments[0] == "convert" else [])),
                cwd=shell.folder,
                env=running.environment(),
                stdout=stdout,
                stderr=subprocess.PIPE,
                check=False,
            )
            assert ended.returncode == (USAGE if arguments == ["bogus"] else OUTSIDE)
            assert b"Traceback" not in ended.stderr
            assert b"Exception" not in ended.stderr
    os.close(closed_pipe)


# Environment

SETTINGS = {
    "-o": "OUTPUT",
    "--from": "FROM",
    "--id-scheme": "ID_SCHEME",
    "--data-set": "DATA_SET",
    "--metadata": "METADATA",
    "--header": "HEADER",
    "--sheet": "SHEET",
    "--keep-followup-false": "KEEP_FOLLOWUP_FALSE",
    "--layout": "LAYOUT",
    "--compress": "COMPRESS",
    "--jobs": "JOBS",
    "--memory": "MEMORY",
    "--strict": "STRICT",
    "--overwrite": "OVERWRITE",
    "--json": "JSON",
    "--quiet": "QUIET",
    "--verbose": "VERBOSE",
    "--progress": "PROGRESS",
}


def test_every_option_of_convert_has_a_setting_in_the_environment() -> None:
    from tallyport.cli.verbs.convert import command

    options = {option for param in command.params if isinstance(param, click.Option) for option in param.opts}
    assert set(SETTINGS) <= options
    assert len(SETTINGS) == sum(isinstance(param, click.Option) for param in command.params)


@pytest.mark.parametrize(
    ("setting", "text", "wrong"),
    [
        ("FROM", "dxf-json", "ods"),
        ("ID_SCHEME", "CODE ou=NAME", "MINE"),
        ("HEADER", "false", "perhaps"),
        ("KEEP_FOLLOWUP_FALSE", "1", "perhaps"),
        ("LAYOUT", "single", "both"),
        ("COMPRESS", "gz", "zip"),
        ("JOBS", "2", "0"),
        ("MEMORY", "1MB", "lots"),
        ("STRICT", "true", "perhaps"),
        ("OVERWRITE", "yes", "perhaps"),
        ("JSON", "1", "perhaps"),
        ("QUIET", "1", "perhaps"),
        ("VERBOSE", "1", "perhaps"),
    ],
)
def test_a_setting_in_the_environment_is_read_as_the_option_is(
    setting: str, text: str, wrong: str, shell: Shell
) -> None:
    shell.write("a.json", ROW)
    shell.set(**{f"TALLYPORT_CONVERT_{setting}": text})
    assert shell("convert", "a.json", "-o", "out").exit_code == OK
    shell.set(**{f"TALLYPORT_CONVERT_{setting}": wrong})
    ended = shell("convert", "a.json", "-o", "out")
    assert ended.exit_code == USAGE
    assert wrong in ended.stderr


def test_settings_take_effect_and_options_go_before_them(shell: Shell) -> None:
    shell.write("a.json", {**ROW, "followup": "false"})
    shell.set(
        TALLYPORT_CONVERT_OUTPUT="out",
        TALLYPORT_CONVERT_ID_SCHEME="CODE ou=NAME",
        TALLYPORT_CONVERT_DATA_SET="set1",
        TALLYPORT_CONVERT_KEEP_FOLLOWUP_FALSE="1",
        TALLYPORT_CONVERT_COMPRESS="gz",
        TALLYPORT_CONVERT_JSON="1",
    )
    ended = shell("convert", "a.json", "--compress", "none")
    assert ended.exit_code == OK
    assert ended.document["sources"][0]["values"]["written"] == 1
    (group,) = shell.groups("out/a")
    assert group["ids"] == {kind: "NAME" if kind == "ou" else "CODE" for kind in group["ids"]}
    assert (group["ds"], group["data"]) == ("set1", [[1, False, False]])


@pytest.mark.parametrize("arguments", [["convert"], ["convert", "--bogus"], ["explain", "TP000"], ["completion"]])
def test_json_asked_for_in_the_environment_holds_for_failures_too(arguments: list[str], shell: Shell) -> None:
    shell.set(**{f"TALLYPORT_{arguments[0].upper()}_JSON": "1"})
    ended = shell(*arguments)
    assert (ended.exit_code, ended.error["code"], ended.stderr) == (USAGE, "TP900", "")


# Sources


@pytest.mark.parametrize("name", ["january.json", "february.csv", "march.xml", "april.adx.xml"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_stdin_is_read_for_a_dash_in_every_format_and_compression(name: str, pack: Any, tmp_path: Path) -> None:
    data = (SAMPLES / name).read_bytes()
    ended = running.run("convert", "-", "-o", "out", "--json", stdin=pack(data), cwd=tmp_path)
    assert ended.returncode in (OK, FINDINGS)
    (manifest,) = json.loads(ended.stdout)["sources"]
    assert manifest["source"]["name"] == "stdin"
    assert manifest["values"]["read"] > 0
    check_whole(tmp_path / "out" / "stdin")


def test_stdin_may_be_a_file(tmp_path: Path) -> None:
    with (SAMPLES / "january.json").open("rb") as file:
        line = running.command("convert", "-", "-o", tmp_path / "out")
        ended = subprocess.run(line, env=running.environment(), stdin=file, capture_output=True, check=False)
    assert ended.returncode == FINDINGS
    assert b"8 read" in ended.stdout


@pytest.mark.parametrize("name", ["january.json", "january.xml.zst", "january"])
@pytest.mark.parametrize("compression", ["plain", "gzip", "zip", "zstd"])
def test_format_and_compression_are_told_by_content_not_by_name(name: str, compression: str, shell: Shell) -> None:
    data = (SAMPLES / "february.csv").read_bytes()
    path = shell.folder / name
    if compression == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data.pdf", data)
    else:
        packs: dict[str, Any] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress}
        path.write_bytes(packs[compression](data))
    ended = shell("convert", name, "-o", "out", "--json")
    assert ended.document["sources"][0]["source"]["format"] == "dxf-csv"
    assert names(shell.folder / "out") == {"january"}


def test_from_names_the_format_and_is_not_second_guessed(shell: Shell) -> None:
    shutil.copy(SAMPLES / "january.json", shell.folder)
    assert shell("convert", "january.json", "-o", "out", "--from", "dxf-json").exit_code == FINDINGS
    ended = shell("convert", "january.json", "-o", "other", "--from", "dxf-xml")
    assert ended.exit_code == UNREADABLE
    assert "error[TP109]" in ended.stderr


def test_folders_are_walked_without_hidden_files_and_without_the_output(shell: Shell) -> None:
    for name in ("exports/b.json", "exports/deep/er/a.json", "exports/.hidden.json", "exports/.git/c.json"):
        shell.write(name, ROW)
    ended = shell("convert", "exports", "-o", "exports/out", "--json")
    assert [source["source"]["name"] for source in ended.document["sources"]] == ["b.json", "a.json"]
    again = shell("convert", "exports", "-o", "exports/out", "--overwrite", "--json")
    assert again.document == ended.document


@pytest.mark.parametrize("name", ["lock.json", "plan.json.json", "built.json", "built.scratch.json", "-.json", " .csv"])
def test_a_source_may_have_any_name(name: str, shell: Shell) -> None:
    shell.write(name, ROW)
    assert shell("convert", "--output=out", "--", name).exit_code == OK
    (folder,) = names(shell.folder / "out")
    check_whole(shell.folder / "out" / folder)


def test_a_source_may_not_have_the_name_of_the_working_folder(shell: Shell) -> None:
    assert shell("convert", shell.write(".tallyport-unfinished.json", ROW), "-o", "out").exit_code == USAGE


# Options of convert


def test_a_general_id_scheme_goes_before_the_files(shell: Shell) -> None:
    (shell.folder / "a.json").write_text(
        json.dumps({"idScheme": "NAME", "orgUnitIdScheme": "UID", "dataValues": [ROW]})
    )
    shell("convert", "a.json", "-o", "out", "--id-scheme", "code")
    assert [group["ids"] for group in shell.groups("out/a")] == ["CODE"]


def test_id_schemes_by_kind_go_before_the_files(shell: Shell) -> None:
    (shell.folder / "a.json").write_text(json.dumps({"orgUnitIdScheme": "CODE", "dataValues": [ROW]}))
    scheme = "ATTRIBUTE:IiHuGUwUqHE"
    shell("convert", "a.json", "-o", "out", "--id-scheme", "de=NAME", "--id-scheme", f"coc={scheme}")
    assert [group["ids"] for group in shell.groups("out/a")] == [{"de": "NAME", "ou": "CODE", "coc": scheme}]


def test_adx_identifiers_are_codes_unless_said_otherwise(shell: Shell) -> None:
    source = str(SAMPLES / "april.adx.xml")
    shell("convert", source, "-o", "out1")
    assert {group["ids"] for group in shell.groups("out1/april")} == {"CODE"}
    shell("convert", source, "-o", "out2", "--id-scheme", "UID")
    assert all("ids" not in group for group in shell.groups("out2/april"))


def test_a_data_set_is_that_of_files_that_name_none(shell: Shell) -> None:
    shell.write("none.json", ROW)
    (shell.folder / "one.json").write_text(json.dumps({"dataSet": "theirs", "dataValues": [ROW]}))
    shell("convert", "none.json", "one.json", "-o", "out", "--data-set", "ours")
    assert [group["ds"] for group in shell.groups("out/none") + shell.groups("out/one")] == ["ours", "theirs"]


def test_a_header_row_is_told_by_content_unless_said_otherwise(shell: Shell) -> None:
    positional = "element1,202501,unit1,,,1\n"
    (shell.folder / "bare.csv").write_text(positional)
    (shell.folder / "named.csv").write_text(f"dataElement,period,orgUnit,coc,aoc,value\n{positional}")

    def values(name: str, *options: str) -> tuple[int, int]:
        document = shell("convert", name, "-o", "out", "--overwrite", "--json", "--from", "dxf-csv", *options).document
        found = document["sources"][0]["values"]
        return found["written"], found["rejected"]

    assert values("bare.csv") == values("named.csv") == (1, 0)
    assert values("bare.csv", "--no-header") == values("named.csv", "--header") == (1, 0)
    assert values("named.csv", "--no-header") == (1, 1)
    ended = shell("convert", "bare.csv", "-o", "other", "--header")
    assert ended.exit_code == UNREADABLE
    assert "TP111" in ended.stderr


def test_an_explicit_false_follow_up_is_written_if_asked(shell: Shell) -> None:
    shell.write("a.json", {**ROW, "followup": "false"})
    assert shell("convert", "a.json", "-o", "out1", "--json").document["sources"][0]["dropped"] == {"followup=false": 1}
    assert [group["data"] for group in shell.groups("out1/a")] == [[[1]]]
    kept = shell("convert", "a.json", "-o", "out2", "--keep-followup-false", "--json")
    assert kept.document["sources"][0]["dropped"] == {}
    assert [group["data"] for group in shell.groups("out2/a")] == [[[1, False, False]]]


@pytest.mark.parametrize(("compress", "unpack"), [("gz", gzip.decompress), ("zst", zstd.decompress)])
@pytest.mark.parametrize("layout", ["split", "single"])
def test_compressed_files_hold_the_same_and_say_so_in_their_names(
    compress: str, unpack: Any, layout: str, shell: Shell
) -> None:
    source = str(SAMPLES / "january.json")
    shell("convert", source, "-o", "plain", "--layout", layout)
    shell("convert", source, "-o", "packed", "--layout", layout, "--compress", compress)
    check_whole(shell.folder / "packed" / "january")
    plain = {name: data for name, data in contents(shell.folder / "plain").items() if name.endswith(".adv2.json")}
    packed = {
        name.removesuffix(f".{compress}"): unpack(data)
        for name, data in contents(shell.folder / "packed").items()
        if name.endswith(f".adv2.json.{compress}")
    }
    assert packed == plain


def test_a_single_layout_is_one_array_of_the_same_groups(shell: Shell) -> None:
    source = str(SAMPLES / "january.json")
    shell("convert", source, "-o", "split")
    shell("convert", source, "-o", "single", "--layout", "single")
    assert names(shell.folder / "single" / "january") == {"values.adv2.json", "manifest.json", "rejects.ndjson"}
    assert shell.groups("single/january") == shell.groups("split/january")


def test_strict_writes_no_source_with_a_rejected_value_but_the_others(shell: Shell) -> None:
    fine, spoilt = shell.write("fine.json", ROW), shell.write("spoilt.json", ROW, SPOILT)
    ended = shell("convert", fine, spoilt, "-o", "out", "--strict", "--json")
    assert ended.exit_code == UNREADABLE
    error = ended.document["sources"][1]["error"]
    assert (error["code"], error["row"], error["field"]) == ("TP120", 1, "period")
    assert "--strict" in error["help"]
    assert names(shell.folder / "out") == {"fine"}


def test_strict_lets_warnings_pass(shell: Shell) -> None:
    shell.write("a.json", {**ROW, "value": " "})
    assert shell("convert", "a.json", "-o", "out", "--strict").exit_code == FINDINGS
    assert names(shell.folder / "out") == {"a"}


@pytest.mark.parametrize("size", ["200kB", "200KB", "1MiB", "0.5GB", "1000000", "300 MB"])
def test_a_size_is_written_as_people_do(size: str, shell: Shell) -> None:
    assert shell("convert", shell.write("a.json", ROW), "-o", "out", "--memory", size).exit_code == OK


def test_completions_go_to_a_file_of_their_own(shell: Shell) -> None:
    header = {"dataSet": "set1", "period": "202501", "orgUnit": "unit1", "completeDate": "2025-02-03"}
    (shell.folder / "a.json").write_text(json.dumps({**header, "dataValues": [ROW]}))
    ended = shell("convert", "a.json", "-o", "out")
    assert ended.exit_code == OK
    assert "1 completion in " in ended.stdout
    assert json.loads((shell.folder / "out/a/completions.json").read_bytes()) == {
        "completeDataSetRegistrations": [
            {
                "dataSet": "set1",
                "period": "202501",
                "organisationUnit": "unit1",
                "date": "2025-02-03",
                "completed": True,
            }
        ]
    }


# The manifest


def test_the_manifest_has_the_documented_shape(shell: Shell) -> None:
    shutil.copy(SAMPLES / "january.json", shell.folder / "january.json")
    shell("convert", "january.json", "-o", "out")
    manifest = json.loads((shell.folder / "out/january/manifest.json").read_bytes())
    assert list(manifest) == ["tallyport", "source", "values", "dropped", "groups", "superseded", "findings"]
    assert manifest["tallyport"] == __version__
    assert list(manifest["source"]) == ["name", "format", "bytes", "sha256"]
    assert manifest["values"] == {"read": 8, "written": 6, "superseded": 1, "rejected": 1}
    assert manifest["dropped"] == {"created": 4, "followup=false": 2, "lastUpdated": 4, "storedBy": 7}
    assert [list(group) for group in manifest["groups"]] == [["file", "de", "rows", "bytes", "sha256"]] * 3
    check_whole(shell.folder / "out/january")


def test_the_output_holds_nothing_that_changes_from_run_to_run(shell: Shell) -> None:
    found = []
    for number, options in enumerate(([], ["--jobs", "1"], ["--jobs", "3", "--memory", "1kB"])):
        folder = shell.folder / f"folder{number}"
        shutil.copytree(SAMPLES, folder)
        os.utime(folder / "january.json", (number, number))
        time.sleep(0.01)
        shell("convert", str(folder), "-o", str(folder / "out"), *options)
        found.append(contents(folder / "out"))
        assert not any(str(shell.folder).encode() in data for data in found[-1].values())
    assert found[0] == found[1] == found[2]


# Names of files


ODD_NAMES = [
    *("../up", "/root", "a/b", "a\\b", "C:", ".", "..", ".hidden", "nul", "NUL", "con.x", "Com1", "lpt9.y.z", "aux"),
    *("Abc", "abc", "ABC", "a", "a.1", "a.2", "manifest", "rejects", "completions", "values", "größe", "名", "🙂"),
    *("a b", "tab\there", "line\nend", "%2E", "%", "x" * 300, "X" * 300, "é" * 200, "dot.", "-o", "*", "a:b"),
]


@pytest.mark.parametrize("compress", ["none", "gz"])
def test_identifiers_become_safe_distinct_file_names(compress: str, shell: Shell) -> None:
    rows = [
        {**ROW, "dataElement": element, "categoryOptionCombo": combo} for element in ODD_NAMES for combo in ("", "coc1")
    ]
    ended = shell("convert", shell.write("odd.json", *rows), "-o", "out", "--compress", compress, "--json")
    assert ended.exit_code == OK
    check_whole(shell.folder / "out" / "odd")
    groups = ended.document["sources"][0]["groups"]
    assert sorted(group["de"] for group in groups) == sorted(ODD_NAMES * 2)
    files = [group["file"] for group in groups]
    assert len({name.casefold() for name in [*files, "manifest.json"]}) == len(files) + 1
    for name in files:
        assert re.fullmatch(r"[A-Za-z0-9_%~-][A-Za-z0-9_.%~-]*\.\d+\.adv2\.json(\.gz)?", name), name
        assert len(name) <= 255
        assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\.", name), name


def test_names_that_differ_in_case_only_are_numbered_together(shell: Shell) -> None:
    rows = [{**ROW, "dataElement": element} for element in ("abc", "Abc", "other")]
    shell("convert", shell.write("a.json", *rows), "-o", "out")
    assert names(shell.folder / "out/a") == {
        "Abc.1.adv2.json",
        "abc.2.adv2.json",
        "other.adv2.json",
        "manifest.json",
    }


def test_several_groups_of_a_data_element_are_all_numbered(shell: Shell) -> None:
    rows = [ROW, {**ROW, "categoryOptionCombo": "coc1"}]
    shell("convert", shell.write("a.json", *rows), "-o", "out")
    assert names(shell.folder / "out/a") == {"element1.1.adv2.json", "element1.2.adv2.json", "manifest.json"}
    assert [group.get("coc") for group in shell.groups("out/a")] == [None, "coc1"]


# Other verbs


@pytest.mark.parametrize("code", CODES)
def test_every_finding_is_explained(code: str, shell: Shell) -> None:
    ended = shell("explain", code.lower())
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert ended.stdout.startswith(f"{code} ({CODES[code].severity})\n")
    assert CODES[code].message in ended.stdout
    assert CODES[code].help in ended.stdout
    document = shell("explain", code, "--json").document
    assert (document["code"], document["message"], document["help"]) == (code, CODES[code].message, CODES[code].help)


def test_explain_without_a_code_lists_all_findings_in_groups(shell: Shell) -> None:
    listed = shell("explain").stdout
    assert listed.startswith("TP1xx The source as a whole\n  TP101  error    ")
    assert re.findall(r"^  (TP\d+) ", listed, re.MULTILINE) == sorted(CODES)
    assert [code["code"] for code in shell("explain", "--json").document["findings"]] == sorted(CODES)


def test_explain_searches_for_findings_that_have_all_words(shell: Shell) -> None:
    found = [code["code"] for code in shell("explain", "Option", "COMBO", "--json").document["findings"]]
    assert "TP762" in found
    assert set(found) < set(CODES)
    ended = shell("explain", "quaternion")
    assert (ended.exit_code, ended.stdout) == (USAGE, "")
    assert "quaternion" in ended.stderr
    assert "did you mean" in shell("explain", "TP3040").stderr


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_are_ones_the_shell_takes(name: str, shell: Shell) -> None:
    script = shell("completion", name).stdout
    assert "_TALLYPORT_COMPLETE" in script
    assert shell("completion", name, "--json").document == {"shell": name, "script": script.removesuffix("\n")}
    if found := shutil.which(name):
        checked = subprocess.run([found, "-n"], input=script, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("tallyport con", {"convert"}), ("tallyport convert --comp", {"--compress"}), ("tallyport completion z", {"zsh"})],
)
def test_a_shell_completes_verbs_options_and_choices(words: str, expected: set[str]) -> None:
    typed = {"_TALLYPORT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = running.run(env=typed)
    assert ended.returncode == OK
    assert {line.partition(",")[2] for line in ended.stdout.decode().splitlines()} == expected


def test_the_installed_program_is_the_same(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("tallyport")
    if not program.exists():
        pytest.skip("tallyport is not installed")
    line: Sequence[str | Path] = [program, "convert", SAMPLES / "january.json", "-o", tmp_path / "out"]
    ended = subprocess.run(line, capture_output=True, check=False)
    assert ended.returncode == FINDINGS
    check_whole(tmp_path / "out" / "january")
