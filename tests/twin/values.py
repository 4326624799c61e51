"""Values as the twin holds them, and strategies that draw the awkward ones.

A `Document` is what one legacy file says, before anybody wrote it down. Texts depend on the carrier: JSON carries
every character, CSV none that UTF-8 cannot, XML none that XML 1.0 forbids.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hypothesis import strategies as st

from tallyport_converters.model import periods


@dataclass(frozen=True)
class OptionList:
    """Category options without their categories, in the order of `combo`, where that is named."""

    options: tuple[str, ...]
    combo: str = ""


Pairs = tuple[tuple[str, str], ...]
"""Category and option, sorted by category."""

Combo = None | str | Pairs | OptionList


def pairs(mapping: dict[str, str]) -> Pairs:
    return tuple(sorted(mapping.items()))


@dataclass(frozen=True)
class Value:
    """One data value. `None` and empty texts are missing parts; `row` is its 0-based place in the source."""

    data_element: str | None
    period: str | None
    org_unit: str | None
    coc: Combo = None
    aoc: Combo = None
    data_set: str | None = None
    value: str | None = None
    comment: str | None = None
    followup: bool | None = None
    deleted: bool = False
    row: int = 0
    left_out: frozenset[tuple[str, str]] = frozenset()
    """What its row says in fields that nobody understands."""

    @property
    def key(self) -> tuple[object, ...]:
        return (self.data_element, self.period, self.org_unit, self.data_set, self.coc, self.aoc)


@dataclass(frozen=True)
class Element:
    """An element of a deletion scope."""

    data_element: str
    coc: str | None = None
    aoc: str | None = None


@dataclass(frozen=True)
class Deletion:
    """A deletion scope."""

    org_units: tuple[str, ...]
    periods: tuple[str, ...]
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class Header:
    """What a file says once for all its values; `schemes` and `extras` are wire names with their texts."""

    data_set: str | None = None
    period: str | None = None
    org_unit: str | None = None
    aoc: Combo = None
    complete_date: str | None = None
    schemes: Pairs = ()
    extras: Pairs = ()
    deletion: Deletion | None = None


@dataclass(frozen=True)
class Document:
    """What one legacy file says."""

    header: Header
    values: tuple[Value, ...]


FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "adx")

XML_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

PERIODS = (
    *("2024", "2023", "202401", "202402", "202312", "2024Q1", "2024Q4", "2024S1", "2024AprilS2", "2024NovS1"),
    *("2024W1", "2024W52", "2020W53", "2024WedW3", "2024ThuW3", "2024FriW3", "2024SatW3", "2024SunW3", "2024BiW2"),
    *("20240101", "20240229", "202402B", "2024April", "2024July", "2024Oct", "2024Nov", "2024Feb", "2024NovQ1"),
)
RESPELLED = ("2024-01", "2024-02", "2024W01", "2024-02-29", "2024-01-01", "2024WedW03", "2024BiW02")
NO_PERIODS = ("2024M03", "202413", "2024Q5", " 202401", "202401 ", "2024W53", "20240230", "x", "LAST_MONTH", "2024Apr")

IDENTIFIERS = (
    *("deVisits001", "ouClinicA01", "cocFixed001", "A", "a", "B", "Ab", "aB", "AB", "ANC 1st visit", "Größe", "日本"),
    *("😀x", 'q"uote', "it's", "back\\slash", "a;b", "a,b", "a/b", "..", ".hid", "a.b", "%41", "CON", "nul", "Com1"),
    *("A.1", "a.2", ".1"),
    *("007", "12", "0", "1.50", "1e3", "-7", "-0", "true", "<x>", "&amp;", "]]>", " lead", "trail ", "x\ty", "x\ny"),
    *("e\u0301", "é", "\u2028", "\x7f", "\ufeffz", "L" * 199, "L" * 201, "é" * 34, "é" * 40, "~", "x-y_z"),
)
XML_CATEGORIES = ("AGEBAND", "SEXCODE", "_x", "Ä1", "c-1", "a.b", "Z")
TEXTS = (
    *("0", "1", "12", "-7", "007", "5.0", "0.5", "-0.5", "-0", "-12.25", "1e3", ".5", "5.", "+5", "1,5", "1.10"),
    *("123456789012345", "1234567890123456", "0.123456789012345", "0.1234567890123456", "100000000000000000"),
    *("0.0000000000000000001", "12345678.12345678", "true", "false", "True", "yes", "null", "NULL", "None", " ", "\t"),
    *("\n", " 5", "5 ", "a b", 'say "x"', '"', '""', "\\", "\\n", "a\nb", "a\r\nb", "a\rb", "a\tb", "ü", "日本", "😀"),
    *(
        "e\u0301",
        "\x7f",
        "\u2028\u2029",
        "\ufeff",
        "<&>'\"",
        "&amp;",
        "&#10;",
        "]]>",
        "<!-- -->",
        "2024-01-31",
        "a,b;c\td",
    ),
    *("[1,2]", "{}", "\u0085", "\u00a0", "NaN", "Infinity", "٣", "１"),
)
CONTROLS = ("a\x01b", "\x1f", "\x08\x0c", "\x0b", "\x1b[0m")
UNSTORABLE = ("a\x00b", "\ud800", "x\udc00y")


@functools.cache
def carried(carrier: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts that `carrier` can carry without the file itself being broken."""
    if carrier in ("dxf-xml", "adx"):
        return tuple(t for t in texts if not XML_FORBIDDEN.search(t))
    if carrier == "dxf-csv":
        return tuple(t for t in texts if "\x00" not in t and not re.search("[\ud800-\udfff]", t))
    return tuple(texts)


