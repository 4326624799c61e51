"""Issue stream: the issues of a details answer, row by row while it arrives, whatever its size.

The answer is `{check: {field: ..., "issues": [issue, ...]}, ...}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tallyport.dhis2.api.connection import RequestFailed, typed
from tallyport.dhis2.api.models import IntegrityCheck, IntegrityIssue, crashed
from tallyport_converters.text.json_members import JsonFault, JsonMembers, Member, Path
from tallyport_schemas.finding import Finding, shown


@dataclass(frozen=True, slots=True)
class IntegrityRow:
    """An issue with the check that found it, flat."""

    check: str
    display_name: str | None
    section: str | None
    severity: str | None
    issue: IntegrityIssue

    def as_json(self) -> dict[str, Any]:
        """Return it as one flat object."""
        return {
            "check": self.check,
            "displayName": self.display_name,
            "section": self.section,
            "severity": self.severity,
            "id": self.issue.id,
            "name": self.issue.name,
            "comment": self.issue.comment,
            "refs": list(self.issue.refs),
        } | (self.issue.model_extra or {})


class IssueReading:
    """Reads an answer piece by piece. `tell` is called with a finding for each check that crashed (TP863)."""

    def __init__(
        self, checks: Mapping[str, IntegrityCheck], where: str, tell: Callable[[Finding], None] | None = None
    ) -> None:
        self.finished: dict[str, str] = {}
        """When each check ended, by its name, as far as results have been read; empty where that is not said."""
        self._checks = checks
        self._where = where
        self._tell = tell
        self._document = JsonMembers(_is_walked)

    def feed(self, piece: bytes) -> list[IntegrityRow]:
        """Return the issues that end in a piece.

        Raises:
            RequestFailed: TP857, not an answer with details.
        """
        return list(self._rows(self._document.feed(piece)))

    def end(self) -> None:
        """Say that the answer has ended.

        Raises:
            RequestFailed: TP857, it lacks its end.
        """
        list(self._rows(self._document.end()))

    def _rows(self, members: Iterator[Member]) -> Iterator[IntegrityRow]:
        try:
            for path, value in members:
                match path:
                    case (str(name), "issues", int()):
                        self.finished.setdefault(name, "")
                        yield self._row(name, value)
                    case (str(name), str(field)):
                        self.finished.setdefault(name, "")
                        self._note(name, field, value)
                    case (str(name),) if value == {}:
                        self.finished.setdefault(name, "")
                    case (str(name),) if value is not None:  # null: no result of this check
                        raise JsonFault(f"{name}: no object")
                    case () if value != {}:
                        raise JsonFault("no object")
        except UnicodeDecodeError as error:
            raise self._malformed(f"no UTF-8: {error.reason}") from None
        except JsonFault as fault:
            raise self._malformed(f"{fault}, after character {self._document.passed:,}") from None

    def _row(self, name: str, issue: Any) -> IntegrityRow:
        known = self._checks.get(name)
        about = (known.display_name, known.section, known.severity) if known else (None, None, None)
        return IntegrityRow(name, *about, typed(IntegrityIssue, issue, self._where))

    def _note(self, name: str, field: str, value: Any) -> None:
        if field == "error" and value and self._tell:
            self._tell(crashed(name, str(value)))
        elif field == "finishedTime":
            self.finished[name] = str(value or "")

    def _malformed(self, reason: str) -> RequestFailed:
        return RequestFailed("TP857", source=self._where, found=shown(reason))


def _is_walked(path: Path, is_array: bool) -> bool:
    return (len(path) == 2 and path[1] == "issues") if is_array else len(path) < 2
