"""Removal: what a group deletes, and before it removes values for good, all that is stored in its scope, as a file.

That file brings it back. It is an ADV2 file whose header is that of the group, without `delete`, and with `undo`: the
time of the removal. Its rows say more than others: by whom a value was stored, when it was made, when it was last
changed. An import takes them as they are, since they were stored before: no rule for values applies, but all that are
about who may write, where and when. What was written after the removal stays, and so do values that the group added.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from tallyport.postgres.imports.access import data_sets_meant
from tallyport.postgres.imports.batch_size import Stretch
from tallyport.postgres.imports.import_run import GroupFails, ImportRun
from tallyport.postgres.imports.report import GroupLoad
from tallyport.postgres.imports.row_feed import RowFeed
from tallyport.postgres.statements import statement
from tallyport_converters.adv2.file import RawHead
from tallyport_converters.adv2.group_text import DATA_CLOSE, DATA_OPEN, GROUP_CLOSE, SUFFIX, text
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.names import safe_name
from tallyport_converters.files.output import failed
from tallyport_schemas.finding import finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader

_DROPPED = ("delete", "undo", "size", "data")


class Removal:
    """What a group with this header deletes; nothing, if it does not say so. `load` takes the outcome."""

    def __init__(self, run: ImportRun, header: GroupHeader, data_element: int, load: GroupLoad) -> None:
        self._run, self._session = run, run.session
        self._header, self._data_element, self._load = header, data_element, load
        self._ignored_are_named = False

    def prepare(self, head: RawHead, approvable: Sequence[int]) -> None:
        """Fail a group that deletes what is approved: a scope is deleted as a whole or not at all.

        What is removed for good is kept in a file first. `approvable`: the data sets of which approval matters.
        """
        header, options, findings = self._header, self._run.options, self._load.findings
        if header.delete is None:
            return
        if approved := self._session.look_up("approved", **data_sets_meant({0: approvable})):
            culprits = [" ".join(names) for _, *names in approved]
            raise GroupFails([*findings, finding("TP754", culprits=culprits)])
        if header.delete != "hard" or options.dry_run:
            return
        if options.undo is None:
            raise GroupFails([*findings, finding("TP753", field="delete", found=header.delete)])
        self._load.undo = self._write_undo(head, options.undo)

    def spare(self, feed: RowFeed, batch: Stretch, first: int) -> None:
        """Note what the ignored rows of a batch name, those from row `first` on, so that the group does not delete it.

        Raises:
            GroupFails: TP743, batches before this one may have deleted it.
        """
        if not feed.kept or not feed.kept.tell():
            return
        self._ignored_are_named = True
        feed.kept.seek(0)
        with self._session.copying("kept", feed.text.key_columns) as write:
            while lines := feed.kept.read(1 << 20):
                write(lines)
        feed.kept.seek(0)
        feed.kept.truncate()
        units = len(self._header.ou)
        ((late,),) = self._session.look_up("kept_too_late", row=first, units=units, start=batch.start)
        if late is not None:
            raise GroupFails([*self._load.findings, *feed.findings, finding("TP743", row=late)])

    def delete(self, batch: Stretch) -> None:
        """Delete what is stored in a stretch of the scope and has no row."""
        if self._header.delete is None:
            return
        session, load = self._session, self._load
        of_element = {"data_element": self._data_element}
        stretch = {"units": len(self._header.ou), "start": batch.start, "end": batch.end}
        is_hard = self._header.delete == "hard"
        if self._ignored_are_named:
            ((kept, row),) = session.look_up("count_kept", all=is_hard, **of_element, **stretch)
            if kept:
                load.leave_out(finding("TP742", row=row, field="delete", count=kept))
        if is_hard:
            load.cleared += session.run("delete_scope_hard", **of_element, **stretch)
            return
        username = self._run.access.username
        if self._run.generation is Generation.V42:
            session.run("log_scope_42", username=username, **of_element, **stretch)
        load.cleared += session.run("delete_scope_soft", username=username, **of_element, **stretch)

    def _write_undo(self, head: RawHead, folder: Path) -> Path | None:
        """Write what is stored in the scope; returns the file, None where nothing is stored.

        The file is on the disk when this returns.

        Raises:
            OutsideFailed: TP801, the disk failed.
        """
        with self._session.database.cursor(name="undone") as cursor:
            cursor.itersize = 10_000
            cursor.execute(statement("imports/undone"), {"data_element": self._data_element})
            first = cursor.fetchone()
            if first is None:
                return None
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise failed(error, folder) from error
            path = _free_name(folder, self._header.de)
            kept = {name: json.loads(given) for name, given in head.properties if name not in _DROPPED}
            removed_at, size = first[:2]
            sizes = _sizes(self._header)
            with WholeFile(path, sweeps=False) as file:
                file.write(text({**kept, "undo": removed_at, "size": size})[:-1] + DATA_OPEN)
                for number, row in enumerate(chain([first], cursor)):
                    places, rest = row[2:6], row[6:]
                    indexes = [index for place, of in zip(places, sizes, strict=True) for index in _indexes(place, of)]
                    file.write((b",\n" if number else b"") + text([*indexes, *rest]))
                file.write(DATA_CLOSE + GROUP_CLOSE + b"\n")
        return path


def _free_name(folder: Path, data_element: str) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    names = (f"{safe_name(data_element)}.{stamp}{f'.{n}' if n else ''}{SUFFIX}" for n in count())
    return next(folder / name for name in names if not (folder / name).exists())


def _sizes(header: GroupHeader) -> Sequence[Sequence[int]]:
    """Return for each dimension of a row how many identifiers each of its places has."""
    data = len(header.co.options) if header.co else int(header.coc is not None)
    places = header.places
    return places[:1], places[1:2], places[2 : 2 + data], places[2 + data :]


def _indexes(place: int, sizes: Sequence[int]) -> list[int]:
    """Return the explicit indexes that a place stands for: the reverse of what `CopyText` does.

    >>> _indexes(5, (2, 1, 3))
    [1, 2]
    """
    found: list[int] = []
    for size in reversed(sizes):
        place, index = divmod(place, size)
        if size > 1:
            found.insert(0, index)
    return found
