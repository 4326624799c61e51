"""Identifying: what objects are called in the identifier schemes that an export writes.

An identifier that is missing, or that objects share, puts them in doubt: that matters only if a value refers to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tallyport.postgres.connection import Row
from tallyport.postgres.statements import statement, statement_on
from tallyport_schemas.finding import SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection

_KINDS: Mapping[str, tuple[str, str]] = {
    "de": ("dataelement", "data elements"),
    "ou": ("organisationunit", "organisation units"),
    "coc": ("categoryoptioncombo", "option combos"),
    "aoc": ("categoryoptioncombo", "attribute option combos"),
    "ds": ("dataset", "data sets"),
    "cc": ("categorycombo", "category combos"),
    "c": ("category", "categories"),
    "co": ("categoryoption", "category options"),
}
"""For each kind of identifier: the table of its objects, and how people call them."""


@dataclass(slots=True)
class Identified:
    """Objects of one kind by their ids: identifiers, UIDs, and which are in doubt."""

    named: dict[int, str] = field(default_factory=dict)
    uids: dict[int, str] = field(default_factory=dict)
    lacking: set[int] = field(default_factory=set)
    shared: set[int] = field(default_factory=set)


class Identifying:
    """Names objects of a database. `schemes` has the scheme of every kind."""

    def __init__(self, database: Connection[Row], schemes: Mapping[str, str]) -> None:
        self._database = database
        self._schemes = schemes

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Return what the statement `exports/<name>` gives."""
        return self._database.execute(statement(f"exports/{name}"), parameters).fetchall()

    def identified(self, kind: str, ids: Sequence[int] | None) -> Identified:
        """Name the objects with these ids (None: all) of a kind."""
        scheme, _, attribute = self._schemes[kind].partition(":")
        # Identifiers other than UIDs may be shared with any object there is.
        wanted = ids if scheme == "UID" else None
        table = _KINDS[kind][0]
        attributes = "uid" if kind == "cc" else "attributevalues"  # category combos have no attributes
        named = statement_on("exports/identifiers", table=table, id=f"{table}id", attributes=attributes)
        parameters = {"ids": wanted, "scheme": scheme, "attribute": attribute or None}
        rows = self._database.execute(named, parameters).fetchall()
        times = Counter(text for _, _, text in rows)
        found = Identified()
        among = None if ids is None else set(ids)
        for id_, uid, text in rows:
            if among is not None and id_ not in among:
                continue
            found.uids[id_] = uid
            found.named[id_] = text or ""
            if not text:
                found.lacking.add(id_)
            elif times[text] > 1:
                found.shared.add(id_)
        return found

    def identifiers(self, kind: str, ids: Sequence[int]) -> dict[int, str]:
        """Return the identifiers of objects that values refer to, all of them.

        Raises:
            SourceUnreadable: TP761, TP766.
        """
        found = self.identified(kind, ids)
        self.refuse(kind, found, ids)
        return found.named

    def refuse(self, kind: str, found: Identified, used: Iterable[int]) -> None:
        """Refuse objects in doubt that values refer to.

        Raises:
            SourceUnreadable: TP761 they have no identifier, TP766 they share it.
        """
        used = set(used)
        for code, doubt in (("TP761", found.lacking), ("TP766", found.shared)):
            if culprits := sorted(found.uids[id_] for id_ in doubt & used):
                expected = f"{_KINDS[kind][1]} with a {self._schemes[kind]} of their own"
                raise SourceUnreadable(finding(code, field=kind, culprits=culprits, expected=expected))
