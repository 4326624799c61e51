"""Value types: for each a table of texts that DHIS2 takes and refuses, and the rules between the texts."""

from __future__ import annotations

import ast
import struct
import time
import unicodedata
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.value_texts import WORDS
from tallyport_schemas import value_types
from tallyport_schemas.finding_codes import CODES
from tallyport_schemas.generations import Generation
from tallyport_schemas.value_types import (
    NUMBER_LIMIT,
    NUMERIC_RULES,
    Problem,
    ValueType,
    check,
    check_comment,
    check_file,
    check_options,
    normalise,
)

V = ValueType
words = str.split


# Texts with white space, and those that no eye tells apart.
SPACED: dict[ValueType, tuple[list[str], list[str]]] = {
    V.NUMBER: (
        ["1" * 249, "-" + "1" * 248, "0." + "1" * 247],
        [" 5", "5 ", "5\n", "1 000", "1\u00a0000", "- 5", "1" * 250, "0." + "1" * 248, "\u22125", "5\u200b"],
    ),
    V.PERCENTAGE: (["0." + "9" * 247], [" 50", "50 ", "50 %", "5 0", "0." + "9" * 248, "50\n"]),
    V.UNIT_INTERVAL: ([], [" 0.5", "0.5 ", "0.5\t", "0 .5"]),
    V.INTEGER: ([], [" 5", "5 ", "5\n", "1 204", "5 .0", "\u22125", "1" * 5_000, "10.0 ", "5\u00a0"]),
    V.INTEGER_POSITIVE: ([], [" 5", "5 ", "1 204"]),
    V.INTEGER_NEGATIVE: ([], [" -5", "-5 ", "- 5"]),
    V.INTEGER_ZERO_OR_POSITIVE: ([], [" 0", "0 ", "1 204", "0\r\n"]),
    V.BOOLEAN: ([], [" true", "true ", "yes\n", "not true", "y es"]),
    V.TRUE_ONLY: ([], [" true", "true ", "y es"]),
    V.DATE: (
        ["2024-01-15 10:30", "2024-01-15 a b", "2024-01-15 !x"],
        [
            "2024-01-15 ",
            " 2024-01-15",
            "2024-01-15\n",
            "2024-01-15\nx",
            "2024 01 15",
            "2024-01-15\u2028x",
            "15 Jan 2024",
        ],
    ),
    V.AGE: (["2024-01-15 x"], ["2024-01-15 ", " 2024-01-15", "34 years"]),
    V.DATETIME: (
        ["2024-01-15 10:30:00Z", "2024-01-15 10:30:00+02:00", "2024-1-5 1:3:0+02"],
        [
            "2024-01-15 10:30:00",
            "2024-01-15 10:30Z",
            "2024-01-15 10:30:00.000Z",
            "2024-01-15 10",
            "2024-01-15T10:30:00 Z",
            "2024-01-15T10:30 ",
            " 2024-01-15T10:30",
            "2024-01-15T10:30\n",
            "2024-01-15  10:30:00Z",
            "2024-01-15T 10:30",
        ],
    ),
    V.TIME: ([], ["10:30 ", " 10:30", "10 :30", "10:30\n", "10:30 pm"]),
    V.LETTER: ([], ["a ", " a", "a\n", "e\u0301", "\u0301", "\u200d"]),
    V.PHONE_NUMBER: (
        ["+47 123 45 678", "12 345", "123\t456", "1234567 ext 89", "1" * 50, "0712 - 345 678"],
        ["1" * 51, "call 123456", "123456\u00a0", "12\u2011345678"],
    ),
    V.EMAIL: (
        ['"a b"@x.org', '" "@x.org', '"a\\"b"@x.org'],
        ["a b@x.org", " a@x.org", "a@x.org ", "a@x.org\n", "a@ x.org", "a @x.org", '"a\nb"@x.org', "A <a@x.org>"],
    ),
    V.URL: (
        [],
        [
            "http://x.org/a b",
            " http://x.org",
            "http://x.org ",
            "http://x.org\n",
            "http://x.org/?a b",
            "http://x.org/?a\u00a0b",
            "http://x.org/?a\u2028b",
            "http://x .org/",
            "http://x.org/#a b",
            "see http://x.org",
        ],
    ),
    V.USERNAME: ([], ["us er", " user", "user ", "user\n"]),
    V.COORDINATE: (
        ["[1, 2]", " [1,2] ", "[ 1 , 2 ]", "[1\n,2]", "[1 2,3]", "[\t1,2]"],
        ["1, 2", "[1 2]", "[1,\u00a02]", "[ , ]", "8.5 N, 11.7 W"],
    ),
    V.FILE_RESOURCE: ([], ["fbfJHSPpUQD ", " fbfJHSPpUQD", "fbfJHSPpUQD\n", "my photo.jpg"]),
    V.IMAGE: ([], ["fbfJHSPpUQD ", " fbfJHSPpUQD"]),
    V.ORGANISATION_UNIT: ([], ["fbfJHSPpUQD ", " fbfJHSPpUQD", "Bo District"]),
    V.TEXT: ([" a ", "a\nb", "a\u0000b", "x" * 50_000, "😀" * 25_000], ["x" * 50_001, "😀" * 25_001]),
    V.LONG_TEXT: (["a\r\n\r\nb", "x" * 50_000], ["x" * 50_001]),
    V.MULTI_TEXT: (["A, B", "x" * 50_000], ["x" * 50_001]),
    V.REFERENCE: (["a b"], ["x" * 50_001]),
    V.GEOJSON: (["{ }"], ["x" * 50_001]),
    V.TRACKER_ASSOCIATE: (["a b"], ["x" * 50_001]),
}

