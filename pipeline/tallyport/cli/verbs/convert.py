"""`tallyport convert`: legacy files into ADV2."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from tallyport.cli.screen import SHOWN, Ticker, finding_text, show_findings, size_text
from tallyport_schemas.finding import Finding, Severity, shown

FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


class Size(click.ParamType[int]):
    """A number of bytes: 256MB, 1.5GiB, 1000000."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?)?B?", str(value).strip().upper())
        if not match or not (size := int(float(match[1]) * _UNITS[match[2] or ""])):
            self.fail(f"{value!r} is no size; write it as 256MB or 1GiB", param, ctx)
        return size


class Scheme(click.ParamType[tuple[str, str]]):
    """An identifier scheme, for all kinds or for one: CODE, ou=NAME."""

    name = "[kind=]scheme"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return (kind or "", scheme)."""
        from tallyport_converters.model.file_header import canonical_scheme
        from tallyport_schemas.group_header import KINDS

        if isinstance(value, tuple):
            return value
        kind, _, scheme = str(value).rpartition("=")
        if kind and kind not in KINDS:
            self.fail(f"{kind!r} is none of {', '.join(KINDS)}", param, ctx)
        try:
            return kind, canonical_scheme(scheme)
        except ValueError:
            self.fail(f"{scheme!r} is none of UID, CODE, NAME, ATTRIBUTE:<uid>", param, ctx)


def schemes_by_kind(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the schemes that `--id-scheme` gave; each kind has one."""
    for kind, times in Counter(kind for kind, _ in given).items():
        if times > 1:
            raise click.UsageError(f"--id-scheme is given {times} times {f'for {kind}' if kind else 'in general'}")
    return dict(given)


_WRITING = (
    click.option(
        "--layout",
        type=click.Choice(["split", "single"]),
        default="split",
        show_default=True,
        help="One file a group, or one array of groups a source.",
    ),
    click.option(
        "--compress",
        type=click.Choice(["none", "gz", "zst"]),
        default="none",
        show_default=True,
        help="Compress the ADV2 files.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many read and write side by side.  [default: the cores]",
    ),
    click.option(
        "--memory",
        type=Size(),
        default="256MB",
        show_default=True,
        help="Budget for values held in memory; beyond it they go to disk.",
    ),
)


def writing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that writes ADV2 the options --layout, --compress, --jobs and --memory."""
    for option in reversed(_WRITING):
        command = option(command)
    return command


@click.command("convert")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o", "--output", required=True, metavar="DIR", help="Folder for the results; each source gets a folder in it."
)
@click.option(
    "--from",
    "source_format",
    envvar="TALLYPORT_CONVERT_FROM",
    type=click.Choice(FORMATS),
    help="The sources' format.  [default: told by content]",
)
@click.option(
    "--id-scheme",
    type=Scheme(),
    multiple=True,
    help="Identifier scheme of the sources (UID, CODE, NAME, ATTRIBUTE:<uid>), in general or for one kind of "
    "de ou ds cc c co coc aoc; goes before the file's own. Repeatable.",
)
@click.option("--data-set", metavar="ID", help="Data set of files that name none.")
@click.option(
    "--metadata",
    metavar="SNAPSHOT",
    help="A snapshot, or a DHIS2 export: attributes of ADX that are no category by it are skipped.",
)
@click.option(
    "--header/--no-header",
    "header",
    default=None,
    help="Whether a CSV file starts with a header row.  [default: told by content]",
)
@click.option("--keep-followup-false", is_flag=True, help="Write an explicit false follow-up.")
@writing_options
@click.option("--strict", is_flag=True, help="Do not write a source with any rejected value.")
@click.option("--overwrite", is_flag=True, help="Replace existing output folders.")
@click.option(
    "--json",
    "as_json",
    envvar="TALLYPORT_CONVERT_JSON",
    is_flag=True,
    help="Print one JSON document on stdout, on failure too.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print problems only: no progress, no results.")
@click.option("-v", "--verbose", is_flag=True, help="Print also what told the format.")
def command(
    sources: tuple[str, ...],
    output: str,
    source_format: str | None,
    id_scheme: tuple[tuple[str, str], ...],
    data_set: str | None,
    metadata: str | None,
    header: bool | None,
    keep_followup_false: bool,
    layout: Any,
    compress: Any,
    jobs: int | None,
    memory: int,
    strict: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Rewrite legacy files into ADV2, one folder a source.

    \b
    Examples:
      tallyport convert january.json -o out
      tallyport convert exports/ -o out --compress zst
      tallyport convert january.csv -o out --data-set BfMAe6Itzgt
      gunzip -c export.xml.gz | tallyport convert - -o out

    SOURCE is a DXF2 JSON, CSV, XML or PDF file, an ADX file, any of them in gzip, zip or zstd, a folder of such
    files, or - for standard input.

    Every option can also be set in the environment: TALLYPORT_CONVERT_COMPRESS=zst is --compress zst.
    """
    from tallyport_converters.convert import NameClash, Options, Outcome, conversion

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    if header is not None and source_format not in (None, "dxf-csv"):
        raise click.UsageError(f"--header and --no-header have no effect on {source_format}")
    if keep_followup_false and source_format == "dxf-pdf":
        raise click.UsageError("--keep-followup-false has no effect on dxf-pdf: its forms know no follow-up")
    if verbose and as_json:
        raise click.UsageError("--verbose has no effect on --json, which holds everything")
    id_schemes = schemes_by_kind(id_scheme)
    if list(sources).count("-") > 1:
        raise click.UsageError("standard input can be read only once")
    options = Options(
        source_format=source_format,
        id_schemes=id_schemes,
        data_set=data_set,
        keep_followup_false=keep_followup_false,
        layout=layout,
        compress=compress,
        jobs=jobs or 0,
        memory_bytes=memory,
        strict=strict,
        overwrite=overwrite,
        header=header,
        categories=_categories(metadata),
    )
    ticker = Ticker(quiet=quiet)
    document = click.get_current_context().ensure_object(dict)  # what --json has to show even if the run fails later
    exit_codes: list[int] = []
    try:
        for event in conversion(sources, Path(output), options):
            if not isinstance(event, Outcome):
                ticker.show(event)
                continue
            ticker.clear()
            exit_codes.append(event.exit_code)
            document.setdefault("sources", []).append(_document(event))
            if not as_json:
                _show(event, quiet=quiet, verbose=verbose)
    except NameClash as error:
        raise click.UsageError(str(error)) from error
    finally:
        ticker.clear()
    if as_json:
        click.echo(json.dumps(document))
    return max(exit_codes)


