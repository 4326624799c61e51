"""Value types: which texts DHIS2 takes as a value of each type, and what it stores for them.

Opens no file of a user; never raises for a text, whatever it holds; time is linear in the text's length.
The reading is that of a server with the ISO calendar, of DHIS2 2.43 unless another generation is asked for.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tallyport_schemas.generations import Generation

VALUE_LIMIT = 50_000
"""UTF-16 units that a value may have, whatever its type."""

COMMENT_LIMITS: Mapping[Generation, int] = MappingProxyType({Generation.V42: 50_000, Generation.V43: 5_000})
"""UTF-16 units that a comment may have."""

NUMBER_LIMIT = 249
"""Characters that a number may have; integers are bounded by their range alone."""


class ValueType(StrEnum):
    """The value types of DHIS2's data elements, by their names there."""

    TEXT = "TEXT"
    LONG_TEXT = "LONG_TEXT"
    MULTI_TEXT = "MULTI_TEXT"
    LETTER = "LETTER"
    PHONE_NUMBER = "PHONE_NUMBER"
    EMAIL = "EMAIL"
    BOOLEAN = "BOOLEAN"
    TRUE_ONLY = "TRUE_ONLY"
    DATE = "DATE"
    DATETIME = "DATETIME"
    TIME = "TIME"
    NUMBER = "NUMBER"
    UNIT_INTERVAL = "UNIT_INTERVAL"
    PERCENTAGE = "PERCENTAGE"
    INTEGER = "INTEGER"
    INTEGER_POSITIVE = "INTEGER_POSITIVE"
    INTEGER_NEGATIVE = "INTEGER_NEGATIVE"
    INTEGER_ZERO_OR_POSITIVE = "INTEGER_ZERO_OR_POSITIVE"
    TRACKER_ASSOCIATE = "TRACKER_ASSOCIATE"
    USERNAME = "USERNAME"
    COORDINATE = "COORDINATE"
    ORGANISATION_UNIT = "ORGANISATION_UNIT"
    REFERENCE = "REFERENCE"
    AGE = "AGE"
    URL = "URL"
    FILE_RESOURCE = "FILE_RESOURCE"
    IMAGE = "IMAGE"
    GEOJSON = "GEOJSON"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is refused: the finding's code, and what should stand there. One object per kind, never per text."""

    code: str
    expected: str


@dataclass(frozen=True, slots=True)
class NumericRule:
    """A type that a plain scanner can check.

    `integer`: `0`, or digits without a leading zero and perhaps a minus before them; one `.0` at the end is dropped
    first, but not by 2.42. `number`: digits without a leading zero, perhaps a minus before them and a point with digits
    after them; at most `NUMBER_LIMIT` characters. Both: within `minimum` and `maximum`, numbers as the nearest double.
    A blank text passes.
    """

    kind: Literal["integer", "number"]
    minimum: int | None
    maximum: int | None


_LOWEST, _HIGHEST = -(2**31), 2**31 - 1

NUMERIC_RULES: Mapping[ValueType, NumericRule] = MappingProxyType(
    {
        ValueType.NUMBER: NumericRule("number", None, None),
        ValueType.UNIT_INTERVAL: NumericRule("number", 0, 1),
        ValueType.PERCENTAGE: NumericRule("number", 0, 100),
        ValueType.INTEGER: NumericRule("integer", _LOWEST, _HIGHEST),
        ValueType.INTEGER_POSITIVE: NumericRule("integer", 1, _HIGHEST),
        ValueType.INTEGER_NEGATIVE: NumericRule("integer", _LOWEST, -1),
        ValueType.INTEGER_ZERO_OR_POSITIVE: NumericRule("integer", 0, _HIGHEST),
    }
)
"""The types of numbers, for a scanner."""

TRUE_WORDS = frozenset({"true", "yes", "t", "y", "1"})
"""What reads as true, in any letter case."""

FALSE_WORDS = frozenset({"false", "no", "f", "n", "0"})
"""What reads as false, in any letter case."""

