"""A plain ADV2 reader: every group as a mapping of keys to what is stored, after strict checks of the writer's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallyport_converters.model import periods


class Number(str):
    """A number as it stands in the file."""


class MalformedError(Exception):
    """The file is not what the writer must write."""


@dataclass(frozen=True)
class Payload:
    """What a row says of its key."""

    value: str | None
    deleted: bool
    followup: bool | None
    comment: str | None


Key = tuple[object, ...]
"""Data set, data element, period, org unit, option combo, attribute option combo."""


@dataclass(frozen=True)
class Group:
    """One group: its header without `data`, and its rows by key."""

    header: dict[str, object]
    rows: dict[Key, Payload]


ORDER = ("ids", "ds", "de", "pe", "ou", "coc", "co", "aoc", "ao", "delete", "size", "data")


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    _check(len(found) == len(members), "a key occurs twice")
    return found


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise MalformedError(what)


def parse(data: bytes) -> list[Group]:
    """Read one group or an array of them."""
    root = json.loads(data.decode(), object_pairs_hook=_object, parse_int=Number, parse_float=Number)
    return [_group(group) for group in (root if isinstance(root, list) else [root])]


def values(files: Iterable[bytes]) -> dict[Key, Payload]:
    """The rows of all files, by key."""
    found: dict[Key, Payload] = {}
    for data in files:
        for group in parse(data):
            _check(not found.keys() & group.rows.keys(), "a key occurs in two groups")
            found |= group.rows
    return found


def read_folder(folder: Path) -> dict[Key, Payload]:
    """The rows of all ADV2 files of a folder, by key."""
    return values(path.read_bytes() for path in sorted(folder.glob("*.adv2.json")))


def _group(group: dict[str, object]) -> Group:
    _check(list(group) == [name for name in ORDER if name in group], f"properties out of order: {list(group)}")
    _check({"de", "pe", "ou", "size"} <= group.keys(), "a property is missing")
    _check(not {"coc", "co"} <= group.keys(), "coc and co")
    _check(not {"aoc", "ao"} <= group.keys(), "aoc and ao")
    _check(type(group["de"]) is str, "de is no string")
    whens = _dimension(group["pe"])
    found = [periods.parse(when) for when in whens]
    _check(all(period is not None for period in found), "a period is none")
    in_order = sorted((period for period in found if period is not None), key=periods.sort_key)
    _check([period.iso for period in in_order] == whens, "periods out of order or not in their usual form")
    units = _dimension(group["ou"])
    _check(units == sorted(units), "org units out of order")
    cocs = _combos(group, "coc", "co")
    aocs = _combos(group, "aoc", "ao")
    dimensions = [whens, units, *cocs.values(), *aocs.values()]
    rows = group.pop("data", [])
    size = group["size"]
    _check(isinstance(size, Number) and size.isdigit() and isinstance(rows, list), "size or data")
    assert isinstance(rows, list)
    _check(len(rows) == int(str(size)), f"size is {size}, but there are {len(rows)} rows")
    _check("delete" not in group or not rows, "rows in a group that deletes")
    keyed: dict[Key, Payload] = {}
    last: list[int] = []
    for row in rows:
        index, payload = _row(row, dimensions)
        _check(last < index, f"row out of order: {row}")
        last = index
        names = [names[i] for i, names in zip(index, dimensions, strict=True)]
        parts = names[2:]
        coc = _combo(group, "coc", cocs, parts[: len(cocs)])
        aoc = _combo(group, "aoc", aocs, parts[len(cocs) :])
        keyed[(group.get("ds"), group["de"], *names[:2], coc, aoc)] = payload
    _check(len(keyed) == len(rows), "a key occurs twice")
    for place, names in enumerate(dimensions):
        used = {key[2 + place] for key in keyed} if place < 2 else None
        _check(not rows or used is None or used == set(names), "an identifier that no row has")
    return Group(group, keyed)


def _dimension(names: object) -> list[str]:
    """Identifiers of one dimension; the writer gives a single one as a string."""
    if isinstance(names, str):
        _check(type(names) is str, "a number for an identifier")
        return [names]
    _check(isinstance(names, list) and len(names) > 1, f"neither one identifier nor several: {names}")
    assert isinstance(names, list)
    _check(all(type(name) is str and name for name in names), "an identifier is no text")
    _check(len(set(names)) == len(names), "an identifier occurs twice")
    return names


def _combos(group: Mapping[str, object], by_id: str, by_options: str) -> dict[str, list[str]]:
    """Identifiers by category; by "" for option combos; by place for lists without categories."""
    if by_id in group:
        combos = _dimension(group[by_id])
        _check(combos == sorted(combos), "option combos out of order")
        return {"": combos}
    options = group.get(by_options, {})
    if isinstance(options, list):
        _check(all(isinstance(names, list) and names for names in options), "options by place that are no arrays")
        found = {str(place): names if len(names) == 1 else _dimension(names) for place, names in enumerate(options)}
    else:
        assert isinstance(options, dict)
        _check(list(options) == sorted(options), "categories out of order")
        _check(by_options not in group or bool(options), "no categories")
        found = {category: _dimension(names) for category, names in options.items()}
    _check(all(names == sorted(names) for names in found.values()), "options out of order")
    return found


def _combo(group: Mapping[str, object], by_id: str, dimensions: dict[str, list[str]], names: list[str]) -> object:
    if not names:
        return None
    return names[0] if by_id in group else tuple(zip(dimensions, names, strict=True))


def _row(row: object, dimensions: list[list[str]]) -> tuple[list[int], Payload]:
    assert isinstance(row, list)
    index = []
    at = 0
    for names in dimensions:
        if len(names) == 1:
            index.append(0)
            continue
        place = row[at]
        at += 1
        _check(isinstance(place, Number) and re.fullmatch("0|[1-9][0-9]*", place) is not None, f"no index: {place!r}")
        _check(int(place) < len(names), f"index {place} of {len(names)}")
        index.append(int(place))
    rest = row[at:]
    _check(1 <= len(rest) <= 4, f"too few or too many members: {row}")
    defaults = [False, None, None]
    _check(len(rest) == 1 or rest[-1] is not defaults[len(rest) - 2], f"a default at the end: {row}")
    value, deleted, followup, comment = rest + defaults[len(rest) - 1 :]
    _check(type(deleted) is bool and (followup is None or type(followup) is bool), f"flags: {row}")
    _check(comment is None or (type(comment) is str and comment != ""), f"comment: {row}")
    _check(value is not None or deleted or comment is not None, f"no value: {row}")
    return index, Payload(_text(value), deleted, followup, comment)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, Number):
        digits = value.replace("-", "").replace(".", "").lstrip("0")
        exact = re.fullmatch(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9]", value)
        _check(exact is not None and len(digits) <= 15, f"a number that should be text: {value}")
        return str(value)
    _check(isinstance(value, str) and value != "", f"no value: {value!r}")
    return str(value)
