"""Values as real servers took them: what an import stores, and what it refuses, against what either generation did.

A small set of our own is always tried. The large one, of two servers that were asked value by value, is no part of the
project: it lies in the folder `reference/observed` beside that of the real databases.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.databases import execute, running_server, small
from support.importing import Importing
from support.places import DATA
from tallyport_schemas.value_types import FILE_TYPES, ValueType

OBSERVED = DATA / ".." / "reference" / "observed" / "value-verdicts.json.gz"
SERVERS = {"42": "2.42.4.1", "43": "2.43.0"}

MONTHS = [f"{year}{month:02}" for year in range(2010, 2026) for month in range(1, 13)]

Verdicts = Sequence[tuple[str, str, str | None]]
"""Value type, text, and what is stored: None for nothing."""

BOTH: Verdicts = [
    ("NUMBER", "1.00", "1.00"),
    ("NUMBER", "-0", "-0"),
    ("NUMBER", "007", None),
    ("NUMBER", " 1", None),
    ("INTEGER", "-0", None),
    ("UNIT_INTERVAL", "1.00000000000000000001", "1.00000000000000000001"),
    ("UNIT_INTERVAL", "1.000000000000001", None),
    ("PERCENTAGE", "100.00000000000000000001", "100.00000000000000000001"),
    ("DATE", "0000-01-01", None),
    ("AGE", "0000-12-31", None),
    ("DATE", "0001-01-01", "0001-01-01"),
    ("URL", "http://example.invalidtld", None),
    ("URL", "http://example.org", "http://example.org"),
    ("TRUE_ONLY", "T", "true"),
    ("BOOLEAN", "0", "false"),
    ("LETTER", "ab", None),
    ("TEXT", "\u2028", "\u2028"),
    ("TEXT", "a\0b", None),
]
ONLY: dict[str, Verdicts] = {
    "42": [
        ("NUMBER", "0.0", None),
        ("INTEGER", "0", None),
        ("INTEGER", "5.0", None),
        ("BOOLEAN", "TrUe", "TrUe"),
        ("BOOLEAN", "yes", None),
        ("LETTER", "\n", None),
        ("TEXT", " \t", None),
        ("TEXT", "\x07", None),
        ("TEXT", " a b\n", "a b"),
        ("TRACKER_ASSOCIATE", " abc", "abc"),
    ],
    "43": [
        ("NUMBER", "0.0", "0.0"),
        ("INTEGER", "0", "0"),
        ("INTEGER", "5.0", "5"),
        ("BOOLEAN", "TrUe", "true"),
        ("BOOLEAN", "yes", "true"),
        ("LETTER", "\n", "\n"),
        ("TEXT", " \t", " \t"),
        ("TEXT", "\x07", "\x07"),
        ("TEXT", " a b\n", " a b\n"),
    ],
}


@pytest.fixture(scope="module", params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A database of a generation, with a data element of each value type, in the monthly data set."""
    with running_server() as server:
        url = small(server, request.param)
        for number, kind in enumerate(ValueType, 100):
            name = f"'deT{number:08}', null, '{kind}', '{kind}', 'AGGREGATE', false, 1, null, null"
            execute(
                url,
                f"insert into dataelement values ({number}, {name})",
                f"insert into datasetelement values ({number}, 1, {number})",
            )
        yield request.param, url


def differences(url: str, folder: Path, verdicts: Verdicts) -> list[Any]:
    """Import each value under a key of its own; returns those of which something else is stored than was said."""
    execute(url, "truncate datavalue")
    importing = Importing(url, folder)
    kinds = list(dict.fromkeys(kind for kind, *_ in verdicts))
    expected: dict[tuple[str, str], tuple[str, str | None]] = {}
    groups: list[dict[str, Any]] = []
    for kind in kinds:
        of_kind = [(text, stored) for each, text, stored in verdicts if each == kind]
        element = f"deT{100 + list(ValueType).index(ValueType(kind)):08}"
        pe, data = MONTHS[: len(of_kind)], [[at, text] for at, (text, _) in enumerate(of_kind)]
        if len(pe) == 1:
            data = [row[1:] for row in data]
        groups.append({"de": element, "pe": pe, "ou": "ouClinicA01", "size": len(data), "data": data})
        expected |= {(kind, pe[at]): told for at, told in enumerate(of_kind)}
    report = importing(*(json.dumps(group) for group in groups))
    assert report.errors == []
    assert sum(report.rows.values()) == len(verdicts)
    nothing = {
        (kind, group["pe"][(found.row or 0) + at])
        for kind, group, load in zip(kinds, groups, report.groups, strict=True)
        for found in load.findings
        for at in range(found.count or 1)
        if found.code not in ("TP227", "TP228")
    }
    unstored = sum(found.count or 0 for load in report.groups for found in load.findings if found.code > "TP226")
    stored = {
        (kind, f"{day:%Y%m}"): value
        for kind, day, value in execute(
            url,
            "select e.valuetype, p.startdate, v.value from datavalue v join dataelement e using (dataelementid) "
            "join period p using (periodid)",
        )
    }
    assert nothing.isdisjoint(stored)
    assert len(verdicts) == len(stored) + report.rows["ignored"]
    assert unstored or report.generation == "2.43"
    return [(key, *told, stored.get(key)) for key, told in expected.items() if stored.get(key) != told[1]]


def test_import_stores_what_the_generation_stores(database: tuple[str, str], tmp_path: Path) -> None:
    generation, url = database
    assert differences(url, tmp_path, [*BOTH, *ONLY[generation]]) == []


def test_import_judges_as_real_servers_did(database: tuple[str, str], tmp_path: Path) -> None:
    if not OBSERVED.exists():
        pytest.skip(f"what real servers did is not in {OBSERVED.parent}: set TALLYPORT_DATA to the folder beside it")
    generation, url = database
    observed = json.loads(gzip.decompress(OBSERVED.read_bytes()))
    verdicts = [
        (each["valueType"], each["value"], each[SERVERS[generation]].get("stored"))
        for each in observed
        if SERVERS[generation] in each
        # Files have to be known, whatever the server; a lone surrogate is no text.
        and not (each["valueType"] in FILE_TYPES and "stored" in each[SERVERS[generation]])
        and each["value"] != "\ud800"
    ]
    assert len(verdicts) > 700
    assert differences(url, tmp_path, verdicts) == []
