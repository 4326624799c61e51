"""The catalog: what the resolver of option combos asks of metadata, wherever these are.

A snapshot, a database and a server each fill it. An object is known by a key, which only its catalog can read.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Protocol, TypeVar

DEFAULT_COMBO = "bjDvmb4bfuf"
"""The UID that DHIS2 gives the default category combo; it is named `default` wherever it has another."""

DEFAULT_OPTION_COMBO = "HllvX50cXC0"
"""The UID that DHIS2 gives the option combo of the default category combo; it is named as that is."""

DEFAULT_NAME = "default"

Key = TypeVar("Key", bound=Hashable)


class Catalog(Protocol[Key]):
    """Metadata, as far as option combos depend on them. None stands for what is not known, or is not there."""

    def names(self, kind: str, keys: Sequence[Key]) -> Sequence[tuple[str, str]]:
        """Return the UID and the name of objects; the name is empty where there is none."""
        ...

    def combo_of_element(self, element: Key) -> Key | None:
        """Return a data element's own category combo."""
        ...

    def data_sets_of(self, element: Key) -> Mapping[Key, Key | None]:
        """Return the data sets that have a data element, each with the category combo that overrides its own there."""
        ...

    def combo_of_data_set(self, data_set: Key) -> Key | None:
        """Return the category combo of a data set's attributes."""
        ...

    def option_combos_of(self, combo: Key) -> Mapping[Key, frozenset[Key]]:
        """Return the option combos of a category combo, each with its category options."""
        ...

    @property
    def default_combos(self) -> Collection[Key]:
        """The default category combo: empty where there is none, and servers with two are not rare."""
        ...


class NamedCatalog(Catalog[Key], Protocol[Key]):
    """One that finds objects by the identifiers of headers."""

    def keys(self, kind: str, scheme: str, identifiers: Sequence[str]) -> Sequence[Key | None]:
        """Return the object of each identifier; None where there is none, or several. `kind` is one of a header's."""
        ...


def label(uid: str, name: str) -> str:
    """Return how people know an object: its name, or its UID where it has none."""
    return f"{name} ({uid})" if name and name != uid else uid
