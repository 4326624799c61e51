"""The program `tallyport`: its verbs, loaded when called, and what every verb shares: exit codes and `--json`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

import click

from tallyport.cli.signals import end_in_order, exit_code
from tallyport.cli.talk import AS_JSON, Held, document_of, print_document
from tallyport_schemas.finding import (
    Finding,
    OutsideFailed,
    Refused,
    SourceUnreadable,
    Unusable,
    finding,
    is_address,
)

_VERBS = "tallyport.cli.verbs"
SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Legacy files and ADV2 files": {
        "convert": (f"{_VERBS}.convert", "Convert legacy files to ADV2."),
        "validate": (f"{_VERBS}.validate", "Check whether ADV2 files can be imported."),
        "write-back": (f"{_VERBS}.write_back", "Write ADV2 back as legacy files."),
        "show": (f"{_VERBS}.show", "Look into a file: header, fields, first rows."),
        "stats": (f"{_VERBS}.stats", "Count what is in files: gaps, duplicates, ranges."),
        "table": (f"{_VERBS}.table", "Write values as Parquet, Arrow, CSV, Excel or DuckDB."),
    },
    "A DHIS2 database": {
        "import": (f"{_VERBS}.import_values", "Write values into a DHIS2 database."),
        "export": (f"{_VERBS}.export", "Read values out of a DHIS2 database."),
    },
    "A DHIS2 server": {
        "push": (f"{_VERBS}.server.push", "Send values to a DHIS2 server."),
        "snapshot": (f"{_VERBS}.server.snapshot", "Save metadata for validation without a server."),
        "server": (f"{_VERBS}.server.info", "Show which DHIS2 server a profile leads to."),
        "integrity": (f"{_VERBS}.server.integrity", "Check the data of a DHIS2 server."),
        "maintenance": (f"{_VERBS}.server.maintenance", "Update what a DHIS2 server derives."),
    },
    "To see and to learn": {
        "demo": (f"{_VERBS}.demo", "Run everything on a sample, in a few seconds."),
        "serve": (f"{_VERBS}.serve", "Open the page: choose files, dry run, run."),
        "explain": (f"{_VERBS}.explain", "Explain a finding, or search all findings."),
    },
    "For programs": {
        "mcp": (f"{_VERBS}.mcp", "Offer tools by the Model Context Protocol."),
        "completion": ("tallyport.cli.completion", "Print the completion script of a shell."),
    },
}
"""Every verb, by what one wants to do: the module that holds it as `command`, and its line in the list."""

VERBS = {name: verb for verbs in SECTIONS.values() for name, verb in verbs.items()}

EXIT_USAGE, EXIT_SOURCE, EXIT_OUTSIDE, EXIT_REFUSED, EXIT_FAULT = 2, 3, 4, 5, 70


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that the arguments name.

        Raises:
            click.UsageError: there is no such verb; with the ones whose name is near.
        """
        if not args[0].startswith("-") and args[0] not in VERBS:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=VERBS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without loading them."""
        del ctx
        width = max(map(len, VERBS))
        with formatter.section("Commands"):
            for title, verbs in SECTIONS.items():
                formatter.write(f"\n  {title}\n")
                for name, (_, line) in verbs.items():
                    formatter.write(f"    {name:<{width}}  {line}\n")


def _print_version(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    del parameter
    if is_asked and not context.resilient_parsing:
        from tallyport.cli.versions import versions

        click.echo("\n".join(versions()))
        context.exit()


@click.command(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "TALLYPORT",
        "max_content_width": 100,
    },
    no_args_is_help=True,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version, and those of the core and the libraries.",
)
def program() -> None:
    """Move DHIS2 aggregate data.

    \b
    Examples:
      tallyport convert january.json -o out       one file; its format is detected
      tallyport convert exports/ -o out           all files of a folder
      tallyport validate out                      check what was written
      tallyport import out --database URL --dry-run   what would be stored
      tallyport serve                             a page for all of it
      tallyport demo                              everything, on a sample
      tallyport explain TP304                     what a finding means
    """


def _refuse_addresses(arguments: Sequence[str], context: click.Context) -> None:
    """Refuse addresses where files are named, for all commands alike.

    Raises:
        click.UsageError: one of the arguments is an address, and no option that takes one comes before it.
    """
    before = ""
    for argument in arguments:
        option, _, value = argument.partition("=") if argument.startswith("-") else (before, "", argument)
        if is_address(value) and option not in _TAKE_ADDRESSES:
            raise click.UsageError(
                f"{value} is an address: tallyport reads and writes files of this machine; "
                "fetch it first, or pipe it in by -",
                context,
            )
        before = argument


_TAKE_ADDRESSES = frozenset({"--database", "--url", "--profile", "--server"})


class _Failure:
    """How a command that fails says so: text on stderr, or in the one JSON document, after what was done before."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.held: Held = []
        self.meta: dict[str, object] = {}
        """What the command notes of itself."""
        self._as_json = _wants_json(arguments)

    def say(self, found: Finding, code: int, text: str | None = None) -> int:
        """Print it and return the exit code."""
        from tallyport.cli.screen import finding_text

        text = finding_text(found) if text is None else text
        if self._as_json or self.meta.get(AS_JSON):
            try:
                document = document_of(self.held)
                earlier = document.get("errors", [])
                assert isinstance(earlier, list)
                print_document({**document, "errors": [*earlier, found.as_json()], "error": found.as_json()})
                return code
            except OSError:
                _give_up_stdout()
        click.echo(text, err=True, color=_color())
        return code


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether JSON is requested, detected without parsing: arguments that cannot be parsed are answered too."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    words = [argument.upper().replace("-", "_") for argument in options if not argument.startswith("-")]
    settings = [os.environ.get(f"TALLYPORT_{'_'.join(words[:count])}_JSON", "") for count in (1, 2)]
    return "--json" in options or any(text.lower() in {"1", "true", "t", "yes", "y", "on"} for text in settings)


