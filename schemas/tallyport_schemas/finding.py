"""Findings: the one shape for everything tallyport has to say about data. The codes: `finding_codes.json`.

A finding says where, what was found, what was expected and what to do. The JSON form is `json/finding.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from tallyport_schemas.finding_codes import CODES
from tallyport_schemas.finding_codes import Severity as Severity

FOUND_LIMIT = 200
"""Characters of a found text that a finding shows; the rest is cut and marked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem or notice.

    `row` is the 0-based index of the value within its source; `count` says how many values share the finding
    where one finding stands for several, `row` then being the first of them.

    `line` is where that row starts in the person's own file, from 1 as an editor counts; `sheet_row`, of CSV and
    workbooks, the row that a spreadsheet shows. Of a workbook `sheet` is the name of the sheet, and `cell` such as B7.
    `keys`: the row's data element, period and organisation unit, by DHIS2's names for them.
    `groups`: how many ADV2 groups share the finding, where it stands for those of several.
    """

    code: str
    severity: Severity
    message: str
    help: str | None = None
    source: str | None = None
    row: int | None = None
    line: int | None = None
    sheet: str | None = None
    sheet_row: int | None = None
    cell: str | None = None
    keys: Mapping[str, str] | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    count: int | None = None
    groups: int | None = None

    @staticmethod
    def of_json(members: Mapping[str, Any]) -> Finding:
        """Return the finding that is a JSON object."""
        return Finding(**{**members, "severity": Severity(members["severity"])})

    def at(self, source: str) -> Finding:
        """Return the same finding, placed in `source`."""
        return replace(self, source=source)

    def as_line(self) -> str:
        """Return the finding in one line: its code and message, its place, what was found and expected."""
        row = None if self.row is None else f"row {self.row:,}"
        if self.sheet is not None:
            inner = f"cell {self.cell}" if self.cell else f"row {self.sheet_row}" if self.sheet_row else None
            row = ", ".join(filter(None, (f"sheet {self.sheet}", inner)))
        place = ", ".join(filter(None, (self.source, row, self.field and f'field "{self.field}"')))
        found = ", ".join(
            f"{name} {text}" for name, text in (("found", self.found), ("expected", self.expected)) if text
        )
        return f"{self.code}: {self.message}" + (f" ({place})" if place else "") + (f": {found}" if found else "")

    def as_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object; keys without meaning for it are omitted."""
        members = {name: getattr(self, name) for name in _MEMBERS}
        members |= {"severity": self.severity.value, "keys": dict(self.keys) if self.keys else None}
        return {name: member for name, member in members.items() if member is not None}


_MEMBERS = tuple(member.name for member in fields(Finding))


class Unusable(Exception):
    """Something cannot be used as a whole: carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.as_line())
        self.finding = finding


class SourceUnreadable(Unusable):
    """An input is unreadable or invalid as a whole (exit code 3)."""


class OutsideFailed(Unusable):
    """Disk, database or network failed (exit code 4): nothing is half-done."""


class Refused(Unusable):
    """Refused for safety (exit code 5)."""


WHITE = "".join(
    map(chr, [*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F])
)
WHITE += "\u3000\ufeff"
"""White space as people bring it in without seeing it: Unicode's, and the two characters of no width."""

SPACE_SHOWN = "\u2423"
"""What is shown for white space at the ends of a text."""


def shown(text: str) -> str:
    """Return `text` fit for a finding: cut to `FOUND_LIMIT`, what no terminal or UTF-8 can carry made visible.

    White space at its ends is made visible as well.

    >>> shown("a\\x00b\\ud800"), shown(" 12\\xa0")
    ('a\\\\x00b\\\\ud800', '␣12␣')
    """
    inner = text.strip(WHITE)
    if len(inner) < len(text) <= FOUND_LIMIT:
        start = text.find(inner) if inner else len(text)
        before, behind = text[:start], text[start + len(inner) :]
        return "".join(map(_outer, before)) + shown(inner) + "".join(map(_outer, behind))
    if len(text) <= FOUND_LIMIT and text.isprintable():
        return text
    return visible(text[:FOUND_LIMIT]) + (f"... ({len(text)} characters)" if len(text) > FOUND_LIMIT else "")


def visible(text: str) -> str:
    """Return `text` with what no terminal or UTF-8 can carry made visible."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    return c.encode("unicode_escape", "surrogatepass").decode("ascii")


def _outer(c: str) -> str:
    return _escaped(c) if c < " " else SPACE_SHOWN


def is_address(path: str) -> bool:
    """Return whether a text that should be a path is an address such as `s3://bucket/key`.

    A single slash is enough, as that is what is left of two in a normalised path.

    >>> is_address("s3://bucket/key"), is_address("s3:/bucket"), is_address("out/january.json"), is_address("C:/out")
    (True, True, False, False)
    """
    scheme, mark, _ = path.partition(":/")
    return (
        bool(mark)
        and len(scheme) > 1
        and scheme.isascii()
        and scheme[0].isalpha()
        and scheme.replace("+", "").isalnum()
    )


def listed(texts: Iterable[str]) -> str:
    """Return all `texts` as one list, each fit for a finding; one that has a comma itself is put in quotes.

    >>> listed(["ouClinicA01", "Clinic, Old Town"])
    'ouClinicA01, "Clinic, Old Town"'
    """
    return ", ".join(f'"{text}"' if "," in text else text for text in map(shown, texts))


def finding(
    code: str,
    *,
    message: str | None = None,
    help: str | None = None,
    source: str | None = None,
    row: int | None = None,
    field: str | None = None,
    found: str | None = None,
    culprits: Iterable[str] | None = None,
    expected: str | None = None,
    count: int | None = None,
) -> Finding:
    """Make a finding of a known `code`; `message` and `help` default to the code's own sentences.

    `found` is cut to what can be shown. `culprits` in its place are all named, however many they are.

    Raises:
        KeyError: the code is not in `CODES`.
    """
    kind = CODES[code]
    return Finding(
        code=code,
        severity=kind.severity,
        message=message or kind.message,
        help=help or kind.help,
        source=source,
        row=row,
        field=None if field is None else shown(field),
        found=listed(culprits) if culprits is not None else None if found is None else shown(found),
        expected=expected,
        count=count,
    )
