"""ADV2 files as frames of polars: a row for each value, as its group's header and its own row say."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tallyport import Finding, SourceUnreadable, read_adv2, scan_adv2
from tallyport_schemas.value_types import ValueType, check

BLANK = "".join(map(chr, range(33)))

VISITS = (
    '{"de":"deVisits001","pe":["202501","202502"],"ou":"ouClinicA01","coc":["cocOutreach","cocFixed001"],"size":3,"data":['
    '[0,0,12],[0,1,"07",false,true],[1,1,null,true,false,"closed"]]}'
)
BY_AGE = (
    '{"ds":"dsForm00001","de":"deMeasles01","pe":"202501","ou":["ouClinicA01","ouClinicB01"],'
    '"co":{"Age":["<5","5+"]},"aoc":"aocDonor001","size":2,"data":[[0,1,"1.50"],[1,0,"late"]]}'
)


def adv2(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
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


def test_the_finding_of_an_invalid_row_is_in_the_exception_as_text(tmp_path: Path) -> None:
    adv2(tmp_path, visits=VISITS.replace("[0,0,12]", "[0,7,12]"))
    with pytest.raises(SourceUnreadable, match=r'visits.adv2.json, row 0, field "coc"\): found 7, expected 0 to 1'):
        read_adv2(tmp_path)


def test_invalid_rows_are_left_out_for_who_takes_their_findings(tmp_path: Path) -> None:
    adv2(tmp_path, a=BY_AGE, visits=VISITS.replace("[0,0,12]", "[0,7,12]"))
    found: list[Finding] = []
    frame = read_adv2(tmp_path, on_invalid=found.append)
    assert frame["value"].to_list() == ["1.50", "late", "07", None]
    assert [(each.code, each.source, each.row) for each in found] == [("TP605", "visits.adv2.json", 0)]


def test_on_request_a_row_says_where_it_was_read(tmp_path: Path) -> None:
    frame = read_adv2(adv2(tmp_path, a=BY_AGE, b=VISITS), with_place=True)
    assert frame.select("source", "row").rows() == [
        *(("a.adv2.json", row) for row in range(2)),
        *(("b.adv2.json", row) for row in range(3)),
    ]


def test_an_array_of_groups_and_packed_files_are_read_like_any(tmp_path: Path) -> None:
    (tmp_path / "all.adv2.json.gz").write_bytes(gzip.compress(f"[{BY_AGE},{VISITS}]".encode()))
    assert_frame_equal(read_adv2(tmp_path), read_adv2(adv2(tmp_path / "apart", a=BY_AGE, b=VISITS)))


@pytest.mark.parametrize("data", ["", ',"data":[]'])
def test_no_rows_are_an_empty_frame_with_all_columns(tmp_path: Path, data: str) -> None:
    head = VISITS.partition(',"size"')[0]
    frame = read_adv2(adv2(tmp_path, a=f'{head},"size":0{data}}}'))
    assert frame.schema == read_adv2(adv2(tmp_path / "other", a=VISITS)).schema
    assert frame.is_empty()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "TP108"),
        ('{"a":1}', "TP501"),
        (VISITS.replace('"size":3', '"size":4'), "TP514"),
        (VISITS[:-9], "TP108"),
        (VISITS.replace('"size":3', '"undo":"2025-01-31 14:30:00","size":3'), "TP745"),
    ],
)
def test_what_is_not_adv2_or_breaks_off_has_a_finding_with_its_file(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        read_adv2(adv2(tmp_path, a=BY_AGE, visits=text))
    assert (caught.value.finding.code, caught.value.finding.source) == (code, "visits.adv2.json")


def test_a_folder_without_adv2_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no ADV2 file"):
        scan_adv2(tmp_path)


def test_both_engines_of_polars_give_the_same_frame(tmp_path: Path) -> None:
    lazy = scan_adv2(adv2(tmp_path, a=BY_AGE, b=VISITS))
    assert_frame_equal(lazy.collect(engine="streaming"), lazy.collect(engine="in-memory"))


TEXTS = st.one_of(
    st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{Decimal(number):f}"),
    st.sampled_from(["-", "1.", ".5", "1e5", "+1", " 1", "NaN", "inf", "-0", "00", "1_0", "٣", "9" * 249, "9" * 250]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=30))
def test_a_number_is_the_nearest_to_what_dhis2_takes_for_one(values: list[str]) -> None:
    units = [f"ouClinic{i:03}" for i in range(len(values))]
    head = {"de": "deVisits001", "pe": "202501", "ou": units, "size": len(values)}
    rows = [[i, value] if len(values) > 1 else [value] for i, value in enumerate(values)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.adv2.json"
        path.write_text(json.dumps({**head, "data": rows}), encoding="utf-8")
        frame = read_adv2(path)
    assert frame["value"].to_list() == values
    is_number = [check(ValueType.NUMBER, value) is None and bool(value.strip(BLANK)) for value in values]
    expected = [float(value) if good else None for value, good in zip(values, is_number, strict=True)]
    assert frame["number"].to_list() == expected
