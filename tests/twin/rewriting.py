"""What must come out: the ADV2 files byte for byte, completions, counts, for what `reading` read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tallyport_converters.model import periods
from twin.reading import SCHEMED_KINDS, Options, Reading, UnreadableError, effective_schemes, read
from twin.values import Combo, OptionList, Value

SUFFIX = ".adv2.json"


@dataclass(frozen=True)
class Group:
    """A finished group: its element, its text (one JSON object and a line end) and its number of rows."""

    data_element: str
    order: tuple[object, ...]
    text: str
    rows: int


@dataclass(frozen=True)
class Expected:
    """All that a conversion must give. `refused` is the code of a source that is not converted at all."""

    files: dict[str, bytes]
    rows: dict[str, int]
    completions: list[dict[str, object]]
    read: int
    written: int
    superseded: int
    rejected: dict[int, frozenset[str]]
    dropped: dict[str, int]
    must: Mapping[str, int] = field(default_factory=dict)
    """How often at least each notice is given, by code and field."""
    may: Mapping[str, int] = field(default_factory=dict)
    """How often at most."""
    originals: Mapping[int, object] = field(default_factory=dict)
    refused: str | None = None
    different: Mapping[str, int] = field(default_factory=dict)
    """Superseded values that differ from what stands, by data element."""


def expected(data: bytes, source_format: str, options: Options | None = None) -> Expected:
    """What converting `data` must give."""
    try:
        reading = read(data, source_format, options)
        groups = all_groups(reading, "CODE" if source_format == "adx" else "UID")
    except UnreadableError as refusal:
        return Expected({}, {}, [], 0, 0, 0, {}, {}, refused=refusal.code)
    named = name_files(groups)
    written = sum(group.rows for group in groups)
    return Expected(
        files={name: group.text.encode() for name, group in named.items()},
        rows={name: group.rows for name, group in named.items()},
        completions=reading.completions,
        read=reading.read,
        written=written,
        superseded=reading.superseded,
        different=dict(reading.different),
        rejected=reading.rejected,
        dropped=dict(reading.dropped),
        must=reading.must,
        may=reading.may + reading.must,
        originals=reading.originals,
    )


def expected_files(data: bytes, source_format: str, options: Options | None = None) -> dict[str, bytes]:
    """Only the files of `expected`."""
    return expected(data, source_format, options).files


# Groups


def all_groups(reading: Reading, default_scheme: str) -> list[Group]:
    ids = _ids(effective_schemes(reading, default_scheme))
    winners: dict[tuple[object, ...], Value] = {}
    for value in reading.values:
        winners[value.key] = value
    by_group: dict[tuple[object, ...], list[Value]] = {}
    for value in winners.values():
        by_group.setdefault((value.data_element, *_order(value.data_set, value.coc, value.aoc)), []).append(value)
    groups = [_value_group(ids, values) for values in by_group.values()]
    groups += _deletion_groups(reading, ids)
    return sorted(groups, key=lambda group: (group.data_element, group.order))


def _order(data_set: str | None, coc: Combo, aoc: Combo) -> tuple[object, ...]:
    """What keeps rows of one data element from sharing a header, in the order in which the groups are numbered."""
    return (data_set or "", _shape(coc), _shape(aoc))


def _shape(combo: Combo) -> tuple[int, tuple[str, ...], int]:
    if combo is None:
        return 0, (), 0
    if isinstance(combo, str):
        return 1, (), 1
    if isinstance(combo, OptionList):
        return 2, (combo.combo,), len(combo.options)
    return 3, tuple(category for category, _ in combo), len(combo)


def _ids(schemes: dict[str, str]) -> object:
    if set(schemes.values()) == {"UID"}:
        return None
    if len(set(schemes.values())) == 1:
        return schemes["de"]
    return {kind: schemes[kind] for kind in SCHEMED_KINDS if schemes[kind] != "UID"}


def _one_or_list(names: list[str]) -> object:
    return names[0] if len(names) == 1 else names


def _sorted_periods(isos: set[str]) -> list[str]:
    found = [period for period in map(periods.parse, isos) if period is not None]
    return [period.iso for period in sorted(found, key=periods.sort_key)]


def _combo_dimensions(combos: list[Combo]) -> tuple[object, list[list[str]]]:
    """What the header says of the combos of a group, and the identifiers of each dimension; None where default."""
    first = combos[0]
    if first is None:
        return None, []
    if isinstance(first, str):
        names = sorted({combo for combo in combos if isinstance(combo, str)})
        return _one_or_list(names), [names]
    if isinstance(first, OptionList):
        lists = [combo.options for combo in combos if isinstance(combo, OptionList)]
        columns = [sorted(set(column)) for column in zip(*lists, strict=True)]
        return columns, columns
    maps = [dict(combo) for combo in combos if isinstance(combo, tuple)]
    categories = [category for category, _ in first]
    columns = [sorted({found[category] for found in maps}) for category in categories]
    return {name: _one_or_list(column) for name, column in zip(categories, columns, strict=True)}, columns


def _parts(combo: Combo) -> tuple[str, ...]:
    if combo is None:
        return ()
    if isinstance(combo, str):
        return (combo,)
    if isinstance(combo, OptionList):
        return combo.options
    return tuple(option for _, option in combo)


def _value_group(ids: object, values: list[Value]) -> Group:
    first = values[0]
    whens = _sorted_periods({value.period or "" for value in values})
    units = sorted({value.org_unit or "" for value in values})
    coc, coc_columns = _combo_dimensions([value.coc for value in values])
    aoc, aoc_columns = _combo_dimensions([value.aoc for value in values])
    dimensions = [whens, units, *coc_columns, *aoc_columns]
    rows = []
    for value in values:
        key = (value.period or "", value.org_unit or "", *_parts(value.coc), *_parts(value.aoc))
        index = [names.index(name) for names, name in zip(dimensions, key, strict=True)]
        shown = [i for i, names in zip(index, dimensions, strict=True) if len(names) > 1]
        rows.append((index, _row(shown, value)))
    rows.sort(key=lambda row: row[0])
    members: dict[str, object] = {
        "ids": ids,
        "ds": first.data_set,
        "de": first.data_element,
        "pe": _one_or_list(whens),
        "ou": _one_or_list(units),
        "coc" if isinstance(first.coc, str) else "co": coc,
        "aoc" if isinstance(first.aoc, str) else "ao": aoc,
        "size": len(rows),
    }
    lines = ",\n".join(text for _, text in rows)
    text = _json(_present(members))[:-1] + ',"data":[\n' + lines + "\n]}\n"
    return Group(first.data_element or "", (1, *_order(first.data_set, first.coc, first.aoc)), text, len(rows))


def _deletion_groups(reading: Reading, ids: object) -> list[Group]:
    scope = reading.deletion
    if scope is None:
        return []
    combos: dict[tuple[str, bool, str | None], set[str]] = {}
    for element in scope.elements:
        with_coc = element.coc is not None
        combos.setdefault((element.data_element, with_coc, element.aoc), set()).add(element.coc or "")
    groups = []
    for (data_element, with_coc, aoc), cocs in combos.items():
        members: dict[str, object] = {
            "ids": ids,
            "ds": reading.data_set,
            "de": data_element,
            "pe": _one_or_list(_sorted_periods(set(scope.periods))),
            "ou": _one_or_list(sorted(set(scope.org_units))),
            "coc": _one_or_list(sorted(cocs)) if with_coc else None,
            "aoc": aoc,
            "delete": "soft",
            "size": 0,
        }
        order = (0, int(with_coc), aoc is not None, aoc or "")
        groups.append(Group(data_element, order, _json(_present(members)) + "\n", 0))
    return groups


def _present(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _row(indexes: list[int], value: Value) -> str:
    rest = [json_value(value.value)]
    if value.deleted or value.followup is not None or value.comment is not None:
        rest.append(_json(value.deleted))
    if value.followup is not None or value.comment is not None:
        rest.append(_json(value.followup))
    if value.comment is not None:
        rest.append(_json(value.comment))
    return "[" + ",".join([*map(str, indexes), *rest]) + "]"


def json_value(text: str | None) -> str:
    """The JSON that stands for the text: a number or boolean where that is exact, else a string."""
    if text is None:
        return "null"
    if text in ("true", "false") or is_number(text):
        return text
    return _json(text)


def is_number(text: str) -> bool:
    if not re.fullmatch(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9]", text):
        return False
    return len(text.replace("-", "").replace(".", "").lstrip("0")) <= 15


# File names

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def encoded(identifier: str) -> str:
    """The identifier as a file name that every file system takes."""
    name = ""
    for c in identifier:
        name += c if re.fullmatch("[A-Za-z0-9_.-]", c) else "".join(f"%{byte:02X}" for byte in c.encode())
    if name.startswith("."):
        name = "%2E" + name[1:]
    if name.partition(".")[0].lower() in RESERVED:
        name = f"%{ord(name[0]):02X}" + name[1:]
    name = re.sub(r"\.(?=[0-9]+$)", "%2E", name)
    if len(name) > 200:
        name = name[:180] + "~" + hashlib.sha256(identifier.encode()).hexdigest()[:16]
    return name


def name_files(groups: list[Group]) -> dict[str, Group]:
    """Name the groups, which are in order of their elements; names that differ in case only share a numbering."""
    alike: dict[str, list[Group]] = {}
    for group in groups:
        alike.setdefault(encoded(group.data_element).casefold(), []).append(group)
    named: dict[str, Group] = {}
    for members in alike.values():
        for number, group in enumerate(members, 1):
            numbered = f".{number}" if len(members) > 1 else ""
            named[encoded(group.data_element) + numbered + SUFFIX] = group
    return named