ACCEPTED = [(kind, text) for kind in V for text in [*WORDS[kind][0].split(), *SPACED[kind][0]]]
REFUSED = [(kind, text) for kind in V for text in [*WORDS[kind][1].split(), *SPACED[kind][1]]]


def label(value: object) -> str:
    if isinstance(value, frozenset):
        value = sorted(value)  # tests that run side by side must bear the same names
    return str(value) if isinstance(value, ValueType) else ascii(value)[:40]


def test_tables_are_long_and_name_no_text_twice() -> None:
    assert len(set(ACCEPTED)) + len(set(REFUSED)) >= 1_000
    assert not set(ACCEPTED) & set(REFUSED)
    for kind in V:
        assert sum(kind is k for k, _ in ACCEPTED) >= 3
        assert sum(kind is k for k, _ in REFUSED) >= 1


@pytest.mark.parametrize(("kind", "text"), ACCEPTED, ids=label)
def test_text_is_a_value_of_its_type(kind: ValueType, text: str) -> None:
    assert check(kind, text) is None


@pytest.mark.parametrize(("kind", "text"), REFUSED, ids=label)
def test_text_is_no_value_of_its_type(kind: ValueType, text: str) -> None:
    problem = check(kind, text)
    assert problem is not None
    assert problem.code in CODES
    assert CODES[problem.code].dhis2 == "E8122"
    assert problem.expected


