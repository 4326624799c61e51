"""Access: who may write, and until when, as DHIS2 asks it of each group.

The user's rights are looked up once an import, all else with three statements a group, however much it spans. What
nobody is named for is not asked: then values are stored under a name of ours, and nobody's sharing applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from tallyport.postgres.catalog.header_lookup import Scope
from tallyport.postgres.connection import Row, is_storable
from tallyport.postgres.imports.session import Session
from tallyport.postgres.statements import statement
from tallyport_schemas.finding import Finding, Refused, Severity, finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader

if TYPE_CHECKING:
    from psycopg import Connection

NOBODY = "tallyport"
"""Who is said to have stored values where no user is named."""

SUPERUSER = "ALL"
"""The authority that has all others."""

_EDIT_EXPIRED = "F_EDIT_EXPIRED"
_ADD_VALUES = "F_DATAVALUE_ADD"


class Check(StrEnum):
    """A check that DHIS2's `force` skips, and an import can skip."""

    INPUT_PERIODS = "input-periods"
    EXPIRY = "expiry"
    FUTURE_PERIODS = "future-periods"
    APPROVAL = "approval"
    OPTION_DATES = "option-dates"


_CODES = {
    Check.INPUT_PERIODS: ("TP731", "TP732"),
    Check.EXPIRY: ("TP758",),
    Check.FUTURE_PERIODS: ("TP733",),
    Check.APPROVAL: ("TP754",),
    Check.OPTION_DATES: ("TP729",),
}
_LATE = frozenset({Check.EXPIRY, Check.FUTURE_PERIODS})
"""What DHIS2 never holds a user with the authority to edit expired data to."""


@dataclass(slots=True)
class Allowed:
    """What a group may write: to these data sets; to what has expired, by the places of its periods, as excepted.

    `findings`: what it may not. An error fails it, a warning is about some of what its header spans. `outside`: places
    of units beyond the user's hierarchy; `unshared`: UIDs of category options that the user may not write.
    """

    data_sets: Sequence[int]
    expired: Sequence[int] = ()
    findings: list[Finding] = field(default_factory=list)
    outside: Sequence[int] = ()
    unshared: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Access:
    """Who writes. `user` is the id in the database and `uid` the UID, both None where no user is named.

    `sees_all`: sharing does not apply. `goes_anywhere`: nor does the hierarchy. `skipped`: codes of findings that are
    not looked for.
    """

    username: str = NOBODY
    user: int | None = None
    uid: str | None = None
    sees_all: bool = True
    goes_anywhere: bool = True
    skipped: frozenset[str] = frozenset()

    @property
    def is_bound(self) -> bool:
        """Whether what a group may write depends on who writes."""
        return not (self.sees_all and self.goes_anywhere)

    def restricted(self, session: Session, groups: Mapping[int, tuple[GroupHeader, Scope]], today: date) -> set[int]:
        """Return which groups, by number, to check one by one, of those that are staged together.

        Of the others all may be written, and nothing of it is approved.
        """
        meant = data_sets_meant({number: scope.data_sets for number, (_, scope) in groups.items()})
        found: list[Row] = []
        if not self.sees_all:
            found += self._not_shared(session, meant, {number: header for number, (header, _) in groups.items()})
        if not self.goes_anywhere:
            found += session.look_up("outside_hierarchy", user=self.user)
        if "TP758" not in self.skipped:
            found += session.look_up("expired", **meant, today=today)
        if "TP754" not in self.skipped:
            found += session.look_up("approved", **meant)
        return {row[0] for row in found}

    def check(self, session: Session, header: GroupHeader, scope: Scope, today: date) -> Allowed:
        """Check a group of which the scope is staged, alone."""
        allowed = Allowed(scope.data_sets)
        if not self.sees_all:
            self._check_sharing(session, header, allowed)
        if not self.goes_anywhere:
            outside = session.look_up("outside_hierarchy", user=self.user)
            if outside:
                allowed.outside = [place for _, place in outside]
                culprits = [header.ou[place] for place in allowed.outside]
                allowed.findings.append(finding("TP756", field="ou", culprits=culprits))
        if "TP758" not in self.skipped:
            _check_expiry(session, header, scope, allowed, today)
        return allowed

    def _check_sharing(self, session: Session, header: GroupHeader, allowed: Allowed) -> None:
        """Check data sets, of which one that is open is enough, and category options, which all have to be."""
        named = {
            "coc": "co" if header.co is not None else "coc" if header.coc is not None else None,
            "aoc": "ao" if header.ao is not None else "aoc" if header.aoc is not None else None,
        }
        meant = data_sets_meant({0: allowed.data_sets})
        refused = [row[1:] for row in self._not_shared(session, meant, {0: header})]
        closed = {row[1] for row in refused if row[0] == "ds"}
        if closed.issuperset(allowed.data_sets):
            allowed.findings.append(finding("TP755", field="ds", culprits=_named(refused, "ds")))
        else:
            allowed.data_sets = [data_set for data_set in allowed.data_sets if data_set not in closed]
        for kind in named:
            allowed.unshared += [row[2] for row in refused if row[0] == kind]
            if culprits := _named(refused, kind):
                allowed.findings.append(finding("TP757", field=named[kind], culprits=culprits))

    def _not_shared(
        self, session: Session, meant: Mapping[str, list[int]], headers: Mapping[int, GroupHeader]
    ) -> list[Row]:
        return session.look_up(
            "not_shared",
            **meant,
            options=[number for number, header in headers.items() if header.co or header.coc],
            attribute_options=[number for number, header in headers.items() if header.ao or header.aoc],
            user=self.user,
            user_uid=self.uid,
        )


