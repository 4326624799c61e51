"""Known units: organisation units that the groups of a run have named so far, with all above them.

Groups of a run name much the same units; each is asked for once. What an import writes locks them anyway, so that one
that is removed meanwhile is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement

if TYPE_CHECKING:
    from psycopg import Connection

KEPT = 50_000
"""Units that are kept from group to group, some 30 MB."""

_COLUMNS = {"UID": 1, "CODE": 2, "NAME": 3}
_ATTRIBUTE, _PATH = 4, 5


@dataclass(slots=True)
class _Scheme:
    """What is known by one identifier scheme: rows by UID, UIDs by identifier, the identifiers that were asked for."""

    rows: dict[str, Row] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)


class KnownUnits:
    """Rows of `sql/org_units.sql`, fetched when they are first asked for."""

    def __init__(self) -> None:
        self._schemes: dict[str, _Scheme] = {}

    def rows(self, database: Connection[Row], scheme: str, names: Iterable[str]) -> list[Row]:
        """Return the units that identifiers name in `scheme` (as a header's `ids` has it), and all above these."""
        kind, _, attribute = scheme.partition(":")
        names = list(names)
        known = self._schemes.setdefault(scheme, _Scheme())
        if missing := set(names) - known.asked:
            if len(known.rows) > KEPT:
                known = self._schemes[scheme] = _Scheme()
                missing = set(names)
            given = {"names": list(missing), "scheme": kind, "attribute": attribute or None}
            column = _COLUMNS.get(kind, _ATTRIBUTE)
            for row in database.execute(statement("catalog/org_units"), given).fetchall():
                known.rows[row[1]] = row
                if row[column] in missing:
                    known.named.setdefault(row[column], []).append(row[1])
            known.asked |= missing
        found: dict[str, Row] = {}
        for name in names:
            for uid in known.named.get(name, ()):
                for step in known.rows[uid][_PATH].split("/"):
                    if step in known.rows:
                        found[step] = known.rows[step]
        return list(found.values())
