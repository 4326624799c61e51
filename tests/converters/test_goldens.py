"""Every fixture converted and held to the golden beside it, and docs/formats held to the fixtures.

`tests/fixtures/<format>/<case>.<ext>` has its golden in `<case>.expected.json`. Goldens are compared, never adapted:
`TALLYPORT_WRITE_GOLDENS=1` writes them anew, to be read before they are committed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.checking import checked_convert
from support.places import FIXTURES, ROOT
from tallyport import CODES, Outcome

DOCS = ROOT / "docs" / "formats"
GOLDEN = ".expected.json"
FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx", "parquet", "arrow", "xlsx")
PAGE_OF: Mapping[str, str] = {
    **{name: name for name in FORMATS},
    "parquet": "tables",
    "arrow": "tables",
    "xlsx": "workbooks",
}

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "adx/scheme-said": {"id_schemes": {"": "UID"}},
    "adx/unreadable-other-root-said": {"source_format": "adx"},
    "dxf-csv/data-set-said": {"data_set": "dsImmunis01"},
    "dxf-csv/no-header-row-said": {"header": False},
    "dxf-csv/scheme-said": {"id_schemes": {"": "CODE", "ou": "UID"}},
    "dxf-csv/unreadable-header-row-said": {"header": True},
    "xlsx/sheet-said": {"sheet": "February"},
    "xlsx/unreadable-no-such-sheet": {"sheet": "3"},
    "dxf-json/followup-false-kept": {"keep_followup_false": True},
    "dxf-json/unreadable-strict": {"strict": True},
    "dxf-xml/unreadable-other-root-said": {"source_format": "dxf-xml"},
}
"""What is said besides the file, for fixtures that are about that."""

RAISED_ELSEWHERE: Mapping[str, str] = {
    "TP101": "no file can show it: test_sources.py",
    "TP104": "compressed data is the same in every format: test_sources.py",
    "TP105": "compressed data is the same in every format: test_sources.py",
    "TP106": "archives are the same in every format: test_sources.py",
    "TP112": "a row has to be larger than any fixture should be: below",
    "TP118": "memory has to run out: a file of many gigabytes",
    "TP130": "what is written has to be large: test_proportion.py",
    "TP131": "a name has to be longer than any fixture should have: test_proportion.py",
    "TP132": "there have to be more rejects than any fixture should give: test_proportion.py",
    "TP125": "a folder, and not a file: test_other_documents.py",
    "TP126": "an address, and not a file: test_other_documents.py",
    "TP121": "the file has to change while it is read: test_sources.py",
    "TP436": "metadata has to be at hand: test_known_categories.py",
    "TP307": "a text has to be longer than any fixture should be: below",
}

ALSO_TOLD: Mapping[str, set[str]] = {
    "dxf-csv/null-cells": {"TP431"},  # NULL is a word for nothing as well
    "dxf-pdf/filled-monthly": {"TP430"},
    "dxf-json/last-row-wins": {"TP414"},  # one of the two rows has the other form of the period
    "dxf-json/row-wins-over-header": {"TP414"},
}
"""What a leniency's fixture gives besides the leniency's own finding."""


def _case(source: Path) -> str:
    return f"{source.parent.name}/{source.stem}"


def _sources() -> list[Path]:
    found = (path for format_ in FORMATS for path in (FIXTURES / format_).iterdir() if path.is_file())
    return sorted(p for p in found if p.suffix and p.suffix not in (".py", ".fods") and not p.name.endswith(GOLDEN))


SOURCES = {_case(source): source for source in _sources()}


def _converted(source: Path, output: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert one file and return all that came of it; what it gave nothing of is left out."""
    report = checked_convert([source], output, jobs=1, **options)
    (outcome,) = report.sources
    came = {"exit": report.exit_code, **(_refused(outcome) if outcome.error else _written(outcome))}
    return {key: value for key, value in came.items() if value not in ([], {}, None)}


