"""Accepted ADV2 rows as text for PostgreSQL's COPY: one line each, escaped, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyport.postgres.imports.batch_size import batches
from tallyport.postgres.imports.row_feed import CopyText
from tallyport_converters.native.adv2 import RowForm, Rows
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import GroupHeader, OptionDimension
from tallyport_schemas.row_batch import RowColumns

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def header(periods: int, units: int, *options: int) -> GroupHeader:
    """A header with so many identifiers each."""
    pe, ou, *of_categories = (tuple(f"x{i}" for i in range(size)) for size in (periods, units, *options))
    co = OptionDimension(None, tuple(of_categories)) if options else None
    return GroupHeader({}, None, None, "de", pe, ou, None, co, None, None, None, 0)


def scanned(rows: Sequence[object], head: GroupHeader, *, named: bool = False) -> ArrowBatch:
    sizes = [size for size in head.places if size > 1]
    block = bytearray(b",\n".join(json.dumps(row).encode() for row in rows) + b"]")
    with Rows(RowForm(sizes, sum(size > 1 for size in head.places[:2]))) as scanner:
        scanner.scan(block, 0, final=True)
        scanner.judge()
        return scanner.named(RowColumns.of(head)) if named else scanner.batch(block, RowColumns.of(head))


def copied(rows: Sequence[object], *sizes: int) -> list[list[str]]:
    head = header(*sizes)
    return [line.split("\t") for line in CopyText(head).lines(scanned(rows, head)).decode().split("\n")[:-1]]


def unescaped(field: str) -> str | None:
    """Read a field as COPY does."""
    if field == "\\N":
        return None
    parts = iter(field)
    meant = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return "".join(meant[next(parts)] if c == "\\" else c for c in parts)


def test_left_out_elements_stand_for_their_defaults() -> None:
    assert copied([[0, 1, 5]], 2, 3) == [["0", "0", "1", "5", "f", "\\N", "\\N"]]


def test_flags_and_null_are_words_that_copy_reads() -> None:
    rows: list[object] = [[0, None, True], [1, True, False, True, "late"]]
    assert copied(rows, 2, 1) == [
        ["0", "0", "\\N", "t", "\\N", "\\N"],
        ["1", "1", "true", "f", "t", "late"],
    ]


def test_ignored_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    assert copied([[0, "a"], [7, "b"], [1, "c"]], 2, 1) == [
        ["0", "0", "a", "f", "\\N", "\\N"],
        ["2", "1", "c", "f", "\\N", "\\N"],
    ]


def test_category_options_are_one_place_the_last_running_fastest() -> None:
    assert [line[:3] for line in copied([[0, 1, 2, 5], [1, 0, 1, 5]], 1, 2, 2, 1, 3)] == [
        ["0", "0", str(1 * 3 + 2)],
        ["1", "1", str(0 * 3 + 1)],
    ]


def test_more_option_combos_than_postgresql_can_number_are_refused() -> None:
    with pytest.raises(SourceUnreadable, match="TP513"):
        CopyText(header(1, 1, *[2] * 63))
    CopyText(header(1, 1, *[2] * 62))


def test_lines_of_groups_that_go_together_begin_with_their_number() -> None:
    head = header(2, 1)
    batch = scanned([[0, 5], [1, 6]], head)
    assert CopyText(head).lines(batch, group=7) == b"7\t0\t0\t5\tf\t\\N\t\\N\n7\t1\t1\t6\tf\t\\N\t\\N\n"


@given(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=10))
def test_any_text_comes_back_as_it_was(texts: list[tuple[str, str]]) -> None:
    rows: list[object] = [[i, value, False, None, comment] for i, (value, comment) in enumerate(texts)]
    read = [(unescaped(line[2]), unescaped(line[5])) for line in copied(rows, len(rows) + 2, 1)]
    assert read == texts


def test_ignored_rows_that_have_all_their_indexes_name_a_key() -> None:
    rows: list[object] = [[1, 2, 5], [0, 1, []], [1, 9, 5], [0, 0], [1, 0, 1, False, None, "", "more"], 7, [1, 2, 6]]
    head = header(2, 3)
    assert CopyText(head).lines(scanned(rows, head, named=True)) == b"1\t0\t1\n3\t0\t0\n4\t1\t0\n6\t1\t2\n"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40).map(sorted),
    st.integers(1, 12),
    st.integers(1, 9),
)
def test_batches_never_part_a_block_and_are_the_grid_together(
    blocks: list[tuple[int, int]], rows: int, chunk: int
) -> None:
    head = header(4, 3, 50)
    given_rows = [[*block, at, 1] for at, block in enumerate(blocks)]
    source = (scanned(given_rows[at : at + chunk], head) for at in range(0, len(given_rows), chunk))
    seen: list[list[tuple[int, int]]] = []
    start = 0
    for batch in batches(source, rows=rows, periods=4, units=3):
        keys = [
            key
            for part, begin, end in batch.parts
            for key in list(zip(part.integers("pe"), part.integers("ou"), strict=True))[begin:end]
        ]
        assert batch.start == start
        start = batch.end
        assert all(batch.start <= period * 3 + unit < batch.end for period, unit in keys)
        seen.append(keys)
    assert start == 12
    assert [key for keys in seen for key in keys] == blocks
    longest = max((blocks.count(block) for block in blocks), default=0)
    assert chunk <= longest or all(len(keys) < rows + chunk + longest for keys in seen)
