"""Benchmark inputs: the Sierra Leone values file, repeated over further periods and org units, in every format.

A copy shifts the year of all periods and the last character of all org units, so identifiers stay well formed and
keys stay distinct. Written as a stream, one copy at a time, to a name that appears only when the file is whole.
"""

import argparse
import gzip
import itertools
import json
import math
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from xml.sax.saxutils import quoteattr

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_WORK = ROOT / "build" / "benchmarks"
SOURCE_NAME = "sierra-leone-values.json.gz"
SOURCE_VALUES = 188_701
SOURCE_YEAR = "2025"

# Goes into the names of cached files: raise it when what is generated changes.
VERSION = 1
YEARS_PER_SHIFT = 12
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits
# Stands for the year in a rendered copy; a private-use character, which no encoder escapes.
YEAR_MARK = "\ue000"

Row = dict[str, str | bool | None]

# The option combos of the source as the categories that its metadata combines them of, the way ADX names them.
FIXED, OUTREACH = ' fMZEcRHuamy="qkPbeWaFsnU"', ' fMZEcRHuamy="wbrDrL2aYEc"'
UNDER_ONE, OVER_ONE = ' YNZyaJHiHYq="btOyqprQ9e8"', ' YNZyaJHiHYq="GEqzEKCHoGA"'
DISAGGREGATION = {
    "HllvX50cXC0": "",
    "Prlt0C1RF0s": FIXED + UNDER_ONE,
    "psbwp3CQEhs": FIXED + OVER_ONE,
    "V6L425pT3A0": OUTREACH + UNDER_ONE,
    "hEFKSsPV5et": OUTREACH + OVER_ONE,
    "TxaWpw1pN5G": ' Qzh0MSUx4RM="qKc2WhjMPKC"',
    "fsFN9T4ck3E": ' Qzh0MSUx4RM="YHb43JqCAmI"',
    "pn1upwnbxfn": ' Qzh0MSUx4RM="mInFlpnx6TQ"',
}
ATTRIBUTION = {
    "HllvX50cXC0": "",
    "BqblOcSwGey": ' yY2bQYqNt0o="OUUdG3sdOqb"',
    "oawMLLH7OjA": ' yY2bQYqNt0o="M58XdOfhiJ7"',
    "pO5CEqK6c1s": ' yY2bQYqNt0o="i4Nbp8S2G6A"',
    "sSeEjeQ0Rgt": ' yY2bQYqNt0o="yMj2MnmNI8L"',
}


class MissingInputError(Exception):
    """The inputs cannot be made: the source is missing or not as expected, or the disk is too full."""


@dataclass(frozen=True)
class Format:
    """How one format is written: what stands before, between and after the copies, and a copy's text."""

    suffix: str
    bytes_per_value: int
    head: str
    between: str
    tail: str
    render: Callable[[list[Row]], str]


def _json_text(rows: list[Row]) -> str:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ": ")).encode
    return ",".join(map(encode, rows))


