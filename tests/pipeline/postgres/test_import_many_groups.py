"""Imports of many small groups: written together they come to what they come to one by one, and cost far less."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.databases import GENERATIONS, execute, running_server, small
from support.importing import TODAY, Group, Importing, changes, codes, load, visits
from support.running import command, environment
from support.waiting import wait_until
from tallyport import OutsideFailed
from tallyport.postgres.connection import connection
from tallyport.postgres.embedded.server import EmbeddedServer, programs
from tallyport.postgres.imports.batch_size import Mode
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.report import GroupLoad, ImportReport
from tallyport.postgres.imports.run import loading
from tallyport.postgres.statements import statement

RUNNING = "select count(*) from pg_stat_activity where application_name = 'tallyport'"

ROUNDS = int(os.environ.get("TALLYPORT_ROUNDS", "12"))
"""Files of random groups, over both generations."""

ALONE = Mode.WHOLE
"""Asking for a way to take groups has each written by itself."""

LOG = "select audittype, value, modifiedby, count(*) from datavalueaudit group by 1, 2, 3 order by 1, 2, 3"
TABLE = """
select e.uid, p.startdate::text, o.uid, c.uid, a.uid, v.value, v.deleted, v.followup, v.comment, v.storedby
from datavalue as v
join dataelement as e using (dataelementid)
join period as p using (periodid)
join organisationunit as o on o.organisationunitid = v.sourceid
join categoryoptioncombo as c on c.categoryoptioncomboid = v.categoryoptioncomboid
join categoryoptioncombo as a on a.categoryoptioncomboid = v.attributeoptioncomboid
order by 1, 2, 3, 4, 5
"""
PERIODS = ["202411", "202412", "202501", "202502", "202503", "202504"]
UNITS = ["ouClinicA01", "ouClinicB01", "ouClinicC01"]
"""Of which the second was opened in February 2025."""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> str:
    return small(server, "43", "many")


@pytest.fixture
def importing(url: str, tmp_path: Path) -> Importing:
    made = Importing(url, tmp_path)
    made.sql("truncate datavalue, datavalueaudit; delete from period")
    return made


def monthly(count: int, **header: Any) -> list[Group]:
    """Groups of a value each, for as many months."""
    periods = [f"{2016 + at // 12}{at % 12 + 1:02}" for at in range(count)]
    return [visits([at], pe=[period], ou=["ouClinicA01"], **header) for at, period in enumerate(periods)]


# --- Cost ------------------------------------------------------------------------------------------------------------


def test_nothing_is_compiled_for_a_group(importing: Importing, tmp_path: Path) -> None:
    script = tmp_path / "done.sql"
    importing(visits([0, 0, 5]), sql=script)
    assert "set jit = off;" in script.read_text()
    with connection(importing.url) as database:
        assert database.execute("show jit").fetchone() == ("off",)


def test_expiry_is_looked_up_without_nested_loops(url: str) -> None:
    """Where these are switched off, a plan that has one claims to be so dear that it is compiled."""
    with psycopg.connect(url) as database:
        database.execute(statement("imports/staging"))
        database.execute(statement("imports/join_by_hash"))
        asked = f"explain\n{statement('imports/expired')}"
        given = {"groups": [0, 0], "data_sets": [1, 2], "today": TODAY}
        plan = database.execute(asked.encode(), given).fetchall()
    assert "Nested Loop" not in "\n".join(line for (line,) in plan)


def test_a_hundred_small_groups_are_one_transaction_of_as_many_statements_as_ten(
    importing: Importing, tmp_path: Path
) -> None:
    counted = {}
    for count in (10, 100):
        script = tmp_path / f"{count}.sql"
        importing.sql("truncate datavalue")
        assert importing(*monthly(count), sql=script).exit_code == 0
        text = script.read_text()
        counted[count] = text.count(";\n")
        assert text.count("\ncommit;") == 1
        assert text.count("\n-- values.adv2.json, group ") == count
    assert counted[10] == counted[100]


def test_groups_of_one_kind_look_their_header_up_once(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()

    def counting(name: str) -> Any:
        asked[name] += 1
        return statement(name)

    monkeypatch.setattr("tallyport.postgres.catalog.stored_metadata.statement", counting)
    assert importing(*monthly(50)).exit_code == 0
    assert asked["catalog/data_elements"] == asked["catalog/data_sets"] == 1


# --- The same as one by one ------------------------------------------------------------------------------------------


def random_group(chance: random.Random) -> Group:
    """A group of one of the kinds that are written together, or of one that cannot be."""
    kind = chance.choice(["visits", "visits", "notes", "open", "cases", "money"])
    periods = sorted(chance.sample(PERIODS, chance.choice([1, 1, 2])))
    units = chance.sample(UNITS, chance.choice([1, 2, 2, 3]))
    values: list[Any] = [3, "4", "5.0", "x", 0, "007"]
    header: dict[str, Any] = {}
    sizes = [len(periods), len(units)]
    if kind == "notes":
        values, header = ["a", "b\t\n\\", "\\."], {"de": "deNotes0001"}
    elif kind == "open":
        values, header = ["Yes", True, "0", "maybe"], {"de": "deOpen00001"}
    elif kind == "cases":
        combos = ["cbMaleU5001", "cbMaleO5001", "cbFemaleU51"]
        header = {"de": "deCases0001", "coc": chance.sample(combos, chance.choice([1, 2]))}
        sizes.append(len(header["coc"]))
    elif kind == "money":
        header = {"de": "deMoney0001", "aoc": chance.sample(["cbFundX0001", "cbFundY0001"], chance.choice([1, 2]))}
        sizes.append(len(header["aoc"]))
    places: list[list[int]] = [[]]
    for size in sizes:
        places = [[*place, index] for place in places for index in range(size)]
    kept = [index for index, size in enumerate(sizes) if size > 1]
    rows = []
    for place in places:
        if chance.random() < 0.7:
            deleted = chance.random() < 0.1
            value = None if deleted else chance.choice(values)
            behind = [chance.choice([None, True, False]), chance.choice([None, None, "", "late"])]
            rows.append([*(place[index] for index in kept), value, deleted, *behind])
    group = visits(*rows, pe=periods, ou=units, **header)
    spoilt = chance.random()
    if spoilt < 0.05:
        group["size"] += 1
    elif spoilt < 0.1:
        group["ou"][0] = "ouNobody001"
    elif spoilt < 0.13:
        group = {"colour": "red", **group}
    elif spoilt < 0.2:
        group = {"delete": chance.choice(["soft", "hard"]), **group}
    elif spoilt < 0.23:
        group["late"] = True
    return group


def told(report: ImportReport) -> list[tuple[Any, ...]]:
    """What was reported of groups, but for how they were taken, and which of them made a period."""
    return [
        (group.file, group.number, group.de, group.valid, group.rows, group.cleared, group.findings)
        for group in report.groups
    ]


def listed(path: Path) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted((line["file"], line["group"], line["row"], json.dumps(line, sort_keys=True)) for line in lines)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_groups_that_are_written_together_come_to_what_they_come_to_one_by_one(
    server: EmbeddedServer, generation: str, tmp_path: Path
) -> None:
    names = ("together", "alone", "script")
    urls = {name: small(server, generation, f"many_{name}_{generation}") for name in names}
    chance = random.Random(generation)
    values = {
        "42": "(periodid, periodtypeid, startdate, enddate) values "
        "(1, 1, '2024-11-01', '2024-11-30'), (2, 1, '2024-12-01', '2024-12-31')",
        "43": "(periodid, periodtypeid, startdate, enddate, iso) values "
        "(1, 1, '2024-11-01', '2024-11-30', '202411'), (2, 1, '2024-12-01', '2024-12-31', '202412')",
    }
    setting = f"insert into period {values[generation]}"
    expiring = "update dataset set expirydays = 400 where datasetid = 1"  # December 2024 is open, November is not
    excepted = "insert into lockexception values (1, 2, 1, 1)"
    approved = "insert into dataapproval values (1, 1, 1, 2, 4, 1)"
    for each in urls.values():
        execute(each, setting, expiring, excepted, approved)
    seen: Counter[str] = Counter()
    for number in range(ROUNDS // 2):
        files = []
        for name in ("first", "second"):
            groups = [random_group(chance) for _ in range(chance.choice([1, 12, 25]))]
            files.append(tmp_path / f"{name}.adv2.json")
            files[-1].write_text(json.dumps(groups), encoding="utf-8")
        username = chance.choice([None, "amina", "amina"])
        options = ImportOptions(today=TODAY, username=username, undo=tmp_path / "undo")
        script = tmp_path / f"{number}.sql"
        lists = {name: tmp_path / f"{name}.{number}.ndjson" for name in ("together", "alone", "dry")}
        dry = load(files, urls["together"], replace(options, dry_run=True, sql=script, changes=lists["dry"]))
        together = load(files, urls["together"], replace(options, changes=lists["together"]))
        alone = load(files, urls["alone"], replace(options, batch=ALONE, changes=lists["alone"]))
        for one, other in zip(told(together), told(alone), strict=True):
            assert one == other
        assert told(together) == told(dry)
        assert sum(group.periods_created for group in together.groups) == sum(
            group.periods_created for group in alone.groups
        )
        assert listed(lists["together"]) == listed(lists["alone"]) == listed(lists["dry"])
        assert execute(urls["together"], TABLE) == execute(urls["alone"], TABLE)
        assert execute(urls["together"], LOG) == execute(urls["alone"], LOG)
        run = [str(programs() / "psql"), urls["script"], "--no-psqlrc", "--quiet", "--file", str(script)]
        ran = subprocess.run(run, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert execute(urls["script"], TABLE) == execute(urls["together"], TABLE)
        seen.update(code for group in together.groups for code in {found.code for found in group.findings})
        seen.update(group.batching.reason.rpartition(", ")[2] for group in together.groups if group.batching)
    assert seen["staged together with those of other groups"] > 20
    assert {"TP501", "TP514", "TP703", "TP728", "TP750", "TP754", "TP758"} <= seen.keys()


def test_later_groups_see_what_earlier_ones_wrote(importing: Importing) -> None:
    report = importing(*(visits([value], pe=["202503"], ou=["ouClinicA01"]) for value in (1, 2, 2, 3)))
    assert [changes(ImportReport(groups=[group])) for group in report.groups] == [
        {"insert": 1},
        {"update": 1},
        {"unchanged": 1},
        {"update": 1},
    ]
    assert [value for _, _, value, *_ in importing.stored] == ["3"]


def test_groups_of_several_files_are_written_together_and_reported_file_by_file(url: str, tmp_path: Path) -> None:
    execute(url, "truncate datavalue")
    paths = [tmp_path / f"{name}.adv2.json" for name in "abc"]
    for path, groups in zip(paths, (monthly(3), [visits([0, 0, "x"])], monthly(2, de="deNotes0001")), strict=True):
        path.write_text(json.dumps(groups))
    with connection(url) as database:
        events = list(loading(database, paths, ImportOptions(today=TODAY)))
    assert [
        (event.file, event.number if isinstance(event, GroupLoad) else "end")
        for event in events
        if hasattr(event, "file")
    ] == [(path.name, at) for path, count in zip(paths, (3, 1, 2), strict=True) for at in [*range(count), "end"]]


# --- Failures --------------------------------------------------------------------------------------------------------


def test_a_group_that_fails_among_others_leaves_these_alone(importing: Importing) -> None:
    groups = monthly(9)
    groups[2]["ou"] = ["ouNobody001"]
    groups[4]["size"] = 2
    groups[6]["data"] = [["x"]]
    groups[7] = {"colour": "red", **groups[7]}
    report = importing(*groups)
    assert report.exit_code == 3
    assert [group.valid for group in report.groups] == [True, True, False, True, False, True, True, False, True]
    assert [group.number for group in report.groups] == list(range(9))
    assert codes(report) == ["TP703", "TP514", "TP203", "TP501"]
    assert changes(report) == {"insert": 5, "ignored": 4}
    assert sorted(value for _, _, value, *_ in importing.stored) == ["0", "1", "3", "5", "8"]


def test_a_file_that_breaks_off_keeps_the_groups_before(importing: Importing) -> None:
    text = json.dumps(monthly(5))
    report = importing(text[: text.rindex('"data"') + 10])
    assert (report.exit_code, changes(report), len(report.errors)) == (3, {"insert": 4}, 1)


def test_a_group_that_lies_about_its_size_is_not_held_in_memory(importing: Importing) -> None:
    periods = [f"{year}{month:02}" for year in range(1990, 2020) for month in range(1, 13)]
    rows = [[period, unit, "v" * 2_000] for period in range(len(periods)) for unit in range(2)]
    group = visits(*rows, pe=periods, ou=["ouClinicA01", "ouClinicC01"], de="deNotes0001")
    importing.sql("update organisationunit set openingdate = '1980-01-01' where openingdate < '2001-01-01'")
    report = importing(*monthly(2), {**group, "size": 9}, *monthly(2, de="deNotes0001"))
    assert [(group.valid, group.rows["ignored"]) for group in report.groups] == [
        (True, 0),
        (True, 0),
        (False, len(rows)),
        (True, 0),
        (True, 0),
    ]


@pytest.mark.parametrize("deferred", [False, True], ids=["as it is written", "at commit"])
def test_what_the_database_refuses_ends_the_run_with_the_groups_before_it_in(
    server: EmbeddedServer, tmp_path: Path, *, deferred: bool
) -> None:
    importing = Importing(small(server, "43", "refusing"), tmp_path)
    kind = "constraint trigger" if deferred else "trigger"
    when = "deferrable initially deferred" if deferred else ""
    execute(
        importing.url,
        "create function refuse() returns trigger language plpgsql as $$ begin "
        "if new.value = '3' then raise 'no threes'; end if; return new; end $$",
        f"create {kind} refusing after insert on datavalue {when} for each row execute function refuse()",
    )
    path = tmp_path / "values.adv2.json"
    path.write_text(json.dumps(monthly(6)))
    reported = []

    def read_all() -> None:
        with connection(importing.url) as database:
            for event in loading(database, [path], ImportOptions(today=TODAY)):
                if isinstance(event, GroupLoad):
                    reported.append(event.number)

    with pytest.raises(OutsideFailed, match="TP805"):
        read_all()
    assert reported == [0, 1, 2]
    assert sorted(value for _, _, value, *_ in importing.stored) == ["0", "1", "2"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_run_that_is_killed_among_many_small_groups_leaves_whole_groups_and_is_completed(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    made = small(server, "43", "killing")
    execute(made, "update organisationunit set openingdate = '1700-01-01'")
    months = [f"{1800 + at // 12}{at % 12 + 1:02}" for at in range(2_000)]
    path = tmp_path / "many.adv2.json"
    path.write_text(json.dumps([visits([0, 1], [1, 2], pe=[each], ou=UNITS[:2]) for each in months]))
    reached = set()
    for moment in (0.35, 0.6, 0.9):
        execute(made, "truncate datavalue")
        process = subprocess.Popen(
            command("import", str(path), "--database", made, "-q"), env=environment(), stdout=subprocess.DEVNULL
        )
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: execute(made, RUNNING) == [(0,)])
        by_group = execute(made, "select count(*) from datavalue group by periodid")
        assert set(by_group) <= {(2,)}
        reached.add(len(by_group))
        report = load([path], made, ImportOptions())
        assert (report.exit_code, report.rows["insert"]) == (0, 2 * (len(months) - len(by_group)))
    assert execute(made, "select count(*) from datavalue") == [(2 * len(months),)]
