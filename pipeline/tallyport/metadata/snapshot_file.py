"""Storage: a snapshot as one file, and back.

The file is a zstd frame. In it: a line that says what this is, a line of JSON that lists tables and columns with their
sizes, then the columns' bytes one after the other. Texts are separated by NUL, which no text of DHIS2 can hold; numbers
take four bytes, low first; a set is a bit a row. Everything is checked when it is read: sizes, UTF-8, that each row
number is one of the table it points to. Texts are split into a list only when a column is used.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from tallyport.metadata.tables import NONE, TABLES, Lists, Table, TableColumn
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Refused, SourceUnreadable, finding

MAGIC = b"TALLYPORT SNAPSHOT "
VERSION = 1

SIZE_BYTES = 1 << 29
"""Bytes of a snapshot, unpacked, at most: a million organisation units take 50 million."""

_LEVEL = 6
_BLOCK_BYTES = 1 << 20


class _Damaged(Exception):
    """A snapshot says what cannot be."""


# --- Writing ---------------------------------------------------------------------------------------------------------


def packed_snapshot(tables: Mapping[str, Table]) -> bytes:
    """Return the file: a function of the tables alone."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    parts: list[bytes] = []
    listed = []
    for table in tables.values():
        columns = []
        for name, pieces in _written(table):
            columns.append([name, *map(len, pieces)])
            parts += pieces
        listed.append(
            {
                "name": table.name,
                "rows": len(table),
                "present": table.is_present,
                "seen": sorted(table.seen),
                "columns": columns,
            }
        )
    head = b"%s%d\n%s\n" % (MAGIC, VERSION, orjson.dumps({"tables": listed}))
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return bytes(zstd.compress(b"".join((head, *parts)), options=options))


