"""Load: ADV2 into the tables of a DHIS2 database, group by group, each in a transaction of its own.

A dry run is the same up to its last statement: then all is rolled back, group after group having seen what those
before it did.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tallyport.postgres.connecting import Generation, Row, connection, generation
from tallyport.postgres.row_feed import RowFeed
from tallyport.postgres.scope import LookedUp, Scope, look_up
from tallyport.postgres.statements import statement
from tallyport.validation.files import walked
from tallyport.validation.form import check_form
from tallyport.validation.relations import fits_dates
from tallyport_converters.adv2_reading import Adv2File, RawHead
from tallyport_converters.convert import Outcome
from tallyport_converters.sources import Source
from tallyport_schemas.findings import Finding, Refused, Severity, SourceUnreadable, finding
from tallyport_schemas.header import GroupHeader
from tallyport_schemas.value_types import BOOLEAN_TYPES

if TYPE_CHECKING:
    from psycopg import Connection

NOBODY = "tallyport"
"""Who is said to have stored values where no user is named."""

CHANGES = ("insert", "update", "undelete", "delete", "unchanged", "ignored")
"""What may become of a row."""

_INTEGERS = ("INTEGER", "INTEGER_POSITIVE", "INTEGER_NEGATIVE", "INTEGER_ZERO_OR_POSITIVE")
_LEFT_OUT_BY = {
    "TP721": "leave_out_no_combo",
    "TP726": "leave_out_no_combo",
    "TP728": "leave_out_closed",
    "TP730": "leave_out_units",
}
"""The step that leaves rows out where a warning says that some of what the header spans cannot be stored."""


@dataclass(frozen=True, slots=True)
class GroupLoad:
    """What became of one group. `rows`: how many by change; `cleared`: stored values that its `delete` took.

    Where it is not `valid`, nothing of it was written, and all its rows are ignored.
    """

    file: str
    number: int
    de: str | None
    valid: bool
    rows: dict[str, int]
    cleared: int
    periods_created: int
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class FileLoad:
    """A file has been read to its end, or could not be: then `error` says why."""

    file: str
    error: Finding | None = None


Event = GroupLoad | FileLoad


@dataclass(slots=True)
class LoadReport:
    """The outcome of an import. `conversions`: of sources that were none of ADV2."""

    generation: Generation | None = None
    groups: list[GroupLoad] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    conversions: list[Outcome] = field(default_factory=list)

    def add(self, event: Event | Outcome) -> None:
        """Take one event."""
        if isinstance(event, Outcome):
            self.conversions.append(event)
            return
        if isinstance(event, GroupLoad):
            self.groups.append(event)
        elif event.error:
            self.errors.append(event.error)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of all groups, by change."""
        return {change: sum(group.rows[change] for group in self.groups) for change in CHANGES}

    @property
    def exit_code(self) -> int:
        """0 nothing was found, 1 values left out or warnings, 3 a group failed or a source is unreadable."""
        converted = max((outcome.exit_code for outcome in self.conversions), default=0)
        if converted == 3 or self.errors or not all(group.valid for group in self.groups):
            return 3
        told = any(found.severity is not Severity.INFO for group in self.groups for found in group.findings)
        return 1 if told or self.rows["ignored"] else converted


def load(
    paths: Sequence[str | os.PathLike[str]],
    database: str,
    *,
    dry_run: bool = False,
    username: str | None = None,
    today: date | None = None,
) -> LoadReport:
    """Import ADV2 files (plain or compressed), or folders of them, into a DHIS2 database.

    `database` is a URL. `username` is stored with every value that is written; a DHIS2 user must have it. `today`
    decides which periods lie in the future (default: the system's date). The report holds all findings.

    Raises:
        ValueError: a folder holds no ADV2 file.
        Refused: TP752, there is no such user.
        OutsideFailed: TP805 to TP809: groups before it are in, the one at work is not.
    """
    report = LoadReport()
    with connection(database) as connected:
        report.generation = generation(connected)
        for event in loading(connected, paths, dry_run=dry_run, username=username, today=today):
            report.add(event)
    return report


