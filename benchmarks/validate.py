"""Validation of ADV2: how fast against reading the JSON and nothing else, what bad rows and metadata cost, memory.

Each figure runs its yardstick and `tallyport validate` in turns, as whole processes, and compares round by round.
`--only NAME` tries one. Exit 0: all goals reached; 1: one was missed.
"""

import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import adv2_inputs, claims
from benchmarks.measure import Command, FailedError, Outcome, Series, measure, ratios, spread, table

MEMORY_LIMIT = 150_000_000
LARGE_BYTES = 2_000_000_000
SMALLER = ("integers", "decimals", "texts", "bad", "metadata", "small")
"""The figures that do without the large file."""


@dataclass(frozen=True)
class Figure:
    """One line of the table: two commands, and how they must compare. `limit` is a ratio, or seconds more.

    `memory`: the bytes that tallyport may take.
    """

    name: str
    what: str
    yardstick: Command
    tallyport: Command
    limit: float
    goal: str
    is_difference: bool = False
    memory: int = MEMORY_LIMIT


@dataclass(frozen=True)
class Result:
    """A figure that was tried."""

    figure: Figure
    yardstick: Series
    tallyport: Series

    @property
    def value(self) -> float:
        """Median over the rounds: the ratio of times, or the seconds more."""
        if self.figure.is_difference:
            pairs = zip(self.tallyport.walls, self.yardstick.walls, strict=True)
            return statistics.median(ours - theirs for ours, theirs in pairs)
        return statistics.median(ratios(self.tallyport, self.yardstick))

    @property
    def reached(self) -> bool:
        """Whether time and memory are within their goals."""
        return self.value <= self.figure.limit and self.tallyport.peak[0] <= self.figure.memory

    @property
    def words(self) -> str:
        """The figure as people say it."""
        return f"{self.value:+.2f} s" if self.figure.is_difference else claims.in_words(self.value)

    def document(self) -> dict[str, Any]:
        """Describe the result for JSON."""
        return {
            "figure": self.figure.name,
            "what": self.figure.what,
            "goal": self.figure.goal,
            "value": self.value,
            "limit": None if math.isinf(self.figure.limit) else self.figure.limit,
            "peakBytes": self.tallyport.peak[0],
            "reached": self.reached,
        }


def _expects(exit_code: int) -> Callable[[Outcome], None]:
    def check(outcome: Outcome) -> None:
        if outcome.exit_code != exit_code:
            raise FailedError(f"exit code {outcome.exit_code} instead of {exit_code}")

    return check


def _validate(settings: claims.Settings, name: str, *arguments: object, exit_code: int = 0) -> Command:
    words = [*claims.tallyport_command(settings), "validate", "-q", *map(str, arguments)]
    return Command(name, words, env=claims.environment(), check=_expects(exit_code))


def _python(name: str, code: str, *arguments: object) -> Command:
    return Command(name, [sys.executable, "-c", code, *map(str, arguments)], env=claims.environment())