PROBLEMS = [
    (V.NUMBER, "a", "TP201", "a number of at most 249 characters"),
    (V.PERCENTAGE, "a", "TP201", "a number from 0 to 100"),
    (V.PERCENTAGE, "100.5", "TP202", "a number from 0 to 100"),
    (V.PERCENTAGE, "-1", "TP202", "a number from 0 to 100"),
    (V.PERCENTAGE, "1e1", "TP201", "a number from 0 to 100"),
    (V.UNIT_INTERVAL, "1.5", "TP202", "a number from 0 to 1"),
    (V.UNIT_INTERVAL, ".5", "TP201", "a number from 0 to 1"),
    (V.INTEGER, "1.5", "TP203", "a whole number from -2147483648 to 2147483647"),
    (V.INTEGER, "2147483648", "TP202", "a whole number from -2147483648 to 2147483647"),
    (V.INTEGER, "2147483648.0", "TP202", "a whole number from -2147483648 to 2147483647"),
    (V.INTEGER, "9" * 6_000, "TP202", "a whole number from -2147483648 to 2147483647"),
    (V.INTEGER, "-0", "TP203", "a whole number from -2147483648 to 2147483647"),
    (V.INTEGER_POSITIVE, "0", "TP202", "a whole number from 1 to 2147483647"),
    (V.INTEGER_NEGATIVE, "3", "TP202", "a whole number from -2147483648 to -1"),
    (V.INTEGER_ZERO_OR_POSITIVE, "1,204", "TP203", "a whole number from 0 to 2147483647"),
    (V.INTEGER_ZERO_OR_POSITIVE, "-3", "TP202", "a whole number from 0 to 2147483647"),
    (V.BOOLEAN, "maybe", "TP204", "true or false"),
    (V.TRUE_ONLY, "no", "TP205", "true"),
    (V.DATE, "20250131", "TP206", "a date such as 2025-01-31"),
    (V.AGE, "34", "TP206", "a date such as 2025-01-31"),
    (V.DATETIME, "2025-01-31", "TP207", "a date and time such as 2025-01-31T14:30:00"),
    (V.TIME, "24:00", "TP208", "a time such as 14:30"),
    (V.LETTER, "ab", "TP209", "one letter"),
    (V.EMAIL, "a@localhost", "TP210", "an e-mail address such as name@host.org"),
    (V.URL, "www.x.org", "TP211", "a URL such as https://host.org/path"),
    (V.PHONE_NUMBER, "112", "TP212", "6 to 50 digits, spaces and + ( ) # . / - e x t"),
    (V.USERNAME, "abc", "TP213", "4 to 255 letters and digits, with single - _ . @ between"),
    (V.COORDINATE, "[8.5,-111.7]", "TP214", "[longitude,latitude] within 180 and 90 degrees"),
    (V.ORGANISATION_UNIT, "Bo", "TP215", "a UID: a letter, then 10 letters or digits"),
    (V.FILE_RESOURCE, "a.pdf", "TP215", "a UID: a letter, then 10 letters or digits"),
    (V.TEXT, "x" * 50_001, "TP216", "at most 50,000 characters"),
    (V.INTEGER, "1" * 50_001, "TP216", "at most 50,000 characters"),
]


@pytest.mark.parametrize(("kind", "text", "code", "expected"), PROBLEMS, ids=label)
def test_problem_has_the_code_of_its_kind_and_says_what_is_expected(
    kind: ValueType, text: str, code: str, expected: str
) -> None:
    assert check(kind, text) == Problem(code, expected)


def test_types_are_those_of_dhis2() -> None:
    assert len(V) == 28
    assert all(kind.name == kind.value for kind in V)


@pytest.mark.parametrize("kind", V)
@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\x00", " " * 50_000])
def test_blank_text_is_not_checked(kind: ValueType, text: str) -> None:
    assert check(kind, text) is check(kind, text, Generation.V42) is None


@pytest.mark.parametrize("kind", V)
def test_length_counts_utf_16_units_in_every_type(kind: ValueType) -> None:
    for text in ("1" * 50_001, "𝟙" * 25_001, "a" + "𝟙" * 25_000, "é" * 50_001):
        assert check(kind, text) == Problem("TP216", "at most 50,000 characters")
    for text in ("1" * 50_000, "𝟙" * 25_000, "é" * 50_000):
        problem = check(kind, text)
        assert problem is None or problem.code != "TP216"


NORMALISED = [
    (V.INTEGER, "10.0", "10"),
    (V.INTEGER, "-5.0", "-5"),
    (V.INTEGER, "10.00", "10.00"),
    (V.INTEGER, "-0.0", "-0"),
    (V.INTEGER, "10", "10"),
    (V.INTEGER_POSITIVE, "1.0", "1"),
    (V.INTEGER_NEGATIVE, "-1.0", "-1"),
    (V.INTEGER_ZERO_OR_POSITIVE, "0.0", "0"),
    (V.NUMBER, "10.0", "10.0"),
    (V.PERCENTAGE, "10.0", "10.0"),
    (V.UNIT_INTERVAL, "1.0", "1.0"),
    (V.TEXT, "10.0", "10.0"),
    (V.TEXT, "yes", "yes"),
    (V.TEXT, " a ", " a "),
    (V.COORDINATE, "[ 1, 2 ]", "[ 1, 2 ]"),
    (V.DATE, "2024-01-15xyz", "2024-01-15xyz"),
    *[(V.BOOLEAN, text, "true") for text in words("true True TRUE tRuE yes Yes YES t T y Y 1")],
    *[(V.BOOLEAN, text, "false") for text in words("false False FALSE fAlSe no No NO f F n N 0")],
    *[(V.BOOLEAN, text, text) for text in ["2", "ja", " true", "1.0"]],
    *[(V.TRUE_ONLY, text, "true") for text in words("true TRUE yes T y 1")],
    *[(V.TRUE_ONLY, text, "false") for text in words("false no 0 N f")],
]


