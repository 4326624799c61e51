"""Records: what an import does, as files: SQL that has the same effect, and the changes of every row.

A group is in a record when it is in the database; what was written of one that fails is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from tallyport.postgres.imports.report import GroupLoad
from tallyport.postgres.statements import statement
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


class Record(WholeFile):
    """The file at `path`, which appears when all of it is written; use it in a `with`.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
    """

    @contextmanager
    def of_groups(self, loads: Sequence[GroupLoad]) -> Iterator[None]:
        """Record groups that are written together, unless they fail."""
        start = self._file.tell()
        self._begin(loads)
        try:
            yield
        except Exception:
            try:
                self._file.seek(start)
                self._file.truncate()
            except OSError as error:
                raise failed(error, self._path) from error
            raise
        self._end()

    def _begin(self, loads: Sequence[GroupLoad]) -> None:
        del loads

    def _end(self) -> None:
        """Take it that the groups are in the database."""


class Script(Record):
    """SQL that a person can read and psql can run to the same effect.

    Values are written into the statements as literals, rows as the lines that COPY takes. A group that fails leaves a
    comment.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.write(_HEAD.encode())

    def _begin(self, loads: Sequence[GroupLoad]) -> None:
        comments = "".join(f"-- {_comment(load.title)}\n" for load in loads)
        self.write(f"\n{comments}begin;\n".encode())

    def _end(self) -> None:
        self.write(b"commit;\n")

    def note(self, text: str) -> None:
        """Write a comment in place of a group."""
        self.write(f"\n-- {_comment(text)}\n".encode())

    def statement(
        self, database: Connection[Any], text: LiteralString, parameters: Mapping[str, Any] | None = None
    ) -> None:
        """Write a statement with its parameters."""
        from psycopg import ClientCursor

        whole = ClientCursor(database).mogrify(text, parameters) if parameters else text
        self.write(f"{whole.rstrip().removesuffix(';')};\n".encode())  # one that ends in a part has none

    def copy(self, database: Connection[Any], into: Composed) -> None:
        """Begin rows that are copied in; `lines` and `end_of_lines` follow."""
        self.write(into.as_string(database).encode())

    def lines(self, text: bytes) -> None:
        """Write whole lines of COPY's text form."""
        self.write(text if not text or text.endswith(b"\n") else text + b"\n")

    def end_of_lines(self) -> None:
        """End the rows."""
        self.write(b"\\.\n")


class Changes(Record):
    """What happens to each row that changes something, a JSON object a line.

    `file`, `group` and `row` name the row, `change` what happens to it: insert, update, undelete, delete. Then its key
    by UID; what is stored: `before` (the value), `comment_before`, `followup_before`, `deleted_before`; what is
    written: `value`, `comment`, `followup`, `deleted`. Of these, what is null has no entry. Rows that are not in the
    file change nothing, or are skipped with a finding. Groups that fail have no lines. A run that is cut short leaves
    the lines of the groups that it has written, if they stay: `is_lasting`.
    """

    def __init__(self, path: Path, *, is_lasting: bool) -> None:
        super().__init__(path)
        self._is_lasting = is_lasting

    def _end(self) -> None:
        if self._is_lasting:
            self._keep()

    def take(self, database: Connection[Any], load: GroupLoad, *, staged_as: int) -> None:
        """Write what is planned of a group, or a batch of it."""
        named = {"file": load.file, "number": load.number, "data_element": load.de or ""}
        parameters = {**named, "staged_as": staged_as}
        with database.cursor() as cursor, cursor.copy(statement("imports/changes"), parameters) as lines:
            for line in lines:
                self.write(bytes(line))


def _comment(text: str) -> str:
    """Return a text as one line: names of files may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)
