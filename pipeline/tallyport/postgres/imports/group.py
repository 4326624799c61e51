"""Group: the steps that take one ADV2 group into the database, within a transaction that the caller holds.

Its header was looked up and checked. Then the rows, whole or batch by batch: staged, skipped where they cannot be
stored, compared with what is stored, written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tallyport.postgres.catalog.header_lookup import LookedUp, Scope
from tallyport.postgres.imports.access import Allowed
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
from tallyport.postgres.imports.import_run import GroupFails, ImportRun
from tallyport.postgres.imports.removal import Removal
from tallyport.postgres.imports.report import GroupLoad
from tallyport.postgres.imports.row_feed import RowFeed
from tallyport.postgres.imports.skipped_rows import SKIPPED_BY, SkippedRows
from tallyport.postgres.imports.write import Changed, Nothing
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.row_check import Refused
from tallyport_schemas.finding import Finding, Severity, SourceUnreadable, finding
from tallyport_schemas.group_header import GroupHeader

_OF_ROWS = frozenset({*SKIPPED_BY, "TP729", "TP756", "TP757", "TP758"})
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


def header_failures(looked_up: LookedUp, *, by_member: bool) -> list[Finding]:
    """Return why a group fails of which the header has no scope."""
    members = [found for of_place in looked_up.relations.refused.values() for found in of_place.values()]
    return [*_of_header(looked_up.findings, by_member=by_member), *members]


def _of_header(findings: Sequence[Finding], *, by_member: bool) -> list[Finding]:
    """Return what is to be reported of a header: what is wrong for some rows alone is reported with these."""
    return [f for f in findings if not by_member or f.code not in _OF_ROWS or f.severity is Severity.ERROR]


class GroupImport:
    """The import of the group whose head `file` has just given, with the `scope` that its header was found to have.

    `load` takes the outcome; `told` is called when it is planned what changes. Where the group was made of a
    legacy file, `rejected` of `load` takes every row that is skipped, and identifiers that are wrong cost their own
    rows alone. A group that deletes is as strict as any: its scope is what it names.
    """

    def __init__(
        self,
        run: ImportRun,
        file: Adv2File,
        head: RawHead,
        header: GroupHeader,
        looked_up: LookedUp,
        load: GroupLoad,
        told: Callable[[Changed], None] | None = None,
    ) -> None:
        assert looked_up.scope is not None
        self.header, self.looked_up, self.load = header, looked_up, load
        self.scope: Scope = looked_up.scope
        self._run, self._session, self._writing = run, run.session, run.writing
        self._file, self._head, self._told = file, head, told
        self._rejected = load.rejected
        self._by_member = load.by_member(header)
        self._skipped = SkippedRows(run.session, load)
        self._removal = Removal(run, header, self.scope.data_element, load)
        self._allowed = Allowed(())
        self._fed: RowFeed | None = None
        self._trailing: str | None = None  # as the file had it when the rows were read ahead: it goes on

    def steps(self) -> Iterator[int]:
        """Do all of it, within a transaction; yields how many rows have been staged so far.

        Raises:
            GroupFails: with all that is wrong.
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        load, session, scope = self.load, self._session, self.scope
        load.findings += _of_header(self.looked_up.findings, by_member=self._by_member)
        session.run("clear_staging")
        self._writing.begin([scope.data_element])
        session.stage_scopes({0: scope})
        self._writing.find_periods()
        self._check_access()
        self._removal.prepare(self._head, self._approvable)
        self._read_stored()
        staged = 0
        with self.feed as feed:
            for batch in self._batches():
                before = feed.counts[0]
                for _ in self._stage(batch):
                    yield feed.counts[0]
                self._removal.spare(feed, batch, before)
                staged += self._settle(batch)
            read = feed.counts[0]
            load.findings += feed.findings
        self._check_size(read)
        load.settle(read, staged)
        session.run("join_by_choice")

    def read_rest(self) -> tuple[int, SourceUnreadable | None]:
        """See `read_rest`: of what was read already, the rest."""
        return read_rest(self._file, self._head, self._fed)

    # --- Together with others ----------------------------------------------------------------------------------------

    def may_go_together(self) -> bool:
        """Whether nothing that is known of a group asks for steps of its own, and it is small."""
        header = self.header
        names = len(header.pe) + len(header.ou) + len(header.coc or ()) + len(header.aoc or ())
        if header.size > SMALL_ROWS or names > SMALL_NAMES or len(header.pe) * len(header.ou) > SMALL_CELLS:
            return False
        if not self._head.has_rows or header.delete or header.undo is not None:
            return False
        if self._run.options.batch or (self._rejected is not None and self._run.access.is_bound):
            return False
        return {found.code for found in self.looked_up.findings}.isdisjoint((*SKIPPED_BY, "TP729"))

    def read_ahead(self) -> bool:
        """Read the rows ahead; returns whether all are here, as many as the header says, and nothing else.

        Raises:
            SourceUnreadable: the file breaks off, or is no JSON.
        """
        if not self.feed.read_ahead(SMALL_BYTES):
            return False
        self._trailing = self._file.trailing
        return self.feed.counts[0] == self.header.size and not self._trailing

    def settle_together(self, changed: Mapping[str, int], made: int, nothing: Sequence[Nothing]) -> None:
        """Note what became of a group that was read ahead and written together with others."""
        load, feed = self.load, self.feed
        load.findings += _of_header(self.looked_up.findings, by_member=self._by_member)
        staged = feed.counts[1] - self._skipped.skip_nothing(nothing)
        load.findings += feed.findings
        rows = f"{self.header.size:,} rows"
        load.batching = Batching(Mode.STORED, f"{rows}, staged together with those of other groups")
        load.periods_created = made
        load.rows |= changed
        load.settle(feed.counts[0], staged)

    # --- Staging -----------------------------------------------------------------------------------------------------

    def _read_stored(self) -> None:
        """Read what is stored in the scope, unless it is so much that only the keys of rows are looked up."""
        header, scope = self.header, self.scope
        forced = self._run.options.batch
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
        self._batching = choose(header.size, stored if header.size else 0, forced)
        self.load.batching = self._batching
        self._is_first = stored == 0

    def _batches(self) -> Iterator[Stretch]:
        header = self.header
        rows = ROWS_BATCH if self._batching.mode.batches_rows else header.size + 1
        return batches(self.feed, rows=rows, periods=len(header.pe), units=len(header.ou))

    @property
    def feed(self) -> RowFeed:
        """The rows, made when they are first asked for."""
        if self._fed is None:
            relations = self.looked_up.relations
            rules = relations.rules and replace(relations.rules, generation=self._run.generation)
            self._fed = RowFeed(self._file, self.header, rules, self._refused(), self._rejected)
        return self._fed

    def _stage(self, batch: Stretch) -> Iterator[None]:
        """Stream the rows of a batch in."""
        if not self._head.has_rows:
            deque(batch.parts, maxlen=0)
            return
        text = self.feed.text
        with self._session.copying("staged", text.columns) as write:
            for part in batch.parts:
                write(text.lines(*part))
                yield

    def _settle(self, batch: Stretch) -> int:
        """Write the staged rows of a batch; returns how many were not skipped."""
        session, load, rules = self._session, self.load, self.looked_up.relations.rules
        ((staged,),) = session.look_up("count_staged")
        staged -= self._skipped.skip(self.looked_up, self.scope, self._allowed, self._approvable)
        self._check_period_types()
        if self.header.undo is None:
            kinds = {0: rules.value_type if rules else None}
            nothing = self._writing.normalise(kinds, all_rows=self._rejected is not None)
            staged -= self._skipped.skip_nothing(nothing)
        load.periods_created += sum(self._writing.make_periods().values())
        if self.header.undo is not None:
            return self._restore(int(staged))
        self._removal.delete(batch)
        if staged:
            if self._batching.mode.looks_up:
                session.run("clear_stored")
                session.run("look_up_stored")
            keeps = self.header.delete != "hard"
            changed = self._writing.write({0: staged}, keeps=keeps, is_first=self._is_first, told=self._told)
            for change, count in changed.get(0, {}).items():
                load.rows[change] += count
        session.run("clear_batch")
        return int(staged)

    def _restore(self, staged: int) -> int:
        """Write back what a group has removed; triggers fire, as nothing is known of what has changed since."""
        session, data_element = self._session, self.scope.data_element
        since = {"data_element": data_element, "removed_at": self.header.undo}
        ((newer, first),) = session.rows("keep_newer", **since)
        if newer:
            self.load.leave_out(finding("TP744", row=first, count=newer))
        changes = {change: count for _, change, count in session.rows("plan_restored")}
        if changes and self._told:
            self._told({0: changes})
        if changes and self._writing.version == "42":
            session.run("log_changes_42", username=self._run.access.username)
        session.run("write_restored", data_element=data_element)
        for change, count in changes.items():
            self.load.rows[change] += count
        session.run("clear_batch")
        return staged - int(newer)

    # --- Checks ------------------------------------------------------------------------------------------------------

    def _refused(self) -> Refused:
        """Return the identifiers that rows may not name, with what the user may not write to."""
        refused, header = self.looked_up.relations.refused, self.header
        if not self._by_member or not self._allowed.outside:
            return refused
        units = {at: finding("TP756", field="ou", culprits=[header.ou[at]]) for at in self._allowed.outside}
        return {**refused, 1: {**units, **refused.get(1, {})}}

    def _check_access(self) -> None:
        """Fail a group that the user may not write, or no more."""
        self._allowed = self._run.access.check(self._session, self.header, self.scope, self._run.options.today)
        found_here = [f for f in self._allowed.findings if not self._by_member or f.code not in _OF_ROWS]
        self.load.findings += found_here
        if any(found.severity is Severity.ERROR for found in found_here):
            raise GroupFails(self.load.findings)

    @property
    def _approvable(self) -> list[int]:
        """The data sets of which approval matters."""
        return [] if "TP754" in self._run.access.skipped else list(self._allowed.data_sets)

    def _check_size(self, read: int) -> None:
        late = []
        trailing = self._file.trailing if self._trailing is None else self._trailing
        if trailing:
            late.append(finding("TP510", field="data", found=trailing, expected="the group's end"))
        if read != self.header.size:
            late.append(finding("TP514", field="size", found=f"{read:,} rows", expected=f"{self.header.size:,} rows"))
        if late:
            raise GroupFails([*self.load.findings, *late])

    def _check_period_types(self) -> None:
        unknown = self._session.look_up("unknown_period_types")
        if unknown:
            culprits = [f"{kind}: {' '.join(periods)}" for _, kind, periods in unknown]
            raise GroupFails([*self.load.findings, finding("TP751", field="pe", culprits=culprits)])


def read_rest(file: Adv2File, head: RawHead, fed: RowFeed | None = None) -> tuple[int, SourceUnreadable | None]:
    """Pass the rows of a group that were not read; returns how many there are in all, and why there are no more.

    That is said of a file that breaks off or is no JSON; else nothing is. `fed`: where its rows were being read.
    """
    broken: SourceUnreadable | None = None
    try:
        rest: Iterable[object] = file.skip_rows() if file.has_rows else ()
        for _ in fed.unread if fed else rest:
            pass
    except SourceUnreadable as error:
        broken = error
    if fed:
        return fed.counts[0], broken
    return file.rows_read if head.has_rows else 0, broken
