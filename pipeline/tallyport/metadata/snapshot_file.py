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

from tallyport.metadata.tables import NONE, TABLES, Lists, Marks, Table, TableColumn
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
    yield "uid", [_joined(table.uids)]
    yield "is_defined", [bytes(table.is_defined)]
    for name, column in TABLES[table.name].items():
        if column.type == "text":
            yield name, [_joined(table.texts(name))]
        elif column.type in ("int", "day", "row"):
            yield name, [_numbers(table.ints(name))]
        elif column.type == "marks":
            sets = table.marks(name).sets
            yield (
                name,
                [
                    _numbers(array("i", [NONE if bits is None else len(bits) for bits in sets])),
                    b"".join(bits or b"" for bits in sets),
                ],
            )
        else:
            lists = table.lists(name)
            values = lists.values
            yield name, [_numbers(lists.counts), _numbers(values) if isinstance(values, array) else _joined(values)]
    for attribute, by_row in sorted(table.attributes.items()):
        yield f"attribute {attribute}", [_numbers(array("i", by_row)), _joined(by_row.values())]


def _joined(texts: Any) -> bytes:
    return "\0".join(texts).encode()


def _numbers(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


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
        in_order = ["uid", "is_defined", *TABLES[name]]
        if list(sizes)[: len(in_order)] != in_order:
            raise _Damaged(f"the columns of {name} are others")
        columns: dict[str, object] = {}
        attributes: dict[str, Mapping[int, str]] = {}
        for column, of_pieces in sizes.items():
            pieces = [self._piece(size) for size in of_pieces]
            if column == "is_defined":
                columns[column] = _flags(pieces, rows)
            elif column in in_order:
                columns[column] = self._column(TABLES[name].get(column, TableColumn("text")), pieces, rows)
            else:
                kind, _, attribute = column.partition(" ")
                if kind != "attribute":
                    raise _Damaged(f"the column {column} of {name} is unknown")
                of_rows = _distinct(self._whole(pieces[0], rows))
                attributes[attribute] = dict(zip(of_rows, _texts(pieces[1], len(of_rows)).split("\0"), strict=True))
        uids = columns.pop("uid")
        assert isinstance(uids, str)
        split = uids.split("\0") if rows else []
        is_defined = columns.pop("is_defined")
        assert isinstance(is_defined, bytes)
        if len(set(split)) != rows:
            raise _Damaged(f"UIDs of {name} are there twice")
        if not rows:
            columns |= {column: [] for column, of in TABLES[name].items() if of.type == "text"}
        return Table(
            name,
            split,
            is_defined,
            frozenset(map(str, listed["seen"])),
            columns,
            attributes,
            is_present=bool(listed["present"]),
        )

    def _piece(self, size: int) -> memoryview:
        if size < 0 or size > len(self._data) - self.place:
            raise _Damaged("it is cut short")
        piece = self._data[self.place : self.place + size]
        self.place += size
        return piece

    def _column(self, column: TableColumn, pieces: list[memoryview], rows: int) -> object:
        if column.type == "text":
            (piece,) = pieces
            return _texts(piece, rows)
        if column.type in ("int", "day", "row"):
            (piece,) = pieces
            return _of_size(self._whole(piece, self._rows[column.table] if column.table else None), rows)
        first, second = pieces
        counts = _of_size(_array(first), rows)
        if counts and min(counts) < NONE:
            raise _Damaged("a list of less than no length")
        total = sum(counts) + counts.count(NONE)
        if column.type == "marks":
            return Marks(list(_sets(counts, second, total, self._rows[column.table])))
        if column.type == "texts":
            return Lists(counts, _texts(second, total)) if total else Lists(counts, [])
        return Lists(counts, _of_size(self._whole(second, self._rows[column.table] if column.table else None), total))

    def _whole(self, piece: memoryview, rows: int | None) -> array[int]:
        """Return numbers; if `rows` is given, they are rows or NONE."""
        values = _array(piece)
        if rows is not None and values and not (min(values) >= NONE and max(values) < rows):
            raise _Damaged("a row that is not there")
        return values


def _flags(pieces: list[memoryview], rows: int) -> bytes:
    flags = bytes(pieces[0])
    if len(flags) != rows or flags.strip(b"\0\1"):
        raise _Damaged("the marks of what is defined are no marks")
    return flags


def _texts(piece: memoryview, count: int) -> str:
    text = str(piece, "utf-8")
    if text.count("\0") != max(count - 1, 0):
        raise _Damaged("a column of texts has another length")
    return text


def _array(piece: memoryview) -> array[int]:
    values = array("i")
    values.frombytes(piece)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _of_size(values: array[int], size: int) -> array[int]:
    if len(values) != size:
        raise _Damaged("a column of numbers has another length")
    return values


def _distinct(values: array[int]) -> array[int]:
    if len(set(values)) != len(values) or (values and min(values) < 0):
        raise _Damaged("a row is there twice")
    return values


def _sets(counts: array[int], piece: memoryview, total: int, rows: int) -> Iterator[bytes | None]:
    if len(piece) != total or (counts and max(counts) > (rows + 7) // 8):
        raise _Damaged("a set has another size")
    place = 0
    for count in counts:
        if count == NONE:
            yield None
            continue
        yield bytes(piece[place : place + count])
        place += count
