"""Issue stream: the issues of a details answer, row by row while it arrives, whatever its size.

The answer is `{check: {field: ..., "issues": [issue, ...]}, ...}`. Only its frame is read step by step; each issue and
each field is left to the JSON scanner of the standard library, which tells where a value ends.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from tallyport.dhis2.api.connection import RequestFailed, typed
from tallyport.dhis2.api.models import IntegrityCheck, IntegrityIssue, crashed
from tallyport_schemas.finding import Finding, shown

ISSUE_CHARACTERS = 32 << 20
"""Characters that one issue may have, or one field of a check."""

_TRIED_EACH_TIME = 64 << 10
"""A value longer than this that is not whole yet is looked at again only when it has become twice as long."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SPACE_SIGNS = " \t\r\n"
_BEHIND = frozenset(" \t\r\n,]}:")


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


Steps = Generator[IntegrityRow | None, None, Any]
"""Steps through the answer: rows, and None where more of it is needed."""


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
        self._text = ""
        self._at = 0
        self._has_ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder(parse_constant=_no_json)
        self._steps = self._document()

    def feed(self, piece: bytes) -> list[IntegrityRow]:
        """Return the issues that end in a piece.

        Raises:
            RequestFailed: TP857, this is no details answer.
        """
        try:
            text = self._decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise self._malformed(f"no UTF-8: {error.reason}") from None
        self._text = self._text[self._at :] + text
        self._at = 0
        rows: list[IntegrityRow] = []
        for row in self._steps:
            if row is None:
                break
            rows.append(row)
        return rows

    def end(self) -> None:
        """Say that the answer has ended.

        Raises:
            RequestFailed: TP857, it lacks its end.
        """
        if not self._has_ended:
            raise self._malformed("the answer ends too early")

    # --- The frame ---------------------------------------------------------------------------------------------------

    def _document(self) -> Steps:
        yield from self._take("{")
        is_first = True
        while (yield from self._has_next("}", is_first)):
            is_first = False
            yield from self._check()
        self._has_ended = True
        while True:
            self._skip_space()
            if self._at < len(self._text):
                raise self._malformed("something behind the end")
            yield None

    def _check(self) -> Steps:
        name = yield from self._key()
        if (yield from self._peek()) != "{":
            if (yield from self._value()) is not None:
                raise self._malformed(f"{name}: no object")
            return  # no result of this check
        self._at += 1
        self.finished[name] = ""
        is_first = True
        while (yield from self._has_next("}", is_first)):
            is_first = False
            member = yield from self._key()
            if member == "issues" and (yield from self._peek()) == "[":
                yield from self._issues(name)
                continue
            value = yield from self._value()
            if member == "error" and value and self._tell:
                self._tell(crashed(name, str(value)))
            elif member == "finishedTime":
                self.finished[name] = str(value or "")

    def _issues(self, name: str) -> Steps:
        self._at += 1
        known = self._checks.get(name)
        about = (known.display_name, known.section, known.severity) if known else (None, None, None)
        is_first = True
        while (yield from self._has_next("]", is_first)):
            is_first = False
            found = yield from self._value()
            yield IntegrityRow(name, *about, typed(IntegrityIssue, found, self._where))

    # --- Its parts ---------------------------------------------------------------------------------------------------

    def _has_next(self, end: str, is_first: bool) -> Steps:
        """Return whether another member follows, and go to it."""
        sign = yield from self._peek()
        if sign == end:
            self._at += 1
            return False
        if not is_first:
            yield from self._take(",")
        return True

    def _key(self) -> Steps:
        name = yield from self._value()
        if not isinstance(name, str):
            raise self._malformed("a name that is no text")
        yield from self._take(":")
        return name

    def _take(self, sign: str) -> Steps:
        if (found := (yield from self._peek())) != sign:
            raise self._malformed(f"{found!r} instead of {sign!r}")
        self._at += 1

    def _peek(self) -> Steps:
        """Return the next sign that is no space."""
        while True:
            if self._at >= len(self._text):
                yield None
            elif (sign := self._text[self._at]) not in _SPACE_SIGNS:
                return sign
            else:
                self._skip_space()

    def _value(self) -> Steps:
        """Return a whole value. What stands behind it has to be there: a number might go on."""
        yield from self._peek()
        tried = 0
        while True:
            size = len(self._text) - self._at
            if size > ISSUE_CHARACTERS:
                raise self._malformed(f"an issue of more than {ISSUE_CHARACTERS >> 20} million characters, or no JSON")
            if size <= _TRIED_EACH_TIME or size >= 2 * tried:
                tried = size
                try:
                    value, end = self._json.raw_decode(self._text, self._at)
                except json.JSONDecodeError:
                    pass  # it is not whole, or never will be
                except (RecursionError, ValueError) as error:
                    raise self._malformed(str(error)) from None
                else:
                    if end < len(self._text) and self._text[end] in _BEHIND:
                        self._at = end
                        return value
            yield None

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found
        self._at = found.end()

    def _malformed(self, reason: str) -> RequestFailed:
        return RequestFailed("TP857", source=self._where, found=shown(reason))


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
