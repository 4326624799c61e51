"""What is written, held and done stays in proportion to what is read, whatever a file says and however often.

Each kind of input grows from a size to four times of it: output stays within a multiple of the input (or the run ends
in a finding), and neither calls nor memory grow faster than the input.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.running import environment
from tallyport.cli.main import run
from tallyport_converters.conversion.manifest import REJECTS_FREE_BYTES, REJECTS_RATIO
from tallyport_converters.native.abi import NO_RANK
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.dictionaries import Dictionaries, Rejects, pack
from tallyport_converters.native.split import Meaning, Split, Used
from tallyport_converters.sources.meter import OUTPUT_FREE_BYTES, OUTPUT_RATIO

FREE_BYTES = OUTPUT_FREE_BYTES + REJECTS_FREE_BYTES
RATIO = OUTPUT_RATIO + REJECTS_RATIO + 24
"""Bytes written for each byte read, at most: groups and manifest, whole rejects, and lines that say why alone."""

CALLS_GROWTH = 5.0
"""How often as many calls four times the input may take: quadratic work takes sixteen times."""


def adx(group: str, rows: str, *, prolog: str = "") -> bytes:
    return f'{prolog}<adx xmlns="urn:ihe:qrph:adx:2015"><group {group}>{rows}</group></adx>'.encode()


def json_set(rows: str, header: str = "") -> bytes:
    return f'{{{header}"dataValues":[{rows}]}}'.encode()


GROUP = 'orgUnit="o" period="2025-01-01/P1M"'
GENERAL = "<!-- read by the general parser -->"
EMPTY_ROW = '<dataValue dataElement=""/>'


def elements(n: int) -> str:
    return "".join(f'<dataValue dataElement="d{i}" value="1"/>' for i in range(n))


def deletion(n: int) -> str:
    scope = {
        "orgUnits": [f"unit{i:07}" for i in range(n)],
        "periods": ["202501"],
        "elements": [{"dataElement": f"d{i}"} for i in range(n)],
    }
    return f'"deletion":{json.dumps(scope)},'


KINDS: Mapping[str, Callable[[int], bytes]] = {
    "rejected rows of a group with a long attribute": lambda n: adx(
        f'{GROUP} junk="{"x" * (1000 * n)}"', EMPTY_ROW * (30 * n)
    ),
    "the same, read by the general parser": lambda n: adx(
        f'{GROUP} junk="{"x" * (1000 * n)}"', EMPTY_ROW * (30 * n), prolog=GENERAL
    ),
    "rejected rows of a group with many attributes": lambda n: adx(
        f"{GROUP} " + " ".join(f'a{i}="{"x" * 300}"' for i in range(50)), EMPTY_ROW * (30 * n)
    ),
    "a data set with a long name, and a data element a row": lambda n: adx(
        f'{GROUP} dataSet="{"x" * (500 * n)}"', elements(15 * n)
    ),
    "the same, read by the general parser ": lambda n: adx(
        f'{GROUP} dataSet="{"x" * (100 * n)}"', elements(15 * n), prolog=GENERAL
    ),
    "many categories with long names, and a data element a row": lambda n: adx(
        f"{GROUP} " + " ".join(f'c{i}{"x" * 500}="o"' for i in range(50)), elements(15 * n)
    ),
    "a column with a long name": lambda n: (
        f"dataelement,period,orgunit,value,{'x' * min(800, 60 * n)}\n" + ",,,,y\n" * (100 * n)
    ).encode(),
    "a category column with a long name": lambda n: (
        f"dataelement,period,orgunit,value,{'x' * 900}\n" + "".join(f"d{i},202501,o,1,y\n" for i in range(20 * n))
    ).encode(),
    "rows that are next to nothing": lambda n: b"de,pe,ou,value\n" + b",,1\n" * (400 * n),
    "empty objects": lambda n: json_set(",".join(["{}"] * (400 * n))),
    "a deletion of many elements in many units": lambda n: json_set("", deletion(25 * n)),
    "a rejected row with a long list": lambda n: json_set('{"dataElement":"a","x":[' + "1," * (20_000 * n) + "1]}"),
    "a rejected row with many fields": lambda n: json_set(
        '{"dataElement":"a"' + "".join(f',"x{i}":1' for i in range(12_000 * n)) + "}"
    ),
    "a rejected row of many cells": lambda n: b"de,pe,ou,value\n" + b",,," + b",x" * (5000 * n) + b"\n",
    "rejected rows with long texts": lambda n: json_set(
        ",".join(['{"dataElement":"a","value":"' + "x" * 70_000 + '"}'] * n)
    ),
    "fields with a name of its own in each row": lambda n: json_set(
        ",".join(
            f'{{"dataElement":"a","period":"202501","orgUnit":"o{i}","value":"1","unknown{i}":1}}'
            for i in range(100 * n)
        )
    ),
    "header properties with a name each": lambda n: json_set("", "".join(f'"p{i}":1,' for i in range(500 * n))),
    "a header property that means nothing": lambda n: json_set("", '"odd":[' + "1," * (20_000 * n) + "1],"),
    "a group for each data set of one data element": lambda n: (
        '<adx xmlns="urn:ihe:qrph:adx:2015">'
        + "".join(
            f'<group orgUnit="o" period="2025-01-01/P1M" dataSet="s{i}"><dataValue dataElement="d" value="1"/></group>'
            for i in range(15 * n)
        )
        + "</adx>"
    ).encode(),
    "a completion for each group": lambda n: (
        '<adx xmlns="urn:ihe:qrph:adx:2015">'
        + "".join(
            f'<group orgUnit="o{i}" period="2025-01-01/P1M" dataSet="s" completeDate="2025-02-01"/>'
            for i in range(100 * n)
        )
        + "</adx>"
    ).encode(),
}
SIZES = (5, 20)


def converted(folder: Path, document: bytes) -> tuple[int, int, dict[str, Any], int]:
    """Convert: returns the exit code, bytes written, the JSON that the command prints, and calls of functions."""
    folder.mkdir()
    source = folder / "source"
    source.write_bytes(gzip.compress(document))
    printed = StringIO()
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    with redirect_stdout(printed), redirect_stderr(StringIO()):
        sys.setprofile(count)
        try:
            code = run(["convert", str(source), "-o", str(folder / "out"), "--jobs", "1", "--json"])
        finally:
            sys.setprofile(None)
    written = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    return code, written, json.loads(printed.getvalue()), calls


@pytest.mark.parametrize("kind", KINDS)
def test_output_and_work_grow_no_faster_than_the_input(kind: str, tmp_path: Path) -> None:
    small, large = (KINDS[kind](size) for size in SIZES)
    converted(tmp_path / "warm", small)
    *_, calls = converted(tmp_path / "small", small)
    code, written, told, more_calls = converted(tmp_path / "large", large)
    assert written <= FREE_BYTES + RATIO * len(large)
    assert more_calls < CALLS_GROWTH * calls
    (source,) = told["sources"]
    if code == 3:
        assert source["error"]["code"] in {"TP130", "TP112", "TP131"}
    else:
        values = source["values"]
        assert values["read"] == values["written"] + values["superseded"] + values["rejected"]


def test_output_beyond_all_proportion_ends_in_a_finding(tmp_path: Path) -> None:
    document = json_set("", deletion(1500))
    code, written, told, _ = converted(tmp_path / "large", document)
    error = told["sources"][0]["error"]
    assert (code, written, error["code"]) == (3, 0, "TP130")
    assert "bytes read" in error["found"]
    assert not (tmp_path / "large" / "out").exists()


def test_the_name_of_a_column_has_a_limit(tmp_path: Path) -> None:
    document = f"dataelement,period,orgunit,value,{'x' * 60_000}\n".encode() + b",,,,y\n" * 3000
    code, written, told, _ = converted(tmp_path / "long", document)
    error = told["sources"][0]["error"]
    assert (code, written, error["code"], error["row"]) == (3, 0, "TP131", 0)
    assert error["found"] == "60,000 characters in column 5"


def test_very_many_rejected_rows_are_all_listed_the_later_ones_in_short(tmp_path: Path) -> None:
    document = b"de,pe,ou,value\n" + b",,1\n" * 40_000
    code, _, told, _ = converted(tmp_path / "many", document)
    lines = (tmp_path / "many" / "out" / "source" / "rejects.ndjson").read_bytes().splitlines()
    rejects = [json.loads(line) for line in lines]
    assert code == 1
    assert [reject["row"] for reject in rejects] == list(range(40_000))
    assert rejects[0]["original"] == {"ou": "1"}
    assert "original" not in rejects[-1], "make the input larger"
    assert (rejects[-1]["code"], rejects[-1]["field"]) == ("TP302", "dataElement")
    short = next(found for found in told["sources"][0]["findings"] if found["code"] == "TP132")
    assert short["count"] == sum("original" not in reject for reject in rejects)


def test_a_rejected_row_shows_what_it_shares_with_others_in_short_and_its_own_texts_whole(tmp_path: Path) -> None:
    text = "v" * 49_000
    row = f'<dataValue dataElement="a" value="{text}" created="{"c" * 70_000}"/>'
    for number, prolog in enumerate(("", GENERAL)):
        group = f'orgUnit="{"u" * 5_000}" period="2025-13-01/P1M"'
        converted(tmp_path / str(number), adx(group, row, prolog=prolog))
        (line,) = (tmp_path / str(number) / "out" / "source" / "rejects.ndjson").read_text().splitlines()
        original = json.loads(line)["original"]
        assert original["value"] == text
        assert original["created"] == "c" * 1000 + "... (70000 characters)"
        assert original["group"] == {"orgUnit": "u" * 200 + "... (5000 characters)", "period": "2025-13-01/P1M"}


# Decoders


def members(count: int) -> bytes:
    """DXF2 JSON packed as a gzip member for each few bytes of it."""
    body = json_set(",".join(['{"dataElement":"a","period":"202501","orgUnit":"o","value":"1"}'] * (count // 4)))
    size = max(16, len(body) // count)
    return b"".join(gzip.compress(body[at : at + size], 1) for at in range(0, len(body), size))


def frames(count: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    body = json_set(",".join(['{"dataElement":"a","period":"202501","orgUnit":"o","value":"1"}'] * (count // 4)))
    size = max(16, len(body) // count)
    return b"".join(zstd.compress(body[at : at + size]) for at in range(0, len(body), size))


@pytest.mark.parametrize("pack", [members, frames])
def test_tiny_members_come_in_full_blocks(pack: Callable[[int], bytes], tmp_path: Path) -> None:
    from tallyport_converters.sources import Source

    path = tmp_path / "members"
    path.write_bytes(pack(4000))
    with Source.open(path) as source:
        sizes = [len(block) for block in source.blocks(10_000)]
    assert all(one + other > 10_000 for one, other in pairwise(sizes))
    assert max(sizes) <= 10_000
    assert sum(sizes) > 50_000


PEAK = """
import sys
from tallyport.cli.main import run
code = run(sys.argv[1:])
status = dict(line.split(":") for line in open("/proc/self/status"))
print(code, int(status["VmHWM"].split()[0]) >> 10)
"""


def peak_mib(*arguments: str) -> tuple[int, int]:
    """Run a command in a process of its own: its exit code and peak memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], env=environment(), capture_output=True, text=True, check=True
    )
    code, peak = done.stdout.splitlines()[-1].split()
    return int(code), int(peak)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("list.json", lambda: json_set('{"dataElement":"a","x":[' + "1," * 3_000_000 + "1]}")),
        ("cells.csv", lambda: b"de,pe,ou,value\n" + b",,," + b",x" * 1_500_000 + b"\n"),
        ("fields.json", lambda: json_set('{"dataElement":"a"' + ',"x":1' * 600_000 + "}")),
        ("property.json", lambda: json_set("", '"odd":[' + "1," * 3_000_000 + "1],")),
    ],
)
def test_what_is_explained_or_passed_over_is_not_held_as_objects(
    name: str, document: Callable[[], bytes], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(document())
    code, peak = peak_mib("convert", str(tmp_path / name), "-o", str(tmp_path / "out"), "--jobs", "1", "-q")
    assert code in (0, 1)
    assert peak < 200


# PDF forms


CATALOG = b"<</Type/Catalog/Pages 9 0 R/AcroForm 7 0 R>>"
PAGES = b"<</Type/Pages/Kids[]/Count 0>>"


def pdf(streams: list[tuple[bytes, bytes]]) -> bytes:
    """A PDF whose cross-reference stream is the last of `streams`, each a dictionary's inside and its content.

    Its catalog is object 8, at byte 9, and its pages are object 9, at byte 70.
    """
    document = bytearray(b"%PDF-1.5\n" + b"8 0 obj%sendobj" % CATALOG).ljust(70) + b"9 0 obj%sendobj\n" % PAGES
    start = 0
    for number, (head, content) in enumerate(streams, 1):
        start = len(document)
        document += b"%d 0 obj<<%s/Length %d>>stream\n%s\nendstream\nendobj\n" % (number, head, len(content), content)
    return bytes(document) + b"startxref\n%d\n%%%%EOF\n" % start


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"/Filter/ASCII85Decode", b"z" * 100_000 + b"~>"),
        (b"/Filter[/FlateDecode/ASCII85Decode]", zlib.compress(b"z" * 8_000_000 + b"~>")),
        (b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(zlib.compress(bytes(20_000_000)))),
        (b"/Filter/LZWDecode", bytes(1000)),
        (b"/Filter/RunLengthDecode", b"\x81\0" * 100_000),
        (b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>", zlib.compress(bytes(30_000_000))),
        (b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 100000000>>", zlib.compress(bytes(1000))),
        (b"/Filter/FlateDecode/DecodeParms<</Predictor 2/Columns 4>>", zlib.compress(bytes(30_000_000))),
        (b"/Filter/FlateDecode", zlib.compress(bytes(64_000_000))),
    ],
)
def test_no_filter_of_a_pdf_unpacks_beyond_its_meter(head: bytes, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "form.pdf").write_bytes(pdf([(b"/Type/XRef/Size 2/W[1 2 1]/Root 8 0 R" + head, content)]))
    code, peak = peak_mib("convert", str(tmp_path / "form.pdf"), "-o", str(tmp_path / "out"), "-q")
    assert code == 3
    assert peak < 150


