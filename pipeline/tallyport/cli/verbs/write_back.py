"""`tallyport write-back`: ADV2 files as legacy files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from tallyport.cli.options import (
    COMPRESSIONS,
    WRITTEN_FORMATS,
    Command,
    flag,
    id_scheme_option,
    option,
    read_once,
    refuse,
    usage,
)
from tallyport.cli.progress import Ticker
from tallyport.cli.screen import SHOWN, finding_text
from tallyport.cli.talk import Talk, talk_options
from tallyport_schemas.finding import Finding
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.legacy.write import WriteBackReport


@click.command("write-back", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@option("--to", required=True, choices=WRITTEN_FORMATS, help="The legacy format to write.")
@option("-o", "--output", required=True, metavar="DIR|-", help="Folder for the result; - for standard output.")
@option("--data-set", metavar="ID", help="Data set of groups that do not name one.")
@option("--metadata", metavar="SNAPSHOT", help="Write category options as option combos, by this metadata.")
@id_scheme_option("With --metadata, the identifier scheme to write:")
@option("--compress", choices=COMPRESSIONS, default="none", help="Compress the files.")
@flag("--overwrite", help="Replace existing files.")
@talk_options()
def command(
    talk: Talk,
    sources: tuple[str, ...],
    to: str,
    output: str,
    **how: Any,
) -> int:
    """Write ADV2 files back as legacy files, without a database.

    \b
    Examples:
      tallyport write-back out --to dxf-csv -o legacy
      tallyport write-back out --to adx -o legacy --data-set BfMAe6Itzgt
      tallyport write-back out --to dxf-xml -o legacy --metadata country.snapshot
      tallyport write-back january.adv2.json --to dxf-json -o - | less

    SOURCE is an ADV2 file, a folder of them, or - for standard input. All become one file, or one for each data set
    where a file of the format has just one.
    """
    is_stream = output == "-"
    refuse(
        (is_stream and talk.as_json, "--json has no effect with --output -: standard output holds the values"),
        (is_stream and how["overwrite"], "--overwrite has no effect with --output -"),
        (to == "dxf-csv" and how["data_set"], "--data-set has no effect with --to dxf-csv, which has no place for it"),
        (
            how["id_schemes"] and how["metadata"] is None,
            "--id-scheme has no effect without --metadata, where identifiers are found",
        ),
    )
    read_once(sources)
    from tallyport.legacy.write import WriteBackReport, write_back

    report = WriteBackReport()
    talk.hold(report)
    with talk.ticker() as ticker, usage():
        write_back(sources, target_of(output), to, watch=Watching(talk, ticker), report=report, **how)
    print_written(talk, report, is_stream=is_stream)
    return report.exit_code


class Watching:
    """Shows progress, and the first findings as they come."""

    def __init__(self, talk: Talk, ticker: Ticker) -> None:
        self._talk, self._ticker = talk, ticker
        self._found = 0

    def __call__(self, event: Progress | Finding) -> None:
        """Show one."""
        if isinstance(event, Progress):
            self._ticker.show(event)
            return
        self._found += 1
        if not self._talk.as_json and self._found <= SHOWN:
            self._ticker.clear()
            click.echo(finding_text(event), err=True)


def print_written(talk: Talk, report: WriteBackReport, *, is_stream: bool, earlier: int = 0) -> None:
    """Print what was written; `earlier`: findings that were shown and are not of the report."""
    if talk.as_json:
        talk.print_held()
        return
    if (count := len(report.findings) + earlier) > SHOWN:
        click.echo(f"first {SHOWN} of {count:,} findings", err=True)
    if talk.quiet:
        return
    parts = [f"{report.written:,} written"]
    parts += [f"{report.ignored:,} ignored"] if report.ignored else []
    parts += [f"{report.left_out:,} skipped"] if report.left_out else []
    click.echo(f"{report.read:,} read = {' + '.join(parts)}", err=is_stream)
    for file in report.files:
        line = f"  {file.rows:,} in {file.path or 'standard output'}, {file.size_bytes:,} bytes"
        click.echo(line, err=is_stream)


def target_of(output: str) -> Path | BinaryIO:
    """Return where legacy files go."""
    return sys.stdout.buffer if output == "-" else Path(output)
