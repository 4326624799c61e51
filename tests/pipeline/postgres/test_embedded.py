"""The embedded database: made, shared, filled and refilled on a real server, and held against DHIS2's real tables."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.checking import check_against
from support.databases import RESTORE, execute, fresh
from support.importing import load
from support.places import DATA, ROOT
from support.running import command, environment, interrupt, run, signals_as_usual
from support.waiting import wait_until
from tallyport import OutsideFailed, Refused, Snapshot, SourceUnreadable, embedded_database, import_values
from tallyport.metadata import load_metadata
from tallyport.postgres.embedded import server as server_module
from tallyport.postgres.embedded.database import embedded_server
from tallyport.postgres.embedded.metadata_tables import Filled, fill
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.statements import statement
from tallyport_converters.files.folders import shared_data_folder
from tallyport_converters.model.periods import PeriodType

FIXTURES = ROOT / "tests" / "fixtures" / "metadata"
EXPORTS = (FIXTURES / "metadata.json", FIXTURES / "org-units.json")
SAMPLE = ROOT / "pipeline" / "tallyport" / "demo"
TODAY = date(2026, 1, 31)

Objects = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folders() -> Iterator[Callable[[], Path]]:
    """Give new folders that the user who runs servers in place of root can reach."""
    made: list[Path] = []

    def folder() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="tallyport-")))
        made[-1].chmod(0o755)
        return made[-1]

    yield folder
    for each in made:
        shutil.rmtree(each, ignore_errors=True)


@pytest.fixture(scope="module")
def server(folders: Callable[[], Path]) -> Iterator[EmbeddedServer]:
    with embedded_server(folders(), is_passing=True) as running:
        yield running


@pytest.fixture(scope="module")
def tables(server: EmbeddedServer) -> str:
    """A database with the tables."""
    url = fresh(server, "filled")
    execute(url, statement("embedded/tables"))
    return url


@pytest.fixture
def database(tables: str) -> str:
    """The same with nothing in them but what every new server has: quicker than a new database."""
    names = {
        name
        for (name,) in execute(
            tables,
            "select relname from pg_class where oid in (select conrelid from "
            "pg_constraint where connamespace = 'public'::regnamespace)",
        )
    }
    emptied = names - {"periodtype", "userinfo", "userrole", "userroleauthorities", "userrolemembers"}
    execute(tables, f"truncate {', '.join(sorted(emptied))}")
    return tables


@pytest.fixture
def home(server: EmbeddedServer) -> Path:
    """The folder of an embedded database that has no tables yet; its server runs."""
    execute(server.url(), "drop database if exists dhis2 with (force)")
    return server._folder.parent


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("metadata") / "hmis.snapshot"
    Snapshot.from_exports(EXPORTS).save(path)
    return path


def filled(url: str, path: Path) -> Filled:
    with psycopg.connect(url) as connected:
        return fill(connected, load_metadata(path))


def exported(*left_out: str) -> Objects:
    """The metadata of the fixtures as one export, without some collections."""
    both: Objects = json.loads(EXPORTS[0].read_bytes())
    both["organisationUnits"] = json.loads(EXPORTS[1].read_bytes())
    return {name: objects for name, objects in both.items() if name not in left_out}


def written(folder: Path, objects: Objects) -> Path:
    path = folder / "metadata.json"
    path.write_text(json.dumps(objects), encoding="utf-8")
    return path


def one(objects: Objects, collection: str, uid: str) -> dict[str, Any]:
    (found,) = (each for each in objects[collection] if each["id"] == uid)
    return found


# --- The tables ------------------------------------------------------------------------------------------------------

COLUMNS = """
select
    c.relname || '.' || a.attname,
    format_type(a.atttypid, a.atttypmod),
    a.attnotnull,
    coalesce(array_position(k.conkey, a.attnum), 0)
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid
left join pg_constraint as k on k.conrelid = c.oid and k.contype = 'p'
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
"""
INDEXES = """
select c.relname, array(
    select a.attname::text
    from unnest(i.indkey) with ordinality as k (number, place)
    join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
    order by place
), i.indisunique
from pg_index as i
join pg_class as c on c.oid = i.indrelid
where c.relnamespace = 'public'::regnamespace and not i.indisprimary
"""
REFERENCES = """
select c.relname, a.attname, r.relname
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_class as r on r.oid = k.confrelid
join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.conkey[1]
where c.relnamespace = 'public'::regnamespace and k.contype = 'f'
"""


@pytest.fixture(scope="module")
def real(server: EmbeddedServer, tables: str) -> str:
    """The same tables of the real 2.43, without any rows."""
    if not RESTORE.exists():
        pytest.skip(f"the real databases are not in {DATA}: set TALLYPORT_DATA to the folder that has them")
    url = fresh(server, "real")
    wanted = "|".join(name for (name,) in execute(tables, "select relname from pg_class where relkind = 'r'"))
    made = re.compile(rf"(CREATE TABLE|ALTER TABLE ONLY|CREATE (UNIQUE )?INDEX \w+ ON) public\.({wanted})\b", re.A)
    statements, is_rows, open_one = [], False, False
    with gzip.open(DATA / "dhis2-v43-database.sql.gz", "rt", encoding="utf-8") as dump:
        for line in dump:
            is_rows = (is_rows or line.startswith("COPY ")) and not line.startswith("\\.")
            open_one = not is_rows and (open_one or bool(made.match(line)))
            if open_one:
                statements.append(re.sub(r"public\.geometry(\([A-Za-z]+,4326\))?", "text", line))
                open_one = not line.endswith(";\n")
    psql: list[str | Path] = [server_module.programs() / "psql", url, "-q"]
    subprocess.run(psql, input="".join(statements).encode(), capture_output=True, check=True)
    return url


def test_every_column_is_one_of_dhis2_with_its_type_nullability_and_place_in_the_key(tables: str, real: str) -> None:
    ours, theirs = set(execute(tables, COLUMNS)), set(execute(real, COLUMNS))
    assert len(ours) > 200
    assert ours <= theirs, sorted(ours - theirs)


def test_every_index_and_reference_is_one_of_dhis2(tables: str, real: str) -> None:
    for query in (INDEXES, REFERENCES):
        ours = {str(row) for row in execute(tables, query)}
        theirs = {str(row) for row in execute(real, query)}
        assert ours <= theirs, sorted(ours - theirs)


def test_period_types_are_those_that_periods_can_have(tables: str) -> None:
    assert {name for (name,) in execute(tables, "select name from periodtype")} == set(PeriodType)


def test_every_value_table_has_the_keys_and_the_change_log_of_a_server(database: str, snapshot: Path) -> None:
    filled(database, snapshot)
    load([write_group(snapshot.parent, 3)], database, ImportOptions(today=TODAY, username="admin"))
    load([write_group(snapshot.parent, 4)], database, ImportOptions(today=TODAY, username="admin"))
    log = execute(database, "select audittype, value, modifiedby from datavalueaudit order by datavalueauditid")
    assert log == [("CREATE", "3", "admin"), ("UPDATE", "4", "admin")]


SQL = sorted((ROOT / "pipeline" / "tallyport" / "postgres").rglob("sql/*.sql"))


OPEN = {
    "table": "dataelement",
    "id": "dataelementid",
    "attributes": "code",
    "column": "name",
    "columns": "dataelementid, uid, name",
    "given": "given_dataelement",
    "owner": "dataelementid",
    "tables": "dataelement",
    "unit": "uid",
}
"""What stands for names that a statement leaves open."""


def parts(path: Path) -> list[str]:
    """The statements of a file, with nulls in place of its parameters."""
    room = path.parts[-3] if path.parts[-3] != "postgres" else ""
    text = re.sub(r"^ *--.*\n", "", statement(f"{room}/{path.stem}"), flags=re.MULTILINE)
    text = re.sub(r"\{(\w+)\}", lambda open: OPEN[open[1]], text)
    return re.split(r";\n", re.sub(r"%\(\w+\)s", "null", text).replace("%%", "%").strip().removesuffix(";"))


def test_every_statement_finds_its_tables_and_columns(database: str) -> None:
    """But for what only a server has: an embedded database has no list of migrations, and is not asked for one."""
    others = {path for path in SQL if path.stem.endswith("_42") or path.stem == "schema_history"}
    files = {path: parts(path) for path in sorted(set(SQL) - others)}
    lacking: dict[str, str] = {}
    with psycopg.connect(database) as connected:
        for made in files.values():
            for text in made:
                if text.startswith("create temporary"):
                    connected.execute(text.encode())
        for path, made in files.items():
            for text in made:
                if text.startswith(("select", "with", "insert", "update", "delete")):
                    try:
                        with connected.transaction():
                            connected.execute(f"explain {text}".encode())
                    except psycopg.Error as error:
                        lacking[path.name] = str(error)
    assert not lacking


# --- Filling ---------------------------------------------------------------------------------------------------------


def write_group(folder: Path, value: int, **header: Any) -> Path:
    group = {"de": "deStock0001", "pe": "202503", "ou": ["ouClinicA01"], "coc": ["ocDefault01"]}
    path = folder / "stock.adv2.json"
    path.write_text(json.dumps({**group, **header, "size": 1, "data": [[value]]}), encoding="utf-8")
    return path


def test_what_was_filled_in_reads_back_as_the_snapshot_has_it(database: str, snapshot: Path) -> None:
    counted = filled(database, snapshot).objects
    assert counted == load_metadata(snapshot).summary()["objects"]
    units = execute(
        database,
        "select u.uid, u.code, u.name, u.path, u.hierarchylevel, p.uid, u.closeddate::text, u.attributevalues "
        "from organisationunit u left join organisationunit p on p.organisationunitid = u.parentid",
    )
    assert len(units) == 7
    assert (
        "ouClinicB01", "CLINIC_B1", "Riverside", "/ouCountry01/ouDistrictB/ouClinicB01", 3, "ouDistrictB",
        "2024-12-31", {"atNationalI": {"value": "N-003"}},
    ) in units  # fmt: skip
    elements = execute(
        database,
        "select e.uid, e.valuetype, e.domaintype, e.zeroissignificant, c.uid, o.code, e.attributevalues "
        "from dataelement e join categorycombo c using (categorycomboid) left join optionvalue o "
        "on o.optionsetid = e.optionsetid and o.sort_order = 2",
    )
    d17 = {"atNationalI": {"value": "D-17"}}
    assert ("deVisits001", "INTEGER_ZERO_OR_POSITIVE", "AGGREGATE", False, "ccAgeSex001", None, d17) in elements
    assert ("deSupply001", "MULTI_TEXT", "AGGREGATE", False, "ccDefault01", "PRIVATE", {}) in elements
    sets = execute(
        database,
        "select s.uid, t.name, e.uid, c.uid from dataset s join periodtype t using (periodtypeid) "
        "join datasetelement m using (datasetid) join dataelement e using (dataelementid) "
        "left join categorycombo c on c.categorycomboid = m.categorycomboid",
    )
    assert len(sets) == 8
    assert ("dsOutreach1", "Monthly", "deVisits001", "ccFixedOut1") in sets
    windows = (
        "select p.iso, i.openingdate::text, i.closingdate::text from datainputperiod i join period p using (periodid)"
    )
    assert sorted(execute(database, windows), key=str) == [
        ("202501", "2025-01-01 00:00:00", "2025-02-15 00:00:00"),
        ("202502", "2025-02-01 00:00:00", None),
    ]
    limits = (
        "select o.uid, u.uid from categoryoption_organisationunits join categoryoption o using (categoryoptionid) "
        "join organisationunit u using (organisationunitid)"
    )
    assert execute(database, limits) == [("coSchool001", "ouDistrictA")]


def test_newer_metadata_changes_what_is_there_and_keeps_the_values(database: str, tmp_path: Path) -> None:
    objects = exported()
    filled(database, written(tmp_path, objects))
    before = execute(database, "select dataelementid from dataelement where uid = 'deStock0001'")
    assert load([write_group(tmp_path, 3)], database, ImportOptions(today=TODAY)).rows["insert"] == 1
    stock, visits = one(objects, "dataElements", "deStock0001"), one(objects, "dataElements", "deVisits001")
    stock["name"], visits["name"] = visits["name"], stock["name"]
    stock["code"], visits["code"] = visits["code"], stock["code"]
    one(objects, "dataSets", "dsMonthly01")["organisationUnits"] = [{"id": "ouClinicA02"}]
    assert not filled(database, written(tmp_path, objects)).findings
    assert execute(database, "select dataelementid from dataelement where code = 'VISITS'") == before
    assert execute(database, "select value from datavalue") == [("3",)]
    report = load([write_group(tmp_path, 5, ds="dsMonthly01")], database, ImportOptions(today=TODAY))
    assert [found.code for group in report.groups for found in group.findings] == ["TP714"]


def test_filling_the_same_again_changes_no_row(database: str, snapshot: Path) -> None:
    query = (
        "select uid, lastupdated, xmin::text from organisationunit union all "
        "select uid, lastupdated, xmin::text from dataelement union all "
        "select uid, lastupdated, xmin::text from dataset"
    )
    filled(database, snapshot)
    before = sorted(execute(database, query))
    filled(database, snapshot)
    assert sorted(execute(database, query)) == before


def test_objects_that_are_gone_are_kept_and_told(database: str, tmp_path: Path) -> None:
    objects = exported()
    filled(database, written(tmp_path, objects))
    load([write_group(tmp_path, 3)], database, ImportOptions(today=TODAY))
    objects["dataElements"] = [each for each in objects["dataElements"] if each["id"] != "deStock0001"]
    for data_set in objects["dataSets"]:
        members = data_set["dataSetElements"]
        data_set["dataSetElements"] = [each for each in members if each["dataElement"]["id"] != "deStock0001"]
    one(objects, "dataElements", "deWeekly001")["code"] = "STOCK"
    (found,) = filled(database, written(tmp_path, objects)).findings
    assert (found.code, found.found) == ("TP784", "dataElements deStock0001")
    assert execute(database, "select uid from dataelement where code = 'STOCK'") == [("deWeekly001",)]
    assert execute(database, "select value from datavalue") == [("3",)]
    report = load([write_group(tmp_path, 4)], database, ImportOptions(today=TODAY))
    assert not report.groups[0].valid


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("organisationUnits", ["all organisationUnits"]),
        ("categoryOptions", ["all categoryOptions"]),
        ("categoryOptionCombos", []),
        ("optionSets", ["all optionSets"]),
        ("options", ["options of optionSets osSupplier1"]),
        ("categories", ["all categories"]),
        ("categoryCombos", ["all categoryCombos"]),
        ("dataElements", ["all dataElements"]),
    ],
)
def test_metadata_that_refers_to_what_it_does_not_hold_is_refused_with_all_that_is_missing(
    database: str, tmp_path: Path, left_out: str, named: list[str]
) -> None:
    if not named:
        filled(database, written(tmp_path, exported(left_out)))  # nothing refers to them
        return
    with pytest.raises(SourceUnreadable) as refused:
        filled(database, written(tmp_path, exported(left_out)))
    assert (refused.value.finding.code, refused.value.finding.found) == ("TP782", ", ".join(named))
    assert execute(database, "select count(*) from organisationunit") == [(0,)]


def _no_value_type(objects: Objects) -> None:
    del one(objects, "dataElements", "deStock0001")["valueType"]


def _unknown_period_type(objects: Objects) -> None:
    one(objects, "dataSets", "dsWeekly001")["periodType"] = "Fortnightly"


def _one_missing(objects: Objects) -> None:
    objects["organisationUnits"].pop(3)


def _circle(objects: Objects) -> None:
    one(objects, "organisationUnits", "ouCountry01")["parent"] = {"id": "ouClinicB02"}


def _same_code(objects: Objects) -> None:
    one(objects, "dataElements", "deStock0001")["code"] = "VISITS"


def _long_name(objects: Objects) -> None:
    one(objects, "dataElements", "deStock0001")["name"] = "n" * 231


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_no_value_type, "valueType of dataElements deStock0001"),
        (_unknown_period_type, "periodType Fortnightly of dataSets dsWeekly001"),
        (_one_missing, "organisationUnits ouClinicA01"),
        (_circle, "an end of the units above of organisationUnits ouCountry01"),
        (_same_code, "(code)=(VISITS)"),
        (_long_name, 'column name: "nnnn'),
    ],
)
def test_metadata_that_no_server_could_hold_is_refused_and_changes_nothing(
    database: str, tmp_path: Path, snapshot: Path, spoil: Callable[[Objects], None], found: str
) -> None:
    filled(database, snapshot)
    objects = exported()
    objects["organisationUnits"][0]["name"] = "Renamed"
    spoil(objects)
    with pytest.raises(SourceUnreadable) as refused:
        filled(database, written(tmp_path, objects))
    assert refused.value.finding.code == "TP782"
    assert found in str(refused.value.finding.found)
    assert execute(database, "select name from organisationunit where uid = 'ouCountry01'") == [("Country",)]


def test_hostile_texts_stay_in_their_cells(database: str, tmp_path: Path) -> None:
    hostile = 'a\\N\tb\nc\'); drop table datavalue; -- \\. {"x"} \u202e%s%(name)s'
    objects = exported()
    for collection in ("dataElements", "organisationUnits", "categories", "dataSets"):
        objects[collection][0] |= {"name": f"{hostile} {collection}", "code": "\\N"}
    objects["options"][0]["code"] = hostile
    objects["organisationUnits"][0]["attributeValues"] = [{"attribute": {"id": "atNationalI"}, "value": hostile}]
    filled(database, written(tmp_path, objects))
    assert execute(database, "select name, code, attributevalues from organisationunit where code = '\\N'") == [
        (f"{hostile} organisationUnits", "\\N", {"atNationalI": {"value": hostile}})
    ]
    assert execute(database, "select count(*) from optionvalue where code = $$" + hostile + "$$") == [(1,)]


# --- The server, and who uses it --------------------------------------------------------------------------------------


def test_without_data_and_metadata_no_server_is_made(folders: Callable[[], Path]) -> None:
    folder = folders() / "within"
    with pytest.raises(Refused) as refused, embedded_database(folder):
        pass
    assert refused.value.finding.code == "TP780"
    assert not folder.exists()


def test_metadata_is_needed_once_and_remembered(home: Path, snapshot: Path) -> None:
    with pytest.raises(Refused) as refused, embedded_database(home):
        pass
    assert refused.value.finding.code == "TP780"
    with embedded_database(home, snapshot) as first:
        assert first.filled is not None
        import_values([write_group(snapshot.parent, 3)], first.url)
    with embedded_database(home) as second:
        assert (second.metadata, second.filled) == (snapshot.name, None)
    with embedded_database(home, snapshot) as third:
        assert third.filled is None
        assert execute(third.url, "select value from datavalue") == [("3",)]


def test_metadata_that_is_refused_leaves_a_database_without_any(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as unfit, embedded_database(home, EXPORTS[0]):
        pass
    assert (unfit.value.finding.code, unfit.value.finding.source) == ("TP782", "metadata.json")
    with pytest.raises(SourceUnreadable) as absent, embedded_database(home, tmp_path / "absent.snapshot"):
        pass
    assert absent.value.finding.code == "TP101"
    with pytest.raises(Refused) as refused, embedded_database(home):
        pass
    assert refused.value.finding.code == "TP780"


def test_tables_of_another_version_are_refused(home: Path, snapshot: Path) -> None:
    with embedded_database(home, snapshot) as running:
        execute(running.url, "update tallyport.embedded set version = 999")
    with pytest.raises(Refused) as refused, embedded_database(home):
        pass
    assert refused.value.finding.code == "TP781"


def test_many_at_once_make_one_database_and_share_it(
    folders: Callable[[], Path], snapshot: Path, tmp_path: Path
) -> None:
    folder = folders()

    def user(number: int) -> subprocess.CompletedProcess[bytes]:
        own = tmp_path / str(number)
        own.mkdir()
        source = write_group(own, number, pe=f"20250{number}")
        return run("import", source, "--embedded", folder, "--metadata", snapshot, "--json")

    with ThreadPoolExecutor(3) as users:
        ended = list(users.map(user, range(1, 4)))
    assert [process.returncode for process in ended] == [0] * 3, [process.stdout for process in ended]
    assert not embedded_server(folder)._is_running()
    with embedded_database(folder) as running:
        assert execute(running.url, "select value from datavalue order by value") == [("1",), ("2",), ("3",)]


_USER = """
import sys
from pathlib import Path
from tallyport.postgres.embedded.database import embedded_server
with embedded_server(Path(sys.argv[1]), is_passing=True):
    print("up", flush=True)
    sys.stdin.read()