def _refused(outcome: Outcome) -> dict[str, Any]:
    assert outcome.error is not None
    assert outcome.folder is None, "a source that cannot be read leaves nothing behind"
    return {"error": outcome.error.as_json()}


def _written(outcome: Outcome) -> dict[str, Any]:
    assert outcome.folder is not None
    texts = {path.name: path.read_bytes().decode() for path in sorted(outcome.folder.iterdir())}
    manifest = json.loads(texts.pop("manifest.json"))
    assert manifest == outcome.manifest
    rejects = [json.loads(line) for line in texts.pop("rejects.ndjson", "").splitlines()]
    completions = json.loads(texts.pop("completions.json", "{}")).get("completeDataSetRegistrations", [])
    values = manifest["values"]
    assert values["read"] == values["written"] + values["superseded"] + values["rejected"]
    assert values["rejected"] == len(rejects)
    assert manifest.get("completions", 0) == len(completions)
    assert sorted(texts) == sorted(group["file"] for group in manifest["groups"])
    return {
        "values": values,
        "dropped": manifest["dropped"],
        "findings": manifest.get("findings"),
        "files": texts,
        "rejects": rejects,
        "completions": completions,
    }


def _golden(source: Path) -> Path:
    return source.with_name(source.stem + GOLDEN)


def _read_golden(source: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_golden(source).read_text(encoding="utf-8"))
    return found


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about power cuts, and two hundred folders are published."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("case", SOURCES)
def test_fixture_gives_its_golden(case: str, tmp_path: Path) -> None:
    source = SOURCES[case]
    came = _converted(source, tmp_path / "out", OPTIONS.get(case, {}))
    if os.environ.get("TALLYPORT_WRITE_GOLDENS") == "1":
        text = json.dumps(came, indent=2, ensure_ascii=False)
        text = re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", text)
        _golden(source).write_text(text + "\n", encoding="utf-8")
    assert came == _read_golden(source)


def test_every_golden_has_its_fixture() -> None:
    goldens = {f"{path.parent.name}/{path.name.removesuffix(GOLDEN)}" for path in FIXTURES.glob(f"*/*{GOLDEN}")}
    assert goldens == set(SOURCES)


def test_options_are_said_for_fixtures_that_exist() -> None:
    assert set(OPTIONS) <= set(SOURCES)


@pytest.mark.parametrize("format_", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
@pytest.mark.parametrize("field", ["value", "comment"])
def test_text_longer_than_dhis2_stores_is_rejected(format_: str, field: str, tmp_path: Path) -> None:
    outcome = _one_row(format_, {"value": "4", field: "x" * 50_001}, tmp_path)
    (reject,) = outcome["rejects"]
    assert (reject["code"], reject["row"], reject["field"]) == ("TP307", 0, field)
    assert len(reject["found"]) < 300, "a finding shows the beginning"
    assert reject["original"][field] == "x" * 50_001
    assert "rejects" not in _one_row(format_, {"value": "4", field: "x" * 50_000}, tmp_path)


def test_first_record_that_does_not_end_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "endless.csv"
    source.write_text("dataElement,period,orgUnit,value," + "x" * 70_000, encoding="utf-8")
    assert _converted(source, tmp_path / "out", {"source_format": "dxf-csv"})["error"]["code"] == "TP112"


def _one_row(format_: str, texts: Mapping[str, str], folder: Path) -> dict[str, Any]:
    row = {"dataElement": "deRemarks01", "period": "202401", "orgUnit": "ouClinicA01", **texts}
    source = folder / "one-row"
    source.write_text(_ONE_ROW[format_](row), encoding="utf-8")
    return _converted(source, folder / "out", {"overwrite": True})


def _as_attributes(row: Mapping[str, str]) -> str:
    return "".join(f' {name}="{text}"' for name, text in row.items())


def _as_adx(row: Mapping[str, str]) -> str:
    inner = {name: text for name, text in row.items() if name not in ("period", "orgUnit")}
    return (
        f'<adx><group orgUnit="{row["orgUnit"]}" period="2024-01-01/P1M">'
        f"<dataValue{_as_attributes(inner)}/></group></adx>"
    )


_ONE_ROW: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "dxf-json": lambda row: json.dumps({"dataValues": [row]}),
    "dxf-csv": lambda row: f"{','.join(row)}\n{','.join(row.values())}\n",
    "dxf-xml": lambda row: f"<dataValueSet><dataValue{_as_attributes(row)}/></dataValueSet>",
    "adx": _as_adx,
}


