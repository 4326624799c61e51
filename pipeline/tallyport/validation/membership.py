"""Membership: whether what a header names belongs together: data element, data set, organisation units, option combos.

Without `ds`, the data set is any of those that the data element is in: only what is wrong for each of them is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from tallyport.metadata import Snapshot
from tallyport.metadata.combos import Resolver
from tallyport.metadata.tables import NONE
from tallyport.validation.existence import HeaderRows, PlacedOptions
from tallyport.validation.header_findings import HeaderFindings
from tallyport_schemas.finding import Finding, finding

COMBINATIONS = 100_000
"""Combinations of category options that are tried one by one, should some of them have no option combo."""

_FEW = 5


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for option combos of either kind: of the data element, or of the data set."""

    role: str
    plain: str
    check: str
    alien: str
    other_categories: str
    other_options: str
    no_combo: str
    absent: str


_DATA = _Words("co", "coc", "combo", "TP718", "TP719", "TP720", "TP721", "TP722")
_ATTRIBUTE = _Words("ao", "aoc", "attribute combo", "TP723", "TP724", "TP725", "TP726", "TP727")


@dataclass(slots=True)
class _Fit:
    """How a header's options fit one category combo.

    `aliens`: options of none of its categories; then `expected` says which these have. `is_whole`: all could be judged.
    """

    findings: list[Finding] = field(default_factory=list)
    aliens: list[str] = field(default_factory=list)
    expected: str = ""
    is_whole: bool = True

    @property
    def faults(self) -> int:
        return len(self.findings) + bool(self.aliens)


def check_membership(rows: HeaderRows, snapshot: Snapshot, findings: HeaderFindings) -> dict[str, tuple[int, ...]]:
    """Report what does not belong together; returns the attribute options of each identifier that rows choose from."""
    membership = _Membership(rows, snapshot, findings)
    membership.check_element()
    membership.check_assignment()
    membership.check_period_types()
    membership.check_data_combos()
    membership.check_attribute_combos()
    membership.check_option_units()
    return membership.attribute_options


