"""Whole processes measured: wall seconds, CPU seconds and peak memory of named commands that take turns.

    python benchmarks/measure.py -n 5 'A=python -c "import polars"' 'B=python -c "import orjson"'

First come sampled rounds, which warm the page cache and watch the memory; they are not timed. Then timed rounds
A B A B ..., which nothing watches. Ratios are of a command to the first one (the yardstick) in the same round, and
the median of those is what counts: on a shared machine seconds drift, ratios hardly do.

Peak memory is one of

- `process`: the command never had a child: the kernel's own high-water mark (`ru_maxrss`), exact;
- `tree`: the highest sum, over the process and all below it, of the proportional set size (PSS: pages shared by n
  processes count 1/n in each), read from /proc every few milliseconds in the sampled rounds while there is more than
  one process; never less than the high-water mark of the largest. Reading takes the kernel longer the more memory
  there is, and holds the process up: the watcher therefore rests four times as long as it read. A sum of all
  processes' own high-water marks, which counts shared pages repeatedly, bounds it from above;
- `largest`: there is no /proc: the high-water mark of the largest process, a lower bound for the tree.

Mapped pages of files count in all three. MB are 1,000,000 bytes.
"""

import argparse
import contextlib
import json
import os
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.005
REST_PER_READ = 4
PROC = Path("/proc")
# Linux counts ru_maxrss in KiB, macOS in bytes.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class FailedError(Exception):
    """A command did not do what it is measured for."""


@dataclass(frozen=True)
class Outcome:
    """One process, from start to end. Memory in bytes; `tree` values are 0 where nothing was sampled."""

    exit_code: int
    wall: float
    cpu: float
    max_rss: int
    stderr: str
    sampled: bool = False
    tree_pss: int = 0
    tree_high_water: int = 0
    most_processes: int = 1
    samples: int = 0


def _accept_success(outcome: Outcome) -> None:
    if outcome.exit_code:
        raise FailedError(f"exit code {outcome.exit_code}")


@dataclass(frozen=True)
class Command:
    """What to run under which name. `prepare` runs before and `check` after each run, both unmeasured."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    prepare: Callable[[], None] = lambda: None
    check: Callable[[Outcome], None] = _accept_success


@dataclass
class Series:
    """All runs of one command."""

    name: str
    sampled: list[Outcome] = field(default_factory=list)
    timed: list[Outcome] = field(default_factory=list)

    @property
    def walls(self) -> list[float]:
        """Seconds of the timed runs; of the sampled ones if none was timed."""
        return [run.wall for run in self.timed or self.sampled]

    @property
    def cpus(self) -> list[float]:
        """CPU seconds, user and system, of the process and the children it waited for."""
        return [run.cpu for run in self.timed or self.sampled]

    @property
    def peak(self) -> tuple[int, str]:
        """The highest memory of any run in bytes, and how it was measured: `process`, `tree` or `largest`."""
        runs = self.sampled + self.timed
        largest = max(run.max_rss for run in runs)
        if not any(run.sampled for run in runs):
            return largest, "largest"
        if max(run.most_processes for run in runs) == 1:
            return largest, "process"
        return max(largest, *(run.tree_pss for run in runs)), "tree"

    @property
    def bound(self) -> int:
        """An upper bound of the peak in bytes: the sum of the processes' own high-water marks."""
        return max(self.peak[0], *(run.tree_high_water for run in self.sampled + self.timed))

    def document(self) -> dict[str, Any]:
        """Describe the series for JSON."""
        peak, how = self.peak
        return {
            "name": self.name,
            "wall": spread(self.walls),
            "cpu": spread(self.cpus),
            "peak": {
                "bytes": peak,
                "by": how,
                "processes": max(run.most_processes for run in self.sampled + self.timed),
                "bound": self.bound,
            },
            "runs": [
                {key: value for key, value in asdict(run).items() if key != "stderr"}
                for run in self.sampled + self.timed
            ],
        }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give the median, least and greatest of some values."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(series: Series, yardstick: Series) -> list[float]:
    """Give the wall time of each run in units of the yardstick's run of the same round."""
    return [one / other for one, other in zip(series.walls, yardstick.walls, strict=True)]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _field(text: str, name: str) -> int:
    """Read a `Name:  123 kB` line as bytes; 0 if it is not there."""
    at = text.find(f"\n{name}:")
    return int(text[at:].split(maxsplit=2)[1]) * 1024 if at >= 0 else 0


