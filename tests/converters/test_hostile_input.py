"""Input that is broken or means harm, through the real command line.

It ends in a finding with its code, its place and a help line and in the documented exit code, in little memory and
time, and never in a traceback.

Tables over all readers, by the list of bad input that every reader has to stand.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import fuzz
from support.places import ROOT, SAMPLES
from support.running import command, environment, run
from support.workbooks import HEADER, parts, sheet
from support.workbooks import packed as packed_workbook
from tallyport import CODES
from tallyport.cli import main

GOOD = {
    "dxf-json": (SAMPLES / "january.json").read_bytes(),
    "dxf-csv": (SAMPLES / "february.csv").read_bytes(),
    "dxf-xml": (SAMPLES / "march.xml").read_bytes(),
    "adx": (SAMPLES / "april.adx.xml").read_bytes(),
    "dxf-pdf": (ROOT / "tests" / "fixtures" / "dxf-pdf" / "filled-monthly.pdf").read_bytes(),
}
FORMATS = tuple(GOOD)
XML = ("dxf-xml", "adx")
MAX_MEMORY_BYTES = 250 << 20
MAX_SECONDS = 30.0
"""Of processor time: a machine that is shared says nothing by the clock."""


class Told:
    """What a run of the command said."""

    def __init__(self, done: subprocess.CompletedProcess[bytes], output: Path) -> None:
        self.exit_code = done.returncode
        self.stderr = done.stderr.decode()
        assert "Traceback" not in self.stderr
        (self.source,) = json.loads(done.stdout)["sources"]
        self.findings: list[dict[str, Any]] = [self.source["error"]] if "error" in self.source else []
        self.findings += self.source.get("findings", [])
        for path in output.glob("*/rejects.ndjson"):
            self.findings += map(json.loads, path.read_text().splitlines())
        for found in self.findings:
            assert found["code"] in CODES
            assert found["message"]
            assert found["help"]
            assert found["source"]
        assert ("error" in self.source) == (self.exit_code == 3)
        if "error" in self.source:
            assert not output.exists()
        else:
            values = self.source["values"]
            assert values["read"] == values["written"] + values["superseded"] + values["rejected"]

    @property
    def codes(self) -> list[str]:
        return [found["code"] for found in self.findings]

    def one(self, code: str) -> dict[str, Any]:
        (found,) = [found for found in self.findings if found["code"] == code]
        return found


def convert(folder: Path, data: bytes, source_format: str | None, name: str = "source") -> Told:
    source = folder / name
    source.write_bytes(data)
    return convert_file(source, source_format)


def convert_file(source: Path, source_format: str | None) -> Told:
    """Run the command in this process, which is quick; others below run it in its own."""
    output = source.parent / "out"
    said = ("--from", source_format) if source_format else ()
    arguments = ["convert", str(source), "-o", str(output), "--json", *said]
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(stdout), redirect_stderr(stderr):
        exit_code = main.run(arguments)
    texts = [stream.detach().getvalue() for stream in (stdout, stderr)]
    return Told(subprocess.CompletedProcess(arguments, exit_code, *texts), output)


# Empty, and of another format


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n"], ids=["empty", "white space"])
@pytest.mark.parametrize("source_format", [*FORMATS, None])
def test_an_empty_file_is_named_so(tmp_path: Path, source_format: str | None, data: bytes) -> None:
    told = convert(tmp_path, data, source_format)
    assert told.exit_code == 3
    wanted = "TP102" if not data or source_format in (None, "dxf-csv") else None
    assert told.codes == [wanted or {"dxf-json": "TP108", "dxf-pdf": "TP114"}.get(source_format or "", "TP109")]


REFUSED_AS = {"dxf-json": "TP108", "dxf-xml": "TP109", "adx": "TP109", "dxf-pdf": "TP114"}


@pytest.mark.parametrize("said", FORMATS)
@pytest.mark.parametrize("really", FORMATS)
def test_a_file_of_another_format_is_not_taken_for_the_one_that_is_said(tmp_path: Path, really: str, said: str) -> None:
    if said == really:
        pytest.skip("the right format")
    told = convert(tmp_path, GOOD[really], said)
    if said == "dxf-csv" and really != "dxf-pdf":
        # Any text is CSV: its rows are rejected, each for its reason.
        assert told.exit_code == 1
        assert told.source["values"]["written"] == 0
        assert set(told.codes) <= {"TP302", "TP306", "TP311", "TP409", "TP410", "TP411", "TP421"}
    else:
        wanted = "TP107" if said == "dxf-csv" else "TP113" if {said, really} == set(XML) else REFUSED_AS[said]
        assert (told.exit_code, told.codes) == (3, [wanted])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)), "TP113"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1_000), "TP113"),
        (b"\0\0\1\0" * 100, "TP103"),
        (b"hello", "TP103"),
        (b"<html/>", "TP113"),
        (b"a,b\n1,2\n", "TP113"),
        (bytes(range(256)), "TP103"),
        (b"[1]", "TP113"),
    ],
    ids=["image", "image of zeros", "zeros", "text", "page", "other table", "all bytes", "array"],
)
def test_what_is_none_of_the_formats_is_refused_by_name(tmp_path: Path, data: bytes, code: str) -> None:
    told = convert(tmp_path, data, None)
    assert (told.exit_code, told.codes) == (3, [code])
    assert told.findings[0]["found"]
    assert told.findings[0]["expected"]


# Cut short


@pytest.mark.parametrize("source_format", FORMATS)
def test_a_file_cut_at_any_byte_is_never_taken_for_a_whole_one(source_format: str) -> None:
    whole = GOOD[source_format]
    cuts = range(len(whole)) if len(whole) < 3_000 else [*range(0, len(whole), 3), len(whole) - 2, len(whole) - 1]
    with fuzz.Bench() as bench:
        all_of_it = bench.result(cut_case(source_format, whole))
        for cut in cuts:
            found = bench.result(cut_case(source_format, whole[:cut]))
            if "error" in found:
                assert found["error"]["code"] in ("TP102", "TP108", "TP109", "TP111", "TP113", "TP114")
            elif source_format == "dxf-csv":  # has no end mark: what is there is read, the last row maybe in part
                rows = max(1, whole[:cut].count(b"\n") - 1 + (whole[cut - 1 : cut] != b"\n"))
                assert found["values"]["read"] <= min(rows, all_of_it["values"]["read"])
            else:
                assert not whole[cut:].strip()
                assert found == all_of_it


def cut_case(source_format: str, data: bytes) -> fuzz.Case:
    return fuzz.Case(1, "cut", source_format, data, 64, 1, True, None, False)


# Compressed data and archives


def packed(data: bytes, **names: Any) -> bytes:
    """Return a zip of these names and texts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in names.get("members", (("data.json", data),)):
            archive.writestr(name, text)
    return file.getvalue()


