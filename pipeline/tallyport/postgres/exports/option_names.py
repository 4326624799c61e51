"""Option combos by their category options, and what settles whose options these are: category combo, data set, nothing.

What an import could not distinguish is refused, with all culprits named. Works on the distinct data elements and option
combos of the values, never on rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from tallyport.metadata.catalog import DEFAULT_NAME, DEFAULT_OPTION_COMBO
from tallyport.metadata.combos import Resolver
from tallyport.postgres.connection import Row
from tallyport.postgres.exports.identifiers import Identifying
from tallyport_converters.model.combos import DEFAULT, Combo, ComboForm, Shape
from tallyport_schemas.finding import Refused, SourceUnreadable, finding

_BY_THEMSELVES = "name option combos by --options coc"


class OptionNaming(StrEnum):
    """How option combos are named: by themselves, or by their category options and what settles whose these are."""

    COC = "coc"
    CO_CC = "co+cc"
    CO_DS = "co+ds"
    CO = "co"


@dataclass(frozen=True, slots=True)
class _OptionCombo:
    uid: str
    name: str
    category_combo: int | None
    options: frozenset[int]


class _UsedCombos:
    """The catalog of what stored values refer to: keys are ids; see `Catalog`."""

    def __init__(self, identifying: Identifying, used: Sequence[tuple[int, int, int]]) -> None:
        self.elements: dict[int, str] = {}
        self.data_sets: dict[int, str] = {}
        self._own: dict[int, int] = {}
        self._overrides: dict[int, dict[int, int | None]] = defaultdict(dict)
        self._attribute_combos: dict[int, int] = {}
        wanted = sorted({element for element, _, _ in used})
        for id_, uid, own, data_set, set_uid, override, attribute_combo in identifying.rows("holders", ids=wanted):
            self.elements[id_], self._own[id_] = uid, own
            if data_set is not None:
                self._overrides[id_][data_set] = override
                self.data_sets[data_set], self._attribute_combos[data_set] = set_uid, attribute_combo
        self.option_combos: dict[int, _OptionCombo] = {}
        self._by_combo: dict[int, dict[int, frozenset[int]]] = defaultdict(dict)
        for id_, uid, name, category_combo, options in identifying.rows(
            "combo_options",
            ids=sorted({id_ for _, combo, attribute in used for id_ in (combo, attribute)}),
            category_combos=sorted(set(self._attribute_combos.values())),
            default_uid=DEFAULT_OPTION_COMBO,
        ):
            self.option_combos[id_] = _OptionCombo(uid, name or "", category_combo, frozenset(options))
            if category_combo is not None:
                self._by_combo[category_combo][id_] = frozenset(options)

    def names(self, kind: str, keys: Sequence[int]) -> list[tuple[str, str]]:
        """Return the UID and the name of option combos; category combos are known by their ids alone."""
        if kind == "cc":
            return [(f"{key:020d}", "") for key in keys]
        return [(self.option_combos[key].uid, self.option_combos[key].name) for key in keys]

    def combo_of_element(self, element: int) -> int:
        """Return a data element's own category combo."""
        return self._own[element]

    def data_sets_of(self, element: int) -> Mapping[int, int | None]:
        """Return the data sets that have a data element, each with the category combo that overrides its own there."""
        return self._overrides.get(element, {})

    def combo_of_data_set(self, data_set: int) -> int:
        """Return the category combo of a data set's attributes."""
        return self._attribute_combos[data_set]

    def option_combos_of(self, combo: int) -> Mapping[int, frozenset[int]]:
        """Return the option combos of a category combo, each with its category options."""
        return self._by_combo.get(combo, {})

    @property
    def default_combos(self) -> Sequence[int]:
        """The category combos of option combos that are called as the default one is."""
        found = self.option_combos.values()
        defaults = (of.category_combo for of in found if of.uid == DEFAULT_OPTION_COMBO or of.name == DEFAULT_NAME)
        return sorted({combo for combo in defaults if combo is not None})


