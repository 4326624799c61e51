"""DHIS2 period ids and ADX intervals: parse, order, explain.

Pure functions of the text, by the ISO calendar alone: no clock, no locale, no table of known periods.
What is no period is None, never an exception and never a guess; `explain` does the guessing, in words.
Dates reach as far as `datetime.date` does: a period that starts or ends outside of it is none.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class PeriodType(StrEnum):
    """DHIS2's period types by their DHIS2 names. The order of declaration is the order among equal start dates."""

    DAILY = "Daily"
    WEEKLY = "Weekly"
    WEEKLY_WEDNESDAY = "WeeklyWednesday"
    WEEKLY_THURSDAY = "WeeklyThursday"
    WEEKLY_FRIDAY = "WeeklyFriday"
    WEEKLY_SATURDAY = "WeeklySaturday"
    WEEKLY_SUNDAY = "WeeklySunday"
    BI_WEEKLY = "BiWeekly"
    MONTHLY = "Monthly"
    BI_MONTHLY = "BiMonthly"
    QUARTERLY = "Quarterly"
    QUARTERLY_NOV = "QuarterlyNov"
    SIX_MONTHLY = "SixMonthly"
    SIX_MONTHLY_APRIL = "SixMonthlyApril"
    SIX_MONTHLY_NOV = "SixMonthlyNov"
    YEARLY = "Yearly"
    FINANCIAL_FEB = "FinancialFeb"
    FINANCIAL_APRIL = "FinancialApril"
    FINANCIAL_JULY = "FinancialJuly"
    FINANCIAL_AUG = "FinancialAug"
    FINANCIAL_SEP = "FinancialSep"
    FINANCIAL_OCT = "FinancialOct"
    FINANCIAL_NOV = "FinancialNov"


class Period(NamedTuple):
    """One period: its canonical text, its type, and its first and last day (both belong to it)."""

    iso: str
    kind: PeriodType
    start: date
    end: date


def parse(text: str) -> Period | None:
    """Return the period that `text` names in DHIS2's ISO form, None if it names none.

    Case-sensitive, ASCII digits, no surrounding space. Forms that mean the same give the same period:

    >>> parse("2024-03").iso, parse("2024W03").iso, parse("2024-03-15").iso
    ('202403', '2024W3', '20240315')
    >>> parse("2024W53") is None
    True
    """
    name = _read_name(text)
    return None if name is None else _period(name)


