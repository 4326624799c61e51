"""DXF2 JSON reader: one object with header properties, in any order, and an array of rows.

Rules and leniencies: docs/formats/dxf-json.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tallyport_converters.model.combos import DEFAULT, Combo, identified, listed, mapped
from tallyport_converters.model.field_names import named
from tallyport_converters.model.file_header import (
    NAME_LIMIT,
    NAMES_LIMIT,
    SCHEME_PROPERTIES,
    DeletedElement,
    Deletion,
    Header,
)
from tallyport_converters.model.header_names import PROPERTIES, READ, HeaderNames, property_named
from tallyport_converters.model.row_fields import FIELDS, fields_of
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.native.lines import Lines, cut_json
from tallyport_converters.readers.reader import Number, Reader, RejectedRow
from tallyport_converters.sources import Source
from tallyport_converters.sources.other_documents import json_document, known_json_document
from tallyport_converters.text.csv_records import encoding_fault
from tallyport_converters.text.position import LOCATED_BYTES, locate
from tallyport_schemas.finding import WHITE, Finding, SourceUnreadable, finding

ROWS_SEEN = 16
"""A bit of the scanner's state: the values' array was opened (scan_json.c)."""

ROWS_NEXT = 2 | ROWS_SEEN
"""The scanner's state after the comma between two rows."""

PROPERTIES_LIMIT = 100_000
"""Properties beside the rows: each takes a while, and a file could be made of nothing else."""

PROPERTY_LIMIT = 4 << 20
"""Bytes of a header property that means something: its parts are held as objects, at many times their size."""

ROW_LIMIT, PART_LIMIT, MEMBERS_LIMIT = 1 << 18, 1 << 16, 1_000
"""A rejected row of more bytes is read without the objects and arrays in it that are longer, and without more of its
unknown members: as objects they would take forty times their size."""

_OUTER = re.compile(rb'"(?:[^"\\]+|\\.)*+"|[{}\[\],]')
_INNER = re.compile(rb'"(?:[^"\\]+|\\.)*+"|[{}\[\]]')

_BOM = b"\xef\xbb\xbf"

FAULTS = {
    Fault.TRUNCATED: ("TP108", "the JSON ends in the middle", "the rest of the document"),
    Fault.SYNTAX: ("TP108", "the JSON is malformed", "JSON"),
    Fault.CONTROL: ("TP108", "a control character is in a JSON string", "an escape such as \\n"),
    Fault.UTF8: ("TP107", "the JSON is not UTF-8", "UTF-8"),
    Fault.STRUCTURE: ("TP113", "the JSON is no data value set", 'an object with "dataValues": [...]'),
    Fault.TRAILING: ("TP108", "something follows the end of the JSON document", "nothing"),
    Fault.REPEATED: ("TP108", '"dataValues" occurs twice', "one array of rows"),
    Fault.DEPTH: ("TP108", "the JSON is nested too deep", "at most 256 levels"),
}

_STATES_A_SET = frozenset({"dataValues", "dataSet", "completeDate", "deletion"})
"""Properties that make an object a data value set: an export without values may have nothing but its header."""


