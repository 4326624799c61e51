"""The small health information system of tests/fixtures/metadata, as a snapshot, and headers of groups for it."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from support import places
from tallyport.metadata import Snapshot
from tallyport_schemas.group_header import KINDS, GroupHeader, OptionDimension

FIXTURES = places.FIXTURES / "metadata"
METADATA, ORG_UNITS = FIXTURES / "metadata.json", FIXTURES / "org-units.json"

Export = dict[str, Any]
Change = Callable[[Export], object]


def export() -> Export:
    """Return both exports as one."""
    document: Export = json.loads(METADATA.read_text(encoding="utf-8"))
    return document | {"organisationUnits": json.loads(ORG_UNITS.read_text(encoding="utf-8"))}


@cache
def whole() -> Snapshot:
    """Return all there is."""
    return Snapshot.from_exports([METADATA, ORG_UNITS])


def changed(*changes: Change) -> Snapshot:
    """Return the snapshot of an export that was changed."""
    document = copy.deepcopy(export())
    for change in changes:
        change(document)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return Snapshot.from_exports([path])


def of(document: Export, uid: str) -> dict[str, Any]:
    """Return an object of an export."""
    for collection in document.values():
        for element in collection if isinstance(collection, list) else ():
            if element["id"] == uid:
                found: dict[str, Any] = element
                return found
    raise KeyError(uid)


def put(uid: str, name: str, value: Any) -> Change:
    """Change a field of an object."""
    return lambda document: of(document, uid).__setitem__(name, value)


def without(collection: str, *names: str) -> Change:
    """Take a collection out of an export, or fields of all its objects."""

    def change(document: Export) -> None:
        if not names:
            del document[collection]
        for element in document[collection] if names else ():
            for name in names:
                element.pop(name, None)

    return change


def options(given: Mapping[str, Sequence[str]] | Sequence[Sequence[str]]) -> OptionDimension:
    """Return category options as a header has them."""
    if isinstance(given, Mapping):
        return OptionDimension(tuple(given), tuple(map(tuple, given.values())))
    return OptionDimension(None, tuple(map(tuple, given)))


def header(**given: Any) -> GroupHeader:
    """Return a header without fault, but for what is `given`."""
    ids = dict.fromkeys(KINDS, "UID") | given.pop("ids", {})
    parts: dict[str, Any] = {
        "ds": "dsMonthly01",
        "cc": None,
        "de": "deVisits001",
        "pe": ("202501",),
        "ou": ("ouClinicA01",),
        "coc": ("ocUnder5F01",),
        "co": None,
        "aoc": None,
        "ao": None,
        "delete": None,
        "size": 0,
    }
    if "co" in given:
        parts["coc"] = None
    return GroupHeader(ids=ids, **(parts | given))