@functools.cache
def letters(carrier: str) -> st.SearchStrategy[str]:
    """Text of whatever characters the carrier has."""
    if carrier in ("dxf-xml", "adx"):
        drawn = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    else:
        drawn = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    return st.text(drawn, min_size=16, max_size=32)


T = TypeVar("T")


@dataclass
class Choices:
    """Whatever has to be chosen for one document, by numbers and letters that were drawn at once.

    Draws are what takes the time of property tests; as nothing but zeros, numbers choose what comes first.
    """

    carrier: str
    numbers: Iterator[int]
    free: list[str]

    def below(self, bound: int) -> int:
        return next(self.numbers, 0) % bound

    def one(self, pool: Sequence[T]) -> T:
        return pool[self.below(len(pool))]

    def some(self, make: Callable[[], T], most: int, least: int = 0) -> list[T]:
        return list(dict.fromkeys(make() for _ in range(least + self.below(most - least + 1))))

    def identifier(self) -> str:
        if self.free and self.below(3) == 2:
            return self.one(self.free)
        return self.one(carried(self.carrier, IDENTIFIERS))

    def text(self) -> str:
        kind = self.below(5)
        if kind == 1:
            return str((self.below(256) << 12 | self.below(256) << 4) - 500_000)
        if kind == 2:
            return f"{self.below(250) - 125}.{self.below(100):02}"
        if kind == 3:
            return self.one(carried(self.carrier, (*TEXTS, *CONTROLS, *UNSTORABLE)))
        if kind == 4 and self.free:
            return self.one(self.free)
        return self.one(carried(self.carrier, TEXTS))

    def category(self) -> str:
        if self.carrier == "adx":
            return self.one(XML_CATEGORIES)
        if self.carrier == "dxf-csv":
            # Column names: such as are known, empty or read "null" mean something else.
            return self.one((*XML_CATEGORIES, "a,b", 'x"y', "Age band", "日本"))
        return self.one((*XML_CATEGORIES, self.identifier()))

    def combos(self, *, attribute: bool) -> list[Combo]:
        """A small pool of option combos in the forms that the carrier has."""
        found: list[Combo] = [None, *self.some(self.identifier, 3, 1)]
        if self.carrier == "dxf-csv" and attribute:
            for _ in range(self.below(3)):
                options = [self.one(("o1", "o2", "Ä", "7")) for _ in range(1 + self.below(3))]
                found.append(OptionList(tuple(options), self.one(("", "cc", "cd"))))
        elif self.carrier != "dxf-xml" and self.below(2):
            names = self.some(self.category, 3, 1)
            options = self.some(self.identifier, 3, 1)
            for _ in range(1 + self.below(3)):
                chosen = self.some(lambda: self.one(names), 3, 1)
                found.append(pairs({name: self.one(options) for name in chosen}))
        return found