class _Watcher(threading.Thread):
    """Samples a process and all that ever came below it until told to stop."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.tree_pss = 0
        self.most_processes = 1
        self.samples = 0
        self.high_water: dict[int, int] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        known = {self.root}
        while not self.stopping.is_set():
            waiting = list(known)
            while waiting:
                fresh = [child for child in _children(waiting.pop()) if child not in known]
                known.update(fresh)
                waiting += fresh
            begin = time.perf_counter()
            known = {pid for pid in known if pid == self.root or (PROC / str(pid)).is_dir()}
            if len(known) > 1:
                self.tree_pss = max(self.tree_pss, sum(map(self._read, known)))
                self.most_processes = max(self.most_processes, len(known))
                self.samples += 1
            self.stopping.wait(max(SAMPLE_SECONDS, REST_PER_READ * (time.perf_counter() - begin)))

    def _read(self, pid: int) -> int:
        """Note a process's high-water mark and give its PSS; 0 if it just ended."""
        folder = PROC / str(pid)
        try:
            self.high_water[pid] = max(self.high_water.get(pid, 0), _field((folder / "status").read_text(), "VmHWM"))
            return _field((folder / "smaps_rollup").read_text(), "Pss")
        except OSError:
            return 0

    def below(self) -> int:
        """Sum up the high-water marks of the processes below the root."""
        return sum(mark for pid, mark in self.high_water.items() if pid != self.root)


def run(command: Command, *, sampled: bool = False) -> Outcome:
    """Run one command to its end and check it. `sampled` watches the memory, at some cost to the time."""
    command.prepare()
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=command.env,
            start_new_session=True,
        )
        watcher = _Watcher(process.pid) if sampled and PROC.is_dir() else None
        if watcher:
            watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            if watcher:
                watcher.stopping.set()
                watcher.join()
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        largest = usage.ru_maxrss * MAXRSS_UNIT
        outcome = Outcome(
            exit_code=process.returncode,
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            max_rss=largest,
            stderr=errors.read().decode(errors="replace"),
            sampled=watcher is not None,
            tree_pss=watcher.tree_pss if watcher else 0,
            tree_high_water=watcher.below() + largest if watcher else 0,
            most_processes=watcher.most_processes if watcher else 1,
            samples=watcher.samples if watcher else 0,
        )
    try:
        command.check(outcome)
    except FailedError as error:
        said = "\n".join(outcome.stderr.strip().splitlines()[-8:])
        raise FailedError(f"{command.name}: {error}" + (f"\n{said}" if said else "")) from None
    return outcome


def measure(commands: Sequence[Command], *, rounds: int, sampled_rounds: int = 1) -> list[Series]:
    """Run the commands in turns, `sampled_rounds` times watched and then `rounds` times timed."""
    series = [Series(command.name) for command in commands]
    for turn in range(sampled_rounds + rounds):
        for command, record in zip(commands, series, strict=True):
            sampled = turn < sampled_rounds
            outcome = run(command, sampled=sampled)
            (record.sampled if sampled else record.timed).append(outcome)
            kind = "sampled" if sampled else "timed"
            print(
                f"  {kind} {turn + 1}/{sampled_rounds + rounds} {command.name}: {outcome.wall:.3f} s", file=sys.stderr
            )
    return series


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def table(series: Sequence[Series]) -> str:
    """Draw the figures of some commands, the first of which is the yardstick."""
    lines = [f"{'':24} {'median s':>9} {'min-max s':>15} {'cpu s':>8} {'peak MB':>8} {'by':>8} {'x time':>8}"]
    for one in series:
        wall, cpu, (peak, how) = spread(one.walls), spread(one.cpus), one.peak
        ratio = statistics.median(ratios(one, series[0]))
        limits = f"{wall['min']:.3f}-{wall['max']:.3f}"
        lines.append(
            f"{one.name:24} {wall['median']:9.3f} {limits:>15} {cpu['median']:8.3f} {peak / 1e6:8,.0f} {how:>8} "
            f"{ratio:8.3f}"
        )
    return "\n".join(lines)


def document(series: Sequence[Series]) -> dict[str, Any]:
    """Describe the figures of some commands for JSON; ratios are to the first."""
    described = [{**one.document(), "ratio": spread(ratios(one, series[0]))} for one in series]
    return {"machine": machine(), "commands": described}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure commands that take turns; the first is the yardstick.")
    parser.add_argument("command", nargs="+", help="NAME=COMMAND LINE")
    parser.add_argument("-n", "--rounds", type=int, default=5, help="timed rounds (default 5)")
    parser.add_argument(
        "--sampled-rounds", type=int, default=1, help="rounds before them that watch memory (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    if options.rounds < 1 or options.sampled_rounds < 0:
        parser.error("at least one timed round")
    commands = []
    for text in options.command:
        name, equals, line = text.partition("=")
        if not equals or not line.strip():
            parser.error(f"not NAME=COMMAND LINE: {text}")
        commands.append(Command(name, shlex.split(line)))
    try:
        series = measure(commands, rounds=options.rounds, sampled_rounds=options.sampled_rounds)
    except (FailedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(json.dumps(document(series), indent=1) if options.json else table(series))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
