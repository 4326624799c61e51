"""Comments and follow-up flags at a push: what a row does not state is kept, what it empties is cleared, and said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import dhis2_values
from support.checking import check_against
from support.dhis2_http import Answer, Fault, Request
from support.dhis2_server import PASSWORD, USERNAME, VERSIONS, Dhis2Server
from support.dhis2_values import MONTHS, UNITS, group, pushed, stock, written
from tallyport.cli.main import run
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.push.kept_details import ValuePlace, _requests
from tallyport.dhis2.push.push import ChunkPushed, ClearingAhead
from tallyport_schemas.finding import Finding

OLD, NEW = VERSIONS[1], VERSIONS[2]
NOTE = 'said "so"\n over two lines, é'


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("TALLYPORT_", "DHIS2_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYPORT_PROFILES", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("TALLYPORT_USERNAME", USERNAME)
    monkeypatch.setenv("TALLYPORT_PASSWORD", PASSWORD)


@pytest.fixture(params=[OLD, NEW])
def server(request: pytest.FixtureRequest) -> Any:
    """A server where each clinic has a value for January with a comment and a flag, and one for February without."""
    with dhis2_values.server(request.param) as started:
        for unit in UNITS:
            store(started, MONTHS[0], unit, value="5", comment=NOTE, followup=True)
            store(started, MONTHS[1], unit, value="5")
        yield started


def store(server: Dhis2Server, month: str, unit: str, *, de: str = "deStock0001", coc: str = "", **said: Any) -> None:
    key = de, month, unit, coc or server.default_coc, server.default_coc
    server.values[key] = said
    server.times[key] = (server.now(), server.now())


def stored(server: Dhis2Server, month: str, unit: str, de: str = "deStock0001") -> tuple[Any, Any, bool]:
    """A value, its comment and its flag."""
    (found,) = (value for key, value in server.values.items() if key[:3] == (de, month, unit))
    return found.get("value"), found.get("comment"), bool(found.get("followup"))


def codes(report: Any, code: str) -> list[Finding]:
    return [one.finding for one in report.findings if one.finding.code == code]


def test_what_a_row_does_not_state_is_kept(server: Dhis2Server, tmp_path: Path) -> None:
    rows: list[list[Any]] = [[0, 0, 5], [0, 1, 7], [0, 2, 7, False, False], [0, 3, 7, False, None, "mine"], [1, 0, 6]]
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows)), state=tmp_path / "state")
    assert [stored(server, MONTHS[0], unit) for unit in UNITS] == [
        ("5", NOTE, True),  # the same value: the server would have cleared them all the same
        ("7", NOTE, True),
        ("7", NOTE, False),
        ("7", "mine", True),
    ]
    assert stored(server, MONTHS[1], UNITS[0]) == ("6", None, False)
    assert (report.kept, report.may_clear, report.exit_code) == (4, 0, 0)


def test_a_dry_run_shows_how_many_are_kept(server: Dhis2Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock(3)))
    before = json.dumps(list(server.values.values()))
    dry = pushed(server, file, state=tmp_path / "state", dry_run=True)
    assert json.dumps(list(server.values.values())) == before
    assert (dry.kept, dry.may_clear) == (4, 0)
    assert pushed(server, file, state=tmp_path / "state").kept == 4


def test_an_empty_comment_clears_and_keeps_the_flag(server: Dhis2Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group([[0, 0, 5, False, None, ""], [0, 1, 5, False, False, ""]]))
    report = pushed(server, file, state=tmp_path / "state")
    assert stored(server, MONTHS[0], UNITS[0]) == ("5", None, True)
    assert stored(server, MONTHS[0], UNITS[1]) == ("5", None, False)
    assert report.kept == 1


def test_nothing_is_read_where_rows_state_all(server: Dhis2Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group([[0, 0, 5, False, True, "x"]]))
    pushed(server, file, state=tmp_path / "state")
    assert [r for r in server.asked("/dataValueSets", "GET") if r.first("limit") != "1"] == []


def test_rows_are_found_by_whatever_identifies_them(server: Dhis2Server, tmp_path: Path) -> None:
    codes = {"ids": {"de": "CODE", "ou": "CODE", "ds": "CODE"}, "de": "STOCK", "ds": "MONTHLY"}
    file = written(tmp_path / "a.adv2.json", group([[0, 9]], **codes, ou=["CLINIC_A1"], pe=[MONTHS[0], MONTHS[1]]))
    assert pushed(server, file, state=tmp_path / "state").kept == 1
    assert stored(server, MONTHS[0], UNITS[0]) == ("9", NOTE, True)


def test_what_the_server_does_not_know_is_looked_up_once(server: Dhis2Server, tmp_path: Path) -> None:
    said = {"ids": {"ou": "CODE"}, "ou": ["CLINIC_A1", "NO-1"]}
    file = written(tmp_path / "a.adv2.json", group([[m, u, 1] for m in range(12) for u in range(2)], **said))
    pushed(server, file, state=tmp_path / "state", chunk_rows=4)
    assert len(server.asked("/organisationUnits", "GET")) == 1


def test_of_option_combos_each_keeps_its_own(server: Dhis2Server, tmp_path: Path) -> None:
    for coc in ("ocUnder5F01", "ocUnder5M01"):
        store(server, MONTHS[0], UNITS[0], de="deVisits001", coc=coc, value="1", comment=f"of {coc}")
    options = {"co": [["coUnder5001"], ["coFemale001", "coMale00001"]], "de": "deVisits001"}
    rows = [[0, 0, 0, 3], [0, 0, 1, 4]]
    report = pushed(server, written(tmp_path / "a.adv2.json", group(rows, **options)), state=tmp_path / "state")
    found = {key[3]: value["comment"] for key, value in server.values.items() if key[0] == "deVisits001"}
    assert found == {coc: f"of {coc}" for coc in ("ocUnder5F01", "ocUnder5M01")}
    assert report.kept == 2


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_that_does_not_select_by_data_element_is_asked_by_data_set(refuses: bool, tmp_path: Path) -> None:
    class Other(Dhis2Server):
        """Knows no parameter `dataElement`, and says so, or finds nothing."""

        async def answer(self, request: Request) -> Answer:
            is_by_element = request.method == "GET" and bool(request.query.pop("dataElement", []))
            if is_by_element and not refuses and "dataSet" not in request.query:
                return Answer.of({"dataValues": []})
            return await super().answer(request)

    known = dhis2_values.server(NEW)
    with Other(NEW, known.metadata.collections) as server:
        store(server, MONTHS[0], UNITS[0], value="5", comment=NOTE)
        report = pushed(server, written(tmp_path / "a.adv2.json", group(stock(2))), state=tmp_path / "state")
        assert stored(server, MONTHS[0], UNITS[0])[1] == NOTE
        assert (report.kept, report.may_clear, report.exit_code) == (1, 0, 0)


def test_a_rejected_row_is_not_counted_as_kept(server: Dhis2Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group([[0, 0, "much"], [0, 1, 6]]))
    report = pushed(server, file, state=tmp_path / "state")
    assert (report.kept, report.rows["rejected"]) == (1, 1)
    assert stored(server, MONTHS[0], UNITS[0]) == ("5", NOTE, True)


def test_a_push_that_goes_on_keeps_and_counts_as_one_that_did_not_break(server: Dhis2Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.adv2.json", group(stock(2)))
    server.fail(Fault("refuse", path="/dataValueSets", method="POST", skip=1, times=99))
    with pytest.raises(RequestFailed):
        pushed(server, file, state=tmp_path / "state", chunk_rows=3, retries=0)
    server.fail()
    assert pushed(server, file, state=tmp_path / "state", chunk_rows=3).kept == 4
    assert {stored(server, MONTHS[0], unit)[1:] for unit in UNITS} == {(NOTE, True)}


# --- What is not kept ------------------------------------------------------------------------------------------------


def test_where_the_user_may_not_read_it_is_said_before_anything_is_sent(server: Dhis2Server, tmp_path: Path) -> None:
    server.unreadable = {UNITS[1], UNITS[3]}
    posted: list[int] = []
    ahead: list[tuple[int, int]] = []

    def watch(event: Any) -> None:
        if isinstance(event, ClearingAhead):
            ahead.append((event.rows, len(server.asked("/dataValueSets", "POST"))))
        elif isinstance(event, ChunkPushed):
            posted.append(event.rows)

    rows = [*stock(3), [3, 1, 5, False, True, "stated"]]
    file = written(tmp_path / "a.adv2.json", group(rows))
    report = pushed(server, file, state=tmp_path / "state", watch=watch)
    assert (ahead, posted) == ([(6, 0)], [13])
    (told,) = codes(report, "TP879")
    assert (told.count, told.severity) == (6, "warning")
    assert UNITS[1] in str(told.found)
    assert [stored(server, MONTHS[0], unit)[1] for unit in UNITS] == [NOTE, None, NOTE, None]
    assert (report.kept, report.may_clear, report.exit_code) == (2, 6, 1)


def test_a_user_who_may_read_nothing_is_told_so_and_may_push(server: Dhis2Server, tmp_path: Path) -> None:
    server.fail(Fault("status", path="/dataValueSets.json", method="GET", status=403, times=999))
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock(1))), state=tmp_path / "state", dry_run=True)
    assert (report.may_clear, report.kept, report.exit_code) == (4, 0, 1)


def test_what_turns_out_not_to_be_readable_is_told(server: Dhis2Server, tmp_path: Path) -> None:
    server.fail(Fault("status", path="/dataValueSets.json", method="GET", status=403, times=999, skip=1))
    report = pushed(server, written(tmp_path / "a.adv2.json", group(stock(1))), state=tmp_path / "state")
    assert [(one.source, one.count) for one in codes(report, "TP879")] == [("a.adv2.json", 4)]
    assert (report.may_clear, report.exit_code) == (4, 1)


def test_a_server_that_fails_while_it_is_read_stops_the_push(server: Dhis2Server, tmp_path: Path) -> None:
    server.fail(Fault("status", path="/dataValueSets.json", method="GET", times=999))
    with pytest.raises(RequestFailed) as failed:
        pushed(server, written(tmp_path / "a.adv2.json", group(stock(1))), state=tmp_path / "state", retries=0)
    assert failed.value.finding.code == "TP856"
    assert server.asked("/dataValueSets", "POST") == []


def test_command_clears_where_asked_and_says_how_many_may_be(
    server: Dhis2Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "a.adv2.json", group([*stock(1), [1, 0, 5, False, False, "x"]]))
    arguments = ["push", "--url", server.url, "--state", str(tmp_path / "state"), str(file)]
    assert run(arguments) == 0
    assert "           4 with a stored comment or follow-up flag that was kept" in capsys.readouterr().out
    assert run([*arguments, "--clear"]) == 0
    out, err = capsys.readouterr()
    assert "4 values state no comment or no follow-up flag: one that is stored is cleared" in err
    assert "           4 of which a stored comment or follow-up flag may be cleared" in out
    assert {stored(server, MONTHS[0], unit)[1:] for unit in UNITS} == {(None, False)}
    assert run([*arguments, "--clear", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check_against("push", document)
    assert (document["kept"], document["may_clear"]) == (0, 4)


# --- How it is asked for ---------------------------------------------------------------------------------------------

_NAMES = st.integers(0, 300).map(lambda number: f"n{number:03}")


@given(st.sets(st.builds(ValuePlace, _NAMES, _NAMES, _NAMES), max_size=400))
def test_requests_name_all_places_and_not_many_more(places: set[ValuePlace]) -> None:
    asked = list(_requests(places))
    spans = [len(of["dataElement"]) * len(of["period"]) * len(of["orgUnit"]) for of in asked]
    named = {
        place
        for place in places
        for of in asked
        if place.element in of["dataElement"] and place.period in of["period"] and place.unit in of["orgUnit"]
    }
    assert named == places
    assert sum(spans) <= 4 * len(places) + 16 * len(asked)
    assert all(len(names) <= 150 for of in asked for names in of.values())


def test_values_of_a_whole_grid_are_asked_for_in_few_requests() -> None:
    grid = {ValuePlace(f"e{e}", f"p{p}", f"u{u}") for e in range(10) for p in range(12) for u in range(100)}
    assert len(list(_requests(grid))) == 4
