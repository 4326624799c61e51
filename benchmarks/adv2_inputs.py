"""ADV2 files of millions of rows, made row by row, and the metadata that they fit: the inputs of validate.py.

One data element, 240 months, 2,000 org units, 10 option combos: 4.8 million keys; a larger file repeats the shape over
more periods. Everything is a function of the arguments.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ELEMENT = "deBenchmark"
UNITS = [f"ou{i:09d}" for i in range(2_000)]
COMBOS = [f"coc{i:08d}" for i in range(10)]
ROWS = 240 * len(UNITS) * len(COMBOS)
WORDS = ("stock-out in week 2", "counted twice", "register lost", "late, by radio", "école fermée", "power cut")

RowText = Callable[[random.Random, int, int, int], str]


def months(count: int) -> list[str]:
    """Name `count` months from January 1900 on."""
    return [f"{1900 + i // 12}{i % 12 + 1:02d}" for i in range(count)]


def integer(chance: random.Random, pe: int, ou: int, coc: int) -> str:
    return f"[{pe},{ou},{coc},{chance.randrange(500)}]"


def decimal(chance: random.Random, pe: int, ou: int, coc: int) -> str:
    """A number with one decimal; three rows in a hundred have flags and a comment."""
    value = f"{chance.randrange(500)}.{chance.randrange(1, 10)}"
    if chance.randrange(100) < 3:
        return f'[{pe},{ou},{coc},{value},false,true,"{chance.choice(WORDS)}"]'
    return f"[{pe},{ou},{coc},{value}]"


def text(chance: random.Random, pe: int, ou: int, coc: int) -> str:
    return f'[{pe},{ou},{coc},"{chance.choice(WORDS)}"]'


def bad(chance: random.Random, pe: int, ou: int, coc: int) -> str:
    """A row whose last index is none."""
    return f"[{pe},{ou},{coc + len(COMBOS)},{chance.randrange(500)}]"


KINDS: dict[str, RowText] = {"integers": integer, "decimals": decimal, "texts": text, "bad": bad}


def make(kind: str, rows: int, folder: Path) -> Path:
    """Write a file of about `rows` rows of a kind, once; returns its path."""
    path = folder / f"adv2-{kind}-{rows}.adv2.json"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    block = len(UNITS) * len(COMBOS)
    periods, units, combos = months(max(1, rows // block)), UNITS, COMBOS
    if rows < block:
        units, combos = UNITS[: max(2, rows // 10)], COMBOS
    total = len(periods) * len(units) * len(combos)
    header = {
        "de": ELEMENT,
        "pe": periods[0] if len(periods) == 1 else periods,
        "ou": units,
        "coc": combos,
        "size": total,
    }
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as out:
        out.write(json.dumps(header, separators=(",", ":"))[:-1] + ',"data":[\n')
        for number, part in enumerate(_parts(KINDS[kind], len(periods), len(units), len(combos))):
            out.write((",\n" if number else "") + part)
        out.write("\n]}\n")
    partial.rename(path)
    return path


def _parts(row: RowText, periods: int, units: int, combos: int) -> Iterator[str]:
    """Yield the rows of each period as one text."""
    chance = random.Random(1)
    for pe in range(periods):
        lines = [row(chance, pe, ou, coc) for ou in range(units) for coc in range(combos)]
        if periods == 1:  # the one period takes no place
            lines = ["[" + line.partition(",")[2] for line in lines]
        yield ",\n".join(lines)


def make_metadata(folder: Path) -> Path:
    """Write a DHIS2 metadata export in which the files' identifiers exist and belong together."""
    path = folder / "adv2-metadata.json"
    folder.mkdir(parents=True, exist_ok=True)
    own = {"id": "ccBenchmark"}
    options = [f"co{i:09d}" for i in range(len(COMBOS))]
    export: dict[str, Sequence[object]] = {
        "dataElements": [
            {
                "id": ELEMENT,
                "name": "Benchmark",
                "domainType": "AGGREGATE",
                "valueType": "INTEGER_ZERO_OR_POSITIVE",
                "categoryCombo": own,
            }
        ],
        "categoryOptions": [{"id": option, "name": option} for option in options],
        "categories": [{"id": "cBenchmark1", "name": "Benchmark", "categoryOptions": [{"id": o} for o in options]}],
        "categoryCombos": [
            own | {"name": "Benchmark", "categories": [{"id": "cBenchmark1"}]},
            {"id": "ccDefault01", "name": "default", "code": "default", "categories": []},
        ],
        "categoryOptionCombos": [
            {"id": combo, "name": combo, "categoryCombo": own, "categoryOptions": [{"id": option}]}
            for combo, option in zip(COMBOS, options, strict=True)
        ],
        "organisationUnits": [
            {"id": unit, "name": unit, "path": f"/{unit}", "openingDate": "1800-01-01T00:00:00.000"} for unit in UNITS
        ],
        "dataSets": [
            {
                "id": "dsBenchmark",
                "name": "Benchmark",
                "periodType": "Monthly",
                "openFuturePeriods": 12,
                "categoryCombo": {"id": "ccDefault01"},
                "dataSetElements": [{"dataElement": {"id": ELEMENT}}],
                "organisationUnits": [{"id": unit} for unit in UNITS],
            }
        ],
    }
    path.write_text(json.dumps(export))
    return path
