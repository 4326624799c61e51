"""Which option combos are meant: the one place that says so, for validation, import, export, write-back and push.

- The category combo of `co` is the one that `cc` names. Without `cc` it is the data element's own, or the one that
  overrides it in the data set that `ds` names. Without `ds` it has to be the same in all data sets of the element.
- `ao` is of the category combo of the data set that `ds` names, or of any data set that has the data element.
- Options are compared as a set: neither their order nor the categories that they are given for make a difference.
- An index of a row that two option combos fit is a collision, and settled for neither.
- Without identifiers and options, the default option combo is meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Generic

from tallyport.metadata.catalog import DEFAULT_NAME, DEFAULT_OPTION_COMBO, Catalog, Key, NamedCatalog, label
from tallyport_schemas.finding import Finding, finding
from tallyport_schemas.group_header import GroupHeader

ROLES: Mapping[str, str] = {"coc": "co", "aoc": "ao"}
"""The header's property for category options, for each kind of option combo."""


class Unsettled(Exception):
    """Metadata do not settle which option combos a header means."""

    def __init__(self, role: str, found: str, expected: str) -> None:
        """`role`: the property that is not settled."""
        super().__init__(f"{role}: {found}")
        self.role, self.found, self.expected = role, found, expected


@dataclass(frozen=True, slots=True)
class OptionCombos(Generic[Key]):
    """Option combos by the place that rows give them: with category options, their indexes read as one number.

    Places that no option combo has are missing. `collisions` has the option combos that share their place with others.
    """

    by_place: Mapping[int, Key]
    collisions: Sequence[Key] = field(default=())


def place_of(indexes: Iterable[int], sizes: Iterable[int]) -> int:
    """Return indexes of dimensions, of these sizes, as one number."""
    place = 0
    for index, size in zip(indexes, sizes, strict=True):
        place = place * size + index
    return place


class Resolver(Generic[Key]):
    """The rules, for objects of one catalog."""

    def __init__(self, catalog: Catalog[Key]) -> None:
        self._catalog = catalog
        self._by_options: dict[Key, dict[frozenset[Key], list[Key]]] = {}

    def data_combos(self, element: Key, data_set: Key | None = None) -> list[Key]:
        """Return the category combos that a data element can have in a data set, or in any and by itself."""
        own, overrides = self._catalog.combo_of_element(element), self._catalog.data_sets_of(element)
        if data_set is None:
            found = {own, *overrides.values()}
        else:
            override = overrides.get(data_set)
            found = {own if override is None else override}
        return self._in_order(combo for combo in found if combo is not None)

    def attribute_combos(self, data_sets: Iterable[Key]) -> list[Key]:
        """Return the category combos that the attributes of data sets are of."""
        found = {self._catalog.combo_of_data_set(data_set) for data_set in data_sets}
        return self._in_order(combo for combo in found if combo is not None)

    def placed(self, combos: Iterable[Key], places: Sequence[Sequence[Key | None]]) -> OptionCombos[Key]:
        """Return the option combos that are made of options: of one of each place.

        Costs time by the option combos that the category combos have, not by the combinations of options.
        """
        index_of = [{key: at for at, key in enumerate(options) if key is not None} for options in places]
        sizes = [len(options) for options in places]
        every = frozenset().union(*index_of)
        found: dict[int, Key] = {}
        collisions: dict[Key, None] = {}
        for combo in combos:
            for option_combo, options in self._catalog.option_combos_of(combo).items():
                if not options <= every:
                    continue
                fitting = [[option for option in options if option in of_place] for of_place in index_of]
                for chosen in product(*fitting):
                    if len(options) == len(set(chosen)):
                        indexes = [of_place[option] for option, of_place in zip(chosen, index_of, strict=True)]
                        place = place_of(indexes, sizes)
                        if found.setdefault(place, option_combo) != option_combo:
                            collisions |= {found[place]: None, option_combo: None}
        return OptionCombos(found, tuple(collisions))

    def alike(self, combos: Iterable[Key], options: frozenset[Key]) -> list[Key]:
        """Return the option combos of category combos that are made of just these options."""
        found: list[Key] = []
        for combo in combos:
            if combo not in self._by_options:
                self._by_options[combo] = defaultdict(list)
                for option_combo, of in self._catalog.option_combos_of(combo).items():
                    self._by_options[combo][of].append(option_combo)
            found += self._by_options[combo].get(options, ())
        return found

    def defaults(self) -> OptionCombos[Key]:
        """Return the default option combo, as DHIS2 finds it: by its UID, else by its name."""
        keys = self._default_option_combos()
        names = dict(zip(keys, self._catalog.names("coc", keys), strict=True))
        usual = [key for key, (uid, _) in names.items() if uid == DEFAULT_OPTION_COMBO]
        usual = usual or [key for key, (_, name) in names.items() if name == DEFAULT_NAME] or keys
        return OptionCombos(dict(enumerate(usual[:1])), usual if len(usual) > 1 else ())

    def several_defaults(self) -> list[Finding]:
        """Report default option combos where there are several: TP734, or nothing."""
        keys = self._default_option_combos()
        if len(keys) < 2:
            return []
        message = f"there are {len(keys)} default option combos: a value stored under both counts twice in analytics"
        return [finding("TP734", message=message, culprits=self.labels("coc", keys), expected="one")]

    def _default_option_combos(self) -> list[Key]:
        return [key for combo in self._catalog.default_combos for key in self._catalog.option_combos_of(combo)]

    # --- Words -------------------------------------------------------------------------------------------------------

    def labels(self, kind: str, keys: Sequence[Key]) -> list[str]:
        """Return how people know objects."""
        return [label(uid, name) for uid, name in self._catalog.names(kind, keys)]

    def _in_order(self, combos: Iterable[Key]) -> list[Key]:
        """Return category combos in an order that depends on nothing but what they are."""
        found = list(combos)
        return [key for _, key in sorted(zip(self._catalog.names("cc", found), found, strict=True))]


