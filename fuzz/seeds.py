"""Seeds for the targets: the fixtures of all formats, each behind it settings that say how it is read (input.h)."""

from __future__ import annotations

import json
import random
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
SETTINGS = 48
"""Bytes of settings, as in input.h."""
SUFFIXES = {".json": "json", ".csv": "csv", ".xml": "xml", ".adx": "adx"}
_PROLOG = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*")
MOST_BYTES = 20_000
"""Of a seed: a longer one costs more time than it finds."""


def write_seeds(target: str, folder: Path) -> None:
    """Write the seeds of a target into a folder, each three times: read in a plain way, and in random ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        if len(data) <= MOST_BYTES:
            chance = random.Random(number)
            for way, settings in enumerate([bytes(SETTINGS), chance.randbytes(SETTINGS), chance.randbytes(SETTINGS)]):
                (folder / f"seed-{number}-{way}").write_bytes(data + settings)


def seeds(target: str) -> Iterator[bytes]:
    """Yield what a target may start from."""
    chance = random.Random(target)
    match target:
        case "tuples":
            yield from (b"".join(stored(chance) for _ in range(count)) for count in (1, 2, 5, 30))
        case "batches":
            yield from (rows_of(chance, places, count) for places in range(4) for count in (1, 5, 40))
            yield from restored_rows()
        case "tables":
            yield from (b"\n".join(names()), b"#\x01\x02\x03\x01\n!\n" * 3, b"#\x05\xff\x01\n!\n", bytes(range(256)))
        case "sheet":
            yield from parts_of_workbooks()
        case "adv2":
            for group in adv2_groups():
                yield group
                yield group.partition(b'"data":[')[2]
            yield from restored_rows()
            yield from many_rows()
        case _:
            yield from legacy_files(target)
            if target == "json":
                yield from (rows_of_general_readers(), clashing_rows())


def legacy_files(target: str) -> Iterator[bytes]:
    """Yield the fixtures of a legacy format; of XML what the scanner is given of it."""
    for path in sorted(FIXTURES.rglob("*.*")):
        suffix = ".adx" if path.name.endswith(".adx.xml") else path.suffix
        if SUFFIXES.get(suffix) == target and ".expected" not in path.name and ".adv2." not in path.name:
            data = path.read_bytes()
            yield _PROLOG.sub(b"", data) if target in ("xml", "adx") else data


def parts_of_workbooks() -> Iterator[bytes]:
    """Yield the sheets and shared strings of workbooks."""
    for path in sorted(FIXTURES.glob("xlsx/*.xlsx")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if "/worksheets/sheet" in name or name.endswith("sharedStrings.xml"):
                    yield archive.read(name)


def adv2_groups() -> Iterator[bytes]:
    """Yield ADV2 that goldens hold, and that is written back."""
    for path in sorted(FIXTURES.rglob("*.adv2.json")):
        yield path.read_bytes()
    for path in sorted(FIXTURES.rglob("*.expected.json")):
        for name, text in json.loads(path.read_text(encoding="utf-8")).get("files", {}).items():
            if ".adv2." in name:
                yield "".join(text).encode()


def restored_rows() -> Iterator[bytes]:
    """Yield rows of an undo: with who stored a value, and when."""
    for places in ("", "0,", "1,0,2,"):
        stamps = '"amina","2025-01-31 14:30:00","2025-02-28 23:59:59.123456"'
        yield f'[{places}"x",false,true,"c",{stamps}],\n[{places}null,true,null,null,null,{stamps[8:]}]]'.encode()


def many_rows() -> Iterator[bytes]:
    """Yield rows whose keys rise, fall and come again."""
    for places in (1, 2, 3):
        for numbers in (range(90), range(90, 0, -1), [*range(40), *range(0, 60, 3)]):
            rows = (",".join(str(number // 7**place % 7) for place in range(places)) for number in numbers)
            yield ",\n".join(f"[{row},{number}]" for number, row in enumerate(rows)).encode() + b"]"
    yield ",".join(f"[{number},0.5]" for number in range(200)).encode() + b"]"
    yield b"[100.000000000000001],[1.0000000000000001],[0.99],[2147483647.0000001],[-0.0],[2147483648],[1e3]]"


def rows_of_general_readers() -> bytes:
    """Return rows as the readers that take any XML hand them on: with what has no place in DXF2 JSON."""
    row = {
        "dataElement": "d",
        "dataSet": "s",
        "period": "202401",
        "orgUnit": "o",
        "value": " 7",
        "original": {"a": "b"},
    }
    others = {"leftOut": {"x": "1", "y": "2"}, "leftOutOfGroup": {"z": "3"}, "doubled": ["value"]}
    combos = {
        "categoryOptionCombo": {"AGE": "u5", "SEX": "f"},
        "attributeOptionCombo": {},
        "comment": "c",
        "deleted": True,
    }
    return json.dumps({"dataValues": [row, row | others, row | combos, row | {"leftOut": {}}]}).encode()


def clashing_rows() -> bytes:
    """Return rows of one key that supersede one another, and some that only an unknown field tells apart."""
    key: dict[str, object] = {"dataElement": "d", "period": "202401", "orgUnit": "o"}
    rows: list[dict[str, object]] = [key | {"value": str(number)} for number in range(9)]
    rows += [key | {"orgUnit": "p", "value": "1", f"unknown{number % 3}": number} for number in range(5)]
    rows += [
        key | {"orgUnit": "q", "value": "\b\f\r\n\t\x01"},
        key | {"orgUnit": "r", "value": "1"} | dict.fromkeys(map(str, range(70)), 1),
    ]
    return json.dumps({"dataValues": rows}).encode()


def stored(chance: random.Random) -> bytes:
    """Return a tuple of PostgreSQL's COPY: six ids, value, comment, deleted, follow-up, whether somebody stored it."""
    ids = [struct.pack(">q", chance.randint(1, 4)) if chance.random() < 0.9 else None for _ in range(6)]
    texts = [chance.choice([b"7", b"-0.25", "é\t\n".encode(), b"", None]) for _ in range(2)]
    flags = [chance.choice([b"\0", b"\1", None]) for _ in range(3)]
    fields = [*ids, *texts, *flags]
    sized = (struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field for field in fields)
    return struct.pack(">h", len(fields)) + b"".join(sized)


def rows_of(chance: random.Random, places: int, count: int) -> bytes:
    """Return rows of all kinds in falling blocks: with texts that each legacy format escapes."""
    values = ["7", "-0.25", "null", "true", *map(json.dumps, ("a\tb\n\\", "<&>\"'", " x ", "\x01\uffff", "007", ""))]
    rests = ["", ',false,null,"c"', ",true", ",false,true", ',false,false,"d, "e""', ',true,null,""']
    rows = []
    for row in range(count):
        indexes = [str(row // 4**place % 4) for place in range(places)]
        rows.append(f"[{','.join([*indexes, chance.choice(values)])}{chance.choice(rests)}]")
    return ",\n".join(rows).encode() + b"]"


def names() -> list[bytes]:
    """Return names of fields, in the spellings in which they circulate."""
    fields = (
        "dataElement data_element DE ou orgUnitName Organisation-Unit period_id cocCode source value lastUpdatedBy x"
    )
    return [name.encode() for name in fields.split()]
