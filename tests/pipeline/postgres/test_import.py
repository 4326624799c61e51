"""Import into real servers: a small DHIS2 of our own in both generations, and the real databases.

What the tables should hold is said by a plain model in Python, or by SQL.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.checking import check_against, strict_json
from support.databases import GENERATIONS, RESTORE, execute, fresh, restore_real, running_server, small
from support.importing import TODAY, Importing, changes, codes, load, visits
from support.places import DATA
from support.running import json_rows, run
from tallyport import ExportOptions, OptionNaming, OutsideFailed, Refused, convert, export_values
from tallyport.postgres.catalog.org_unit_cache import KnownUnits
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.imports.batch_size import Mode
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.report import CHANGES
from tallyport.postgres.imports.write import Triggers, triggers
from tallyport_schemas.generations import Generation

VALUES_FILE = DATA / "sierra-leone-values.json.gz"
VALUES = 188_701
UNSTORABLE = 4
"""Values of the real file that its data elements do not take: numbers with a leading zero."""


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def real(server: EmbeddedServer) -> dict[str, str]:
    if not RESTORE.exists() or not VALUES_FILE.exists():
        pytest.skip(f"the real databases are not in {DATA}: set TALLYPORT_DATA to the folder that has them")
    return restore_real(server)


@pytest.fixture(scope="session")
def both(server: EmbeddedServer) -> dict[str, str]:
    return {generation: small(server, generation) for generation in GENERATIONS}


@pytest.fixture(params=GENERATIONS)
def database(request: pytest.FixtureRequest, both: dict[str, str]) -> str:
    url = both[request.param]
    execute(url, "truncate datavalue, datavalueaudit, dataapproval; delete from period")
    return url


@pytest.fixture
def importing(database: str, tmp_path: Path) -> Importing:
    return Importing(database, tmp_path)


# --- Rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_stored_with_who_and_when(importing: Importing) -> None:
    report = importing(visits([0, 0, 5], [1, 1, "7", False, True, "late"]), username="amina")
    assert (report.exit_code, changes(report)) == (0, {"insert": 2})
    assert importing.stored == [
        ("ouClinicA01", "2025-03-01", "5", False, False, None),
        ("ouClinicB01", "2025-04-01", "7", False, True, "late"),
    ]
    assert importing.sql(
        "select distinct storedby, created = lastupdated, created > now() - interval '1 min' from datavalue"
    ) == [("amina", True, True)]


def test_generation_is_found_out_from_the_database(both: dict[str, str]) -> None:
    found = {generation: load([], url).generation for generation, url in both.items()}
    assert found == {"42": Generation.V42, "43": Generation.V43}


def test_same_file_again_writes_nothing(importing: Importing) -> None:
    group = visits([0, 0, 5], [0, 1, None, True], [1, 1, "7", False, True, "late"])
    importing(group)
    before = importing.sql("select *, xmin::text from datavalue order by sourceid, periodid")
    report = importing(group, username="amina")
    assert (report.exit_code, changes(report)) == (0, {"unchanged": 3})
    assert importing.sql("select *, xmin::text from datavalue order by sourceid, periodid") == before


def test_null_flag_and_comment_keep_what_is_stored(importing: Importing) -> None:
    importing(visits([0, 0, 5, False, True, "late"]))
    report = importing(visits([0, 0, 6]), username="amina")
    assert changes(report) == {"update": 1}
    assert importing.stored == [("ouClinicA01", "2025-03-01", "6", False, True, "late")]
    importing(visits([0, 0, 6, False, False, "checked"]))
    assert importing.stored == [("ouClinicA01", "2025-03-01", "6", False, False, "checked")]


def test_empty_comment_removes_the_stored_one(importing: Importing) -> None:
    importing(visits([0, 0, 5, False, None, "wrong remark"], [0, 1, 6, False, None, ""]))
    assert [comment for *_, comment in importing.stored] == ["wrong remark", None]
    report = importing(visits([0, 0, 5, False, None, ""], [0, 1, 6, False, None, ""]))
    assert changes(report) == {"update": 1, "unchanged": 1}
    assert [comment for *_, comment in importing.stored] == [None, None]


def test_stored_empty_comment_is_none(importing: Importing) -> None:
    importing(visits([0, 0, 5]))
    importing.sql("update datavalue set comment = ''")
    assert changes(importing(visits([0, 0, 5, False, None, ""]), visits([0, 0, 5]))) == {"unchanged": 2}


def test_empty_comment_is_no_reason_for_a_row_without_a_value(importing: Importing) -> None:
    assert codes(importing(visits([0, 0, None, False, None, ""]))) == ["TP609"]


def test_deleting_and_undeleting_keep_the_day_of_creation(importing: Importing) -> None:
    importing(visits([0, 0, 5]))
    importing.sql("update datavalue set created = '2020-01-01', lastupdated = '2020-01-01'")
    assert changes(importing(visits([0, 0, None, True]))) == {"delete": 1}
    assert importing.stored == [("ouClinicA01", "2025-03-01", None, True, False, None)]
    assert changes(importing(visits([0, 0, 5]))) == {"undelete": 1}
    assert importing.sql("select created::text, lastupdated > '2021-01-01' from datavalue") == [
        ("2020-01-01 00:00:00", True)
    ]


def test_values_are_stored_as_dhis2_writes_them(importing: Importing) -> None:
    importing(visits([0, 0, "5.0"]), visits([0, 0, "Yes"], [0, 1, "TrUe"], [1, 0, False], de="deOpen00001"))
    stored = ["5", "false", "true", "true"] if "small_43" in importing.url else ["TrUe", "false"]
    assert sorted(value for _, _, value, *_ in importing.stored) == stored


def test_comment_may_be_as_long_as_the_generation_takes(importing: Importing) -> None:
    is_old = "small_42" in importing.url
    report = importing(visits([0, 0, 5, False, None, "c" * (50_001 if is_old else 5_001)], [0, 1, 6]))
    assert (codes(report), changes(report)) == (["TP222"], {"insert": 1, "ignored": 1})
    comment = "c" * (50_000 if is_old else 5_000)
    assert changes(importing(visits([0, 0, 5, False, None, comment]))) == {"insert": 1}


@pytest.fixture
def importing_42(both: dict[str, str], tmp_path: Path) -> Importing:
    execute(both["42"], "truncate datavalue, datavalueaudit, dataapproval; delete from period")
    return Importing(both["42"], tmp_path)


def test_2_42_stores_no_insignificant_zero_and_deletes_what_it_replaces(importing_42: Importing) -> None:
    importing_42(visits([0, 0, 5, False, None, "kept"]))
    report = importing_42(visits([0, 0, 0], [0, 1, "0"], [1, 0, 7], [1, 1, None, True]), username="amina")
    assert (report.exit_code, changes(report)) == (1, {"insert": 2, "delete": 1, "ignored": 1})
    assert [(f.code, f.row, f.count) for f in report.groups[0].findings] == [("TP227", 0, 2)]
    assert importing_42.stored == [
        ("ouClinicA01", "2025-03-01", None, True, False, "kept"),
        ("ouClinicA01", "2025-04-01", "7", False, False, None),
        ("ouClinicB01", "2025-04-01", None, True, False, None),
    ]
    again = importing_42(visits([0, 0, 0], [0, 1, 0]))
    assert changes(again) == {"ignored": 2}


@pytest.mark.parametrize(
    "change", ["zeroissignificant = true", "aggregationtype = 'AVERAGE'", "aggregationtype = 'AVERAGE_SUM_ORG_UNIT'"]
)
def test_2_42_stores_zeros_that_are_significant_or_matter_to_an_average(importing_42: Importing, change: str) -> None:
    importing_42.sql(f"update dataelement set {change} where uid = 'deVisits001'")
    try:
        assert changes(importing_42(visits([0, 0, 0]))) == {"insert": 1}
    finally:
        importing_42.sql("update dataelement set zeroissignificant = false, aggregationtype = 'SUM'")


def test_2_42_stores_texts_without_the_blanks_around_them(importing_42: Importing) -> None:
    rows = [
        [0, 0, " a b\t", False, None, "\n c "],
        [0, 1, "\t \x07"],
        [1, 0, " ", False, None, "why"],
        [1, 1, " ", True],
    ]
    report = importing_42(visits(*rows, de="deNotes0001"))
    assert changes(report) == {"insert": 3, "ignored": 1}
    assert [(f.code, f.row, f.count) for f in report.groups[0].findings] == [("TP228", 1, 1)]
    assert importing_42.stored == [
        ("ouClinicA01", "2025-03-01", "a b", False, False, "c"),
        ("ouClinicA01", "2025-04-01", None, False, False, "why"),
        ("ouClinicB01", "2025-04-01", None, True, False, None),
    ]
    blank = [[0, 0, "a b", False, None, "  "]]
    assert changes(importing_42(visits(*blank, de="deNotes0001"))) == {"update": 1}
    assert importing_42.stored[0][-1] is None


def test_2_42_tells_of_each_value_of_a_legacy_file_that_it_does_not_store(importing_42: Importing) -> None:
    legacy = importing_42.folder / "visits.csv"
    legacy.write_text(
        "dataelement,period,orgunit,value\ndeVisits001,202503,ouClinicA01,0\ndeVisits001,202503,ouClinicB01,5\n"
    )
    ended = run("import", legacy, "--database", importing_42.url, "--json")
    document = json.loads(ended.stdout)
    check_against("import", document)
    assert (ended.returncode, document["rows"]["insert"], document["rows"]["ignored"]) == (1, 1, 1)
    assert b"TP227" in ended.stdout, document


@pytest.mark.parametrize(
    "text", ["\\N", "\\.", "'; drop table datavalue; --", "a\tb\nc\r\\", "%(x)s %s", "é\u2028💉", "{}"]
)
def test_hostile_texts_stay_in_their_cell(importing: Importing, text: str) -> None:
    importing(visits([0, 0, text, False, None, text], de="deNotes0001"))
    assert importing.stored == [("ouClinicA01", "2025-03-01", text, False, False, text)]


def test_header_that_is_wrong_in_form_and_against_the_metadata_is_told_all_of_it(importing: Importing) -> None:
    header = {"ds": "nope1234567", "pe": ["202513", "203503"], "ou": ["XXXXXXXXXXX", "bad id"], "colour": "red"}
    (group,) = importing(visits(**header)).groups
    told = [(f.code, f.field, f.found) for f in group.findings]
    assert told == [
        ("TP501", "colour", None),
        ("TP508", "pe", "202513"),
        ("TP507", "ou", "bad id"),
        ("TP701", "ds", "nope1234567"),
        ("TP703", "ou", "XXXXXXXXXXX"),
    ]
    assert importing(visits([0, 0, 1])).rows["insert"] == 1


def test_what_a_malformed_property_leaves_open_is_not_guessed_at(importing: Importing) -> None:
    (group,) = importing(visits(co="not options", ou=["ouNowhere01"])).groups
    assert [(f.code, f.field) for f in group.findings] == [("TP504", "co"), ("TP703", "ou")]
    (group,) = importing(visits(ids="COLOUR", ou=["ouNowhere01"])).groups
    assert [f.code for f in group.findings] == ["TP509"]


def test_rows_that_do_not_fit_are_left_out_and_named(importing: Importing) -> None:
    report = importing(visits([0, 0, 5], [0, 1, "x"], [1, 0, -1], [1, 1, 6]))
    assert (report.exit_code, changes(report)) == (1, {"insert": 2, "ignored": 2})
    assert [(f.code, f.row) for f in report.groups[0].findings] == [("TP203", 1), ("TP202", 2)]


def test_period_of_no_row_is_not_made(importing: Importing) -> None:
    report = importing(visits([0, 0, 5]))
    assert [group.periods_created for group in report.groups] == [1]
    assert importing.sql("select startdate::text from period") == [("2025-03-01",)]


# --- Change log ------------------------------------------------------------------------------------------------------


def test_change_log_is_as_each_generation_has_it(importing: Importing) -> None:
    for rows in ([0, 0, 5], [0, 0, 5, False, True], [0, 0, 6], [0, 0, None, True], [0, 0, 7]):
        importing(visits(rows), username="amina")
    expected = {
        "42": [("UPDATE", "5", "amina"), ("DELETE", "6", "amina")],
        "43": [(*pair, "amina") for pair in [("CREATE", "5"), ("UPDATE", "6"), ("DELETE", None), ("UPDATE", "7")]],
    }
    assert importing.log == expected["43" if "small_43" in importing.url else "42"]


# --- Deletion scopes -------------------------------------------------------------------------------------------------


def test_soft_scope_deletes_what_has_no_row_and_leaves_alone_what_lies_outside(importing: Importing) -> None:
    importing(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]))
    report = importing(visits([0, 2], pe="202503", delete="soft"))
    assert (changes(report), report.groups[0].cleared) == ({"update": 1}, 1)
    assert importing.stored == [
        ("ouClinicA01", "2025-03-01", "2", False, False, None),
        ("ouClinicA01", "2025-04-01", "3", False, False, None),
        ("ouClinicB01", "2025-03-01", None, True, False, None),
        ("ouClinicB01", "2025-04-01", "4", False, False, None),
    ]
    again = importing(visits([0, 2], pe="202503", delete="soft"))
    assert (changes(again), again.groups[0].cleared) == ({"unchanged": 1}, 0)


@pytest.mark.parametrize("delete", ["soft", "hard"])
def test_scope_keeps_what_an_ignored_row_names_and_says_so(importing: Importing, delete: str) -> None:
    importing(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]))
    before = importing.stored
    rows = visits([0, 0, "many"], [0, 1, 7], [1, 0, 3, "no flag"], [9, 0, 5], delete=delete)
    report = importing(rows, undo=importing.folder / "undo")
    assert (report.exit_code, changes(report), report.groups[0].cleared) == (1, {"update": 1, "ignored": 3}, 1)
    assert [(f.code, f.row, f.count) for f in report.groups[0].findings] == [
        ("TP742", 0, 2),
        ("TP203", 0, None),
        ("TP610", 2, None),
        ("TP605", 3, None),
    ]
    gone = ("ouClinicB01", "2025-04-01", "4", False, False, None)
    assert [row for row in before if row not in importing.stored and row != gone] == [
        ("ouClinicB01", "2025-03-01", "2", False, False, None)
    ]
    again = importing(rows, undo=importing.folder / "undo")
    assert (changes(again), again.groups[0].cleared) == ({"unchanged": 1, "ignored": 3}, 0)


def test_scope_keeps_what_rows_out_of_order_name_whichever_way_they_lie(importing: Importing) -> None:
    importing(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]))
    report = importing(visits([1, 0, 3], [0, 1, 7], [0, 0, 8], [1, 0, 9], delete="soft"))
    assert (codes(report), report.groups[0].cleared) == (["TP742", "TP606", "TP607"], 1)
    assert [value for _, _, value, *_ in importing.stored] == ["1", "3", "2", None]


def test_scope_keeps_what_ignored_rows_of_any_batch_name(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyport.postgres.imports.group.ROWS_BATCH", 1)
    monkeypatch.setattr("tallyport_converters.adv2.file.BLOCK_BYTES", 12)
    importing(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]))
    before = importing.stored
    ahead = importing(visits([1, 1, "many"], [0, 0, 1], [0, 1, 2], delete="soft"), batch=Mode.ROWS)
    assert (codes(ahead), ahead.groups[0].cleared) == (["TP742", "TP203"], 1)
    too_late = visits([0, 1, 2], [1, 0, 3], [1, 1, 4], [0, 0, "many"], delete="soft")
    late = importing(too_late, batch=Mode.ROWS)
    assert (late.exit_code, codes(late)) == (3, ["TP203", "TP743"])
    assert importing.stored == [(*row[:2], None, True, *row[4:]) if row[2] == "3" else row for row in before]


def test_scope_without_rows_makes_no_period(importing: Importing) -> None:
    report = importing(visits(delete="soft"))
    assert (report.exit_code, report.groups[0].cleared, importing.sql("select * from period")) == (0, 0, [])


def test_hard_scope_is_refused_unless_confirmed_and_a_dry_run_counts_it(importing: Importing) -> None:
    importing(visits([0, 0, 1]))
    report = importing(visits(delete="hard"))
    assert (report.exit_code, codes(report), len(importing.stored)) == (5, ["TP753"], 1)
    dry = importing(visits(delete="hard"), dry_run=True)
    assert (dry.exit_code, dry.groups[0].cleared, len(importing.stored)) == (0, 1, 1)


def test_hard_scope_removes_what_has_no_row_and_its_undo_brings_it_back(importing: Importing) -> None:
    importing(
        visits(
            [0, 0, 1, False, True, 'a "b"\\'],
            [0, 1, "x", True],
            [1, 0, 3],
            [1, 1, 4, False, None, ""],
            de="deNotes0001",
        )
    )
    importing.sql("update datavalue set value = null where value = '4'")
    before = importing.stored
    undo = importing.folder / "undo"
    report = importing(visits([0, 0, 2], [1, 1, 5], de="deNotes0001", delete="hard"), undo=undo)
    assert (changes(report), report.groups[0].cleared) == ({"update": 2}, 2)
    assert importing.stored == [
        ("ouClinicA01", "2025-03-01", "2", False, False, None),
        ("ouClinicB01", "2025-04-01", "5", False, False, None),
    ]
    again = importing(visits([0, 0, 2], [1, 1, 5], de="deNotes0001", delete="hard"), undo=undo)
    assert (changes(again), again.groups[0].cleared) == ({"unchanged": 2}, 0)
    kept = report.groups[0].undo
    assert kept is not None
    assert kept.parent == undo
    check_against("adv2", strict_json(kept.read_bytes()))
    brought = load([kept], importing.url, ImportOptions(today=TODAY))
    assert brought.exit_code == 0, codes(brought)
    assert importing.stored == before


EVERYTHING = "select to_jsonb(v)::text from datavalue v order by sourceid, periodid"
LEFT_BEHIND = """
update datavalue set value = v, comment = c, followup = f, storedby = 'amina', created = t, lastupdated = t
from (values
    ('1', 'abc', null, false, timestamp '2020-01-01'),
    ('2', null, null, null, '2020-01-31 14:30:00.123456'),
    ('3', '', '', true, '2021-12-31'),
    ('4', ' 007 ', repeat('k', 6000), false, '2019-12-31 23:59:59.9')
) as left_behind (was, v, c, f, t)
where value = was
"""
"""What older servers left behind: values that fit no number, live rows without one, long comments."""


def test_undo_brings_back_all_that_was_there_as_it_was(importing: Importing) -> None:
    importing(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]))
    importing.sql(LEFT_BEHIND)
    before = importing.sql(EVERYTHING)
    (removed,) = importing(visits([1, 1, 5], delete="hard"), undo=importing.folder / "undo", username="amina").groups
    assert (removed.cleared, len(importing.stored)) == (3, 1)
    assert removed.undo is not None
    check_against("adv2", strict_json(removed.undo.read_bytes()))
    assert run("validate", removed.undo).returncode == 0
    changed = importing.folder / "changes.ndjson"
    dry = load([removed.undo], importing.url, ImportOptions(today=TODAY, dry_run=True))
    brought = load([removed.undo], importing.url, ImportOptions(today=TODAY, username="amina", changes=changed))
    assert dry.rows == brought.rows
    assert (brought.exit_code, changes(brought)) == (0, {"insert": 3, "update": 1})
    assert importing.sql(EVERYTHING) == before
    lines = [strict_json(line.encode()) for line in changed.read_text(encoding="utf-8").splitlines()]
    assert [(each["change"], each.get("before"), each.get("value")) for each in lines] == [
        ("insert", None, "abc"),
        ("insert", None, None),
        ("insert", None, ""),
        ("update", "5", " 007 "),
    ]
    again = load([removed.undo], importing.url, ImportOptions(today=TODAY))
    assert (again.exit_code, changes(again)) == (0, {"unchanged": 4})


def test_undo_keeps_what_was_written_after_the_removal(importing: Importing) -> None:
    importing(visits([0, 0, 1], [0, 1, 2]))
    (removed,) = importing(visits(delete="hard"), undo=importing.folder / "undo").groups
    importing(visits([0, 0, 7]), username="amina")
    assert removed.undo is not None
    brought = load([removed.undo], importing.url, ImportOptions(today=TODAY))
    assert (brought.exit_code, codes(brought), changes(brought)) == (1, ["TP744"], {"insert": 1, "ignored": 1})
    assert [value for _, _, value, *_ in importing.stored] == ["7", "2"]


def test_undo_is_for_those_who_may_write_there(importing: Importing) -> None:
    importing(visits([0, 0, 1]))
    (removed,) = importing(visits(delete="hard"), undo=importing.folder / "undo").groups
    importing.sql("update organisationunit set closeddate = '2025-01-01' where uid like 'ouClinic%'")
    assert removed.undo is not None
    try:
        brought = load([removed.undo], importing.url, ImportOptions(today=TODAY))
    finally:
        importing.sql("update organisationunit set closeddate = null")
    assert (brought.exit_code, codes(brought), importing.stored) == (3, ["TP728"], [])


def test_rows_of_an_undo_that_lack_by_whom_and_when_are_ignored(importing: Importing) -> None:
    rows = [
        [0, 0, "1", False, None, None, "amina", "2020-01-01 00:00:00", "2020-01-01 00:00:00.5"],
        [0, 1, "1"],
        [1, 0, "1", False, None, None, None, "2020-01-01 00:00:00", None],
        [1, 1, "1", False, None, None, None, "2020-02-30 00:00:00", "2020-01-01 00:00:00"],
    ]
    report = importing(visits(*rows, undo="2025-01-31 14:30:00"))
    assert (codes(report), changes(report)) == (["TP602", "TP746", "TP746"], {"insert": 1, "ignored": 3})
    for wrong in ("yesterday", "2025-02-30 00:00:00", True):
        assert codes(importing(visits(*rows, undo=wrong))) == ["TP504"]
    assert codes(importing(visits(undo="2025-01-31 14:30:00", delete="soft"))) == ["TP505"]


def test_undo_is_for_databases_alone(importing: Importing) -> None:
    importing(visits([0, 0, 1]))
    (removed,) = importing(visits(delete="hard"), undo=importing.folder / "undo").groups
    assert removed.undo is not None
    ended = run("write-back", removed.undo, "--to", "dxf-json", "-o", importing.folder / "legacy", "--json")
    assert (ended.returncode, b"TP745" in ended.stdout) == (3, True)


def test_failing_group_leaves_no_undo_file(importing: Importing) -> None:
    importing(visits([0, 0, 1]))
    undo = importing.folder / "undo"
    report = importing({**visits([0, 0, 2], delete="hard"), "size": 2}, undo=undo)
    assert (report.exit_code, codes(report), list(undo.iterdir())) == (3, ["TP514"], [])
    assert importing.stored == [("ouClinicA01", "2025-03-01", "1", False, False, None)]


def test_nothing_stored_needs_no_undo_file(importing: Importing) -> None:
    report = importing(visits(delete="hard"), undo=importing.folder / "undo")
    assert (report.exit_code, report.groups[0].undo, (importing.folder / "undo").exists()) == (0, None, False)


# --- Headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "element", "units"),
    [
        ("CODE", "VISITS", ["A", "B"]),
        ({"de": "NAME", "ou": "CODE"}, "Visits", ["A", "B"]),
        ({"ou": "ATTRIBUTE:atNational1"}, "deVisits001", ["101", "102"]),
    ],
)
def test_any_identifier_scheme_finds_the_same(
    importing: Importing, scheme: Any, element: str, units: list[str]
) -> None:
    report = importing(visits([0, 0, 1], [1, 1, 2], ids=scheme, de=element, ou=units))
    assert changes(report) == {"insert": 2}, codes(report)
    assert [row[:3] for row in importing.stored] == [
        ("ouClinicA01", "2025-03-01", "1"),
        ("ouClinicB01", "2025-04-01", "2"),
    ]


def test_failing_header_fails_its_group_with_all_culprits_and_no_other(importing: Importing) -> None:
    wrong = visits([0, 0, 1], ou=["ouClinicA01", "ouMissing01", "ouMissing02"])
    report = importing(wrong, visits([0, 0, 1]))
    assert (report.exit_code, changes(report)) == (3, {"insert": 1, "ignored": 1})
    assert [(f.code, f.found) for f in report.groups[0].findings] == [("TP703", "ouMissing01, ouMissing02")]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"de": "deMissing01"}, "TP702"),
        ({"ds": "dsMissing01"}, "TP701"),
        ({"ds": "dsFunded001"}, "TP713"),
        ({"ids": {"ou": "NAME"}, "ou": ["Clinic A", "Clinic B"]}, "TP709"),
        ({"ids": {"ou": "ATTRIBUTE:atMissing01"}}, "TP710"),
        ({"pe": ["2025W3", "2025W4"]}, "TP715"),
        ({"de": "deCases0001"}, "TP722"),
        ({"coc": "cbMaleU5001"}, "TP718"),
        ({"de": "deMoney0001"}, "TP727"),
        ({"pe": ["202501", "202701"]}, "TP733"),
        ({"size": 3}, "TP514"),
    ],
)
def test_group_fails_for_what_is_wrong_with_its_header(
    importing: Importing, header: dict[str, Any], expected: str
) -> None:
    report = importing(visits([0, 0, 1], **header) | header)
    assert report.exit_code == 3
    assert expected in codes(report)
    assert importing.stored == importing.sql("select * from period") == []


def test_category_options_find_their_option_combos(importing: Importing) -> None:
    options = {"caAge000001": ["opUnder5001", "opOver50001"], "caSex000001": ["opFemale001", "opMale00001"]}
    rows = [[0, 0, 1], [0, 1, 2], [1, 0, 9], [1, 1, 3]]
    report = importing(visits(*rows, de="deCases0001", pe="202503", ou="ouClinicA01", co=options))
    assert (changes(report), codes(report)) == ({"insert": 3, "ignored": 1}, ["TP721", "TP750"])
    stored = importing.sql(
        "select c.uid, value from datavalue join categoryoptioncombo c using (categoryoptioncomboid) order by value"
    )
    assert stored == [("cbFemaleU51", "1"), ("cbMaleU5001", "2"), ("cbMaleO5001", "3")]


def test_rows_of_a_unit_that_is_not_open_yet_are_left_out(importing: Importing) -> None:
    report = importing(visits([0, 0, 1], [0, 1, 2], [1, 1, 3], pe=["202501", "202502"]))
    assert (changes(report), codes(report)) == ({"insert": 2, "ignored": 1}, ["TP728", "TP750"])
    assert [found.row for found in report.groups[0].findings] == [None, 1]


def test_rows_outside_the_dates_or_units_of_attribute_options_are_left_out(importing: Importing) -> None:
    rows = [[p, u, a, 1] for p in (0, 1) for u in (0, 1) for a in (0, 1)]
    units = ["ouClinicA01", "ouClinicC01"]
    header = {"de": "deMoney0001", "pe": ["202501", "202503"], "ou": units, "aoc": ["cbFundX0001", "cbFundY0001"]}
    report = importing(visits(*rows, **header))
    assert changes(report) == {"insert": 4, "ignored": 4}
    stored = importing.sql(
        "select p.startdate::text, o.uid, c.uid from datavalue join period p using (periodid) "
        "join organisationunit o on o.organisationunitid = sourceid "
        "join categoryoptioncombo c on c.categoryoptioncomboid = attributeoptioncomboid order by 1, 2, 3"
    )
    assert stored == [
        ("2025-01-01", "ouClinicA01", "cbFundY0001"),
        ("2025-03-01", "ouClinicA01", "cbFundX0001"),
        ("2025-03-01", "ouClinicA01", "cbFundY0001"),
        ("2025-03-01", "ouClinicC01", "cbFundX0001"),
    ]


def test_approved_data_is_left_as_it_is(importing: Importing) -> None:
    importing(visits([0, 0, 1], [1, 0, 2]))
    importing.sql("insert into dataapproval select 1, 1, 1, periodid, 2, 1 from period where startdate = '2025-03-01'")
    report = importing(visits([0, 0, 8], [0, 1, 8], [1, 0, 9]))
    assert (changes(report), codes(report)) == ({"insert": 1, "update": 1, "ignored": 1}, ["TP754"])
    assert sorted(row[2] for row in importing.stored) == ["1", "8", "9"]
    refused = importing(visits(delete="soft"))
    assert [(f.code, f.found) for f in refused.groups[0].findings] == [("TP754", "202503 ouClinicA01 HllvX50cXC0")]
    assert not any(row[3] for row in importing.stored)


@pytest.mark.parametrize("setting", ["DateStyle=German", "default_transaction_isolation=serializable"])
def test_settings_of_a_role_change_nothing(importing: Importing, setting: str) -> None:
    url = importing.url.replace("options=", f"options=-c{setting.replace('=', '%3D')}")
    report = Importing(url, importing.folder)(visits([0, 0, "1"]))
    assert (codes(report), changes(report)) == ([], {"insert": 1})


@pytest.mark.parametrize("username", ["nobody'; --", "", "no\0body", "nob\udcffdy"])
def test_user_must_exist(importing: Importing, username: str) -> None:
    with pytest.raises(Refused, match="TP752"):
        importing(visits([0, 0, 1]), username=username)
    assert importing.stored == []


def test_file_that_breaks_off_leaves_nothing(importing: Importing) -> None:
    path = importing.folder / "cut.adv2.json"
    path.write_text(json.dumps([visits([0, 0, 1]), visits([0, 0, 2], de="deNotes0001")])[:-20], encoding="utf-8")
    report = load([path], importing.url, ImportOptions(today=TODAY))
    assert (report.exit_code, changes(report), [e.code for e in report.errors]) == (3, {"insert": 1}, ["TP108"])
    assert [row[2] for row in importing.stored] == ["1"]


def test_rows_of_a_group_that_fails_are_counted_as_far_as_they_exist(importing: Importing) -> None:
    group = json.dumps({**visits([0, 0, 1], [0, 1, 2], de="deUnknown01"), "size": 1_000})
    for text, codes_of_file, rows in (
        (group, [], 2),
        (group[: -len("]}")], ["TP108"], 2),
        (group[: -len(" 2]]}")], ["TP108"], 1),
    ):
        path = importing.folder / "short.adv2.json"
        path.write_text(text, encoding="utf-8")
        report = load([path], importing.url, ImportOptions(today=TODAY))
        [failed] = report.groups
        assert (report.exit_code, [error.code for error in report.errors]) == (3, codes_of_file)
        assert failed.rows["ignored"] == rows


def test_database_that_is_none_of_dhis2_is_refused(server: EmbeddedServer) -> None:
    with pytest.raises(OutsideFailed, match="TP808"):
        load([], server.url())
    with pytest.raises(OutsideFailed, match="TP806"):
        load([], server.url("missing"))


def test_two_imports_at_once_into_the_same_scope_lose_no_row(importing: Importing) -> None:
    periods = [f"{year}{month:02}" for year in range(2001, 2025) for month in range(1, 13)]
    made = []
    for name, value in (("deNotes0001", "one"), ("deNotes0001", "two"), ("deVisits001", 3)):
        rows = [[period, unit, value] for period in range(len(periods)) for unit in (0, 1)]
        group = visits(*rows, de=name, pe=periods, ou=["ouClinicA01", "ouClinicC01"])
        path = importing.folder / f"{value}.adv2.json"
        path.write_text(json.dumps(group))
        made.append(path)
    with ThreadPoolExecutor() as threads:
        reports = list(threads.map(lambda path: load([path], importing.url, ImportOptions(today=TODAY)), made))
    count = 2 * len(periods)
    assert sorted(list(changes(report)) for report in reports) == [["insert"], ["insert"], ["update"]]
    assert all(list(changes(report).values()) == [count] for report in reports)
    assert importing.sql("select count(*), count(distinct periodid) from datavalue") == [(2 * count, len(periods))]
    assert importing.sql("select count(*) from period") == [(len(periods),)]


def test_units_known_from_groups_before_are_those_that_a_query_gives(database: str) -> None:
    names = {
        "UID": ["ouClinicA01", "ouClinicB01", "ouCountry01", "missing"],
        "CODE": ["C", "missing"],
        "NAME": ["Country", "missing"],
        "ATTRIBUTE:atNational1": ["100", "missing"],
    }
    known = KnownUnits()
    with psycopg.connect(database) as connected:
        for scheme in [*names, *names]:
            for count in range(len(names[scheme]) + 1):
                asked = names[scheme][:count]
                fresh = KnownUnits().rows(connected, scheme, asked)
                assert sorted(known.rows(connected, scheme, asked)) == sorted(fresh)


# --- Dry runs ---------------------------------------------------------------------------------------------------------


def test_dry_run_counts_groups_that_build_on_each_other_as_the_run_does(importing: Importing) -> None:
    importing(visits([0, 0, 1], [0, 1, 2]))
    groups = [visits(delete="soft"), visits([0, 0, 1], [1, 0, 3]), visits([0, 0, 1], [1, 0, 4])]
    dry, report = importing(*groups, dry_run=True), importing(*groups)
    assert [g.rows for g in dry.groups] == [g.rows for g in report.groups]
    assert changes(report) == {"insert": 1, "undelete": 1, "update": 1, "unchanged": 1}


def test_changes_are_listed_row_by_row_for_the_groups_that_do_not_fail(importing: Importing) -> None:
    def was(value: str, comment: str | None = None) -> dict[str, Any]:
        stored = {"before": value, "followup_before": False, "deleted_before": False}
        return stored | ({"comment_before": comment} if comment else {})

    importing(visits([0, 0, 1], [0, 1, 2, False, None, "late"], [1, 0, 3]))
    plain = {"followup": False, "deleted": False}
    hostile = '<\x01\\,"\x02\n>'
    file = importing.folder / "changes.ndjson"
    notes = visits([0, 0, hostile, False, True, "new"], de="deNotes0001")
    broken = {**visits([0, 0, 5]), "size": 2}
    groups = [visits([0, 0, 1], [0, 1, 5], [1, 0, None, True]), broken, notes]
    for dry_run in (True, False):
        importing(*groups, dry_run=dry_run, changes=file)
        lines = [strict_json(line.encode()) for line in file.read_text(encoding="utf-8").splitlines()]
        known = {"de", "pe", "ou", "coc", "aoc", "file"}
        assert [{name: each[name] for name in each if name not in known} for each in lines] == [
            {"group": 0, "row": 1, "change": "update"} | was("2", "late") | {"value": "5", "comment": "late"} | plain,
            {"group": 0, "row": 2, "change": "delete"} | was("3") | plain | {"deleted": True},
            {"group": 2, "row": 0, "change": "insert", "value": hostile, "comment": "new"} | plain | {"followup": True},
        ]
        assert [(each["de"], each["pe"], each["ou"]) for each in lines] == [
            ("deVisits001", "202503", "ouClinicB01"),
            ("deVisits001", "202504", "ouClinicA01"),
            ("deNotes0001", "202503", "ouClinicA01"),
        ]


# --- The command -----------------------------------------------------------------------------------------------------


def test_command_converts_on_the_way_and_says_what_it_did(importing: Importing) -> None:
    legacy = importing.folder / "january.csv"
    legacy.write_text(
        "dataelement,period,orgunit,value\ndeVisits001,202503,ouClinicA01,5\ndeNotes0001,202503,ouClinicA01,x\n"
    )
    dry = run("import", legacy, "--database", importing.url, "--dry-run", "--json")
    assert (dry.returncode, importing.stored) == (0, [])
    ended = run("import", legacy, "--database", importing.url, "--as", "amina", "--json")
    document = json.loads(ended.stdout)
    check_against("import", document)
    assert (ended.returncode, document["rows"]) == (0, json.loads(dry.stdout)["rows"])
    assert document["rows"] == {change: 2 if change == "insert" else 0 for change in CHANGES}
    assert document["generation"] == ("2.43" if "small_43" in importing.url else "2.42")
    assert importing.sql("select distinct storedby from datavalue") == [("amina",)]
    again = run("import", "-", "--database", importing.url, stdin=legacy.read_bytes())
    assert (again.returncode, again.stderr) == (0, b"")
    assert b"2 unchanged" in again.stdout


def test_rows_of_legacy_files_are_told_by_the_file_that_they_came_from(importing: Importing) -> None:
    for name, value in (("january", "much"), ("february", "more")):
        text = f"dataelement,period,orgunit,value\ndeVisits001,202503,ouClinicA01,{value}\n"
        (importing.folder / f"{name}.csv").write_text(text)
    sources = [importing.folder / "january.csv", importing.folder / "february.csv"]
    document = json.loads(run("import", *sources, "--database", importing.url, "--json").stdout)
    check_against("import", document)
    told = [(group["file"], *(found["source"] for found in group["findings"])) for group in document["groups"]]
    assert told == [(f"{name}.csv/deVisits001.adv2.json", f"{name}.csv") for name in ("january", "february")]


def test_command_takes_adv2_and_fails_for_a_failing_group(importing: Importing) -> None:
    importing(visits([0, 0, 5]))
    path = importing.folder / "values.adv2.json"
    path.write_text(json.dumps([visits([0, 0, 6]), visits([0, 0, 1], de="deMissing01")]))
    ended = run("import", path, "--database", importing.url)
    assert ended.returncode == 3
    assert b"error[TP702]" in ended.stderr
    assert [row[2] for row in importing.stored] == ["6"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among its files")
@pytest.mark.parametrize("option", ["sql", "changes"])
def test_what_is_no_file_is_not_replaced_by_one_and_a_link_leads_to_one(importing: Importing, option: str) -> None:
    pipe, link, target = (importing.folder / name for name in ("pipe", "link", "target"))
    os.mkfifo(pipe)
    with pytest.raises(OutsideFailed) as failed:
        importing(visits([0, 0, 6]), **{option: pipe})
    assert failed.value.finding.found == "pipe: not a regular file"
    assert (pipe.is_fifo(), importing.stored) == (True, [])
    link.symlink_to(target)
    importing(visits([0, 0, 6]), **{option: link})
    assert link.is_symlink()
    assert b"deVisits001" in target.read_bytes()


def test_command_reads_legacy_files_as_it_is_told(importing: Importing) -> None:
    path = importing.folder / "values.adx.xml"
    path.write_text(
        '<adx xmlns="urn:ihe:qrph:adx:2015"><group orgUnit="ouClinicA01" period="2025-03-01/P1M">'
        '<dataValue dataElement="deVisits001" value="5"/></group></adx>'
    )
    arguments = ("import", path, "--database", importing.url)
    assert run(*arguments).returncode == 3  # by code, as ADX is where it does not say
    ended = run(*arguments, "--id-scheme", "UID", "--data-set", "dsMissing01")
    assert b"TP701" in ended.stderr
    assert run(*arguments, "--id-scheme", "UID").returncode == 0
    assert [row[2] for row in importing.stored] == ["5"]


def test_command_keeps_statements_changes_and_sources_apart(importing: Importing) -> None:
    path = importing.folder / "values.adv2.json"
    path.write_text(json.dumps(visits([0, 0, 6])))
    both = importing.folder / "both"
    ended = run("import", path, "--database", importing.url, "--sql", both, "--changes", both)
    assert ended.returncode == 2
    assert b"--sql and --changes name the same file" in ended.stderr
    for option in ("--sql", "--changes"):
        ended = run("import", path, "--database", importing.url, option, path)
        assert ended.returncode == 2
        assert b"names a source" in ended.stderr
    assert json.loads(path.read_text()) == visits([0, 0, 6])
    assert importing.stored == []


def test_command_says_that_no_database_is_there(server: EmbeddedServer, tmp_path: Path) -> None:
    path = tmp_path / "values.adv2.json"
    path.write_text(json.dumps(visits([0, 0, 6])))
    ended = run("import", path, "--database", server.url("missing"), "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (4, "TP806")


# --- The real databases ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def converted(real: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sierra_leone")
    convert([VALUES_FILE], folder)
    return folder


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_real_values_go_in_the_table_equals_the_source_a_second_run_writes_nothing_and_an_export_gives_the_files(
    generation: str, real: dict[str, str], converted: Path, tmp_path: Path
) -> None:
    url = real[generation]
    first = load([converted], url, ImportOptions(today=TODAY))
    assert changes(first) == {"insert": VALUES - UNSTORABLE, "ignored": UNSTORABLE}
    assert {found.code for group in first.groups for found in group.findings} == {"TP201"}

    rows = json.loads(gzip.decompress(VALUES_FILE.read_bytes()))["dataValues"]
    fields = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "comment")
    with psycopg.connect(url) as database:
        database.execute(
            "create temporary table source (de text, pe text, ou text, coc text, aoc text, value text, comment text)"
        )
        with database.cursor().copy("copy source from stdin") as copy:
            for row in rows:
                copy.write_row([row.get(field) or None for field in fields])
        stored = (
            "select e.uid, to_char(p.startdate, 'YYYYMM'), o.uid, c.uid, a.uid, v.value, v.comment from datavalue v "
            "join dataelement e using (dataelementid) join period p using (periodid) "
            "join organisationunit o on o.organisationunitid = v.sourceid "
            "join categoryoptioncombo c on c.categoryoptioncomboid = v.categoryoptioncomboid "
            "join categoryoptioncombo a on a.categoryoptioncomboid = v.attributeoptioncomboid "
            "where not v.deleted and not v.followup"
        )
        missing = database.execute(f"table source except {stored}".encode()).fetchall()
        assert len(missing) == UNSTORABLE
        assert all(value.startswith("0") for *_, value, _ in missing)
        assert database.execute(f"{stored} except table source".encode()).fetchall() == []

    before = execute(url, "select max(lastupdated), count(*), max(xmin::text::bigint) from datavalue")
    again = load([converted], url, ImportOptions(today=TODAY, dry_run=generation == "43"))
    assert changes(again) == {"unchanged": VALUES - UNSTORABLE, "ignored": UNSTORABLE}
    assert execute(url, "select max(lastupdated), count(*), max(xmin::text::bigint) from datavalue") == before

    unstorable = {row[:6] for row in missing}
    taken = [row for row in rows if tuple(row[field] for field in fields[:6]) not in unstorable]
    (tmp_path / "values.json").write_bytes(json_rows(taken))
    convert([tmp_path / "values.json"], tmp_path)
    expected = {path.name: path.read_bytes() for path in (tmp_path / "values").glob("*.adv2.json")}
    small_memory = 1 << 20 if generation == "43" else 256 << 20
    exported = export_values(
        url, tmp_path / "out", ExportOptions(OptionNaming.COC, jobs=2, memory_bytes=small_memory)
    ).folder
    assert exported is not None
    assert {path.name: path.read_bytes() for path in exported.glob("*.adv2.json")} == expected


AUDIT_TRIGGER = (
    "create trigger trg_datavalue_audit after insert or update on datavalue "
    "for each row execute function log_datavalue_audit()"
)
"""As the server makes it when it starts; its function is in the database."""

UNKNOWN_TRIGGER = (
    "create function nothing() returns trigger language plpgsql as 'begin return new; end'",
    "create trigger unknown before update on datavalue for each row execute function nothing()",
)
"""Beside it no trigger is set aside."""


def test_values_and_change_log_are_the_same_whether_the_trigger_of_the_real_server_fires_or_is_set_aside(
    server: EmbeddedServer, real: dict[str, str], tmp_path: Path
) -> None:
    ways = [Importing(fresh(server, f"log_{name}", "real_43"), tmp_path) for name in ("aside", "fired")]
    for importing, statements in zip(ways, ((), UNKNOWN_TRIGGER), strict=True):
        execute(importing.url, "truncate datavalue, datavalueaudit", AUDIT_TRIGGER, *statements)
        with psycopg.connect(importing.url) as database:
            assert triggers(database) == Triggers(may_set_aside=not statements, log=True, role="origin")
    header = {"de": "FTINmL2lehN", "pe": ["202501", "202502"], "ou": ["ABM75Q1UfoP", "ADeZNq1pKsu"]}
    groups = [
        visits([0, 0, 1], [0, 1, 2, False, True, "it's"], [1, 0, 3, True], **header, aoc="BqblOcSwGey"),
        visits([0, 0, 1, False, True], [0, 1, 2, False, None, "so"], [1, 0, 4, True], **header, aoc="BqblOcSwGey"),
        visits([0, 0, 5], [0, 1, None, True], [1, 0, 3], [1, 1, 6], **header, aoc="BqblOcSwGey"),
        visits([0, 0, 5, True], [0, 1, None, True], **header, aoc="BqblOcSwGey", delete="soft"),
        visits([0, 0, 7], [1, 0, 8], **header, aoc="BqblOcSwGey", delete="hard"),
    ]
    for mode in (None, *Mode):
        for group in groups:
            reports = [importing(group, batch=mode, undo=tmp_path, username="admin") for importing in ways]
            assert reports[0].rows == reports[1].rows
            assert [codes(report) for report in reports] == [[], []]
    written, logged = (
        [importing.sql(text) for importing in ways]
        for text in (
            "select startdate, sourceid, attributeoptioncomboid, value, storedby, comment, followup, deleted "
            "from datavalue join period using (periodid) order by 1, 2",
            "select startdate, organisationunitid, value, modifiedby, audittype "
            "from datavalueaudit join period using (periodid) order by startdate, organisationunitid, datavalueauditid",
        )
    )
    assert written[0] == written[1]
    assert logged[0] == logged[1]
    assert {(kind, by) for *_, by, kind in logged[0]} == {(kind, "admin") for kind in ("CREATE", "UPDATE", "DELETE")}


def test_a_dry_run_of_the_real_values_counts_what_the_run_counts_and_leaves_nothing(
    real: dict[str, str], converted: Path
) -> None:
    url = real["43"]
    element = sorted(converted.rglob("*.adv2.json"))[0]
    execute(url, "delete from datavalue where value < '3'")
    before = execute(url, "select count(*) from datavalue")
    dry = load([element], url, ImportOptions(today=TODAY, dry_run=True))
    assert execute(url, "select count(*) from datavalue") == before
    assert load([element], url, ImportOptions(today=TODAY)).rows == dry.rows
    assert dry.rows["insert"] > 0
