"""ADV2 as frames of polars: how fast against Parquet and validation, what a filter saves, and memory.

Each figure runs its yardsticks and a program with `scan_adv2` in turns, as whole processes, and compares the rounds.
`--only NAME` tries one. Exit 0: all goals reached; 1: one was missed.
"""

import math
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import adv2_inputs, claims
from benchmarks.measure import Command, Series, measure, spread, table

PARQUET = "import sys, polars; polars.read_parquet(sys.argv[1])"
SCAN = "import sys, tallyport; tallyport.scan_adv2(sys.argv[1]).collect()"
SUM = """
import sys, polars, tallyport
number = polars.col("number")
tallyport.scan_adv2(sys.argv[1]).group_by("period", "category_option_combo").agg(number.sum()).collect()
"""
# Ten each, so that what is compared is reading and not the start of an interpreter.
SCANS = """
import sys, tallyport
for _ in range(10):
    tallyport.scan_adv2(sys.argv[1]).collect()
"""
FILTERS = """
import sys, polars, tallyport
for _ in range(10):
    tallyport.scan_adv2(sys.argv[1]).filter(polars.col("period") == "190006").collect()
"""
WRITE = "import sys, tallyport; tallyport.scan_adv2(sys.argv[1]).collect().write_parquet(sys.argv[2])"

SUM_BYTES = 400_000_000
FLAT = 1.25
LARGE, SMALL = 20_000_000, 1_000_000
FILES = 20


@dataclass(frozen=True)
class Figure:
    """One line of the table: a program, and its yardsticks, each as often as it counts.

    `limit`: of the program's time in units of all of theirs; with `of_memory`, of its peak in units of the first's.
    """

    name: str
    what: str
    yardsticks: Sequence[tuple[float, Command]]
    tallyport: Command
    limit: float
    goal: str
    peak_limit: float = math.inf
    of_memory: bool = False


@dataclass(frozen=True)
class Result:
    """A figure that was tried."""

    figure: Figure
    yardsticks: Sequence[Series]
    tallyport: Series

    @property
    def value(self) -> float:
        """The median over the rounds of the ratio of times; of a figure about memory, the ratio of peaks."""
        if self.figure.of_memory:
            return float(self.tallyport.peak[0] / self.yardsticks[0].peak[0])
        weights = [weight for weight, _ in self.figure.yardsticks]
        rounds = zip(self.tallyport.walls, *(series.walls for series in self.yardsticks), strict=True)
        found: list[float] = []
        for ours, *others in rounds:
            found.append(ours / sum(weight * theirs for weight, theirs in zip(weights, others, strict=True)))
        return statistics.median(found)

    @property
    def reached(self) -> bool:
        """Whether time and memory are within their goals."""
        return self.value <= self.figure.limit and self.tallyport.peak[0] <= self.figure.peak_limit

    def document(self) -> dict[str, Any]:
        """Describe the result for JSON."""
        return {
            "figure": self.figure.name,
            "what": self.figure.what,
            "goal": self.figure.goal,
            "value": self.value,
            "limit": self.figure.limit,
            "peakBytes": self.tallyport.peak[0],
            "reached": self.reached,
        }


def _python(name: str, code: str, *arguments: object) -> Command:
    return Command(name, [sys.executable, "-c", code, *map(str, arguments)], env=claims.environment())


def figures(settings: claims.Settings, only: Sequence[str] = ()) -> list[Figure]:
    """Make the inputs and lay out all figures, or some by name."""
    scale = 10 if settings.quick else 1
    rows = adv2_inputs.ROWS // scale
    good = adv2_inputs.make("integers", rows, settings.work)
    parquet = good.with_suffix(".parquet")
    if not parquet.exists():
        measure([_python("write", WRITE, good, parquet)], rounds=1, sampled_rounds=0)
    split = settings.work / "twelve-months"
    for number in range(0 if split.exists() else FILES):
        split.mkdir(exist_ok=True)
        shutil.copy(adv2_inputs.make("integers", rows // FILES, settings.work), split / f"{number}.adv2.json")
    validate = [*claims.tallyport_command(settings), "validate", "-q", str(good)]
    read = f"{rows:,} rows"
    laid_out = [
        Figure(
            "scan",
            f"scan_adv2, {read}",
            [(1.5, _python("polars.read_parquet", PARQUET, parquet)), (1, Command("tallyport validate", validate))],
            _python("scan_adv2", SCAN, good),
            1,
            "at most 1.5 times Parquet and once validation",
        ),
        Figure(
            "filter",
            f"one period of twelve, {read} in {FILES} files",
            [(1, _python("all of it", SCANS, split))],
            _python("filtered", FILTERS, split),
            1 / 3,
            "at most a third of all of it",
        ),
        Figure(
            "sum",
            f"sums of groups, {read}",
            [(1, _python("scan_adv2", SCAN, good))],
            _python("group_by", SUM, good),
            1,
            "at most 400 MB",
            SUM_BYTES,
        ),
    ]
    if not only or "flat" in only:
        few, many = (adv2_inputs.make("integers", count // scale, settings.work) for count in (SMALL, LARGE))
        fewer = _python(f"{SMALL // scale:,} rows", SUM, few)
        laid_out.append(
            Figure(
                "flat",
                f"sums of groups, {LARGE // scale:,} rows, against {SMALL // scale:,}",
                [(1, fewer)],
                _python(f"{LARGE // scale:,} rows", SUM, many),
                FLAT,
                f"at most {FLAT} times its memory",
                of_memory=True,
            )
        )
    return [figure for figure in laid_out if not only or figure.name in only]


def attempt(settings: claims.Settings, only: Sequence[str] = ()) -> list[Result]:
    """Try all figures, or some by name."""
    results = []
    for figure in figures(settings, only):
        print(f"frames: {figure.what}", file=sys.stderr)
        rounds = 1 if figure.of_memory else settings.rounds
        commands = [*(command for _, command in figure.yardsticks), figure.tallyport]
        *yardsticks, ours = measure(commands, rounds=rounds, sampled_rounds=settings.sampled_rounds)
        results.append(Result(figure, yardsticks, ours))
    return results


def _words(result: Result) -> str:
    return f"{result.value:.2f} times its {'memory' if result.figure.of_memory else 'time'}"


def report(result: Result) -> str:
    """Draw one figure for the terminal."""
    return "\n".join(
        [
            result.figure.what,
            "",
            table([*result.yardsticks, result.tallyport]),
            "",
            f"{_words(result)}; peak {result.tallyport.peak[0] / 1e6:,.0f} MB",
            f"goal: {result.figure.goal}: {claims.yes_or_no(result.reached)}",
            "",
        ]
    )


def markdown(results: Sequence[Result]) -> str:
    """Draw all figures as a Markdown table."""
    lines = [
        "| ADV2 as a frame | yardstick, same run | tallyport | | peak memory | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        counted = zip(one.figure.yardsticks, one.yardsticks, strict=True)
        yardsticks = " + ".join(
            f"{weight:g} x `{series.name}` {spread(series.walls)['median']:.2f} s" for (weight, _), series in counted
        )
        lines.append(
            f"| {one.figure.what} | {yardsticks} | {spread(one.tallyport.walls)['median']:.2f} s | {_words(one)} "
            f"| {one.tallyport.peak[0] / 1e6:,.0f} MB | {one.figure.goal} | {claims.yes_or_no(one.reached)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(claims.main_of_figures(__doc__ or "", attempt, report, markdown))
