"""DXF2 PDF reader: the bytes of one filled form in, its values out.

Reads only what the file says for sure: whatever qpdf would have to guess or repair (cross-references, missing objects,
broken compression) makes the file damaged, because a repair can bring back the value of an older revision.
Never opens files, never draws a page; time and memory are bounded by `_Meter` and by qpdf's limits.
Source: docs/formats/dxf-pdf.md.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from tallyport_converters.sources.meter import Meter
from tallyport_schemas.finding import SourceUnreadable, finding, shown

if TYPE_CHECKING:
    from pikepdf import Object, Pdf

DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024
"""The largest PDF that is looked at; DHIS2's largest forms have some 10 MB."""

_STREAM_LIMIT_BYTES = 4 * 1024 * 1024
"""What one stream may unpack to that qpdf itself unpacks: writers put some 200 objects into one."""

_TOKEN_LIMIT = 4_000_000
"""Numbers, names, texts and brackets in all: qpdf takes up to 125 bytes for each."""

_TEXT_LIMIT = 32 * 1024 * 1024
_NODE_LIMIT = 400_000
_ENTRY_LIMIT = 4_000_000
_DEPTH_LIMIT = 32
_REVISION_LIMIT = 256

_HEADER_SEARCH_BYTES = 1024
_READ_KEYS = ("/AcroForm", "/Fields", "/XFA", "/T", "/FT", "/V", "/Opt", "/Kids", "/AS")

_END = re.compile(rb"startxref\s+\d{1,20}\s*%%EOF")
_OBJECT_HEADER = re.compile(rb"\s*(\d{1,10})\s+(\d{1,10})\s+obj")
_PREVIOUS = re.compile(rb"/(?:P|#50)(?:r|#72)(?:e|#65)(?:v|#76)")
_TOKEN_STARTS = (b" ", b"\n", b"\r", b"\t", b"\f", b"\0", b"/", b"[", b"(", b"<")
_QPDF_LIMITS = {
    "flate_max_memory": _STREAM_LIMIT_BYTES,
    "run_length_max_memory": _STREAM_LIMIT_BYTES,
    "png_max_memory": _STREAM_LIMIT_BYTES,
    "tiff_max_memory": _STREAM_LIMIT_BYTES,
    "max_stream_filters": 1,
}
_QPDF_SAYS = {
    "unable to find /Root dictionary": "its catalog is not where it should be",
    "parser-max-nesting": "it is nested too deeply",
    "unfilterable stream": "one of its streams unpacks to far too much, or is damaged",
}


@dataclass(frozen=True, slots=True)
class FormRow:
    """One filled field: `TXFDDV_<data element>_<category option combo>` and its value, verbatim."""

    data_element: str
    category_option_combo: str | None
    value: str


@dataclass(frozen=True, slots=True)
class FormValues:
    """What a form says.

    `rows` are ordered by field name. `blank` counts value fields that say nothing: empty, white space or `Off`.
    `ignored` names the fields, in order, that look like value fields but cannot be read as one.
    """

    org_unit: str | None
    period: str | None
    rows: list[FormRow]
    blank: int
    ignored: list[str]


def read_form(document: bytes, name: str) -> FormValues:
    """Return the values of the filled DHIS2 form in `document`; `name` is the source that findings name.

    Blank fields are counted, not returned; buttons and the fields of event forms are skipped. Linear in the
    size of the document, of which callers read `DOCUMENT_LIMIT_BYTES` at most; one that unpacks to more is refused.

    Raises:
        SourceUnreadable: damaged (TP114), encrypted (TP115), XFA only (TP116), or no DHIS2 form (TP117).

    Source: docs/formats/dxf-pdf.md.
    """
    try:
        return _form(_whole(document), name)
    except SourceUnreadable:
        raise
    except Exception as exception:
        # Damage shows in any exception: of qpdf, of a text in no encoding, of a wrong type.
        raise _failure(exception, name) from exception


# What may go wrong


class _DamageError(Exception):
    """The document contradicts itself, or asks for more work than any form needs; the text says how."""


class _Meter:
    """The work a document may cause: bytes unpacked, tokens parsed, nodes and their entries visited, text kept."""

    def __init__(self) -> None:
        self.unpacked = Meter(DOCUMENT_LIMIT_BYTES, 0, _unpacks_beyond)
        self._tokens, self._text, self._nodes, self._entries = _TOKEN_LIMIT, _TEXT_LIMIT, _NODE_LIMIT, _ENTRY_LIMIT

    def parse(self, content: bytes) -> None:
        """Count what is about to be parsed, by the characters that tokens begin with or are set apart by."""
        self._tokens -= sum(map(content.count, _TOKEN_STARTS))
        if self._tokens < 0:
            raise _DamageError("it has too many objects")

    def keep(self, text: str) -> str:
        """Count a text, and return it."""
        self._text -= len(text)
        if self._text < 0:
            raise _DamageError("its texts are too long")
        return text

    def visit(self, entries: int = 0) -> None:
        """Count a field or one of its parts, with its entries."""
        self._nodes -= 1
        self._entries -= entries
        if self._nodes < 0 or self._entries < 0:
            raise _DamageError("it has too many fields")