def test_the_index_of_an_object_stream_is_read_as_far_as_it_counts(tmp_path: Path) -> None:
    rows = b"".join((b"\1\0\x70\0", b"\2\0\1\0", b"\1\0\x09\0", b"\1\0\x46\0"))
    streams = [
        (b"/Type/ObjStm/N 2/First 8000000/Filter/FlateDecode", zlib.compress(b"1 " * 4_000_000)),
        (b"/Type/XRef/Size 10/Index[1 1 7 3]/W[1 2 1]/Root 8 0 R", rows),
    ]
    (tmp_path / "form.pdf").write_bytes(pdf(streams))
    code, peak = peak_mib("convert", str(tmp_path / "form.pdf"), "-o", str(tmp_path / "out"), "-q")
    assert code == 3
    assert peak < 150


# Groups


def split_seconds(groups: int) -> float:
    """Processor time for splitting the values of one data element into so many groups, and their headers' indexes."""
    rows = ",".join(
        f'{{"dataElement":"d","period":"202501","orgUnit":"o{i}","categoryOptionCombo":"c{i}","value":"1"}}'
        for i in range(groups)
    )
    with Batch() as batch, Dictionaries() as dictionaries, Rejects() as rejects:
        batch.scan_json(json_set(rows), state=0, final=True)
        with pack(batch, dictionaries, rejects, 0) as blob:
            meaning = Meaning(
                ranks=[[NO_RANK, 0], [NO_RANK, *range(groups)], range(groups + 1), [0]],
                period_notes=[0, 0],
                coc_shapes=range(groups + 1),  # as if each combo had other categories: a group for each
                aoc_shapes=[0],
                data_sets=[0],
                header=[NO_RANK, NO_RANK, NO_RANK, 0],
                header_data_set=0,
            )
            used = Used(groups)
            started = time.process_time()
            with Split([(at, size) for _, at, size in blob.segments()], meaning, rejects) as split:
                found = 0
                for group, *_ in split.groups():
                    used.clear()
                    used.add_split(split, group, 1)
                    found += len(used.settle())
            assert found == groups
            return time.process_time() - started


def test_a_group_costs_what_it_holds_however_many_there_are() -> None:
    few, many = 5_000, 40_000
    split_seconds(few)
    ratio = split_seconds(many) / max(min(split_seconds(few) for _ in range(3)), 0.001)
    assert ratio < 3 * many / few  # quadratic work: 64
