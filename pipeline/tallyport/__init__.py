"""tallyport: move DHIS2 aggregate data. Users import this package and nothing else.

>>> from tallyport import convert
>>> report = convert(["january.json"], "out")  # doctest: +SKIP
>>> report.sources[0].manifest["values"]  # doctest: +SKIP
{'read': 188701, 'written': 188701, 'superseded': 0, 'rejected': 0}
"""

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
    "NameClash",
    "Outcome",
    "OutsideFailed",
    "Progress",
    "Refused",
    "Report",
    "Severity",
    "SourceUnreadable",
    "Unusable",
    "__version__",
    "convert",
]