@pytest.mark.parametrize(("kind", "text", "stored"), NORMALISED, ids=label)
def test_text_is_stored_normalised(kind: ValueType, text: str, stored: str) -> None:
    assert normalise(kind, text) == stored


ONLY_IN_243 = [
    *[(V.INTEGER, text) for text in words("10.0 -5.0 0.0 2147483647.0")],
    (V.INTEGER_POSITIVE, "1.0"),
    (V.INTEGER_NEGATIVE, "-1.0"),
    (V.INTEGER_ZERO_OR_POSITIVE, "0.0"),
    *[(V.BOOLEAN, text) for text in words("yes Yes YES no No NO y Y n N")],
    *[(V.TRUE_ONLY, text) for text in words("yes YES y Y")],
]

SAME_IN_BOTH = [
    *[(V.INTEGER, text) for text in words("10 -5 0 10.00 -0.0 -0 1.5 a.0 2147483648.0 .0")],
    (V.INTEGER_POSITIVE, "0.0"),
    (V.INTEGER_NEGATIVE, "1.0"),
    (V.INTEGER_ZERO_OR_POSITIVE, "-1.0"),
    *[(V.NUMBER, text) for text in words("10.0 10 a")],
    *[(V.PERCENTAGE, text) for text in words("10.0 100.0 101.0")],
    *[(V.BOOLEAN, text) for text in words("true True tRuE TRUE false False fAlSe f F t T 0 1 2 ja maybe")],
    *[(V.TRUE_ONLY, text) for text in words("true TRUE tRuE t T 1 false f 0 no n N 2 nothing")],
    *[(V.TEXT, text) for text in words("yes 10.0")],
    (V.DATE, "2024-01-15xyz"),
]


@pytest.mark.parametrize(("kind", "text"), ONLY_IN_243, ids=label)
def test_text_is_a_value_from_2_43_on_only(kind: ValueType, text: str) -> None:
    assert check(kind, text) is None
    assert check(kind, text, Generation.V42) is not None


@pytest.mark.parametrize(("kind", "text"), SAME_IN_BOTH, ids=label)
def test_text_is_judged_alike_by_2_42_and_2_43(kind: ValueType, text: str) -> None:
    assert (check(kind, text) is None) == (check(kind, text, Generation.V42) is None)


@pytest.mark.parametrize("kind", [V.DATE, V.AGE])
@pytest.mark.parametrize("generation", Generation)
def test_dates_begin_with_the_year_1(kind: ValueType, generation: Generation) -> None:
    assert check(kind, "0001-01-01", generation) is None
    assert check(kind, "0000-01-01", generation) is not None


@pytest.mark.parametrize("host", ["x.zz", "x.corp", "x.invalidtld", "x.xn--zzzzzz"])
@pytest.mark.parametrize("generation", Generation)
def test_hosts_lie_under_a_top_level_domain_that_is_there(host: str, generation: Generation) -> None:
    assert check(V.URL, f"http://{host}", generation) is not None
    assert check(V.EMAIL, f"a@{host}", generation) is not None


HALF_OF_THE_LAST_PLACE = [
    (V.UNIT_INTERVAL, "1.00000000000000011102230246251565404236316680908203125"),
    (V.PERCENTAGE, "100.00000000000000710542735760100185871124267578125"),
]


@pytest.mark.parametrize(("kind", "text"), HALF_OF_THE_LAST_PLACE, ids=label)
def test_bounds_of_numbers_are_those_of_doubles(kind: ValueType, text: str) -> None:
    assert check(kind, text) is None
    assert check(kind, f"{text}1") == Problem("TP202", f"a number from 0 to {NUMERIC_RULES[kind].maximum}")


