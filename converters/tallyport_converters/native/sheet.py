"""The XML of a workbook's sheets and shared strings, scanned into records of CSV."""

from __future__ import annotations

import ctypes
from ctypes import c_uint64

from tallyport_converters.native import abi
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.library import Buffer, Owner, address, check_scan, library


class SheetScan(Owner):
    """The scan of one sheet, or of the shared strings, from its beginning to its end."""

    free = "tp_sheet_free"

    def __init__(self, *, strings: bool = False) -> None:
        super().__init__(library.tp_sheet_new(strings))
        self.report: abi.SheetReport = library.tp_sheet_report(self.handle).contents

    def scan(self, block: Buffer, *, final: bool) -> bytes:
        """Return the records of what is whole of a block; see tp_sheet_scan."""
        at, size = address(block)
        made = c_uint64()
        records = library.tp_sheet_scan(self.handle, at, size, final, made)
        check_scan(self.report.fault)
        return ctypes.string_at(records, made.value)

    @property
    def consumed(self) -> int:
        """How many bytes of the block are done with."""
        return self.report.consumed

    @property
    def row(self) -> int:
        """The last row, from 1; of shared strings how many there were."""
        return self.report.row

    @property
    def fault(self) -> Fault:
        """Why the scan stopped before the block's end."""
        return Fault(self.report.fault)
