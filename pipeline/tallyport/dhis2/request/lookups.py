"""Lookups: what a push has to know of the server's metadata. Each thing is asked for once.

Also the server's catalog for the resolver of option combos, which answers from what was loaded; keys are UIDs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallyport.dhis2.client import Client
from tallyport.metadata.catalog import DEFAULT_COMBO, DEFAULT_NAME
from tallyport.metadata.combos import Resolver
from tallyport.metadata.snapshot import KINDS
from tallyport_schemas.group_header import GroupHeader

_BATCH = 100
"""Identifiers of one request: an address has to stay short."""

_FIELDS: Mapping[str, str] = {
    "categories": "id,categoryOptions[id]",
    "categoryCombos": "id,name,categories[id]",
    "categoryOptionCombos": "id,name,categoryCombo[id],categoryOptions[id]",
    "categoryOptions": "id,organisationUnits[id]",
    "dataElements": "id,categoryCombo[id]",
    "dataSets": "id,periodType,categoryCombo[id],organisationUnits[id],"
    "dataSetElements[dataElement[id],categoryCombo[id]]",
}
"""What is asked of an object of each collection."""

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set; `elements`: its data elements, each with the category combo that overrides its own there."""

    uid: str
    period_type: str
    combo: str | None
    units: frozenset[str]
    elements: Mapping[str, str | None]


