"""Keeping: comments and follow-up flags that rows do not state are read from the server, and sent along.

ADV2 keeps what a row does not state; servers clear it, also where the value stays the same. What is read is asked for
by data element, period and organisation unit, a bounded number of them at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product, starmap
from typing import Any, NamedTuple

from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.client import Client
from tallyport.dhis2.push.value_import import Envelope
from tallyport.dhis2.request.data_values import MEMBERS, SCHEMES, Row
from tallyport.dhis2.request.lookups import Lookups
from tallyport.metadata.combos import Resolver
from tallyport.validation.report import RowFinding
from tallyport_schemas.finding import finding

COLLECTIONS: Mapping[str, str] = {
    "de": "dataElements",
    "ou": "organisationUnits",
    "coc": "categoryOptionCombos",
    "aoc": "categoryOptionCombos",
}

_ELEMENTS, _PERIODS, _UNITS = 40, 50, 150
"""Identifiers of a request: its address has to stay short."""

_VALUES = 5_000
"""Data elements, periods and units of a request, multiplied."""

_NOTHING_THERE = frozenset({"E2001", "E2002", "E2006"})
"""Nothing is stored, as the server does not know what was asked for."""

_PROBES = 64
"""Requests that detect where the user may not read, beyond those it takes where all may be read."""

_Key = tuple[str, ...]
_Parameters = Mapping[str, list[str]]


class ValuePlace(NamedTuple):
    """A value's place, by UIDs; in the order of a request's parameters."""

    element: str
    period: str
    unit: str


class Unreadable(Exception):
    """The user may not read there."""


def states_all(row: Row, followup: str) -> bool:
    """Whether a row states its comment and its follow-up flag."""
    return "comment" in row.members and followup in row.members


def unread_findings(rows: Iterable[Row]) -> Iterator[RowFinding]:
    """Yield that what is stored beside rows may be cleared: one finding for each group."""
    groups = Counter(row.group for row in rows)
    for group, count in groups.items():
        yield RowFinding(group.label, group.number, finding("TP879", source=group.label, count=count))


class Keeping:
    """What one server has stored beside values. `followup` is its name for that flag."""

    def __init__(self, client: Client, lookups: Lookups, followup: str) -> None:
        self._client, self._lookups, self._followup = client, lookups, followup
        self._is_by_data_set: bool | None = None  # not known yet
        self._unreadable: set[str] = set()

    # --- Where it may be read ----------------------------------------------------------------------------------------

    async def find_unreadable(self, scheme: str, units: Iterable[str], element: str, period: str) -> set[str]:
        """Return the organisation units, by their identifiers in a scheme, that the user may not read data of.

        `element` and `period` are some that are going to be pushed: what is stored there is not looked at.
        """
        uids = await self._lookups.uids("organisationUnits", scheme, units)
        names = sorted(set(uids.values()))
        waiting = [names[at : at + _UNITS] for at in range(0, len(names), _UNITS)]
        left = len(waiting) + _PROBES
        while waiting:
            batch = waiting.pop()
            left -= 1
            try:
                await self._read({"dataElement": [element], "period": [period], "orgUnit": batch, "limit": ["1"]})
            except Unreadable:
                if len(batch) > 1 and left > len(waiting):
                    middle = len(batch) // 2
                    waiting += [batch[:middle], batch[middle:]]
                else:
                    self._unreadable.update(batch)
        return {name for name, uid in uids.items() if uid in self._unreadable}

    # --- What is there -----------------------------------------------------------------------------------------------

    async def complete(self, envelope: Envelope, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """Add to rows what is stored of comment and flag, and they do not state.

        Returns the rows that something was added to, and those that the user turns out not to be allowed to read,
        beyond those at the units of `find_unreadable`.
        """
        lacking = [row for row in rows if not states_all(row, self._followup)]
        uids = await self._uids(envelope, lacking)
        await self._lookups.load_defaults()
        default = Resolver(self._lookups).defaults().by_place.get(0, "")
        keys: dict[_Key, Row] = {}
        for row in lacking:
            names = {kind: row.members.get(member) for kind, member in MEMBERS.items()}
            found = [uids[kind].get(str(names[kind])) if names[kind] is not None else default for kind in COLLECTIONS]
            if None not in found:
                element, unit, coc, aoc = map(str, found)
                keys[element, str(names["pe"]), unit, coc, aoc] = row
        data_set = await self._data_set(envelope)
        added: list[Row] = []
        unknown: list[Row] = []
        places = {ValuePlace(*key[:3]) for key in keys if key[2] not in self._unreadable}
        for asked in _requests(places):
            try:
                stored = await self._stored(asked, data_set)
            except Unreadable:
                of = {ValuePlace(*key[:3]) for key in keys} & set(starmap(ValuePlace, product(*asked.values())))
                unknown += [row for key, row in keys.items() if ValuePlace(*key[:3]) in of]
                continue
            for value in stored:
                of_value = keys.get(tuple(str(value.get(member)) for member in MEMBERS.values()))
                if of_value and self._add(of_value, value):
                    added.append(of_value)
        return added, unknown

    def _add(self, row: Row, stored: Mapping[str, Any]) -> bool:
        comment = stored.get("comment") or None
        flag = stored.get("followup") or stored.get("followUp") or False
        said = {"comment": comment} if comment and "comment" not in row.members else {}
        said |= {self._followup: True} if flag and self._followup not in row.members else {}
        row.members.update(said)
        return bool(said)

    async def _uids(self, envelope: Envelope, rows: Sequence[Row]) -> dict[str, Mapping[str, str]]:
        schemes = dict(envelope.schemes)
        found: dict[str, Mapping[str, str]] = {}
        for kind, collection in COLLECTIONS.items():
            names = {str(name) for row in rows if (name := row.members.get(MEMBERS[kind])) is not None}
            found[kind] = await self._lookups.uids(collection, schemes.get(SCHEMES[kind], "UID"), sorted(names))
        return found

    async def _data_set(self, envelope: Envelope) -> str | None:
        if envelope.data_set is None:
            return None
        scheme = dict(envelope.schemes).get(SCHEMES["ds"], "UID")
        return (await self._lookups.uids("dataSets", scheme, [envelope.data_set])).get(envelope.data_set)

    async def _stored(self, asked: _Parameters, data_set: str | None) -> list[dict[str, Any]]:
        """Return what is stored, by data element; by data set at a server that turns out not to select by the other."""
        if not self._is_by_data_set:
            found = await self._read(asked)
            if found:
                self._is_by_data_set = False
            if self._is_by_data_set is not None or data_set is None:
                return found
        if data_set is None:
            return []
        found = await self._read({**asked, "dataElement": [], "dataSet": [data_set]})
        elements = set(asked["dataElement"])
        if any(value.get(MEMBERS["de"]) in elements for value in found):
            self._is_by_data_set = True
        return found

    async def _read(self, asked: _Parameters) -> list[dict[str, Any]]:
        """Return stored values, with all that identifies each; raises `Unreadable`."""
        try:
            answer = await self._client.connection.get("dataValueSets.json", {**asked, "includeDeleted": ["true"]})
        except RequestFailed as failed:
            code = failed.document.get("errorCode") if isinstance(failed.document, dict) else None
            if failed.status == 409 and code in _NOTHING_THERE:
                return []
            if failed.status in (403, 409):
                raise Unreadable from None
            raise
        if not isinstance(answer, dict):
            return []
        shared = {member: answer[member] for member in MEMBERS.values() if member in answer}
        return [shared | value for value in answer.get("dataValues") or ()]


def _requests(places: set[ValuePlace]) -> Iterator[dict[str, list[str]]]:
    """Yield the parameters of requests for places: few requests, but none for much more than these."""
    waiting = [places] if places else []
    while waiting:
        some = waiting.pop()
        distinct = [sorted({place[at] for place in some}) for at in range(3)]
        sizes = [len(of) for of in distinct]
        span = sizes[0] * sizes[1] * sizes[2]
        is_bounded = all(size <= most for size, most in zip(sizes, (_ELEMENTS, _PERIODS, _UNITS), strict=True))
        if len(some) == 1 or (is_bounded and span <= _VALUES and span <= 4 * len(some) + 16):
            yield {"dataElement": distinct[0], "period": distinct[1], "orgUnit": distinct[2]}
            continue
        excess = [size / most for size, most in zip(sizes, (_ELEMENTS, _PERIODS, _UNITS), strict=True)]
        at = excess.index(max(excess)) if not is_bounded else sizes.index(max(sizes))
        middle = distinct[at][len(distinct[at]) // 2]
        waiting += [{p for p in some if p[at] >= middle}, {p for p in some if p[at] < middle}]
