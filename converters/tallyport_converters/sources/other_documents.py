"""What a source is that holds no data value set: a server's answer, a web page, a workbook, a metadata export, ...

Looks at the first bytes only, and only once it is known that they cannot be read. Answers with a finding TP113 that
names what it looks like and what to do, or None for what is not known either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from tallyport_schemas.finding import Finding, finding

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]+|"')
_INNER_SET = re.compile(r"<(?:[^\s:<>/]+:)?(dataValueSet|adx)[\s/>]")
_NAMES_SHOWN = 12

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENTRIES = (
    ("EncryptedPackage", "a workbook with a password", "save it without a password, as .xlsx"),
    ("WordDocument", "a Word document", "save the table in it as a sheet, in .xlsx"),
    ("Workbook", "an Excel workbook of the old kind (.xls)", "save it as .xlsx"),
    ("Book", "an Excel workbook of a very old kind (.xls)", "save it as .xlsx"),
)
"""What a file of the container format OLE is, by an entry of its directory: those that begin a file come first."""

_MAGIC: Sequence[tuple[int, bytes, str, str]] = (
    (0, _OLE, "an Excel or Word file of the old kind, or one with a password", "save it as .xlsx, without a password"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, or pack the file as zip"),
    (0, b"Rar!\x1a\x07", "a RAR archive", "unpack it, or pack the file as zip"),
    (0, b"\xfd7zXZ\x00", "a file packed by xz", "unpack it, or pack it with gzip or zstd"),
    (0, b"BZh", "a file packed by bzip2", "unpack it, or pack it with gzip or zstd"),
    (257, b"ustar", "a tar archive", "unpack it and convert the folder"),
    (0, b"SQLite format 3\x00", "an SQLite database", "export the values from it as CSV UTF-8"),
    (0, b"PGDMP", "a dump of a PostgreSQL database", "restore it, then use tallyport export --database"),
    (0, b"\x89PNG", "a picture", "export the data itself"),
    (0, b"\xff\xd8\xff", "a picture", "export the data itself"),
    (0, b"{\\rtf", "a text document (RTF)", "save the table in it as CSV UTF-8"),
)

FORMATS = "DXF2 JSON, CSV, XML or PDF, ADX, Parquet, Arrow or an Excel workbook"
"""What can be read, in words."""

_EXPORT = "export data values: /api/dataValueSets with a data set, org units and a period"
_INSIDE = "take the inner part out into a file of its own"


@dataclass(slots=True)
class _Outline:
    """The uppermost keys of a JSON document as far as its head shows them.

    `values`: a key's value where that is not an array or object. `inner`: the keys of objects that a key holds,
    directly or in an array; under "" those of a document that is an array.
    """

    is_object: bool = True
    values: dict[str, str] = field(default_factory=dict)
    inner: dict[str, set[str]] = field(default_factory=dict)


def _outline(text: str) -> _Outline:
    outline = _Outline(is_object=not text.lstrip("\ufeff \t\r\n").startswith("["))
    path: list[str] = []
    """The containers that are open, each by its bracket."""
    key, expects_key = "", False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("{", "["):
            path.append(token)
            expects_key = token == "{"
        elif token in ("}", "]"):
            if path:
                path.pop()
            expects_key = False
        elif token == ",":
            expects_key = bool(path) and path[-1] == "{"
        elif token == ":":
            expects_key = False
        elif expects_key and token[0] == '"' and len(token) > 1:
            name = token[1:-1]
            if path == ["{"]:
                key = name
                outline.inner.setdefault(key, set())
            elif path in (["{", "{"], ["{", "[", "{"]):
                outline.inner[key].add(name)
            elif path == ["[", "{"]:
                outline.inner.setdefault("", set()).add(name)
        elif path == ["{"] and key:
            outline.values.setdefault(key, token.strip('"'))
    return outline


_METADATA = frozenset(
    [
        "dataElements",
        "dataSets",
        "organisationUnits",
        "organisationUnitGroups",
        "categories",
        "categoryOptions",
        "categoryCombos",
        "categoryOptionCombos",
        "indicators",
        "indicatorTypes",
        "programs",
        "programStages",
        "users",
        "userRoles",
        "userGroups",
        "optionSets",
        "options",
        "attributes",
        "dashboards",
        "visualizations",
        "maps",
        "sections",
        "legendSets",
        "system",
    ]
)
_TRACKER = frozenset(
    [
        "trackedEntities",
        "trackedEntityInstances",
        "enrollments",
        "events",
        "relationships",
    ]
)
_OF_A_SET = frozenset(["dataValues", "dataSet"])
_ANSWER = frozenset(["httpStatus", "httpStatusCode", "conflicts", "errorReports", "typeReports"])


def known_json_document(head: bytes) -> Finding | None:
    """Say what a JSON document is that has no end in sight; None if it may well be a data value set."""
    outline = _outline(head.decode(errors="replace"))
    kind = None if _OF_A_SET & outline.inner.keys() else _json_kind(outline)
    return _json_finding(outline, kind, head) if kind else None


def json_document(head: bytes) -> Finding:
    """Say what a JSON document is that is not a data value set."""
    outline = _outline(head.decode(errors="replace"))
    unknown = (
        ("the JSON object is no data value set: it has no dataValues", "check that this is the right file")
        if outline.inner
        else ("the JSON object is empty: it holds no data value set", _EXPORT)
    )
    return _json_finding(outline, _json_kind(outline) or unknown, head)


def _json_finding(outline: _Outline, kind: tuple[str, str], head: bytes) -> Finding:
    what, help = kind
    keys = outline.inner.keys()
    names = [name for name in keys if name]
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    text = outline.values.get("message") or outline.values.get("description")
    found = text or shown or head[:40].decode(errors="backslashreplace")
    return finding("TP113", message=what, help=help, found=found, expected='an object with "dataValues": [...]')


def _json_kind(outline: _Outline) -> tuple[str, str] | None:  # noqa: PLR0912 - a table, a line or two for each kind
    values, inner = outline.values, outline.inner
    keys = inner.keys()
    if not outline.is_object:
        rows = inner.get("", set())
        if {"de", "data"} <= rows:
            return _ADV2
        if {"dataElement", "value"} & rows:
            return "this is a bare array of values", 'put it into an object: {"dataValues": [...]}'
        return "the JSON is an array, no data value set", _EXPORT
    for name, members in inner.items():
        if name in ("dataValueSet", "dataValueSets") or "dataValues" in members:
            return f'this is a wrapper: the data value set stands inside its "{name}"', _INSIDE
    for name, members in inner.items():
        if {"dataElement", "value"} <= members and name != "dataValues":
            return f'not a data value set: its rows are in "{name}"', f'call "{name}" "dataValues"'
    if {"de", "data"} <= set(keys):
        return _ADV2
    if values.get("type") in ("FeatureCollection", "Feature") or {"features", "geometry"} & set(keys):
        return "this is GeoJSON, a map: it holds no data values", _EXPORT
    if {"headers", "rows"} <= set(keys) or "metaData" in keys:
        return "this is an answer of DHIS2's analytics, not data values", "fetch it as /api/analytics/dataValueSet.json"
    if {"importCount", "importCounts"} & set(keys):
        return "this is an import summary of a DHIS2 server, not data", _EXPORT
    if _ANSWER & set(keys) or ("status" in keys and {"message", "response", "responseType", "error"} & set(keys)):
        return _answer(values), "check address, name and password of the request, then export again"
    if {"error", "errors", "message"} & set(keys):
        return "this is an error message, not data", "check the request that it answers, then export again"
    if "completeDataSetRegistrations" in keys:
        return "this is a list of completions, not data values", "import it with DHIS2's completeDataSetRegistrations"
    if _TRACKER & set(keys):
        return "this is tracker or event data, not aggregate data values", "import it with DHIS2's tracker import"
    if {"tallyport", "values", "groups"} <= set(keys):
        return "this is the manifest of a conversion, not data", "import or validate the folder that it is in"
    if "pager" in keys or _METADATA & set(keys):
        return "this is metadata of DHIS2, not data values", "tallyport snapshot reads metadata; for data, " + _EXPORT
    if {"dataElement", "value"} <= set(keys):
        return "this is a single data value, no data value set", 'put it into an array: {"dataValues": [...]}'
    return None


_ADV2 = (
    "this is ADV2 already, not a legacy file",
    "validate, import or push it as it is; tallyport write-back makes legacy files of it",
)


def _answer(values: Mapping[str, str]) -> str:
    code, status = values.get("httpStatusCode", ""), values.get("httpStatus") or values.get("status", "")
    if not code and status.isdigit():
        code, status = status, ""
    if code and not status:
        try:
            status = HTTPStatus(int(code)).phrase
        except ValueError:
            status = ""
    said = " ".join(part for part in (code, status) if part)
    return f"this is an answer of a DHIS2 server{f', {said}' if said else ''}, not data"


_XML: Mapping[str, tuple[str, str]] = {
    "dxf": (
        "this is DXF 1, which early releases of DHIS2 wrote, before DXF 2; it is not read",
        "import it with the release of DHIS2 that wrote it, and export it from there as DXF 2",
    ),
    "html": ("this is a web page, such as a login page, not data", "check address and login, then export again"),
    "metadata": ("this is a metadata export of DHIS2, not data values", _EXPORT),
    "webmessage": ("this is an answer of a DHIS2 server, not data", "check the request, then export again"),
    "importsummary": ("this is an import summary of a DHIS2 server, not data", _EXPORT),
    "importsummaries": ("this is an import summary of a DHIS2 server, not data", _EXPORT),
    "grid": ("this is an answer of DHIS2's analytics, not data values", "fetch it as /api/analytics/dataValueSet.xml"),
    "workbook": ("this is an Excel workbook saved as XML, not data", "save the sheet as CSV UTF-8"),
    "kml": ("this is KML, a map: it holds no data values", _EXPORT),
    "completedatasetregistrations": ("this is a list of completions, not data values", _EXPORT),
    "datavalue": ("this is a single data value, no data value set", "put it into a <dataValueSet>"),
    "datavalues": ("the rows have no data value set around them", "name the root element dataValueSet"),
}
"""What documents are by their root element, in lower case."""


def xml_document(text: str, root: str) -> Finding:
    """Say what an XML document of another root element is; `text` is its beginning."""
    key = root.lower()
    inside = _INNER_SET.search(text)
    kind = _XML.get(key)
    if key == "html" or re.match(r"\s*<!doctype html", text, re.IGNORECASE):
        kind = _XML["html"]
    elif root in ("dataValueSet", "adx"):
        kind = f"this is {'ADX' if root == 'adx' else 'DXF2 XML'}, another format than was said", "leave --from out"
    elif key != "dxf" and inside:
        wrapper = "a SOAP envelope" if key == "envelope" else f"a wrapper, <{root}>"
        kind = f"this is {wrapper}: the data stands inside it, in <{inside[1]}>", _INSIDE
    elif key == "envelope":
        kind = "this is a SOAP envelope, not data", "take the data out of it into a file of its own"
    message, help = kind or (f"the root element <{root}> is none that is read", "check that this is the right file")
    return finding(
        "TP113", message=message, help=help, found=f"root element <{root}>", expected="<dataValueSet> or <adx>"
    )


def binary_document(head: bytes) -> Finding | None:
    """Say what bytes are that begin as a known kind of file does."""
    if head.startswith(_OLE):
        for entry, what, help in _OLE_ENTRIES:
            if entry.encode("utf-16-le") in head:
                return finding("TP113", message=f"this is {what}, not data", help=help, found=entry, expected=FORMATS)
    for at, magic, what, help in _MAGIC:
        if head[at : at + len(magic)] == magic:
            found = f"bytes {head[at : at + len(magic)].hex(' ')}"
            return finding("TP113", message=f"this is {what}, not data", help=help, found=found, expected=FORMATS)
    return None


def office_document(members: Collection[str]) -> Finding | None:
    """Say what a zip is whose members are those of an office document."""
    what, help = "an Office document", "save the data as CSV UTF-8"
    if "[Content_Types].xml" in members:
        kinds = (
            ("xl/", "a binary Excel workbook (.xlsb)", "save it as .xlsx"),
            ("word/", "a Word document", "save the table in it as a sheet, in .xlsx"),
            ("ppt/", "a PowerPoint file", "save the data as CSV UTF-8"),
        )
        for folder, kind, advice in kinds:
            if any(name.startswith(folder) for name in members):
                what, help = kind, advice
                break
    elif "mimetype" in members and "content.xml" in members:
        what, help = "a LibreOffice document", "save the sheet as .xlsx or CSV UTF-8"
    else:
        return None
    found = ", ".join(sorted(members)[:3])
    return finding("TP113", message=f"this is {what}, not data", help=help, found=found, expected=FORMATS)


def _names(columns: Sequence[str]) -> Iterator[str]:
    yield from (name for name in columns[:_NAMES_SHOWN] if name)
    if len(columns) > _NAMES_SHOWN:
        yield "..."


def foreign_table(columns: Sequence[str], missing: Sequence[str]) -> Finding:
    """Say that a table's columns are not those of a data value set; `missing` are the names that none of them has."""
    return finding(
        "TP113",
        message=f"no column is called {', '.join(missing)}",
        help="name the columns as DHIS2 does; a file without header row is read with --from dxf-csv --no-header",
        found=", ".join(_names(columns)),
        expected="a header row such as dataElement,period,orgUnit,categoryOptionCombo,value",
    )
