"""Skipped rows: staged rows that cannot be stored, as the header's findings warn or as 2.42 stores nothing for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from tallyport.postgres.catalog.header_lookup import LookedUp, Scope
from tallyport.postgres.imports.access import Allowed
from tallyport.postgres.imports.report import GroupLoad
from tallyport.postgres.imports.session import Session
from tallyport.postgres.imports.write import Nothing
from tallyport.validation.dates import fits_dates
from tallyport_schemas.finding import Severity, finding

SKIPPED_BY = {
    "TP721": "leave_out_no_combo",
    "TP726": "leave_out_no_combo",
    "TP728": "leave_out_closed",
    "TP730": "leave_out_units",
}
"""The step that skips rows where a warning says that some of what the header spans cannot be stored."""


class SkippedRows:
    """Skips rows of one group, and has its `load` report them: with `rejected`, each by its number."""

    def __init__(self, session: Session, load: GroupLoad) -> None:
        self._session, self._load, self._rejected = session, load, load.rejected

    def skip(self, looked_up: LookedUp, scope: Scope, allowed: Allowed, approvable: Sequence[int]) -> int:
        """Skip rows that cannot be stored; returns how many. `approvable`: the data sets of which approval matters."""
        codes = {found.code for found in looked_up.findings if found.severity is Severity.WARNING}
        count = self._skipped("leave_out_approved", "TP754", code="TP754", data_sets=approvable)
        if allowed.unshared:
            count += self._skipped("leave_out_not_shared", "TP757", options=allowed.unshared)
        if allowed.expired:
            count += self._skipped("leave_out_expired", "TP758", data_sets=allowed.data_sets, periods=allowed.expired)
        for name, cause in {step: code for code, step in SKIPPED_BY.items() if code in codes}.items():
            count += self._skipped(name, cause)
        if "TP729" in codes:
            pairs = self._outside_option_dates(scope, looked_up.periods_after_option_end)
            periods, attributes = [at for at, _ in pairs], [place for _, place in pairs]
            count += self._skipped("leave_out_dates", "TP729", periods=periods, attributes=attributes)
        return count

    def skip_nothing(self, found: Iterable[Nothing]) -> int:
        """Report rows for which 2.42 stores nothing; returns how many were skipped."""
        left_out = 0
        for nothing in found:
            count = nothing.count
            code = "TP227" if nothing.is_zero else "TP228"
            if self._rejected is not None:
                self._rejected.add(nothing.rows, finding(code, field="value"))
                count -= nothing.left_out
            if count:
                self._load.leave_out(finding(code, field="value", row=nothing.first, count=count))
            left_out += nothing.left_out
        return left_out

    def _outside_option_dates(self, scope: Scope, back: int) -> Sequence[tuple[int, int]]:
        """Return places of periods and attribute combos that do not go together."""
        return [
            (at, place)
            for place, start, end in self._session.look_up("attribute_dates")
            for at, period in scope.periods.items()
            if not fits_dates(period, start.toordinal() if start else 0, (end or date.max).toordinal(), back)
        ]

    def _skipped(self, name: str, cause: str, code: str = "TP750", **parameters: Any) -> int:
        """Skip rows by a step; `cause` is why, `code` is reported if a finding of the header has given the reason."""
        ((count, first, rows),) = self._session.rows(name, all_rows=self._rejected is not None, **parameters)
        if self._rejected is not None and count:
            self._rejected.add(rows, finding(cause))
        elif count:
            self._load.leave_out(finding(code, row=first, count=count))
        return int(count)
