"""Conditions: which rows are asked for, as `ou=ouClinicA01,ouClinicB01`. All of several have to hold."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tallyport_converters.model import periods
from tallyport_converters.model.field_names import CANONICAL, NO_PLACE, named, nearest
from tallyport_converters.native.abi import Field, Kind

FIELDS: Mapping[int, str] = {
    Kind.DE: "data_element",
    Kind.PE: "period",
    Kind.OU: "org_unit",
    Kind.COC: "category_option_combo",
    Kind.AOC: "attribute_option_combo",
    Kind.DS: "data_set",
    Field.VALUE: "value",
    Field.DELETED: "deleted",
    Field.FOLLOWUP: "followup",
    Field.COMMENT: "comment",
}
"""The columns of rows, by what fields mean."""

TEXTS = frozenset({"value", "comment"})
FLAGS = frozenset({"deleted", "followup"})
_OWN = {"ds": FIELDS[Kind.DS]}
"""Names of ADV2 that files do not use for fields."""

_TRUTHS = frozenset({"true", "false", ""})


class UnknownField(ValueError):
    """A condition is about a field that the file does not have."""


@dataclass(frozen=True)
class Condition:
    """One condition: what `column` says is one of `values`. What is no column is the name of a category."""

    name: str
    column: str
    values: tuple[str, ...]

    @property
    def is_category(self) -> bool:
        """Whether it is about a category, or a field that nobody knows."""
        return self.column not in FIELDS.values()

    @property
    def is_of_rows(self) -> bool:
        """Whether it is about what each row says by itself, and no identifier."""
        return self.column in TEXTS or self.column in FLAGS

    def is_about(self, dimension: str) -> bool:
        """Whether it is about a category: `co.Age`, or `Age` alone."""
        return self.is_category and self.column in (dimension, dimension.partition(".")[2])

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(value.casefold() for value in self.values)

    @cached_property
    def _periods(self) -> list[periods.Period]:
        return [period for value in self.values if (period := periods.parse(value))]

    def holds(self, identifier: str | None, name: str | None = None) -> bool:
        """Whether an identifier is one of the values, or its name is, in any letter case. A period may lie within."""
        if identifier is None:
            return "" in self.values
        if identifier in self.values or (name is not None and name.casefold() in self._folded):
            return True
        period = periods.parse(identifier) if self.column == "period" else None
        return period is not None and any(p.start <= period.start and period.end <= p.end for p in self._periods)

    def marks(self, identifiers: Sequence[str], names: Sequence[str | None]) -> bytes:
        """Return a byte for each identifier, 1 where the condition holds."""
        return bytes(map(self.holds, identifiers, names))

    def unmatched(self, identifiers: Sequence[str], names: Sequence[str | None]) -> list[str]:
        """Return the values that none of the identifiers is."""
        return [each for each in self.values if not any(map(replace(self, values=(each,)).holds, identifiers, names))]

    def unknown(self, others: Iterable[str] = ()) -> UnknownField:
        """Return the exception that says that there is no such field; `others`: categories that there are."""
        meant = nearest(self.name, tuple(others))
        hint = f"; {meant} may be meant" if meant else ""
        return UnknownField(f"there is no field or category {self.name!r} here{hint}")


def conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions that texts say: a field by any of its names, `=`, and values with commas between them.

    A value with a comma is put in quotes.

    >>> conditions(["orgunit=ouClinicA01,ouClinicB01"])[0].values
    ('ouClinicA01', 'ouClinicB01')

    Raises:
        ValueError: a text is none, or values are none that its field can have.
    """
    return tuple(map(_condition, texts))


def _condition(text: str) -> Condition:
    name, mark, said = text.partition("=")
    name = name.strip()
    if not mark or not name:
        raise ValueError(f"invalid condition {text!r}: write it as FIELD=VALUE, such as ou=ouClinicA01")
    values = tuple(value.strip() for value in next(csv.reader([said], skipinitialspace=True)) or [""])
    known = named(name)
    if known and known.field in NO_PLACE:
        raise ValueError(f"rows are not found by {CANONICAL[known.field]}, which ADV2 has no place for")
    column = FIELDS[known.field] if known else _OWN.get(name, name)
    if column == "period" and (wrong := [value for value in values if value and periods.parse(value) is None]):
        raise ValueError(f"{wrong[0]!r} is not a period: {periods.explain(wrong[0])}")
    if column in FLAGS:
        values = tuple(value.lower() for value in values)
        if wrong := [value for value in values if value not in _TRUTHS]:
            raise ValueError(f"{name} is true or false, not {wrong[0]!r}")
    return Condition(name, column, values)
