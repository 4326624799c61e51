"""A workbook (Office Open XML): its sheets, formats and shared strings, from the members of its archive.

Small parts are read by lxml, hardened; sheets and strings by the scanner, a block at a time.
Source: ECMA-376, part 1, 18.2 (workbook), 18.8 (styles); part 2 (relationships).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tallyport_converters.native.abi import Fault
from tallyport_converters.native.sheet import SheetScan
from tallyport_converters.readers.tables.number_format import CellShape, shape_of
from tallyport_converters.readers.tables.sheet_cells import CELL_SCHEMA, CellTexts
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable, finding

if TYPE_CHECKING:
    from lxml.etree import _Element

PART_BYTES = 16 << 20
"""The largest small part: one with every style there can be is a quarter of it."""

STRINGS_BYTES = 256 << 20
"""What the shared strings may take."""

_BLOCK_BYTES = 1 << 20
_UNIT_BYTES = 32 << 20
_FAULTS: Mapping[Fault, str] = {
    Fault.TRUNCATED: "it ends within an element",
    Fault.UTF8: "it is not UTF-8",
    Fault.STRUCTURE: "it has a DOCTYPE",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, its member, and whether a person sees it."""

    name: str
    member: str
    is_visible: bool


class Workbook:
    """An Excel workbook.

    Raises:
        SourceUnreadable: TP104 to TP106, the archive; TP133, a part is damaged or missing.
    """

    def __init__(self, source: Source) -> None:
        self._archive = source.archive()
        self._called = source.name
        main = self._main()
        self._relations = self._relations_of(main)
        book = self._part(main)
        self.sheets = list(self._sheets(book))
        self.has_macros = any(name.endswith("vbaProject.bin") for name in self._archive.names)
        from_1904 = any(_is_true(found.get("date1904")) for found in _all(book, "workbookPr"))
        self.texts = CellTexts(self._strings(), self._shapes(), from_1904)

    def cells(self, sheet: Sheet) -> Iterator[pl.DataFrame]:
        """Yield the records of a sheet, as `CELL_SCHEMA` has them: whole rows, in order.

        Raises:
            SourceUnreadable: TP104, TP105, the archive; TP112, TP133, the sheet.
        """
        for records in self._scanned(sheet.member, SheetScan()):
            if records:
                yield pl.read_csv(records, has_header=False, schema=CELL_SCHEMA)

    def _scanned(self, member: str, scan: SheetScan) -> Iterator[bytes]:
        rest = bytearray()
        with scan:
            for block in self._blocks(member):
                rest += block
                yield scan.scan(bytes(rest), final=False)
                self._check(scan, member)
                del rest[: scan.consumed]
                if len(rest) > _UNIT_BYTES:
                    raise SourceUnreadable(finding("TP112", found=f"more than {_UNIT_BYTES >> 20} MiB in {member}"))
            yield scan.scan(bytes(rest), final=True)
            self._check(scan, member)

    def _check(self, scan: SheetScan, member: str) -> None:
        if scan.fault is not Fault.NONE:
            reason = _FAULTS.get(scan.fault, "it is not well-formed")
            raise self._damaged(f"{reason}, in {member} after row {scan.row:,}")

    def _blocks(self, member: str) -> Iterator[bytes | bytearray]:
        try:
            yield from self._archive.blocks(member, _BLOCK_BYTES)
        except KeyError:
            raise self._damaged(f"it has no {member}") from None

    def _part(self, member: str) -> _Element:
        from lxml import etree

        data = bytearray()
        for block in self._blocks(member):
            data += block
            if len(data) > PART_BYTES:
                raise self._damaged(f"{member} has more than {PART_BYTES >> 20} MiB")
        if b"<!DOCTYPE" in data:
            raise self._damaged(f"{member} has a DOCTYPE")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            return etree.fromstring(bytes(data), parser)
        except etree.XMLSyntaxError as error:
            raise self._damaged(f"{member}: {error.msg}") from None

    def _main(self) -> str:
        """Return the member that lists the sheets."""
        for _, kind, target in self._relations_of(""):
            if kind == "officeDocument":
                return target
        return "xl/workbook.xml"

    def _relations_of(self, member: str) -> list[tuple[str, str, str]]:
        """Return id, kind and member of what a member refers to."""
        folder, name = posixpath.split(member)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations not in self._archive.names:
            return []
        found = []
        for relation in _all(self._part(relations), "Relationship"):
            target = relation.get("Target") or ""
            whole = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            kind = (relation.get("Type") or "").rpartition("/")[2]
            found.append((relation.get("Id") or "", kind, whole))
        return found

    def _sheets(self, book: _Element) -> Iterator[Sheet]:
        of_sheets = {id_: member for id_, kind, member in self._relations if kind == "worksheet"}
        for found in _all(book, "sheet"):
            ids = [text for name, text in found.attrib.items() if str(name).endswith("}id")]
            member = of_sheets.get(str(ids[0])) if ids else None
            if member:  # a chart has a sheet of another kind
                yield Sheet(found.get("name") or "", member, found.get("state", "visible") == "visible")

    def _member(self, kind: str) -> str | None:
        return next((member for _, of_kind, member in self._relations if of_kind == kind), None)

    def _shapes(self) -> list[CellShape]:
        member = self._member("styles")
        if member is None:
            return []
        styles = self._part(member)
        codes = {found.get("numFmtId"): found.get("formatCode") for found in _all(styles, "numFmt")}
        shapes = []
        for cell_formats in _all(styles, "cellXfs"):
            for found in cell_formats:
                number = found.get("numFmtId") or "0"
                shapes.append(shape_of(int(number) if number.isdecimal() else 0, codes.get(number)))
        return shapes

    def _strings(self) -> pl.Series:
        member = self._member("sharedStrings")
        parts = [pl.Series([], dtype=pl.String)]
        size = 0
        for records in self._scanned(member, SheetScan(strings=True)) if member else ():
            size += len(records)
            if size > STRINGS_BYTES:
                raise SourceUnreadable(finding("TP105", message="the shared strings of the workbook take far too much"))
            if records:
                table = pl.read_csv(records, has_header=False, schema={"text": pl.String})
                parts.append(table["text"])
        return pl.concat(parts)

    def _damaged(self, found: str) -> SourceUnreadable:
        message = "the workbook is damaged or of a kind that cannot be read"
        return SourceUnreadable(finding("TP133", message=message, help="save it again as .xlsx", found=found))


def _all(element: _Element, name: str) -> Iterator[_Element]:
    """Yield the elements of a local name, in any namespace."""
    return element.iter(f"{{*}}{name}", name)


def _is_true(text: str | None) -> bool:
    return text in ("1", "true")
