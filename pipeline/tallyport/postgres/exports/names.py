"""Naming: how the ids of stored values become identifiers.

All is known before the first value is read, or the export is refused with all culprits named. A dimension is looked at
by its distinct ids, never by its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tallyport.postgres.catalog.stored_metadata import value_objects
from tallyport.postgres.connection import Row
from tallyport.postgres.exports.filters import Selection
from tallyport.postgres.exports.identifiers import Identified, Identifying
from tallyport.postgres.exports.option_names import ByOptions, OptionNaming
from tallyport_converters.conversion.order import Names
from tallyport_converters.model.combos import Combo, identified
from tallyport_converters.model.periods import Period
from tallyport_converters.native.abi import Kind
from tallyport_converters.native.dictionaries import Dictionaries
from tallyport_converters.readers.reader import ReadPeriod
from tallyport_schemas.finding import SourceUnreadable, finding

if TYPE_CHECKING:
    from psycopg import Connection

_Name = TypeVar("_Name")

_DOUBT = ("de", "pe", "ou", "coc", "aoc")


@dataclass(frozen=True, slots=True)
class StoredNames:
    """What stored ids are called. `set_of`: the data set by data element and option combos, where it is asked for."""

    elements: Mapping[int, str]
    periods: Mapping[int, Period]
    org_units: Mapping[int, str]
    option_combos: Mapping[int, Combo]
    attribute_combos: Mapping[int, Combo]
    data_sets: Mapping[int, str]
    set_of: Mapping[tuple[int, int, int], int] | None = None

    def read(self, dictionaries: Dictionaries) -> Names:
        """Name all that values refer to; see `meaning.Naming`."""

        def named(kind: Kind, names: Mapping[int, _Name]) -> list[_Name]:
            ids = [int.from_bytes(text, signed=True) for text in dictionaries.texts(kind)]
            if lost := [f"id {id_}" for id_ in ids if id_ not in names]:
                # Foreign keys forbid it, but they can be switched off.
                raise SourceUnreadable(finding("TP761", field=kind.name.lower(), culprits=lost, expected="an object"))
            return [names[id_] for id_ in ids]

        return Names(
            named(Kind.DE, self.elements),
            [ReadPeriod(period, "") for period in named(Kind.PE, self.periods)],
            named(Kind.OU, self.org_units),
            named(Kind.COC, self.option_combos),
            named(Kind.AOC, self.attribute_combos),
            named(Kind.DS, self.data_sets),
        )


def stored_names(
    database: Connection[Row], selection: Selection, schemes: Mapping[str, str], naming: OptionNaming
) -> StoredNames:
    """Name all that the selected values can refer to. `schemes` has the scheme of every kind.

    Raises:
        SourceUnreadable: TP761 objects have no identifier in their scheme, TP766 several share one; TP763, TP764 option
            combos that cannot be named as asked for; TP767 periods that cannot be named.
        Refused: TP762, category options alone would be ambiguous.
    """
    identifying = Identifying(database, schemes)
    chosen = selection.parameters
    kinds = {
        "de": identifying.identified("de", chosen["data_elements"]),
        "ou": identifying.identified("ou", chosen["org_units"]),
    }
    if naming is OptionNaming.COC:
        kinds["coc"] = identifying.identified("coc", None)
        kinds["aoc"] = identifying.identified("aoc", chosen["attribute_combos"])
    _check(identifying, selection, kinds)
    elements, units = kinds["de"].named, kinds["ou"].named
    if naming is OptionNaming.COC:
        combos = {id_: identified(text) for id_, text in kinds["coc"].named.items()}
        attributes = {id_: identified(text) for id_, text in kinds["aoc"].named.items()}
        return StoredNames(elements, selection.periods, units, combos, attributes, {})
    used = identifying.rows("used_combos", **chosen)
    objects = value_objects(database, used)
    combos, attributes, set_of = ByOptions(identifying, naming, used, objects, selection.data_sets).named()
    sets = identifying.identifiers("ds", sorted(set(set_of.values()))) if set_of is not None else {}
    return StoredNames(elements, selection.periods, units, combos, attributes, sets, set_of)


def _check(identifying: Identifying, selection: Selection, kinds: Mapping[str, Identified]) -> None:
    """Refuse what cannot be named, if values refer to it: only where there is such do values have to be asked."""
    unnamed = selection.unnamed
    doubt = {kind: sorted(of.lacking | of.shared) for kind, of in kinds.items()} | {"pe": sorted(unnamed)}
    if not any(doubt.values()):
        return
    given = {f"doubt_{kind}": doubt.get(kind, []) for kind in _DOUBT}
    used: dict[str, list[int]] = defaultdict(list)
    for kind, id_ in identifying.rows("used", **given, **selection.parameters):
        used[kind].append(id_)
    if used["pe"]:
        raise SourceUnreadable(finding("TP767", culprits=[unnamed[id_] for id_ in sorted(used["pe"])]))
    for kind, of in kinds.items():
        identifying.refuse(kind, of, used[kind])
