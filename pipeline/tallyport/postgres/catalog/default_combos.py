"""The default option combo of a database: DHIS2 has one, some servers came to have two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallyport.metadata import DEFAULT_COMBO
from tallyport.metadata.catalog import label
from tallyport.metadata.combos import several_defaults
from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement
from tallyport_schemas.finding import Finding

if TYPE_CHECKING:
    from psycopg import Connection


def check_default_combos(database: Connection[Row]) -> list[Finding]:
    """Say that the database has several default option combos; TP734, or nothing."""
    rows = database.execute(statement("catalog/default_combos"), {"default_uid": DEFAULT_COMBO}).fetchall()
    return several_defaults([label(uid, name or "") for uid, name in rows])
