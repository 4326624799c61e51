"""Option combos as a legacy file gives them: by identifier, by category and option, by a list of options.

The scanner hands them over as one text each (its first byte says which form); here they get their meaning and order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol


class ComboForm(IntEnum):
    """How a combo is named; the order is that of a data element's groups."""

    NONE = 0
    IDENTIFIER = 1
    LIST = 2
    MAP = 3


class Shape(NamedTuple):
    """What rows must share to share a header: the form, and which categories (or whose options, and how many).

    `category_combo` is named where the source says whose options they are.
    """

    form: ComboForm
    names: tuple[str, ...] = ()
    places: int = 0
    category_combo: str = ""


class Combo(NamedTuple):
    """One combo: `options` is the identifier alone, or an option for each place of the shape."""

    shape: Shape
    options: tuple[str, ...] = ()


DEFAULT = Combo(Shape(ComboForm.NONE))
"""Nothing given: the default option combo."""


def identified(identifier: str) -> Combo:
    """Return the combo that an identifier names; the default one for an empty text."""
    return Combo(Shape(ComboForm.IDENTIFIER, (), 1), (identifier,)) if identifier else DEFAULT


def mapped(options: Mapping[str, str]) -> Combo:
    """Return the combo of {category: option}; categories come in code point order."""
    if not options:
        return DEFAULT
    names = tuple(sorted(options))
    return Combo(Shape(ComboForm.MAP, names, len(names)), tuple(options[name] for name in names))


def listed(options: Sequence[str], category_combo: str = "") -> Combo:
    """Return the combo of options without their categories, in the order given."""
    return Combo(Shape(ComboForm.LIST, (category_combo,), len(options)), tuple(options)) if options else DEFAULT


class KnownCategories(Protocol):
    """Which categories data elements and data sets have, as metadata knows them; None where it does not."""

    def of_element(self, data_element: str) -> frozenset[str] | None:
        """Return the categories of all category combos that a data element has, here or in a data set."""

    def of_data_sets(self, data_sets: Collection[str]) -> frozenset[str] | None:
        """Return the categories of the category combos of data sets; of all if none is named."""


def within(combo: Combo, categories: frozenset[str] | None) -> Combo:
    """Return a combo without options of other categories than `categories`; None leaves it as it is."""
    if categories is None or combo.shape.form is not ComboForm.MAP or categories.issuperset(combo.shape.names):
        return combo
    pairs = zip(combo.shape.names, combo.options, strict=True)
    return mapped({category: option for category, option in pairs if category in categories})


def decode(text: bytes) -> Combo:
    """Return the combo of a scanner's text.

    `I` and an identifier; `M` and for each category: it, NUL, option, NUL; `L`, combo, NUL, and each option and NUL.
    """
    form, rest = text[:1], text[1:].decode()
    if form == b"I":
        return identified(rest)
    parts = rest.split("\0")[:-1]
    if form == b"L":
        return listed(parts[1:], parts[0])
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    return mapped(dict(reversed(pairs)))  # of a category named twice the first stands, as in DHIS2 2.43


def encode(combo: Combo) -> bytes:
    """Return the scanner's text of a combo: the inverse of `decode`."""
    form = combo.shape.form
    if form is ComboForm.NONE:
        return b""
    if form is ComboForm.IDENTIFIER:
        return b"I" + combo.options[0].encode()
    if form is ComboForm.LIST:
        return b"L" + "".join(f"{part}\0" for part in (combo.shape.names[0], *combo.options)).encode()
    pairs = zip(combo.shape.names, combo.options, strict=True)
    return b"M" + "".join(f"{category}\0{option}\0" for category, option in pairs).encode()
