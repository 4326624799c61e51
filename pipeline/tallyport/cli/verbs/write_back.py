"""What `tallyport export --to FORMAT` does with ADV2 files: writes them as legacy files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.screen import SHOWN, Ticker, finding_text
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.legacy.write import RewriteReport

FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "adx")
"""What can be written, as writers/formats.py lists it: it need not be loaded for `--help`."""


def rewrite_files(
    sources: Sequence[str],
    output: str,
    to: str,
    *,
    data_set: str | None,
    metadata: Path | None,
    id_schemes: Sequence[tuple[str, str]],
    compress: Any,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Do what `export` does with files, and return the exit code."""
    is_stream = output == "-"
    if is_stream and as_json:
        raise click.UsageError("--json has no effect with --output -: standard output holds the values")
    if is_stream and overwrite:
        raise click.UsageError("--overwrite has no effect with --output -")
    if to == "dxf-csv" and data_set is not None:
        raise click.UsageError("--data-set has no effect with --to dxf-csv, which has no place for it")
    if id_schemes and metadata is None:
        raise click.UsageError("--id-scheme has no effect without --metadata, where identifiers are looked up")
    if list(sources).count("-") > 1:
        raise click.UsageError("standard input can be read only once")
    from tallyport.legacy.write import rewrite

    target = sys.stdout.buffer if is_stream else output
    document = click.get_current_context().ensure_object(dict)  # what --json has to show even if the run fails later
    findings = document.setdefault("findings", [])
    ticker = Ticker(quiet=quiet or as_json)

    def watch(event: Any) -> None:
        if isinstance(event, Progress):
            ticker.show(event)
            return
        ticker.clear()
        findings.append(event.as_json())
        if not as_json and len(findings) <= SHOWN:
            click.echo(finding_text(event), err=True)

    try:
        report = rewrite(
            sources,
            target,
            to,
            data_set=data_set,
            metadata=metadata,
            id_schemes=dict(id_schemes),
            compress=compress,
            overwrite=overwrite,
            watch=watch,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    finally:
        ticker.clear()
    document |= _document(report)
    if as_json:
        click.echo(json.dumps(document))
        return report.exit_code
    if len(findings) > SHOWN:
        click.echo(f"first {SHOWN} of {len(findings):,} findings", err=True)
    if not quiet:
        for line in _summary(report):
            click.echo(line, err=is_stream)
    return report.exit_code


def _document(report: RewriteReport) -> dict[str, Any]:
    return {
        "values": {
            "read": report.read,
            "written": report.written,
            "ignored": report.ignored,
            "left_out": report.left_out,
        },
        "files": [
            {
                "file": file.name,
                "ds": file.data_set,
                "ids": dict(file.schemes),
                "rows": file.rows,
                "bytes": file.size_bytes,
                "sha256": file.sha256,
            }
            for file in report.files
        ],
    }


def _summary(report: RewriteReport) -> list[str]:
    """Return what was written, in lines."""
    parts = [f"{report.written:,} written"]
    parts += [f"{report.ignored:,} ignored"] if report.ignored else []
    parts += [f"{report.left_out:,} left out"] if report.left_out else []
    lines = [f"{report.read:,} read = {' + '.join(parts)}"]
    for file in report.files:
        lines.append(f"  {file.rows:,} in {file.path or 'standard output'}, {file.size_bytes:,} bytes")
    return lines
