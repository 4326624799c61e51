"""Who may write, and until when: what DHIS2 asks of a group, asked by an import on real servers of both generations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest

from support.country import DEFAULT, MINE, changed, group, settle, uid
from support.databases import GENERATIONS, execute, running_server, small
from support.importing import Group, Importing, changes, codes
from support.places import ROOT
from support.running import run
from tallyport import Refused
from tallyport.cli.verbs.import_values import CHECKS, command
from tallyport.postgres.imports.access import Check
from tallyport_schemas.finding import Finding, Severity

ME, TEAM, OTHER = uid("nurse"), uid("ugTeam"), "someoneElse"
NORTH, SOUTH = uid("ouClinicN"), uid("ouClinicS")


@pytest.fixture(scope="module")
def settled() -> Iterator[dict[str, str]]:
    with running_server() as server:
        urls = {generation: small(server, generation) for generation in GENERATIONS}
        for url in urls.values():
            settle(url)
        yield urls


@pytest.fixture(params=GENERATIONS)
def importing(request: pytest.FixtureRequest, settled: dict[str, str], tmp_path: Path) -> Importing:
    execute(settled[request.param], "delete from datavalueaudit", "delete from datavalue")
    return Importing(settled[request.param], tmp_path)


@pytest.fixture
def newer(settled: dict[str, str], tmp_path: Path) -> Importing:
    """The server of 2.43 alone, for what is the same in both."""
    execute(settled["43"], "delete from datavalueaudit", "delete from datavalue")
    return Importing(settled["43"], tmp_path)


def told(importing: Importing, made: Group, **options: Any) -> list[Finding]:
    [loaded] = importing(made, **options).groups
    return list(loaded.findings)


def refused(importing: Importing, made: Group, **options: Any) -> list[tuple[str, str | None, str | None]]:
    """Code, field and what was found of a group that fails and writes nothing."""
    report = importing(made, **options)
    assert (report.exit_code, report.rows["insert"], importing.stored) == (3, 0, [])
    return [(f.code, f.field, f.found) for f in report.groups[0].findings]


@contextmanager
def sharing(importing: Importing, table: str, name: str, said: Any) -> Iterator[None]:
    """Share an object otherwise for a while."""
    change = "update {} set sharing = '{}' where uid = '{}'"
    execute(importing.url, change.format(table, json.dumps(said), name))
    yield
    execute(importing.url, change.format(table, "{}", name))


# --- Sharing ---------------------------------------------------------------------------------------------------------

PRIVATE = {"owner": OTHER, "public": "--------"}


@pytest.mark.parametrize(
    ("said", "may"),
    [
        ({}, True),
        ({"owner": OTHER}, True),
        ({"owner": None, "public": "--------"}, True),
        ({"owner": ME, "public": "--------"}, True),
        ({"owner": OTHER, "public": None}, True),
        ({"owner": OTHER, "public": "rwrw----"}, True),
        ({"owner": OTHER, "public": "---w----"}, True),
        ({"owner": OTHER, "public": "rwr-----"}, False),
        (PRIVATE, False),
        (PRIVATE | {"users": {ME: {"id": ME, "access": "r-rw----"}}}, True),
        (PRIVATE | {"users": {ME: {"id": ME, "access": "r-r-----"}}}, False),
        (PRIVATE | {"users": {OTHER: {"id": OTHER, "access": "r-rw----"}}}, False),
        (PRIVATE | {"userGroups": {TEAM: {"id": TEAM, "access": "r-rw----"}}}, True),
        (PRIVATE | {"userGroups": {TEAM: {"id": TEAM, "access": "rw------"}}}, False),
        (PRIVATE | {"userGroups": {ME: {"id": ME, "access": "r-rw----"}}}, False),
    ],
)
def test_data_set_is_written_by_whom_its_sharing_lets(newer: Importing, said: Any, may: bool) -> None:
    with sharing(newer, "dataset", uid("dsShared"), said):
        found = told(newer, group(de=uid("deShared")), username="nurse")
    assert [f.code for f in found] == ([] if may else ["TP755"])


def test_closed_data_set_is_named(newer: Importing) -> None:
    found = refused(newer, group(de=uid("deClosed")), username="nurse")
    assert found == [("TP755", "ds", f"{uid('dsClosed')} ({uid('dsClosed')})")]


def test_of_several_data_sets_one_that_the_user_may_write_is_enough_and_alone_counts(newer: Importing) -> None:
    both = group(de=uid("deBoth"), pe="202601")
    assert told(newer, both, username="nurse") == []
    assert [f.code for f in told(newer, changed(both, ds=uid("dsClosed")), username="nurse")] == ["TP755"]
    late = group(de=uid("deBoth"))  # past the expiry days of the one that the nurse may write
    assert [f.code for f in told(newer, late, username="nurse")] == ["TP758"]
    assert told(newer, late) == []


@pytest.mark.parametrize(
    ("header", "where"),
    [
        ({"de": "deHidden", "coc": [uid("cbSeen"), uid("cbHidden")]}, "coc"),
        ({"de": "deHidden", "co": {uid("caHidden"): [uid("opSeen"), uid("opHidden")]}}, "co"),
        ({"de": "deFunds", "aoc": [uid("cbSeen"), uid("cbHidden")]}, "aoc"),
        ({"de": "deFunds", "ao": {uid("caHidden"): [uid("opSeen"), uid("opHidden")]}}, "ao"),
    ],
)
def test_option_that_the_user_may_not_write_is_named_however_the_header_says_it(
    importing: Importing, header: dict[str, Any], where: str
) -> None:
    made = group([1, 5], **header | {"de": uid(header["de"])})
    found = refused(importing, made, username="nurse")
    assert found == [("TP757", where, f"{uid('opHidden')} ({uid('opHidden')})")]
    assert told(importing, made, username="root", dry_run=True) == []


def test_option_that_no_row_can_use_does_not_matter(newer: Importing) -> None:
    assert told(newer, group(de=uid("deHidden"), coc=uid("cbSeen")), username="nurse") == []


def test_default_option_combo_is_asked_about_only_where_it_is_named(newer: Importing) -> None:
    with sharing(newer, "categoryoption", "xYerKDKCefk", MINE):
        plain = told(newer, group(), username="nurse")
        named = [(f.code, f.field) for f in told(newer, group(coc=DEFAULT, aoc=DEFAULT), username="nurse")]
    assert (plain, named) == ([], [("TP757", "coc"), ("TP757", "aoc")])


# --- Hierarchy -------------------------------------------------------------------------------------------------------


def test_user_writes_the_own_units_and_all_below_and_no_other(importing: Importing) -> None:
    inside = group([0, 1], [1, 2], ou=[uid("ouNorth"), NORTH])
    assert told(importing, inside, username="nurse") == []
    outside = group([0, 1], ou=[NORTH, SOUTH, uid("ouCountry")])
    found = told(importing, outside, username="nurse")
    assert [(f.code, f.field, f.found) for f in found] == [("TP756", "ou", f"{SOUTH}, {uid('ouCountry')}")]


def test_units_outside_are_named_as_the_header_names_them(newer: Importing) -> None:
    newer.sql(f"update organisationunit set code = 'SOUTH-1' where uid = '{SOUTH}' returning 1")
    found = refused(newer, group(ids={"ou": "CODE"}, ou="SOUTH-1"), username="nurse")
    assert found == [("TP756", "ou", "SOUTH-1")]


def test_user_without_units_writes_nowhere(newer: Importing) -> None:
    assert refused(newer, group(), username="guest") == [("TP756", "ou", NORTH)]


def test_superuser_writes_everywhere_but_is_held_to_the_hierarchy_by_242(importing: Importing) -> None:
    found = [f.code for f in told(importing, group(ou=SOUTH), username="root")]
    assert found == (["TP756"] if "small_42" in importing.url else [])


def test_superuser_writes_what_is_shared_with_nobody(newer: Importing) -> None:
    assert told(newer, group(de=uid("deClosed")), username="root") == []


def test_without_a_user_nobody_is_asked_about(newer: Importing) -> None:
    assert told(newer, group(de=uid("deClosed"), ou=SOUTH)) == []
    assert newer.sql("select storedby from datavalue") == [("tallyport",)]


def test_all_that_the_user_may_not_is_told_at_once(newer: Importing) -> None:
    made = group(de=uid("deHidden"), coc=uid("cbHidden"), ou=SOUTH)
    assert [code for code, *_ in refused(newer, made, username="nurse")] == ["TP757", "TP756"]


@pytest.mark.parametrize("delete", ["soft", "hard"])
def test_scope_is_not_deleted_by_who_may_not_write_it(newer: Importing, delete: str) -> None:
    newer(group(ou=SOUTH))
    report = newer(group(ou=SOUTH, delete=delete), username="nurse", undo=newer.folder / "undo")
    assert (codes(report), report.groups[0].cleared) == (["TP756"], 0)
    assert [row[2:4] for row in newer.stored] == [("5", False)]
    assert not (newer.folder / "undo").exists()


# --- Until when ------------------------------------------------------------------------------------------------------

LATE = group(de=uid("deLate"))
PARTLY = {"de": uid("deLate"), "pe": ["202504", "202601"], "ou": [NORTH, uid("ouClinicM")]}
"""Of these, a lock exception keeps the first period open for the first unit; the second has not expired."""

PARTLY_ROWS = [[period, unit, 1] for period in (0, 1) for unit in (0, 1)]


def test_period_is_open_to_its_last_day_and_no_longer(importing: Importing) -> None:
    assert told(importing, LATE, today=date(2025, 4, 10), dry_run=True) == []
    found = refused(importing, LATE, today=date(2025, 4, 11))
    assert found == [("TP758", "pe", "202503 (open until 2025-04-10)")]


@pytest.mark.parametrize("days", ["null", "0", "0.9", "-1"])
def test_data_set_without_whole_expiry_days_stays_open(newer: Importing, days: str) -> None:
    newer.sql(f"update dataset set expirydays = {days} where uid = '{uid('dsShared')}' returning 1")
    assert told(newer, group(de=uid("deShared"), pe="200001"), dry_run=True) == []


def test_lock_exception_keeps_a_period_open_for_its_unit(importing: Importing) -> None:
    assert told(importing, group(de=uid("deLate"), pe="202504")) == []
    assert len(importing.stored) == 1


def test_rows_without_lock_exception_are_left_out(importing: Importing) -> None:
    report = importing(group(*PARTLY_ROWS, **PARTLY))
    header, rows = report.groups[0].findings
    assert (header.code, header.severity) == ("TP758", Severity.WARNING)
    assert header.found == f"202504 (open until 2025-05-10; still for {NORTH})"
    assert (rows.code, rows.row, rows.count) == ("TP750", 1, 1)
    assert changes(report) == {"insert": 3, "ignored": 1}
    assert (uid("ouClinicM"), "2025-04-01") not in [row[:2] for row in importing.stored]


@pytest.mark.parametrize(
    "header",
    [
        PARTLY | {"delete": "soft"},
        PARTLY | {"pe": ["202503", "202504"]},
        PARTLY | {"pe": ["202504", "202505"]},
    ],
    ids=["a deletion", "a period without an exception", "a unit that no period is open for"],
)
def test_lock_exception_does_not_help(newer: Importing, header: dict[str, Any]) -> None:
    assert [code for code, *_ in refused(newer, group(*PARTLY_ROWS, **header))] == ["TP758"]


def test_data_set_with_input_periods_goes_by_these_alone(newer: Importing) -> None:
    assert told(newer, group(de=uid("deWindow"))) == []  # it has expiry days as well


@pytest.mark.parametrize("username", ["editor", "root"])
def test_who_may_edit_expired_data_writes_late_and_ahead_of_time(importing: Importing, username: str) -> None:
    assert told(importing, LATE, username=username) == []
    assert told(importing, group(pe="202701"), username=username) == []
    assert [f.code for f in told(importing, group(pe="202701"), username="nurse")] == ["TP733"]


def test_data_set_with_negative_expiry_days_takes_any_future(newer: Importing) -> None:
    assert told(newer, group(de=uid("deEarly"), pe="203001")) == []


# --- Force -----------------------------------------------------------------------------------------------------------

MONEY = uid("deMoney")
SPRING = uid("cbSpring")
REFUSED: list[tuple[Check, str, Group]] = [
    (Check.INPUT_PERIODS, "TP731", group(de=uid("deWindow"), pe="202501")),
    (Check.INPUT_PERIODS, "TP732", group(de=uid("deWindow"), pe="202504")),
    (Check.EXPIRY, "TP758", LATE),
    (Check.FUTURE_PERIODS, "TP733", group(pe="202701")),
    (Check.APPROVAL, "TP754", group(de=uid("deSigned"))),
    (Check.APPROVAL, "TP754", group(de=uid("deSigned"), delete="soft")),
    (Check.OPTION_DATES, "TP729", group(de=MONEY, aoc=SPRING, pe="202507")),
    (Check.OPTION_DATES, "TP729", group([1, 1], de=MONEY, aoc=[SPRING, uid("cbFree")], pe="202507", delete="soft")),
]


@pytest.mark.parametrize(("check", "code", "made"), REFUSED, ids=[f"{check}-{code}" for check, code, _ in REFUSED])
def test_check_is_forced_by_its_own_name_alone(importing: Importing, check: Check, code: str, made: Group) -> None:
    others = frozenset(Check) - {check}
    assert code in [f.code for f in told(importing, made, force=others)]
    assert told(importing, made, force=frozenset({check})) == []
    assert len(importing.stored) == 1


def test_rows_outside_option_dates_are_stored_where_that_is_forced(newer: Importing) -> None:
    spanned = group([0, 0, 1], [1, 0, 2], de=MONEY, aoc=[SPRING, uid("cbFree")], pe=["202506", "202507"])
    assert [f.code for f in told(newer, spanned, dry_run=True)] == ["TP729", "TP750"]
    report = newer(spanned, force=frozenset({Check.OPTION_DATES}))
    assert (changes(report), codes(report)) == ({"insert": 2}, [])


@pytest.mark.parametrize("check", [Check.INPUT_PERIODS, Check.APPROVAL, Check.OPTION_DATES])
def test_superuser_is_held_to_what_is_not_forced(newer: Importing, check: Check) -> None:
    made = next(made for of, _, made in REFUSED if of is check)
    assert told(newer, made, username="root") != []
    assert told(newer, made, username="root", force=frozenset({check})) == []


@pytest.mark.parametrize("username", ["nurse", "editor"])
def test_who_is_no_superuser_forces_nothing(newer: Importing, username: str) -> None:
    with pytest.raises(Refused, match="TP759: only a superuser"):
        newer(group(), username=username, force=frozenset({Check.APPROVAL}))
    assert newer.stored == []


@pytest.mark.parametrize("check", [Check.EXPIRY, Check.FUTURE_PERIODS])
def test_force_that_has_no_effect_is_refused(newer: Importing, check: Check) -> None:
    with pytest.raises(Refused, match="TP759: forcing has no effect"):
        newer(group(), username="root", force=frozenset({check, Check.APPROVAL}))


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("TP714", group(ou=uid("ouApart"))),
        ("TP728", group(ou=uid("ouNew"), pe="202502")),
        ("TP730", group(de=MONEY, aoc=uid("cbLocal"), ou=SOUTH)),
    ],
)
def test_what_dhis2_does_not_let_force_skip_cannot_be_forced(newer: Importing, code: str, made: Group) -> None:
    assert code in [found for found, *_ in refused(newer, made, force=frozenset(Check))]


def test_command_names_the_checks_as_they_are_called() -> None:
    assert list(CHECKS) == list(Check)


def test_name_of_no_check_is_an_error_in_the_library(newer: Importing) -> None:
    with pytest.raises(ValueError, match="'sharing' is not a valid Check"):
        newer(group(), force=frozenset({"sharing"}))


def test_page_on_import_names_every_check_with_its_findings_and_every_option() -> None:
    page = (ROOT / "docs/import.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|") and "| E8" in line]
    told = {name: line for line in rows for name in re.findall(r"`([a-z-]+)` \|$", line)}
    assert list(told) == list(Check)
    for check, code, _ in REFUSED:
        assert code in told[check]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not {"-q", "-v"} & set(parameter.opts):
            assert f"`{parameter.opts[0]}" in page or f" {parameter.opts[0]} " in page, parameter.opts


def test_command_forces_and_refuses(newer: Importing) -> None:
    path = newer.folder / "late.adv2.json"
    path.write_text(json.dumps(LATE))
    command = ("import", path, "--database", newer.url, "--json")
    assert run(*command).returncode == 3
    assert run(*command, "--force", "expiry", "--force", "approval").returncode == 0
    assert run(*command, "--force", "expiry", "--force", "expiry").returncode == 2
    assert run(*command, "--force", "sharing").returncode == 2
    ended = run(*command, "--force", "approval", "--as", "nurse")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (5, "TP759")


# --- How much it costs -----------------------------------------------------------------------------------------------


def test_number_of_statements_does_not_depend_on_how_much_a_group_spans(
    newer: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0
    execute_it = psycopg.Connection.execute

    def counting(connection: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal counted
        counted += 1
        return execute_it(connection, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", counting)
    assert told(newer, group(de=uid("deLate"), pe="202512"), username="nurse", today=date(2026, 1, 5)) == []
    few, counted = counted, 0
    months = [f"{year}{month:02}" for year in range(2000, 2025) for month in range(1, 13)]
    units = [uid(name) for name in ("ouNorth", "ouClinicN", "ouClinicM")]
    rows = [[at, unit, 1] for at in range(len(months)) for unit in range(3)]
    assert told(newer, group(*rows, pe=months, ou=units), username="nurse") == []
    assert counted == few
