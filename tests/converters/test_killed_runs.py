"""Runs that are killed, interrupted, starved of disk or refused: nothing half-written, and running again completes."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.running import WORK, check_whole, command, contents, environment, json_rows, names, run, signals_as_usual
from tallyport.cli import main
from tallyport_converters.files import work_folders

KILLS = 50
KILLS_WHILE_REPLACING = 10
STARTING = 0.3
"""The share of its time in which a run gets under way: one kill of ten may fall into it, the others meet it at work."""

NAMES = {"january", "february", "march"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")


@dataclass
class Job:
    """A command over several sources, and what comes of it."""

    sources: list[Path]
    exit_code: int
    expected: dict[str, bytes]
    seconds: float = 0.0
    runs: int = 0

    def arguments(self, output: Path, *more: str) -> list[str]:
        return ["convert", *map(str, self.sources), "-o", str(output), "--memory", "200kB", *more]

    def start(self, output: Path, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(*self.arguments(output, *more)),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=signals_as_usual,
        )

    def complete(self, output: Path, *more: str) -> None:
        """Run it to its end, mostly in this process, as that is faster; check that all is there and nothing else."""
        self.runs += 1
        if self.runs % 8:
            assert main.run(self.arguments(output, "--quiet", *more)) == self.exit_code
            assert contents(output) == self.expected
        else:
            self.run(output, *more)
        assert names(output) == NAMES

    def run(self, output: Path, *more: str) -> None:
        """Run it to its end as a process of its own, and take its time."""
        started = time.monotonic()
        ended = run(*self.arguments(output, *more))
        self.seconds = time.monotonic() - started
        assert ended.returncode == self.exit_code, ended.stderr
        assert contents(output) == self.expected


def value_rows(seed: int, count: int, *, spoilt: bool = False) -> list[dict[str, str]]:
    rng = random.Random(seed)
    return [
        {
            "dataElement": f"element{rng.randrange(12):04d}",
            "period": f"2025{13 if spoilt and rng.random() < 0.01 else rng.randrange(1, 13):02d}",
            "orgUnit": f"orgUnit{rng.randrange(200):04d}",
            "categoryOptionCombo": f"optionCo{rng.randrange(8):03d}",
            "value": str(rng.randrange(1000)),
        }
        for _ in range(count)
    ]


def as_csv(rows: list[dict[str, str]]) -> bytes:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows), ""]).encode()


def as_xml(rows: list[dict[str, str]]) -> bytes:
    texts = (" ".join(f'{name}="{text}"' for name, text in row.items()) for row in rows)
    lines = [f"<dataValue {text}/>" for text in texts]
    return "\n".join(['<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">', *lines, "</dataValueSet>"]).encode()


def make_job(folder: Path, rows: int) -> Job:
    """Three sources of which one has rejected values."""
    folder.mkdir()
    files = {
        "january.json": json_rows(value_rows(1, rows)),
        "february.csv": as_csv(value_rows(2, rows, spoilt=True)),
        "march.xml": as_xml(value_rows(3, rows)),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    job = Job([folder / name for name in files], 1, {})
    output = folder / "expected"
    ended = run(*job.arguments(output))
    assert ended.returncode == 1, ended.stderr
    job.expected = contents(output)
    assert names(output) == NAMES
    job.run(folder / "measured")
    return job


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return make_job(tmp_path_factory.mktemp("job") / "sources", 6_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return make_job(tmp_path_factory.mktemp("small") / "sources", 300)


def has_ended(job: Job, output: Path) -> bool:
    """Whether all was done when it was killed: it was taking its empty working folder away, if that is still there."""
    there = {name: data for name, data in contents(output).items() if not name.startswith(f"{WORK}/")}
    return there == job.expected and not (output / WORK / "plan.json").exists()


def kill(job: Job, output: Path, share: float, *more: str) -> bool:
    """Start it and kill it at that share of its time; whether there was work left for it."""
    process = job.start(output, *more)
    time.sleep(job.seconds * share)
    process.kill()
    return process.wait() == -signal.SIGKILL and not has_ended(job, output)


def killed(job: Job, folder: Path, kills: int, prepare: Callable[[Path], None], *more: str) -> Iterator[Path]:
    """Yield the output of as many killed runs, the moments spread over a whole run."""
    rng = random.Random(5)
    moments = [(number + rng.random()) / kills for number in range(kills)]
    moments = [
        moment if number % 10 == 0 else STARTING + (1 - STARTING) * moment for number, moment in enumerate(moments)
    ]
    rng.shuffle(moments)
    for number, moment in enumerate(moments):
        for attempt in range(20):
            output = folder / f"{number}-{attempt}"
            prepare(output)
            if kill(job, output, moment, *more):
                yield output
                break
            assert has_ended(job, output)
            assert names(output) - {WORK} == NAMES
            moment *= rng.random()  # it had ended already
        else:
            pytest.fail("no run lasted long enough to be killed")


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something holds while a process runs."""
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the run ended too early"
        assert time.monotonic() < end, "the run takes too long"
        time.sleep(0.001)


