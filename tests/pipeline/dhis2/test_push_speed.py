"""How fast a push is at servers that cost what 2.42 and 2.43 were measured to, by virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support import hmis
from support.dhis2_http import Answer, LoopbackServer, Request
from support.dhis2_metadata import served
from support.dhis2_server import PASSWORD, USERNAME, VERSIONS
from support.dhis2_values import group, written
from support.server_costs import LIMITED, MEASURED, PLAIN, CostlyServer
from support.virtual_time import elapsed
from tallyport.dhis2.api.profiles import Credentials, Profile
from tallyport.dhis2.client import open_client
from tallyport.dhis2.push.push import PushOptions, PushReport, push

OLD, NEW = VERSIONS[1], VERSIONS[2]
CLINICS = tuple(f"ouClinic{number:03}" for number in range(600))


class Slow(LoopbackServer):
    """Answers after an hour."""

    async def answer(self, request: Request) -> Answer:
        await asyncio.sleep(3600)
        return Answer.of({})


def test_virtual_time_passes_while_all_wait_and_not_otherwise() -> None:
    async def work() -> None:
        await asyncio.gather(asyncio.sleep(100), asyncio.sleep(40))

    assert elapsed(Slow(), work)[1] == pytest.approx(100)


@pytest.mark.parametrize(("generation", "is_limited", "values", "units", "milliseconds"), MEASURED)
def test_costs_are_those_that_were_measured(
    generation: int, is_limited: bool, values: int, units: int, milliseconds: float
) -> None:
    costs = (LIMITED if is_limited else PLAIN)[generation]
    assert 1000 * costs.seconds(values, units) / values == pytest.approx(milliseconds, rel=0.35)


def country() -> dict[str, list[dict[str, Any]]]:
    """The tests' health information system with 600 clinics; in the outreach report, options are limited to some."""
    export = hmis.export()
    units = [{"id": name, "name": name, "code": name, "parent": {"id": "ouDistrictA"}} for name in CLINICS]
    export["organisationUnits"] += units
    for data_set in export["dataSets"]:
        data_set["organisationUnits"] = [{"id": name} for name in CLINICS]
    return served(export)


def files(folder: Path, *, months: int) -> list[Path]:
    """The outreach report of some months, and of two months a data element of the monthly one."""
    outreach = [[month, unit, month + unit + 1] for month in range(months) for unit in range(len(CLINICS))]
    said = {"de": "deVisits001", "ds": "dsOutreach1", "ou": list(CLINICS), "coc": "ocFixed0001", "aoc": "ocSchool001"}
    return [
        written(folder / "a.adv2.json", group([row for row in outreach if row[0] < 2], ou=list(CLINICS))),
        written(folder / "b.adv2.json", group(outreach, **said)),
    ]


def pushing(server: CostlyServer, sources: list[Path], folder: Path, **options: Any) -> tuple[PushReport, float]:
    async def work() -> PushReport:
        profile = Profile(server.url, Credentials("basic", PASSWORD, USERNAME), retries=0)
        async with open_client(profile) as client:
            return await push(client, sources, PushOptions(state=folder / "state", **options))

    return elapsed(server, work)


@pytest.mark.parametrize(("version", "times"), [(NEW, 4), (OLD, 2)])
def test_push_is_many_times_faster_than_with_one_size_for_all(version: str, times: float, tmp_path: Path) -> None:
    server = CostlyServer(version, country())
    sources = files(tmp_path, months=12)
    report, seconds = pushing(server, sources, tmp_path)
    assert sum(report.rows.values()) == len(server.sets) == (12 + 2) * len(CLINICS)
    assert report.exit_code <= 1
    before = server.seconds_of_previous_policy()
    print(f"{version}: {before:,.0f} s before, {seconds:,.0f} s now: {before / seconds:.1f} times faster")
    assert before / seconds >= times


def test_no_request_takes_longer_than_is_said(tmp_path: Path) -> None:
    server = CostlyServer(NEW, country())
    pushing(server, files(tmp_path, months=4), tmp_path, max_request_s=2)
    assert max(seconds for *_, seconds in server.sent) <= 2.6  # the first that took longer is the last


def test_rows_of_limited_data_sets_go_with_few_units(tmp_path: Path) -> None:
    server = CostlyServer(NEW, country())
    pushing(server, files(tmp_path, months=12), tmp_path)
    by_unit = [(values, units) for name, values, units, _ in server.sent if name == "dsOutreach1"]
    assert all(units <= values / 12 + 2 for values, units in by_unit)
