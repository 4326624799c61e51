"""`tallyport completion`: the script that makes a shell complete tallyport's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tallyport.cli.talk import json_option, print_document


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option()
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
    if as_json:
        print_document({"shell": shell, "script": script})
    else:
        click.echo(script)
