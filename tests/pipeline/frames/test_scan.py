"""ADV2 files as frames of polars: a row for each value, as its group's header and its own row say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tallyport import SourceUnreadable, read_adv2, scan_adv2

VISITS = (
    '{"de":"deVisits001","pe":["202501","202502"],"ou":"ouClinicA01","coc":["cocOutreach","cocFixed001"],"size":3,"data":['
    '[0,0,12],[0,1,"07",false,true],[1,1,null,true,false,"closed"]]}'
)
BY_AGE = (
    '{"ds":"dsForm00001","de":"deMeasles01","pe":"202501","ou":["ouClinicA01","ouClinicB01"],'
    '"co":{"Age":["<5","5+"]},"aoc":"aocDonor001","size":2,"data":[[0,1,"1.50"],[1,0,"late"]]}'
)


def adv2(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.adv2.json").write_text(text, encoding="utf-8")
    return folder


def test_a_frame_has_a_row_for_each_value_with_identifiers_spelled_out(tmp_path: Path) -> None:
    frame = read_adv2(adv2(tmp_path, visits=VISITS))
    assert frame.to_dict(as_series=False) == {
        "data_element": ["deVisits001"] * 3,
        "period": ["202501", "202501", "202502"],
        "org_unit": ["ouClinicA01"] * 3,
        "category_option_combo": ["cocOutreach", "cocFixed001", "cocFixed001"],
        "attribute_option_combo": [None] * 3,
        "value": ["12", "07", None],
        "number": [12.0, None, None],
        "deleted": [False, False, True],
        "followup": [None, True, False],
        "comment": [None, None, "closed"],
    }


def test_groups_of_several_files_share_one_frame(tmp_path: Path) -> None:
    frame = scan_adv2([adv2(tmp_path, a=BY_AGE, b=VISITS)]).collect()
    assert frame["data_set"].to_list() == ["dsForm00001"] * 2 + [None] * 3
    assert frame["co.Age"].to_list() == ["5+", "<5", None, None, None]
    assert frame["attribute_option_combo"].to_list() == ["aocDonor001"] * 2 + [None] * 3
    assert frame["number"].to_list() == [1.5, None, 12.0, None, None]


def test_a_query_selects_filters_and_stops(tmp_path: Path) -> None:
    lazy = scan_adv2(adv2(tmp_path, a=BY_AGE, b=VISITS))
    found = lazy.filter(pl.col("period") == "202501").select("value", "period").head(3).collect()
    assert found.rows() == [("1.50", "202501"), ("late", "202501"), ("12", "202501")]


def test_an_invalid_row_ends_the_reading_with_its_finding(tmp_path: Path) -> None:
    lazy = scan_adv2(adv2(tmp_path, visits=VISITS.replace("[0,0,12]", "[0,7,12]")))
    with pytest.raises(SourceUnreadable) as caught:
        lazy.collect()
    assert (caught.value.finding.code, caught.value.finding.row) == ("TP605", 0)