def _codes(came: Mapping[str, Any]) -> Iterator[str]:
    if "error" in came:
        yield came["error"]["code"]
    for found in (*came.get("findings", ()), *came.get("rejects", ())):
        yield found["code"]


RAISED = {code for source in SOURCES.values() for code in _codes(_read_golden(source))}


@pytest.mark.parametrize("code", [code for code in CODES if re.fullmatch("TP[134].*", code)])
def test_every_code_of_reading_is_raised_by_a_fixture_or_says_why_not(code: str) -> None:
    assert (code in RAISED) != (code in RAISED_ELSEWHERE)


# docs/formats

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
LINK = re.compile(r"\[([^\]]*)\]\(([^)]+)\)")


@cache
def _fixture_links(page: str) -> list[tuple[str, Path]]:
    links = [(label, (DOCS / target).resolve()) for label, target in LINK.findall(PAGES[page])]
    return [(label, path) for label, path in links if path.is_relative_to(FIXTURES)]


def _leniencies(page: str) -> Iterator[tuple[str, str]]:
    """Yield the first and the last cell of every row of the tables whose first column is `leniency`."""
    is_inside = False
    for line in PAGES[page].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        is_inside = bool(cells) and (is_inside or cells[0] == "leniency")
        if is_inside and cells[0] != "leniency" and not set(cells[0]) <= set("-: "):
            yield cells[0], cells[-1]


def _leniency_id(page: str, name: str, _: str) -> str:
    return f"{page}-{name.partition('`')[2].partition('`')[0]}"


LENIENCIES = [(page, *cells) for page in PAGES for cells in _leniencies(page)]


def test_formats_have_a_page_each() -> None:
    assert set(PAGES) == {"README.md", "writing.md", *(f"{page}.md" for page in PAGE_OF.values())}
    assert len(LENIENCIES) > 50


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    targets = [target.partition("#")[0] for _, target in LINK.findall(PAGES[page]) if "://" not in target]
    assert [target for target in targets if target and not (DOCS / target).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_to_fixtures_are_labelled_with_their_case(page: str) -> None:
    assert [(label, path) for label, path in _fixture_links(page) if label != f"`{path.stem}`"] == []


@pytest.mark.parametrize(("page", "name", "finding"), LENIENCIES, ids=[_leniency_id(*row) for row in LENIENCIES])
def test_leniency_is_named_after_its_fixture_and_gives_its_finding(page: str, name: str, finding: str) -> None:
    del page
    (link,) = LINK.findall(name)
    source = (DOCS / link[1]).resolve()
    assert SOURCES.get(_case(source)) == source
    raised = set(_codes(_read_golden(source)))
    told = {code for code in raised if code.startswith("TP4")}
    promised = set(re.findall(r"TP\d{3}", finding))
    assert promised <= raised
    assert told <= promised | ALSO_TOLD.get(_case(source), set())


@pytest.mark.parametrize("case", SOURCES)
def test_fixture_is_named_on_the_page_of_its_format(case: str) -> None:
    pages = ("README.md", f"{PAGE_OF[SOURCES[case].parent.name]}.md")
    named = {path for page in pages for _, path in _fixture_links(page)}
    assert SOURCES[case] in named
