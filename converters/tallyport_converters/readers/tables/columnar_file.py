"""Parquet and Arrow files as tables, read with pyarrow: a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from tallyport_converters.readers.tables.table import CHUNK_ROWS
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, OutsideFailed, SourceUnreadable, finding

if TYPE_CHECKING:
    import pyarrow as pa

ARROW_FILE = b"ARROW1\0\0"
ARROW_STREAM = b"\xff\xff\xff\xff"
PARQUET = b"PAR1"

_CHUNK_BYTES = 16 << 20
"""Bytes of text that a chunk may have, unless it is a single row: very long texts are read fewer at a time."""


class ColumnarFile:
    """A Parquet or Arrow file as a table; `format` is `parquet` or `arrow`.

    Raises:
        SourceUnreadable: TP133, it is damaged, cut short, encrypted, or nothing of the kind.
        OutsideFailed: TP809, pyarrow is not installed.
    """

    has_marks = False

    def __init__(self, source: Source, format: str) -> None:
        self.format = format
        self.findings: Sequence[Finding] = ()
        self._source = source
        with _understood(format):
            _, schema = self._opened()
            self.names: Sequence[str] = schema.names
            frame = pl.DataFrame(_exact(schema.empty_table().rename_columns(_numbered(schema))))
            self.types: Sequence[pl.DataType] = frame.dtypes

    def _opened(self) -> tuple[Callable[[], Iterator[pa.RecordBatch]], pa.Schema]:
        pyarrow = _pyarrow()
        file = self._source.random_access()
        if self.format == "parquet":
            parquet = _pyarrow("pyarrow.parquet").ParquetFile(file, pre_buffer=False)
            schema = parquet.schema_arrow
            texts = [field.name for field in schema if pyarrow.types.is_string(field.type)]
            parquet = _pyarrow("pyarrow.parquet").ParquetFile(file, pre_buffer=False, read_dictionary=texts)
            return lambda: parquet.iter_batches(CHUNK_ROWS, use_threads=False), schema
        if self._source.head(len(ARROW_FILE)) == ARROW_FILE:
            stored = _pyarrow("pyarrow.ipc").open_file(file)
            return lambda: (stored.get_batch(i) for i in range(stored.num_record_batches)), stored.schema
        stream = _pyarrow("pyarrow.ipc").open_stream(file)
        return lambda: iter(stream), stream.schema

    def chunks(self) -> Iterator[pl.DataFrame]:
        """See `ValueTable`.

        Raises:
            SourceUnreadable: TP133, the file is damaged or cut short.
        """
        row = 0
        with _understood(self.format):
            batches, schema = self._opened()
            names = _numbered(schema)
            for batch in batches():
                batch.validate(full=True)
                for part in _parts(batch):
                    frame = pl.DataFrame(_exact(_pyarrow().Table.from_batches([part]).rename_columns(names)))
                    yield frame.with_row_index("row", row)
                    row += len(frame)
        self._source.check_unchanged()

    def noticed(self) -> Sequence[Finding]:
        """See `ValueTable`."""
        return ()

    def place(self, row: int, column: int | None) -> Mapping[str, Any]:
        """See `ValueTable`: rows are counted as the values are."""
        del row, column
        return {}


def _numbered(schema: pa.Schema) -> list[str]:
    """Return names for columns of which two may share one."""
    return [str(i) for i in range(len(schema.names))]


def _exact(table: pa.Table) -> pa.Table:
    """Return the same without dictionaries."""
    types = _pyarrow().types
    for i, field in enumerate(table.schema):
        if types.is_dictionary(field.type):
            decoded = table.column(i).cast(field.type.value_type)
            table = table.set_column(i, field.name, decoded)
    return table


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in parts of bounded rows, and of bounded text where a dictionary makes much of little."""
    step = CHUNK_ROWS
    longest = sum(_longest(column) for column in batch.columns)
    while step > 1 and step * longest > _CHUNK_BYTES and batch.nbytes + step * longest > 4 * _CHUNK_BYTES:
        step //= 2
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def _longest(column: pa.Array) -> int:
    """Return how long the longest text of a column's dictionary is; 0 if it has none."""
    types = _pyarrow().types
    if not types.is_dictionary(column.type) or not len(column.dictionary):
        return 0
    value_type = column.type.value_type
    if not (types.is_string(value_type) or types.is_large_string(value_type)):
        return 0
    return _pyarrow("pyarrow.compute").max(_pyarrow("pyarrow.compute").binary_length(column.dictionary)).as_py() or 0


def _pyarrow(name: str = "pyarrow") -> Any:
    """Return a module of pyarrow.

    Raises:
        OutsideFailed: TP809, it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        help_text = "install it with pip install 'tallyport[tables]'"
        raise OutsideFailed(finding("TP809", found="pyarrow", help=help_text)) from None


@contextmanager
def _understood(format: str) -> Iterator[None]:
    """Say what pyarrow has to say of a file as a finding."""
    called = "Parquet" if format == "parquet" else "Arrow"
    of_libraries = (_pyarrow().ArrowException, pl.exceptions.PolarsError)
    try:
        yield
    except (*of_libraries, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, MemoryError):
            raise
        message = f"the {called} file is damaged, cut short or of a kind that cannot be read"
        found = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceUnreadable(finding("TP133", message=message, found=found)) from error
