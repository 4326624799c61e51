"""What a query does not ask for is not read: shown by counting groups, batches and rows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from support.waiting import wait_until
from tallyport import Finding, read_adv2
from tallyport.frames.scan import AHEAD, lazy_frame
from tallyport.frames.selection import GroupSelection
from tallyport.frames.value_files import Query, ReadCounts, ValueFiles
from tallyport_converters.adv2 import file as reading

PERIODS = [f"2025{month:02}" for month in range(1, 13)]
UNITS = [f"ouClinic{i:03}" for i in range(20)]
COMBOS = ["cocOutreach", "cocFixed001"]
ELEMENTS = [f"deElement{i:02}" for i in range(4)]
EACH = len(PERIODS) * len(UNITS) * len(COMBOS)


def group(element: str, periods: list[str] | str = PERIODS) -> str:
    rows = [
        [*([pe] if isinstance(periods, list) else []), ou, coc, pe + ou + coc]
        for pe in range(len(periods) if isinstance(periods, list) else 1)
        for ou in range(len(UNITS))
        for coc in range(len(COMBOS))
    ]
    head = {"de": element, "pe": periods, "ou": UNITS, "coc": COMBOS, "size": len(rows)}
    return json.dumps(head)[:-1] + ',"data":[' + ",\n".join(map(json.dumps, rows)) + "]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of twelve periods, and two of one."""
    made = tmp_path_factory.mktemp("adv2")
    spans: list[list[str] | str] = [PERIODS, PERIODS, "202501", "202502"]
    for element, periods in zip(ELEMENTS, spans, strict=True):
        (made / f"{element}.adv2.json").write_text(group(element, periods))
    return made


Asked = Callable[[pl.LazyFrame], pl.LazyFrame]
C = pl.col


def counted(folder: Path, query: Asked) -> tuple[pl.DataFrame, ReadCounts]:
    """Return the answer to a query, checked against all values in memory, and what was read for it."""
    files = ValueFiles(folder)
    found = query(lazy_frame(files)).collect()
    assert_frame_equal(found, query(read_adv2(folder).lazy()).collect())
    return found, files.counts


OF_HEADERS: dict[str, tuple[pl.Expr, int, int]] = {
    "a data element": (C("data_element") == ELEMENTS[1], 1, EACH),
    "a period": (C("period") == "202502", 3, 120),
    "a period that no group has": (C("period") == "202601", 0, 0),
    "several periods": (C("period").is_in(["202501", "202512"]), 3, 200),
    "either of two": ((C("period") == "202501") | (C("period") == "202502"), 4, 240),
    "all but": (~C("period").is_in(PERIODS[1:]), 3, 120),
    "an org unit": (C("org_unit") == UNITS[3], 4, 52),
    "by a part of its text": (C("org_unit").str.ends_with("7") & C("period").str.starts_with("2025"), 4, 104),
    "a combo": (C("category_option_combo") != COMBOS[0], 4, 520),
    "all of them": (
        (C("data_element") != ELEMENTS[0]) & (C("period") == "202501") & (C("org_unit").is_in(UNITS[:2])),
        2,
        8,
    ),
    "none of a column that no header has": (C("attribute_option_combo") == "aocDonor001", 0, 0),
    "one that is not given": (C("attribute_option_combo").is_null() & (C("period") == "202501"), 3, 120),
}


@pytest.mark.parametrize("name", OF_HEADERS)
def test_groups_whose_header_lacks_what_is_asked_for_are_passed(folder: Path, name: str) -> None:
    predicate, groups, rows = OF_HEADERS[name]
    found, counts = counted(folder, lambda lazy: lazy.filter(predicate))
    assert found.height == rows
    assert (counts.groups, counts.groups - counts.passed) == (4, groups)


def test_of_a_group_only_the_rows_that_are_asked_for_become_rows_of_a_table(folder: Path) -> None:
    files = ValueFiles(folder)
    selection = GroupSelection(C("period") == "202503", files.columns)
    assert sum(len(part.table) for part in files.parts(Query(["value"], selection))) == 80
    assert files.counts.rows == 2 * EACH


