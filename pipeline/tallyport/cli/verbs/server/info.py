"""`tallyport server`: which server it is, and which user is logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tallyport.cli.options import Command
from tallyport.cli.server_options import ServerOptions, server_options
from tallyport.cli.talk import json_option, print_document
from tallyport_schemas.finding import shown

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client


@click.group("server")
def command() -> None:
    """Show which DHIS2 server a profile leads to.

    \b
    Examples:
      tallyport server info --profile play
      tallyport server info --url https://host/dhis --token-file token --json
    """


@command.command("info", cls=Command)
@server_options
@json_option()
def info(server: ServerOptions, as_json: bool) -> int:
    """Show the server's version and which user is logged in.

    \b
    Examples:
      tallyport server info --profile play
      tallyport server info --url https://host/dhis --token-file token --json
    """

    async def work(client: Client) -> int:
        report = await client.report()
        if as_json:
            print_document(report.as_json())
            return 0
        found = report.system
        lines = {
            "server": report.url,
            "name": found.system_name,
            "DHIS2": " ".join(filter(None, (found.version, found.revision and f"({found.revision})"))),
            "built": found.build_time,
            "time": " ".join(filter(None, (found.server_date, found.server_time_zone_id))),
            "calendar": found.calendar,
            "analytics": found.last_analytics_table_success,
            "user": report.user.username or report.user.id,
        }
        for name, text in lines.items():
            if text:
                click.echo(f"{name:<10} {shown(text)}")
        return 0

    return server.talk(work)
