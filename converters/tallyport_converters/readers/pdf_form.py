"""A DXF2 PDF form as a reader: the form's values, handed on as JSON rows. The form itself: dxf_pdf.py."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from tallyport_converters.native.library import Buffer
from tallyport_converters.readers.dxf_json import DxfJson
from tallyport_converters.readers.dxf_pdf import DOCUMENT_LIMIT_BYTES, read_form
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable, finding


class DxfPdf(DxfJson):
    """Reads one DXF2 PDF form."""

    has_places = False
    format = "dxf-pdf"

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._rows: bytes | None = None
        self._is_set = True  # it is a form, or it is refused

    def lines(self) -> None:
        """See `Reader`: its rows are those of the form."""

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield the form's values as one JSON document.

        Raises:
            SourceUnreadable: TP114 damaged, TP115 encrypted, TP116 XFA only, TP117 no DHIS2 form.
        """
        if self._rows is None:
            self._rows = self._read()
        for at in range(0, len(self._rows), size_bytes):
            yield self._rows[at : at + size_bytes]

    def _read(self) -> bytes:
        document = bytearray()
        for block in self.source.blocks(1 << 20):
            document += block
            if len(document) > DOCUMENT_LIMIT_BYTES:
                raise SourceUnreadable(
                    finding(
                        "TP114", message="the PDF is too large", expected=f"at most {DOCUMENT_LIMIT_BYTES >> 20} MiB"
                    )
                )
        form = read_form(bytes(document), self.source.name)
        unit, period = form.org_unit, form.period
        self.header.org_unit = unit and self.header.trim(unit)
        self.header.period = period and self.header.trim(period)
        if form.blank:
            self.header.findings.append(finding("TP415", count=form.blank))
        for name in form.ignored:
            self.header.findings.append(finding("TP418", field=name))
        rows = [
            {
                "dataElement": row.data_element,
                "categoryOptionCombo": row.category_option_combo,
                "value": row.value,
            }
            for row in form.rows
        ]
        return orjson.dumps({"dataValues": rows})