BOOLEAN_TYPES = frozenset({ValueType.BOOLEAN, ValueType.TRUE_ONLY})
"""The types whose words are normalised to true and false."""

FILE_TYPES = frozenset({ValueType.FILE_RESOURCE, ValueType.IMAGE})
"""The types whose value is the UID of an uploaded file."""

_INTEGER_TYPES = frozenset(kind for kind, rule in NUMERIC_RULES.items() if rule.kind == "integer")

# 2.42 knows these spellings; other letter cases of the words true and false it takes and stores as they are.
_TRUE_42 = frozenset({"true", "True", "TRUE", "t", "T", "1"})
_FALSE_42 = frozenset({"false", "False", "FALSE", "f", "F", "0"})

_TRIMMED = "".join(map(chr, range(33)))  # what Java trims

_TOO_LONG = Problem("TP216", "at most 50,000 characters")
_NO_OPTION = Problem("TP218", "the code of an option")
_NO_OPTIONS = Problem("TP219", "codes of options, separated by commas without spaces")
_NO_FILE = Problem("TP217", "the UID of a known file resource")
_NO_COMMENT_OPTION = Problem("TP220", "the code of an option")
_COMMENT_MISSING = Problem("TP221", "the code of an option as the comment")
_COMMENT_TOO_LONG = {of: Problem("TP222", f"at most {limit:,} characters") for of, limit in COMMENT_LIMITS.items()}


def check(value_type: ValueType, text: str, generation: Generation = Generation.V43) -> Problem | None:
    """Return what is wrong with `text` as a value of the type, or None if DHIS2 takes it.

    The text is normalised first. A blank text passes: DHIS2 checks no type then.
    """
    if _exceeds(text, VALUE_LIMIT):
        return _TOO_LONG
    rule = _RULES.get(value_type)
    if rule is None or not text.strip(_TRIMMED):
        return None
    accepts, problem = rule
    text = normalise(value_type, text, generation)
    if accepts(text):
        return None
    if generation is Generation.V42 and value_type in BOOLEAN_TYPES and accepts(text.lower()):
        return None
    well_formed = _INTEGER if value_type in _INTEGER_TYPES else _is_number
    if value_type in _OUT_OF_RANGE and well_formed(text):
        return _OUT_OF_RANGE[value_type]
    return problem


def normalise(value_type: ValueType, text: str, generation: Generation = Generation.V43) -> str:
    """Return what DHIS2 makes of `text` before it looks at it: integers lose one `.0`, booleans become true or false.

    2.42 leaves integers as they are, and what it then stores has no blanks around it.

    >>> normalise(ValueType.INTEGER, "12.0"), normalise(ValueType.BOOLEAN, "Yes"), normalise(ValueType.TEXT, "Yes")
    ('12', 'true', 'Yes')
    """
    is_old = generation is Generation.V42
    if value_type in _INTEGER_TYPES and not is_old:
        return text.removesuffix(".0")
    if value_type in BOOLEAN_TYPES and len(text) <= 5:
        word = text if is_old else text.lower()
        if word in (_TRUE_42 if is_old else TRUE_WORDS):
            return "true"
        if word in (_FALSE_42 if is_old else FALSE_WORDS):
            return "false"
    return text


def check_options(codes: frozenset[str], text: str, multi: bool) -> Problem | None:
    """Return what is wrong with a normalised text where the data element has an option set with these `codes`.

    Codes are compared exactly, letter case and spaces included, whatever the value type. `multi`, for MULTI_TEXT:
    each part between commas is a code; commas at the end say nothing.
    """
    if not multi:
        return None if text in codes else _NO_OPTION
    named = text.rstrip(",")
    # Nothing but commas names no option, and DHIS2 finds nothing wrong with none.
    if (text and not named) or codes.issuperset(named.split(",")):
        return None
    return _NO_OPTIONS


def check_file(known: frozenset[str], text: str) -> Problem | None:
    """Return what is wrong with the UID of a file, given the UIDs of all `known` file resources."""
    return None if text in known else _NO_FILE


