"""The embedded database: DHIS2's tables on a PostgreSQL of the user's own, for work without a server.

It lies in a folder, is made when it is first asked for, and runs while it is used. Its metadata comes from a file and
is remembered; a newer file changes the metadata and keeps the values.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row, connection
from tallyport.postgres.embedded.metadata_tables import Filled, fill
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.statements import statement
from tallyport_converters.files.folders import shared_data_folder
from tallyport_converters.sources.raw import failed
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Refused, SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection

VERSION = 1
"""The version of the tables in `embedded/sql/tables.sql`."""

_DATABASE = "dhis2"
_INSTALL = "install it with pip install 'tallyport[embedded]', or name a database with --database"
_LASTING = {"max_connections": "20"}
_PASSING = {**_LASTING, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Embedded:
    """The database while it runs. `metadata`: name of the file that it has its metadata from.

    `filled` says what was stored from that file just now; None where it had been before.
    """

    url: str
    folder: Path
    metadata: str
    filled: Filled | None

    def as_json(self) -> Document:
        """Return what an import or an export has of it in its document."""
        filled = self.filled
        return {
            "embedded": {
                "folder": str(self.folder),
                "metadata": self.metadata,
                "taken_over": filled.objects if filled else None,
                "findings": [found.as_json() for found in filled.findings] if filled else [],
            }
        }


def embedded_server(folder: Path, *, is_passing: bool = False) -> EmbeddedServer:
    """Return the server of the embedded database in `folder`, not yet started.

    Where it `is_passing`, it does not wait for the disk: quicker, but what is in it may not outlive a power cut.
    """
    return EmbeddedServer(folder / "postgresql", _PASSING if is_passing else _LASTING)


@contextmanager
def embedded_database(
    folder: str | os.PathLike[str] | None = None, metadata: str | os.PathLike[str] | None = None
) -> Iterator[Embedded]:
    """Run the embedded database in `folder`, by default `shared_data_folder()`; it is made where there is none.

    `metadata` is a snapshot or a metadata export of DHIS2; needed once. Processes may use it at the same time.

    Raises:
        Refused: TP780, there is no metadata yet; TP781, another version made it.
        SourceUnreadable: `metadata` cannot be read; TP782, it is not whole.
        OutsideFailed: TP805 to TP809.
    """
    place = Path(folder) if folder is not None else shared_data_folder()
    server = embedded_server(place)
    if metadata is None and not server.has_data:
        raise Refused(finding("TP780", found=str(place)))
    digest = None if metadata is None else _sha256(Path(metadata))
    with server:
        with connection(server.url()) as around:
            around.autocommit = True
            around.execute(statement("embedded/alone"))
            if around.execute(statement("embedded/has_database")).fetchone() is None:
                around.execute(statement("embedded/create"))
            with connection(server.url(_DATABASE)) as database:
                filled = _brought_up(database, place, metadata, digest)
                name = _remembered(database)[1]
                database.commit()
        assert name is not None
        yield Embedded(server.url(_DATABASE), place, name, filled)


def _brought_up(
    database: Connection[Row], place: Path, metadata: str | os.PathLike[str] | None, digest: str | None
) -> Filled | None:
    """Make the tables and store the metadata, each if need be; in one transaction."""
    row = database.execute(statement("embedded/is_made")).fetchone()
    if row == (False,):
        database.execute(statement("embedded/tables"))
    version, _, known = _remembered(database)
    if version != VERSION:
        raise Refused(finding("TP781", found=f"version {version}, in {place}", expected=f"version {VERSION}"))
    if metadata is None:
        if known is None:
            raise Refused(finding("TP780", found=str(place)))
        return None
    if digest == known:
        return None
    from tallyport.metadata import load_metadata

    name = Path(metadata).name
    try:
        filled = fill(database, load_metadata(metadata))
    except SourceUnreadable as error:
        raise SourceUnreadable(error.finding.at(name)) from error
    database.execute(statement("embedded/remember"), {"name": name, "sha256": digest})
    return filled


def _remembered(database: Connection[Row]) -> tuple[int, str | None, str | None]:
    row = database.execute(statement("embedded/remembered")).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise failed(error, "the source cannot be opened", source=path.name, found=os.fspath(path)) from error