def _csv_cell(cell: str | bool | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\r\n') else cell


KEY_FIELDS = ["dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo"]
CSV_FIELDS = [*KEY_FIELDS, "value", "storedBy", "lastUpdated", "comment", "followup"]
XML_FIELDS = [*KEY_FIELDS, "value", "storedBy", "created", "lastUpdated", "comment"]


def _csv_text(rows: list[Row]) -> str:
    # The last column, `deleted`, is empty: the source has no deleted value.
    return "".join(",".join(_csv_cell(row[field]) for field in CSV_FIELDS) + ",\n" for row in rows)


def _xml_text(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        attributes = "".join(f" {name}={quoteattr(str(row[name]))}" for name in XML_FIELDS if row[name] is not None)
        lines.append(f'<dataValue{attributes} followUp="{_csv_cell(row["followup"])}"/>')
    return "".join(lines)


def _adx_text(rows: list[Row]) -> str:
    key = itemgetter("period", "orgUnit", "attributeOptionCombo")
    parts: list[str] = []
    for (period, org_unit, combo), members in itertools.groupby(sorted(rows, key=key), key=key):
        start = f"{period[:-2]}-{period[-2:]}-01/P1M"
        attributes = ATTRIBUTION.get(combo, f' attributeOptionCombo="{combo}"')
        parts.append(f'<group dataSet="BfMAe6Itzgt" orgUnit="{org_unit}" period="{start}"{attributes}>')
        for row in members:
            combo = row["categoryOptionCombo"]
            attributes = DISAGGREGATION.get(str(combo), f' categoryOptionCombo="{combo}"')
            value = quoteattr(str(row["value"]))
            parts.append(f'<dataValue dataElement="{row["dataElement"]}"{attributes} value={value}/>')
        parts.append("</group>")
    return "".join(parts)


XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
FORMATS = {
    "dxf-json": Format("json", 308, '{"dataValues": [', ",", "]}", _json_text),
    "dxf-csv": Format("csv", 103, ",".join(CSV_FIELDS).lower() + ",deleted\n", "", "", _csv_text),
    "dxf-xml": Format(
        "xml",
        280,
        XML_DECLARATION + '<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">',
        "",
        "</dataValueSet>",
        _xml_text,
    ),
    "adx": Format(
        "adx.xml",
        106,
        XML_DECLARATION + '<adx xmlns="urn:ihe:qrph:adx:2015" exported="2026-01-01T00:00:00Z">',
        "",
        "</adx>",
        _adx_text,
    ),
}


def source_file() -> Path:
    """Find the values file: in the folder that TALLYPORT_DATA names, else in ../shared/data beside the repository."""
    place = Path(os.environ.get("TALLYPORT_DATA") or ROOT.parent / "shared" / "data")
    path = place if place.is_file() else place / SOURCE_NAME
    if not path.is_file():
        raise MissingInputError(
            f"{SOURCE_NAME} is not in {place}: the benchmarks make their inputs from it. "
            "Set TALLYPORT_DATA to the folder that holds it."
        )
    return path


def values_for(format_name: str, size: float) -> int:
    """Say how many values, in whole copies of the source, make a file of about `size` bytes."""
    return math.ceil(size / FORMATS[format_name].bytes_per_value / SOURCE_VALUES) * SOURCE_VALUES


def path_for(format_name: str, values: int, folder: Path) -> Path:
    """Name the cached file of so many values."""
    return folder / f"{format_name}-{values}-v{VERSION}.{FORMATS[format_name].suffix}"


def copies(count: int) -> Iterator[tuple[str, int]]:
    """Yield the year and the shift of the org units for each copy; the first is the source itself."""
    years = min(YEARS_PER_SHIFT, max(1, math.ceil(count / 2)))
    if count > years * len(ALPHABET):
        raise MissingInputError(f"at most {years * len(ALPHABET)} copies keep their keys distinct, {count} are asked")
    pairs = ((int(SOURCE_YEAR) - year, shift) for shift in range(len(ALPHABET)) for year in range(years))
    return ((str(year), shift) for year, shift in itertools.islice(pairs, count))


def _shifted(rows: list[Row], shift: int) -> list[Row]:
    turned = str.maketrans(ALPHABET, ALPHABET[shift:] + ALPHABET[:shift])
    result = []
    for row in rows:
        period, org_unit = str(row["period"]), str(row["orgUnit"])
        moved = org_unit[:-1] + org_unit[-1].translate(turned)
        result.append({**row, "period": YEAR_MARK + period[len(SOURCE_YEAR) :], "orgUnit": moved})
    return result


def _source_rows() -> list[Row]:
    with gzip.open(source_file()) as stream:
        rows: list[Row] = json.load(stream)["dataValues"]
    if not all(str(row["period"]).startswith(SOURCE_YEAR) and len(str(row["period"])) == 6 for row in rows):
        raise MissingInputError(f"{SOURCE_NAME} holds periods other than months of {SOURCE_YEAR}")
    if len({str(row["orgUnit"])[:-1] for row in rows}) != len({row["orgUnit"] for row in rows}):
        raise MissingInputError(f"{SOURCE_NAME} holds org units that differ in their last character only")
    return rows


def make(format_name: str, values: int, folder: Path) -> Path:
    """Write a file of exactly `values` values, unless it is there already, and return its path.

    Holds the parsed source and one rendered copy (some 500 MB), whatever the size of the file.
    """
    path = path_for(format_name, values, folder)
    if path.exists():
        return path
    form = FORMATS[format_name]
    folder.mkdir(parents=True, exist_ok=True)
    need = int(values * form.bytes_per_value * 1.1)
    if shutil.disk_usage(folder).free < need + 1_000_000_000:
        raise MissingInputError(f"{path.name} takes {need / 1e9:.1f} GB: not enough space left in {folder}")
    rows = _source_rows()
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as stream:
        stream.write(form.head.encode())
        left, rendered = values, (-1, b"")
        for year, shift in copies(math.ceil(values / len(rows))):
            taken = min(left, len(rows))
            if rendered[0] != shift or taken < len(rows):
                rendered = (shift, form.render(_shifted(rows[:taken], shift)).encode())
            if left < values:
                stream.write(form.between.encode())
            stream.write(rendered[1].replace(YEAR_MARK.encode(), year.encode()))
            left -= taken
        stream.write(form.tail.encode())
    unfinished.rename(path)
    return path


def make_apart(format_name: str, values: int, folder: Path) -> Path:
    """Do as `make` in a process of its own.

    A process hands its own memory peak down to those it starts (the kernel counts it into their `ru_maxrss`), so the
    one that measures has to stay small.
    """
    path = path_for(format_name, values, folder)
    if not path.exists():
        print(f"making {path.name} ...", file=sys.stderr)
        done = subprocess.run([sys.executable, __file__, format_name, str(values), "--work", str(folder)], check=False)
        if done.returncode:
            raise MissingInputError(f"could not make {path.name}")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description="Make one benchmark input.")
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("values", type=int, help="how many values (the source has 188,701)")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="folder of the made files")
    options = parser.parse_args()
    if options.values < 1:
        parser.error("at least one value")
    try:
        path = make(options.format, options.values, options.work)
    except MissingInputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path} ({path.stat().st_size / 1e6:,.0f} MB)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