def check_comment(
    comment: str | None, codes: frozenset[str] | None, generation: Generation = Generation.V43
) -> Problem | None:
    """Return what is wrong with a comment; `codes` are those of the comment option set, None where there is none."""
    if codes is not None:
        if not comment:
            return _COMMENT_MISSING
        if comment not in codes:
            return _NO_COMMENT_OPTION
    if comment is not None and _exceeds(comment, COMMENT_LIMITS[generation]):
        return _COMMENT_TOO_LONG[generation]
    return None


def _exceeds(text: str, limit: int) -> bool:
    if 2 * len(text) <= limit:
        return False
    return len(text) > limit or (not text.isascii() and _units(text) > limit)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# Patterns: no two ways to read the same text, so that none of them ever goes back far.


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


def _whole(pattern: str, flags: int = 0) -> Callable[[str], re.Match[str] | None]:
    # Compiled when first used: a run meets few of the types.
    return lambda text: _compiled(pattern, flags).fullmatch(text)


_NUMBER = _whole(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?")
_INTEGER = _whole(r"0|-?[1-9][0-9]*+")


def _is_number(text: str) -> bool:
    return len(text) <= NUMBER_LIMIT and _NUMBER(text) is not None


def _number_within(minimum: int, maximum: int) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        return _is_number(text) and minimum <= float(text) <= maximum  # as a double, as DHIS2 does

    return accepts


def _integer_within(minimum: int, maximum: int) -> Callable[[str], bool]:
    # Eleven characters hold every 32-bit integer; what is longer is not worth its conversion.
    return lambda text: _INTEGER(text) is not None and len(text) <= 11 and minimum <= int(text) <= maximum


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text <= "\uffff" and unicodedata.category(text)[0] == "L"


_PHONE_NUMBER = _whole(r"[0-9+()#.\s/ext-]{6,50}", re.ASCII)
_USERNAME = _whole(r"[A-Za-z0-9]++(?:[-_.@][A-Za-z0-9]++)*+")
_TIME = _whole(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]")
_UID = _whole(r"[A-Za-z][A-Za-z0-9]{10}")


def _is_username(text: str) -> bool:
    return 4 <= len(text) <= 255 and _USERNAME(text) is not None


_LINE = "[^\n\r\x85\u2028\u2029]"
_DATE = _whole(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){_LINE}*+")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _day_exists(year: int, month: int, day: int) -> bool:
    # The standard library has no years before 1; DHIS2 has, in a date with a time.
    if not 1 <= month <= 12:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _DAYS[month - 1] + (leap and month == 2)


def _is_date(text: str) -> bool:
    found = _DATE(text)
    if not found or found[1] == "0000" or not _day_exists(*map(int, found.groups())):
        return False
    # Of what follows DHIS2 asks only that it is on the same line, and ends like a word.
    last = text[-1]
    return last == "_" or unicodedata.category(last) in _OF_WORDS


_OF_WORDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})

_DATETIME = _whole(
    r"""(?P<year>[+-]?[0-9]{1,9})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})
    (?P<between>[Tt\ ])(?P<hour>[0-9]{1,2})
    (?: :(?P<minute>[0-9]{1,2}) (?: :(?P<second>[0-9]{1,2}) (?: \.(?P<fraction>[0-9]{1,9}))? )? )?
    (?P<zone>[Zz] | [+-](?:[01][0-9]|2[0-3]) (?:
        :[0-5][0-9] (?: :[0-5][0-9] (?:[.,][0-9]{1,3})? )? | [0-5][0-9] (?:[0-5][0-9])? )?
    )?""",
    re.VERBOSE,
)

_FIRST_YEAR, _LAST_YEAR = -292_275_054, 292_278_993  # those whose milliseconds a 64-bit integer holds