@st.composite
def choices(draw: st.DrawFn, carrier: str) -> Choices:
    numbers = iter(draw(st.binary(min_size=160, max_size=160)))
    text = draw(letters(carrier))
    free = []
    while text:
        size = 1 + next(numbers) % 8
        free.append(text[:size])
        text = text[size:]
    return Choices(carrier, numbers, free)


ROW_BYTES = 10


def mostly(usual: Sequence[T], *rare: T) -> list[T]:
    """A pool in which the rare ones are one in twenty or less."""
    return [*usual] * -(-20 * len(rare) // len(usual)) + [*rare]


@st.composite
def picks(draw: st.DrawFn, most: int = 20) -> list[Iterator[int]]:
    """For every row a number for each of its parts."""
    count = draw(st.integers(0, most))
    found = draw(st.binary(min_size=count * ROW_BYTES, max_size=count * ROW_BYTES))
    return [iter(found[at : at + ROW_BYTES]) for at in range(0, len(found), ROW_BYTES)]


def pick(numbers: Iterator[int], pool: Sequence[T]) -> T:
    return pool[next(numbers) % len(pool)]


SCHEMES = ("UID", "uid", "ID", "CODE", "code", "NAME", "ATTRIBUTE:MetaAttr001", "attribute:MetaAttr002")
SCHEME_KEYS = {
    "idScheme": "",
    "dataSetIdScheme": "ds",
    "dataElementIdScheme": "de",
    "orgUnitIdScheme": "ou",
    "categoryIdScheme": "c",
    "categoryOptionIdScheme": "co",
    "categoryOptionComboIdScheme": "coc",
    "attributeOptionComboIdScheme": "aoc",
}


def header(chosen: Choices, org_units: list[str], aocs: list[Combo]) -> Header:
    carrier = chosen.carrier
    if carrier in ("dxf-csv", "adx") or not chosen.below(2):
        return Header()
    period_texts: tuple[str, ...] = (*PERIODS[:8], *RESPELLED[:3], "nonsense")
    if carrier == "dxf-xml":
        period_texts = (*period_texts, "2024-01-01/P1M", "2024-02-01/P1M", "2024-01-01/P1Y")
    listed = (OptionList(("o1", "o2")), OptionList(("x",))) if carrier == "dxf-json" else ()
    dates = ("2024-04-03", "2024-04-03T00:00:00.000+0000", "true", "false", "20240403", "3 April")
    keys = ("dryRun", "strategy" if carrier == "dxf-json" else "importStrategy", "unheard", "note")
    extras = {
        chosen.one(keys): chosen.one(("true", "CREATE", "DELETE", "DELETES", "x")) for _ in range(chosen.below(3))
    }
    schemes = {chosen.one(tuple(SCHEME_KEYS)): chosen.one(SCHEMES) for _ in range(max(0, chosen.below(9) - 4))}
    return Header(
        data_set=chosen.identifier() if chosen.below(2) else None,
        period=chosen.one(period_texts) if chosen.below(2) else None,
        org_unit=chosen.one(org_units) if chosen.below(2) else None,
        aoc=chosen.one([None, *aocs, *listed]),
        complete_date=chosen.one(dates) if chosen.below(2) else None,
        schemes=pairs(schemes),
        extras=pairs(extras),
        deletion=deletion(chosen) if carrier == "dxf-json" and chosen.below(4) == 3 else None,
    )


def deletion(chosen: Choices) -> Deletion:
    def element() -> Element:
        return Element(
            chosen.one(("A", "a", "deVisits001", "CON", "Größe")),
            chosen.one((None, None, "c1", "c2", "ü")),
            chosen.one((None, None, "a1", "a2")),
        )

    return Deletion(
        tuple(chosen.one(("o1", "o2", "Z", "a")) for _ in range(chosen.below(4))),
        tuple(chosen.one((*PERIODS[:12], *RESPELLED)) for _ in range(chosen.below(5))),
        tuple(element() for _ in range(chosen.below(5))),
    )


@st.composite
def documents(draw: st.DrawFn, carrier: str) -> Document:
    """Any document that the carrier can carry, with all that is wrong in it."""
    chosen = draw(choices(carrier))
    elements = chosen.some(chosen.identifier, 3, 1)
    units = chosen.some(chosen.identifier, 3, 1)
    whens = chosen.some(lambda: chosen.one((*PERIODS, *RESPELLED)), 4, 1)
    no_period = chosen.one(NO_PERIODS)
    cocs = chosen.combos(attribute=False)
    aocs = chosen.combos(attribute=True)
    value_texts = chosen.some(chosen.text, 6, 1)
    comments = chosen.some(chosen.text, 3)
    data_sets = [None, *chosen.some(chosen.identifier, 2)] if carrier == "adx" else [None]
    said = header(chosen, units, aocs)
    missing = (None, "") if said == Header() else (None, "", None, None, None, None)
    values = [
        Value(
            data_element=pick(numbers, mostly(elements, None, "")),
            period=pick(numbers, [*mostly(whens, no_period), *missing]),
            org_unit=pick(numbers, mostly(units, *missing)),
            coc=pick(numbers, cocs),
            aoc=pick(numbers, aocs),
            data_set=pick(numbers, data_sets),
            value=pick(numbers, mostly(value_texts, None, "")),
            comment=pick(numbers, [None, None, None, "", *comments]),
            followup=pick(numbers, (None, None, True, False)),
            deleted=pick(numbers, (False, False, False, True)),
        )
        for numbers in draw(picks())
    ]
    if carrier == "adx" and chosen.below(2):
        values.sort(key=lambda value: (str(value.data_set), str(value.period), str(value.org_unit), str(value.aoc)))
    return Document(said, tuple(replace(value, row=row) for row, value in enumerate(values)))


@st.composite
def clean_documents(draw: st.DrawFn) -> Document:
    """A document that all four formats carry alike: distinct keys, nothing missing, nothing that is read two ways."""
    chosen = draw(choices("adx"))

    def identifier() -> str:
        return chosen.identifier().strip().strip("\ufeff\u200b") or "x"

    elements, units = chosen.some(identifier, 3, 1), chosen.some(identifier, 3, 1)
    whens = chosen.some(lambda: chosen.one([p for p in PERIODS if "NovQ" not in p]), 3, 1)
    cocs: list[str | None] = [None, *chosen.some(identifier, 3, 1)]
    aocs: list[str | None] = [None, *chosen.some(identifier, 2, 1)]
    texts = [text.strip() for text in chosen.some(chosen.text, 6, 1)]  # white space around texts is removed
    value_texts = [text for text in texts if text.strip("\ufeff\u200b") == text and text not in ("", "null")] or ["1"]
    values = {
        value.key: value
        for numbers in draw(picks(15))
        for value in (
            Value(
                data_element=pick(numbers, elements),
                period=pick(numbers, whens),
                org_unit=pick(numbers, units),
                coc=pick(numbers, cocs),
                aoc=pick(numbers, aocs),
                value=pick(numbers, value_texts),
                comment=pick(numbers, [None, *value_texts]),
                followup=pick(numbers, (None, True, False)),
                deleted=pick(numbers, (False, True)),
            ),
        )
    }
    return Document(Header(), tuple(replace(value, row=row) for row, value in enumerate(values.values())))


def many_values(rng: random.Random, count: int, *, distinct: bool = False) -> tuple[Value, ...]:
    """Values by the thousand, from few identifiers, without what a strategy is needed for."""
    found: dict[object, Value] = {}
    for row in range(count):
        value = Value(
            data_element=f"de{rng.randrange(6)}",
            period=rng.choice(PERIODS[:20]),
            org_unit=f"ou{rng.randrange(200 if distinct else 12)}",
            coc=rng.choice((None, "c1", "c2", "c3")),
            aoc=rng.choice((None, None, "a1")),
            value=rng.choice((str(rng.randrange(10000)), f"{rng.randrange(100)}.{rng.randrange(10)}", "text ü", "007")),
            comment=rng.choice((None, None, None, 'said "so"')),
            followup=rng.choice((None, None, True, False)),
            deleted=rng.random() < 0.05,
            row=row,
        )
        found[value.key if distinct else row] = value
    return tuple(replace(value, row=row) for row, value in enumerate(found.values()))


def canonical(value: Value) -> Value:
    """The value with its period in the usual form, and missing parts as None."""
    period = periods.parse(value.period) if value.period else None
    return replace(
        value,
        period=period.iso if period else value.period or None,
        data_element=value.data_element or None,
        org_unit=value.org_unit or None,
        value=value.value or None,
        comment=value.comment or None,
    )
