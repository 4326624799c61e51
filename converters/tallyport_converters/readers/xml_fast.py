"""DXF2 XML and ADX as exporters write them, read by the scanner; what is beyond that raises `Doubt`.

The subset and why it is safe: native/scan_xml.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from tallyport_converters.model.file_header import Header
from tallyport_converters.model.row_fields import fields_of
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.native.lines import Lines, cut_xml
from tallyport_converters.readers.reader import RejectedRow, shared_texts
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
from tallyport_schemas.finding import Finding

BODY, IN_GROUP = 1, 2
"""States of scan_xml.c: between elements; within an ADX group."""

_START = re.compile(
    rb"(?:\xef\xbb\xbf)?"
    rb"(?:<\?xml version=(?:'1\.0'|\"1\.0\")(?: encoding=(?:'(?i:utf-8)'|\"(?i:utf-8)\"))?"
    rb"(?: standalone=(?:'(?:yes|no)'|\"(?:yes|no)\"))?[ \t\r\n]*\?>)?"
)
_TAG = re.compile(rb"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_ROOT, _GROUP = 0, 1


class Doubt(Exception):
    """The document goes beyond the common subset: a general parser has to read it, from the beginning."""


def parse_tag(tag: bytes) -> Any:
    """Parse one element by the general parser.

    Raises:
        Doubt: it is not a well-formed element.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(tag, parser)
    except etree.XMLSyntaxError:
        raise Doubt from None


class CommonXml(XmlReader):
    """Reads one DXF2 XML or ADX source in the common subset."""

    has_places = True
    next_state = BODY

    def __init__(self, source: Source, *, adx: bool) -> None:
        self.source = source
        self.header = Header()
        self._begin(adx=adx)
        start = _START.match(source.head())
        self._skip = start.end() if start else 0
        self._explained: tuple[Buffer, int, dict[str, str]] = (b"", 0, {})

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the document without byte order mark and XML declaration."""
        return self.source.blocks(size_bytes, skip_bytes=self._skip)

    def lines(self) -> Lines:
        """See `Reader`."""
        lines = Lines()
        lines.count(self.source.head()[: self._skip])
        return lines

    def cut(self, block: Buffer) -> int:
        """See `Reader`."""
        return cut_xml(block, b"<group" if self.adx else b"<dataValue")

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        return Batch().scan_xml(block, adx=self.adx, state=state, final=final)

    def context(self, batch: Batch, block: Buffer) -> bytes:
        """See `Reader`: the start tag of a group that continues."""
        if batch.report.state != IN_GROUP:
            return b""
        at = batch.report.group_at
        return bytes(block[at : at + batch.report.group_size])

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`: no fault is worded here.

        Raises:
            Doubt: always.
        """
        del batch, offset
        raise Doubt

    def take(self, batch: Batch, block: Buffer) -> None:
        """See `Reader`."""
        for key, value in batch.properties():
            tag = bytes(block[value])
            if key.start == _ROOT:
                root = "adx" if self.adx else "dataValueSet"
                element = parse_tag(tag if tag.endswith(b"/>") else tag + b"</" + root.encode() + b">")
                if local_name(element.tag) != root:
                    raise Doubt
                if self.adx:
                    adx_header(element.attrib.items(), self.header)
                else:
                    dxf_header(element.attrib.items(), self.header)
            elif key.start == _GROUP:
                element = parse_tag(tag if tag.endswith(b"/>") else tag + b"</group>")
                completion = adx_completion(dict(element.attrib))
                if completion:
                    self.header.completions.append(completion)

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        element = parse_tag(bytes(block[span]))
        attributes = dict(element.attrib)
        if not self.adx:
            found = fields_of(attributes.items())
            return RejectedRow(found.fields, attributes, doubled=found.doubled)
        group = self._group_of(block, span.start)
        note = element[0].text or "" if len(element) else None
        told = shared_texts(group)
        original: dict[str, Any] = {**attributes, **({} if note is None else {"annotation": note}), "group": told}
        tag, group_tag = AdxTag(attributes, is_group=False), AdxTag(group, is_group=True)
        return RejectedRow(adx_row(group_tag, tag, note), original, doubled=tag.doubled or group_tag.doubled)

    def _group_of(self, block: Buffer, row_at: int) -> dict[str, str]:
        """Return the attributes of the group that the row at `row_at` is in.

        Rows of a block are asked for in order, and a group may hold many: only what is new of the block is searched.
        """
        known, searched, group = self._explained
        if known is not block or searched > row_at:
            searched, group = 0, {}
        assert isinstance(block, (bytes, bytearray))
        # No `<` stands within a value here, so the last group before the row is its own.
        at = block.rfind(b"<group", searched, row_at)
        if at >= 0:
            # Its tag ends with the first `>` outside of quotes.
            tag = _TAG.match(block, at)
            assert tag
            group = dict(parse_tag(tag[0] + b"</group>").attrib)
        self._explained = (block, row_at, group)
        return group