def is_part_of(folder: Path, expected: dict[str, bytes]) -> bool:
    """Whether a folder holds what one source is expected to give."""
    wanted = {name: data for name, data in expected.items() if name.startswith(f"{folder.name}/")}
    return {f"{folder.name}/{name}": data for name, data in contents(folder).items()} == wanted


def phase(output: Path) -> str:
    """Where a killed run stood."""
    if WORK not in names(output):
        return "before or after all"
    done = len(names(output)) - 1
    built = names(output / WORK / "built")
    if "manifest.json" in built:
        return f"source {done}, about to appear"
    scratch = names(output / WORK / "built.scratch")
    at = "writing" if any(name[0].isdigit() for name in scratch) or built else "reading"
    return f"source {done}, {at}"


def test_a_killed_run_leaves_nothing_half_written_and_the_next_completes(job: Job, tmp_path: Path) -> None:
    phases: Counter[str] = Counter()
    for output in killed(job, tmp_path, KILLS, lambda _: None):
        phases[phase(output)] += 1
        for name in names(output) - {WORK}:
            check_whole(output / name)
            assert is_part_of(output / name, job.expected)
        job.complete(output)
        shutil.rmtree(output)
    assert len(phases) >= 4, phases  # the kills met the run in many places


def test_a_run_killed_while_it_replaces_leaves_the_old_or_the_new(job: Job, small: Job, tmp_path: Path) -> None:
    def prepare(output: Path) -> None:
        shutil.copytree(small.sources[0].parent / "expected", output)

    for output in killed(job, tmp_path, KILLS_WHILE_REPLACING, prepare, "--overwrite"):
        for name in NAMES:
            check_whole(output / name)
            assert is_part_of(output / name, job.expected) or is_part_of(output / name, small.expected)
        job.complete(output, "--overwrite")


def test_a_killed_run_is_no_licence_to_replace_what_others_made(small: Job, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert run("convert", small.sources[0], "-o", output).returncode == 0
    before = contents(output)
    with blocked(output):
        pass  # killed: it leaves its plan
    assert WORK in names(output)
    ended = run(*small.arguments(output))
    assert (ended.returncode, b"TP901" in ended.stderr) == (5, True)
    after = contents(output)
    assert {name: after[name] for name in before} == before


@contextmanager
def blocked(output: Path, signals: int = signal.SIGKILL) -> Iterator[subprocess.Popen[bytes]]:
    """A run that waits for stdin in the middle of its work; ended by a signal."""
    process = subprocess.Popen(
        command("convert", "-", "-o", output),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=signals_as_usual,
    )
    try:
        wait_for((output / WORK / "plan.json").exists, process)
        time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signals)
        process.communicate(timeout=60)


ENDING = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""What ends a run in order, and the exit code: 128 and the signal's number."""


@pytest.mark.parametrize("number", ENDING)
def test_a_run_that_is_told_to_end_does_so_in_order_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with blocked(output, number) as process:
        assert (output / WORK).stat().st_mode & 0o777 == 0o700
    assert process.returncode == ENDING[signal.Signals(number)]
    assert not output.exists()


