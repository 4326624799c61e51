"""Which database a command works on: one that is named, or the embedded one. The options for it, and the opening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tallyport.cli.options import is_given, refuse, sectioned, together
from tallyport.cli.screen import finding_text
from tallyport.cli.talk import Talk
from tallyport_schemas.generations import Generation

_DATABASE = sectioned("Database")

database_options = together(
    click.option(
        "--database",
        cls=_DATABASE,
        metavar="URL",
        help="The database, as postgresql://user@host/name.  [default: the embedded one]",
    ),
    click.option(
        "--metadata",
        cls=_DATABASE,
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Metadata of the embedded database: a snapshot, or DHIS2's metadata export. Needed once.",
    ),
    click.option(
        "--embedded",
        cls=_DATABASE,
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        envvar="TALLYPORT_EMBEDDED",
        help="Folder of the embedded database.  [default: in the user's data]",
    ),
)
"""--database, --metadata and --embedded."""

assume_option = click.option(
    "--assume",
    cls=_DATABASE,
    type=click.Choice([str(each) for each in Generation]),
    help="The DHIS2 whose tables these are, if the database is of a later one or has a failed migration.",
)
"""The option of commands that refuse tables which are not known."""


@contextmanager
def opened_database(talk: Talk, database: str | None, metadata: Path | None, embedded: Path | None) -> Iterator[str]:
    """Give the URL of the database that the options name; the embedded one runs inside.

    What there is to say of the latter goes to stderr, or into the document that `--json` prints.
    """
    if database is not None:
        for name, given in (("metadata", metadata), ("embedded", embedded)):
            refuse((given is not None and is_given(name), f"--{name} has no effect with --database"))
        yield database
        return
    from tallyport.postgres.embedded.database import embedded_database

    with embedded_database(embedded, metadata) as running:
        talk.hold(running)
        if talk.is_shown:
            click.echo(f"embedded database in {running.folder}, metadata of {running.metadata}", err=True)
            if filled := running.filled:
                objects = ", ".join(f"{count:,} {name}" for name, count in filled.objects.items() if count)
                click.echo(f"  taken over: {objects}", err=True)
                for found in filled.findings:
                    click.echo(finding_text(found), err=True)
        yield running.url