def _is_datetime(text: str) -> bool:
    found = _DATETIME(text)
    if not found:
        return False
    year, month, day, hour, minute, second = (
        int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    fraction, zone = found["fraction"], found["zone"]
    if found["between"] == " " and (found["second"] is None or fraction or not zone):
        return False
    if fraction and len(fraction) > 6 and not zone:
        return False
    on_clock = hour <= 23 and minute <= 59 and second <= 59
    return on_clock and _FIRST_YEAR <= year <= _LAST_YEAR and _day_exists(year, month, day)


_WHITE_SPACE = dict.fromkeys(map(ord, " \t\n\v\f\r"))
_DECIMAL = _whole(r"([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)[fFdD]?")
_HEXADECIMAL = _whole(r"([+-]?0[xX](?:[0-9a-fA-F]++\.?[0-9a-fA-F]*+|\.[0-9a-fA-F]++)[pP][+-]?[0-9]++)[fFdD]?")


def _float32(text: str) -> float | None:
    text = text.strip(_TRIMMED)
    try:
        if found := _DECIMAL(text):
            number = float(found[1])
        elif found := _HEXADECIMAL(text):
            number = float.fromhex(found[1])
        else:
            return None
        (rounded,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        return None
    return float(rounded)


def _is_coordinate(text: str) -> bool:
    text = text.translate(_WHITE_SPACE)
    if not (text.startswith("[") and text.endswith("]")):
        return False
    longitude, latitude = (_float32(part) for part in [*text[1:-1].split(",", 2), ""][:2])
    return longitude is not None and latitude is not None and abs(longitude) <= 180 and abs(latitude) <= 90


_OCTET = r"(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_IPV4 = _whole(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_IPV6_CHARACTERS = _whole(r"[0-9A-Fa-f:.]{2,45}")
_HOST = _whole(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])\.?", re.IGNORECASE
)


def _is_ipv6(text: str) -> bool:
    if not _IPV6_CHARACTERS(text):
        return False
    import ipaddress  # rarely needed: most addresses are names

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


@cache
def _top_level_domains() -> frozenset[str]:
    """Return the names that IANA had delegated on 17 November 2026; DHIS2 refuses hosts under any other."""
    return frozenset(Path(__file__).with_name("top_level_domains.txt").read_text(encoding="ascii").split())


def _is_public_host(name: str) -> bool:
    if len(name) > 254:
        return False
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return False
    found = _HOST(name) if len(name) <= 253 else None
    if found is None:
        return False
    return found[1].lower() in _top_level_domains()


# Every quote within a quoted part has a backslash before it.
_ATOM = rf"""(?:\\{_LINE}|[^ \x00-\x1f\x7f()<>@,;:\\".\[\]])++"""
_WORD = rf"""(?:{_ATOM}|"(?:(?!"){_LINE}|(?<=\\)")*")"""
_MAILBOX = _whole(rf"{_WORD}(?:\.{_WORD})*")


def _is_email(text: str) -> bool:
    mailbox, _, domain = text.rpartition("@")
    if _units(mailbox[:65]) > 64 or not _MAILBOX(mailbox):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        return _IPV4(domain[1:-1]) is not None or _is_ipv6(domain[1:-1])
    return not domain.endswith(".") and _is_public_host(domain)


_URL_REST = _whole(
    r"""(?:\[(?P<ipv6>[0-9A-Fa-f:]{2,45})\] |
    (?:(?P<user>(?:[A-Za-z0-9&'()*+,._~!$;=-] | %[0-9A-Fa-f]{2})++
    (?: :(?:[A-Za-z0-9&'()*+,._~!$;=-] | %[0-9A-Fa-f]{2})*+ )?)@)?
    (?P<host>[^/?\#:@\[\]]++))
    (?: :(?P<port>[0-9]*+))?
    (?P<path>(?:/(?:[A-Za-z0-9_:@&=+,.!/~*'$;()-] | %[0-9A-Fa-f]{2})*+)?)
    (?:\?(?:[A-Za-z0-9_:@&=+,.!/~*'$;()?\[\]-] | %[0-9A-Fa-f]{2} | [^\x00-\xa0\s])*+)?
    (?:\#(?:[A-Za-z0-9_:@&=+,.!/~*'$;()?\[\]-] | %[0-9A-Fa-f]{2} | [^\x00-\xa0\s])*+)?""",
    re.VERBOSE,
)


