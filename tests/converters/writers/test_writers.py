"""Legacy formats written from ADV2: what each writes (goldens), and that reading it back gives the same ADV2.

The round trip is the specification: whatever a format can state comes back byte for byte, all else is counted.
`TALLYPORT_WRITE_GOLDENS=1` writes the goldens of tests/fixtures/written anew, to be read before they are committed.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from support import places
from tallyport import WriteBackReport, convert, write_back
from tallyport_converters.model import periods
from twin import adv2, legacy, values
from twin.values import FORMATS, Document

FIXTURES = places.FIXTURES / "written"
SUFFIXES = {"dxf-json": ".json", "dxf-csv": ".csv", "dxf-xml": ".xml", "adx": ".adx.xml"}
CASES = int(os.environ.get("TALLYPORT_CASES", "2000"))
"""How many files are drawn, of all tests that draw some."""
IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module", autouse=True)
def without_disk() -> Iterator[None]:
    """Leave out what makes many small runs slow: waiting for the disk."""
    with mock.patch("os.fsync"), mock.patch.object(tempfile, "tempdir", str(IN_MEMORY) if IN_MEMORY.is_dir() else None):
        yield


def examples(share: float) -> settings:
    return settings(
        max_examples=max(1, int(CASES * share)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


def converted(source: Path, folder: Path, **options: Any) -> dict[str, bytes]:
    """The ADV2 files that come of a legacy file."""
    report = convert([source], folder, keep_followup_false=True, jobs=1, **options)
    (outcome,) = report.sources
    if outcome.folder is None:
        return {}
    return {path.name: path.read_bytes() for path in sorted(outcome.folder.glob("*.adv2.json"))}


def read_back(report: WriteBackReport, to: str, folder: Path) -> list[dict[str, bytes]]:
    """The ADV2 that comes of each file that was written, read with what the file itself does not say."""
    found = []
    for number, file in enumerate(report.files):
        assert file.path is not None
        said: dict[str, Any] = {"source_format": to}
        if to in ("dxf-csv", "adx"):
            said["id_schemes"] = {"": file.schemes["cc"], **file.schemes}
        if to == "dxf-csv":
            said["data_set"] = file.data_set
        found.append(converted(file.path, folder / f"back-{number}", **said))
    return found


# What each format can state


def plain_xml(*texts: object) -> bool:
    return not any(isinstance(text, str) and values.XML_FORBIDDEN.search(text) for text in texts)


def statable(to: str, group: Mapping[str, Any], key: adv2.Key, payload: adv2.Payload) -> bool:
    """Whether a row can be stated, by the tables of docs/formats/writing.md."""
    _, element, period, unit, *combos = key
    co, ao = group.get("co"), group.get("ao")
    of_co, of_ao = ([option for _, option in combo] if isinstance(combo, tuple) else [] for combo in combos)
    identifiers = [element, unit, *(combo for combo in combos if isinstance(combo, str))]
    texts = [payload.value, payload.comment]
    if to == "dxf-json":
        return not isinstance(co, list) and not isinstance(ao, list)
    if to == "dxf-xml":
        return co is None and ao is None and plain_xml(*identifiers, *texts, key[0])
    if to == "dxf-csv":
        if isinstance(co, list) or isinstance(ao, dict):
            return False
        if isinstance(co, dict) and not all(is_column(name) for name in co):
            return False
        if isinstance(ao, list) and (any(re.search("[ \t]", text) for text in of_ao) or of_ao == ["null"]):
            return False
        return "null" not in [*identifiers, *texts, *of_co]
    names = [*(co or ()), *(ao or ())]
    return (
        not isinstance(co, list)
        and not isinstance(ao, list)
        and all(is_attribute(name) for name in names)
        and not set(co or ()) & ADX_ROW
        and not set(ao or ()) & ADX_GROUP
        and "NovQ" not in str(period)
        and plain_xml(*identifiers, *of_co, *of_ao, *texts, key[0])
    )


ADX_ROW = {
    *("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "dataSet", "value", "comment"),
    *("followUp", "followup", "follow_up", "flwup", "deleted", "storedBy", "created", "lastUpdated"),
}
ADX_GROUP = {"dataSet", "period", "orgUnit", "attributeOptionCombo", "comment", "completeDate"}
COLUMNS = {
    *("dataelement", "dataelelement", "de", "period", "pe", "orgunit", "organisationunit", "organizationunit", "ou"),
    *("source", "categoryoptioncombo", "catoptcombo", "coc", "attributeoptioncombo", "attroptcombo", "aoc", "value"),
    *("storedby", "strby", "created", "lastupdated", "lstupd", "timestamp", "comment", "cmt", "followup", "flwup"),
    *("deleted", "attributecombo", "attributeoptions", ""),
}


def is_column(name: str) -> bool:
    shortened = re.sub(r"[\s_-]", "", name).lower()
    return shortened not in COLUMNS and name == name.strip() and name != "null" and not re.search('[,;\t"\r\n]', name)


def is_attribute(name: str) -> bool:
    return re.fullmatch(r"[^\W\d][\w.-]*", name) is not None and not name.lower().startswith("xml")


# Round trips


@pytest.mark.parametrize("to", FORMATS)
@given(document=values.clean_documents(), source_format=st.sampled_from(FORMATS), seed=st.integers(0, 2**32))
@examples(0.007)
def test_what_all_formats_carry_comes_back_byte_for_byte_from_each(
    to: str, document: Document, source_format: str, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"values{SUFFIXES[source_format]}"
        source.write_bytes(legacy.write(document, source_format, random.Random(seed), noise=False))
        wanted = converted(source, Path(scratch) / "in", source_format=source_format)
        assume(wanted)
        report = write_back([Path(scratch) / "in"], Path(scratch) / "out", to)
        assert (report.read, report.written) == (len(document.values), len(document.values))
        assert read_back(report, to, Path(scratch)) == [wanted]


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source_format", FORMATS)
@given(data=st.data(), seed=st.integers(0, 2**32))
@examples(0.003)
def test_any_values_come_back_but_those_that_are_told_to_be_left_out(
    to: str, source_format: str, data: st.DataObject, seed: int
) -> None:
    document = data.draw(values.documents(source_format))
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"values{SUFFIXES[source_format]}"
        source.write_bytes(legacy.write(document, source_format, random.Random(seed)))
        wanted = converted(source, Path(scratch) / "in", source_format=source_format)
        groups = [group for text in wanted.values() for group in adv2.parse(text)]
        keys = [key for group in groups for key in group.rows]
        assume(groups and len(set(keys)) == len(keys))
        report = write_back([Path(scratch) / "in"], Path(scratch) / "out", to)
        note(f"{wanted}")
        for file in report.files:
            assert file.path is not None
            note(f"{file.path.read_bytes()!r}")
        back = read_back(report, to, Path(scratch))
        kept = {
            key: payload
            for group in groups
            for key, payload in group.rows.items()
            if statable(to, group.header, key, payload)
        }
        assert adv2.values(text for files in back for text in files.values()) == kept
        check_counts(report, read=len(keys), written=len(kept))
        if len(kept) == len(keys) and len(back) == 1 and not any(found.code == "TP772" for found in report.findings):
            assert back == [wanted]


def check_counts(report: WriteBackReport, *, read: int, written: int) -> None:
    assert (report.read, report.written, report.ignored) == (read, written, 0)
    assert report.left_out == read - written
    told = sum(found.count or 0 for found in report.findings if found.code in ("TP770", "TP771"))
    assert told == report.left_out
    assert sum(file.rows for file in report.files) == written


@given(document=values.clean_documents(), seed=st.integers(0, 2**32))
@examples(0.002)
def test_a_format_written_twice_is_the_same_file(document: Document, seed: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "values.json"
        source.write_bytes(legacy.write(document, "dxf-json", random.Random(seed), noise=False))
        assume(converted(source, Path(scratch) / "in", source_format="dxf-json"))
        for to in FORMATS:
            first, again = (write_back([Path(scratch) / "in"], Path(scratch) / to / name, to) for name in "ab")
            assert [file.sha256 for file in first.files] == [file.sha256 for file in again.files]


# Goldens


def group_files() -> list[Path]:
    return sorted(FIXTURES.glob("*.adv2.json"))


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("path", group_files(), ids=lambda path: path.name.partition(".")[0])
def test_every_golden_is_what_is_written(path: Path, to: str, tmp_path: Path) -> None:
    report = write_back([path], tmp_path, to)
    name = path.name.removesuffix(".adv2.json")
    written = {file.name: (tmp_path / file.name).read_bytes().decode() for file in report.files}
    told = "".join(f"{line}\n" for line in findings_told(report))
    golden = FIXTURES / f"{name}.{to}.txt"
    text = "".join(f"--- {file}\n{content}" for file, content in written.items()) + f"--- findings\n{told}"
    if os.environ.get("TALLYPORT_WRITE_GOLDENS"):
        golden.write_bytes(text.encode())
    assert text == golden.read_bytes().decode()


def findings_told(report: WriteBackReport) -> Iterable[str]:
    yield f"{report.read} read = {report.written} written + {report.ignored} ignored + {report.left_out} left out"
    for found in report.findings:
        parts = {"field": found.field, "row": found.row, "count": found.count, "found": found.found}
        yield " ".join([found.code, *(f"{name}={part}" for name, part in parts.items() if part is not None)])


def test_intervals_of_adx_are_written_for_all_periods_that_they_can_tell() -> None:
    kinds = {period.kind for text in values.PERIODS if (period := periods.parse(text))}
    told = {
        period.kind
        for text in values.PERIODS
        if (period := periods.parse(text)) and periods.parse_interval(periods.interval(period)) == (period, False)
    }
    assert {str(kind) for kind in kinds - told} == {"QuarterlyNov"}