class DxfJson(Reader):
    """Reads one DXF2 JSON source."""

    format = "dxf-json"
    has_places = True
    next_state = ROWS_NEXT

    def __init__(self, source: Source) -> None:
        self.source = source
        self.header = Header()
        self._names = HeaderNames(self.header)
        self._seen: dict[str, int] = {}
        self._properties = 0
        self._is_set = False
        self._listed_options: list[str] = []

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the document without a byte order mark."""
        return self.source.blocks(size_bytes, skip_bytes=len(_BOM) if self.source.head().startswith(_BOM) else 0)

    def lines(self) -> Lines | None:
        """See `Reader`."""
        return Lines()

    def cut(self, block: Buffer) -> int:
        """See `Reader`."""
        return cut_json(block)

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        return Batch().scan_json(block, state=state, final=final)

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`."""
        if encoding := encoding_fault(self.source.head()):
            return finding("TP107", message=f"the JSON is {encoding}", found=encoding, expected="UTF-8")
        if batch.fault is Fault.STRUCTURE and not self._is_set and b'"dataValues"' not in self.source.head():
            return json_document(self.source.head())
        code, message, expected = FAULTS[batch.fault]
        where, found = locate(self.blocks(LOCATED_BYTES), offset + batch.report.fault_at)
        if batch.fault is Fault.TRUNCATED:
            found = "the end of the file"
        return finding(code, message=f"{message} ({where})", found=found, expected=expected)

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        original = loads(pruned(bytes(block[span])))
        if not isinstance(original, dict):
            return RejectedRow(None, original)
        found = fields_of(original.items())
        return RejectedRow(found.fields, original, doubled=found.doubled)

    def take(self, batch: Batch, block: Buffer) -> None:
        """See `Reader`."""
        self._is_set |= bool(batch.report.state & ROWS_SEEN)
        for key_span, value_span in batch.properties():
            self._properties += 1
            if self._properties > PROPERTIES_LIMIT:
                message = f"the JSON has more than {PROPERTIES_LIMIT:,} header properties"
                raise SourceUnreadable(finding("TP113", message=message, expected="some twenty"))
            key = json.loads(bytes(block[key_span]))
            if key in self._seen:
                self._seen[key] += 1
                continue
            # Not all of a file that is made of nothing but such names is remembered.
            if key == "dataValues" or key in PROPERTIES or (len(self._seen) < NAMES_LIMIT and len(key) <= NAME_LIMIT):
                self._seen[key] = 0
            size = value_span.stop - value_span.start
            says_something = block[value_span] not in (b"null", b'""')
            meant = property_named(key)
            if meant not in READ:  # such a value may be long, and nobody needs it
                if says_something and (meant or key == "dataValues"):
                    self.header.drop(key, key != "dataValues")
                elif says_something:
                    self.header.leave_out(key, True)
            elif size > PROPERTY_LIMIT:
                message, expected = "a header property is too long", f"at most {PROPERTY_LIMIT >> 20} MiB"
                raise SourceUnreadable(
                    finding("TP112", message=message, field=key, found=f"{size:,} bytes", expected=expected)
                )
            else:
                self._property(key, loads(bytes(block[value_span])))

    def _property(self, name: str, value: Any) -> None:
        header = self.header
        if value is None or value == "":
            return
        key = self._names.settle(name, value)
        if key == "dataSet":
            header.data_set = header.trim(_text(name, value))
        elif key == "period":
            header.period = header.trim(_text(name, value))
        elif key == "orgUnit":
            header.org_unit = header.trim(_text(name, value))
        elif key == "attributeOptionCombo":
            header.attribute_option_combo = _combo(name, value, header)
        elif key == "attributeCategoryOptions":
            if not isinstance(value, list):
                raise _wrong(name, value, "an array of category options")
            self._listed_options = [header.trim(_text(name, option)) for option in value]
        elif key == "completeDate":
            self._complete_date = str(value).lower() if isinstance(value, bool) else _text(name, value)
        elif key and key in SCHEME_PROPERTIES:
            header.schemes[SCHEME_PROPERTIES[key]] = _text(name, value).strip(WHITE)
        elif key == "deletion":
            header.deletion = _deletion(value, header)
        elif key == "strategy":
            header.strategy(name, value)

    _complete_date: str | None = None

    def other_document(self) -> Finding | None:
        """See `Reader`."""
        return None if self._is_set else known_json_document(self.source.head())

    def finish(self) -> Header:
        """Return the header, now that all of it was read.

        Raises:
            SourceUnreadable: TP113, nothing in the document is a data value set's.
        """
        header = self.header
        if (
            not self._is_set
            and not _STATES_A_SET & self._seen.keys()
            and not {"period", "orgUnit"} <= self._seen.keys()
        ):
            raise SourceUnreadable(json_document(self.source.head()))
        for key, again in self._seen.items():
            if again:
                header.findings.append(finding("TP402", field=key, count=again))
        if self._listed_options:
            if header.attribute_option_combo == DEFAULT:
                header.attribute_option_combo = listed(self._listed_options)
                header.findings.append(finding("TP416", field="attributeCategoryOptions"))
            else:
                header.drop("attributeCategoryOptions", True)
        if self._complete_date is not None:
            header.complete(self._complete_date)
        return header


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        members.setdefault(key, value)
    return members


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, object_pairs_hook=_first_wins)


