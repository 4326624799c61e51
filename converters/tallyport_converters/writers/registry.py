"""The legacy formats that can be written, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tallyport_converters.writers.adx import AdxWriter
from tallyport_converters.writers.dxf_csv import DxfCsvWriter
from tallyport_converters.writers.dxf_json import DxfJsonWriter
from tallyport_converters.writers.dxf_xml import DxfXmlWriter
from tallyport_converters.writers.writer import Writer

WRITERS: Mapping[str, Callable[[], Writer]] = {
    "dxf-json": DxfJsonWriter,
    "dxf-csv": DxfCsvWriter,
    "dxf-xml": DxfXmlWriter,
    "adx": AdxWriter,
}
