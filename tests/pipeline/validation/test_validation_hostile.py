"""Files made to do harm, and files that came to harm: a clear failure with its place, in bounded memory and time."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.checking import check_against
from support.running import environment
from tallyport.validation.report import FileReport
from tallyport.validation.validate import validate
from tallyport_converters.adv2 import file as adv2_file
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.adv2 import RowForm, Rows
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable
from twin.groups import draw_group, written
from twin.validating import judge

HEADER = '"de":"deVisits001","pe":["202401","202402","202403"],"ou":"ouClinicA01"'
GOOD = f'{{{HEADER},"size":3,"data":[[0,1],\n[1,"Größe"],\n[2,"\\u0041",false,true,"x"]]}}'
CASES = int(os.environ.get("TALLYPORT_VALIDATION_FUZZ_CASES", "3000"))
SEED = int(os.environ.get("TALLYPORT_VALIDATION_SEED", "1"))


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A file in memory, if there is such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "case.adv2.json"


def refused(place: Path, data: bytes | str) -> tuple[str, str, str | None]:
    """Validate what cannot be read; returns the code, the sentence, and what was found."""
    place.write_bytes(data.encode() if isinstance(data, str) else data)
    report = validate([place])
    [file] = report.files
    assert report.exit_code == 3
    assert file.error
    check_against("finding", file.error.as_json())
    return file.error.code, file.error.message, file.error.found


def at(text: str, byte: int) -> str:
    """How a place is told."""
    before = text.encode()[:byte].decode()
    line = before.count("\n") + 1
    return f"(line {line}, column {len(before) - before.rfind(chr(10))}, byte {byte})"


# Malformed.

ROWS = f'{{{HEADER},"size":1,"data":[[0,%s]]}}'


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "Infinity", "-Infinity", "nan", "undefined", "None", "True", "nul", "nulll", "tru", "truefalse"),
        *("+1", "01", "-01", "00", ".5", "5.", "-", "-.5", "1e", "1e+", "1.e5", "0x10", "1_000", "1,", ",1", "1 2"),
        *("'x'", '"x', "x", "/*x*/1", "1//x", "#", "\\u0041", '"\\x41"', '"\\u12G4"', '"\\u123"', '"\\"', "\x0b1"),
        *(
            '"a\nb"',
            '"a\tb"',
            '"\x00"',
            '"\x1f"',
            "\x00",
            "[1",
            "{",
            "[1,]",
            '{"a"}',
            '{"a":}',
            '{"a":1,}',
            "{1:2}",
            "]",
        ),
    ],
)
def test_malformed_json_is_refused_with_its_place(place: Path, value: str) -> None:
    text = ROWS % value
    code, message, _ = refused(place, text)
    assert code == "TP108"
    byte = int(message.rpartition("byte ")[2].rstrip(")"))
    assert text.index("[0,") < byte <= len(text)
    assert message.endswith(at(text, byte))


@pytest.mark.parametrize(
    ("broken", "byte"),
    [
        (GOOD.replace("],\n[1", "]\n[1"), GOOD.index("[1,") - 1),
        (GOOD.replace("],\n[1", "],,\n[1"), GOOD.index("[1,") - 1),
        (GOOD.replace("[[0", "[,[0"), GOOD.index("[[0") + 1),
        (GOOD.replace("]]}", "],]}"), len(GOOD.encode()) - 1),
        (GOOD.replace("]]}", "]],}"), len(GOOD.encode())),
        (GOOD.replace("]]}", "]]]"), len(GOOD.encode()) - 1),
        (GOOD.replace('"de":', '"de"'), GOOD.index(":")),
        (GOOD.replace('"de":', '"de"::'), GOOD.index(":") + 1),
        (GOOD.replace('"de":', '"de",'), GOOD.index(":")),
        (GOOD.replace('"de":', ","), 1),
        (GOOD.replace('"de"', "de"), 1),
        (GOOD.replace('"size":3,', '"size":3'), GOOD.index('"data"') - 1),
        (GOOD + "}", len(GOOD.encode())),
        (GOOD + GOOD, len(GOOD.encode())),
        (GOOD + "\n" + GOOD, len(GOOD.encode()) + 1),
        (GOOD + ",", len(GOOD.encode())),
        (GOOD + "\0" * 512, len(GOOD.encode())),
        (f"[{GOOD}{GOOD}]", len(GOOD.encode()) + 1),
        (f"[{GOOD},]", len(GOOD.encode()) + 2),
        (f"[{GOOD}", len(GOOD.encode()) + 1),
        ("[", 1),
        ("{", 1),
        (" ", 1),
    ],
)
def test_fault_is_told_to_the_byte(place: Path, broken: str, byte: int) -> None:
    code, message, _ = refused(place, broken)
    assert (code, message.endswith(at(broken, byte))) == ("TP108", True), message


@pytest.mark.parametrize("cut", range(1, len(GOOD.encode())))
def test_file_cut_anywhere_is_refused(place: Path, cut: int) -> None:
    code, message, found = refused(place, GOOD.encode()[:cut])
    assert (code, found) == ("TP108", "the end of the file")
    assert "the JSON ends in the middle" in message
    [file] = validate([place]).files
    assert not any(group.result.valid or group.result.accepted for group in file.groups)


@pytest.mark.parametrize(
    "root", ["null", "true", "12", '"text"', "[[]]", "[null]", f"[{GOOD},5]", f"[[{GOOD}]]", "[12"]
)
def test_json_that_is_no_group_is_refused(place: Path, root: str) -> None:
    assert refused(place, root)[0] == "TP113"


@pytest.mark.parametrize(
    "bad",
    [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x28\xa1", b"\xf0\x9f\x98"],
)
@pytest.mark.parametrize("where", ['"Grö', '"x"', "deV", "ouC", '"pe', "202401"])
def test_bytes_that_are_no_utf_8_are_refused_with_their_place(place: Path, bad: bytes, where: str) -> None:
    data = GOOD.encode()
    byte = data.index(where.encode()) + 1
    code, message, _ = refused(place, data[:byte] + bad + data[byte:])
    assert code == "TP107"
    assert f"byte {byte})" in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_other_encodings_are_named(place: Path, encoding: str) -> None:
    data = GOOD.encode(encoding)
    if encoding == "utf-8-sig":
        place.write_bytes(data)
        assert validate([place]).exit_code == 0
        return
    code, message, _ = refused(place, data)
    assert code == "TP107"
    assert encoding[:6].upper() in message


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("where", ["value", "header", "co", "root", "behind"])
def test_deep_nesting_is_refused(place: Path, opening: str, where: str) -> None:
    deep = opening * 100_000
    text = {
        "value": ROWS % deep,
        "header": f'{{"x":{deep}',
        "co": f'{{"co":{deep}',
        "root": deep,
        "behind": GOOD[:-1] + f',"x":{deep}',
    }[where]
    code, message, _ = refused(place, text)
    assert code in (("TP113", "TP108") if where == "root" else ("TP108",))
    assert "byte" in message


def test_nesting_that_is_not_deep_is_a_finding_of_its_row(place: Path) -> None:
    place.write_text(ROWS % ("[" * 200 + "]" * 200))
    [group] = validate([place]).files[0].groups
    assert [(found.code, found.row) for found in group.findings] == [("TP608", 0)]


@pytest.mark.parametrize("bad", ["\\ud800", "\\udc00", "\\udbff\\udbff", "\\u0000", "a\\u0000b"])
def test_what_cannot_be_stored_is_shown_so_that_anybody_can_read_it(place: Path, bad: str) -> None:
    place.write_text(f'{{"de":"{bad}","{bad}":1,"pe":"{bad}","ou":["{bad}"],"co":{{"{bad}":"{bad}"}},"size":0}}')
    [group] = validate([place]).files[0].groups
    said = json.dumps([group.result.de, [found.as_json() for found in group.findings]], ensure_ascii=False)
    said.encode("utf-8")
    assert "\0" not in said
    assert {found.code for found in group.findings} == {"TP501", "TP507", "TP508"}


# Far too much of something.


def test_white_space_without_end_is_passed(place: Path) -> None:
    blank = " \n" * 5_000_000
    place.write_text(f'{blank}{{{HEADER},"size":2,"data":[{blank}[0,1]{blank},{blank}[1,1]{blank}]{blank}}}{blank}')
    assert validate([place]).exit_code == 0


def test_properties_behind_data_are_one_finding_and_without_end_refused(place: Path) -> None:
    place.write_text(GOOD[:-1] + ',"data":[1,[2]]' * 500 + "}")
    [group] = validate([place]).files[0].groups
    [found] = group.findings
    assert (found.code, group.result.read) == ("TP510", 3)
    assert refused(place, GOOD[:-1] + ',"data":[1,[2]]' * 50_000 + "}")[0] == "TP113"
    assert refused(place, GOOD[:-1] + ',"x":0' * 50_000 + "}")[0] == "TP113"


def test_properties_without_end_are_refused(place: Path) -> None:
    for names in ((f'"{i}":0' for i in range(100_000)), ('"de":0' for _ in range(100_000))):
        assert refused(place, "{" + ",".join(names) + "}")[0] == "TP113"


def test_groups_without_end_are_judged_one_by_one(place: Path) -> None:
    place.write_text("[" + ",".join(["{}"] * 5_000) + "]")
    groups = validate([place]).files[0].groups
    assert len(groups) == 5_000
    assert {len(group.findings) for group in groups} == {4}


@dataclass(frozen=True)
class Measured:
    """A run of the program in a process of its own."""

    exit_code: int
    document: Any
    stderr: str
    peak_bytes: int
    seconds: float


PROGRAM = """
import sys
from tallyport.cli.main import run
code = run(sys.argv[2:])
sys.stdout.flush()
with open("/proc/self/status") as status, open(sys.argv[1], "w") as out:
    out.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
