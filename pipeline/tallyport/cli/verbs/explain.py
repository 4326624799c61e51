"""`tallyport explain`: what a finding means and what to do."""

from __future__ import annotations

import json

import click

from tallyport_schemas.finding_codes import CODES


@click.command("explain")
@click.argument("code")
@click.option("--json", "as_json", envvar="TALLYPORT_EXPLAIN_JSON", is_flag=True, help="Print one JSON document.")
def command(code: str, as_json: bool) -> None:
    """Explain a finding by its code.

    \b
    Examples:
      tallyport explain TP304
    """
    kind = CODES.get(code.upper())
    if kind is None:
        raise click.UsageError(f"{code} is no code of a finding; they run from {min(CODES)} to {max(CODES)}")
    if as_json:
        page = {"code": kind.code, "severity": kind.severity.value, "message": kind.message, "help": kind.help}
        click.echo(json.dumps(page | ({"dhis2": kind.dhis2} if kind.dhis2 else {})))
        return
    click.echo(f"{kind.code} ({kind.severity})\n\n  {kind.message}\n\n  help: {kind.help}")
    if kind.dhis2:
        click.echo(f"  DHIS2: {kind.dhis2}")
