"""What the scripts of this folder share: a claim is an input, a yardstick and a goal, and is tried by running both.

Every conversion that is measured is also checked: exit code, the sum of values in its manifest against the number
that the input holds, the files against the manifest, and the same manifest in every round.
"""

import argparse
import hashlib
import json
import math
import os
import shlex
import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks import inputs
from benchmarks.measure import Command, FailedError, Outcome, Series, document, measure, ratios, spread, table

MEMORY_LIMIT = 400_000_000
TEN_COPIES = 10 * inputs.SOURCE_VALUES
SOURCE_ROOTS = ("converters", "pipeline", "schemas")

# Yardsticks are programs of their own, run by this interpreter; the input is their one argument.
# This one leaves without freeing what it loaded, which would take another tenth of the time.
ORJSON = """
import gc, os, sys, orjson
gc.disable()
with open(sys.argv[1], "rb") as stream:
    data = orjson.loads(stream.read())
os._exit(0)
"""
# The value column as text: with nothing but defaults polars takes it for integers from the first rows, and stops at
# the first 9.5.
POLARS_CSV = """
import sys, polars
frame = polars.read_csv(sys.argv[1], schema_overrides={"value": polars.String})
"""
LXML_COUNT = """
import sys
from lxml import etree
class Counter:
    def __init__(self):
        self.elements = 0
    def start(self, tag, attributes):
        self.elements += 1
    def close(self):
        return self.elements
parser = etree.XMLParser(target=Counter())
with open(sys.argv[1], "rb") as stream:
    while block := stream.read(1 << 20):
        parser.feed(block)
elements = parser.close()
"""
IMPORT_POLARS = "import polars"


@dataclass(frozen=True)
class Claim:
    """A figure of the README: the conversion of `values` values takes at most `at_most` times the yardstick's time."""

    name: str
    what: str
    format: str
    values: int
    yardstick_name: str
    yardstick: str
    at_most: float
    goal: str


@dataclass(frozen=True)
class Settings:
    """How to try claims, from the command line."""

    work: Path
    rounds: int
    sampled_rounds: int
    quick: bool
    tallyport: Sequence[str] | None

    def values(self, claim: Claim) -> int:
        """Say how many values the claim's input gets: a tenth of the large ones if it has to be quick."""
        return claim.values // 10 if self.quick and claim.values == TEN_COPIES else claim.values


@dataclass(frozen=True)
class Result:
    """A claim that was tried."""

    claim: Claim
    values: int
    input_bytes: int
    yardstick: Series
    tallyport: Series

    @property
    def ratio(self) -> float:
        """Time of tallyport in units of the yardstick's: the median over the rounds."""
        return statistics.median(ratios(self.tallyport, self.yardstick))

    @property
    def fast_enough(self) -> bool:
        """Whether the goal for the time is reached."""
        return self.ratio <= self.claim.at_most

    @property
    def small_enough(self) -> bool:
        """Whether the goal for the memory is reached."""
        return self.tallyport.peak[0] <= MEMORY_LIMIT

    @property
    def reached(self) -> bool:
        """Whether both goals are reached."""
        return self.fast_enough and self.small_enough

    def document(self) -> dict[str, Any]:
        """Describe the result for JSON."""
        return {
            "claim": self.claim.name,
            "what": self.claim.what,
            "values": self.values,
            "inputBytes": self.input_bytes,
            "goal": self.claim.goal,
            "ratio": self.ratio,
            "ratioAtMost": self.claim.at_most,
            "fastEnough": self.fast_enough,
            "peakAtMost": MEMORY_LIMIT,
            "smallEnough": self.small_enough,
            **document([self.yardstick, self.tallyport]),
        }


def in_words(ratio: float) -> str:
    """Say a ratio of times the way the goals are said: `2.1 times faster`, or `1.3 times its time` if slower."""
    return f"{1 / ratio:.2f} times faster" if ratio < 1 else f"{ratio:.2f} times its time"


