"""What holds no data value set is named for what it is and never taken for an empty one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tallyport import convert
from tallyport.any_source import converted
from tallyport_converters.convert import Outcome
from tallyport_schemas.finding import Finding

SET = '{"dataValues":[{"dataElement":"deMeasles01","period":"202401","orgUnit":"ouClinicA01","value":"5"}]}'

DOCUMENTS: Mapping[str, tuple[str | bytes, str]] = {
    "answer": (
        '{"httpStatus":"Unauthorized","httpStatusCode":401,"status":"ERROR","message":"Unauthorized"}',
        "an answer of a DHIS2 server, 401 Unauthorized",
    ),
    "answer of a proxy": ('{"timestamp":"2024","status":404,"error":"Not Found","path":"/api"}', "404 Not Found"),
    "import summary": ('{"responseType":"ImportSummary","status":"SUCCESS","importCount":{}}', "import summary"),
    "OAuth": ('{"error":"unauthorized","error_description":"x"}', "an error message"),
    "wrapper of one": ('{"dataValueSet":' + SET + "}", 'stands inside its "dataValueSet"'),
    "wrapper of several": ('{"dataValueSets":[' + SET + "]}", 'stands inside its "dataValueSets"'),
    "wrapper of any name": ('{"payload":' + SET + "}", 'stands inside its "payload"'),
    "rows of another name": ('{"rows":[{"dataElement":"a","value":"1"}]}', 'its rows are in "rows"'),
    "array of rows": ('[{"dataElement":"a","value":"1"}]', "a bare array of values"),
    "one row": ('{"dataElement":"a","period":"202401","value":"1"}', "a single data value"),
    "GeoJSON": ('{"type":"FeatureCollection","features":[]}', "GeoJSON"),
    "analytics": ('{"headers":[],"metaData":{},"rows":[["a"]]}', "analytics"),
    "metadata": ('{"system":{"id":"a"},"dataElements":[{"id":"a","name":"b"}]}', "metadata of DHIS2"),
    "list of objects": ('{"pager":{"page":1},"organisationUnits":[]}', "metadata of DHIS2"),
    "events": ('{"events":[{"event":"a"}]}', "tracker or event data"),
    "completions": ('{"completeDataSetRegistrations":[]}', "a list of completions"),
    "ADV2": ('{"de":"a","pe":"202401","ou":"b","size":1,"data":[[1]]}', "ADV2 already"),
    "nothing": ("{}", "the JSON object is empty"),
    "unknown": ('{"a":1,"b":{"c":[2]}}', "it has no dataValues"),
    "web page": ("<!DOCTYPE html>\n<html><body>Log in</body></html>", "a web page"),
    "DXF 1": ('<dxf xmlns="http://dhis2.org/schema/dxf/1.0"><dataValues/></dxf>', "DXF 1"),
    "SOAP": ('<s:Envelope xmlns:s="u"><s:Body><dataValueSet xmlns="d"/></s:Body></s:Envelope>', "a SOAP envelope"),
    "XML wrapper": ("<message><dataValueSet/></message>", "a wrapper, <message>"),
    "XML metadata": ('<metadata xmlns="d"><dataElements/></metadata>', "a metadata export"),
    "old Excel or Word": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "an Excel or Word file of the old kind"),
    "old Excel": (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "Workbook".encode("utf-16-le"),
        "workbook of the old kind",
    ),
    "a password": (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "a workbook with a password",
    ),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
    "columns of its own": ("Facility,Indicator,Month,Value\nA,B,Jan,3\n", "no column is called dataElement, period"),
    "columns by semicolons": ("Facility;Month\nA;Jan\n", "no column is called dataElement, period, orgUnit, value"),
}


def _error(path: Path) -> Finding:
    report = convert([path], path.parent / "out")
    (outcome,) = report.sources
    assert (report.exit_code, outcome.folder) == (3, None)
    assert not (path.parent / "out").exists()
    assert outcome.error
    return outcome.error


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_refused_by_what_it_looks_like_with_what_to_do(name: str, tmp_path: Path) -> None:
    text, told = DOCUMENTS[name]
    path = tmp_path / "source"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    error = _error(path)
    assert error.code == "TP113"
    assert told in error.message
    assert error.help
    assert error.found
    assert error.expected


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
        ("word/main.xml", "a Word document"),
        ("ppt/main.xml", "a PowerPoint file"),
    ],
)
def test_an_office_document_is_no_archive_of_data(part: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<a/>")
    assert (_error(path).code, told in _error(path).message) == ("TP113", True)


def test_a_document_with_longer_parts_than_any_row_is_named_as_well(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"type":"FeatureCollection","features":[' + ",".join(["[1,2]"] * 6_000_000) + "]}")
    assert "GeoJSON" in _error(path).message


@pytest.mark.parametrize(
    "text",
    [
        '{"dataValues":[]}',
        '{"dataValues":null}',
        '{"dataSet":"dsMonthly01"}',
        '{"period":"202401","orgUnit":"ouClinicA01"}',
        '{"deletion":{"orgUnits":["a"],"periods":["202401"],"elements":[{"dataElement":"b"}]}}',
        '{"dataSet":"a","completeDate":"2024-02-01","period":"202401","orgUnit":"b"}',
    ],
)
def test_a_data_value_set_without_values_is_one(text: str, tmp_path: Path) -> None:
    path = tmp_path / "source.json"
    path.write_text(text)
    assert convert([path], tmp_path / "out").exit_code == 0


def test_windows_1252_is_named_with_the_letter_and_the_way_out(tmp_path: Path) -> None:
    for number, line in enumerate(["dataElement,period,orgUnit,value,caf\xe9\n", "dataElement,value\na,\xe9\n"]):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(line.encode("cp1252"))
        error = _error(path)
        assert error.code == "TP107"
        assert "\xe9 in Windows-1252" in str(error.found)
        assert "CSV UTF-8" in str(error.help)


def test_a_folder_without_files_is_an_error_beside_others(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "empty" / ".hidden").touch()
    (tmp_path / "a.json").write_text(SET)
    report = convert([tmp_path / "a.json", tmp_path / "empty"], tmp_path / "out")
    assert (report.exit_code, report.sources[0].exit_code) == (3, 0)
    assert report.sources[1].error
    assert report.sources[1].error.code == "TP125"


def test_in_a_folder_it_is_named_and_the_others_are_converted(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a.json").write_text(SET)
    (folder / "b.json").write_text(str(DOCUMENTS["answer"][0]))
    report = convert([folder], tmp_path / "out")
    assert [outcome.exit_code for outcome in report.sources] == [0, 3]


def test_an_address_is_refused_and_makes_no_folder(tmp_path: Path) -> None:
    (outcome,) = convert(["s3://bucket/a.json"], tmp_path / "out").sources
    assert outcome.error
    assert outcome.error.code == "TP126"
    (tmp_path / "a.json").write_text(SET)
    with pytest.raises(ValueError, match="not an address"):
        convert([tmp_path / "a.json"], "s3://bucket/out")


@pytest.mark.parametrize("name", ["answer", "wrapper of several", "metadata", "nothing", "GeoJSON"])
def test_import_and_push_do_not_take_it_for_adv2(name: str, tmp_path: Path) -> None:
    path, work = tmp_path / "source.json", tmp_path / "work"
    path.write_text(str(DOCUMENTS[name][0]))
    work.mkdir()
    paths: list[str] = []
    (outcome,) = (event for event in converted([path], work, paths) if isinstance(event, Outcome))
    assert (outcome.error and outcome.error.code, paths) == ("TP113", [])
