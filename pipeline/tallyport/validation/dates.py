"""Dates: whether what a header names is open in its periods: organisation units, attribute options, data sets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tallyport.metadata import Snapshot
from tallyport.metadata.tables import NONE, UNKNOWN
from tallyport.validation.existence import HeaderRows
from tallyport.validation.header_findings import HeaderFindings, span
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period, PeriodType

_FUTURE_PERIODS = 10_000
_LAST = date.max.toordinal()


def check_option_dates(
    options: Mapping[str, Iterable[int]], rows: HeaderRows, snapshot: Snapshot, findings: HeaderFindings
) -> None:
    """Check that periods fit the dates of attribute options, which are given by what rows name: TP729."""
    if not findings.can("option dates"):
        return
    table = snapshot.table("categoryOptions")
    starts, ends = table.ints("start"), table.ints("end")
    after_end = snapshot.table("dataSets").ints("open_periods_after_option_end")
    back = max((after_end[row] for row in rows.data_sets), default=0)
    refused: dict[str, list[str]] = {}
    for text, of in options.items():
        start = max((starts[option] for option in of if starts[option] > 0), default=0)
        end = min((ends[option] for option in of if ends[option] > 0), default=_LAST)
        if start == 0 and end == _LAST:
            continue
        unfit = [period.iso for period in rows.periods if not fits_dates(period, start, end, back)]
        if unfit:
            refused[f"{text} ({span(start, end)})"] = unfit
    later = f", or at most {back} after their end" if back > 0 else ""
    expected = f"periods within the options' dates{later}"
    findings.say_pairs("TP729", "pe", refused, (len(rows.periods), len(options)), expected)


def check_opening(rows: HeaderRows, snapshot: Snapshot, findings: HeaderFindings) -> None:
    """Check that organisation units are open on the first days of periods: TP728."""
    if not rows.periods or not findings.can("open"):
        return
    starts = sorted(period.start.toordinal() for period in rows.periods)
    table = snapshot.table("organisationUnits")
    opening, closed = table.ints("opening"), table.ints("closed")
    known = [(unit, row) for unit, row in zip(rows.header.ou, rows.org_units, strict=True) if row != NONE]
    if unknown := sum(opening[row] == UNKNOWN for _, row in known):
        findings.cannot("open", [f"openingDate of {unknown} of the organisation units"])
    spans = [(opening[row], closed[row] if closed[row] > 0 else _LAST) for _, row in known]
    if all(first <= starts[0] and end >= starts[-1] for first, end in spans):
        return
    never: list[str] = []
    at_times: list[str] = []
    changes = [0] * (len(starts) + 1)
    for (unit, _), (first, end) in zip(known, spans, strict=True):
        low, high = bisect_left(starts, first), bisect_right(starts, end)
        if low < high:
            changes[low] += 1
            changes[high] -= 1
        if low > 0 or high < len(starts):
            (at_times if low < high else never).append(f"{unit} (open {span(first, end)})")
    if never:
        findings.say("TP728", "ou", never, expected="open on the first day of the periods")
    if at_times:
        open_then, counts = 0, []
        for change in changes[:-1]:
            open_then += change
            counts.append(open_then)
        is_certain = 0 in counts and not never
        expected = "open on the first day of each of the periods"
        findings.say("TP728", "ou", at_times, expected=expected, is_certain=is_certain)


def check_input_periods(
    rows: HeaderRows, snapshot: Snapshot, findings: HeaderFindings, today: date, skipped: Container[str]
) -> None:
    """Check input periods where a data set has some, else how far in the future periods lie: TP731, TP732, TP733.

    Only what none of the data sets takes is wrong.
    """
    if not findings.can("input periods") or not rows.data_sets:
        return
    checked = _InputPeriods(rows.periods, snapshot, findings, today, skipped)
    refused = [checked.refused(data_set) for data_set in rows.data_sets]
    by_reason: dict[tuple[str, str], dict[str, str]] = {}
    for iso, (code, expected, found) in refused[0].items():
        if all(iso in of_set for of_set in refused[1:]):
            by_reason.setdefault((code, expected), {})[iso] = found
    for (code, expected), culprits in by_reason.items():
        findings.say(code, "pe", culprits.values(), expected=expected, members=list(culprits))


_Periods = dict[str, tuple[str, str, str]]
"""Periods that a data set does not take, each with the code, what is expected, and what to show."""


@dataclass(frozen=True, slots=True)
class _InputPeriods:
    periods: Sequence[Period]
    snapshot: Snapshot
    findings: HeaderFindings
    today: date
    skipped: Container[str]

    def refused(self, data_set: int) -> _Periods:
        name = self.snapshot.named("dataSets", data_set)
        listed = self.snapshot.table("dataSets").texts_of("input_periods", data_set)
        if listed is None:
            self.findings.cannot("input periods", [f"dataInputPeriods of {name}"])
            return {}
        if listed:
            return {} if "TP731" in self.skipped else self._refused_input(data_set, name, listed)
        return {} if "TP733" in self.skipped else self._refused_future(data_set, name)

    def _refused_input(self, data_set: int, name: str, listed: Sequence[str]) -> _Periods:
        windows: dict[str, list[tuple[int, int]]] = {}
        openings = self.snapshot.table("dataSets").rows_of("input_openings", data_set) or ()
        closings = self.snapshot.table("dataSets").rows_of("input_closings", data_set) or ()
        for text, opening, closing in zip(listed, openings, closings, strict=False):
            period = periods.parse(text)
            windows.setdefault(text if period is None else period.iso, []).append((opening, closing or _LAST))
        today = self.today.toordinal()
        found = {}
        for iso in (period.iso for period in self.periods):
            if iso not in windows:
                found[iso] = ("TP731", f"input periods of {name}: {_first(sorted(windows))}", iso)
            elif not any(first <= today <= end for first, end in windows[iso]):
                spans = ", ".join(span(first, end) for first, end in windows[iso])
                expected = f"input periods of {name} that are open on {self.today}"
                found[iso] = ("TP732", expected, f"{iso} (open {spans})")
        return found

    def _refused_future(self, data_set: int, name: str) -> _Periods:
        if not self.findings.can("future"):
            return {}
        if UNKNOWN < self.snapshot.table("dataSets").ints("expiry_days")[data_set] < 0:
            return {}  # DHIS2 asks it of data sets with expiry days alone, of which 0 stands for none
        allowed = self.snapshot.table("dataSets").ints("open_future_periods")[data_set]
        if allowed == UNKNOWN:
            self.findings.cannot("future", [f"openFuturePeriods of {name}"])
            return {}
        last = {kind: _latest_end(self.today, kind, allowed) for kind in {period.kind for period in self.periods}}
        further = f"and {allowed} after it" if allowed > 0 else "and none after it"
        expected = f"at most the current period {further}, in {name}"
        return {
            period.iso: ("TP733", expected, period.iso) for period in self.periods if period.end > last[period.kind]
        }


def fits_dates(period: Period, start: int, end: int, back: int) -> bool:
    """Whether a period lies within two days, or does when it is moved back by so many periods."""
    if start <= period.start.toordinal() and period.end.toordinal() <= end:
        return True
    moved = _moved_back(period, back) if back > 0 else None
    return moved is not None and start <= moved.start.toordinal() and moved.end.toordinal() <= end


def _moved_back(period: Period, back: int) -> Period | None:
    moved: Period | None = period
    for _ in range(min(back, _FUTURE_PERIODS)):
        if moved is None or moved.start == date.min:
            return None
        moved = periods.containing(moved.start - timedelta(days=1), moved.kind)
    return moved


def _latest_end(today: date, kind: PeriodType, allowed: int) -> date:
    """Return the last day of the latest period of a type that may be reported: the current one and `allowed` more."""
    current = periods.containing(today, kind)
    for _ in range(min(allowed, _FUTURE_PERIODS)):
        if current is None or current.end == date.max:
            return date.max
        current = periods.containing(current.end + timedelta(days=1), kind)
    return date.max if current is None else current.end


def _first(texts: Sequence[str]) -> str:
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if len(texts) > 10 else "")
