"""Opened: ADV2 files for whoever reads Arrow: group by group with its header, or as one table. Needs no polars."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import cached_property

from tallyport.frames.group_columns import empty_column
from tallyport.frames.value_files import Paths, Query, ValueFiles, path_list
from tallyport.validation.validate import walked
from tallyport_converters.adv2.row_batches import RowBatches, read_groups
from tallyport_converters.native.table import RowTable, TableForm
from tallyport_schemas.finding import Finding


class OpenedAdv2:
    """ADV2 files. Nothing is read before it is asked for, and all is read again when it is asked for again."""

    def __init__(self, paths: Paths, on_invalid: Callable[[Finding], None] | None = None) -> None:
        self._paths, self._on_invalid = path_list(paths), on_invalid

    def __iter__(self) -> Iterator[RowBatches]:
        """Yield the groups. The rows of each are to be read before the next group, or not at all.

        Of values nothing is checked but their form; rows that fail it are in `findings` of their group.

        Raises:
            SourceUnreadable: a file cannot be read, is no JSON, or a header is invalid.
        """
        for path, _ in walked(self._paths):
            yield from read_groups(path)

    def __arrow_c_schema__(self) -> object:
        """Return a capsule with an ArrowSchema: a struct of the columns of `scan_adv2`.

        Raises:
            SourceUnreadable: a file cannot be read, is no JSON, or a header is invalid.
        """
        return self._form.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an ArrowArrayStream of all values, a row each, read as they are asked for.

        It has one schema. An invalid row ends it with an error, unless `on_invalid` takes what is wrong with it.

        Raises:
            SourceUnreadable: a file cannot be read, is no JSON, or a header is invalid.
        """
        del requested_schema
        return self._form.stream(self._tables())

    @cached_property
    def _files(self) -> ValueFiles:
        return ValueFiles(self._paths, on_invalid=self._on_invalid)

    @cached_property
    def _form(self) -> TableForm:
        return TableForm([empty_column(column) for column in self._files.columns], views=False)

    def _tables(self) -> Generator[RowTable, None, None]:
        for part in self._files.parts(Query([column.name for column in self._files.columns])):
            yield part.table


def open_adv2(paths: Paths, *, on_invalid: Callable[[Finding], None] | None = None) -> OpenedAdv2:
    """Open ADV2 files, or folders of them, for Arrow: `duckdb.sql("from values")`, `pyarrow.table(values)`.

    What comes out is a table of all values, with the columns of `scan_adv2`. Iterated, it yields the groups with their
    headers, and their rows in columns of indexes.

    `on_invalid` takes what is wrong with each row of the table whose form is invalid; the table omits it. Without it
    such a row ends the reading with an error.
    """
    return OpenedAdv2(paths, on_invalid)


__all__ = ["OpenedAdv2", "open_adv2"]
