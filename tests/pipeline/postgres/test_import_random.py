"""Random operations against a plain model: what import leaves in the tables, what a dry run counts, what a script does.

The script of each dry run is run by psql on a second database, which must end up the same, change log included.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.databases import execute, running_server, small
from support.importing import Group, Importing, visits
from tallyport.postgres.embedded.server import EmbeddedServer, programs
from tallyport.postgres.imports.batch_size import Mode
from tallyport.postgres.imports.report import CHANGES

STEPS = int(os.environ.get("TALLYPORT_STEPS", "500"))
"""Operations in all, over all ways in which triggers are dealt with."""

WAYS = {
    "2.42, foreign keys checked at once": ("42", ""),
    "2.43, all triggers fire": ("43", ""),
    "2.43 without a change log, foreign keys checked at once": ("43", "drop trigger trg_datavalue_audit on datavalue"),
    "2.42, all triggers fire": (
        "42",
        "create function nothing() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger unknown before update on datavalue for each row execute function nothing()",
    ),
}
LOG = "select audittype, value, modifiedby, count(*) from datavalueaudit group by 1, 2, 3 order by 1, 2, 3"

PERIODS = ["202503", "202504", "202505"]
UNITS = ["ouClinicA01", "ouClinicB01", "ouClinicC01"]
VALUES = ["a", "b", "'; drop table datavalue; --", "\\.", "a\tb\\N\nc"]
COMMENTS = ["", "x", "\\", "y'); rollback; --", "%(value)s $1 {}", "\\. \r\n\\q"]
HOSTILE_USER = "o'neil\\'); drop table datavalue; -- %(x)s"
USERS = [None, "amina", HOSTILE_USER]
NEW_USER = f"""
insert into userinfo values (9, 'userHostile', $${HOSTILE_USER}$$);
insert into userrolemembers select userroleid, 9 from userrolemembers where userid = 1;
insert into usergroupmembers select 9, usergroupid from usergroupmembers where userid = 1;
insert into usermembership select organisationunitid, 9 from usermembership where userinfoid = 1;
"""
"""One who may do what amina may."""


@dataclass(frozen=True)
class Cell:
    """What is stored under a key."""

    value: str | None
    deleted: bool
    followup: bool | None
    comment: str | None


Table = dict[tuple[str, str], Cell]


def modelled(table: Table, group: Group) -> tuple[Table, dict[str, int]]:
    """Do what the format says, the slowest way there is."""
    after, done = dict(table), dict.fromkeys(CHANGES, 0)
    scope = {(period, unit) for period in group["pe"] for unit in group["ou"]}
    keys = set()
    for period, unit, value, deleted, followup, comment in group["data"]:
        key = (group["pe"][period], group["ou"][unit])
        keys.add(key)
        known = table.get(key)
        if known is None:
            after[key] = Cell(value, deleted, followup or False, comment or None)
            change = "insert"
        else:
            old = Cell(None, False, False, None) if group.get("delete") == "hard" else known
            kept = old.followup if followup is None else followup
            after[key] = Cell(value, deleted, kept, old.comment if comment is None else comment or None)
            change = "unchanged" if after[key] == known else "update"
            if deleted != known.deleted:
                change = "delete" if deleted else "undelete"
        done[change] += 1
    for key in scope - keys:
        if group.get("delete") == "soft" and key in after and not after[key].deleted:
            after[key] = replace(after[key], value=None, deleted=True)
        elif group.get("delete") == "hard":
            after.pop(key, None)
    return after, done


def random_group(chance: random.Random) -> Group:
    periods, units = sorted(chance.sample(PERIODS, 2)), chance.sample(UNITS, 2)
    rows: list[list[Any]] = []
    for period, unit in sorted(chance.sample([(p, u) for p in (0, 1) for u in (0, 1)], chance.randrange(5))):
        deleted = chance.random() < 0.3
        value = None if deleted and chance.random() < 0.5 else chance.choice(VALUES)
        rows.append(
            [
                period,
                unit,
                value,
                deleted,
                chance.choice([None, None, True, False]),
                chance.choice([None, None, *COMMENTS]),
            ]
        )
    scope = {"delete": chance.choice(["soft", "hard"])} if chance.random() < 0.4 else {}
    return visits(*rows, de="deNotes0001", pe=periods, ou=units, **scope)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


def run_by_psql(scripts: list[Path], url: str) -> None:
    files = [word for path in scripts for word in ("--file", str(path))]
    ran = subprocess.run([programs() / "psql", url, "--no-psqlrc", "--quiet", *files], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr


@pytest.mark.parametrize("way", WAYS)
def test_random_operations_leave_what_a_plain_model_does_counted_by_a_dry_run_and_done_by_its_script(
    server: EmbeddedServer, way: str, tmp_path: Path
) -> None:
    generation, alteration = WAYS[way]
    importing, twin = (Importing(small(server, generation, f"random_{name}"), tmp_path) for name in ("one", "two"))
    for each in (importing, twin):
        execute(each.url, NEW_USER, alteration or "select")
    chance = random.Random(way)
    table: Table = {}
    scripts: list[Path] = []
    steps = STEPS // len(WAYS)
    for step in range(steps):
        group = random_group(chance)
        before = importing.stored
        script = tmp_path / f"{step}.sql"
        options = {"batch": chance.choice([None, *Mode]), "undo": tmp_path / "undo", "username": chance.choice(USERS)}
        dry = importing(group, dry_run=True, sql=script, **options)
        assert importing.stored == before
        report = importing(group, **options)
        table, done = modelled(table, group)
        assert report.rows == dry.rows == done
        assert [g.cleared for g in report.groups] == [g.cleared for g in dry.groups]
        assert importing.stored == sorted(
            (unit, f"{iso[:4]}-{iso[4:]}-01", cell.value, cell.deleted, cell.followup, cell.comment)
            for (iso, unit), cell in table.items()
        )
        scripts.append(script)
        if len(scripts) == 10 or step == steps - 1:
            run_by_psql(scripts, twin.url)
            assert twin.stored == importing.stored
            assert twin.sql(LOG) == importing.sql(LOG)
            scripts.clear()
