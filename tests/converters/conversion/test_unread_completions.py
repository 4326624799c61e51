"""Marks of completion that DHIS2 reads nowhere, such as dataSetComplete: no category, no silence, a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import hmis
from tallyport.metadata.known_categories import of_snapshot
from tallyport_converters.convert import Options, Outcome, conversion

NAMESPACE = 'xmlns="urn:ihe:qrph:adx:2015"'
"""On a row, only the general reader of XML takes it."""


def converted(tmp_path: Path, name: str, text: str, **options: Any) -> tuple[Outcome, list[dict[str, Any]]]:
    (tmp_path / name).write_text(text)
    made = Options(overwrite=True, **options)
    (outcome,) = (e for e in conversion([tmp_path / name], tmp_path / "out", made) if isinstance(e, Outcome))
    assert outcome.folder
    return outcome, [json.loads(path.read_bytes()) for path in sorted(outcome.folder.glob("*.adv2.json"))]


def adx(group: str = "", row: str = "") -> str:
    value = f'<dataValue dataElement="STOCK" value="3" {row}/>'
    groups = "".join(
        f'<group orgUnit="{unit}" period="2025-01-01/P1M" dataSet="MONTHLY" {group}>{value}</group>' for unit in "AB"
    )
    return f"<adx {NAMESPACE}>{groups}</adx>"


def told(outcome: Outcome) -> list[tuple[str, str | None, int | None]]:
    return [(found.code, found.field, found.count) for found in outcome.findings]


@pytest.mark.parametrize("has_metadata", [False, True])
@pytest.mark.parametrize("more", ["", NAMESPACE])
@pytest.mark.parametrize(
    ("group", "row", "name"),
    [
        ('dataSetComplete="true"', "", "dataSetComplete"),
        ("", 'dataSetComplete="true"', "dataSetComplete"),
        ('completedDate="2025-02-03"', "", "completedDate"),
    ],
)
def test_a_mark_of_completion_in_adx_is_a_finding_and_no_category(
    group: str, row: str, name: str, more: str, has_metadata: bool, tmp_path: Path
) -> None:
    options = {"categories": of_snapshot(hmis.whole())} if has_metadata else {}
    outcome, (made,) = converted(tmp_path, "a.xml", adx(group, f"{row} {more}"), **options)
    assert told(outcome) == [("TP437", name, 2)]
    assert {"co", "ao"}.isdisjoint(made)
    assert outcome.manifest
    assert (outcome.manifest["dropped"], outcome.manifest.get("completions", 0)) == ({name: 2}, 0)
    assert outcome.exit_code == 1


def test_what_differs_in_a_mark_alone_is_the_same_value(tmp_path: Path) -> None:
    text = adx().replace('orgUnit="B"', 'orgUnit="A" dataSetComplete="true"')
    outcome, _ = converted(tmp_path, "a.xml", text)
    assert outcome.manifest
    assert outcome.manifest["values"] == {"read": 2, "written": 1, "superseded": 1, "rejected": 0}


@pytest.mark.parametrize("name", ["dataSetComplete", "completedDate"])
def test_the_header_of_other_formats_has_the_same_finding(name: str, tmp_path: Path) -> None:
    value = {"dataElement": "de", "period": "202501", "orgUnit": "ou", "value": "1"}
    outcome, _ = converted(tmp_path, "a.json", json.dumps({name: "2025-02-03", "dataValues": [value]}))
    assert told(outcome) == [("TP437", name, 1)]
    row = " ".join(f'{key}="{text}"' for key, text in value.items())
    text = f'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0" {name}="true"><dataValue {row}/></dataValueSet>'
    outcome, _ = converted(tmp_path, "b.xml", text)
    assert told(outcome) == [("TP437", name, 1)]
