"""The real file: 188,701 values of the public DHIS2 demo, in every format and under every setting.

The file is not part of the project. `TALLYPORT_DATA` names the folder that has it, by default ../shared/data.
"""

from __future__ import annotations

import csv
import gc
import gzip
import io
import json
import random
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest import mock
from xml.sax.saxutils import escape, quoteattr

import orjson
import pytest

from support.places import DATA
from support.running import check_whole
from tallyport import Outcome, convert
from tallyport_converters import convert as converting
from twin import adv2

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FILE = DATA / "sierra-leone-values.json.gz"
VALUES = 188_701

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason=f"{FILE.name} is not in {DATA}: set TALLYPORT_DATA to the folder that has it"
)

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    read: list[Row] = json.loads(gzip.decompress(FILE.read_bytes()))["dataValues"]
    gc.freeze()  # or each collection would walk through two million objects
    return read


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return converted_from(FILE, tmp_path_factory.mktemp("converted"))


@pytest.fixture(scope="module")
def written(converted: Outcome) -> dict[str, bytes]:
    return adv2_files(converted)


def converted_from(source: Path, folder: Path, **options: Any) -> Outcome:
    report = convert([source], folder / "out", **options)
    (outcome,) = report.sources
    assert outcome.error is None, outcome.error
    assert outcome.folder is not None
    check_whole(outcome.folder)
    return outcome


def adv2_files(outcome: Outcome) -> dict[str, bytes]:
    assert outcome.folder is not None
    unpacked: dict[str, bytes] = {}
    for path in sorted(outcome.folder.glob("*.adv2.json*")):
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        elif path.suffix == ".zst":
            data = zstd.decompress(data)
        unpacked[re.sub(r"\.(gz|zst)$", "", path.name)] = data
    return unpacked


def values_of(outcome: Outcome) -> Mapping[str, int]:
    assert outcome.manifest is not None
    found: Mapping[str, int] = outcome.manifest["values"]
    return found


def as_json(rows: Sequence[Row]) -> Iterator[bytes]:
    yield orjson.dumps({"dataValues": rows})


def as_csv(rows: Sequence[Row]) -> Iterator[bytes]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    yield re.sub("True|False", lambda flag: flag[0].lower(), out.getvalue()).encode()


@lru_cache(100_000)
def attribute(name: str, text: str | bool | None) -> str:
    if isinstance(text, bool):
        text = str(text).lower()
    return f" {name}={quoteattr(text)}" if text else ""


def attributes(row: Mapping[str, Any]) -> str:
    return "".join(attribute(name, text) for name, text in row.items())


def as_xml(rows: Sequence[Row]) -> Iterator[bytes]:
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">\n'
    yield from (f"<dataValue{attributes(row)}/>\n".encode() for row in rows)
    yield b"</dataValueSet>\n"


def as_adx(rows: Sequence[Row]) -> Iterator[bytes]:
    """Groups of a month, org unit and attribute option combo; what is no number is an annotation."""
    shared = ("period", "orgUnit", "attributeOptionCombo")
    yield b'<adx xmlns="urn:ihe:qrph:adx:2015" exported="2025-12-31T00:00:00Z">\n'
    for key, members in groupby(
        sorted(rows, key=lambda row: [row[name] for name in shared]), lambda row: [row[name] for name in shared]
    ):
        month, unit, combo = key
        group = {"period": f"{month[:4]}-{month[4:]}-01/P1M", "orgUnit": unit, "attributeOptionCombo": combo}
        yield f"<group{attributes(group)}>\n".encode()
        for row in members:
            own = {name: row[name] for name in row if name not in shared}
            if re.fullmatch(r"-?\d+(\.\d+)?", row["value"]):
                yield f"<dataValue{attributes(own)}/>\n".encode()
            else:
                text = f"<annotation>{escape(row['value'])}</annotation>"
                yield f"<dataValue{attributes({**own, 'value': '0'})}>{text}</dataValue>\n".encode()
        yield b"</group>\n"
    yield b"</adx>\n"


