"""`tallyport convert`: legacy files into ADV2."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import (
    LEGACY_FORMATS,
    Command,
    flag,
    id_scheme_option,
    option,
    read_once,
    refuse,
    together,
    usage,
    writing_options,
)
from tallyport.cli.screen import SHOWN, counted, dropped_text, finding_text, show_findings, size_text, sum_text
from tallyport.cli.talk import Talk, talk_options
from tallyport_schemas.finding import Finding, Severity

if TYPE_CHECKING:
    from tallyport_converters.convert import Outcome


@click.command("convert", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@option("-o", "--output", required=True, metavar="DIR", help="Folder for the results; each source gets a folder in it.")
@flag("--strict", help="Do not write a source with any rejected value.")
@flag("--overwrite", help="Replace existing output folders.")
@flag("--keep-followup-false", help="Write an explicit false follow-up.")
@together(
    option("--from", "source_format", choices=LEGACY_FORMATS, help="The sources' format.  [default: detected]"),
    id_scheme_option("The sources' identifier scheme, in place of what they say:"),
    option("--data-set", metavar="ID", help="Data set of files that do not name one."),
    option(
        "--metadata",
        metavar="SNAPSHOT",
        help="What says the categories of ADX, and which periods dates in tables are.",
    ),
    option("--sheet", metavar="NAME", help="Sheet of a workbook, by name or number.  [default: the one with values]"),
    option("--header/--no-header", "header", default=None, help="If a CSV file has a header row.  [default: detected]"),
    section="Reading",
)
@writing_options
@talk_options(quiet="Print problems only: no progress, no results.", verbose="Print also how the format was detected.")
def command(
    talk: Talk,
    sources: tuple[str, ...],
    output: str,
    metadata: str | None,
    **how: Any,
) -> int:
    """Convert legacy files to ADV2, one folder per source.

    \b
    Examples:
      tallyport convert january.json -o out
      tallyport convert exports/ -o out --compress zst
      tallyport convert january.csv -o out --data-set BfMAe6Itzgt
      gunzip -c export.xml.gz | tallyport convert - -o out

    SOURCE is a DXF2 JSON, CSV, XML or PDF file, an ADX file, a table in Parquet or Arrow, any of them in gzip, zip or
    zstd, an Excel workbook (.xlsx), a folder of such files, or - for standard input.

    Every option can also be set in the environment: TALLYPORT_CONVERT_COMPRESS=zst is --compress zst.
    """
    from tallyport_converters.convert import NameClash, Options, Outcome, Report, conversion

    form = how["source_format"]
    refuse(
        (
            how["header"] is not None and form not in (None, "dxf-csv"),
            f"--header and --no-header have no effect on {form}",
        ),
        (how["sheet"] is not None and form not in (None, "xlsx"), f"--sheet has no effect on {form}"),
        (
            how["keep_followup_false"] and form == "dxf-pdf",
            "--keep-followup-false has no effect on dxf-pdf: its forms have no follow-up",
        ),
    )
    read_once(sources)
    options = Options(**_known(metadata), **how)
    report = Report()
    talk.hold(report)
    with talk.ticker(with_json=True) as ticker, usage(NameClash):
        for event in conversion(sources, Path(output), options):
            if not isinstance(event, Outcome):
                ticker.show(event)
                continue
            ticker.clear()
            report.sources.append(event)
            if not talk.as_json:
                _show(talk, event)
    if talk.as_json:
        talk.print_held()
    return report.exit_code


def _known(metadata: str | None) -> dict[str, Any]:
    """Return the options that say what a conversion is to know of metadata."""
    if metadata is None:
        return {}
    from tallyport.metadata.known_categories import of_snapshot
    from tallyport.metadata.known_period_types import period_types_of
    from tallyport.validation.validate import load_snapshot

    with usage():
        snapshot = load_snapshot(metadata)
    assert snapshot is not None
    return {"categories": of_snapshot(snapshot), "period_types": period_types_of(snapshot)}


def _show(talk: Talk, outcome: Outcome) -> None:
    if outcome.error:
        click.echo(finding_text(outcome.error), err=True)
        return
    assert outcome.manifest is not None
    source = outcome.manifest["source"]
    form = source["format"] + (f" ({outcome.evidence})" if talk.verbose and outcome.evidence else "")
    show_written(talk, outcome, f"{outcome.source}: {form}, {size_text(source['bytes'])}")


def show_written(talk: Talk, outcome: Outcome, head: str) -> None:
    """Print what was written and what has no place in ADV2, below a line of what was read."""
    manifest, folder = outcome.manifest, outcome.folder
    assert manifest is not None
    assert folder is not None
    values, groups = manifest["values"], manifest["groups"]
    told = [found for found in outcome.findings if not (talk.quiet and found.severity is Severity.INFO)]
    rejected = _rejected(folder) if values["rejected"] else []
    show_findings([*told, *rejected], len(told) + values["rejected"])
    if talk.quiet:
        return
    elements, files = len({group["de"] for group in groups}), {group["file"]: group["bytes"] for group in groups}
    size = size_text(sum(files.values()))
    click.echo(f"{head}\n  {sum_text(values)}")
    click.echo(f"  {counted(elements, 'data element')} in {counted(len(files), 'file')}, {size}, in {folder}")
    if completions := manifest.get("completions"):
        click.echo(f"  {counted(completions, 'completion')} in {folder / 'completions.json'}")
    if values["rejected"]:
        click.echo(f"  the rejected values and why are in {folder / 'rejects.ndjson'}")
    if manifest["dropped"]:
        hint = "" if talk.verbose else " (no place in ADV2)"
        click.echo(f"  dropped{hint}: {dropped_text(manifest['dropped'])}")


def _rejected(folder: Path) -> list[Finding]:
    """Return the first rejected values of a written source."""
    with (folder / "rejects.ndjson").open(encoding="utf-8") as lines:
        first = [json.loads(line) for line in islice(lines, SHOWN)]
    for members in first:
        del members["original"]
    return [Finding.of_json(members) for members in first]
