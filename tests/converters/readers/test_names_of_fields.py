"""Fields by whatever name: what is not understood is told and may not cost a value; what superseded values said."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from support.checking import checked_convert
from support.running import run
from tallyport_converters import convert as converting

KEY = {"dataElement": "deMechQtr01", "period": "202401", "orgUnit": "ouClinicA01"}


def rows_of(field: str, *said: str, **more: str) -> list[dict[str, str]]:
    """Return rows of one key that differ in a field."""
    return [{**KEY, **more, field: text, "value": str(number)} for number, text in enumerate(said)]


def written(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows in the format that the path's suffix says."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".json":
        path.write_text(json.dumps({"dataValues": rows}))
    elif path.suffix == ".csv":
        lines = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
        path.write_text("".join(",".join(line) + "\n" for line in lines))
    else:
        tags = (" ".join(f'{name}="{text}"' for name, text in row.items()) for row in rows)
        path.write_text("<dataValueSet>" + "".join(f"<dataValue {tag}/>" for tag in tags) + "</dataValueSet>")
    return path


def converted(tmp_path: Path, path: Path, **options: Any) -> dict[str, Any]:
    """Convert a file; returns its manifest, with `rejects`."""
    (outcome,) = checked_convert([path], tmp_path / "out", overwrite=True, **options).sources
    assert outcome.folder is not None
    rejects = outcome.folder / "rejects.ndjson"
    lines = rejects.read_text().splitlines() if rejects.exists() else []
    return {**(outcome.manifest or {}), "exit": outcome.exit_code, "rejects": [json.loads(line) for line in lines]}


def told(manifest: Mapping[str, Any], code: str) -> list[dict[str, Any]]:
    return [found for found in manifest.get("findings", ()) if found["code"] == code]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".xml"])
@pytest.mark.parametrize(
    "name",
    [
        "acoc",
        "attroptcombo",
        "AttributeOptionCombo",
        "attribute_option_combo",
        "attr-option-combo",
        "attributeOptionComboId",
    ],
)
def test_the_attribute_option_combo_is_read_by_its_names_in_circulation(tmp_path: Path, suffix: str, name: str) -> None:
    found = converted(tmp_path, written(tmp_path / f"a{suffix}", rows_of(name, "mechPartn01", "mechPartn02")))
    assert found["values"] == {"read": 2, "written": 2, "superseded": 0, "rejected": 0}
    assert name in (told(found, "TP422") or [{"found": name}])[0]["found"] or suffix == ".csv"


@pytest.mark.parametrize("suffix", [".json", ".csv", ".xml"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mechanism", "attributeOptionCombo"),
        ("attribute", "attributeOptionCombo"),
        ("attributeComboId", "attributeOptionCombo"),
        ("disagg", "categoryOptionCombo"),
        ("co", "categoryOptionCombo"),
        ("categoryCombo", "categoryOptionCombo"),
        ("remarks", "comment"),
    ],
)
def test_rows_that_only_an_unknown_field_tells_apart_are_all_rejected(
    tmp_path: Path, suffix: str, name: str, meant: str
) -> None:
    rows = rows_of(name, "one", "two", categoryOptionCombo="cocUnder1y1")
    rows.append({**KEY, "period": "202402", "categoryOptionCombo": "cocUnder1y1", name: "one", "value": "7"})
    found = converted(tmp_path, written(tmp_path / f"a{suffix}", rows))
    assert found["values"] == {"read": 3, "written": 1, "superseded": 0, "rejected": 2}
    assert [(reject["code"], reject["row"], reject["field"]) for reject in found["rejects"]] == [
        ("TP314", 0, name),
        ("TP314", 1, name),
    ]
    (warning,) = told(found, "TP421")
    assert (warning["field"], warning["count"]) == (name, 3)
    assert warning["expected"].startswith(meant)
    assert found["exit"] == 1


@pytest.mark.parametrize("name", ["storedBy", "created", "lastUpdated", "timestamp", "lastupd"])
def test_what_is_known_to_have_no_place_tells_no_rows_apart(tmp_path: Path, name: str) -> None:
    rows = rows_of(name, "one", "two")
    for row in rows:
        row["value"] = "7"
    found = converted(tmp_path, written(tmp_path / "a.json", rows))
    assert found["values"] == {"read": 2, "written": 1, "superseded": 1, "rejected": 0}
    assert (found["exit"], found.get("findings")) == (0, None)


def test_a_deleted_row_stays_deleted_whatever_its_column_is_called(tmp_path: Path) -> None:
    rows = [{**KEY, "value": "5", "isDeleted": "true", "comments": "entered twice"}]
    converted(tmp_path, written(tmp_path / "a.csv", rows))
    text = (tmp_path / "out/a/deMechQtr01.adv2.json").read_text()
    assert '[5,true,null,"entered twice"]' in text


def test_columns_of_names_are_no_categories(tmp_path: Path) -> None:
    rows = [
        {
            **KEY,
            "orgUnitName": "Clinic A",
            "dataElementName": "Mechanism",
            "dataSet": "ds",
            "ageGroup": "x",
            "value": "5",
        }
    ]
    found = converted(tmp_path, written(tmp_path / "a.csv", rows))
    assert '"co":{"ageGroup":"x"}' in (tmp_path / "out/a/deMechQtr01.adv2.json").read_text()
    assert {warning["field"] for warning in told(found, "TP421")} == {"orgUnitName", "dataElementName", "dataSet"}
    assert told(found, "TP424")[0]["found"] == "ageGroup"


def test_a_code_is_read_where_there_is_no_identifier_and_its_scheme_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [{"dataElementCode": "MECH", "period": "202401", "orgUnit": "ou", "value": "5"}])
    assert "--id-scheme de=CODE" in told(converted(tmp_path, path), "TP423")[0]["help"]
    assert not told(converted(tmp_path, path, id_schemes={"de": "CODE"}), "TP423")


def test_a_superseded_value_that_differs_is_told_with_both_rows(tmp_path: Path) -> None:
    rows = [{**KEY, "value": value} for value in ("5", "7", "9", "9")] + [{**KEY, "period": "202402", "value": "1"}] * 2
    found = converted(tmp_path, written(tmp_path / "a.json", rows))
    assert found["values"] == {"read": 6, "written": 2, "superseded": 4, "rejected": 0}
    assert found["superseded"]["values"] == 2
    assert found["superseded"]["dataElements"] == {"deMechQtr01": 2}
    pairs = [(pair["superseded"], pair["by"]) for pair in found["superseded"]["sample"]]
    assert pairs == [
        ({"row": 0, "line": 1, "value": "5"}, {"row": 3, "line": 1, "value": "9"}),
        ({"row": 1, "line": 1, "value": "7"}, {"row": 3, "line": 1, "value": "9"}),
    ]
    (warning,) = told(found, "TP426")
    assert warning["count"] == 2
    assert "row 0 has 5 and row 3 9" in warning["found"]


def test_a_superseded_value_is_told_by_the_lines_of_the_file(tmp_path: Path) -> None:
    rows = [{**KEY, "value": value} for value in ("5", "7")]
    found = converted(tmp_path, written(tmp_path / "a.csv", rows))
    assert "line 2 has 5 and line 3 7" in told(found, "TP426")[0]["found"]


def test_a_comment_that_is_lost_counts_as_well(tmp_path: Path) -> None:
    rows = [{**KEY, "value": "5", "comment": "counted"}, {**KEY, "value": "5"}]
    found = converted(tmp_path, written(tmp_path / "a.json", rows))
    assert 'the comment "counted"' in told(found, "TP426")[0]["found"]


def many_rows(rng: random.Random) -> list[dict[str, str]]:
    """Return rows of few keys: many are superseded, and some differ in a field that nobody understands."""
    return [
        {
            "dataElement": f"de{rng.randrange(2)}",
            "period": f"2024{rng.randint(1, 12):02}",
            "orgUnit": f"ou{rng.randrange(60)}",
            "categoryOptionCombo": "cocUnder1y1",
            "value": str(rng.randrange(3)),
            **({"mechanism": rng.choice("ab")} if rng.random() < 0.04 else {}),
            **({"comment": "x" * rng.randrange(200)} if rng.random() < 0.1 else {}),
        }
        for _ in range(4_000)
    ]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".xml"])
def test_memory_cores_and_blocks_change_nothing(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"a{suffix}", many_rows(random.Random(1)))
    contents = []
    for memory_bytes, jobs, block_bytes in (
        (1 << 28, 1, 1 << 22),
        (1_000, 1, 1 << 22),
        (30_000, 2, 10_000),
        (1_000, 2, 3_000),
    ):
        with mock.patch.object(converting, "BLOCK_BYTES", block_bytes):
            found = converted(tmp_path, path, memory_bytes=memory_bytes, jobs=jobs)
        contents.append({file.name: file.read_bytes() for file in (tmp_path / "out/a").iterdir()})
        assert found["superseded"]["values"] > 100
        assert {reject["code"] for reject in found["rejects"]} == {"TP314"}
    assert all(content == contents[0] for content in contents)


def test_the_command_line_says_it_and_ends_with_1(tmp_path: Path) -> None:
    written(tmp_path / "a.json", rows_of("catOptCombo", "cocUnder1y1", "cocOver1yr1") + rows_of("mechanism", "a", "b"))
    done = run("convert", tmp_path / "a.json", "-o", tmp_path / "out")
    assert done.returncode == 1
    text = done.stderr.decode()
    assert "catOptCombo as categoryOptionCombo" in text
    assert 'field "mechanism"' in text


@pytest.mark.parametrize("again", ["null", "[1]", '"deOther0001"'])
def test_the_first_of_a_repeated_name_stands_and_counts_whatever_the_second_says(tmp_path: Path, again: str) -> None:
    path = tmp_path / "a.json"
    key = '"dataElementCode":"deMechQtr01","period":"202401","orgUnit":"ouClinicA01"'
    path.write_text(f'{{"dataValues":[{{{key},"value":"1","dataElementCode":{again}}}]}}')
    found = converted(tmp_path, path)
    assert found["values"]["written"] == 1
    assert found["dropped"] == {}
    assert len(told(found, "TP423")) == 1
