"""The fields of one row by DHIS2's names, whatever it calls them: what the scanners do, for a row read slowly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, named
from tallyport_converters.native.abi import Kind, NamedBy
from tallyport_schemas.finding import WHITE

STAMPS = frozenset(CANONICAL[field] for field in NO_PLACE)
"""Row fields that are known and have no place, by DHIS2's names."""

FIELDS = {name: name for name in CANONICAL.values() if name not in STAMPS and name != "dataSet"}
FIELDS |= dict.fromkeys(("followup", "follow_up", "flwup"), "followUp")
"""Row fields that ADV2 has a place for, by the names that DHIS2 gives them in JSON and XML."""

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What neither UTF-8 nor PostgreSQL can store."""


_TRIMMED = frozenset(CANONICAL.values()) - STAMPS - {"value", "comment"}
"""Fields that say nothing by white space at their ends."""


class Doubled(NamedTuple):
    """A field that a row has by two names, with what each says. `differ`: not the same."""

    field: str
    names: tuple[str, str]
    said: tuple[Any, Any]
    differ: bool


class RowFields:
    """Gathers the fields of a row. `fields` and `doubled` are complete after `settle`."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.doubled: Doubled | None = None
        self.stand_ins: list[tuple[NamedBy, str, str, str]] = []
        self._names: dict[str, str] = {}

    def take(self, field: str, name: str, said: Any) -> None:
        """Take a field by one of its names; a second name must say the same."""
        if field in _TRIMMED and isinstance(said, str):
            said = type(said)(said.strip(WHITE))
        if said in (None, "", {}):
            return
        if field not in self.fields:
            self.fields[field], self._names[field] = said, name
            return
        differ = not _same(field, self.fields[field], said)
        if self.doubled is None or (differ and not self.doubled.differ):
            self.doubled = Doubled(field, (self._names[field], name), (self.fields[field], said), differ)

    def take_named(self, name: str, said: Any) -> None:
        """Take a field by whatever name it has in a row of DXF2; unknown fields are skipped."""
        if name in FIELDS:
            self.take(FIELDS[name], name, said)
        elif known := named(name):
            if known.field == Kind.DS or known.field in NO_PLACE:
                return
            if known.by is NamedBy.OTHERWISE:
                self.take(CANONICAL[known.field], name, said)
            elif isinstance(said, str) and said and not UNSTORABLE.search(said):
                self.stand_in(known.by, CANONICAL[known.field], name, said)

    def stand_in(self, by: NamedBy, field: str, name: str, said: str) -> None:
        """Keep a field for use where the row does not have it by a better name."""
        self.stand_ins.append((by, field, name, said))

    def settle(self) -> list[tuple[str, str, str]]:
        """Let the better of those stand in; returns the (field, name, text) of those that do."""
        standing = []
        for _, field, name, said in sorted(self.stand_ins, key=lambda found: found[0]):
            if field not in self.fields:
                self.fields[field] = said.strip(WHITE)
                standing.append((field, name, said))
        return standing


def fields_of(row: Iterable[tuple[str, Any]]) -> RowFields:
    """Return the fields of a row of DXF2 JSON or XML."""
    found = RowFields()
    for name, said in row:
        found.take_named(name, said)
    found.settle()
    return found


def _same(field: str, one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one.items()) == list(other.items())
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        return False
    if field in ("deleted", "followUp"):
        return _text(one).strip(WHITE).lower() == _text(other).strip(WHITE).lower()
    return _text(one) == _text(other)


def _text(said: Any) -> str:
    return str(said).lower() if isinstance(said, bool) else str(said)
