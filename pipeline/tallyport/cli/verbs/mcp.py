"""`tallyport mcp`: tools for programs that speak the Model Context Protocol."""

from __future__ import annotations

import click

from tallyport.cli.options import Command, extra, flag, refuse, usage
from tallyport.cli.server_options import ServerOptions, server_options
from tallyport.cli.talk import json_option, print_document


@click.command("mcp", cls=Command)
@flag("--allow-writes", help="Let tools change files and the server.")
@flag("--list", "as_list", help="Only print the tools, and which of them write.")
@json_option("Print the list as one JSON document.")
@server_options
def command(server: ServerOptions, allow_writes: bool, as_list: bool, as_json: bool) -> int:
    """Serve tools by the Model Context Protocol, on standard input and output.

    \b
    Examples:
      tallyport mcp --profile play
      tallyport mcp --profile play --allow-writes
      tallyport mcp --list

    The program that uses the tools starts this command. Tools that write say so, and refuse without --allow-writes.
    """
    refuse(
        (as_json and not as_list, "--json has no effect without --list: standard output belongs to the protocol"),
        (as_list and allow_writes, "--allow-writes has no effect with --list"),
    )
    with extra("mcp"):
        from tallyport.dhis2.api.profiles import Profile, find_profile
        from tallyport.mcp import TOOLS, mcp_server
    if as_list:
        if as_json:
            print_document({"tools": [note.as_json() for note in TOOLS]})
            return 0
        for note in TOOLS:
            click.echo(f"{'writes' if note.writes else 'reads':<8}{note.name:<44}{note.text}")
        return 0
    with usage():
        settings = server.settings(has_stdin=False)

    def profile() -> Profile:
        return find_profile(server.profile, **settings)

    mcp_server(profile, allow_writes=allow_writes).run()
    return 0
