"""`tallyport table`: values as a table that other programs read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import Command, conversion_options, flag, option, read_once, refuse, usage
from tallyport.cli.screen import counted, dropped_text, show_source, show_worst, size_text
from tallyport.cli.talk import Talk, talk_options

if TYPE_CHECKING:
    from tallyport.tables.report import TableReport

SPREADS = ("period", "data-element")
"""What can become columns, as tables/wide.py has it: it need not be loaded for `--help`."""

PARTITIONS = ("data-element", "year")
"""What can split a table, as tables/table_kind.py has it."""


@click.command("table", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@option("-o", "--output", required=True, metavar="FILE", help="The table; its suffix says which kind.")
@option("--metadata", metavar="SNAPSHOT", help="Add names, codes, levels and days, by this metadata.")
@option("--wide", choices=SPREADS, help="Give one column to each period, or to each data element.")
@option("--partition", choices=PARTITIONS, help="Make a folder of Parquet files: one for each of these.")
@flag("--overwrite", help="Replace an existing table.")
@conversion_options
@talk_options()
def command(
    talk: Talk,
    sources: tuple[str, ...],
    output: str,
    id_schemes: Mapping[str, str],
    data_set: str | None,
    rejects: Path | None,
    **how: Any,
) -> int:
    """Write values as a table: Parquet, Arrow, CSV, Excel or DuckDB.

    \b
    Examples:
      tallyport table out -o values.parquet
      tallyport table january.json.gz -o january.xlsx --wide data-element
      tallyport table exports/ -o values.duckdb
      tallyport table out -o values --partition year
      tallyport table out -o values.xlsx --metadata country.snapshot

    SOURCE is an ADV2 file, a legacy file (converted on the way), a folder of either, or - for standard input. FILE ends
    in .parquet, .arrow, .csv, .xlsx or .duckdb. A row holds a value, as text and (but for .csv and .xlsx) as number.
    """
    refuse(
        (how["wide"] and how["partition"], "--wide and --partition exclude each other"),
        (output == "-", "--output - is not possible: a table is a file"),
    )
    read_once(sources)
    from tallyport.tables.report import TableReport
    from tallyport.tables.write_table import write_table
    from tallyport_converters.convert import Options

    report = TableReport()
    talk.hold(report)
    conversion = Options(id_schemes=id_schemes, data_set=data_set)
    with talk.ticker() as ticker:
        try:
            with usage():
                write_table(
                    sources, output, conversion=conversion, rejects=rejects, watch=ticker.show, report=report, **how
                )
        finally:
            ticker.clear()
            if not talk.as_json:
                found = [*report.findings, *(found for source in report.sources for found in source.findings)]
                show_worst(found)
    if talk.as_json:
        talk.print_held()
    elif not talk.quiet:
        _summarise(report, output)
        for source in report.sources:
            show_source(source, rejects)
    return report.exit_code


def _summarise(report: TableReport, output: str) -> None:
    """Print what was written."""
    parts = [f"{report.written:,} written"]
    parts += [f"{report.ignored:,} ignored"] if report.ignored else []
    parts += [f"{report.left_out:,} skipped"] if report.left_out else []
    click.echo(f"{output}: {report.read:,} read = {' + '.join(parts)}")
    size = size_text(sum(file.size_bytes for file in report.files))
    files = f" in {counted(len(report.files), 'file')}" if len(report.files) > 1 else ""
    click.echo(f"  {counted(report.table_rows, 'row')} of {counted(len(report.columns), 'column')}{files}, {size}")
    if report.dropped:
        click.echo(f"  dropped (no place in a wide table): {dropped_text(report.dropped)}")