def _unpacks_beyond(*_: int) -> _DamageError:
    return _DamageError("its streams unpack to far too much")


def _failure(exception: Exception, name: str) -> SourceUnreadable:
    from pikepdf import PasswordError

    # qpdf names the stream by its address, and the place after it.
    reason = re.sub(r"^stream <[^>]*>[ :]*", "", str(exception)) or type(exception).__name__
    if isinstance(exception, PasswordError):
        return SourceUnreadable(finding("TP115", source=name))
    if reason.startswith("(encryption dictionary"):
        message = "the PDF is encrypted in a way that cannot be read here"
        return SourceUnreadable(finding("TP115", message=message, source=name))
    reason = next((plain for said, plain in _QPDF_SAYS.items() if said in reason), reason)
    return SourceUnreadable(finding("TP114", message=f"the PDF is damaged: {shown(reason)}", source=name))


# The file: from bytes to objects


def _whole(document: bytes) -> bytes:
    """Return the document from its header to its last end mark.

    A file that was cut within its last revision has an end mark too, that of the revision before: the values in it
    are old. So what follows the mark must not look like the beginning of a revision.
    """
    start = document.find(b"%PDF-", 0, _HEADER_SEARCH_BYTES)
    if start < 0:
        raise _DamageError("it does not start as a PDF does")
    last = document.rfind(b"startxref")
    end = _END.match(document, last) if last >= 0 else None
    if end is None:
        raise _DamageError("it has no end mark, it may be cut short")
    rest = document[end.end() :].replace(b"%%EOF", b"").strip(b"\0\t\n\f\r ")
    if rest[:1].isdigit() or b"obj" in rest or b"xref" in rest:
        raise _DamageError("more follows its last end mark, it may be cut short")
    return document[start : end.end()] + b"\n"


_limits = threading.Lock()
_readings = 0
_limits_before: dict[str, int | bool] = {}


@contextmanager
def _qpdf_is_limited() -> Iterator[None]:
    """Bound what qpdf unpacks by itself. Its limits are the process's; they are as before after the last reading."""
    from pikepdf import settings

    global _readings, _limits_before
    with _limits:
        if _readings == 0:
            _limits_before = settings.set_qpdf_limits(**_QPDF_LIMITS)  # type: ignore[arg-type]
        _readings += 1
    try:
        yield
    finally:
        with _limits:
            _readings -= 1
            if _readings == 0:
                settings.set_qpdf_limits(**_limits_before)  # type: ignore[arg-type]


@contextmanager
def _opened(document: bytes, meter: _Meter) -> Iterator[Pdf]:
    """Give the document once all that qpdf would put up with, or parse without bounds, has been checked."""
    from pikepdf import Pdf, Stream

    meter.parse(document)
    if len(_PREVIOUS.findall(document)) > _REVISION_LIMIT:
        raise _DamageError("it has too many revisions")
    with (
        _qpdf_is_limited(),
        Pdf.open(
            BytesIO(document), attempt_recovery=False, inherit_page_attributes=False, conversion_mode="explicit"
        ) as pdf,
    ):
        packs = set()
        for (number, generation), entry in pdf.get_xref_table().items():
            meter.visit()
            if entry.obj_stream_number is not None:
                packs.add(entry.obj_stream_number)
                continue
            header = None if entry.offset is None else _OBJECT_HEADER.match(document, entry.offset)
            if header is None or (int(header[1]), int(header[2])) != (number, generation):
                raise _DamageError(f"object {number} {generation} is not where it should be")
        for number in packs:
            pack = pdf.get_object(number, 0)
            if not isinstance(pack, Stream):
                raise _DamageError(f"object stream {number} is none")
            meter.parse(_unpacked(pack, meter))
        try:
            yield pdf
        finally:  # what qpdf warned of explains best why something is missing
            if warnings := pdf.get_warnings():
                raise _DamageError(str(warnings[0]))


