"""Tables: rows of a batch spelled out, in columns that Arrow's users take. See table.c."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterable, Iterator, Sequence
from ctypes import POINTER, c_int32, c_void_p, cast
from dataclasses import dataclass
from itertools import accumulate

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Capsule, TableSource
from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.row_batch import ArrowBatch, capsule

PART_BYTES = 64 << 20
"""About how much the texts of a column may take in one part of a table, if they lie end to end."""


class Entries(Owner):
    """Texts, or days since 1970, that columns refer to by number; None for what is not given."""

    free = "tp_entries_free"

    def __init__(self, entries: Sequence[str | None] | Sequence[int | None], *, are_days: bool = False) -> None:
        given = bytes(entry is not None for entry in entries)
        self.longest = 0
        """Bytes of the longest text."""
        if are_days:
            days = array("i", [entry if isinstance(entry, int) else 0 for entry in entries] or [0])
            made = library.tp_entries_new(len(given), given, None, None, _integers(days))
        else:
            parts = [entry.encode() if isinstance(entry, str) else b"" for entry in entries]
            ends = array("i", accumulate(map(len, parts), initial=0))
            self.longest = max(map(len, parts), default=0)
            made = library.tp_entries_new(len(given), given, b"".join(parts), _integers(ends), None)
        super().__init__(made)
        self.address = int(made)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it is called, and what it holds.

    `place`: of the first index that counts, where `sizes` says of how many identifiers each is. The indexes are read as
    one number; none: it is always 0. `through`: the number of the entry for each, -1 for none. Without `entries` no row
    has one.
    """

    name: str
    source: TableSource
    entries: Entries | None = None
    place: int = 0
    sizes: Sequence[int] = ()
    through: array[int] | None = None


class TableForm:
    """The columns of tables, for all batches of a group. `views`: texts lie as polars has them, else end to end."""

    def __init__(self, columns: Iterable[Column], *, views: bool) -> None:
        self.columns = tuple(columns)
        names = b"".join(column.name.encode(errors="replace") + b"\0" for column in self.columns)
        made = (abi.TableColumn * len(self.columns))()
        for column, to in zip(self.columns, made, strict=True):
            to.source = column.source
            to.place, to.indexes = column.place, len(column.sizes)
            if len(column.sizes) > 1:
                to.sizes = cast((c_int32 * len(column.sizes))(*column.sizes), POINTER(c_int32))
            if column.through:
                to.through = cast(_integers(column.through), POINTER(c_int32))
            to.entries = column.entries.address if column.entries else None
        self._form = abi.TableForm(made, len(self.columns), views, names, len(names))
        longest = 0 if views else max((column.entries.longest for column in self.columns if column.entries), default=0)
        self.rows_at_most = PART_BYTES // max(longest, 1)
        """How many rows a table may have."""
        of_entries = (TableSource.TEXT, TableSource.DAY)
        self.is_constant = all(column.source in of_entries and not column.sizes for column in self.columns)
        """Whether all rows have the same."""

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns."""
        return capsule(Capsule.SCHEMA, library.tp_table_schema(self._form))

    def array(self, batch: ArrowBatch | None, rows: slice) -> object:
        """Return a capsule with an ArrowArray of these rows of a batch, of which it keeps nothing."""
        return capsule(Capsule.ARRAY, self.array_at(batch, rows))

    def array_at(self, batch: ArrowBatch | None, rows: slice) -> int | None:
        """Return where such an ArrowArray is; None: out of memory."""
        handle = batch.handle if batch else None
        made: int | None = library.tp_table_array(handle, self._form, rows.start, rows.stop)
        return made

    def stream(self, tables: Iterator[RowTable]) -> object:
        """Return a capsule with an ArrowArrayStream of tables of this form, each made when it is asked for."""
        object_ = ctypes.py_object(tables)
        ctypes.pythonapi.Py_IncRef(object_)
        made = library.tp_table_stream(self._form, _CALLS, ctypes.cast(id(tables), c_void_p))
        if not made:
            ctypes.pythonapi.Py_DecRef(object_)
        return capsule(Capsule.STREAM, made)


@dataclass(frozen=True, slots=True)
class RowTable:
    """Rows of a batch as a table. Without a batch, where all columns are constant, so many rows."""

    form: TableForm
    batch: ArrowBatch | None
    rows: slice

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns."""
        return self.form.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return capsules with an ArrowSchema and an ArrowArray, which holds the rows by itself. It has one schema."""
        del requested_schema
        return self.form.__arrow_c_schema__(), self.form.array(self.batch, self.rows)


def _next(tables: int, array: int, message: int, size: int) -> int:
    """Move the next table to `array`: see NextTable of scanner.h."""
    try:
        table = next(ctypes.cast(tables, ctypes.py_object).value, None)
        if table is not None:
            made = table.form.array_at(table.batch, table.rows)
            if not made:
                raise MemoryError("out of memory")
            library.tp_array_move(made, array)
    except BaseException as error:
        text = str(error).encode()[: size - 1]
        ctypes.memmove(message, text + b"\0", len(text) + 1)
        return 1
    return 0


_CALLS = abi.StreamCalls(
    abi.NextTable(_next),
    ctypes.cast(ctypes.pythonapi.PyGILState_Ensure, abi.TakeLock),
    ctypes.cast(ctypes.pythonapi.PyGILState_Release, abi.GiveLock),
    ctypes.cast(ctypes.pythonapi.Py_DecRef, abi.LetGo),
)


def _integers(numbers: array[int]) -> ctypes.Array[c_int32]:
    return (c_int32 * len(numbers)).from_buffer(numbers)