def write_file(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        Refused: TP901, it exists and may not be replaced.
        OutsideFailed: TP801.
    """
    refused = Refused(
        finding("TP901", help="choose another file, or replace it with --overwrite", found=os.fspath(path))
    )
    if not overwrite and os.path.lexists(path):
        raise refused
    try:
        with WholeFile(path, replaces=overwrite) as file:
            file.write(data)
    except FileExistsError as error:
        raise refused from error


def _written(table: Table) -> Iterator[tuple[str, list[bytes]]]:
    yield "uid", [_packed(table.uids)]
    yield "is_defined", [bytes(table.is_defined)]
    for name in TABLES[table.name]:
        column = table.columns[name]
        yield name, [_packed(column.counts), _packed(column.values)] if isinstance(column, Lists) else [_packed(column)]
    for attribute, by_row in sorted(table.attributes.items()):
        yield f"attribute {attribute}", [_packed(array("i", by_row)), _packed(by_row.values())]


def _packed(values: Any) -> bytes:
    if isinstance(values, bytes):
        return values
    if isinstance(values, array):
        numbers = values[:]
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tobytes()
    return (values if isinstance(values, str) else "\0".join(values)).encode()


# --- Reading ---------------------------------------------------------------------------------------------------------


def is_snapshot(source: Source) -> bool:
    """Whether a source is a snapshot, detected from its content."""
    return source.head(len(MAGIC)) == MAGIC


def read_tables(source: Source) -> dict[str, Table]:
    """Return the tables of a snapshot.

    Raises:
        SourceUnreadable: TP113, it is not a snapshot of this version or says what cannot be; TP112, it is too large;
            or what the source says when it cannot be read.
    """
    data = bytearray()
    for block in source.blocks(_BLOCK_BYTES):
        data += block
        if len(data) > SIZE_BYTES:
            found = f"more than {SIZE_BYTES:,} bytes"
            message, advice = "the snapshot is too large", "make it again with tallyport snapshot"
            raise SourceUnreadable(finding("TP112", message=message, help=advice, source=source.name, found=found))
    first = bytes(data[:64]).partition(b"\n")[0]
    if first != b"%s%d" % (MAGIC, VERSION):
        raise _unreadable(source, "the snapshot is of another version", first.decode("ascii", "replace"))
    try:
        return _tables(data, len(first) + 1)
    except (_Damaged, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error) if isinstance(error, _Damaged) else f"{type(error).__name__}: {error}"
        raise _unreadable(source, "the snapshot is damaged", reason) from error


def _unreadable(source: Source, message: str, found: str) -> SourceUnreadable:
    advice = "make it again with tallyport snapshot"
    expected = f"a snapshot of version {VERSION}"
    return SourceUnreadable(
        finding("TP113", message=message, help=advice, source=source.name, found=found, expected=expected)
    )


def _tables(data: bytearray, start: int) -> dict[str, Table]:
    end = data.find(b"\n", start)
    if end < 0:
        raise _Damaged("there is no list of tables")
    listed = orjson.loads(data[start:end])["tables"]
    if [table["name"] for table in listed] != list(TABLES):
        raise _Damaged("the tables are others")
    rows = {table["name"]: int(table["rows"]) for table in listed}
    reading = _Columns(memoryview(data), end + 1, rows)
    tables = {table["name"]: reading.table(table) for table in listed}
    if reading.place != len(data):
        raise _Damaged(f"{len(data) - reading.place:,} bytes are left over")
    return tables


class _Columns:
    """Reads the columns one after the other."""

    def __init__(self, data: memoryview, place: int, rows: Mapping[str, int]) -> None:
        self._data = data
        self.place = place
        self._rows = rows

    def table(self, listed: Mapping[str, Any]) -> Table:
        name = listed["name"]
        rows = self._rows[name]
        sizes: dict[str, list[int]] = {column: list(map(int, of_pieces)) for column, *of_pieces in listed["columns"]}
        if list(sizes)[: len(TABLES[name]) + 2] != ["uid", "is_defined", *TABLES[name]]:
            raise _Damaged(f"the columns of {name} are others")
        pieces = {column: [self._piece(size) for size in of_pieces] for column, of_pieces in sizes.items()}
        (uid,), (flags,) = pieces.pop("uid"), pieces.pop("is_defined")
        uids, is_defined = _texts(uid, rows).split("\0") if rows else [], bytes(flags)
        if len(is_defined) != rows or is_defined.strip(b"\0\1"):
            raise _Damaged("the marks of what is defined are no marks")
        if len(set(uids)) != rows:
            raise _Damaged(f"UIDs of {name} are there twice")
        columns = {column: self._column(of, pieces.pop(column), rows) for column, of in TABLES[name].items()}
        attributes = dict(self._attribute(name, column, *of_pieces) for column, of_pieces in pieces.items())
        seen, is_present = frozenset(map(str, listed["seen"])), bool(listed["present"])
        return Table(name, uids, is_defined, seen, columns, attributes, is_present=is_present)

    def _piece(self, size: int) -> memoryview:
        if size < 0 or size > len(self._data) - self.place:
            raise _Damaged("it is cut short")
        piece = self._data[self.place : self.place + size]
        self.place += size
        return piece

    def _column(self, column: TableColumn, pieces: list[memoryview], rows: int) -> object:
        if column.type == "text":
            (piece,) = pieces
            return _texts(piece, rows) if rows else []
        if column.type in ("int", "day", "row"):
            (piece,) = pieces
            return self._numbers(piece, rows, column.table)
        first, second = pieces
        counts = self._numbers(first, rows)
        if counts and min(counts) < NONE:
            raise _Damaged("a list of less than no length")
        total = sum(counts) + counts.count(NONE)
        if column.type == "marks":
            if len(second) != total or max(counts, default=0) > (self._rows[column.table] + 7) // 8:
                raise _Damaged("a set has another size")
            return Lists(counts, bytes(second))
        if column.type == "texts":
            return Lists(counts, _texts(second, total) if total else [])
        return Lists(counts, self._numbers(second, total, column.table))

    def _attribute(self, table: str, column: str, *pieces: memoryview) -> tuple[str, dict[int, str]]:
        kind, _, attribute = column.partition(" ")
        if kind != "attribute":
            raise _Damaged(f"the column {column} of {table} is unknown")
        first, second = pieces
        of_rows = self._numbers(first, len(first) // 4, table)
        if len(set(of_rows)) != len(of_rows) or (of_rows and min(of_rows) < 0):
            raise _Damaged("a row is there twice")
        return attribute, dict(zip(of_rows, _texts(second, len(of_rows)).split("\0"), strict=True))

    def _numbers(self, piece: memoryview, count: int, table: str = "") -> array[int]:
        """Return so many numbers; of a `table`, they are rows or NONE."""
        values = array("i")
        values.frombytes(piece)
        if sys.byteorder == "big":
            values.byteswap()
        if len(values) != count:
            raise _Damaged("a column of numbers has another length")
        if table and values and not (min(values) >= NONE and max(values) < self._rows[table]):
            raise _Damaged("a row that is not there")
        return values


def _texts(piece: memoryview, count: int) -> str:
    text = str(piece, "utf-8")
    if text.count("\0") != max(count - 1, 0):
        raise _Damaged("a column of texts has another length")
    return text
