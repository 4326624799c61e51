"""Validation against the slow twin: random groups, good and broken, judged alike in every detail.

10,000 files, `TALLYPORT_VALIDATION_CASES` for another number; `TALLYPORT_VALIDATION_SEED` for others.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support.value_texts import WORDS
from tallyport.validation import validate as validating
from tallyport.validation.report import FileReport, GroupReport, HeaderVerdict
from tallyport.validation.validate import validate, validation
from tallyport_converters.adv2 import file as adv2_file
from tallyport_converters.adv2.row_check import RowCheck, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.value_types import ValueType
from twin.groups import CODES, TEXTS, Group, Json, Object, Raw, draw_group, draw_value, uid, written
from twin.validating import File, Verdict, judge

CASES = int(os.environ.get("TALLYPORT_VALIDATION_CASES", "10000"))
SEED = int(os.environ.get("TALLYPORT_VALIDATION_SEED", "1"))
SHARES = 20

FILES = frozenset({"fbfJHSPpUQD", "a0000000000"})
NUMBER_LIKE = frozenset("0123456789-.eE+")


@pytest.fixture
def place() -> Iterator[Path]:
    """A file in memory, if there is such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "case.adv2.json"


# What metadata may say.


def draw_rules(rng: random.Random) -> RowRules | None:
    """Draw rules for rows, of any value type."""
    if rng.random() < 0.3:
        return None
    kind: str | None = rng.choice(list(ValueType))
    if rng.random() < 0.1:
        kind = rng.choice((None, "TYPE_OF_A_LATER_DHIS2"))
    multi = kind == ValueType.MULTI_TEXT
    options = frozenset(rng.sample((*TEXTS, "1", "0", "5.0", "true", "A", "B", "A,B"), rng.randint(0, 12)))
    has_options = multi or rng.random() < 0.25
    return RowRules(
        value_type=kind,
        option_codes=options if has_options else None,
        multi=multi,
        comment_codes=frozenset(rng.sample(CODES + TEXTS, 8)) if rng.random() < 0.2 else None,
        file_resources=FILES if rng.random() < 0.5 else None,
    )


def values_of(rules: RowRules | None) -> Callable[[random.Random], Json]:
    """Return what draws values that these rules take or might take."""
    kind = rules.value_type if rules else None
    if rules is None or kind not in WORDS:
        return draw_value
    good, bad = (half.split() for half in WORDS[ValueType(kind)])
    options = sorted(rules.option_codes or ())

    def draw(rng: random.Random) -> Json:
        chance = rng.random()
        if chance < 0.05:
            return draw_value(rng)
        if options and chance < 0.7:
            text = ",".join(rng.choices(options, k=rng.randint(1, 3))) if rules.multi else rng.choice(options)
            return text + rng.choice(("", "", ",")) if rules.multi else text
        text = rng.choice(good if chance < 0.9 or not bad else bad)
        if is_number(text) and rng.random() < 0.6:
            return Raw(text)
        return text == "true" if text in ("true", "false") and rng.random() < 0.5 else text

    return draw


def is_number(text: str) -> bool:
    """Whether a text may stand in JSON as a number."""
    digits = text.removeprefix("-")
    whole, point, fraction = digits.partition(".")
    if not whole.isascii() or not whole.isdigit() or (len(whole) > 1 and whole[0] == "0"):
        return False
    return not point or (fraction.isascii() and fraction.isdigit())


# How files break.


def junk(rng: random.Random) -> Json:
    """Draw anything."""
    texts = ("", "x", "0", " ", "\0", "\ud800", "x\udfff", "\ufffe", "2024", "UID", uid(rng), "é" * 3)
    numbers = ("-1", "-0", "0", "1", "2", "9", "1.0", "1e0", "1E2", "99999999999999999999", "4294967296", "0.5")
    makers: Sequence[Callable[[], Json]] = (
        lambda: rng.choice((None, True, False)),
        lambda: Raw(rng.choice(numbers)),
        lambda: rng.choice(texts),
        lambda: [junk(rng) for _ in range(rng.randint(0, 3))],
        lambda: Object((rng.choice(("a", "a", "b", "", "\0")), junk(rng)) for _ in range(rng.randint(0, 3))),
    )
    return rng.choice(makers)()


