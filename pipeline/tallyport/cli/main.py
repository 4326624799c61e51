"""The program `tallyport`: its verbs, loaded when called, and what every verb shares: exit codes and `--json`."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tallyport_schemas import __version__
from tallyport_schemas.findings import OutsideFailed, Refused, SourceUnreadable, Unusable, finding

VERBS: Mapping[str, tuple[str, str]] = {
    "convert": ("tallyport.cli.convert", "Rewrite legacy files into ADV2."),
    "explain": ("tallyport.cli.explain", "Explain a finding by its code."),
    "completion": ("tallyport.cli.completion", "Print the completion script for a shell."),
}
"""Every verb: the module that holds it as `command`, and its line in the list."""

EXIT_USAGE, EXIT_SOURCE, EXIT_OUTSIDE, EXIT_REFUSED, EXIT_INTERRUPTED = 2, 3, 4, 5, 130


class Verbs(click.Group):
    """Loads a verb's module only when it is called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb, or None."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "TALLYPORT", "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, message="tallyport %(version)s")
def program() -> None:
    """Move DHIS2 aggregate data.

    \b
    Examples:
      tallyport convert january.json -o out       one file, format told by content
      tallyport convert exports/ -o out           all files of a folder
      tallyport explain TP304                     what a finding means
    """


def _fail(error: dict[str, Any], text: str, code: int, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"error": error}))
    else:
        click.echo(text, err=True)
    return code


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code; never a traceback for what a user or the outside can cause."""
    as_json = "--json" in arguments
    try:
        result = program.main(list(arguments), prog_name="tallyport", standalone_mode=False)
        return int(result or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return EXIT_USAGE
    except (click.UsageError, ValueError) as error:
        message = error.format_message() if isinstance(error, click.UsageError) else str(error)
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = f"{context.get_usage()}\n" if context else ""
        found = finding("TP900", message=message)
        hint = f"see {context.command_path} --help" if context else found.help
        text = f"{usage}error[TP900]: {message}\n  help: {hint}"
        return _fail(found.as_json(), text, EXIT_USAGE, as_json=as_json)
    except Unusable as error:
        from tallyport.cli.drawing import finding_text

        codes = {SourceUnreadable: EXIT_SOURCE, OutsideFailed: EXIT_OUTSIDE, Refused: EXIT_REFUSED}
        code = codes[type(error)]
        return _fail(error.finding.as_json(), finding_text(error.finding), code, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        return _fail({"message": "interrupted"}, "interrupted: nothing half-done is left", EXIT_INTERRUPTED, as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains on its way out
        return EXIT_OUTSIDE
    except OSError as error:
        found = finding("TP801", message="the system failed", found=error.strerror or str(error))
        return _fail(found.as_json(), f"error[TP801]: {error.strerror or error}", EXIT_OUTSIDE, as_json=as_json)
    except MemoryError:
        found = finding("TP802")
        return _fail(found.as_json(), f"error[TP802]: {found.message}\n  help: {found.help}", EXIT_OUTSIDE, as_json=as_json)


def main() -> None:
    """Run with the process's arguments and exit."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
