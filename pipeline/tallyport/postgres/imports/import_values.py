"""Importing: sources of any format into a DHIS2 database. The room's public door.

What is no ADV2 is converted first, into a folder that is gone afterwards. Nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from tallyport.any_source import converted
from tallyport.postgres.catalog.stored_metadata import of_database
from tallyport.postgres.connection import connection
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.report import Event, GroupLoad, ImportReport
from tallyport.postgres.imports.run import loading
from tallyport.postgres.schema_history import known_generation
from tallyport.source_report import SourceAccount, SourceReport
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.work_folders import work_folder
from tallyport_schemas.finding import finding
from tallyport_schemas.progress import Progress


def import_values(
    sources: Sequence[str | os.PathLike[str]],
    database: str,
    options: ImportOptions | None = None,
    *,
    conversion: Options | None = None,
    conversions: Sequence[Outcome] = (),
    rejects: str | os.PathLike[str] | None = None,
    watch: Callable[[Event | Outcome | SourceReport], None] | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Write values into the DHIS2 database at `database`, a URL of PostgreSQL.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. Each group is written as a whole or not at all,
    rows of legacy files one by one; what is stored already is not written again. `conversion`: how sources that are no
    ADV2 are read. `conversions`: those that were made before, with a trail, and have their folders among the sources.
    `rejects`: a file that takes all rejected values of legacy files, as NDJSON. `watch` hears of every group, file
    and conversion as it is done, and at the end of the outcome of each legacy file. `report`: one to fill, for whoever
    needs to know how far an import came that fails.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        Refused: TP752, TP903, TP904, the user does not exist, or must not write; TP759, who may not force checks does;
            TP905 to TP907, the tables are not known.
        OutsideFailed: TP805 to TP809, the database failed: groups before that are in, the running one is not. TP801,
            the disk failed.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = options or ImportOptions()
    report = report or ImportReport()
    report.dry_run = options.dry_run

    def tell(event: Event | Outcome | SourceReport) -> None:
        report.add(event)
        if watch:
            watch(event)

    with connection(database) as connected, ExitStack() as stack:
        report.generation = known_generation(connected, options.assume)
        file = stack.enter_context(WholeFile(Path(rejects))) if rejects is not None else None
        work = stack.enter_context(work_folder())
        paths: list[str] = []
        reading = replace(conversion or Options(), categories=of_database(connected))
        for event in converted(sources, work, paths, reading):
            tell(event)
        made = {str(one.folder): one for one in (*conversions, *report.conversions) if one.trail}
        accounts = {folder: stack.enter_context(closing(SourceAccount(one))) for folder, one in made.items()}
        made_of = {folder: one.source for folder, one in made.items()}
        keeps = {folder for folder, one in made.items() if _keeps_scope(one, database, options, tell)}
        for loaded in loading(connected, paths, options, made_of, keeps):
            tell(_accounted(loaded, accounts) if isinstance(loaded, GroupLoad) and loaded.origin else loaded)
        for account in accounts.values():
            if account.completions:
                account.note(finding("TP785", count=account.completions))
            tell(account.report(file))
    return report


def _keeps_scope(made: Outcome, database: str, options: ImportOptions, tell: Callable[[Progress], None]) -> bool:
    """Whether a converted source deletes a scope, and must not, as some of its values are rejected.

    What such a value names may lie in the scope: the stored one would go, and the new one not come. So all of the
    source is tried before.
    """
    assert made.manifest is not None
    if all(group["rows"] for group in made.manifest["groups"]):  # a group without rows is one that deletes
        return False
    if made.manifest["values"]["rejected"]:
        return True
    trial = replace(options, dry_run=True, sql=None, changes=None)
    folder = str(made.folder)
    with connection(database) as tried, closing(loading(tried, [folder], trial, {folder: made.source})) as events:
        for event in events:
            if isinstance(event, Progress):
                tell(event)
            elif isinstance(event, GroupLoad) and event.rows["ignored"]:
                return True
    return False


def _accounted(loaded: GroupLoad, accounts: Mapping[str, SourceAccount]) -> GroupLoad:
    """Take a group of a legacy file to its account; returns it with findings about the rows of that file."""
    assert loaded.origin is not None
    assert loaded.rejected is not None
    origin, account = loaded.origin, accounts[loaded.origin.folder]
    others = [found for found in loaded.findings if found.row is None]
    account.add(origin.file, origin.first_row, loaded.rejected, others)
    findings = account.in_source(origin.file, origin.first_row, loaded.findings)
    return replace(loaded, findings=findings, rejected=None)
