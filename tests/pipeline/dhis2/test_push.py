"""Pushing values to a server: what arrives, in which requests, what is told, and how a push goes on after a break."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import dhis2_values, hmis, running
from support.checking import check_against
from support.dhis2_http import Fault
from support.dhis2_imports import Breakdown
from support.dhis2_metadata import served
from support.dhis2_server import PASSWORD, SECRETS, USERNAME, VERSIONS, Dhis2Server
from support.dhis2_values import MONTHS, UNITS, group, pushed, sizes, stock, texts, written
from support.places import DATA
from support.waiting import wait_until
from tallyport.cli.main import run
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.models import ImportSummary
from tallyport.dhis2.push.chunk_size import ChunkSize
from tallyport.dhis2.push.journal import Journal, journal_path
from tallyport.dhis2.push.push import ChunkPushed
from tallyport.dhis2.request.data_values import Group, Row, body, group_rows
from tallyport.dhis2.request.rejections import outcome
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.convert import Options
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, OutsideFailed, Refused
from tallyport_schemas.progress import Progress

VALUES = DATA / "sierra-leone-values.json.gz"
OLD, NEW = VERSIONS[1], VERSIONS[2]
OK, FINDINGS, USAGE, UNREADABLE, OUTSIDE, REFUSED = 0, 1, 2, 3, 4, 5


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("TALLYPORT_", "DHIS2_")) and name != "TALLYPORT_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYPORT_PROFILES", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("TALLYPORT_USERNAME", USERNAME)
    monkeypatch.setenv("TALLYPORT_PASSWORD", PASSWORD)
    monkeypatch.setattr("tallyport.dhis2.push.value_import._WAIT_FIRST_S", 0.001)


@pytest.fixture(params=[OLD, NEW])
def server(request: pytest.FixtureRequest) -> Iterator[Dhis2Server]:
    """One that judges row by row, and one that judges requests; 2.41 is as 2.42."""
    with dhis2_values.server(request.param) as started:
        yield started


@pytest.fixture
def old() -> Iterator[Dhis2Server]:
    with dhis2_values.server(OLD) as started:
        yield started


@pytest.fixture
def new() -> Iterator[Dhis2Server]:
    with dhis2_values.server(NEW) as started:
        yield started


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


JSON = {"Content-Type": "application/json"}


def summary(status: str) -> bytes:
    """The answer of a server whose import failed, or so it says."""
    response = {"status": status, "description": NOT_SERIALIZED, "importCount": {"imported": 1}, "conflicts": []}
    return json.dumps({"httpStatusCode": 409, "status": status, "message": "An error", "response": response}).encode()


def found(report: Any, code: str) -> list[Finding]:
    return [one.finding for one in report.findings if one.finding.code == code]


def expected(rows: Sequence[Sequence[Any]]) -> dict[tuple[str, str, str], str]:
    return {("deStock0001", MONTHS[month], UNITS[unit]): str(value) for month, unit, value, *_ in rows}


# --- What arrives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_each_value_arrives_once(version: str, tmp_path: Path, state: Path) -> None:
    with dhis2_values.server(version) as server:
        report = pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert texts(server) == expected(stock())
    assert set(server.arrivals.values()) == {1}
    assert sum(report.rows.values()) == len(stock())
    assert report.exit_code == OK
    assert list(state.iterdir()) == []


def test_values_go_to_the_place_that_the_server_leads_to(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    assert run(["push", "--url", f"http://127.0.0.1:{server.port}", "--state", str(state), str(file)]) == OK
    assert texts(server) == expected(stock())


def test_all_that_a_row_says_arrives(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    note = 'a "note"\twith\nlines \\N and \\ é'
    rows: list[list[Any]] = [
        [0, 0, "07"],
        [0, 1, -12.25],
        [0, 2, "x", False, True, note],
        [1, 0, "y", False, False],
        [1, 1, None, True],
    ]
    file = written(tmp_path / "a.adv2.json", group(rows, de="deSupply001"))
    assert pushed(server, file, state=state).exit_code == OK
    unflagged = {} if server.generation >= 43 else {"followup": False}  # 2.43 keeps what is not said as null
    got = {(key[1], key[2]): value for key, value in server.values.items()}
    deleted = {("202502", UNITS[1]): {"deleted": True}} if server.generation >= 43 else {}  # 2.42 has no such value
    assert got == {
        ("202501", UNITS[0]): {"value": "07"} | unflagged,
        ("202501", UNITS[1]): {"value": "-12.25"} | unflagged,
        ("202501", UNITS[2]): {"value": "x", "followup": True, "comment": note},
        ("202502", UNITS[0]): {"value": "y", "followup": False},
        **deleted,
    }


def test_option_combos_are_sent_and_default_ones_left_out(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    combos = ["ocUnder5F01", "ocUnder5M01"]
    file = written(tmp_path / "a.adv2.json", group([[0, 0, 0, 1], [0, 0, 1, 2]], de="deVisits001", coc=combos))
    pushed(server, file, state=state)
    assert {key[3:]: value["value"] for key, value in server.values.items()} == {
        ("ocUnder5F01", server.default_coc): "1",
        ("ocUnder5M01", server.default_coc): "2",
    }
    (request,) = server.asked("/dataValueSets", "POST")
    assert "attributeOptionCombo" not in request.json()["dataValues"][0]


def test_category_options_are_sent_as_their_option_combos(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    options = [["U5", "O5"], ["F", "M"]]
    rows = [[0, 0, a, b, 10 * a + b + 1] for a in (0, 1) for b in (0, 1)]
    file = written(
        tmp_path / "a.adv2.json",
        group(rows, de="deVisits001", co=options, cc="ccAgeSex001", ids={"co": "CODE"}),
    )
    assert pushed(server, file, state=state).exit_code == OK
    assert {key[3]: value["value"] for key, value in server.values.items()} == {
        "ocUnder5F01": "1",
        "ocUnder5M01": "2",
        "ocOver5F001": "11",
        "ocOver5M001": "12",
    }


def test_the_data_set_settles_which_combo_options_are_of(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    said = {"de": "deVisits001", "ds": "dsOutreach1", "co": [["coFixed0001"]], "ao": [["coWater0001", "coEvery0001"]]}
    file = written(tmp_path / "a.adv2.json", group([[0, 0, 0, 5], [0, 0, 1, 6]], **said))
    assert pushed(server, file, state=state).exit_code == OK
    assert {key[3:]: value["value"] for key, value in server.values.items()} == {
        ("ocFixed0001", "ocWater0001"): "5",
        ("ocFixed0001", "ocEvery0001"): "6",
    }


def test_rows_whose_options_have_no_combo_are_told_and_the_others_sent(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    server.metadata.collections["categoryOptionCombos"] = [
        combo for combo in server.metadata.collections["categoryOptionCombos"] if combo["id"] != "ocUnder5M01"
    ]
    rows = [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 1, 3]]
    said = {"de": "deVisits001", "co": [["coUnder5001"], ["coFemale001", "coMale00001"]]}
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows, **said)), state=state)
    (told,) = found(report, "TP875")
    assert (told.row, told.count, told.field, told.source) == (1, 2, "co", "a.adv2.json")
    assert (len(server.values), report.left_out, report.exit_code) == (1, 2, FINDINGS)


def test_options_that_two_option_combos_fit_are_sent_as_neither(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    combos = new.metadata.collections["categoryOptionCombos"]
    first = next(combo for combo in combos if combo["id"] == "ocUnder5F01")
    combos.append({**first, "id": "ocTwin00001", "code": None})
    said = {"de": "deVisits001", "co": [["coUnder5001"], ["coFemale001", "coMale00001"]]}
    report = pushed(new, written(tmp_path / "a.adv2.json", group([[0, 0, 1, 2]], **said)), state=state)
    (told,) = found(report, "TP874")
    assert "ocUnder5F01" in str(told.found)
    assert "ocTwin00001" in str(told.found)
    assert (len(new.values), report.failed_groups, report.exit_code) == (0, 1, UNREADABLE)


def test_identifier_schemes_are_said_with_the_request(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    said = {"ids": {"de": "CODE", "ou": "CODE", "ds": "CODE"}, "de": "STOCK", "ds": "MONTHLY", "ou": ["CLINIC_A1"]}
    file = written(tmp_path / "a.adv2.json", group([[0, 5], [1, 6]], **said))
    if server.generation >= 43:
        report = pushed(server, file, state=state)
        assert texts(server) == {("deStock0001", m, "ouClinicA01"): v for m, v in (("202501", "5"), ("202502", "6"))}
        assert report.exit_code == OK
    else:
        pushed(server, file, state=state)
    (request,) = server.asked("/dataValueSets", "POST")
    schemes = {name: text for name, (text,) in request.query.items() if name.endswith("Scheme")}
    assert schemes == {"dataElementIdScheme": "CODE", "orgUnitIdScheme": "CODE", "dataSetIdScheme": "CODE"}


def test_legacy_files_are_converted_on_the_way(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    values = [
        {"dataElement": "deStock0001", "period": m, "orgUnit": UNITS[0], "value": str(n)} for n, m in enumerate(MONTHS)
    ]
    legacy = tmp_path / "january.json"
    legacy.write_text(json.dumps({"dataSet": "dsMonthly01", "dataValues": [*values, {"dataElement": "x"}]}))
    report = pushed(server, legacy, state=state)
    assert texts(server) == {("deStock0001", m, UNITS[0]): str(n) for n, m in enumerate(MONTHS)}
    assert report.conversions[0].manifest
    assert report.conversions[0].manifest["values"]["rejected"] == 1
    assert report.exit_code == FINDINGS


def test_schemes_of_legacy_files_can_be_said(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    legacy = tmp_path / "january.csv"
    legacy.write_text("dataelement,period,orgunit,value\nSTOCK,202501,CLINIC_A1,7\n")
    conversion = Options(id_schemes={"": "CODE"}, data_set="MONTHLY")
    assert pushed(new, legacy, state=state, conversion=conversion).exit_code == OK
    assert texts(new) == {("deStock0001", "202501", "ouClinicA01"): "7"}


# --- Attributes of ADX that no category has --------------------------------------------------------------------------


def adx(path: Path, *rows: str) -> Path:
    values = "".join(f"<dataValue {row}/>" for row in rows)
    group = '<group orgUnit="CLINIC_A1" period="2025-01-01/P1M" dataSet="MONTHLY" mechanism="X">'
    path.write_text(f'<adx xmlns="urn:ihe:qrph:adx:2015">{group}{values}</group></adx>')
    return path


def test_attributes_of_adx_that_are_no_category_of_the_server_are_skipped(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    visits = 'dataElement="VISITS" AGE="U5" SEX="F" value="3" source="x"'
    rows = ('dataElement="STOCK" value="7" source="EMR"', visits)
    report = pushed(server, adx(tmp_path / "a.xml", *rows), state=state, conversion=Options(id_schemes={"": "CODE"}))
    said = [(of.field, of.count) for of in report.sources[0].findings if of.code == "TP436"]
    assert sorted(said) == [("mechanism", 2), ("source", 2)]
    assert sorted(texts(server).values()) == ["3", "7"]


def test_of_a_server_that_does_not_list_categories_all_attributes_are_categories(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    new.fail(Fault("status", path="/categories", status=403, times=99))
    file = adx(tmp_path / "a.xml", 'dataElement="STOCK" value="7" source="EMR"')
    report = pushed(new, file, state=state, conversion=Options(id_schemes={"": "CODE"}))
    assert not texts(new)
    assert report.exit_code != OK


def test_other_sources_ask_for_no_categories(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    legacy = tmp_path / "january.csv"
    legacy.write_text("dataelement,period,orgunit,value\ndeStock0001,202501,ouClinicA01,7\n")
    assert pushed(new, legacy, state=state).exit_code == OK
    assert not new.asked("/categories", "GET")


def test_two_default_option_combos_are_said_before_the_first_value_is_sent(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    (default,) = [one for one in server.metadata.collections["categoryCombos"] if one["name"] == "default"]
    second = {"id": "cocTwice001", "name": "default", "categoryCombo": {"id": default["id"], "name": "default"}}
    server.metadata.collections["categoryOptionCombos"].append(second | {"categoryOptions": []})
    sent: list[int] = []

    def watch(event: Any) -> None:
        if getattr(getattr(event, "finding", None), "code", "") == "TP734":
            sent.append(len(server.asked("/dataValueSets", "POST")))

    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state, watch=watch)
    (said,) = found(report, "TP734")
    assert "cocTwice001" in str(said.found or said.message)
    assert (sent, texts(server)) == ([0], expected(stock()))


# --- Comments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "longest"), [(OLD, 50_000), (NEW, 5_000)])
def test_comments_may_be_as_long_as_the_server_takes_them(
    version: str, longest: int, tmp_path: Path, state: Path
) -> None:
    rows = [[0, 0, "1", False, False, "x" * longest], [1, 0, "2", False, False, "x" * (longest + 1)]]
    with dhis2_values.server(version) as server:
        report = pushed(server, written(tmp_path / "a.adv2.json", group(rows)), state=state)
    assert [len(stored["comment"]) for stored in server.values.values()] == [longest]
    assert (len(found(report, "TP222")), report.left_out) == (1, 1)


# --- Data sets -------------------------------------------------------------------------------------------------------


def test_a_server_that_asks_for_the_data_set_is_told_the_one_that_fits(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    # The element is in two data sets: only one of them has the other clinics, the other has the attribute combo.
    plain = group([[0, unit, unit] for unit in range(4)], de="deVisits001", ds=None, coc="ocUnder5F01")
    project = group([[0, 0, 7]], de="deVisits001", ds=None, coc="ocFixed0001", aoc="ocWater0001")
    report = pushed(new, written(tmp_path / "a.adv2.json", plain, project), state=state)
    assert report.exit_code == OK
    sent = [(r.json()["dataSet"], len(r.json()["dataValues"])) for r in new.asked("/dataValueSets", "POST")]
    assert sent == [("dsMonthly01", 4), ("dsOutreach1", 1)]


def test_older_servers_are_sent_what_names_no_data_set_as_it_is(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(old, written(tmp_path / "a.adv2.json", group(stock(), ds=None)), state=state)
    (request,) = old.asked("/dataValueSets", "POST")
    assert "dataSet" not in request.json()


def test_groups_of_one_data_set_share_requests(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    for name in ("deStock0001", "deSupply001", "dePhoto0001"):
        written(tmp_path / "out" / f"{name}.adv2.json", group(stock(2, 2), de=name))
    written(
        tmp_path / "out" / "w.adv2.json",
        group([[1]], de="deWeekly001", ds="dsWeekly001", pe=["2025W1"], ou=UNITS[0]),
    )
    pushed(server, tmp_path / "out", state=state)
    assert sizes(server) == [12, 1]


def test_a_data_element_in_no_data_set_fails_its_group_and_no_other(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    lost = group([*stock(), [0, 0, "twice"]], de="deNowhere01", ds=None)
    report = pushed(new, written(tmp_path / "a.adv2.json", lost, group(stock())), state=state)
    (told,) = found(report, "TP873")
    assert (told.found, told.source) == ("deNowhere01", "a.adv2.json")
    assert (texts(new), report.left_out, report.exit_code) == (expected(stock()), len(stock()) + 1, UNREADABLE)


WEEK_AND_FOREIGN_COMBO = (
    group([[0, 0, 1], [1, 0, 2]], pe=["202501", "2025W3"]),
    group([[0, 0, 0, 3], [0, 0, 1, 4]], de="deVisits001", coc=["ocUnder5F01", "ocFixed0001"]),
)
"""Two values that are right, a week in a monthly data set, an option combo of another category combo."""


@pytest.mark.parametrize("version", VERSIONS[:2])
def test_older_servers_do_not_store_what_belongs_to_no_data_set_of_its_kind(
    version: str, tmp_path: Path, state: Path
) -> None:
    file = written(tmp_path / "a.adv2.json", *WEEK_AND_FOREIGN_COMBO)
    with dhis2_values.server(version) as server:
        report = pushed(server, file, state=state)
        assert sorted(value["value"] for value in server.values.values()) == ["1", "3"]
    told = [(one.number, one.finding.row, one.finding.message.split()[4]) for one in report.findings]
    assert told == [(0, 1, "E7632"), (1, 1, "E7634")]
    assert (report.rows["rejected"], report.exit_code) == (2, FINDINGS)


def test_older_servers_can_be_asked_to_be_lenient(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = written(tmp_path / "a.adv2.json", *WEEK_AND_FOREIGN_COMBO)
    assert run(command(old, state, file, "--lenient")) == OK
    assert len(old.values) == 4
    (request,) = old.asked("/dataValueSets", "POST")
    assert not any(name.startswith("strict") for name in request.query)


def test_the_latest_server_is_strict_unasked(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(new, written(tmp_path / "a.adv2.json", group(stock(1))), state=state)
    (request,) = new.asked("/dataValueSets", "POST")
    assert request.query == {}


def test_a_request_that_names_no_data_set_is_not_refused_for_it(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    # With strictDataElements, the server wants a data set named.
    pushed(old, written(tmp_path / "a.adv2.json", group(stock(1), ds=None)), state=state)
    (request,) = old.asked("/dataValueSets", "POST")
    assert sorted(name for name in request.query if name.startswith("strict")) == [
        "strictAttributeOptionCombos",
        "strictCategoryOptionCombos",
        "strictOrganisationUnits",
        "strictPeriods",
    ]


# --- Chunks ----------------------------------------------------------------------------------------------------------


def test_chunks_have_the_size_asked_for(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state, chunk_rows=20)
    assert sizes(server) == [20, 20, 8]


def test_a_server_that_takes_fewer_gets_fewer(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    server.slowest_size = 7
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert max(server.accepted_sizes) <= 7
    assert texts(server) == expected(stock())
    assert (set(server.arrivals.values()), report.exit_code) == ({1}, OK)


def test_a_server_that_takes_no_value_at_all_is_an_error(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    old.fail(Fault("status", path="/dataValueSets", method="POST", status=413, times=99))
    with pytest.raises(RequestFailed) as failed:
        pushed(old, written(tmp_path / "a.adv2.json", group(stock(1, 2))), state=state)
    assert failed.value.status == 413


def taken(size: ChunkSize, seconds_of: Callable[[int], float], requests: int) -> list[int]:
    """The sizes of so many requests to a server that takes so long for each."""
    asked: list[int] = []
    for _ in range(requests):
        asked.append(size.rows)
        size.took(size.rows, seconds_of(size.rows), size.rows)
    return asked


@pytest.mark.parametrize(
    ("fixed_s", "each_s", "square_s", "best"),
    [
        (0.2, 0.0002, 1.6e-7, 1_100),  # a 2.43: the cost grows with the square of a request's values
        (0.2, 0.006, 2e-6, 316),  # a 2.43 that looks up each value
        (0.8, 0.0002, 0, 20_000),  # a 2.42: the cost is that of the request mostly
        (0.0, 0.01, 0, 200),  # all sizes are as good
    ],
)
def test_chunks_come_to_have_the_size_that_brings_the_most_values_a_second(
    fixed_s: float, each_s: float, square_s: float, best: int
) -> None:
    def seconds(rows: int) -> float:
        return fixed_s + each_s * rows + square_s * rows * rows

    asked = taken(ChunkSize(), seconds, 60)
    assert asked[0] == 200
    rates = [rows / seconds(rows) for rows in asked]
    assert sum(rates[10:]) / 50 >= 0.9 * best / seconds(best)
    assert max(map(seconds, asked)) <= 30


def test_a_server_that_becomes_slower_gets_other_sizes() -> None:
    size = ChunkSize()
    taken(size, lambda rows: 0.8 + 0.0002 * rows, 40)
    assert size.rows > 10_000
    taken(size, lambda rows: 0.1 + 0.001 * rows + 1e-6 * rows * rows, 60)
    assert size.rows < 3_000


@given(st.floats(0.2, 60))
def test_no_size_is_tried_that_should_take_too_long(most_s: float) -> None:
    assert max(taken(ChunkSize(max_request_s=most_s), lambda rows: rows * most_s / 1_000, 40)) <= 1_000
    assert max(taken(ChunkSize(max_request_s=most_s), lambda rows: rows * rows * most_s / 1e6, 40)) <= 1_000


@given(st.lists(st.floats(0.001, 100), max_size=40))
def test_whatever_requests_took_sizes_come_to_fit(noise: list[float]) -> None:
    size = ChunkSize()
    for seconds in noise:
        size.took(size.rows, seconds, size.rows)
        assert 1 <= size.rows <= 20_000
    assert max(taken(size, lambda rows: rows / 100, 60)[-5:]) <= 3_000


def test_a_chunk_that_was_not_full_says_nothing_of_larger_ones() -> None:
    size = ChunkSize()
    size.took(3, 0.001, 100)
    assert size.rows == ChunkSize().rows
    size.took(3, 80, 100)
    assert size.rows < 3


def test_a_size_that_was_refused_is_not_tried_again() -> None:
    size = ChunkSize()
    taken(size, lambda _: 0.1, 3)
    size.refused(400)
    assert max(taken(size, lambda _: 0.1, 40)) == 200


def test_what_waits_is_parted_when_the_server_turns_out_slow(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    new.slowest_size = 3
    both = group(stock(3), de="deSupply001"), group([[1]], de="deWeekly001", ds="dsWeekly001", pe="2025W1", ou=UNITS[0])
    pushed(new, written(tmp_path / "a.adv2.json", *both, group(stock(3))), state=state, chunk_rows=24)
    assert new.accepted_sizes == [3] * 8 + [1]


def test_progress_comes_to_its_end(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    told: list[Any] = []
    pushed(old, written(tmp_path / "a.adv2.json", group(stock())), state=state, watch=told.append, chunk_rows=10)
    shown = [one for one in told if isinstance(one, Progress)]
    assert [one.phase.partition(",")[0] for one in shown] == ["push"] * len(shown)
    assert shown
    assert all(one.done <= one.total for one in shown)
    assert shown[-1].done == shown[-1].total


def test_rows_of_one_element_arrive_in_the_order_of_their_sources(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    first = written(tmp_path / "a.adv2.json", group([[0, 0, 1], [0, 1, 1]]))
    second = written(tmp_path / "b.adv2.json", group([[0, 0, 2]], pe=["202501", "202502"]))
    pushed(server, first, second, state=state)
    assert texts(server)["deStock0001", "202501", UNITS[0]] == "2"
    assert sizes(server) == [2, 1]  # in one request they would be duplicates


# --- Jobs and dry runs -----------------------------------------------------------------------------------------------


def test_chunks_can_be_jobs_of_the_server(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    told: list[Any] = []
    file = written(tmp_path / "a.adv2.json", group(stock()))
    report = pushed(server, file, state=state, is_async=True, chunk_rows=30, watch=told.append)
    assert texts(server) == expected(stock())
    assert (len(server.jobs), report.exit_code, sum(report.rows.values())) == (2, OK, len(stock()))
    assert "Data value set import" in [getattr(one, "message", None) for one in told]


def test_rejections_of_jobs_are_mapped_to_rows_too(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    rows = stock(1, 3)
    rows[1][2] = "much"
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows)), state=state, is_async=True)
    (told,) = found(report, "TP870")
    assert (told.row, told.field, told.found) == (1, "value", "much")
    assert report.rows["rejected"] == 1


def test_a_job_that_fails_stops_the_push_and_is_taken_up_by_the_next(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    server.fails_jobs = True
    with pytest.raises(RequestFailed) as failed:
        pushed(server, file, state=state, is_async=True)
    assert failed.value.finding.code == "TP861"
    server.fails_jobs = False
    pushed(server, file, state=state, is_async=True)
    assert texts(server) == expected(stock())


def test_a_job_that_calls_itself_failed_is_asked_what_it_rejected(tmp_path: Path, state: Path) -> None:
    class Gloomy(Dhis2Server):
        def _step(self, job: Any) -> None:
            super()._step(job)
            if job.is_done:
                job.steps[-1]["level"] = "ERROR"

    with Gloomy(NEW, served(hmis.export())) as server:
        file = written(tmp_path / "a.adv2.json", group([[0, 0, "much"]]))
        report = pushed(server, file, state=state, is_async=True)
    assert [one.row for one in found(report, "TP870")] == [0]


def test_a_dry_run_writes_nothing_and_leaves_nothing(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    rows = stock()
    rows[3][2] = "much"
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows)), state=state, dry_run=True)
    assert not server.values
    assert all(request.first("dryRun") == "true" for request in server.asked("/dataValueSets", "POST"))
    assert (report.rows["rejected"], len(found(report, "TP870")), report.exit_code) == (1, 1, FINDINGS)
    assert not state.exists()


# --- What is rejected ------------------------------------------------------------------------------------------------


def test_a_rejected_value_is_told_with_its_place(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    rows = stock()
    for bad in (5, 20, 21):
        rows[bad][2] = "much"
    lead = group([["x"]], de="deSupply001", pe="202501", ou=UNITS[0])
    report = pushed(server, written(tmp_path / "a.adv2.json", lead, group(rows)), state=state)
    told = [one for one in report.findings if one.finding.code == "TP870"]
    assert [(one.file, one.number, one.finding.row, one.finding.count) for one in told] == [
        ("a.adv2.json", 1, 5, None),
        ("a.adv2.json", 1, 20, 2),
    ]
    assert ("E8122" if server.generation >= 43 else "E7619") in told[0].finding.message
    assert "#" not in told[0].finding.message  # 2.43 says the place in the request, which nobody knows
    good = [row for row in rows if row[2] != "much"]
    assert {key: value for key, value in texts(server).items() if key[0] == "deStock0001"} == expected(good)
    assert (report.rows["rejected"], report.exit_code) == (3, FINDINGS)
    assert sum(report.rows.values()) == len(rows) + 1


def test_an_unknown_organisation_unit_rejects_its_rows_alone(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    units = [*UNITS[:2], "ouNowhere01", "ouNowhere02"]
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock(), ou=units)), state=state, chunk_rows=16)
    good = [row for row in stock() if row[1] < 2]
    assert texts(server) == expected(good)
    assert set(server.arrivals.values()) == {1}
    told = [(one.field, one.found, one.row, one.count) for one in found(report, "TP870")]
    assert sorted(told) == [
        ("ou", "ouNowhere01", 2, 12),
        ("ou", "ouNowhere02", 3, 12),
    ]  # in whatever requests they went
    assert report.rows["rejected"] == len(stock()) // 2


@pytest.mark.parametrize(
    "combos", [["ocUnder5F01", "ocFixed0001"], ["ocFixed0001", "ocUnder5F01", "ocOutreach1"], None]
)
def test_an_option_combo_of_another_data_element_rejects_its_rows_alone(
    combos: list[str] | None, new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    count = len(combos or [1])
    rows = [[month, unit, *([combo] if combos else []), month + 1] for month in range(6) for unit in range(4)
            for combo in range(count)]  # fmt: skip
    said = {"de": "deVisits001", "coc": combos}
    others = group(stock(6), de="deStock0001"), group([[0, 0, "x"]], de="deSupply001")
    file = written(tmp_path / "a.adv2.json", group(rows, **said), *others)
    report = pushed(new, file, state=state)
    good = sum(1 for row in rows if combos and combos[row[2]] == "ocUnder5F01")
    assert len(new.values) == good + 25
    assert report.rows["rejected"] == len(rows) - good
    assert {(one.finding.code, one.finding.field) for one in report.findings} == {("TP870", "coc")}
    assert len(sizes(new)) <= 3


def test_what_the_server_said_of_an_identifier_is_not_asked_again(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    units = [*UNITS[:3], "ouNowhere01"]
    pushed(new, written(tmp_path / "a.adv2.json", group(stock(), ou=units)), state=state, chunk_rows=8)
    assert sizes(new) == [8, 6, 6, 6, 6, 6, 6]


def test_codes_that_are_unknown_reject_their_rows_alone(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    said = {"ids": {"ou": "CODE"}, "ou": ["CLINIC_A1", "NO-1", "NO-2", "CLINIC_B1"]}
    report = pushed(new, written(tmp_path / "a.adv2.json", group(stock(2), **said)), state=state)
    assert len(new.values) == 4
    assert {one.found for one in found(report, "TP870")} == {"NO-1", "NO-2"}
    assert report.rows["rejected"] == 4


def test_a_code_that_is_part_of_an_unknown_one_is_not_rejected_with_it(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    new.metadata.by_id("organisationUnits")[UNITS[0]]["code"] = "NO"
    said = {"ids": {"ou": "CODE"}, "ou": ["NO", "NO-1", "CLINIC_A2", "NO-10"]}
    report = pushed(new, written(tmp_path / "a.adv2.json", group(stock(2), **said)), state=state)
    assert {key[2] for key in new.values} == {UNITS[0], UNITS[1]}
    assert report.rows["rejected"] == 4


def test_a_chunk_rejected_for_what_no_identifier_tells_is_parted(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    new.locked = {(UNITS[1], "202503"), (UNITS[2], "202509")}
    report = pushed(new, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    bad = [9, 34]
    assert texts(new) == expected([row for number, row in enumerate(stock()) if number not in bad])
    assert [one.row for one in found(report, "TP871")] == bad
    assert "E8030" in found(report, "TP871")[0].message
    assert (set(new.arrivals.values()), report.rows["rejected"]) == ({1}, 2)


def test_a_chunk_that_cannot_be_taken_costs_a_bounded_number_of_requests(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    new.locked = {(unit, month) for unit in UNITS for month in MONTHS}
    elements = ["deStock0001", "deSupply001", "dePhoto0001", "deVisits001"]
    groups = [group(stock(), de=name, **({"coc": "ocUnder5F01"} if name == "deVisits001" else {})) for name in elements]
    report = pushed(new, written(tmp_path / "a.adv2.json", *groups), state=state)
    assert not new.values
    assert report.rows["rejected"] == 4 * len(stock())
    told = {(one.number, (one.finding.row or 0) + n) for one in report.findings for n in range(one.finding.count or 1)}
    assert len(told) == 4 * len(stock())
    assert len(sizes(new)) <= 2 * 64 + 2


def test_an_unknown_data_set_is_not_parted(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock(), ds="dsNowhere01")), state=state)
    (told,) = found(report, "TP870" if server.generation >= 43 else "TP871")  # 2.43 names the data elements
    assert (told.row, told.count) == (0, len(stock()))
    assert "dsNowhere01" in told.message
    assert (len(sizes(server)), report.rows["rejected"], report.exit_code) == (1, len(stock()), FINDINGS)


def test_a_period_that_the_server_does_not_know_rejects_its_rows_alone(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    said = json.dumps({"httpStatusCode": 400, "message": "Invalid period: 202503"}).encode()
    headers = {"Content-Type": "application/json"}
    new.fail(Fault("status", path="/dataValueSets", method="POST", status=400, body=said, headers=headers))
    report = pushed(new, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert texts(new) == expected([row for row in stock() if row[0] != 2])
    assert [(one.row, one.count, one.field) for one in found(report, "TP870")] == [(8, 4, "pe")]


def test_a_refusal_that_is_about_no_value_stops_the_push(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    said = json.dumps({"httpStatusCode": 409, "message": "Not now", "errorCode": "E1006"}).encode()
    new.fail(
        Fault(
            "status",
            path="/dataValueSets",
            method="POST",
            status=409,
            body=said,
            headers={"Content-Type": "application/json"},
        )
    )
    with pytest.raises(RequestFailed) as failed:
        pushed(new, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert (failed.value.finding.code, failed.value.finding.found) == ("TP855", "409: Not now")


def rows_of(units: Sequence[str]) -> list[Row]:
    at = Group(0, "a.adv2.json", 0)
    return [Row(at, number, {"dataElement": "de", "orgUnit": unit}, 1) for number, unit in enumerate(units)]


def test_conflicts_without_places_are_mapped_by_what_they_name() -> None:
    summary = ImportSummary.model_validate(
        {
            "status": "WARNING",
            "importCount": {"imported": 2, "ignored": 2},
            "conflicts": [{"object": "b", "objects": {"orgUnit": "b"}, "value": "not found", "errorCode": "E7612"}],
        }
    )
    counts, told = outcome(summary, rows_of("abba"), (2, 42))
    assert (counts["imported"], counts["rejected"], counts["ignored"]) == (2, 2, 0)
    assert [(one.row, one.count, one.field, one.found) for one in (each.finding for each in told)] == [
        (1, 2, "ou", "b")
    ]


def test_a_conflict_that_fits_no_row_is_told_all_the_same() -> None:
    summary = ImportSummary.model_validate(
        {"status": "WARNING", "importCount": {"imported": 2}, "conflicts": [{"object": "x", "value": "odd"}]}
    )
    _, told = outcome(summary, rows_of("ab"), (2, 42))
    assert [(one.code, one.row, one.found) for one in (each.finding for each in told)] == [("TP870", None, "x")]


def test_rejected_rows_without_a_reason_are_told() -> None:
    summary = ImportSummary.model_validate(
        {"status": "WARNING", "importCount": {"imported": 1, "ignored": 1}, "rejectedIndexes": [1]}
    )
    counts, told = outcome(summary, rows_of("ab"), (2, 42))
    assert (counts["rejected"], [(one.code, one.row) for one in (each.finding for each in told)]) == (1, [("TP870", 1)])


@pytest.mark.parametrize(("version", "severity"), [((2, 42), "info"), ((2, 43), "warning")])
def test_values_that_get_lost_in_silence_are_a_warning_where_that_means_something(
    version: tuple[int, int], severity: str
) -> None:
    summary = ImportSummary.model_validate({"status": "SUCCESS", "importCount": {"updated": 3, "ignored": 1}})
    counts, told = outcome(summary, rows_of("abcd"), version)
    assert counts["ignored"] == 1
    assert [(one.code, one.count, one.severity) for one in (each.finding for each in told)] == [("TP872", 1, severity)]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1, max_size=20))
def test_any_text_is_sent_as_it_is(values: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [[number, text, False, None, text] for number, text in enumerate(values)]
        units = [f"unit{number}" for number in range(max(2, len(values)))]
        path = written(Path(folder) / "a.adv2.json", group(rows, pe="202501", ou=units, ids={"ou": "CODE"}))
        with Source.open(path) as source:
            file = Adv2File(source)
            head = next(file.heads())
            header = check_form(head.properties)[0]
            assert header
            made = [row for part in group_rows(file, Group(0, "a", 0), header, followup="f") for row in part]
    sent = [(value["value"], value["comment"]) for value in json.loads(body(made, None))["dataValues"]]
    assert sent == [(text, text) for text in values]


def test_values_that_are_stored_already_are_no_fault(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    pushed(old, file, state=state)
    report = pushed(old, file, state=state)
    assert (report.rows["ignored"], report.exit_code) == (len(stock()), OK)
    assert [(one.severity, one.count) for one in found(report, "TP872")] == [("info", len(stock()))]


@pytest.mark.parametrize("version", [OLD, NEW])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=st.sets(st.integers(0, 47)), chunk=st.integers(1, 60))
def test_every_row_is_either_there_or_told(
    version: str, bad: set[int], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("push")
    rows = stock()
    for number in bad:
        rows[number][2] = "much"
    with dhis2_values.server(version) as server:
        file = written(tmp_path / "a.adv2.json", group(rows))
        report = pushed(server, file, state=tmp_path / "state", chunk_rows=chunk)
        told = [(one.row or 0) + n for one in found(report, "TP870") for n in range(one.count or 1)]
        assert sorted(told) == sorted(bad)
        assert texts(server) == expected([row for number, row in enumerate(rows) if number not in bad])
        assert set(server.arrivals.values()) <= {1}


# --- What the server does not acknowledge ----------------------------------------------------------------------------

NOT_SERIALIZED = "The import process failed: could not serialize access due to concurrent update"
EXPIRED = "Importing data values failed: Current date is past expiry days"
BREAKDOWNS = {
    "one is counted, and the rest as nothing": Breakdown(counts={"imported": 1}, stored=1),
    "all are counted as ignored": Breakdown(description=EXPIRED, counts={"ignored": 48}),
    "a warning without a conflict": Breakdown("WARNING", description=EXPIRED, counts={"ignored": 48}),
    "in an answer that calls itself OK": Breakdown(http=200, counts={"imported": 1}, stored=1),
    "a warning in an answer that calls itself OK": Breakdown("WARNING", 200, EXPIRED, {"ignored": 48}),
    "the summary stands alone": Breakdown(counts={"imported": 1}, stored=1, is_bare=True),
    "nothing is counted": Breakdown(),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["answer", "job"])
@pytest.mark.parametrize("name", BREAKDOWNS)
def test_an_import_that_fails_at_the_server_is_an_error_and_what_it_was_sent_is_sent_again(
    name: str, is_async: bool, server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    server.breakdowns = [replace(BREAKDOWNS[name])]
    chunks: list[Any] = []
    file = written(tmp_path / "a.adv2.json", group(stock()))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, file, state=state, is_async=is_async, watch=chunks.append)
    told = failed.value.finding
    assert (told.code, told.severity) == ("TP866", "error")
    assert str(BREAKDOWNS[name].description) in str(told.found)
    assert BREAKDOWNS[name].status in str(told.found)
    assert not any(isinstance(one, ChunkPushed) for one in chunks)
    assert len(list(state.iterdir())) == 1
    report = pushed(server, file, state=state, is_async=is_async)
    assert (texts(server), report.exit_code, list(state.iterdir())) == (expected(stock()), OK, [])


def test_what_was_acknowledged_before_an_import_failed_is_not_sent_again(
    server: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    server.fail(Fault("status", path="/dataValueSets", skip=2, status=409, body=summary("ERROR"), headers=JSON))
    assert run(command(server, state, file, "--json", "--chunk-size", "10")) == OUTSIDE
    document = json.loads(capsys.readouterr().out)
    check_against("push", document)
    assert (document["error"]["code"], sum(document["rows"].values())) == ("TP866", len(server.values))
    assert 20 <= len(server.values) < len(stock())
    assert f"409 ERROR: {NOT_SERIALIZED}" in document["error"]["found"]
    assert run(command(server, state, file)) == OK
    assert (texts(server), set(server.arrivals.values())) == (expected(stock()), {1})


def test_text_says_that_nothing_is_done(
    server: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.breakdowns = [Breakdown(counts={"imported": 1})]
    assert run(command(server, state, written(tmp_path / "a.adv2.json", group(stock())))) == OUTSIDE
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[TP866]" in err
    assert f"found 409 ERROR: {NOT_SERIALIZED} (1 imported of " in err
    assert "stored already" not in err


@pytest.mark.parametrize("is_async", [False, True], ids=["answer", "job"])
def test_a_success_that_counts_fewer_values_than_were_sent_is_none(
    is_async: bool, server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    for counts in ({}, {"updated": 47}, {"imported": 49}):  # the first is 2.43's answer to what it does not understand
        server.breakdowns = [Breakdown("SUCCESS", 200, None, counts)]
        with pytest.raises(RequestFailed) as failed:
            pushed(server, file, state=state, is_async=is_async)
        assert failed.value.finding.code == "TP867"
    assert pushed(server, file, state=state).exit_code == OK


def test_an_answer_without_a_summary_acknowledges_nothing(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    said = json.dumps({"httpStatusCode": 200, "status": "ERROR", "message": "Not today"}).encode()
    server.fail(Fault("status", path="/dataValueSets", status=200, body=said, headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert failed.value.finding.code == "TP866"
    assert "200 ERROR: Not today" in str(failed.value.finding.found)


def test_a_success_within_an_answer_of_failure_is_none(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    body = json.loads(summary("SUCCESS")) | {"status": "ERROR"}
    body["response"]["importCount"] = {"imported": 48}
    server.fail(Fault("status", path="/dataValueSets", status=200, body=json.dumps(body).encode(), headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert failed.value.finding.code == "TP866"


def test_a_conflict_that_names_neither_a_row_nor_a_reason_of_theirs_rejects_no_row(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    body = json.loads(summary("ERROR"))
    body["response"] |= {"conflicts": [{"object": "import", "value": "Deadlock found"}], "importCount": {"ignored": 48}}
    server.fail(Fault("status", path="/dataValueSets", status=409, body=json.dumps(body).encode(), headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert failed.value.finding.code == "TP866"
    assert "Deadlock found" in str(failed.value.finding.found)


def test_a_server_error_is_quoted_with_the_description_of_its_import(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    server.fail(Fault("status", path="/dataValueSets", status=500, body=summary("ERROR"), headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert failed.value.finding.code == "TP856"
    assert NOT_SERIALIZED in str(failed.value.finding.found)


def test_rows_that_a_failed_import_does_not_count_are_not_taken_for_ignored(
    old: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    body = json.loads(summary("ERROR"))  # it broke off behind the first row that it rejected
    conflict = {"object": UNITS[0], "value": "not found", "errorCode": "E7612", "property": "orgUnit", "indexes": [0]}
    body["response"] |= {"conflicts": [conflict], "importCount": {"imported": 1, "ignored": 1}, "rejectedIndexes": [0]}
    old.fail(Fault("status", path="/dataValueSets", status=409, body=json.dumps(body).encode(), headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(old, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert failed.value.finding.code == "TP866"


def test_stored_already_is_said_of_a_success_alone(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(old, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    report = pushed(old, written(tmp_path / "a.adv2.json", group(stock())), state=state)
    assert "stored already" in str(found(report, "TP872")[0].help)
    rows = [*stock()[:-1], [11, 3, "much"]]
    report = pushed(old, written(tmp_path / "b.adv2.json", group(rows)), state=state)
    assert (report.rows["ignored"], report.rows["rejected"]) == (47, 1)
    assert "stored already" not in str(found(report, "TP872")[0].help)


def test_a_scope_that_the_server_fails_to_delete_is_an_error(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    new.breakdowns = [Breakdown()]
    with pytest.raises(RequestFailed) as failed:
        pushed(new, written(tmp_path / "a.adv2.json", group(stock(), delete="soft")), state=state)
    assert (failed.value.finding.code, new.values) == ("TP866", {})


def test_completions_that_the_server_fails_to_take_are_an_error(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    server.fail(Fault("status", path="/completeData", status=409, body=summary("ERROR"), headers=JSON))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, legacy(tmp_path / "a.json"), state=state, completions=True)
    assert failed.value.finding.code == "TP866"
    assert NOT_SERIALIZED in str(failed.value.finding.found)
    assert len(list(state.iterdir())) == 1


# --- What is not sent ------------------------------------------------------------------------------------------------


def test_rows_of_wrong_form_are_told_and_not_sent(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    rows = [[0, 0, 1], [0, 9, 2], [0, 1, 3]]
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows)), state=state)
    assert [(one.row, one.source) for one in found(report, "TP605")] == [(1, "a.adv2.json")]
    assert (sizes(server), report.left_out, report.exit_code) == ([2], 1, FINDINGS)


@pytest.mark.parametrize("given", [{"size": 3}, {"pe": ["20251"]}, {"ou": None}])
def test_a_group_whose_form_fails_is_not_sent_and_the_others_are(
    given: dict[str, Any], old: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    bad = group([[0, 0, 1]], **({"de": "deSupply001"} | given))
    report = pushed(old, written(tmp_path / "a.adv2.json", bad, group(stock())), state=state)
    assert texts(old) == expected(stock())
    assert (report.failed_groups, report.exit_code) == (1, UNREADABLE)


def test_nothing_is_sent_of_a_file_that_breaks_off(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    cut = written(tmp_path / "cut.adv2.json", group(stock()))
    cut.write_text(cut.read_text()[:-9])
    whole = written(tmp_path / "whole.adv2.json", group([[0, 0, 1]], de="deSupply001"))
    report = pushed(old, cut, whole, state=state)
    assert {key[0] for key in old.values} == {"deSupply001"}
    assert [error.source for error in report.errors] == ["cut.adv2.json"]
    assert (report.left_out, report.failed_groups) == (len(stock()), 0)
    assert report.exit_code == UNREADABLE


def test_options_for_conversion_that_have_nothing_to_convert_are_an_error(
    old: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    with pytest.raises(ValueError, match="the sources are ADV2 already"):
        pushed(old, file, state=state, conversion=Options(data_set="MONTHLY"))
    assert run(command(old, state, file, "--data-set", "MONTHLY")) == USAGE


def test_one_path_in_place_of_a_list_is_a_type_error(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    import asyncio

    from tallyport.dhis2.client import open_client
    from tallyport.dhis2.push.push import push

    async def pushing() -> None:
        async with open_client(old.url) as client:
            await push(client, str(tmp_path))

    with pytest.raises(TypeError, match="not one path"):
        asyncio.run(pushing())


# --- Deletions -------------------------------------------------------------------------------------------------------


def test_deleted_rows_delete(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(server, written(tmp_path / "a.adv2.json", group(stock(1))), state=state)
    report = pushed(server, written(tmp_path / "b.adv2.json", group([[0, 0, None, True]])), state=state)
    assert texts(server) == expected(stock(1)[1:])
    assert report.exit_code == OK


def test_a_scope_is_deleted_before_its_rows_are_written(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(new, written(tmp_path / "a.adv2.json", group(stock(3))), state=state)
    again = group([[0, 0, 5]], pe=list(MONTHS[:2]), delete="soft")
    report = pushed(new, written(tmp_path / "b.adv2.json", again), state=state)
    assert texts(new) == {("deStock0001", MONTHS[0], UNITS[0]): "5"} | expected(stock(3)[8:])
    assert (report.cleared, report.rows["updated"], report.exit_code) == (8, 1, OK)


def test_a_scope_without_rows_is_deleted_too(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(new, written(tmp_path / "a.adv2.json", group(stock(2))), state=state)
    report = pushed(new, written(tmp_path / "b.adv2.json", group([], pe="202501", delete="soft")), state=state)
    assert texts(new) == expected(stock(2)[4:])
    assert report.cleared == 4


def test_a_push_that_goes_on_does_not_delete_what_it_wrote(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock(), delete="soft"))
    new.fail(Fault("refuse", path="/dataValueSets", method="POST", skip=5 + 3))  # its rows are looked at first
    with pytest.raises(RequestFailed):
        pushed(new, file, state=state, chunk_rows=10, retries=0)
    assert len(texts(new)) == 20
    pushed(new, file, state=state, chunk_rows=10)
    assert texts(new) == expected(stock())
    assert sum("deletion" in request.json() for request in new.asked("/dataValueSets", "POST")) == 1


def test_a_scope_is_not_deleted_where_a_row_of_its_group_is_wrong(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    pushed(new, written(tmp_path / "a.adv2.json", group(stock(2))), state=state)
    again = group([[0, 0, 5], [0, 9, 6]], pe=list(MONTHS[:2]), delete="soft")
    other = group([[0, 0, "x"]], de="deSupply001")
    report = pushed(new, written(tmp_path / "b.adv2.json", again, other), state=state)
    assert texts(new) == expected(stock(2)) | {("deSupply001", MONTHS[0], UNITS[0]): "x"}
    assert [(one.source, one.found) for one in found(report, "TP878")] == [("b.adv2.json", "1 of 2 rows")]
    assert [one.row for one in found(report, "TP605")] == [1]
    assert (report.cleared, report.left_out, report.failed_groups, report.exit_code) == (0, 2, 1, UNREADABLE)


def test_what_the_api_cannot_delete_is_refused_and_nothing_of_it_sent(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    hard = group(stock(1), delete="hard")
    soft = group(stock(1), de="deSupply001", delete="soft")
    report = pushed(server, written(tmp_path / "a.adv2.json", hard, soft), state=state)
    refused = [one.number for one in report.findings if one.finding.code == "TP874"]
    assert refused == ([0] if server.generation >= 43 else [0, 1])
    assert {key[0] for key in server.values} == ({"deSupply001"} if server.generation >= 43 else set())
    assert report.exit_code == UNREADABLE


# --- Breaks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refuse", "reset", "status"])
def test_a_chunk_that_the_server_did_not_take_is_sent_again(
    kind: str, server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    server.fail(Fault(kind, path="/dataValueSets", method="POST", skip=1, times=2, status=503))
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state, chunk_rows=10)
    assert texts(server) == expected(stock())
    assert (set(server.arrivals.values()), report.exit_code) == ({1}, OK)


def test_a_chunk_whose_answer_is_lost_is_sent_again_and_told(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    server.fail(Fault("lose", path="/dataValueSets", method="POST", skip=2))
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock())), state=state, chunk_rows=10)
    assert texts(server) == expected(stock())
    assert Counter(server.arrivals.values()) == {1: 38, 2: 10}  # only of that chunk nothing was known
    assert (report.resent, [one.severity for one in found(report, "TP887")]) == (1, ["info"])


def test_a_server_that_does_not_answer_gets_smaller_chunks(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    old.seconds_a_value = 0.02
    file = written(tmp_path / "a.adv2.json", group(stock()))
    report = pushed(old, file, state=state, answer_timeout_s=0.5)
    assert texts(old) == expected(stock())
    assert report.resent >= 1
    assert max(sizes(old)[1:]) <= 24


def test_a_push_that_broke_off_goes_on_where_it_stopped(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    rows = stock()
    rows[2][2] = "much"
    other = written(tmp_path / "b.adv2.json", group(rows, de="deSupply001"), group(rows))
    server.fail(Fault("refuse", path="/dataValueSets", method="POST", skip=7, times=99))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, file, other, state=state, chunk_rows=13, retries=1)
    assert failed.value.finding.code == "TP852"
    assert [path.suffix for path in state.iterdir()] == [".ndjson"]
    server.fail()
    report = pushed(server, file, other, state=state, chunk_rows=20)
    assert report.is_resumed
    assert sum(report.rows.values()) == 3 * len(stock())
    assert Counter(server.arrivals.values()) == {1: len(stock()) + 1, 2: len(stock()) - 1}  # one element came twice
    assert len(found(report, "TP870")) == 1
    assert list(state.iterdir()) == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(breaks=st.lists(st.integers(0, 6), max_size=4), chunk=st.integers(1, 30), version=st.sampled_from(VERSIONS))
def test_wherever_a_push_breaks_each_value_arrives_once(
    breaks: list[int], chunk: int, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("push")
    elements = ("deStock0001", "deSupply001", "deVisits001")
    groups = [group(stock(4), de=name, coc="ocUnder5F01" if name == "deVisits001" else None) for name in elements]
    groups[2]["ds"] = None
    groups[2] = {name: value for name, value in groups[2].items() if value is not None}
    file = written(tmp_path / "a.adv2.json", *groups)
    with dhis2_values.server(version) as server:
        for skip in breaks:
            server.fail(Fault("refuse", path="/dataValueSets", method="POST", skip=skip, times=99))
            try:
                pushed(server, file, state=tmp_path / "state", chunk_rows=chunk, retries=0)
            except RequestFailed:
                continue
            break
        else:
            server.fail()
            pushed(server, file, state=tmp_path / "state", chunk_rows=chunk)
        assert len(server.values) == 3 * 16
        assert set(server.arrivals.values()) == {1}
        assert not list((tmp_path / "state").iterdir())


def test_a_push_of_other_bytes_or_to_another_server_starts_anew(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    paths = {journal_path(state, target, digests) for target in ("a", "b") for digests in (["1"], ["2"], ["1", "2"])}
    assert len(paths) == 6


def test_a_line_that_a_killed_run_did_not_end_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    journal = Journal(path)
    with journal.open():
        journal.settle({(0, 0): range(0, 20, 2)}, {"imported": 10}, [])
        journal.settle({(0, 0): range(1, 20, 2)}, {"imported": 10}, [])
    text = path.read_bytes()
    path.write_bytes(text[:-4])
    again = Journal(path)
    with again.open():
        assert [number for number in range(30) if number in again.settled((0, 0))] == list(range(0, 20, 2))
        assert (again.counts["imported"], again.is_resumed) == (10, True)
        again.settle({(0, 0): [7, 99], (3, 1): [5]}, {"imported": 3}, [])
    third = Journal(path)
    with third.open():
        assert (len(third.settled((0, 0))), len(third.settled((3, 1))), third.counts["imported"]) == (12, 1, 13)
        assert 0 not in third.settled((1, 0))


@given(st.sets(st.integers(0, 300)))
def test_a_journal_knows_each_row_that_was_settled_and_no_other(numbers: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.ndjson"
        journal = Journal(path)
        with journal.open():
            journal.settle({(2, 7): list(numbers)}, {}, [])
        again = Journal(path)
        with again.open():
            assert {number for number in range(400) if number in again.settled((2, 7))} == numbers


@pytest.mark.parametrize("text", [b"{}\n", b"no\n", b'{"settled":[[1]],"counts":{},"findings":[]}\n', b"[]\n"])
def test_a_damaged_journal_is_told(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(text)
    with pytest.raises(OutsideFailed) as failed, Journal(path).open():
        pass
    assert failed.value.finding.code == "TP877"
    assert path.read_bytes() == text


def test_two_runs_do_not_push_the_same_at_once(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    with Journal(path).open():
        with pytest.raises(Refused) as refused, Journal(path).open():
            pass
        assert path.exists()
    assert refused.value.finding.code == "TP886"


@pytest.mark.parametrize(("kind", "code"), [("status", "TP856"), ("silence", "TP851"), ("truncate", "TP857")])
def test_a_server_that_fails_stops_the_push_with_what_it_said(
    kind: str, code: str, old: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    old.fail(Fault(kind, path="/dataValueSets", method="POST", times=99))
    with pytest.raises(RequestFailed) as failed:
        pushed(old, written(tmp_path / "a.adv2.json", group([[0, 0, 1]])), state=state, retries=0, answer_timeout_s=0.2)
    assert failed.value.finding.code == code
    assert "dataValueSets" in str(failed.value.finding.source)


# --- Completions -----------------------------------------------------------------------------------------------------


def legacy(path: Path, data_set: str = "dsMonthly01") -> Path:
    values = [{"dataElement": "deStock0001", "value": "1"}]
    said = {"dataSet": data_set, "period": "202501", "orgUnit": UNITS[0], "completeDate": "2025-02-03"}
    path.write_text(json.dumps(said | {"dataValues": values}))
    return path


COMPLETION = {"dataSet": "dsMonthly01", "period": "202501", "organisationUnit": UNITS[0]}


def test_completions_are_sent_once_the_values_are_in(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    report = pushed(server, legacy(tmp_path / "a.json"), state=state, completions=True)
    assert server.completions == [{**COMPLETION, "date": "2025-02-03", "completed": True}]
    order = [request.path.rpartition("/")[2] for request in server.requests if request.method == "POST"]
    assert order == ["dataValueSets", "completeDataSetRegistrations"]
    assert report.completions
    assert (report.completions.sent, report.completions.taken) == (1, 1)
    assert report.exit_code == OK


def test_completions_are_sent_only_where_asked(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    report = pushed(server, legacy(tmp_path / "a.json"), state=state)
    assert (server.completions, report.completions) == ([], None)
    assert [(found.code, found.count) for found in report.sources[0].findings] == [("TP785", 1)]
    assert report.exit_code == FINDINGS


def test_completions_of_a_converted_folder_are_sent(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    from tallyport import convert

    convert([legacy(tmp_path / "a.json")], tmp_path / "out")
    pushed(server, tmp_path / "out", state=state, completions=True)
    assert len(server.completions) == 1


def test_rejected_completions_are_told(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = legacy(tmp_path / "a.json", "dsNowhere01")
    report = pushed(old, file, state=state, completions=True)
    (told,) = found(report, "TP876")
    assert "dsNowhere01" in str(told.found)
    assert report.completions
    assert report.completions.rejected == 1
    assert report.exit_code == FINDINGS


def test_a_dry_run_completes_nothing(server: Dhis2Server, tmp_path: Path, state: Path) -> None:
    pushed(server, legacy(tmp_path / "a.json"), state=state, completions=True, dry_run=True)
    assert server.completions == []
    assert server.asked("completeDataSetRegistrations")[0].first("dryRun") == "true"


# --- The command -----------------------------------------------------------------------------------------------------


def command(server: Dhis2Server, state: Path, *arguments: str | Path) -> list[str]:
    return ["push", "--url", server.url, "--state", str(state), *map(str, arguments)]


def test_command_says_what_became_of_the_values(
    server: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = stock()
    rows[5][2] = "much"
    file = written(tmp_path / "a.adv2.json", group(rows))
    assert run(command(server, state, file)) == FINDINGS
    out, err = capsys.readouterr()
    assert f"DHIS2 {server.version}" in out
    assert "          47 " + ("updated" if server.generation >= 43 else "imported") in out
    assert "           1 rejected" in out
    assert "error[TP870]" in err
    assert "--> a.adv2.json, row 5" in err
    assert not any(secret in out + err for secret in SECRETS)


def test_command_says_what_the_conversion_rejected_and_what_was_completed(
    old: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = legacy(tmp_path / "a.json")
    document = json.loads(file.read_text())
    document["dataValues"].append({"value": "2"})
    file.write_text(json.dumps(document))
    assert run(command(old, state, file, "--completions")) == FINDINGS
    out = capsys.readouterr().out
    assert "a.json: 2 read = 1 written + 0 superseded + 1 rejected\n" in out
    assert "           1 of 1 completion taken" in out


def test_document_holds_all(
    server: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = stock()
    rows[5][2] = "much"
    file = written(tmp_path / "a.adv2.json", group(rows))
    assert run(command(server, state, file, "--json")) == FINDINGS
    document = json.loads(capsys.readouterr().out)
    check_against("push", document)
    changed = "updated" if server.generation >= 43 else "imported"
    assert document["rows"] == {
        **dict.fromkeys(("imported", "updated", "deleted", "ignored", "left_out"), 0),
        changed: 47,
        "rejected": 1,
    }
    assert (document["server"], document["version"], document["dry_run"]) == (server.url, server.version, False)
    (told,) = document["findings"]
    assert (told["code"], told["group"], told["row"], told["source"]) == ("TP870", 0, 5, "a.adv2.json")


def test_document_of_a_push_that_broke_off_says_how_far_it_came(
    old: Dhis2Server, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock()))
    old.fail(Fault("status", path="/dataValueSets", method="POST", skip=2, times=99))
    assert run(command(old, state, file, "--json", "--chunk-size", "10")) == OUTSIDE
    document = json.loads(capsys.readouterr().out)
    check_against("push", document)
    assert (document["error"]["code"], document["version"], document["chunks"]) == ("TP856", old.version, 2)
    assert document["rows"] == {"imported": 20, "updated": 0, "deleted": 0, "ignored": 0, "rejected": 0}
    assert document["cleared"] == 0
    old.fail()
    assert run(command(old, state, file, "--json")) == OK
    document = json.loads(capsys.readouterr().out)
    check_against("push", document)
    assert (document["resumed"], document["rows"]["imported"]) == (True, len(stock()))
    assert set(old.arrivals.values()) == {1}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-", "-"], "standard input can be read only once"),
        (["-", "--token-file", "-"], "standard input can be read only once"),
        (["a.json", "--dry-run"], "--state has no effect with --dry-run"),
        (["a.json", "--id-scheme", "CODE", "--id-scheme", "UID"], "--id-scheme is given 2 times in general"),
        (["a.json", "--chunk-size", "0"], "--chunk-size"),
        (["a.json", "--chunk-size", "5", "--max-request-seconds", "9"], "--max-request-seconds has no effect"),
        (["a.json", "--parallel", "0"], "--parallel"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    arguments: list[str], told: str, old: Dhis2Server, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(old, state, *arguments)) == USAGE
    assert told in capsys.readouterr().err


def test_a_killed_push_goes_on_when_it_is_run_again(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    old.seconds_a_value = 0.02
    file = written(tmp_path / "a.adv2.json", group(stock()))
    arguments = running.command(*command(old, state, file, "--chunk-size", "4"))
    settings = {"TALLYPORT_USERNAME": USERNAME, "TALLYPORT_PASSWORD": PASSWORD}
    process = subprocess.Popen(arguments, env=running.environment(settings), stdout=subprocess.DEVNULL)
    while len(old.accepted_sizes) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    wait_until(lambda: not old.is_serving)
    before = sum(old.arrivals.values())
    assert 12 <= before < len(stock())
    old.seconds_a_value = 0
    assert run(command(old, state, file)) == OK
    assert texts(old) == expected(stock())
    assert sum(old.arrivals.values()) <= len(stock()) + 2 * 4  # of what was on its way it was not known
    assert not list(state.iterdir())


def test_a_legacy_file_goes_on_too(old: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = tmp_path / "a.csv"
    rows = [f"deStock0001,{month},{unit},{month}" for month in MONTHS for unit in UNITS]
    file.write_text("\n".join(["dataelement,period,orgunit,value", *reversed(rows)]))
    old.fail(Fault("reset", path="/dataValueSets", method="POST", skip=2, times=99))
    with pytest.raises(RequestFailed):
        pushed(old, file, state=state, chunk_rows=10, retries=0)
    old.fail()
    assert pushed(old, file, state=state, chunk_rows=10).is_resumed
    assert Counter(old.arrivals.values()) == {1: len(stock())}


@pytest.mark.parametrize("wrong", ["much", "more"])
def test_a_rejected_value_of_a_legacy_file_is_told_by_what_it_is_about(
    wrong: str, server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    file = tmp_path / "a.csv"
    rows = [[month, unit, "1"] for month in MONTHS for unit in UNITS]
    rows[7][2] = wrong
    file.write_text(
        "\n".join(["dataelement,period,orgunit,value", *(f"deStock0001,{','.join(row)}" for row in rows[::-1])])
    )
    report = pushed(server, file, state=state)
    (told,) = found(report, "TP870")
    place = len(rows) - 1 - 7
    assert (told.source, told.row, told.found) == ("a.csv", place, wrong)
    assert told.keys == {"dataElement": "deStock0001", "period": rows[7][0], "orgUnit": rows[7][1]}
    (of_source,) = report.sources
    (placed,) = [found for found in of_source.findings if found.code == "TP870"]
    assert (placed.row, placed.line, placed.keys) == (place, place + 2, told.keys)
    (reject,) = of_source.rejects
    assert (reject["line"], reject["original"]["value"]) == (place + 2, wrong)


def test_rows_of_a_legacy_file_are_accounted_for_and_rejected_one_by_one(
    server: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    """Whoever rejects them: the conversion, the form of an identifier, or the server."""
    good = [f"deStock0001,{month},{UNITS[0]},5" for month in MONTHS]
    bad = [f"deStock0001,Jan-24,{UNITS[0]},5", "deStock0001,202501,a clinic,5", f"deStock0001,202501,{UNITS[1]},much"]
    bad += ["deStock0001,202501,ouNoSuch001,5"]
    file, rejects = tmp_path / "a.csv", tmp_path / "rejects.ndjson"
    file.write_text("\n".join(["dataelement,period,orgunit,value", *good, good[-1], *bad, ""]))
    report = pushed(server, file, state=state, rejects=rejects)
    assert len(texts(server)) == len(good)
    (told,) = report.sources
    assert told.values == {"read": len(good) + 5, "written": len(good), "superseded": 1, "rejected": 4}
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    first = len(good) + 3
    assert [line["line"] for line in lines] == list(range(first, first + 4))
    assert [line["original"]["orgunit"] for line in lines] == [UNITS[0], "a clinic", UNITS[1], "ouNoSuch001"]
    assert report.exit_code == FINDINGS


def test_scope_of_a_legacy_file_is_not_deleted_where_a_value_of_it_is_rejected(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    scope = {"periods": ["202501"], "orgUnits": [UNITS[0]], "elements": [{"dataElement": "deStock0001"}]}
    value = {"dataElement": "deStock0001", "period": "202501", "orgUnit": UNITS[0], "value": ""}
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"dataSet": "dsMonthly01", "deletion": scope, "dataValues": [value]}))
    report = pushed(new, file, state=state)
    assert "TP786" in {found.code for found in report.sources[0].findings}
    assert not any("deletion" in request.json() for request in new.asked("/dataValueSets", "POST"))


@pytest.mark.parametrize("wrong", ["much", "deNoSuch001"])
def test_scope_of_a_legacy_file_is_not_deleted_where_the_server_would_reject_a_value(
    wrong: str, new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    """The scope is a group of its own, without rows: those that come in its place are in other groups of the file."""
    pushed(new, written(tmp_path / "before.adv2.json", group(stock(2))), state=state)
    scope = {"periods": list(MONTHS[:2]), "orgUnits": [UNITS[0]], "elements": [{"dataElement": "deStock0001"}]}
    place = {"dataElement": "deStock0001", "orgUnit": UNITS[0]}
    values = [place | {"period": MONTHS[0], "value": "5"}, place | {"period": MONTHS[1], "value": "6"}]
    values[1] |= {"dataElement": wrong} if wrong.startswith("de") else {"value": wrong}
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"dataSet": "dsMonthly01", "deletion": scope, "dataValues": values}))
    report = pushed(new, file, state=state)
    assert "TP786" in {found.code for found in report.sources[0].findings}
    assert report.cleared == 0
    assert texts(new)["deStock0001", MONTHS[1], UNITS[0]] == expected(stock(2))["deStock0001", MONTHS[1], UNITS[0]]


def test_scope_of_a_legacy_file_is_deleted_where_the_server_takes_all_values(
    new: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    pushed(new, written(tmp_path / "before.adv2.json", group(stock(2))), state=state)
    scope = {"periods": list(MONTHS[:2]), "orgUnits": [UNITS[0]], "elements": [{"dataElement": "deStock0001"}]}
    value = {"dataElement": "deStock0001", "orgUnit": UNITS[0], "period": MONTHS[0], "value": "5"}
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"dataSet": "dsMonthly01", "deletion": scope, "dataValues": [value]}))
    report = pushed(new, file, state=state)
    assert (report.exit_code, report.cleared) == (OK, 2)
    assert texts(new)["deStock0001", MONTHS[0], UNITS[0]] == "5"
    assert ("deStock0001", MONTHS[1], UNITS[0]) not in texts(new)


def test_data_element_that_no_data_set_has_costs_its_own_rows(new: Dhis2Server, tmp_path: Path, state: Path) -> None:
    file = tmp_path / "a.csv"
    rows = [f"deStock0001,202501,{UNITS[0]},5", f"deNoSuch001,202501,{UNITS[0]},5"]
    file.write_text("\n".join(["dataelement,period,orgunit,value", *rows, ""]))
    report = pushed(new, file, state=state)
    assert (report.exit_code, report.sources[0].values["rejected"]) == (FINDINGS, 1)
    assert [line["line"] for line in report.sources[0].rejects] == [3]


def test_what_an_earlier_run_rejected_is_accounted_for_when_it_goes_on(
    old: Dhis2Server, tmp_path: Path, state: Path
) -> None:
    file = tmp_path / "a.csv"
    rows = [f"deStock0001,{month},{unit},{month}" for month in MONTHS for unit in UNITS]
    rows[0] = f"deStock0001,{MONTHS[0]},{UNITS[0]},much"
    file.write_text("\n".join(["dataelement,period,orgunit,value", *rows]))
    old.fail(Fault("reset", path="/dataValueSets", method="POST", skip=2, times=99))
    with pytest.raises(RequestFailed):
        pushed(old, file, state=state, chunk_rows=10, retries=0)
    old.fail()
    report = pushed(old, file, state=state, chunk_rows=10)
    assert report.is_resumed
    assert report.sources[0].values["rejected"] == 1
    assert [line["line"] for line in report.sources[0].rejects] == [2]


def test_no_secret_is_in_what_a_server_says(old: Dhis2Server, tmp_path: Path, state: Path, capfd: Any) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock(1, 1), ds=f"no {PASSWORD}", ids={"ds": "NAME"}))
    assert run(command(old, state, file)) == FINDINGS
    out, err = capfd.readouterr()
    assert "error[TP871]" in err
    assert "no ***" in err
    assert not any(secret in out + err for secret in SECRETS)


# --- Real data -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not VALUES.exists(), reason=f"{VALUES.name} is not in {DATA}: set TALLYPORT_DATA to its folder")
def test_values_of_sierra_leone_arrive_once_each_with_a_break_in_the_middle(state: Path) -> None:
    metadata = json.loads(gzip.decompress((DATA / "sierra-leone-metadata.json.gz").read_bytes()))
    metadata["organisationUnits"] = json.loads(gzip.decompress((DATA / "sierra-leone-org-units.json.gz").read_bytes()))
    chunks: list[ChunkPushed] = []

    def watch(event: Any) -> None:
        if isinstance(event, ChunkPushed):
            chunks.append(event)

    with Dhis2Server(NEW, served(metadata)) as server:
        server.fail(Fault("refuse", path="/dataValueSets", method="POST", skip=6, times=99))
        with pytest.raises(RequestFailed) as failed:
            pushed(server, VALUES, state=state, retries=1, watch=watch, answer_timeout_s=60)
        assert failed.value.finding.code == "TP852"
        before = sum(chunk.rows for chunk in chunks)
        assert 0 < before < 188_701
        server.fail()
        report = pushed(server, VALUES, state=state, answer_timeout_s=60)
    source = json.loads(gzip.decompress(VALUES.read_bytes()))["dataValues"]
    names = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
    wanted = {tuple(row[name] for name in names): row["value"] for row in source}
    assert {key: value["value"] for key, value in server.values.items()} == wanted
    assert set(server.arrivals.values()) == {1}
    assert sum(report.rows.values()) == len(source) == 188_701
    assert (report.is_resumed, report.exit_code) == (True, OK)
