"""Legacy files as frames: converted on the way, with nothing left on the disk, and nothing rejected in silence."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from support.places import SAMPLES
from tallyport import Finding, Outcome, SourceUnreadable, convert, read_adv2, scan_legacy
from tallyport_converters.files.work_folders import PREFIX

MARCH = SAMPLES / "march.xml"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    with mock.patch("tempfile.tempdir", str(folder)):
        yield folder


def work_folders(temporary: Path) -> list[str]:
    gc.collect()
    return [path.name for path in temporary.iterdir() if path.name.startswith(PREFIX)]


def test_it_is_the_frame_of_the_converted_file(tmp_path: Path) -> None:
    convert([MARCH], tmp_path / "out")
    assert_frame_equal(scan_legacy(MARCH).collect(), read_adv2(tmp_path / "out"))


def test_the_work_folder_is_there_for_as_long_as_the_frame(temporary: Path) -> None:
    lazy = scan_legacy(MARCH)
    shorter = lazy.filter(pl.col("number") > 20)
    del lazy
    assert len(work_folders(temporary)) == 1
    assert shorter.collect().height == 1
    del shorter
    assert work_folders(temporary) == []


def test_an_error_leaves_nothing_behind(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for path in (tmp_path / "broken.json", SAMPLES / "january.json"):
        with pytest.raises(SourceUnreadable):
            scan_legacy(path)
    assert work_folders(temporary) == []


def test_a_rejected_value_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        scan_legacy(SAMPLES / "january.json")
    found = caught.value.finding
    assert (found.code, found.source, found.line, found.found) == ("TP304", "january.json", 9, "202513")


def test_or_it_is_given_to_whoever_takes_it_and_the_outcome_counts_the_rest() -> None:
    rejected: list[Finding] = []
    outcomes: list[Outcome] = []
    frame = scan_legacy(SAMPLES / "january.json", on_invalid=rejected.append, on_outcome=outcomes.append).collect()
    assert [(found.code, found.line) for found in rejected] == [("TP304", 9)]
    assert outcomes[0].manifest
    assert outcomes[0].manifest["values"] == {"read": 8, "written": 6, "superseded": 1, "rejected": 1}
    assert frame.height == 6


def test_several_files_are_one_frame_and_options_are_those_of_convert(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("dataElement,period,orgUnit,value\nMEASLES,202501,CLINIC_A,3\n")
    frame = scan_legacy([MARCH, path], id_schemes={"": "CODE"}, data_set="dsImmunis01").collect()
    assert frame["data_element"].unique().sort().to_list() == ["MEASLES", "deMeasles01", "deStockOut1"]
    assert frame["data_set"].unique().to_list() == ["dsImmunis01"]


def test_a_source_without_a_value_left_is_an_empty_frame(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text('{"dataValues":[]}')
    frame = scan_legacy(path).collect()
    assert frame.is_empty()
    assert "value" in frame.columns