def zstd(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression.zstd import CompressionParameter, compress
    else:
        from backports.zstd import CompressionParameter, compress
    return bytes(compress(data, options={CompressionParameter.checksum_flag: 1}))


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zip": packed, "zstd": zstd}


@pytest.mark.parametrize("source_format", FORMATS)
@pytest.mark.parametrize("packer", PACKERS)
def test_damaged_compression_is_named_so(tmp_path: Path, packer: str, source_format: str) -> None:
    whole = PACKERS[packer](GOOD[source_format])
    assert convert(tmp_path, whole, None).exit_code <= 1
    cut = convert(tmp_path / fresh(tmp_path, "cut"), whole[: len(whole) * 2 // 3], None)
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    damaged = convert(tmp_path / fresh(tmp_path, "damaged"), flipped, None)
    for told in (cut, damaged):
        # What is unpacked before the damage is met may be broken too.
        assert told.exit_code == 3
        assert told.codes[0] in ("TP104", "TP103", "TP107", "TP108", "TP109", "TP114")
    assert cut.codes == ["TP104"]


def fresh(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return name


def nested() -> bytes:
    return gzip.compress(gzip.compress(GOOD["dxf-json"]))


def encrypted() -> bytes:
    data = bytearray(packed(GOOD["dxf-json"]))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying() -> bytes:
    data = bytearray(packed(GOOD["dxf-json"]))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def zip_of(*names: str) -> bytes:
    return packed(b"", members=[(name, GOOD["dxf-json"]) for name in names])


def bomb(outer: Callable[[bytes], bytes]) -> bytes:
    return outer(b'{"dataValues":[' + b" " * (40 << 20))


# What it is that runs out of hand first, the ratio or the token within, depends on the packer.
ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "name that climbs": (lambda: zip_of("../../evil.json"), "TP106"),
    "absolute name": (lambda: zip_of("/etc/evil.json"), "TP106"),
    "drive": (lambda: zip_of("C:\\evil.json"), "TP106"),
    "backslashes that climb": (lambda: zip_of("..\\evil.json"), "TP106"),
    "two members": (lambda: zip_of("a.json", "b.json"), "TP106"),
    "no member": (lambda: zip_of(), "TP106"),
    "archive in an archive": (nested, "TP106"),
    "encrypted": (encrypted, "TP106"),
    "lying about its size": (lying, "TP104"),
    "bomb of gzip": (lambda: bomb(gzip.compress), "TP105 or TP112"),
    "bomb of zip": (lambda: bomb(packed), "TP105 or TP112"),
    "bomb of zstd": (lambda: bomb(zstd), "TP105 or TP112"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_and_nothing_is_unpacked(tmp_path: Path, name: str) -> None:
    make, code = ARCHIVES[name]
    source = tmp_path / "in" / "deep" / "source.zip"
    source.parent.mkdir(parents=True)
    source.write_bytes(make())
    told, memory_bytes, seconds = measured(source, None)
    assert told.exit_code == 3
    assert told.codes[0] in code.split(" or ")
    assert memory_bytes < MAX_MEMORY_BYTES
    assert seconds < MAX_SECONDS
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


# DOCTYPE and entities

LAUGHS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 12))
DOCTYPES = {
    "bare": "<!DOCTYPE x>",
    "billion laughs": f"<!DOCTYPE x [<!ENTITY l0 'lol'>{LAUGHS}]>",
    "quadratic": f"<!DOCTYPE x [<!ENTITY l11 '{'a' * 20_000}'>]>",
    "external entity": "<!DOCTYPE x [<!ENTITY l11 SYSTEM 'file:///etc/passwd'>]>",
    "external subset": "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
    "public": "<!DOCTYPE x PUBLIC '-//x' 'http://127.0.0.1:9/x.dtd'>",
    "parameter entity": "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p; <!ENTITY l11 'x'>]>",
    "itself": "<!DOCTYPE x [<!ENTITY l11 '&l11;'>]>",
    "default attribute": "<!DOCTYPE dataValueSet [<!ATTLIST dataValue value CDATA 'made up'>]>",
    "brackets": f"<!DOCTYPE x [{'[]' * 60}",
}
BODIES = {
    "dxf-xml": "<dataValueSet><dataValue dataElement='d' period='2024' orgUnit='o' value='&l11;'/></dataValueSet>",
    "adx": "<adx><group orgUnit='o' period='2024-01-01/P1Y'><dataValue dataElement='d'>"
    "<annotation>&l11;</annotation></dataValue></group></adx>",
}


@pytest.mark.parametrize("source_format", XML)
@pytest.mark.parametrize("name", DOCTYPES)
def test_every_doctype_is_refused_before_anything_in_it_counts(tmp_path: Path, name: str, source_format: str) -> None:
    text = DOCTYPES[name] + BODIES[source_format]
    started = time.monotonic()
    for encoding, declared, said in (
        ("utf-8", "", source_format),
        ("utf-8", "", None),
        ("utf-16", "", source_format),
        ("utf-16-be", "<?xml version='1.0' encoding='UTF-16'?>", None),
        ("utf-16-le", "<?xml version='1.0' encoding='UTF-16'?>", source_format),
    ):
        told = convert(tmp_path, (declared + text).encode(encoding), said)
        assert told.exit_code == 3
        assert told.codes[0] in ({"TP109", "TP110", "TP113"} if name == "brackets" else {"TP110"})
        assert "root:" not in json.dumps(told.source)
    assert time.monotonic() - started < 2 * MAX_SECONDS


@pytest.mark.parametrize("source_format", XML)
def test_an_entity_without_doctype_is_malformed(tmp_path: Path, source_format: str) -> None:
    told = convert(tmp_path, BODIES[source_format].encode(), source_format)
    assert (told.exit_code, told.codes) == (3, ["TP109"])
    assert "line 1, column" in told.findings[0]["message"]


# Tokens without end

HUGE = 96 << 20  # three times what a unit may take


def json_rows(row: str) -> str:
    return f'{{"dataValues":[{{"dataElement":"d","period":"2024","orgUnit":"o","value":"1"}},{row}'


CSV_START = "dataElement,period,orgUnit,value,comment\nd,2024,o,1,\n"
UNBOUNDED: dict[str, tuple[str, str, str, str, set[str]]] = {
    # name: format, beginning, what is repeated, end, codes
    "JSON value": ("dxf-json", json_rows('{"dataElement":"'), "x", '"}]}', {"TP112"}),
    "JSON key": ("dxf-json", json_rows('{"'), "x", '":1}]}', {"TP112"}),
    "JSON escapes": ("dxf-json", json_rows('{"value":"'), "\\u00e9", '"}]}', {"TP112"}),
    "JSON number": ("dxf-json", json_rows('{"value":'), "9", "}]}", {"TP112"}),
    "JSON keys of one row": ("dxf-json", json_rows("{"), '"a":1,', '"b":1}]}', {"TP112"}),
    "JSON header value": ("dxf-json", '{"dataSet":"', "x", '","dataValues":[]}', {"TP112"}),
    "JSON header key": ("dxf-json", '{"', "x", '":1,"dataValues":[]}', {"TP112"}),
    "JSON header array": ("dxf-json", '{"attributeCategoryOptions":[', '"a",', '"b"],"dataValues":[]}', {"TP112"}),
    "JSON nesting": ("dxf-json", '{"a":', "[", "", {"TP108"}),
    "JSON nesting in a row": ("dxf-json", json_rows('{"value":'), '{"a":', "", {"TP108"}),
    "JSON white space": ("dxf-json", json_rows(""), " ", "]}", {"TP108", "TP112"}),
    "JSON other keys": ("dxf-json", "{", '"a":1,', '"dataValues":[]}', {"TP113"}),
    "CSV value": ("dxf-csv", CSV_START + "d,2024,o,", "x", "\n", {"TP112"}),
    "CSV quoted": ("dxf-csv", CSV_START + 'd,2024,o,"', "x", '"\n', {"TP112"}),
    "CSV open quote": ("dxf-csv", CSV_START + 'd,2024,o,"', "x\n", "", {"TP111", "TP112"}),
    "CSV quotes": ("dxf-csv", CSV_START + 'd,2024,o,"', '""', '"\n', {"TP112"}),
    "CSV cells": ("dxf-csv", CSV_START + "d,2024,o,1,", ",", "\n", {"TP112"}),
    "CSV header": ("dxf-csv", "dataElement,period,orgUnit,value,", "x", "\nd,2024,o,1,\n", {"TP112"}),
    "CSV columns": ("dxf-csv", "dataElement,period,orgUnit,value,", "x,", "\nd,2024,o,1,\n", {"TP112"}),
    "CSV first cell": ("dxf-csv", "", "x", "\nd,2024,o,1,\n", {"TP112"}),
    "CSV blank lines": ("dxf-csv", CSV_START, "\n", "", {"TP409"}),
    "XML value": ("dxf-xml", "<dataValueSet><dataValue value='", "x", "'/></dataValueSet>", {"TP109", "TP112"}),
    "XML name": ("dxf-xml", "<dataValueSet><dataValue ", "x", "='1'/></dataValueSet>", {"TP109", "TP112"}),
    "XML attributes": ("dxf-xml", "<dataValueSet><dataValue ", "a='1' ", "/></dataValueSet>", {"TP109", "TP112"}),
    "XML root": ("dxf-xml", "<dataValueSet dataSet='", "x", "'></dataValueSet>", {"TP109", "TP112"}),
    "XML element": ("dxf-xml", "<dataValueSet><", "x", "/></dataValueSet>", {"TP109", "TP112"}),
    "XML comment": ("dxf-xml", "<dataValueSet><!--", "x", "--></dataValueSet>", {"TP109", "TP112"}),
    "XML instruction": ("dxf-xml", "<dataValueSet><?x ", "x", "?></dataValueSet>", {"TP109", "TP112"}),
    "XML text": ("dxf-xml", "<dataValueSet>", "x", "</dataValueSet>", {"TP109", "TP112", "TP418"}),
    "XML CDATA": ("dxf-xml", "<dataValueSet><![CDATA[", "x", "]]></dataValueSet>", {"TP109", "TP112", "TP418"}),
    "XML references": (
        "dxf-xml",
        "<dataValueSet><dataValue value='",
        "&amp;",
        "'/></dataValueSet>",
        {"TP109", "TP112"},
    ),
    "XML nesting": ("dxf-xml", "<dataValueSet>", "<x>", "", {"TP109", "TP112"}),
    "ADX annotation": (
        "adx",
        "<adx><group><dataValue dataElement='d'><annotation>",
        "x",
        "</annotation></dataValue></group></adx>",
        {"TP109", "TP112", "TP307"},
    ),
    "ADX group": ("adx", "<adx><group orgUnit='", "x", "'></group></adx>", {"TP109", "TP112"}),
    "ADX category": ("adx", "<adx><group><dataValue AGE='", "x", "'/></group></adx>", {"TP109", "TP112"}),
    "ADX annotation in pieces": (
        "adx",
        "<adx><group><dataValue dataElement='d'><annotation>",
        "<![CDATA[x]]>",
        "</annotation></dataValue></group></adx>",
        {"TP307"},
    ),
    "ADX rows of a large group": (
        "adx",
        f"<!-- --><adx><group orgUnit='{'o' * 1_000_000}' period='2024-01-01/P1Y'>",
        "<dataValue dataElement='d'/>",
        "</group></adx>",
        {"TP112"},
    ),
    "PDF": ("dxf-pdf", "%PDF-1.4\n1 0 obj\n(", "x", ")\nendobj\n%%EOF\n", {"TP112", "TP114"}),
}


@pytest.fixture
def big_folder() -> Iterator[Path]:
    """Give a folder for large files: in memory where there is one, as disks of test machines are slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


MEASURING = """
import json, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
done = subprocess.run(sys.argv[2:], capture_output=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    json.dump([used.ru_maxrss * 1024, used.ru_utime + used.ru_stime, done.returncode], out)
sys.stdout.buffer.write(done.stdout)
sys.stderr.buffer.write(done.stderr)
"""


def measured(source: Path, source_format: str | None) -> tuple[Told, int, float]:
    """Convert in a process whose memory and time are measured, by a small one in between."""
    output, report = source.parent / "out", source.parent / ".measured"
    said = ("--from", source_format) if source_format else ()
    line = command("convert", source, "-o", output, "--json", *said)
    arguments = [sys.executable, "-S", "-c", MEASURING, str(report), *line]
    done = subprocess.run(arguments, capture_output=True, env=environment(), check=False)
    memory_bytes, seconds, done.returncode = json.loads(report.read_text())
    report.unlink()
    return Told(done, output), memory_bytes, seconds


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by the resource module")
@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_token_without_end_takes_neither_memory_nor_time(big_folder: Path, name: str) -> None:
    source_format, begin, repeated, end, codes = UNBOUNDED[name]
    source = big_folder / "source"
    piece = repeated.encode() * ((1 << 20) // len(repeated))
    with source.open("wb") as out:
        out.write(begin.encode())
        for _ in range((HUGE // 8 if "pieces" in name else HUGE) // len(piece)):
            out.write(piece)
        out.write(end.encode())
    told, memory_bytes, seconds = measured(source, source_format)
    assert set(told.codes) <= codes
    assert told.codes
    assert told.exit_code == (3 if told.codes[0] < "TP2" else 0 if told.codes == ["TP409"] else 1)
    assert memory_bytes < MAX_MEMORY_BYTES
    assert seconds < MAX_SECONDS


# Rows and values


@dataclass(frozen=True)
class Bad:
    """A bad document: `place` is a part of the message, `row` the row that is told."""

    format: str
    data: bytes
    exit_code: int
    code: str
    row: int | None = None
    place: str = ""
    field: str | None = None


def json_row(row: str) -> bytes:
    return (json_rows(row) + "]}").encode()


def in_json(**members: str) -> bytes:
    good = {"dataElement": '"e"', "period": '"2024"', "orgUnit": '"o"', "value": '"1"'}
    row = {name: text for name, text in {**good, **members}.items() if text}
    return json_row("{" + ",".join(f'"{name}":{text}' for name, text in row.items()) + "}")


def in_csv(cells: bytes, header: bytes = b"dataElement,period,orgUnit,value,comment,followUp,deleted") -> bytes:
    return header + b"\nd,2024,o,1,,,\n" + cells + b"\n"


def in_xml(attributes: bytes) -> bytes:
    good = b"<dataValue dataElement='d' period='2024' orgUnit='o' value='1'/>"
    return b"<dataValueSet>" + good + b"<dataValue " + attributes + b"/></dataValueSet>"


def in_adx(row: bytes, group: bytes = b"orgUnit='o' period='2024-01-01/P1Y'") -> bytes:
    good = b"<group orgUnit='o' period='2024-01-01/P1Y'><dataValue dataElement='d' value='1'/></group>"
    return b"<adx>" + good + b"<group " + group + b"><dataValue " + row + b"/></group></adx>"


X_GOOD = b"dataElement='e' period='2024' orgUnit='o' "
LONG = "9" * 50_001
BAD: dict[str, Bad] = {
    "JSON NaN": Bad("dxf-json", in_json(value="NaN"), 3, "TP108", place="line 1, column"),
    "JSON Infinity": Bad("dxf-json", in_json(value="-Infinity"), 3, "TP108", place="line 1, column"),
    "JSON lone surrogate": Bad("dxf-json", in_json(value='"\\ud800"'), 1, "TP310", 1, field="value"),
    "JSON lone low surrogate": Bad("dxf-json", in_json(comment='"\\udc00a"'), 1, "TP310", 1, field="comment"),
    "JSON lone surrogate in an identifier": Bad(
        "dxf-json", in_json(orgUnit='"\\ud800"'), 1, "TP310", 1, field="orgUnit"
    ),
    "JSON lone surrogate in a category": Bad(
        "dxf-json", in_json(categoryOptionCombo='{"\\ud800":"a"}'), 1, "TP312", 1, field="categoryOptionCombo"
    ),
    "JSON lone surrogate in the header": Bad("dxf-json", b'{"dataSet":"\\ud800"}', 3, "TP113", field="dataSet"),
    "JSON NUL by escape": Bad("dxf-json", in_json(value='"\\u0000"'), 1, "TP310", 1, field="value"),
    "JSON NUL": Bad("dxf-json", in_json(value='"a\0"'), 3, "TP108", place="line 1, column 137, byte 136"),
    "JSON NUL outside": Bad("dxf-json", in_json() + b"\0", 3, "TP108", place="follows the end"),
    "JSON invalid UTF-8": Bad("dxf-json", in_json().replace(b'"e"', b'"\xff"'), 3, "TP107", place="line 1, column"),
    "JSON surrogate in UTF-8": Bad("dxf-json", in_json().replace(b'"e"', b'"\xed\xa0\x80"'), 3, "TP107", place="byte"),
    "JSON in UTF-16": Bad("dxf-json", in_json().decode().encode("utf-16"), 3, "TP107", place="UTF-16"),
    "JSON repeated key": Bad("dxf-json", json_row('{"dataElement":"e","value":"1","value":"2"}'), 1, "TP402", 1),
    "JSON repeated header key": Bad(
        "dxf-json", b'{"dataSet":"d","orgUnit":"o","orgUnit":"p"}', 1, "TP402", field="orgUnit"
    ),
    "JSON repeated rows": Bad("dxf-json", b'{"dataValues":[],"dataValues":[]}', 3, "TP108", place="twice"),
    "JSON no data element": Bad("dxf-json", in_json(dataElement=""), 1, "TP302", 1, field="dataElement"),
    "JSON no period": Bad("dxf-json", in_json(period=""), 1, "TP303", 1, field="period"),
    "JSON no org unit": Bad("dxf-json", in_json(orgUnit=""), 1, "TP305", 1, field="orgUnit"),
    "JSON no value": Bad("dxf-json", in_json(value=""), 1, "TP306", 1, field="value"),
    "JSON bad period": Bad("dxf-json", in_json(period='"202413"'), 1, "TP304", 1, field="period"),
    "JSON period of 5,000 digits": Bad("dxf-json", in_json(period="9" * 5_000), 1, "TP304", 1, field="period"),
    "JSON header period": Bad("dxf-json", b'{"dataSet":"d","period":"soon"}', 1, "TP417", field="period"),
    "JSON header type": Bad("dxf-json", b'{"dataSet":["a"]}', 3, "TP113", field="dataSet"),
    "JSON bad boolean": Bad("dxf-json", in_json(deleted='"yes"'), 1, "TP308", 1, field="deleted"),
    "JSON number for a boolean": Bad("dxf-json", in_json(followUp="1"), 1, "TP308", 1, field="followUp"),
    "JSON object for a value": Bad("dxf-json", in_json(value='{"a":1}'), 1, "TP309", 1, field="value"),
    "JSON row that is none": Bad("dxf-json", json_row("5"), 1, "TP301", 1),
    "JSON long value": Bad("dxf-json", in_json(value=f'"{LONG}"'), 1, "TP307", 1, field="value"),
    "JSON long number": Bad("dxf-json", in_json(value=LONG), 1, "TP307", 1, field="value"),
    "JSON long comment": Bad("dxf-json", in_json(comment=f'"{LONG}"'), 1, "TP307", 1, field="comment"),
    "JSON trailing comma": Bad("dxf-json", b'{"dataValues":[],}', 3, "TP108", place="line 1, column 18, byte 17"),
    "JSON in two": Bad("dxf-json", b'{"dataValues":[]}\n{}', 3, "TP108", place="line 2, column 1, byte 18"),
    "CSV NUL": Bad("dxf-csv", in_csv(b"e,2024,o,a\0,,,"), 1, "TP310", 1, field="value"),
    "CSV invalid UTF-8": Bad("dxf-csv", in_csv(b"e,2024,o,\xff,,,"), 3, "TP107", place="line 3, column 10"),
    "CSV surrogate in UTF-8": Bad("dxf-csv", in_csv(b"e,2024,o,\xed\xa0\x80,,,"), 3, "TP107", place="line 3"),
    "CSV invalid UTF-8 in a long file's header": Bad(
        "dxf-csv", in_csv(b"e,2024,o,1,,,\n" * 9_000, b"dataElement,period,orgUnit,value,\xff,b,c"), 3, "TP107"
    ),
    "CSV in UTF-16": Bad("dxf-csv", in_csv(b"e,2024,o,1,,,").decode().encode("utf-16"), 3, "TP107", place="UTF-16"),
    "CSV in UTF-16 without a mark": Bad("dxf-csv", in_csv(b"e,2,o,1,,,").decode().encode("utf-16-be"), 3, "TP107"),
    "CSV repeated column": Bad("dxf-csv", in_csv(b"", b"dataElement,value,value"), 1, "TP408", field="value"),
    "CSV no value column": Bad("dxf-csv", in_csv(b"", b"dataElement,period,orgUnit"), 3, "TP111", 0, place="value"),
    "CSV NUL in the header": Bad("dxf-csv", in_csv(b"", b"dataElement,value,a\0b"), 3, "TP111", 0, place="column 3"),
    "CSV too many categories": Bad(
        "dxf-csv", in_csv(b"", b"dataElement,value," + b",".join(b"c%d" % i for i in range(300))), 3, "TP111", 0
    ),
    "CSV no data element": Bad("dxf-csv", in_csv(b",2024,o,1,,,"), 1, "TP302", 1, field="dataElement"),
    "CSV no period": Bad("dxf-csv", in_csv(b"e,,o,1,,,"), 1, "TP303", 1, field="period"),
    "CSV bad period": Bad("dxf-csv", in_csv(b"e,2024-99,o,1,,,"), 1, "TP304", 1, field="period"),
    "CSV no org unit": Bad("dxf-csv", in_csv(b"e,2024,,1,,,"), 1, "TP305", 1, field="orgUnit"),
    "CSV no value": Bad("dxf-csv", in_csv(b"e,2024,o,,,,"), 1, "TP306", 1, field="value"),
    "CSV short row": Bad("dxf-csv", in_csv(b"e,2024"), 1, "TP306", 1),
    "CSV bad boolean": Bad("dxf-csv", in_csv(b"e,2024,o,1,,ja,"), 1, "TP308", 1, field="followUp"),
    "CSV text behind a quote": Bad("dxf-csv", in_csv(b'e,2024,o,"1"x,,,'), 1, "TP311", 1),
    "CSV open quote": Bad("dxf-csv", in_csv(b'e,2024,o,"1,,,'), 3, "TP111", 1, place="line 3, column 1"),
    "CSV long value": Bad("dxf-csv", in_csv(b"e,2024,o," + LONG.encode()), 1, "TP307", 1, field="value"),
    "CSV long value of quotes": Bad("dxf-csv", in_csv(b'e,2024,o,"' + b'""' * 60_000 + b'"'), 1, "TP307", 1),
    "XML NUL": Bad("dxf-xml", in_xml(X_GOOD + b"value='\0'"), 3, "TP109", place="line 1, column"),
    "XML NUL by reference": Bad("dxf-xml", in_xml(X_GOOD + b"value='&#0;'"), 3, "TP109", place="line 1, column"),
    "XML lone surrogate": Bad("dxf-xml", in_xml(X_GOOD + b"value='&#xD800;'"), 3, "TP109", place="line 1, column"),
    "XML invalid UTF-8": Bad("dxf-xml", in_xml(X_GOOD + b"value='\xff'"), 3, "TP109", place="line 1, column"),
    "XML surrogate in UTF-8": Bad("dxf-xml", in_xml(X_GOOD + b"value='\xed\xa0\x80'"), 3, "TP109", place="line 1"),
    "XML no character": Bad("dxf-xml", in_xml(X_GOOD + b"value='\xef\xbf\xbe'"), 3, "TP109", place="line 1, column"),
    "XML repeated attribute": Bad("dxf-xml", in_xml(X_GOOD + b"value='1' value='2'"), 3, "TP109", place="line 1"),
    "XML spellings of one field": Bad(
        "dxf-xml", in_xml(X_GOOD + b"value='1' followUp='true' flwup='false'"), 1, "TP313", 1
    ),
    "XML no data element": Bad("dxf-xml", in_xml(b"period='2024' orgUnit='o' value='1'"), 1, "TP302", 1),
    "XML no period": Bad("dxf-xml", in_xml(b"dataElement='e' orgUnit='o' value='1'"), 1, "TP303", 1),
    "XML bad period": Bad("dxf-xml", in_xml(b"dataElement='e' period='x' orgUnit='o' value='1'"), 1, "TP304", 1),
    "XML no org unit": Bad("dxf-xml", in_xml(b"dataElement='e' period='2024' value='1'"), 1, "TP305", 1),
    "XML no value": Bad("dxf-xml", in_xml(X_GOOD), 1, "TP306", 1, field="value"),
    "XML bad boolean": Bad("dxf-xml", in_xml(X_GOOD + b"value='1' deleted='0'"), 1, "TP308", 1, field="deleted"),
    "XML long value": Bad("dxf-xml", in_xml(X_GOOD + b"value='" + LONG.encode() + b"'"), 1, "TP307", 1),
    "XML unknown encoding": Bad("dxf-xml", b"<?xml version='1.0' encoding='x-none'?>" + in_xml(X_GOOD), 3, "TP109"),
    "XML of another root": Bad("dxf-xml", b"<dataValues/>", 3, "TP113"),
    "ADX NUL": Bad("adx", in_adx(b"dataElement='e' value='\0'"), 3, "TP109", place="line 1, column"),
    "ADX lone surrogate": Bad("adx", in_adx(b"dataElement='e' value='&#xDFFF;'"), 3, "TP109", place="line 1, column"),
    "ADX invalid UTF-8": Bad("adx", in_adx(b"dataElement='e' value='\xff'"), 3, "TP109", place="line 1, column"),
    "ADX repeated attribute": Bad("adx", in_adx(b"dataElement='e' AGE='a' AGE='b'"), 3, "TP109", place="line 1"),
    "ADX no data element": Bad("adx", in_adx(b"value='1'"), 1, "TP302", 1, field="dataElement"),
    "ADX no period": Bad("adx", in_adx(b"dataElement='e' value='1'", b"orgUnit='o'"), 1, "TP303", 1),
    "ADX bad period": Bad(
        "adx", in_adx(b"dataElement='e' value='1'", b"orgUnit='o' period='2024-02-30/P1M'"), 1, "TP304", 1
    ),
    "ADX bare period": Bad("adx", in_adx(b"dataElement='e' value='1'", b"orgUnit='o' period='202401'"), 1, "TP304", 1),
    "ADX no org unit": Bad("adx", in_adx(b"dataElement='e' value='1'", b"period='2024-01-01/P1Y'"), 1, "TP305", 1),
    "ADX no value": Bad("adx", in_adx(b"dataElement='e'"), 1, "TP306", 1, field="value"),
    "ADX bad boolean": Bad("adx", in_adx(b"dataElement='e' value='1' followUp='2'"), 1, "TP308", 1, field="followUp"),
    "ADX long value": Bad("adx", in_adx(b"dataElement='e' value='" + LONG.encode() + b"'"), 1, "TP307", 1),
}


@pytest.mark.parametrize("name", ["JSON NaN", "CSV bad period", "XML repeated attribute", "ADX bad boolean"])
def test_a_process_of_its_own_ends_with_the_documented_exit_code(tmp_path: Path, name: str) -> None:
    bad = BAD[name]
    source = tmp_path / "source"
    source.write_bytes(bad.data)
    told, _, _ = measured(source, bad.format)
    assert told.exit_code == bad.exit_code
    assert bad.code in told.codes


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    bad = BAD[name]
    told = convert(tmp_path, bad.data, bad.format)
    assert told.exit_code == bad.exit_code
    found = told.one(bad.code)
    assert found.get("row") == bad.row
    assert bad.place in found["message"]
    assert bad.field in (None, found.get("field"))


DIGITS = "123456789" * 556
"""Some 5,000 digits."""


@pytest.mark.parametrize("source_format", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
def test_a_number_of_5000_digits_is_kept_to_the_last(tmp_path: Path, source_format: str) -> None:
    digits = DIGITS.encode()
    data = {
        "dxf-json": in_json(value=DIGITS),
        "dxf-csv": in_csv(b"e,2024,o," + digits + b",,,"),
        "dxf-xml": in_xml(X_GOOD + b"value='" + digits + b"'"),
        "adx": in_adx(b"dataElement='e' value='" + digits + b"'"),
    }[source_format]
    told = convert(tmp_path, data, source_format)
    assert told.exit_code == 0
    assert json.loads((tmp_path / "out" / "source" / "e.adv2.json").read_bytes())["data"] == [[DIGITS]]


def test_unknown_fields_are_counted_by_name_and_nothing_else(tmp_path: Path) -> None:
    rows = ",".join(
        f'{{"dataElement":"d","period":"2024","orgUnit":"o{i}","value":"1","k{i}":1}}' for i in range(1_500)
    )
    told = convert(tmp_path, f'{{"dataValues":[{rows}]}}'.encode(), None)
    assert told.exit_code == 1
    assert (
        len([found for found in told.source["findings"] if found["code"] == "TP421"]) == 21
    )  # the last for all others
    assert len(told.source["dropped"]) == 1_001
    assert told.source["dropped"]["(other)"] == 500


def test_names_that_no_terminal_can_show_are_shown_in_another_way(tmp_path: Path) -> None:
    source = tmp_path / "source"
    names = ('"\\ud800":1', '"\\u001b[2J":1', f'"{"k" * 5_000}":1')
    source.write_bytes(in_json().replace(b'"value"', f'{",".join(names)},"value"'.encode()))
    for arguments in ((), ("--verbose",), ("--quiet",)):
        done = run(
            "convert", source, "-o", tmp_path / "out", "--overwrite", *arguments, env={"PYTHONIOENCODING": "utf-8"}
        )
        assert done.returncode == 1
        assert b"\x1b" not in done.stdout + done.stderr
        assert len(done.stdout) < 2_000


def test_a_finding_reads_well_for_a_person(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(in_csv(b'e,2024,o,"1,,,'))
    done = run("convert", source, "-o", tmp_path / "out")
    assert done.returncode == 3
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        "error[TP111]: a quoted cell is never closed: its row starts at line 3, column 1, byte 72",
        "  --> source.csv, row 1",
        '      found e,2024,o,"1,,,\\n',
        "      expected a closing quote",
        "  help: export the file again; it may be cut short or edited by hand",
    ]


@pytest.mark.parametrize("source_format", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
def test_many_rejected_rows_take_time_by_their_number(big_folder: Path, source_format: str) -> None:
    count = 20_000
    data = {
        "dxf-json": json_row(",".join(['{"dataElement":"e","value":"x"}'] * count)),
        "dxf-csv": in_csv(b"e,,o,1,,,\n" * count),
        "dxf-xml": b"<dataValueSet>" + b"<dataValue dataElement='e' value='x'/>" * count + b"</dataValueSet>",
        "adx": b"<adx><group>" + b"<dataValue dataElement='e' value='x'/>" * count + b"</group></adx>",
    }[source_format]
    source = big_folder / "source"
    source.write_bytes(data)
    told, memory_bytes, seconds = measured(source, source_format)
    assert told.exit_code == 1
    assert told.source["values"]["rejected"] == count
    assert memory_bytes < MAX_MEMORY_BYTES
    assert seconds < MAX_SECONDS


def test_many_completions_take_time_by_their_number(big_folder: Path) -> None:
    count = 30_000
    groups = b"".join(
        b"<group dataSet='s' orgUnit='o%d' period='2024-01-01/P1Y' completeDate='2024-02-01'/>" % i
        for i in range(count)
    )
    source = big_folder / "source"
    source.write_bytes(b"<adx>" + groups + b"</adx>")
    told, _, seconds = measured(source, "adx")
    assert told.source["completions"] == count
    assert seconds < MAX_SECONDS


def bomb_in_a_sheet() -> bytes:
    members = parts({"Values": ""})
    return packed_workbook({**members, "xl/worksheets/sheet1.xml": "<worksheet>" + " " * (40 << 20)})


def bomb_in_the_strings() -> bytes:
    string = f"<si><t>{'x' * 990}</t></si>"
    return packed_workbook(parts({"Values": sheet([HEADER])}, strings=string * 280_000))


def bomb_in_a_column() -> bytes:
    """Rows of nothing take next to no bytes, however many there are."""
    out = io.BytesIO()
    rows = 20_000_000
    nothing = pa.nulls(rows, pa.int8())
    pq.write_table(pa.table(dict.fromkeys(HEADER, nothing)), out, row_group_size=rows)
    return out.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by the resource module")
@pytest.mark.parametrize(
    ("make", "code"), [(bomb_in_a_sheet, "TP112"), (bomb_in_the_strings, "TP105"), (bomb_in_a_column, "TP105")]
)
def test_a_table_that_expands_to_far_too_much_is_refused_in_little_memory(
    make: Callable[[], bytes], code: str, big_folder: Path
) -> None:
    source = big_folder / "source"
    source.write_bytes(make())
    assert source.stat().st_size < 2 << 20
    told, memory_bytes, seconds = measured(source, None)
    assert (told.exit_code, told.codes) == (3, [code])
    assert memory_bytes < 2 * MAX_MEMORY_BYTES, "polars and pyarrow are loaded"
    assert seconds < MAX_SECONDS


@pytest.mark.parametrize("said", ["parquet", "arrow", "xlsx"])
@pytest.mark.parametrize("really", [*FORMATS, "parquet", "xlsx"])
def test_what_is_no_table_is_not_taken_for_one(really: str, said: str, tmp_path: Path) -> None:
    if said == really:
        pytest.skip("the right format")
    folder = ROOT / "tests" / "fixtures"
    of_table = {"parquet": folder / "parquet" / "numbers.parquet", "xlsx": folder / "xlsx" / "plain.xlsx"}
    data = GOOD.get(really) or of_table[really].read_bytes()
    told = convert(tmp_path, data, said)
    assert (told.exit_code, told.codes) == (3, ["TP104" if said == "xlsx" else "TP133"])
