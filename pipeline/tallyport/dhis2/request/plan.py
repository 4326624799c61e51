"""Plan: how a group is put to a server: the data set said, option combos in place of options, the scope to clear.

A server from 2.43 on takes a request for one data set only, and asks for its name where data elements are in several.
Rows are then sent to the data set that fits them: by period type, organisation unit and attribute combo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tallyport.dhis2.request.data_values import MEMBERS, SCHEMES, Combos, Row
from tallyport.dhis2.request.lookups import DataSet, Lookups
from tallyport.metadata.combos import HeaderResolver, Unsettled, place_of
from tallyport_converters.model import periods
from tallyport_schemas.finding import Unusable, finding
from tallyport_schemas.group_header import GroupHeader, OptionDimension

Schemes = tuple[tuple[str, str], ...]
"""Query parameters that say the identifier schemes."""


class CannotSend(Unusable):
    """A group cannot be sent, for the reason of the finding."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a group is sent. `data_set` names the one that a row is sent to, None if none is said.

    `by_unit` names the data sets whose rows go ordered by organisation unit: their attribute options are limited to
    some, and a server asks for each value about all units of its request.
    """

    schemes: Schemes
    data_set: Callable[[Row], str | None]
    coc: Combos | None
    aoc: Combos | None
    by_unit: frozenset[str | None] = frozenset()
    deletion: Mapping[str, Any] | None = None
    deletion_data_set: str | None = None


async def planned(header: GroupHeader, lookups: Lookups, version: tuple[int, int]) -> Plan:
    """Make the plan for a group.

    Raises:
        CannotSend: TP873 no data set has the data element, TP874 the server's API cannot say what the group says.
    """
    if header.delete == "hard":
        raise CannotSend(
            finding("TP874", field="delete", found="hard", expected="soft: the API removes nothing for good")
        )
    if header.delete and version < (2, 43):
        raise CannotSend(finding("TP874", field="delete", found="soft", expected="2.43 or later for deletion by scope"))
    sets: Sequence[DataSet] | None = None
    by_place = await _option_combos(header, lookups)
    schemes = {**header.ids, **dict.fromkeys(by_place, "UID")}
    data_set: Callable[[Row], str | None] = lambda _: header.ds  # noqa: E731
    if header.ds is None and version >= (2, 43):
        sets = await _data_sets(header, lookups)
        data_set = await _chooser(header, sets, lookups, schemes["aoc"])
    if header.ds is None:
        schemes["ds"] = "UID"
    stated = tuple((parameter, schemes[kind]) for kind, parameter in SCHEMES.items() if schemes[kind] != "UID")
    deletion = None
    deletion_data_set = header.ds
    if header.delete:
        if header.ds is None:
            assert sets is not None
            if len(sets) != 1:
                found = f"{header.de} is in {len(sets)} data sets"
                raise CannotSend(finding("TP874", field="delete", found=found, expected="the data set, as ds"))
            deletion_data_set = sets[0].uid
        deletion = _scope(header, by_place)
    by_unit = await _by_unit(header, sets, lookups)
    coc, aoc = _finder(header.co, by_place.get("coc", {})), _finder(header.ao, by_place.get("aoc", {}))
    return Plan(stated, data_set, coc, aoc, by_unit, deletion, deletion_data_set)


async def _by_unit(header: GroupHeader, sets: Sequence[DataSet] | None, lookups: Lookups) -> frozenset[str | None]:
    """Return the names of data sets, as rows are sent to them, whose attribute options are limited to units."""
    if header.aoc is None and header.ao is None:
        return frozenset()  # the default combo has no options that could be
    if header.ds is not None:
        named = await _named_data_set(header, lookups)
        return frozenset([header.ds] if named and await lookups.is_limited_to_units(named) else ())
    if sets is not None:
        return frozenset([of.uid for of in sets if await lookups.is_limited_to_units(of)])
    element = (await lookups.uids("dataElements", header.ids["de"], [header.de])).get(header.de)
    found = await lookups.data_sets_with(element) if element else ()
    return frozenset([None] if any([await lookups.is_limited_to_units(of) for of in found]) else ())


async def _element(header: GroupHeader, lookups: Lookups) -> str:
    found = await lookups.uids("dataElements", header.ids["de"], [header.de])
    if header.de not in found:
        raise CannotSend(finding("TP873", field="de", found=header.de, message="there is no such data element"))
    return found[header.de]


async def _data_sets(header: GroupHeader, lookups: Lookups) -> Sequence[DataSet]:
    found = await lookups.data_sets_with(await _element(header, lookups))
    if not found:
        raise CannotSend(finding("TP873", field="de", found=header.de))
    return found


async def _named_data_set(header: GroupHeader, lookups: Lookups) -> DataSet | None:
    if header.ds is None:
        return None
    uids = await lookups.uids("dataSets", header.ids["ds"], [header.ds])
    return await lookups.data_set(uids[header.ds]) if header.ds in uids else None


async def _option_combos(header: GroupHeader, lookups: Lookups) -> Mapping[str, Mapping[int, str]]:
    """Return the option combos of category options, by kind and by place."""
    kinds = [kind for kind, options in (("coc", header.co), ("aoc", header.ao)) if options]
    if kinds:
        await lookups.load(header)
    try:
        return {kind: HeaderResolver(lookups).option_combos(header, kind).by_place for kind in kinds}
    except Unsettled as error:
        code = "TP873" if error.role == "de" else "TP874"
        raise CannotSend(finding(code, field=error.role, found=error.found, expected=error.expected)) from error


def _finder(options: OptionDimension | None, by_place: Mapping[int, str]) -> Combos | None:
    """Return what names the option combo of category options."""
    if options is None:
        return None
    sizes = list(map(len, options.options))
    return lambda indexes: by_place.get(place_of(indexes, sizes))


async def _chooser(
    header: GroupHeader, sets: Sequence[DataSet], lookups: Lookups, scheme: str
) -> Callable[[Row], str | None]:
    """Return what chooses a row's data set: the first that fits best."""
    if len(sets) == 1:
        only = sets[0].uid
        return lambda _: only
    units = await lookups.uids("organisationUnits", header.ids["ou"], header.ou)
    defaults = set(await lookups.load_defaults())
    combos: Mapping[str, str] = {}
    if header.aoc:
        combos = await lookups.combos_of_option_combos(scheme, header.aoc)
    kinds = {text: str(period.kind) for text in header.pe if (period := periods.parse(text))}
    of_options = {of.combo for of in sets} - defaults
    chosen: dict[tuple[str, str, str | None], str] = {}

    def choose(row: Row) -> str | None:
        period, unit = str(row.members[MEMBERS["pe"]]), str(row.members[MEMBERS["ou"]])
        attribute = row.members.get(MEMBERS["aoc"])
        kind = kinds.get(period, "")
        key = kind, unit, attribute
        if key not in chosen:
            wanted = defaults if attribute is None else {combos[attribute]} if attribute in combos else of_options
            uid = units.get(unit)
            chosen[key] = max(sets, key=lambda of: (of.period_type == kind, uid in of.units, of.combo in wanted)).uid
        return chosen[key]

    return choose


def _scope(header: GroupHeader, by_place: Mapping[str, Mapping[int, str]]) -> Mapping[str, Any]:
    """Return the scope that is cleared: every period and organisation unit of the header, for all its combos."""
    combos, attributes = (
        [by_place[kind][place] for place in sorted(by_place[kind])] if kind in by_place else names or [None]
        for kind, names in (("coc", header.coc), ("aoc", header.aoc))
    )
    elements = []
    for combo, attribute in product(combos, attributes):
        element = {"dataElement": header.de, "categoryOptionCombo": combo, "attributeOptionCombo": attribute}
        elements.append({name: text for name, text in element.items() if text is not None})
    return {"periods": list(header.pe), "orgUnits": list(header.ou), "elements": elements}
