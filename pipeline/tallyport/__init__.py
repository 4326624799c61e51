"""tallyport: move DHIS2 aggregate data. Users import this package and nothing else.

>>> from tallyport import convert
>>> report = convert(["january.json"], "out")  # doctest: +SKIP
>>> report.sources[0].manifest["values"]  # doctest: +SKIP
{'read': 188701, 'written': 188701, 'superseded': 0, 'rejected': 0}

Names are loaded when they are used, so that the command line's `--help` need not load the converters.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallyport.analysis.look.show import show
    from tallyport.analysis.look.view import FileView
    from tallyport.analysis.statistics.report import Statistics
    from tallyport.analysis.statistics.stats import stats
    from tallyport.dhis2.api.connection import RequestFailed
    from tallyport.dhis2.api.profiles import Profile, find_profile
    from tallyport.dhis2.client import Client, open_client
    from tallyport.dhis2.pull_snapshot import pull_snapshot
    from tallyport.dhis2.push.push import PushOptions, PushReport, push
    from tallyport.frames.opened import OpenedAdv2, open_adv2
    from tallyport.frames.scan import read_adv2, scan_adv2
    from tallyport.frames.scan_converted import scan_legacy
    from tallyport.frames.write import write_adv2
    from tallyport.legacy.write import WriteBackReport, write_back
    from tallyport.metadata import Snapshot, load_metadata
    from tallyport.postgres.embedded.database import Embedded, embedded_database
    from tallyport.postgres.exports.export_legacy import LegacyExportReport, export_legacy
    from tallyport.postgres.exports.export_values import ExportOptions, ExportReport, export_values
    from tallyport.postgres.exports.filters import Filters
    from tallyport.postgres.exports.option_names import OptionNaming
    from tallyport.postgres.imports.import_values import import_values
    from tallyport.postgres.imports.report import ImportReport
    from tallyport.tables.report import TableReport
    from tallyport.tables.write_table import write_table
    from tallyport.validation.report import ValidationReport
    from tallyport.validation.validate import validate
    from tallyport.web.serve import ServeOptions, serve
    from tallyport_converters.adv2.row_batches import RowBatches
    from tallyport_converters.convert import NameClash, Outcome, Report, convert
    from tallyport_schemas import __version__
    from tallyport_schemas.finding import (
        Finding,
        OutsideFailed,
        Refused,
        Severity,
        SourceUnreadable,
        Unusable,
    )
    from tallyport_schemas.finding_codes import CODES
    from tallyport_schemas.progress import Progress, Waiting

__all__ = [
    "CODES",
    "Client",
    "Embedded",
    "ExportOptions",
    "ExportReport",
    "FileView",
    "Filters",
    "Finding",
    "ImportReport",
    "LegacyExportReport",
    "NameClash",
    "OpenedAdv2",
    "OptionNaming",
    "Outcome",
    "OutsideFailed",
    "Profile",
    "Progress",
    "PushOptions",
    "PushReport",
    "Refused",
    "Report",
    "RequestFailed",
    "RowBatches",
    "ServeOptions",
    "Severity",
    "Snapshot",
    "SourceUnreadable",
    "Statistics",
    "TableReport",
    "Unusable",
    "ValidationReport",
    "Waiting",
    "WriteBackReport",
    "__version__",
    "convert",
    "embedded_database",
    "export_legacy",
    "export_values",
    "find_profile",
    "import_values",
    "load_metadata",
    "open_adv2",
    "open_client",
    "pull_snapshot",
    "push",
    "read_adv2",
    "scan_adv2",
    "scan_legacy",
    "serve",
    "show",
    "stats",
    "validate",
    "write_adv2",
    "write_back",
    "write_table",
]

_NAMES = {
    "tallyport.analysis.look.show": "show",
    "tallyport.analysis.look.view": "FileView",
    "tallyport.analysis.statistics.report": "Statistics",
    "tallyport.analysis.statistics.stats": "stats",
    "tallyport.dhis2.api.connection": "RequestFailed",
    "tallyport.dhis2.api.profiles": "Profile find_profile",
    "tallyport.dhis2.client": "Client open_client",
    "tallyport.dhis2.pull_snapshot": "pull_snapshot",
    "tallyport.dhis2.push.push": "PushOptions PushReport push",
    "tallyport.frames.opened": "OpenedAdv2 open_adv2",
    "tallyport.frames.scan": "read_adv2 scan_adv2",
    "tallyport.frames.scan_converted": "scan_legacy",
    "tallyport.frames.write": "write_adv2",
    "tallyport.legacy.write": "WriteBackReport write_back",
    "tallyport.metadata": "Snapshot load_metadata",
    "tallyport.postgres.embedded.database": "Embedded embedded_database",
    "tallyport.postgres.exports.export_legacy": "LegacyExportReport export_legacy",
    "tallyport.postgres.exports.export_values": "ExportOptions ExportReport export_values",
    "tallyport.postgres.exports.filters": "Filters",
    "tallyport.postgres.exports.option_names": "OptionNaming",
    "tallyport.postgres.imports.import_values": "import_values",
    "tallyport.postgres.imports.report": "ImportReport",
    "tallyport.tables.report": "TableReport",
    "tallyport.tables.write_table": "write_table",
    "tallyport.validation.report": "ValidationReport",
    "tallyport.validation.validate": "validate",
    "tallyport.web.serve": "ServeOptions serve",
    "tallyport_converters.adv2.row_batches": "RowBatches",
    "tallyport_converters.convert": "NameClash Outcome Report convert",
    "tallyport_schemas": "__version__",
    "tallyport_schemas.finding": "Finding OutsideFailed Refused Severity SourceUnreadable Unusable",
    "tallyport_schemas.finding_codes": "CODES",
    "tallyport_schemas.progress": "Progress Waiting",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tallyport' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
