"""The published JSON Schemas: valid themselves, true of what is written, and closed to what is broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import pytest

from support.checking import (
    SCHEMAS,
    check_against,
    check_output,
    checked_convert,
    json_lines,
    plain_bytes,
    schema_text,
    strict_json,
    validator,
)
from support.places import SAMPLES
from tallyport.cli.options import LEGACY_FORMATS as FORMATS_ASKED_FOR
from tallyport_converters.readers.detect import FORMATS
from tallyport_schemas.finding import Severity, finding
from tallyport_schemas.finding_codes import CODES
from tallyport_schemas.group_header import KINDS

GROUP: dict[str, Any] = {
    "ids": {"ou": "CODE", "co": "ATTRIBUTE:Abcdefghij1"},
    "ds": "dsANC000001",
    "cc": "ccFixedOut1",
    "de": "deVisits001",
    "pe": ["202501", "2025W3"],
    "ou": ["CLINIC A", "Ünïcode"],
    "co": {"Age": ["<5", "5+"], "Sex": "F"},
    "ao": [["a"], ["b", "c"]],
    "delete": "soft",
    "size": 2,
    "data": [[0, 0, 1, 0, 12.25], [0, 1, 0, 1, None, True, False, "remark"]],
}
FINDING: dict[str, Any] = {
    "code": "TP304",
    "severity": "error",
    "message": "the period is none",
    "help": "write it in DHIS2's ISO form",
    "source": "january.json",
    "row": 6,
    "line": 9,
    "sheet": "Data",
    "sheet_row": 8,
    "cell": "B8",
    "keys": {"dataElement": "x", "period": "202513", "orgUnit": "y"},
    "field": "period",
    "found": "",
    "expected": "a period",
    "count": 3,
    "original": {"dataElement": "x", "period": ""},
}
MANIFEST: dict[str, Any] = {
    "tallyport": "0.1.0",
    "source": {"name": "january.json.gz", "format": "dxf-json", "bytes": 1, "sha256": "0" * 64},
    "values": {"read": 6, "written": 3, "superseded": 2, "rejected": 1},
    "dropped": {"storedBy": 6},
    "groups": [{"file": "x.1.adv2.json.zst", "de": "x", "rows": 3, "bytes": 70, "sha256": "f" * 64}],
    "completions": 1,
    "findings": [{"code": "TP401", "severity": "warning", "message": "header and row disagree", "count": 2, "row": 0}],
}
VALIDATION: dict[str, Any] = {
    "files": [
        {
            "file": "x.1.adv2.json",
            "groups": [
                {
                    "de": "x",
                    "findings": [
                        {"code": "TP605", "severity": "error", "message": "out of range", "row": 3, "count": 2}
                    ],
                    "valid": True,
                    "rows": {"declared": 9, "read": 9, "accepted": 7, "ignored": 2},
                    "not_made": ["files"],
                },
                {
                    "de": None,
                    "findings": [{"code": "TP503", "severity": "error", "message": "no data element", "field": "de"}],
                    "valid": False,
                    "rows": {"declared": None, "read": 4, "accepted": 0, "ignored": 4},
                },
            ],
            "error": {"code": "TP108", "severity": "error", "message": "the JSON ends in the middle"},
        }
    ]
}
WHOLE = {"adv2": GROUP, "finding": FINDING, "manifest": MANIFEST, "validation": VALIDATION}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_a_valid_schema_with_a_name_of_its_own(name: str) -> None:
    schema = json.loads(schema_text(name))
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:tallyport:schema:{name}:1"
    assert schema["title"]
    assert schema["description"]
    validator(name)  # all references lead somewhere


@pytest.mark.parametrize("name", WHOLE)
def test_document_with_every_property_is_accepted(name: str) -> None:
    check_against(name, WHOLE[name])


def test_schemas_name_the_formats_kinds_and_severities_that_the_program_knows() -> None:
    manifest, adv2, found = (json.loads(schema_text(name)) for name in ("manifest", "adv2", "finding"))
    assert manifest["properties"]["source"]["properties"]["format"]["enum"] == list(FORMATS) == list(FORMATS_ASKED_FOR)
    by_kind = adv2["$defs"]["group"]["properties"]["ids"]["oneOf"][1]["properties"]
    assert tuple(by_kind) == KINDS
    assert found["properties"]["severity"]["enum"] == [severity.value for severity in Severity]


def test_findings_of_every_code_fit_the_schema() -> None:
    for code in CODES:
        check_against("finding", finding(code, source="x", row=0, field="f", found="", expected="e", count=1).as_json())


ACCEPTED: list[tuple[str, Any]] = [
    ("one row of one value", {"de": "d", "pe": "202501", "ou": "o", "size": 1, "data": [[12]]}),
    ("deletion alone", {"de": "d", "pe": ["2025"], "ou": ["o"], "coc": "c", "delete": "hard", "size": 0}),
    ("no rows", {"de": "d", "pe": "2025Q1", "ou": "o", "size": 0, "data": []}),
    ("a scheme for all", {"ids": "CODE", "de": "d", "pe": "2025NovS2", "ou": "o", "size": 0}),
    ("no kind with a scheme of its own", {"ids": {}, "de": "d", "pe": "2025BiW1", "ou": "o", "size": 0}),
    ("options by position", {"de": "d", "pe": "20250131", "ou": "o", "co": [["a", "b"], ["c"]], "size": 0}),
    ("combos of both kinds", {"de": "d", "pe": "202501B", "ou": "o", "coc": "c", "ao": {"k": "v"}, "size": 0}),
    ("an array of groups", [GROUP, GROUP]),
    ("no group at all", []),
]


@pytest.mark.parametrize(("says", "document"), ACCEPTED, ids=[says for says, _ in ACCEPTED])
def test_group_is_accepted(says: str, document: Any) -> None:
    check_against("adv2", document)


Change = Callable[[dict[str, Any]], object]


def put(*path: str | int, to: Any) -> Change:
    """Change one place of a document."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def without(*path: str | int) -> Change:
    """Take one key out of a document."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


BROKEN: list[tuple[str, str, Change]] = [
    ("adv2", "no data element", without("de")),
    ("adv2", "no period", without("pe")),
    ("adv2", "no org unit", without("ou")),
    ("adv2", "no size", without("size")),
    ("adv2", "rows without the array of rows", without("data")),
    ("adv2", "two data elements", put("de", to=["a", "b"])),
    ("adv2", "empty data element", put("de", to="")),
    ("adv2", "identifier is a number", put("ds", to=1)),
    ("adv2", "period by its name", put("pe", to="January 2025")),
    ("adv2", "period with a dash", put("pe", to=["2025-01"])),
    ("adv2", "no periods", put("pe", to=[])),
    ("adv2", "org unit twice", put("ou", to=["o", "o"])),
    ("adv2", "empty org unit", put("ou", to=["o", ""])),
    ("adv2", "option combos by identifier and by options", put("coc", to="c")),
    ("adv2", "attribute option combos by identifier and by options", put("aoc", to=["a", "b"])),
    ("adv2", "options by position not in a list each", put("co", to=["a", "b"])),
    ("adv2", "category without options", put("co", "Age", to=[])),
    ("adv2", "category without a name", put("co", "", to="x")),
    ("adv2", "no categories", put("ao", to={})),
    ("adv2", "no attribute categories", put("ao", to=[])),
    ("adv2", "option twice", put("ao", 1, to=["b", "b"])),
    ("adv2", "unknown deletion", put("delete", to="all")),
    ("adv2", "deletion is a boolean", put("delete", to=True)),
    ("adv2", "negative size", put("size", to=-1)),
    ("adv2", "size in part", put("size", to=1.5)),
    ("adv2", "size is a text", put("size", to="2")),
    ("adv2", "size 0 with rows", put("size", to=0)),
    ("adv2", "size with an empty array", put("data", to=[])),
    ("adv2", "row is an object", put("data", 0, to={"value": 1})),
    ("adv2", "row without a value", put("data", 0, to=[])),
    ("adv2", "row with an array in it", put("data", 0, to=[0, [1]])),
    ("adv2", "data is an object", put("data", to={})),
    ("adv2", "unknown scheme", put("ids", to="UUID")),
    ("adv2", "scheme in small letters", put("ids", to="code")),
    ("adv2", "attribute scheme without an attribute", put("ids", "co", to="ATTRIBUTE:")),
    ("adv2", "scheme of an unknown kind", put("ids", "user", to="CODE")),
    ("adv2", "unknown property", put("comment", to="hello")),
    ("adv2", "property in other case", put("Size", to=2)),
    ("finding", "no code", without("code")),
    ("finding", "no severity", without("severity")),
    ("finding", "no message", without("message")),
    ("finding", "code of someone else", put("code", to="E7641")),
    ("finding", "unknown severity", put("severity", to="fatal")),
    ("finding", "empty message", put("message", to="")),
    ("finding", "negative row", put("row", to=-1)),
    ("finding", "row is a text", put("row", to="6")),
    ("finding", "count of none", put("count", to=0)),
    ("finding", "null for what it lacks", put("field", to=None)),
    ("finding", "unknown key", put("column", to=7)),
    ("finding", "line before the first", put("line", to=0)),
    ("finding", "a key of another kind", put("keys", to={"value": "5"})),
    ("manifest", "no version", without("tallyport")),
    ("manifest", "version in words", put("tallyport", to="latest")),
    ("manifest", "no values", without("values")),
    ("manifest", "values without a part of the sum", without("values", "superseded")),
    ("manifest", "negative count", put("values", "rejected", to=-1)),
    ("manifest", "unknown format", put("source", "format", to="ods")),
    ("manifest", "no digest", without("source", "sha256")),
    ("manifest", "digest in capital letters", put("source", "sha256", to="F" * 64)),
    ("manifest", "a path in the source", put("source", "path", to="home/january.json")),
    ("manifest", "dropped nothing", put("dropped", "created", to=0)),
    ("manifest", "group in another folder", put("groups", 0, "file", to="../x.adv2.json")),
    ("manifest", "group in another format", put("groups", 0, "file", to="x.json")),
    ("manifest", "group without a data element", without("groups", 0, "de")),
    ("manifest", "completions of none", put("completions", to=0)),
    ("manifest", "empty findings", put("findings", to=[])),
    ("manifest", "finding that is none", put("findings", 0, "severity", to="bad")),
    ("manifest", "finding with a row's fields", put("findings", 0, "original", to={})),
    ("manifest", "a time", put("created", to="2025-01-01T00:00:00")),
    ("validation", "no files", without("files")),
    ("validation", "files and why there are none", put("error", to=VALIDATION["files"][0]["error"])),
    ("validation", "file without a name", without("files", 0, "file")),
    ("validation", "file without groups", without("files", 0, "groups")),
    ("validation", "group without its data element", without("files", 0, "groups", 0, "de")),
    ("validation", "group without findings", without("files", 0, "groups", 0, "findings")),
    ("validation", "group without a verdict", without("files", 0, "groups", 0, "valid")),
    ("validation", "group without rows", without("files", 0, "groups", 0, "rows")),
    ("validation", "rows without a part of the sum", without("files", 0, "groups", 0, "rows", "ignored")),
    ("validation", "rows accepted of a group that fails", put("files", 0, "groups", 0, "valid", to=False)),
    ("validation", "negative count", put("files", 0, "groups", 0, "rows", "ignored", to=-1)),
    ("validation", "checks not made that are none", put("files", 0, "groups", 0, "not_made", to=[])),
    ("validation", "finding that is none", put("files", 0, "groups", 0, "findings", 0, "severity", to="bad")),
    ("validation", "finding with a row's fields", put("files", 0, "groups", 0, "findings", 0, "original", to={})),
    ("validation", "a path", put("files", 0, "path", to="home/x.adv2.json")),
]


@pytest.mark.parametrize(("name", "says", "change"), BROKEN, ids=[f"{name}: {says}" for name, says, _ in BROKEN])
def test_broken_document_is_refused(name: str, says: str, change: Change) -> None:
    document = copy.deepcopy(WHOLE[name])
    change(document)
    assert document != WHOLE[name]
    assert not validator(name).is_valid(document)
    if name == "adv2":
        assert not validator(name).is_valid([GROUP, document])


@pytest.mark.parametrize("document", [None, 1, "x", True, [[]], [None], {}])
def test_what_is_no_group_is_refused(document: Any) -> None:
    assert not validator("adv2").is_valid(document)


@pytest.mark.parametrize("layout", ["split", "single"])
@pytest.mark.parametrize("compress", ["none", "gz", "zst"])
def test_output_of_the_samples_fits_the_schemas(
    tmp_path: Path, layout: Literal["split", "single"], compress: Literal["none", "gz", "zst"]
) -> None:
    report = checked_convert([SAMPLES], tmp_path / "out", layout=layout, compress=compress)
    written = sorted(path.name for path in (tmp_path / "out" / "january").iterdir())
    ending = {"none": "", "gz": ".gz", "zst": ".zst"}[compress]
    names = ["values"] if layout == "single" else ["deMeasles01", "deStockOut1", "deVaccines1"]
    assert written == sorted([*(f"{name}.adv2.json{ending}" for name in names), "manifest.json", "rejects.ndjson"])
    assert {outcome.source for outcome in report.sources} == {path.name for path in SAMPLES.iterdir()}
    document = strict_json(plain_bytes(tmp_path / "out" / "january" / f"{names[0]}.adv2.json{ending}"))
    assert isinstance(document, list) == (layout == "single")


def test_source_that_cannot_be_read_gives_a_finding_that_fits_the_schema(tmp_path: Path) -> None:
    source = tmp_path / "cut.json"
    source.write_text('{"dataValues":[{"dataElement":"d"')
    report = checked_convert([source], tmp_path / "out")
    assert [outcome.error.code for outcome in report.sources if outcome.error] == ["TP108"]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The converted sample that has it all: written, superseded and rejected values."""
    checked_convert([SAMPLES / "january.json"], tmp_path)
    return tmp_path / "january"


