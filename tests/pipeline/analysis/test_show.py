"""`show`: what a look into a file says of its header, its fields and its rows, and how little of it is read."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.checking import check_against, schema_text
from support.places import ROOT, SAMPLES
from tallyport import FileView, convert, load_metadata, show, write_table
from tallyport.analysis.look.conditions import Condition, conditions
from tallyport.analysis.look.row_cells import categories, holds
from tallyport.analysis.names import KnownNames
from tallyport_converters.readers.detect import FORMATS
from tallyport_converters.sources import raw

FIXTURES = ROOT / "tests/fixtures"
HEADER = {"de": "deVisits001", "pe": ["202401", "202402", "202404"], "ou": ["ouClinicA01", "ouClinicB01"]}
METADATA = ROOT / "pipeline/tallyport/demo/metadata.json"


def looked(path: Path | str, **options: Any) -> FileView:
    """A look whose document is as published."""
    view = show(path, **options)
    check_against("show", json.loads(json.dumps(view.as_json())))
    return view


def adv2(path: Path, rows: list[list[Any]], **header: Any) -> Path:
    members = {**HEADER, **header}
    path.write_text(json.dumps({**members, "size": len(rows), "data": rows}))
    return path


def cells(view: FileView, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.cells[column] for column in columns) for row in view.rows]


def test_schema_names_every_format() -> None:
    schema = json.loads(schema_text("show"))
    assert set(schema["$defs"]["format"]["enum"]) == {"adv2", "folder", *FORMATS}


# ADV2


def test_header_of_adv2_is_said_in_parts_that_people_know(tmp_path: Path) -> None:
    path = adv2(tmp_path / "a.adv2.json", [[0, 0, 12], [2, 1, "x"]], coc=["cocUnder1y1"], ds="dsImmunis01")
    (group,) = looked(path).groups
    assert group.as_json() == {
        "group": 0,
        "data_element": {"id": "deVisits001"},
        "data_set": {"id": "dsImmunis01"},
        "period": {
            "count": 3,
            "text": "3 months, 202401 to 202404, 1 missing between",
            "spans": [{"type": "Monthly", "count": 3, "first": "202401", "last": "202404", "missing": ["202403"]}],
        },
        "org_unit": {"count": 2, "first": [{"id": "ouClinicA01"}, {"id": "ouClinicB01"}]},
        "category_option_combo": {"count": 1, "first": [{"id": "cocUnder1y1"}]},
        "schemes": dict.fromkeys(("ds", "de", "ou", "cc", "c", "co", "coc", "aoc"), "UID"),
        "rows": 2,
    }


def test_rows_of_adv2_are_shown_with_what_their_indexes_stand_for(tmp_path: Path) -> None:
    rows: list[list[Any]] = [[0, 0, 12], [0, 1, "007", False, True, "late"], [2, 1, None, True]]
    view = looked(adv2(tmp_path / "a.adv2.json", rows))
    assert cells(view, "period", "org_unit", "value", "deleted", "followup", "comment") == [
        ("202401", "ouClinicA01", "12", False, None, None),
        ("202401", "ouClinicB01", "007", False, True, "late"),
        ("202404", "ouClinicB01", None, True, None, None),
    ]
    assert view.is_complete
    assert view.exit_code == 0


@pytest.mark.parametrize(("rows", "shown", "is_complete"), [(0, 0, False), (2, 2, False), (3, 3, True), (9, 3, True)])
def test_as_many_rows_are_shown_as_asked_for_and_it_is_said_whether_there_are_more(
    tmp_path: Path, rows: int, shown: int, is_complete: bool
) -> None:
    path = adv2(tmp_path / "a.adv2.json", [[0, 0, 1], [0, 1, 2], [2, 1, 3]])
    view = looked(path, rows=rows)
    assert (len(view.rows), view.is_complete) == (shown, is_complete)
    assert len(view.groups) == 1


def test_metadata_gives_names_and_conditions_may_use_them(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    path = tmp_path / "january" / "deMeasles01.adv2.json"
    units = json.loads(METADATA.read_bytes())["organisationUnits"]
    (name,) = [unit["name"] for unit in units if unit["id"] == "ouClinicB01"]
    view = looked(path, metadata=load_metadata(METADATA), where=[f"ou={name.upper()}"])
    assert {row.cells["org_unit"] for row in view.rows} == {"ouClinicB01"}
    assert {row.names["org_unit"] for row in view.rows} == {name}
    assert view.rows[0].as_json()["org_unit_name"] == name


def test_row_that_is_shown_alone_has_all_that_is_known_of_what_it_mentions(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    units = {unit["id"]: unit for unit in json.loads(METADATA.read_bytes())["organisationUnits"]}
    path: list[str] = []
    at = units.get("ouClinicA01")
    while at:
        path.insert(0, at["name"])
        at = units.get(at.get("parent", {}).get("id"))
    for file in (SAMPLES / "january.json", tmp_path / "january" / "deMeasles01.adv2.json"):
        (row,) = looked(file, row=0, metadata=METADATA).rows
        assert row.cells["org_unit"] == "ouClinicA01"
        assert row.details == {
            "period_type": "Monthly",
            "period_start": "2025-01-01",
            "period_end": "2025-01-31",
            "org_unit_path": " / ".join(path),
            "value_type": "INTEGER_ZERO_OR_POSITIVE",
        }


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["ou=ouClinicA01"], [0, 2, 4]),
        (["organisationUnit=ouClinicB01", "pe=202401"], [1]),
        (["pe=202401,202404"], [0, 1, 4, 5]),
        (["pe=2024Q1"], [0, 1, 2, 3]),
        (["period=2024-02"], [2, 3]),
        (["value=5"], [1, 4]),
        (["value=5", "ou=ouClinicA01"], [4]),
        (["comment=late, by radio"], []),
        (['comment="late, by radio"'], [3]),
        (["deleted=TRUE"], [5]),
        (["followup=true"], [3]),
        (["value="], [5]),
        (["de=deVisits001", "coc=", "ds="], [0, 1, 2, 3, 4, 5]),
        (["de=deOther0001"], []),
    ],
)
def test_conditions_find_the_rows_of_adv2_that_meet_all_of_them(
    tmp_path: Path, where: list[str], found: list[int]
) -> None:
    rows: list[list[Any]] = [
        [0, 0, 1],
        [0, 1, 5],
        [1, 0, 3],
        [1, 1, 4, False, True, "late, by radio"],
        [2, 0, 5],
        [2, 1, None, True],
    ]
    view = looked(adv2(tmp_path / "a.adv2.json", rows), where=where)
    assert [row.number for row in view.rows] == found
    assert view.is_complete


def test_conditions_are_about_categories_too(tmp_path: Path) -> None:
    co = {"Age": ["<1y", ">1y"], "Sex": ["F", "M"]}
    path = adv2(tmp_path / "a.adv2.json", [[0, 0, 0, 0, 1], [0, 0, 1, 1, 2], [1, 0, 1, 0, 3]], co=co)
    assert [row.number for row in looked(path, where=["Sex=F", "co.Age=>1y"]).rows] == [2]
    with pytest.raises(ValueError, match="there is no field or category 'Sexe' here; Sex may be meant"):
        show(path, where=["Sexe=F"])


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("ouClinicA01", "write it as FIELD=VALUE"),
        ("facility=ouClinicA01", "no field or category 'facility' here; orgUnit may be meant"),
        ("pe=202413", "'202413' is not a period"),
        ("deleted=yes", "deleted is true or false, not 'yes'"),
        ("storedBy=amina", "ADV2 has no place for"),
    ],
)
def test_condition_that_can_find_nothing_is_refused_with_what_may_be_meant(
    tmp_path: Path, where: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        show(adv2(tmp_path / "a.adv2.json", [[0, 0, 1]]), where=[where])


def test_value_that_no_header_has_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    view = looked(adv2(tmp_path / "a.adv2.json", [[0, 0, 1]]), where=["ou=ouclinicA1,ouClinicB01"])
    assert [each.as_json() for each in view.unmatched] == [
        {"field": "ou", "value": "ouclinicA1", "nearest": "ouClinicA01"}
    ]


def test_row_is_found_by_its_number_within_its_group_and_a_flawed_one_says_why(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    groups = [{**HEADER, "de": de, "size": 2, "data": [[0, 0, 1], [7, 1, 2]]} for de in ("deVisits001", "deVisits002")]
    path.write_text(json.dumps(groups))
    (row,) = looked(path, row="1:0").rows
    assert (row.group, row.number, row.cells["data_element"]) == (1, 0, "deVisits002")
    (flawed,) = looked(path, row=1).rows
    assert flawed.finding is not None
    assert (flawed.finding.code, flawed.finding.row, flawed.finding.found) == ("TP605", 1, "7")
    for number, message in (("5", "the last one is row 1"), ("2:0", "no group 2: there are 2"), ("x", "is not the")):
        with pytest.raises(ValueError, match=message):
            show(path, row=number)


def test_row_deep_in_a_file_is_the_one_that_the_whole_file_has_there(tmp_path: Path) -> None:
    units = [f"ouClinic{number:03}" for number in range(500)]
    rows = [[pe, ou, (pe * 500 + ou) * 7] for pe in range(3) for ou in range(500)]
    path = adv2(tmp_path / "a.adv2.json", rows, ou=units)
    for number in (0, 499, 777, 1499):
        (row,) = looked(path, row=number).rows
        assert (row.number, row.cells["value"]) == (number, str(number * 7))
        assert row.cells["org_unit"] == units[number % 500]


def test_what_can_be_read_of_a_damaged_file_is_shown_with_why_it_ends(tmp_path: Path) -> None:
    whole = adv2(tmp_path / "a.adv2.json", [[0, 0, 1], [0, 1, 2], [2, 1, 3]]).read_bytes()
    path = tmp_path / "cut.adv2.json"
    path.write_bytes(whole[:-6])
    view = looked(path)
    assert view.error is not None
    assert (view.error.code, view.error.source, view.exit_code) == ("TP108", "cut.adv2.json", 3)
    assert len(view.groups) == 1
    path.write_text('{"de":"deVisits001","pe":"202413","ou":"ouClinicA01","size":0}')
    view = looked(path)
    assert [found.code for found in view.findings] == ["TP508"]
    assert view.groups[0].header.de == "deVisits001"


# Legacy files


def test_each_column_of_csv_is_said_to_be_taken_for_something(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("dataElement,period,OrgUnit,facilty,orgUnitName,value,storedBy,id\nde1,202401,ou1,x,y,5,z,1\n")
    uses = {use.name: use for use in looked(path).fields}
    assert [use.place for use in uses.values()] == list(range(1, 9))
    assert [use.column for use in uses.values()] == [
        "data_element", "period", "org_unit", "co.facilty", None, "value", None, None,
    ]  # fmt: skip
    assert uses["facilty"].reason == "a category"
    assert uses["orgUnitName"].reason == "skipped: another field gives the orgUnit"
    assert uses["storedBy"].reason.startswith("no place in ADV2")
    assert not uses["id"].is_known
    assert looked(path).exit_code == 1


def test_field_that_nobody_knows_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    row = {"dataElement": "de1", "period": "202401", "orgUnit": "ou1", "value": "5", "remark": "late"}
    path.write_text(json.dumps({"dataSet": "ds1", "colour": "red", "dataValues": [row]}))
    view = looked(path)
    assert [(use.name, use.column, use.is_known, use.nearest) for use in view.fields][-1] == (
        "remark", None, False, "comment",
    )  # fmt: skip
    assert view.header == {"data_set": "ds1", "not_understood": ["colour"]}
    assert view.rows[0].cells["data_set"] == "ds1"


@pytest.mark.parametrize("name", ["january.json", "february.csv", "march.xml", "april.adx.xml"])
def test_rows_of_legacy_files_are_understood_as_a_conversion_does(tmp_path: Path, name: str) -> None:
    """Each row that a conversion writes is shown as it is written; the others are superseded, or have a problem."""
    (outcome,) = convert([SAMPLES / name], tmp_path).sources
    assert outcome.folder is not None
    assert outcome.manifest is not None
    view = looked(SAMPLES / name, rows=1000)
    assert view.is_complete
    assert len(view.rows) == outcome.manifest["values"]["read"]
    assert sum(row.finding is not None for row in view.rows) == outcome.manifest["values"]["rejected"]
    columns = ("data_element", "period", "org_unit", "value", "comment")
    written = set(cells(looked(outcome.folder, where=["deleted=false,true"]), *columns))
    understood = set(cells(FileView("", rows=[row for row in view.rows if not row.finding]), *columns))
    assert written <= understood
    assert len(understood - written) <= outcome.manifest["values"]["superseded"]


def test_row_of_a_legacy_file_has_its_line_its_own_fields_and_why_it_would_be_rejected() -> None:
    view = looked(SAMPLES / "january.json", where=["pe=202501"], rows=1)
    assert view.rows[0].line == 3
    (row,) = [row for row in looked(SAMPLES / "january.json").rows if row.finding]
    assert row.finding is not None
    (alone,) = looked(SAMPLES / "january.json", row=row.number).rows
    assert alone.as_json() == row.as_json()
    assert (row.line, row.finding.code, row.finding.line) == (9, "TP304", 9)
    assert isinstance(row.original, dict)
    assert row.original["period"] == "202513"


@pytest.mark.parametrize(
    "where",
    [
        {"orgUnit": ["ouClinicA01"]},
        {"pe": ["202501"], "de": ["deMeasles01"]},
        {"categoryOptionCombo": ["cocUnder1y1", "cocOver1yr1"]},
        {"value": ["42", "false"]},
    ],
)
def test_conditions_find_the_rows_of_a_legacy_file(where: dict[str, list[str]]) -> None:
    names = {"pe": "period", "de": "dataElement"}
    rows = json.loads((SAMPLES / "january.json").read_bytes())["dataValues"]
    expected = [
        number
        for number, row in enumerate(rows)
        if all(row.get(names.get(name, name)) in values for name, values in where.items())
    ]
    conditions = [f"{name}={','.join(values)}" for name, values in where.items()]
    assert [row.number for row in looked(SAMPLES / "january.json", where=conditions).rows] == expected
    assert expected


def conditions_of(view: FileView) -> Iterator[tuple[str, Condition]]:
    """Yield conditions that some rows of a file meet, about each of its columns and categories."""
    seen: set[tuple[str, str]] = set()
    for row in view.rows:
        for column, cell in {**row.cells, **categories(row.cells)}.items():
            text = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else cell
            if isinstance(text, str) and not {'"', "\n", "\r"} & set(text) and (column, text) not in seen:
                seen.add((column, text))
                said = f'{column}="{text}"'
                with contextlib.suppress(ValueError):  # such as a period that is none
                    yield said, conditions([said])[0]


@pytest.mark.parametrize("folder", ["dxf-csv", "dxf-json", "dxf-xml", "adx"])
def test_the_scanner_finds_the_rows_that_a_slow_reading_of_all_finds(folder: str) -> None:
    names, found = KnownNames(None), 0
    for path in sorted((FIXTURES / folder).iterdir()):
        if path.name.endswith(".expected.json") or "-said" in path.name or (view := looked(path, rows=1000)).error:
            continue
        for said, condition in conditions_of(view):
            slow = [row.number for row in view.rows if holds(condition, row.cells, names)]
            assert [row.number for row in looked(path, where=[said], rows=1000).rows] == slow, (path.name, said)
            found += len(slow)
    assert found > 100


def test_conditions_hold_for_what_a_header_behind_the_rows_says(tmp_path: Path) -> None:
    row = {"dataElement": "de1", "value": "5"}
    document = {"dataValues": [row, {**row, "orgUnit": "ou2"}], "orgUnit": "ou1", "period": "202401"}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert [row.number for row in looked(tmp_path / "a.json", where=["ou=ou1", "pe=2024"]).rows] == [0]


def test_packed_files_say_so_and_are_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "february.csv.gz"
    path.write_bytes(gzip.compress((SAMPLES / "february.csv").read_bytes()))
    view = looked(path)
    assert (view.format, view.compression, view.evidence) == ("dxf-csv", "gzip", "its first row names columns")
    with (SAMPLES / "february.csv").open() as lines:
        assert [value for (value,) in cells(view, "value")] == [row["value"] or None for row in csv.DictReader(lines)]


@pytest.mark.parametrize("folder", ["dxf-csv", "dxf-json", "dxf-xml", "dxf-pdf", "adx"])
def test_every_fixture_is_shown_or_refused_as_by_a_conversion(folder: str) -> None:
    for path in sorted((FIXTURES / folder).iterdir()):
        expected = path.with_name(f"{path.stem}.expected.json")
        if path.is_dir() or path.name.endswith(".expected.json") or "-said" in path.name:
            continue
        view = looked(path)
        if view.error is None:
            assert view.format == folder, path
            continue
        assert view.exit_code == 3
        if expected.exists():
            golden = json.loads(expected.read_bytes())
            assert view.error.code in json.dumps(golden), path


def test_table_is_shown_with_what_its_columns_are_read_as(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    write_table([tmp_path / "january"], tmp_path / "january.parquet")
    view = looked(tmp_path / "january.parquet", where=["ou=ouClinicB01"])
    assert (view.format, view.exit_code) == ("parquet", 0)
    columns = ("data_element", "period", "org_unit", "value", "comment")
    assert cells(view, *columns) == cells(looked(tmp_path / "january", where=["ou=ouClinicB01"]), *columns)
    uses = {use.name: use.column or use.reason for use in view.fields}
    assert uses["value"] == "value"
    assert uses["number"] == "follows from others: skipped"


def test_rows_of_a_workbook_have_the_numbers_of_its_sheet(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    write_table([tmp_path / "january"], tmp_path / "january.xlsx")
    view = looked(tmp_path / "january.xlsx", where=["ou=ouClinicB01"])
    written = cells(looked(tmp_path / "january", where=["deleted=false,true"]), "org_unit")
    expected = [at for at, (unit,) in enumerate(written, 2) if unit == "ouClinicB01"]
    assert [row.sheet_row for row in view.rows] == expected
    assert view.exit_code == 0
    assert looked(tmp_path / "january.xlsx", sheet="nothing").error is not None
    with pytest.raises(ValueError, match="a sheet has no effect on dxf-json"):
        show(SAMPLES / "january.json", sheet="1")


def test_no_more_of_a_file_is_read_than_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = b"deMeasles01,202502,ouClinicA01,cocUnder1y1,,39\n"
    path = tmp_path / "large.csv"
    path.write_bytes(b"dataElement,period,orgUnit,categoryOptionCombo,attributeOptionCombo,value\n" + line * 400_000)
    read = 0
    read_at = raw.RawFile.read_at

    def counted(file: raw.RawFile, offset: int, size_bytes: int) -> bytearray:
        nonlocal read
        block = read_at(file, offset, size_bytes)
        read += len(block)
        return block

    monkeypatch.setattr(raw.RawFile, "read_at", counted)
    assert len(looked(path).rows) == 10
    assert read < 3 << 20 < path.stat().st_size


# Folders


def test_folder_is_shown_file_by_file(tmp_path: Path) -> None:
    convert([SAMPLES / "january.json"], tmp_path)
    view = looked(tmp_path / "january")
    manifest = json.loads((tmp_path / "january" / "manifest.json").read_bytes())
    assert [(file.name, file.group and file.group["rows"]) for file in view.files] == [
        (group["file"], group["rows"]) for group in manifest["groups"]
    ]
    assert view.statistics is not None
    assert view.statistics.counts.rows == manifest["values"]["written"]


def test_conditions_find_rows_in_all_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("deVisits001", "deVisits002"):
        adv2(tmp_path / f"{name}.adv2.json", [[0, 0, 1], [0, 1, 2], [1, 0, 3]], de=name)
    view = looked(tmp_path, where=["ou=ouClinicA01"])
    assert [(row.file, row.number) for row in view.rows] == [
        ("deVisits001.adv2.json", 0), ("deVisits001.adv2.json", 2),
        ("deVisits002.adv2.json", 0), ("deVisits002.adv2.json", 2),
    ]  # fmt: skip
    assert view.is_complete
    assert not looked(tmp_path, where=["ou=ouClinicA01"], rows=3).is_complete
    with pytest.raises(ValueError, match="no field or category 'Sex'"):
        show(tmp_path, where=["Sex=F"])
