"""What a legacy file says once for all its rows: identifiers, schemes, completion, deletion.

Readers fill a `Header`; nothing here touches bytes. Rules: docs/formats/README.md, "Header".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tallyport_converters.model.combos import DEFAULT, Combo
from tallyport_schemas.finding import WHITE, Finding, SourceUnreadable, finding
from tallyport_schemas.group_header import KINDS

SCHEME_PROPERTIES: Mapping[str, str] = {
    "idScheme": "",
    "dataSetIdScheme": "ds",
    "dataElementIdScheme": "de",
    "orgUnitIdScheme": "ou",
    "categoryIdScheme": "c",
    "categoryOptionIdScheme": "co",
    "categoryOptionComboIdScheme": "coc",
    "attributeOptionComboIdScheme": "aoc",
}
"""Header properties that state a scheme, and the kind they speak of ("" is the general one)."""


NAMES_LIMIT = 1_000
"""Distinct names of dropped fields that are counted apart: a file may be made of nothing but such names."""

NAME_LIMIT = 200
"""Characters of such a name that are kept."""

OTHER = "(other)"
"""What counts the surplus."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def shown_name(name: str) -> str:
    """Return a name that a file made up as it is counted: cut where it is long, storable."""
    return _UNSTORABLE.sub("\ufffd", f"{name[:NAME_LIMIT]}..." if len(name) > NAME_LIMIT else name)


def count_dropped(counts: dict[str, int], name: str, count: int = 1) -> None:
    """Count a field by a name that a file made up: neither many of them nor long ones take memory."""
    name = shown_name(name)
    if name not in counts and len(counts) >= NAMES_LIMIT:
        name = OTHER
    counts[name] = counts.get(name, 0) + count


@dataclass(frozen=True, slots=True)
class Completion:
    """A data set reported complete; `date` as the file has it."""

    data_set: str | None
    period: str | None
    org_unit: str | None
    attribute_option_combo: Combo
    date: str


@dataclass(frozen=True, slots=True)
class DeletedElement:
    """One element of a deletion scope: absent combos are the default ones."""

    data_element: str
    category_option_combo: Combo
    attribute_option_combo: Combo


@dataclass(frozen=True, slots=True)
class Deletion:
    """Stored values to mark deleted before the rows are applied: the product of the three lists."""

    org_units: tuple[str, ...]
    periods: tuple[str, ...]
    elements: tuple[DeletedElement, ...]


@dataclass(slots=True)
class Header:
    """The header of one source, as far as it was read. `schemes` maps a kind ("" for all) to a scheme as written."""

    data_set: str | None = None
    period: str | None = None
    org_unit: str | None = None
    attribute_option_combo: Combo = DEFAULT
    schemes: dict[str, str] = field(default_factory=dict)
    completions: list[Completion] = field(default_factory=list)
    deletion: Deletion | None = None
    dropped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_of_groups: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Groups that have such an attribute, and the row before which the first of them stands."""
    taken: dict[str, str] = field(default_factory=dict)
    """Names that are not DHIS2's, with those of what they were read as; in CSV the names of columns."""
    findings: list[Finding] = field(default_factory=list)
    keeps_followup_false: bool = False
    """Whether an explicit follow-up of false is one that somebody stated, and is kept."""
    trimmed: int = 0
    """Identifiers of the header that had white space at their ends."""

    @property
    def stands_in(self) -> tuple[str | None, str | None, str | None, Combo]:
        """What counts for rows that say nothing of it: data set, period, organisation unit, attribute option combo."""
        return self.data_set, self.period, self.org_unit, self.attribute_option_combo

    def trim(self, text: str) -> str:
        """Return an identifier without the white space around it, which is counted."""
        inner = text.strip(WHITE)
        self.trimmed += inner != text
        return inner

    def complete(self, date: str) -> None:
        """Note that the file reports the data set of its header complete."""
        combo = self.attribute_option_combo
        self.completions.append(Completion(self.data_set, self.period, self.org_unit, combo, date))

    def take_named(self, name: str, canonical: str) -> None:
        """Note that something was read by another name than DHIS2's, which is `canonical`."""
        if len(self.taken) < NAMES_LIMIT:
            self.taken[shown_name(name)] = canonical

    def leave_out(self, name: str, value: object) -> None:
        """Count a property that nobody understands, if it says anything."""
        if value is not None and value != "":
            count_dropped(self.left_out, name)

    def leave_out_of_group(self, name: str, row: int) -> None:
        """Count an attribute of a group of rows that nobody understands; `row`: the next one."""
        name = shown_name(name)
        if name not in self.left_out_of_groups and len(self.left_out_of_groups) >= NAMES_LIMIT:
            name = OTHER
        groups, first = self.left_out_of_groups.get(name, (0, row))
        self.left_out_of_groups[name] = groups + 1, first

    def drop(self, name: str, value: object) -> None:
        """Count a property that ADV2 has no place for, if it says anything."""
        if value is not None and value != "":
            count_dropped(self.dropped, name)

    def strategy(self, name: str, value: object) -> None:
        """Take note of an import strategy: 2.43 does not read it from the file, and a deletion is no small thing."""
        self.drop(name, value)
        if str(value).upper() in {"DELETE", "DELETES"}:
            self.findings.append(finding("TP412", field=name, found=str(value)))


def canonical_scheme(text: str) -> str:
    """Return an identifier scheme in its canonical spelling.

    Raises:
        ValueError: it is none of UID (ID), CODE, NAME, ATTRIBUTE:<uid>.
    """
    upper = text.upper()
    if upper in {"UID", "ID"}:
        return "UID"
    if upper in {"CODE", "NAME"}:
        return upper
    match = re.fullmatch(r"(?i:ATTRIBUTE):([A-Za-z][A-Za-z0-9]{10})", text)
    if match:
        return f"ATTRIBUTE:{match[1]}"
    raise ValueError(text)


def scheme_of(ids: str | Mapping[str, str] | None, kind: str) -> str:
    """Return the scheme of a kind of identifier by ADV2's `ids`."""
    if ids is None or isinstance(ids, str):
        return ids or "UID"
    return ids.get(kind, "UID")


def settle_schemes(stated: Mapping[str, str], chosen: Mapping[str, str], default: str) -> str | dict[str, str] | None:
    """Return ADV2's `ids`: None for UID throughout, a text where all kinds share a scheme, else those that are not UID.

    `chosen` (by the user) goes before `stated` (by the file), a kind's own scheme before the general one of either.

    Raises:
        SourceUnreadable: TP119, a scheme is none.
    """
    schemes: dict[str, str] = {}
    for source in (stated, chosen):
        for kind, text in sorted(source.items()):  # the general one first, whatever their order is
            try:
                scheme = canonical_scheme(text)
            except ValueError:
                found = finding("TP119", field=kind or "idScheme", found=text)
                raise SourceUnreadable(found) from None
            if kind == "" and source is chosen:
                schemes = {}
            schemes[kind] = scheme
    general = schemes.get("", default)
    effective = {kind: schemes.get(kind, general) for kind in KINDS}
    if len(set(effective.values())) == 1:
        return None if general == "UID" else general
    return {kind: scheme for kind, scheme in effective.items() if scheme != "UID"}
