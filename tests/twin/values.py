"""Values as the twin holds them, and strategies that draw the awkward ones.

A `Document` is what one legacy file says, before anybody wrote it down. Texts depend on the carrier: JSON carries
every character, CSV none that UTF-8 cannot, XML none that XML 1.0 forbids.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hypothesis import strategies as st

from tallyport_converters import periods


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
def free_text(carrier: str, *, min_size: int = 0) -> st.SearchStrategy[str]:
    if carrier in ("dxf-xml", "adx"):
        letters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    else:
        letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    return st.text(letters, min_size=min_size, max_size=8)


@functools.cache
def identifiers(carrier: str) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(carried(carrier, IDENTIFIERS)), free_text(carrier, min_size=1))


@functools.cache
def texts(carrier: str) -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(carried(carrier, TEXTS)),
        st.integers(-(10**6), 10**6).map(str),
        st.decimals(-1000, 1000, places=2).map(str),
        st.sampled_from(carried(carrier, (*TEXTS, *CONTROLS, *UNSTORABLE))),
        free_text(carrier),
    )


@functools.cache
def categories(carrier: str) -> st.SearchStrategy[str]:
    if carrier == "adx":
        return st.sampled_from(XML_CATEGORIES)
    if carrier == "dxf-csv":
        # Column names: such as are known, empty or read "null" mean something else.
        return st.sampled_from((*XML_CATEGORIES, "a,b", 'x"y', "Age band", "日本"))
    return st.one_of(st.sampled_from(XML_CATEGORIES), st.sampled_from(IDENTIFIERS), free_text(carrier, min_size=1))


def pool(strategy: st.SearchStrategy[str], size: int) -> st.SearchStrategy[list[str]]:
    return st.lists(strategy, min_size=1, max_size=size, unique=True)


@st.composite
def combos(draw: st.DrawFn, carrier: str, *, attribute: bool) -> list[Combo]:
    """A small pool of option combos in the forms that the carrier has."""
    found: list[Combo] = [None, *draw(pool(identifiers(carrier), 3))]
    if carrier == "dxf-csv" and attribute:
        for options in draw(
            st.lists(st.lists(st.sampled_from(("o1", "o2", "Ä", "7")), min_size=1, max_size=3), max_size=2)
        ):
            found.append(OptionList(tuple(options)))
    elif carrier != "dxf-xml" and draw(st.booleans()):
        names = draw(pool(categories(carrier), 3))
        options_pool = draw(pool(identifiers(carrier), 3))
        for _ in range(draw(st.integers(1, 3))):
            chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
            found.append(pairs({name: draw(st.sampled_from(options_pool)) for name in chosen}))
    return found


T = TypeVar("T")
ROW_BYTES = 10


def mostly(usual: Sequence[T], *rare: T) -> list[T]:
    """A pool in which the rare ones are one in twenty or less."""
    return [*usual] * -(-20 * len(rare) // len(usual)) + [*rare]


@st.composite
def picks(draw: st.DrawFn, most: int = 20) -> list[Iterator[int]]:
    """For every row a number for each of its parts: one draw for all of them, as draws are what takes the time."""
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


@st.composite
def headers(draw: st.DrawFn, carrier: str, values_org_units: list[str], aocs: list[Combo]) -> Header:
    if carrier in ("dxf-csv", "adx") or draw(st.booleans()):
        return Header()
    period_texts: tuple[str, ...] = (*PERIODS[:8], *RESPELLED[:3], "nonsense")
    if carrier == "dxf-xml":
        period_texts = (*period_texts, "2024-01-01/P1M", "2024-02-01/P1M", "2024-01-01/P1Y")
    schemes = draw(
        st.one_of(
            st.just({}),
            st.dictionaries(st.sampled_from(tuple(SCHEME_KEYS)), st.sampled_from(SCHEMES), max_size=4),
        )
    )
    extras = draw(
        st.dictionaries(
            st.sampled_from(("dryRun", "strategy" if carrier == "dxf-json" else "importStrategy", "unheard", "note")),
            st.sampled_from(("true", "CREATE", "DELETE", "DELETES", "x")),
            max_size=2,
        )
    )
    deletion = None
    if carrier == "dxf-json" and draw(st.integers(0, 3)) == 0:
        elements = st.builds(
            Element,
            st.sampled_from(("A", "a", "deVisits001", "CON", "Größe")),
            st.sampled_from((None, None, "c1", "c2", "ü")),
            st.sampled_from((None, None, "a1", "a2")),
        )
        deletion = Deletion(
            tuple(draw(st.lists(st.sampled_from(("o1", "o2", "Z", "a")), max_size=3))),
            tuple(draw(st.lists(st.sampled_from((*PERIODS[:12], *RESPELLED)), max_size=4))),
            tuple(draw(st.lists(elements, max_size=4))),
        )
    return Header(
        data_set=draw(st.one_of(st.none(), identifiers(carrier))),
        period=draw(st.one_of(st.none(), st.sampled_from(period_texts))),
        org_unit=draw(st.one_of(st.none(), st.sampled_from(values_org_units))),
        aoc=draw(header_aocs(carrier, aocs)),
        complete_date=draw(
            st.one_of(
                st.none(),
                st.sampled_from(("2024-04-03", "2024-04-03T00:00:00.000+0000", "true", "false", "20240403", "3 April")),
            )
        ),
        schemes=pairs(schemes),
        extras=pairs(extras),
        deletion=deletion,
    )


def header_aocs(carrier: str, aocs: list[Combo]) -> st.SearchStrategy[Combo]:
    listed = (OptionList(("o1", "o2")), OptionList(("x",))) if carrier == "dxf-json" else ()
    return st.sampled_from([None, *aocs, *listed])


@st.composite
def documents(draw: st.DrawFn, carrier: str) -> Document:
    """Any document that the carrier can carry, with all that is wrong in it."""
    elements = draw(pool(identifiers(carrier), 3))
    units = draw(pool(identifiers(carrier), 3))
    whens = draw(pool(st.sampled_from((*PERIODS, *RESPELLED)), 4))
    no_period = draw(st.sampled_from(NO_PERIODS))
    cocs = draw(combos(carrier, attribute=False))
    aocs = draw(combos(carrier, attribute=True))
    value_texts = draw(st.lists(texts(carrier), min_size=1, max_size=6))
    comments = draw(st.lists(texts(carrier), max_size=3))
    data_sets = [None, *draw(st.lists(identifiers(carrier), max_size=2))] if carrier == "adx" else [None]
    header = draw(headers(carrier, units, aocs))
    missing = (None, "") if header == Header() else (None, "", None, None, None, None)
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
    if carrier == "adx" and draw(st.booleans()):
        values.sort(key=lambda value: (str(value.data_set), str(value.period), str(value.org_unit), str(value.aoc)))
    return Document(header, tuple(replace(value, row=row) for row, value in enumerate(values)))


@st.composite
def clean_documents(draw: st.DrawFn) -> Document:
    """A document that all four formats carry alike: distinct keys, nothing missing, nothing that is read two ways."""
    carrier = "adx"
    plain = identifiers(carrier)
    elements, units = draw(pool(plain, 3)), draw(pool(plain, 3))
    whens = draw(pool(st.sampled_from([p for p in PERIODS if "NovQ" not in p]), 3))
    cocs: list[str | None] = [None, *draw(pool(plain, 3))]
    aocs: list[str | None] = [None, *draw(pool(plain, 2))]
    usable = texts(carrier).filter(lambda text: text not in ("", "null"))
    value_texts = draw(st.lists(usable, min_size=1, max_size=6))
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