def test_what_headers_do_not_decide_is_asked_of_the_rows(folder: Path) -> None:
    both = (C("number") > 20) & (C("period") == "202503")
    found, counts = counted(folder, lambda lazy: lazy.filter(both).select("value", "org_unit"))
    assert found.height == 6
    assert counts.groups - counts.passed == 2
    mixed = (C("period") == "202501") | (C("org_unit") == UNITS[0])
    found, counts = counted(folder, lambda lazy: lazy.filter(mixed))
    assert (found.height, counts.passed) == (166, 0)


def test_predicates_that_are_about_all_rows_are_not_asked_of_identifiers(folder: Path) -> None:
    for predicate in (C("period") == C("period").max(), C("org_unit").is_first_distinct(), C("number").rank() > 500):
        counted(folder, lambda lazy, predicate=predicate: lazy.filter(predicate))  # type: ignore[misc]


def test_a_data_element_alone_needs_no_row(folder: Path) -> None:
    found, counts = counted(folder, lambda lazy: lazy.select(C("data_element").value_counts(sort=True)))
    assert found.height == 4
    assert (counts.passed, counts.rows) == (4, 0)


def test_only_columns_that_are_asked_for_are_made(folder: Path) -> None:
    lazy = lazy_frame(ValueFiles(folder)).filter(C("number") > 3).select("org_unit")
    assert "PROJECT 2/10 COLUMNS" in lazy.explain()
    made = [part.table for part in ValueFiles(folder).parts(Query(["org_unit"]))]
    assert {tuple(column.name for column in table.form.columns) for table in made} == {("org_unit",)}


def test_head_stops_early(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 400)
    found, counts = counted(folder, lambda lazy: lazy.head(5))
    assert found.height == 5
    assert counts.batches <= 2 + AHEAD
    assert counts.rows < EACH / 3
    found, counts = counted(folder, lambda lazy: lazy.slice(7, 5))
    assert counts.rows < EACH
    found, counts = counted(folder, lambda lazy: lazy.filter(C("number") > 3).head(5))
    assert counts.rows < EACH


@pytest.mark.parametrize(("period", "most"), [("202501", EACH / 4), ("202506", EACH * 0.7), ("202512", EACH)])
def test_what_follows_the_last_period_that_is_asked_for_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, period: str, most: float
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 400)
    first, second = group(ELEMENTS[0]), group(ELEMENTS[1])
    (tmp_path / "a.adv2.json").write_text(first)
    _, counts = counted(tmp_path, lambda lazy: lazy.filter(C("period") == period))
    assert counts.rows <= most
    (tmp_path / "a.adv2.json").write_text(f"[{first},{second}]")
    found, counts = counted(tmp_path, lambda lazy: lazy.filter(C("period") == period))
    assert (found.height, counts.groups) == (2 * len(UNITS) * len(COMBOS), 2)


def test_nothing_is_left_running_when_a_query_stops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 400)
    before = threading.active_count()
    lazy_frame(ValueFiles(folder)).head(1).collect()
    wait_until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("space", ["", "\n", " \t"])
def test_rows_of_any_form_are_passed(tmp_path: Path, space: str) -> None:
    values = ['"a]b"', "-1.5", '"07",false,true', 'null,true,null,"[0,"', '"x",false,null,"a\\"],[1"', "12"] * 20
    rows = [f"[{pe},{ou},{value}]" for pe in range(3) for ou, value in enumerate(values)]
    head = {"de": "deA", "pe": PERIODS[:3], "ou": [f"ou{i}" for i in range(len(values))], "size": len(rows)}
    text = json.dumps(head)[:-1] + f',"data":[{("," + space).join(rows)}]}}'
    (tmp_path / "a.adv2.json").write_text(text, encoding="utf-8")
    for predicate in (C("period") == PERIODS[1], C("org_unit").str.ends_with("7"), C("period") != PERIODS[0]):
        found, counts = counted(tmp_path, lambda lazy, predicate=predicate: lazy.filter(predicate))  # type: ignore[misc]
        assert found.height
        assert counts.rows == len(rows)


def test_a_row_that_a_filter_excludes_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "a.adv2.json"
    path.write_text('{"de":"deA","pe":["202501","202502"],"ou":"ouA","size":2,"data":[[0,1],[1,null]]}')
    found: list[Finding] = []
    files = ValueFiles(path, on_invalid=found.append)
    assert lazy_frame(files).filter(C("period") == "202501").collect().height == 1
    assert found == []
    assert lazy_frame(files).filter(C("period") == "202502").collect().height == 0
    assert [each.code for each in found] == ["TP609"]
