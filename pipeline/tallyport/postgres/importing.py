"""Importing: sources of any format into a DHIS2 database. The room's public door.

What is no ADV2 is converted first, into a folder that is gone afterwards. Nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tallyport.converting import converted
from tallyport.postgres.connecting import connection, generation
from tallyport.postgres.group import ImportOptions
from tallyport.postgres.load import Event, LoadReport, loading
from tallyport_converters.convert import Options, Outcome


def import_values(
    sources: Sequence[str | os.PathLike[str]],
    database: str,
    options: ImportOptions | None = None,
    *,
    conversion: Options | None = None,
    watch: Callable[[Event | Outcome], None] | None = None,
) -> LoadReport:
    """Write values into the DHIS2 database at `database`, a URL of PostgreSQL.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. Each group is written as a whole or not at all;
    what is stored already is not written again. `conversion`: how sources that are no ADV2 are read. `watch` is told
    of every group, file and conversion as it is done.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        Refused: TP752, there is no such user; TP759, who may not force checks does.
        OutsideFailed: TP805 to TP809, the database failed: groups before that are in, the one at work is not.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    report = LoadReport()
    with connection(database) as connected:
        report.generation = generation(connected)
        with TemporaryDirectory(prefix="tallyport-") as work:
            paths: list[str] = []
            for event in converted(sources, Path(work), paths, conversion):
                report.add(event)
                if watch:
                    watch(event)
            made_of = {str(one.folder): one.source for one in report.conversions}
            for loaded in loading(connected, paths, options or ImportOptions(), made_of):
                report.add(loaded)
                if watch:
                    watch(loaded)
    return report
