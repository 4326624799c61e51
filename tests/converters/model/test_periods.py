"""Periods: every row of DHIS2's tables of period ids and ADX intervals, and the rules between the rows."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallyport_converters.model.periods import (
    Period,
    PeriodType,
    containing,
    explain,
    explain_interval,
    interval,
    parse,
    parse_interval,
    sort_key,
)

T = PeriodType

# Canonical text, type, first day, last day, ADX interval: the examples of the reference and every place within a year.
COVERS = """
20240315    Daily            2024-03-15 2024-03-15 2024-03-15/P1D
20240229    Daily            2024-02-29 2024-02-29 2024-02-29/P1D
20240506    Daily            2024-05-06 2024-05-06 2024-05-06/P1D
2024W1      Weekly           2024-01-01 2024-01-07 2024-01-01/P7D
2024W2      Weekly           2024-01-08 2024-01-14 2024-01-08/P7D
2024W3      Weekly           2024-01-15 2024-01-21 2024-01-15/P7D
2024W52     Weekly           2024-12-23 2024-12-29 2024-12-23/P7D
2020W53     Weekly           2020-12-28 2021-01-03 2020-12-28/P7D
2021W1      Weekly           2021-01-04 2021-01-10 2021-01-04/P7D
2024WedW1   WeeklyWednesday  2024-01-03 2024-01-09 2024-01-03/P7D
2024ThuW1   WeeklyThursday   2024-01-04 2024-01-10 2024-01-04/P7D
2024FriW1   WeeklyFriday     2023-12-29 2024-01-04 2023-12-29/P7D
2024FriW2   WeeklyFriday     2024-01-05 2024-01-11 2024-01-05/P7D
2024SatW1   WeeklySaturday   2023-12-30 2024-01-05 2023-12-30/P7D
2024SunW1   WeeklySunday     2023-12-31 2024-01-06 2023-12-31/P7D
2024BiW1    BiWeekly         2024-01-01 2024-01-14 2024-01-01/P14D
2024BiW2    BiWeekly         2024-01-15 2024-01-28 2024-01-15/P14D
2024BiW26   BiWeekly         2024-12-16 2024-12-29 2024-12-16/P14D
2020BiW27   BiWeekly         2020-12-28 2021-01-10 2020-12-28/P14D
202401      Monthly          2024-01-01 2024-01-31 2024-01-01/P1M
202402      Monthly          2024-02-01 2024-02-29 2024-02-01/P1M
202302      Monthly          2023-02-01 2023-02-28 2023-02-01/P1M
202403      Monthly          2024-03-01 2024-03-31 2024-03-01/P1M
202412      Monthly          2024-12-01 2024-12-31 2024-12-01/P1M
202401B     BiMonthly        2024-01-01 2024-02-29 2024-01-01/P2M
202402B     BiMonthly        2024-03-01 2024-04-30 2024-03-01/P2M
202406B     BiMonthly        2024-11-01 2024-12-31 2024-11-01/P2M
2024Q1      Quarterly        2024-01-01 2024-03-31 2024-01-01/P3M
2024Q2      Quarterly        2024-04-01 2024-06-30 2024-04-01/P3M
2024Q4      Quarterly        2024-10-01 2024-12-31 2024-10-01/P3M
2024NovQ1   QuarterlyNov     2023-11-01 2024-01-31 2023-11-01/P3M
2024NovQ2   QuarterlyNov     2024-02-01 2024-04-30 2024-02-01/P3M
2024NovQ3   QuarterlyNov     2024-05-01 2024-07-31 2024-05-01/P3M
2024NovQ4   QuarterlyNov     2024-08-01 2024-10-31 2024-08-01/P3M
2024S1      SixMonthly       2024-01-01 2024-06-30 2024-01-01/P6M
2024S2      SixMonthly       2024-07-01 2024-12-31 2024-07-01/P6M
2024AprilS1 SixMonthlyApril  2024-04-01 2024-09-30 2024-04-01/P6M
2024AprilS2 SixMonthlyApril  2024-10-01 2025-03-31 2024-10-01/P6M
2024NovS1   SixMonthlyNov    2023-11-01 2024-04-30 2023-11-01/P6M
2024NovS2   SixMonthlyNov    2024-05-01 2024-10-31 2024-05-01/P6M
2024        Yearly           2024-01-01 2024-12-31 2024-01-01/P1Y
2024Feb     FinancialFeb     2024-02-01 2025-01-31 2024-02-01/P1Y
2024April   FinancialApril   2024-04-01 2025-03-31 2024-04-01/P1Y
2024July    FinancialJuly    2024-07-01 2025-06-30 2024-07-01/P1Y
2024Aug     FinancialAug     2024-08-01 2025-07-31 2024-08-01/P1Y
2024Sep     FinancialSep     2024-09-01 2025-08-31 2024-09-01/P1Y
2024Oct     FinancialOct     2024-10-01 2025-09-30 2024-10-01/P1Y
2024Nov     FinancialNov     2023-11-01 2024-10-31 2023-11-01/P1Y
0001        Yearly           0001-01-01 0001-12-31 0001-01-01/P1Y
00010101    Daily            0001-01-01 0001-01-01 0001-01-01/P1D
0001W1      Weekly           0001-01-01 0001-01-07 0001-01-01/P7D
0001ThuW1   WeeklyThursday   0001-01-04 0001-01-10 0001-01-04/P7D
9999        Yearly           9999-01-01 9999-12-31 9999-01-01/P1Y
9999S2      SixMonthly       9999-07-01 9999-12-31 9999-07-01/P6M
999912      Monthly          9999-12-01 9999-12-31 9999-12-01/P1M
99991231    Daily            9999-12-31 9999-12-31 9999-12-31/P1D
9999W51     Weekly           9999-12-20 9999-12-26 9999-12-20/P7D
9999Nov     FinancialNov     9998-11-01 9999-10-31 9998-11-01/P1Y
"""
TABLE = [line.split() for line in COVERS.strip().splitlines()]

OTHER_FORMS = {
    "2024-03-15": "20240315",
    "2024-03": "202403",
    "2024W03": "2024W3",
    "2024WedW01": "2024WedW1",
    "2024ThuW09": "2024ThuW9",
    "2024FriW01": "2024FriW1",
    "2024SatW01": "2024SatW1",
    "2024SunW01": "2024SunW1",
    "2024BiW02": "2024BiW2",
}

REFUSED = {
    "Daily": [
        *["20240230", "20230229", "20241301", "20240001", "20240100", "20240132", "2024-0315", "202403-15"],
        *["2024-3-15", "2024-02-30", "2024/03/15", "2024-03-15T00:00:00", "2024-03-15Z", "15-03-2024", "2024031"],
    ],
    "Weekly": [
        *["2024W53", "2024W0", "2024W00", "2024W", "2024W100", "2024W003", "2024w3", "2024-W03"],
        *["2024W-3", "2024MonW1", "2024TueW1", "2024WEDW1", "2024wedW1", "2024WedW0", "2024WedW54", "2025FriW53"],
        *["2024 W3"],
    ],
    "BiWeekly": ["2024BiW27", "2024BiW0", "2020BiW28", "2024BIW2", "2024biW2", "2024BiW"],
    "Monthly": [
        *["202413", "202400", "2024-13", "2024-00", "2024-3", "2024M03", "2024/03", "03-2024"],
        *["20243", "Mar 2024", "202403.0", "2.02403E+05", "2024 03"],
    ],
    "BiMonthly": ["202407B", "202400B", "202402b", "20242B", "2024-02B", "2024B"],
    "Quarterly": ["2024Q5", "2024Q0", "2024q1", "2024-Q1", "2024Q01", "2024Q", "2024NovQ0", "2024NovQ5", "2024NOVQ1"],
    "SixMonthly": ["2024S0", "2024S3", "2024s1", "2024AprilS3", "2024AprilS0", "2024AprS1", "2024NovS3", "2024S01"],
    "Yearly": ["24", "024", "02024", "20245", "+2024", "-2024", "2024.0"],
    "Financial": [
        *["2024Apr", "2024Jul", "2024october", "2024October", "2024Jan", "2024February", "2024August", "2024NOV"],
        *["2024Nov1", "2024April1", "2024Mar", "2024June"],
    ],
    "text around": ["", " ", " 202403", "202403 ", "202403\n", "\ufeff202403", "202403\x00", "x202403", "202403x"],
    "other digits": ["٢٠٢٤٠٣", "２０２４", "2024W３", "2024Q²", "2024-०3"],
    "other things": ["LAST_MONTH", "THIS_YEAR", "2024TwoYearly", "2024-03-01/P1M", "null", "202403;202404"],
    "years without dates": [
        *["0000", "000001", "00000101", "0000W1", "0000Q1", "0001Nov", "0001NovS1", "0001NovQ1"],
        *["0001FriW1", "0000Nov", "9999April", "9999AprilS2", "9999Feb", "9999W52", "9999BiW26"],
    ],
}
ALL_REFUSED = [text for texts in REFUSED.values() for text in texts]

# Every row of the ADX table and every way to be in none. None: an error. "~": the start is not the first day.
INTERVALS = """
2024-05-06/P1D   20240506
2024-02-29/P1D   20240229
2024-01-08/P7D   2024W2
2024-01-03/P7D   2024WedW1
2024-01-04/P7D   2024ThuW1
2024-01-05/P7D   2024FriW2
2024-01-06/P7D   2024SatW2
2024-01-07/P7D   2024SunW2
2024-01-02/P7D   None
2024-01-15/P14D  2024BiW2
2024-01-10/P14D  2024BiW1     ~
2024-01-08/P14D  2024BiW1     ~
2020-12-28/P14D  2020BiW27
2021-01-03/P14D  2020BiW27    ~
2021-01-04/P14D  2021BiW1
2024-03-01/P1M   202403
2024-03-19/P1M   202403       ~
2024-03-31/P1M   202403       ~
2024-03-01/P2M   202402B
2024-04-01/P2M   202402B      ~
2017-07-01/P3M   2017Q3
2017-09-01/P3M   2017Q3       ~
2023-11-01/P3M   2023Q4       ~
2024-01-01/P6M   2024S1
2024-01-31/P6M   2024S1       ~
2024-07-01/P6M   2024S2
2024-04-01/P6M   2024AprilS1
2024-10-01/P6M   2024AprilS2
2024-10-05/P6M   2024AprilS2  ~
2024-05-01/P6M   2024NovS2
2024-11-01/P6M   2025NovS1
2024-11-30/P6M   2025NovS1    ~
2024-02-01/P6M   None
2024-03-01/P6M   None
2024-06-01/P6M   None
2024-08-01/P6M   None
2024-09-01/P6M   None
2024-12-01/P6M   None
2024-01-01/P1Y   2024
2024-01-02/P1Y   2024         ~
2024-02-01/P1Y   2024Feb
2024-04-01/P1Y   2024April
2024-07-01/P1Y   2024July
2024-07-15/P1Y   2024July     ~
2024-08-01/P1Y   2024Aug
2024-09-01/P1Y   2024Sep
2024-10-01/P1Y   2024Oct
2024-11-01/P1Y   2025Nov
2024-11-09/P1Y   2025Nov      ~
2024-03-01/P1Y   None
2024-05-01/P1Y   None
2024-06-01/P1Y   None
2024-12-01/P1Y   None
2024-1-1/P1M     202401
2024-1-1/P1Y     2024
2024-3-19/P1M    202403       ~
9999-12-01/P1M   999912
9999-04-01/P1Y   None
9999-11-01/P1Y   None
9999-12-27/P7D   None
"""
INTERVAL_TABLE = [(*line.split(), "")[:3] for line in INTERVALS.strip().splitlines()]

NO_INTERVALS = [
    *["202403", "2024-03-01", "", "/", "/P1M", "2024-03-01/", "2024-03-01P1M", "2024-03-01/P1M/", "2024-03-01//P1M"],
    *["2024-03-01/P1W", "2024-03-01/P7d", "2024-03-01/p1m", "2024-03-01/P12M", "2024-03-01/PT24H", "2024-03-01/P2Y"],
    *["2024-03-01/P01M", "2024-03-01/P", "2024-03-01/1M", "2024-03-01/P4M", "2024-03-01/P1", "2024-03-01/P30D"],
    *["2024-03-01T00:00:00/P1M", "2024-03-01T00:00/P1M", "2024-03-01Z/P1M", "2024-03-01/2024-03-31"],
    *["2024-02-30/P1M", "2024-13-01/P1M", "2024-00-01/P1M", "2023-02-29/P1D", "0000-01-01/P1M"],
    *[" 2024-03-01/P1M", "2024-03-01/P1M ", "2024-03-01 /P1M", "2024-03-01/ P1M", "2024-03-01/P1M\n"],
    *["20240301/P1M", "2024-03/P1M", "2024/P1Y", "2024/03/01/P1M", "2024-003-01/P1M", "24-03-01/P1M", "202403/P1M"],
    *["٢٠٢٤-03-01/P1M", "2024-03-01/P１M"],
]

# Pieces that make periods and near misses.
PREFIXES = ["0000", "0001", "1950", "2020", "2024", "9999", "202", "20240"]
MIDDLES = ["", "-", "W", "WedW", "FriW", "BiW", "Q", "NovQ", "S", "AprilS", "NovS", "B", "Feb", "April", "Nov", "Apr"]
SUFFIXES = ["", "0", "1", "4", "5", "01", "13", "26", "27", "52", "53", "99", "02B", "0229", "02-29", "1231", "001"]

FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2099, 12, 31)
WEEK_STARTS = {
    T.WEEKLY: 0,
    T.WEEKLY_WEDNESDAY: 2,
    T.WEEKLY_THURSDAY: 3,
    T.WEEKLY_FRIDAY: 4,
    T.WEEKLY_SATURDAY: 5,
    T.WEEKLY_SUNDAY: 6,
}
DAY = timedelta(days=1)
EVERY_DAY = [date.fromordinal(o) for o in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1)]
MONTH_EDGES = [day for day in EVERY_DAY if day.day == 1 or (day.day >= 28 and (day + DAY).day == 1)]

kinds = st.sampled_from(T)
days = st.dates(FIRST_DAY, LAST_DAY)


def known(text: str) -> Period:
    period = parse(text)
    assert period is not None, text
    return period


def held(day: date, kind: PeriodType) -> Period:
    period = containing(day, kind)
    assert period is not None, (day, kind)
    return period


periods = st.builds(held, days, kinds)


# --- Periods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "kind", "start", "end", "adx"), TABLE)
def test_a_period_has_the_type_and_covers_the_days_of_the_table(
    text: str, kind: str, start: str, end: str, adx: str
) -> None:
    assert parse(text) == Period(text, T(kind), date.fromisoformat(start), date.fromisoformat(end))


def test_the_table_has_every_type() -> None:
    assert {kind for _, kind, *_ in TABLE} == {kind.value for kind in T}


@pytest.mark.parametrize(("text", "canonical"), OTHER_FORMS.items())
def test_a_period_in_another_accepted_form_is_the_same_period(text: str, canonical: str) -> None:
    assert known(text) == known(canonical)
    assert known(text).iso == canonical


@pytest.mark.parametrize("text", ALL_REFUSED)
def test_what_is_no_period_is_none(text: str) -> None:
    assert parse(text) is None


def test_types_are_declared_in_the_order_of_the_reference() -> None:
    assert list(T)[:2] == [T.DAILY, T.WEEKLY]
    assert [kind.value for kind in T] == list(dict.fromkeys(kind for _, kind, *_ in TABLE))


@pytest.mark.parametrize("text", ["2024Nov", "2024NovS1", "2024NovQ1"])
def test_the_november_family_starts_in_the_year_before_its_name(text: str) -> None:
    assert known(text).start == date(2023, 11, 1)


@pytest.mark.parametrize("month", ["Feb", "April", "July", "Aug", "Sep", "Oct"])
def test_other_financial_years_are_named_after_the_year_they_start_in(month: str) -> None:
    period = known(f"2024{month}")
    assert (period.start.year, period.end.year) == (2024, 2025)
    assert period.end + DAY == known(f"2025{month}").start


# --- Weeks -----------------------------------------------------------------------------------------------------------


def first_of_week_one(year: int, weekday: int) -> date:
    day = date(year, 1, 4)
    while day.weekday() != weekday:
        day -= DAY
    return day


@pytest.mark.parametrize(("kind", "weekday"), WEEK_STARTS.items())
def test_week_one_begins_on_the_latest_start_day_not_after_4_january(kind: PeriodType, weekday: int) -> None:
    form = held(date(2024, 6, 1), kind).iso.removeprefix("2024").rstrip("0123456789")
    for year in range(1950, 2100):
        assert known(f"{year}{form}1").start == first_of_week_one(year, weekday)


@pytest.mark.parametrize(("kind", "weekday"), WEEK_STARTS.items())
def test_a_year_has_week_53_only_if_the_next_years_week_one_is_371_days_on(kind: PeriodType, weekday: int) -> None:
    form = held(date(2024, 6, 1), kind).iso.removeprefix("2024").rstrip("0123456789")
    for year in range(1950, 2100):
        is_long = (first_of_week_one(year + 1, weekday) - first_of_week_one(year, weekday)).days == 371
        assert parse(f"{year}{form}52") is not None
        assert (parse(f"{year}{form}53") is not None) == is_long
        assert parse(f"{year}{form}54") is None


def test_monday_weeks_are_those_of_iso_8601() -> None:
    for day in EVERY_DAY:
        year, week, _ = day.isocalendar()
        assert held(day, T.WEEKLY).iso == f"{year}W{week}"


def test_biweek_27_exists_only_in_years_of_53_iso_weeks() -> None:
    for year in range(1950, 2100):
        assert (parse(f"{year}BiW27") is None) == (parse(f"{year}W53") is None)
        assert parse(f"{year}BiW28") is None


def test_biweek_27_overlaps_the_next_years_first_and_its_shared_days_are_the_latters() -> None:
    last, first = known("2020BiW27"), known("2021BiW1")
    assert last.start < first.start <= last.end < first.end
    assert held(first.start - DAY, T.BI_WEEKLY) == last
    assert held(first.start, T.BI_WEEKLY) == first


def test_a_biweek_is_its_two_iso_weeks() -> None:
    for year in range(1950, 2100):
        for number in range(1, 27):
            biweek = known(f"{year}BiW{number}")
            assert biweek.start == known(f"{year}W{2 * number - 1}").start
            assert biweek.end == known(f"{year}W{2 * number}").end


# --- Every day, every type -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", T)
def test_every_day_of_150_years_is_in_a_period_of_each_type(kind: PeriodType) -> None:
    # Types made of months look at a day's month alone: its first and last day stand for those between.
    is_of_months = kind is not T.DAILY and kind is not T.BI_WEEKLY and kind not in WEEK_STARTS
    seen: dict[str, Period] = {}
    for day in MONTH_EDGES if is_of_months else EVERY_DAY:
        period = held(day, kind)
        if period.iso not in seen:
            assert parse(period.iso) == period
            seen[period.iso] = period
        assert period.start <= day <= period.end
    # Without gap or overlap, but for BiWeekly 27, so that a day has one period of a type.
    for earlier, later in pairwise(seen.values()):
        assert earlier.end + DAY == later.start or earlier.iso.endswith("BiW27")


@given(periods)
def test_canonical_text_parses_to_itself(period: Period) -> None:
    assert parse(period.iso) == period
    assert known(known(period.iso).iso).iso == period.iso


@given(periods)
def test_a_period_contains_its_first_and_last_day_and_not_the_days_beside_them(period: Period) -> None:
    assert held(period.start, period.kind) == period
    assert period.iso.endswith("BiW27") or held(period.end, period.kind) == period
    assert held(period.start - DAY, period.kind) != period
    assert held(period.end + DAY, period.kind) != period


@given(st.builds("".join, st.tuples(st.sampled_from(PREFIXES), st.sampled_from(MIDDLES), st.sampled_from(SUFFIXES))))
@example("9999W52")
@example("0001FriW1")
def test_whatever_parses_is_canonical_or_becomes_so_at_once(text: str) -> None:
    period = parse(text)
    if period is not None:
        assert period.start <= period.end
        assert parse(period.iso) == period
        assert 4 <= len(period.iso) <= len(text) <= 11


@given(st.dates(), kinds)
@example(date.min, T.FINANCIAL_NOV)
@example(date.max, T.FINANCIAL_APRIL)
@example(date.min, T.WEEKLY_FRIDAY)
@example(date.max, T.BI_WEEKLY)
def test_a_day_near_the_end_of_all_dates_has_its_period_or_none(day: date, kind: PeriodType) -> None:
    period = containing(day, kind)
    if period is None:
        assert day.year in (1, 9999)
    else:
        assert period.start <= day <= period.end
        assert parse(period.iso) == period


# --- ADX intervals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "iso", "mark"), INTERVAL_TABLE)
def test_an_interval_is_read_as_dhis2_2_43_reads_it(text: str, iso: str, mark: str) -> None:
    expected = None if iso == "None" else (known(iso), mark == "~")
    assert parse_interval(text) == expected


@pytest.mark.parametrize("text", NO_INTERVALS)
def test_what_is_no_interval_is_none(text: str) -> None:
    assert parse_interval(text) is None


@pytest.mark.parametrize(("text", "kind", "start", "end", "adx"), TABLE)
def test_an_interval_is_written_as_first_day_and_duration(text: str, kind: str, start: str, end: str, adx: str) -> None:
    assert interval(known(text)) == adx


@pytest.mark.parametrize(("text", "kind", "start", "end", "adx"), TABLE)
def test_a_written_interval_reads_back_as_the_same_period_unless_quarterly_nov(
    text: str, kind: str, start: str, end: str, adx: str
) -> None:
    if kind != T.QUARTERLY_NOV:
        assert parse_interval(adx) == (known(text), False)


@given(periods)
def test_any_written_interval_reads_back_unless_quarterly_nov(period: Period) -> None:
    if period.kind is not T.QUARTERLY_NOV:
        assert parse_interval(interval(period)) == (period, False)


@given(days)
def test_a_quarterly_nov_reads_back_as_the_calendar_quarter_of_its_first_day(day: date) -> None:
    period = held(day, T.QUARTERLY_NOV)
    assert parse_interval(interval(period)) == (held(period.start, T.QUARTERLY), True)


def test_the_documented_loss_of_quarterly_nov_is_as_documented() -> None:
    assert interval(known("2022NovQ1")) == "2021-11-01/P3M"
    assert parse_interval("2021-11-01/P3M") == (known("2021Q4"), True)


@given(days, st.sampled_from(["P1D", "P7D", "P14D", "P1M", "P2M", "P3M", "P6M", "P1Y"]))
def test_an_interval_is_a_period_that_contains_its_start(day: date, duration: str) -> None:
    found = parse_interval(f"{day}/{duration}")
    if found is not None:
        period, was_snapped = found
        assert period.start <= day <= period.end
        assert was_snapped == (period.start != day)
        assert interval(period) == f"{period.start}/{duration}"


@given(days)
def test_a_week_is_never_snapped_and_never_starts_on_a_tuesday(day: date) -> None:
    found = parse_interval(f"{day}/P7D")
    assert (found is None) == (day.weekday() == 1)
    assert found is None or found[1] is False


# --- Order -----------------------------------------------------------------------------------------------------------


def test_periods_sort_by_start_date_then_type_then_text() -> None:
    in_order = ["2023Nov", "2024NovQ1", "2024NovS1", "2024Nov", "2024SunW1", "20240101", "2024W1", "2024BiW1"]
    in_order += ["202401", "202401B", "2024Q1", "2024S1", "2024", "20240102", "202402", "2024NovQ2", "2024Feb"]
    assert [p.iso for p in sorted(map(known, reversed(in_order)), key=sort_key)] == in_order


@given(st.lists(periods, max_size=20))
def test_order_depends_on_the_periods_only(some: list[Period]) -> None:
    in_order = sorted(some, key=sort_key)
    some.reverse()
    assert in_order == sorted(some, key=sort_key)
    assert all(a.start <= b.start for a, b in pairwise(in_order))
    ranks = list(T)
    assert all(a.start < b.start or ranks.index(a.kind) <= ranks.index(b.kind) for a, b in pairwise(in_order))


@given(periods, periods)
def test_equal_keys_are_equal_periods(one: Period, other: Period) -> None:
    assert (sort_key(one) == sort_key(other)) == (one == other)


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2024W53", "2024W53: 2024 has 52 weeks"),
        ("2024W0", "weeks count from 1"),
        ("2024BiW27", "2024 has 26 bi-weeks"),
        ("2024BiW0", "bi-weeks count from 1"),
        ("202413", "month 13"),
        ("2024-00", "month 00"),
        ("20241301", "month 13"),
        ("20240230", "2024-02 has 29 days"),
        ("2023-12-32", "2023-12 has 31 days"),
        ("202407B", "pair of months 07"),
        ("2024Q5", "quarter 5"),
        ("2024AprilS3", "half-year 3"),
        ("0000", "no year 0000"),
        ("0000 Nov", "no year 0000"),
        ("9999April", "outside the years 0001 to 9999"),
        ("2024-Q1", "write 2024Q1"),
        ("Q1 2024", "write 2024Q1"),
        ("2024q1", "write 2024Q1"),
        ("2024-Q7", "quarter 7"),
        ("2024-W03", "write 2024W3"),
        ("2024M03", "write 202403"),
        ("2024m3", "write 202403"),
        ("2024/03", "write 202403"),
        ("03-2024", "write 202403"),
        ("2024/3/5", "write 20240305"),
        ("2024-03B", "write 202403B"),
        ("Mar 2024", "write 202403"),
        ("March-2024", "write 202403"),
        ("2024 Sept", "write 202409 for the month or 2024Sep"),
        ("2024Apr", "write 202404 for the month or 2024April"),
        ("Nov 2024", "write 202411 for the month or 2025Nov"),
        ("9999 Oct", "write 999910 for the month"),
        ("Mar-24", "full year"),
        ("202403.0", "a spreadsheet took it for a number: write 202403"),
        ("2.02403E+05", "may have lost digits"),
        ("2024-03-15T00:00:00.000", "a date with a time: write 20240315"),
        ("LAST_MONTH", "relative periods"),
        (" 202403", "spaces around"),
        ("", "empty: a period such as"),
        ("٢٠٢٤", "digits must be 0 to 9"),
        ("2024-03-01/P1M", "an ADX interval; as a period, write 202403"),
        ("2024-03-01/P1W", "one of P1D P7D P14D P1M P2M P3M P6M P1Y"),
        ("2024-03-01/P4M", "one of P1D P7D P14D P1M P2M P3M P6M P1Y"),
        ("2024-03-01T00:00/P1M", "a date such as"),
        ("2024-03-01 / P1M", "an ADX interval; as a period, write 202403"),
        ("2024-02-30/P1M", "the interval's start is no date"),
        ("2024-01-02/P7D", "starts on a Tuesday"),
        ("2024-02-01/P6M", "starts in February, only in January, April, May, July, October, November"),
        ("2024-03-01/P1Y", "starts in March, only in"),
        ("9999-11-01/P1Y", "outside the years 0001 to 9999"),
        ("202403", "202403 is Monthly, 2024-03-01 to 2024-03-31; as an ADX interval 2024-03-01/P1M"),
        ("Weekly 2024", "a period such as"),
        ("nonsense", "a period such as"),
        ("9" * 1000, "a period such as"),
    ],
)
def test_an_explanation_says_what_is_wrong_or_what_to_write(text: str, words: str) -> None:
    assert words in explain(text)


def test_everything_refused_has_a_short_printable_explanation() -> None:
    for text in ALL_REFUSED + NO_INTERVALS:
        words = explain(text)
        assert words.isprintable(), text
        assert 10 < len(words) <= 200, text


@given(st.text() | st.from_regex(r"[0-9A-Za-z /.+_-]{1,20}", fullmatch=True))
@example("\ud800")
@example("0000-01-01/P1M")
@example("1.0E+99")
def test_an_explanation_never_fails_and_is_printable(text: str) -> None:
    assert explain(text).isprintable()


@given(st.text())
@settings(max_examples=300)
def test_parsing_any_text_fails_never(text: str) -> None:
    period, found = parse(text), parse_interval(text)
    assert period is None or period.iso
    assert found is None or found[0].iso


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("202604", "write it as 2026-04-01/P1M"),
        ("2024Q2", "write it as 2024-04-01/P3M"),
        ("2024W3", "write it as 2024-01-15/P7D"),
        ("20240131", "write it as 2024-01-31/P1D"),
        ("2024-01-01/P1W", "write it as 2024-01-01/P7D"),
        ("2024-01-01/P12M", "write it as 2024-01-01/P1Y"),
        ("2024-01-01/P31D", "write it as 2024-01-01/P1M"),
        ("2024-01-01/2024-01-31", "write it as 2024-01-01/P1M"),
        ("2024-01-01/2024-12-31", "write it as 2024-01-01/P1Y"),
        ("2024-01/P1M", "write it as 2024-01-01/P1M"),
        ("2024-01-01T00:00:00Z/P1M", "write it as 2024-01-01/P1M"),
        ("2018-06-30 00:00:00.0/P1M", "write it as 2018-06-01/P1M"),
        ("2024-01-01/1M", "write it as 2024-01-01/P1M"),
        ("2024-01-01/p1m", "write it as 2024-01-01/P1M"),
        (" 2024-01-01/P1M ", "write it as 2024-01-01/P1M"),
        ("Jan 2024", "write it as 2024-01-01/P1M"),
        ("2024-01-01", "add the duration: 2024-01-01/P1D for the day, 2024-01-01/P1M for the month"),
        ("2024-31-01/P1M", "the interval's start is no date: month 31; months are 01 to 12"),
        ("2024-01-02/P7D", "no DHIS2 week starts on a Tuesday"),
    ],
)
def test_what_is_no_interval_is_told_what_to_write_in_adx(text: str, advice: str) -> None:
    assert explain_interval(text) == advice


@pytest.mark.parametrize(
    "text", ["", "x", "/", "//", "9999-12-31/P99D", "0000-01/P1M", "P1M", "2024-01-01/P1M/P1M", "\0"]
)
def test_of_anything_else_it_is_told_how_intervals_are_written(text: str) -> None:
    assert "2024-03-01/P1M" in explain_interval(text)
