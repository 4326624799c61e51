"""Rows of ADV2 in columns, as polars, pyarrow and DuckDB take them: equal to the twin's reading, freed once."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.places import DATA, FIXTURES
from tallyport import SourceUnreadable, convert, open_adv2
from tallyport_converters.adv2 import file as reading
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.native.row_batch import ArrowBatch, ArrowBatches
from twin import adv2

HEAD = '{"de":"deVisits001","pe":["202501","202502"],"ou":"ouClinicA01","coc":["cocOutreach","cocFixed001"]'
ROWS = '[0,0,12],[0,1,7,false,true],[1,0,"a\\tb",false,null,"caf\\u00e9"],[1,1,null,true,false,""]'
COLUMNS = {
    "row": [0, 1, 2, 3],
    "pe": [0, 0, 1, 1],
    "ou": [0, 0, 0, 0],
    "coc": [0, 1, 0, 1],
    "value": ["12", "7", "a\tb", None],
    "deleted": [False, False, False, True],
    "followup": [None, True, None, False],
    "comment": [None, None, "café", ""],
}


def group(folder: Path, text: str = f'{HEAD},"size":4,"data":[{ROWS}]}}') -> Path:
    path = folder / "group.adv2.json"
    path.write_text(text)
    return path


def only(path: Path) -> tuple[RowBatches, ArrowBatches]:
    """Read the one group of a file."""
    ((rows, table),) = [(rows, rows.read_all()) for rows in open_adv2(path)]
    return rows, table


def batch(folder: Path) -> ArrowBatch:
    (found,) = [made for rows in open_adv2(group(folder)) for made in rows]
    return found


def test_polars_pyarrow_and_duckdb_take_the_same_columns(tmp_path: Path) -> None:
    _, batches = only(group(tmp_path))
    assert pl.DataFrame(batches).to_dict(as_series=False) == COLUMNS
    assert pa.table(batches).to_pydict() == COLUMNS
    found = duckdb.connect().execute("select * from batches").fetchall()
    assert found == list(zip(*COLUMNS.values(), strict=True))


def test_columns_have_the_types_that_are_documented(tmp_path: Path) -> None:
    _, table = only(group(tmp_path))
    schema = pa.schema(table)
    of_keys = [pa.field("row", pa.int64(), False), *(pa.field(name, pa.int32(), False) for name in ("pe", "ou", "coc"))]
    behind = {"value": pa.string(), "deleted": pa.bool_(), "followup": pa.bool_(), "comment": pa.string()}
    assert list(schema) == [*of_keys, *(pa.field(name, kind) for name, kind in behind.items())]


def test_a_batch_reads_the_same_without_arrow(tmp_path: Path) -> None:
    rows = batch(tmp_path)
    assert {name: rows.integers(name) for name in ("row", "pe", "ou", "coc")} == {
        name: COLUMNS[name] for name in ("row", "pe", "ou", "coc")
    }
    assert [rows.texts("value"), rows.texts("comment")] == [COLUMNS["value"], COLUMNS["comment"]]
    assert [rows.flags("deleted"), rows.flags("followup")] == [COLUMNS["deleted"], COLUMNS["followup"]]


def test_ignored_rows_have_no_place_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    text = f'{HEAD},"size":4,"data":[[0,0,1],[0,9,2],[0,1,""],[1,0,"x"]]}}'
    rows, table = only(group(tmp_path, text))
    assert pl.DataFrame(table)["row"].to_list() == [0, 3]
    assert rows.counts == (4, 2, 2)
    assert [(found.code, found.row) for found in rows.findings] == [("TP605", 1), ("TP609", 2)]


def test_a_group_without_accepted_rows_is_an_empty_table(tmp_path: Path) -> None:
    for data in ("", ',"data":[]'):
        _, table = only(group(tmp_path, f'{HEAD},"size":0{data}}}'))
        assert pl.DataFrame(table).columns == list(COLUMNS)
        assert pa.table(table).num_rows == 0


def test_an_undo_has_who_stored_a_value_and_when(tmp_path: Path) -> None:
    text = (
        '{"de":"deVisits001","pe":"202501","ou":"ouClinicA01","undo":"2025-01-31 14:30:00","size":1,"data":'
        '[["",false,null,null,"amina","2025-01-01 00:00:00","2025-01-02 00:00:00.5"]]}'
    )
    _, table = only(group(tmp_path, text))
    frame = pl.DataFrame(table)
    assert frame.select("value", "stored_by", "created", "last_updated").rows() == [
        ("", "amina", "2025-01-01 00:00:00", "2025-01-02 00:00:00.5")
    ]


# --- Any rows at all -------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PAYLOADS = st.tuples(
    st.one_of(st.integers().map(str), TEXTS.filter(bool)),
    st.booleans(),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), TEXTS),
)
SIZES = st.lists(st.sampled_from([1, 2, 3, 11]), min_size=0, max_size=3)


@st.composite
def groups(draw: st.DrawFn) -> tuple[str, Mapping[str, list[Any]]]:
    """An ADV2 group in loose writing, and its columns."""
    sizes = [draw(st.sampled_from([1, 2, 12])) for _ in "12"] + draw(SIZES)
    keys = sorted(draw(st.sets(st.tuples(*(st.integers(0, size - 1) for size in sizes)), max_size=30)))
    payloads = [draw(PAYLOADS) for _ in keys]
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    ascii_only = draw(st.booleans())
    categories = [f"C{i}" for i in range(len(sizes) - 2)]
    header: dict[str, Any] = {"de": "deVisits001", "pe": [f"{2000 + i}01" for i in range(sizes[0])]}
    header["ou"] = [f"ouClinic{i:03}" for i in range(sizes[1])]
    header["ids"] = "CODE"
    if categories:
        header["co"] = {
            name: [f"{name}-{i}" for i in range(size)] for name, size in zip(categories, sizes[2:], strict=True)
        }
    header["size"] = len(keys)
    rows = []
    for key, (value, deleted, followup, comment) in zip(keys, payloads, strict=True):
        element = (
            value if value.lstrip("-").isdigit() and value.isascii() else json.dumps(value, ensure_ascii=ascii_only)
        )
        row = [str(index) for index, size in zip(key, sizes, strict=True) if size > 1]
        tail = [(deleted, False), (followup, None), (comment, None)]
        while tail and tail[-1][0] is tail[-1][1] and draw(st.booleans()):
            tail.pop()
        row += [element, *(json.dumps(given, ensure_ascii=ascii_only) for given, _ in tail)]
        rows.append("[" + space + f"{space},{space}".join(row) + space + "]")
    text = json.dumps(header, ensure_ascii=ascii_only)[:-1] + f',"data":[{f"{space},".join(rows)}]}}'
    names = ["pe", "ou", *(f"co.{name}" for name in categories)]
    columns: dict[str, list[Any]] = {"row": list(range(len(keys)))}
    columns |= {name: [key[at] for key in keys] for at, name in enumerate(names)}
    columns |= {
        name: [given[at] for given in payloads] for at, name in enumerate(("value", "deleted", "followup", "comment"))
    }
    return text, columns


@given(groups())
def test_any_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, made: tuple[str, Any]) -> None:
    text, columns = made
    rows, table = only(group(tmp_path_factory.getbasetemp(), text))
    assert pl.DataFrame(table).to_dict(as_series=False) == columns
    assert not rows.findings


# --- Real files, against the twin ------------------------------------------------------------------------------------


def named(rows: RowBatches) -> Iterator[tuple[adv2.Key, adv2.Payload]]:
    """Yield the rows of a group as the twin has them."""
    header = rows.header
    options = len(header.co.options) if header.co else 1 if header.coc else 0
    frame = pl.DataFrame(rows.read_all())
    names = [[of[index] for index in frame[dimension]] for dimension, of in header.dimensions]
    payloads = map(adv2.Payload, frame["value"], frame["deleted"], frame["followup"], frame["comment"])
    for (period, unit, *combos), payload in zip(zip(*names, strict=True), payloads, strict=True):
        coc, aoc = combos[:options], combos[options:]
        key = (header.ds, header.de, period, unit, _combo(header.co, coc), _combo(header.ao, aoc))
        yield key, payload


def _combo(options: Any, names: list[str]) -> object:
    if not names:
        return None
    return tuple(zip(options.categories or map(str, range(len(names))), names, strict=True)) if options else names[0]


def check(files: Iterable[Path]) -> None:
    """Compare what files hold with what the twin reads of them."""
    for path in files:
        assert {key: row for rows in open_adv2(path) for key, row in named(rows)} == adv2.values([path.read_bytes()]), (
            path
        )


def test_fixtures_read_as_the_twin_reads_them(tmp_path: Path) -> None:
    for kind in ("dxf-json", "adx"):
        sources = [path for path in (FIXTURES / kind).iterdir() if "expected" not in path.name]
        convert(sorted(sources), tmp_path / kind)
    files = list(tmp_path.rglob("*.adv2.json"))
    assert len(files) > 80
    check(files)


@pytest.mark.skipif(not (DATA / "sierra-leone-values.json.gz").exists(), reason="the public values are not there")
def test_the_values_of_sierra_leone_read_as_the_twin_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 10_000)  # many batches for a group
    convert([DATA / "sierra-leone-values.json.gz"], tmp_path / "out")
    check(sorted((tmp_path / "out").rglob("*.adv2.json"))[::8])


# --- Memory ----------------------------------------------------------------------------------------------------------


def test_capsules_that_nobody_reads_are_freed(tmp_path: Path) -> None:
    rows = batch(tmp_path)
    _, table = only(group(tmp_path))
    for _ in range(100):
        rows.__arrow_c_array__()
        rows.__arrow_c_schema__()
        table.__arrow_c_stream__()


def test_what_was_handed_over_outlives_the_batch(tmp_path: Path) -> None:
    rows = batch(tmp_path)
    array, frame = pa.record_batch(rows), pl.DataFrame(rows)
    capsules = rows.__arrow_c_array__()
    rows.close()
    gc.collect()
    assert array.to_pydict() == frame.to_dict(as_series=False) == COLUMNS
    assert pa.RecordBatch._import_from_c_capsule(*capsules).to_pydict() == COLUMNS


def test_a_column_outlives_all_others(tmp_path: Path) -> None:
    array = pa.record_batch(batch(tmp_path))
    column = array.column("value")
    del array
    gc.collect()
    assert column.to_pylist() == COLUMNS["value"]


def test_a_stream_outlives_its_batches_and_may_be_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 20)
    _, table = only(group(tmp_path))
    assert len(table.batches) > 2
    reader = pa.RecordBatchReader.from_stream(table)
    del table
    gc.collect()
    first = reader.read_next_batch()
    reader.close()
    assert first.num_rows < 4


def test_a_group_of_any_size_is_read_in_batches_of_bounded_memory(tmp_path: Path) -> None:
    rows, units = 300_000, 1_000
    head = json.dumps(
        {"de": "deVisits001", "pe": "202501", "ou": [f"ouClinic{i:03}" for i in range(units)], "ids": "CODE"}
    )
    combos = json.dumps([f"coc{i}" for i in range(rows // units)])
    data = ",".join(f"[{i // (rows // units)},{i % (rows // units)},7]" for i in range(rows))
    for found in open_adv2(group(tmp_path, f'{head[:-1]},"coc":{combos},"size":{rows},"data":[{data}]}}')):
        sizes = [(len(made), made.size_bytes) for made in found]
    assert sum(count for count, _ in sizes) == rows
    assert len(sizes) > 2
    assert max(size for _, size in sizes) < 6_000_000


def test_a_capsule_is_read_once_and_a_batch_as_often_as_wanted(tmp_path: Path) -> None:
    rows = batch(tmp_path)
    schema, array = rows.__arrow_c_array__()
    pa.RecordBatch._import_from_c_capsule(schema, array)
    with pytest.raises(pa.ArrowInvalid, match="released"):
        pa.RecordBatch._import_from_c_capsule(rows.__arrow_c_schema__(), array)
    assert pa.record_batch(rows).equals(pa.record_batch(rows))


def test_a_capsule_is_freed_while_an_error_is_raised(tmp_path: Path) -> None:
    rows = batch(tmp_path)
    with pytest.raises(ValueError, match="PyCapsule"):
        pa.RecordBatch._import_from_c_capsule(*rows.__arrow_c_array__()[::-1])  # nothing else holds the capsules
    assert pa.record_batch(rows).to_pydict() == COLUMNS


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_rows_of_a_group_are_refused_once_the_file_has_gone_on(tmp_path: Path) -> None:
    one = f'{HEAD},"size":4,"data":[{ROWS}]}}'
    first, second = open_adv2(group(tmp_path, f"[{one},{one}]"))
    for rows in (first, second):
        with pytest.raises(RuntimeError, match="read on"):
            rows.read_all()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f'{HEAD},"size":3,"data":[{ROWS}]}}', "TP514"),
        (f'{HEAD},"size":4,"data":[{ROWS}],"ds":"x"}}', "TP510"),
        (f'{HEAD},"size":4,"data":[{ROWS}', "TP108"),
        ('{"pe":"202501","ou":"ouClinicA01","size":0}', "TP503"),
    ],
    ids=["size", "behind the rows", "cut", "header"],
)
def test_a_file_that_is_wrong_is_refused(text: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        only(group(tmp_path, text))
    assert refused.value.finding.code == code
