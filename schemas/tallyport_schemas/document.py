"""Documents: what a report says as JSON. Each is described by a schema in `json/`."""

from __future__ import annotations

from typing import Protocol

Document = dict[str, object]
"""A JSON object."""


class Documented(Protocol):
    """What knows its JSON document: a report, or a part of one."""

    def as_json(self) -> Document:
        """Return it as a JSON object."""
