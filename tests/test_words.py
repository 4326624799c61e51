"""All that people read is written in the words of docs/style.md: help, messages, the page, documents, docstrings."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallyport import CODES

ROOT = Path(__file__).parents[1]
STYLE = (ROOT / "docs/style.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
SOURCES = sorted(
    path
    for folder in ("schemas", "converters", "pipeline")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "abi.py"
)

ROWS = [
    re.split(r"(?<!\\)\|", line)[1:3]
    for line in STYLE[STYLE.index("## Words") :].splitlines()
    if line.startswith("| `")
]
PREFERRED = {
    re.compile(rf"(?<!\w)(?:{pattern.replace(chr(92) + '|', '|')})(?!\w)", re.IGNORECASE): instead.strip()
    for patterns, instead in ROWS
    for pattern in re.findall(r"`([^`]+)`", patterns)
}
"""What not to write, and what to write: the table of docs/style.md."""


def without_code(text: str) -> str:
    """Return a text without its code and targets of links, which may have any words; lines keep their numbers."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]()", text)
    return re.sub(r"`[^`]*`", lambda code: "`" + "\n" * code[0].count("\n"), text)


def complaints(text: str, place: str) -> list[str]:
    found = []
    text = without_code(text)
    for pattern, instead in PREFERRED.items():
        for match in pattern.finditer(re.sub(r"\s", " ", text)):
            line = text[: match.start()].count("\n") + 1
            around = text[max(0, match.start() - 30) : match.end() + 30].replace("\n", " ")
            found.append(f"{place}:{line}: {match[0]!r} in '...{around}...': {instead}")
    return found


def python_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings and messages of a module, with their lines; constants of one word are names, SQL is code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            if re.match(r"\s*(select|create|insert|update|delete|with) ", node.value):
                continue
            yield node.lineno, node.value


def test_table_of_words_is_read() -> None:
    assert len(PREFERRED) > 40
    assert complaints("It is told what\nthe value is.", "x") == [
        "x:1: 'told' in '...It is told what the value is....': report, say, show, detect, distinguish"
    ]
    assert complaints("Only `told` in code", "x") == []


@pytest.mark.parametrize("path", [path for path in PAGES if path.name not in ("style.md", "CHANGELOG.md")], ids=str)
def test_document_is_written_in_our_words(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))) == []


def leaves(texts: object) -> Iterator[str]:
    """Yield all texts of a nested document."""
    if isinstance(texts, str):
        yield texts
    elif isinstance(texts, dict):
        for inner in texts.values():
            yield from leaves(inner)


def test_page_is_written_in_our_words() -> None:
    texts = json.loads((ROOT / "pipeline/tallyport/web/texts/en.json").read_text(encoding="utf-8"))
    assert [said for text in leaves(texts) for said in complaints(text, "en.json")] == []


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.code)
def test_finding_is_written_in_our_words(code: object) -> None:
    assert complaints(f"{code.message}\n{code.help}", code.code) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_and_messages_are_written_in_our_words(path: Path) -> None:
    said = (
        complaint
        for line, text in python_texts(path)
        for complaint in complaints(text, f"{path.relative_to(ROOT)}:{line}+")
    )
    assert list(said) == []
