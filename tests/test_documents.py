"""The documents hold: examples run and show what really comes out, links lead somewhere."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from support.checking import check_against, strict_json
from support.places import ROOT
from tallyport.cli.main import VERBS, program, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs/adv2-format.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]*))?\)|\]\(#([^)\s]+)\)")


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code that are marked as `language`."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [code for marked, code in found if marked == language]


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as code hosts make them."""
    headings = re.findall(r"^#+ +(.+?) *$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", without_code(page))):
        target, anchor = match[1] or "", match[2] or match[3] or ""
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / target) if target else page
        assert there.exists(), f"{page.name} points at {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name} points at {target}#{anchor}"


def test_readme_shows_what_the_first_command_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["convert", str(ROOT / "samples"), "-o", "build/demo", "--verbose"]) == 1
    shown = capsys.readouterr()
    summary, rejected = blocks(README, "")
    assert summary in shown.out
    assert rejected in shown.err
    [example] = blocks(README, "json")
    assert Path("build/demo/january/deMeasles01.adv2.json").read_text(encoding="utf-8") == example


def test_first_command_is_the_one_that_is_tested() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "tallyport convert samples -o build/demo --overwrite --verbose" in makefile


def test_python_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    (tmp_path / "example.py").write_text("".join(blocks(README, "python")), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path("example.py")
    sum_of_values, _, frame = capsys.readouterr().out.partition("\n")
    assert sum_of_values == "january.json {'read': 8, 'written': 6, 'superseded': 1, 'rejected': 1}"
    assert re.search(r"deMeasles01 +┆ 68\.0", frame)


COMMANDS = [line for text in blocks(README, "sh") for line in text.splitlines() if "tallyport " in line]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_readme_is_understood(line: str) -> None:
    [called] = [
        part.removeprefix("uvx ")
        for part in re.split(r"\|\s|>>", line.partition(" #")[0])
        if part.lstrip().removeprefix("uvx ").startswith("tallyport ")
    ]
    words = shlex.split(called)
    assert words.pop(0) == "tallyport"
    above = click.Context(program, **program.context_settings)
    command = program.get_command(above, words[0])
    assert command is not None
    command.make_context(words[0], words[1:], parent=above)


def test_readme_names_every_command() -> None:
    for verb in VERBS:
        assert f"tallyport {verb}" in README


@pytest.mark.parametrize("example", blocks(FORMAT, "json"))
def test_example_of_the_format_is_adv2(example: str) -> None:
    group = strict_json(example.encode())
    check_against("adv2", group)
    assert len(group["data"]) == group["size"]


def test_format_names_every_property_of_a_group() -> None:
    schema = json.loads((ROOT / "schemas/tallyport_schemas/json/adv2.schema.json").read_text(encoding="utf-8"))
    table = re.findall(r"^\| `(\w+)` \| (required|optional)", FORMAT, flags=re.MULTILINE)
    assert [name for name, _ in table] == list(schema["$defs"]["group"]["properties"])
    required = {name for name, need in table if need == "required"} - {"data"}
    assert required == set(schema["$defs"]["group"]["required"])
