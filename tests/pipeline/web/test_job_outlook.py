"""What a job of the page says of the values: the verdict, the causes, the changes, with names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.databases import execute, running_server, small
from support.serving import Server, served


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_server() as postgres:
        yield small(postgres, "43")


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("served"), "--database", database) as running:
        yield running


def csv(*rows: str) -> bytes:
    return "\n".join(["dataElement,period,orgUnit,value", *rows, ""]).encode()


def visits(*values: str) -> bytes:
    return csv(*(f"deVisits001,2025{month:02},ouClinicA01,{value}" for month, value in enumerate(values, 1)))


def test_a_file_whose_rows_are_all_rejected_says_why_and_cannot_be_run(server: Server) -> None:
    job = server.dry_run({"sheet.csv": csv(*(f"deVisits001,Jan-25,ouClinic{n:03},5" for n in range(300)))})
    summary, (problem, *_) = job["summary"], job["result"]["problems"]
    assert (job["state"], summary["tone"], summary["given"], summary["lost"]) == ("done", "bad", 300, 300)
    assert (problem["code"], problem["count"], problem["found"][0]["text"]) == ("TP304", 300, "Jan-25")
    assert [place["sheet_row"] for place in problem["places"]] == [2, 3, 4, 5, 6]
    assert "plan" not in job
    assert str(server.folder) not in json.dumps(job)


@pytest.mark.parametrize(("rejected", "tone"), [(0, "good"), (1, "warn"), (5, "warn"), (6, "bad")])
def test_the_verdict_follows_from_how_much_is_lost(server: Server, rejected: int, tone: str) -> None:
    rows = [f"deVisits001,{'2024Q9' if n < rejected else '202401'},ouClinic{n:03},5" for n in range(100)]
    summary = server.dry_run({"sheet.csv": csv(*rows)})["summary"]
    assert (summary["given"], summary["lost"], summary["tone"]) == (100, rejected, tone)


def test_problems_are_grouped_by_cause_errors_first(server: Server) -> None:
    rows = [f"deVisits001,2024{n:02},ouClinicA01,{'null' if n == 1 else n}" for n in range(1, 100)]
    problems = server.dry_run({"sheet.csv": csv(*rows)})["result"]["problems"]
    assert len(problems) < 5
    severities = [problem["severity"] for problem in problems]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert (problems[0]["count"], len(problems[0]["found"]), problems[0]["other_found"]) == (87, 20, 67)


def test_what_is_stored_already_is_no_change_and_needs_no_run(server: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    data = visits("5", "7")
    done = server.run(server.dry_run({"sheet.csv": data}, "database"))
    assert [done["summary"][name] for name in ("changes", "same", "lost", "tone")] == [2, 0, 0, "good"]
    again = server.dry_run({"sheet.csv": data}, "database")
    assert [again["summary"][name] for name in ("changes", "same", "lost", "tone")] == [0, 2, 0, "good"]
    assert "plan" not in again


def test_values_that_leap_come_first_and_are_a_warning(server: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    server.run(server.dry_run({"sheet.csv": visits("40", "3", "40", "500", "7")}, "database"))
    job = server.dry_run({"sheet.csv": visits("47", "99999999", "4", "5", "70")}, "database")
    leaps = [(one["before"], one["value"], one.get("leap")) for one in job["result"]["changes"]]
    assert leaps == [
        ("3", "99999999", 33333333),
        ("500", "5", 100),
        ("40", "47", None),
        ("40", "4", None),
        ("7", "70", None),
    ]
    assert [(one["code"], one["count"]) for one in job["result"]["problems"]] == [("TP931", 2)]
    assert job["summary"]["tone"] == "warn"


def test_things_are_called_by_the_names_that_the_database_has(server: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    result = server.dry_run({"sheet.csv": visits("5", "much")}, "database")["result"]
    (element,) = execute(database, "select name from dataelement where uid = 'deVisits001'")
    (unit,) = execute(database, "select name from organisationunit where uid = 'ouClinicA01'")
    assert {name: result["names"][name] for name in ("deVisits001", "ouClinicA01")} == {
        "deVisits001": element[0],
        "ouClinicA01": unit[0],
    }


def test_what_ends_a_job_is_in_the_list_of_problems(server: Server) -> None:
    job = server.dry_run({"sheet.csv": visits("5")}, "database", username="nobody")
    assert (job["state"], job["finding"]["code"]) == ("failed", "TP752")
    assert [(one["code"], one["found"][0]["text"]) for one in job["result"]["problems"]] == [("TP752", "nobody")]


def test_a_run_offers_no_script_and_a_dry_run_does(server: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    dry = server.dry_run({"sheet.csv": visits("5")}, "database")
    run: dict[str, Any] = server.run(dry)
    assert ("sql" in dry["result"], "sql" in run["result"]) == (True, False)


def test_where_no_metadata_is_known_there_are_no_names(server: Server) -> None:
    assert server.dry_run({"sheet.csv": visits("5")})["result"]["names"] == {}


def test_one_wrong_identifier_costs_its_own_rows_alone_and_each_has_its_line(server: Server, database: str) -> None:
    execute(database, "truncate datavalue")
    rows = [
        f"deVisits001,2025{month:02},{'ouNoSuch001' if month == 7 else 'ouClinicA01'},{month}" for month in range(1, 13)
    ]
    rows[3] = rows[3].replace("202504", "2025-4")
    rows[9] = rows[9].removesuffix("10") + "ten"
    job = server.dry_run({"sheet.csv": csv(*rows)}, "database")
    summary = job["summary"]
    assert [summary[name] for name in ("given", "changes", "lost", "groups_failed")] == [12, 9, 3, 0]
    places = {
        one["code"]: [(at["source"], at["sheet_row"]) for at in one["places"]] for one in job["result"]["problems"]
    }
    assert sorted(place for found in places.values() for place in found) == [
        ("sheet.csv", 5),
        ("sheet.csv", 8),
        ("sheet.csv", 11),
    ]
    rejects = server.ask("GET", f"/api/jobs/{job['id']}/downloads/rejects.ndjson").body
    assert [json.loads(line)["sheet_row"] for line in rejects.splitlines()] == [5, 8, 11]


@pytest.mark.parametrize(
    ("again", "lost", "duplicates", "tone"),
    [(["5"], 0, 1, "good"), (["6"], 1, 0, "warn"), (list("123467"), 6, 0, "bad")],
)
@pytest.mark.parametrize("target", ["convert", "database"])
def test_a_duplicate_with_another_value_is_a_loss_and_one_with_the_same_is_not(
    server: Server, database: str, target: str, again: list[str], lost: int, duplicates: int, tone: str
) -> None:
    execute(database, "truncate datavalue")
    rows = [f"deVisits001,2025{month:02},{unit},5" for month in range(2, 13) for unit in ("ouClinicA01", "ouClinicB01")]
    rows += [f"deVisits001,2024{month:02},ouClinicA01,5" for month in range(1, 13)]
    rows += [rows[at].rpartition(",")[0] + f",{value}" for at, value in enumerate(again)]
    job = server.dry_run({"sheet.csv": csv(*rows)}, target)
    assert [job["summary"][name] for name in ("lost", "duplicates", "tone")] == [lost, duplicates, tone]
    if lost:
        (pair, *_) = job["result"]["sources"][0]["superseded"]
        assert (pair["superseded"]["value"], pair["by"]["value"]) == ("5", again[0])
