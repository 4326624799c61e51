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
    from tallyport.dhis2.client import Client, open_client
    from tallyport.dhis2.connecting import RequestFailed
    from tallyport.dhis2.profiles import Profile, find_profile
    from tallyport.dhis2.pulling import pull_snapshot
    from tallyport.dhis2.push import PushOptions, PushReport, push
    from tallyport.metadata import Snapshot, load_metadata
    from tallyport.postgres.combo_naming import OptionNaming
    from tallyport.postgres.embedded import Embedded, embedded_database
    from tallyport.postgres.exporting import ExportOptions, export_values
    from tallyport.postgres.importing import import_values
    from tallyport.postgres.load import LoadReport
    from tallyport.postgres.selecting import Filters
    from tallyport.rewriting import RewriteReport, rewrite
    from tallyport.validation.files import ValidationReport, validate
    from tallyport.web.serve import ServeOptions, serve
    from tallyport_converters.convert import NameClash, Outcome, Report, convert
    from tallyport_schemas import __version__
    from tallyport_schemas.findings import (
        CODES,
        Finding,
        OutsideFailed,
        Refused,
        Severity,
        SourceUnreadable,
        Unusable,
    )
    from tallyport_schemas.progress import Progress, Waiting

__all__ = [
    "CODES",
    "Client",
    "Embedded",
    "ExportOptions",
    "Filters",
    "Finding",
    "LoadReport",
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
    "RewriteReport",
    "ServeOptions",
    "Severity",
    "Snapshot",
    "SourceUnreadable",
    "Unusable",
    "ValidationReport",
    "Waiting",
    "__version__",
    "convert",
    "embedded_database",
    "export_values",
    "find_profile",
    "import_values",
    "load_metadata",
    "open_client",
    "pull_snapshot",
    "push",
    "rewrite",
    "serve",
    "validate",
]

_FINDINGS = "tallyport_schemas.findings"
_CONVERT = "tallyport_converters.convert"
_EMBEDDED = "tallyport.postgres.embedded"
_PUSH = "tallyport.dhis2.push"
_VALIDATE = "tallyport.validation.files"
_HOMES = {
    "Client": "tallyport.dhis2.client",
    "Profile": "tallyport.dhis2.profiles",
    "RequestFailed": "tallyport.dhis2.connecting",
    "find_profile": "tallyport.dhis2.profiles",
    "open_client": "tallyport.dhis2.client",
    "NameClash": _CONVERT,
    "Outcome": _CONVERT,
    "Report": _CONVERT,
    "convert": _CONVERT,
    "Snapshot": "tallyport.metadata",
    "ExportOptions": "tallyport.postgres.exporting",
    "Filters": "tallyport.postgres.selecting",
    "OptionNaming": "tallyport.postgres.combo_naming",
    "export_values": "tallyport.postgres.exporting",
    "LoadReport": "tallyport.postgres.load",
    "Embedded": _EMBEDDED,
    "embedded_database": _EMBEDDED,
    "import_values": "tallyport.postgres.importing",
    "load_metadata": "tallyport.metadata",
    "RewriteReport": "tallyport.rewriting",
    "rewrite": "tallyport.rewriting",
    "pull_snapshot": "tallyport.dhis2.pulling",
    "PushOptions": _PUSH,
    "PushReport": _PUSH,
    "push": _PUSH,
    "ServeOptions": "tallyport.web.serve",
    "serve": "tallyport.web.serve",
    "ValidationReport": _VALIDATE,
    "validate": _VALIDATE,
    "Progress": "tallyport_schemas.progress",
    "Waiting": "tallyport_schemas.progress",
    "__version__": "tallyport_schemas",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tallyport' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, _FINDINGS)), name)