def test_a_run_goes_on_behind_a_hang_up_that_its_starter_ignores(tmp_path: Path) -> None:
    output = tmp_path / "out"
    nohup = subprocess.Popen(
        command("convert", "-", "-o", output),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for((output / WORK / "plan.json").exists, nohup)
    nohup.send_signal(signal.SIGHUP)
    nohup.communicate(json_rows(value_rows(1, 3)), timeout=60)
    assert nohup.returncode == 0
    check_whole(output / "stdin")


def working(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that works in a folder of its own in `parent`, and waits; returns it and the folder."""
    script = (
        "import pathlib, sys; from tallyport_converters.files.work_folders import work_folder\n"
        "with work_folder(pathlib.Path(sys.argv[1])) as work:\n"
        "    (work / 'values').write_text('17'); print(work, flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(parent)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip()).parent


def test_a_folder_of_a_killed_run_is_swept_by_the_next_and_no_other(tmp_path: Path) -> None:
    killed, left_over = working(tmp_path)
    alive, in_use = working(tmp_path)
    killed.kill()
    killed.communicate()
    foreign = tmp_path / f"{work_folders.PREFIX}foreign"
    foreign.symlink_to(in_use)
    assert left_over.stat().st_mode & 0o777 == in_use.stat().st_mode & 0o777 == 0o700
    assert (left_over / "files" / "values").read_text() == "17"
    with work_folders.work_folder(tmp_path) as work:
        assert not left_over.exists()
        assert (in_use / "files" / "values").read_text() == "17"
        assert work.exists()
    alive.communicate("")
    assert names(tmp_path) == {foreign.name}


def test_many_runs_that_sweep_while_others_begin_never_lose_their_folder(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from tallyport_converters.files.work_folders import work_folder\n"
        "for _ in range(60):\n"
        "    with work_folder(pathlib.Path(sys.argv[1])) as work:\n"
        "        (work / 'values').write_text('17'); assert (work / 'values').read_text() == '17'\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment()) for _ in range(4)]
    assert [process.wait(timeout=60) for process in runs] == [0] * 4
    assert not names(tmp_path)


def test_an_interrupted_run_over_several_sources_keeps_what_is_whole_and_the_next_completes(
    job: Job, tmp_path: Path
) -> None:
    for number, share in enumerate((0.3, 0.5, 0.6, 0.7, 0.8, 0.9)):
        output = tmp_path / f"out{number}"
        process = job.start(output)
        wait_for((output / WORK / "plan.json").exists, process)
        time.sleep(max(0.0, job.seconds * (share - 0.3)))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) in (130, job.exit_code, -signal.SIGINT)  # the last: while Python shuts down
        for name in names(output) - {WORK}:
            check_whole(output / name)
        assert names(output / WORK) <= {"plan.json", "lock"}
        if names(output) != NAMES:  # else it was done
            job.complete(output)


def test_a_terminated_run_leaves_nothing_half_written_and_the_next_completes(job: Job, tmp_path: Path) -> None:
    for share in (0.4, 0.6, 0.8):
        output = tmp_path / f"out{share}"
        process = job.start(output)
        time.sleep(job.seconds * share)
        process.terminate()
        assert process.wait(timeout=60) in (143, job.exit_code, -signal.SIGTERM)  # the last: as Python starts or ends
        assert names(output / WORK) <= {"plan.json", "lock"}
        for name in names(output) - {WORK}:
            check_whole(output / name)
        if names(output) != NAMES:  # else it was done
            job.complete(output)


def test_two_runs_at_once_in_one_folder_are_refused(small: Job, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with blocked(output) as first:
        for _ in range(2):
            second = run(*small.arguments(output, "--json"))
            assert (second.returncode, json.loads(second.stdout)["error"]["code"]) == (5, "TP902")
        _, stderr = first.communicate(small.sources[0].read_bytes(), timeout=60)
        assert (first.returncode, stderr) == (0, b"")
    assert names(output) == {"stdin"}
    small_run = run(*small.arguments(output))
    assert small_run.returncode == small.exit_code
    assert names(output) == {"stdin", *NAMES}


def test_many_runs_that_follow_each_other_never_share_the_folder(small: Job, tmp_path: Path) -> None:
    output = tmp_path / "out"
    lines = [command("convert", source, "-o", output, "--overwrite") for source in small.sources]
    for _ in range(3):
        running = [subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE) for line in lines]
        for process in running:
            _, stderr = process.communicate(timeout=60)
            assert process.returncode in (0, 1) or (process.returncode == 5 and b"TP902" in stderr), stderr
        for name in names(output):
            assert is_part_of(output / name, small.expected)


def test_an_output_that_exists_is_refused_and_untouched(small: Job, tmp_path: Path) -> None:
    output = tmp_path / "out"
    small.run(output)
    (output / "february" / "note.txt").write_text("mine")
    state = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in [output, *output.rglob("*")]}
    ended = run(*small.arguments(output, "--json"))
    assert ended.returncode == 5
    error = json.loads(ended.stdout)["error"]
    assert error["code"] == "TP901"
    assert "--overwrite" in error["help"]
    assert set(error["found"].split(", ")) == NAMES
    untouched = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in output.rglob("*")}
    assert untouched == {path: kept for path, kept in state.items() if path != output}


def test_overwriting_replaces_a_folder_in_one_step(job: Job, small: Job, tmp_path: Path) -> None:
    output = tmp_path / "out"
    small.run(output)
    (output / "january" / "note.txt").write_text("of the old folder")
    manifests = {job.expected["january/manifest.json"], small.expected["january/manifest.json"]}
    process = job.start(output, "--overwrite")
    seen = set()
    while process.poll() is None:
        seen.add((output / "january" / "manifest.json").read_bytes())
    assert process.returncode == job.exit_code
    assert seen <= manifests
    assert contents(output) == job.expected
    assert names(output) == NAMES


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory at `folder`."""
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        made = subprocess.run(line, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("a file system of its own can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("memory", ["200kB", "256MB"], ids=["spilling", "in_memory"])
def test_a_full_disk_ends_with_4_and_running_again_completes(memory: str, job: Job, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=250k") as disk:
        output = disk / "out"
        ended = run(*job.arguments(output, "--memory", memory, "--json"))
        assert ended.returncode == 4, ended.stderr
        error = json.loads(ended.stdout)["error"]
        assert (error["code"], "No space left" in error["found"]) == ("TP801", True)
        for name in names(output) - {WORK}:
            check_whole(output / name)
        assert names(output / WORK) <= {"plan.json", "lock"}
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        job.run(output, "--memory", memory)
        assert names(output) == NAMES


def test_a_disk_that_fills_up_between_sources_keeps_the_first_and_running_again_completes(
    job: Job, small: Job, tmp_path: Path
) -> None:
    sources = [small.sources[0], job.sources[1]]
    with mounted(tmp_path / "disk", "size=110k") as disk:
        line = ["convert", *map(str, sources), "-o", str(disk / "out"), "--json"]
        ended = run(*line)
        assert ended.returncode == 4, ended.stderr
        document = json.loads(ended.stdout)
        assert [source["source"]["name"] for source in document["sources"]] == ["january.json"]
        assert document["error"]["code"] == "TP801"
        assert names(disk / "out") == {"january", WORK}
        assert is_part_of(disk / "out" / "january", small.expected)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert run(*line).returncode == 1
        assert names(disk / "out") == {"january", "february"}
        assert is_part_of(disk / "out" / "february", job.expected)


def test_a_file_that_cannot_grow_ends_with_4_and_leaves_nothing(job: Job, tmp_path: Path) -> None:
    process = subprocess.run(
        command("convert", job.sources[0], "-o", tmp_path / "out", "--layout", "single"),
        env=environment(),
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        check=False,
    )
    assert (process.returncode, process.stdout) == (4, b"")
    assert b"error[TP801]" in process.stderr
    assert b"help:" in process.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_read_only_ends_with_4(small: Job, tmp_path: Path) -> None:
    if os.geteuid():
        disk = tmp_path / "disk"
        disk.mkdir(mode=0o500)
        ended = run(*small.arguments(disk / "out"))
    else:
        with mounted(tmp_path / "disk", "ro") as disk:
            ended = run(*small.arguments(disk / "out"))
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert b"error[TP801]" in ended.stderr


def test_an_output_that_is_a_file_ends_with_4_and_is_untouched(small: Job, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    ended = run(*small.arguments(tmp_path / "out"))
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert (tmp_path / "out").read_text() == "mine"
