"""The commands that talk to a server: `server`, `integrity`, `maintenance`. What they print, and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import running
from support.checking import check_against
from support.dhis2_running import combos
from support.dhis2_server import BEARER, CHECKS, PASSWORD, TOKEN, USERNAME, VERSIONS, Dhis2Server, issues
from tallyport.cli import main

OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE, INTERRUPTED = 0, 1, 2, 3, 4, 130
COMMANDS = [
    ["server", "info"],
    *(["integrity", verb] for verb in ("report", "issues", "run", "checks")),
    *(["maintenance", verb] for verb in ("coc", "analytics", "resource-tables", "monitoring", "cache")),
]


class Ended:
    """A run that ended."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; that of a report on data integrity fits its schema."""
        document = json.loads(self.stdout)
        if "issueCount" in document:
            check_against("integrity", document)
        return document


class Shell:
    """Runs the program against a server, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.url = ""
        self._capsys, self._patch = capsys, patch
        patch.chdir(folder)
        for name in os.environ:
            if name.startswith(("TALLYPORT_", "DHIS2_", "NO_COLOR")):
                patch.delenv(name)
        self.set(TALLYPORT_PROFILES=str(folder / "profiles.toml"), TALLYPORT_TOKEN=TOKEN)

    def set(self, **settings: str) -> None:
        for name, text in settings.items():
            self._patch.setenv(name, text)

    def unset(self, name: str) -> None:
        self._patch.delenv(name)

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        exit_code = main.run([*arguments, *(["--url", self.url] if self.url else [])])
        return Ended(exit_code, *self._capsys.readouterr())


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


def filled(version: str) -> Dhis2Server:
    server = Dhis2Server(version, combos())
    server.issues = {"orgunits_trailing_spaces": issues(3, "unit"), "option_sets_wrong_sort_order": issues(1, "set")}
    server.fill_cache()
    return server


@pytest.fixture
def server(shell: Shell) -> Iterator[Dhis2Server]:
    with filled(VERSIONS[-1]) as loopback:
        shell.url = loopback.url
        yield loopback


@pytest.fixture(params=VERSIONS)
def each(request: pytest.FixtureRequest, shell: Shell) -> Iterator[Dhis2Server]:
    """A server of each version."""
    with filled(request.param) as loopback:
        shell.url = loopback.url
        yield loopback


# Help


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_has_examples_before_the_options(command: list[str], shell: Shell) -> None:
    ended = shell(*command, "--help")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    examples = ended.stdout[ended.stdout.index("Examples:") : ended.stdout.index("Options:")]
    assert f"  tallyport {' '.join(command)} " in examples
    assert "--json" in ended.stdout
    assert "--profile" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_help_loads_no_heavy_library() -> None:
    lines = [[*command, "--help"] for command in [*COMMANDS, ["mcp"]]]
    script = f"import sys; from tallyport.cli import main; [main.run(line) for line in {lines}]; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=running.environment(), capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in ended.stdout.splitlines()[-1].split()}
    assert "click" in loaded
    assert not loaded & {"httpx2", "pydantic", "asyncio", "stamina", "mcp", "ssl", "orjson", "tallyport_converters"}


# server


def test_info_tells_the_server_its_version_and_the_user(each: Dhis2Server, shell: Shell) -> None:
    ended = shell("server", "info")
    assert ended.exit_code == OK
    assert each.url in ended.stdout
    assert f"{each.version} (3f8c14a)" in ended.stdout
    assert "admin" in ended.stdout
    document = shell("server", "info", "--json").document
    assert (document["url"], document["system"]["version"]) == (each.url, each.version)
    assert (document["system"]["somethingNew"], document["user"]["username"]) == (7, "admin")


def test_a_profile_of_the_file_is_used(server: Dhis2Server, shell: Shell, tmp_path: Path) -> None:
    shell.url = ""
    shell.unset("TALLYPORT_TOKEN")
    (tmp_path / "profiles.toml").write_text(f'[profiles.play]\nurl = "{server.url}"\nbearer = "{BEARER}"\n')
    assert shell("server", "info", "--profile", "play").exit_code == OK
    assert server.requests[-1].headers["authorization"] == f"Bearer {BEARER}"
    shell.set(TALLYPORT_PROFILE="play")
    assert shell("server", "info").exit_code == OK
    ended = shell("server", "info", "--profile", "nobody")
    assert ended.exit_code == USAGE
    assert "there are: play" in ended.stderr


def test_a_secret_is_read_from_a_file_not_from_the_command_line(
    server: Dhis2Server, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    assert shell("server", "info", "--username", USERNAME, "--password-file", "secret").exit_code == OK
    assert server.requests[-1].headers["authorization"].startswith("Basic ")
    (tmp_path / "secret").write_text(f"{BEARER}\r\n")
    assert shell("server", "info", "--bearer-file", "secret").exit_code == OK
    for text in ("", "x" * 100_000):
        (tmp_path / "secret").write_text(text)
        ended = shell("server", "info", "--token-file", "secret")
        assert ended.exit_code == UNREADABLE
        assert "error[TP862]" in ended.stderr
    assert shell("server", "info", "--token-file", "nowhere").exit_code == UNREADABLE
    ended = shell("server", "info", "--username", USERNAME)
    assert ended.exit_code == USAGE
    assert "lack the password" in ended.stderr


def test_no_server_at_all_is_an_error_of_usage(shell: Shell) -> None:
    ended = shell("server", "info", "--json")
    assert (ended.exit_code, ended.document["error"]["code"]) == (USAGE, "TP900")
    assert "--profile or --url" in ended.document["error"]["message"]


# integrity


def test_a_report_counts_issues_and_ends_with_1_if_there_are_any(each: Dhis2Server, shell: Shell) -> None:
    ended = shell("integrity", "report")
    assert (ended.exit_code, ended.stderr) == (FINDINGS, "")
    lines = ended.stdout.splitlines()
    assert [line.split()[:3] for line in lines[:-1]] == [
        ["WARNING", "3", "orgunits_trailing_spaces"],
        ["INFO", "1", "option_sets_wrong_sort_order"],
    ]
    assert lines[-1] == "6 checks with results, 4 issues"
    assert len(shell("integrity", "report", "--verbose").stdout.splitlines()) == 7


@pytest.mark.parametrize(
    ("choice", "exit_code", "count"),
    [
        (["--severity", "severe"], OK, 0),
        (["--severity", "WARNING"], FINDINGS, 3),
        (["--section", "option sets"], FINDINGS, 1),
        (["--check", "orgunits_orphaned"], OK, 0),
        (["--check", "orgunits_*", "--check", "OSWSO"], FINDINGS, 4),
        (["--check", "orgunits_*", "--severity", "CRITICAL"], OK, 0),
    ],
)
@pytest.mark.parametrize("command", ["report", "issues", "run"])
def test_the_exit_code_is_about_what_was_asked_for(
    command: str, choice: list[str], exit_code: int, count: int, server: Dhis2Server, shell: Shell
) -> None:
    ended = shell("integrity", command, *choice, "--json")
    assert ended.exit_code == exit_code
    document = ended.document
    assert (len(document["issues"]) if command == "issues" else document["issueCount"]) == count


@pytest.mark.parametrize("command", ["report", "issues"])
def test_rows_are_the_same_in_every_format(command: str, each: Dhis2Server, shell: Shell) -> None:
    each.issues["orgunits_trailing_spaces"][0] |= {"name": 'a "name",\nof two lines', "refs": ["x", "y"]}
    document = shell("integrity", command, "--format", "json").document
    rows = document["issues" if command == "issues" else "checks"]
    lines = shell("integrity", command, "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = list(csv.DictReader(io.StringIO(shell("integrity", command, "--format", "csv").stdout, newline="")))
    assert len(table) == len(rows)
    for cells, row in zip(table, rows, strict=True):
        assert cells["check"] == row["check"]
        assert cells["severity"] == row["severity"]
        if command == "issues":
            assert (cells["name"], cells["refs"]) == (row["name"], " ".join(row["refs"]))
        else:
            assert cells["count"] == str(row["count"])


def test_text_of_a_server_cannot_control_the_terminal(server: Dhis2Server, shell: Shell) -> None:
    server.issues["orgunits_trailing_spaces"][0]["name"] = "red \x1b[31m and\nmore"
    ended = shell("integrity", "issues", "--severity", "WARNING")
    assert len(ended.stdout.splitlines()) == 3
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize("form", ["text", "csv", "ndjson", "json"])
def test_text_that_no_encoding_can_carry_is_printed_all_the_same(form: str, server: Dhis2Server, shell: Shell) -> None:
    server.issues["orgunits_trailing_spaces"][0]["name"] = "Bö \ud800"
    ended = shell("integrity", "issues", "--severity", "WARNING", "--format", form)
    assert (ended.exit_code, ended.stderr) == (FINDINGS, "")
    assert "\\ud800" in ended.stdout


def test_a_run_takes_place_and_its_results_are_printed(each: Dhis2Server, shell: Shell) -> None:
    each.results = {"summary": {}, "details": {}}
    assert shell("integrity", "report").exit_code == FINDINGS
    ended = shell("integrity", "run", "--check", "orgunits_*", "--quiet")
    assert ended.exit_code == FINDINGS
    assert ended.stdout.splitlines()[-1] == "2 checks with results, 3 issues"
    ended = shell("integrity", "run", "--details", "--quiet", "--severity", "SEVERE", "--json")
    assert (ended.exit_code, ended.document["issueCount"]) == (OK, 0)
    assert [check["check"] for check in ended.document["checks"]] == ["orgunits_orphaned", "cocs_wrong_cardinality"]
    assert ended.document["checks"][0]["issues"] == []


def test_a_slow_check_runs_only_if_it_is_named(server: Dhis2Server, shell: Shell) -> None:
    server.results = {"summary": {}, "details": {}}
    slow = CHECKS[-1]["name"]
    assert slow not in shell("integrity", "run", "--verbose").stdout
    assert slow in shell("integrity", "run", "--verbose", "--check", slow).stdout


def test_a_run_prints_what_ran_and_no_result_of_an_earlier_run(server: Dhis2Server, shell: Shell) -> None:
    slow = CHECKS[-1]["name"]
    server.issues[slow] = issues(2, "old")
    server.fill_cache()
    assert slow in shell("integrity", "report").stdout
    ended = shell("integrity", "run", "--json")
    assert slow not in {check["check"] for check in ended.document["checks"]}
    assert len(ended.document["checks"]) == len(CHECKS) - 1


def test_a_quiet_run_that_finds_nothing_prints_nothing_as_cron_mails_what_is_printed(
    server: Dhis2Server, shell: Shell
) -> None:
    ended = shell("integrity", "run", "--severity", "CRITICAL", "--quiet")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (OK, "", "")
    assert shell("integrity", "run", "--severity", "CRITICAL").stdout.endswith("1 check with results, 0 issues\n")


def test_a_run_need_not_be_waited_for(server: Dhis2Server, shell: Shell) -> None:
    server.is_endless = True
    ended = shell("integrity", "run", "--no-wait", "--json")
    assert ended.exit_code == OK
    assert (ended.document["job"]["jobType"], ended.document["completed"]) == ("DATA_INTEGRITY", False)


def test_results_that_are_not_there_are_findings_not_silence(each: Dhis2Server, shell: Shell) -> None:
    each.results = {"summary": {}, "details": {}}
    for command in ("report", "issues"):
        ended = shell("integrity", command, "--json")
        assert ended.exit_code == FINDINGS
        assert [found["code"] for found in ended.document["findings"]] == ["TP864"]
    assert "run --details" in shell("integrity", "issues").stderr


def test_a_check_that_crashed_is_a_finding_and_no_clean_bill(each: Dhis2Server, shell: Shell) -> None:
    each.crashing = {"cocs_wrong_cardinality"}
    each.fill_cache()
    for command in ("report", "issues"):
        ended = shell("integrity", command, "--check", "cocs_*")
        assert ended.exit_code == FINDINGS
        assert "error[TP863]" in ended.stderr
        assert "relation does not exist" in ended.stderr


def test_checks_are_listed(each: Dhis2Server, shell: Shell) -> None:
    ended = shell("integrity", "checks", "--section", "Categories")
    assert ended.exit_code == OK
    assert [line.split()[:3] for line in ended.stdout.splitlines()] == [
        ["SEVERE", "CWC", "cocs_wrong_cardinality"],
        ["WARNING", "CNO", "categories_no_options"],
    ]
    assert len(shell("integrity", "checks", "--json").document["checks"]) == len(CHECKS)


# maintenance


@pytest.mark.parametrize("command", ["analytics", "resource-tables", "monitoring"])
def test_a_job_is_started(command: str, each: Dhis2Server, shell: Shell) -> None:
    ended = shell("maintenance", command)
    assert ended.exit_code == OK
    assert "started; follow it with --watch" in ended.stdout
    assert [job.type for job in each.jobs.values()] == [ended.stdout.split()[0]]
    assert len(each.asked("/system/tasks")) == 0


@pytest.mark.parametrize("command", ["analytics", "resource-tables", "monitoring"])
def test_a_job_is_watched_to_its_end(command: str, server: Dhis2Server, shell: Shell) -> None:
    ended = shell("maintenance", command, "--watch")
    assert ended.exit_code == OK
    assert ended.stdout.endswith("Process completed\n")
    said = [line.split("  ", 1)[1].strip() for line in ended.stderr.splitlines()[1:]]
    assert said == [
        "INFO   Performing init",
        "INFO   Analytics tables updating",
        "INFO   Swapping tables",
        "INFO   Process completed",
    ]


def test_a_watched_job_in_json_is_one_document_and_nothing_besides(server: Dhis2Server, shell: Shell) -> None:
    ended = shell("maintenance", "analytics", "--watch", "--last-years", "2", "--skip", "Events", "--json")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    document = ended.document
    assert (document["completed"], document["message"]) == (True, "Process completed")
    assert [one["completed"] for one in document["notifications"]] == [False, False, False, True]
    assert server.asked("resourceTables/analytics")[0].query == {"skipEvents": ["true"], "lastYears": ["2"]}


def test_a_watched_job_that_fails_ends_with_4(each: Dhis2Server, shell: Shell) -> None:
    each.fails_jobs = True
    ended = shell("maintenance", "analytics", "--watch")
    assert ended.exit_code == OUTSIDE
    assert "error[TP861]" in ended.stderr
    assert "Process failed: no disk" in ended.stderr


def test_option_combos_are_made_and_waited_for(each: Dhis2Server, shell: Shell) -> None:
    each.cocs_wait = 2
    ended = shell("maintenance", "coc", "comboSexAge", "--watch", "--json")
    assert (ended.exit_code, ended.document["complete"]) == (OK, True)
    assert shell("maintenance", "coc", "--watch").exit_code == OK
    assert len(each.metadata.collections["categoryOptionCombos"]) == 6


def test_option_combos_that_stay_missing_end_with_1(server: Dhis2Server, shell: Shell) -> None:
    server.cocs_wait = 1000
    ended = shell("maintenance", "coc", "--watch", "--job-timeout", "0.1", "--json")
    assert (ended.exit_code, ended.document["complete"]) == (FINDINGS, False)
    assert [found["code"] for found in ended.document["findings"]] == ["TP865"] * 2
    ended = shell("maintenance", "coc", "comboSexAge", "--watch", "--job-timeout", "0.1")
    assert ended.exit_code == FINDINGS
    assert "error[TP865]: category option combos are missing\n  --> category combo Sex and age" in ended.stderr


@pytest.mark.parametrize("options", [[], ["--watch"], ["--json"]])
def test_the_cache_is_cleared(options: list[str], each: Dhis2Server, shell: Shell) -> None:
    ended = shell("maintenance", "cache", *options)
    assert (ended.exit_code, ended.stderr, each.cleared) == (OK, "", 1)


# Manners


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["integrity", "report", "--json", "--format", "csv"], "exclude each other"),
        (["integrity", "report", "--json", "--verbose"], "--verbose has no effect"),
        (["integrity", "run", "--no-wait", "--job-timeout", "3"], "no effect with --no-wait"),
        (["integrity", "run", "--no-wait", "--format", "csv"], "no effect with --no-wait"),
        (["integrity", "report", "--check", "nope"], "no data integrity check 'nope'"),
        (["integrity", "report", "--section", "nope"], "it has: Categories"),
        (["integrity", "report", "--severity", "BAD"], "BAD"),
        (["maintenance", "analytics", "--job-timeout", "3"], "no effect without --watch"),
        (["maintenance", "analytics", "--skip", "Programs"], "none of ResourceTables"),
        (["maintenance", "coc", "../cacheClear"], "no identifier"),
        (["maintenance", "vacuum"], "vacuum"),
    ],
)
def test_a_usage_error_ends_with_2(arguments: list[str], told: str, server: Dhis2Server, shell: Shell) -> None:
    ended = shell(*arguments) if arguments[1] != "vacuum" else Ended(main.run(arguments), "", told)
    assert ended.exit_code == USAGE
    assert told in ended.stdout + ended.stderr
    assert not [request for request in server.requests if request.method == "POST"]


def test_options_come_from_the_environment_too(server: Dhis2Server, shell: Shell) -> None:
    shell.set(TALLYPORT_INTEGRITY_REPORT_SEVERITY="SEVERE", TALLYPORT_INTEGRITY_REPORT_FORMAT="json")
    ended = shell("integrity", "report")
    assert (ended.exit_code, ended.document["issueCount"]) == (OK, 0)
    shell.set(TALLYPORT_INTEGRITY_REPORT_CHECK="orgunits_* OSWSO", TALLYPORT_INTEGRITY_REPORT_SEVERITY="INFO")
    assert shell("integrity", "report").document["issueCount"] == 4
    shell.set(TALLYPORT_INTEGRITY_CHECKS_JSON="yes", TALLYPORT_INTEGRITY_REPORT_SECTION="nope")
    assert len(shell("integrity", "checks").document["checks"]) == len(CHECKS)
    assert shell("integrity", "report").document["error"]["code"] == "TP900"
    shell.set(TALLYPORT_SERVER_INFO_JSON="1")
    assert shell("server", "info", "--bogus").document["error"]["code"] == "TP900"


def started(server: Dhis2Server, *arguments: str) -> subprocess.Popen[str]:
    line = running.command(*arguments, "--url", server.url)
    settings = running.environment({"TALLYPORT_TOKEN": TOKEN})
    return subprocess.Popen(
        line,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=running.signals_as_usual,
    )


def test_watching_shows_progress_while_the_job_is_at_work_and_an_interrupt_ends_it(server: Dhis2Server) -> None:
    server.is_endless = True
    with started(server, "maintenance", "analytics", "--watch") as process:
        assert process.stderr is not None
        assert process.stdout is not None
        lines = [process.stderr.readline() for _ in range(4)]
        assert "Swapping tables" in lines[-1]
        assert not any(job.is_done for job in server.jobs.values())
        assert running.interrupt(process) == INTERRUPTED
        said = process.stderr.read()
        assert "error[TP803]" in said
        assert "Traceback" not in said
        assert process.stdout.read() == ""


def test_a_closed_standard_output_is_no_fault_of_the_program(server: Dhis2Server) -> None:
    command = running.command("integrity", "report", "--url", server.url)
    settings = running.environment({"TALLYPORT_TOKEN": TOKEN})
    ended = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command], env=settings, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (FINDINGS, "", "")


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[2], COMMANDS[6]], ids=" ".join)
def test_without_the_libraries_the_program_says_what_to_install(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "httpx2.py").write_text("raise ModuleNotFoundError('no httpx2', name='httpx2')")
    path = os.pathsep.join((str(tmp_path), running.environment()["PYTHONPATH"]))
    ended = running.run(*command, "--url", "https://host", env={"PYTHONPATH": path})
    assert ended.returncode == OUTSIDE
    assert b"pip install 'tallyport[server]'" in ended.stderr


def test_a_job_without_words_prints_no_line(shell: Shell, each: Dhis2Server) -> None:
    ended = shell("integrity", "run")
    assert not [line for line in ended.stderr.splitlines() if line.rstrip().endswith("INFO")]
