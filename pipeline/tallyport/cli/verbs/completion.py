"""`tallyport completion`: the script that makes a shell complete tallyport's commands and options."""

from __future__ import annotations

import json

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--json", "as_json", envvar="TALLYPORT_COMPLETION_JSON", is_flag=True, help="Print one JSON document.")
def command(shell: str, as_json: bool) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      tallyport completion bash >> ~/.bashrc
      tallyport completion fish > ~/.config/fish/completions/tallyport.fish
    """
    from tallyport.cli.main import program

    completion = get_completion_class(shell)
    assert completion is not None
    script = completion(program, {}, "tallyport", "_TALLYPORT_COMPLETE").source()
    click.echo(json.dumps({"shell": shell, "script": script}) if as_json else script)
