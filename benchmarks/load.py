"""A real DHIS2 2.43 database, import and export: how fast against DHIS2's own way and COPY, and how much memory.

Each figure runs its yardstick and tallyport in turns, as whole processes on the same server; the table is put
into the same state before each. Both write the same rows, which is checked. `--only NAME` tries one.
Exit 0: all goals reached; 1: one was missed.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims, inputs
from benchmarks.database import (
    JOINED,
    LOG,
    NO_LOG,
    Database,
    converted,
    one_element,
    repeated,
    restored,
    small_groups,
    upserts,
)
from benchmarks.measure import Command, FailedError, Outcome, Series, measure, ratios, spread, table

MEMORY_LIMIT = 250_000_000
VALUES = 1_000_000
MONTHS = 300
UPSERT = "upsert of 500 rows"


@dataclass(frozen=True)
class Figure:
    """One line of the table: two commands, and how many times the yardstick's time tallyport may take; None for any.

    `seconds`: how long it may take.
    """

    name: str
    what: str
    yardstick: Command | None
    tallyport: Command
    limit: float | None
    goal: str
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """A figure that was tried."""

    figure: Figure
    yardstick: Series | None
    tallyport: Series

    @property
    def value(self) -> float | None:
        """The median over the rounds of the ratios of times; None without a yardstick."""
        return spread(ratios(self.tallyport, self.yardstick))["median"] if self.yardstick else None

    @property
    def reached(self) -> bool:
        """Whether time and memory are within their goals."""
        slow = self.value is not None and self.figure.limit is not None and self.value > self.figure.limit
        seconds = self.figure.seconds
        late = seconds is not None and spread(self.tallyport.walls)["median"] > seconds
        return not slow and not late and self.tallyport.peak[0] <= MEMORY_LIMIT

    @property
    def words(self) -> str:
        """The figure as people say it."""
        return "-" if self.value is None else claims.in_words(self.value)

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


class _Figures:
    """Makes the inputs on a database and lays out all figures."""

    def __init__(self, settings: claims.Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.values = VALUES // (10 if settings.quick else 1)
        self.first = converted(settings, repeated(settings, self.values))
        self.other = converted(settings, repeated(settings, self.values, others=True))
        self.rows = {name: self._rows(name, folder) for name, folder in (("first", self.first), ("other", self.other))}

    def _rows(self, name: str, folder: Path) -> Path:
        """Import a folder; returns the COPY lines of what is stored then."""
        path = self.database.work / "load" / f"{name}-{self.values}.copy"
        if not path.exists():
            self.database.empty()
            claims_run = self._import("import", folder, lambda: None)
            measure([claims_run], rounds=0)
            self.database.dump(path)
        upserts(path)
        return path

    def _import(self, name: str, source: Path, prepare: Callable[[], None], *options: str, stored: int = -1) -> Command:
        def check(outcome: Outcome) -> None:
            if outcome.exit_code not in (0, 1):  # 1: the few values that DHIS2 itself would refuse
                raise FailedError(f"exit code {outcome.exit_code}")
            if stored >= 0 and self.database.stored() != stored:
                raise FailedError(f"{self.database.stored():,} values are stored instead of {stored:,}")

        words = [*claims.tallyport_command(self.settings), "import", str(source), "--database", self.database.url, "-q"]
        return Command(name, [*words, *options], env=claims.environment(), prepare=prepare, check=check)

    def _psql(self, name: str, prepare: Callable[[], None], *options: str) -> Command:
        return Command(name, [*self.database.psql, *options], prepare=prepare)

    def _upsert(self, of: str, prepare: Callable[[], None]) -> Command:
        return self._psql(UPSERT, prepare, "--file", str(self.rows[of].with_suffix(".upsert.sql")))

    def all(self) -> list[Figure]:
        database, first, other = self.database, self.first, self.other
        stored = sum(1 for _ in self.rows["first"].open("rb"))

        def filled() -> None:
            database.fill(self.rows["first"])

        def logging() -> None:
            database.empty()
            database.run(NO_LOG, LOG)

        def put_in(prepare: Callable[[], None], source: Path = first) -> Command:
            return self._import("tallyport import", source, prepare, stored=stored)

        return [
            Figure(
                "insert",
                f"insert of {stored:,} values",
                self._upsert("first", database.empty),
                put_in(database.empty),
                1 / 3,
                "at least 3 times faster",
            ),
            Figure(
                "copy",
                "the same",
                self._psql("COPY into the table", database.empty, "--command", database.copying(self.rows["first"])),
                put_in(database.empty),
                1.6,
                "at most 1.6 times its time",
            ),
            Figure(
                "update",
                "update of all",
                self._upsert("other", filled),
                put_in(filled, other),
                1 / 2,
                "at least 2 times faster",
            ),
            Figure(
                "again",
                "the same again, nothing changes",
                self._upsert("first", filled),
                put_in(filled),
                1 / 4,
                "at least 4 times faster",
            ),
            self._export(filled, stored),
            self._source(),
            Figure("memory", "one data element, batched", None, self._large(), None, "at most 250 MB"),
            Figure(
                "log",
                "insert, change log on",
                self._upsert("first", logging),
                put_in(logging),
                None,
                "reported",
            ),
            self._small("tiny-groups", 20_000, 10, 60),
            self._small("small-groups", 5_000, 200, 20),
        ]

    def _small(self, name: str, count: int, rows: int, seconds: float) -> Figure:
        """Many groups of a few rows, against DHIS2's way for the same rows."""
        database = self.database
        count //= 10 if self.settings.quick else 1
        seconds /= 10 if self.settings.quick else 1
        source = small_groups(database, count, rows)
        lines = source.with_suffix(".copy")
        if not lines.exists():
            database.empty()
            measure([self._import("import", source, lambda: None)], rounds=0)
            database.dump(lines)
        yardstick = self._psql(UPSERT, database.empty, "--file", str(upserts(lines)))
        ours = self._import("tallyport import", source, database.empty, stored=count * rows)
        what = f"{count:,} groups of {rows} rows"
        return Figure(name, what, yardstick, ours, None, f"at most {seconds:.0f} s", seconds)

    def _export(self, filled: Callable[[], None], stored: int) -> Figure:
        """All values as ADV2, against reading them with their identifiers."""
        output = self.settings.work / "load" / "export"

        def prepare() -> None:
            shutil.rmtree(output, ignore_errors=True)
            if self.database.stored() != stored:
                filled()

        def check(outcome: Outcome) -> None:
            if outcome.exit_code:
                raise FailedError(f"exit code {outcome.exit_code}")
            (manifest,) = output.glob("*/manifest.json")
            if json.loads(manifest.read_bytes())["values"]["written"] != stored:
                raise FailedError("not all values were exported")

        words = [*claims.tallyport_command(self.settings), "export", "--database", self.database.url, "-q"]
        words += ["--all", "--options", "coc", "-o", str(output)]
        ours = Command("tallyport export", words, env=claims.environment(), prepare=prepare, check=check)
        yardstick = self._psql("COPY (join) to stdout", prepare, "--command", JOINED)
        return Figure("export", f"export of {stored:,} values", yardstick, ours, 3, "at most 3 times its time")

    def _source(self) -> Figure:
        """One command from the source's legacy file to committed rows."""
        database, source = self.database, inputs.source_file()
        rows = database.work / "load" / "source.copy"
        if not rows.exists():
            database.empty()
            measure([self._import("import", source, lambda: None)], rounds=0)
            database.dump(rows)
        yardstick = self._psql("bare COPY", database.empty, "--command", database.copying(rows))
        stored = sum(1 for _ in rows.open("rb"))
        ours = self._import("tallyport import", source, database.empty, stored=stored)
        what = f"legacy JSON to rows, {stored:,} values"
        return Figure("source", what, yardstick, ours, 2, "at most 2 times its time")

    def _large(self) -> Command:
        months = MONTHS // (10 if self.settings.quick else 1)
        return self._import(
            "tallyport import", one_element(self.database, months), self.database.empty, "--batch", "both", "--dry-run"
        )


