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
    from tallyport.dhis2.api.connection import RequestFailed
    from tallyport.dhis2.api.profiles import Profile, find_profile
    from tallyport.dhis2.client import Client, open_client
    from tallyport.dhis2.pull_snapshot import pull_snapshot
    from tallyport.dhis2.push.push import PushOptions, PushReport, push
    from tallyport.legacy.write import WriteBackReport, write_back
    from tallyport.metadata import Snapshot, load_metadata
    from tallyport.postgres.embedded.database import Embedded, embedded_database
    from tallyport.postgres.exports.export_legacy import LegacyExportReport, export_legacy
    from tallyport.postgres.exports.export_values import ExportOptions, ExportReport, export_values
    from tallyport.postgres.exports.filters import Filters
    from tallyport.postgres.exports.option_names import OptionNaming
    from tallyport.postgres.imports.import_values import import_values
    from tallyport.postgres.imports.run import ImportReport
    from tallyport.validation.report import ValidationReport
    from tallyport.validation.validate import validate
    from tallyport.web.serve import ServeOptions, serve
    from tallyport_converters.adv2.row_batches import RowBatches, read_adv2
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
    "Filters",
    "Finding",
    "ImportReport",
    "LegacyExportReport",
    "NameClash",
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
    "open_client",
    "pull_snapshot",
    "push",
    "read_adv2",
    "serve",
    "validate",
    "write_back",
]

_FINDINGS = "tallyport_schemas.finding"
_CONVERT = "tallyport_converters.convert"
_EMBEDDED = "tallyport.postgres.embedded.database"
_PUSH = "tallyport.dhis2.push.push"
_HOMES = {
    "CODES": "tallyport_schemas.finding_codes",
    "Client": "tallyport.dhis2.client",
    "Profile": "tallyport.dhis2.api.profiles",
    "RequestFailed": "tallyport.dhis2.api.connection",
    "find_profile": "tallyport.dhis2.api.profiles",
    "open_client": "tallyport.dhis2.client",
    "NameClash": _CONVERT,
    "Outcome": _CONVERT,
    "Report": _CONVERT,
    "convert": _CONVERT,
    "RowBatches": "tallyport_converters.adv2.row_batches",
    "read_adv2": "tallyport_converters.adv2.row_batches",
    "Snapshot": "tallyport.metadata",
    "ExportOptions": "tallyport.postgres.exports.export_values",
    "Filters": "tallyport.postgres.exports.filters",
    "OptionNaming": "tallyport.postgres.exports.option_names",
    "ExportReport": "tallyport.postgres.exports.export_values",
    "LegacyExportReport": "tallyport.postgres.exports.export_legacy",
    "export_legacy": "tallyport.postgres.exports.export_legacy",
    "export_values": "tallyport.postgres.exports.export_values",
    "ImportReport": "tallyport.postgres.imports.run",
    "Embedded": _EMBEDDED,
    "embedded_database": _EMBEDDED,
    "import_values": "tallyport.postgres.imports.import_values",
    "load_metadata": "tallyport.metadata",
    "WriteBackReport": "tallyport.legacy.write",
    "write_back": "tallyport.legacy.write",
    "pull_snapshot": "tallyport.dhis2.pull_snapshot",
    "PushOptions": _PUSH,
    "PushReport": _PUSH,
    "push": _PUSH,
    "ServeOptions": "tallyport.web.serve",
    "serve": "tallyport.web.serve",
    "ValidationReport": "tallyport.validation.report",
    "validate": "tallyport.validation.validate",
    "Progress": "tallyport_schemas.progress",
    "Waiting": "tallyport_schemas.progress",
    "__version__": "tallyport_schemas",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tallyport' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, _FINDINGS)), name)
