"""Parquet and Arrow files: wherever their bytes come from, whatever is wrong with them, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.checking import checked_convert
from support.running import run
from tallyport import Outcome, OutsideFailed, convert
from tallyport_converters.readers.tables import columnar_file
from tallyport_converters.sources import Source, meter


def table(rows: int, **columns: Any) -> pa.Table:
    """Return a table of values, each of a data element of its own."""
    usual = {
        "dataElement": [f"deElement{number:05}" for number in range(rows)],
        "period": ["202401"] * rows,
        "orgUnit": ["ouClinicA01"] * rows,
        "value": [str(number) for number in range(rows)],
    }
    return pa.table({**usual, **columns})


def parquet(made: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(made, out, **options)
    return out.getvalue()


def arrow(made: pa.Table, stream: bool) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, made.schema) if stream else pa.ipc.new_file(out, made.schema) as into:
        into.write_table(made, max_chunksize=7)
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("values", data)
    return out.getvalue()


def converted(data: bytes, folder: Path, **options: Any) -> Outcome:
    (folder / "values").write_bytes(data)
    (outcome,) = checked_convert([folder / "values"], folder / "out", overwrite=True, **options).sources
    return outcome


FILES: Mapping[str, Callable[[pa.Table], bytes]] = {
    "parquet": parquet,
    "parquet in small row groups": lambda made: parquet(made, row_group_size=7),
    "arrow": lambda made: arrow(made, stream=False),
    "an arrow stream": lambda made: arrow(made, stream=True),
    "parquet in gzip": lambda made: gzip.compress(parquet(made)),
    "arrow in a zip": lambda made: zipped(arrow(made, stream=False)),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_table_is_detected_by_its_content_and_read_in_any_packing(kind: str, tmp_path: Path) -> None:
    made = table(50, period=["202401"] * 40 + ["202413"] + ["202401"] * 9)
    outcome = converted(FILES[kind](made), tmp_path)
    assert outcome.manifest
    assert outcome.manifest["source"]["format"] == ("parquet" if "parquet" in kind else "arrow")
    assert outcome.manifest["values"] == {"read": 50, "written": 49, "superseded": 0, "rejected": 1}
    assert outcome.folder
    assert json.loads((outcome.folder / "rejects.ndjson").read_bytes())["row"] == 40


def test_a_table_comes_from_standard_input(tmp_path: Path) -> None:
    done = run("convert", "-", "-o", "out", "--json", stdin=parquet(table(3)), cwd=tmp_path)
    assert json.loads(done.stdout)["sources"][0]["values"]["written"] == 3


def test_a_format_that_is_said_is_the_one_that_is_read(tmp_path: Path) -> None:
    outcome = converted(b"not a table at all", tmp_path, source_format="parquet")
    assert outcome.error
    assert outcome.error.code == "TP133"


@pytest.mark.parametrize("kind", ["parquet", "arrow", "an arrow stream"])
def test_a_file_that_was_cut_anywhere_is_refused_or_read_as_far_as_it_says(kind: str, tmp_path: Path) -> None:
    whole = FILES[kind](table(20))
    for size in range(9, len(whole), len(whole) // 12):
        outcome = converted(whole[:size], tmp_path)
        if outcome.error:
            assert outcome.error.code in ("TP133", "TP103"), size
        else:
            assert kind == "an arrow stream", "a stream may end behind any batch"


def test_a_very_long_text_that_many_rows_share_is_read_in_small_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dictionary holds it once: as plain text, a chunk of such rows would take gigabytes."""
    long = pa.array(["x" * 200_000] * 400).dictionary_encode()
    data = parquet(table(400, comment=long))
    monkeypatch.setattr(meter, "UNPACKED_RATIO", 100)
    assert len(data) < 60_000
    (tmp_path / "values").write_bytes(data)
    with Source.open(tmp_path / "values") as source:
        sizes = [chunk.estimated_size() for chunk in columnar_file.ColumnarFile(source, "parquet").chunks()]
    assert max(sizes) < 64 << 20
    outcome = converted(data, tmp_path)
    assert outcome.error
    assert outcome.error.code == "TP105"


def test_rows_out_of_proportion_to_the_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "UNPACKED_FREE_BYTES", 1_000)
    monkeypatch.setattr(meter, "UNPACKED_RATIO", 2)
    made = table(10_000, dataElement=["deMeasles01"] * 10_000, value=["1"] * 10_000)
    outcome = converted(parquet(made), tmp_path)
    assert outcome.error
    assert outcome.error.code == "TP105"


def test_a_part_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "values").write_bytes(parquet(table(1)))
    with pytest.raises(OutsideFailed) as caught:
        convert([tmp_path / "values"], tmp_path / "out")
    assert (caught.value.finding.code, caught.value.finding.found) == ("TP809", "pyarrow")
    assert "tallyport[tables]" in (caught.value.finding.help or "")


def test_two_columns_of_one_name_are_read_as_in_csv(tmp_path: Path) -> None:
    names = ["dataElement", "period", "orgUnit", "value", "value"]
    data = arrow(pa.table([["a"], ["202401"], ["b"], ["1"], ["2"]], names=names), stream=True)
    outcome = converted(data, tmp_path)
    assert [found.code for found in outcome.findings] == ["TP408"]
    assert outcome.folder
    assert b"[2]" in (outcome.folder / "a.adv2.json").read_bytes()