def containing(day: date, kind: PeriodType) -> Period | None:
    """Return the period of type `kind` that contains `day`; None where it leaves the range of `datetime.date`.

    A BiWeekly 27 overlaps the next year's first; the days of both are taken for the latter.
    """
    if kind is PeriodType.DAILY:
        return Period(f"{day.year:04}{day.month:02}{day.day:02}", kind, day, day)
    weeks = _WEEKS.get(kind)
    if weeks is None:
        months = _MONTHS[kind]
        year, month = divmod(day.year * 12 + day.month - 1 - months.lead, 12)
        return _period(_Name(kind, year, month // months.length + 1))
    # The week of 4 January is the first, so a week is of the year and of the place in it that its fourth day has.
    ordinal = day.toordinal()
    try:
        fourth_day = date.fromordinal(ordinal - (ordinal - 1 - weeks.weekday) % 7 + 3)
    except ValueError:
        return None
    week = (fourth_day.toordinal() - date(fourth_day.year, 1, 1).toordinal()) // 7
    return _period(_Name(kind, fourth_day.year, week // weeks.length + 1))


def parse_interval(text: str) -> tuple[Period, bool] | None:
    """Return the period that an ADX interval `<start>/<duration>` stands for, None if it stands for none.

    As DHIS2 2.43 reads it: the duration and the month or weekday of the start select the period type, and the
    period is the one of that type that contains the start. The bool says that the start was snapped, that is,
    was not the period's first day. Month and day of the start may lack their leading zero.

    >>> period, was_snapped = parse_interval("2024-03-19/P1M")
    >>> period.iso, was_snapped
    ('202403', True)
    """
    parts = _INTERVAL.fullmatch(text)
    if parts is None:
        return None
    start = _date(int(parts[1]), int(parts[2]), int(parts[3]))
    kind = None if start is None else _interval_kind(start, parts[4])
    if start is None or kind is None:
        return None
    period = containing(start, kind)
    return None if period is None else (period, period.start != start)


def interval(period: Period) -> str:
    """Return the ADX interval of `period`: its first day and the duration of its type.

    `parse_interval` gives the period back, with one documented loss: ADX has no sign for QuarterlyNov, so that
    one reads back as the calendar quarter that contains its first day.

    >>> interval(parse("2022NovQ1")), parse_interval("2021-11-01/P3M")[0].iso
    ('2021-11-01/P3M', '2021Q4')
    """
    return f"{period.start.isoformat()}/{_duration(period.kind)}"


def sort_key(period: Period) -> tuple[date, int, str]:
    """Return the key that puts periods in order of start date, then of period type, then of text."""
    return period.start, _RANK[period.kind], period.iso


def explain(text: str) -> str:
    """Return a short sentence: why `text` is no period and what to write, or which period it is.

    For people only; its wording may change. Never raises, and repeats nothing of `text` that could not be printed.

    >>> explain("2024W53")
    '2024W53: 2024 has 52 weeks'
    >>> explain("2024-Q1")
    'write 2024Q1'
    """
    if len(text) > _EXPLAINED_LENGTH:
        return _GENERAL
    if not text.strip():
        return f"empty: {_GENERAL}"
    name = _read_name(text)
    if name is not None:
        period = _period(name)
        return f"{text}: {_fault(name)}" if period is None else _described(period)
    if text != text.strip():
        return f"spaces around the period; without them: {explain(text.strip())}"
    if any(c.isdigit() and not c.isascii() for c in text):
        return f"digits must be 0 to 9 of ASCII: {_GENERAL}"
    without_spaces = text.replace(" ", "")
    if "/P" in without_spaces.upper():
        return _explain_interval(without_spaces)
    return _hint(text) or _GENERAL


def explain_interval(text: str) -> str:
    """Return what to write in ADX in place of `text`, which is none of its intervals.

    For people only; its wording may change. Never raises, and repeats nothing of `text` that could not be printed.

    >>> explain_interval("202604")
    'write it as 2026-04-01/P1M'
    >>> explain_interval("2024-01-01/P12M")
    'write it as 2024-01-01/P1Y'
    """
    if len(text) > _EXPLAINED_LENGTH or not text.isascii():
        return _GENERAL_INTERVAL
    period = parse(text.strip()) if "-" not in text.strip() else None
    if period is None:
        first, _, last = text.strip().partition("/")
        start, length = _first_day(first), _length(last.strip())
        end = _first_day(last) if last and not length else None
        if start and not last:
            return f"add the duration: {start}/P1D for the day, {start[:8]}01/P1M for the month"
        if start and end:
            period = _spanned(date.fromisoformat(start), date.fromisoformat(end))
        elif start and length:
            read = parse_interval(f"{start}/{length}")
            period = read[0] if read else _of_days(date.fromisoformat(start), length)
    if period is None and (words := _hint(text.strip())) and words.startswith("write "):
        period = parse(words.removeprefix("write "))
    if period is not None:
        return f"write it as {interval(period)}"
    parts = _INTERVAL.fullmatch(text)
    return _GENERAL_INTERVAL if parts is None or _duration_is_unknown(parts[4]) else _explain_interval(text)


# --- The types -------------------------------------------------------------------------------------------------------


class _Months(NamedTuple):
    """A type made of whole months: `length` months each, the year's first one `lead` months after its January."""

    form: str
    length: int
    lead: int
    duration: str


class _Weeks(NamedTuple):
    """A type made of `length` whole weeks that start on `weekday` (Monday is 0)."""

    form: str
    weekday: int
    length: int
    duration: str


class _Name(NamedTuple):
    """What the text of a period says before anyone asked the calendar; of a Daily, `number` is month * 100 + day."""

    kind: PeriodType
    year: int
    number: int


_WEEKS = {
    PeriodType.WEEKLY: _Weeks("{:04}W{}", 0, 1, "P7D"),
    PeriodType.WEEKLY_WEDNESDAY: _Weeks("{:04}WedW{}", 2, 1, "P7D"),
    PeriodType.WEEKLY_THURSDAY: _Weeks("{:04}ThuW{}", 3, 1, "P7D"),
    PeriodType.WEEKLY_FRIDAY: _Weeks("{:04}FriW{}", 4, 1, "P7D"),
    PeriodType.WEEKLY_SATURDAY: _Weeks("{:04}SatW{}", 5, 1, "P7D"),
    PeriodType.WEEKLY_SUNDAY: _Weeks("{:04}SunW{}", 6, 1, "P7D"),
    PeriodType.BI_WEEKLY: _Weeks("{:04}BiW{}", 0, 2, "P14D"),
}

# The November family is named after the year in which its (financial) year ends, hence the lead of -2.
_MONTHS = {
    PeriodType.MONTHLY: _Months("{:04}{:02}", 1, 0, "P1M"),
    PeriodType.BI_MONTHLY: _Months("{:04}{:02}B", 2, 0, "P2M"),
    PeriodType.QUARTERLY: _Months("{:04}Q{}", 3, 0, "P3M"),
    PeriodType.QUARTERLY_NOV: _Months("{:04}NovQ{}", 3, -2, "P3M"),
    PeriodType.SIX_MONTHLY: _Months("{:04}S{}", 6, 0, "P6M"),
    PeriodType.SIX_MONTHLY_APRIL: _Months("{:04}AprilS{}", 6, 3, "P6M"),
    PeriodType.SIX_MONTHLY_NOV: _Months("{:04}NovS{}", 6, -2, "P6M"),
    PeriodType.YEARLY: _Months("{:04}", 12, 0, "P1Y"),
    PeriodType.FINANCIAL_FEB: _Months("{:04}Feb", 12, 1, "P1Y"),
    PeriodType.FINANCIAL_APRIL: _Months("{:04}April", 12, 3, "P1Y"),
    PeriodType.FINANCIAL_JULY: _Months("{:04}July", 12, 6, "P1Y"),
    PeriodType.FINANCIAL_AUG: _Months("{:04}Aug", 12, 7, "P1Y"),
    PeriodType.FINANCIAL_SEP: _Months("{:04}Sep", 12, 8, "P1Y"),
    PeriodType.FINANCIAL_OCT: _Months("{:04}Oct", 12, 9, "P1Y"),
    PeriodType.FINANCIAL_NOV: _Months("{:04}Nov", 12, -2, "P1Y"),
}

_RANK = {kind: rank for rank, kind in enumerate(PeriodType)}

# Behind the year: the letters, and how many digits may follow them.
_TAGS = {weeks.form[5:-2]: (kind, 1, 2) for kind, weeks in _WEEKS.items()} | {
    months.form[5:].removesuffix("{}"): (kind, int(months.length < 12), int(months.length < 12))
    for kind, months in _MONTHS.items()
    if months.length > 2 and kind is not PeriodType.YEARLY
}

# [0-9] and fullmatch throughout: \d takes the digits of every script, and $ a line end behind the text.
_DIGITS = re.compile(r"([0-9]{4})(?:(-?)([0-9]{2})(?:\2([0-9]{2}))?)?")
_PAIR = re.compile(r"([0-9]{4})([0-9]{2})B")
_TAGGED = re.compile(r"([0-9]{4})([A-Za-z]+)([0-9]{0,2})")
_INTERVAL = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})/(P[0-9]+[DMY])")

_ALWAYS = {
    "P1D": PeriodType.DAILY,
    "P14D": PeriodType.BI_WEEKLY,
    "P1M": PeriodType.MONTHLY,
    "P2M": PeriodType.BI_MONTHLY,
    "P3M": PeriodType.QUARTERLY,
}
_BY_WEEKDAY = {"P7D": {weeks.weekday: kind for kind, weeks in _WEEKS.items() if weeks.length == 1}}
_BY_MONTH = {
    duration: {
        (months.lead + month) % 12 + 1: kind
        for kind, months in _MONTHS.items()
        if months.duration == duration
        for month in range(0, 12, months.length)
    }
    for duration in ("P6M", "P1Y")
}


# --- Reading and the calendar ----------------------------------------------------------------------------------------


def _read_name(text: str) -> _Name | None:
    """Read the form alone; whether the calendar knows such a period is `_period`'s matter."""
    if digits := _DIGITS.fullmatch(text):
        year, month, day = int(digits[1]), digits[3], digits[4]
        if month is None:
            return _Name(PeriodType.YEARLY, year, 1)
        if day is None:
            return _Name(PeriodType.MONTHLY, year, int(month))
        return _Name(PeriodType.DAILY, year, int(month) * 100 + int(day))
    if pair := _PAIR.fullmatch(text):
        return _Name(PeriodType.BI_MONTHLY, int(pair[1]), int(pair[2]))
    if (tagged := _TAGGED.fullmatch(text)) and tagged[2] in _TAGS:
        kind, fewest, most = _TAGS[tagged[2]]
        if fewest <= len(tagged[3]) <= most:
            return _Name(kind, int(tagged[1]), int(tagged[3] or 1))
    return None


def _period(name: _Name) -> Period | None:
    kind, year, number = name
    if not date.min.year <= year <= date.max.year:
        return None
    if kind is PeriodType.DAILY:
        day = _date(year, number // 100, number % 100)
        return None if day is None else Period(f"{year:04}{number:04}", kind, day, day)
    try:
        if weeks := _WEEKS.get(kind):
            # Weeks to 52 and bi-weeks to 26 are in every year: only the last needs counting.
            if not 1 <= number <= 52 // weeks.length and not 1 <= number <= _count(kind, year):
                return None
            first = _week_one(year, weeks.weekday) + (number - 1) * weeks.length * 7
            start, end = date.fromordinal(first), date.fromordinal(first + weeks.length * 7 - 1)
            return Period(weeks.form.format(year, number), kind, start, end)
        months = _MONTHS[kind]
        if not 1 <= number <= 12 // months.length:
            return None
        month = year * 12 + months.lead + (number - 1) * months.length
        start, end = date(month // 12, month % 12 + 1, 1), _month_end(month + months.length - 1)
        return Period(months.form.format(year, number), kind, start, end)
    except ValueError:  # a first or last day outside the range of dates
        return None


def _count(kind: PeriodType, year: int) -> int:
    """How many periods of this type the year has; not for Daily."""
    if weeks := _WEEKS.get(kind):
        weeks_of_year = (_week_one(year + 1, weeks.weekday) - _week_one(year, weeks.weekday)) // 7
        return -(-weeks_of_year // weeks.length)
    return 12 // _MONTHS[kind].length


def _week_one(year: int, weekday: int) -> int:
    """The ordinal of the first day of week 1: the latest `weekday` that is not after 4 January.

    By arithmetic, since the years just outside the range of dates are asked for too.
    """
    before = year - 1
    january_4 = before * 365 + before // 4 - before // 100 + before // 400 + 4
    return january_4 - (january_4 - 1 - weekday) % 7


def _month_end(month: int) -> date:
    """The last day of a month that is counted from January of year 0; through the next, but for December 9999."""
    year, index = divmod(month, 12)
    return date(year, 12, 31) if index == 11 else date.fromordinal(date(year, index + 2, 1).toordinal() - 1)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _duration(kind: PeriodType) -> str:
    if kind is PeriodType.DAILY:
        return "P1D"
    return (_WEEKS.get(kind) or _MONTHS[kind]).duration


def _interval_kind(start: date, duration: str) -> PeriodType | None:
    if duration in _BY_WEEKDAY:
        return _BY_WEEKDAY[duration].get(start.weekday())
    if duration in _BY_MONTH:
        return _BY_MONTH[duration].get(start.month)
    return _ALWAYS.get(duration)


# --- Words -----------------------------------------------------------------------------------------------------------

_EXPLAINED_LENGTH = 40
"""Characters above which a text is not looked into: the longest period has 11, the longest interval 15."""

_GENERAL_INTERVAL = (
    "write the first day, a slash and a duration, such as 2024-03-01/P1M; it is one of P1D P7D P14D P1M P2M P3M P6M P1Y"
)

_GENERAL = "a period such as 20240315, 2024W3, 202403, 202402B, 2024Q1, 2024S1, 2024 or 2024April"

_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

# Left as text: compiling them at import would cost more than the rest of the module, and few runs need them.
_YEAR_MONTH = r"([0-9]{4})[ /._M-]([0-9]{1,2})"
_MONTH_YEAR = r"([0-9]{1,2})[ /._-]([0-9]{4})"
_YEAR_MONTH_DAY = r"([0-9]{4})[ /._-]([0-9]{1,2})[ /._-]([0-9]{1,2})"
_LOOSE_DAY = r"([0-9]{4})[-.]?([0-9]{1,2})(?:[-.]?([0-9]{1,2}))?(?:[T ][0-9:.,+Z-]*)?"
_DATE_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9][^/]*"
_DECIMAL = r"([0-9]{4,8})\.0+"
_SCIENTIFIC = r"[0-9](?:[.,][0-9]+)?[Ee]\+?[0-9]{1,2}"
_RELATIVE = r"(?:THIS|LAST|NEXT|MONTHS|WEEKS|QUARTERS|BIMONTHS|TODAY|YESTERDAY)(?:_[A-Z0-9_]+)?"
_WORD_THEN_YEAR = r"([A-Za-z]+)([0-9]{0,2})([0-9]{4})"
_YEAR_THEN_WORD = r"([0-9]{4})([A-Za-z]+)([0-9]{0,2})"
_WORD_THEN_SHORT_YEAR = r"([A-Za-z]+)[0-9]{2}"
_PAIR_LOOSELY = r"([0-9]{4})([0-9]{1,2})[Bb]"
_SEPARATORS = str.maketrans("", "", " /._-'")
_TAGS_FOLDED = {tag.lower(): tag for tag in _TAGS}


def _described(period: Period) -> str:
    return f"{period.iso} is {period.kind}, {period.start} to {period.end}; as an ADX interval {interval(period)}"


def _fault(name: _Name) -> str:
    """What the calendar has against a name that `_period` refused."""
    kind, year, number = name
    if year == 0:
        return "there is no year 0000"
    if kind is PeriodType.DAILY:
        month, day = divmod(number, 100)
        if not 1 <= month <= 12:
            return f"month {month:02}; months are 01 to 12"
        return f"day {day:02}; {year:04}-{month:02} has {_month_end(year * 12 + month - 1).day} days"
    count = _count(kind, year)
    if 1 <= number <= count:
        return "the period begins or ends outside the years 0001 to 9999"
    if weeks := _WEEKS.get(kind):
        if number == 0:
            return "weeks count from 1" if weeks.length == 1 else "bi-weeks count from 1"
        return f"{year:04} has {count} {'weeks' if weeks.length == 1 else 'bi-weeks'}"
    return {
        1: f"month {number:02}; months are 01 to 12",
        2: f"pair of months {number:02}; pairs are 01 (January and February) to 06",
        3: f"quarter {number}; quarters are 1 to 4",
        6: f"half-year {number}; half-years are 1 and 2",
    }[_MONTHS[kind].length]


def _explain_interval(text: str) -> str:
    found = parse_interval(text)
    if found is not None:
        return f"an ADX interval; as a period, write {found[0].iso}"
    parts = _INTERVAL.fullmatch(text)
    if parts is None or _duration_is_unknown(parts[4]):
        return "an ADX interval: a date such as 2024-03-01, a slash and one of P1D P7D P14D P1M P2M P3M P6M P1Y"
    year, month, day, duration = int(parts[1]), int(parts[2]), int(parts[3]), parts[4]
    start = _date(year, month, day)
    if start is None:
        return f"the interval's start is no date: {_fault(_Name(PeriodType.DAILY, year, month * 100 + day))}"
    if _interval_kind(start, duration) is not None:
        return "the period begins or ends outside the years 0001 to 9999"
    if duration in _BY_WEEKDAY:
        return "no DHIS2 week starts on a Tuesday"
    months = ", ".join(_MONTH_NAMES[month - 1].title() for month in sorted(_BY_MONTH[duration]))
    return f"no DHIS2 period of {duration} starts in {_MONTH_NAMES[start.month - 1].title()}, only in {months}"


def _duration_is_unknown(duration: str) -> bool:
    return duration not in _ALWAYS and duration not in _BY_WEEKDAY and duration not in _BY_MONTH


def _first_day(text: str) -> str | None:
    """The day that a text begins with, as 2024-01-31: of a month alone its first, of a moment its date."""
    match = re.fullmatch(_LOOSE_DAY, text.strip())
    if match is None:
        return None
    day = _date(int(match[1]), int(match[2]), int(match[3] or 1))
    return day.isoformat() if day else None


def _length(text: str) -> str | None:
    """The duration of ADX that is as long as one that is written otherwise: 1M, p1m, P4W, P12M."""
    match = re.fullmatch(r"P?([0-9]{1,2})([DWMY])", text.upper())
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    if unit == "W":
        count, unit = count * 7, "D"
    if unit == "M" and count == 12:
        count, unit = 1, "Y"
    return f"P{count}{unit}"


def _of_days(start: date, duration: str) -> Period | None:
    """The period that starts on a day and has as many days as the duration says."""
    if not duration.endswith("D") or start.year == date.max.year:
        return None
    return _spanned(start, date.fromordinal(start.toordinal() + int(duration[1:-1]) - 1))


def _spanned(start: date, end: date) -> Period | None:
    """The period from one day to another."""
    found = (containing(start, kind) for kind in PeriodType)
    return next((period for period in found if period and (period.start, period.end) == (start, end)), None)


def _hint(text: str) -> str | None:
    """Guess what was meant by a text whose form is no period's; None if nothing comes to mind."""
    if re.fullmatch(_RELATIVE, text):
        return "relative periods have no place in data: write the period itself, such as 202403"
    if decimal := re.fullmatch(_DECIMAL, text):
        return f"a spreadsheet took it for a number: {_advice(decimal[1])}"
    if re.fullmatch(_SCIENTIFIC, text):
        return "a spreadsheet took it for a number and may have lost digits: write it as text, such as 202403"
    if moment := re.fullmatch(_DATE_TIME, text):
        return f"a date with a time: {_advice(moment[1])}"
    if parts := re.fullmatch(_YEAR_MONTH_DAY, text):
        return _advice(f"{parts[1]}{int(parts[2]):02}{int(parts[3]):02}")
    if parts := re.fullmatch(_YEAR_MONTH, text):
        return _advice(f"{parts[1]}{int(parts[2]):02}")
    if parts := re.fullmatch(_MONTH_YEAR, text):
        return _advice(f"{parts[2]}{int(parts[1]):02}")
    bare = text.translate(_SEPARATORS)
    if pair := re.fullmatch(_PAIR_LOOSELY, bare):
        return _advice(f"{pair[1]}{int(pair[2]):02}B")
    if parts := re.fullmatch(_YEAR_THEN_WORD, bare):
        return _word_hint(parts[1], parts[2].lower(), parts[3])
    if parts := re.fullmatch(_WORD_THEN_YEAR, bare):
        return _word_hint(parts[3], parts[1].lower(), parts[2])
    if (parts := re.fullmatch(_WORD_THEN_SHORT_YEAR, bare)) and _month_of(parts[1].lower()):
        return "write a month with its full year and in digits, such as 202403"
    return None


def _word_hint(year: str, word: str, number: str) -> str | None:
    if word == "m" and number:
        return _advice(f"{year}{int(number):02}")
    month = _month_of(word)
    if month is not None and not number:
        financial = _BY_MONTH["P1Y"].get(month)
        if financial in (None, PeriodType.YEARLY):
            return _advice(f"{year}{month:02}")
        if year == "0000":
            return "there is no year 0000"
        period = containing(date(int(year), month, 1), financial) if financial else None
        return f"write {year}{month:02} for the month" + (
            f" or {period.iso} for the year that starts in it" if period else ""
        )
    tag = _TAGS_FOLDED.get(word)
    if tag is None or (number == "") != (_TAGS[tag][2] == 0):
        return None
    return _advice(f"{year}{tag}{int(number) if number else ''}")


def _month_of(word: str) -> int | None:
    """The month of an English name in small letters, written in full or as its first three or four letters."""
    for number, name in enumerate(_MONTH_NAMES, 1):
        if word == name or (len(word) in (3, 4) and name.startswith(word)):
            return number
    return None


def _advice(text: str) -> str | None:
    period = parse(text)
    if period is not None:
        return f"write {period.iso}"
    name = _read_name(text)
    return None if name is None else _fault(name)
