"""Values: the rows of an ADV2 group as data values of DHIS2's JSON, and bodies of requests made of them.

Streams: holds a block of rows. Identifiers are carried as they are, by the schemes that the header states.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import orjson

from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.row_check import row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native import Fault
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader, OptionDimension

SCHEMES: Mapping[str, str] = {
    "ds": "dataSetIdScheme",
    "de": "dataElementIdScheme",
    "ou": "orgUnitIdScheme",
    "coc": "categoryOptionComboIdScheme",
    "aoc": "attributeOptionComboIdScheme",
}
"""The query parameter for the scheme of each kind of identifier that a request has."""

MEMBERS: Mapping[str, str] = {
    "de": "dataElement",
    "pe": "period",
    "ou": "orgUnit",
    "coc": "categoryOptionCombo",
    "aoc": "attributeOptionCombo",
}
"""What DHIS2 calls a value's dimensions."""

_ESCAPES = {b"\\\\": b"\\", b"\\t": b"\t", b"\\n": b"\n", b"\\r": b"\r"}
_ESCAPED = re.compile(rb"\\[\\tnr]")
_NULL = b"\\N"
_ROWS = 2_000
"""Rows that are made at a time: of a block there may be very many, each larger than its text."""

Combos = Callable[[tuple[int, ...]], str | None]
"""The option combo for the indexes of its category options; None if there is none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Where rows come from: a file's place among all, its name, the group's number in it. Small, as many are held.

    `is_converted`: the file was made of a legacy one on the way, so the row's number is none that its sender knows.
    """

    place: int
    label: str
    number: int
    is_converted: bool = False


class Row(NamedTuple):
    """A row of a group, by its number, and what is sent of it; `size` of that in bytes, roughly.

    A dimension is missing in `members` where the default applies. `lacks_combo`: there is no option combo for its
    category options, so it cannot be sent.
    """

    group: Group
    number: int
    members: dict[str, Any]
    size: int
    lacks_combo: str | None = None


def group_rows(
    file: Adv2File,
    group: Group,
    header: GroupHeader,
    *,
    followup: str,
    generation: Generation = Generation.V43,
    no_comment: str | None = "",
    coc: Combos | None = None,
    aoc: Combos | None = None,
) -> Iterator[list[Row]]:
    """Yield the accepted rows of the group whose head `file` has just given, some at a time.

    `followup` is the server's name for that flag, `no_comment` what clears a comment there, `generation` says how long
    one may be. `coc` and `aoc` find the
    combos of category options, where the header gives these.

    Raises:
        SourceUnreadable: the file breaks off, or is no JSON.
    """
    check = row_check(header, RowRules(generation=generation))
    period, unit = header.pe, header.ou
    combo, attribute = _combos(header.coc, header.co, coc), _combos(header.aoc, header.ao, aoc)
    places = header.places
    of_combo = len(header.co.options) if header.co else 1 if header.coc else 0
    explicit = [size > 1 for size in places]
    count = sum(explicit)
    fixed = sum(map(len, MEMBERS.values())) + 60 + len(header.de)
    for block in file.rows(check.form):
        check.judge(block)
        if block.rows.fault[0] is not Fault.NONE:
            continue  # reading on raises
        rows: list[Row] = []
        for line in block.rows.copied(block.block).split(b"\n"):
            if not line:
                continue
            number, *fields = line.split(b"\t")
            given = iter(fields[:count])
            indexes = [int(next(given)) if is_explicit else 0 for is_explicit in explicit]
            value, deleted, flag, comment = fields[count:]
            members: dict[str, Any] = {
                "dataElement": header.de,
                "period": period[indexes[0]],
                "orgUnit": unit[indexes[1]],
            }
            lacks = None
            for name, find, at in (
                ("categoryOptionCombo", combo, indexes[2 : 2 + of_combo]),
                ("attributeOptionCombo", attribute, indexes[2 + of_combo :]),
            ):
                if find:
                    members[name] = find(tuple(at))
                    lacks = lacks or (None if members[name] is not None else name)
            if value != _NULL:
                members["value"] = _text(value)
            if comment != _NULL:
                members["comment"] = _text(comment) or no_comment
            if flag != _NULL:
                members[followup] = flag[:1] == b"t"
            if deleted[:1] == b"t":
                members["deleted"] = True
            rows.append(Row(group, int(number), members, fixed + len(line) + 50, lacks))
            if len(rows) == _ROWS:
                yield rows
                rows = []
        yield rows


def body(rows: Sequence[Row], data_set: str | None, deletion: Mapping[str, Any] | None = None) -> bytes:
    """Return the request that carries these rows; `deletion` is the scope that is cleared before."""
    document: dict[str, Any] = {} if data_set is None else {"dataSet": data_set}
    if deletion is not None:
        document["deletion"] = deletion
    return orjson.dumps(document | {"dataValues": [row.members for row in rows]})


def option_names(options: OptionDimension, indexes: Sequence[int]) -> tuple[str, ...]:
    """Return the category options that indexes stand for, one for each category."""
    return tuple(of[index] for of, index in zip(options.options, indexes, strict=True))


def combinations(options: OptionDimension) -> int:
    """How many combinations of category options rows can name."""
    return prod(map(len, options.options))


def _combos(identifiers: tuple[str, ...] | None, options: OptionDimension | None, find: Combos | None) -> Combos | None:
    """Return what names the option combo of a row's indexes; None where it is the default one."""
    if identifiers:
        return lambda indexes: identifiers[indexes[0]]
    if options:
        assert find, "category options need what finds their combos"
        return find
    return None


def _text(field: bytes) -> str:
    if b"\\" in field:
        field = _ESCAPED.sub(lambda match: _ESCAPES[match[0]], field)
    return field.decode()