def data_sets_meant(by_group: Mapping[int, Sequence[int]]) -> dict[str, list[int]]:
    """Return pairs of a group's number and a data set that it can mean, as statements take them."""
    pairs = [(number, data_set) for number, data_sets in by_group.items() for data_set in data_sets]
    return {"groups": [number for number, _ in pairs], "data_sets": [data_set for _, data_set in pairs]}


def access(
    database: Connection[Row], generation: Generation, username: str | None, forced: Iterable[str] = ()
) -> Access:
    """Look up who writes, and which checks DHIS2 would not make.

    A superuser passes sharing, and is late never; 2.42 holds superusers to their hierarchy all the same.

    Raises:
        ValueError: `forced` names what is no `Check`.
        Refused: TP752, there is no such user; TP903, TP904, the user must not write values at all; TP759, who is no
            superuser forces, or what is forced is not checked.
    """
    force = frozenset(map(Check, forced))
    if username is None:
        return Access(skipped=_codes(force))
    found = None
    if is_storable(username):
        rights = {"username": username, "authorities": [SUPERUSER, _EDIT_EXPIRED, _ADD_VALUES]}
        found = database.execute(statement("imports/user_rights"), rights).fetchone()
    if found is None:
        raise Refused(finding("TP752", found=username))
    user, uid, is_disabled, authorities = found
    if is_disabled:
        raise Refused(finding("TP903", field="as", found=username))
    if not {SUPERUSER, _ADD_VALUES} & set(authorities):
        raise Refused(finding("TP904", field="as", found=username, expected=f"a user with {_ADD_VALUES}"))
    is_superuser = SUPERUSER in authorities
    if force and not is_superuser:
        raise Refused(finding("TP759", field="force", culprits=sorted(force), expected=f"{username} to be a superuser"))
    if force & _LATE:
        message = "forcing has no effect: a superuser may write late and ahead of time in any case"
        help_text = "leave these checks out of --force"
        raise Refused(finding("TP759", message=message, help=help_text, field="force", culprits=sorted(force & _LATE)))
    return Access(
        username,
        user,
        uid,
        sees_all=is_superuser,
        goes_anywhere=is_superuser and generation is not Generation.V42,
        skipped=_codes(force | _LATE if is_superuser or _EDIT_EXPIRED in authorities else force),
    )


def _codes(checks: Iterable[Check]) -> frozenset[str]:
    return frozenset(code for check in checks for code in _CODES[check])


def _named(rows: Iterable[Row], kind: str) -> list[str]:
    return [f"{row[2]} ({row[3]})" for row in rows if row[0] == kind]


def _check_expiry(session: Session, header: GroupHeader, scope: Scope, allowed: Allowed, today: date) -> None:
    """Find periods that are past the expiry days: a warning where lock exceptions keep each open for some units.

    A unit that no period is open for is as wrong as a period that is open for none.
    """
    meant = data_sets_meant({0: allowed.data_sets})
    found_late = [row[1:] for row in session.look_up("expired", **meant, today=today)]
    rows = [row for row in found_late if len(row[2]) < len(scope.org_units)]
    if not rows:
        return
    culprits = []
    for place, last_day, excepted in rows:
        still = f"; still for {' '.join(header.ou[unit] for unit in excepted)}" if excepted else ""
        culprits.append(f"{scope.periods[place].iso} (open until {last_day}{still})")
    found = finding("TP758", field="pe", culprits=culprits)
    is_excepted = {unit for *_, excepted in rows for unit in excepted}
    ever_open = len(rows) < len(scope.periods) or len(is_excepted) == len(scope.org_units)
    if ever_open and all(excepted for *_, excepted in rows) and not header.delete:
        message = f"{found.message}, for some of what the header spans"
        found = replace(found, severity=Severity.WARNING, message=message)
    allowed.findings.append(found)
    allowed.expired = [place for place, *_ in rows]
