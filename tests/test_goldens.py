"""Every fixture converted and held to the golden beside it, and docs/formats held to the fixtures.

`tests/fixtures/<format>/<case>.<ext>` has its golden in `<case>.expected.json`. Goldens are compared, never adapted:
`TALLYPORT_WRITE_GOLDENS=1` writes them anew, to be read before they are committed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tallyport import Outcome, convert

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
DOCS = ROOT / "docs" / "formats"
GOLDEN = ".expected.json"
FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx")

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "adx/scheme-said": {"id_schemes": {"": "UID"}},
    "adx/unreadable-other-root-said": {"source_format": "adx"},
    "dxf-csv/data-set-said": {"data_set": "dsImmunis01"},
    "dxf-csv/no-header-row-said": {"header": False},
    "dxf-csv/scheme-said": {"id_schemes": {"": "CODE", "ou": "UID"}},
    "dxf-csv/unreadable-header-row-said": {"header": True},
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
    "TP121": "the file has to change while it is read: test_sources.py",
    "TP307": "a text has to be longer than any fixture should be: below",
}


def _case(source: Path) -> str:
    return f"{source.parent.name}/{source.stem}"


def _sources() -> list[Path]:
    found = (path for format_ in FORMATS for path in (FIXTURES / format_).iterdir() if path.is_file())
    return sorted(p for p in found if p.suffix and p.suffix != ".py" and not p.name.endswith(GOLDEN))


SOURCES = {_case(source): source for source in _sources()}


def _converted(source: Path, output: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert one file and return all that came of it; what it gave nothing of is left out."""
    report = convert([source], output, jobs=1, **options)
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
