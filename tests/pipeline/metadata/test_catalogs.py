"""One answer to which option combos a header means: of a snapshot, of a database, of a server.

Random countries have option combos for most combinations of options, some twice, and options in several categories;
data sets that override category combos; objects that share a name. Random headers name objects by all schemes, some of
them none, or those of another.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support import hmis
from support.databases import execute, fresh, running_server
from support.dhis2_server import PASSWORD, USERNAME, Dhis2Server
from tallyport.dhis2.client import open_client
from tallyport.dhis2.request.lookups import Lookups
from tallyport.metadata import Snapshot
from tallyport.metadata.catalog import Key, NamedCatalog
from tallyport.metadata.combos import HeaderResolver, Unsettled
from tallyport.postgres.catalog.org_unit_cache import KnownUnits
from tallyport.postgres.catalog.stored_metadata import header_objects
from tallyport.postgres.embedded.metadata_tables import fill
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.statements import statement
from tallyport_schemas.group_header import KINDS, GroupHeader

COUNTRIES = 3
HEADERS = int(os.environ.get("TALLYPORT_CASES", "100"))
"""Random headers for each country."""

SCHEMES = ("UID", "UID", "CODE", "NAME")
UNIT = "ouCountry01"

Object = dict[str, Any]
Export = dict[str, list[Object]]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


def uid(kind: str, number: int) -> str:
    return f"{kind}{number:0{11 - len(kind)}d}"


def made(kind: str, number: int, **fields: Any) -> Object:
    return {"id": uid(kind, number), "code": f"CODE {kind} {number}", "name": f"Name {kind} {number}", **fields}


def country(chance: random.Random) -> Export:
    """A country; its first category combo is the default one."""

    def some(kind: str, most: int, count: int) -> list[Object]:
        return [{"id": uid(kind, number)} for number in chance.sample(range(most), count)]

    options = [made("option", number, organisationUnits=[]) for number in range(10)]
    categories = [made("category", 0, categoryOptions=[{"id": uid("option", 0)}])]
    categories += [made("category", n, categoryOptions=some("option", 10, chance.randint(1, 4))) for n in range(1, 5)]
    combos = [made("combo", 0, categories=[{"id": uid("category", 0)}]) | {"name": "default"}]
    combos += [made("combo", number, categories=some("category", 5, chance.randint(1, 3))) for number in range(1, 6)]
    option_combos: list[Object] = []
    for combo in combos:
        places = [categories[int(each["id"][8:])]["categoryOptions"] for each in combo["categories"]]
        for chosen in product(*places):
            of = {option["id"]: option for option in chosen}
            times = 1 if combo is combos[0] else chance.choice([0, 1, 1, 1, 1, 1, 1, 1, 2])
            for _ in range(times if len(of) == len(chosen) else 0):
                fields = {"categoryCombo": {"id": combo["id"]}, "categoryOptions": list(of.values())}
                option_combos.append(made("optcom", len(option_combos), **fields))
    if chance.random() < 0.7:
        option_combos[0]["name"] = "default"
    element = {"domainType": "AGGREGATE", "valueType": "NUMBER"}
    elements = [made("elemen", n, **element, categoryCombo=some("combo", 6, 1)[0]) for n in range(8)]
    data_sets = []
    for number in range(5):
        members = [{"dataElement": each} for each in some("elemen", 8, chance.randint(1, 6))]
        for member in members:
            if chance.random() < 0.5:
                member["categoryCombo"] = some("combo", 6, 1)[0]
        fields = {"periodType": "Monthly", "categoryCombo": some("combo", 6, 1)[0], "dataSetElements": members}
        data_sets.append(made("dataset", number, **fields, organisationUnits=[{"id": UNIT}], expiryDays=0))
    data_sets[1]["name"] = data_sets[0]["name"]
    unit = {"id": UNIT, "code": "COUNTRY", "name": "Country", "path": f"/{UNIT}", "openingDate": "1990-01-01"}
    return {
        "dataElements": elements,
        "dataSets": data_sets,
        "categoryCombos": combos,
        "categories": categories,
        "categoryOptions": options,
        "categoryOptionCombos": option_combos,
        "organisationUnits": [unit],
        "attributes": [],
        "optionSets": [],
        "options": [],
    }


def header(chance: random.Random, made_of: Export) -> GroupHeader:
    """A header that has mostly been made as it should be."""
    ids = {kind: chance.choice(SCHEMES) for kind in KINDS} | {"ou": "UID"}

    def name(kind: str, found: Object) -> str:
        wanted = chance.choice(SCHEMES) if chance.random() < 0.02 else ids[kind]
        return "nobody" if chance.random() < 0.01 else str(found["id" if wanted == "UID" else wanted.lower()])

    def options(of: Object) -> Any:
        fitting = hmis.of(made_of, of["categoryCombo"]["id"])
        combo = fitting if chance.random() < 0.7 else chance.choice(made_of["categoryCombos"])
        chosen = [hmis.of(made_of, category["id"]) for category in combo["categories"]]
        chance.shuffle(chosen)
        given = {}
        for category in chosen:
            among = category["categoryOptions"]
            some = chance.sample(among, chance.randint(1, len(among)))
            given[category["id"]] = list(dict.fromkeys(name("co", hmis.of(made_of, option["id"])) for option in some))
        return hmis.options(given if chance.random() < 0.5 else list(given.values()))

    element, data_set = chance.choice(made_of["dataElements"]), chance.choice(made_of["dataSets"])
    return hmis.header(
        ids=ids,
        de=name("de", element),
        ds=name("ds", data_set) if chance.random() < 0.6 else None,
        cc=name("cc", chance.choice(made_of["categoryCombos"])) if chance.random() < 0.3 else None,
        ou=(UNIT,),
        co=options(element) if chance.random() < 0.9 else None,
        ao=options(data_set) if chance.random() < 0.7 else None,
    )


def answers(catalog: NamedCatalog[Key], given: GroupHeader) -> list[Any]:
    """What a catalog answers for both kinds of option combos: UIDs by place, or why not."""
    found: list[Any] = []
    for kind in ("coc", "aoc"):
        try:
            by_place = HeaderResolver(catalog).option_combos(given, kind).by_place
        except Unsettled as error:
            found.append((error.role, error.found, error.expected))
        else:
            uids = [uid for uid, _ in catalog.names("coc", list(by_place.values()))]
            found.append(dict(zip(by_place, uids, strict=True)))
    return found


async def of_server(url: str, headers: list[GroupHeader]) -> list[list[Any]]:
    async with open_client(url, username=USERNAME, password=PASSWORD) as client:
        lookups = Lookups(client)
        await lookups.load_defaults()
        found = []
        for given in headers:
            await lookups.load(given)
            found.append(answers(lookups, given))
        return found


def test_a_snapshot_a_database_and_a_server_mean_the_same_option_combos(server: EmbeddedServer, tmp_path: Path) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(COUNTRIES):
        chance = random.Random(seed)
        metadata = country(chance)
        (tmp_path / "export.json").write_text(json.dumps(metadata), encoding="utf-8")
        snapshot = Snapshot.from_exports([tmp_path / "export.json"])
        headers = [header(chance, metadata) for _ in range(HEADERS)]
        by_snapshot = [answers(snapshot, given) for given in headers]

        url = fresh(server, f"country_{seed}")
        execute(url, statement("embedded/tables"))
        with psycopg.connect(url) as database:
            fill(database, snapshot)
            units = KnownUnits()
            by_database = [answers(header_objects(database, given, units).snapshot, given) for given in headers]

        with Dhis2Server(metadata=metadata) as loopback:
            by_server = asyncio.run(of_server(loopback.url, headers))

        for given, one, two, three in zip(headers, by_snapshot, by_database, by_server, strict=True):
            assert one == two == three, given
        kinds.update(
            one[2] if isinstance(one, tuple) else "some" if one else "none" for of in by_snapshot for one in of
        )
    assert kinds["some"] > COUNTRIES * HEADERS / 2
    assert kinds.keys() == {
        "some",
        "none",
        "one category combo",
        "one option combo for the same category options",
        "an identifier that metadata know",
    }
