"""Fields of rows that were skipped because nobody understands them, or read by another name than DHIS2's, by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tallyport_converters.model.field_names import CANONICAL, SHOWN, named, not_understood
from tallyport_converters.model.file_header import NAMES_LIMIT, OTHER, shown_name
from tallyport_converters.native.batch import FieldName, name_hash
from tallyport_schemas.finding import Finding, finding


class FieldNames:
    """The fields of one source by their names, as batches give them; neither many names nor long ones take memory."""

    def __init__(self) -> None:
        self.left_out: dict[str, tuple[int, int]] = {}
        """Rows that have the field, and the first of them."""
        self.taken: dict[str, str] = {}
        """DHIS2's name of what was read by another one."""
        self._hashes: dict[int, str] = {}

    def add(self, found: FieldName, first_row: int) -> None:
        """Add what a batch says of a name; `first_row` is the source's index of the batch's first row."""
        name = shown_name(found.name.decode(errors="replace"))
        first = first_row + found.first
        if found.left_out:
            name = self.add_left_out(name, found.left_out, first)
            if name != OTHER:
                self._hashes.setdefault(name_hash(found.name), name)
        if found.taken:
            self.taken[self._kept(name, self.taken)] = CANONICAL[found.field]

    def add_left_out(self, name: str, rows: int, first: int) -> str:
        """Count rows that have a field; returns the name that they are counted under."""
        name = self._kept(name, self.left_out)
        known_rows, known_first = self.left_out.get(name, (0, first))
        self.left_out[name] = (known_rows + rows, min(first, known_first))
        return name

    @staticmethod
    def _kept(name: str, names: Collection[str]) -> str:
        return name if name in names or len(names) < NAMES_LIMIT else OTHER

    def findings(self, no_place: frozenset[str], *, are_options: bool = False) -> Iterable[Finding]:
        """Yield what there is to say of the names, but of those that need no warning.

        `are_options`: those that mean nothing are category options, and that they were skipped is said elsewhere.
        """
        unknown = sorted(
            (-rows, name, first)
            for name, (rows, first) in self.left_out.items()
            if name not in no_place and not (are_options and named(name) is None)
        )
        for rows, name, first in unknown[:SHOWN]:
            yield not_understood(name, rows=-rows, row=first)
        if len(unknown) > SHOWN:
            message = f"{len(unknown) - SHOWN:,} more fields are not understood and were skipped"
            yield finding("TP421", message=message, count=sum(-rows for rows, *_ in unknown[SHOWN:]))

    def clashing(self, hashes: Collection[int]) -> list[str]:
        """Return the names of fields that alone distinguish rows of one key, by their hashes."""
        return sorted({self._hashes.get(number, OTHER) for number in hashes})