class Lookups:
    """The metadata of one server, as far as it was asked for."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uids: dict[tuple[str, str], dict[str, str | None]] = {}
        self._combos: dict[str, str | None] = {}
        self._names: dict[str, dict[str, str]] = {"cc": {}, "coc": {}}
        self._data_sets: dict[str, DataSet | None] = {}
        self._of_elements: dict[str, list[str]] = {}
        self._option_combos: dict[str, dict[str, frozenset[str]]] = {}
        self._limited: dict[str, bool] = {}
        self._defaults: Sequence[str] | None = None

    # --- Identifiers -------------------------------------------------------------------------------------------------

    async def uids(self, collection: str, scheme: str, identifiers: Iterable[str]) -> Mapping[str, str]:
        """Return the UIDs of objects by their identifiers in a scheme; those that name one object."""
        wanted = list(dict.fromkeys(identifiers))
        if scheme == "UID":
            return dict(zip(wanted, wanted, strict=True))
        known = self._uids.setdefault((collection, scheme), {})
        missing = [name for name in wanted if name not in known]
        field = scheme.removeprefix("ATTRIBUTE:") if scheme.startswith("ATTRIBUTE:") else scheme.lower()
        plain = [name for name in missing if not set(name) & set(",[]")]
        filters = [f"{field}:in:[{','.join(plain[at : at + _BATCH])}]" for at in range(0, len(plain), _BATCH)]
        filters += [f"{field}:eq:{name}" for name in missing if name not in plain]
        fields = "id,attributeValues[attribute[id],value]" if ":" in scheme else f"id,{field}"
        for asked in filters:
            async for page, _ in self._client.pages(collection, fields, filters=[asked]):
                for found in page:
                    for name in _names(found, scheme):
                        known[name] = found["id"] if known.get(name, found["id"]) == found["id"] else None
        known.update({name: None for name in missing if name not in known})
        return {name: uid for name in wanted if (uid := known[name]) is not None}

    # --- Data sets ---------------------------------------------------------------------------------------------------

    async def data_sets_with(self, element: str) -> Sequence[DataSet]:
        """Return the data sets that have a data element, by UID."""
        if element not in self._of_elements:
            asked = [f"dataSetElements.dataElement.id:eq:{element}"]
            found = [one["id"] async for one in self._objects("dataSets", asked, fields="id")]
            self._of_elements[element] = sorted(found)
        loaded = [await self.data_set(uid) for uid in self._of_elements[element]]
        return [data_set for data_set in loaded if data_set is not None]

    async def data_set(self, uid: str) -> DataSet | None:
        """Return a data set; None if there is none."""
        if uid not in self._data_sets:
            self._data_sets[uid] = None
            async for found in self._by_id("dataSets", [uid]):
                self._data_sets[uid] = DataSet(
                    uid,
                    str(found.get("periodType")),
                    _id(found.get("categoryCombo")),
                    frozenset(unit["id"] for unit in found.get("organisationUnits", ())),
                    {of["dataElement"]["id"]: _id(of.get("categoryCombo")) for of in found.get("dataSetElements", ())},
                )
        return self._data_sets[uid]

    async def is_limited_to_units(self, data_set: DataSet) -> bool:
        """Whether one of a data set's attribute options may be used at some organisation units only."""
        combo = data_set.combo
        if combo is None or combo in await self.load_defaults():
            return False
        if combo not in self._limited:
            categories = await self._members("categoryCombos", [combo], "categories")
            options = await self._members("categories", categories, "categoryOptions")
            self._limited[combo] = False
            async for found in self._by_id("categoryOptions", options):
                if found.get("organisationUnits"):
                    self._limited[combo] = True
                    break
        return self._limited[combo]

    async def combos_of_option_combos(self, scheme: str, identifiers: Sequence[str]) -> Mapping[str, str]:
        """Return the category combo of each option combo."""
        uids = await self.uids("categoryOptionCombos", scheme, identifiers)
        loaded = self._by_id("categoryOptionCombos", list(uids.values()))
        found = {one["id"]: _id(one.get("categoryCombo")) or "" async for one in loaded}
        return {name: found.get(uid, "") for name, uid in uids.items()}

    # --- The catalog: what is loaded, and `Catalog` ------------------------------------------------------------------

    async def load(self, header: GroupHeader) -> None:
        """Load what settles the option combos of a header that gives category options."""
        element = await self._load_element(header)
        named = await self.uids("dataSets", header.ids["ds"], [] if header.ds is None else [header.ds])
        sets = [uid for uid in named.values() if await self.data_set(uid)]
        if header.ds is None and element is not None:
            sets = [data_set.uid for data_set in await self.data_sets_with(element)]
        combos = list((await self.uids("categoryCombos", header.ids["cc"], [header.cc] if header.cc else [])).values())
        if element is not None and header.cc is None:
            combos += Resolver(self).data_combos(element, sets[0] if header.ds is not None and sets else None)
        if header.ao:
            combos += Resolver(self).attribute_combos(sets)
        missing = sorted({combo for combo in combos if combo not in self._names["cc"]})
        async for found in self._by_id("categoryCombos", missing):
            self._names["cc"][found["id"]] = found.get("name") or ""
        for combo in combos:
            await self._load_option_combos(combo)
        options = [option for of in (header.co, header.ao) if of for place in of.options for option in place]
        await self.uids("categoryOptions", header.ids["co"], options)

    async def _load_element(self, header: GroupHeader) -> str | None:
        uids = await self.uids("dataElements", header.ids["de"], [header.de])
        async for found in self._by_id("dataElements", [uid for uid in uids.values() if uid not in self._combos]):
            self._combos[found["id"]] = _id(found.get("categoryCombo"))
        return next((uid for uid in uids.values() if uid in self._combos), None)

    async def _load_option_combos(self, combo: str) -> None:
        if combo not in self._option_combos:
            made = self._option_combos[combo] = {}
            async for found in self._objects("categoryOptionCombos", [f"categoryCombo.id:eq:{combo}"]):
                made[found["id"]] = frozenset(option["id"] for option in found.get("categoryOptions", ()))
                self._names["coc"][found["id"]] = found.get("name") or ""

    async def load_defaults(self) -> Sequence[str]:
        """Return the default category combo, with its option combos loaded: see `Catalog`."""
        if self._defaults is None:
            told = (f"id:eq:{DEFAULT_COMBO}", f"name:eq:{DEFAULT_NAME}", f"code:eq:{DEFAULT_NAME}")
            found = {one["id"] for asked in told async for one in self._objects("categoryCombos", [asked], fields="id")}
            self._defaults = sorted(found)
            for combo in self._defaults:
                await self._load_option_combos(combo)
        return self._defaults

    def keys(self, kind: str, scheme: str, identifiers: Sequence[str]) -> list[str | None]:
        """Return the object of each identifier; None where there is none, or several."""
        uids: Sequence[str | None] = identifiers
        if scheme != "UID":
            known = self._uids.get((KINDS[kind], scheme), {})
            uids = [known.get(name) for name in identifiers]
        there = {
            "de": self._combos.keys(),
            "ds": {uid for uid, found in self._data_sets.items() if found},
            "cc": self._names["cc"].keys(),
        }.get(kind)
        return [uid if there is None or uid in there else None for uid in uids]

    def names(self, kind: str, keys: Sequence[str]) -> list[tuple[str, str]]:
        """Return the UID and the name of objects."""
        return [(uid, self._names[kind].get(uid, "")) for uid in keys]

    def combo_of_element(self, element: str) -> str | None:
        """Return a data element's own category combo."""
        return self._combos.get(element)

    def data_sets_of(self, element: str) -> Mapping[str, str | None]:
        """Return the data sets that have a data element, each with the category combo that overrides its own there."""
        loaded = [data_set for data_set in self._data_sets.values() if data_set]
        return {of.uid: of.elements[element] for of in loaded if element in of.elements}

    def combo_of_data_set(self, data_set: str) -> str | None:
        """Return the category combo of a data set's attributes."""
        found = self._data_sets.get(data_set)
        return found.combo if found else None

    def option_combos_of(self, combo: str) -> Mapping[str, frozenset[str]]:
        """Return the option combos of a category combo, each with its category options."""
        return self._option_combos.get(combo, {})

    @property
    def default_combos(self) -> Sequence[str]:
        """The default category combo, if it was loaded."""
        return self._defaults or ()

    # --- Asking ------------------------------------------------------------------------------------------------------

    async def _objects(self, collection: str, filters: Sequence[str], *, fields: str = "") -> AsyncIterator[Object]:
        async for page, _ in self._client.pages(collection, fields or _FIELDS[collection], filters=filters):
            for found in page:
                yield found

    async def _members(self, collection: str, uids: Sequence[str], member: str) -> list[str]:
        """Return the UIDs of what objects have as a member."""
        return [one["id"] async for owner in self._by_id(collection, uids) for one in owner.get(member, ())]

    async def _by_id(self, collection: str, uids: Sequence[str]) -> AsyncIterator[Object]:
        for at in range(0, len(uids), _BATCH):
            async for found in self._objects(collection, [f"id:in:[{','.join(uids[at : at + _BATCH])}]"]):
                yield found


def _id(reference: Mapping[str, Any] | None) -> str | None:
    return reference.get("id") if reference else None


def _names(found: Object, scheme: str) -> list[str]:
    """Return an object's identifiers in a scheme."""
    if scheme.startswith("ATTRIBUTE:"):
        uid = scheme.removeprefix("ATTRIBUTE:")
        return [v["value"] for v in found.get("attributeValues", ()) if _id(v.get("attribute")) == uid]
    name = found.get(scheme.lower())
    return [name] if isinstance(name, str) else []
