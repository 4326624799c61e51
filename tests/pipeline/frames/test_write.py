"""Frames into ADV2: as a conversion would write the same values, and back from ADV2 byte for byte."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.checking import check_output
from support.places import FIXTURES
from tallyport import Outcome, Refused, SourceUnreadable, convert, load_metadata, read_adv2, scan_adv2, write_adv2
from tallyport_schemas import finding_codes
from twin import legacy, values
from twin.values import Document

ELEMENT, UNIT = "deMeasles01", "ouClinicA01"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk() -> Any:
    with mock.patch("os.fsync"):
        yield


def frame(**columns: Any) -> pl.DataFrame:
    """Return a frame of values; columns that are not given are the same in all rows."""
    rows = len(next(iter(columns.values())))
    shared = {"dataElement": ELEMENT, "period": "202401", "orgUnit": UNIT}
    return pl.DataFrame({**{name: [text] * rows for name, text in shared.items()}, **columns})


def write(folder: Path, frame: Any, **options: Any) -> Outcome:
    """Write a frame, and check all that is published of it."""
    outcome = write_adv2(frame, folder / "out", overwrite=True, **options)
    assert outcome.folder == folder / "out"
    assert check_output(outcome.folder) == outcome.manifest
    return outcome


def rows(outcome: Outcome) -> list[list[Any]]:
    """Return the rows of the one file that came of a frame of one data element."""
    assert outcome.folder
    (path,) = outcome.folder.glob("*.adv2.json")
    found: list[list[Any]] = json.loads(path.read_bytes())["data"]
    return found


def rejects(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.folder
    return [json.loads(line) for line in (outcome.folder / "rejects.ndjson").read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.adv2.json")}


def test_a_frame_is_written_as_a_file_of_the_same_values_is(tmp_path: Path) -> None:
    made = frame(value=[" 5", "007", None], comment=[None, 'say "x"', "late"], categoryOptionCombo=["a", "b", "c"])
    made.write_csv(tmp_path / "frame.csv")
    (of_file,) = convert([tmp_path / "frame.csv"], tmp_path / "of-file").sources
    of_frame = write(tmp_path, made.with_columns(pl.col("value").str.strip_chars()))
    assert of_file.folder
    assert of_frame.folder
    assert files(of_frame.folder) == files(of_file.folder)


FRAMES: Mapping[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda made: made,
    "lazy": lambda made: made.lazy(),
    "pyarrow": lambda made: made.to_arrow(),
    "a stream that is read once": lambda made: made.to_arrow().to_reader(),
    "duckdb": lambda made: duckdb.from_arrow(made.to_arrow()),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_whatever_hands_over_columns_is_a_frame(kind: str, tmp_path: Path) -> None:
    made = frame(value=[1.5, 2.0], period=[202401, 202402])
    assert rows(write(tmp_path, FRAMES[kind](made))) == [[0, 1.5], [1, 2]]


def test_what_hands_over_none_is_not(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        write_adv2({"value": ["1"]}, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


DOCUMENTS = st.sampled_from(["dxf-json", "dxf-csv"]).flatmap(
    lambda form: st.tuples(st.just(form), values.documents(form), st.integers(0, 2**32), st.booleans())
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(DOCUMENTS)
def test_a_frame_of_adv2_comes_back_byte_for_byte(drawn: tuple[str, Document, int, bool]) -> None:
    form, document, seed, keeps = drawn
    with tempfile.TemporaryDirectory() as name, mock.patch("tallyport.frames.write.CHUNK_ROWS", 3):
        folder = Path(name)
        source = folder / "source"
        source.write_bytes(legacy.write(document, form, random.Random(seed), noise=False))
        options: dict[str, Any] = {"source_format": form, "keep_followup_false": keeps}
        (outcome,) = convert([source], folder / "first", **options).sources
        if not outcome.folder or not files(outcome.folder):
            return
        groups = [json.loads(text) for text in files(outcome.folder).values()]
        if any("delete" in group or "cc" in group for group in groups):
            return  # neither has a column
        ids = groups[0].get("ids", {})
        schemes = {"": ids} if isinstance(ids, str) else ids
        back = write(folder, scan_adv2(outcome.folder), id_schemes=schemes)
        assert back.folder
        assert files(back.folder) == files(outcome.folder)
        assert back.manifest
        assert back.manifest["values"]["written"] == back.manifest["values"]["read"]
        shuffled = read_adv2(outcome.folder).sample(fraction=1, shuffle=True, seed=seed)
        back = write(folder, shuffled, id_schemes=schemes)
        assert back.folder
        assert files(back.folder) == files(outcome.folder)


BY_HAND = (
    '{"ds":"dsForm00001","de":"deMeasles01","pe":["202401","202402"],"ou":"ouClinicA01","co":{"Age":["5+","<5"]},'
    '"ao":[["north","south"],["one"]],"size":4,"data":[\n'
    '[0,0,0," 5 "],\n[0,1,0,7,false,null,""],\n[1,0,0,"null",true,false,""],\n[1,1,1,12,false,false," late "]\n]}\n'
)


def test_texts_of_adv2_stay_as_they_are_and_an_empty_comment_is_one(tmp_path: Path) -> None:
    (tmp_path / "deMeasles01.adv2.json").write_text(BY_HAND, encoding="utf-8")
    outcome = write(tmp_path, scan_adv2(tmp_path))
    assert outcome.folder
    assert files(outcome.folder) == {"deMeasles01.adv2.json": BY_HAND.encode()}
    assert list(outcome.findings) == []


def test_a_frame_with_names_from_metadata_comes_back_as_well(tmp_path: Path) -> None:
    group = '{"ds":"dsMonthly01","de":"deVisits001","pe":"202401","ou":"ouClinicA01","size":1,"data":[\n["07"]\n]}\n'
    (tmp_path / "deVisits001.adv2.json").write_text(group, encoding="utf-8")
    named = scan_adv2(tmp_path, load_metadata(FIXTURES / "metadata" / "metadata.json"))
    assert {"org_unit_name", "level_1", "period_end"} <= set(named.collect_schema().names())
    outcome = write(tmp_path, named)
    assert outcome.folder
    assert files(outcome.folder) == {"deVisits001.adv2.json": group.encode()}
    assert list(outcome.findings) == []


def test_columns_that_follow_from_others_are_skipped_silently(tmp_path: Path) -> None:
    (tmp_path / "deMeasles01.adv2.json").write_text(BY_HAND, encoding="utf-8")
    made = read_adv2(tmp_path).with_columns(
        data_element_name=pl.lit("Measles"), org_unit_code=pl.lit("A01"), level_1=pl.lit("Country"),
        period_start=date(2024, 1, 1), source=pl.lit("file"), row=pl.lit(7),
    )  # fmt: skip
    outcome = write(tmp_path, made)
    assert outcome.folder
    assert files(outcome.folder) == {"deMeasles01.adv2.json": BY_HAND.encode()}
    assert list(outcome.findings) == []


WRITTEN = [
    (pl.Series([12.0, -0.0, 0.1, 123456789012345.0]), [12, 0, 0.1, 123456789012345]),
    (pl.Series([1e15]), ["1000000000000000"]),
    (pl.Series([12.5, 0.1], dtype=pl.Float32), [12.5, 0.1]),
    (pl.Series([2**63], dtype=pl.UInt64), ["9223372036854775808"]),
    (pl.Series(["12.50", "-0.05"]).cast(pl.Decimal(12, 2)), ["12.50", -0.05]),
    (pl.Series([True, False]), [True, False]),
    (pl.Series(["a", "b"]).cast(pl.Categorical), ["a", "b"]),
    (pl.Series([date(2024, 2, 29)]), ["2024-02-29"]),
    (pl.Series([datetime(2024, 2, 29, 14, 30)]), ["2024-02-29T14:30:00"]),
    (pl.Series([time(14, 30)]), ["14:30"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), WRITTEN, ids=lambda item: str(getattr(item, "dtype", "")))
def test_a_value_of_any_type_is_the_text_that_a_person_would_write(
    given: pl.Series, expected: list[Any], tmp_path: Path
) -> None:
    made = frame(value=given, categoryOptionCombo=[f"coc{i}" for i in range(len(given))])
    assert [row[-1] for row in rows(write(tmp_path, made))] == expected


REJECTED = [
    ({"value": [0.1 + 0.2]}, "TP315", "value", "0.30000000000000004"),
    ({"value": [1e-7]}, "TP315", "value", "1e-7"),
    ({"value": [float("nan")]}, "TP315", "value", "NaN"),
    ({"value": [float("-inf")]}, "TP315", "value", "-inf"),
    ({"value": pl.Series([16777217.0], dtype=pl.Float32)}, "TP315", "value", "16777216.0"),
    ({"value": ["1"], "period": [202401.5]}, "TP304", "period", "202401.5"),
    ({"value": ["1"], "period": [date(2024, 1, 1)]}, "TP316", "period", "2024-01-01"),
    ({"value": ["1"], "orgUnit": [date(2024, 1, 1)]}, "TP316", "orgUnit", "2024-01-01"),
    ({"value": [datetime(2024, 1, 1, tzinfo=UTC)]}, "TP316", "value", "2024-01-01T00:00:00+00:00"),
    ({"value": ["a\0b"]}, "TP310", "value", "a\\x00b"),
    ({"value": ["\0f1"]}, "TP310", "value", "\\x00f1"),
    ({"value": ["1"], "deleted": [2]}, "TP308", "deleted", "2"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "code", "field", "found"), REJECTED)
def test_what_would_be_a_guess_is_rejected_with_its_place(
    columns: dict[str, Any], code: str, field: str, found: str, tmp_path: Path
) -> None:
    good = frame(value=["1"], dataElement=["deVisits001"]).select("dataElement")
    made = pl.concat([frame(**columns), good], how="diagonal")
    first, second = rejects(write(tmp_path, made))
    assert (first["code"], first["row"], first["field"], first["found"]) == (code, 0, field, found)
    assert finding_codes.CODES[code].severity == "error"
    assert (second["code"], second["row"]) == ("TP306", 1)


UNREADABLE = [
    (pl.DataFrame({"period": ["202401"], "value": ["1"]}), "TP113", "no column is called dataElement"),
    (frame(value=[["1"]]), "TP133", "a column holds what has no text"),
    (frame(value=[b"1"]), "TP133", "a column holds what has no text"),
    (frame(value=[{"a": 1}]), "TP133", "a column holds what has no text"),
]


@pytest.mark.parametrize(("made", "code", "said"), UNREADABLE)
def test_a_frame_whose_columns_are_not_those_of_values_is_refused(
    made: pl.DataFrame, code: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        write_adv2(made, tmp_path / "out")
    assert (caught.value.finding.code, caught.value.finding.source) == (code, "frame")
    assert said in caught.value.finding.message
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    write_adv2(frame(value=["1"]), tmp_path / "out")
    with pytest.raises(Refused):
        write_adv2(frame(value=["2"]), tmp_path / "out")
    assert rows(write(tmp_path, frame(value=["3"]))) == [[3]]


def test_rows_are_found_again_in_any_chunk(tmp_path: Path) -> None:
    made = pl.concat([frame(value=["1"] * 20_000), frame(value=["1"], period=["202413"]), frame(value=["2"] * 20_000)])
    outcome = write(tmp_path, made, name="sheet")
    (found,) = rejects(outcome)
    assert (found["row"], found["code"], found["source"]) == (20_000, "TP304", "sheet")


def test_a_frame_of_no_rows_gives_a_folder_without_groups(tmp_path: Path) -> None:
    outcome = write(tmp_path, frame(value=["1"]).clear())
    assert outcome.manifest
    assert outcome.manifest["values"]["read"] == 0


def test_columns_of_one_name_are_refused_where_the_frame_allows_none(tmp_path: Path) -> None:
    twice = pa.table([["a"], ["b"], ["c"]], names=["dataElement", "value", "value"])
    with pytest.raises(SourceUnreadable, match="TP133"):
        write_adv2(twice, tmp_path / "out")
