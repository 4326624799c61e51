"""The role of docs/import.md: it can do all that an import does, and lacking any of its grants it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.country import group, settle, uid
from support.databases import GENERATIONS, execute, running_server, small
from support.importing import Importing, changes, codes
from support.places import ROOT
from tallyport import OutsideFailed

PAGE = (ROOT / "docs/import.md").read_text(encoding="utf-8")
[GRANTS] = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
ROLE = "tallyport"
PERIOD = "202311"

GROUPS = [
    group([0, 1], [1, 2], pe=PERIOD, ou=["7", "8"], ids={"ou": f"ATTRIBUTE:{uid('atNumber')}"}),
    group(de=uid("deCases"), pe=PERIOD, co={uid("caSex"): [uid("opMale")], uid("caAge"): [uid("opYoung")]}),
    group(["yes"], de=uid("deAnswer"), pe=PERIOD),
    group([uid("frPhoto")], de=uid("dePhoto"), pe=PERIOD),
    group([0, 3], pe=PERIOD, ou=[uid("ouClinicN"), uid("ouClinicM")], delete="soft"),
    group([0, 3], pe=PERIOD, ou=[uid("ouClinicN"), uid("ouClinicM")], delete="hard"),
]
"""Every kind of group, of data elements of every kind."""


def single(grants: str) -> list[str]:
    """Take grants apart, into one for each privilege and object."""
    found = []
    for statement in re.sub(r"--.*", "", grants).split(";"):
        words = " ".join(statement.split())
        granted = re.fullmatch(r"grant (.+) on (database |schema |sequence |)(.+) to (\w+)", words)
        if granted:
            privileges, kind, objects, role = granted.groups()
            found += [
                f"grant {privilege} on {kind}{name} to {role}"
                for privilege in re.split(r", (?![^(]*\))", privileges)
                for name in objects.split(", ")
            ]
    return found


def wanted(generation: str) -> list[str]:
    """The grants that a generation needs, on its small server."""
    grants = [grant for grant in single(GRANTS) if generation == "42" or "datavalueaudit_sequence" not in grant]
    return [grant.replace("dhis", f"small_{generation}") for grant in grants]


@dataclass(frozen=True)
class Granted:
    """A server for its owner, and for the role that has just the grants."""

    owner: str
    role: str

    def whole(self, folder: Path, *, dry_run: bool = False) -> None:
        """Import all there is into a database without values."""
        emptied = "delete from period where startdate = '2023-11-01'"
        execute(self.owner, "delete from datavalueaudit", "delete from datavalue", emptied)
        undo = folder / f"undo {dry_run}"
        report = Importing(self.role, folder)(*GROUPS, username="nurse", undo=undo, dry_run=dry_run)
        assert (report.exit_code, codes(report)) == (0, [])
        assert changes(report) == {"insert": 5, "update": 1, "unchanged": 1}
        assert [made.cleared for made in report.groups] == [0, 0, 0, 0, 1, 1]


@pytest.fixture(scope="module")
def granted() -> Iterator[dict[str, Granted]]:
    with running_server() as server:
        execute(server.url(), f"create role {ROLE} login")
        made = {}
        for generation in GENERATIONS:
            name, owner = f"small_{generation}", small(server, generation)
            settle(owner)
            closed = [f"revoke all on {of} from public" for of in (f"database {name}", "schema public")]
            execute(owner, *closed, *wanted(generation))
            made[generation] = Granted(owner, server.url(name, ROLE))
        yield made


@pytest.mark.parametrize("generation", GENERATIONS)
def test_role_with_the_documented_grants_imports(granted: dict[str, Granted], generation: str, tmp_path: Path) -> None:
    of = granted[generation]
    of.whole(tmp_path, dry_run=True)
    assert execute(of.owner, "select count(*) from datavalue") == [(0,)]
    of.whole(tmp_path)
    assert execute(of.owner, "select count(*) from datavalue where storedby = 'nurse'") == [(4,)]
    logged = {kind for (kind,) in execute(of.owner, "select audittype from datavalueaudit")}
    assert logged >= {"UPDATE", "DELETE"}
    assert execute(of.owner, f"select rolsuper from pg_roles where rolname = '{ROLE}'") == [(False,)]


WRITES = [grant for grant in wanted("43") if not grant.startswith("grant select")]


@pytest.mark.parametrize(
    ("generation", "grant"), [*(("42", of) for of in wanted("42")), *(("43", of) for of in WRITES)]
)
def test_import_fails_without(granted: dict[str, Granted], generation: str, grant: str, tmp_path: Path) -> None:
    of = granted[generation]
    execute(of.owner, grant.replace("grant", "revoke").replace(" to ", " from "))
    try:
        with pytest.raises(OutsideFailed) as failed:
            of.whole(tmp_path)
        hidden = grant.startswith("grant usage on schema")  # what cannot be seen is not there
        assert ("no datavalue." if hidden else "permission denied") in (failed.value.finding.found or "")
    finally:
        execute(of.owner, grant)