def _categories(metadata: str | None) -> Any:
    """Return what a conversion is to know of categories."""
    if metadata is None:
        return None
    from tallyport.metadata.known_categories import of_snapshot
    from tallyport.validation.validate import load_snapshot

    try:
        snapshot = load_snapshot(metadata)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    assert snapshot is not None
    return of_snapshot(snapshot)


def _document(outcome: Any) -> dict[str, Any]:
    if outcome.error:
        return {"source": {"name": outcome.source}, "error": outcome.error.as_json()}
    return dict(outcome.manifest)


def _show(outcome: Any, *, quiet: bool, verbose: bool) -> None:
    if outcome.error:
        click.echo(finding_text(outcome.error), err=True)
        return
    source = outcome.manifest["source"]
    form = source["format"] + (f" ({outcome.evidence})" if verbose and outcome.evidence else "")
    head = f"{outcome.source}: {form}, {size_text(source['bytes'])}"
    show_written(outcome, head, quiet=quiet, verbose=verbose)


def show_written(outcome: Any, head: str, *, quiet: bool, verbose: bool) -> None:
    """Print what was written and what was left out, below a line of what was read."""
    manifest, folder = outcome.manifest, outcome.folder
    values, groups = manifest["values"], manifest["groups"]
    told = [f for f in outcome.findings if not (quiet and f.severity is Severity.INFO)]
    rejected = _rejected(folder) if values["rejected"] else []
    show_findings([*told, *rejected], len(told) + values["rejected"])
    if quiet:
        return
    click.echo(head)
    click.echo(
        f"  {values['read']:,} read = {values['written']:,} written + {values['superseded']:,} superseded "
        f"+ {values['rejected']:,} rejected"
    )
    elements, files = len({group["de"] for group in groups}), {group["file"]: group["bytes"] for group in groups}
    click.echo(
        f"  {elements:,} data {'element' if elements == 1 else 'elements'} in {len(files):,} "
        f"{'file' if len(files) == 1 else 'files'}, {size_text(sum(files.values()))}, in {folder}"
    )
    if completions := manifest.get("completions"):
        noun = "completion" if completions == 1 else "completions"
        click.echo(f"  {completions:,} {noun} in {folder / 'completions.json'}")
    if values["rejected"]:
        click.echo(f"  the rejected values and why are in {folder / 'rejects.ndjson'}")
    if manifest["dropped"]:
        dropped = ", ".join(f"{shown(name)} {count:,}" for name, count in manifest["dropped"].items())
        hint = "" if verbose else " (no place in ADV2)"
        click.echo(f"  left out{hint}: {dropped}")


def _rejected(folder: Path) -> list[Finding]:
    """Return the first rejected values of a written source."""
    with (folder / "rejects.ndjson").open(encoding="utf-8") as lines:
        first = [json.loads(line) for line in islice(lines, SHOWN)]
    for members in first:
        del members["original"]
    return [Finding(**{**members, "severity": Severity(members["severity"])}) for members in first]
