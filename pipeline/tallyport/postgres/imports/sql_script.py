"""Script: what an import does, as a file of SQL that a person can read and psql can run to the same effect.

Values are written into the statements as literals, rows as the lines that COPY takes. A group is in the script when
it is in the database; one that fails leaves a comment.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, LiteralString

from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.output import failed

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

_HEAD = """\
-- Written by tallyport. Run it with: psql --no-psqlrc --quiet --file FILE DATABASE
-- Each transaction is a group of values, or several small ones. Ids are those of the database that it was made for.
\\set ON_ERROR_STOP on
set client_encoding = 'UTF8';
set standard_conforming_strings = on;
set jit = off;
"""


class Script(WholeFile):
    """A script at `path`, which appears when all of it is written; use it in a `with`.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._group: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - closed on leaving
        self._put(self._file, _HEAD.encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._group:
            super().__exit__(kind, error, trace)

    def begin(self, *titles: str) -> None:
        """Begin a group, or several that are written together; what was written and not ended is dropped."""
        self._group.seek(0)
        self._group.truncate()
        comments = "".join(f"-- {_comment(title)}\n" for title in titles)
        self._put(self._group, f"\n{comments}begin;\n".encode())

    def end(self) -> None:
        """Take the group in."""
        self._put(self._group, b"commit;\n")
        self._group.seek(0)
        try:
            shutil.copyfileobj(self._group, self._file)
        except OSError as error:
            raise failed(error, self._path) from error

    def note(self, text: str) -> None:
        """Write a comment in place of a group."""
        self._put(self._file, f"\n-- {_comment(text)}\n".encode())

    def outside(self, database: Connection[Any], text: LiteralString) -> None:
        """Write a statement that stands outside of all groups."""
        self._put(self._file, self._literal(database, text, {}))

    def statement(self, database: Connection[Any], text: LiteralString, parameters: Mapping[str, Any]) -> None:
        """Write a statement with its parameters."""
        self._put(self._group, self._literal(database, text, parameters))

    def copy(self, database: Connection[Any], into: Composed) -> None:
        """Begin rows that are copied in; `lines` and `end_of_lines` follow."""
        self._put(self._group, into.as_string(database).encode())

    def lines(self, text: bytes) -> None:
        """Write whole lines of COPY's text form."""
        self._put(self._group, text if not text or text.endswith(b"\n") else text + b"\n")

    def end_of_lines(self) -> None:
        """End the rows."""
        self._put(self._group, b"\\.\n")

    def _literal(self, database: Connection[Any], text: LiteralString, parameters: Mapping[str, Any]) -> bytes:
        from psycopg import ClientCursor

        whole = ClientCursor(database).mogrify(text, parameters) if parameters else text
        return f"{whole.rstrip().removesuffix(';')};\n".encode()  # one that ends in a part has none

    def _put(self, file: IO[bytes], data: bytes) -> None:
        try:
            file.write(data)
        except OSError as error:
            raise failed(error, self._path) from error


def _comment(text: str) -> str:
    """Return a text as one line: names of files may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)