def loading(
    database: Connection[Row],
    paths: Sequence[str | os.PathLike[str]],
    *,
    dry_run: bool = False,
    username: str | None = None,
    today: date | None = None,
) -> Iterator[Event]:
    """Import file by file over a connection; see `load`. Yields each group when it is in, each file when it is done."""
    files = list(walked(paths))
    loader = _Loader(database, generation(database), username or NOBODY, today or date.today())
    if username is not None and not database.execute(statement("users"), {"username": username}).fetchone():
        raise Refused(finding("TP752", found=username))
    database.execute(statement("staging"))
    database.commit()
    with database.transaction(force_rollback=True) if dry_run else nullcontext():
        for path, label in files:
            yield from loader.file(path, label)


class _GroupFails(Exception):
    """A group cannot be imported: unwinds its transaction."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__()
        self.findings = list(findings)


@dataclass(slots=True)
class _Outcome:
    findings: list[Finding] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANGES, 0))
    cleared: int = 0
    periods_created: int = 0
    has_begun: bool = False


@dataclass(frozen=True, slots=True)
class _Loader:
    """Imports groups one after the other."""

    database: Connection[Row]
    generation: Generation
    username: str
    today: date

    def file(self, path: str, label: str) -> Iterator[Event]:
        """Import the groups of one file."""
        try:
            with closing(Source.open(path)) as source:
                file = Adv2File(source)
                for head in file.heads():
                    yield self._group(file, head, label)
        except SourceUnreadable as error:
            yield FileLoad(label, error.finding.at(label))
        else:
            yield FileLoad(label)

    def _group(self, file: Adv2File, head: RawHead, label: str) -> GroupLoad:
        header, found, de = check_form(head.properties)
        outcome = _Outcome()
        valid = header is not None
        read = 0
        try:
            if header is None:
                raise _GroupFails(found)
            with self.database.transaction():
                read = self._load(file, head, header, outcome)
        except _GroupFails as failed:
            valid = False
            if head.has_rows and not outcome.has_begun:
                for rows in file.skip_rows():
                    read = rows
            outcome = _Outcome(failed.findings)
            outcome.rows["ignored"] = max(read, header.size if header else 0)
        findings = [f.at(label) for f in outcome.findings]
        return GroupLoad(
            label, head.number, de, valid, outcome.rows, outcome.cleared, outcome.periods_created, findings
        )

    def _load(self, file: Adv2File, head: RawHead, header: GroupHeader, outcome: _Outcome) -> int:
        """Import one group within its transaction; returns the rows read."""
        self._run("clear_staging")
        looked_up = look_up(self.database, header, today=self.today)
        outcome.findings += looked_up.findings
        if header.delete == "hard":
            outcome.findings.append(finding("TP753"))
            raise _GroupFails(outcome.findings)
        scope = looked_up.scope
        if scope is None:
            raise _GroupFails(outcome.findings)
        self._run("lock_data_element", data_element=scope.data_element)
        self._run("say_user", username=self.username)
        self._copy_scope(scope)
        read, staged = self._copy_rows(file, head, header, looked_up, outcome)
        self._run("analyze_staging")
        version = self.generation.replace(".", "")[-2:]
        self._run(f"find_periods_{version}")
        self._check_approval(header, scope, outcome)
        staged -= self._leave_out(looked_up, scope, outcome)
        unknown = self._rows("unknown_period_types")
        if unknown:
            culprits = [f"{kind}: {' '.join(periods)}" for kind, periods in unknown]
            raise _GroupFails([*outcome.findings, finding("TP751", field="pe", culprits=culprits)])
        self._normalise(looked_up)
        outcome.periods_created = self.database.execute(statement(f"create_periods_{version}")).rowcount
        self._run(f"find_periods_{version}")
        writing = {"data_element": scope.data_element, "username": self.username}
        if header.delete:
            self._run("join_by_hash")
            if self.generation is Generation.V42:
                self._run("log_scope_42", **writing)
            ((outcome.cleared,),) = self._rows("delete_scope_soft", **writing)
            self._run("join_by_choice")
        if staged:
            outcome.rows |= dict(self._rows(f"merge_values_{version}", **writing))
        outcome.rows["ignored"] = read - staged
        return read

    def _run(self, name: str, **parameters: Any) -> None:
        self.database.execute(statement(name), parameters or None)

    def _rows(self, name: str, **parameters: Any) -> list[Row]:
        return self.database.execute(statement(name), parameters or None).fetchall()

    def _copy_scope(self, scope: Scope) -> None:
        periods = [(at, p.kind, p.iso, p.start, p.end) for at, p in enumerate(scope.periods)]
        for name, rows in (
            ("copy_periods", periods),
            ("copy_units", enumerate(scope.org_units)),
            ("copy_combos", scope.combos.items()),
            ("copy_attributes", scope.attribute_combos.items()),
        ):
            with self.database.cursor() as cursor, cursor.copy(statement(name)) as copy:
                for row in rows:
                    copy.write_row(row)

    def _copy_rows(
        self, file: Adv2File, head: RawHead, header: GroupHeader, looked_up: LookedUp, outcome: _Outcome
    ) -> tuple[int, int]:
        """Stream the rows in; returns how many were read and how many are staged."""
        read = accepted = 0
        if head.has_rows:
            from psycopg import sql

            feed = RowFeed(file, header, looked_up.relations.rules)
            columns = sql.SQL(", ").join(map(sql.Identifier, feed.columns))
            copying = sql.SQL("copy staged ({}) from stdin").format(columns)
            outcome.has_begun = True
            with self.database.cursor() as cursor, cursor.copy(copying) as copy:
                for text in feed:
                    copy.write(text)
            read, accepted, _ = feed.counts
            outcome.findings += feed.findings
        late = []
        if file.trailing:
            late.append(finding("TP510", field="data", found=file.trailing, expected="the group's end"))
        if read != header.size:
            late.append(finding("TP514", field="size", found=f"{read:,} rows", expected=f"{header.size:,} rows"))
        if late:
            raise _GroupFails([*outcome.findings, *late])
        return read, accepted

    def _check_approval(self, header: GroupHeader, scope: Scope, outcome: _Outcome) -> None:
        """Fail a group that deletes what is approved: a scope is deleted as a whole or not at all."""
        approved = self._rows("approved", data_sets=list(scope.data_sets)) if header.delete else []
        if approved:
            culprits = [" ".join(names) for names in approved]
            raise _GroupFails([*outcome.findings, finding("TP754", culprits=culprits)])

    def _leave_out(self, looked_up: LookedUp, scope: Scope, outcome: _Outcome) -> int:
        """Leave out rows that fall on what cannot be stored; returns how many."""
        codes = {found.code for found in looked_up.findings if found.severity is Severity.WARNING}
        left_out = self._left_out("leave_out_approved", outcome, code="TP754", data_sets=list(scope.data_sets))
        for name in dict.fromkeys(step for code, step in _LEFT_OUT_BY.items() if code in codes):
            left_out += self._left_out(name, outcome)
        if "TP729" in codes:
            back = looked_up.periods_after_option_end
            pairs = [
                (at, place)
                for place, start, end in self._rows("attribute_dates")
                for at, period in enumerate(scope.periods)
                if not fits_dates(period, start.toordinal() if start else 0, (end or date.max).toordinal(), back)
            ]
            parameters: dict[str, Any] = {
                "periods": [at for at, _ in pairs],
                "attributes": [place for _, place in pairs],
            }
            left_out += self._left_out("leave_out_dates", outcome, **parameters)
        return left_out

    def _left_out(self, name: str, outcome: _Outcome, *, code: str = "TP750", **parameters: Any) -> int:
        ((count, first),) = self._rows(name, **parameters)
        if count:
            outcome.findings.append(finding(code, row=first, count=count))
        return int(count)

    def _normalise(self, looked_up: LookedUp) -> None:
        kind = looked_up.relations.rules.value_type if looked_up.relations.rules else None
        if kind in _INTEGERS:
            self._run("normalise_integers")
        elif kind in BOOLEAN_TYPES:
            self._run("normalise_booleans")
