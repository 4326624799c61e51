"""Where a row stands in the person's own file: line of an editor, row of a spreadsheet; and the way back to it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallyport import Outcome, convert
from tallyport_converters.conversion.trail import Trail
from tallyport_converters.convert import Options, conversion

PERIODS = ["202501", "2025-13", "202502", "Jan-25", "202503"]
BAD = [1, 3]
"""Rows that are rejected for their period."""


def rejects(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.folder is not None
    return [json.loads(line) for line in (outcome.folder / "rejects.ndjson").read_text().splitlines()]


def lines_told(folder: Path, name: str, text: str | bytes) -> list[tuple[int | None, int | None]]:
    """Convert a file; returns line and sheet row of every rejected row."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (outcome,) = convert([path], folder / "out").sources
    assert [found["row"] for found in rejects(outcome)] == BAD
    return [(found.get("line"), found.get("sheet_row")) for found in rejects(outcome)]


def json_text(separator: str) -> str:
    rows = [{"dataElement": "deA", "period": period, "orgUnit": "ouA", "value": "1"} for period in PERIODS]
    return f'{{"dataValues": [{separator}{f",{separator}".join(map(json.dumps, rows))}]}}'


def xml_text() -> str:
    rows = [f'  <dataValue dataElement="deA" period="{period}" orgUnit="ouA" value="1"/>' for period in PERIODS]
    return (
        '<?xml version="1.0"?>\n<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">\n'
        + "\n".join(rows)
        + "\n</dataValueSet>"
    )


def test_line_of_json_is_where_the_object_starts(tmp_path: Path) -> None:
    assert lines_told(tmp_path, "a.json", json_text("\n")) == [(3, None), (5, None)]
    assert lines_told(tmp_path, "b.json", json_text("\r\n\r\n")) == [(5, None), (9, None)]
    assert lines_told(tmp_path, "c.json", json_text("")) == [(1, None), (1, None)]


def test_line_is_that_of_the_file_inside_an_archive(tmp_path: Path) -> None:
    assert lines_told(tmp_path, "a.json.gz", gzip.compress(json_text("\n").encode())) == [(3, None), (5, None)]


def test_line_of_xml_counts_what_stands_before(tmp_path: Path) -> None:
    assert lines_told(tmp_path, "a.xml", xml_text()) == [(4, None), (6, None)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", ["", "\ufeff", "sep=;{end}", "{end}{end}"])
def test_line_and_sheet_row_of_csv_are_told_apart(tmp_path: Path, line_end: str, before: str) -> None:
    """The line of an editor counts line ends within cells, the row of a spreadsheet does not."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator=line_end)
    writer.writerow(["dataelement", "period", "orgunit", "value", "comment"])
    for row, period in enumerate(PERIODS):
        writer.writerow(["deA", period, "ouA", "1", f'say "no"{line_end}to 5" pipes' if row == 0 else 'a "b" c'])
    lead = before.replace("{end}", line_end)
    text = lead + out.getvalue()
    above = lead.count(line_end)
    assert lines_told(tmp_path, "a.csv", text) == [(above + 4, above + 3), (above + 6, above + 5)]


def test_quote_within_a_cell_opens_none(tmp_path: Path) -> None:
    rows = "\n".join(f'deA,{period},ouA,1,5" pipe' for period in PERIODS)
    text = f"dataelement,period,orgunit,value,comment\n\n{rows}\n"
    assert lines_told(tmp_path, "a.csv", text) == [(4, 4), (6, 6)]


def test_finding_of_a_rejected_row_says_what_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"orgUnit": "ouA", "period": "202501", "dataValues": [{"dataElement": "deA", "value": {}}]}')
    (found,) = rejects(convert([path], tmp_path / "out").sources[0])
    assert found["keys"] == {"dataElement": "deA", "period": "202501", "orgUnit": "ouA"}


def test_warning_of_rows_has_the_line_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [{"dataElement": "deA", "period": "202501", "orgUnit": f"ou{i}", "value": "1"} for i in range(4)]
    rows[2]["value"] = " "
    path.write_text('{"dataValues": [\n' + ",\n".join(map(json.dumps, rows)) + "]}")
    (outcome,) = convert([path], tmp_path / "out").sources
    assert [(found.row, found.line) for found in outcome.findings if found.row is not None] == [(2, 4)]


# --- The way back ----------------------------------------------------------------------------------------------------


def trail_of(path: Path, folder: Path, **options: Any) -> tuple[Outcome, Trail]:
    events = list(conversion([path], folder / "out", Options(**options), trails=folder / "trails"))
    (outcome,) = [event for event in events if isinstance(event, Outcome)]
    assert outcome.trail is not None
    return outcome, outcome.trail


def written(outcome: Outcome) -> Iterator[tuple[str, int, list[Any]]]:
    """Yield file, place in it and the row itself of all that a conversion has written."""
    assert outcome.folder is not None
    for path in sorted(outcome.folder.glob("*.adv2.json")):
        document = json.loads(path.read_text())
        at = 0
        for group in document if isinstance(document, list) else [document]:
            for row in group["data"]:
                yield path.name, at, row
                at += 1


def many_rows(_: int) -> str:
    """Rows out of order, of several data elements, some superseded; each value is the row's own number."""
    rows = []
    for number in range(500):
        element, period, unit = f"de{number * 7 % 3}", f"20250{number * 11 % 9 + 1}", f"ou{number * 13 % 40}"
        rows.append({"dataElement": element, "period": period, "orgUnit": unit, "value": str(number)})
    return '{"dataValues": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]}"


@pytest.mark.parametrize(
    "options",
    [{}, {"layout": "single"}, {"memory_bytes": 1}, {"compress": "none", "jobs": 2}],
    ids=["in memory", "one file", "merged", "two threads"],
)
def test_every_written_row_leads_back_to_its_own(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.json"
    path.write_text(many_rows(0))
    outcome, trail = trail_of(path, tmp_path, **options)
    found = list(written(outcome))
    assert outcome.manifest is not None
    assert len(found) == outcome.manifest["values"]["written"] > 300
    for file, at, row in found:
        (number,) = trail.numbers(file, [at])
        assert str(number) == str(row[-1])
    numbers = sorted(number for file, at, _ in found for number in trail.numbers(file, [at]))
    for number, found_row in zip(numbers, trail.rows(numbers), strict=True):
        assert (found_row.number, found_row.line, found_row.read.original["value"]) == (number, number + 2, str(number))


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(many_rows(0))
    (outcome,) = convert([path], tmp_path / "out").sources
    assert outcome.trail is None
    assert {file.suffix for file in (tmp_path / "out").rglob("*") if file.is_file()} == {".json"}