def long_text(rng: random.Random) -> Json:
    """Draw what is just too long, or just not."""
    limit = rng.choice((5_000, 50_000)) + rng.randint(-1, 1)
    kind = rng.choice(("é", "a", "😀", "1"))
    if kind == "1":
        return Raw("1" * limit)
    text = kind * (limit // 2) + "x" * (limit % 2) if kind == "😀" else kind * limit
    return text if rng.random() < 0.8 else text + "\0"


def spoil_row(rng: random.Random, rows: list[Json], sizes: Sequence[int]) -> None:
    """Change something about the rows of a group."""
    at = rng.randrange(len(rows)) if rows else 0
    row = rows[at] if rows else None
    kind = rng.randint(0, 9)
    if not isinstance(row, list) or isinstance(row, Object):
        rows.insert(at, junk(rng))
    elif kind == 0:
        rows[at] = junk(rng)
    elif kind == 1:
        rows.insert(rng.randint(0, len(rows)), list(row))
    elif kind == 2:
        other = rng.randrange(len(rows))
        rows[at], rows[other] = rows[other], rows[at]
    elif kind == 3:
        rows[at] = row[: rng.randint(0, len(row))]
    elif kind == 4:
        rows[at] = [*row, *(rng.choice((None, False, junk(rng))) for _ in range(rng.randint(1, 4)))]
    elif kind == 5:
        del rows[at]
    elif kind == 6 and sizes and len(row) > len(sizes):
        place = rng.randrange(len(sizes))
        row[place] = Raw(sizes[place] + rng.randint(-1, 1))
    elif row:
        element = rng.randrange(len(row))
        row[element] = long_text(rng) if rng.random() < 0.01 else junk(rng)


def spoil_head(rng: random.Random, group: Group) -> None:
    """Change something about a header."""
    at = rng.randrange(len(group.head)) if group.head else 0
    kind = rng.randint(0, 9)
    if not group.head or kind == 0:
        group.head.insert(at, (rng.choice(("de", "co", "data", "Size", "x\ny", "size")), junk(rng)))
        return
    name, value = group.head[at]
    if kind == 1:
        del group.head[at]
    elif kind == 2:
        group.head.insert(rng.randint(0, len(group.head)), (name, rng.choice((value, junk(rng)))))
    elif kind == 3:
        group.tail.append((rng.choice((name, "data", "x")), rng.choice((value, junk(rng)))))
    elif kind == 4:
        group.put(rng.choice(("coc", "co", "aoc", "ao", "ids", "cc", "delete")), rng.choice((value, junk(rng))))
    elif isinstance(value, Object) and value and kind < 8:
        member = rng.randrange(len(value))
        key, part = value[member]
        value[member] = (rng.choice((key, value[0][0], "", uid(rng), "bad")), rng.choice((part, junk(rng), [part])))
        group.head[at] = (name, value)
    elif isinstance(value, list) and value and kind < 8:
        changed = list(value)
        changed[rng.randrange(len(value))] = rng.choice((junk(rng), value[0], uid(rng)))
        group.head[at] = (name, changed)
    else:
        group.head[at] = (name, junk(rng))


def spoil_bytes(rng: random.Random, data: bytes) -> bytes:
    """Change something about a file."""
    at = rng.randrange(len(data))
    kind = rng.randint(0, 3)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + rng.choice((b" \n", b"\0", b"}", b"{}", data, b",", b"null"))
    if kind == 2:
        return b"\xef\xbb\xbf" + data
    return rng.choice((b"", b" ", b"[]", b"[ ]\n", b"null", b'"x"', b"12", b"[[]]", b"[{}]", b"{}", b"[{},{}]", b"{,}"))


def draw_file(rng: random.Random, rules: RowRules | None) -> bytes:
    """Draw a file, good or broken, of one group or several."""
    comments = sorted(rules.comment_codes) if rules and rules.comment_codes and rng.random() < 0.8 else TEXTS
    texts = []
    is_array = rng.random() < 0.2
    for _ in range(rng.randint(1, 3) if is_array else 1):
        group = draw_group(rng, values_of(rules), comments)
        chance = rng.random()
        sizes = [size for _, size in group.places]
        if group.rows is not None and 0.2 < chance < 0.8:
            for _ in range(rng.randint(1, 4)):
                spoil_row(rng, group.rows, sizes)
            if chance < 0.75:
                group.put("size", Raw(len(group.rows)))
        if chance > 0.7:
            for _ in range(rng.randint(1, 2)):
                spoil_head(rng, group)
        texts.append(written(rng, group))
    data = b"[" + b",".join(texts) + b"]" if is_array else texts[0]
    return spoil_bytes(rng, data) if rng.random() < 0.05 else data


# How they are compared.


def check_group(found: GroupReport, told: Verdict) -> None:
    """Hold what validation says of a group to what the twin says."""
    result = found.result
    assert (result.de, result.valid, result.declared) == (told.de, told.valid, told.size)
    assert (result.read, result.accepted, result.ignored) == (told.read, told.accepted, told.read - told.accepted)
    of_rows = [f for f in found.findings if f.row is not None]
    of_header = [f for f in found.findings if f.row is None and f not in result.findings]
    assert {(f.code, f.field) for f in of_header} == told.header
    assert {(f.code, f.field) for f in result.findings} == told.late
    runs = [(f.row, f.count or 1, f.code, f.field) for f in of_rows]
    assert runs == [run[:4] for run in told.runs]
    for finding, (_, _, _, _, mark) in zip(of_rows, told.runs, strict=True):
        assert mark is None or f"of row {mark:,}," in (finding.expected or "")


def check_file(found: FileReport, told: File) -> None:
    """The same for a file; of one that breaks off only why is told."""
    assert (found.error.code if found.error else None) == told.error
    if told.error:
        return
    assert len(found.groups) == len(told.groups)
    for group, verdict in zip(found.groups, told.groups, strict=True):
        check_group(group, verdict)


@pytest.mark.parametrize("share", range(SHARES))
def test_validation_and_its_twin_agree_in_every_detail(
    share: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules: RowRules | None = None

    def with_rules(header: GroupHeader, _: RowRules | None, *, memory_bytes: int) -> RowCheck:
        return row_check(header, rules, memory_bytes=memory_bytes)

    monkeypatch.setattr(validating, "row_check", with_rules)
    for case in range(share, CASES, SHARES):
        rng = random.Random(f"{SEED} {case}")
        rules = draw_rules(rng)
        data = draw_file(rng, rules)
        monkeypatch.setattr(adv2_file, "BLOCK_BYTES", rng.choice((16, 17, 31, 64, 200, 1024, 4096, 1 << 20)))
        place.write_bytes(data)
        told = judge(data, rules) if data else File([], "TP102")
        try:
            report = validate([place])
            check_file(report.files[0], told)
            assert report.exit_code == told.exit_code
            if not told.error and case % 8 == 0:
                check_headers(place, told)
        except BaseException as error:
            error.add_note(f"case {case} of seed {SEED}, rules {rules}: {data[:3000]!r}")
            raise


def check_headers(place: Path, told: File) -> None:
    """Hold a validation of headers only to what the twin says of them."""
    verdicts = [event for event in validation([place], None, header_only=True) if isinstance(event, HeaderVerdict)]
    assert [{(f.code, f.field) for f in verdict.findings} for verdict in verdicts] == [g.header for g in told.groups]


def test_cases_are_of_every_kind() -> None:
    codes: set[str] = set()
    good = 0
    for case in range(2_000):
        rng = random.Random(f"kinds {case}")
        rules = draw_rules(rng)
        told = judge(draw_file(rng, rules) or b" ", rules)
        good += told.exit_code == 0
        codes |= {told.error or "none"}
        for group in told.groups:
            codes |= {code for code, _ in group.header | group.late} | {flaw[0] for flaw in group.rows if flaw}
    assert good > 200
    assert {f"TP5{i:02}" for i in range(1, 15) if i != 13} <= codes
    assert {f"TP6{i:02}" for i in range(1, 14)} <= codes
    assert {f"TP2{i:02}" for i in range(1, 22)} <= codes | {"TP216"}  # long texts are rare
    assert {"TP108", "TP113"} <= codes
