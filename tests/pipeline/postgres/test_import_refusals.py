"""Imports that are refused as a whole: by who is to write, and by tables that are not known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import GENERATIONS, running_server, small
from support.importing import Importing, visits
from support.running import run
from tallyport import ExportOptions, OptionNaming, Refused, export_values
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport_schemas.generations import Generation


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.mark.parametrize("generation", GENERATIONS)
def test_disabled_user_and_one_who_must_not_add_values_are_refused(
    generation: str, server: EmbeddedServer, tmp_path: Path
) -> None:
    importing = Importing(small(server, generation, "users"), tmp_path)
    group = visits([0, 0, 5])
    assert importing(group, username="amina", dry_run=True).exit_code == 0
    importing.sql("update userroleauthorities set authority = 'F_EDIT_EXPIRED'")
    with pytest.raises(Refused, match="TP904"):
        importing(group, username="amina")
    importing.sql("update userroleauthorities set authority = 'ALL'")
    assert importing(group, username="amina", dry_run=True).exit_code == 0
    importing.sql("update userinfo set disabled = true")
    with pytest.raises(Refused, match="TP903"):
        importing(group, username="amina")
    ended = run("import", tmp_path / "values.adv2.json", "--database", importing.url, "--as", "amina", "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (5, "TP903")
    assert importing.stored == []


HISTORY = """
create table flyway_schema_history (
    installed_rank integer primary key, version varchar(50), description varchar(200) not null, success boolean not null
);
insert into flyway_schema_history values
    (1, null, 'populate dhis2 schema', true), (2, '2.43.7', 'seventh', true), (3, '2.9.60', 'old', true)
"""


@pytest.mark.parametrize("generation", GENERATIONS)
def test_schema_that_is_not_known_is_refused_unless_it_is_said_what_it_is_like(
    generation: str, server: EmbeddedServer, tmp_path: Path
) -> None:
    importing = Importing(small(server, generation, "history"), tmp_path)
    release, other = Generation(f"2.{generation}"), next(each for each in Generation if generation not in each)
    importing.sql(HISTORY)
    group = visits([0, 0, 5])

    def set_last(version: str, success: bool = True) -> None:
        last = f"version = '{version}', success = {success}"
        importing.sql(f"update flyway_schema_history set {last} where installed_rank = 2")

    for known in ("2.43.7", "2.44.21", "2.43.1000"):
        set_last(known)
        assert importing(group, dry_run=True).exit_code == 0
    for version, success, code in (("2.44.22", True, "TP905"), ("2.100.1", True, "TP905"), ("2.43.8", False, "TP906")):
        set_last(version, success)
        with pytest.raises(Refused, match=code):
            importing(group)
        with pytest.raises(Refused, match=code):
            export_values(importing.url, tmp_path / "out", ExportOptions(OptionNaming.COC))
        assert importing(group, dry_run=True, assume=release).exit_code == 0
        with pytest.raises(Refused, match="TP907"):
            importing(group, assume=other)
    command = ("import", tmp_path / "values.adv2.json", "--database", importing.url, "--json")
    ended = run(*command)
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (5, "TP906")
    assert run(*command, "--assume", release).returncode == 0
    exported = ("export", "--database", importing.url, "-o", tmp_path / "out", "--all", "--options", "coc")
    assert [run(*exported, *more).returncode for more in ((), ("--assume", release))] == [5, 0]


def test_history_that_must_not_be_read_is_told(server: EmbeddedServer, tmp_path: Path) -> None:
    owner = Importing(small(server, "43", "unread"), tmp_path)
    owner.sql(HISTORY)
    owner.sql("grant all on all tables in schema public to public; revoke all on flyway_schema_history from public")
    owner.sql("grant usage on all sequences in schema public to public; create role reader login")
    report = Importing(owner.url.replace("postgres@", "reader@"), tmp_path)(visits([0, 0, 5]))
    assert ([found.code for found in report.findings], report.exit_code, report.rows["insert"]) == (["TP747"], 1, 1)
