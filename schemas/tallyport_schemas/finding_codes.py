"""All codes that findings have, by range, as `finding_codes.json` lists them. Codes are stable and never reused.

docs/findings.md is written from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tallyport_schemas.document import Document


class Severity(StrEnum):
    """How much a finding matters. `error` and `warning` make a run end with exit code 1 or 3, `info` does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: its stable code, default sentence and help, and DHIS2's own code where one corresponds."""

    code: str
    severity: Severity
    message: str
    help: str
    dhis2: str | None = None

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        members = (self.code, self.severity.value, self.message, self.help, self.dhis2)
        names = ("code", "severity", "message", "help", "dhis2")
        return {name: member for name, member in zip(names, members, strict=True) if member is not None}


@dataclass(frozen=True, slots=True)
class Range:
    """The codes that begin with `start`, such as TP1, and what they have in common."""

    start: str
    title: str
    about: str
    codes: tuple[Code, ...]


def _codes(listed: Mapping[str, dict[str, Any]]) -> tuple[Code, ...]:
    return tuple(Code(code, Severity(of_code.pop("severity")), **of_code) for code, of_code in listed.items())


RANGES = tuple(
    Range(start, of_range["title"], of_range["about"], _codes(of_range["codes"]))
    for start, of_range in json.loads(Path(__file__).with_suffix(".json").read_bytes()).items()
)
"""Every range of codes, in the order of the codes."""

CODES: Mapping[str, Code] = MappingProxyType({code.code: code for of_range in RANGES for code in of_range.codes})
"""Every code there is, by code."""