def _unpacked(stream: Object, meter: _Meter) -> bytes:
    """Return what `stream` holds; `meter` is asked before anything is unpacked.

    Done here for the filters that forms have, which is Flate: qpdf takes no notice of a checksum that is wrong.
    """
    from pikepdf import Array

    filters = stream.get("/Filter")
    names = [] if filters is None else [str(each) for each in filters] if isinstance(filters, Array) else [str(filters)]
    if names not in ([], ["/FlateDecode"]) or (names and stream.get("/DecodeParms") is not None):
        raise _DamageError(f"a stream is packed by {shown(str(names))}, which no form is")
    content = stream.read_raw_bytes()
    if not names:
        return content
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(content, meter.unpacked.room + 1)
    except zlib.error as error:
        raise _DamageError("a compressed stream is damaged") from error
    meter.unpacked.make(len(content))
    if not inflater.eof:
        raise _DamageError("a compressed stream is cut short")
    return content


# The form: from objects to fields


class _Field(NamedTuple):
    """A field without descendants; what it did not say itself was inherited from the field above."""

    name: str
    kind: str | None
    value: Any
    options: Any
    states: list[Any]


class _Node(NamedTuple):
    field: Any
    depth: int
    name: str
    kind: Any
    value: Any
    options: Any


def _form(document: bytes, name: str) -> FormValues:
    meter = _Meter()
    with _opened(document, meter) as pdf:
        acro_form = _entries(pdf.Root, meter).get("/AcroForm")
        if acro_form is None:
            raise SourceUnreadable(finding("TP117", source=name))
        parts = _entries(acro_form, meter)
        top = _members(parts["/Fields"], meter) if "/Fields" in parts else []
        form, is_ours = _values(_fields(top, meter), _Texts(meter))
    if is_ours:
        return form
    if "/XFA" in parts:
        raise SourceUnreadable(finding("TP116", source=name))
    raise SourceUnreadable(finding("TP117", source=name, expected="fields named TXFDDV_<data element>_<combo>"))


def _entries(dictionary: Any, meter: _Meter) -> dict[str, Any]:
    """Return the entries of a dictionary.

    The standard takes an object that is not there for null, and null for nothing. But a writer of forms has no reason
    to write either: something was lost.
    """
    from pikepdf import Dictionary

    if not isinstance(dictionary, Dictionary):
        raise _DamageError("a field, or the form, is no dictionary")
    entries = dict(dictionary.items())
    meter.visit(len(entries))
    for key in _READ_KEYS:
        if key in entries and entries[key] is None:
            raise _DamageError(f"{key} of a field, or of the form, is referred to, but empty")
    return entries


def _members(array: Any, meter: _Meter) -> list[Any]:
    """Return the members of an array of fields, of their parts, or of options."""
    from pikepdf import Array

    if not isinstance(array, Array):
        raise _DamageError("a list of fields, or of their parts, is none")
    members = []
    for member in array:
        meter.visit()
        if member is None:
            raise _DamageError("an object is referred to, but empty")
        members.append(member)
    return members


def _fields(top: list[Any], meter: _Meter) -> Iterator[_Field]:
    """Yield the form's terminal fields in file order, each once."""
    seen: set[tuple[int, int]] = set()
    waiting = [_Node(field, 0, "", None, None, None) for field in reversed(top)]
    while waiting:
        node = waiting.pop()
        # Some writers list a field twice; only the depth tells a circle from that.
        if node.depth > _DEPTH_LIMIT:
            raise _DamageError("its fields are nested too deeply, or in a circle")
        if node.depth == 0 and node.field.is_indirect:
            if node.field.objgen in seen:
                continue
            seen.add(node.field.objgen)
        own = _entries(node.field, meter)
        name = _joined(node.name, _text(own["/T"]), meter) if "/T" in own else node.name
        kind = own.get("/FT", node.kind)
        value = own.get("/V", node.value)
        options = own.get("/Opt", node.options)
        states = [own.get("/AS")]
        below = []
        for kid in _members(own["/Kids"], meter) if "/Kids" in own else []:
            entries = _entries(kid, meter)
            if "/T" in entries or "/Kids" in entries:
                below.append(_Node(kid, node.depth + 1, name, kind, value, options))
            else:
                states.append(entries.get("/AS"))
        if below:
            waiting.extend(reversed(below))
        else:
            yield _Field(name, None if kind is None else str(kind), value, options, states)


def _joined(above: str, own: str | None, meter: _Meter) -> str:
    if own is None:
        raise _DamageError("the name of a field is no text")
    return meter.keep(f"{above}.{own}" if above else own)


def _text(value: Any) -> str | None:
    """Return the text that a string, name, number or boolean stands for; None for anything else."""
    from pikepdf import Boolean, Integer, Name, Real, String

    if value is None:
        return ""
    if isinstance(value, String):
        return _decoded(bytes(value))
    if isinstance(value, Name):
        return str(value).removeprefix("/")
    return value.unparse(resolved=True).decode() if isinstance(value, Boolean | Integer | Real) else None


