"""ADV2's bytes: the only room that knows them. Header and frame here, rows in native/src/render.c.

Format: docs/adv2-format.md. What is written is a function of the values alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallyport_converters.model.combos import Combo, ComboForm, Shape

SUFFIX = ".adv2.json"
DATA_OPEN = b',"data":[\n'
DATA_CLOSE = b"\n]"
GROUP_CLOSE = b"}"

Ids = str | Mapping[str, str] | None


def text(value: object) -> bytes:
    """Return compact JSON, other characters than JSON's own left as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def one_or_many(identifiers: Sequence[str]) -> str | Sequence[str]:
    """Return a dimension's identifiers as the header has them: one alone is implicit and stands as a plain text."""
    return identifiers[0] if len(identifiers) == 1 else identifiers


@dataclass(frozen=True, slots=True)
class ComboDimension:
    """A combo dimension of one group: its header property (None for the default) and each combo's part of a row.

    `tokens` is None where the combos take no place in the rows; else in the order of the combos, comma included.
    """

    value: object
    tokens: Sequence[bytes] | None


def combo_dimension(shape: Shape, combos: Sequence[Combo]) -> ComboDimension:
    """Lay out the combos of a group (of one shape, in order, distinct)."""
    if shape.form is ComboForm.NONE:
        return ComboDimension(None, None)
    if shape.form is ComboForm.IDENTIFIER:
        identifiers = [combo.options[0] for combo in combos]
        tokens = [b"%d," % i for i in range(len(combos))] if len(combos) > 1 else None
        return ComboDimension(one_or_many(identifiers), tokens)
    by_place = [sorted({combo.options[place] for combo in combos}) for place in range(shape.places)]
    indexes = [{option: i for i, option in enumerate(options)} for options in by_place]
    tokens = [
        b"".join(
            b"%d," % indexes[place][combo.options[place]] for place in range(shape.places) if len(by_place[place]) > 1
        )
        for combo in combos
    ]
    takes_place = any(len(options) > 1 for options in by_place)
    value: object = by_place
    if shape.form is ComboForm.MAP:
        value = {name: one_or_many(by_place[place]) for place, name in enumerate(shape.names)}
    return ComboDimension(value, tokens if takes_place else None)


def group_header(
    *,
    ids: Ids,
    data_set: str,
    data_element: str,
    periods: Sequence[str],
    org_units: Sequence[str],
    coc: tuple[Shape, object],
    aoc: tuple[Shape, object],
    delete: str | None,
    size: int,
) -> bytes:
    """Return a group's bytes up to its `size`; `DATA_OPEN`, rows, `DATA_CLOSE` and `GROUP_CLOSE` follow."""
    members: dict[str, object] = {}
    if ids:
        members["ids"] = ids
    if data_set:
        members["ds"] = data_set
    if coc[0].category_combo:
        members["cc"] = coc[0].category_combo
    members["de"] = data_element
    members["pe"] = one_or_many(periods)
    members["ou"] = one_or_many(org_units)
    for (shape, value), by_identifier, by_option in ((coc, "coc", "co"), (aoc, "aoc", "ao")):
        if value is not None:
            members[by_identifier if shape.form is ComboForm.IDENTIFIER else by_option] = value
    if delete:
        members["delete"] = delete
    members["size"] = size
    return text(members)[:-1]
