"""Which format a source is in, detected from its first bytes, and the table of readers.

None or two that say yes is an error that names the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tallyport_converters.model import periods
from tallyport_converters.readers.reader import Hints, Reader
from tallyport_converters.sources import Source, other_documents
from tallyport_schemas.finding import SourceUnreadable, finding

# The possessive `*+` of the DOCTYPE keeps brackets that never close from being matched in all ways there are.
_XML_BEFORE_ROOT = re.compile(r"\ufeff?(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[[^\]]*\])*+>)*", re.DOTALL)
_XML_NAME = re.compile(r"<(?:[^\s:<>/]+:)?([^\s:<>/]+)")


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name, its evidence, and how its readers are made (the next one where the first is in doubt)."""

    name: str
    sniff: Callable[[bytes], str | None]
    readers: Callable[[Source, Hints], list[Callable[[], Reader]]]


def _start(head: bytes) -> str:
    """Return the beginning as text: enough of it to see a format."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(encoding, errors="replace")
    if head[:4] == b"<\0?\0" or head[:2] == b"<\0":
        return head.decode("utf-16-le", errors="replace")
    if head[:2] == b"\0<":
        return head.decode("utf-16-be", errors="replace")
    return head.decode(errors="replace").removeprefix("\ufeff")


def _sniff_json(head: bytes) -> str | None:
    first = _start(head).lstrip(" \t\r\n")[:1]
    return f"it starts with {first}" if first and first in "{[" else None


def _xml_root(head: bytes) -> str | None:
    text = _start(head)
    if not text.lstrip().startswith("<"):
        return None
    before = _XML_BEFORE_ROOT.match(text)
    match = _XML_NAME.match(text, before.end() if before else 0)
    return match[1] if match else ""


def _sniff_root(expected: str) -> Callable[[bytes], str | None]:
    def sniff(head: bytes) -> str | None:
        root = _xml_root(head)
        return f"its root element is {root}" if root == expected else None

    return sniff


def _sniff_pdf(head: bytes) -> str | None:
    return "it starts with %PDF-" if head.startswith(b"%PDF-") else None


def _sniff_parquet(head: bytes) -> str | None:
    return "it starts with PAR1" if head.startswith((b"PAR1", b"PARE")) else None


def _sniff_arrow(head: bytes) -> str | None:
    if head.startswith(b"ARROW1\0\0"):
        return "it starts with ARROW1"
    # A stream: the mark of a message, then the size of its description, which comes in eights.
    size = int.from_bytes(head[4:8], "little", signed=True)
    is_stream = head.startswith(b"\xff\xff\xff\xff") and len(head) >= 8 and size > 0 and size % 8 == 0
    return "it starts as an Arrow stream does" if is_stream else None


def _sniff_workbook(head: bytes) -> str | None:
    return "it is a zip with the parts of a workbook" if head.startswith(b"PK") else None


def _as_utf8(head: bytes) -> bytes:
    """Return text of an encoding that extends ASCII by bytes as UTF-8, good enough to recognise known column names."""
    return head.decode("latin-1").encode()


def _sniff_csv(head: bytes) -> str | None:
    from tallyport_converters.readers.dxf_csv import begin_table, names_columns
    from tallyport_converters.text.csv_records import begin

    if _sniff_json(head) or _xml_root(head) is not None or _sniff_pdf(head):
        return None
    if _sniff_parquet(head) or _sniff_arrow(head) or _sniff_workbook(head):
        return None
    try:
        begun, above = begin_table(head)
        first = begun.first
    except SourceUnreadable as error:
        if error.finding.code == "TP111":
            raise
        # Text in another encoding is to be named as such; other bytes are no CSV.
        is_text = (error.finding.found or "").startswith("UTF-") or names_columns(begin(_as_utf8(head)).first)
        if error.finding.code == "TP107" and is_text:
            raise
        return None
    if names_columns(first):
        return f"its line {above + 1} names columns" if above else "its first row names columns"
    if len(first) >= 4 and periods.parse(first[1].text):
        return "the second cell of its first row is a period"
    return None


def _json_readers(source: Source, _: Hints) -> list[Callable[[], Reader]]:
    from tallyport_converters.readers.dxf_json import DxfJson

    return [lambda: DxfJson(source)]


def _csv_readers(source: Source, hints: Hints) -> list[Callable[[], Reader]]:
    from tallyport_converters.readers.dxf_csv import DxfCsv

    return [lambda: DxfCsv(source, has_header=hints.header)]


def _xml_readers(adx: bool) -> Callable[[Source, Hints], list[Callable[[], Reader]]]:
    def readers(source: Source, _: Hints) -> list[Callable[[], Reader]]:
        from tallyport_converters.readers.xml_fast import CommonXml
        from tallyport_converters.readers.xml_lxml import GeneralXml

        return [lambda: CommonXml(source, adx=adx), lambda: GeneralXml(source, adx=adx)]

    return readers


def _pdf_readers(source: Source, _: Hints) -> list[Callable[[], Reader]]:
    from tallyport_converters.readers.pdf_form import DxfPdf

    return [lambda: DxfPdf(source)]


def _columnar_readers(format: str) -> Callable[[Source, Hints], list[Callable[[], Reader]]]:
    def readers(source: Source, hints: Hints) -> list[Callable[[], Reader]]:
        from tallyport_converters.readers.tables.columnar_file import ColumnarFile
        from tallyport_converters.readers.tables.table_reader import TableReader

        return [lambda: TableReader(ColumnarFile(source, format), source.size_bytes, hints)]

    return readers


def _workbook_readers(source: Source, hints: Hints) -> list[Callable[[], Reader]]:
    from tallyport_converters.readers.tables.sheet_table import SheetTable
    from tallyport_converters.readers.tables.table_reader import TableReader

    return [lambda: TableReader(SheetTable(source, hints.sheet), source.size_bytes, hints)]


FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format("dxf-json", _sniff_json, _json_readers),
        Format("dxf-csv", _sniff_csv, _csv_readers),
        Format("dxf-xml", _sniff_root("dataValueSet"), _xml_readers(adx=False)),
        Format("dxf-pdf", _sniff_pdf, _pdf_readers),
        Format("adx", _sniff_root("adx"), _xml_readers(adx=True)),
        Format("parquet", _sniff_parquet, _columnar_readers("parquet")),
        Format("arrow", _sniff_arrow, _columnar_readers("arrow")),
        Format("xlsx", _sniff_workbook, _workbook_readers),
    )
}
"""Every format that can be read, by the name that --from takes."""


def detect(head: bytes) -> tuple[Format, str]:
    """Return the format of a source and the evidence for it.

    Raises:
        SourceUnreadable: TP103, none or several formats fit; TP113, it is a known kind of document that holds no data
            value set; TP107, the text is UTF-16 or UTF-32.
    """
    if not head.strip(b" \t\r\n\xef\xbb\xbf"):
        raise SourceUnreadable(finding("TP102", message="the source holds nothing but white space"))
    if other := other_documents.binary_document(head):
        raise SourceUnreadable(other)
    evidence = {name: said for name, form in FORMATS.items() if (said := form.sniff(head))}
    if len(evidence) == 1:
        ((name, said),) = evidence.items()
        return FORMATS[name], said
    if evidence:
        found = "; ".join(f"{name}: {said}" for name, said in evidence.items())
        raise SourceUnreadable(finding("TP103", message="more than one format fits", found=found))
    if root := _xml_root(head):
        raise SourceUnreadable(other_documents.xml_document(_start(head), root))
    if root is None and (columns := _table_columns(head)):
        raise SourceUnreadable(other_documents.foreign_table(columns, _missing(columns)))
    raise SourceUnreadable(finding("TP103", found=repr(_start(head)[:40]), expected=other_documents.FORMATS))


def _missing(columns: Sequence[str]) -> list[str]:
    from tallyport_converters.model.field_names import CANONICAL, named

    found = {CANONICAL[known.field] for cell in columns if (known := named(cell))}
    return [name for name in ("dataElement", "period", "orgUnit", "value") if name not in found]


def _table_columns(head: bytes) -> list[str]:
    """Return the cells of the first row, if the text looks like a table: the second row has as many, two or more."""
    from tallyport_converters.text.csv_records import begin, cells

    try:
        begun = begin(_as_utf8(head))
    except SourceUnreadable:
        return []
    texts = [cell.text for cell in begun.first]
    second, _ = cells(_as_utf8(head)[begun.end :].decode(errors="replace"), begun.delimiter)
    is_table = len(texts) >= 2 and len(second) == len(texts) and all(text.isprintable() for text in texts)
    return texts if is_table else []
