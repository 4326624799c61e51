"""The real file of the public DHIS2 demo, where it is."""

from __future__ import annotations

from support.places import DATA

FILE = DATA / "sierra-leone-values.json.gz"
VALUES = 188_701
