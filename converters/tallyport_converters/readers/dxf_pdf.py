"""DXF2 PDF reader: the bytes of one filled form in, its values out.

Reads only what the file says for sure: whatever pypdf would have to guess or repair (cross-references, missing
objects, broken compression) makes the file damaged, because a repair can bring back the value of an older revision.
Never opens files, never draws a page; time and memory are bounded by `_Meter`.
Source: docs/formats/dxf-pdf.md.
"""

from __future__ import annotations

import logging
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tallyport_converters.sources.meter import Meter
from tallyport_schemas.finding import SourceUnreadable, finding, shown

if TYPE_CHECKING:
    from pypdf import PdfReader
    from pypdf.generic import IndirectObject

DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024
"""The largest PDF that is looked at; DHIS2's largest forms have some 10 MB."""

_UNPACKED_LIMIT_BYTES = 32 * 1024 * 1024
_TEXT_LIMIT = 32 * 1024 * 1024
_NODE_LIMIT = 400_000
_DEPTH_LIMIT = 32
_COLUMNS_LIMIT = 64
"""Bytes of a row that is predicted: rows of cross-references have some seven."""

_HEADER_SEARCH_BYTES = 1024

_END = re.compile(rb"startxref\s+\d{1,20}\s*%%EOF")
_OBJECT_HEADER = re.compile(rb"\s*(\d{1,10})\s+(\d{1,10})\s+obj")


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

    Blank fields are counted, not returned; buttons and the fields of event forms are passed over. Linear in the
    size of the document; one of over 64 MiB, or one that unpacks to more, is not read.

    Raises:
        SourceUnreadable: damaged (TP114), encrypted (TP115), XFA only (TP116), or no DHIS2 form (TP117).

    Source: docs/formats/dxf-pdf.md.
    """
    if len(document) > DOCUMENT_LIMIT_BYTES:
        raise SourceUnreadable(
            finding(
                "TP114",
                message="the PDF is too large to be read",
                help="check that this is the filled form that DHIS2 made",
                source=name,
                found=f"{len(document)} bytes",
                expected=f"at most {DOCUMENT_LIMIT_BYTES} bytes",
            )
        )
    meter = _Meter()
    try:
        with _pypdf_is_silent():
            form = _form(document, name, meter)
        meter.check()
    except Exception as exception:
        # pypdf lets slip nearly any exception on damage: KeyError, AttributeError, RecursionError, zlib.error ...
        raise _failure(exception, meter, name) from exception
    return form


# What may go wrong


class _DamageError(Exception):
    """The document contradicts itself; the text says how."""


class _PasswordError(Exception):
    """The document does not open without a password."""


class _ExcessError(Exception):
    """The document asks for more work than any form needs."""


def _unpacks_beyond(*_: int) -> _ExcessError:
    return _ExcessError("its streams unpack beyond all measure")


class _Meter:
    """The work a document may cause: small steps of pypdf, bytes unpacked, objects listed, nodes walked, text kept.

    pypdf swallows exceptions here and there, so an overdrawn meter stays overdrawn and is asked again at the end.
    """

    __slots__ = ("nodes", "packed", "steps", "text", "unpacked")

    def __init__(self) -> None:
        # Fields cost about one step a byte, and a step about a microsecond: these are 12 MB of fields.
        self.steps = 12_000_000
        self.unpacked = Meter(_UNPACKED_LIMIT_BYTES, 0, _unpacks_beyond)
        self.text = _TEXT_LIMIT
        self.nodes = _NODE_LIMIT
        self.packed = _NODE_LIMIT

    def check(self) -> None:
        if self.steps < 0:
            raise _ExcessError("its objects take too long to read")
        if self.unpacked.made > _UNPACKED_LIMIT_BYTES:
            raise _unpacks_beyond()
        if self.packed < 0:
            raise _ExcessError("it has too many objects")
        if self.text < 0:
            raise _ExcessError("its texts are too long")
        if self.nodes < 0:
            raise _ExcessError("it has too many fields")

    def step(self, count: int) -> None:
        self.steps -= count
        self.check()

    def list_packed(self, count: int) -> None:
        self.packed -= count
        self.check()

    def keep(self, text: str) -> str:
        self.text -= len(text)
        self.check()
        return text

    def visit(self) -> None:
        self.nodes -= 1
        if self.nodes < 0:
            self.check()


def _failure(exception: Exception, meter: _Meter, name: str) -> SourceUnreadable:
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        meter.check()
    except _ExcessError as overdrawn:
        exception = overdrawn
    if isinstance(exception, SourceUnreadable):
        return exception
    if isinstance(exception, _PasswordError | FileNotDecryptedError):
        return SourceUnreadable(finding("TP115", source=name))
    if isinstance(exception, DependencyError):  # AES needs a library beyond pypdf: no password was tried
        message = "the PDF is encrypted in a way that cannot be read here"
        return SourceUnreadable(finding("TP115", message=message, source=name))
    reached: BaseException = exception
    while isinstance(reached, PyPdfError) and reached.__cause__ is not None:
        reached = reached.__cause__
    if isinstance(reached, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(reached, MemoryError):
        reason = "it needs too much memory"
    elif isinstance(reached, _DamageError | _ExcessError | PyPdfError):
        reason = str(reached) or type(reached).__name__
    else:
        reason = f"{type(reached).__name__}: {reached}"
    return SourceUnreadable(finding("TP114", message=f"the PDF is damaged: {shown(reason)}", source=name))


_silence = threading.Lock()
_silent_readings = 0
_level_before = logging.NOTSET


@contextmanager
def _pypdf_is_silent() -> Iterator[None]:
    """Keep pypdf from logging what it puts up with; its logger is as before when the last reading has ended."""
    global _silent_readings, _level_before
    logger = logging.getLogger("pypdf")
    with _silence:
        if _silent_readings == 0:
            _level_before = logger.level
            logger.setLevel(logging.CRITICAL + 1)
        _silent_readings += 1
    try:
        yield
    finally:
        with _silence:
            _silent_readings -= 1
            if _silent_readings == 0:
                logger.setLevel(_level_before)


# The file: from bytes to objects


class _MeteredBytes:
    """Bytes as pypdf's stream; every read costs a step, and a large one more.

    It has no `getbuffer`, so pypdf's searches through the whole document are metered as well.
    """

    def __init__(self, document: bytes, meter: _Meter) -> None:
        stream = BytesIO(document)
        self._read = stream.read
        self._meter = meter
        self.seek = stream.seek
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        data = self._read(size)
        meter = self._meter
        meter.steps -= 1 + (len(data) >> 6)
        if meter.steps < 0:
            meter.check()
        return data


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


def _opened(document: bytes, meter: _Meter) -> PdfReader:
    from pypdf import PdfReader
    from pypdf.generic import IndirectObject, StreamObject, read_object

    def number(found: object, what: str) -> int:
        if not isinstance(found, int) or not 0 <= found <= DOCUMENT_LIMIT_BYTES:
            raise _DamageError(f"{what} is no usable number")
        return found

    class _Reader(PdfReader):
        """pypdf's reader without its guesses, and with object streams read piece by piece.

        pypdf parses every object of an object stream to its own end, wherever the next begins: nested ones cost
        O(n^2). Here each piece ends where the next one starts.
        """

        def __init__(self) -> None:
            self._packs: dict[int, tuple[bytes, dict[int, tuple[int, int]]]] = {}
            self._unpacked: dict[int, Any] = {}
            super().__init__(cast("BytesIO", _MeteredBytes(document, meter)))
            # From here on: else pypdf returns what it could read of a broken object.
            self.strict = True

        def get_object(self, indirect_reference: int | IndirectObject) -> Any:
            if isinstance(indirect_reference, int):
                indirect_reference = IndirectObject(indirect_reference, 0, self)
            idnum, generation = indirect_reference.idnum, indirect_reference.generation
            if generation == 0 and idnum in self.xref_objStm:
                return self._from_pack(idnum)
            place = self.xref.get(generation, {}).get(idnum)
            header = None if place is None else _OBJECT_HEADER.match(document, place)
            # pypdf would search the file for the object, and take the first found: the oldest.
            if header is None or (int(header[1]), int(header[2])) != (idnum, generation):
                raise _DamageError(f"object {idnum} {generation} is not where it should be")
            return super().get_object(indirect_reference)

        def _from_pack(self, idnum: int) -> Any:
            if idnum not in self._unpacked:
                pack = self.xref_objStm[idnum][0]
                if pack not in self._packs:
                    self._packs[pack] = self._pack(pack)
                content, places = self._packs[pack]
                if idnum not in places:
                    raise _DamageError(f"object {idnum} is not in object stream {pack}")
                start, stop = places[idnum]
                piece = _MeteredBytes(content[start:stop] + b" ", meter)
                self._unpacked[idnum] = read_object(cast("BytesIO", piece), self)
            return self._unpacked[idnum]

        def _pack(self, pack: int) -> tuple[bytes, dict[int, tuple[int, int]]]:
            stream = None if pack in self.xref_objStm else self.get_object(pack)
            if not isinstance(stream, StreamObject):
                raise _DamageError(f"object stream {pack} is none")
            content = _unpacked(stream, meter)
            first = number(stream.get("/First"), "/First of an object stream")
            count = number(stream.get("/N"), "/N of an object stream")
            meter.list_packed(count)
            index = content[:first].split(None, 2 * count)[: 2 * count]
            if len(index) % 2 or not all(word.isdigit() and len(word) <= 10 for word in index):
                raise _DamageError(f"the index of object stream {pack} is damaged")
            numbers = [int(word) for word in index]
            starts = [first + offset for offset in numbers[1::2]]
            stops = dict(zip(ordered := sorted(set(starts)), [*ordered[1:], len(content)], strict=True))
            return content, {idnum: (start, stops[start]) for idnum, start in zip(numbers[::2], starts, strict=True)}

        def cache_indirect_object(self, generation: int, idnum: int, obj: Any) -> Any:
            if isinstance(obj, StreamObject):
                # pypdf itself asks cross-reference streams for what they hold: it gets what our meter lets pass.
                obj.get_data = lambda: _unpacked(obj, meter)  # type: ignore[method-assign]
            return super().cache_indirect_object(generation, idnum, obj)

        def _rebuild_xref_table(self, stream: Any) -> None:  # noqa: ARG002
            raise _DamageError("its cross-reference table is damaged")

        def _load_recovery_cache(self, data: bytes) -> Any:  # noqa: ARG002
            raise _DamageError("its cross-reference table is damaged")

    return _Reader()


def _unpacked(stream: Any, meter: _Meter) -> bytes:
    """Return what `stream` holds; `meter` is asked before anything is unpacked.

    Done here for the filters that forms have, which is Flate: pypdf unpacks first, whatever comes of it, and reads on
    behind a damage and gives what happens to come out.
    """
    parameters = _plain(stream.get("/DecodeParms"))
    filters = _plain(stream.get("/Filter"))
    filters = filters if isinstance(filters, list) else [] if filters is None else [filters]
    if filters not in ([], ["/FlateDecode"]):
        raise _DamageError(f"a stream is packed by {shown(str(filters))}, which no form is")
    content = stream._data
    if filters:
        content = _inflated(content, meter)
        if isinstance(parameters, list):
            parameters = _plain(parameters[0]) if parameters else None
        content = _unpredicted(content, parameters or {}, meter)
    if stream.get("/Type") == "/XRef":
        meter.step(2 * len(content))  # a few steps for each of its short rows
    return bytes(content)


def _plain(value: Any) -> Any:
    """Return an object itself where a reference may stand for it."""
    from pypdf.generic import IndirectObject, NullObject

    value = value.get_object() if isinstance(value, IndirectObject) else value
    return None if isinstance(value, NullObject) else value


def _inflated(packed: bytes, meter: _Meter) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed, meter.unpacked.room + 1)
    except zlib.error as error:
        raise _DamageError("a compressed stream is damaged") from error
    meter.unpacked.make(len(content))
    if not inflater.eof:
        raise _DamageError("a compressed stream is cut short")
    return content


def _unpredicted(content: bytes, parameters: Any, meter: _Meter) -> bytes:
    """Undo what PNG's predictors did to rows of bytes, as in cross-reference streams (PDF 2.0, 7.4.4.4)."""
    if not isinstance(parameters, dict):
        raise _DamageError("the parameters of a stream's filter are none")
    wanted = {"/Predictor": 1, "/Columns": 1, "/Colors": 1, "/BitsPerComponent": 8}
    predictor, columns, colors, bits = (_plain(parameters.get(name, usual)) for name, usual in wanted.items())
    if predictor == 1:
        return content
    if predictor not in range(10, 16) or columns not in range(1, _COLUMNS_LIMIT + 1) or (colors, bits) != (1, 8):
        raise _DamageError("a stream is predicted in a way that no form is")
    width = columns + 1
    meter.step(len(content) + 8 * (len(content) // width))
    above = bytes(columns)
    rows = bytearray()
    for at in range(0, len(content), width):
        row = bytearray(content[at + 1 : at + width])
        how = content[at]
        if how not in range(5):
            raise _DamageError("a row of a stream is predicted in no known way")
        for i in range(len(row) if how else 0):
            left, up, corner = (row[i - 1], above[i], above[i - 1]) if i else (0, above[i], 0)
            row[i] = (row[i] + (left, up, (left + up) // 2, _paeth(left, up, corner))[how - 1]) & 0xFF
        rows += row
        above = bytes(row.ljust(columns, b"\0"))
    return bytes(rows)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda near: abs(guess - near))


# The form: from objects to fields


class _Field(NamedTuple):
    """A field without descendants; what it did not say itself was inherited from the field above."""

    name: str
    kind: str | None
    value: Any
    options: Any
    states: list[Any]


def _form(document: bytes, name: str, meter: _Meter) -> FormValues:
    from pypdf.generic import ArrayObject, DictionaryObject

    try:
        reader = _opened(_whole(document), meter)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _PasswordError
    except NotImplementedError as exception:
        if b"/Encrypt" in document:
            raise _PasswordError from exception
        raise
    resolved = _resolver(reader)
    root = resolved(dict.get(reader.trailer, "/Root"))
    if not isinstance(root, DictionaryObject):
        raise _DamageError("it has no catalog")
    acro_form = resolved(dict.get(root, "/AcroForm"))
    if acro_form is None:
        raise SourceUnreadable(finding("TP117", source=name))
    if not isinstance(acro_form, DictionaryObject):
        raise _DamageError("its form is none")
    top = resolved(dict.get(acro_form, "/Fields"))
    if top is not None and not isinstance(top, ArrayObject):
        raise _DamageError("the list of its fields is none")
    form, is_ours = _values(_fields(top or [], resolved, meter), _Texts(resolved, meter))
    if is_ours:
        return form
    if dict.get(acro_form, "/XFA") is not None:
        raise SourceUnreadable(finding("TP116", source=name))
    raise SourceUnreadable(finding("TP117", source=name, expected="fields named TXFDDV_<data element>_<combo>"))


def _resolver(reader: PdfReader) -> Callable[[Any], Any]:
    from pypdf.generic import IndirectObject, NullObject

    def resolved(value: Any) -> Any:
        if not isinstance(value, IndirectObject):
            return None if isinstance(value, NullObject) else value
        found = reader.get_object(value)
        # The standard takes it for null, but a form writer has no reason to: something was lost.
        if found is None or isinstance(found, NullObject):
            raise _DamageError(f"object {value.idnum} {value.generation} is referred to, but empty")
        if isinstance(found, IndirectObject):
            raise _DamageError(f"object {value.idnum} {value.generation} is a mere reference")
        return found

    return resolved


class _Node(NamedTuple):
    reference: Any
    depth: int
    name: str
    kind: Any
    value: Any
    options: Any


def _fields(top: list[Any], resolved: Callable[[Any], Any], meter: _Meter) -> Iterator[_Field]:
    """Yield the form's terminal fields in file order, each once."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

    seen: set[tuple[int, int]] = set()
    waiting = [_Node(reference, 0, "", None, None, None) for reference in reversed(top)]
    while waiting:
        node = waiting.pop()
        meter.visit()
        # pypdf's own writer lists some fields twice; only the depth tells a cycle from that.
        if node.depth > _DEPTH_LIMIT:
            raise _DamageError("its fields are nested too deeply, or in a circle")
        if isinstance(node.reference, IndirectObject) and node.depth == 0:
            key = (node.reference.idnum, node.reference.generation)
            if key in seen:
                continue
            seen.add(key)
        field = resolved(node.reference)
        if field is None:
            continue
        if not isinstance(field, DictionaryObject):
            raise _DamageError("one of its fields is none")
        own = resolved(dict.get(field, "/T"))
        name = node.name if own is None else _joined(node.name, _text(own), meter)
        kind = resolved(dict.get(field, "/FT")) or node.kind
        value = dict.get(field, "/V", node.value)
        options = dict.get(field, "/Opt", node.options)
        kids = resolved(dict.get(field, "/Kids"))
        if kids is not None and not isinstance(kids, ArrayObject):
            raise _DamageError("the list of a field's parts is none")
        states = [dict.get(field, "/AS")]
        below = []
        for reference in kids or []:
            meter.visit()
            kid = resolved(reference)
            if not isinstance(kid, DictionaryObject):
                raise _DamageError("a part of a field is none")
            if "/T" in kid or "/Kids" in kid:
                below.append(_Node(reference, node.depth + 1, name, kind, value, options))
            else:
                states.append(dict.get(kid, "/AS"))
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
    if isinstance(value, str):  # strings and names; a name has its slash in front
        from pypdf.generic import NameObject

        return str(value).removeprefix("/") if isinstance(value, NameObject) else str(value)
    if isinstance(value, bytes):  # a string that is none in PDF's encodings: some fillers write bare UTF-8
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _DamageError("a text is in no encoding that PDF knows") from error
    if value is None:
        return ""
    from pypdf.generic import BooleanObject, FloatObject, NumberObject

    if isinstance(value, BooleanObject):
        return "true" if value.value else "false"
    return str(value) if isinstance(value, NumberObject | FloatObject) else None


class _Texts:
    """What fields say, as text."""

    def __init__(self, resolved: Callable[[Any], Any], meter: _Meter) -> None:
        self._resolved = resolved
        self._meter = meter
        # By identity of the array, which lives as long as the reader: one list may serve thousands of fields.
        self._exports: dict[int, tuple[Any, frozenset[str], dict[str, str | None]]] = {}

    def said(self, field: _Field) -> str | None:
        """Return the field's text, or the export value of its choice; None if it is neither text nor one choice."""
        value = self._resolved(field.value)
        if isinstance(value, list):
            if len(value) > 1:
                return None
            value = self._resolved(value[0]) if value else None
        if isinstance(value, dict) and hasattr(value, "get_data"):
            value = self._of_stream(value)
        text = _text(value)
        if text is None:
            return None
        self._meter.keep(text)
        return self._export(text, field.options) if field.kind == "/Ch" else text

    def is_on(self, field: _Field) -> bool:
        """Say if a check box is on: by its value, or by its looks if it has none."""
        value = self._resolved(field.value)
        states = [value] if value is not None else [self._resolved(state) for state in field.states]
        return any((_text(state) or "").strip().lower() not in ("", "off") for state in states)

    def _of_stream(self, stream: Any) -> Any:
        from pypdf.generic import create_string_object

        return create_string_object(_unpacked(stream, self._meter))

    def _export(self, text: str, options: Any) -> str:
        options = self._resolved(options)
        if not isinstance(options, list):
            return text
        if id(options) not in self._exports:
            self._exports[id(options)] = (options, *self._options(options))
        _, exports, shown_as = self._exports[id(options)]
        if text in exports:
            return text
        export = shown_as.get(text)
        return text if export is None else export

    def _options(self, options: list[Any]) -> tuple[frozenset[str], dict[str, str | None]]:
        """Return the export values, and the export value of each display text: None where several have it."""
        exports: set[str] = set()
        shown_as: dict[str, str | None] = {}
        for reference in options:
            self._meter.visit()
            option = self._resolved(reference)
            pair = [_text(self._resolved(part)) for part in option[:2]] if isinstance(option, list) else [_text(option)]
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
