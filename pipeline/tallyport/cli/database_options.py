"""Which database a command works on: one that is named, or the embedded one. The options for it, and the opening."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tallyport.cli.screen import finding_text
from tallyport_schemas.generations import Generation

_OPTIONS = (
    click.option(
        "--database", metavar="URL", help="The database, as postgresql://user@host/name; default: the embedded one."
    ),
    click.option(
        "--metadata",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Metadata of the embedded database: a snapshot, or DHIS2's metadata export. Needed once.",
    ),
    click.option(
        "--embedded",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        envvar="TALLYPORT_EMBEDDED",
        help="Folder of the embedded database; default: one of the user's data.",
    ),
)


assume_option = click.option(
    "--assume",
    type=click.Choice([str(each) for each in Generation]),
    help="Whose tables these are, where the database is of a later DHIS2 or has a failed migration.",
)
"""The option of commands that refuse tables which are not known."""


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --database, --metadata and --embedded."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def opened_database(
    database: str | None, metadata: Path | None, embedded: Path | None, *, is_shown: bool
) -> Iterator[str]:
    """Give the URL of the database that the options name; the embedded one runs inside.

    What is to say of the latter goes to stderr if `is_shown`, and into the document that `--json` prints.
    """
    context = click.get_current_context()
    if database is not None:
        for name, given in (("metadata", metadata), ("embedded", embedded)):
            # From the environment it is a default, which may stand there for other commands.
            if given is not None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name} has no effect with --database")
        yield database
        return
    from tallyport.postgres.embedded.database import embedded_database

    with embedded_database(embedded, metadata) as running:
        filled = running.filled
        context.ensure_object(dict)["embedded"] = {
            "folder": str(running.folder),
            "metadata": running.metadata,
            "taken_over": filled.objects if filled else None,
            "findings": [found.as_json() for found in filled.findings] if filled else [],
        }
        if is_shown:
            click.echo(f"embedded database in {running.folder}, metadata of {running.metadata}", err=True)
            if filled:
                objects = ", ".join(f"{count:,} {name}" for name, count in filled.objects.items() if count)
                click.echo(f"  taken over: {objects}", err=True)
                for found in filled.findings:
                    click.echo(finding_text(found), err=True)
        yield running.url