class HeaderResolver(Resolver[Key]):
    """The same for what headers name."""

    def __init__(self, catalog: NamedCatalog[Key]) -> None:
        super().__init__(catalog)
        self._named = catalog

    def option_combos(self, header: GroupHeader, kind: str) -> OptionCombos[Key]:
        """Return the option combos of a kind, `coc` or `aoc`, that a header's rows can mean.

        Raises:
            Unsettled: which category combo is meant, or which option combo, is not settled.
        """
        names, options = (header.coc, header.co) if kind == "coc" else (header.aoc, header.ao)
        if names:
            keys = self._named.keys(kind, header.ids[kind], names)
            return OptionCombos({place: key for place, key in enumerate(keys) if key is not None})
        if options is None:
            found = self.defaults()
        else:
            combos = [self._data_combo(header)] if kind == "coc" else self._attribute_combos(header)
            scheme = header.ids["co"]
            found = self.placed(combos, [self._named.keys("co", scheme, names) for names in options.options])
        if found.collisions:
            expected = "one option combo for the same category options"
            role = kind if options is None else ROLES[kind]
            raise Unsettled(role, ", ".join(self.labels("coc", found.collisions)), expected)
        return found

    def _data_combo(self, header: GroupHeader) -> Key:
        if header.cc is not None:
            return self._one(header, "cc", header.cc)
        element = self._one(header, "de", header.de)
        found = self.data_combos(element, None if header.ds is None else self._one(header, "ds", header.ds))
        if len(found) != 1:
            raise self._unsettled("co", found, header.de)
        return found[0]

    def _attribute_combos(self, header: GroupHeader) -> list[Key]:
        if header.ds is not None:
            data_sets = [self._one(header, "ds", header.ds)]
        else:
            data_sets = list(self._catalog.data_sets_of(self._one(header, "de", header.de)))
        found = self.attribute_combos(data_sets)
        if not found:
            raise self._unsettled("ao", found, header.ds or header.de)
        return found

    def _one(self, header: GroupHeader, kind: str, identifier: str) -> Key:
        (key,) = self._named.keys(kind, header.ids[kind], [identifier])
        if key is None:
            raise Unsettled(kind, identifier, "an identifier that metadata know")
        return key

    def _unsettled(self, role: str, combos: Sequence[Key], of: str) -> Unsettled:
        found = ", ".join(self.labels("cc", combos)) or f"no category combo of {of}"
        return Unsettled(role, found, "one category combo")