def figures(settings: claims.Settings, only: Sequence[str] = ()) -> list[Figure]:
    """Make the inputs and lay out all figures, or some by name."""
    rows = adv2_inputs.ROWS // (10 if settings.quick else 1)
    large_rows = int(LARGE_BYTES / 16.8) // (10 if settings.quick else 1)
    files = {kind: adv2_inputs.make(kind, rows, settings.work) for kind in adv2_inputs.KINDS}
    small = adv2_inputs.make("integers", 100, settings.work)
    needs_large = not only or not set(only) <= set(SMALLER)
    large = adv2_inputs.make("integers", large_rows if needs_large else 100, settings.work)
    export = adv2_inputs.make_metadata(settings.work)
    snapshot = settings.work / "adv2.snapshot"
    subprocess.run(
        [*claims.tallyport_command(settings), "snapshot", str(export), "-o", str(snapshot), "--overwrite", "-q"],
        env=claims.environment(),
        check=True,
    )

    def against_orjson(kind: str, limit: float, goal: str) -> Figure:
        yardstick = _python("orjson.loads", claims.ORJSON, files[kind])
        ours = _validate(settings, "tallyport validate", files[kind])
        size = claims.megabytes(files[kind].stat().st_size)
        return Figure(kind, f"{kind}, {size} MB, {rows:,} rows", yardstick, ours, limit, goal)

    good = files["integers"]
    plain = _validate(settings, "without", good)
    with_metadata = _validate(settings, "with metadata", good, "--metadata", snapshot)
    program = Command("--help", [*claims.tallyport_command(settings), "--help"], env=claims.environment())
    header_only = _validate(settings, "--header-only", large, "--header-only")
    laid_out = [
        against_orjson("integers", 1 / 2.5, "at least 2.5 times faster"),
        against_orjson("decimals", 1 / 2, "at least 2 times faster"),
        against_orjson("texts", 1, "not slower"),
        Figure(
            "bad",
            "every row bad, against the good file",
            plain,
            _validate(settings, "every row bad", files["bad"], exit_code=1),
            2,
            "at most 2 times its time",
        ),
        Figure("metadata", "with a snapshot, against without", plain, with_metadata, 1.3, "at most 1.3 times its time"),
        Figure(
            "header-only",
            f"--header-only, {claims.megabytes(large.stat().st_size)} MB, against --help",
            program,
            header_only,
            0.3,
            "at most 0.3 s more",
            is_difference=True,
        ),
        Figure(
            "small",
            "100 rows, against import polars",
            _python("import polars", claims.IMPORT_POLARS),
            _validate(settings, "tallyport validate", small),
            1,
            "at most its time",
        ),
        Figure(
            "large",
            f"{claims.megabytes(large.stat().st_size)} MB, for its memory",
            _validate(settings, "tallyport validate", good),
            _validate(settings, "tallyport validate", large),
            float("inf"),
            "at most 150 MB",
        ),
    ]
    return [figure for figure in laid_out if not only or figure.name in only]


def attempt(settings: claims.Settings, only: Sequence[str] = ()) -> list[Result]:
    """Try all figures, or some by name."""
    return try_all(figures(settings, only), settings)


def try_all(figures: Sequence[Figure], settings: claims.Settings) -> list[Result]:
    """Try figures one after the other; those without a limit, which are for their memory, in one round."""
    results = []
    for figure in figures:
        print(f"{figure.name}: {figure.what}", file=sys.stderr)
        rounds = 1 if math.isinf(figure.limit) else settings.rounds
        both = measure([figure.yardstick, figure.tallyport], rounds=rounds, sampled_rounds=settings.sampled_rounds)
        results.append(Result(figure, *both))
    return results


def report(result: Result) -> str:
    """Draw one figure for the terminal."""
    peak, most = (size / 1e6 for size in (result.tallyport.peak[0], result.figure.memory))
    return "\n".join(
        [
            result.figure.what,
            "",
            table([result.yardstick, result.tallyport]),
            "",
            f"{result.words}; peak {peak:,.0f} MB",
            f"goal: {result.figure.goal}; at most {most:,.0f} MB: {claims.yes_or_no(result.reached)}",
            "",
        ]
    )


def markdown(results: Sequence[Result]) -> str:
    """Draw all figures as a Markdown table."""
    lines = [
        "| ADV2 file | yardstick, same run | tallyport | | peak memory | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        walls = [spread(series.walls)["median"] for series in (one.yardstick, one.tallyport)]
        lines.append(
            f"| {one.figure.what} | `{one.figure.yardstick.name}` {walls[0]:.2f} s | {walls[1]:.2f} s | {one.words} "
            f"| {one.tallyport.peak[0] / 1e6:,.0f} MB | {one.figure.goal} | {claims.yes_or_no(one.reached)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(claims.main_of_figures(__doc__ or "", attempt, report, markdown))
