"""Relations: what a group's header names, against the metadata: does it exist, does it belong together, is it open.

Looks at the header alone, so the cost does not depend on the number of rows; sets and columns throughout, since a
header may name a hundred thousand organisation units. All failures are found, each with all its culprits. What the
snapshot cannot answer is said to be not made.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import compress

from tallyport.metadata import Snapshot
from tallyport.metadata.tables import NONE
from tallyport.validation.dates import check_input_periods, check_opening, check_option_dates
from tallyport.validation.existence import HeaderRows, header_rows
from tallyport.validation.header_findings import HeaderFindings
from tallyport.validation.membership import check_membership
from tallyport_converters.adv2.row_check import Refused
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_schemas.finding import Finding
from tallyport_schemas.group_header import GroupHeader, OptionDimension

_FILE_TYPES = frozenset({"FILE_RESOURCE", "IMAGE"})


@dataclass(frozen=True, slots=True)
class Relations:
    """What the metadata says of a header: its failures, the checks that could not be made, and the rules for rows.

    `rules` is None where the data element is not known. `rows`: what the header names. `refused`: identifiers that no
    row may name; all else was judged without them, and if of some dimension none is left, it `is_empty`.
    """

    findings: list[Finding]
    not_made: list[str]
    rules: RowRules | None
    rows: HeaderRows
    refused: Refused = field(default_factory=dict)
    is_empty: bool = False


def check_relations(
    header: GroupHeader, snapshot: Snapshot, *, today: date, skipped: Container[str] = (), by_member: bool = False
) -> Relations:
    """Check a header against the metadata. `today` decides which periods lie in the future, and what is open.

    `skipped`: of TP729 and TP731 to TP733, the codes of what is not checked; TP731 and TP732 go together. `by_member`,
    for a header that a conversion made: identifiers that are wrong are refused, and what is wrong for some combinations
    is a warning, however many these are, as the rows decide.

    Cost: a few microseconds for each identifier of the header, the first time also the snapshot's indexes; by member,
    again for each round that refuses some, of which there are at most three.
    """
    left: GroupHeader | None = header
    refused: dict[tuple[str, str], Finding] = {}
    while True:
        assert left is not None
        findings = HeaderFindings(snapshot, deletes=bool(header.delete), by_member=by_member)
        relations = _relations(left, snapshot, findings, today, skipped)
        if findings.refused:
            refused |= findings.refused
            left = _without(header, refused.keys())
        if not findings.refused or left is None:
            return replace(relations, refused=_by_place(header, refused), is_empty=left is None)


def _relations(
    header: GroupHeader, snapshot: Snapshot, findings: HeaderFindings, today: date, skipped: Container[str]
) -> Relations:
    rows = header_rows(header, snapshot, findings)
    attribute_options = check_membership(rows, snapshot, findings)
    if "TP729" not in skipped:
        check_option_dates(attribute_options, rows, snapshot, findings)
    check_opening(rows, snapshot, findings)
    check_input_periods(rows, snapshot, findings, today, skipped)
    rules = _rules(rows.element, snapshot, findings)
    return Relations(findings.found, list(findings.not_made), rules, rows)


# --- Rows ------------------------------------------------------------------------------------------------------------


def _rules(element: int | None, snapshot: Snapshot, findings: HeaderFindings) -> RowRules | None:
    """Return the rules for the rows of a data element."""
    can_tell_type = findings.can("value type")
    if element is None:
        return None
    value_type = snapshot.table("dataElements").texts("value_type")[element] or None
    if can_tell_type and value_type is None:
        findings.cannot("value type", [f"valueType of {snapshot.named('dataElements', element)}"])
    files = None
    if value_type in _FILE_TYPES and findings.can("files"):
        table = snapshot.table("fileResources")
        files = frozenset(compress(table.uids, table.is_defined))
    return RowRules(
        value_type=value_type,
        option_codes=_codes("option set", "option_set", element, snapshot, findings),
        multi=value_type == "MULTI_TEXT",
        comment_codes=_codes("comment option set", "comment_option_set", element, snapshot, findings),
        file_resources=files,
    )


def _codes(
    check: str, column: str, element: int, snapshot: Snapshot, findings: HeaderFindings
) -> frozenset[str] | None:
    """Return the codes of the data element's option set; None without one, and of one without options."""
    if not findings.can(check, "dataElements"):
        return None
    row = snapshot.table("dataElements").ints(column)[element]
    if row == NONE:
        return None
    codes = snapshot.table("optionSets").texts_of("options", row)
    if codes is None:
        findings.cannot(check, [f"options of {snapshot.named('optionSets', row)}"])
    return frozenset(codes or ()) or None


# --- Headers without some of their identifiers -----------------------------------------------------------------------


def _dimensions(header: GroupHeader) -> list[tuple[str, tuple[str, ...]]]:
    """Return a header's dimensions by place of the rows' indexes: its property, and the identifiers."""
    found = [("pe", header.pe), ("ou", header.ou)]
    for plain, names, role, options in (("coc", header.coc, "co", header.co), ("aoc", header.aoc, "ao", header.ao)):
        if options:
            found += [(role, of_place) for of_place in options.options]
        elif names:
            found.append((plain, names))
    return found


def _without(header: GroupHeader, refused: Container[tuple[str, str]]) -> GroupHeader | None:
    """Return a header without some of its identifiers; None where of a dimension nothing is left."""

    def kept(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if (kind, name) not in refused)

    def of_options(role: str, given: OptionDimension | None) -> OptionDimension | None:
        return given and replace(given, options=tuple(kept(role, names) for names in given.options))

    if any(not kept(kind, names) for kind, names in _dimensions(header)):
        return None
    return replace(
        header,
        pe=kept("pe", header.pe),
        ou=kept("ou", header.ou),
        coc=header.coc and kept("coc", header.coc),
        aoc=header.aoc and kept("aoc", header.aoc),
        co=of_options("co", header.co),
        ao=of_options("ao", header.ao),
    )


def _by_place(header: GroupHeader, refused: Mapping[tuple[str, str], Finding]) -> Refused:
    found = {
        place: {at: refused[kind, name] for at, name in enumerate(names) if (kind, name) in refused}
        for place, (kind, names) in enumerate(_dimensions(header) if refused else ())
    }
    return {place: why for place, why in found.items() if why}