STORED_BY_242 = [
    (V.INTEGER, "10", "10"),
    *[(V.BOOLEAN, text, "true") for text in words("true True TRUE t T 1")],
    *[(V.BOOLEAN, text, "false") for text in words("false False FALSE f F 0")],
    *[(V.BOOLEAN, text, text) for text in words("tRuE fAlse TRUe")],
    *[(V.TRUE_ONLY, text, "true") for text in words("true True TRUE t T 1")],
    (V.TRUE_ONLY, "tRuE", "tRuE"),
    (V.TEXT, "Yes", "Yes"),
]


@pytest.mark.parametrize(("kind", "text", "stored"), STORED_BY_242, ids=label)
def test_2_42_normalises_some_spellings_of_booleans_and_no_integer(kind: ValueType, text: str, stored: str) -> None:
    assert check(kind, text, Generation.V42) is None
    assert normalise(kind, text, Generation.V42) == stored


# Numbers: the rules for a scanner, checked the slow way.


def plainly(kind: ValueType, text: str) -> bool:
    """Judge a number digit by digit and by exact decimals, as the rules for a scanner say."""
    rule = NUMERIC_RULES[kind]
    if rule.kind == "integer" and text.endswith(".0"):
        text = text[:-2]
    whole, point, decimals = text.removeprefix("-").partition(".")
    if not whole or set(whole + decimals) - set("0123456789") or (point and not decimals):
        return False
    if len(whole) > 1 and whole[0] == "0":
        return False
    if rule.kind == "integer" and (point or text == "-0"):
        return False
    if rule.kind == "number" and len(text) > NUMBER_LIMIT:
        return False
    if rule.minimum is None or rule.maximum is None:
        return True
    return rule.minimum <= float(text) <= rule.maximum


numeric_types = st.sampled_from(sorted(NUMERIC_RULES))
near_numbers = st.one_of(
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,25})?", fullmatch=True),
    st.from_regex(r"-?(0|1|99|100|101|214748364[678])(\.0{0,30}1?)?", fullmatch=True),
    st.text(alphabet="0123456789.-+eE, ", min_size=1, max_size=8).filter(str.strip),
    st.integers(245, 252).map(lambda n: "1" * n),
)


@given(numeric_types, near_numbers)
@example(V.PERCENTAGE, "100." + "0" * 244 + "1")
@example(V.PERCENTAGE, "-0." + "0" * 244 + "1")
@example(V.PERCENTAGE, "-0." + "0" * 245)
@example(V.UNIT_INTERVAL, "0." + "9" * 247)
def test_numbers_are_judged_as_a_slow_exact_reading_judges_them(kind: ValueType, text: str) -> None:
    assert (check(kind, text) is None) == plainly(kind, text)


def test_rules_for_a_scanner_are_those_of_the_seven_types_of_numbers() -> None:
    assert {kind for kind in V if "INTEGER" in kind or kind in {V.NUMBER, V.PERCENTAGE, V.UNIT_INTERVAL}} == set(
        NUMERIC_RULES
    )
    assert {kind: (rule.kind, rule.minimum, rule.maximum) for kind, rule in NUMERIC_RULES.items()} == {
        V.NUMBER: ("number", None, None),
        V.UNIT_INTERVAL: ("number", 0, 1),
        V.PERCENTAGE: ("number", 0, 100),
        V.INTEGER: ("integer", -2147483648, 2147483647),
        V.INTEGER_POSITIVE: ("integer", 1, 2147483647),
        V.INTEGER_NEGATIVE: ("integer", -2147483648, -1),
        V.INTEGER_ZERO_OR_POSITIVE: ("integer", 0, 2147483647),
    }


@given(st.integers(-(2**31), 2**31 - 1))
def test_every_32_bit_integer_is_one(number: int) -> None:
    for text in (str(number), f"{number}.0"):
        assert check(V.INTEGER, text) is None
        assert (check(V.INTEGER_POSITIVE, text) is None) == (number > 0)
        assert (check(V.INTEGER_NEGATIVE, text) is None) == (number < 0)
        assert (check(V.INTEGER_ZERO_OR_POSITIVE, text) is None) == (number >= 0)
    assert check(V.NUMBER, str(number)) is None


@given(st.one_of(st.integers(min_value=2**31), st.integers(max_value=-(2**31) - 1)))
def test_no_integer_beyond_32_bits_is_one(number: int) -> None:
    for kind in (V.INTEGER, V.INTEGER_POSITIVE, V.INTEGER_NEGATIVE, V.INTEGER_ZERO_OR_POSITIVE):
        problem = check(kind, str(number))
        assert problem is not None
        assert problem.code == "TP202"


