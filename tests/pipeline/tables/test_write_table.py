"""A table holds every value of its sources, or says what became of it; it appears whole or not at all."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.feather
import pyarrow.parquet
import pytest
from python_calamine import CalamineWorkbook

from support.places import ROOT, SAMPLES
from support.running import contents
from tallyport import OutsideFailed, Refused, SourceUnreadable, TableReport, convert, read_adv2, write_table
from tallyport.tables import cells, workbook

MIXED = (
    '{"de":"deVisits001","pe":["202501","202502","202503","202504"],"ou":["ouClinicA01","ouClinicB01"],"size":8,"data":['
    '[0,0,12],[0,1,"007"],[1,0,"5.0"],[1,1,-0.25],[2,0,"=SUM(A1)",false,true,"<&> _x0041_"],'
    '[2,1,"1234567890123456",false,false,""],[3,0,null,true],[3,1,"late, by \\"radio\\"\\r\\n\\u0007"]]}'
)
TEXTS = ["12", "007", "5.0", "-0.25", "=SUM(A1)", "1234567890123456", None, 'late, by "radio"\r\n\x07']
KINDS = ("parquet", "arrow", "csv", "xlsx", "duckdb")


def adv2(folder: Path, text: str = MIXED, name: str = "visits") -> Path:
    path = folder / f"{name}.adv2.json"
    path.write_text(text, encoding="utf-8")
    return path


def group(element: str, period: str, *rows: str) -> str:
    head = f'"de":"{element}","pe":"{period}","ou":["ouClinicA01","ouClinicB01"],"coc":["cocFixed001","cocOutreach"]'
    return f'{{{head},"size":{len(rows)},"data":[{",".join(rows)}]}}'


def sheet(path: Path) -> list[list[object]]:
    return [list(row) for row in CalamineWorkbook.from_path(path).get_sheet_by_name("values").to_python()]


READERS: dict[str, Callable[[Path], list[object]]] = {
    "parquet": lambda path: pyarrow.parquet.read_table(path)["value"].to_pylist(),
    "arrow": lambda path: pyarrow.feather.read_table(path)["value"].to_pylist(),
    "csv": lambda path: pl.read_csv(path, infer_schema=False)["value"].to_list(),
    "duckdb": lambda path: [text for (text,) in _query(path, "SELECT value FROM data_values")],
}


def _query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(path, read_only=True) as database:
        return database.execute(sql).fetchall()


# What is in a table


@pytest.mark.parametrize("kind", READERS)
def test_values_keep_their_texts_in_the_order_of_the_source(tmp_path: Path, kind: str) -> None:
    report = write_table([adv2(tmp_path)], tmp_path / f"out.{kind}")
    assert READERS[kind](tmp_path / f"out.{kind}") == TEXTS
    assert (report.read, report.written, report.table_rows) == (8, 8, 8)


def test_workbook_has_numbers_where_it_carries_them_exactly_and_texts_that_are_no_formula(tmp_path: Path) -> None:
    write_table([adv2(tmp_path)], tmp_path / "out.xlsx")
    header, *rows = sheet(tmp_path / "out.xlsx")
    column = header.index("value")
    assert [row[column] for row in rows] == [12.0, "007", "5.0", -0.25, "=SUM(A1)", TEXTS[5], "", TEXTS[7]]
    assert [row[header.index("comment")] for row in rows][4] == "<&> _x0041_"
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        text = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in text
    assert "<v>12</v>" in text


@pytest.mark.parametrize(("text", "cell"), [("0.00001", 0.00001), ("0.0000025", "0.0000025"), ("-0.5", -0.5)])
def test_workbook_has_small_numbers_as_texts_where_they_would_come_back_with_an_exponent(
    tmp_path: Path, text: str, cell: object
) -> None:
    write_table([adv2(tmp_path, group("deVisits001", "202401", f"[0,0,{text}]"))], tmp_path / "out.xlsx")
    header, row = sheet(tmp_path / "out.xlsx")
    assert row[header.index("value")] == cell
    (again,) = convert([tmp_path / "out.xlsx"], tmp_path / "again").sources
    assert again.manifest
    assert again.manifest["values"]["written"] == 1


def test_workbook_opens_with_its_header_in_view_a_filter_and_columns_as_wide_as_their_texts(tmp_path: Path) -> None:
    write_table([adv2(tmp_path)], tmp_path / "out.xlsx")
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        text = archive.read("xl/worksheets/sheet1.xml").decode()
    assert '<pane ySplit="1"' in text
    assert 'numberStoredAsText="1"' in text  # no warning at each text of digits
    assert '<autoFilter ref="A1:I9"/>' in text
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([0-9.]+)"', text)]
    assert len("data_element") < widths[0] < 20
    assert len("202501") < widths[1] < widths[0]


def test_numbers_beside_texts_where_a_reader_does_not_see_them_by_itself(tmp_path: Path) -> None:
    columns = {kind: write_table([adv2(tmp_path)], tmp_path / f"out.{kind}").columns for kind in KINDS}
    assert {kind for kind, names in columns.items() if "number" in names} == {"parquet", "arrow", "duckdb"}
    assert pl.read_parquet(tmp_path / "out.parquet")["number"].to_list()[:4] == [12.0, None, 5.0, -0.25]


def test_parquet_keeps_identifiers_once_for_each_group_of_rows(tmp_path: Path) -> None:
    write_table([adv2(tmp_path)], tmp_path / "out.parquet")
    column = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0).column(0)
    assert "RLE_DICTIONARY" in column.encodings


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    source = adv2(tmp_path)
    for kind in ("parquet", "arrow", "csv", "xlsx"):
        first, second = (tmp_path / f"{name}.{kind}" for name in ("first", "second"))
        for path in (first, second):
            write_table([source], path)
        assert first.read_bytes() == second.read_bytes(), kind


def test_day_before_spreadsheets_agree_on_days_is_a_text() -> None:
    frame = pl.DataFrame({"day": [date(1900, 3, 1), date(1899, 12, 31), None]})
    text = cells.rows_text(frame, 2, [], "1")
    assert '<c r="A2" s="1"><v>61</v></c>' in text
    assert ">1899-12-31<" in text
    assert '<row r="4"></row>' in text


@pytest.mark.parametrize("wide", [None, "period"])
def test_invalid_rows_are_ignored_and_counted(tmp_path: Path, wide: str | None) -> None:
    bad = adv2(tmp_path, MIXED.replace("[1,1,-0.25]", "[1,7,3]"))
    report = write_table([bad], tmp_path / "out.csv", wide=wide)
    left_out = 1 if wide else 0  # the one that is marked deleted
    assert (report.read, report.ignored, report.left_out, report.written) == (8, 1, left_out, 7 - left_out)
    assert [(found.code, found.row, found.source) for found in report.findings][:1] == [("TP605", 3, bad.name)]
    assert report.exit_code == 1


def test_metadata_adds_names_and_days_as_dates(tmp_path: Path) -> None:
    folder = ROOT / "pipeline/tallyport/demo"
    for kind in ("parquet", "xlsx"):
        write_table([SAMPLES / "january.json"], tmp_path / f"out.{kind}", metadata=folder / "metadata.json")
    first = pl.read_parquet(tmp_path / "out.parquet").row(0, named=True)
    header, row, *_ = sheet(tmp_path / "out.xlsx")
    cells = dict(zip(map(str, header), row, strict=True))
    for found in (first, cells):
        assert (found["data_element_name"], found["level_2"]) == ("Measles doses given", "Coast District")
        assert (found["period_start"], found["period_end"]) == (date(2025, 1, 1), date(2025, 1, 31))


# Legacy files


def test_legacy_file_is_converted_on_the_way_with_the_account_of_a_conversion(tmp_path: Path) -> None:
    rows = ("deVisits001,202501,ouClinicA01,4", "deVisits001,202513,ouClinicA01,5", "deVisits001,202501,ouClinicA01,6")
    (tmp_path / "clinics.csv").write_text("\n".join(["dataelement,period,orgunit,value", *rows]) + "\n")
    report = write_table([tmp_path / "clinics.csv"], tmp_path / "out.csv", rejects=tmp_path / "rejects.ndjson")
    (source,) = report.sources
    assert source.values == {"read": 3, "written": 1, "superseded": 1, "rejected": 1}
    assert (report.read, report.written, report.exit_code) == (1, 1, 1)
    assert "202513" in (tmp_path / "rejects.ndjson").read_text()
    assert (tmp_path / "out.csv").read_text().splitlines()[1].split(",")[:3] == ["deVisits001", "202501", "ouClinicA01"]


def test_nothing_is_written_where_one_of_the_sources_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("no values here")
    with pytest.raises(SourceUnreadable):
        write_table([adv2(tmp_path), tmp_path / "odd.txt"], tmp_path / "out" / "out.csv")
    assert not (tmp_path / "out").exists()


# Folders of Parquet files


def test_partitioned_table_has_a_folder_for_each_data_element_that_others_read_as_one_table(tmp_path: Path) -> None:
    source = adv2(
        tmp_path, f"[{group('deVisits001', '202412', '[0,0,1]', '[1,1,2]')},{group('de/2', '202501', '[0,1,4]')}]"
    )
    write_table([source], tmp_path / "parts", partition="data-element")
    assert set(contents(tmp_path / "parts")) == {
        f"data_element={name}/00000000.parquet" for name in ("deVisits001", "de%2F2")
    }
    files = f"'{tmp_path}/parts/*/*.parquet', hive_partitioning = true"
    with duckdb.connect() as database:
        found = database.execute(f"SELECT data_element, value FROM read_parquet({files}) ORDER BY value").fetchall()
    assert found == [
        ("deVisits001", "1"),
        ("deVisits001", "2"),
        ("de/2", "4"),
    ]
    whole = pl.scan_parquet(tmp_path / "parts", hive_partitioning=True).collect()
    assert whole.select(read_adv2(source).columns).sort("value").equals(read_adv2(source).sort("value"))


def test_table_partitioned_by_year_keeps_the_period(tmp_path: Path) -> None:
    source = adv2(
        tmp_path, f"[{group('deVisits001', '202412', '[0,0,1]')},{group('deVisits001', '2025W3', '[0,0,2]')}]"
    )
    report = write_table([source], tmp_path / "parts", partition="year")
    assert [file.name for file in report.files] == ["year=2024/00000000.parquet", "year=2025/00000000.parquet"]
    assert pl.read_parquet(tmp_path / "parts/year=2025/00000000.parquet")["period"].to_list() == ["2025W3"]


# Wide tables


def test_wide_table_gives_each_period_a_column_in_the_order_of_time(tmp_path: Path) -> None:
    text = ",".join(group("deVisits001", week, f"[0,0,{week[5:]}]") for week in ("2025W10", "2025W9"))
    write_table([adv2(tmp_path, f"[{text}]")], tmp_path / "out.csv", wide="period")
    assert (tmp_path / "out.csv").read_text() == (
        "data_element,org_unit,category_option_combo,attribute_option_combo,2025W9,2025W10\n"
        "deVisits001,ouClinicA01,cocFixed001,,9,10\n"
    )


def test_wide_table_gives_each_data_element_a_column_whatever_file_it_is_in(tmp_path: Path) -> None:
    for element, rows in {"deVisits001": ("[0,0,1]", "[1,1,2]"), "deDeaths001": ("[1,1,0]",)}.items():
        adv2(tmp_path, group(element, "202501", *rows), name=element)
    write_table([tmp_path], tmp_path / "out.csv", wide="data-element")
    assert (tmp_path / "out.csv").read_text() == (
        "period,org_unit,category_option_combo,attribute_option_combo,deDeaths001,deVisits001\n"
        "202501,ouClinicA01,cocFixed001,,,1\n"
        "202501,ouClinicB01,cocOutreach,,0,2\n"
    )


def test_values_for_one_cell_are_all_kept_and_reported(tmp_path: Path) -> None:
    for name, value in (("first", 7), ("second", 8), ("third", 8)):
        adv2(tmp_path, group("deVisits001", "202501", f"[0,0,{value}]", "[1,0,3]"), name=name)
    report = write_table([tmp_path], tmp_path / "out.csv", wide="period")
    assert pl.read_csv(tmp_path / "out.csv")["202501"].to_list() == [7, 8, 8, 3, 3, 3]
    (found,) = report.findings
    assert (found.code, found.count, found.found, found.field) == ("TP792", 4, "8", "202501")
    assert found.keys == {"dataElement": "deVisits001", "period": "202501", "orgUnit": "ouClinicA01"}
    assert (report.read, report.written, report.exit_code) == (6, 6, 1)


def test_wide_table_says_what_it_has_no_place_for(tmp_path: Path) -> None:
    report = write_table([adv2(tmp_path)], tmp_path / "out.parquet", wide="period")
    assert report.dropped == {"comment": 2, "followup": 2}
    assert (report.read, report.written, report.left_out) == (8, 7, 1)
    assert [(found.code, found.count) for found in report.findings] == [("TP793", 1)]


def test_rows_of_a_wide_table_stay_together_whatever_the_size_of_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"[{unit},{combo},{unit}]" for unit in range(2) for combo in range(2)]
    text = ",".join(group(f"de{number:09}", period, *rows) for period in ("202501", "202502") for number in range(30))
    source = adv2(tmp_path, f"[{text}]")
    write_table([source], tmp_path / "whole.csv", wide="period")
    monkeypatch.setattr("tallyport.tables.wide._BATCH_ROWS", 7)
    write_table([source], tmp_path / "parts.csv", wide="period")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()
    assert len(pl.read_csv(tmp_path / "whole.csv")) == 120


# What a file cannot hold


def test_row_with_a_text_longer_than_a_cell_is_skipped_and_named(tmp_path: Path) -> None:
    longest, too_long = "é" * 32_767, "😀" * 16_384  # two units each, as spreadsheets count
    text = group("deVisits001", "202501", f'[0,0,"{longest}"]', f'[1,0,"{too_long}"]', "[1,1,5]")
    report = write_table([adv2(tmp_path, text)], tmp_path / "out.xlsx")
    assert [row[5] for row in sheet(tmp_path / "out.xlsx")] == ["value", longest, 5.0]
    (found,) = report.findings
    assert (found.code, found.count, found.field) == ("TP791", 1, "value")
    assert found.keys == {"dataElement": "deVisits001", "period": "202501", "orgUnit": "ouClinicB01"}
    assert (report.read, report.written, report.left_out, report.table_rows, report.exit_code) == (3, 2, 1, 2, 1)


def test_workbook_of_more_rows_than_a_worksheet_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 9)
    write_table([adv2(tmp_path)], tmp_path / "fits.xlsx")
    monkeypatch.setattr(workbook, "MOST_ROWS", 8)
    with pytest.raises(Refused) as caught:
        write_table([adv2(tmp_path)], tmp_path / "out.xlsx")
    assert (caught.value.finding.code, caught.value.finding.expected) == ("TP790", "at most 7 rows")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fits.xlsx", "visits.adv2.json"]


def test_workbook_of_more_columns_than_a_worksheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_COLUMNS", 8)
    write_table([adv2(tmp_path)], tmp_path / "fits.xlsx", wide="period")
    monkeypatch.setattr(workbook, "MOST_COLUMNS", 7)
    with pytest.raises(Refused) as caught:
        write_table([adv2(tmp_path)], tmp_path / "out.xlsx", wide="period")
    assert (caught.value.finding.code, caught.value.finding.found) == ("TP790", "8 columns")


def test_texts_that_begin_like_a_formula_are_reported_where_a_spreadsheet_would_take_them_for_one(
    tmp_path: Path,
) -> None:
    report = write_table([adv2(tmp_path)], tmp_path / "out.csv")
    (found,) = report.findings
    assert (found.code, found.count, found.found) == ("TP794", 1, "=SUM(A1)")
    assert write_table([adv2(tmp_path)], tmp_path / "out.xlsx").findings == []


# Outputs


@pytest.mark.parametrize("kind", KINDS)
def test_existing_table_is_replaced_only_if_asked(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    path.write_text("precious")
    with pytest.raises(Refused, match="TP901"):
        write_table([adv2(tmp_path)], path)
    assert path.read_text() == "precious"
    write_table([adv2(tmp_path)], path, overwrite=True)
    assert path.stat().st_size > len("precious")
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "visits.adv2.json"]


def test_folder_that_is_no_table_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("precious")
    with pytest.raises(Refused, match="TP901"):
        write_table([adv2(tmp_path)], tmp_path / "mine", partition="year", overwrite=True)
    (tmp_path / "mine").rename(tmp_path / "mine.csv")
    with pytest.raises(Refused, match="TP901"):
        write_table([adv2(tmp_path)], tmp_path / "mine.csv", overwrite=True)
    assert contents(tmp_path / "mine.csv") == {"letter.txt": b"precious"}


def test_partitioned_table_replaces_another(tmp_path: Path) -> None:
    for partition in ("year", "data-element"):
        write_table([adv2(tmp_path)], tmp_path / "parts", partition=partition, overwrite=True)
    assert list(contents(tmp_path / "parts")) == ["data_element=deVisits001/00000000.parquet"]


def test_source_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    cut = adv2(tmp_path, MIXED[:-30], name="cut")
    for kind in KINDS:
        path = tmp_path / "out" / f"out.{kind}"
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
        with pytest.raises(SourceUnreadable):
            write_table([cut], path, overwrite=True)
        assert contents(path.parent) == {path.name: b"precious"}
        path.unlink()


def test_source_is_not_replaced_by_its_own_table(tmp_path: Path) -> None:
    path = tmp_path / "clinics.csv"
    path.write_text("dataelement,period,orgunit,value\ndeVisits001,202501,ouClinicA01,4\n")
    with pytest.raises(ValueError, match="is a source"):
        write_table([path], path, overwrite=True)


def test_what_is_not_installed_is_named_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name, wide in (("out.duckdb", None), ("out.csv", "period")):
        with pytest.raises(OutsideFailed) as caught:
            write_table([tmp_path / "absent.json"], tmp_path / name, wide=wide)
        assert (caught.value.finding.code, caught.value.finding.found) == ("TP809", "duckdb")
        assert "tallyport[tables]" in str(caught.value.finding.help)


@pytest.mark.parametrize(
    ("name", "wide", "partition", "said"),
    [
        ("out.txt", None, None, "end its name with one of .parquet, .arrow, .csv, .xlsx, .duckdb"),
        ("out.csv", "period", "year", "choose either"),
        ("out.csv", "org-unit", None, "org-unit"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, wide: str | None, partition: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        write_table([adv2(tmp_path)], tmp_path / name, wide=wide, partition=partition)


def test_report_is_filled_by_whoever_needs_it_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("no values here")
    report = TableReport()
    with pytest.raises(SourceUnreadable):
        write_table([tmp_path / "odd.txt"], tmp_path / "out.csv", report=report)
    assert [made.error is not None for made in report.conversions] == [True]
