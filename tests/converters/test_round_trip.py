"""The converter against the slow twin: byte for byte and count for count, over all formats and settings.

`TALLYPORT_CASES` sets how many files are drawn in all.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from support.checking import plain_bytes
from tallyport import convert
from tallyport_converters import convert as converting
from tallyport_converters.files.output import Compress
from twin import adv2, legacy, values
from twin.reading import SCHEMED_KINDS, Options
from twin.rewriting import Expected, expected
from twin.values import FORMATS, Document

CASES = int(os.environ.get("TALLYPORT_CASES", "2000"))
SUFFIXES = {"dxf-json": ".json", "dxf-csv": ".csv", "dxf-xml": ".xml", "adx": ".adx.xml"}
SMALL_MEMORY_BYTES = 40_000
"""Spills and merges what the tests of thousands of values read."""
IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module", autouse=True)
def without_disk() -> Iterator[None]:
    """Leave out what makes thousands of small runs slow: waiting for the disk."""
    with mock.patch("os.fsync"), mock.patch.object(tempfile, "tempdir", str(IN_MEMORY) if IN_MEMORY.is_dir() else None):
        yield


def examples(share: float) -> settings:
    return settings(
        max_examples=max(1, int(CASES * share)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@contextmanager
def blocks_of(size_bytes: int | None) -> Iterator[None]:
    """Read files in blocks of that size, so that a small file has many."""
    if size_bytes is None:
        yield
    else:
        with mock.patch.object(converting, "BLOCK_BYTES", size_bytes):
            yield


class Converted:
    """What came of one file: everything in its folder, read into memory."""

    def __init__(self, outcome: Any, output: Path) -> None:
        self.error: str | None = outcome.error.code if outcome.error is not None else None
        present = [path for path in sorted(output.rglob("*")) if path.is_file()]
        self.files = {path.name: path.read_bytes() for path in present}
        assert {path.parent for path in present} == (set() if outcome.folder is None else {outcome.folder})
        self.stored = {path.name: path for path in present if ".adv2.json" in path.name}
        self.adv2 = {
            name.removesuffix(".gz").removesuffix(".zst"): plain_bytes(path) for name, path in self.stored.items()
        }
        self.manifest: dict[str, Any] = {}
        if "manifest.json" in self.files:
            self.manifest = json.loads(self.files["manifest.json"])
            assert self.manifest == outcome.manifest

    @property
    def rejects(self) -> list[dict[str, Any]]:
        lines = self.files.get("rejects.ndjson", b"").decode().split("\n")
        assert lines.pop() == ""
        return [json.loads(line) for line in lines]

    @property
    def completions(self) -> list[Any]:
        if "completions.json" not in self.files:
            return []
        found = json.loads(self.files["completions.json"])
        assert list(found) == ["completeDataSetRegistrations"]
        return list(found["completeDataSetRegistrations"])

    @property
    def dropped(self) -> dict[str, int]:
        """Counts by name without namespace prefixes, as the twin does not see them."""
        written: dict[str, int] = self.manifest["dropped"]
        assert list(written) == sorted(written)
        found: dict[str, int] = {}
        for name, count in written.items():
            plain = name.rpartition(":")[2]
            found[plain] = found.get(plain, 0) + count
        return found


def run(
    data: bytes,
    source_format: str,
    options: Options,
    *,
    told: bool = True,
    jobs: int = 1,
    memory_bytes: int = 256 << 20,
    block_bytes: int | None = None,
    layout: Literal["split", "single"] = "split",
    strict: bool = False,
    compress: Compress = "none",
) -> Converted:
    with tempfile.TemporaryDirectory() as scratch, blocks_of(block_bytes):
        source = Path(scratch) / f"source{SUFFIXES[source_format]}"
        source.write_bytes(data)
        report = convert(
            [source],
            Path(scratch) / "out",
            source_format=source_format if told else None,
            id_schemes=dict(options.id_schemes) or None,
            data_set=options.data_set,
            keep_followup_false=options.keep_followup_false,
            header=options.header,
            jobs=jobs,
            memory_bytes=memory_bytes,
            layout=layout,
            strict=strict,
            compress=compress,
        )
        (outcome,) = report.sources
        return Converted(outcome, Path(scratch) / "out")


def check(found: Converted, data: bytes, source_format: str, wanted: Expected) -> None:
    assert found.error == wanted.refused
    if wanted.refused is not None:
        assert found.files == {}
        return
    assert found.adv2 == wanted.files
    manifest = found.manifest
    assert manifest["source"]["format"] == source_format
    assert (manifest["source"]["bytes"], manifest["source"]["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest["values"] == {
        "read": wanted.read,
        "written": wanted.written,
        "superseded": wanted.superseded,
        "rejected": len(wanted.rejected),
    }
    assert manifest.get("superseded", {}).get("dataElements", {}) == wanted.different
    assert found.dropped == wanted.dropped
    assert {group["file"]: group for group in manifest["groups"]} == {
        name: {
            "file": name,
            "de": adv2.parse(found.adv2[plain])[0].header["de"],
            "rows": wanted.rows[plain],
            "bytes": len(found.files[name]),
            "sha256": hashlib.sha256(found.files[name]).hexdigest(),
        }
        for name, plain in zip(found.stored, found.adv2, strict=True)
    }
    rejects = found.rejects
    assert ("rejects.ndjson" in found.files) == bool(wanted.rejected)
    assert [reject["row"] for reject in rejects] == sorted(wanted.rejected)
    for reject in rejects:
        assert reject["code"] in wanted.rejected[reject["row"]]
        assert filled(reject["original"]) == wanted.originals[reject["row"]]
    check_notices(manifest.get("findings", []), wanted)
    unique = {json.dumps(completion, sort_keys=True) for completion in wanted.completions}
    assert {json.dumps(completion, sort_keys=True) for completion in found.completions} == unique
    strays = found.files.keys() - found.stored.keys() - {"manifest.json", "rejects.ndjson", "completions.json"}
    assert not strays


def filled(original: Any) -> Any:
    """What a rejected row says itself, without what is empty."""
    if not isinstance(original, dict):
        return original
    said = {name: value for name, value in original.items() if value not in ("", None)}
    return {name: filled(value) if name == "group" else value for name, value in said.items()}


def check_notices(findings: list[dict[str, Any]], wanted: Expected) -> None:
    """How often each notice was given; see `twin.reading`."""
    found: Counter[str] = Counter()
    for finding in findings:
        found[f"{finding['code']} {finding.get('field', '')}".rstrip()] += finding.get("count", 1)
    for key in found.keys() | wanted.must.keys():
        assert wanted.must.get(key, 0) <= found.get(key, 0) <= wanted.may.get(key, 0), (key, findings, wanted.must)


def all_options(chosen: values.Choices) -> Options:
    schemes = {chosen.one(("", *SCHEMED_KINDS)): chosen.one(values.SCHEMES) for _ in range(max(0, chosen.below(7) - 3))}
    return Options(
        data_set=chosen.one((None, None, "dsOption001")),
        id_schemes=tuple(schemes.items()),
        keep_followup_false=chosen.below(2) == 1,
        header=chosen.one((None, None, None, True, False)) if chosen.carrier == "dxf-csv" else None,
    )


@pytest.mark.parametrize("source_format", FORMATS)
@given(data=st.data(), seed=st.integers(0, 2**32))
@examples(0.225)
def test_any_file_is_converted_as_the_twin_does(source_format: str, data: st.DataObject, seed: int) -> None:
    document = data.draw(values.documents(source_format))
    chosen = values.Choices(source_format, iter(data.draw(st.binary(min_size=16, max_size=16))), [])
    options = all_options(chosen)
    block_bytes = chosen.one((None, 64, 100, 257, 1000))
    memory_bytes = chosen.one((1 << 28, 1 << 28, 1 << 28, 256))
    jobs = chosen.one((1, 1, 1, 2))
    compress: Compress = chosen.one(("none", "none", "none", "gz", "zst"))
    source = legacy.write(document, source_format, random.Random(seed))
    note(f"{source!r}")
    # A CSV file may begin like any other.
    told = source_format == "dxf-csv" or chosen.below(2) == 0
    found = run(
        source,
        source_format,
        options,
        told=told,
        jobs=jobs,
        block_bytes=block_bytes,
        memory_bytes=memory_bytes,
        compress=compress,
    )
    check(found, source, source_format, expected(source, source_format, options))


@given(document=values.clean_documents(), seed=st.integers(0, 2**32))
@examples(0.02)
def test_the_same_values_give_the_same_adv2_from_every_format(document: Document, seed: int) -> None:
    wanted = {value.key: value for value in document.values}
    for source_format in FORMATS:
        schemes = tuple((kind, "UID") for kind in SCHEMED_KINDS) if source_format == "adx" else ()
        options = Options(keep_followup_false=True, id_schemes=schemes)
        source = legacy.write(document, source_format, random.Random(seed), noise=False)
        found = run(source, source_format, options)
        keyed = {
            (key[1], key[2], key[3], key[0], key[4], key[5]): payload
            for key, payload in adv2.values(found.adv2.values()).items()
        }
        assert keyed == {
            key: adv2.Payload(value.value, value.deleted, value.followup, value.comment)
            for key, value in wanted.items()
        }
        assert (found.manifest["values"]["read"], found.manifest["dropped"]) == (len(wanted), {})
        assert "rejects.ndjson" not in found.files


@pytest.mark.parametrize("source_format", FORMATS)
@given(document=values.clean_documents(), seed=st.integers(0, 2**32))
@examples(0.005)
def test_the_order_of_rows_with_distinct_keys_does_not_matter(
    source_format: str, document: Document, seed: int
) -> None:
    rng = random.Random(seed)
    shuffled = list(document.values)
    rng.shuffle(shuffled)
    one = run(legacy.write(document, source_format, rng, noise=False), source_format, Options())
    other = Document(document.header, tuple(shuffled))
    two = run(legacy.write(other, source_format, rng, noise=False), source_format, Options(), block_bytes=300)
    assert one.adv2 == two.adv2


@pytest.mark.parametrize("source_format", FORMATS)
@given(document=values.clean_documents(), seed=st.integers(0, 2**32))
@examples(0.0025)
def test_a_single_file_holds_the_same_groups(source_format: str, document: Document, seed: int) -> None:
    source = legacy.write(document, source_format, random.Random(seed), noise=False)
    split = run(source, source_format, Options())
    single = run(source, source_format, Options(), layout="single")
    assert list(single.adv2) == ["values.adv2.json"][: len(split.adv2)]
    assert all(isinstance(json.loads(text), list) for text in single.adv2.values())
    assert adv2.values(single.adv2.values()) == adv2.values(split.adv2.values())


@pytest.mark.parametrize("source_format", FORMATS)
@pytest.mark.parametrize("distinct", [True, False], ids=["distinct", "with duplicates"])
def test_blocks_memory_and_jobs_do_not_change_a_byte(source_format: str, distinct: bool) -> None:
    rng = random.Random(f"{source_format} {distinct}")
    document = Document(values.Header(), values.many_values(rng, 2_500, distinct=distinct))
    source = legacy.write(document, source_format, rng, noise=False)
    wanted = expected(source, source_format)
    for jobs, memory_bytes, block_bytes in (
        (1, 256 << 20, None),
        (1, SMALL_MEMORY_BYTES, 5_000),
        (2, 256 << 20, 20_000),
        (2, SMALL_MEMORY_BYTES, 20_000),
    ):
        found = run(source, source_format, Options(), jobs=jobs, memory_bytes=memory_bytes, block_bytes=block_bytes)
        check(found, source, source_format, wanted)


@pytest.mark.parametrize("source_format", FORMATS)
def test_noise_by_the_thousand_is_read_the_same_in_blocks_and_processes(source_format: str) -> None:
    rng = random.Random(source_format)
    document = Document(values.Header(), values.many_values(rng, 3_000))
    source = legacy.write(document, source_format, rng)
    wanted = expected(source, source_format)
    for jobs, block_bytes in ((1, None), (1, 999), (2, 10_000)):
        check(run(source, source_format, Options(), jobs=jobs, block_bytes=block_bytes), source, source_format, wanted)


@pytest.mark.parametrize("source_format", ["dxf-json", "dxf-xml"])
def test_more_names_than_can_be_told_are_counted_together(source_format: str) -> None:
    rows: list[str] = []
    for name in range(1_200):
        if source_format == "dxf-json":
            rows.append(f'{{"dataElement":"d","period":"2024","orgUnit":"o{name}","value":1,"n{name}":1,"n0":1}}')
        else:
            rows.append(f'<dataValue dataElement="d" period="2024" orgUnit="o{name}" value="1" n="1" n{name}="1"/>')
    source = (
        ('{"dataValues":[' + ",".join(rows) + "]}")
        if source_format == "dxf-json"
        else ("<dataValueSet>" + "".join(rows) + "</dataValueSet>")
    )
    for block_bytes in (None, 1_000):
        found = run(source.encode(), source_format, Options(), block_bytes=block_bytes)
        check(found, source.encode(), source_format, expected(source.encode(), source_format))
        assert (len(found.dropped), found.dropped["(other)"]) == (1_001, 200 + (source_format == "dxf-xml"))


def test_strict_writes_nothing_where_a_value_is_rejected() -> None:
    source = b"de,pe,ou,value\nd,202401,o,1\nd,202401,o,\n"
    found = run(source, "dxf-csv", Options(), strict=True)
    assert (found.error, found.files) == ("TP120", {})
    assert run(source[:-12], "dxf-csv", Options(), strict=True).error is None


LAUGHS = b"<!DOCTYPE x [<!ENTITY l0 'ha'>%b]>" % b"".join(
    b"<!ENTITY l%d '%b'>" % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
)
ODD_SOURCES = (
    ("dxf-json", b"", None),
    ("dxf-json", b'\xef\xbb\xbf {"dataValues" : null } ', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d","value":"1"},]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d","value":.5}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d","value":01}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d","value":NaN}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d" "value":1}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d\\x"}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d\n"}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"\xc3"}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"\xed\xa0\x80"}]}', None),
    ("dxf-json", b'{"dataValues":[{"dataElement":"d"', None),
    ("dxf-json", b'{"dataValues":[]}{}', None),
    ("dxf-json", b'{"dataValues":[],"dataValues":[]}', None),
    ("dxf-json", b'{"dataValues":{}}', None),
    ("dxf-json", b'{"a":1,/* c */"dataValues":[]}', None),
    ("dxf-json", '{"dataValues":[]}'.encode("utf-16"), None),
    ("dxf-json", b'{"idScheme":"UUID","dataValues":[]}', None),
    ("dxf-json", b'{"deletion":{"orgUnits":["o"],"periods":["x"],"elements":[{"dataElement":"d"}]}}', None),
    ("dxf-json", b'{"period":"2024","orgUnit":"o","dataValues":[{"dataElement":"d","value":"\\ud83d\\ude00"}]}', None),
    ("dxf-csv", b'dataelement,period,orgunit,value\nd,2024,o,"1', None),
    ("dxf-csv", b"dataelement,period,orgunit\nd,2024,o\n", None),
    ("dxf-csv", b"dataelement,period,orgunit,value\nd,2024,o,\xff\n", None),
    ("dxf-csv", b"dataelement,period,orgunit,value,comment\nd,2024,o,1,a\x00b\nd,2024,o,1,c\n", None),
    ("dxf-csv", "dataelement,period,orgunit,value\nd,2024,o,1\n".encode("utf-16-le"), None),
    ("dxf-csv", b"dataelement,period,orgunit,coc,aoc,value\nd,2024,o,c,a,1\n", False),
    ("dxf-csv", b"d,2024,o,c,a,1\n", True),
    ("dxf-csv", b"d,2024,o,c,a,1\r\rd,2025,o,c,a,1", None),
    ("dxf-csv", b"d;2024;o;c;a;1\nd;2025;o;;;2\n", None),
    ("dxf-csv", b"d\t2024\to\tc\ta\t1\nd\t2025\to\t\t\t2\n\t\t\t\n", None),
    ("dxf-csv", b"dataelement,period,orgunit,value\n,,,\n", None),
    ("dxf-csv", b"dataelement,period,orgunit,value\n", None),
    ("dxf-xml", b"<dataValueSet><dataValue></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='d' dataElement='e'/></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement=d /></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='&nbsp;'/></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='&#0;'/></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='\x01'/></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='<'/></dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet><dataValue dataElement='d'", None),
    ("dxf-xml", b"<dataValueSet/><dataValueSet/>", None),
    ("dxf-xml", b"<!DOCTYPE x [<!ENTITY e 'v'>]><dataValueSet>&e;</dataValueSet>", None),
    ("dxf-xml", LAUGHS + b"<dataValueSet>&l9;</dataValueSet>", None),
    ("adx", LAUGHS + b"<adx><group orgUnit='&l9;'/></adx>", None),
    ("dxf-xml", b"<!DOCTYPE x SYSTEM 'file:///none'><dataValueSet/>", None),
    ("dxf-xml", b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///none'>]><dataValueSet>&e;</dataValueSet>", None),
    ("dxf-xml", b"<dataValueSet xmlns='u'><!-- -- --></dataValueSet>", None),
    ("dxf-xml", b"<dataValues/>", None),
    ("adx", b"<adx><group orgUnit='o' period='2024-01-01/P1M'><dataValue dataElement='d' value='1'/></group>", None),
    ("adx", b"<dataValueSet/>", None),
    ("adx", b"<adx/>", None),
)


@pytest.mark.parametrize(
    ("source_format", "source", "header"), ODD_SOURCES, ids=[str(n) for n in range(len(ODD_SOURCES))]
)
@pytest.mark.parametrize("block_bytes", [None, 64])
def test_odd_sources_are_taken_or_refused_as_the_twin_does(
    source_format: str, source: bytes, header: bool | None, block_bytes: int | None
) -> None:
    options = Options(header=header)
    found = run(source, source_format, options, block_bytes=block_bytes)
    check(found, source, source_format, expected(source, source_format, options))


@pytest.mark.parametrize("source_format", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
@pytest.mark.parametrize("units", [50_000, 50_001])
def test_the_longest_text_that_is_stored(source_format: str, units: int) -> None:
    for text in ("x" * units, "😀" * (units // 2) + "x" * (units % 2)):
        document = Document(values.Header(), (values.Value("d", "202401", "o", value="1", comment=text),))
        source = legacy.write(document, source_format, random.Random(3), noise=False)
        found = run(source, source_format, Options(), block_bytes=1_000)
        check(found, source, source_format, expected(source, source_format))
        assert found.manifest["values"]["rejected"] == (units > 50_000)