def _give_up_stdout() -> None:
    """Lead it nowhere, or the interpreter complains on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _color() -> bool | None:
    """Return what https://no-color.org and https://force-color.org ask for; None: colors on a terminal only."""
    return False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code; never a traceback for what a user or the outside can cause."""
    failure = _Failure(arguments)
    try:
        if "_TALLYPORT_COMPLETE" in os.environ:
            program.main([], prog_name="tallyport")  # a shell asks for completions
        with program.make_context("tallyport", list(arguments), obj=failure.held, color=_color()) as context:
            failure.meta = context.meta
            _refuse_addresses(arguments, context)
            return int(program.invoke(context) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return EXIT_USAGE
    except click.UsageError as error:
        message, where = error.format_message(), error.ctx
        usage = f"{where.get_usage()}\n" if where else ""
        hint = getattr(error, "hint", None) or (f"see {where.command_path} --help" if where else None)
        found = finding("TP900", message=message, help=hint)
        return failure.say(found, EXIT_USAGE, f"{usage}error[TP900]: {message}\n  help: {found.help}")
    except Unusable as error:
        codes = {SourceUnreadable: EXIT_SOURCE, OutsideFailed: EXIT_OUTSIDE, Refused: EXIT_REFUSED}
        return failure.say(error.finding, next(code for kind, code in codes.items() if isinstance(error, kind)))
    except (click.Abort, KeyboardInterrupt) as interrupt:
        return failure.say(finding("TP803"), exit_code(interrupt))
    except BrokenPipeError:
        _give_up_stdout()
        return EXIT_OUTSIDE
    except OSError as error:
        return failure.say(
            finding("TP801", message="the system failed", found=error.strerror or str(error)), EXIT_OUTSIDE
        )
    except MemoryError:
        return failure.say(finding("TP802"), EXIT_OUTSIDE)
    except Exception as error:
        import traceback

        traceback.print_exc()
        return failure.say(finding("TP804", found=f"{type(error).__name__}: {error}"), EXIT_FAULT)


def main() -> None:
    """Run with the process's arguments and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us; a file opened later must not become its descriptor
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    end_in_order()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()  # or the interpreter fails at it on its way out, with a code of its own
    except OSError:
        _give_up_stdout()
        code = code or EXIT_OUTSIDE
    sys.exit(code)


if __name__ == "__main__":
    main()
