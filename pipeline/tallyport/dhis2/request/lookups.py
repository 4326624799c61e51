"""Lookups: what a push has to know of the server's metadata. Each thing is asked for once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallyport.dhis2.client import Client

_BATCH = 100
"""Identifiers of one request: an address has to stay short."""

_DATA_SET = "id,periodType,categoryCombo[id],organisationUnits[id],dataSetElements[dataElement[id],categoryCombo[id]]"


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set; `overrides`: the category combo of data elements that have another one in it."""

    uid: str
    period_type: str
    combo: str | None
    units: frozenset[str]
    overrides: Mapping[str, str]


class Lookups:
    """The metadata of one server, as far as it was asked for."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uids: dict[tuple[str, str], dict[str, str]] = {}
        self._asked: dict[tuple[str, str], set[str]] = {}
        self._data_sets: dict[str, DataSet] = {}
        self._of_elements: dict[str, list[str]] = {}
        self._option_combos: dict[str, dict[frozenset[str], str]] = {}
        self._limited: dict[str, bool] = {}

    async def uids(self, collection: str, scheme: str, identifiers: Iterable[str]) -> Mapping[str, str]:
        """Return the UIDs of objects by their identifiers in a scheme; those that there are."""
        wanted = list(dict.fromkeys(identifiers))
        if scheme == "UID":
            return dict(zip(wanted, wanted, strict=True))
        known = self._uids.setdefault((collection, scheme), {})
        asked_for = self._asked.setdefault((collection, scheme), set())
        missing = [name for name in wanted if name not in asked_for]
        field = scheme.removeprefix("ATTRIBUTE:") if scheme.startswith("ATTRIBUTE:") else scheme.lower()
        plain = [name for name in missing if not set(name) & set(",[]")]
        filters = [f"{field}:in:[{','.join(plain[at : at + _BATCH])}]" for at in range(0, len(plain), _BATCH)]
        filters += [f"{field}:eq:{name}" for name in missing if name not in plain]
        fields = "id,attributeValues[attribute[id],value]" if ":" in scheme else f"id,{field}"
        for asked in filters:
            async for page, _ in self._client.pages(collection, fields, filters=[asked]):
                known.update({name: found["id"] for found in page for name in _names(found, scheme)})
        asked_for.update(missing)  # also what there is not
        return {name: known[name] for name in wanted if name in known}

    async def data_sets_of(self, element: str) -> Sequence[DataSet]:
        """Return the data sets that have a data element, by UID."""
        if element not in self._of_elements:
            asked = [f"dataSetElements.dataElement.id:eq:{element}"]
            self._of_elements[element] = await self._listed("dataSets", asked)
            await self._load(self._of_elements[element])
        return [self._data_sets[uid] for uid in self._of_elements[element]]

    async def data_set(self, uid: str) -> DataSet | None:
        """Return a data set; None if there is none."""
        await self._load([uid])
        return self._data_sets.get(uid)

    async def combo_of(self, element: str) -> str | None:
        """Return a data element's own category combo."""
        async for page, _ in self._client.pages("dataElements", "id,categoryCombo[id]", filters=[f"id:eq:{element}"]):
            for found in page:
                return _id(found.get("categoryCombo"))
        return None

    async def option_combos(self, combo: str) -> Mapping[frozenset[str], str]:
        """Return the option combos of a category combo by the UIDs of their category options."""
        if combo not in self._option_combos:
            found: dict[frozenset[str], str] = {}
            fields, asked = "id,categoryOptions[id]", [f"categoryCombo.id:eq:{combo}"]
            async for page, _ in self._client.pages("categoryOptionCombos", fields, filters=asked):
                found.update({frozenset(o["id"] for o in one.get("categoryOptions", ())): one["id"] for one in page})
            self._option_combos[combo] = found
        return self._option_combos[combo]

    async def combos_of_option_combos(self, scheme: str, identifiers: Sequence[str]) -> Mapping[str, str]:
        """Return the category combo of each option combo."""
        uids = await self.uids("categoryOptionCombos", scheme, identifiers)
        found: dict[str, str] = {}
        names = list(uids.values())
        for at in range(0, len(names), _BATCH):
            asked = [f"id:in:[{','.join(names[at : at + _BATCH])}]"]
            async for page, _ in self._client.pages("categoryOptionCombos", "id,categoryCombo[id]", filters=asked):
                found.update({one["id"]: _id(one.get("categoryCombo")) or "" for one in page})
        return {name: found.get(uid, "") for name, uid in uids.items()}

    async def is_limited_to_units(self, data_set: DataSet) -> bool:
        """Whether one of a data set's attribute options may be used at some organisation units only."""
        combo = data_set.combo
        if combo is None or combo == await self.default_combo():
            return False
        if combo not in self._limited:
            self._limited[combo] = await self._has_limited_option(combo)
        return self._limited[combo]

    async def _has_limited_option(self, combo: str) -> bool:
        categories = await self._members("categoryCombos", [combo], "categories")
        options = await self._members("categories", categories, "categoryOptions")
        for at in range(0, len(options), _BATCH):
            asked = [f"id:in:[{','.join(options[at : at + _BATCH])}]"]
            async for page, _ in self._client.pages("categoryOptions", "id,organisationUnits[id]", filters=asked):
                if any(found.get("organisationUnits") for found in page):
                    return True
        return False

    async def _members(self, collection: str, uids: Sequence[str], member: str) -> list[str]:
        """Return the UIDs of what objects have as a member."""
        found: list[str] = []
        for at in range(0, len(uids), _BATCH):
            asked = [f"id:in:[{','.join(uids[at : at + _BATCH])}]"]
            async for page, _ in self._client.pages(collection, f"id,{member}[id]", filters=asked):
                found += [one["id"] for owner in page for one in owner.get(member, ())]
        return found

    async def default_combo(self) -> str | None:
        """Return the default category combo."""
        return (await self.uids("categoryCombos", "NAME", ["default"])).get("default")

    async def default_option_combos(self) -> list[str]:
        """Return the option combos of the default category combo, by UID and name: a sound server has one."""
        combo = await self.default_combo()
        found: list[str] = []
        if combo is None:
            return found
        asked = [f"categoryCombo.id:eq:{combo}"]
        async for page, _ in self._client.pages("categoryOptionCombos", "id,name", filters=asked):
            found += [f"{one['id']} ({one['name']})" if one.get("name") else one["id"] for one in page]
        return found

    async def _listed(self, collection: str, filters: Sequence[str]) -> list[str]:
        found = [one["id"] async for page, _ in self._client.pages(collection, "id", filters=filters) for one in page]
        return sorted(found)

    async def _load(self, uids: Iterable[str]) -> None:
        for uid in uids:
            if uid in self._data_sets:
                continue
            async for page, _ in self._client.pages("dataSets", _DATA_SET, filters=[f"id:eq:{uid}"]):
                for found in page:
                    members = found.get("dataSetElements", ())
                    self._data_sets[uid] = DataSet(
                        uid,
                        str(found.get("periodType")),
                        _id(found.get("categoryCombo")),
                        frozenset(unit["id"] for unit in found.get("organisationUnits", ())),
                        {m["dataElement"]["id"]: m["categoryCombo"]["id"] for m in members if m.get("categoryCombo")},
                    )


def _id(reference: Mapping[str, Any] | None) -> str | None:
    return reference.get("id") if reference else None


def _names(found: Mapping[str, Any], scheme: str) -> list[str]:
    """Return an object's identifiers in a scheme."""
    if scheme.startswith("ATTRIBUTE:"):
        uid = scheme.removeprefix("ATTRIBUTE:")
        return [v["value"] for v in found.get("attributeValues", ()) if _id(v.get("attribute")) == uid]
    name = found.get(scheme.lower())
    return [name] if isinstance(name, str) else []
