"""DXF2 XML and ADX of any kind, read by lxml: prefixes, comments, CDATA, other encodings, unusual nesting.

Never holds the tree, never resolves an entity, refuses every DOCTYPE. Rows are handed on as JSON, which the scanner
reads, so that there is one way after the readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import orjson
from lxml import etree

from tallyport_converters.model.file_header import Header
from tallyport_converters.model.row_fields import Doubled
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.readers.dxf_json import DxfJson
from tallyport_converters.readers.reader import TEXT_LIMIT, RejectedRow, shared_texts
from tallyport_converters.readers.xml_attributes import (
    AdxTag,
    XmlReader,
    adx_completion,
    adx_header,
    adx_row,
    dxf_header,
    local_name,
)
from tallyport_converters.sources import Source
from tallyport_converters.sources.other_documents import xml_document
from tallyport_schemas.finding import SourceUnreadable, finding

_FEED = 1 << 16

TAG_LIMIT = 4 << 20
"""Bytes without any `<`: a tag is held whole until its end, at many times its size."""

ROWS_LIMIT = 8 << 20
"""Bytes of rows that one piece of the document may give: a row carries what its group says, however short it is."""

DEPTH_LIMIT = 256
"""Levels of elements that are followed; a data value set has three."""


class _Rows:
    """The parser's target: gathers rows, and what else there is to report, as elements come and go."""

    def __init__(self, adx: bool, header: Header | None, source: Source) -> None:
        self.adx = adx
        self.source = source
        self.header = header
        self.rows: list[bytes] = []
        self.rows_bytes = 0
        self.count = 0
        self.notices: dict[tuple[str, str | None], tuple[int, int]] = {}
        self._path: list[str] = []
        self._group: dict[str, str] = {}
        self._told_group: dict[str, str] = {}
        self._group_tag = AdxTag({}, is_group=True)
        self._row: dict[str, str] | None = None
        self._row_depth = 0
        self._annotation: list[str] | None = None
        self._annotation_size = 0
        self._note: str | None = None
        self._is_passing = False
        self._unknown: dict[int, int] = {}
        """Elements that are open and mean nothing: the rows before each, by depth. With rows inside it is a wrapper."""

    def notice(self, code: str, field: str | None = None) -> None:
        """Count a notice for the row that comes next."""
        count, first = self.notices.get((code, field), (0, self.count))
        self.notices[code, field] = (count + 1, first)

    def doctype(self, *_: object) -> None:
        """Refuse."""
        raise SourceUnreadable(finding("TP110", found="<!DOCTYPE"))

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        name = local_name(tag)
        self._is_passing = False
        self._path.append(name)
        attributes = {key: value for key, value in attributes.items() if value}
        depth = len(self._path)
        if depth > DEPTH_LIMIT:  # a parser without a tree does not bound it
            message = "elements of the XML are nested too deep"
            raise SourceUnreadable(finding("TP109", message=message, expected=f"at most {DEPTH_LIMIT} levels"))
        if depth == 1:
            root = "adx" if self.adx else "dataValueSet"
            if name != root:
                found = xml_document(self.source.head().decode(errors="replace"), name)
                raise SourceUnreadable(replace(found, expected=f"<{root}>"))
            if self.header and self.adx:
                adx_header(attributes.items(), self.header)
            elif self.header:
                dxf_header(attributes.items(), self.header)
        elif self._row is not None:
            if self.adx and name == "annotation" and depth == self._row_depth + 1 and self._note is None:
                self._annotation, self._annotation_size = [], 0
            else:
                if self._annotation is not None:
                    self._end_annotation()
                self.notice("TP418")
        elif name == "dataValue" and (not self.adx or "group" in self._path):
            self._row, self._row_depth, self._note = attributes, depth, None
        elif self.adx and name == "group":
            self._start_group(attributes)
        else:
            self._unknown[depth] = self.count

    def _start_group(self, group: dict[str, str]) -> None:
        self._group, self._told_group = group, shared_texts(group)
        self._group_tag = AdxTag(group, is_group=True)
        if not self.header:
            return
        for name, text in self._group_tag.no_place.items():
            self.header.drop(name, text)
        for name in self._group_tag.left_out:
            self.header.leave_out_of_group(name, self.count)
        for name, field in self._group_tag.taken.items():
            self.header.take_named(name, field)
        completion = adx_completion(group)
        if completion:
            self.header.completions.append(completion)

    def data(self, text: str) -> None:
        """Text between tags."""
        if self._annotation is not None:
            self._annotation_size += len(text)
            if self._annotation_size <= 4 * TEXT_LIMIT:  # what is longer is rejected anyway
                self._annotation.append(text)
        elif not self._is_passing and text.strip(" \t\r\n"):
            self._is_passing = True  # a text may come in pieces: it is one
            self.notice("TP418")

    def comment(self, _: str) -> None:
        """A comment ends the text that is read of an annotation, as in DHIS2."""
        if self._annotation is not None:
            self._end_annotation()

    def pi(self, *_: object) -> None:
        """As a comment."""
        self.comment("")

    def _end_annotation(self) -> None:
        self._note = "".join(self._annotation or [])
        self._annotation = None

    def end(self, _: str) -> None:
        """An element ends."""
        depth = len(self._path)
        self._is_passing = False
        self._path.pop()
        if self._unknown.pop(depth, None) == self.count:
            self.notice("TP418")
        if self._row is None:
            return
        if self._annotation is not None and depth == self._row_depth + 1:
            self._end_annotation()
        if depth == self._row_depth:
            self._end_row(self._row)
            self._row = None

    def _end_row(self, attributes: dict[str, str]) -> None:
        row = self._adx_row(attributes) if self.adx else {local_name(key): value for key, value in attributes.items()}
        if self.adx or len(row) == len(attributes):
            self.rows.append(orjson.dumps(row))
        else:  # a name occurs twice, in two namespaces: so it does for the scanner
            pairs = (orjson.dumps(local_name(key)) + b":" + orjson.dumps(value) for key, value in attributes.items())
            self.rows.append(b"{" + b",".join(pairs) + b"}")
        self.count += 1
        self.rows_bytes += len(self.rows[-1])
        if self.rows_bytes > ROWS_LIMIT:
            message = "a group and its rows are too long"
            raise SourceUnreadable(finding("TP112", message=message, row=self.count - 1))

    def _adx_row(self, attributes: dict[str, str]) -> dict[str, Any]:
        tag, group = AdxTag(attributes, is_group=False), self._group_tag
        if self._note and tag.fields.get("value", "0") != "0":
            self.notice("TP405", "annotation")
        if tag.loses_options or group.loses_options:
            self.notice("TP419")
        if self.header:
            for name, field in tag.taken.items():
                self.header.take_named(name, field)
        row = {**adx_row(group, tag, self._note), **tag.stamps}
        if tag.left_out:
            row["leftOut"] = tag.left_out
        if group.left_out:
            row["leftOutOfGroup"] = group.left_out
        doubled = [found for found in (tag.doubled, group.doubled) if found and found.differ]
        if doubled:
            row["doubled"] = list(doubled[0])
        note = {} if self._note is None else {"annotation": self._note}
        return {**row, "original": {**attributes, **note, "group": self._told_group}}

    def close(self) -> None:
        """The document ends."""


