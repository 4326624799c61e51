"""What a reader is: the one contract between a format and the rest.

A reader turns one opened source into blocks, says where a block may be cut, scans a block into a batch, collects the
header on the way, and can explain a rejected row. It never writes, and `scan` keeps no state: threads share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, wraps
from typing import Any, NamedTuple, Protocol, TypeVar

from tallyport_converters.model import periods
from tallyport_converters.model.field_names import named, nearest
from tallyport_converters.model.file_header import Header
from tallyport_converters.model.row_fields import UNSTORABLE, Doubled
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.native.lines import Lines
from tallyport_schemas.finding import WHITE, Finding, finding, shown

_Result = TypeVar("_Result")

_SHORT = 32
"""Characters of a text that is remembered; no period has more."""

TEXT_LIMIT = 50_000
"""UTF-16 units that DHIS2 stores of a value or comment (reference: value types, common rules)."""


SHARED_CHARACTERS = 1_000
"""Characters that a rejected row is given with of what it shares with others."""


def shared_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what rows share, such as a group's attributes, short enough to stand beside each rejected one.

    >>> shared_texts({"orgUnit": "x" * 5000, "period": "202501"})["orgUnit"][-23:]
    'xx... (5000 characters)'
    """
    told: dict[str, str] = {}
    left = SHARED_CHARACTERS
    for name, text in texts.items():
        if left <= 0:
            told["..."] = f"({len(texts) - len(told)} more)"
            break
        name, text = shown(name), text if len(text) <= SHARED_CHARACTERS // 4 else shown(text)
        told[name] = text
        left -= len(name) + len(text)
    return told


class Number(str):
    """A JSON number by its literal text."""

    __slots__ = ()


class ReadPeriod(NamedTuple):
    """A period as a format writes it; `note` is a code if the way it was read is worth reporting, else empty."""

    period: periods.Period
    note: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A rejected row read again, slowly: the fields by their canonical names, and the row's own fields.

    `fault`: what is wrong with a cell, where the reader knows it. `place`: where the row is if it is not on a line of a
    text, by the names that a finding has for it; `cells`: those of its fields, by their names.
    """

    fields: Mapping[str, Any] | None
    original: Any
    quote_fault: bool = False
    doubled: Doubled | None = None
    fault: Finding | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)


class KnownPeriodTypes(Protocol):
    """Which period types data sets have, as metadata knows them."""

    def of(self, data_element: str, data_set: str) -> periods.PeriodType | None:
        """Return the type of a data set; of an empty one the type that all data sets of the data element share."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What a user says of a source, for whichever reader it concerns.

    `header`: whether a CSV file has a header row. `sheet`: the sheet of a workbook, by name or by number from 1.
    `period_types`: of tables, which type the periods have that are given as dates, where `data_set` is that of rows
    without one.
    """

    header: bool | None = None
    sheet: str | None = None
    data_set: str = ""
    period_types: KnownPeriodTypes | None = None


class Reader(Protocol):
    """One source in one format. Blocks are bytes of the source (or, of a general reader, its rows as JSON).

    What is defined here is what most formats do: a reader that derives from this defines the rest.
    """

    format: str
    header: Header
    default_scheme: str = "UID"
    first_state: int = 0
    next_state: int = 0
    """The state that a guessed cut leaves behind: between two rows."""
    no_place: frozenset[str] = frozenset()
    """Names of what is skipped although it is understood: it needs no warning."""
    has_places: bool = False
    """Whether a person finds a row by its line, or by its row of a sheet or table."""

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the source from its beginning; can be called again."""

    def lines(self) -> Lines | None:
        """Return a count of the lines before the blocks, to continue from; None if these are not the source's text."""
        return None

    def cut(self, block: Buffer) -> int:
        """Guess where `block` may be cut so that a row starts after it; 0: nowhere."""

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """Read a block that starts in `state`; `final`: nothing follows."""

    def take(self, batch: Batch, block: Buffer) -> None:
        """Add what an accepted batch says of the header; called once for each, in order. Mostly it is nothing."""
        del batch, block

    def context(self, batch: Batch, block: Buffer) -> bytes:
        """Return what has to stand in front of the next block for it to be understood."""
        del batch, block
        return b""

    def fault(self, batch: Batch, offset: int) -> Finding:
        """Word the fault that ended a scan; `offset` is that of the scanned block within the blocks' bytes."""

    def period(self, text: str) -> ReadPeriod | None:
        """Read a period as this format writes it in rows."""
        return iso_period(text)

    def explain_period(self, text: str) -> tuple[str, str | None]:
        """Say what is expected in place of `text`, which is no period, and what to do if that is not the usual."""
        return explain_period(text), None

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """Read one row again for its explanation."""

    def other_document(self) -> Finding | None:
        """Say what the source is if it looks like a document that holds no data value set.

        Most such documents are refused by their beginning.
        """
        return None

    def finish(self) -> Header:
        """Return the header, once all blocks were taken."""
        return self.header


def _remembered(function: Callable[[str], _Result]) -> Callable[[str], _Result]:
    """Remember what `function` gave for short texts: rejected rows mostly share a few."""
    cached = lru_cache(maxsize=1024)(function)
    return wraps(function)(lambda text: cached(text) if len(text) <= _SHORT else function(text))


@_remembered
def iso_period(text: str) -> ReadPeriod | None:
    """Read a period in DHIS2's ISO form."""
    period = periods.parse(text)
    return ReadPeriod(period, "" if period.iso == text else "TP414") if period else None


