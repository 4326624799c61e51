"""Group: the steps that take one ADV2 group into the database, within a transaction that the caller holds.

Header first: looked up and checked. Then the rows, whole or batch by batch: staged, skipped where they cannot be
stored, compared with what is stored, written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from tallyport.postgres.catalog.header_lookup import KnownHeaders, LookedUp, Scope, look_up
from tallyport.postgres.imports.access import Access, Allowed, Check, data_sets_meant
from tallyport.postgres.imports.batch_size import (
    ROWS_BATCH,
    ROWS_WHOLE,
    Batching,
    Mode,
    Stretch,
    batches,
    choose,
    stored_limit,
)
from tallyport.postgres.imports.row_feed import RowFeed
from tallyport.postgres.imports.session import Session
from tallyport.postgres.imports.triggers import Triggers
from tallyport.postgres.imports.undo_file import restore, write_undo
from tallyport.postgres.imports.write import Changed, Nothing, Writing
from tallyport.validation.dates import fits_dates
from tallyport.validation.rejected_rows import RejectedRows
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import readable
from tallyport_converters.adv2.row_check import Refused
from tallyport_schemas.finding import Finding, Severity, SourceUnreadable, finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader

CHANGES = ("insert", "update", "undelete", "delete", "unchanged", "ignored")
"""What may happen to a row."""

_LEFT_OUT_BY = {
    "TP721": "leave_out_no_combo",
    "TP726": "leave_out_no_combo",
    "TP728": "leave_out_closed",
    "TP730": "leave_out_units",
}
"""The step that leaves rows out where a warning says that some of what the header spans cannot be stored."""

_OF_ROWS = frozenset({*_LEFT_OUT_BY, "TP729", "TP756", "TP757", "TP758"})
"""What is wrong with some of a header's identifiers, or with some that do not go together."""

SMALL_ROWS = 2_000
"""Rows of a group that is written together with others, at most."""

SMALL_NAMES = 2_000
"""Identifiers that its header lists."""

SMALL_CELLS = 10_000
"""Pairs of a period and an organisation unit that it spans."""

SMALL_BYTES = 1 << 20
"""Bytes that its rows take in columns."""

_FEW_UNITS = 100
"""Organisation units that are named to the index of stored values; of more, all that is stored is sifted."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    `dry_run` takes everything back at its end: its counts are those of the run. `username` is stored with every value
    that is written; a DHIS2 user must have it, and may write only what DHIS2 lets that user write. `force`: checks that
    are not made. `today` decides what is open, what has expired, and which periods lie in the future. `batch`: how much
    is taken at a time, None for a choice group by group. `undo`: the folder for files that restore what groups remove
    for good; None refuses such groups. `sql`: a file that gets all statements. `changes`: one that gets all changes.
    `assume`: the generation whose tables these are, whatever their history says.
    """

    dry_run: bool = False
    username: str | None = None
    force: frozenset[Check] = frozenset()
    today: date = field(default_factory=date.today)
    batch: Mode | None = None
    undo: Path | None = None
    sql: Path | None = None
    changes: Path | None = None
    assume: Generation | None = None


@dataclass(slots=True)
class GroupOutcome:
    """What became of a group so far."""

    findings: list[Finding] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANGES, 0))
    cleared: int = 0
    periods_created: int = 0
    batching: Batching | None = None
    undo: Path | None = None
    read: int = 0

    def leave_out(self, left_out: Finding) -> None:
        """Report rows that were skipped; batches share a finding."""
        for at, known in enumerate(self.findings):
            if (known.code, known.field) == (left_out.code, left_out.field) and known.count and left_out.count:
                self.findings[at] = replace(known, count=known.count + left_out.count)
                return
        self.findings.append(left_out)


class GroupFails(Exception):
    """A group cannot be imported: unwinds its transaction."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__()
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What all groups of a run share."""

    session: Session
    generation: Generation
    triggers: Triggers
    access: Access
    options: ImportOptions
    known: KnownHeaders = field(default_factory=KnownHeaders)

    @property
    def writing(self) -> Writing:
        """What takes staged rows into the table."""
        return Writing(self.session, self.generation, self.triggers, self.access.username)