class GeneralXml(XmlReader, DxfJson):
    """Reads one DXF2 XML or ADX source of any kind."""

    has_places = False

    def __init__(self, source: Source, *, adx: bool) -> None:
        super().__init__(source)
        self._begin(adx=adx)
        self._is_first = True
        self._is_set = True  # its root says so, or it is refused

    def lines(self) -> None:
        """See `Reader`: the rows are no text of the source."""

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the rows as one JSON document.

        Raises:
            SourceUnreadable: TP109 malformed, TP110 a DOCTYPE, TP113 another root.
        """
        rows = _Rows(self.adx, self.header if self._is_first else None, self.source)
        self._is_first = False
        # With `False` a target gets `&amp;` in an attribute as `&#38;`. Entities of a DOCTYPE are never met.
        entities: Any = "internal"
        parser = etree.XMLParser(target=cast(Any, rows), resolve_entities=entities, no_network=True, load_dtd=False)
        yield b'{"dataValues":['
        separator = b""
        in_tag = 0
        try:
            for block in self.source.blocks(min(size_bytes, _FEED)):
                at = block.rfind(b"<")
                in_tag = in_tag + len(block) if at < 0 else len(block) - at
                if in_tag > TAG_LIMIT:
                    expected = f"fewer than {TAG_LIMIT >> 20} MiB without a tag"
                    raise SourceUnreadable(finding("TP112", row=rows.count, expected=expected))
                parser.feed(bytes(block))
                if rows.rows:
                    yield separator + b",".join(rows.rows)
                    separator = b","
                    rows.rows.clear()
                    rows.rows_bytes = 0
            parser.close()
        except etree.XMLSyntaxError as error:
            reason = re.sub(r", line \d+, column \d+.*", "", str(error.msg or "no XML"))
            line, column = error.position
            message = f"the XML is malformed (line {line or 1}, column {max(1, column or 1)})"
            found = finding("TP109", message=message, found=reason, expected="well-formed XML")
            raise SourceUnreadable(found) from None
        yield separator * bool(rows.rows) + b",".join(rows.rows) + b"]}"
        if rows.header:
            for (code, field), (count, first) in rows.notices.items():
                rows.header.findings.append(finding(code, field=field, row=first, count=count))

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        return Batch().scan_json(block, state=state, final=final, row_data_set=self.adx)

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        row = super().row(block, span)
        assert row.fields is not None
        if not self.adx:
            return row
        doubled = row.original.get("doubled")
        return RejectedRow(row.fields, row.original["original"], doubled=Doubled(*doubled) if doubled else None)
