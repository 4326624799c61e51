"""Undo: before a group removes values for good, all that is stored in its scope, as a file that brings it back.

It is an ADV2 file whose header is that of the group, without `delete`, and with `undo`: the time of the removal. Its
rows say more than others: by whom a value was stored, when it was made, when it was last changed. An import takes them
as they are, since they were stored before: no rule for values applies, but all that are about who may write, where and
when. What was written after the removal stays, and so do values that the group added.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from tallyport.postgres.imports.session import Session
from tallyport.postgres.statements import statement
from tallyport_converters.adv2.file import RawHead
from tallyport_converters.adv2.group_text import DATA_CLOSE, DATA_OPEN, GROUP_CLOSE, SUFFIX, text
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.names import safe_name
from tallyport_converters.files.output import failed
from tallyport_schemas.finding import Finding, finding
from tallyport_schemas.group_header import GroupHeader

_DROPPED = ("delete", "undo", "size", "data")


def write_undo(session: Session, head: RawHead, header: GroupHeader, folder: Path, *, data_element: int) -> Path | None:
    """Write what is stored in a staged group's scope; returns the file, None where nothing is stored.

    The file is on the disk when this returns.

    Raises:
        OutsideFailed: TP801, the disk failed.
    """
    ((size,),) = session.look_up("count_undone", data_element=data_element)
    if not size:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(error, folder) from error
    kept = {name: json.loads(given) for name, given in head.properties if name not in _DROPPED}
    path = _free_name(folder, header.de)
    ((removed_at,),) = session.look_up("removed_at")
    with WholeFile(path, sweeps=False) as file, session.database.cursor(name="undone") as cursor:
        file.write(text({**kept, "undo": removed_at, "size": size})[:-1] + DATA_OPEN)
        cursor.itersize = 10_000
        cursor.execute(statement("imports/undone"), {"data_element": data_element})
        for number, (period, unit, combo, attribute, *behind) in enumerate(cursor):
            sizes = _sizes(header)
            places = [(period, sizes[0]), (unit, sizes[1]), (combo, sizes[2]), (attribute, sizes[3])]
            indexes = [index for place, of in places for index in _indexes(place, of)]
            file.write((b",\n" if number else b"") + text([*indexes, *behind]))
        file.write(DATA_CLOSE + GROUP_CLOSE + b"\n")
    return path


def restore(session: Session, header: GroupHeader, *, data_element: int) -> tuple[int, Finding | None, dict[str, int]]:
    """Plan what the staged rows of an undo bring back, but for what was written since.

    Returns how many rows that skips, what there is to report of them, and how many change what, by change.
    """
    ((newer, first),) = session.rows("keep_newer", data_element=data_element, removed_at=header.undo)
    told = finding("TP744", row=first, count=newer) if newer else None
    return newer, told, dict(session.rows("plan_restored", data_element=data_element))


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
