"""A group's header as what a writer is given: places of the rows' indexes, and identifiers as they are to be written.

With metadata, category options become option combos, and identifiers those of another scheme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallyport.metadata import Snapshot
from tallyport.metadata.combos import ROLES, HeaderResolver, Unsettled
from tallyport_converters.writers.writer import Combos, GroupScope, Named, Optioned, Unstated
from tallyport_schemas.finding import finding, shown
from tallyport_schemas.group_header import KINDS, GroupHeader, OptionDimension


@dataclass(frozen=True, slots=True)
class Scoping:
    """How identifiers are written. `id_schemes` maps kinds ("" for all) to the scheme asked for: needs `snapshot`."""

    snapshot: Snapshot | None = None
    id_schemes: Mapping[str, str] = field(default_factory=dict)

    def schemes(self, header: GroupHeader) -> dict[str, str]:
        """Return the scheme that identifiers of every kind are written in."""
        general = self.id_schemes.get("")
        return {kind: self.id_schemes.get(kind, general or header.ids[kind]) for kind in KINDS}

    def data_set(self, header: GroupHeader) -> str | None:
        """Return the data set as it is written.

        Raises:
            Unstated: TP779, metadata have no identifier for it.
        """
        return self._one(header, "ds", "dataSet", header.ds) if header.ds is not None else None

    def scope(self, header: GroupHeader) -> GroupScope:
        """Return what a group's rows are about.

        Raises:
            Unstated: TP771, metadata do not settle which combos are meant; TP779, they have no identifier for the data
                element or the data set.
        """
        sizes: list[int] = []
        periods = _placed(header.pe, sizes)
        org_units = self._renamed(header, "ou", _placed(header.ou, sizes))
        coc = self._combos(header, "coc", header.coc, header.co, sizes)
        aoc = self._combos(header, "aoc", header.aoc, header.ao, sizes)
        element = self._one(header, "de", "dataElement", header.de)
        return GroupScope(element, self.data_set(header), periods, org_units, coc, aoc, sizes)

    def _combos(
        self,
        header: GroupHeader,
        kind: str,
        identifiers: Sequence[str] | None,
        options: OptionDimension | None,
        sizes: list[int],
    ) -> Combos:
        if identifiers:
            return self._renamed(header, kind, _placed(identifiers, sizes))
        if not options:
            return None
        optioned = Optioned(options.categories, [_placed(place, sizes) for place in options.options])
        if not self.snapshot:
            return optioned
        optioned.check_size(ROLES[kind])
        places = range(optioned.combinations)
        return Named(self._option_combos(header, kind, options, places), optioned.places)

    def _option_combos(
        self, header: GroupHeader, kind: str, options: OptionDimension, places: range
    ) -> Sequence[str | None]:
        """Return the option combo of each combination of options, None where there is none or it has no identifier.

        Raises:
            Unstated: TP771.
        """
        assert self.snapshot is not None
        for of_place in options.options:
            found = self.snapshot.resolve_all("co", header.ids["co"], of_place)
            if unknown := found.missing + found.ambiguous:
                raise _unsettled(ROLES[kind], ", ".join(unknown), "category options that metadata know")
        try:
            made = HeaderResolver(self.snapshot).option_combos(header, kind).by_place
        except Unsettled as error:
            raise _unsettled(error.role, error.found, error.expected) from error
        return self.snapshot.identifiers_of(kind, self.schemes(header)[kind], [made.get(place) for place in places])

    def _renamed(self, header: GroupHeader, kind: str, named: Named) -> Named:
        scheme = self.schemes(header)[kind]
        if not self.snapshot or scheme == header.ids[kind]:
            return named
        rows = self.snapshot.keys(kind, header.ids[kind], [str(name) for name in named.identifiers])
        return Named(self.snapshot.identifiers_of(kind, scheme, rows), named.places)

    def _one(self, header: GroupHeader, kind: str, wire_name: str, identifier: str) -> str:
        (found,) = self._renamed(header, kind, Named([identifier], range(0))).identifiers
        if found is None:
            expected = f"an identifier in the scheme {self.schemes(header)[kind]}"
            raise Unstated(finding("TP779", field=wire_name, found=shown(identifier), expected=expected))
        return found


def _placed(identifiers: Sequence[str], sizes: list[int]) -> Named:
    """Return a dimension by identifier at the next place of the rows, if it takes one."""
    start = len(sizes)
    if len(identifiers) > 1:
        sizes.append(len(identifiers))
    return Named(identifiers, range(start, len(sizes)))


def _unsettled(field: str, found: str, expected: str) -> Unstated:
    return Unstated(finding("TP771", field=field, found=found, expected=expected))
