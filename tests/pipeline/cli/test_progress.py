"""Progress: how fast and how long still, and how it is shown: a bar, plain lines, JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import running
from support.checking import check_against
from tallyport.cli.progress import Pace
from tallyport_schemas.progress import Progress


def text(pace: Pace, progress: Progress, now: float) -> str:
    pace.take(progress, now)
    return pace.text(progress)


def test_rate_and_remaining_time_are_of_the_stretch_so_far() -> None:
    pace = Pace()
    assert text(pace, Progress("a", "import deVisits001", 100, 1_000, 50), 10.0) == "50 values"
    assert text(pace, Progress("a", "import deVisits001", 200, 1_000, 150), 10.5) == "150 values"
    assert text(pace, Progress("b", "import deNotes0001", 400, 1_000, 2_050), 12.0) == "2,050 values, 1,000/s, 4 s left"


def test_another_phase_is_another_stretch() -> None:
    pace = Pace()
    text(pace, Progress("a", "read", 0, 100, 0), 0.0)
    assert text(pace, Progress("a", "read", 50, 100, 10), 100.0) == "10 values, 0/s, 1 min 40 s left"
    assert text(pace, Progress("a", "write", 0, 100, 10), 101.0) == "10 values"
    assert text(pace, Progress("a", "write", 1, 100, 10), 201.0) == "10 values, 0/s, 2 h 45 min left"


def test_without_a_total_nothing_is_said_of_the_time_left() -> None:
    pace = Pace()
    text(pace, Progress("-", "read", 0, 0, 0), 0.0)
    assert text(pace, Progress("-", "read", 50, 0, 30), 2.0) == "30 values, 15/s"


def test_what_is_counted_is_named() -> None:
    pace = Pace()
    text(pace, Progress("https://host", "pull dataElements", 0, 100, 0, "objects"), 0.0)
    assert text(pace, Progress("https://host", "pull", 50, 100, 50, "objects"), 2.0) == "50 objects, 25/s, 2 s left"


# How it is shown

ROWS = "dataElement,period,orgUnit,categoryOptionCombo,attributeOptionCombo,value\n" + "".join(
    f"de{element:09},202501,ou{unit:09},,,{unit}\n" for element in range(3) for unit in range(20_000)
)
AT_ONCE = """\
import sys
from tallyport.cli import main, progress
for kind in (progress.Bar, progress.PlainLines, progress.JsonLines):
    kind.every_s = 0.0
progress.BAR_AFTER_S = 0.0
sys.exit(main.run(sys.argv[1:]))
"""


def line(folder: Path, *options: str) -> list[str]:
    """Return the command line of a conversion that shows all progress there is."""
    (folder / "a.csv").write_text(ROWS)
    return [sys.executable, "-c", AT_ONCE, "convert", "a.csv", "-o", "out", "--overwrite", "--jobs", "1", *options]


def test_lines_for_programs_are_json_objects_of_the_schema_and_the_document_stands_alone(tmp_path: Path) -> None:
    command = line(tmp_path, "--progress", "json", "--json")
    ended = subprocess.run(command, cwd=tmp_path, env=running.environment(), capture_output=True, text=True, check=True)
    said = [json.loads(text) for text in ended.stderr.splitlines()]
    for one in said:
        check_against("progress", one)
    assert {one["phase"].split()[0] for one in said} == {"read", "write"}
    assert said[-1]["values"] == json.loads(ended.stdout)["sources"][0]["values"]["read"] == 60_000


def test_without_a_terminal_lines_are_plain(tmp_path: Path) -> None:
    command = line(tmp_path)
    ended = subprocess.run(command, cwd=tmp_path, env=running.environment(), capture_output=True, text=True, check=True)
    assert "a.csv: read 100%, 60,000 values" in ended.stderr
    assert "\x1b" not in ended.stderr + ended.stdout
    assert "\r" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize(("options", "is_drawn"), [([], True), (["--json"], True), (["--quiet"], False)])
def test_a_terminal_gets_a_bar_of_one_line_that_is_taken_away_again(
    columns: str, options: list[str], is_drawn: bool, tmp_path: Path
) -> None:
    import pty

    terminal, ours = pty.openpty()
    environment = running.environment({"COLUMNS": columns, "TERM": "xterm", "NO_COLOR": "1"})
    with subprocess.Popen(
        line(tmp_path, *options), env=environment, cwd=tmp_path, stderr=ours, stdout=subprocess.DEVNULL
    ) as process:
        os.close(ours)
        printed = b""
        while True:
            try:
                printed += os.read(terminal, 65_536)
            except OSError:  # the other end is closed
                break
    os.close(terminal)
    assert process.returncode == 0
    drawn = printed.decode().split("\r\x1b[K")
    assert any("a.csv: read" in text and "━" in text and "100%" in text for text in drawn) is is_drawn
    assert all(len(text) < int(columns) and "\n" not in text for text in drawn)
    assert drawn[-1] == ""  # nothing of it is left


def test_what_is_quick_needs_no_bar_and_does_not_load_what_draws_it(tmp_path: Path) -> None:
    script = "import sys; from tallyport.cli import main; main.run(sys.argv[1:]); sys.exit('rich' in sys.modules)"
    command = [sys.executable, "-c", script, *line(tmp_path, "--progress", "bar")[3:]]
    small = tmp_path / "a.csv"
    small.write_text(ROWS[:1000])
    assert subprocess.run(command, cwd=tmp_path, env=running.environment(), capture_output=True).returncode == 0
