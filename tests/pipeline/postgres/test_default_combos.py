"""The default option combo: servers that came to have two, and values that name another server's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from support import hmis
from support.databases import execute, running_server, small
from support.importing import Importing, visits
from support.running import run
from tallyport import ExportOptions, OptionNaming, export_values
from tallyport.metadata import Snapshot
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.run import loading
from tallyport.validation.relations import check_relations
from tallyport_schemas.finding import Finding

TODAY = date(2026, 1, 31)
SECOND = "ocDefault02"
MAKE_SECOND = f"""
    create temporary table second as select o.* from categoryoptioncombo as o where o.name = 'default';
    update second set categoryoptioncomboid = 999999, uid = '{SECOND}', code = null;
    insert into categoryoptioncombo select * from second;
    insert into categorycombos_optioncombos (categorycomboid, categoryoptioncomboid)
        select categorycomboid, 999999 from categorycombo where name = 'default';
"""


def _two_defaults(document: hmis.Export) -> None:
    of_default = next(c for c in document["categoryCombos"] if c["name"] == "default")["id"]
    first = next(o for o in document["categoryOptionCombos"] if o["categoryCombo"]["id"] == of_default)
    document["categoryOptionCombos"].append({**first, "id": SECOND, "code": None})


def test_a_snapshot_tells_of_a_second_default(tmp_path: Path) -> None:
    assert not hmis.whole().findings
    snapshot = hmis.changed(_two_defaults)
    (found,) = snapshot.findings
    assert (found.code, found.severity) == ("TP734", "warning")
    assert SECOND in str(found.found)
    snapshot.save(tmp_path / "country.snapshot")
    assert [f.code for f in Snapshot.load(tmp_path / "country.snapshot").findings] == ["TP734"]


def test_validation_says_it_once_before_its_verdicts(tmp_path: Path) -> None:
    hmis.changed(_two_defaults).save(tmp_path / "country.snapshot")
    (tmp_path / "a.adv2.json").write_text(json.dumps(visits([0, 0, 5]) | {"coc": "ocUnder5F01"}))
    for options in ((), ("--json",)):
        done = run("validate", "a.adv2.json", "--metadata", "country.snapshot", *options, cwd=tmp_path)
        assert done.returncode != 0
        assert (done.stdout + done.stderr).count(b"TP734") == 1
    assert json.loads(done.stdout)["metadata"][0]["code"] == "TP734"


@pytest.mark.parametrize(
    ("given", "code"),
    [({"de": "deStock0001", "coc": ("ocElsewhere",)}, "TP707"), ({"aoc": ("ocElsewhere",)}, "TP708")],
)
def test_an_unknown_combo_where_only_the_default_fits_may_be_that_of_another_server(
    given: dict[str, object], code: str
) -> None:
    found = next(f for f in check_relations(hmis.header(**given), hmis.whole(), today=TODAY).findings if f.code == code)
    assert "ocElsewhere may be the default option combo of the server that the values come from" in str(found.help)


def test_an_unknown_combo_of_an_element_with_categories_is_no_default() -> None:
    found = check_relations(hmis.header(coc=("ocElsewhere",)), hmis.whole(), today=TODAY).findings
    assert not [f for f in found if "default option combo" in str(f.help)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_server() as server:
        made = small(server, "43")
        execute(made, MAKE_SECOND)
        yield made


def test_an_import_tells_it_before_it_writes_and_an_export_tells_it_too(url: str, tmp_path: Path) -> None:
    importing = Importing(url, tmp_path)
    report = importing(visits([0, 0, 5]))
    assert ([f.code for f in report.findings], report.exit_code) == (["TP734"], 1)
    assert report.rows["insert"] == 1
    out = export_values(url, tmp_path / "out", ExportOptions(OptionNaming.COC))
    assert "TP734" in [f.code for f in out.findings]


def test_it_is_the_first_that_an_import_tells(url: str, tmp_path: Path) -> None:
    import psycopg

    (tmp_path / "a.adv2.json").write_text(json.dumps(visits([0, 0, 6])))
    with psycopg.connect(url) as database:
        first = next(loading(database, [tmp_path / "a.adv2.json"], ImportOptions(today=TODAY)))
    assert isinstance(first, Finding)