def loads(text: bytes) -> Any:
    """Parse JSON that the scanner has passed: numbers keep their text, of a key given twice the first stands."""
    return _DECODER.decode(text.decode())


def _wrong(key: str, value: Any, expected: str) -> SourceUnreadable:
    message = f'the header property "{key}" has a type it cannot have'
    return SourceUnreadable(finding("TP113", message=message, field=key, found=json.dumps(value), expected=expected))


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(key, value, "a text")
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise _wrong(key, value, "text that can be stored")
    return str(value)


def _combo(key: str, value: Any, header: Header) -> Combo:
    if isinstance(value, dict):
        options = {header.trim(_text(key, name)): header.trim(_text(key, option)) for name, option in value.items()}
        if not all(options) or not all(options.values()):
            raise _wrong(key, value, "an object of category: option")
        return mapped(options)
    if isinstance(value, Number):
        header.findings.append(finding("TP403", field=key, found=value))
    return identified(header.trim(_text(key, value)))


def _deletion(value: Any, header: Header) -> Deletion | None:
    """Read a deletion scope; None for one that deletes nothing."""
    if not isinstance(value, dict):
        raise _wrong("deletion", value, "an object")
    lists: dict[str, list[Any]] = {}
    for name in ("orgUnits", "periods", "elements"):
        items = value.get(name) or []
        if not isinstance(items, list):
            raise _wrong(f"deletion.{name}", items, "an array")
        lists[name] = items
    elements = []
    for element in lists["elements"]:
        name = "deletion.elements"
        if not isinstance(element, dict) or not element.get("dataElement"):
            raise _wrong(name, element, "an object with a dataElement")
        combos = [
            _combo(f"{name}.{part}", element.get(part) or "", header)
            for part in ("categoryOptionCombo", "attributeOptionCombo")
        ]
        elements.append(DeletedElement(header.trim(_text(name, element["dataElement"])), *combos))
    missing = [name for name, items in lists.items() if not items]
    if missing:
        header.findings.append(finding("TP420", field="deletion", found=f"no {', no '.join(missing)}"))
        return None
    org_units = tuple(header.trim(_text("deletion.orgUnits", unit)) for unit in lists["orgUnits"])
    days = tuple(header.trim(_text("deletion.periods", period)) for period in lists["periods"])
    return Deletion(org_units, days, tuple(elements))


def pruned(row: bytes) -> bytes:
    """Return the JSON of a row that the scanner has passed, without what would take much memory for nothing.

    What its known fields are stays, and what type they have.
    """
    if len(row) <= ROW_LIMIT or row[:1] not in (b"{", b"["):
        return row
    if row[:1] == b"[":
        return json.dumps([f"... ({len(row)} bytes)"]).encode()
    kept: list[bytes] = []
    names: set[str] = set()
    left_out = 0
    for name_json, value in _members(row):
        name = json.loads(name_json)
        is_field = name in FIELDS or (named(name) is not None and len(names) < NAMES_LIMIT)
        if (is_field and name not in names) or len(kept) < MEMBERS_LIMIT:
            names.add(name)
            kept.append(name_json + b":" + value)
        else:
            left_out += 1
    if left_out:
        kept.append(json.dumps("...").encode() + b":" + json.dumps(f"({left_out} more)").encode())
    return b"{" + b",".join(kept) + b"}"


def _members(row: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and values of an object's members, as JSON; what represents a long object or array is short."""
    at, depth = 1, 1
    name: bytes | None = None
    start = at
    while depth:
        token = (_OUTER if depth == 1 else _INNER).search(row, at)
        assert token
        at = token.end()
        mark = token[0][:1]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif mark == b'"' and depth == 1 and name is None:
            name = token[0]
            start = row.index(b":", at) + 1
        if name is not None and (depth == 0 or (depth == 1 and mark == b",")):
            value = row[start : token.start()].strip()
            if len(value) > PART_LIMIT and value[:1] in b"{[":
                note = f"... ({len(value)} bytes)"
                value = json.dumps({"": note} if value[:1] == b"{" else [note]).encode()
            yield name, value
            name = None