class _Membership:
    def __init__(self, rows: HeaderRows, snapshot: Snapshot, findings: HeaderFindings) -> None:
        self._rows, self._header = rows, rows.header
        self._snapshot, self._findings = snapshot, findings
        self._resolver = Resolver(snapshot)
        self.attribute_options: dict[str, tuple[int, ...]] = {}

    def _named(self, table: str, rows: Iterable[int]) -> str:
        return " or ".join(self._snapshot.named(table, row) for row in rows)

    # --- Data element, data set --------------------------------------------------------------------------------------

    def check_element(self) -> None:
        can_tell_domain, can_tell_sets = self._findings.can("aggregate"), self._findings.can("element")
        elements = self._snapshot.table("dataElements")
        element, data_set = self._rows.element, self._rows.data_set
        if element is None:
            if not elements.is_present:
                self._findings.cannot("element", ["dataElements"])
            return
        de = [self._header.de]
        if can_tell_domain and elements.texts("domain_type")[element] not in ("", "AGGREGATE"):
            self._findings.say("TP711", "de", de, expected="a data element of domain AGGREGATE")
        holders = self._snapshot.data_sets_of(element)
        if data_set is None:
            if self._header.ds is None and can_tell_sets and not holders:
                self._findings.say("TP712", "de", de)
        elif can_tell_sets and data_set not in holders:
            name = self._named("dataSets", [data_set])
            if self._snapshot.elements_of(data_set) is None:
                self._findings.cannot("element", [f"dataSetElements of {name}"])
                return
            advice = f"it is in {self._named('dataSets', list(holders)[:_FEW])}" if holders else None
            self._findings.say("TP713", "de", de, expected=f"a data element of {name}", advice=advice)

    def check_assignment(self) -> None:
        among = self._rows.data_sets
        if not self._findings.can("assigned") or not among:
            return
        marks = [self._snapshot.marked("dataSets", "org_units", row) for row in among]
        known = [marked for marked in marks if marked is not None]
        if len(known) < len(marks):
            unknown = [row for row, marked in zip(among, marks, strict=True) if marked is None]
            self._findings.cannot("assigned", [f"organisationUnits of {self._named('dataSets', unknown[:_FEW])}"])
            return
        assigned = known[0] if len(known) == 1 else bytes(map(max, *known))
        rows = self._rows.org_units
        culprits = [u for u, row in zip(self._header.ou, rows, strict=True) if row != NONE and not assigned[row]]
        if culprits:
            expected = f"organisation units of {self._named('dataSets', among[:_FEW])}"
            self._findings.say("TP714", "ou", culprits, expected=expected, members=culprits)

    def check_period_types(self) -> None:
        among = self._rows.data_sets
        if not self._findings.can("period type") or not among:
            return
        types = {row: self._snapshot.table("dataSets").texts("period_type")[row] for row in among}
        if unknown := [row for row in among if not types[row]]:
            self._findings.cannot("period type", [f"periodType of {self._named('dataSets', unknown[:_FEW])}"])
            return
        culprits = [period.iso for period in self._rows.periods if period.kind not in types.values()]
        if culprits:
            expected = f"{' or '.join(sorted(set(types.values())))} periods"
            self._findings.say("TP715", "pe", culprits, expected=expected, members=culprits)

    # --- Which category combo ----------------------------------------------------------------------------------------

    def check_data_combos(self) -> None:
        header, given = self._header, self._rows.combo
        combos = self._fitting_combos()
        if combos is None or (header.cc is not None and given is None):
            return
        if header.cc is not None and given is not None:
            if given not in combos:
                self._findings.say("TP716", "cc", [header.cc], expected=self._named("categoryCombos", combos))
            else:
                combos = [given]
        if header.co is not None and len(combos) > 1:
            if header.ds is None:  # else the data set does not exist: which combo applies is anyone's guess
                self._findings.say("TP717", "co", self._resolver.labels("cc", combos))
            return
        self._check_combos(_DATA, header.coc, self._rows.option_combos, self._rows.options, combos)

    def _fitting_combos(self) -> list[int] | None:
        """Return the category combos that the data element can have here; None if it is not known."""
        can_tell = self._findings.can("combo", "data")
        element = self._rows.element
        if not can_tell or element is None:
            return None
        found = self._resolver.data_combos(element, self._rows.data_set)
        is_by_itself = self._rows.data_set is None and self._snapshot.combo_of_element(element) is None
        if not found or is_by_itself:
            self._findings.cannot("combo", [f"categoryCombo of {self._named('dataElements', [element])}"])
            return None
        return found

    def check_attribute_combos(self) -> None:
        among = self._rows.data_sets
        if not self._findings.can("attribute combo", "dataSets") or not among:
            return
        if unknown := [row for row in among if self._snapshot.combo_of_data_set(row) is None]:
            self._findings.cannot("attribute combo", [f"categoryCombo of {self._named('dataSets', unknown[:_FEW])}"])
            return
        combos = self._resolver.attribute_combos(among)
        rows = self._rows
        self._check_combos(_ATTRIBUTE, self._header.aoc, rows.attribute_combos, rows.attribute_options, combos)

    # --- Option combos of either kind --------------------------------------------------------------------------------

    def _check_combos(
        self,
        words: _Words,
        identifiers: tuple[str, ...] | None,
        rows: Sequence[int],
        options: PlacedOptions | None,
        combos: Sequence[int],
    ) -> None:
        if options is not None:
            self._check_options(words, options, combos)
        elif identifiers is None:
            self._check_default(words, combos)
        else:
            self._check_option_combos(words, identifiers, rows, combos)

    def _check_default(self, words: _Words, combos: Sequence[int]) -> None:
        defaults = set(self._snapshot.default_combos)
        if not defaults:
            self._findings.cannot(words.check, ["default category combo"])
        elif defaults.isdisjoint(combos):
            where = self._header.de if words is _DATA else self._header.ds or self._header.de
            expected = f"option combos of {self._named('categoryCombos', combos)}"
            self._findings.say(words.absent, words.plain, [where], expected=expected)

    def _check_option_combos(
        self, words: _Words, identifiers: Sequence[str], rows: Sequence[int], combos: Sequence[int]
    ) -> None:
        """Check that option combos are of a category combo."""
        is_lacking = self._snapshot.lacks("categoryOptionCombos.categoryCombo")
        if is_lacking and not all(map(self._snapshot.option_combos_of, combos)):
            self._findings.cannot(words.check, ["categoryOptionCombos.categoryCombo"])
            return
        table = self._snapshot.table("categoryOptionCombos")
        of_rows = table.ints("combo")
        known = {text: row for text, row in zip(identifiers, rows, strict=True) if row != NONE}
        aliens = [text for text, row in known.items() if of_rows[row] not in (NONE, *combos)]
        if aliens:
            expected = f"of the category combo {self._named('categoryCombos', combos)}"
            self._findings.say(words.alien, words.plain, aliens, expected=expected, members=aliens)
        if unknown := [text for text, row in known.items() if of_rows[row] == NONE]:
            self._findings.cannot(words.check, [f"categoryCombo of {', '.join(unknown)}"])
        if words is _ATTRIBUTE:
            for text, row in known.items():
                options = table.rows_of("options", row)
                if options is not None:
                    self.attribute_options[text] = tuple(options)
                    continue
                for check in ("option dates", "option org units"):
                    if self._findings.can(check):
                        self._findings.cannot(check, [f"categoryOptions of {text}"])

    def _check_options(self, words: _Words, options: PlacedOptions, combos: Sequence[int]) -> None:
        """Check that options are of the categories of a category combo, and make option combos of it."""
        if not self._findings.can("options"):
            return
        tried = {combo: self._fit(words, options, combo) for combo in combos}
        combo, best = min(tried.items(), key=lambda of: (of[1].faults, not of[1].is_whole))
        if self._findings.by_member and best.aliens and not best.findings:
            aliens, expected = best.aliens, best.expected
            self._findings.say(words.other_options, words.role, aliens, expected=expected, members=aliens)
            return
        if best.aliens:
            aliens, expected = best.aliens, best.expected
            best.findings.append(finding(words.other_options, field=words.role, culprits=aliens, expected=expected))
        self._findings.found += best.findings
        if best.findings or not best.is_whole:
            return
        self._check_combinations(words, options, combos, combo)
        if words is _ATTRIBUTE:
            self.attribute_options |= {text: (row,) for text, row in options.rows.items()}

    def _fit(self, words: _Words, options: PlacedOptions, combo: int) -> _Fit:
        """Put the header's options in the categories of `combo`, in the combo's order."""
        fit = _Fit()
        order = self._snapshot.table("categoryCombos").rows_of("categories", combo)
        if order is None:
            self._findings.cannot("options", [f"categories of {self._named('categoryCombos', [combo])}"])
            fit.is_whole = False
            return fit
        names = [self._snapshot.named("categories", row) for row in order]
        places = self._by_category(words, options, order, names, fit)
        table = self._snapshot.table("categories")
        for category, place in zip(order, places, strict=False):
            allowed = table.rows_of("options", category)
            if allowed is None:
                self._findings.cannot("options", [f"categoryOptions of {self._named('categories', [category])}"])
                fit.is_whole = False
                continue
            inside = {NONE, *allowed}
            fit.aliens += [text for text in place if options.rows[text] not in inside]
            fit.is_whole &= all(options.rows[text] != NONE for text in place)
        if fit.aliens:
            fit.expected = "; ".join(
                f"{name}: {', '.join(self._snapshot.named('categoryOptions', option) for option in allowed[:_FEW])}"
                + (f" and {len(allowed) - _FEW} more" if len(allowed) > _FEW else "")
                for name, row in zip(names, order, strict=True)
                if (allowed := table.rows_of("options", row) or ())
            )
        return fit

    def _by_category(
        self, words: _Words, options: PlacedOptions, order: Sequence[int], names: Sequence[str], fit: _Fit
    ) -> list[Sequence[str]]:
        """Return the header's options for each category, in order; nothing where there are other categories."""
        given = options.dimension
        if options.categories is None or given.categories is None:
            if len(given.options) == len(order):
                return list(given.options)
            found = f"options for {len(given.options)} categories"
            expected = f"options for {len(order)}: {', '.join(names)}"
            fit.findings.append(finding(words.other_categories, field=words.role, found=found, expected=expected))
            return []
        by_category = dict(zip(options.categories, given.options, strict=True))
        other = [
            text
            for text, row in zip(given.categories, options.categories, strict=True)
            if row != NONE and row not in order
        ]
        left_out = [f"nothing for {name}" for row, name in zip(order, names, strict=True) if row not in by_category]
        if NONE in by_category:  # reported as missing; it may be the one that is left out
            left_out = []
            fit.is_whole = False
        if culprits := other + left_out:
            expected = ", ".join(names)
            found_other = finding(words.other_categories, field=words.role, culprits=culprits, expected=expected)
            fit.findings.append(found_other)
        return [by_category.get(row, ()) for row in order]

    def _check_combinations(self, words: _Words, options: PlacedOptions, combos: Sequence[int], combo: int) -> None:
        """Check that there is one option combo for each combination of options; `combo`: what these fit best."""
        if not self._findings.can("combinations"):
            return
        table = self._snapshot.table("categoryOptionCombos")
        for row in self._snapshot.option_combos_of(combo):
            if table.rows_of("options", row) is None:
                self._findings.cannot("combinations", [f"categoryOptions of {table.uids[row]}"])
                return
        made = self._resolver.placed(combos, options.places)
        if made.collisions:
            culprits = self._resolver.labels("coc", made.collisions)
            expected = "one option combo for the same category options"
            self._findings.say("TP709", words.role, culprits, expected=expected)
        texts = options.dimension.options
        sizes = [len(place) for place in texts]
        spanned, there = prod(sizes), made.by_place
        if spanned <= len(there):
            return
        if spanned > COMBINATIONS:
            culprits = [f"{spanned - len(there):,} of {spanned:,} combinations"]
        else:
            ways = enumerate(product(*texts))
            culprits = [" + ".join(combined) for place, combined in ways if place not in there]
        expected = f"an option combo of {self._named('categoryCombos', [combo])}"
        self._findings.say(words.no_combo, words.role, culprits, expected=expected, is_certain=not there)

    # --- Organisation units of attribute options ---------------------------------------------------------------------

    def check_option_units(self) -> None:
        """Check that attribute options are meant for the organisation units."""
        if not self.attribute_options or not self._findings.can("option org units"):
            return
        table = self._snapshot.table("categoryOptions")
        known = {unit: row for unit, row in zip(self._header.ou, self._rows.org_units, strict=True) if row != NONE}
        units = list(known)
        fits: dict[int, list[int]] = {}
        refused: dict[str, list[str]] = {}
        for text, of in self.attribute_options.items():
            unfit: set[int] = set()
            for option in of:
                if not table.bits_of("org_units", option):
                    continue
                if option not in fits:
                    given = self._snapshot.marked("categoryOptions", "org_units", option) or b""
                    fits[option] = list(map(self._snapshot.at_or_below(given).__getitem__, known.values()))
                if 0 in fits[option]:
                    unfit.update(at for at, is_fit in enumerate(fits[option]) if not is_fit)
            if unfit:
                refused[text] = [units[at] for at in sorted(unfit)]
        expected = "organisation units of the options, or below these"
        sizes = (len(units), len(self.attribute_options))
        self._findings.say_pairs("TP730", "ou", refused, sizes, expected)
