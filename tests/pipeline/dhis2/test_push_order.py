"""The order of a push: what goes at once, by organisation unit, in passes; and that each value arrives once even so."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import hmis
from support.dhis2_http import Answer, Fault, Request
from support.dhis2_metadata import served
from support.dhis2_server import VERSIONS, Dhis2Server
from support.dhis2_values import MONTHS, UNITS, group, pushed, sizes, stock, texts, written
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.push.chunks import streams_of
from tallyport.dhis2.push.passes import Pass
from tallyport.dhis2.push.report import PushOptions
from tallyport.dhis2.push.row_spool import RowSpool
from tallyport.dhis2.push.streams import Streams
from tallyport.dhis2.push.value_import import Envelope
from tallyport.dhis2.request.data_values import Group, Row

OLD, NEW = VERSIONS[1], VERSIONS[2]
OUTREACH = (UNITS[0], UNITS[1], UNITS[3])
"""The clinics of the data set whose attribute options are limited to organisation units."""


class Busy(Dhis2Server):
    """Takes its time, and watches what it is sent at once."""

    def __init__(self, version: str) -> None:
        super().__init__(version, served(hmis.export()))
        self.most_at_once = 0
        self.shared: set[str] = set()
        self.collided: set[str] = set()
        """Periods that two requests made at once."""
        self._units: list[set[str]] = []
        self._new: list[set[str]] = []
        self._periods: set[str] = set()

    async def answer(self, request: Request) -> Answer:
        if request.method != "POST" or not request.path.endswith("/dataValueSets"):
            return await super().answer(request)
        units = {row["orgUnit"] for row in request.json()["dataValues"]}
        for other in self._units:
            self.shared |= units & other
        new = {row["period"] for row in request.json()["dataValues"]} - self._periods
        for others in self._new:
            self.collided |= new & others
        self._new.append(new)
        self._units.append(units)
        self.most_at_once = max(self.most_at_once, len(self._units))
        await asyncio.sleep(0.002)
        try:
            return await super().answer(request)
        finally:
            self._units.remove(units)
            self._new.remove(new)
            self._periods |= new


def outreach(months: int = 3, **given: Any) -> dict[str, Any]:
    """A group of the data set whose attribute options are limited, as ADV2 orders it: by month, then by clinic."""
    rows = [
        [month, unit, combo, 10 * month + unit + 1] for month in range(months) for unit in range(3) for combo in (0, 1)
    ]
    said = {"ds": "dsOutreach1", "de": "deVisits001", "ou": list(OUTREACH), "aoc": ["ocEvery0001"]}
    return group(rows, **(said | {"coc": ["ocFixed0001", "ocOutreach1"]} | given))


def units_of(server: Dhis2Server) -> list[list[str]]:
    """The organisation units of each request, in the order of its rows, neighbours once."""
    found = []
    for request in server.asked("/dataValueSets", "POST"):
        units = [row["orgUnit"] for row in request.json()["dataValues"]]
        found.append([unit for at, unit in enumerate(units) if not at or units[at - 1] != unit])
    return found


@pytest.mark.parametrize("version", [OLD, NEW])
def test_data_sets_whose_attribute_options_are_limited_go_by_organisation_unit(version: str, tmp_path: Path) -> None:
    with Busy(version) as server:
        file = written(tmp_path / "a.adv2.json", outreach())
        report = pushed(server, file, state=tmp_path / "state", chunk_rows=15)
        assert units_of(server) == [list(OUTREACH[:2]), [OUTREACH[2]]]  # of 6 rows each: whole ones in a request
        assert (len(server.values), report.exit_code) == (18, 0)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_older_server_that_is_not_told_the_data_set_gets_them_by_unit_too(version: str, tmp_path: Path) -> None:
    with Busy(version) as server:
        file = written(tmp_path / "a.adv2.json", outreach(ds=None))
        pushed(server, file, state=tmp_path / "state", chunk_rows=6)
        assert units_of(server) == [[unit] for unit in OUTREACH]


def test_other_data_sets_go_as_they_come(tmp_path: Path) -> None:
    with Busy(NEW) as server:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock(2))), state=tmp_path / "state")
        assert units_of(server) == [[*UNITS, *UNITS]]


def test_a_unit_with_more_values_than_a_request_takes_is_parted(tmp_path: Path) -> None:
    with Busy(NEW) as server:
        file = written(tmp_path / "a.adv2.json", outreach(), group([[0, 0, "x"]], de="deSupply001"))
        pushed(server, file, state=tmp_path / "state", chunk_rows=4, parallel=3)
        assert Counter(sizes(server)) == {4: 3, 2: 3, 1: 1}
        assert set(server.arrivals.values()) == {1}


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_requests_that_are_sent_at_once_share_no_organisation_unit(streams: int, tmp_path: Path) -> None:
    with Busy(NEW) as server:
        file = written(tmp_path / "a.adv2.json", group(stock()), group(stock(), de="deSupply001"), outreach())
        report = pushed(server, file, state=tmp_path / "state", chunk_rows=5, parallel=streams)
        assert (server.most_at_once, server.shared, report.exit_code) == (streams, set(), 0)
        assert server.collided == set()
        assert (len(server.values), set(server.arrivals.values())) == (2 * 48 + 18, {1})


def test_two_requests_are_sent_at_once_unless_the_server_is_of_2_41_or_has_jobs() -> None:
    assert [streams_of(PushOptions(), (2, minor)) for minor in (41, 42, 43, 44)] == [1, 2, 2, 2]
    assert streams_of(PushOptions(is_async=True), (2, 43)) == 1
    assert streams_of(PushOptions(parallel=4, is_async=True), (2, 41)) == 4


def test_sizes_are_learnt_for_each_data_set(tmp_path: Path) -> None:
    months = [f"{year}{month:02}" for year in range(1990, 2025) for month in range(1, 13)]
    weeks = [f"{year}W{week}" for year in range(2018, 2025) for week in range(1, 51)]
    monthly = group([[at, unit, at] for at in range(len(months)) for unit in range(4)], pe=months)
    weekly = group([[at, at] for at in range(len(weeks))], de="deWeekly001", ds="dsWeekly001", pe=weeks, ou=UNITS[0])
    with Busy(NEW) as server:
        pushed(server, written(tmp_path / "a.adv2.json", monthly, weekly), state=tmp_path / "state")
        sent = [(r.json()["dataSet"], len(r.json()["dataValues"])) for r in server.asked("/dataValueSets", "POST")]
    assert [size for name, size in sent if name == "dsMonthly01"][:2] == [200, 600]
    assert [size for name, size in sent if name == "dsWeekly001"] == [200, 150]  # it begins anew


# --- Rows of one key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLD, NEW])
def test_of_values_of_one_key_the_last_one_stands(version: str, tmp_path: Path) -> None:
    files = [
        written(tmp_path / f"{number}.adv2.json", group([[m, u, 100 * number + m] for m in range(4) for u in range(4)]))
        for number in range(4)
    ]
    with Busy(version) as server:
        pushed(server, *files, state=tmp_path / "state", chunk_rows=3, parallel=3)
        assert set(texts(server).values()) == {"300", "301", "302", "303"}
        assert set(server.arrivals.values()) == {4}


def test_of_values_of_one_key_that_go_by_unit_the_last_one_stands(tmp_path: Path) -> None:
    later = outreach(1)
    later["data"] = [[*row[:-1], 99] for row in later["data"]]
    with Busy(NEW) as server:
        files = written(tmp_path / "a.adv2.json", outreach()), written(tmp_path / "b.adv2.json", later)
        pushed(server, *files, state=tmp_path / "state", parallel=2)
        assert {v["value"] for key, v in server.values.items() if key[1] == MONTHS[0]} == {"99"}


def test_groups_that_differ_in_what_they_are_about_share_requests(tmp_path: Path) -> None:
    months = [group([[0, unit, unit] for unit in range(4)], pe=month) for month in MONTHS]
    for one in months:
        one["data"] = [row[1:] for row in one["data"]]
    with Busy(NEW) as server:
        pushed(server, written(tmp_path / "a.adv2.json", *months), state=tmp_path / "state")
        assert sizes(server) == [48]


@pytest.mark.parametrize(
    ("other", "is_taken"),
    [
        ({}, False),
        ({"de": "deStock0001"}, True),
        ({"pe": ("202502",)}, True),
        ({"pe": ("202502", "202501")}, False),
        ({"ou": ("ouClinicB01",)}, True),
        ({"coc": ("ocOver5F001",)}, True),
        ({"coc": ("ocOver5F001", "ocUnder5F01")}, False),
        ({"coc": None}, False),  # the default one, which the other may name
        ({"ds": "dsOutreach1"}, False),  # one value, whatever data set it is sent for
        ({"aoc": ("ocEvery0001",)}, False),
    ],
)
def test_a_pass_holds_no_two_groups_that_may_have_a_key_in_common(other: dict[str, Any], is_taken: bool) -> None:
    of = Pass()
    assert of.takes(hmis.header())
    assert of.takes(hmis.header(**other)) is is_taken


# --- Breaks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLD, NEW])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    breaks=st.lists(st.tuples(st.sampled_from(["refuse", "status"]), st.integers(0, 8)), max_size=4),
    chunk=st.integers(1, 30),
    streams=st.integers(1, 4),
)
def test_wherever_a_push_of_several_streams_breaks_each_value_arrives_once(
    version: str, breaks: Sequence[tuple[str, int]], chunk: int, streams: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("push")
    file = written(tmp_path / "a.adv2.json", group(stock(4)), group(stock(4), de="deSupply001"), outreach())
    with Busy(version) as server:
        for kind, skip in breaks:
            server.fail(Fault(kind, path="/dataValueSets", method="POST", skip=skip, times=99, status=500))
            try:
                pushed(server, file, state=tmp_path / "state", chunk_rows=chunk, retries=0, parallel=streams)
            except RequestFailed:
                continue
            break
        else:
            server.fail()
            report = pushed(server, file, state=tmp_path / "state", chunk_rows=chunk, parallel=streams)
            assert sum(report.rows.values()) == 2 * 16 + 18
        assert (len(server.values), set(server.arrivals.values())) == (2 * 16 + 18, {1})
        assert server.shared == server.collided == set()
        assert not list((tmp_path / "state").iterdir())


def test_when_a_request_fails_what_the_others_settled_is_kept(tmp_path: Path) -> None:
    class Half(Busy):
        """Fails for two of the clinics at once, and takes its time for the others."""

        async def answer(self, request: Request) -> Answer:
            if request.method == "POST" and {row["orgUnit"] for row in request.json()["dataValues"]} & set(UNITS[2:]):
                return self.message(500, "no")
            await asyncio.sleep(0.05)
            return await super().answer(request)

    file = written(tmp_path / "a.adv2.json", group(stock(1)))
    with Half(NEW) as server, pytest.raises(RequestFailed):
        pushed(server, file, state=tmp_path / "state", retries=0, parallel=2, chunk_rows=2)
    (journal,) = (tmp_path / "state").iterdir()
    lines = map(json.loads, journal.read_text().splitlines())
    assert [line["settled"] for line in lines if "settled" in line] == [[[0, 0, 0, 2]]]


def test_streams_end_before_they_are_left_and_raise_what_failed() -> None:
    done: list[str] = []

    async def work(name: str, seconds: float, *, fails: bool = False) -> None:
        await asyncio.sleep(seconds)
        if fails:
            raise ValueError(name)
        done.append(name)

    async def run() -> None:
        async with Streams(3) as streams:
            await streams.start(frozenset("a"), work("a", 0.02))
            await streams.start(frozenset("b"), work("b", 0.001, fails=True))
            await streams.start(frozenset("a"), work("a again", 0.0))

    with pytest.raises(ValueError, match="b"):
        asyncio.run(run())
    assert done == ["a"]  # the other was not begun, as it shares a unit


# --- Rows on the disk ------------------------------------------------------------------------------------------------


def test_rows_come_back_from_the_disk_by_envelope_and_unit_and_otherwise_in_their_order() -> None:
    spool = RowSpool()
    one, two = Envelope((), "one"), Envelope((), "two")
    groups = [Group(0, "a", number) for number in range(2)]
    rows = [
        (envelope, Row(groups[number % 2], number, {"orgUnit": unit, "value": "é\n", "followUp": True}, 9))
        for number, (envelope, unit) in enumerate([(one, "b"), (two, "a"), (one, "a"), (one, "b"), (two, "a")])
    ]
    spool.add(rows[:2])
    spool.add(rows[2:])
    assert list(spool.rows()) == rows
    assert [row.number for _, row in spool.rows(by_unit=True)] == [2, 0, 3, 1, 4]
    spool.close()
