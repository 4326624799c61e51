"""Workbooks part by part, for what no library writes: broken, hostile, or in another writer's dialect."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

FORMATS = ("General", "yyyy-mm-dd", "mmm yyyy", "0%", "hh:mm", "yyyy", "yyyy-mm-dd hh:mm")
"""Number formats of the styles of a workbook, in their order."""

HEADER = ("dataElement", "period", "orgUnit", "value")


def cell(reference: str, text: object, kind: str = "", style: int = 0) -> str:
    """Return a cell: a text as an inline string, anything else as its value."""
    style_said = f' s="{style}"' if style else ""
    if isinstance(text, str) and not kind:
        return f'<c r="{reference}"{style_said} t="inlineStr"><is><t>{escape(text)}</t></is></c>'
    return f'<c r="{reference}"{style_said}{f" t={chr(34)}{kind}{chr(34)}" if kind else ""}><v>{text}</v></c>'


def row(number: int, cells: Sequence[object]) -> str:
    """Return a row of cells: texts, values, or XML of a cell as `cell` gives it."""
    made = [
        text if isinstance(text, str) and text.startswith("<c ") else cell(f"{chr(65 + place)}{number}", text)
        for place, text in enumerate(cells)
        if text is not None
    ]
    return f'<row r="{number}">{"".join(made)}</row>'


def sheet(rows: Sequence[Sequence[object]], *, before: str = "", after: str = "") -> str:
    """Return the XML of a sheet; rows are those from the first on."""
    data = "".join(row(number, cells) for number, cells in enumerate(rows, 1) if cells)
    return f'<worksheet xmlns="{_MAIN}">{before}<sheetData>{data}</sheetData>{after}</worksheet>'


def parts(sheets: Mapping[str, str], *, strings: str = "", is_1904: bool = False) -> dict[str, str]:
    """Return the members of a workbook; a sheet whose name starts with a dot is hidden."""
    listed = related = ""
    for number, name in enumerate(sheets, 1):
        hidden = ' state="hidden"' if name.startswith(".") else ""
        listed += f'<sheet name="{escape(name)}" sheetId="{number}"{hidden} r:id="rId{number}"/>'
        related += f'<Relationship Id="rId{number}" Type="{_KINDS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
    for kind, target in (("styles", "styles.xml"), ("sharedStrings", "/xl/sharedStrings.xml")):
        related += f'<Relationship Id="{kind}" Type="{_KINDS}/{kind}" Target="{target}"/>'
    codes = "".join(f'<numFmt numFmtId="{170 + i}" formatCode="{escape(code)}"/>' for i, code in enumerate(FORMATS))
    styles = "".join(f'<xf numFmtId="{170 + i}"/>' for i in range(len(FORMATS)))
    whole = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="a" Type="{_KINDS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_KINDS}"><workbookPr date1904="{int(is_1904)}"/>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{related}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts>{codes}</numFmts>'
        f"<cellXfs>{styles}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>',
    }
    return whole | {f"xl/worksheets/sheet{number}.xml": text for number, text in enumerate(sheets.values(), 1)}


def packed(members: Mapping[str, str | bytes]) -> bytes:
    """Return an archive of members, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def workbook(sheets: Mapping[str, str], **others: object) -> bytes:
    """Return a workbook of sheets; see `parts`."""
    return packed(parts(sheets, **others))  # type: ignore[arg-type]
