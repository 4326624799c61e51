"""White space around texts of legacy files is removed and told once; words for nothing are kept and told once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tallyport import Outcome, convert

NBSP, BOM, FIGURE = "\u00a0", "\ufeff", "\u2007"
ROW = {"dataElement": "deMeasles01", "period": "202401", "orgUnit": "ouClinicA01", "value": "12"}


def written(kind: str, *rows: Mapping[str, str]) -> str:
    """The rows as a legacy file; all rows have the names of the first."""
    if kind == "json":
        return json.dumps({"dataValues": rows})
    if kind == "csv":
        lines = [",".join(f'"{row.get(name, "")}"' for name in rows[0]) for row in rows]
        return "\n".join([",".join(rows[0]), *lines]) + "\n"
    prefix, space = ("p:", ' xmlns:p="http://dhis2.org/schema/dxf/2.0"') if kind == "general xml" else ("", "")
    tags = [f"<{prefix}dataValue " + " ".join(f'{name}="{text}"' for name, text in row.items()) + "/>" for row in rows]
    return f"<{prefix}dataValueSet{space}>{''.join(tags)}</{prefix}dataValueSet>"


KINDS = ("json", "csv", "xml", "general xml")


def converted(tmp_path: Path, text: str) -> tuple[Outcome, list[dict[str, Any]]]:
    (tmp_path / "source").write_text(text, encoding="utf-8")
    (outcome,) = convert([tmp_path / "source"], tmp_path / "out").sources
    assert outcome.folder
    return outcome, [json.loads(path.read_bytes()) for path in sorted(outcome.folder.glob("*.adv2.json"))]


def told(outcome: Outcome, code: str) -> list[str]:
    return [found.message for found in outcome.findings if found.code == code]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_removed_around_all_texts_and_counted(kind: str, tmp_path: Path) -> None:
    row = {
        "dataElement": f"deMeasles01{NBSP} ",
        "period": f" 202401{FIGURE}",
        "orgUnit": f"{BOM}ouClinicA01",
        "categoryOptionCombo": f"cocUnder1y1{NBSP}",
        "attributeOptionCombo": "   ",
        "value": f" 12{NBSP}",
        "comment": f"{NBSP}late ",
    }
    outcome, (group,) = converted(tmp_path, written(kind, row))
    assert (group["de"], group["pe"], group["ou"], group["coc"]) == (
        "deMeasles01",
        "202401",
        "ouClinicA01",
        "cocUnder1y1",
    )
    assert ("aoc" in group, group["data"]) == (False, [[12, False, None, "late"]])
    assert told(outcome, "TP430") == ["white space around 5 identifiers and 2 values or comments was removed"]
    assert outcome.exit_code == 1


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_compared_without_it(kind: str, tmp_path: Path) -> None:
    outcome, (group,) = converted(tmp_path, written(kind, ROW, {**ROW, "orgUnit": "ouClinicA01  ", "value": "13"}))
    assert outcome.manifest is not None
    assert (outcome.manifest["values"]["superseded"], group["data"]) == (1, [[13]])


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_none_nothing_is_told(kind: str, tmp_path: Path) -> None:
    outcome, _ = converted(tmp_path, written(kind, {**ROW, "value": "caf\u00e9 au  lait \u65e5\u672c"}))
    assert (told(outcome, "TP430"), outcome.exit_code) == ([], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_value_is_kept_and_told_as_one(kind: str, tmp_path: Path) -> None:
    outcome, (group,) = converted(tmp_path, written(kind, {**ROW, "value": f" {NBSP}"}))
    assert (group["data"], told(outcome, "TP430")) == ([[f" {NBSP}"]], [])
    assert "TP404" in [found.code for found in outcome.findings]


def test_it_is_removed_from_what_a_header_says(tmp_path: Path) -> None:
    row = {name: text for name, text in ROW.items() if name in ("dataElement", "value")}
    head = {"dataSet": "dsMonthly01 ", "period": f"202401{NBSP}", "orgUnit": " ouClinicA01", "dataValues": [row]}
    outcome, (group,) = converted(tmp_path, json.dumps(head))
    assert (group["ds"], group["pe"], group["ou"]) == ("dsMonthly01", "202401", "ouClinicA01")
    assert told(outcome, "TP430") == ["white space around 3 identifiers was removed"]


def test_it_is_removed_from_groups_and_categories_of_adx(tmp_path: Path) -> None:
    text = (
        '<adx xmlns="urn:ihe:qrph:adx:2015"><group orgUnit=" CLINIC" period="2024-01-01/P1M " dataSet="MONTHLY" '
        'DONOR="WHO "><dataValue dataElement="MEASLES" AGE=" UNDER1 " SEX="  " value=" 5 "/></group></adx>'
    )
    outcome, (group,) = converted(tmp_path, text)
    assert (group["ou"], group["co"], group["ao"]) == ("CLINIC", {"AGE": "UNDER1"}, {"DONOR": "WHO"})
    assert told(outcome, "TP430") == ["white space around 5 identifiers and 1 value or comment was removed"]


def test_a_refused_text_shows_the_spaces_at_its_ends(tmp_path: Path) -> None:
    outcome, _ = converted(tmp_path, written("json", {**ROW, "deleted": " yes "}, ROW))
    assert outcome.folder
    (reject,) = map(json.loads, (outcome.folder / "rejects.ndjson").read_text().splitlines())
    assert reject["found"] in ("\u2423yes\u2423", "yes")


@pytest.mark.parametrize("kind", KINDS)
def test_words_for_nothing_are_kept_and_counted_by_place(kind: str, tmp_path: Path) -> None:
    rows = [
        {**ROW, "categoryOptionCombo": "NA", "value": "N/A", "comment": "none"},
        {**ROW, "categoryOptionCombo": "na", "value": "#REF!", "comment": "-"},
        {**ROW, "categoryOptionCombo": "cocUnder1y1", "value": "-5", "comment": "nap"},
    ]
    outcome, groups = converted(tmp_path, written(kind, *rows))
    (found,) = [found for found in outcome.findings if found.code == "TP431"]
    assert found.message == "6 cells read like a word for nothing; kept as it is"
    assert "NA (categoryOptionCombo, 2 times)" in str(found.found)
    assert "None (comment, once)" in str(found.found)
    assert "N/A" in json.dumps(groups)
    assert found.row == 0


@pytest.mark.parametrize("blank", ["", f' ,,,,"{NBSP}"\n', f'"{NBSP}",,,,{NBSP}\n \n'])
def test_a_csv_line_of_nothing_else_takes_no_unknown_field_from_the_next_row(blank: str, tmp_path: Path) -> None:
    rows = [f"deMeasles01,202401,ouClinicA01,{number},cell beyond the header {number}\n" for number in (1, 2)]
    text = "".join(["dataElement,period,orgUnit,value\n", *(blank + row for row in rows)])
    outcome, groups = converted(tmp_path, text)
    assert outcome.manifest is not None
    counts = outcome.manifest["values"]
    assert (counts["read"], counts["rejected"], counts["superseded"], groups) == (2, 2, 0, [])