# The other types.


@given(st.sampled_from(V), st.text(max_size=30))
def test_any_text_is_judged_without_failing_and_alike_once_normalised(kind: ValueType, text: str) -> None:
    problem = check(kind, text)
    assert problem is None or problem.code in CODES
    check(kind, text, Generation.V42)
    if text.strip() and problem is None:
        stored = normalise(kind, text)
        assert check(kind, stored) is None
        assert normalise(kind, stored) == stored


@given(st.sampled_from(V), st.text(alphabet="\ud800\udc00a1@.[]:/", max_size=12))
def test_lone_surrogates_do_no_harm(kind: ValueType, text: str) -> None:
    check(kind, text)


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024])
def test_a_day_is_a_date_if_the_calendar_has_it(year: int) -> None:
    first = date(year, 1, 1)
    days = {(first + timedelta(n)).isoformat() for n in range(366) if (first + timedelta(n)).year == year}
    for month in range(14):
        for day in range(33):
            text = f"{year}-{month:02}-{day:02}"
            assert (check(V.DATE, text) is None) == (text in days)
            assert (check(V.DATETIME, f"{text}T10:00") is None) == (text in days)


def test_times_are_the_1440_minutes_of_a_day() -> None:
    accepted = [f"{h:02}:{m:02}" for h in range(100) for m in range(100) if check(V.TIME, f"{h:02}:{m:02}") is None]
    assert len(accepted) == 1440
    assert accepted == sorted(accepted)
    assert accepted[-1] == "23:59"


@given(st.characters())
def test_a_letter_is_one_unit_that_unicode_calls_a_letter(character: str) -> None:
    letter = unicodedata.category(character).startswith("L") and ord(character) < 0x10000
    assert (check(V.LETTER, character) is None) == (letter or not character.strip("".join(map(chr, range(33)))))


@given(st.floats(-200, 200, width=32), st.floats(-100, 100, width=32))
def test_coordinates_are_compared_as_floats_of_32_bits(longitude: float, latitude: float) -> None:
    within = abs(longitude) <= 180 and abs(latitude) <= 90
    assert (check(V.COORDINATE, f"[{longitude!r},{latitude!r}]") is None) == within


def test_coordinate_just_above_the_range_is_rounded_into_it() -> None:
    above = struct.unpack("<f", struct.pack("<I", struct.unpack("<I", struct.pack("<f", 90.0))[0] + 1))[0]
    assert check(V.COORDINATE, f"[0,{above!r}]") is not None
    assert check(V.COORDINATE, f"[0,{90 + (above - 90) / 4!r}]") is None


# Options, files, comments.

CODES_OF_SET = frozenset({"A", "b", "A B", "10", " C", "é"})


@pytest.mark.parametrize("text", sorted(CODES_OF_SET))
def test_code_of_an_option_is_taken_as_it_is(text: str) -> None:
    assert check_options(CODES_OF_SET, text, multi=False) is None
    assert check_options(CODES_OF_SET, text, multi=True) is None


@pytest.mark.parametrize("text", ["a", "B", "A ", " A", "C", "10.0", "A,b", "", ",", "e\u0301", "A\n"])
def test_what_differs_from_every_code_is_no_option(text: str) -> None:
    problem = check_options(CODES_OF_SET, text, multi=False)
    assert problem is not None
    assert problem.code == "TP218"
    assert CODES[problem.code].dhis2 == "E8123"


@pytest.mark.parametrize("text", ["A", "A,b", "b,A", "A,A", "A,b,", "A,,,", "A B, C,é,10", ",", ",,,"])
def test_parts_between_commas_are_each_a_code(text: str) -> None:
    assert check_options(CODES_OF_SET, text, multi=True) is None


@pytest.mark.parametrize("text", ["", "A, b", "A,,b", ",A", "A;b", "A,a", "A ,b", " ", "A, "])
def test_part_that_is_no_code_is_refused(text: str) -> None:
    problem = check_options(CODES_OF_SET, text, multi=True)
    assert problem is not None
    assert problem.code == "TP219"
    assert CODES[problem.code].dhis2 == "E8123"