sys.exit(code)
"""


def measured(path: Path, *options: str) -> Measured:
    """Validate with --json; the peak is the process's own, which the kernel keeps in /proc."""
    peak = path.with_name("peak")
    begin = time.perf_counter()
    arguments = [sys.executable, "-c", PROGRAM, str(peak), "validate", str(path), "--json", *options]
    ended = subprocess.run(arguments, env=environment(), capture_output=True, timeout=120, check=False)
    seconds = time.perf_counter() - begin
    assert b"Traceback" not in ended.stderr
    document = json.loads(ended.stdout)
    check_against("validation", document)
    return Measured(ended.returncode, document, ended.stderr.decode(), int(peak.read_text()) * 1024, seconds)


def repeated(piece: bytes, size_bytes: int) -> Iterator[bytes]:
    block = piece * max(1, (1 << 20) // len(piece))
    for _ in range(size_bytes // len(block)):
        yield block


def identifiers(count: int) -> bytes:
    return b",".join(b'"u%010d"' % i for i in range(count))


START = f'{{{HEADER},"size":1,"data":['.encode()
MB = 1_000_000

HUGE: dict[str, tuple[str, str, Callable[[], Iterator[bytes]]]] = {
    "a row of 200 MB": ("TP112", "row", lambda: iter([START, b'[0,"', *repeated(b"x", 200 * MB), b'"]]}'])),
    "a row of 200 MB of small elements": ("TP112", "row", lambda: iter([START, b"[", *repeated(b"0,", 200 * MB)])),
    "a number of 100 MB": ("TP112", "row", lambda: iter([START, b"[0,", *repeated(b"1", 100 * MB), b"]]}"])),
    "a comment of 100 MB": ("TP112", "row", lambda: iter([START, b'[0,1,false,null,"', *repeated(b"\\n", 100 * MB)])),
    "a row of 100 MB that is no array": ("TP112", "row", lambda: iter([START, b'{"a":"', *repeated(b"x", 100 * MB)])),
    "a header of 60 MB": ("TP112", "header", lambda: iter([b'{"ou":["', *repeated(b'abcdefghijk","', 60 * MB)])),
    "a header of a text of 60 MB": ("TP112", "header", lambda: iter([b'{"de":"', *repeated(b"x", 60 * MB), b'"}'])),
    "a header of 60 MB of properties": ("TP112", "header", lambda: iter([b"{", *repeated(b'"a":0,', 60 * MB)])),
    "a header of very many numbers": ("TP112", "header", lambda: iter([b'{"pe":[', *repeated(b"1,", 15 * MB), b"1]}"])),
    "a header of very many arrays": ("TP112", "header", lambda: iter([b'{"co":[', *repeated(b"[],", 15 * MB), b"1]}"])),
    "a name of 60 MB": ("TP112", "header", lambda: iter([b'{"', *repeated(b"x", 60 * MB), b'":1}'])),
    "60 MB behind data": ("TP112", "header", lambda: iter([START, b'[0,1]],"x":"', *repeated(b"x", 60 * MB), b'"}'])),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("says", HUGE)
def test_a_huge_token_is_refused_in_bounded_memory(tmp_path: Path, says: str) -> None:
    code, what, pieces = HUGE[says]
    path = tmp_path / "x.adv2.json"
    with path.open("wb") as stream:
        stream.writelines(pieces())
    ended = measured(path)
    path.unlink()
    assert ended.exit_code == 3
    error = ended.document["files"][0]["error"]
    assert error["code"] == code
    assert error["message"].startswith(f"the {what} is too long (line 1, column ")
    assert error.get("row") == (0 if what == "row" else None)
    assert ended.peak_bytes < 200 * MB


def bad_header(of: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([b'{"de":"deVisits001","pe":"202401",', of, b',"size":0}'])


COSTLY: dict[str, tuple[int, Callable[[], Iterator[bytes]]]] = {
    "a million org units": (0, bad_header(b'"ou":[' + identifiers(999_000) + b"]")),
    "a million org units, none well formed": (
        3,
        bad_header(b'"ou":[' + b",".join(b'"%07d"' % i for i in range(999_000)) + b"]"),
    ),
    "a million numbers for org units": (3, bad_header(b'"ou":[' + b"1," * 999_000 + b"1]")),
    "a million times the same org unit": (3, bad_header(b'"ou":[' + b'"uuuuuuuuuuu",' * 999_000 + b'"uuuuuuuuuuu"]')),
    "rows of two bytes": (3, lambda: iter([START, *repeated(b"1,", 20 * MB), b"1]}"])),
    "rows of three bytes": (3, lambda: iter([START, *repeated(b"[],", 30 * MB), b"[]]}"])),
    "a finding for every other row": (3, lambda: iter([START, b"[0],[0,[]]," * 50_000, b"1]}"])),
    "a million keys in one block, in no order": (
        0,
        lambda: iter(
            [
                b'{"de":"deVisits001","pe":"202401","ou":"ouClinicA01","coc":[' + identifiers(1_000) + b"],",
                b'"aoc":[' + b",".join(b'"v%010d"' % i for i in range(1_000)) + b'],"size":1000000,"data":[',
                b",".join(b"[%d,%d,1]" % divmod(i * 777_777 % 1_000_000, 1_000) for i in range(1_000_000)),
                b"]}",
            ]
        ),
    ),
    "very many different values": (0, lambda: different_values(2_000_000)),
}


def different_values(count: int) -> Iterator[bytes]:
    periods = b",".join(b'"%d%02d"' % (1600 + i // 12, i % 12 + 1) for i in range(2_000))
    yield b'{"de":"deVisits001","pe":[' + periods + b'],"ou":[' + identifiers(1_000) + b'],"size":%d,"data":[' % count
    for i in range(0, count, 1_000):
        rows = b",".join(b'[%d,%d,"text %d"]' % (i // 1_000, j, i + j) for j in range(1_000))
        yield rows + (b"," if i + 1_000 < count else b"")
    yield b"]}"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("says", COSTLY)
def test_what_costs_most_is_judged_in_bounded_memory_and_time(tmp_path: Path, says: str) -> None:
    exit_code, pieces = COSTLY[says]
    path = tmp_path / "x.adv2.json"
    with path.open("wb") as stream:
        stream.writelines(pieces())
    ended = measured(path)
    path.unlink()
    assert ended.exit_code == exit_code
    assert "error" not in ended.document["files"][0]
    assert ended.peak_bytes < 250 * MB
    assert ended.seconds < 60


# Damage of all kinds.

WORDS = b'[ ] { } , : " \\ null true false NaN -1 0 1.5 1e5 "de" "data" "size" "co" "" "\\u0000" "\\ud800"'
TOKENS = (*WORDS.split(), b"\n", b"\0", b"\xff", b"\xc3")


def spoiled(rng: random.Random, data: bytes) -> bytes:
    """Damage a file here and there."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not changed:
            break
        here, length = rng.randrange(len(changed)), rng.choice((1, 1, 2, 5, 20))
        kind = rng.randint(0, 6)
        if kind == 0:
            changed[here] = rng.randrange(256)
        elif kind == 1:
            del changed[here : here + length]
        elif kind == 2:
            changed[here:here] = rng.choice(TOKENS)
        elif kind == 3:
            changed[here : here + length] = rng.choice(TOKENS)
        elif kind == 4:
            there = rng.randrange(len(changed))
            changed[there:there] = changed[here : here + rng.choice((1, 10, 100))]
        elif kind == 5:
            del changed[here:]
        else:
            changed[here] ^= 1 << rng.randrange(8)
    return bytes(changed)


def check_report(file: FileReport, exit_code: int) -> None:
    """Hold any report to what holds of all."""
    assert exit_code in (0, 1, 3)
    for group in file.groups:
        result = group.result
        assert result.read == result.accepted + result.ignored
        assert result.valid or not result.accepted
        assert result.valid or group.findings or file.error
        for found in group.findings:
            check_against("finding", found.as_json())
            json.dumps(found.as_json(), ensure_ascii=False).encode()
        rows = [found.row for found in group.findings if found.row is not None]
        assert rows == sorted(set(rows))
    if file.error:
        check_against("finding", file.error.as_json())


@pytest.mark.parametrize("share", range(10))
def test_damaged_files_give_findings_and_nothing_else(place: Path, share: int) -> None:
    for case in range(share, CASES, 10):
        rng = random.Random(f"{SEED} {case}")
        data = spoiled(rng, written(rng, draw_group(rng)))
        if rng.random() < 0.1:
            data = spoiled(rng, gzip.compress(data))
        place.write_bytes(data)
        try:
            report = validate([place])
            [file] = report.files
            check_report(file, report.exit_code)
            if data[:2] != b"\x1f\x8b" and data:
                told = judge(data)
                assert bool(told.error) == bool(file.error)
                if not told.error:
                    assert [group.result.accepted for group in file.groups] == [g.accepted for g in told.groups]
                    assert report.exit_code == told.exit_code
        except BaseException as error:
            error.add_note(f"case {case} of seed {SEED}: {data!r}")
            raise


def test_a_damaged_file_is_a_function_of_its_number_and_the_seed() -> None:
    def drawn(case: int) -> bytes:
        rng = random.Random(f"{SEED} {case}")
        return spoiled(rng, written(rng, draw_group(rng)))

    several: Sequence[bytes] = [drawn(case) for case in range(20)]
    assert several == [drawn(case) for case in range(20)]
    assert len(set(several)) > 15


# Repeats, and the memory that finding them takes.


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 299)), max_size=400),
    st.sampled_from([40, 1_000, 100_000]),
)
def test_repeats_are_found_by_list_and_by_bits_alike(pairs: list[tuple[int, int]], key_bytes: int) -> None:
    pairs.sort(key=lambda pair: pair[0])  # periods in order, combos in any
    block = b",\n".join(b"[%d,%d,1]" % pair for pair in pairs) + b"]"
    repeated = [i for i, pair in enumerate(pairs) if pair in pairs[:i]]
    with Rows(RowForm([2, 300], 1, key_bytes=key_bytes, apart=True)) as rows:
        rows.scan(bytearray(block), 0, final=True)
        rows.judge()
        fault, _ = rows.fault
        if fault is Fault.NONE:
            assert [run.row for run in rows.runs()] == repeated
        else:
            assert (fault, key_bytes) == (Fault.MANY_KEYS, 40)


def falling(header: str, sizes: tuple[int, ...], count: int) -> str:
    """A group whose rows come in falling order, each of a key of its own."""
    rows = []
    for n in range(count, 0, -1):
        index = []
        for size in sizes:
            n, place = divmod(n, size)
            index.append(str(place))
        rows.append(f"[{','.join(index)},1]")
    return f'{{"de":"deVisits001","pe":"202401","ou":"ouClinicA01",{header},"size":{count},"data":[{",".join(rows)}]}}'


def test_rows_in_any_order_take_a_bit_each_where_their_keys_are_few(place: Path) -> None:
    cocs = json.dumps([f"coc{i:08}" for i in range(40_000)])
    place.write_text(falling(f'"coc":{cocs}', (40_000,), 39_999))
    assert validate([place], memory_bytes=20_000).exit_code == 0


def test_more_keys_than_the_memory_allows_end_the_reading(place: Path) -> None:
    options = json.dumps({f"category0{i:02}": [f"option00{j:03}" for j in range(100)] for i in range(6)})
    place.write_text(falling(f'"co":{options}', (100,) * 6, 3_000))
    report = validate([place], memory_bytes=100_000)
    assert report.exit_code == 3
    error = report.files[0].error
    assert error
    assert (error.code, error.row) == ("TP224", 100_000 // 48)
    assert validate([place]).exit_code == 0


# Findings, and rows of a file that breaks off.


def test_findings_about_rows_stay_in_proportion_and_none_is_lost(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adv2_file, "FINDINGS_FREE", 10)
    count = 2_000
    rows = ",".join("[0]" if n % 2 else "7" for n in range(count))
    place.write_text(f'{{{HEADER},"size":{count},"data":[{rows}]}}')
    report = validate([place])
    [group] = report.files[0].groups
    assert group.result.ignored == count
    assert len(group.findings) < count / 8
    assert sum(found.count or 1 for found in group.findings) == count
    *single, one, other = group.findings
    assert all(found.count is None for found in single)
    assert {one.code, other.code} == {"TP601", "TP602"}
    assert one.row == len(single)


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_rows_that_are_passed_from_the_middle_on_are_counted_as_far_as_they_exist(place: Path, stop: int) -> None:
    rows = ",\n".join(f"[{n % 3},{n}]" for n in range(300_000))
    place.write_text(f'{{{HEADER},"size":9000000,"data":[{rows}')
    with Source.open(place) as source:
        file = adv2_file.Adv2File(source)
        heads = file.heads()
        next(heads)
        for number, block in enumerate(file.rows(RowForm((3,), 1))):
            if number == stop:
                break
            block.rows.judge()
        with pytest.raises(SourceUnreadable, match="TP108"):
            list(file.skip_rows())
        assert file.rows_read == 300_000
