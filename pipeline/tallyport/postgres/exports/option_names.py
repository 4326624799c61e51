"""Option combos by their category options, and what settles whose options these are: category combo, data set, nothing.

What an import could not distinguish is refused, with all culprits named. Works on the distinct data elements and option
combos of the values, never on rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import product

from tallyport.metadata.combos import Resolver
from tallyport.metadata.tables import NONE
from tallyport.postgres.catalog.stored_metadata import StoredObjects
from tallyport.postgres.connection import Row
from tallyport.postgres.exports.identifiers import Identifying
from tallyport_converters.model.combos import DEFAULT, Combo, ComboForm, Shape
from tallyport_schemas.finding import Refused, SourceUnreadable, finding

_COMBOS = "categoryOptionCombos"
_BY_THEMSELVES = "name option combos by --options coc"


class OptionNaming(StrEnum):
    """How option combos are named: by themselves, or by their category options and what settles whose these are."""

    COC = "coc"
    CO_CC = "co+cc"
    CO_DS = "co+ds"
    CO = "co"


class ByOptions:
    """Option combos by their category options, on a snapshot of what they are made of: `value_objects`.

    `used`: the UIDs of a data element and its two option combos, as values have them. `data_sets`: ids of those that go
    before others where a data set is chosen.
    """

    def __init__(
        self,
        identifying: Identifying,
        naming: OptionNaming,
        used: Iterable[Row],
        objects: StoredObjects,
        data_sets: Sequence[int],
    ) -> None:
        self._identifying, self._naming, self._preferred = identifying, naming, data_sets
        self._snapshot, self._ids_of = objects.snapshot, objects.ids_of
        elements, combos = (self._snapshot.table(name).index("UID")[0] for name in ("dataElements", _COMBOS))
        self._used = [(elements[element], combos[combo], combos[attribute]) for element, combo, attribute, *_ in used]
        self._resolver = Resolver(self._snapshot)
        self._combo_of = self._snapshot.table(_COMBOS).ints("combo")
        self._default = self._resolver.defaults().by_place.get(0)

    def named(self) -> tuple[dict[int, Combo], dict[int, Combo], dict[tuple[int, int, int], int] | None]:
        """Name combos and attribute combos; and the data set of each, if it is to settle whose options they are.

        Raises:
            SourceUnreadable: TP763, TP764 some cannot be named so; TP761, TP766 their options have no identifier.
            Refused: TP762, what would be written is ambiguous.
        """
        combos = {combo for _, combo, _ in self._used}
        attributes = {attribute for _, _, attribute in self._used}
        placed = self._placed(sorted((combos | attributes) - {self._default}, key=self._id))
        self._refuse_twins(placed)
        set_of = None
        if self._naming is OptionNaming.CO_DS:
            set_of = self._data_sets()
        else:
            self._refuse_ambiguous()
        categories = self._identifying.identifiers("c", sorted({c for places in placed.values() for c, _ in places}))
        options = self._identifying.identifiers("co", sorted({o for places in placed.values() for _, o in places}))
        called: dict[int, str] = {}
        if self._naming is OptionNaming.CO_CC:
            of_combos = sorted({self._combo_of[row] for row in combos if row in placed} - {NONE})
            ids = self._ids_of("categoryCombos", of_combos)
            named = self._identifying.identifiers("cc", ids)
            called = {row: named[id_] for row, id_ in zip(of_combos, ids, strict=True)}

        def combo(row: int, *, is_attribute: bool) -> Combo:
            if row == self._default:
                return DEFAULT
            names = tuple(categories[category] for category, _ in placed[row])
            whose = "" if is_attribute else called.get(self._combo_of[row], "")
            chosen = tuple(options[option] for _, option in placed[row])
            return Combo(Shape(ComboForm.MAP, names, len(names), whose), chosen)

        return (
            {self._id(row): combo(row, is_attribute=False) for row in combos},
            {self._id(row): combo(row, is_attribute=True) for row in attributes},
            set_of,
        )

    def _id(self, option_combo: int) -> int:
        return self._ids_of(_COMBOS, [option_combo])[0]

    def _called(self, *rows: int) -> list[str]:
        return self._resolver.labels("coc", rows)

    def _options(self, option_combo: int) -> frozenset[int]:
        return frozenset(self._snapshot.table(_COMBOS).rows_of("options", option_combo) or ())

    def _placed(self, rows: Sequence[int]) -> dict[int, tuple[tuple[int, int], ...]]:
        """Return the ids of category and option of each place of option combos.

        Raises:
            SourceUnreadable: TP763, some are not made of an option of each category.
        """
        table = self._snapshot.table("categories")
        placed: dict[int, tuple[tuple[int, int], ...]] = {}
        culprits = []
        for row in rows:
            combo, options = self._combo_of[row], self._options(row)
            order = () if combo == NONE else self._snapshot.table("categoryCombos").rows_of("categories", combo) or ()
            among = [options.intersection(table.rows_of("options", category) or ()) for category in order]
            fitting = [sorted(self._ids_of("categoryOptions", of_place)) for of_place in among]
            # An option can be in several categories: it takes one place, and which is no matter to who looks it up.
            chosen = next((c for c in product(*fitting) if len(set(c)) == len(c) == len(options)), ())
            if not chosen:
                culprits += self._called(row)
            placed[row] = tuple(zip(self._ids_of("categories", order), chosen, strict=False))
        if culprits:
            raise SourceUnreadable(finding("TP763", culprits=culprits, expected="an option of each category"))
        return placed

    def _refuse_twins(self, rows: Iterable[int]) -> None:
        """Refuse option combos that another one of the same category combo equals."""
        alike = (self._alike([self._combo_of[row]], row) for row in rows)
        culprits = {" and ".join(self._called(*sorted(many, key=self._id))) for many in alike if len(many) > 1}
        if culprits:
            expected = "one option combo for the same options"
            raise Refused(finding("TP762", help=_BY_THEMSELVES, culprits=sorted(culprits), expected=expected))

    def _refuse_ambiguous(self) -> None:
        """Refuse options that the header does not settle the category combo of, as an import would have to guess.

        An import wants one category combo for `co`; for `ao` it looks through those of all data sets that can be meant.
        """
        alien: set[str] = set()
        unsettled: dict[str, set[str]] = defaultdict(set)
        uids, data_sets_of = self._snapshot.table("dataElements").uids, self._snapshot.data_sets_of
        elements = {element for element, _, _ in self._used}
        data_combos = {row: self._resolver.data_combos(row) for row in elements}
        attribute_combos = {row: self._resolver.attribute_combos(data_sets_of(row)) for row in elements}
        for element, combo, attribute in self._used:
            uid = uids[element]
            if self._naming is OptionNaming.CO and combo != self._default:
                if self._combo_of[combo] not in data_combos[element]:
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
        names, ids = self._snapshot.table("dataSets").uids, self._ids_of
        preferred = {id_: place for place, id_ in reversed(list(enumerate(self._preferred)))}

        def order(data_set: int) -> tuple[int, str]:
            return preferred.get(ids("dataSets", [data_set])[0], len(preferred)), names[data_set]

        combos = {
            (element, data_set): (
                self._resolver.data_combos(element, data_set),
                self._snapshot.combo_of_data_set(data_set),
            )
            for element in {element for element, _, _ in self._used}
            for data_set in self._snapshot.data_sets_of(element)
        }
        found: dict[tuple[int, int, int], int] = {}
        culprits = set()
        for element, *named in self._used:
            combo, attribute = (self._combo_of[row] for row in named)
            data_sets = self._snapshot.data_sets_of(element)
            fitting = [of for of in data_sets if combos[element, of] == ([combo], attribute)]
            if not fitting:
                culprits.add(
                    f"{self._snapshot.table('dataElements').uids[element]} with {' and '.join(self._called(*named))}"
                )
                continue
            (of_element,), (of_set,) = ids("dataElements", [element]), ids("dataSets", [min(fitting, key=order)])
            found[of_element, self._id(named[0]), self._id(named[1])] = of_set
        if culprits:
            raise SourceUnreadable(finding("TP764", culprits=sorted(culprits)))
        return found

    def _alike(self, category_combos: Iterable[int], row: int) -> list[int]:
        """Return the option combos of category combos that have the options of one."""
        known = [combo for combo in category_combos if combo != NONE]
        return self._resolver.alike(known, self._options(row))
