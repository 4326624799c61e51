"""What metadata adds to a frame: names, codes, levels and days, and the data set where only one is possible."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support import hmis
from tallyport import read_adv2, scan_adv2
from tallyport.frames.scan import lazy_frame
from tallyport.frames.value_files import ValueFiles
from tallyport_converters.model import periods

ADDED = [
    *("data_element_name", "data_element_code"),
    *("org_unit_name", "org_unit_code", "level_1", "level_2", "level_3"),
    *("category_option_combo_name", "category_option_combo_code"),
    *("attribute_option_combo_name", "attribute_option_combo_code"),
    *("period_start", "period_end"),
]


def adv2(folder: Path, rows: list[list[Any]], name: str = "a", **header: Any) -> Path:
    head = {"de": "deVisits001", "pe": "202501", "ou": "ouClinicA01", **header, "size": len(rows), "data": rows}
    path = folder / f"{name}.adv2.json"
    path.write_text(json.dumps(head), encoding="utf-8")
    return path


def test_the_added_columns_come_last_and_the_others_stay_as_the_file_states_them(tmp_path: Path) -> None:
    path = adv2(tmp_path, [[1]])
    plain, named = read_adv2(path), read_adv2(path, hmis.whole())
    assert named.columns == ["data_set", *plain.columns, *ADDED]
    assert named.select(plain.columns).equals(plain)


def test_objects_have_their_names_codes_and_place_in_the_hierarchy(tmp_path: Path) -> None:
    units = ["ouClinicA01", "ouDistrictB", "ouCountry01", "ouUnknown01"]
    frame = read_adv2(adv2(tmp_path, [[0, 1], [1, 2], [2, 3], [3, 4]], ou=units), hmis.whole())
    assert frame["data_element_name"].unique().to_list() == ["Visits"]
    assert frame["data_element_code"].unique().to_list() == ["VISITS"]
    assert frame.select("org_unit_name", "org_unit_code", "level_1", "level_2", "level_3").rows() == [
        ("Riverside", "CLINIC_A1", "Country", "District A", "Riverside"),
        ("District B", "DIST_B", "Country", "District B", None),
        ("Country", "COUNTRY", "Country", None, None),
        (None, None, None, None, None),
    ]


def test_identifiers_of_other_schemes_are_looked_up_in_them(tmp_path: Path) -> None:
    ids = {"de": "CODE", "ou": "ATTRIBUTE:atNationalI"}
    units = ["N-001", "N-002", "N-003"]  # two clinics share the last one
    frame = read_adv2(adv2(tmp_path, [[0, 1], [1, 2], [2, 3]], ids=ids, de="VISITS", ou=units), hmis.whole())
    assert frame["data_element_name"].unique().to_list() == ["Visits"]
    assert frame["org_unit_name"].to_list() == ["Riverside", "Hilltop", None]


COMBOS: dict[str, tuple[dict[str, Any], list[list[Any]], list[str | None]]] = {
    "by identifier": (
        {"coc": ["ocUnder5F01", "ocOver5M001", "ocUnknown01"]},
        [[0, 1], [1, 2], [2, 3]],
        ["Under 5, Female", "5 and over, Male", None],
    ),
    "by options": (
        {
            "co": {"cgAge000001": ["coUnder5001", "coOver50001"], "cgSex000001": ["coMale00001", "coFemale001"]},
            "ds": "dsMonthly01",
        },
        [[0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]],
        ["Under 5, Male", "Under 5, Female", "5 and over, Male", "5 and over, Female"],
    ),
    "by options, some of one": (
        {"co": [["coOver50001"], ["coMale00001", "coUnknown01"]], "cc": "ccAgeSex001"},
        [[0, 1], [1, 2]],
        ["5 and over, Male", None],
    ),
    "by options of one each": (
        {"co": [["coOver50001"], ["coMale00001"]], "cc": "ccAgeSex001"},
        [[1]],
        ["5 and over, Male"],
    ),
    "by options that leave the category combo open": (
        {"co": [["coOver50001"], ["coMale00001"]], "de": "deUnknown01"},
        [[1]],
        [None],
    ),
    "not at all": ({}, [[1]], ["default"]),
}


@pytest.mark.parametrize("given", COMBOS)
def test_option_combos_have_names_however_a_header_gives_them(tmp_path: Path, given: str) -> None:
    header, rows, names = COMBOS[given]
    path = adv2(tmp_path, rows, **header)
    frame = read_adv2(path, hmis.whole())
    assert frame["category_option_combo_name"].to_list() == names
    for name in {*names} - {None}:
        found = scan_adv2(path, hmis.whole()).filter(pl.col("category_option_combo_name") == name).collect()
        assert found.equals(frame.filter(pl.col("category_option_combo_name") == name))


def test_attribute_option_combos_have_names_as_well(tmp_path: Path) -> None:
    path = adv2(tmp_path, [[0, 1], [1, 2]], ds="dsOutreach1", ao={"cgProject01": ["coWater0001", "coSchool001"]})
    frame = read_adv2(path, hmis.whole())
    assert frame["attribute_option_combo_name"].to_list() == ["Clean water", "School health"]
    assert frame["attribute_option_combo_code"].to_list() == ["WATER", "SCHOOL"]
    assert frame["ao.cgProject01"].to_list() == ["coWater0001", "coSchool001"]


def test_the_data_set_is_the_one_that_is_named_or_the_only_one_with_the_data_element(tmp_path: Path) -> None:
    adv2(tmp_path, [[1]], "a", de="deWeekly001")
    adv2(tmp_path, [[1]], "b", de="deWeekly001", ds="dsElsewhere")
    adv2(tmp_path, [[1]], "c", de="deVisits001")  # of two
    adv2(tmp_path, [[1]], "d", de="deNowhere01")
    assert read_adv2(tmp_path, hmis.whole())["data_set"].to_list() == ["dsWeekly001", "dsElsewhere", None, None]


SHAPES = [
    *("2025", "2025S1", "2025AprilS1", "2025NovS2", "2025Q2", "202503B", "202502", "2025W1", "2025SunW9", "2024BiW3"),
    *("20240229", "2025April", "2025Oct", "2025Nov"),
]


def test_a_period_of_any_type_has_its_first_and_last_day(tmp_path: Path) -> None:
    known = [period for period in map(periods.parse, SHAPES) if period]
    assert len(known) == len(SHAPES)
    frame = read_adv2(adv2(tmp_path, [[i, 1] for i in range(len(SHAPES))], pe=SHAPES), hmis.whole())
    assert frame.schema["period_start"] == frame.schema["period_end"] == pl.Date
    assert frame.select("period_start", "period_end").rows() == [(each.start, each.end) for each in known]


def test_filters_on_metadata_pass_groups_by_their_headers(tmp_path: Path) -> None:
    adv2(tmp_path, [[0, 1], [1, 2]], "a", ou=["ouClinicA01", "ouClinicB01"])
    adv2(tmp_path, [[0, 3], [1, 4]], "b", de="deWeekly001", pe=["2024W1", "2025W9"])
    for predicate, passed, values in (
        (pl.col("level_2") == "District B", 1, ["2"]),
        (pl.col("period_start").is_between(date(2025, 1, 1), date(2025, 1, 31)), 1, ["1", "2"]),
        (pl.col("data_element_name").str.contains("Weekly"), 1, ["3", "4"]),
        ((pl.col("data_set") == "dsWeekly001") & (pl.col("period_end") > date(2025, 1, 1)), 1, ["4"]),
        (pl.col("org_unit_name").is_null(), 2, []),
    ):
        files = ValueFiles(tmp_path, hmis.whole())
        assert lazy_frame(files).filter(predicate).collect()["value"].to_list() == values
        assert files.counts.passed == passed


def test_a_snapshot_may_be_given_by_its_path(tmp_path: Path) -> None:
    hmis.whole().save(tmp_path / "country.snapshot")
    path = adv2(tmp_path, [[1]])
    assert read_adv2(path, tmp_path / "country.snapshot").equals(read_adv2(path, hmis.whole()))