def stage_scopes(session: Session, scopes: Mapping[int, Scope]) -> None:
    """Stage what the headers of groups name, by the groups' numbers."""
    periods: list[tuple[Any, ...]] = []
    units: list[tuple[int, int, int]] = []
    combos: list[tuple[int, int, int]] = []
    attributes: list[tuple[int, int, int]] = []
    for number, scope in scopes.items():
        element = scope.data_element
        periods += ((number, at, element, p.kind, p.iso, p.start, p.end) for at, p in scope.periods.items())
        units += ((number, *placed) for placed in scope.org_units.items())
        combos += ((number, *placed) for placed in scope.combos.items())
        attributes += ((number, *placed) for placed in scope.attribute_combos.items())
    for name, rows in (
        ("copy_periods", periods),
        ("copy_units", units),
        ("copy_combos", combos),
        ("copy_attributes", attributes),
    ):
        session.copy(name, ("\t".join(map(str, row)).encode() + b"\n" for row in rows))


class GroupImport:
    """The import of the group whose head `file` has just given. `told` is called when it is planned what changes.

    `rejected` is given where the group was made of a legacy file: it takes every row that is skipped, and identifiers
    that are wrong cost their own rows alone. A group that deletes is as strict as any: its scope is what it names.
    """

    def __init__(
        self,
        run: ImportRun,
        file: Adv2File,
        head: RawHead,
        told: Callable[[Changed], None] | None = None,
        rejected: RejectedRows | None = None,
    ) -> None:
        self._run = run
        self._session = run.session
        self._writing = run.writing
        self._options = run.options
        self._file = file
        self._head = head
        self._told = told
        self._rejected = rejected
        self._access = run.access
        self._allowed = Allowed(())
        self._ignored_are_named = False
        self._fed: RowFeed | None = None
        self._trailing: str | None = None  # as the file had it when the rows were read ahead: it goes on
        self.outcome = GroupOutcome()

    def steps(self, header: GroupHeader, looked_up: LookedUp) -> Iterator[int]:
        """Do all of it, within a transaction; yields how many rows have been staged so far.

        Raises:
            GroupFails: with all that is wrong.
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        outcome, session, scope = self.outcome, self._session, looked_up.scope
        if scope is None:
            raise GroupFails(self.failures(header, looked_up))
        outcome.findings += self._of_header(header, looked_up.findings)
        session.run("clear_staging")
        self._keeps = header.delete != "hard"
        self._writing.begin([scope.data_element])
        stage_scopes(session, {0: scope})
        self._writing.find_periods()
        self._allowed = self._check_access(header, scope)
        self._check_deletion(header, scope)
        batching = self._read_stored(header, scope)
        with self.feed(header, looked_up) as feed:
            staged = 0
            for batch in self._batches(header, feed, batching.mode):
                before = feed.counts[0] if feed else 0
                for _ in self._stage(feed, batch):
                    yield feed.counts[0] if feed else 0
                if feed:
                    self._note_named(header, feed, batch, before)
                staged += self._settle(header, looked_up, scope, batch, batching.mode)
            if feed:
                outcome.read = feed.counts[0]
                outcome.findings += feed.findings
        self._check_size(header)
        outcome.rows["unchanged"] = staged - sum(outcome.rows.values())
        outcome.rows["ignored"] = outcome.read - staged
        if self._rejected is not None:
            outcome.findings += self._rejected.findings()
        session.run("join_by_choice")

    def look_up(self, header: GroupHeader) -> LookedUp:
        """Look a header up."""
        return look_up(
            self._session.database,
            header,
            self._run.known,
            today=self._options.today,
            skipped=self._access.skipped,
            by_member=self._by_member(header),
        )

    def failures(self, header: GroupHeader, looked_up: LookedUp) -> list[Finding]:
        """Return why a group fails of which the header has no scope."""
        members = [found for of_place in looked_up.relations.refused.values() for found in of_place.values()]
        return [*self._of_header(header, looked_up.findings), *members]

    def read_rest(self) -> tuple[int, SourceUnreadable | None]:
        """Pass the rows that were not read; returns how many there are in all, and why there are no more.

        That is said of a file that breaks off or is no JSON; else nothing is.
        """
        broken: SourceUnreadable | None = None
        try:
            rest: Iterable[object] = self._file.skip_rows() if self._file.has_rows else ()
            for _ in self._fed.unread if self._fed else rest:
                pass
        except SourceUnreadable as error:
            broken = error
        if self._fed:
            return self._fed.counts[0], broken
        return self._file.rows_read if self._head.has_rows else 0, broken

    @property
    def names_rows(self) -> bool:
        """Whether each row that is skipped is named."""
        return self._rejected is not None

    # --- Together with others ----------------------------------------------------------------------------------------

    def may_go_together(self, header: GroupHeader, looked_up: LookedUp) -> bool:
        """Whether nothing that is known of a group asks for steps of its own, and it is small."""
        names = len(header.pe) + len(header.ou) + len(header.coc or ()) + len(header.aoc or ())
        if header.size > SMALL_ROWS or names > SMALL_NAMES or len(header.pe) * len(header.ou) > SMALL_CELLS:
            return False
        if not self._head.has_rows:
            return False
        if header.delete or header.undo is not None:
            return False
        if self._options.batch or (self._rejected is not None and self._access.is_bound):
            return False
        codes = {found.code for found in looked_up.findings}
        return looked_up.scope is not None and codes.isdisjoint((*_LEFT_OUT_BY, "TP729"))

    def read_ahead(self, header: GroupHeader, looked_up: LookedUp) -> bool:
        """Read the rows ahead; returns whether all are here, as many as the header says, and nothing else.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        with self.feed(header, looked_up) as feed:
            assert feed
            if not feed.read_ahead(SMALL_BYTES):
                return False
        self._trailing = self._file.trailing
        return feed.counts[0] == header.size and not self._trailing

    def settle_together(
        self,
        header: GroupHeader,
        looked_up: LookedUp,
        changed: Mapping[str, int],
        made: int,
        nothing: Sequence[Nothing],
    ) -> None:
        """Note what became of a group that was read ahead and written together with others."""
        outcome, feed = self.outcome, self._fed
        assert feed
        outcome.findings += self._of_header(header, looked_up.findings)
        staged = feed.counts[1] - self._leave_out_nothing(nothing)
        outcome.findings += feed.findings
        outcome.batching = Batching(Mode.STORED, f"{header.size:,} rows, staged together with those of other groups")
        outcome.periods_created = made
        outcome.read = feed.counts[0]
        outcome.rows |= changed
        outcome.rows["unchanged"] = staged - sum(changed.values())
        outcome.rows["ignored"] = outcome.read - staged
        if self._rejected is not None:
            outcome.findings += self._rejected.findings()

    def also_wrong(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return what the database says against a header whose form fails by `findings`, of what can be read of it."""
        rest = readable(self._head.properties, findings)
        return rest.certain(self.look_up(rest.header).findings) if rest else []

    # --- Staging -----------------------------------------------------------------------------------------------------

    def _read_stored(self, header: GroupHeader, scope: Scope) -> Batching:
        """Read what is stored in the scope, unless it is so much that only the keys of rows are looked up."""
        forced = self._options.batch
        if header.undo is not None:  # whole or not, what is stored is read for the list of changes
            forced = Mode.ROWS if header.size > ROWS_WHOLE else Mode.WHOLE
        most = stored_limit(header.size, forced)
        stored: int | None = None
        if most != 0 and header.size:
            asked = None if most is None else most + 1
            units = list(scope.org_units.values()) if len(scope.org_units) <= _FEW_UNITS else None
            stored = self._session.run("read_stored", data_element=scope.data_element, units=units, most=asked)
            if most is not None and stored > most:
                self._session.run("clear_stored")
                stored = None
        batching = choose(header.size, stored if header.size else 0, forced)
        self.outcome.batching = batching
        self._is_first = stored == 0
        return batching

    def _batches(self, header: GroupHeader, feed: RowFeed | None, mode: Mode) -> Iterator[Stretch]:
        rows = ROWS_BATCH if mode.batches_rows else header.size + 1
        return batches(feed or (), rows=rows, periods=len(header.pe), units=len(header.ou))

    def feed(self, header: GroupHeader, looked_up: LookedUp) -> AbstractContextManager[RowFeed | None]:
        """Return the rows, None where there are none: the same each time that it is asked for."""
        if not self._head.has_rows:
            return nullcontext()
        refused = self._refused(header, looked_up.relations.refused)
        rules = looked_up.relations.rules and replace(looked_up.relations.rules, generation=self._run.generation)
        self._fed = self._fed or RowFeed(self._file, header, rules, refused, self._rejected)
        return self._fed

    def _stage(self, feed: RowFeed | None, batch: Stretch) -> Iterator[None]:
        """Stream the rows of a batch in."""
        if feed is None:
            for _ in batch.parts:
                pass
            return
        from psycopg import sql

        columns = sql.SQL(", ").join(map(sql.Identifier, feed.text.columns))
        with self._session.copying(sql.SQL("copy staged ({}) from stdin").format(columns)) as write:
            for part in batch.parts:
                write(feed.text.lines(*part))
                yield

    def _note_named(self, header: GroupHeader, feed: RowFeed, batch: Stretch, first: int) -> None:
        """Note what the ignored rows of a batch name, those from row `first` on, so that the group does not delete it.

        Raises:
            GroupFails: TP743, batches before this one may have deleted it.
        """
        if not feed.kept or not feed.kept.tell():
            return
        from psycopg import sql

        columns = sql.SQL(", ").join(map(sql.Identifier, feed.text.key_columns))
        self._ignored_are_named = True
        feed.kept.seek(0)
        with self._session.copying(sql.SQL("copy kept ({}) from stdin").format(columns)) as write:
            while lines := feed.kept.read(1 << 20):
                write(lines)
        feed.kept.seek(0)
        feed.kept.truncate()
        ((late,),) = self._session.look_up("kept_too_late", row=first, units=len(header.ou), start=batch.start)
        if late is not None:
            raise GroupFails([*self.outcome.findings, *feed.findings, finding("TP743", row=late)])

    # --- One batch ---------------------------------------------------------------------------------------------------

    def _settle(self, header: GroupHeader, looked_up: LookedUp, scope: Scope, batch: Stretch, mode: Mode) -> int:
        """Write the staged rows of a batch; returns how many were not skipped."""
        session, outcome = self._session, self.outcome
        ((staged,),) = session.look_up("count_staged")
        staged -= self._leave_out(looked_up, scope)
        self._check_period_types()
        if header.undo is None:
            rules = looked_up.relations.rules
            kinds = {0: rules.value_type if rules else None}
            staged -= self._leave_out_nothing(self._writing.normalise(kinds, all_rows=self._rejected is not None))
        outcome.periods_created += sum(self._writing.make_periods().values())
        if header.undo is not None:
            return self._restore(header, scope.data_element, int(staged))
        self._delete_scope(header, scope.data_element, batch)
        if staged:
            if mode.looks_up:
                session.run("clear_stored")
                session.run("look_up_stored")
            changed = self._writing.write({0: staged}, keeps=self._keeps, is_first=self._is_first, told=self._told)
            for change, count in changed.get(0, {}).items():
                outcome.rows[change] += count
        session.run("clear_batch")
        return int(staged)

    def _restore(self, header: GroupHeader, data_element: int, staged: int) -> int:
        """Write back what a group has removed; triggers fire, as nothing is known of what has changed since."""
        session = self._session
        newer, left_out, changes = restore(session, header, data_element=data_element)
        if left_out:
            self.outcome.leave_out(left_out)
        if changes and self._told:
            self._told({0: changes})
        if changes and self._writing.version == "42":
            session.run("log_changes_42", username=self._access.username)
        session.run("write_restored", data_element=data_element)
        for change, count in changes.items():
            self.outcome.rows[change] += count
        session.run("clear_batch")
        return staged - newer

    def _delete_scope(self, header: GroupHeader, data_element: int, batch: Stretch) -> None:
        if header.delete is None:
            return
        session = self._session
        stretch = {"units": len(header.ou), "start": batch.start, "end": batch.end}
        is_hard = header.delete == "hard"
        if self._ignored_are_named:
            ((kept, row),) = session.look_up("count_kept", data_element=data_element, all=is_hard, **stretch)
            if kept:
                self.outcome.leave_out(finding("TP742", row=row, field="delete", count=kept))
        if is_hard:
            self.outcome.cleared += session.run("delete_scope_hard", data_element=data_element, **stretch)
        else:
            writing = {"data_element": data_element, "username": self._access.username}
            if self._writing.version == "42":
                session.run("log_scope_42", **writing, **stretch)
            self.outcome.cleared += session.run("delete_scope_soft", **writing, **stretch)

    def _leave_out_nothing(self, found: Iterable[Nothing]) -> int:
        """Report the group's rows for which 2.42 stores nothing; returns how many were skipped."""
        left_out = 0
        for nothing in found:
            count = nothing.count
            code = "TP227" if nothing.is_zero else "TP228"
            if self._rejected is not None:
                self._rejected.add(nothing.rows, finding(code, field="value"))
                count -= nothing.left_out
            if count:
                self.outcome.leave_out(finding(code, field="value", row=nothing.first, count=count))
            left_out += nothing.left_out
        return left_out

    # --- Checks ------------------------------------------------------------------------------------------------------

    def _by_member(self, header: GroupHeader) -> bool:
        """Whether what is wrong with an identifier costs its own rows alone."""
        return self._rejected is not None and header.delete is None

    def _of_header(self, header: GroupHeader, findings: Sequence[Finding]) -> list[Finding]:
        """Return what is to be reported of a header: what is wrong for some rows alone is reported with these."""
        if not self._by_member(header):
            return list(findings)
        return [found for found in findings if found.code not in _OF_ROWS or found.severity is Severity.ERROR]

    def _refused(self, header: GroupHeader, refused: Refused) -> Refused:
        """Return the identifiers that rows may not name, with what the user may not write to."""
        if not self._by_member(header) or not self._allowed.outside:
            return refused
        units = {at: finding("TP756", field="ou", culprits=[header.ou[at]]) for at in self._allowed.outside}
        return {**refused, 1: {**units, **refused.get(1, {})}}

    def _check_access(self, header: GroupHeader, scope: Scope) -> Allowed:
        """Fail a group that the user may not write, or no more."""
        allowed = self._access.check(self._session, header, scope, self._options.today)
        found_here = allowed.findings
        if self._by_member(header):
            found_here = [found for found in found_here if found.code not in _OF_ROWS]
        self.outcome.findings += found_here
        if any(found.severity is Severity.ERROR for found in found_here):
            raise GroupFails(self.outcome.findings)
        return allowed

    def _check_deletion(self, header: GroupHeader, scope: Scope) -> None:
        """Fail a group that deletes what is approved: a scope is deleted as a whole or not at all.

        What is removed for good is kept in a file first.
        """
        if header.delete is None:
            return
        if approved := self._session.look_up("approved", **data_sets_meant({0: self._approvable})):
            culprits = [" ".join(names) for _, *names in approved]
            raise GroupFails([*self.outcome.findings, finding("TP754", culprits=culprits)])
        if header.delete != "hard" or self._options.dry_run:
            return
        if self._options.undo is None:
            raise GroupFails([*self.outcome.findings, finding("TP753", field="delete", found=header.delete)])
        self.outcome.undo = write_undo(
            self._session, self._head, header, self._options.undo, data_element=scope.data_element
        )

    @property
    def _approvable(self) -> list[int]:
        """The data sets of which approval matters."""
        return [] if "TP754" in self._access.skipped else list(self._allowed.data_sets)

    def _check_size(self, header: GroupHeader) -> None:
        late = []
        trailing = self._file.trailing if self._trailing is None else self._trailing
        if trailing:
            late.append(finding("TP510", field="data", found=trailing, expected="the group's end"))
        if self.outcome.read != header.size:
            found, expected = f"{self.outcome.read:,} rows", f"{header.size:,} rows"
            late.append(finding("TP514", field="size", found=found, expected=expected))
        if late:
            raise GroupFails([*self.outcome.findings, *late])

    def _check_period_types(self) -> None:
        unknown = self._session.look_up("unknown_period_types")
        if unknown:
            culprits = [f"{kind}: {' '.join(periods)}" for _, kind, periods in unknown]
            raise GroupFails([*self.outcome.findings, finding("TP751", field="pe", culprits=culprits)])

    def _leave_out(self, looked_up: LookedUp, scope: Scope) -> int:
        """Skip rows that cannot be stored; returns how many."""
        codes = {found.code for found in looked_up.findings if found.severity is Severity.WARNING}
        left_out = self._left_out("leave_out_approved", "TP754", code="TP754", data_sets=self._approvable)
        if self._allowed.unshared:
            left_out += self._left_out("leave_out_not_shared", "TP757", options=self._allowed.unshared)
        if self._allowed.expired:
            expired: dict[str, Any] = {
                "data_sets": list(self._allowed.data_sets),
                "periods": list(self._allowed.expired),
            }
            left_out += self._left_out("leave_out_expired", "TP758", **expired)
        for name, cause in {step: code for code, step in _LEFT_OUT_BY.items() if code in codes}.items():
            left_out += self._left_out(name, cause)
        if "TP729" in codes:
            pairs = self._outside_option_dates(scope, looked_up.periods_after_option_end)
            parameters: dict[str, Any] = {
                "periods": [at for at, _ in pairs],
                "attributes": [place for _, place in pairs],
            }
            left_out += self._left_out("leave_out_dates", "TP729", **parameters)
        return left_out

    def _outside_option_dates(self, scope: Scope, back: int) -> Sequence[tuple[int, int]]:
        """Return places of periods and attribute combos that do not go together."""
        return [
            (at, place)
            for place, start, end in self._session.look_up("attribute_dates")
            for at, period in scope.periods.items()
            if not fits_dates(period, start.toordinal() if start else 0, (end or date.max).toordinal(), back)
        ]

    def _left_out(self, name: str, cause: str, code: str = "TP750", **parameters: Any) -> int:
        """Skip rows by a step; `cause` is why, `code` is reported if a finding of the header has given the reason."""
        is_told_by_row = self._rejected is not None
        ((count, first, rows),) = self._session.rows(name, all_rows=is_told_by_row, **parameters)
        if self._rejected is not None and count:
            self._rejected.add(rows, finding(cause))
        elif count:
            self.outcome.leave_out(finding(code, row=first, count=count))
        return int(count)
