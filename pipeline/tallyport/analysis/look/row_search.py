"""Row search: the rows of a block of a legacy file that meet conditions, found by the scanner.

It is given which of the distinct identifiers will do. What it finds is read again, as are rejected rows, of which it
knows little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tallyport.analysis.look.conditions import FIELDS, FLAGS, Condition
from tallyport.analysis.look.row_cells import categories, holds, of_combo, row_cells, usual_period
from tallyport.analysis.look.view import Cell
from tallyport.analysis.names import KnownNames
from tallyport.frames.columns import COMMENT, DATA_SET, ORG_UNIT, PERIOD, VALUE
from tallyport_converters.conversion.scan import Scanned
from tallyport_converters.model.combos import decode
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.abi import Kind, RowFlag
from tallyport_converters.native.batch import Batch, WantedRows
from tallyport_converters.readers.reader import Reader

KNOWN = 100_000
"""Identifiers of which it is remembered whether they will do."""

_COMBOS = {Kind.COC: "co", Kind.AOC: "ao"}


class RowSearch:
    """Searches one file, block by block. `header` says what rows do not. `categories`: those that rows have."""

    def __init__(self, where: Sequence[Condition], reader: Reader, header: Header, names: KnownNames) -> None:
        self.header = header
        self.categories: set[str] = set()
        self._where, self._reader, self._names = where, reader, names
        self._known: dict[tuple[Kind, bytes | None], Mapping[Condition, bool]] = {}
        self._of_kind = {kind: [each for each in where if _is_about(each, kind)] for kind in Kind}
        of_flags = [each for each in where if each.column in FLAGS]
        self._flags = bytes(all(each.holds(_flag(each.column, flags)) for each in of_flags) for flags in range(256))

    def rows(self, scanned: Scanned) -> Iterator[int]:
        """Yield the rows of a block that meet all conditions, by their numbers within it."""
        batch = scanned.batch
        for at in batch.find(self._wanted(batch)):
            cells = row_cells(self._reader.row(scanned.block, batch.row_span(at)), self.header, self._reader)
            self.categories.update(categories(cells))
            if all(holds(each, cells, self._names) for each in self._where):
                yield at

    def _wanted(self, batch: Batch) -> WantedRows:
        if len(self._known) > KNOWN:
            self._known.clear()
        verdicts = {
            kind: [self._verdict(kind, text) for text in (None, *batch.texts(kind))]
            for kind, where in self._of_kind.items()
            if where
        }
        # A category is one of either combo: a combo without it will do if there are some of the other kind with it.
        having = {
            each: {kind for kind, found in verdicts.items() if any(each in verdict for verdict in found)}
            for each in self._where
        }
        ids = {
            kind: bytes(
                all(verdict.get(each, bool(having[each] - {kind})) for each in self._of_kind[kind]) for verdict in found
            )
            for kind, found in verdicts.items()
        }
        values, comments = (
            next((each.values for each in self._where if each.column == column), ()) for column in (VALUE, COMMENT)
        )
        return WantedRows(ids, self._flags, _encoded(values), _encoded(comments))

    def _verdict(self, kind: Kind, text: bytes | None) -> Mapping[Condition, bool]:
        """Return whether conditions on a kind hold for an identifier, but those on a category that it lacks."""
        if (kind, text) not in self._known:
            cells = self._cells(kind, text)
            found = categories(cells)
            self.categories.update(found)
            self._known[kind, text] = {
                each: holds(each, cells, self._names)
                for each in self._of_kind[kind]
                if not each.is_category or any(map(each.is_about, found))
            }
        return self._known[kind, text]

    def _cells(self, kind: Kind, text: bytes | None) -> dict[str, Cell]:
        """Return what an identifier of the scanner says, or where it is absent the header."""
        said = None if text is None else text.decode(errors="surrogatepass")
        column, header = FIELDS[kind], self.header
        if kind in _COMBOS:
            combo = decode(text) if text else header.attribute_option_combo if kind == Kind.AOC else None
            return {column: None if combo is None else of_combo(combo)}
        absent = {PERIOD: header.period, ORG_UNIT: header.org_unit, DATA_SET: header.data_set}
        found = said or absent.get(column)
        return {column: usual_period(found, self._reader) if found and column == PERIOD else found}


def _is_about(condition: Condition, kind: Kind) -> bool:
    """Whether an identifier of a kind may show that a condition does not hold."""
    if condition.is_category:
        return kind in _COMBOS
    return condition.column == FIELDS[kind]


def _encoded(texts: Sequence[str]) -> list[bytes]:
    return [text.encode(errors="surrogatepass") for text in texts]


def _flag(column: str, flags: int) -> str | None:
    """Return what the flags of a row say in a column."""
    if column == "deleted":
        return "true" if flags & RowFlag.DELETED else "false"
    if flags & (RowFlag.FOLLOWUP_TRUE | RowFlag.FOLLOWUP_FALSE):
        return "true" if flags & RowFlag.FOLLOWUP_TRUE else "false"
    return None
