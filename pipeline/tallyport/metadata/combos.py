"""Option combos by identifier where a group gives category options, and other schemes, looked up in metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING

from tallyport.metadata.snapshot import KINDS
from tallyport.metadata.tables import NONE
from tallyport_converters.writers.writer import Optioned, Unstated
from tallyport_schemas.finding import finding

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot
    from tallyport_schemas.group_header import GroupHeader


def data_combo(snapshot: Snapshot, header: GroupHeader) -> int:
    """Return the category combo that a group's `co` belongs to, as a row of its table.

    Raises:
        Unstated: TP771, metadata do not know it, or know several that could be meant.
    """
    if header.cc is not None:
        return _one(snapshot, header, "cc", header.cc)
    element = _one(snapshot, header, "de", header.de)
    own = snapshot.table("dataElements").ints("combo")[element]
    holders = snapshot.data_sets_by_element.get(element, {})
    if header.ds is not None:
        override = holders.get(_one(snapshot, header, "ds", header.ds), NONE)
        found = {own if override == NONE else override}
    else:
        found = {own, *(combo for combo in holders.values() if combo != NONE)}
    return _only(snapshot, found, "co", header.de)


def attribute_combo(snapshot: Snapshot, header: GroupHeader) -> int:
    """Return the category combo that a group's `ao` belongs to, as a row of its table: that of its data set.

    Raises:
        Unstated: TP771, as `data_combo`.
    """
    combos = snapshot.table("dataSets").ints("combo")
    if header.ds is not None:
        return _only(snapshot, {combos[_one(snapshot, header, "ds", header.ds)]}, "ao", header.ds)
    element = _one(snapshot, header, "de", header.de)
    return _only(snapshot, {combos[row] for row in snapshot.data_sets_by_element.get(element, {})}, "ao", header.de)


def named_combos(
    snapshot: Snapshot, header: GroupHeader, options: Optioned, combo: int, role: str, scheme: str
) -> list[str | None]:
    """Return the option combo of each combination of options, in order, as an identifier in `scheme`.

    None where metadata have no option combo for a combination, or no such identifier for it.

    Raises:
        Unstated: TP771, there is no such option, or there are very many combinations.
    """
    options.check_size(role)
    table = snapshot.table("categoryOptionCombos")
    by_options = {
        frozenset(of_row): row
        for row in snapshot.option_combos_by_combo.get(combo, ())
        if (of_row := table.rows_of("options", row)) is not None
    }
    places: list[list[int]] = []
    for named in options.options:
        resolved = snapshot.resolve_all("co", header.ids["co"], [str(name) for name in named.identifiers])
        if unknown := [*resolved.missing, *resolved.ambiguous]:
            raise _unknown(role, ", ".join(unknown), "category options that metadata know")
        places.append(list(resolved.rows))
    return identifiers_of(
        snapshot, "coc", scheme, [by_options.get(frozenset(combination), NONE) for combination in product(*places)]
    )


def identifiers_of(snapshot: Snapshot, kind: str, scheme: str, rows: Iterable[int]) -> list[str | None]:
    """Return objects' identifiers in a scheme; None where there is none, or several objects share it."""
    table = snapshot.table(KINDS[kind])
    shared = table.index(scheme)[1]
    if scheme.startswith("ATTRIBUTE:"):
        values: Mapping[int, str] = table.attributes.get(scheme.removeprefix("ATTRIBUTE:"), {})
    else:
        values = dict(enumerate(table.uids if scheme == "UID" else table.texts(scheme.lower())))
    found = (values.get(row) for row in rows)
    return [name if name and name not in shared else None for name in found]


def _one(snapshot: Snapshot, header: GroupHeader, kind: str, identifier: str) -> int:
    rows = snapshot.resolve_all(kind, header.ids[kind], [identifier]).rows
    if rows[0] == NONE:
        raise _unknown(kind, identifier, "an identifier that metadata know")
    return rows[0]


def _only(snapshot: Snapshot, combos: set[int], role: str, of: str) -> int:
    known = sorted(combos - {NONE})
    if len(known) != 1:
        found = ", ".join(snapshot.named("categoryCombos", row) for row in known) or f"no category combo of {of}"
        raise _unknown(role, found, "one category combo")
    return known[0]


def _unknown(field: str, found: str, expected: str | None = None) -> Unstated:
    return Unstated(finding("TP771", field=field, found=found, expected=expected))
