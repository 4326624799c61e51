"""All figures in one go, as a Markdown table for the README.

Takes some half an hour and 14 GB of disk in the work folder; `--quick` takes a tenth of the large inputs, `--no-large`
leaves out those of 2 and 3 GB, `--no-database` what needs one.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import (
    claims,
    convert_adx,
    convert_csv,
    convert_json,
    convert_json_58mb,
    convert_memory,
    convert_small,
    convert_xml,
    frames,
    load,
    validate,
)
from benchmarks.measure import Series, machine, spread

CLAIMS = [
    convert_json.CLAIM,
    convert_csv.CLAIM,
    convert_xml.CLAIM,
    convert_adx.CLAIM,
    convert_json_58mb.CLAIM,
    convert_small.CLAIM,
]


def seconds(series: Series) -> str:
    """Say the median and the range."""
    wall = spread(series.walls)
    digits = 1 if wall["median"] >= 10 else 2
    return f"{wall['median']:.{digits}f} s ({wall['min']:.{digits}f}-{wall['max']:.{digits}f})"


def markdown(results: Sequence[claims.Result], peaks: Sequence[convert_memory.Peak], *, quick: bool) -> str:
    """Draw the table."""
    lines = [
        "| input | yardstick, same run | tallyport | ratio | peak memory | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        lines.append(
            f"| {one.claim.what}, {claims.megabytes(one.input_bytes)} MB, {one.values:,} values "
            f"| `{one.claim.yardstick_name}` {seconds(one.yardstick)}, {one.yardstick.peak[0] / 1e6:,.0f} MB "
            f"| {seconds(one.tallyport)} | {claims.in_words(one.ratio)} | {one.tallyport.peak[0] / 1e6:,.0f} MB "
            f"| {one.claim.goal}; at most {claims.MEMORY_LIMIT / 1e6:,.0f} MB | {claims.yes_or_no(one.reached)} |"
        )
    for peak in peaks:
        lines.append(
            f"| {peak.format}, {claims.megabytes(peak.input_bytes)} MB, {peak.values:,} values | - "
            f"| {seconds(peak.series)} | - | {peak.series.peak[0] / 1e6:,.0f} MB "
            f"| at most {claims.MEMORY_LIMIT / 1e6:,.0f} MB | {claims.yes_or_no(peak.reached)} |"
        )
    about = machine()
    lines += ["", f"{about['cpus']} cores, Python {about['python']}, {about['system']}; medians of whole processes."]
    if quick:
        lines.append("Quick run: a tenth of the large inputs, for which the goals were not set.")
    return "\n".join(lines)


def main() -> int:
    usage = claims.parser(__doc__ or "")
    usage.add_argument("--gigabytes", type=float, default=3.0, help="size of the large inputs (default 3)")
    usage.add_argument("--no-database", action="store_true", help="leave out what needs a database")
    usage.add_argument("--no-large", action="store_true", help="leave the large inputs out")
    options = usage.parse_args()
    settings = claims.settings_of(options, usage)

    def work() -> int:
        results = [claims.attempt(claim, settings) for claim in CLAIMS]
        wanted = [] if options.no_large else convert_memory.large(options.gigabytes, quick=settings.quick)
        peaks = convert_memory.attempt(wanted, settings)
        figures = validate.attempt(settings, validate.SMALLER if options.no_large else ())
        tables_read = frames.attempt(settings)
        loads = [] if options.no_database else load.attempt(settings)
        if options.json:
            described = {
                "machine": machine(),
                "claims": [one.document() for one in results],
                "memory": [one.document() for one in peaks],
                "validation": [one.document() for one in figures],
                "frames": [one.document() for one in tables_read],
                "database": [one.document() for one in loads],
            }
            print(json.dumps(described, indent=1))
        else:
            tables = [
                markdown(results, peaks, quick=settings.quick),
                validate.markdown(figures),
                frames.markdown(tables_read),
            ]
            print("\n\n".join([*tables, load.markdown(loads)] if loads else tables))
        tried: list[claims.Tried] = [*results, *peaks, *figures, *tables_read, *loads]
        return 0 if all(one.reached for one in tried) else 1

    return claims.guarded(work)


if __name__ == "__main__":
    raise SystemExit(main())
