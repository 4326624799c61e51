"""What imports cost servers of 2.42 and 2.43, by what was measured on real ones, and a server that takes so long.

Costs are of a request's values, and of its organisation units where attribute options are limited to some: there, 2.43
looks up each value with all units of the request, and 2.42 each unit once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from support.dhis2_http import Answer, Request
from support.dhis2_server import Dhis2Server

Object = dict[str, Any]

GET_S = 0.03
"""Seconds that a request for metadata takes."""

EXPORT_S, EXPORTED_S = 0.05, 0.00005
"""Seconds that an export takes, and each of its values."""


@dataclass(frozen=True)
class Costs:
    """Seconds of a request, for each of its values and the square of their number.

    `units`: for each value and each unit that it is looked up with; `unit`: for each unit, of `most_units`. `crowding`:
    how much longer a request takes for each other that is on its way.
    """

    request: float
    value: float
    square: float = 0.0
    units: float = 0.0
    unit: float = 0.0
    most_units: int = 0
    crowding: float = 1.0

    def seconds(self, values: int, units: int) -> float:
        """Seconds of a request of so many values, of so many units."""
        of_values = values * (self.value + self.square * values + self.units * units)
        return self.request + of_values + self.unit * min(units, self.most_units)


PLAIN: Mapping[int, Costs] = {
    42: Costs(request=0.8, value=0.00018),
    43: Costs(request=0.22, value=0.00025, square=1.6e-7),
}
"""Without attribute combo, by generation. Two streams at once were no faster than one, on two cores."""

LIMITED: Mapping[int, Costs] = {
    42: Costs(request=1.2, value=0.00005, unit=0.034, most_units=370, crowding=0.0),
    43: Costs(request=0.22, value=0.005, square=2e-6, units=4.85e-5, crowding=0.48),
}
"""With attribute options that are limited to units."""

MEASURED: tuple[tuple[int, bool, int, int, float], ...] = (
    (43, False, 500, 500, 0.77),
    (43, False, 2_000, 800, 0.62),
    (43, False, 10_000, 800, 2.45),
    (43, False, 20_000, 800, 3.2),
    (43, True, 500, 500, 30.6),
    (43, True, 1_000, 836, 47.6),
    (43, True, 500, 7, 6.7),
    (43, True, 1_000, 15, 7.3),
    (43, True, 2_000, 25, 11.1),
    (42, False, 500, 500, 1.8),
    (42, False, 2_000, 800, 0.65),
    (42, False, 10_000, 800, 0.26),
    (42, False, 20_000, 800, 0.21),
    (42, True, 500, 500, 36.4),
    (42, True, 2_000, 836, 6.8),
    (42, True, 10_000, 836, 1.19),
    (42, True, 500, 7, 3.2),
    (42, True, 2_000, 25, 1.1),
    (42, True, 10_000, 125, 0.46),
)
"""Dry runs of one request: generation, whether options are limited, values, units, milliseconds a value."""


def seconds_of(generation: int, rows: Iterable[tuple[str, str | None]], limited: frozenset[str]) -> float:
    """Seconds of a request, of rows as (unit, attribute combo); `limited` are the combos with limited options."""
    values: Counter[str | None] = Counter()
    units: dict[str | None, set[str]] = {}
    for unit, combo in rows:
        kind = combo if combo in limited else None
        values[kind] += 1
        units.setdefault(kind, set()).add(unit)
    plain, costs = PLAIN[generation], LIMITED[generation]
    of_limited = [kind for kind in values if kind is not None]
    if not of_limited:
        return plain.seconds(values[None], 0)
    total = sum(values[kind] for kind in of_limited)
    looked_up = sum(values[kind] * len(units[kind]) for kind in of_limited) / total
    if costs.unit:
        looked_up = len(set().union(*(units[kind] for kind in of_limited)))
    rest = plain.seconds(values[None], 0) - plain.request
    return costs.request + (costs.seconds(total, 0) - costs.request) + _of_units(costs, total, looked_up) + rest


def _of_units(costs: Costs, values: int, units: float) -> float:
    return values * costs.units * units + costs.unit * min(units, costs.most_units)


def limited_combos(metadata: Mapping[str, list[Object]]) -> frozenset[str]:
    """The option combos of which an option is limited to organisation units."""
    options = {option["id"] for option in metadata.get("categoryOptions", []) if option.get("organisationUnits")}
    return frozenset(
        combo["id"]
        for combo in metadata.get("categoryOptionCombos", [])
        if any(option["id"] in options for option in combo.get("categoryOptions", []))
    )


class CostlyServer(Dhis2Server):
    """Takes as long for each request as its generation does. For loops with virtual time."""

    def __init__(self, version: str, metadata: Mapping[str, list[Object]]) -> None:
        super().__init__(version, metadata)
        self.limited = limited_combos(metadata)
        self.sent: list[tuple[str, int, int, float]] = []
        """Of each import: data set, values, units, and seconds."""
        self.sets: dict[tuple[str, ...], str] = {}
        """The data set that each value was sent for, by data element, period, unit, option combo, attribute combo."""
        self._busy = 0

    async def answer(self, request: Request) -> Answer:
        answer = await super().answer(request)
        await asyncio.sleep(await self._seconds(request, answer))
        return answer

    async def _seconds(self, request: Request, answer: Answer) -> float:
        if "/dataValueSets" not in request.path:
            return GET_S
        if request.method == "GET":
            assert isinstance(answer.body, bytes)
            return EXPORT_S + EXPORTED_S * answer.body.count(b'"dataElement"')
        document = request.json()
        rows = [(row["orgUnit"], row.get("attributeOptionCombo")) for row in document["dataValues"]]
        seconds = seconds_of(self.generation, rows, self.limited)
        is_limited = any(combo in self.limited for _, combo in rows)
        self._busy += 1
        seconds *= 1 + (self._busy - 1) * (LIMITED if is_limited else PLAIN)[self.generation].crowding
        name = document.get("dataSet") or ""
        self.sent.append((name, len(rows), len({unit for unit, _ in rows}), seconds))
        names = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
        self.sets.update({tuple(row.get(n) or "" for n in names): name for row in document["dataValues"]})
        await asyncio.sleep(seconds)
        self._busy -= 1
        return 0.0

    def seconds_of_previous_policy(self) -> float:
        """Seconds that the same values take as push sent them before.

        In the order of ADV2, one request after the other, one size for all data sets, for requests to take 8 seconds.
        """
        size, total = 500, 0.0
        pending: dict[str, list[tuple[str, str | None]]] = {}

        def send(name: str) -> None:
            nonlocal size, total
            rows = pending.pop(name)
            seconds = seconds_of(self.generation, rows, self.limited)
            total += seconds
            factor = max(0.25, min(8 / seconds, 3))
            if factor < 1 or len(rows) >= size:
                size = max(1, min(int(len(rows) * factor), 20_000))

        for key in sorted(self.sets):
            name = self.sets[key]
            pending.setdefault(name, []).append((key[2], key[4] or None))
            if len(pending[name]) >= size:
                send(name)
        while pending:
            send(next(iter(pending)))
        return total