def yes_or_no(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def environment() -> dict[str, str]:
    """Give the environment of the measured processes: this one's without options for tallyport, for the defaults.

    Both sides may keep their compiled modules: without, start-up would be the compiler's time.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYPORT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    if not _console_script():
        roots = os.pathsep.join(str(inputs.ROOT / root) for root in SOURCE_ROOTS)
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, (roots, kept.get("PYTHONPATH", ""))))
    return kept


def _console_script() -> str | None:
    return shutil.which("tallyport", path=str(Path(sys.executable).parent))


def tallyport_command(settings: Settings) -> list[str]:
    """Give the command to measure: as asked, else the one installed beside this interpreter, else the checkout."""
    if settings.tallyport:
        return list(settings.tallyport)
    script = _console_script()
    return [script] if script else [sys.executable, "-m", "tallyport.cli.main"]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checker(output: Path, values: int) -> Callable[[Outcome], None]:
    first: list[bytes] = []

    def check(outcome: Outcome) -> None:
        if outcome.exit_code not in (0, 1):
            raise FailedError(f"exit code {outcome.exit_code}")
        found = sorted(output.glob("*/manifest.json"))
        if len(found) != 1:
            raise FailedError(f"{len(found)} manifests written instead of one")
        text = found[0].read_bytes()
        manifest = json.loads(text)
        counts = manifest["values"]
        accounted = counts["written"] + counts["superseded"] + counts["rejected"]
        if not counts["read"] == accounted == counts["written"] == values:
            raise FailedError(f"the input holds {values:,} values, all of which can be written; the manifest: {counts}")
        if sum(group["rows"] for group in manifest["groups"]) != values:
            raise FailedError("the rows of the groups do not sum up to the values written")
        if first:
            if text != first[0]:
                raise FailedError("another manifest than in the round before")
            return
        first.append(text)
        _check_files(found[0].parent, manifest["groups"])

    return check


def _check_files(folder: Path, groups: Sequence[Mapping[str, Any]]) -> None:
    # With one file per group, the manifest's size and digest are the file's.
    for group in groups:
        path = folder / group["file"]
        if not path.is_file():
            raise FailedError(f"{group['file']} is in the manifest but was not written")
        if path.stat().st_size != group["bytes"] or _sha256(path) != group["sha256"]:
            raise FailedError(f"{group['file']} is not as the manifest says")


def convert(settings: Settings, source: Path, values: int) -> Command:
    """Give the measured conversion: default options, into a folder that is empty before each round."""
    output = settings.work / "out" / source.name.partition(".")[0]
    return Command(
        "tallyport convert",
        [*tallyport_command(settings), "convert", str(source), "-o", str(output), "--overwrite"],
        env=environment(),
        prepare=lambda: shutil.rmtree(output, ignore_errors=True),
        check=_checker(output, values),
    )


def attempt(claim: Claim, settings: Settings) -> Result:
    """Try one claim: make the input, let yardstick and tallyport take turns."""
    values = settings.values(claim)
    source = inputs.make_apart(claim.format, values, settings.work)
    print(f"{claim.name}: {claim.what}, {source.stat().st_size / 1e6:,.1f} MB", file=sys.stderr)
    yardstick = Command(claim.yardstick_name, [sys.executable, "-c", claim.yardstick, str(source)], env=environment())
    series = measure(
        [yardstick, convert(settings, source, values)],
        rounds=settings.rounds,
        sampled_rounds=settings.sampled_rounds,
    )
    return Result(claim, values, source.stat().st_size, *series)


def report(result: Result) -> str:
    """Draw one claim's figures for the terminal."""
    peak, how = result.tallyport.peak
    bound = result.tallyport.bound / 1e6
    limits = spread(ratios(result.tallyport, result.yardstick))
    return "\n".join(
        [
            f"{result.claim.what}: {result.values:,} values, {result.input_bytes / 1e6:,.1f} MB",
            "",
            table([result.yardstick, result.tallyport]),
            "",
            f"time:   {in_words(result.ratio)} (median of the rounds' ratios {limits['median']:.3f}, "
            f"{limits['min']:.3f}-{limits['max']:.3f})",
            f"        goal: {result.claim.goal}: {yes_or_no(result.fast_enough)}",
            f"memory: {peak / 1e6:,.0f} MB at the peak, all processes together (by {how})"
            + (f"; upper bound {bound:,.0f} MB" if how == "tree" else ""),
            f"        goal: at most {MEMORY_LIMIT / 1e6:,.0f} MB: {yes_or_no(result.small_enough)}",
        ]
    )


def parser(description: str) -> argparse.ArgumentParser:
    """Give the options that all scripts share."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", "--rounds", type=int, default=5, help="timed rounds (default 5)")
    options.add_argument(
        "--sampled-rounds", type=int, default=1, help="rounds before them that watch the memory (default 1)"
    )
    options.add_argument("--quick", action="store_true", help="a tenth of the large inputs, to try the scripts")
    options.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options.add_argument(
        "--work", type=Path, default=inputs.DEFAULT_WORK, help="folder of inputs and outputs (default build/benchmarks)"
    )
    options.add_argument("--tallyport", metavar="COMMAND", help="the command to measure instead of this checkout's")
    return options


def settings_of(options: argparse.Namespace, usage: argparse.ArgumentParser) -> Settings:
    """Read the shared options."""
    if options.rounds < 1 or options.sampled_rounds < 1:
        usage.error("at least one round of each kind")
    command = shlex.split(options.tallyport) if options.tallyport else None
    return Settings(options.work.resolve(), options.rounds, options.sampled_rounds, options.quick, command)


def guarded(work: Callable[[], int]) -> int:
    """Run a script's work; say what failed in a line instead of a traceback."""
    try:
        return work()
    except inputs.MissingInputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (FailedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def main(claim: Claim, description: str | None) -> int:
    """Be the script of one claim. Exit 0: goals reached; 1: missed; 2: no input; 3: a command failed."""
    usage = parser(description or claim.what)
    options = usage.parse_args()
    settings = settings_of(options, usage)

    def work() -> int:
        result = attempt(claim, settings)
        print(json.dumps(result.document(), indent=1) if options.json else report(result))
        return 0 if result.reached else 1

    return guarded(work)


class Tried(Protocol):
    """A figure that was tried."""

    @property
    def reached(self) -> bool:
        """Whether its goals are reached."""

    def document(self) -> dict[str, Any]:
        """Describe it for JSON."""


AnyTried = TypeVar("AnyTried", bound=Tried)


def main_of_figures(
    description: str,
    attempt: Callable[[Settings, Sequence[str]], Sequence[AnyTried]],
    report: Callable[[AnyTried], str],
    markdown: Callable[[Sequence[AnyTried]], str],
) -> int:
    """Be the script of several figures, with their exit code."""
    usage = parser(description)
    usage.add_argument("--only", action="append", default=[], metavar="NAME", help="try this figure alone; repeatable")
    usage.add_argument("--markdown", action="store_true", help="print a table for the README")
    options = usage.parse_args()
    settings = settings_of(options, usage)

    def work() -> int:
        results = attempt(settings, options.only)
        if options.json:
            print(json.dumps([one.document() for one in results], indent=1))
        else:
            print(markdown(results) if options.markdown else "\n".join(map(report, results)))
        return 0 if all(one.reached for one in results) else 1

    return guarded(work)


def megabytes(size: float) -> str:
    """Round to a readable number of MB: three significant digits."""
    value = size / 1e6
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 2)}f}"