class ByOptions:
    """Option combos by their category options.

    `used`: data element and its two option combos, as values have them. `data_sets` go before others where a data set
    is chosen.
    """

    def __init__(
        self, identifying: Identifying, naming: OptionNaming, used: Iterable[Row], data_sets: Sequence[int]
    ) -> None:
        self._identifying, self._naming, self._preferred = identifying, naming, data_sets
        self._used = [(element, combo, attribute) for element, combo, attribute in used]
        self._catalog = _UsedCombos(identifying, self._used)
        self._resolver = Resolver(self._catalog)
        self._combos = self._catalog.option_combos
        self._default = self._resolver.defaults().by_place.get(0)
        self._categories: dict[int, list[tuple[int, frozenset[int]]]] = defaultdict(list)
        category_combos = sorted({c.category_combo for c in self._combos.values() if c.category_combo is not None})
        for category_combo, category, options in identifying.rows("combo_categories", ids=category_combos):
            self._categories[category_combo].append((category, frozenset(options)))

    def named(self) -> tuple[dict[int, Combo], dict[int, Combo], dict[tuple[int, int, int], int] | None]:
        """Name combos and attribute combos; and the data set of each, if it is to settle whose options they are.

        Raises:
            SourceUnreadable: TP763, TP764 some cannot be named so; TP761, TP766 their options have no identifier.
            Refused: TP762, what would be written is ambiguous.
        """
        combos = {combo for _, combo, _ in self._used}
        attributes = {attribute for _, _, attribute in self._used}
        placed = self._placed(sorted((combos | attributes) - {self._default}))
        self._refuse_twins(sorted(placed))
        set_of = None
        if self._naming is OptionNaming.CO_DS:
            set_of = self._data_sets()
        else:
            self._refuse_ambiguous()
        categories = self._identifying.identifiers("c", sorted({c for places in placed.values() for c, _ in places}))
        options = self._identifying.identifiers("co", sorted({o for places in placed.values() for _, o in places}))
        with_combo = self._naming is OptionNaming.CO_CC
        of_combo = {self._combos[id_].category_combo for id_ in combos if id_ in placed}
        called = (
            self._identifying.identifiers("cc", sorted(id_ for id_ in of_combo if id_ is not None))
            if with_combo
            else {}
        )

        def combo(id_: int, *, is_attribute: bool) -> Combo:
            if id_ == self._default:
                return DEFAULT
            names = tuple(categories[category] for category, _ in placed[id_])
            of = self._combos[id_].category_combo
            whose = "" if is_attribute or of is None else called.get(of, "")
            chosen = tuple(options[option] for _, option in placed[id_])
            return Combo(Shape(ComboForm.MAP, names, len(names), whose), chosen)

        return (
            {id_: combo(id_, is_attribute=False) for id_ in combos},
            {id_: combo(id_, is_attribute=True) for id_ in attributes},
            set_of,
        )

    def _called(self, *ids: int) -> list[str]:
        return self._resolver.labels("coc", ids)

    def _placed(self, ids: Sequence[int]) -> dict[int, tuple[tuple[int, int], ...]]:
        """Return the category and option of each place of option combos.

        Raises:
            SourceUnreadable: TP763, some are not made of an option of each category.
        """
        placed: dict[int, tuple[tuple[int, int], ...]] = {}
        culprits = []
        for id_ in ids:
            combo = self._combos[id_]
            places = self._categories.get(combo.category_combo, []) if combo.category_combo is not None else []
            fitting = [sorted(options & combo.options) for _, options in places]
            # An option can be in several categories: it takes one place, and which is no matter to who looks it up.
            chosen = next((c for c in product(*fitting) if len(set(c)) == len(c) and set(c) == combo.options), ())
            if not chosen:
                culprits += self._called(id_)
            placed[id_] = tuple((category, option) for (category, _), option in zip(places, chosen, strict=False))
        if culprits:
            raise SourceUnreadable(finding("TP763", culprits=culprits, expected="an option of each category"))
        return placed

    def _refuse_twins(self, ids: Sequence[int]) -> None:
        """Refuse option combos that another one of the same category combo equals."""
        alike = (self._alike([self._combos[id_].category_combo], id_) for id_ in ids)
        culprits = {" and ".join(self._called(*sorted(many))) for many in alike if len(many) > 1}
        if culprits:
            expected = "one option combo for the same options"
            raise Refused(finding("TP762", help=_BY_THEMSELVES, culprits=sorted(culprits), expected=expected))

    def _refuse_ambiguous(self) -> None:
        """Refuse options that the header does not settle the category combo of, as an import would have to guess.

        An import wants one category combo for `co`; for `ao` it looks through those of all data sets that can be meant.
        """
        alien: set[str] = set()
        unsettled: dict[str, set[str]] = defaultdict(set)
        elements = self._catalog.elements
        data_combos = {id_: self._resolver.data_combos(id_) for id_ in elements}
        attribute_combos = {id_: self._resolver.attribute_combos(self._catalog.data_sets_of(id_)) for id_ in elements}
        for element, combo, attribute in self._used:
            uid = elements[element]
            if self._naming is OptionNaming.CO and combo != self._default:
                if self._combos[combo].category_combo not in data_combos[element]:
                    alien.update(f"{name} of {uid}" for name in self._called(combo))
                elif len(data_combos[element]) > 1:
                    unsettled[uid].update(self._called(combo))
            if attribute != self._default:
                alike = self._alike(attribute_combos[element], attribute)
                if attribute not in alike:
                    alien.update(f"{name} of {uid}" for name in self._called(attribute))
                elif len(alike) > 1:
                    unsettled[uid].update(self._called(*alike))
        if unsettled:
            culprits = [f"{uid}: {', '.join(sorted(names))}" for uid, names in sorted(unsettled.items())]
            advice = f"{_BY_THEMSELVES}, or say whose options they are by co+ds"
            raise Refused(
                finding("TP762", culprits=culprits, help=advice if self._naming is OptionNaming.CO_CC else None)
            )
        if alien:
            raise SourceUnreadable(
                finding("TP763", culprits=sorted(alien), expected="of the category combo of data element or data set")
            )

    def _data_sets(self) -> dict[tuple[int, int, int], int]:
        """Return the data set that settles the option combos of each data element: one that filters name goes first.

        Raises:
            SourceUnreadable: TP764, there is none.
        """
        preferred = {id_: place for place, id_ in reversed(list(enumerate(self._preferred)))}
        sets = self._catalog.data_sets
        combos = {
            (element, data_set): (
                self._resolver.data_combos(element, data_set),
                self._catalog.combo_of_data_set(data_set),
            )
            for element in self._catalog.elements
            for data_set in self._catalog.data_sets_of(element)
        }
        found: dict[tuple[int, int, int], int] = {}
        culprits = set()
        for key in self._used:
            element, *named = key
            combo, attribute = (self._combos[id_].category_combo for id_ in named)
            holders = self._catalog.data_sets_of(element)
            fitting = [of for of in holders if combos[element, of] == ([combo], attribute)]
            if not fitting:
                culprits.add(f"{self._catalog.elements[element]} with {' and '.join(self._called(*named))}")
                continue
            found[key] = min(fitting, key=lambda of: (preferred.get(of, len(preferred)), sets[of]))
        if culprits:
            raise SourceUnreadable(finding("TP764", culprits=sorted(culprits)))
        return found

    def _alike(self, category_combos: Iterable[int | None], id_: int) -> list[int]:
        """Return the option combos of category combos that have the options of one."""
        known = [combo for combo in category_combos if combo is not None]
        return self._resolver.alike(known, self._combos[id_].options)
