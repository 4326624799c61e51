"""Plan: how a group is put to a server: the data set said, option combos in place of options, the scope to clear.

A server from 2.43 on takes a request for one data set only, and asks for its name where data elements are in several.
Rows are then sent to the data set that fits them: by period type, organisation unit and attribute combo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tallyport.dhis2.request.data_values import MEMBERS, SCHEMES, Combos, Row, combinations, option_names
from tallyport.dhis2.request.lookups import DataSet, Lookups
from tallyport_converters.model import periods
from tallyport_schemas.finding import Unusable, finding
from tallyport_schemas.group_header import GroupHeader, OptionDimension

SCOPE_LIMIT = 100_000
"""Combinations of category options that a scope may name."""

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
    schemes = dict(header.ids)
    coc = aoc = None
    sets: Sequence[DataSet] | None = None
    if header.co:
        combo = await _combo(header, lookups)
        coc = await _finder(header.co, combo, schemes["co"], lookups)
        schemes["coc"] = "UID"
    if header.ao:
        combo = await _attribute_combo(header, lookups)
        aoc = await _finder(header.ao, combo, schemes["co"], lookups)
        schemes["aoc"] = "UID"
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
        deletion = _scope(header, coc, aoc)
    by_unit = await _by_unit(header, sets, lookups)
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
    found = await lookups.data_sets_of(element) if element else ()
    return frozenset([None] if any([await lookups.is_limited_to_units(of) for of in found]) else ())


async def _element(header: GroupHeader, lookups: Lookups) -> str:
    found = await lookups.uids("dataElements", header.ids["de"], [header.de])
    if header.de not in found:
        raise CannotSend(finding("TP873", field="de", found=header.de, message="there is no such data element"))
    return found[header.de]


async def _data_sets(header: GroupHeader, lookups: Lookups) -> Sequence[DataSet]:
    found = await lookups.data_sets_of(await _element(header, lookups))
    if not found:
        raise CannotSend(finding("TP873", field="de", found=header.de))
    return found


async def _named_data_set(header: GroupHeader, lookups: Lookups) -> DataSet | None:
    if header.ds is None:
        return None
    uids = await lookups.uids("dataSets", header.ids["ds"], [header.ds])
    return await lookups.data_set(uids[header.ds]) if header.ds in uids else None


async def _combo(header: GroupHeader, lookups: Lookups) -> str:
    """Return the category combo that the group's options are of."""
    if header.cc is not None:
        found = (await lookups.uids("categoryCombos", header.ids["cc"], [header.cc])).get(header.cc)
        if found is None:
            raise CannotSend(finding("TP874", field="cc", found=header.cc, expected="a category combo of the server"))
        return found
    element = await _element(header, lookups)
    own = await lookups.combo_of(element)
    named = await _named_data_set(header, lookups)
    sets = [named] if named else await lookups.data_sets_of(element)
    combos = {of.overrides.get(element, own) for of in sets} or {own}
    if len(combos) != 1 or None in combos:
        found = ", ".join(sorted(filter(None, combos))) or "none"
        raise CannotSend(finding("TP874", field="co", found=f"category combos {found}", expected="one, as cc or by ds"))
    return str(combos.pop())


async def _attribute_combo(header: GroupHeader, lookups: Lookups) -> str:
    """Return the category combo that the group's attribute options are of."""
    named = await _named_data_set(header, lookups)
    sets = [named] if named else await _data_sets(header, lookups)
    default = await lookups.default_combo()
    combos = {of.combo for of in sets} - {None, default}
    if len(combos) != 1:
        found = ", ".join(sorted(filter(None, combos))) or "none"
        raise CannotSend(finding("TP874", field="ao", found=f"category combos {found}", expected="one: name the ds"))
    return str(combos.pop())


async def _finder(options: OptionDimension, combo: str, scheme: str, lookups: Lookups) -> Combos:
    """Return what names the option combo of category options: DHIS2 compares them as a set."""
    names = [name for of in options.options for name in of]
    uids = await lookups.uids("categoryOptions", scheme, names)
    combos = await lookups.option_combos(combo)
    known: dict[tuple[int, ...], str | None] = {}

    def find(indexes: tuple[int, ...]) -> str | None:
        if indexes not in known:
            chosen = [uids.get(name) for name in option_names(options, indexes)]
            known[indexes] = None if None in chosen else combos.get(frozenset(filter(None, chosen)))
        return known[indexes]

    return find


async def _chooser(
    header: GroupHeader, sets: Sequence[DataSet], lookups: Lookups, scheme: str
) -> Callable[[Row], str | None]:
    """Return what chooses a row's data set: the first that fits best."""
    if len(sets) == 1:
        only = sets[0].uid
        return lambda _: only
    units = await lookups.uids("organisationUnits", header.ids["ou"], header.ou)
    default = await lookups.default_combo()
    combos: Mapping[str, str] = {}
    if header.aoc:
        combos = await lookups.combos_of_option_combos(scheme, header.aoc)
    kinds = {text: str(period.kind) for text in header.pe if (period := periods.parse(text))}
    of_options = {of.combo for of in sets} - {default}
    chosen: dict[tuple[str, str, str | None], str] = {}

    def choose(row: Row) -> str | None:
        period, unit = str(row.members[MEMBERS["pe"]]), str(row.members[MEMBERS["ou"]])
        attribute = row.members.get(MEMBERS["aoc"])
        kind = kinds.get(period, "")
        key = kind, unit, attribute
        if key not in chosen:
            wanted = {default} if attribute is None else {combos[attribute]} if attribute in combos else of_options
            uid = units.get(unit)
            chosen[key] = max(sets, key=lambda of: (of.period_type == kind, uid in of.units, of.combo in wanted)).uid
        return chosen[key]

    return choose


def _scope(header: GroupHeader, coc: Combos | None, aoc: Combos | None) -> Mapping[str, Any]:
    """Return the scope that is cleared: every period and organisation unit of the header, for all its combos."""
    elements = []
    for combo, attribute in product(_names(header.coc, header.co, coc), _names(header.aoc, header.ao, aoc)):
        element = {"dataElement": header.de, "categoryOptionCombo": combo, "attributeOptionCombo": attribute}
        elements.append({name: text for name, text in element.items() if text is not None})
    return {"periods": list(header.pe), "orgUnits": list(header.ou), "elements": elements}


def _names(
    identifiers: tuple[str, ...] | None, options: OptionDimension | None, find: Combos | None
) -> Sequence[str | None]:
    if identifiers:
        return identifiers
    if options is None or find is None:
        return [None]
    if (count := combinations(options)) > SCOPE_LIMIT:
        raise CannotSend(
            finding("TP874", field="delete", found=f"{count:,} combinations", expected=f"at most {SCOPE_LIMIT:,}")
        )
    found = map(find, product(*(range(len(of)) for of in options.options)))
    return [name for name in found if name is not None]
