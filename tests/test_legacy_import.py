"""Legacy files into a database: what is wrong with one row costs that row alone, and is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from country import settle, uid
from databases import GENERATIONS, execute, running_server, small
from importing import TODAY
from tallyport import LoadReport, import_values
from tallyport.postgres.group import ImportOptions

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


def csv(folder: Path, lines: Sequence[Line]) -> Path:
    """Write a CSV file in which objects have their UIDs."""
    path = folder / "january.csv"
    rows = [
        ",".join((uid(element), period, uid(unit), uid(coc) if coc else "", uid(aoc) if aoc else "", value))
        for element, period, unit, coc, aoc, value in lines
    ]
    path.write_text("\n".join([COLUMNS, *rows, ""]), encoding="utf-8")
    return path


def imported(folder: Path, database: str, lines: Sequence[Line], username: str | None = None) -> LoadReport:
    return import_values([csv(folder, lines)], database, ImportOptions(today=TODAY, username=username))


def causes(report: LoadReport) -> list[tuple[str, str | None, int | None]]:
    return sorted((found.code, found.found, found.count) for group in report.groups for found in group.findings)


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
    assert sum(len(group.rejected or ()) for group in report.groups) == len(BAD)


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
