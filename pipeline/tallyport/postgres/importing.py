"""Importing: sources of any format into a DHIS2 database. The room's public door.

What is no ADV2 is converted first, into a folder that is gone afterwards. Nothing here prints.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tallyport.postgres.connecting import connection, generation
from tallyport.postgres.group import ImportOptions
from tallyport.postgres.load import Event, LoadReport, loading
from tallyport.validation.files import walked
from tallyport_converters.adv2_reading import is_adv2
from tallyport_converters.convert import Options, Outcome, conversion
from tallyport_converters.sources import Source
from tallyport_schemas.findings import SourceUnreadable
from tallyport_schemas.progress import Progress


def import_values(
    sources: Sequence[str | os.PathLike[str]],
    database: str,
    options: ImportOptions | None = None,
    *,
    watch: Callable[[Event | Outcome], None] | None = None,
) -> LoadReport:
    """Write values into the DHIS2 database at `database`, a URL of PostgreSQL.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. Each group is written as a whole or not at all;
    what is stored already is not written again. `watch` is told of every group, file and conversion as it is done.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        Refused: TP752, there is no such user.
        OutsideFailed: TP805 to TP809, the database failed: groups before that are in, the one at work is not.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    report = LoadReport()
    with connection(database) as connected:
        report.generation = generation(connected)
        with TemporaryDirectory(prefix="tallyport-") as work:
            paths: list[str] = []
            for event in _converted(sources, Path(work), paths):
                report.add(event)
                if watch:
                    watch(event)
            for loaded in loading(connected, paths, options or ImportOptions()):
                report.add(loaded)
                if watch:
                    watch(loaded)
    return report


def _converted(sources: Sequence[str | os.PathLike[str]], work: Path, paths: list[str]) -> Iterator[Outcome | Progress]:
    """Convert what is no ADV2; fills `paths` with what is, in the order of the sources."""
    for number, source in enumerate(sources):
        path = os.fspath(source)
        if path == "-":
            path = str(work / "stdin")
            with Path(path).open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        if _is_adv2(path):
            paths.append(path)
            continue
        folder = work / str(number)
        for event in conversion([path], folder, Options()):
            yield event
            if isinstance(event, Outcome) and event.folder and any(event.folder.glob("*.adv2.json")):
                paths.append(str(event.folder))


def _is_adv2(path: str) -> bool:
    """Whether a file is ADV2 by its content, or a folder has files of that name."""
    if Path(path).is_dir():
        try:
            return bool(list(walked([path])))
        except ValueError:
            return False
    try:
        with Source.open(path) as source:
            return is_adv2(source)
    except SourceUnreadable:
        return path.endswith((".adv2.json", ".adv2.json.gz", ".adv2.json.zst"))
