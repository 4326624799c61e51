"""`tallyport mcp`: tools for programs that speak the Model Context Protocol."""

from __future__ import annotations

import json

import click

from tallyport.cli.server_options import ServerOptions, not_installed, server_options, usage


@click.command("mcp")
@click.option("--allow-writes", is_flag=True, help="Let tools change something, on disk or at the server.")
@click.option("--list", "as_list", is_flag=True, help="Only print the tools, and which of them write.")
@click.option("--json", "as_json", is_flag=True, envvar="TALLYPORT_MCP_JSON", help="Print the list as one document.")
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
    if as_json and not as_list:
        raise click.UsageError("--json has no effect without --list: standard output belongs to the protocol")
    if as_list and allow_writes:
        raise click.UsageError("--allow-writes has no effect with --list")
    try:
        from tallyport.dhis2.api.profiles import Profile, find_profile
        from tallyport.mcp import TOOLS, mcp_server
    except ImportError as error:
        raise not_installed(error, "mcp") from None
    if as_list:
        tools = [{"name": note.name, "writes": note.writes, "text": note.text} for note in TOOLS]
        if as_json:
            click.echo(json.dumps({"tools": tools}))
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
