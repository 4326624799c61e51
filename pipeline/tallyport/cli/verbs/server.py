"""`tallyport server`: which server it is, and who one is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from tallyport.cli.server_options import ServerOptions, server_options
from tallyport_schemas.finding import shown

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client


@click.group("server")
def command() -> None:
    """Say which DHIS2 server a profile leads to.

    \b
    Examples:
      tallyport server info --profile play
      tallyport server info --url https://host/dhis --token-file token --json
    """


@command.command("info")
@server_options
@click.option("--json", "as_json", envvar="TALLYPORT_SERVER_INFO_JSON", is_flag=True, help="Print one JSON document.")
def info(server: ServerOptions, as_json: bool) -> int:
    """Show the server's version and whose credentials these are.

    \b
    Examples:
      tallyport server info --profile play
      tallyport server info --url https://host/dhis --token-file token --json
    """

    async def work(client: Client) -> int:
        me = await client.me()
        if as_json:
            document = {"url": client.url, "system": client.info.as_json(), "user": me.as_json()}
            click.echo(json.dumps(document))
            return 0
        found = client.info
        lines = {
            "server": client.url,
            "name": found.system_name,
            "DHIS2": " ".join(filter(None, (found.version, found.revision and f"({found.revision})"))),
            "built": found.build_time,
            "time": " ".join(filter(None, (found.server_date, found.server_time_zone_id))),
            "calendar": found.calendar,
            "analytics": found.last_analytics_table_success,
            "user": me.username or me.id,
        }
        for name, text in lines.items():
            if text:
                click.echo(f"{name:<10} {shown(text)}")
        return 0

    return server.talk(work)
