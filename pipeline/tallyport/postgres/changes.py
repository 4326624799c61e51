"""Changes: what an import does to each row that changes something, as a file of a JSON object a line.

`file`, `group` and `row` name the row, `change` what becomes of it: insert, update, undelete, delete. Then its key by
UID, the value `before`, and what is written. Rows that are not in the file change nothing, or are left out with a
finding. Groups that fail have no lines.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tallyport.postgres.session import Session
from tallyport.postgres.statements import statement
from tallyport_converters.output import failed, replaceable


class Changes:
    """The file at `path`, which appears when all of it is written; use it in a `with`.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path = replaceable(path)
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._group = 0
        try:
            self._file = self._partial.open("wb")
        except OSError as error:
            raise failed(error, path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._partial.replace(self._path)
        except OSError as failure:
            raise failed(failure, self._path) from failure
        finally:
            self._partial.unlink(missing_ok=True)

    def begin(self) -> None:
        """Begin a group."""
        self._group = self._file.tell()

    def drop(self) -> None:
        """Take back what the group has written."""
        try:
            self._file.seek(self._group)
            self._file.truncate()
        except OSError as error:
            raise failed(error, self._path) from error

    def take(self, session: Session, *, file: str, number: int, data_element: str) -> None:
        """Write what is planned of a batch; `data_element` as the file has it."""
        parameters = {"file": file, "number": number, "data_element": data_element}
        with session.database.cursor() as cursor, cursor.copy(statement("changes"), parameters) as lines:
            try:
                for line in lines:
                    self._file.write(line)
            except OSError as error:
                raise failed(error, self._path) from error