@given(st.lists(st.sampled_from(sorted(CODES_OF_SET)), min_size=1), st.integers(0, 3))
def test_codes_joined_by_commas_are_options(chosen: list[str], commas: int) -> None:
    assert check_options(CODES_OF_SET, ",".join(chosen) + "," * commas, multi=True) is None
    assert check_options(CODES_OF_SET, ",".join([*chosen, "none"]), multi=True) is not None


def test_option_may_be_a_code_that_the_empty_text_is() -> None:
    assert check_options(frozenset({""}), "", multi=True) is None
    assert check_options(frozenset({"", "A"}), ",A", multi=True) is None


def test_file_is_among_the_known_ones() -> None:
    known = frozenset({"fbfJHSPpUQD"})
    assert check_file(known, "fbfJHSPpUQD") is None
    problem = check_file(known, "fbfJHSPpUQd")
    assert problem is not None
    assert problem.code == "TP217"


COMMENTS: list[tuple[str | None, frozenset[str] | None, str | None]] = [
    (None, None, None),
    ("", None, None),
    ("any words", None, None),
    ("x" * 5_000, None, None),
    ("😀" * 2_500, None, None),
    ("x" * 5_001, None, "TP222"),
    ("😀" * 2_501, None, "TP222"),
    ("A", CODES_OF_SET, None),
    ("a", CODES_OF_SET, "TP220"),
    ("x" * 5_001, CODES_OF_SET, "TP220"),
    (None, CODES_OF_SET, "TP221"),
    ("", CODES_OF_SET, "TP221"),
]


@pytest.mark.parametrize(("comment", "codes", "code"), COMMENTS, ids=label)
def test_comment_fits_its_limit_and_its_option_set(
    comment: str | None, codes: frozenset[str] | None, code: str | None
) -> None:
    problem = check_comment(comment, codes)
    assert (problem and problem.code) == code


# Cost.

HOSTILE = [
    piece * (50_000 // len(piece))
    for piece in [
        *'1-.0a@"\\[],:/%#?é_ é',
        "1.0",
        "-0",
        "a.",
        "a-",
        "a@",
        '"\\"',
        '\\".',
        '"a".',
        "\\@",
        "a@b.",
        "[1,",
        "1e9",
        "0x1p",
        "%20",
        "/..",
        "/a",
        "a:b@",
        "::1",
        "2024-01-15",
        "10:30",
        "yes",
        "ext ",
        "\n",
        "\u2028a",
        "ｘ。",
    ]
]
BEGINNINGS = [
    "",
    "http://",
    "http://x.org/",
    "http://x.org?",
    "http://x.org#",
    "http://u:",
    "http://[",
    "a@",
    "a@[",
    '"',
    "[",
    "[0x",
    "[1,",
    "[1e",
    "2024-01-15",
    "2024-01-15T10:30:00.",
    "0.",
]


@pytest.mark.parametrize("kind", V)
def test_hostile_texts_cost_no_more_than_their_length(kind: ValueType) -> None:
    for beginning in BEGINNINGS:
        for middle in HOSTILE:
            for end in ("", "]", "@x.org", ".0"):
                text = beginning + middle[: 50_000 - len(beginning) - len(end)] + end
                started = time.process_time()
                check(kind, text)
                check(kind, text, Generation.V42)
                assert time.process_time() - started < 0.25, (beginning, middle[:10], end)


@pytest.mark.parametrize(
    "text", ['"\\"."' * 12 + "@x.org", '\\".' * 21 + "@x.org", '"\\".' * 16 + "@x.org", '"\\"."\\".' * 8 + "@x.org"]
)
def test_quotes_and_escapes_in_an_address_are_read_one_way(text: str) -> None:
    started = time.process_time()
    check(V.EMAIL, text)
    assert time.process_time() - started < 0.25


def test_hostile_options_cost_no_more_than_their_length() -> None:
    for text in ("," * 50_000, "A," * 25_000, "x" * 50_000):
        started = time.process_time()
        check_options(CODES_OF_SET, text, multi=True)
        assert time.process_time() - started < 0.25


def test_module_imports_little() -> None:
    tree = ast.parse(Path(value_types.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert names <= {"re", "struct", "unicodedata"}