def rewrite(path: Path, change: Change) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_check_passes_untouched_output(output: Path) -> None:
    assert check_output(output)["values"]["rejected"] == 1


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("manifest.json", put("values", "read", to=9)),
        ("manifest.json", put("groups", 0, "rows", to=2)),
        ("manifest.json", put("groups", 0, "sha256", to="0" * 64)),
        ("manifest.json", put("values", "rejected", to=0)),
        ("manifest.json", put("completions", to=1)),
        ("manifest.json", put("note", to="mine")),
        ("deMeasles01.adv2.json", put("data", 0, to=[0, 0, 18])),
        ("rejects.ndjson", without("original")),
        ("rejects.ndjson", put("source", to="other.json")),
    ],
)
def test_check_refuses_output_that_was_tampered_with(output: Path, file: str, change: Change) -> None:
    rewrite(output / file, change)
    with pytest.raises((AssertionError, FileNotFoundError)):
        check_output(output)


def test_check_refuses_a_file_that_nothing_accounts_for(output: Path) -> None:
    (output / "more.adv2.json").write_text("{}")
    with pytest.raises(AssertionError):
        check_output(output)


def test_check_refuses_a_file_that_is_missing(output: Path) -> None:
    (output / "deStockOut1.adv2.json").unlink()
    with pytest.raises(AssertionError):
        check_output(output)


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b"[NaN]", b'"\xff"', b"{}{}"])
def test_check_reads_json_strictly(text: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        strict_json(text)


def test_check_refuses_a_line_without_an_end() -> None:
    assert json_lines(b"{}\n1\n") == [{}, 1]
    with pytest.raises(AssertionError):
        json_lines(b"{}\n1")
