"""Changes: what an import does to each row that changes something, as a file of a JSON object a line.

`file`, `group` and `row` name the row, `change` what happens to it: insert, update, undelete, delete. Then its key by
UID; what is stored: `before` (the value), `comment_before`, `followup_before`, `deleted_before`; what is written:
`value`, `comment`, `followup`, `deleted`. Of these, what is null has no entry. Rows that are not in the file change
nothing, or are skipped with a finding. Groups that fail have no lines. A run that is cut short
leaves the lines of the groups that it has written.
"""

from __future__ import annotations

from pathlib import Path

from tallyport.postgres.imports.report import GroupLoad
from tallyport.postgres.imports.session import Session
from tallyport.postgres.statements import statement
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.output import failed


class Changes(WholeFile):
    """The file at `path`, which appears when all of it is written; use it in a `with`.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._group = 0

    def begin(self) -> None:
        """Begin a group."""
        self._group = self._file.tell()

    def keep(self) -> None:
        """Say that the group is in the database: its lines stay, whatever happens later."""
        self._keep()

    def drop(self) -> None:
        """Take back what the group has written."""
        try:
            self._file.seek(self._group)
            self._file.truncate()
        except OSError as error:
            raise failed(error, self._path) from error

    def take(self, session: Session, load: GroupLoad, *, staged_as: int) -> None:
        """Write what is planned of a group, or a batch of it."""
        named = {"file": load.file, "number": load.number, "data_element": load.de or ""}
        parameters = {**named, "staged_as": staged_as}
        with session.database.cursor() as cursor, cursor.copy(statement("imports/changes"), parameters) as lines:
            for line in lines:
                self.write(bytes(line))
