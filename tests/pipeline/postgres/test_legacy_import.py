"""Legacy files into a database: what is wrong with one row costs that row alone, and is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.checking import check_against
from support.country import DEFAULT, group, settle, uid
from support.databases import GENERATIONS, execute, running_server, small
from support.importing import TODAY
from support.running import run
from tallyport import ImportReport, import_values
from tallyport.postgres.imports.import_run import ImportOptions

COLUMNS = "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value"
MARCH = "202503"

Line = tuple[str, str, str, str, str, str]
"""Data element, period, org unit, option combo, attribute option combo, value; objects by short name."""


def line(
    element: str, unit: str = "ouClinicN", period: str = MARCH, coc: str = "", aoc: str = "", value: str = "5"
) -> Line:
    return element, period, unit, coc, aoc, value


@pytest.fixture(scope="module")
def settled() -> Iterator[dict[str, str]]:
    with running_server() as server:
        urls = {generation: small(server, generation) for generation in GENERATIONS}
        for url in urls.values():
            settle(url)
        yield urls


@pytest.fixture(params=GENERATIONS)
def database(request: pytest.FixtureRequest, settled: dict[str, str]) -> str:
    execute(settled[request.param], "delete from datavalueaudit", "delete from datavalue")
    return settled[request.param]


@pytest.fixture
def newer(settled: dict[str, str]) -> str:
    """The server of 2.43 alone, for what is the same in both."""
    execute(settled["43"], "delete from datavalueaudit", "delete from datavalue")
    return settled["43"]


def csv(folder: Path, lines: Sequence[Line]) -> Path:
    """Write a CSV file in which objects have their UIDs."""
    path = folder / "january.csv"
    rows = [
        ",".join((uid(element), period, uid(unit), uid(coc) if coc else "", uid(aoc) if aoc else "", value))
        for element, period, unit, coc, aoc, value in lines
    ]
    path.write_text("\n".join([COLUMNS, *rows, ""]), encoding="utf-8")
    return path


def imported(folder: Path, database: str, lines: Sequence[Line], username: str | None = None) -> ImportReport:
    return import_values([csv(folder, lines)], database, ImportOptions(today=TODAY, username=username))


def causes(report: ImportReport) -> list[tuple[str, str | None, int | None]]:
    return sorted((found.code, found.found, found.count) for loaded in report.groups for found in loaded.findings)


GOOD = [
    line("deVisits"),
    line("deCases", coc="cbMY"),
    line("deMoney", aoc="cbFree"),
    line("deMoney", aoc="cbSpring"),
    line("deMoney", aoc="cbLocal"),
    line("deLate", period="202504"),
    line("deSigned", "ouClinicM"),
    line("deAnswer", value="yes"),
]

BAD = [
    ("TP203", "abc", line("deVisits", "ouClinicM", value="abc")),
    ("TP703", "ouNoSuch000", line("deVisits", "ouNoSuch")),
    ("TP703", "a clinic somewhere", line("deVisits", "a clinic somewhere")),
    ("TP714", "ouApart0000", line("deVisits", "ouApart")),
    ("TP715", "2025", line("deVisits", period="2025")),
    ("TP733", "203512", line("deVisits", period="203512")),
    ("TP728", None, line("deVisits", "ouNew", "202502")),
    ("TP707", "cbNoSuch000", line("deCases", coc="cbNoSuch")),
    ("TP718", "cbSpring000", line("deCases", coc="cbSpring")),
    ("TP708", "cbNoSuch000", line("deMoney", aoc="cbNoSuch")),
    ("TP723", "cbMY0000000", line("deMoney", aoc="cbMY")),
    ("TP729", None, line("deMoney", period="202501", aoc="cbSpring")),
    ("TP730", None, line("deMoney", "ouClinicS", aoc="cbLocal")),
    ("TP754", None, line("deSigned")),
    ("TP758", None, line("deLate", "ouClinicM", "202504")),
    ("TP702", "deNoSuch000", line("deNoSuch")),
    ("TP722", "deCases0000", line("deCases")),
    ("TP218", "maybe", line("deAnswer", "ouClinicM", value="maybe")),
]
"""Rows that are refused, with the code and what is found."""


def test_row_that_is_refused_costs_itself_alone(database: str, tmp_path: Path) -> None:
    report = imported(tmp_path, database, [*GOOD, *(bad for *_, bad in BAD)])
    assert (report.rows["insert"], report.rows["ignored"], report.exit_code) == (len(GOOD), len(BAD), 1)
    assert causes(report) == sorted((code, found, 1) for code, found, _ in BAD)
    (source,) = report.sources
    assert source.values == {"read": 26, "written": len(GOOD), "superseded": 0, "rejected": len(BAD)}
    first_bad = len(GOOD) + 2  # behind the header row
    told = {found.line: (found.code, found.keys) for found in source.findings}
    for number, (code, _, (element, period, unit, *_)) in enumerate(BAD, first_bad):
        assert told[number] == (code, {"dataElement": uid(element), "period": period, "orgUnit": uid(unit)})


def test_same_cause_in_many_rows_of_a_group_is_one_finding(database: str, tmp_path: Path) -> None:
    bad = [line("deVisits", "ouNoSuch", f"2025{month:02}") for month in range(1, 13)]
    report = imported(tmp_path, database, [*GOOD, *bad])
    assert causes(report) == [("TP703", "ouNoSuch000", 12)]


def test_what_the_user_may_not_write_costs_itself_alone(database: str, tmp_path: Path) -> None:
    good = [line("deVisits"), line("deHidden", coc="cbSeen")]
    report = imported(
        tmp_path, database, [*good, line("deVisits", "ouClinicS"), line("deHidden", coc="cbHidden")], "nurse"
    )
    assert (report.rows["insert"], report.rows["ignored"], report.exit_code) == (2, 2, 1)
    assert causes(report) == [("TP756", "ouClinicS00", 1), ("TP757", None, 1)]


def test_file_of_which_nothing_can_be_written_fails(database: str, tmp_path: Path) -> None:
    report = imported(tmp_path, database, [line("deNoSuch"), line("deNoSuch1", "ouNoSuch")])
    assert (report.rows["ignored"], report.exit_code) == (2, 3)
    assert causes(report) == [
        ("TP702", "deNoSuch000", 1),
        ("TP702", "deNoSuch100", 1),
        ("TP703", "ouNoSuch000", None),
    ]


def test_options_are_refused_one_by_one(database: str, tmp_path: Path) -> None:
    text = f"dataelement,period,orgunit,{uid('caSex')},{uid('caAge')},value\n"
    for sex, age in (("opMale", "opYoung"), ("opFemale", "opOld"), ("opNone", "opYoung"), ("opMale", "opSeen")):
        text += f"{uid('deCases')},{MARCH},{uid('ouClinicN')},{uid(sex)},{uid(age)},5\n"
    path = tmp_path / "options.csv"
    path.write_text(text, encoding="utf-8")
    report = import_values([path], database, ImportOptions(today=TODAY))
    assert (report.rows["insert"], report.rows["ignored"]) == (1, 3)
    assert causes(report) == [("TP706", "opNone00000", 1), ("TP720", "opSeen00000", 1), ("TP721", None, 1)]


def deleting(path: Path, *values: tuple[str, str]) -> Path:
    """Write a file that deletes March of a clinic, and has values for units then."""
    scope = {"periods": [MARCH], "orgUnits": [uid("ouClinicN")], "elements": [{"dataElement": uid("deVisits")}]}
    rows = [
        {"dataElement": uid("deVisits"), "period": MARCH, "orgUnit": uid(unit), "value": value}
        for unit, value in values
    ]
    path.write_text(json.dumps({"deletion": scope, "dataValues": rows}))
    return path


@pytest.mark.parametrize(
    "wrong", [("ouClinicN", "much"), ("ouNoSuch", "6"), ("ouClinicN", "")], ids=["value", "unit", "no value"]
)
def test_scope_is_not_deleted_where_a_value_of_the_file_is_rejected(
    newer: str, tmp_path: Path, wrong: tuple[str, str]
) -> None:
    imported(tmp_path, newer, [line("deVisits"), line("deVisits", "ouClinicM")])
    path = deleting(tmp_path / "a.json", wrong, ("ouClinicM", "7"))
    report = import_values([path], newer, ImportOptions(today=TODAY))
    assert report.exit_code == 1
    assert "TP786" in {found.code for found in report.sources[0].findings}
    assert execute(newer, "select value from datavalue where not deleted order by 1") == [("5",), ("7",)]


def test_scope_is_deleted_where_all_values_are_fine(newer: str, tmp_path: Path) -> None:
    imported(tmp_path, newer, [line("deVisits"), line("deVisits", "ouClinicM")])
    path = deleting(tmp_path / "a.json", ("ouClinicM", "7"))
    report = import_values([path], newer, ImportOptions(today=TODAY))
    assert (report.exit_code, sum(group.cleared for group in report.groups)) == (0, 1)
    assert execute(newer, "select value from datavalue where not deleted") == [("7",)]


# --- What is told ----------------------------------------------------------------------------------------------------


def command(database: str, *arguments: str | Path) -> tuple[int, str, str]:
    ended = run("import", *arguments, "--database", database)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def document(database: str, *arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command(database, *arguments, "--json")[1])
    return found


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def test_import_says_all_that_a_conversion_says(newer: str, tmp_path: Path) -> None:
    header = "dataElement,period,orgUnit,value,mechanism,categoryOptionCombo"
    row = f"{uid('deVisits')},{{}},{uid('ouClinicN')},{{}},m1,{DEFAULT}"
    path = write(tmp_path / "a.csv", header, row.format(MARCH, 5), row.format(MARCH, 5), row.format("Jan-24", 9))
    rejects = tmp_path / "rejects.ndjson"
    exit_code, out, err = command(newer, path, "--dry-run", "--rejects", rejects)
    assert exit_code == 1
    assert ", 1 data element; nothing was written" in out
    assert "a.csv: 3 read = 1 written + 1 superseded + 1 rejected\n" in out
    assert "mechanism 3" in out
    assert f"the rejected values and why are in {rejects}" in out
    assert 'error[TP304]: invalid period\n  --> a.csv, line 4, field "period"' in err
    (line,) = rejects.read_text().splitlines()
    assert json.loads(line)["original"]["value"] == "9"
    (told,) = document(newer, path, "--dry-run")["sources"]
    assert told["values"] == {"read": 3, "written": 1, "superseded": 1, "rejected": 1}
    assert told["dropped"] == {"mechanism": 3}
    assert (told["rejects"][0]["line"], told["rejects"][0]["found"]) == (4, "Jan-24")
    check_against("finding", told["rejects"][0])


def test_every_value_that_does_not_fit_is_found_by_its_line(newer: str, tmp_path: Path) -> None:
    rows = [("202412", "ouClinicS", "x"), ("202401", "ouClinicN", "5")]
    rows += [("202403", "ouClinicM", "12 5"), ("202402", "ouClinicM", "1;5"), ("202501", "ouClinicM", "1;5")]
    texts = [f"{uid('deVisits')},{period},{uid(unit)},{value}" for period, unit, value in rows]
    path = write(tmp_path / "a.csv", "dataElement,period,orgUnit,value", *texts)
    (told,) = document(newer, path, "--dry-run")["sources"]
    assert [(found["found"], found["line"], found["count"]) for found in told["findings"]] == [
        ("1;5", 5, 2),
        ("x", 2, 1),
        ("12 5", 4, 1),
    ]
    assert [(found["found"], found["line"]) for found in told["rejects"]] == [
        ("x", 2),
        ("12 5", 4),
        ("1;5", 5),
        ("1;5", 6),
    ]
    _, _, err = command(newer, path, "--dry-run")
    assert "adv2.json" not in err
    assert f"first: data element {uid('deVisits')}, period 202402, org unit {uid('ouClinicM')}" in err


def test_what_many_groups_share_is_told_once_and_first(newer: str, tmp_path: Path) -> None:
    texts = [f"deNoSuch{number:03},{MARCH},ouWrongUn01,5" for number in range(40)]
    path = write(tmp_path / "a.csv", "dataElement,period,orgUnit,value", *texts)
    exit_code, out, err = command(newer, path, "--dry-run")
    assert exit_code == 3
    assert ", 40 data elements, 40 of them fail; nothing was written" in out
    assert err.count("ouWrongUn01\n      expected") == 1
    assert err.startswith("error[TP703]: organisation units do not exist\n")
    assert "in 40 groups" in err
    assert "first 20 of 41" in err


def test_completions_of_a_legacy_file_are_not_lost_in_silence(newer: str, tmp_path: Path) -> None:
    key = {"dataElement": uid("deCases"), "categoryOptionCombo": uid("cbMY")}
    header = {"dataSet": uid("dsOpen"), "completeDate": "2025-04-01", "period": MARCH, "orgUnit": uid("ouClinicN")}
    values = [{**key, "value": "3"}, {**key, "value": "4"}, {**key, "period": "202513", "value": "3"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(header | {"dataValues": values}))
    told = document(newer, path)["sources"][0]
    assert told["values"] == {"read": 3, "written": 1, "superseded": 1, "rejected": 1}
    assert told["completions"] == 1
    assert {"TP785", "TP304"} <= {found["code"] for found in told["findings"]}
    assert execute(newer, "select value from datavalue") == [("4",)]


def test_findings_of_several_adv2_groups_are_one_where_their_cause_is(newer: str, tmp_path: Path) -> None:
    for name in ("deVisits", "deMoney", "deLate"):
        (tmp_path / f"{name}.adv2.json").write_text(json.dumps(group(de=uid(name), ou="ouWrongUn01")))
    exit_code, out, err = command(newer, tmp_path, "--dry-run")
    assert exit_code == 3
    assert ", 3 groups, 3 of them fail; nothing was written" in out
    assert err.count("error[TP703]") == 1
    assert "in 3 groups" in err


def test_rejects_are_told_of_sources_without_lines_too(newer: str, tmp_path: Path) -> None:
    """A document that only the general parser reads has no lines to name, but its values have their keys."""
    row = '<dataValue dataElement="{}" period="202503" orgUnit="{}" value="{}"/>'
    rows = [row.format(uid("deVisits"), uid("ouClinicN"), 5), row.format(uid("deVisits"), uid("ouNoSuch"), 5)]
    path = tmp_path / "a.xml"
    space = "http://dhis2.org/schema/dxf/2.0"
    path.write_text(f'<d:dataValueSet xmlns:d="{space}">{"".join(rows).replace("<", "<d:")}</d:dataValueSet>')
    (told,) = document(newer, path, "--dry-run")["sources"]
    (found,) = told["rejects"]
    assert ("line" not in found, found["row"], found["keys"]["orgUnit"]) == (True, 1, uid("ouNoSuch"))