def attempt(settings: claims.Settings, only: Sequence[str] = ()) -> list[Result]:
    """Try all figures, or some by name."""
    results = []
    with restored(settings.work) as database:
        for figure in _Figures(settings, database).all():
            if only and figure.name not in only:
                continue
            print(f"load: {figure.what}", file=sys.stderr)
            commands = [figure.yardstick, figure.tallyport] if figure.yardstick else [figure.tallyport]
            rounds = settings.rounds if figure.limit is not None else 1
            *first, ours = measure(commands, rounds=rounds, sampled_rounds=settings.sampled_rounds)
            results.append(Result(figure, first[0] if first else None, ours))
            database.run(NO_LOG)
    return results


def report(result: Result) -> str:
    """Draw one figure for the terminal."""
    peak = result.tallyport.peak[0] / 1e6
    return "\n".join(
        [
            result.figure.what,
            "",
            table([series for series in (result.yardstick, result.tallyport) if series]),
            "",
            f"{result.words}; peak {peak:,.0f} MB",
            f"goal: {result.figure.goal}; at most {MEMORY_LIMIT / 1e6:,.0f} MB: {claims.yes_or_no(result.reached)}",
            "",
        ]
    )


def markdown(results: Sequence[Result]) -> str:
    """Draw all figures as a Markdown table."""
    lines = [
        "| into the database | yardstick, same run | tallyport | | peak memory | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        ours = spread(one.tallyport.walls)["median"]
        theirs = f"{one.yardstick.name} {spread(one.yardstick.walls)['median']:.1f} s" if one.yardstick else "-"
        lines.append(
            f"| {one.figure.what} | {theirs} | {ours:.1f} s | {one.words} "
            f"| {one.tallyport.peak[0] / 1e6:,.0f} MB | {one.figure.goal} | {claims.yes_or_no(one.reached)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(claims.main_of_figures(__doc__ or "", attempt, report, markdown))
