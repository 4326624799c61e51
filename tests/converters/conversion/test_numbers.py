"""Values that are JSON numbers in ADV2, by the rule of docs/adv2-format.md; each comes back as the text it was."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tallyport import convert, write_back

RULE = re.compile(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9]")
SIGNIFICANT_DIGITS = 15
EDGES = (
    *("0", "-0", "0.0", "-0.0", "0.5", "-0.5", "-0.25", "-12.25", "5.0", "-5.0", "1e3", ".5", "5.", "-.5", "+5", "00"),
    *("-00.5", "01.5", "1.50", "--1", "1-", "0x1", "NaN", "Infinity", "-", ".", "1 2", "1.2.3", "1,5", "\u0661"),
    *("123456789012345", "1234567890123456", "-0.123456789012345", "-0.1234567890123456", "1000000000000000"),
    *("0." + "0" * 70 + "1", "-0." + "0" * 70 + "123456789012345", "0." + "0" * 70 + "1234567890123456", "1" * 70),
)


def is_number(text: str) -> bool:
    digits = text.replace("-", "").replace(".", "").lstrip("0")
    return RULE.fullmatch(text) is not None and len(digits) <= SIGNIFICANT_DIGITS


def digits(rng: random.Random, most: int) -> str:
    return str(rng.randrange(10 ** rng.randint(1, most)))


def drawn(count: int) -> list[str]:
    """Texts that are numbers, or nearly."""
    rng = random.Random(15)
    texts = dict.fromkeys(EDGES)
    while len(texts) < count:
        sign, whole = (
            rng.choice(("", "", "-", "-", "+")),
            rng.choice(("0", "0", "00", "", digits(rng, 16), digits(rng, 9))),
        )
        if rng.random() < 0.1:
            whole = "0" + whole
        fraction = rng.choice(("", ".", "." + digits(rng, 9), "." + digits(rng, 9), ".0", ".000" + digits(rng, 12)))
        texts[sign + whole + fraction + rng.choice(("",) * 12 + ("e1", "E+2", ".", "-", "a"))] = None
    texts.pop("", None)
    return list(texts)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return drawn(6000)


@pytest.fixture(scope="module")
def converted(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that comes of a legacy file of these texts, each at a place of its own, in their order."""
    folder = tmp_path_factory.mktemp("numbers")
    rows = [
        {"dataElement": "deNumbers01", "period": "202501", "orgUnit": f"ou{number:09}", "value": text}
        for number, text in enumerate(texts)
    ]
    (folder / "values.json").write_text(json.dumps({"dataValues": rows}), encoding="utf-8")
    (outcome,) = convert([folder / "values.json"], folder / "out").sources
    assert outcome.folder is not None
    return outcome.folder


def written(folder: Path) -> bytes:
    return (folder / "deNumbers01.adv2.json").read_bytes()


def test_a_value_is_a_number_exactly_where_its_text_follows_the_rule(texts: list[str], converted: Path) -> None:
    literals = re.findall(r"^\[(\d+),(.*?)\],?$", written(converted).decode(), re.MULTILINE)
    assert [(int(index), literal) for index, literal in literals] == [
        (index, text if is_number(text) else json.dumps(text, ensure_ascii=False)) for index, text in enumerate(texts)
    ]
    assert 1000 < sum(map(is_number, texts)) < len(texts) - 1000


def test_a_reader_that_makes_a_double_of_a_number_loses_none_of_its_digits(texts: list[str]) -> None:
    numbers = [text for text in texts if is_number(text)]
    assert [Decimal(repr(float(text))) for text in numbers] == [Decimal(text) for text in numbers]


@pytest.mark.parametrize("to", ["dxf-json", "dxf-csv", "dxf-xml", "adx"])
def test_each_text_comes_back_as_itself_from_every_legacy_format(to: str, converted: Path, tmp_path: Path) -> None:
    report = write_back([converted], tmp_path / "legacy", to)
    assert report.read == report.written
    (file,) = report.files
    assert file.path is not None
    schemes = {"": file.schemes["cc"], **file.schemes} if to in ("dxf-csv", "adx") else {}
    (outcome,) = convert([file.path], tmp_path / "back", source_format=to, id_schemes=schemes).sources
    assert outcome.folder is not None
    assert written(outcome.folder) == written(converted)
