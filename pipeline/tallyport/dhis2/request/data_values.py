"""Values: the rows of an ADV2 group as data values of DHIS2's JSON, and bodies of requests made of them.

Streams: holds a block of rows. Identifiers are carried as they are, by the schemes that the header states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import orjson

from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader, OptionDimension
from tallyport_schemas.row_batch import COMMENT, DELETED, FOLLOWUP, ROW, VALUE

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

_ROWS = 2_000
"""Rows that are made at a time: of a block there may be very many, each larger than its text."""

Combos = Callable[[tuple[int, ...]], str | None]
"""The option combo for the indexes of its category options; None if there is none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Where rows come from: a file's place among all, its name, the group's number in it. Small, as many are held."""

    place: int
    label: str
    number: int

    @property
    def mark(self) -> tuple[int, int]:
        """What a journal knows it by."""
        return self.place, self.number


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
    rows = RowBatches(file, header, row_check(header, RowRules(generation=generation)))
    dimensions = rows.columns.dimensions
    of_combo = 2 + (len(header.co.options) if header.co else header.coc is not None)
    combos = [
        (name, find, dimensions[places])
        for name, find, places in (
            ("categoryOptionCombo", _combos(header.coc, header.co, coc), slice(2, of_combo)),
            ("attributeOptionCombo", _combos(header.aoc, header.ao, aoc), slice(of_combo, None)),
        )
        if find
    ]
    names = [name for name, *_ in combos]
    fixed = sum(map(len, MEMBERS.values())) + 130 + len(header.de)

    def row(number: int, period: int, unit: int, of_combos: tuple[str | None, ...], *behind: Any) -> Row:
        members: dict[str, Any] = {"dataElement": header.de, "period": header.pe[period], "orgUnit": header.ou[unit]}
        members.update(zip(names, of_combos, strict=True))
        value, deleted, flag, comment = behind
        if value is not None:
            members["value"] = value
        if comment is not None:
            members["comment"] = comment or no_comment
        if flag is not None:
            members[followup] = flag
        if deleted:
            members["deleted"] = True
        size = fixed + len((value or "").encode()) + len((comment or "").encode())
        return Row(group, number, members, size, names[of_combos.index(None)] if None in of_combos else None)

    for batch in rows:
        for start in range(0, len(batch), _ROWS):
            some = slice(start, start + _ROWS)
            found = [
                map(find, zip(*(batch.integers(name, some) for name in of), strict=True)) for _, find, of in combos
            ]
            columns = (
                *(batch.integers(name, some) for name in (ROW, *dimensions[:2])),
                zip(*found, strict=True) if found else repeat(()),
                batch.texts(VALUE, some),
                batch.flags(DELETED, some),
                batch.flags(FOLLOWUP, some),
                batch.texts(COMMENT, some),
            )
            yield [row(*of_row) for of_row in zip(*columns, strict=False)]


def body(rows: Sequence[Row], data_set: str | None, deletion: Mapping[str, Any] | None = None) -> bytes:
    """Return the request that carries these rows; `deletion` is the scope that is cleared before."""
    document: dict[str, Any] = {} if data_set is None else {"dataSet": data_set}
    if deletion is not None:
        document["deletion"] = deletion
    return orjson.dumps(document | {"dataValues": [row.members for row in rows]})


def _combos(identifiers: tuple[str, ...] | None, options: OptionDimension | None, find: Combos | None) -> Combos | None:
    """Return what names the option combo of a row's indexes; None where it is the default one."""
    if identifiers:
        return lambda indexes: identifiers[indexes[0]]
    if options:
        assert find, "category options need what finds their combos"
        return find
    return None
