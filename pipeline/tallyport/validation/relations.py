"""Relations: what a group's header names, against the metadata: does it exist, does it belong together, is it open.

Looks at the header alone, so the cost does not depend on the number of rows; sets and columns throughout, since a
header may name a hundred thousand organisation units. All failures are found, each with all its culprits. What the
snapshot cannot answer is said to be not made.

A header spans all combinations of what it lists, and its rows need not use them all. So what is wrong for every
combination of an identifier is an error, and what is wrong for some is a warning: the rows decide. Where the header
deletes, everything that it spans is touched, and some is as bad as all.

Without `ds`, the data set is any of those that the data element is in: only what is wrong for each of them is found.

What was converted from a legacy file never said its header: there an identifier that is wrong stands for its own rows
alone. `check_by_member` sets such identifiers aside, one by one, and judges what is left.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain, compress, product
from math import prod

from tallyport.metadata import CHECKS, Snapshot
from tallyport.metadata.snapshot import KINDS
from tallyport.metadata.tables import NONE, UNKNOWN
from tallyport_converters.adv2.row_check import Refused
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.model import periods
from tallyport_converters.model.periods import Period, PeriodType
from tallyport_schemas.finding import Finding, Severity, finding
from tallyport_schemas.group_header import GroupHeader, OptionDimension

SUGGESTED = 3
"""Missing identifiers of one finding for which a near one is looked for."""

COMBINATIONS = 100_000
"""Combinations of category options that are tried one by one, should some of them have no option combo."""

_FUTURE_PERIODS = 10_000
_FILE_TYPES = frozenset({"FILE_RESOURCE", "IMAGE"})

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

_OF_COMBINATIONS = frozenset({"TP728", "TP729", "TP730"})
"""What does not go together with something else that rows name: periods with units or options, units with options."""


@dataclass(frozen=True, slots=True)
class Relations:
    """What the metadata says of a header: its failures, the checks that could not be made, and the rules for rows.

    `rules` is None where the data element is not known.
    """

    findings: list[Finding]
    not_made: list[str]
    rules: RowRules | None


@dataclass(frozen=True, slots=True)
class RelationsByMember:
    """What the metadata says of a header without the identifiers that are `refused`.

    `left` is that header: what `relations` are about; None where of some dimension nothing is left.
    """

    relations: Relations
    refused: Refused
    left: GroupHeader | None


def check_relations(header: GroupHeader, snapshot: Snapshot, *, today: date, skipped: Container[str] = ()) -> Relations:
    """Check a header against the metadata. `today` decides which periods lie in the future, and what is open.

    `skipped`: of TP729 and TP731 to TP733, the codes of what is not checked; TP731 and TP732 go together.

    Cost: a few microseconds for each identifier of the header, the first time also the snapshot's indexes.
    """
    return _Checking(header, snapshot, today, skipped).relations()


def check_by_member(
    header: GroupHeader, snapshot: Snapshot, *, today: date, skipped: Container[str] = ()
) -> RelationsByMember:
    """Check a header that a conversion made: identifiers that are wrong are refused, and all else is judged without.

    What is wrong for some combinations of identifiers is a warning, however many these are: the rows decide.
    Cost: as `check_relations`, once more for each round that refuses some; there are at most three.
    """
    left: GroupHeader | None = header
    refused: dict[tuple[str, str], Finding] = {}
    while True:
        assert left is not None
        checking = _Checking(left, snapshot, today, skipped, by_member=True)
        relations = checking.relations()
        if not checking.refused:
            break
        refused |= checking.refused
        left = _without(header, refused.keys())
        if left is None:
            break
    return RelationsByMember(relations, _by_place(header, refused), left)


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


@dataclass(frozen=True, slots=True)
class _Combos:
    """The words for option combos of either kind: of the data element, or of the data set."""

    role: str
    plain: str
    check: str
    alien: str
    other_categories: str
    other_options: str
    no_combo: str
    absent: str


_DATA = _Combos("co", "coc", "combo", "TP718", "TP719", "TP720", "TP721", "TP722")
_ATTRIBUTE = _Combos("ao", "aoc", "attribute combo", "TP723", "TP724", "TP725", "TP726", "TP727")


@dataclass(slots=True)
class _Options:
    """A header's options by place, resolved against one category combo. `named` has each row's identifier.

    `aliens`: options of none of its categories; then `options` says which these have.
    """

    places: list[list[int]]
    named: dict[int, str]
    findings: list[Finding] = field(default_factory=list)
    aliens: list[str] = field(default_factory=list)
    options: str = ""
    is_whole: bool = True


class _Checking:
    """One check of one header."""

    def __init__(
        self,
        header: GroupHeader,
        snapshot: Snapshot,
        today: date,
        skipped: Container[str],
        *,
        by_member: bool = False,
    ) -> None:
        self._by_member = by_member
        self.refused: dict[tuple[str, str], Finding] = {}
        self._header = header
        self._snapshot = snapshot
        self._today = today
        self._skipped = skipped
        self._findings: list[Finding] = []
        self._not_made: dict[str, None] = {}
        self._elements = snapshot.table("dataElements")
        self._sets = snapshot.table("dataSets")
        self._units = snapshot.table("organisationUnits")
        self._option_combos = snapshot.table("categoryOptionCombos")
        self._periods = [period for period in map(periods.parse, header.pe) if period is not None]

    def relations(self) -> Relations:
        header = self._header
        self._element = self._one("de", header.de)
        self._data_set = self._one("ds", header.ds)
        self._unit_rows = self._resolved("ou", "ou", header.ou)
        self._combo = self._one("cc", header.cc)
        self._check_element()
        self._among = self._candidates()
        self._check_assignment()
        self._check_period_types()
        self._check_data_combos()
        self._check_attribute_combos()
        self._check_opening()
        self._check_input_periods()
        rules = self._rules()
        return Relations(self._findings, list(self._not_made), rules)

    # --- Saying ------------------------------------------------------------------------------------------------------

    def _say(
        self,
        code: str,
        where: str,
        culprits: Iterable[str],
        *,
        expected: str | None = None,
        is_certain: bool = True,
        advice: str | None = None,
        members: Sequence[str] = (),
    ) -> None:
        """Report a failure; `members`: the identifiers that the culprits stand for, one each, where they are some."""
        if self._by_member and members:
            for member, culprit in zip(members, culprits, strict=True):
                self._refuse(where, member, finding(code, field=where, culprits=[culprit], expected=expected), advice)
            return
        found = finding(code, field=where, culprits=culprits, expected=expected)
        if advice:
            found = replace(found, help=f"{found.help}; {advice}")
        is_of_rows = self._by_member and code in _OF_COMBINATIONS
        if (is_of_rows or not is_certain) and not self._header.delete:
            found = replace(
                found, severity=Severity.WARNING, message=f"{found.message}, for some of what the header spans"
            )
        self._findings.append(found)

    def _refuse(self, where: str, member: str, found: Finding, advice: str | None = None) -> None:
        if advice and member in advice:
            found = replace(found, help=f"{found.help}; {advice}")
        self.refused.setdefault((where, member), found)

    def _cannot(self, check: str, missing: Iterable[str]) -> None:
        self._not_made[f"{CHECKS[check].name}: the metadata has no {' and no '.join(missing)}"] = None

    def _can(self, check: str) -> bool:
        """Whether the snapshot holds what a check needs; if not, the check is noted as not made."""
        missing = self._snapshot.lacking(check)
        if missing:
            self._cannot(check, missing)
        return not missing

    def _named(self, table: str, rows: Iterable[int]) -> str:
        return " or ".join(self._snapshot.named(table, row) for row in rows)

    # --- Existence ---------------------------------------------------------------------------------------------------

    def _one(self, kind: str, identifier: str | None) -> int | None:
        if identifier is None:
            return None
        row = self._resolved(kind, kind, (identifier,))[0]
        return None if row == NONE else row

    def _resolved(self, kind: str, where: str, identifiers: Sequence[str]) -> list[int]:
        """Return the row of each identifier, `NONE` where there is none, which is said."""
        scheme = self._header.ids.get(kind, "UID")
        table = self._snapshot.table(KINDS[kind])
        if not table.is_present:
            self._cannot(kind, CHECKS[kind].needs)
            # Data sets and option combos name by UID what belongs to them, also where the objects are not there.
            index = table.index("UID")[0] if scheme == "UID" else {}
            return [index.get(identifier, NONE) for identifier in identifiers]
        if not self._knows(kind, scheme):
            return [NONE] * len(identifiers)
        found = self._snapshot.resolve_all(kind, scheme, identifiers)
        if found.missing:
            advice = self._advice(kind, scheme, found.missing)
            members = found.missing if kind in _MEMBERS else ()
            self._say(_MISSING[kind], where, found.missing, expected=f"by {scheme}", advice=advice, members=members)
        if found.ambiguous:
            holders = self._snapshot.holders(kind, scheme, found.ambiguous[0])
            advice = f"{found.ambiguous[0]} is that of {', '.join(holders[:5])}"
            members = found.ambiguous if kind in _MEMBERS else ()
            expected = f"one object with this {scheme}"
            self._say("TP709", where, found.ambiguous, expected=expected, advice=advice, members=members)
        return found.rows

    def _knows(self, kind: str, scheme: str) -> bool:
        """Whether the snapshot has identifiers of that scheme."""
        if scheme == "UID":
            return True
        attribute = scheme.partition(":")[2]
        collection = KINDS[kind]
        lacked = f"{collection}.{'attributeValues' if attribute else scheme.lower()}"
        if self._snapshot.lacks(lacked):
            self._cannot(kind, [lacked])
            return False
        attributes = self._snapshot.table("attributes")
        if attribute and attributes.is_present:
            row = attributes.index("UID")[0].get(attribute)
            if row is None or not attributes.is_defined[row]:
                said = any(f.code == "TP710" and f.found == attribute for f in self._findings)
                if not said:
                    self._say("TP710", "ids", [attribute], expected="the UID of an attribute")
                return False
        return True

    def _advice(self, kind: str, scheme: str, missing: Sequence[str]) -> str | None:
        """Return what was probably meant by identifiers that are missing."""
        if kind in ("coc", "aoc") and len(missing) == 1 and self._wants_default(kind):
            return (
                f"{missing[0]} may be the default option combo of the server that the values come from: "
                "leave it out, or export them there with --options co"
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
            combos = [] if self._element is None else [self._elements.ints("combo")[self._element]]
        else:
            combos = [self._sets.ints("combo")[data_set] for data_set in self._among]
        return bool(combos) and all(combo in self._snapshot.default_combos for combo in combos)

    # --- Data element, data set --------------------------------------------------------------------------------------

    def _check_element(self) -> None:
        can_tell_domain, can_tell_sets = self._can("aggregate"), self._can("element")
        if self._element is None:
            if not self._elements.is_present:
                self._cannot("element", ["dataElements"])
            return
        if can_tell_domain:
            domain = self._elements.texts("domain_type")[self._element]
            if domain and domain != "AGGREGATE":
                self._say("TP711", "de", [self._header.de], expected="a data element of domain AGGREGATE")
        if self._data_set is None:
            if self._header.ds is None and can_tell_sets and not self._holders():
                self._say("TP712", "de", [self._header.de])
        elif can_tell_sets:
            elements = self._snapshot.elements_of(self._data_set)
            if elements is None:
                self._cannot("element", [f"dataSetElements of {self._named('dataSets', [self._data_set])}"])
            elif self._element not in elements:
                holders = self._holders()
                advice = f"it is in {self._named('dataSets', list(holders)[:5])}" if holders else None
                expected = f"a data element of {self._named('dataSets', [self._data_set])}"
                self._say("TP713", "de", [self._header.de], expected=expected, advice=advice)

    def _holders(self) -> Mapping[int, int]:
        """Return the data sets that the data element is in, with the category combo that it has there."""
        return {} if self._element is None else self._snapshot.data_sets_by_element.get(self._element, {})

    def _candidates(self) -> list[int]:
        """Return the data sets that can be meant: the header's, or all that the data element is in."""
        if self._header.ds is not None:
            return [] if self._data_set is None else [self._data_set]
        return list(self._holders())

    def _check_assignment(self) -> None:
        if not self._can("assigned") or not self._among:
            return
        marks = [self._snapshot.marked("dataSets", "org_units", row) for row in self._among]
        known = [marked for marked in marks if marked is not None]
        if len(known) < len(marks):
            unknown = [row for row, marked in zip(self._among, marks, strict=True) if marked is None]
            self._cannot("assigned", [f"organisationUnits of {self._named('dataSets', unknown[:5])}"])
            return
        assigned = known[0] if len(known) == 1 else bytes(map(max, *known))
        self._say_units("TP714", assigned, f"organisation units of {self._named('dataSets', self._among[:5])}")

    def _say_units(self, code: str, allowed: Sequence[int], expected: str) -> None:
        rows = self._unit_rows
        is_fit = [row == NONE or allowed[row] for row in rows]
        if not all(is_fit):
            culprits = [unit for unit, fits in zip(self._header.ou, is_fit, strict=True) if not fits]
            self._say(code, "ou", culprits, expected=expected, members=culprits)

    def _check_period_types(self) -> None:
        if not self._can("period type") or not self._among:
            return
        types = {self._sets.texts("period_type")[row] for row in self._among}
        if "" in types:
            unknown = [row for row in self._among if not self._sets.texts("period_type")[row]]
            self._cannot("period type", [f"periodType of {self._named('dataSets', unknown[:5])}"])
            return
        culprits = [period.iso for period in self._periods if period.kind not in types]
        if culprits:
            self._say("TP715", "pe", culprits, expected=f"{' or '.join(sorted(types))} periods", members=culprits)

    # --- Option combos of the data element ---------------------------------------------------------------------------

    def _check_data_combos(self) -> None:
        header = self._header
        option_combos = self._resolved("coc", "coc", header.coc) if header.coc else []
        combos = self._fitting_combos()
        if combos is None:
            return
        if header.cc is not None:
            if self._combo is None:
                return
            if self._combo not in combos:
                self._say("TP716", "cc", [header.cc], expected=self._named("categoryCombos", sorted(combos)))
            else:
                combos = {self._combo}
        if header.co is not None and len(combos) > 1:
            if header.ds is not None:
                return  # the data set does not exist: which combo applies is anyone's guess
            self._say("TP717", "co", [self._snapshot.named("categoryCombos", combo) for combo in sorted(combos)])
            return
        self._check_combos(_DATA, header.coc, option_combos, header.co, sorted(combos))

    def _fitting_combos(self) -> set[int] | None:
        """Return the category combos that the data element can have here; None if it cannot be told."""
        missing = [name for name in self._snapshot.lacking("combo") if name != "categoryOptionCombos.categoryCombo"]
        if missing:
            self._cannot("combo", missing)
            return None
        if self._element is None:
            return None
        own = self._elements.ints("combo")[self._element]
        holders = self._holders()
        if self._data_set is None:
            found = {own, *holders.values()} - {NONE} if own != NONE else set()
        else:
            override = holders.get(self._data_set, NONE)
            found = {own if override == NONE else override} - {NONE}
        if not found:
            self._cannot("combo", [f"categoryCombo of {self._named('dataElements', [self._element])}"])
            return None
        return found

    # --- Option combos of the data set -------------------------------------------------------------------------------

    def _check_attribute_combos(self) -> None:
        header = self._header
        option_combos = self._resolved("aoc", "aoc", header.aoc) if header.aoc else []
        missing = [name for name in self._snapshot.lacking("attribute combo") if name.startswith("dataSets")]
        if missing:
            self._cannot("attribute combo", missing)
            return
        combos = {self._sets.ints("combo")[row] for row in self._among}
        if not combos:
            return
        if NONE in combos:
            unknown = [row for row in self._among if self._sets.ints("combo")[row] == NONE]
            self._cannot("attribute combo", [f"categoryCombo of {self._named('dataSets', unknown[:5])}"])
            return
        self._check_combos(_ATTRIBUTE, header.aoc, option_combos, header.ao, sorted(combos))

    # --- Option combos of either kind --------------------------------------------------------------------------------

    def _check_combos(
        self,
        words: _Combos,
        identifiers: tuple[str, ...] | None,
        rows: list[int],
        dimension: OptionDimension | None,
        combos: Sequence[int],
    ) -> None:
        expected = f"of the category combo {self._named('categoryCombos', combos)}"
        if dimension is not None:
            self._check_options(words, dimension, combos)
        elif identifiers is None:
            self._check_default(words, combos)
        elif self._snapshot.lacks("categoryOptionCombos.categoryCombo") and not self._lists_option_combos(combos):
            self._cannot(words.check, ["categoryOptionCombos.categoryCombo"])
        else:
            of_rows = self._option_combos.ints("combo")
            known = [(text, of_rows[row]) for text, row in zip(identifiers, rows, strict=True) if row != NONE]
            aliens = [text for text, combo in known if combo != NONE and combo not in combos]
            unknown = [text for text, combo in known if combo == NONE]
            if aliens:
                self._say(words.alien, words.plain, aliens, expected=expected, members=aliens)
            if unknown:
                self._cannot(words.check, [f"categoryCombo of {', '.join(unknown)}"])
            if words is _ATTRIBUTE:
                self._check_attribute_rows(identifiers, rows)

    def _lists_option_combos(self, combos: Sequence[int]) -> bool:
        return all(self._snapshot.option_combos_by_combo.get(combo) for combo in combos)

    def _check_default(self, words: _Combos, combos: Sequence[int]) -> None:
        defaults = self._snapshot.default_combos
        if not defaults:
            self._cannot(words.check, ["default category combo"])
        elif not defaults & set(combos):
            where = self._header.de if words is _DATA else self._header.ds or self._header.de
            expected = f"option combos of {self._named('categoryCombos', combos)}"
            self._say(words.absent, words.plain, [where], expected=expected)

    def _check_options(self, words: _Combos, dimension: OptionDimension, combos: Sequence[int]) -> None:
        category_rows = None
        if dimension.categories is not None:
            category_rows = self._resolved("c", words.role, dimension.categories)
        distinct = tuple(dict.fromkeys(option for place in dimension.options for option in place))
        option_rows = dict(zip(distinct, self._resolved("co", words.role, distinct), strict=True))
        if not self._can("options"):
            return
        tried = [self._placed(words, dimension, category_rows, option_rows, combo) for combo in combos]
        best = min(tried, key=lambda options: (len(options.findings) + bool(options.aliens), not options.is_whole))
        if self._by_member and best.aliens and not best.findings:
            self._say(words.other_options, words.role, best.aliens, expected=best.options, members=best.aliens)
            return
        if best.aliens:
            best.findings.append(
                finding(words.other_options, field=words.role, culprits=best.aliens, expected=best.options)
            )
        self._findings += best.findings
        if best.findings or not best.is_whole:
            return
        combo = combos[tried.index(best)]
        self._check_combinations(words, best, combo)
        if words is _ATTRIBUTE:
            options = [option for place in best.places for option in place]
            self._check_attribute_options([best.named[option] for option in options], [[option] for option in options])

    def _placed(
        self,
        words: _Combos,
        dimension: OptionDimension,
        category_rows: list[int] | None,
        option_rows: Mapping[str, int],
        combo: int,
    ) -> _Options:
        """Put the header's options in the categories of `combo`, in the combo's order."""
        table = self._snapshot.table("categories")
        result = _Options([], {row: text for text, row in option_rows.items() if row != NONE})
        categories = self._snapshot.table("categoryCombos").rows_of("categories", combo)
        if categories is None:
            self._cannot("options", [f"categories of {self._named('categoryCombos', [combo])}"])
            result.is_whole = False
            return result
        order: list[int] = list(categories)
        in_combo = [self._snapshot.named("categories", row) for row in order]
        places: list[tuple[str, ...] | None]
        if category_rows is None or dimension.categories is None:
            if len(dimension.options) != len(order):
                result.findings.append(
                    finding(
                        words.other_categories,
                        field=words.role,
                        found=f"options for {len(dimension.options)} categories",
                        expected=f"options for {len(order)}: {', '.join(in_combo)}",
                    )
                )
                return result
            places = list(dimension.options)
        else:
            given = dict(zip(category_rows, dimension.options, strict=True))
            names = dict(zip(category_rows, dimension.categories, strict=True))
            other = [names[row] for row in category_rows if row != NONE and row not in order]
            left_out = [name for row, name in zip(order, in_combo, strict=True) if row not in given]
            if NONE in given:  # reported as missing; it may be the one that is left out
                left_out = []
                result.is_whole = False
            if other or left_out:
                culprits = [*other, *(f"nothing for {name}" for name in left_out)]
                found = finding(
                    words.other_categories, field=words.role, culprits=culprits, expected=", ".join(in_combo)
                )
                result.findings.append(found)
            places = [given.get(row) for row in order]
        aliens: list[str] = []
        for category, place in zip(order, places, strict=True):
            allowed = table.rows_of("options", category)
            if allowed is None:
                self._cannot("options", [f"categoryOptions of {self._named('categories', [category])}"])
                result.is_whole = False
                continue
            rows = [option_rows[option] for option in place or ()]
            inside = set(allowed)
            aliens += [option for option, row in zip(place or (), rows, strict=True) if row not in inside | {NONE}]
            result.places.append(rows)
            result.is_whole &= NONE not in rows
        if aliens:
            expected = "; ".join(
                f"{name}: {', '.join(self._snapshot.named('categoryOptions', row) for row in options[:5])}"
                + (f" and {len(options) - 5} more" if len(options) > 5 else "")
                for name, row in zip(in_combo, order, strict=True)
                if (options := table.rows_of("options", row) or ())
            )
            result.aliens, result.options = aliens, expected
        return result

    def _check_combinations(self, words: _Combos, options: _Options, combo: int) -> None:
        """Check that there is an option combo for each combination of options."""
        if not self._can("combinations"):
            return
        inside = {option for place in options.places for option in place}
        there: set[frozenset[int]] = set()
        for row in self._snapshot.option_combos_by_combo.get(combo, ()):
            of_row = self._option_combos.rows_of("options", row)
            if of_row is None:
                self._cannot("combinations", [f"categoryOptions of {self._option_combos.uids[row]}"])
                return
            if inside.issuperset(of_row):
                there.add(frozenset(of_row))
        spanned = prod(map(len, options.places))
        if spanned <= len(there) or spanned == 0:
            return
        expected = f"an option combo of {self._named('categoryCombos', [combo])}"
        if spanned > COMBINATIONS:
            culprits = [f"{spanned - len(there):,} of {spanned:,} combinations"]
        else:
            missing = [combined for combined in product(*options.places) if frozenset(combined) not in there]
            culprits = [" + ".join(options.named[option] for option in combined) for combined in missing]
        if culprits:
            self._say(words.no_combo, words.role, culprits, expected=expected, is_certain=not there)

    # --- Where and when attribute options may be used ----------------------------------------------------------------

    def _check_attribute_rows(self, identifiers: Sequence[str], rows: Sequence[int]) -> None:
        if not self._can("option dates") and not self._can("option org units"):
            return
        known = []
        for text, row in zip(identifiers, rows, strict=True):
            options = None if row == NONE else self._option_combos.rows_of("options", row)
            if row != NONE and options is None:
                self._cannot("option dates", [f"categoryOptions of {text}"])
                self._cannot("option org units", [f"categoryOptions of {text}"])
            if options is not None:
                known.append((text, list(options)))
        self._check_attribute_options([text for text, _ in known], [options for _, options in known])

    def _check_attribute_options(self, identifiers: Sequence[str], options: Sequence[Sequence[int]]) -> None:
        if "TP729" not in self._skipped and self._can("option dates"):
            self._check_option_dates(identifiers, options)
        if self._can("option org units"):
            self._check_option_units(identifiers, options)

    def _check_option_dates(self, identifiers: Sequence[str], options: Sequence[Sequence[int]]) -> None:
        table = self._snapshot.table("categoryOptions")
        starts, ends = table.ints("start"), table.ints("end")
        back = max((self._sets.ints("open_periods_after_option_end")[row] for row in self._among), default=0)
        last = date.max.toordinal()
        refused: dict[str, list[str]] = {}
        for text, of in zip(identifiers, options, strict=True):
            start = max((starts[option] for option in of if starts[option] > 0), default=0)
            end = min((ends[option] for option in of if ends[option] > 0), default=last)
            if start == 0 and end == last:
                continue
            unfit = [period.iso for period in self._periods if not fits_dates(period, start, end, back)]
            if unfit:
                refused[f"{text} ({_span(start, end)})"] = unfit
        later = f", or at most {back} after their end" if back > 0 else ""
        expected = f"periods within the options' dates{later}"
        self._say_pairs("TP729", "pe", refused, (len(self._periods), len(identifiers)), expected)

    def _check_option_units(self, identifiers: Sequence[str], options: Sequence[Sequence[int]]) -> None:
        marks = self._snapshot.table("categoryOptions").marks("org_units")
        units = [unit for unit, row in zip(self._header.ou, self._unit_rows, strict=True) if row != NONE]
        rows = [row for row in self._unit_rows if row != NONE]
        fits: dict[int, list[int]] = {}
        refused: dict[str, list[str]] = {}
        for text, of in zip(identifiers, options, strict=True):
            unfit: set[int] = set()
            for option in of:
                if marks.is_empty(option):
                    continue
                if option not in fits:
                    given = self._snapshot.marked("categoryOptions", "org_units", option) or b""
                    fits[option] = list(map(self._snapshot.at_or_below(given).__getitem__, rows))
                if 0 in fits[option]:
                    unfit.update(at for at, is_fit in enumerate(fits[option]) if not is_fit)
            if unfit:
                refused[text] = [units[at] for at in sorted(unfit)]
        expected = "organisation units of the options, or below these"
        self._say_pairs("TP730", "ou", refused, (len(units), len(identifiers)), expected)

    def _say_pairs(
        self, code: str, where: str, refused: Mapping[str, list[str]], sizes: tuple[int, int], expected: str
    ) -> None:
        """Report what does not go with each option combo; certain if one of either goes with none of the other."""
        if not refused:
            return
        times = Counter(chain.from_iterable(refused.values()))
        is_certain = sizes[1] in times.values() or any(len(unfit) == sizes[0] for unfit in refused.values())
        culprits = [f"{text}: {' '.join(unfit)}" for text, unfit in refused.items()]
        self._say(code, where, culprits, expected=expected, is_certain=is_certain)

    # --- Open --------------------------------------------------------------------------------------------------------

    def _check_opening(self) -> None:
        if not self._periods or not self._can("open"):
            return
        starts = sorted(period.start.toordinal() for period in self._periods)
        opening, closed = self._units.ints("opening"), self._units.ints("closed")
        last = date.max.toordinal()
        rows = [row for row in self._unit_rows if row != NONE]
        unknown = sum(opening[row] == UNKNOWN for row in rows)
        if unknown:
            self._cannot("open", [f"openingDate of {unknown} of the organisation units"])
        spans = [(opening[row], closed[row] if closed[row] > 0 else last) for row in rows]
        if all(first <= starts[0] and end >= starts[-1] for first, end in spans):
            return
        never: list[str] = []
        at_times: list[str] = []
        is_open = [0] * (len(starts) + 1)
        for unit, row in zip(self._header.ou, self._unit_rows, strict=True):
            if row == NONE:
                continue
            first, end = opening[row], closed[row] if closed[row] > 0 else last
            low, high = bisect_left(starts, first), bisect_right(starts, end)
            if low < high:
                is_open[low] += 1
                is_open[high] -= 1
            if low > 0 or high < len(starts):
                text = f"{unit} (open {_span(first, end)})"
                (at_times if low < high else never).append(text)
        if never:
            self._say("TP728", "ou", never, expected="open on the first day of the periods")
        if at_times:
            open_then, counts = 0, []
            for change in is_open[:-1]:
                open_then += change
                counts.append(open_then)
            self._say(
                "TP728",
                "ou",
                at_times,
                expected="open on the first day of each of the periods",
                is_certain=0 in counts and not never,
            )

    def _check_input_periods(self) -> None:
        """Check input periods where a data set has some, else how far in the future the periods lie."""
        if not self._can("input periods") or not self._among:
            return
        refused = [self._refused(data_set) for data_set in self._among]
        if not all(refused):
            return
        for_all = [iso for iso in refused[0] if all(iso in of_set for of_set in refused[1:])]
        by_reason: dict[tuple[str, str], dict[str, str]] = {}
        for iso in for_all:
            code, expected, found = refused[0][iso]
            by_reason.setdefault((code, expected), {})[iso] = found
        for (code, expected), culprits in by_reason.items():
            self._say(code, "pe", culprits.values(), expected=expected, members=list(culprits))

    def _refused(self, data_set: int) -> dict[str, tuple[str, str, str]]:
        """Return for each period that a data set does not take: the code, what is expected, and what to show."""
        listed = self._sets.texts_of("input_periods", data_set)
        if listed is None:
            self._cannot("input periods", [f"dataInputPeriods of {self._named('dataSets', [data_set])}"])
            return {}
        if listed:
            return {} if "TP731" in self._skipped else self._refused_input(data_set, listed)
        return {} if "TP733" in self._skipped else self._refused_future(data_set)

    def _refused_input(self, data_set: int, listed: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        windows: dict[str, list[tuple[int, int]]] = {}
        openings = self._sets.rows_of("input_openings", data_set) or ()
        closings = self._sets.rows_of("input_closings", data_set) or ()
        last = date.max.toordinal()
        for text, opening, closing in zip(listed, openings, closings, strict=False):
            period = periods.parse(text)
            windows.setdefault(text if period is None else period.iso, []).append((opening, closing or last))
        name, today = self._named("dataSets", [data_set]), self._today.toordinal()
        found = {}
        for iso in (period.iso for period in self._periods):
            if iso not in windows:
                found[iso] = ("TP731", f"input periods of {name}: {_first(sorted(windows))}", iso)
            elif not any(first <= today <= end for first, end in windows[iso]):
                spans = ", ".join(_span(first, end) for first, end in windows[iso])
                expected = f"input periods of {name} that are open on {self._today}"
                found[iso] = ("TP732", expected, f"{iso} (open {spans})")
        return found

    def _refused_future(self, data_set: int) -> dict[str, tuple[str, str, str]]:
        if not self._can("future"):
            return {}
        if UNKNOWN < self._sets.ints("expiry_days")[data_set] < 0:
            return {}  # DHIS2 asks it of data sets with expiry days alone, of which 0 stands for none
        allowed = self._sets.ints("open_future_periods")[data_set]
        name = self._named("dataSets", [data_set])
        if allowed == UNKNOWN:
            self._cannot("future", [f"openFuturePeriods of {name}"])
            return {}
        last = {kind: _latest_end(self._today, kind, allowed) for kind in {period.kind for period in self._periods}}
        further = f"and {allowed} after it" if allowed > 0 else "and none after it"
        expected = f"at most the current period {further}, in {name}"
        return {
            period.iso: ("TP733", expected, period.iso) for period in self._periods if period.end > last[period.kind]
        }

    # --- Rows --------------------------------------------------------------------------------------------------------

    def _rules(self) -> RowRules | None:
        can_tell_type = self._can("value type")
        if self._element is None:
            return None
        value_type = self._elements.texts("value_type")[self._element] or None
        if can_tell_type and value_type is None:
            self._cannot("value type", [f"valueType of {self._named('dataElements', [self._element])}"])
        files = None
        if value_type in _FILE_TYPES and self._can("files"):
            table = self._snapshot.table("fileResources")
            files = frozenset(compress(table.uids, table.is_defined))
        return RowRules(
            value_type=value_type,
            option_codes=self._codes("option set", "option_set"),
            multi=value_type == "MULTI_TEXT",
            comment_codes=self._codes("comment option set", "comment_option_set"),
            file_resources=files,
        )

    def _codes(self, check: str, column: str) -> frozenset[str] | None:
        """Return the codes of the data element's option set; None without one, and of one without options."""
        assert self._element is not None
        missing = [name for name in self._snapshot.lacking(check) if name.startswith("dataElements")]
        if missing:
            self._cannot(check, missing)
            return None
        row = self._elements.ints(column)[self._element]
        if row == NONE:
            return None
        codes = self._snapshot.table("optionSets").texts_of("options", row)
        if codes is None:
            self._cannot(check, [f"options of {self._named('optionSets', [row])}"])
        return frozenset(codes) or None if codes is not None else None


def fits_dates(period: Period, start: int, end: int, back: int) -> bool:
    """Whether a period lies within two days, or does when it is moved back by so many periods."""
    if start <= period.start.toordinal() and period.end.toordinal() <= end:
        return True
    moved = _moved_back(period, back) if back > 0 else None
    return moved is not None and start <= moved.start.toordinal() and moved.end.toordinal() <= end


def _moved_back(period: Period, back: int) -> Period | None:
    moved: Period | None = period
    for _ in range(min(back, _FUTURE_PERIODS)):
        if moved is None or moved.start == date.min:
            return None
        moved = periods.containing(moved.start - timedelta(days=1), moved.kind)
    return moved


def _latest_end(today: date, kind: PeriodType, allowed: int) -> date:
    """Return the last day of the latest period of a type that may be reported: the current one and `allowed` more."""
    current = periods.containing(today, kind)
    for _ in range(min(allowed, _FUTURE_PERIODS)):
        if current is None or current.end == date.max:
            return date.max
        current = periods.containing(current.end + timedelta(days=1), kind)
    return date.max if current is None else current.end


def _span(first: int, end: int) -> str:
    since = f"from {date.fromordinal(first)}" if first > 0 else ""
    until = f"to {date.fromordinal(end)}" if end < date.max.toordinal() else ""
    return " ".join(filter(None, (since, until))) or "always"


def _first(texts: Collection[str]) -> str:
    some = list(texts)[:10]
    return ", ".join(some) + (f" and {len(texts) - 10} more" if len(texts) > 10 else "")
