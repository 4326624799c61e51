"""Connections to a DHIS2 database, and which generation of DHIS2 it is of: detected from its tables, never requested.

The driver is loaded when a connection is made. Whatever the database or the network does wrong becomes a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tallyport.postgres.statements import statement
from tallyport_schemas.finding import OutsideFailed, finding
from tallyport_schemas.generations import Generation

if TYPE_CHECKING:
    from psycopg import Connection

Row = tuple[Any, ...]
"""A row of a result."""


@contextmanager
def connection(url: str) -> Iterator[Connection[Row]]:
    """Connect to the database at `url`, a URL or a connection string of libpq. Nothing is committed by leaving.

    Raises:
        OutsideFailed: TP806 it cannot be reached, TP805 it failed later on, TP809 the driver is not installed.
    """
    try:
        import psycopg
    except ImportError:
        raise OutsideFailed(finding("TP809", found="psycopg")) from None
    try:
        made = psycopg.connect(url, application_name="tallyport", connect_timeout=30, client_encoding="utf8")
    except psycopg.Error as error:
        raise OutsideFailed(finding("TP806", found=_sentence(error))) from None
    try:
        # What the server, the role or the URL may have set otherwise: each statement sees what is there when it begins,
        # dates are texts of ISO 8601, and no statement is compiled, which takes many times what running it does.
        made.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        made.execute("set datestyle to 'ISO, YMD'")
        made.execute("set jit to off")
        made.commit()
        yield made
    except psycopg.Error as error:
        raise OutsideFailed(finding("TP805", found=_sentence(error))) from error
    finally:
        made.close()


def generation(database: Connection[Row]) -> Generation:
    """Return the generation of DHIS2 that a database is of.

    Raises:
        OutsideFailed: TP808, it lacks tables or columns of both, or reckons by another calendar.
    """
    found = database.execute(statement("generation")).fetchone()
    assert found is not None
    lacking, has_iso = found
    if lacking:
        raise OutsideFailed(finding("TP808", found=f"no {', no '.join(lacking)}"))
    row = database.execute(statement("calendar")).fetchone()
    if row and row[0] not in ("", "iso8601"):
        message = "the server reckons by another calendar than ISO 8601"
        help_text = "import into this database, or export from it, with DHIS2 itself"
        raise OutsideFailed(finding("TP808", message=message, help=help_text, found=str(row[0])))
    return Generation.V43 if has_iso else Generation.V42


def is_storable(text: str) -> bool:
    """Whether any database can hold a text: none has NUL or lone surrogates, so it has no object of such a name."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _sentence(error: Exception) -> str:
    """Return what a database says of an error, without the lines that point into a statement."""
    diagnostics = getattr(error, "diag", None)
    primary = diagnostics.message_primary if diagnostics else None
    return primary or " ".join(str(error).split()) or type(error).__name__
