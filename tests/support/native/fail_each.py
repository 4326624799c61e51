"""All that the scanner's library does, with the first allocation failing, then the second, and so on.

Run by test_native_memory.py in a process of its own, whose library counts allocations (counted.c). Prints how many.
"""

from __future__ import annotations

import ctypes
import json
from array import array
from collections.abc import Callable
from functools import partial
from io import BytesIO

from tallyport_converters.native.abi import NO_RANK, Escape, Kind, PieceKind, TableSource, ValueRule
from tallyport_converters.native.adv2 import RowForm, Rows
from tallyport_converters.native.batch import Batch, CsvLayout
from tallyport_converters.native.dictionaries import Dictionaries, Rejects, pack
from tallyport_converters.native.join import Join, Piece, constant
from tallyport_converters.native.library import library
from tallyport_converters.native.merge import Merge
from tallyport_converters.native.row_batch import ArrowBatch, ArrowBatches
from tallyport_converters.native.split import Form, Meaning, Split, Used
from tallyport_converters.native.table import Column, Entries, RowTable, TableForm
from tallyport_schemas.row_batch import RowColumns

ROWS = json.dumps(
    {
        "dataValues": [
            {
                "dataElement": f"de{i % 2}",
                "period": f"2025{i % 12 + 1:02}",
                "orgUnit": f"ou{i * 7 % 50}",
                "categoryOptionCombo": {"sex": f"s{i % 3}"} if i % 2 else f"coc{i % 5}",
                "value": "\\u0041" * 40,
                "comment": "seen",
                "catOptCombos" if i % 2 else "orgUnitName": "x",
                f"unknown{i}": 1,
            }
            for i in (*range(200), 0)
        ]
    }
).encode()
CSV = b'de0,202501,ou1,coc1,,"7 ""or"" 8",me,2025-01-01,"said",FALSE\n' * 3
XML = (
    b'<dataValueSet><dataValue dataElement="a&amp;b" period="202501" orgUnit="c" categoryOptionCombo="&lt;" value="1"'
    b"/></dataValueSet>"
)
ADV2 = b",\n".join(b'[%d, "t%d", false, null, "\\u00e9"]' % (199 - i, i) for i in range(200)) + b"]"


def reader_of(data: bytes) -> Callable[[int], bytes]:
    """Begin to read what a run holds."""
    return BytesIO(data).read


def convert() -> None:
    """Scan, pack, split into many groups, render, and merge runs."""
    with Batch() as batch, Dictionaries() as dictionaries, Rejects() as rejects:
        batch.scan_json(ROWS, state=0, final=True)
        with pack(batch, dictionaries, rejects, 0) as blob:
            counts = [len(dictionaries.texts(kind)) for kind in Kind]
            meaning = Meaning(
                ranks=[[NO_RANK, *range(counts[kind])] for kind in (Kind.PE, Kind.OU)]
                + [list(range(counts[kind] + 1)) for kind in (Kind.COC, Kind.AOC)],
                period_notes=[0] * (counts[Kind.PE] + 1),
                coc_shapes=range(counts[Kind.COC] + 1),  # a group for each combo
                aoc_shapes=[0, 0],
                data_sets=[0],
                header=[NO_RANK] * 4,
                header_data_set=0,
            )
            parts = [(at, size) for _, at, size in blob.segments()]
            used = [Used(count + 1) for count in counts[1:5]]
            with Split(parts, meaning, rejects) as split:
                for group, *_ in split.groups():
                    for dimension, ranks in enumerate(used):
                        ranks.clear()
                        ranks.add_split(split, group, dimension)
                        ranks.add(ranks.packed())
                        ranks.settle()
                    form = Form([ranks.index for ranks in used], [None] * 4, followup_false=False)
                    split.render(group, form).close()
                    with split.run(group) as run:
                        data = bytes(run.view())
                    with Merge([partial(reader_of, data)] * 2, rejects) as merge:
                        merge.survey(used)
                        list(merge.pieces(form, 64))
            for ranks in used:
                ranks.close()


def read_others() -> None:
    """Scan the other formats."""
    for adx in (False, True):
        with Batch() as batch:
            batch.scan_xml(XML, adx=adx, state=0, final=True)
    with Batch() as batch:
        batch.scan_csv(CSV, CsvLayout(b",", [0, 1, 2, 3, 4, 6, 10, 12, 7, 8], [b"x"] * 10, 10), final=True)


def validate() -> None:
    """Judge rows whose keys fall, join them, and hand them over."""
    columns = RowColumns(("pe",), (0,))
    with Rows(RowForm([200], 0, ValueRule.JUDGED, judges_comments=True)) as rows:
        rows.scan(ADV2, 0, final=True)
        rows.texts()
        rows.judge(bytes(200), bytes(200))
        batch = rows.batch(ADV2, columns)
    pieces = [
        constant(b"<"),
        Piece(PieceKind.VALUE, [b"", b"", b"", b""]),
        Piece(PieceKind.COMMENT, [b"", b"", b"", b""]),
    ]
    with Join(pieces, [200], Escape.XML) as join:
        b"".join(join.join(batch))
    batch.__arrow_c_array__()
    ArrowBatches(columns, [batch, batch]).__arrow_c_stream__()
    spell_out(batch)
    batch.close()


def spell_out(batch: ArrowBatch) -> None:
    """Make tables of all kinds of columns, and a stream of them."""
    texts, days = Entries(["a text of more than 12 bytes", None] * 100), Entries([1, None] * 100, are_days=True)
    through = array("i", [*range(199), -1])
    columns = [Column(source.name, source) for source in TableSource if source > TableSource.DAY]
    columns += [Column("text", TableSource.TEXT, texts, 0, [200], through), Column("none", TableSource.TEXT)]
    columns.append(Column("day", TableSource.DAY, days, 0, [200]))
    for views in (False, True):
        form = TableForm(columns, views=views)
        RowTable(form, batch, slice(1, len(batch))).__arrow_c_array__()
        form.stream(iter(()))


def main() -> None:
    library.tests_allow.argtypes = [ctypes.c_int64]
    held = library.tests_held
    held.restype = library.tests_left.restype = ctypes.c_int64
    for work in (convert, read_others, validate):
        work()
        before, failures = held(), 0
        while True:
            library.tests_allow(failures)
            try:
                work()
            except MemoryError:
                failures += 1
            else:
                break
            finally:
                left = library.tests_left()
                library.tests_allow(1 << 62)
            assert held() == before, f"{work.__name__}: {held() - before} allocations are left after failure {failures}"
            assert left <= 0
        print(work.__name__, failures)
    print("nested", library.tests_nested())


main()
