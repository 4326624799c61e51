"""Option combos by their category options, and what settles whose options these are: category combo, data set, nothing.

What an import could not tell apart is refused, with all culprits named. Works on the distinct data elements and option
combos of the values, never on rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from tallyport.postgres.connection import Row
from tallyport.postgres.exports.identifiers import Identifying
from tallyport_converters.model.combos import DEFAULT, Combo, ComboForm, Shape
from tallyport_schemas.finding import Refused, SourceUnreadable, finding

_DEFAULT_UID = "HllvX50cXC0"
_DEFAULT_NAME = "default"
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


@dataclass(frozen=True, slots=True)
class _Holder:
    """A data set that a data element is in: the category combos that apply there."""

    data_set: int
    uid: str
    combo: int
    attribute_combo: int


@dataclass(slots=True)
class _Element:
    uid: str
    own: int
    holders: list[_Holder] = field(default_factory=list)


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
        self._elements: dict[int, _Element] = {}
        wanted = sorted({element for element, _, _ in self._used})
        for id_, uid, own, data_set, set_uid, combo, attribute_combo in identifying.rows("holders", ids=wanted):
            element = self._elements.setdefault(id_, _Element(uid, own))
            if data_set is not None:
                element.holders.append(_Holder(data_set, set_uid, combo, attribute_combo))
        ids = sorted({id_ for _, combo, attribute in self._used for id_ in (combo, attribute)})
        rivals = sorted({h.attribute_combo for element in self._elements.values() for h in element.holders})
        self._combos: dict[int, _OptionCombo] = {}
        self._alike: dict[tuple[int | None, frozenset[int]], list[int]] = defaultdict(list)
        for id_, uid, name, category_combo, options in identifying.rows(
            "combo_options", ids=ids, category_combos=rivals, default_uid=_DEFAULT_UID
        ):
            self._combos[id_] = _OptionCombo(uid, name or "", category_combo, frozenset(options))
            self._alike[category_combo, frozenset(options)].append(id_)
        self._default = self._default_combo()
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

    def _default_combo(self) -> int | None:
        """Return the default option combo, if it can be met; by its UID, else by name, as DHIS2 finds it."""
        by_uid = [id_ for id_, combo in self._combos.items() if combo.uid == _DEFAULT_UID]
        by_name = sorted(id_ for id_, combo in self._combos.items() if combo.name == _DEFAULT_NAME)
        return next(iter(by_uid or by_name), None)

    def _called(self, id_: int) -> str:
        combo = self._combos[id_]
        return f"{combo.uid} ({combo.name})" if combo.name else combo.uid

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
                culprits.append(self._called(id_))
            placed[id_] = tuple((category, option) for (category, _), option in zip(places, chosen, strict=False))
        if culprits:
            raise SourceUnreadable(finding("TP763", culprits=culprits, expected="an option of each category"))
        return placed

    def _refuse_twins(self, ids: Sequence[int]) -> None:
        """Refuse option combos that another one of the same category combo equals."""
        twins = [self._alike[self._combos[id_].category_combo, self._combos[id_].options] for id_ in ids]
        culprits = {" and ".join(map(self._called, sorted(many))) for many in twins if len(many) > 1}
        if culprits:
            expected = "one option combo for the same options"
            raise Refused(finding("TP762", help=_BY_THEMSELVES, culprits=sorted(culprits), expected=expected))

    def _refuse_ambiguous(self) -> None:
        """Refuse options that the header does not settle the category combo of, as an import would have to guess.

        An import wants one category combo for `co`; for `ao` it looks through those of all data sets that can be meant.
        """
        alien: set[str] = set()
        unsettled: dict[str, set[str]] = defaultdict(set)
        for element_id, combo_id, attribute_id in self._used:
            element = self._elements[element_id]
            if self._naming is OptionNaming.CO and combo_id != self._default:
                fitting = {element.own, *(holder.combo for holder in element.holders)}
                if self._combos[combo_id].category_combo not in fitting:
                    alien.add(f"{self._called(combo_id)} of {element.uid}")
                elif len(fitting) > 1:
                    unsettled[element.uid].add(self._called(combo_id))
            if attribute_id != self._default:
                fitting = {holder.attribute_combo for holder in element.holders}
                options = self._combos[attribute_id].options
                alike = [id_ for category_combo in fitting for id_ in self._alike.get((category_combo, options), ())]
                if attribute_id not in alike:
                    alien.add(f"{self._called(attribute_id)} of {element.uid}")
                elif len(alike) > 1:
                    unsettled[element.uid].update(map(self._called, alike))
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
        found: dict[tuple[int, int, int], int] = {}
        culprits = set()
        for key in self._used:
            element, combo, attribute = self._elements[key[0]], self._combos[key[1]], self._combos[key[2]]
            fitting = [
                holder
                for holder in element.holders
                if holder.combo == combo.category_combo and holder.attribute_combo == attribute.category_combo
            ]
            if not fitting:
                culprits.add(f"{element.uid} with {self._called(key[1])} and {self._called(key[2])}")
                continue
            best = min(fitting, key=lambda holder: (preferred.get(holder.data_set, len(preferred)), holder.uid))
            found[key] = best.data_set
        if culprits:
            raise SourceUnreadable(finding("TP764", culprits=sorted(culprits)))
        return found
