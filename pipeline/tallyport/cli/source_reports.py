"""How a terminal shows what became of legacy files that were converted on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tallyport.cli.screen import show_findings
from tallyport_schemas.finding import Finding, shown


def show_worst(findings: Sequence[Finding]) -> None:
    """Print findings that are one a cause, the worst first, capped."""
    from tallyport.validation.rejected_rows import worst_first

    show_findings(worst_first(findings), len(findings))


def show_source(report: Any, rejects: Path | None) -> None:
    """Print the sum of a source, what else it has, and where its rejected values are; `rejects`: the file of these."""
    values = report.values
    click.echo(
        f"{shown(report.source)}: {values['read']:,} read = {values['written']:,} written "
        f"+ {values['superseded']:,} superseded + {values['rejected']:,} rejected"
    )
    if values["rejected"]:
        hint = f"are in {rejects}" if rejects else "go to a file with --rejects FILE"
        click.echo(f"  the rejected values and why {hint}")
    if report.dropped:
        dropped = ", ".join(f"{shown(name)} {count:,}" for name, count in report.dropped.items())
        click.echo(f"  left out (no place in ADV2): {dropped}")
    if report.completions:
        click.echo(f"  data sets reported complete: {report.completions:,}")