@_remembered
def adx_period(text: str) -> ReadPeriod | None:
    """Read an ADX interval."""
    read = periods.parse_interval(text)
    return ReadPeriod(read[0], "TP406" if read[1] else "") if read else None


explain_period = _remembered(periods.explain)
"""Say why a text is no period."""


@_remembered
def explain_interval(text: str) -> tuple[str, str | None]:
    """Say that an ADX interval is expected, and which to write."""
    return "an ADX interval", periods.explain_interval(text)


def explain(row: RejectedRow, number: int, header: Header, reader: Reader, clashing: Sequence[str] = ()) -> Finding:
    """Say why a row was rejected. `clashing`: the fields that alone distinguish some rows of one key.

    Raises:
        AssertionError: nothing is wrong with it, so the scan and this reading disagree.
    """
    if found := row_problem(row, number, header, reader):
        return found
    if clashing:
        return _clash(row, number, clashing)
    if row.doubled:
        return finding("TP313", row=number, field=row.doubled.field, found="; ".join(row.doubled.names))
    raise AssertionError(f"row {number} was rejected, but nothing is wrong with it")


def row_problem(row: RejectedRow, number: int, header: Header, reader: Reader) -> Finding | None:
    """Say what is wrong with a row by itself; None where it is one that a conversion writes."""

    def say(
        code: str, field: str | None = None, found: object = None, expected: str | None = None, help: str | None = None
    ) -> Finding:
        text = found if found is None or isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        return finding(code, row=number, field=field, found=text, expected=expected, help=help)

    fields = None if row.fields is None else {name: trimmed(name, value) for name, value in row.fields.items()}
    if fields is None:
        return say("TP301", found=json.dumps(row.original, ensure_ascii=False), expected="an object")
    if row.fault:
        return replace(row.fault, row=number)
    if row.quote_fault:
        return say("TP311")
    for name, value in fields.items():
        if problem := _field_problem(name, value):
            code, found, expected = problem
            return say(code, name, found, expected)
    doubled = row.doubled
    if doubled and doubled.differ:
        found = "; ".join(f"{name}: {_shown(text)}" for name, text in zip(doubled.names, doubled.said, strict=True))
        return say("TP313", doubled.field, found)
    if not fields.get("dataElement"):
        return say("TP302", "dataElement")
    said = [fields.get(name) not in (None, "") for name in ("value", "comment")]  # a `false` is a value
    if not any(said) and not _is_true(fields.get("deleted")):
        return say("TP306", "value")
    if not (fields.get("orgUnit") or header.org_unit):
        return say("TP305", "orgUnit")
    period = fields.get("period") or header.period
    if not period or (not fields.get("period") and not periods.parse(period)):
        return say("TP303", "period")  # a header period that is none counts for nothing
    if not reader.period(period):
        return say("TP304", "period", period, *reader.explain_period(period))
    return None


def _shown(said: object) -> str:
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _clash(row: RejectedRow, number: int, clashing: Sequence[str]) -> Finding:
    """Say which fields alone distinguish a row from another one of its key: those that it has, or that it lacks."""
    original = row.original if isinstance(row.original, dict) else {}
    said = {**(original.get("group") or {}), **original}
    names = [name for name in clashing if name in said] or list(clashing)
    found = "; ".join(f"{name}: {_shown(said.get(name, 'absent'))}" for name in names)
    meant = [near for name in names if named(name) is None and (near := nearest(name))]
    expected = f"a name that is understood, such as {', '.join(dict.fromkeys(meant))}" if meant else None
    return finding("TP314", row=number, field=names[0] if len(names) == 1 else None, found=found, expected=expected)


def trimmed(name: str, value: Any) -> Any:
    """Return what the scanner made of a field: white space at the ends of texts is cut, but not a blank value."""
    if isinstance(value, dict):
        return {trimmed("", key): trimmed("", text) for key, text in value.items()}
    if isinstance(value, Number) or not isinstance(value, str):
        return value
    inner = value.strip(WHITE)
    return value if name == "value" and not inner else inner


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and not isinstance(value, Number) and value.lower() == "true")


def _field_problem(name: str, value: Any) -> tuple[str, object, str | None] | None:
    """Return (code, found, expected) if a field of a row cannot be what it is."""
    if value is None or value == "":
        return None
    if name in {"deleted", "followUp"}:
        if isinstance(value, (dict, list)):
            return "TP309", value, "true or false"
        if isinstance(value, Number) or (isinstance(value, str) and value.lower() not in {"true", "false"}):
            return "TP308", value, "true or false"
        return None
    if isinstance(value, dict) and name in {"categoryOptionCombo", "attributeOptionCombo"}:
        for category, option in value.items():
            if not category or not option or not isinstance(option, str) or UNSTORABLE.search(category + option):
                return "TP312", value, "an object of category: option"
        return None
    if isinstance(value, (dict, list)) or (isinstance(value, bool) and name not in {"value", "comment"}):
        return "TP309", value, "a text"
    text = str(value)
    if name in {"value", "comment"} and len(text.encode("utf-16-le", "surrogatepass")) > 2 * TEXT_LIMIT:
        return "TP307", text, f"at most {TEXT_LIMIT:,} characters"
    if match := UNSTORABLE.search(text):
        return "TP310", match[0], "text that UTF-8 and PostgreSQL can store"
    return None
