"""Rejections: what a server's summary of an import says of the rows it was sent, as counts and findings.

Servers report it differently: 2.42 judges row by row, answers 409 with the culprit by its kind; 2.43 judges the whole
request first, names the culprits within a text, and counts none of the rows of a request that it rejects.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from tallyport.dhis2.api.models import Conflict, ImportSummary
from tallyport.dhis2.request.data_values import MEMBERS, Row
from tallyport.validation.report import RowFinding
from tallyport_schemas.finding import Finding, Severity, finding, shown

CLASSES = ("imported", "updated", "deleted", "ignored", "rejected")
"""What happens to a row that is sent. 2.43 does not distinguish imported and deleted from updated ones."""

_DIMENSIONS = {
    **dict.fromkeys(("E8020", "E8102", "E8103", "E8104"), ("de",)),
    **dict.fromkeys(("E8011", "E8022", "E8105", "E8106", "E8107"), ("ou",)),
    **dict.fromkeys(("E8021", "E8100"), ("pe",)),
    **dict.fromkeys(("E8012", "E8108", "E8109", "E8110", "E8111"), ("coc", "aoc")),
    "E8023": ("aoc",),
}
"""What a request is rejected for: each row that has the identifier named, whatever else it has."""

_COMBO_OF_ELEMENT = "de, coc"
KINDS = (*MEMBERS, _COMBO_OF_ELEMENT)
"""What a request may be rejected for: an identifier of each kind, or an option combo with a data element."""

_LISTED = re.compile(r"`\[([^\]]*)\]`")

_KEY = ("dataElement", "period", "orgUnit")
"""What shows a person which value it is."""

_IGNORED_42 = (
    "mostly they are stored already as they are; zeros that are not significant are not stored by 2.41 and 2.42"
)
_PLACE = re.compile(r"^Value #\d+ ")
_OF_ROWS = re.compile(r"E812[0-5]|E76[1-4]\d")
_OF_REQUESTS = frozenset({"E7600", "E7601", "E7603", "E7604", "E8001", "E8004", "E8005", "E8006", "E8007", "E8010"})


def is_success(summary: ImportSummary) -> bool:
    """Whether an import went well."""
    return summary.status in ("SUCCESS", "OK")


def is_whole(summary: ImportSummary, rows: Sequence[Row]) -> bool:
    """Whether none of the rows was taken for what is wrong with the request, or with some of them."""
    count = summary.import_count
    if summary.status != "ERROR" or not summary.conflicts or count.imported or count.updated:
        return False
    return any(
        (not conflict.indexes and bool(conflict.error_code or conflict.kind))  # else it is a failure within the server
        or -1 in conflict.indexes
        or (len(set(conflict.indexes)) >= len(rows) and not _is_of_rows(conflict))
        for conflict in summary.conflicts
    )


def may_be_parted(summary: ImportSummary) -> bool:
    """Whether a part of a request that was rejected as a whole may be taken."""
    return not any(conflict.error_code in _OF_REQUESTS for conflict in summary.conflicts)


def culprits(summary: ImportSummary, rows: Sequence[Row]) -> list[tuple[Row, str, Conflict]]:
    """Return the rows that a request was rejected for, and by which kind of identifier, so far as the server names it.

    Any row with that identifier is rejected, whatever else it has.
    """
    found: dict[int, tuple[Row, str, Conflict]] = {}
    for conflict in summary.conflicts:
        kinds = _DIMENSIONS.get(conflict.error_code or "", ())
        if conflict.error_code == "E8024":
            found = {at: (rows[at], _COMBO_OF_ELEMENT, conflict) for at in _combos_of_element(conflict, rows)} | found
        if conflict.error_code is None and conflict.kind == MEMBERS["pe"]:
            kinds = ("pe",)
        for kind in kinds:
            member = MEMBERS[kind]
            names = {str(name) for row in rows if (name := row.members.get(member)) is not None}
            named: set[str | None] = {*(_named_in(conflict.culprit, names) or _named_in(conflict.value, names))}
            if kind == "aoc" and _lists_others(conflict, named):
                named.add(None)
            for at, row in enumerate(rows):
                if row.members.get(member) in named:
                    found.setdefault(at, (row, kind, conflict))
    return [found[at] for at in sorted(found)]


def identity(row: Row, kind: str) -> Any:
    """Return what a row may be rejected for, of one of the `KINDS`."""
    if kind == _COMBO_OF_ELEMENT:
        return row.members[MEMBERS["de"]], row.members.get(MEMBERS["coc"])
    return row.members.get(MEMBERS[kind])


def _combos_of_element(conflict: Conflict, rows: Sequence[Row]) -> list[int]:
    """Return the rows with the data element and one of the option combos that a conflict names together."""
    elements = _named_in(conflict.culprit, {row.members[MEMBERS["de"]] for row in rows})
    of_element = [at for at, row in enumerate(rows) if row.members[MEMBERS["de"]] in elements]
    combos = {rows[at].members.get(MEMBERS["coc"]) for at in of_element}
    named: set[str | None] = {*_named_in(conflict.culprit, filter(None, combos))}
    if _lists_others(conflict, named):
        named.add(None)
    return [at for at in of_element if rows[at].members.get(MEMBERS["coc"]) in named]


def _lists_others(conflict: Conflict, named: Iterable[str | None]) -> bool:
    """Whether a conflict lists an identifier that no row has: that of the default, where rows name none."""
    listed = _LISTED.search(conflict.value or "")
    return listed is not None and not set(listed[1].split(", ")) <= {*named}


def _named_in(text: str | None, names: Iterable[str]) -> set[str]:
    """Return the identifiers that a text names; one that is part of another is skipped, as it may not be meant."""
    named = {name for name in names if text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)}
    return {name for name in named if not any(name != other and name in other for other in named)}


def rejected_rows(summary: ImportSummary, rows: Sequence[Row]) -> dict[int, Conflict | None]:
    """Return the rows that the server names as rejected, by their place, each with why; None if it does not say."""
    rejected: dict[int, Conflict | None] = {}
    for conflict in summary.conflicts:
        rejected.update((index, conflict) for index in _places(conflict, rows) if rejected.get(index) is None)
    for index in summary.rejected_indexes:
        if 0 <= index < len(rows):
            rejected.setdefault(index, None)
    return rejected


def _places(conflict: Conflict, rows: Sequence[Row]) -> list[int]:
    """Return the rows that a conflict is about: by its indexes, else by what it names."""
    return [index for index in conflict.indexes if 0 <= index < len(rows)] or _named(conflict, rows)


def outcome(
    summary: ImportSummary, rows: Sequence[Row], version: tuple[int, int]
) -> tuple[Counter[str], list[RowFinding]]:
    """Return what became of rows that were not rejected as a whole: how many of each class, and what was found.

    The summary accounts for all of them: see `check_acknowledged`.
    """
    rejected = rejected_rows(summary, rows)
    loose = [conflict for conflict in summary.conflicts if not _places(conflict, rows)]
    count = summary.import_count
    deleted = 0 if version >= (2, 43) else count.deleted  # there, it is values deleted by scope
    counts = Counter({"imported": count.imported, "updated": count.updated, "deleted": deleted})
    counts["cleared"] = count.deleted - deleted
    counts["rejected"] = len(rejected)
    counts["ignored"] = max(0, len(rows) - sum(counts[name] for name in ("imported", "updated", "deleted", "rejected")))
    found = list(rejection_findings((rows[index], conflict) for index, conflict in sorted(rejected.items())))
    where = rows[0].group if rows else None
    label, number = (where.label, where.number) if where else ("", 0)
    source = label if all(row.group.label == label for row in rows) else None
    for conflict in loose:
        loose_one = finding("TP870", message=_message(conflict), source=source, found=conflict.culprit)
        found.append(RowFinding(label, number, loose_one))
    if counts["ignored"]:
        ignored = finding("TP872", source=source, count=counts["ignored"])
        if version < (2, 43) and is_success(summary):  # 2.43 writes what is stored already again
            ignored = replace(ignored, severity=Severity.INFO, help=_IGNORED_42)
        found.append(RowFinding(label, number, ignored))
    return counts, found


def whole_findings(rows: Sequence[Row], summary: ImportSummary) -> Iterator[RowFinding]:
    """Yield that the server took none of the rows: one finding for neighbours."""
    conflict = summary.conflicts[0]
    for run in _runs((row, conflict) for row in sorted(rows, key=_place)):
        first = run[0][0]
        message = f"the server rejected a whole chunk: {_said(conflict)}"
        yield _placed(first, finding("TP871", message=message, found=conflict.culprit), len(run))


def scope_finding(summary: ImportSummary) -> Finding:
    """Return why the server did not clear a scope."""
    conflict = summary.conflicts[0] if summary.conflicts else Conflict(value=summary.description)
    return finding("TP888", found=_said(conflict))


def rejection_findings(rejected: Iterable[tuple[Row, Conflict | None]]) -> Iterator[RowFinding]:
    """Yield why rows were rejected: one finding for neighbours that share the reason."""
    for run in _runs(sorted(rejected, key=lambda of: _place(of[0]))):
        (row, conflict), count = run[0], len(run)
        if conflict is None:
            yield _placed(row, finding("TP870"), count)
            continue
        field = _field(conflict)
        at = row.members.get(MEMBERS.get(field or "", field or ""))
        culprit = at if isinstance(at, str) else conflict.culprit
        yield _placed(row, finding("TP870", message=_message(conflict), field=field, found=culprit), count)


def comboless_findings(rows: Iterable[Row]) -> Iterator[RowFinding]:
    """Yield that rows cannot be sent as there is no option combo for them: one finding for neighbours."""
    for run in _runs((row, None) for row in rows):
        row = run[0][0]
        yield _placed(row, finding("TP875", field="ao" if row.lacks_combo == MEMBERS["aoc"] else "co"), len(run))


def _place(row: Row) -> tuple[int, int, int]:
    return row.group.place, row.group.number, row.number


def _placed(row: Row, found: Finding, count: int) -> RowFinding:
    group = row.group
    keys = {name: shown(str(row.members[name])) for name in _KEY if name in row.members}
    placed = replace(found, source=group.label, row=row.number, count=count if count > 1 else None, keys=keys)
    return RowFinding(group.label, group.number, placed)


def _runs(rejected: Iterable[tuple[Row, Conflict | None]]) -> Iterator[list[tuple[Row, Conflict | None]]]:
    """Yield neighbouring rows that share a reason; 2.43 has a conflict for each row, and they say the same."""
    said: dict[int, str] = {}

    def shared(numbered: tuple[int, tuple[Row, Conflict | None]]) -> tuple[object, ...]:
        at, (row, conflict) = numbered
        if conflict is not None and id(conflict) not in said:
            said[id(conflict)] = _said(conflict)
        return row.group, row.number - at, said.get(id(conflict)), _identifier(row, conflict)

    for _, run in groupby(enumerate(rejected), shared):
        yield [of for _, of in run]


def _identifier(row: Row, conflict: Conflict | None) -> str | None:
    """Return the identifier that a row is rejected for, if it is one: a reason may name several."""
    field = _field(conflict) if conflict else None
    return row.members.get(MEMBERS[field]) if field and field in MEMBERS else None


def _named(conflict: Conflict, rows: Sequence[Row]) -> list[int]:
    """Return the rows that have what a conflict without places is about."""
    culprit = {str(text) for text in (conflict.object, *conflict.objects.values()) if text}
    return [at for at, row in enumerate(rows) if culprit & {row.members.get(name) for name in MEMBERS.values()}]


def _is_of_rows(conflict: Conflict) -> bool:
    return bool(_OF_ROWS.fullmatch(conflict.error_code or ""))


def _field(conflict: Conflict) -> str | None:
    """Return the name that ADV2 has for what a conflict is about."""
    names = {member: kind for kind, member in MEMBERS.items()}
    kind = conflict.kind or next(iter(conflict.objects), None)
    if kind and kind != "args":
        return names.get(kind, kind)
    code = conflict.error_code or ""
    if code in ("E8125", "E8124"):
        return "comment"
    if code == "E8024":
        return "coc"
    return "value" if _is_of_rows(conflict) else next(iter(_DIMENSIONS.get(code, ())), None)


def _message(conflict: Conflict) -> str:
    return f"the server rejected values: {_said(conflict)}"


def _said(conflict: Conflict) -> str:
    """Return what the server says; the place in the request that 2.43 begins with means nothing to anybody else."""
    text = _PLACE.sub("", conflict.value) if conflict.value else None
    return shown(" ".join(filter(None, (conflict.error_code, text))) or "no reason")