def write(path: Path, parts: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(parts)
    return path


def test_every_value_is_written_superseded_or_rejected(converted: Outcome) -> None:
    assert values_of(converted) == {"read": VALUES, "written": VALUES, "superseded": 0, "rejected": 0}
    assert converted.exit_code == 0


def test_there_are_43_data_elements_in_at_most_2_9_mb(converted: Outcome, written: dict[str, bytes]) -> None:
    assert converted.manifest is not None
    assert len({group["de"] for group in converted.manifest["groups"]}) == len(written) == 43
    assert sum(map(len, written.values())) <= 2_900_000


def test_an_independent_reader_finds_the_values_of_the_source(rows: list[Row], written: dict[str, bytes]) -> None:
    expected = {
        (
            None,
            row["dataElement"],
            row["period"],
            row["orgUnit"],
            row["categoryOptionCombo"],
            row["attributeOptionCombo"],
        ): adv2.Payload(row["value"], False, row["followup"] or None, row["comment"] or None)
        for row in rows
    }
    assert len(expected) == VALUES
    assert adv2.values(written.values()) == expected


def test_what_has_no_place_is_counted(rows: list[Row], converted: Outcome) -> None:
    assert converted.manifest is not None
    told = {
        name: sum(row.get(name) not in (None, "") for row in rows) for name in ("created", "lastUpdated", "storedBy")
    }
    unflagged = sum(row["followup"] is False for row in rows)
    assert converted.manifest["dropped"] == {**told, "followup=false": unflagged}


@pytest.mark.parametrize("source_format", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["in_order", "shuffled"])
def test_every_format_in_any_order_of_rows_gives_the_same_bytes(
    source_format: str, shuffled: bool, rows: list[Row], written: dict[str, bytes], tmp_path: Path
) -> None:
    writers = {"dxf-json": as_json, "dxf-csv": as_csv, "dxf-xml": as_xml, "adx": as_adx}
    some = random.Random(1).sample(rows, len(rows)) if shuffled else rows
    source = write(tmp_path / "values", writers[source_format](some))
    outcome = converted_from(source, tmp_path, id_schemes={"": "UID"})
    assert outcome.manifest is not None
    assert outcome.manifest["source"]["format"] == source_format
    assert values_of(outcome) == {"read": VALUES, "written": VALUES, "superseded": 0, "rejected": 0}
    assert adv2_files(outcome) == written


@pytest.mark.parametrize("compression", ["plain", "gzip", "zip", "zstd"])
def test_every_compression_of_the_source_gives_the_same_bytes(
    compression: str, written: dict[str, bytes], tmp_path: Path
) -> None:
    data = gzip.decompress(FILE.read_bytes())
    source = tmp_path / "values"
    if compression == "zip":
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("values.json", data)
    else:
        packers: dict[str, Callable[[bytes], bytes]] = {
            "plain": bytes,
            "gzip": lambda data: gzip.compress(data, 1),
            "zstd": lambda data: zstd.compress(data, 1),
        }
        source.write_bytes(packers[compression](data))
    assert adv2_files(converted_from(source, tmp_path)) == written


@pytest.mark.parametrize("memory_bytes", [200_000, 2_000_000])
@pytest.mark.parametrize("jobs", [1, 2])
def test_neither_jobs_nor_memory_change_a_byte(
    jobs: int, memory_bytes: int, written: dict[str, bytes], tmp_path: Path
) -> None:
    assert adv2_files(converted_from(FILE, tmp_path, jobs=jobs, memory_bytes=memory_bytes)) == written


@pytest.mark.parametrize("memory_bytes", [200_000, 256 << 20])
@pytest.mark.parametrize("block_bytes", [30_011, 1 << 27])
def test_the_size_of_blocks_does_not_change_a_byte(
    block_bytes: int, memory_bytes: int, written: dict[str, bytes], tmp_path: Path
) -> None:
    with mock.patch.object(converting, "BLOCK_BYTES", block_bytes):
        assert adv2_files(converted_from(FILE, tmp_path, memory_bytes=memory_bytes)) == written


@pytest.mark.parametrize("compress", ["gz", "zst"])
def test_compressed_files_hold_the_same_bytes(compress: str, written: dict[str, bytes], tmp_path: Path) -> None:
    outcome = converted_from(FILE, tmp_path, compress=compress)
    assert outcome.folder is not None
    assert {path.suffix for path in outcome.folder.glob("*.adv2.json*")} == {f".{compress}"}
    assert adv2_files(outcome) == written


def test_a_single_file_holds_the_same_groups(written: dict[str, bytes], tmp_path: Path) -> None:
    outcome = converted_from(FILE, tmp_path, layout="single")
    (data,) = adv2_files(outcome).values()
    assert data == b"[\n" + b",\n".join(file.rstrip(b"\n") for file in written.values()) + b"\n]\n"


def test_the_last_of_the_same_key_wins_and_the_others_are_counted(
    rows: list[Row], written: dict[str, bytes], tmp_path: Path
) -> None:
    lost = [{**row, "value": "lost", "comment": "lost"} for row in rows[::100]]
    outcome = converted_from(write(tmp_path / "values", as_json([*lost, *lost, *rows])), tmp_path)
    read = VALUES + 2 * len(lost)
    assert values_of(outcome) == {"read": read, "written": VALUES, "superseded": 2 * len(lost), "rejected": 0}
    assert adv2_files(outcome) == written


def test_rejected_values_are_named_with_their_own_fields(
    rows: list[Row], written: dict[str, bytes], tmp_path: Path
) -> None:
    spoilt = {100 * i: {**row, "period": "202513"} for i, row in enumerate(rows[:1_000])}
    mixed = list(rows)
    for place, row in spoilt.items():
        mixed.insert(place, row)
    outcome = converted_from(write(tmp_path / "values", as_json(mixed)), tmp_path, memory_bytes=2_000_000)
    assert outcome.exit_code == 1
    assert values_of(outcome) == {"read": len(mixed), "written": VALUES, "superseded": 0, "rejected": len(spoilt)}
    assert adv2_files(outcome) == written
    assert outcome.folder is not None
    rejects = [json.loads(line) for line in (outcome.folder / "rejects.ndjson").read_bytes().splitlines()]
    assert [(found["code"], found["row"]) for found in rejects] == [("TP304", place) for place in sorted(spoilt)]
    assert all(found["original"] == mixed[found["row"]] for found in rejects)
