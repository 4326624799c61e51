"""ADV2 for DuckDB and pyarrow: one table of all values, read as it is asked for, without polars."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from tallyport import Finding, SourceUnreadable, open_adv2, read_adv2
from tallyport_converters.adv2 import file as reading

VISITS = (
    '{"de":"deVisits001","pe":["202501","202502"],"ou":["ouClinicA01","ouClinicB01"],"coc":["cocOutreach","cocFixed001"],'
    '"size":4,"data":[[0,0,0,12],[0,1,1,"07",false,true],[1,1,0,null,true,false,"closed"],'
    '[1,1,1,"a text that is longer than a view","","",""]]}'
).replace(',"","",""', ',false,null,"and a comment that is, too"')
BY_AGE = (
    '{"ds":"dsForm00001","de":"deMeasles01","pe":"202501","ou":"an organisation unit by its name, in full",'
    '"ids":{"ou":"NAME"},"co":{"Age":["<5","5+"]},"aoc":"aocDonor001","size":2,"data":[[0,"1.50"],[1,"late"]]}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.adv2.json").write_text(BY_AGE)
    (tmp_path / "b.adv2.json").write_text(VISITS)
    return tmp_path


def test_pyarrow_duckdb_and_polars_take_what_scan_gives(folder: Path) -> None:
    values, expected = open_adv2(folder), read_adv2(folder)
    assert pa.table(values).to_pylist() == expected.to_dicts()
    assert duckdb.connect().execute("from values").fetchall() == expected.rows()
    assert_frame_equal(pl.DataFrame(values), expected)


def test_texts_are_plain_text_and_numbers_are_doubles(folder: Path) -> None:
    schema = pa.schema(open_adv2(folder))
    kinds = {"number": pa.float64(), "deleted": pa.bool_(), "followup": pa.bool_()}
    assert {field.name: field.type for field in schema} == {name: kinds.get(name, pa.string()) for name in schema.names}
    assert schema.names == read_adv2(folder).columns


def test_it_is_read_without_polars(folder: Path) -> None:
    program = (
        "import sys, pyarrow, duckdb; from tallyport import open_adv2; values = open_adv2(sys.argv[1]);"
        "print(pyarrow.table(values).num_rows, len(duckdb.sql('from values').fetchall()),"
        "'polars' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["6", "6", "False"]


def test_batches_are_read_as_they_are_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 50)
    values = open_adv2(folder)
    reader = pa.RecordBatchReader.from_stream(values)
    first = reader.read_next_batch()
    assert values._files.counts.rows == first.num_rows < 6
    assert first.num_rows + sum(batch.num_rows for batch in reader) == 6


def test_a_stream_that_is_not_read_to_its_end_lets_go_of_its_files(folder: Path) -> None:
    for is_begun in (False, True):
        values = open_adv2(folder)
        gone = weakref.ref(values)
        stream = values.__arrow_c_stream__()
        if is_begun:
            reader = pa.RecordBatchReader._import_from_c_capsule(stream)
            reader.read_next_batch()
            del reader
        del values, stream
        gc.collect()
        assert gone() is None


def test_it_may_be_read_again(folder: Path) -> None:
    values = open_adv2(folder)
    assert pa.table(values).equals(pa.table(values))
    assert [rows.header.de for rows in values] == [rows.header.de for rows in values] == ["deMeasles01", "deVisits001"]


def test_an_invalid_row_is_an_error_with_its_place_or_is_omitted_where_somebody_takes_it(folder: Path) -> None:
    (folder / "b.adv2.json").write_text(VISITS.replace("[0,0,0,12]", "[0,0,7,12]"))
    told = r'TP605.*\(b.adv2.json, row 0, field "coc"\): found 7, expected 0 to 1'
    with pytest.raises(OSError, match=told):
        pa.table(open_adv2(folder))
    values = open_adv2(folder)
    with pytest.raises(duckdb.Error, match=told):
        duckdb.connect().execute("select count(value) from values").fetchall()
    found: list[Finding] = []
    assert pa.table(open_adv2(folder, on_invalid=found.append)).num_rows == 5
    assert [each.code for each in found] == ["TP605"]
    del values


def test_what_is_no_adv2_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    values = open_adv2(tmp_path / "missing.adv2.json")
    for read in (pa.table, list):
        with pytest.raises(SourceUnreadable):
            read(values)