"""


def user_process(folder: Path) -> subprocess.Popen[bytes]:
    arguments: list[str | Path] = [sys.executable, "-c", _USER, folder]
    return subprocess.Popen(arguments, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def stops(server: EmbeddedServer) -> bool:
    wait_until(lambda: not server._is_running(), seconds=20)
    return True


def test_server_stops_when_its_last_user_is_killed_and_starts_again(folders: Callable[[], Path]) -> None:
    folder = folders()
    first, second = user_process(folder), user_process(folder)
    for process in (first, second):
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
    server = embedded_server(folder)
    first.kill()
    first.communicate()
    time.sleep(0.2)
    assert server._is_running()
    second.kill()
    second.communicate()
    assert stops(server)
    with server:
        assert execute(server.url(), "select 1") == [(1,)]


@pytest.mark.parametrize("after_s", [0.05, 0.3])
def test_one_that_is_killed_while_it_makes_the_data_leaves_no_half_of_it(
    folders: Callable[[], Path], after_s: float
) -> None:
    folder = folders()
    process = user_process(folder)
    wait_until(lambda: list(folder.glob("*.starting")), seconds=20)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until = time.monotonic() + 60
    while True:  # what it had started may still be writing, and is cleared away by the next user then
        with embedded_server(folder, is_passing=True) as server:
            assert execute(server.url(), "select 1") == [(1,)]
        left = {path.name for path in folder.iterdir()} - {"postgresql", "postgresql.starting", "postgresql.users"}
        if not left:
            break
        assert time.monotonic() < until, left


def test_data_is_closed_to_other_users_and_reached_by_no_network(server: EmbeddedServer) -> None:
    assert server._folder.stat().st_mode & 0o777 == 0o700
    shown = "select name, setting from pg_settings where name in ('listen_addresses', 'unix_socket_directories')"
    assert dict(execute(server.url(), shown)) == {"listen_addresses": "", "unix_socket_directories": "."}


@pytest.mark.parametrize("name", ["a b", 'it\'s "$HOME" `id`; #', "comma, two", "deep" * 30])
def test_folder_may_have_any_name(folders: Callable[[], Path], name: str) -> None:
    with embedded_server(folders() / name, is_passing=True) as server:
        assert execute(server.url(), "select 1") == [(1,)]
    assert server._socket_folder.exists() == (server._socket_folder == server._folder)


def test_socket_folder_of_somebody_else_is_not_used(folders: Callable[[], Path]) -> None:
    server = embedded_server(folders() / ("deep" * 30), is_passing=True)
    server._socket_folder.mkdir(mode=0o777)
    server._socket_folder.chmod(0o777)
    try:
        with pytest.raises(OutsideFailed) as failed, server:
            pass
        assert failed.value.finding.code == "TP807"
    finally:
        shutil.rmtree(server._socket_folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the server")
def test_folder_that_the_server_s_user_cannot_reach_is_told(folders: Callable[[], Path]) -> None:
    closed = folders() / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(OutsideFailed) as failed, embedded_server(closed / "database"):
        pass
    assert (failed.value.finding.code, "cannot reach" in str(failed.value.finding.found)) == ("TP807", True)


def test_missing_wheel_is_told_with_how_to_install_it(
    folders: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "DISTRIBUTION", "no_such_wheel")
    with pytest.raises(OutsideFailed) as failed, embedded_database(folders(), EXPORTS[0]):
        pass
    assert failed.value.finding.code == "TP809"
    assert "tallyport[embedded]" in str(failed.value.finding.help)


def test_default_folder_is_one_of_the_user_or_of_the_system_for_root() -> None:
    folder = shared_data_folder()
    assert folder.name == "tallyport"
    assert folder.is_relative_to(Path.home()) == (os.geteuid() != 0)


# --- The command -----------------------------------------------------------------------------------------------------


def test_command_imports_into_the_embedded_database(home: Path) -> None:
    none = run("import", SAMPLE / "january.json", "--embedded", home, "--json")
    assert none.returncode == 5
    assert json.loads(none.stdout)["error"]["code"] == "TP780"
    first = run("import", SAMPLE / "january.json", "--embedded", home, "--metadata", SAMPLE / "metadata.json")
    assert first.returncode == 1, first.stderr
    assert b"taken over: 2 categories" in first.stderr
    assert b"          17 insert" in first.stdout
    again = run("import", SAMPLE / "january.json", "--json", env={"TALLYPORT_EMBEDDED": str(home)})
    document = json.loads(again.stdout)
    check_against("import", document)
    assert document["embedded"] == {
        "folder": str(home), "metadata": "metadata.json", "taken_over": None, "findings": []
    }  # fmt: skip
    assert (document["rows"]["unchanged"], document["rows"]["insert"]) == (17, 0)


def test_settings_of_other_servers_in_the_environment_lead_nowhere_else(folders: Callable[[], Path]) -> None:
    others = {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGOPTIONS": "-c search_path=nowhere", "PGDATA": "nowhere"}
    metadata = ("--metadata", SAMPLE / "metadata.json")
    ended = run("import", SAMPLE / "january.json", "--embedded", folders(), *metadata, env=others)
    assert ended.returncode == 1, ended.stderr
    assert b"          17 insert" in ended.stdout


def test_options_of_the_embedded_database_have_no_effect_with_another_and_are_refused() -> None:
    for option in ("--metadata", "--embedded"):
        ended = run("import", SAMPLE / "january.json", "--database", "postgresql:///no", option, SAMPLE.parent / "x")
        assert ended.returncode == 2
        assert f"{option} has no effect with --database".encode() in ended.stderr
    by_default = run("import", "x", "--database", "postgresql:///?host=/no", env={"TALLYPORT_EMBEDDED": "somewhere"})
    assert by_default.returncode == 4
    assert b"TP806" in by_default.stderr


def test_command_interrupted_leaves_no_server(folders: Callable[[], Path], snapshot: Path) -> None:
    folder = folders()
    arguments = command("import", "-", "--embedded", folder, "--metadata", snapshot)
    process = subprocess.Popen(
        arguments,
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=signals_as_usual,
    )
    assert process.stderr
    assert b"embedded database in" in process.stderr.readline()
    assert interrupt(process) == 130
    process.communicate()
    assert not embedded_server(folder)._is_running()
