"""Attributes of ADX that are no category: skipped where metadata is at hand, as DHIS2 to 2.42 does, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support import hmis
from support.country import settle, uid
from support.databases import running_server, small
from support.running import run
from tallyport.metadata.known_categories import of_snapshot
from tallyport.postgres.catalog.stored_metadata import of_database
from tallyport.postgres.imports.import_values import import_values
from tallyport_converters.convert import Options, Outcome, conversion

SCHEMES = dict.fromkeys(("ds", "de", "ou", "cc", "c", "co", "coc", "aoc"), "CODE")
UIDS = dict.fromkeys(SCHEMES, "UID")


def adx(*rows: str, group: str = 'dataSet="MONTHLY"') -> str:
    values = "".join(f"<dataValue {row}/>" for row in rows)
    start = f'<group orgUnit="CLINIC" period="2025-01-01/P1M" {group}>'
    return f'<adx xmlns="urn:ihe:qrph:adx:2015">{start}{values}</group></adx>'


def converted(tmp_path: Path, text: str, **options: Any) -> tuple[Outcome, list[dict[str, Any]]]:
    (tmp_path / "source.xml").write_text(text)
    made = Options(categories=of_snapshot(hmis.whole()), overwrite=True, **options)
    outcome = next(e for e in conversion([tmp_path / "source.xml"], tmp_path / "out", made) if isinstance(e, Outcome))
    assert outcome.folder
    return outcome, [json.loads(path.read_bytes()) for path in sorted(outcome.folder.glob("*.adv2.json"))]


def told(outcome: Outcome) -> list[tuple[str | None, int | None]]:
    return [(found.field, found.count) for found in outcome.findings if found.code == "TP436"]


def code_of(document: Any, identifier: str) -> str:
    return str(hmis.of(document, identifier).get("code") or identifier)


VISITS, STOCK = (code_of(hmis.export(), each) for each in ("deVisits001", "deStock0001"))
OF_VISITS = f'dataElement="{VISITS}" AGE="UNDER5" SEX="F"'


def test_an_attribute_that_no_category_has_is_skipped_and_counted(tmp_path: Path) -> None:
    text = adx(f'{OF_VISITS} value="3" source="EMR"', f'dataElement="{VISITS}" AGE="OVER5" SEX="F" value="4"')
    outcome, (group,) = converted(tmp_path, text)
    assert told(outcome) == [("source", 1)]
    assert outcome.manifest is not None
    assert outcome.manifest["dropped"]["source"] == 1
    assert (list(group["co"]), group["size"]) == (["AGE", "SEX"], 2)


def test_rows_that_are_told_apart_by_nothing_else_share_a_key(tmp_path: Path) -> None:
    text = adx(f'{OF_VISITS} value="3" source="EMR"', f'{OF_VISITS} value="4" source="PAPER"')
    outcome, _ = converted(tmp_path, text)
    assert outcome.manifest is not None
    values = outcome.manifest["values"]
    assert (values["read"], values["written"]) == (2, 2 - values["superseded"] - values["rejected"])
    assert values["superseded"] + values["rejected"] > 0


def test_an_element_of_the_default_combo_takes_no_category(tmp_path: Path) -> None:
    outcome, (group,) = converted(tmp_path, adx(f'dataElement="{STOCK}" AGE="UNDER5" value="3"'))
    assert (told(outcome), "co" in group) == ([("AGE", 1)], False)


def test_attributes_of_a_group_are_held_to_its_data_set(tmp_path: Path) -> None:
    text = adx(f'dataElement="{STOCK}" value="3"', group='dataSet="MONTHLY" mechanism="X" AGE="UNDER5"')
    outcome, (group,) = converted(tmp_path, text)
    assert (told(outcome), "ao" in group) == ([("AGE", 1), ("mechanism", 1)], False)


@pytest.mark.parametrize("element", ["NOBODY_KNOWS"])
def test_of_what_the_metadata_does_not_know_nothing_is_skipped(element: str, tmp_path: Path) -> None:
    outcome, (group,) = converted(tmp_path, adx(f'dataElement="{element}" source="EMR" value="3"'))
    assert (told(outcome), group["co"]) == ([], {"source": "EMR"})


def test_large_elements_are_counted_alike(tmp_path: Path) -> None:
    rows = [f'{OF_VISITS} value="{number}" source="S{number % 7}"' for number in range(3_000)]
    outcome, _ = converted(tmp_path, adx(*rows), memory_bytes=1)
    assert told(outcome) == [("source", 3_000)]


def test_the_command_takes_a_snapshot(tmp_path: Path) -> None:
    hmis.whole().save(tmp_path / "country.snapshot")
    (tmp_path / "source.xml").write_text(adx(f'{OF_VISITS} value="3" source="EMR"'))
    done = run("convert", "source.xml", "-o", "out", "--metadata", "country.snapshot", cwd=tmp_path)
    assert (done.returncode, b"TP436" in done.stderr) == (1, True)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_server() as server:
        made = small(server, "43")
        settle(made)
        yield made


def names(*short: str) -> frozenset[str]:
    return frozenset(map(uid, short))


@pytest.mark.parametrize(
    ("element", "categories"),
    [("deCases", ["caAge", "caSex"]), ("deTwice", ["caAge", "caSex"]), ("deNowhere", None)],
)
def test_a_database_says_the_same(element: str, categories: Sequence[str] | None, url: str) -> None:
    with psycopg.connect(url) as database:
        known = of_database(database)(UIDS)
        found = known.of_element(uid(element))
        assert (found is None) == (categories is None)
        assert found is None or names(*categories or ()) <= found
        assert names("caDonor") <= (known.of_data_sets([uid("dsDonor")]) or frozenset())
        assert known.of_data_sets([uid("dsDonor"), uid("dsNowhere")]) is None
        assert (known.of_element(uid("deVisits")) or frozenset()).isdisjoint(names("caAge", "caSex"))


def test_an_import_takes_the_values_and_tells_what_it_skipped(url: str, tmp_path: Path) -> None:
    text = adx(f'dataElement="{uid("deVisits")}" value="5" source="EMR"', group=f'dataSet="{uid("dsOpen")}" x="y"')
    (tmp_path / "a.xml").write_text(text.replace("CLINIC", uid("ouClinicN")))
    report = import_values([tmp_path / "a.xml"], url, conversion=Options(id_schemes={"": "UID"}))
    (outcome,) = report.conversions
    assert (told(outcome), report.rows["insert"]) == ([("source", 1), ("x", 1)], 1)