def _decoded(text: bytes) -> str:
    if text.startswith((b"\xfe\xff", b"\xff\xfe")):
        return text.decode("utf-16")
    if text.startswith(b"\xef\xbb\xbf"):
        return text.decode("utf-8-sig")
    try:
        return text.decode("pdfdoc")
    except UnicodeDecodeError:
        return text.decode("utf-8")  # some fillers write it bare


class _Texts:
    """What fields say, as text."""

    def __init__(self, meter: _Meter) -> None:
        self._meter = meter
        # One list may serve thousands of fields, by reference or by inheritance.
        self._exports: dict[object, tuple[Any, frozenset[str], dict[str, str | None]]] = {}

    def said(self, field: _Field) -> str | None:
        """Return the field's text, or the export value of its choice; None if it is neither text nor one choice."""
        from pikepdf import Array, Stream

        value = field.value
        if isinstance(value, Array):
            if len(value) > 1:
                return None
            value = value[0] if len(value) else None
        if isinstance(value, Stream):
            return self._meter.keep(_decoded(_unpacked(value, self._meter)))
        text = _text(value)
        if text is None:
            return None
        self._meter.keep(text)
        return self._export(text, field.options) if field.kind == "/Ch" else text

    def is_on(self, field: _Field) -> bool:
        """Say if a check box is on: by its value, or by its looks if it has none."""
        states = field.states if field.value is None else [field.value]
        return any((_text(state) or "").strip().lower() not in ("", "off") for state in states)

    def _export(self, text: str, options: Any) -> str:
        from pikepdf import Array

        if not isinstance(options, Array):
            return text
        key = options.objgen if options.is_indirect else id(options)
        if key not in self._exports:
            self._exports[key] = (options, *self._options(options))
        _, exports, shown_as = self._exports[key]
        if text in exports:
            return text
        export = shown_as.get(text)
        return text if export is None else export

    def _options(self, options: Any) -> tuple[frozenset[str], dict[str, str | None]]:
        """Return the export values, and the export value of each display text: None where several have it."""
        from pikepdf import Array

        exports: set[str] = set()
        shown_as: dict[str, str | None] = {}
        for option in _members(options, self._meter):
            pair = (
                [_text(option[at]) for at in range(min(len(option), 2))]
                if isinstance(option, Array)
                else [_text(option)]
            )
            if not pair or pair[0] is None or pair[-1] is None:
                continue
            export, display = pair[0], pair[-1]
            exports.add(export)
            shown_as[display] = export if shown_as.get(display, export) == export else None
        return frozenset(exports), shown_as


# DHIS2's names of fields


def _values(fields: Iterator[_Field], texts: _Texts) -> tuple[FormValues, bool]:
    """Return what the fields say, and whether any of them is a DHIS2 value field."""
    org_unit = period = None
    named: list[tuple[str, FormRow]] = []
    ignored: set[str] = set()
    blank = 0
    for field in fields:
        name = field.name.rpartition(".")[2]  # forms that were merged or embedded have a name above
        if name == "TXFD_OrgID":
            org_unit = org_unit or (texts.said(field) or "").strip() or None
        elif name == "TXFD_PeriodID":
            period = period or (texts.said(field) or "").strip() or None
        elif name.startswith("TXFDDV"):
            parts = name.split("_")
            if _is_of_an_event_form(parts):
                continue
            value = _value(field, parts, texts) if _is_splittable(parts) else None
            if value is None:
                ignored.add(name)
            elif not value or value.isspace():
                blank += 1
            else:
                named.append((name, FormRow(parts[1], parts[2] or None, value)))
    named.sort(key=lambda pair: pair[0])
    form = FormValues(org_unit, period, [row for _, row in named], blank, sorted(ignored))
    return form, bool(named or blank)


def _is_splittable(parts: list[str]) -> bool:
    return parts[0] == "TXFDDV" and len(parts) in (3, 4) and parts[1] != ""


def _is_of_an_event_form(parts: list[str]) -> bool:
    return len(parts) >= 3 and all(part.isascii() and part.isdigit() for part in parts[1:3])


def _value(field: _Field, parts: list[str], texts: _Texts) -> str | None:
    is_true_only = len(parts) == 4 and parts[3].startswith("T4")
    if field.kind == "/Btn":
        if not is_true_only:
            return None
        return "true" if texts.is_on(field) else ""
    value = texts.said(field)
    if value is not None and is_true_only:
        return {"on": "true", "off": ""}.get(value.strip().lower(), value)
    return value
