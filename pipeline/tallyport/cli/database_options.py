"""Which database a command works on: one that is named, or the embedded one. The options for it, and the opening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tallyport.cli.options import is_given, option, refuse, together
from tallyport.cli.screen import finding_text
from tallyport.cli.talk import Talk
from tallyport_schemas.generations import Generation

_FILE, _FOLDER = click.Path(path_type=Path, dir_okay=False), click.Path(path_type=Path, file_okay=False)
database_options = together(
    option("--database", metavar="URL", help="As postgresql://user@host/name.  [default: the embedded one]"),
    option(
        "--metadata",
        type=_FILE,
        metavar="FILE",
        help="Metadata of the embedded database: a snapshot, or DHIS2's metadata export. Needed once.",
    ),
    option(
        "--embedded",
        type=_FOLDER,
        metavar="DIR",
        envvar="TALLYPORT_EMBEDDED",
        help="Folder of the embedded database.  [default: in the user's data]",
    ),
    option(
        "--assume",
        choices=[str(each) for each in Generation],
        callback=lambda _context, _option, given: given and Generation(given),
        help="The DHIS2 whose tables these are, if the database is of a later one or has a failed migration.",
    ),
    section="Database",
)
"""--database, --metadata, --embedded and --assume."""


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
