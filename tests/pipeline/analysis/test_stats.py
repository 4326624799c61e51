"""`stats`: every number against a count in plain Python that knows the rows and nothing of the code."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from support.checking import check_against
from support.places import DATA, ROOT, SAMPLES
from support.running import json_rows
from support.sierra_leone import FILE
from tallyport import Statistics, convert, stats
from tallyport.analysis.statistics import number_range, presence, repeats
from tallyport_converters.adv2 import file as adv2_file

METADATA = ROOT / "pipeline/tallyport/demo/metadata.json"
Row = dict[str, Any]


def counted(*sources: Path, **options: Any) -> Statistics:
    """Statistics whose document is as published."""
    report = stats(sources, **options)
    check_against("stats", json.loads(json.dumps(report.as_json())))
    return report


def is_number(text: str) -> bool:
    whole, point, part = text.removeprefix("-").partition(".")
    digits = whole.isdecimal() and (whole == "0" or not whole.startswith("0"))
    return digits and (not point or part.isdecimal())


def expected(rows: Iterable[Row]) -> dict[str, Row]:
    """Count rows by data element: the slow way."""
    by_element: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_element[row["dataElement"]].append(row)
    found = {}
    for element, of_element in by_element.items():
        stated = [row for row in of_element if row.get("value") is not None and not row.get("deleted")]
        cells = {(row["period"], row["orgUnit"]) for row in stated}
        periods, units = {period for period, _ in cells}, {unit for _, unit in cells}
        numbers = sorted(float(row["value"]) for row in stated if is_number(row["value"]))
        reported = Counter(unit for _, unit in cells)
        found[element] = {
            "rows": len(of_element),
            "deleted": sum(bool(row.get("deleted")) for row in of_element),
            "empty": sum(row.get("value") is None and not row.get("deleted") for row in of_element),
            "followup": sum(bool(row.get("followup")) for row in of_element),
            "comments": sum(bool(row.get("comment")) for row in of_element),
            "org_units": len(units),
            "periods": len(periods),
            "missing": len(set(product(periods, units)) - cells),
            "incomplete": sum(count < len(periods) for count in reported.values()),
            "worst": sorted((count, unit) for unit, count in reported.items() if count < len(periods))[:5],
            "numbers": len(numbers),
            "texts": len(stated) - len(numbers),
            "zeros": sum(number == 0 for number in numbers),
            "negatives": sum(number < 0 for number in numbers),
            "range": [numbers[max(0, ceil(len(numbers) * part / 4) - 1)] for part in range(5)] if numbers else None,
        }
    return found


def agree(report: Statistics, rows: Sequence[Row]) -> None:
    """Fail unless statistics say what rows say."""
    document: Any = report.as_json()
    by_element = expected(rows)
    assert {one["data_element"]["id"] for one in document["data_elements"]} == by_element.keys()
    for one in document["data_elements"]:
        slow, values, gaps = by_element[one["data_element"]["id"]], one["values"], one["gaps"]
        for name in ("rows", "deleted", "empty", "followup", "comments", "org_units"):
            assert one[name] == slow[name], name
        for name in ("numbers", "texts", "zeros", "negatives"):
            assert values[name] == slow[name], name
        names = ("min", "lower_quartile", "median", "upper_quartile", "max")
        assert ([values[name] for name in names] if values["numbers"] else None) == slow["range"]
        assert sum(span["count"] for span in one["periods"]) == slow["periods"]
        assert (gaps["missing"], gaps["incomplete_org_units"]) == (slow["missing"], slow["incomplete"])
        assert sorted(gap["reported"] for gap in gaps["worst"]) == [count for count, _ in slow["worst"]]
    assert document["rows"] == len(rows)
    assert {each["period"]: each["rows"] for each in document["periods"]} == Counter(row["period"] for row in rows)
    assert document["org_units"]["count"] == len({row["orgUnit"] for row in rows})
    for column, name in (
        ("category_option_combo", "categoryOptionCombo"),
        ("attribute_option_combo", "attributeOptionCombo"),
    ):
        slow_combos = Counter(row[name] for row in rows if row.get(name))
        assert {each["id"]: each["rows"] for each in document["combos"].get(column, [])} == slow_combos


def made_up(seed: int, count: int) -> list[Row]:
    """Rows of distinct keys, with all that a row can have."""
    rng = random.Random(seed)
    keys: set[tuple[int, int, int, int]] = set()
    while len(keys) < count:
        keys.add((rng.randrange(4), rng.randrange(7), rng.randrange(11), rng.randrange(3)))
    texts = ["0", "-3", "12.5", "007", "1e3", "true", "a text", "-0"]
    rows = []
    for element, period, unit, combo in sorted(keys):
        row: Row = {
            "dataElement": f"deElement{element:02}",
            "period": f"20240{period + 1}",
            "orgUnit": f"ouClinic{unit:03}",
            "categoryOptionCombo": f"cocOption{combo:02}",
            "value": rng.choice([*texts, *(str(rng.randrange(500)) for _ in range(20))]),
        }
        if rng.random() < 0.1:
            row["comment"] = "late"
            row["value"] = rng.choice([None, row["value"]])
        if rng.random() < 0.1:
            row |= {"followup": True}
        if rng.random() < 0.05:
            row |= {"deleted": True, "value": None}
        rows.append(row)
    rng.shuffle(rows)
    return rows


@pytest.mark.parametrize("block_bytes", [1 << 20, 512])
def test_every_number_is_that_of_a_slow_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    rows = made_up(7, 600)
    (tmp_path / "values.json").write_bytes(json_rows(rows))
    convert([tmp_path / "values.json"], tmp_path / "out")
    monkeypatch.setattr(adv2_file, "BLOCK_BYTES", block_bytes)
    agree(counted(tmp_path / "out"), rows)
    agree(counted(tmp_path / "values.json"), rows)


@pytest.mark.parametrize("layout", ["split", "single"])
def test_values_spread_over_files_and_groups_are_counted_as_one(tmp_path: Path, layout: str) -> None:
    """Each file has other org units, so that the periods and org units of their headers differ."""
    rows = made_up(8, 600)
    for part in range(3):
        of_part = [row for row in rows if int(row["orgUnit"][-3:]) % 3 == part]
        (tmp_path / f"part{part}.json").write_bytes(json_rows(of_part))
        convert([tmp_path / f"part{part}.json"], tmp_path / "out", layout=layout)  # type: ignore[arg-type]
    report = counted(tmp_path / "out")
    agree(report, rows)
    assert all(one.duplicates == 0 for one in report.elements)


def test_very_many_groups_of_a_data_element_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_PARTS", 2)
    rows = [row for row in made_up(9, 600) if row["dataElement"] == "deElement00"]
    groups = []
    for row in rows:
        header = {"de": row["dataElement"], "pe": row["period"], "ou": row["orgUnit"], "size": 1}
        data = [row["value"], bool(row.get("deleted")), row.get("followup"), row.get("comment")]
        groups.append({**header, "coc": row["categoryOptionCombo"], "data": [data]})
    (tmp_path / "many.adv2.json").write_text(json.dumps(groups))
    report = counted(tmp_path / "many.adv2.json", id_schemes=None)
    agree(report, rows)


def test_gaps_name_the_periods_and_the_org_units_that_lack_most(tmp_path: Path) -> None:
    stated = {"ouClinic001": (1, 2, 3, 5), "ouClinic002": (1, 5), "ouClinic003": (3,)}
    row = {"dataElement": "deVisits001", "value": "1"}
    rows = [{**row, "period": f"20240{month}", "orgUnit": unit} for unit, months in stated.items() for month in months]
    (tmp_path / "a.json").write_bytes(json_rows(rows))
    (one,) = counted(tmp_path / "a.json").elements
    assert [span.text for span in one.spans] == ["4 months, 202401 to 202405, 1 missing between"]
    assert one.spans[0].missing == ("202404",)
    assert [(gap.unit, gap.reported, list(gap.missing)) for gap in one.worst] == [
        ("ouClinic003", 1, ["202401", "202402", "202405"]),
        ("ouClinic002", 2, ["202402", "202403"]),
    ]
    assert (one.gaps.missing, one.gaps.incomplete) == (5, 2)


def test_duplicates_across_files_are_found_with_their_places(tmp_path: Path) -> None:
    rows = made_up(10, 300)
    again = [dict(row) for row in rows[::7]]
    changed = [row for row in again[::3] if row["value"] is not None]
    for row in changed:
        row["value"] = "987654"
    (tmp_path / "one.json").write_bytes(json_rows(rows))
    (tmp_path / "two.json").write_bytes(json_rows(again))
    report = counted(tmp_path / "one.json", tmp_path / "two.json")
    assert sum(one.duplicates for one in report.elements) == len(again)
    assert sum(one.repeats.differing for one in report.elements) == len(changed)
    keys = {(row["dataElement"], row["period"], row["orgUnit"], row["categoryOptionCombo"]) for row in again}
    for one in report.elements:
        for repeat in one.repeats.samples:
            key = repeat.key
            assert (one.data_element, key["period"], key["org_unit"], key["category_option_combo"]) in keys
            assert [place.file for place in repeat.places] == ["one.json", "two.json"]


def test_duplicates_do_not_depend_on_how_many_keys_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made_up(11, 300)
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_bytes(json_rows(rows))
    monkeypatch.setattr(repeats, "KEYS", 40)
    report = counted(tmp_path / "one.json", tmp_path / "two.json")
    assert {one.data_element: one.duplicates for one in report.elements} == Counter(row["dataElement"] for row in rows)


def test_rows_are_read_again_only_where_headers_leave_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = {"de": "deVisits001", "pe": "202401"}
    groups = [{**header, "ou": f"ouClinic{unit:03}", "size": 1, "data": [[1]]} for unit in range(5)]
    (tmp_path / "a.adv2.json").write_text(json.dumps(groups))
    read: list[str] = []
    again = repeats._read

    def noted(path: str, *more: Any) -> Any:
        read.append(path)
        return again(path, *more)

    monkeypatch.setattr(repeats, "_read", noted)
    assert counted(tmp_path / "a.adv2.json").elements[0].duplicates == 0
    assert read == []
    (tmp_path / "a.adv2.json").write_text(json.dumps([*groups, groups[3]]))
    assert counted(tmp_path / "a.adv2.json").elements[0].duplicates == 1
    assert len(read) == 1


def test_combos_by_options_are_one_key_however_their_groups_list_them(tmp_path: Path) -> None:
    header = {"de": "deVisits001", "pe": "202401", "ou": "ouClinicA01"}
    one = {**header, "co": {"Age": ["<1y", ">1y"], "Sex": ["F", "M"]}, "size": 2, "data": [[0, 1, 5], [1, 0, 6]]}
    two = {**header, "co": {"Age": [">1y", "<1y"], "Sex": "F"}, "size": 2, "data": [[0, 6], [1, 7]]}
    (tmp_path / "a.adv2.json").write_text(json.dumps([one, two]))
    report = counted(tmp_path / "a.adv2.json")
    (repeat,) = report.elements[0].repeats.samples
    assert (repeat.key["category_option_combo"], repeat.count, repeat.differs) == ("co.Age=>1y, co.Sex=F", 2, False)
    assert report.combos["co.Age"] == [("<1y", None, 2), (">1y", None, 2)]


def test_repeats_within_a_group_and_rows_of_invalid_form_are_counted_and_reported(tmp_path: Path) -> None:
    data = [[0, 1], [0, 2], [1, 3], [7, 4]]
    group = {"de": "deVisits001", "pe": ["202401", "202402"], "ou": "ouClinicA01", "size": 4, "data": data}
    (tmp_path / "a.adv2.json").write_text(json.dumps(group))
    report = counted(tmp_path / "a.adv2.json")
    assert (report.counts.rows, report.files[0].ignored, report.elements[0].duplicates) == (2, 2, 1)
    assert [found.code for found in report.findings] == ["TP607", "TP605"]
    assert report.exit_code == 1


def test_very_many_distinct_numbers_keep_their_ends_and_say_that_quartiles_are_rounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(number_range, "DISTINCT", 100)
    row = {"dataElement": "deVisits001", "period": "202401"}
    rows = [{**row, "orgUnit": f"ouClinic{number}", "value": str(number * 7)} for number in range(1, 2001)]
    (tmp_path / "a.json").write_bytes(json_rows(rows))
    found: Any = counted(tmp_path / "a.json").elements[0].as_json()["values"]
    assert (found["min"], found["max"], found["exact"], found["numbers"]) == (7, 14_000, False, 2000)
    assert found["median"] == pytest.approx(7000, rel=0.005)
    assert found["upper_quartile"] == pytest.approx(10_500, rel=0.005)


def test_metadata_gives_names_and_levels(tmp_path: Path) -> None:
    metadata = json.loads(METADATA.read_bytes())
    convert([SAMPLES / "january.json"], tmp_path)
    report = counted(tmp_path / "january", metadata=METADATA)
    names = {element["id"]: element["name"] for element in metadata["dataElements"]}
    assert {one.data_element: one.name for one in report.elements} == {
        one.data_element: names.get(one.data_element) for one in report.elements
    }
    paths = {unit["id"]: unit["path"].count("/") for unit in metadata["organisationUnits"] if "path" in unit}
    assert sum(level.units for level in report.levels) == report.units
    assert {level.level for level in report.levels} <= set(paths.values()) | {1, 2, 3, 4}
    assert sum(level.rows for level in report.levels) == report.counts.rows


def test_legacy_files_are_accounted_for_and_an_unreadable_one_keeps_no_other_from_being_counted(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    report = counted(SAMPLES / "january.json", tmp_path / "broken.json", SAMPLES / "february.csv")
    document: Any = report.as_json()
    values = {one["source"]: one.get("values") for one in document["conversions"]}
    assert values["january.json"] == {"read": 8, "written": 6, "superseded": 1, "rejected": 1}
    assert values["broken.json"] is None
    assert document["rows"] == 11
    assert [file["bytes"] for file in document["files"]] == [
        (SAMPLES / name).stat().st_size for name in ("january.json", "february.csv")
    ]
    assert report.exit_code == 3


def test_file_that_breaks_off_is_counted_up_to_there(tmp_path: Path) -> None:
    whole = {"de": "deVisits001", "pe": ["202401", "202402"], "ou": "ouClinicA01", "size": 2, "data": [[0, 1], [1, 2]]}
    (tmp_path / "a.adv2.json").write_text(json.dumps([whole, whole])[:-8])
    report = counted(tmp_path / "a.adv2.json")
    assert report.files[0].error is not None
    assert (report.files[0].error.code, report.files[0].groups, report.exit_code) == ("TP108", 2, 3)
    assert report.counts.rows >= 2


@pytest.mark.skipif(not FILE.exists(), reason="needs the public Sierra Leone values")
def test_real_values_are_counted_as_a_slow_count_does(tmp_path: Path) -> None:
    with gzip.open(FILE) as lines:
        rows = json.load(lines)["dataValues"]
    convert([FILE], tmp_path)
    metadata = DATA / "sierra-leone-metadata.json.gz"
    agree(counted(tmp_path, metadata=metadata), rows)
