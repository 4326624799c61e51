"""`tallyport serve`: the page, in a browser on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tallyport.cli.options import Command, Size, flag, option
from tallyport.cli.talk import json_option, print_document


@click.command("serve", cls=Command)
@option("--port", type=click.IntRange(0, 65535), default=8042, help="The port; 0: any free one.")
@option("--database", metavar="URL", help="Offer a DHIS2 database as a target.")
@option("--profile", metavar="NAME", help="Offer the DHIS2 server of a profile as a target.")
@option("--limit", "limit_bytes", type=Size(), default="4GB", help="The largest file to accept.")
@option("--job-minutes", type=click.IntRange(min=1), default=360, help="The longest a job may take.")
@option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where uploads, jobs and results are kept.  [default: the user's folder for data]",
)
@flag("--no-browser", help="Print the address only.")
@json_option()
def command(no_browser: bool, as_json: bool, **how: Any) -> int:
    """Open the page: choose files, dry run, run, watch.

    \b
    Examples:
      tallyport serve
      tallyport serve --database postgresql://dhis@localhost/dhis
      tallyport serve --port 0 --no-browser --json

    Serves this machine alone. The address that is printed lets one browser in. Programs are let in by a key that is
    in the environment as TALLYPORT_SERVE_KEY, sent as a bearer token; /api/openapi.json describes the interface.
    Ctrl-C ends it; running jobs continue, and the next one finds them.
    """
    import webbrowser

    from tallyport.web.serve import ServeOptions, serve

    def listening(address: str) -> None:
        if as_json:
            print_document({"address": address})
        else:
            click.echo(f"tallyport is at {address}")
        if not no_browser:
            webbrowser.open(address)

    serve(ServeOptions(key=os.environ.get("TALLYPORT_SERVE_KEY") or None, **how), listening=listening)
    return 0
