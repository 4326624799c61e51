"""Workbooks: which sheet is read, what a cell says, and what becomes of one that is broken or means harm."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.checking import checked_convert
from support.places import FIXTURES
from support.running import run
from support.workbooks import HEADER, cell, packed, parts, sheet, workbook
from tallyport import Outcome, load_metadata
from tallyport.metadata.known_period_types import period_types_of
from tallyport_converters.convert import Options, conversion
from tallyport_converters.native.sheet import SheetScan
from tallyport_converters.sources import decompress

ROW = ("deMeasles01", 202401, "ouClinicA01", 4)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk() -> Any:
    with mock.patch("os.fsync"):
        yield


def converted(data: bytes, folder: Path, **options: Any) -> Outcome:
    (folder / "report.xlsx").write_bytes(data)
    (outcome,) = checked_convert([folder / "report.xlsx"], folder / "out", overwrite=True, **options).sources
    return outcome


def rows(outcome: Outcome) -> list[Any]:
    """Return the values of the one file that was written."""
    assert outcome.folder
    (path,) = outcome.folder.glob("*.adv2.json")
    return [row[-1] for row in json.loads(path.read_bytes())["data"]]


def rejects(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.folder
    return [json.loads(line) for line in (outcome.folder / "rejects.ndjson").read_text(encoding="utf-8").splitlines()]


def of_values(cells: Sequence[object]) -> bytes:
    """Return a workbook with a row for each cell, in the column of the value."""
    return workbook({"Values": sheet([HEADER, *((f"de{i:09}", 202401, "ouA", made) for i, made in enumerate(cells))])})


def shared(*texts: str) -> str:
    return "".join(f"<si><t>{text}</t></si>" for text in texts)


SAID = [
    (cell("D2", "12.0", "n"), 12),
    (cell("D2", "1.1000000000000001", "n"), 1.1),
    (cell("D2", "-0", "n"), 0),
    (cell("D2", "1E-3", "n"), 0.001),
    (cell("D2", "45292", "n", style=1), "2024-01-01"),
    (cell("D2", "60", "n", style=1), "1900-02-28"),
    (cell("D2", "1", "n", style=1), "1900-01-01"),
    (cell("D2", "0.604166666666667", "n", style=4), "14:30"),
    (cell("D2", "45292.604166666664", "n", style=6), "2024-01-01T14:30:00"),
    (cell("D2", "2024-01-31", "d", style=1), "2024-01-31"),
    (cell("D2", "1", "b"), True),
    (cell("D2", "0", "b"), False),
    ('<c r="D2" t="str"><f>A1</f><v>a_x000D_b</v></c>', "a\rb"),
    ('<c r="D2" t="inlineStr"><is><t>a_x0007_b_x005F_x0007_ _xZZZZ_</t></is></c>', "a\x07b_x0007_ _xZZZZ_"),
    ('<c r="D2" t="inlineStr"><is><r><t>a</t></r><rPh><t>no</t></rPh><r><t> &lt;b&#x41;</t></r></is></c>', "a <bA"),
    ('<c r="D2"><f>1+1</f><v>2</v></c>', 2),
    ("<c r='D2' t='inlineStr'><is><t><![CDATA[<&]]></t></is></c>", "<&"),
]


@pytest.mark.parametrize(("made", "expected"), SAID)
def test_a_cell_says_what_a_person_would_write_of_it(made: str, expected: object, tmp_path: Path) -> None:
    made_sheet = sheet([HEADER, ROW[:3]]).replace("</row></sheetData>", f"{made}</row></sheetData>")
    assert rows(converted(workbook({"Values": made_sheet}), tmp_path)) == [expected]


def test_prefixes_comments_and_strings_of_any_writer_are_read(tmp_path: Path) -> None:
    members = parts({"Values": ""}, strings=shared(*HEADER, "deMeasles01", "ouClinicA01", "late &amp; lost"))
    cells = "".join(f'<x:c r="{"ABCD"[i]}1" t="s"><x:v>{i}</x:v></x:c>' for i in range(4))
    second = '<x:c t="s"><x:v>4</x:v></x:c><x:c><x:v>202401</x:v></x:c><x:c t="s"><x:v>5</x:v></x:c>'
    members["xl/worksheets/sheet1.xml"] = (
        '<?xml version="1.0"?><!-- made by hand --><x:worksheet xmlns:x="u"><x:sheetData>'
        f'<x:row>{cells}</x:row><x:row>{second}<x:c t="s"><x:v>6</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    assert rows(converted(packed(members), tmp_path)) == ["late & lost"]


def test_a_period_is_what_its_cell_shows(tmp_path: Path) -> None:
    day = (date(2024, 3, 1) - date(1899, 12, 30)).days
    periods = [
        cell("B2", day + 14, "n", style=2),
        cell("B3", day, "n", style=5),
        202403.0,
        "2024Q1",
        cell("B6", day, "n", 1),
    ]
    made = [HEADER, *(("deMeasles01", period, f"ou{i}", i) for i, period in enumerate(periods))]
    outcome = converted(workbook({"Values": sheet(made)}), tmp_path)
    assert outcome.folder
    (path,) = outcome.folder.glob("*.adv2.json")
    assert json.loads(path.read_bytes())["pe"] == ["2024Q1", "2024", "202403"]
    (refused,) = rejects(outcome)
    assert (refused["code"], refused["sheet"], refused["sheet_row"], refused["cell"]) == ("TP316", "Values", 6, "B6")


DATED = [
    ("deVisits001", date(2024, 2, 1), None, "202402"),
    ("deVisits001", date(2024, 2, 2), None, "TP316"),
    ("deWeekly001", date(2024, 1, 1), None, "2024W1"),
    ("deWeekly001", date(2024, 2, 1), None, "TP316"),
    ("deWeekly001", date(2024, 2, 1), "dsMonthly01", "202402"),
    ("deNobody001", date(2024, 2, 1), None, "TP316"),
    ("deNobody001", date(2024, 2, 1), "dsWeekly001", "TP316"),
]


@pytest.mark.parametrize(("element", "day", "data_set", "expected"), DATED)
def test_metadata_says_which_period_begins_on_a_date(
    element: str, day: date, data_set: str | None, expected: str, tmp_path: Path
) -> None:
    dated = [cell(f"B{row}", (day - date(1899, 12, 30)).days, "n", style=1) for row in (2, 3)]
    made = sheet([HEADER, (element, dated[0], "ouA", 1), (element, dated[1], "ouB", 2)])
    (tmp_path / "report.xlsx").write_bytes(workbook({"Values": made}))
    known = period_types_of(load_metadata(FIXTURES / "metadata" / "metadata.json"))
    options = Options(jobs=1, period_types=known, data_set=data_set)
    *_, outcome = conversion([tmp_path / "report.xlsx"], tmp_path / "out", options)
    assert isinstance(outcome, Outcome)
    if expected.startswith("TP"):
        assert [found["code"] for found in rejects(outcome)] == [expected] * 2
    else:
        assert outcome.folder
        assert json.loads((outcome.folder / f"{element}.adv2.json").read_bytes())["pe"] == expected


def test_rows_keep_the_number_that_the_sheet_shows(tmp_path: Path) -> None:
    made = [("Title",), (), HEADER, (), ROW, (), (*ROW[:1], 202413, *ROW[2:])]
    outcome = converted(workbook({"Values": sheet(made)}), tmp_path)
    (refused,) = rejects(outcome)
    place = {name: refused.get(name) for name in ("row", "sheet", "sheet_row", "cell", "field")}
    assert place == {"row": 1, "sheet": "Values", "sheet_row": 7, "cell": "B7", "field": "period"}


VALUES = sheet([HEADER, ROW])
NOTES = sheet([("Compiled by hand",)])


def test_the_only_sheet_with_the_columns_of_values_is_read(tmp_path: Path) -> None:
    outcome = converted(workbook({"Notes": NOTES, "Values": VALUES, "Empty": sheet([])}), tmp_path)
    assert rows(outcome) == [4]
    assert [(found.code, found.found) for found in outcome.findings] == [("TP438", "Notes")]


@pytest.mark.parametrize("said", ["February", "2"])
def test_a_sheet_is_said_by_its_name_or_number(said: str, tmp_path: Path) -> None:
    data = workbook({"January": VALUES, "February": sheet([HEADER, (*ROW[:3], 9)])})
    assert rows(converted(data, tmp_path, sheet=said)) == [9]
    (tmp_path / "r.xlsx").write_bytes(data)
    done = run("convert", "r.xlsx", "-o", "said", "--sheet", said, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["sources"][0]["values"]["written"] == 1


REFUSED = [
    ({"A": VALUES, "B": VALUES}, {}, "TP134", "several sheets have the columns of values", "A, B"),
    ({"January": VALUES}, {"sheet": "March"}, "TP134", "the workbook has no sheet March", "January"),
    ({"January": VALUES}, {"sheet": "0"}, "TP134", "the workbook has no sheet 0", "January"),
    ({".Old": VALUES}, {}, "TP134", "no sheet that is visible holds anything", ".Old (hidden)"),
    ({"Notes": NOTES}, {}, "TP113", "no row of the sheet names a column dataElement", "Compiled by hand"),
    ({"A": NOTES, "B": NOTES}, {}, "TP134", "no sheet has the columns of values", "A, B"),
]  # fmt: skip


@pytest.mark.parametrize(("sheets", "options", "code", "said", "found"), REFUSED)
def test_which_sheet_is_meant_is_no_guess(
    sheets: Mapping[str, str], options: dict[str, Any], code: str, said: str, found: str, tmp_path: Path
) -> None:
    error = converted(workbook(sheets), tmp_path, **options).error
    assert error
    assert (error.code, said in error.message, error.found) == (code, True, found)
    assert error.help


def test_columns_of_adv2_come_back_as_they_are(tmp_path: Path) -> None:
    names = ("data_element", "period", "org_unit", "co.Age", "value", "number", "deleted", "followup", "comment")
    made = [names, ("deA", "202401", "ouA", "<5", " 5 ", None, cell("G2", 0, "b"), cell("H2", 0, "b"), "x")]
    outcome = converted(workbook({"Values": sheet(made)}), tmp_path)
    assert outcome.folder
    assert json.loads((outcome.folder / "deA.adv2.json").read_bytes()) == {
        "de": "deA", "pe": "202401", "ou": "ouA", "co": {"Age": "<5"}, "size": 1, "data": [[" 5 ", False, False, "x"]],
    }  # fmt: skip
    assert list(outcome.findings) == []


def truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def changed(name: str, change: Callable[[str], str | bytes | None]) -> bytes:
    """Return a workbook with one part changed, or without it."""
    members = parts({"Values": VALUES}, strings=shared("a"))
    text = change(members.pop(name))
    return packed({**members, name: text} if text is not None else members)


SHEET = "xl/worksheets/sheet1.xml"
BROKEN: Mapping[str, tuple[bytes, str]] = {
    "cut short": (truncated(workbook({"Values": VALUES})), "TP104"),
    "no sheet part": (changed(SHEET, lambda _: None), "TP133"),
    "no list of sheets": (changed("xl/workbook.xml", lambda _: None), "TP133"),
    "no relations": (changed("xl/_rels/workbook.xml.rels", lambda _: None), "TP134"),
    "list of sheets is no XML": (changed("xl/workbook.xml", lambda _: "<a"), "TP133"),
    "entities": (changed("xl/workbook.xml", lambda text: f'<!DOCTYPE a [<!ENTITY e "e">]>{text}'), "TP133"),
    "entities in the sheet": (changed(SHEET, lambda text: f'<!DOCTYPE a [<!ENTITY e "e">]>{text}'), "TP133"),
    "unknown entity": (changed(SHEET, lambda text: text.replace("value", "&e;")), "TP133"),
    "sheet cut within a row": (changed(SHEET, lambda text: text[:-60]), "TP133"),
    "sheet cut behind a row": (changed(SHEET, lambda text: text.partition("</sheetData>")[0]), "TP133"),
    "rows out of order": (changed(SHEET, lambda text: text.replace('<row r="2"', '<row r="1"')), "TP133"),
    "cells out of order": (changed(SHEET, lambda text: text.replace('"B2"', '"A2"')), "TP133"),
    "a row beyond the last": (changed(SHEET, lambda text: text.replace('<row r="2"', '<row r="1048577"')), "TP133"),
    "a column beyond the last": (changed(SHEET, lambda text: text.replace('"D2"', '"XFE2"')), "TP133"),
    "a NUL": (changed(SHEET, lambda text: text.replace("deMeasles01", "de\0")), "TP133"),
    "another encoding": (changed(SHEET, lambda text: text.encode("utf-16")), "TP133"),
    "no such string": (changed(SHEET, lambda text: text.replace('<c r="D2">', '<c r="D2" t="s">')), "TP133"),
    "a DOCTYPE in the strings": (changed("xl/sharedStrings.xml", lambda text: f"<!DOCTYPE a>{text}"), "TP133"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_workbook_is_refused_with_what_is_wrong_with_it(kind: str, tmp_path: Path) -> None:
    data, code = BROKEN[kind]
    error = converted(data, tmp_path).error
    assert error
    assert error.code == code
    assert error.help


def test_a_sheet_that_expands_to_far_too_much_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "FREE_BYTES", 1 << 20)
    bomb = changed(SHEET, lambda text: text.replace("<sheetData>", " " * (8 << 20) + "<sheetData>"))
    assert len(bomb) < 20_000
    error = converted(bomb, tmp_path).error
    assert error
    assert error.code == "TP105"


def test_macros_are_not_run_and_said(tmp_path: Path) -> None:
    data = packed({**parts({"Values": VALUES}), "xl/vbaProject.bin": b"Auto_Open"})
    outcome = converted(data, tmp_path)
    assert rows(outcome) == [4]
    assert [found.code for found in outcome.findings] == ["TP441"]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(workbook({"Values": VALUES}))
    for found in re.finditer(b"PK\x01\x02", bytes(data)):
        data[found.start() + 8] |= 1
    error = converted(bytes(data), tmp_path).error
    assert error
    assert error.code in ("TP104", "TP106")


def test_merged_and_hidden_cells_are_named_where_they_concern_values(tmp_path: Path) -> None:
    merged = "".join(f'<mergeCell ref="{span}"/>' for span in ("A1:D1", "A4:A5"))
    before = '<cols><col min="2" max="2" hidden="1"/><col min="9" max="16384" hidden="1"/></cols>'
    made = sheet([("Title",), HEADER, ROW, ROW], before=before, after=f"<mergeCells>{merged}</mergeCells>")
    made = made.replace('<row r="4"', '<row hidden="true" r="4"')
    findings = converted(workbook({"Values": made}), tmp_path).findings
    told = {found.code: found.found for found in findings}
    assert told["TP439"] == "A4:A5"
    assert told["TP440"] == "column B, row 4"


def test_mutated_sheets_and_strings_end_in_values_or_findings(tmp_path: Path) -> None:
    members = parts({"Values": ""}, strings=shared(*HEADER, "deMeasles01", "ouClinicA01", "late"))
    cells = "".join(f'<c r="{"ABCD"[i]}1" t="s"><v>{i}</v></c>' for i in range(4))
    second = '<c r="A2" t="s"><v>4</v></c><c r="B2"><v>202401</v></c><c r="C2" t="s"><v>5</v></c>'
    second += '<c r="D2" s="2"><v>7</v></c>'
    members[SHEET] = f'<worksheet><sheetData><row r="1">{cells}</row><row r="2">{second}</row></sheetData></worksheet>'
    tokens = [
        "<v>",
        "</v>",
        "<",
        ">",
        "&",
        '"',
        "r=",
        "<row>",
        "</row>",
        "<c/>",
        "s='9'",
        "t='s'",
        "1e999",
        "-1",
        "\x01",
        "A",
        "",
    ]
    for seed in range(150):
        rng = random.Random(seed)
        name = rng.choice([SHEET, "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"])
        text = members[name]
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(tokens) + text[at + rng.choice((0, 0, 1, 5, 30)) :]
        converted(packed({**members, name: text}), tmp_path, jobs=1)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_blocks_of_any_size_give_the_same_records(data: st.DataObject) -> None:
    texts = st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=9
    )
    made = data.draw(st.lists(st.lists(texts | st.none() | st.integers(), max_size=4), max_size=5))
    xml = sheet([HEADER, *made]).encode()
    with SheetScan() as scan:
        whole = scan.scan(xml, final=True)
        assert not scan.fault
    step, parts_of, rest = data.draw(st.integers(1, 90)), b"", bytearray()
    with SheetScan() as scan:
        for at in range(0, len(xml), step):
            rest += xml[at : at + step]
            parts_of += scan.scan(bytes(rest), final=at + step >= len(xml))
            del rest[: scan.consumed]
        assert not scan.fault
    assert parts_of == whole
