"""Names: what people call the objects that identifiers stand for, as far as metadata is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tallyport.frames.columns import (
    ATTRIBUTE_OPTION_COMBO,
    CATEGORY_OPTION_COMBO,
    DATA_ELEMENT,
    DATA_SET,
    ORG_UNIT,
    PERIOD,
)
from tallyport.frames.metadata_columns import depths_of
from tallyport.metadata.tables import NONE
from tallyport_converters.model import periods
from tallyport_schemas.group_header import KINDS

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

KIND_OF: Mapping[str, str] = {
    DATA_SET: "ds",
    DATA_ELEMENT: "de",
    PERIOD: "",
    ORG_UNIT: "ou",
    CATEGORY_OPTION_COMBO: "coc",
    ATTRIBUTE_OPTION_COMBO: "aoc",
}
"""The kind of the identifiers in a column; in that of a category they are options."""

UIDS: Mapping[str, str] = dict.fromkeys(KINDS, "UID")
"""The scheme of every kind where nothing is said."""


class KnownNames:
    """The names of identifiers in the schemes of one header. Each is looked up once."""

    def __init__(self, snapshot: Snapshot | None, schemes: Mapping[str, str] = UIDS) -> None:
        self.snapshot, self.schemes = snapshot, schemes
        self._known: dict[tuple[str, str], str | None] = {}

    def of(self, kind: str, identifiers: Sequence[str]) -> list[str | None]:
        """Return the name of each identifier of a kind (`de ou ds cc c co coc aoc`); None where it is not known.

        Periods, of the kind "", have none.
        """
        if self.snapshot is None or not kind:
            return [None] * len(identifiers)
        new = [each for each in dict.fromkeys(identifiers) if (kind, each) not in self._known]
        keys = self.snapshot.keys(kind, self.schemes[kind], new)
        found = [key for key in keys if key is not None]
        named = dict(zip(found, self.snapshot.names(kind, found), strict=True))
        for identifier, key in zip(new, keys, strict=True):
            self._known[kind, identifier] = named[key][1] or None if key is not None else None
        return [self._known[kind, identifier] for identifier in identifiers]

    def one(self, kind: str, identifier: str | None) -> str | None:
        """Return the name of one identifier."""
        return None if identifier is None else self.of(kind, [identifier])[0]

    def as_json(self, kind: str, identifier: str | None) -> dict[str, str] | None:
        """Return an identifier with its name, as a document has it."""
        if identifier is None:
            return None
        name = self.one(kind, identifier)
        return {"id": identifier} | ({"name": name} if name else {})

    def levels(self, identifiers: Sequence[str]) -> list[int | None]:
        """Return at which level of the hierarchy each org unit is, 1 for the root; None where it is not known."""
        if self.snapshot is None:
            return [None] * len(identifiers)
        depths = depths_of(self.snapshot.table("organisationUnits").ints("parent"))
        keys = self.snapshot.keys("ou", self.schemes["ou"], identifiers)
        return [None if key is None else depths[key] for key in keys]

    def details(self, cells: Mapping[str, object]) -> dict[str, str]:
        """Return what else is known of what a row mentions: the days of its period, the org units above its own.

        With metadata also the value type of the data element.
        """
        found: dict[str, str] = {}
        if period := periods.parse(str(cells.get(PERIOD))):
            found |= {"period_type": period.kind.value}
            found |= {"period_start": period.start.isoformat(), "period_end": period.end.isoformat()}
        if self.snapshot is None:
            return found
        units = self.snapshot.table("organisationUnits")
        parents = units.ints("parent")
        above: list[int] = []
        (row,) = self.snapshot.keys("ou", self.schemes["ou"], [str(cells.get(ORG_UNIT))])
        while row is not None and row != NONE and row not in above:
            above.append(row)
            row = parents[row]
        if above:
            found["org_unit_path"] = " / ".join(name or uid for uid, name in self.snapshot.names("ou", above[::-1]))
        (element,) = self.snapshot.keys("de", self.schemes["de"], [str(cells.get(DATA_ELEMENT))])
        if element is not None and (value_type := self.snapshot.table("dataElements").texts("value_type")[element]):
            found["value_type"] = value_type
        return found
