"""What properties of a header are called: DHIS2's names for them, in any spelling, and names that mean the same."""

from __future__ import annotations

from typing import Any

from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, named, plain
from tallyport_converters.model.file_header import NAME_LIMIT, SCHEME_PROPERTIES, Header
from tallyport_converters.native.abi import Kind, NamedBy
from tallyport_schemas.finding import SourceUnreadable, finding

PROPERTIES = frozenset(SCHEME_PROPERTIES) | {
    "dataSet",
    "period",
    "orgUnit",
    "attributeOptionCombo",
    "attributeCategoryOptions",
    "completeDate",
    "deletion",
    "strategy",
    "importStrategy",
    "dryRun",
    "exported",
}
"""Header properties that are known, whether or not they have a place in ADV2."""

READ = PROPERTIES - {"importStrategy", "dryRun", "exported"}
"""Those that say something of the values."""

_BY_PLAIN_NAME = {plain(name): name for name in PROPERTIES}
_FIELDS = frozenset({Kind.DS, Kind.PE, Kind.OU, Kind.AOC})


def property_named(name: str) -> str | None:
    """Return DHIS2's name of a header property; None where nobody knows."""
    if name in PROPERTIES:
        return name
    known = named(name)
    if len(name) <= NAME_LIMIT and (found := _BY_PLAIN_NAME.get(plain(name))):
        return found
    if known and known.field in NO_PLACE:
        return CANONICAL[known.field]
    if known and known.field in _FIELDS and known.by is NamedBy.OTHERWISE:
        return CANONICAL[known.field]
    return None


class HeaderNames:
    """Names the properties of one header, and checks that those of one meaning have one value."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._given: dict[str, tuple[str, Any]] = {}

    def settle(self, name: str, value: Any) -> str | None:
        """Return DHIS2's name of a property that says something; None where it is skipped, or was said before.

        Raises:
            SourceUnreadable: TP122, another property of the same meaning says something else.
        """
        found = property_named(name)
        if found is None:
            self._header.leave_out(name, value)
            return None
        is_stamp = found not in PROPERTIES
        if found != name and not is_stamp:
            self._header.take_named(name, found)
        if found in self._given and not is_stamp:
            first, said = self._given[found]
            if said != value:
                both = f"{first}: {said}; {name}: {value}"
                raise SourceUnreadable(finding("TP122", field=found, found=both, expected="one of the two"))
            return None
        self._given[found] = name, value
        return found
