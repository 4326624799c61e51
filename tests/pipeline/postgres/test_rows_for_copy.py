"""Accepted ADV2 rows as text for PostgreSQL's COPY: one line each, escaped, nothing lost."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tallyport_converters.native.adv2 import RowForm, Rows

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def copied(rows: list[object], *sizes: int) -> list[list[str]]:
    block = bytearray(b",\n".join(json.dumps(row).encode() for row in rows) + b"]")
    with Rows(RowForm(sizes, min(2, len(sizes)))) as scanner:
        scanner.scan(block, 0, final=True)
        scanner.judge()
        return [line.split("\t") for line in scanner.copied(block).decode().split("\n")[:-1]]


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
    assert copied(rows, 2) == [
        ["0", "0", "\\N", "true", "\\N", "\\N"],
        ["1", "1", "true", "false", "true", "late"],
    ]


def test_ignored_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    assert copied([[0, "a"], [7, "b"], [1, "c"]], 2) == [
        ["0", "0", "a", "f", "\\N", "\\N"],
        ["2", "1", "c", "f", "\\N", "\\N"],
    ]


@given(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=10))
def test_any_text_comes_back_as_it_was(texts: list[tuple[str, str]]) -> None:
    rows: list[object] = [[i, value, False, None, comment] for i, (value, comment) in enumerate(texts)]
    read = [(unescaped(line[2]), unescaped(line[5])) for line in copied(rows, len(rows) + 2)]
    assert read == texts


def test_ignored_rows_that_have_all_their_indexes_name_a_key() -> None:
    rows: list[object] = [[1, 2, 5], [0, 1, []], [1, 9, 5], [0, 0], [1, 0, 1, False, None, "", "more"], 7, [1, 2, 6]]
    block = bytearray(json.dumps(rows).encode()[1:])
    with Rows(RowForm((2, 3), 2)) as scanner:
        scanner.scan(block, 0, final=True)
        scanner.judge()
        assert scanner.named() == b"1\t0\t1\n3\t0\t0\n4\t1\t0\n6\t1\t2\n"
