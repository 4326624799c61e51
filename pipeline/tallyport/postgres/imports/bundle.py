"""Bundle: small groups that are written together, by the same statements, in one transaction.

A group by itself costs some thirty statements, whatever it holds; a bundle of hundreds costs as many. What each comes
to is as if they had been written one after the other: no two of a bundle can name the same value, and whichever asks
for more than the plain steps is left to be imported by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tallyport.postgres.catalog.header_lookup import Scope
from tallyport.postgres.imports.group import GroupImport
from tallyport.postgres.imports.import_run import ImportRun
from tallyport.postgres.imports.row_feed import RowFeed
from tallyport.postgres.imports.session import Session
from tallyport.postgres.imports.write import Changed, Nothing

GROUPS = 500
"""Groups of a bundle at most; with the other limits it takes some 20 MB, and a second."""

ROWS = 20_000
NAMES = 50_000
CELLS = 50_000
BYTES = 8 << 20

_Cell = tuple[int, str, int]
"""A data element, a period and an organisation unit."""


class Bundle:
    """Groups in the making of a bundle: `takes` says whether one more fits, `add` takes it, `write` writes them."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._taken: dict[_Cell, list[tuple[frozenset[int], frozenset[int]]]] = {}
        self._rows = self._names = self._bytes = self._size = 0
        self._settled: list[tuple[GroupImport, Mapping[str, int], int, Sequence[Nothing]]] = []
        self.members: list[GroupImport] = []

    def takes(self, scope: Scope) -> bool:
        """Whether there is room, and no group that may name the same value."""
        if (
            len(self.members) >= GROUPS
            or self._rows >= ROWS
            or self._names >= NAMES
            or self._bytes >= BYTES
            or self._size >= CELLS
        ):
            return False
        combos, attributes = _combos(scope)
        return not any(
            not combos.isdisjoint(other_combos) and not attributes.isdisjoint(other_attributes)
            for cell in _cells(scope)
            for other_combos, other_attributes in self._taken.get(cell, ())
        )

    def add(self, member: GroupImport) -> None:
        """Take a group."""
        scope = member.scope
        self.members.append(member)
        self._rows += member.feed.counts[0]
        self._names += sum(map(len, (scope.periods, scope.org_units, scope.combos, scope.attribute_combos)))
        self._size += len(scope.periods) * len(scope.org_units)
        self._bytes += sum(batch.size_bytes for batch in member.feed.ahead)
        combos = _combos(scope)
        for cell in _cells(scope):
            self._taken.setdefault(cell, []).append(combos)

    def write(self, told: Callable[[Changed], None] | None) -> set[int]:
        """Write them, within a transaction that the caller holds; returns the numbers of those that were skipped.

        Each of these is to be imported by itself. `told` is called when it is planned what changes, group by group.
        """
        session, writing = self._run.session, self._run.writing
        members = dict(enumerate(self.members))
        session.run("clear_staging")
        writing.begin(sorted({member.scope.data_element for member in self.members}))
        session.stage_scopes({number: member.scope for number, member in members.items()})
        writing.find_periods()
        scopes = {number: (member.header, member.scope) for number, member in members.items()}
        apart = self._run.access.restricted(session, scopes, self._run.options.today)
        _stage_rows(session, {number: member.feed for number, member in members.items() if number not in apart})
        if of_unknown_type := {row[0] for row in session.look_up("unknown_period_types")}:
            session.run("clear_staged_groups", groups=sorted(of_unknown_type))
            apart |= of_unknown_type
        together = {number: member for number, member in members.items() if number not in apart}
        rules = {number: member.looked_up.relations.rules for number, member in together.items()}
        staged = {number: member.feed.counts[1] for number, member in together.items()}
        kinds = {number: rule.value_type if rule else None for number, rule in rules.items()}
        names_rows = any(member.load.rejected is not None for member in together.values())
        nothing = writing.normalise(kinds, all_rows=names_rows)
        for of_group in nothing:
            staged[of_group.group] -= of_group.left_out
        made = writing.make_periods()
        changed: Changed = {}
        if any(staged.values()):
            is_first = session.run("look_up_stored") == 0
            changed = writing.write(staged, keeps=True, is_first=is_first, told=told)
        session.run("join_by_choice")
        self._settled = [
            (member, changed.get(number, {}), made.get(number, 0), [each for each in nothing if each.group == number])
            for number, member in together.items()
        ]
        return apart

    def settle(self) -> None:
        """Note what became of each group, when it is in the database."""
        for member, changed, made, nothing in self._settled:
            member.settle_together(changed, made, nothing)


def _cells(scope: Scope) -> Iterator[_Cell]:
    """Yield the cells of a scope."""
    units = scope.org_units.values()
    return ((scope.data_element, period.iso, unit) for period in scope.periods.values() for unit in units)


def _combos(scope: Scope) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(scope.combos.values()), frozenset(scope.attribute_combos.values())


def _stage_rows(session: Session, feeds: dict[int, RowFeed]) -> None:
    """Stage the rows of groups: those that have the same columns at once."""
    by_columns: dict[Sequence[str], list[tuple[int, RowFeed]]] = {}
    for number, feed in feeds.items():
        by_columns.setdefault(feed.text.columns, []).append((number, feed))
    for columns, alike in by_columns.items():
        with session.copying("staged", ("group_number", *columns)) as write:
            for number, feed in alike:
                write(b"".join(feed.text.lines(batch, group=number) for batch in feed.ahead))
