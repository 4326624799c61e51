"""Exporting: values of a DHIS2 database into ADV2, as a conversion would write them. Nothing here prints.

One transaction sees one state of the database; it only reads. The result is a function of the values alone, and
appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tallyport.postgres.catalog.stored_metadata import default_objects
from tallyport.postgres.connection import connection
from tallyport.postgres.exports.filters import Filters, select
from tallyport.postgres.exports.names import stored_names
from tallyport.postgres.exports.option_names import OptionNaming
from tallyport.postgres.exports.tuple_reader import StoredValues
from tallyport.postgres.schema_history import known_generation
from tallyport.postgres.statements import statement
from tallyport_converters.conversion.source_run import Attempt, Outcome
from tallyport_converters.convert import BLOCK_BYTES
from tallyport_converters.files.names import safe_name
from tallyport_converters.files.output import Compress
from tallyport_converters.files.publish import run_in
from tallyport_converters.model.file_header import settle_schemes
from tallyport_converters.options import Options
from tallyport_schemas.document import Document
from tallyport_schemas.finding import finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import KINDS
from tallyport_schemas.progress import Progress


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export. `options` has no default: how option combos are named decides who can read the files.

    `id_schemes` maps a kind (`de ou ds cc c co coc aoc`, "" for all) to a scheme, UID where it says nothing; the others
    are those of a conversion. `assume`: the generation whose tables these are, whatever their history says.

    Raises:
        ValueError: an option is none.
    """

    options: OptionNaming
    filters: Filters = field(default_factory=Filters)
    id_schemes: Mapping[str, str] = field(default_factory=dict)
    keep_followup_false: bool = False
    layout: Literal["split", "single"] = "split"
    compress: Compress = "none"
    jobs: int = 0
    memory_bytes: int = 256 << 20
    overwrite: bool = False
    assume: Generation | None = None

    def __post_init__(self) -> None:
        OptionNaming(self.options)
        self.writing()

    def writing(self) -> Options:
        """Return what a conversion takes of it."""
        return Options(
            id_schemes=self.id_schemes,
            keep_followup_false=self.keep_followup_false,
            layout=self.layout,
            compress=self.compress,
            jobs=self.jobs,
            memory_bytes=self.memory_bytes,
            overwrite=self.overwrite,
        )


@dataclass(frozen=True, slots=True)
class _Database:
    """The database as an origin of values: see `attempt.Origin`."""

    name: str
    generation: str
    options: ExportOptions
    compression: str = "none"
    size_bytes: int = 0
    unpacked_bytes: int = 0

    def described(self, source_format: str) -> Mapping[str, Any]:
        """Return what the manifest says of it."""
        del source_format
        return {
            "database": {
                "name": self.name,
                "generation": self.generation,
                "options": str(self.options.options),
                "filters": self.options.filters.as_json,
            }
        }


class ExportReport(Outcome):
    """The outcome of an export: its folder and manifest, and what was found."""

    __slots__ = ()

    def as_json(self) -> Document:
        """Return it as `json/export.schema.json` describes it."""
        return {**super().as_json(), "folder": str(self.folder)}


def export_values(
    database: str,
    output: str | os.PathLike[str],
    options: ExportOptions,
    *,
    watch: Callable[[Progress], None] | None = None,
) -> ExportReport:
    """Write values of the DHIS2 database at `database`, a URL of PostgreSQL, as ADV2: a folder in `output`.

    The folder has the database's name. Memory is bounded as in a conversion. `watch` hears how far things are.

    Raises:
        SourceUnreadable: TP760 a filter names what is not there; TP761, TP763, TP764, TP766, TP767 objects that cannot
            be named as `options` ask.
        Refused: TP762 category options alone would be ambiguous; TP901, TP902 the output cannot be written now;
            TP905 to TP907 the tables are not known.
        OutsideFailed: TP801 the disk failed; TP805, TP806, TP808, TP809 the database did.
    """
    for event in exporting(database, Path(output), options):
        if isinstance(event, ExportReport):
            return event
        if watch:
            watch(event)
    raise AssertionError("an export ends with its outcome")


def exporting(database: str, output: Path, options: ExportOptions) -> Iterator[Progress | ExportReport]:
    """Export, yielding progress and at last the outcome; see `export_values`."""
    with connection(database) as connected:
        from psycopg import IsolationLevel

        connected.isolation_level = IsolationLevel.REPEATABLE_READ
        connected.read_only = True
        origin = _Database(connected.info.dbname, str(known_generation(connected, options.assume)), options)
        connected.execute(statement("exports/session"))
        writing = options.writing()
        ids = settle_schemes({}, writing.id_schemes, StoredValues.default_scheme)
        schemes = dict.fromkeys(KINDS, ids) if isinstance(ids, str) else dict.fromkeys(KINDS, "UID") | dict(ids or {})
        selection = select(connected, options.filters)
        names = stored_names(connected, selection, schemes, OptionNaming(options.options))
        folder = safe_name(origin.name)
        with (
            run_in(output, [folder], overwrite=options.overwrite) as work,
            ThreadPoolExecutor(writing.threads) as threads,
        ):
            attempt = Attempt(
                origin,
                StoredValues(connected, selection.parameters, names),
                folder=work / "built",
                final=output / folder,
                options=writing,
                threads=threads,
                block_bytes=BLOCK_BYTES,
                naming=names.read,
                empty=finding("TP765"),
            )
            attempt.findings += default_objects(connected).findings
            outcome = yield from attempt.run()
        # Now that the run has ended: who has it may ask for no more.
        yield ExportReport(outcome.source, outcome.folder, outcome.manifest, findings=outcome.findings)
