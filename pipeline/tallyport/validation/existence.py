"""Existence: whether what a header names is there, by identifiers of their schemes that one object each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallyport.metadata import CHECKS, Snapshot
from tallyport.metadata.snapshot import KINDS
from tallyport.metadata.tables import NONE
from tallyport.validation.header_findings import HeaderFindings
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period
from tallyport_schemas.group_header import GroupHeader, OptionDimension

SUGGESTED = 3
"""Missing identifiers of one finding for which a near one is looked for."""

_MISSING = {
    "ds": "TP701",
    "de": "TP702",
    "ou": "TP703",
    "cc": "TP704",
    "c": "TP705",
    "co": "TP706",
    "coc": "TP707",
    "aoc": "TP708",
}
_MEMBERS = frozenset({"ou", "co", "coc", "aoc"})
"""Kinds of identifiers that a header lists for its rows to choose from."""


@dataclass(frozen=True, slots=True)
class PlacedOptions:
    """Category options as rows, by place and by identifier; the categories of the places, where they are named."""

    dimension: OptionDimension
    categories: list[int] | None
    rows: Mapping[str, int]

    @property
    def places(self) -> list[list[int | None]]:
        """The options of each place; None for those that are not there."""
        known = {text: None if row == NONE else row for text, row in self.rows.items()}
        return [[known[text] for text in of_place] for of_place in self.dimension.options]


@dataclass(frozen=True, slots=True)
class HeaderRows:
    """What a header names, as rows of the snapshot's tables, `NONE` or None for what is not there.

    `data_sets`: those that can be meant, which without `ds` are all that the data element is in. `periods`: those that
    can be read.
    """

    header: GroupHeader
    periods: list[Period]
    element: int | None
    data_set: int | None
    data_sets: list[int]
    org_units: list[int]
    combo: int | None
    option_combos: list[int]
    attribute_combos: list[int]
    options: PlacedOptions | None
    attribute_options: PlacedOptions | None


def header_rows(header: GroupHeader, snapshot: Snapshot, findings: HeaderFindings) -> HeaderRows:
    """Look up all that a header names; what is missing or ambiguous is reported."""
    return _Lookup(header, snapshot, findings).rows()


class _Lookup:
    def __init__(self, header: GroupHeader, snapshot: Snapshot, findings: HeaderFindings) -> None:
        self._header, self._snapshot, self._findings = header, snapshot, findings
        self._element: int | None = None
        self._data_sets: list[int] = []

    def rows(self) -> HeaderRows:
        header = self._header
        self._element = self._one("de", header.de)
        data_set = self._one("ds", header.ds)
        if header.ds is not None:
            self._data_sets = [] if data_set is None else [data_set]
        elif self._element is not None:
            self._data_sets = list(self._snapshot.data_sets_of(self._element))
        return HeaderRows(
            header,
            [period for period in map(periods.parse, header.pe) if period is not None],
            self._element,
            data_set,
            self._data_sets,
            self._resolved("ou", "ou", header.ou),
            self._one("cc", header.cc),
            self._resolved("coc", "coc", header.coc or ()),
            self._resolved("aoc", "aoc", header.aoc or ()),
            self._options("co", header.co),
            self._options("ao", header.ao),
        )

    def _options(self, role: str, given: OptionDimension | None) -> PlacedOptions | None:
        if given is None:
            return None
        categories = None if given.categories is None else self._resolved("c", role, given.categories)
        distinct = tuple(dict.fromkeys(option for place in given.options for option in place))
        return PlacedOptions(given, categories, dict(zip(distinct, self._resolved("co", role, distinct), strict=True)))

    def _one(self, kind: str, identifier: str | None) -> int | None:
        row = NONE if identifier is None else self._resolved(kind, kind, (identifier,))[0]
        return None if row == NONE else row

    def _resolved(self, kind: str, where: str, identifiers: Sequence[str]) -> list[int]:
        """Return the row of each identifier, `NONE` where there is none, which is reported."""
        if not identifiers:
            return []
        scheme = self._header.ids.get(kind, "UID")
        table = self._snapshot.table(KINDS[kind])
        if not table.is_present:
            self._findings.cannot(kind, CHECKS[kind].needs)
            # Data sets and option combos name by UID what belongs to them, also where the objects are not there.
            index = table.index("UID")[0] if scheme == "UID" else {}
            return [index.get(identifier, NONE) for identifier in identifiers]
        if not self._knows(kind, scheme):
            return [NONE] * len(identifiers)
        found = self._snapshot.resolve_all(kind, scheme, identifiers)
        if found.missing:
            advice = self._advice(kind, scheme, found.missing)
            members = found.missing if kind in _MEMBERS else ()
            expected = f"by {scheme}"
            self._findings.say(_MISSING[kind], where, found.missing, expected=expected, advice=advice, members=members)
        if found.ambiguous:
            holders = self._snapshot.holders(kind, scheme, found.ambiguous[0])
            advice = f"{found.ambiguous[0]} is that of {', '.join(holders[:5])}"
            members = found.ambiguous if kind in _MEMBERS else ()
            expected = f"one object with this {scheme}"
            self._findings.say("TP709", where, found.ambiguous, expected=expected, advice=advice, members=members)
        return found.rows

    def _knows(self, kind: str, scheme: str) -> bool:
        """Whether the snapshot has identifiers of that scheme."""
        if scheme == "UID":
            return True
        attribute = scheme.partition(":")[2]
        lacked = f"{KINDS[kind]}.{'attributeValues' if attribute else scheme.lower()}"
        if self._snapshot.lacks(lacked):
            self._findings.cannot(kind, [lacked])
            return False
        attributes = self._snapshot.table("attributes")
        if attribute and attributes.is_present:
            row = attributes.index("UID")[0].get(attribute)
            if row is None or not attributes.is_defined[row]:
                said = any(f.code == "TP710" and f.found == attribute for f in self._findings.found)
                if not said:
                    self._findings.say("TP710", "ids", [attribute], expected="the UID of an attribute")
                return False
        return True

    def _advice(self, kind: str, scheme: str, missing: Sequence[str]) -> str | None:
        """Return what was probably meant by identifiers that are missing."""
        if kind in ("coc", "aoc") and len(missing) == 1 and self._wants_default(kind):
            return (
                f"{missing[0]} may be the default option combo of the server that the values come from: "
                "skip it, or export them there with --options co"
            )
        table = self._snapshot.table(KINDS[kind])
        for other in ("UID", "CODE", "NAME"):
            if other != scheme and missing[0] in table.index(other)[0]:
                return f"{missing[0]} is a {other}: say so with --id-scheme {kind}={other}"
        pairs = [(text, self._snapshot.nearby(kind, scheme, text)) for text in missing[:SUGGESTED]]
        meant = [f"{near} in place of {text}" for text, near in pairs if near is not None]
        return f"did you mean {', '.join(meant)}?" if meant else None

    def _wants_default(self, kind: str) -> bool:
        """Whether the header's values have the default category combo, of data element or data sets."""
        if kind == "coc":
            combos = [] if self._element is None else [self._snapshot.combo_of_element(self._element)]
        else:
            combos = [self._snapshot.combo_of_data_set(data_set) for data_set in self._data_sets]
        return bool(combos) and all(combo in self._snapshot.default_combos for combo in combos)
