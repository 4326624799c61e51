"""Peak memory, all processes together: at most 400 MB for every benchmark input, and for 3 GB of JSON and of CSV.

No yardstick. Each input is converted with the default options while the memory of the process tree is watched.
Seconds are shown for orientation: watching costs some. The large inputs take 6 GB of disk, and their output 0.7 GB.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims, inputs
from benchmarks.measure import Series, machine, measure, spread

LARGE_FORMATS = ("dxf-json", "dxf-csv")
COMMON = [
    *((name, claims.TEN_COPIES) for name in inputs.FORMATS),
    ("dxf-json", inputs.SOURCE_VALUES),
    ("dxf-json", 100),
]


@dataclass(frozen=True)
class Peak:
    """What converting one input took."""

    format: str
    values: int
    input_bytes: int
    series: Series

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.series.peak[0] <= claims.MEMORY_LIMIT

    def document(self) -> dict[str, Any]:
        """Describe the peak for JSON."""
        return {
            "format": self.format,
            "values": self.values,
            "inputBytes": self.input_bytes,
            "smallEnough": self.reached,
            **self.series.document(),
        }


def large(gigabytes: float, *, quick: bool) -> list[tuple[str, int]]:
    """List the large inputs: format and number of values."""
    size = gigabytes * 1e9 / (10 if quick else 1)
    return [(name, inputs.values_for(name, size)) for name in LARGE_FORMATS]


def attempt(wanted: Sequence[tuple[str, int]], settings: claims.Settings) -> list[Peak]:
    """Convert each input `sampled_rounds` times, watched."""
    peaks = []
    for name, values in wanted:
        source = inputs.make_apart(name, values, settings.work)
        size = source.stat().st_size
        print(f"convert_memory: {name}, {size / 1e6:,.1f} MB", file=sys.stderr)
        command = claims.convert(settings, source, values)
        [series] = measure([command], rounds=0, sampled_rounds=settings.sampled_rounds)
        command.prepare()
        peaks.append(Peak(name, values, size, series))
    return peaks


def report(peaks: Sequence[Peak]) -> str:
    """Draw the figures for the terminal."""
    lines = [f"{'input':10} {'MB':>9} {'values':>12} {'seconds':>8} {'peak MB':>8} {'by':>8}"]
    for one in peaks:
        peak, how = one.series.peak
        lines.append(
            f"{one.format:10} {claims.megabytes(one.input_bytes):>9} {one.values:12,} "
            f"{spread(one.series.walls)['median']:8.2f} {peak / 1e6:8,.0f} {how:>8}"
        )
    highest = max(one.series.peak[0] for one in peaks)
    reached = claims.yes_or_no(all(one.reached for one in peaks))
    lines += ["", f"highest: {highest / 1e6:,.0f} MB; goal: at most {claims.MEMORY_LIMIT / 1e6:,.0f} MB: {reached}"]
    return "\n".join(lines)


def main() -> int:
    usage = claims.parser(__doc__ or "")
    usage.set_defaults(rounds=1)
    usage.add_argument("--gigabytes", type=float, default=3.0, help="size of the large inputs (default 3)")
    usage.add_argument("--large-only", action="store_true", help="leave out the inputs of the other scripts")
    options = usage.parse_args()
    settings = claims.settings_of(options, usage)

    def work() -> int:
        common = [] if options.large_only else COMMON
        if settings.quick:
            common = [(name, min(values, inputs.SOURCE_VALUES)) for name, values in common]
        wanted = dict.fromkeys([*common, *large(options.gigabytes, quick=settings.quick)])
        peaks = attempt(list(wanted), settings)
        if options.json:
            described = [one.document() for one in peaks]
            print(json.dumps({"machine": machine(), "peakAtMost": claims.MEMORY_LIMIT, "inputs": described}, indent=1))
        else:
            print(report(peaks))
        return 0 if all(one.reached for one in peaks) else 1

    return claims.guarded(work)


if __name__ == "__main__":
    raise SystemExit(main())
