"""Tables: how fast a legacy file becomes one, and that memory does not grow with the rows.

DXF2 JSON of 1.9 million values (581 MB) into Parquet: faster than `orjson.loads` of the file. ADV2 of 5 and 20 million
rows into every kind of table, beside 1 million: at most 400 MB, 600 MB for a DuckDB database. A workbook has 1 million
rows at most, so it is tried with that. Exit 0: all goals reached; 1: one was missed.
"""

import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import adv2_inputs, claims, inputs, validate
from benchmarks.measure import Command, FailedError, Outcome

MEMORY_LIMIT = 400_000_000
DUCKDB_LIMIT = 600_000_000
"""DuckDB may hold 256 MB of its own, and needs some beside it."""

MILLION = 1_000_000


def _table(settings: claims.Settings, name: str, source: Path, output: str, *arguments: str) -> Command:
    """Return the command that writes a table where none is."""
    path = settings.work / "tables" / output

    def prepare() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def check(outcome: Outcome) -> None:
        if outcome.exit_code:
            raise FailedError(f"exit code {outcome.exit_code}: {outcome.stderr}")

    words = [*claims.tallyport_command(settings), "table", str(source), "-o", str(path), "-q", *arguments]
    return Command(name, words, env=claims.environment(), prepare=prepare, check=check)


def figures(settings: claims.Settings, only: Sequence[str] = ()) -> list[validate.Figure]:
    """Make the inputs and lay out all figures, or some by name."""
    scale = 10 if settings.quick else 1
    chosen = []

    def wanted(name: str) -> bool:
        return not only or name in only

    if wanted("json"):
        values = claims.TEN_COPIES // scale
        source = inputs.make_apart("dxf-json", values, settings.work)
        loads = Command("orjson.loads", [sys.executable, "-c", claims.ORJSON, str(source)], env=claims.environment())
        what = f"DXF2 JSON, {claims.megabytes(source.stat().st_size)} MB, into Parquet"
        ours = _table(settings, "tallyport table", source, "json.parquet")
        chosen.append(validate.Figure("json", what, loads, ours, 1, "faster than orjson.loads", memory=MEMORY_LIMIT))
    small = adv2_inputs.make("decimals", MILLION // scale, settings.work)
    for millions in (5, 20):
        source = adv2_inputs.make("decimals", millions * MILLION // scale, settings.work)
        for kind, arguments in {
            "parquet": [],
            "arrow": [],
            "csv": [],
            "duckdb": [],
            "wide": ["--wide", "period"],
            "partition": ["--partition", "year"],
        }.items():
            if not wanted(name := f"{kind}-{millions}"):
                continue
            suffix = {"wide": ".csv", "partition": ""}.get(kind, f".{kind}")
            one = _table(settings, "1 million rows", small, f"small{suffix}", *arguments)
            many = _table(settings, f"{millions} million rows", source, f"large{suffix}", *arguments)
            limit = DUCKDB_LIMIT if kind in ("duckdb", "wide") else MEMORY_LIMIT
            what = f"{millions} million rows, {kind}, beside 1 million"
            chosen.append(validate.Figure(name, what, one, many, math.inf, "memory does not grow", memory=limit))
    if wanted("xlsx"):
        tenth = adv2_inputs.make("decimals", MILLION // 10 // scale, settings.work)
        one, many = (_table(settings, path.name, path, f"{path.name}.xlsx") for path in (tenth, small))
        what = "1 million rows, xlsx, beside a tenth"
        chosen.append(validate.Figure("xlsx", what, one, many, math.inf, "memory does not grow", memory=MEMORY_LIMIT))
    return chosen


def attempt(settings: claims.Settings, only: Sequence[str] = ()) -> list[validate.Result]:
    """Try all figures, or some by name."""
    return validate.try_all(figures(settings, only), settings)


if __name__ == "__main__":
    raise SystemExit(claims.main_of_figures(__doc__ or "", attempt, validate.report, validate.markdown))