def _climbs_above(path: str) -> bool:
    """Whether `..` leads out of the path's root; the path has no empty segments within."""
    depth = 0
    for segment in path.split("/")[1:]:
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return True
    return False


def _is_url(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    found = _URL_REST(rest)
    if not found or scheme.lower() not in {"http", "https", "ftp"}:
        return False
    if "//" in found["path"] or _climbs_above(found["path"]):
        return False
    if found["ipv6"]:
        return _is_ipv6(found["ipv6"])  # DHIS2 does not look at the port then
    port = (found["port"] or "0").lstrip("0")
    if len(port) > 5 or int(port or 0) > 65_535:
        return False
    host = found["host"]
    if found["user"] and not host.isascii():
        return False
    return _is_public_host(host) or _IPV4(host) is not None


_UID_EXPECTED = Problem("TP215", "a UID: a letter, then 10 letters or digits")
_DATE_EXPECTED = Problem("TP206", "a date such as 2025-01-31")


def _expected_number(rule: NumericRule) -> str:
    kind = "whole number" if rule.kind == "integer" else "number"
    if rule.minimum is None or rule.maximum is None:
        return f"a {kind} of at most {NUMBER_LIMIT} characters"
    return f"a {kind} from {rule.minimum} to {rule.maximum}"


def _numeric(rule: NumericRule) -> tuple[Callable[[str], object], Problem]:
    code = "TP203" if rule.kind == "integer" else "TP201"
    problem = Problem(code, _expected_number(rule))
    if rule.minimum is None or rule.maximum is None:
        return _is_number, problem
    within = _integer_within if rule.kind == "integer" else _number_within
    return within(rule.minimum, rule.maximum), problem


_OUT_OF_RANGE: Mapping[ValueType, Problem] = {
    kind: Problem("TP202", _expected_number(rule)) for kind, rule in NUMERIC_RULES.items() if rule.minimum is not None
}

# For each type that is checked: what accepts a normalised text, and the problem if it does not.
_RULES: Mapping[ValueType, tuple[Callable[[str], object], Problem]] = {
    **{kind: _numeric(rule) for kind, rule in NUMERIC_RULES.items()},
    ValueType.BOOLEAN: (lambda text: text in {"true", "false"}, Problem("TP204", "true or false")),
    ValueType.TRUE_ONLY: (lambda text: text == "true", Problem("TP205", "true")),
    ValueType.DATE: (_is_date, _DATE_EXPECTED),
    ValueType.AGE: (_is_date, _DATE_EXPECTED),
    ValueType.DATETIME: (_is_datetime, Problem("TP207", "a date and time such as 2025-01-31T14:30:00")),
    ValueType.TIME: (_TIME, Problem("TP208", "a time such as 14:30")),
    ValueType.LETTER: (_is_letter, Problem("TP209", "one letter")),
    ValueType.EMAIL: (_is_email, Problem("TP210", "an e-mail address such as name@host.org")),
    ValueType.URL: (_is_url, Problem("TP211", "a URL such as https://host.org/path")),
    ValueType.PHONE_NUMBER: (_PHONE_NUMBER, Problem("TP212", "6 to 50 digits, spaces and + ( ) # . / - e x t")),
    ValueType.USERNAME: (_is_username, Problem("TP213", "4 to 255 letters and digits, with single - _ . @ between")),
    ValueType.COORDINATE: (_is_coordinate, Problem("TP214", "[longitude,latitude] within 180 and 90 degrees")),
    ValueType.ORGANISATION_UNIT: (_UID, _UID_EXPECTED),
    ValueType.FILE_RESOURCE: (_UID, _UID_EXPECTED),
    ValueType.IMAGE: (_UID, _UID_EXPECTED),
}
