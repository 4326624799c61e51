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
    from tallyport.metadata import Snapshot, load_metadata
    from tallyport.postgres.importing import import_values
    from tallyport.postgres.load import LoadReport
    from tallyport.validation.files import ValidationReport, validate
    from tallyport.web.serving import ServeOptions, serve
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
    from tallyport_schemas.progress import Progress

__all__ = [
    "CODES",
    "Finding",
    "LoadReport",
    "NameClash",
    "Outcome",
    "OutsideFailed",
    "Progress",
    "Refused",
    "Report",
    "ServeOptions",
    "Severity",
    "Snapshot",
    "SourceUnreadable",
    "Unusable",
    "ValidationReport",
    "__version__",
    "convert",
    "import_values",
    "load_metadata",
    "serve",
    "validate",
]

_FINDINGS = "tallyport_schemas.findings"
_CONVERT = "tallyport_converters.convert"
_VALIDATE = "tallyport.validation.files"
_HOMES = {
    "NameClash": _CONVERT,
    "Outcome": _CONVERT,
    "Report": _CONVERT,
    "convert": _CONVERT,
    "Snapshot": "tallyport.metadata",
    "LoadReport": "tallyport.postgres.load",
    "import_values": "tallyport.postgres.importing",
    "load_metadata": "tallyport.metadata",
    "ServeOptions": "tallyport.web.serving",
    "serve": "tallyport.web.serving",
    "ValidationReport": _VALIDATE,
    "validate": _VALIDATE,
    "Progress": "tallyport_schemas.progress",
    "__version__": "tallyport_schemas",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tallyport' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, _FINDINGS)), name)
