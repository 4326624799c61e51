"""Sources: what comes out of a path, stdin, gzip, zip or zstd, and what is said of those that are broken."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import resource
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.places import ROOT
from tallyport_converters import sources
from tallyport_converters.files.output import OutputFile
from tallyport_converters.sources import HEAD_BYTES, Source, stem_of
from tallyport_converters.sources.decompress import FREE_BYTES
from tallyport_schemas.finding import Finding, OutsideFailed, SourceUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS = b"".join(b"fbfJHSPpUQD,2025%02d,DiszpKrYNg8,,,%d\n" % (i % 12 + 1, i * i) for i in range(200))
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}


@dataclass
class Entry:
    """One member of a zip built by hand, so that every claim in it can be a lie."""

    data: bytes = ROWS
    name: bytes = b"january.csv"
    method: int = 8
    flags: int = 0
    mode: int = 0o100644
    packed: bytes | None = None
    claimed_bytes: int | None = None
    claimed_packed: int | None = None
    crc32: int | None = None
    offset: int | None = None
    local_method: int | None = None
    version: int = 20


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def zip_of(*entries: Entry, comment: bytes = b"") -> bytes:
    body = directory = b""
    for e in entries:
        packed = e.packed if e.packed is not None else deflated(e.data) if e.method == 8 else e.data
        size = len(e.data) if e.claimed_bytes is None else e.claimed_bytes
        packed_size = len(packed) if e.claimed_packed is None else e.claimed_packed
        crc = zlib.crc32(e.data) if e.crc32 is None else e.crc32
        offset = len(body) if e.offset is None else e.offset
        both = (e.flags, e.method, 0, 0x21, crc, packed_size, size, len(e.name), 0)
        local = (e.flags, e.method if e.local_method is None else e.local_method, *both[2:])
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *local) + e.name + packed
        directory += struct.pack("<4sBB5H3L5H2L", b"PK\x01\x02", 20, 3, e.version, *both, 0, 0, 0, e.mode << 16, offset)
        directory += e.name
    n = min(len(entries), 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, n, n, len(directory), len(body), len(comment))
    return body + directory + end + comment


def zst(data: bytes) -> bytes:
    return zstd.compress(data, options=CHECKED)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zip": lambda data: zip_of(Entry(data)),
    "zstd": zst,
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(raw: bytes, name: str = "january.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(raw)
        return path

    return write


def read(path: Path | str, size_bytes: int = 1 << 20) -> bytes:
    with Source.open(path) as source:
        return b"".join(source.blocks(size_bytes))


def refusal(path: Path | str) -> Finding:
    with pytest.raises(SourceUnreadable) as refused:
        read(path)
    said = refused.value.finding
    assert said.source
    assert said.help
    return said


def drained(path: Path) -> tuple[Finding | None, int]:
    """Return what is said of the source, and how many bytes it gave out before."""
    out_bytes = 0
    try:
        with Source.open(path) as source:
            for block in source.blocks(1 << 20):
                out_bytes += len(block)
    except SourceUnreadable as error:
        return error.finding, out_bytes
    return None, out_bytes


# What comes out


@pytest.mark.parametrize("kind", PACKERS)
def test_compression_is_told_by_content_whatever_the_name(kind: str, write: Callable[..., Path]) -> None:
    for name in ("january.csv", "january.gz", "january.zip", "january.zst", "january"):
        raw = PACKERS[kind](ROWS)
        with Source.open(write(raw, name)) as source:
            assert source.compression == kind
            assert (source.name, source.stem, source.size_bytes) == (name, "january", len(raw))
            assert b"".join(source.blocks(1000)) == ROWS


@pytest.mark.parametrize("kind", PACKERS)
def test_every_reading_starts_at_the_beginning_and_none_disturbs_another(kind: str, write: Callable[..., Path]) -> None:
    with Source.open(write(PACKERS[kind](ROWS))) as source:
        one, two = source.blocks(100), source.blocks(100)
        pairs = list(zip(one, two, strict=True))
        assert b"".join(a for a, _ in pairs) == b"".join(b for _, b in pairs) == ROWS
        assert b"".join(source.blocks(7)) == ROWS


@pytest.mark.parametrize("kind", PACKERS)
def test_sha256_is_that_of_the_raw_bytes_before_and_after_a_reading(kind: str, write: Callable[..., Path]) -> None:
    raw = PACKERS[kind](ROWS)
    expected = hashlib.sha256(raw).hexdigest()
    with Source.open(write(raw)) as source:
        next(iter(source.blocks(10)))  # a reading given up does not count
        for _ in source.blocks(100):
            pass
        assert source.sha256 == expected
    with Source.open(write(raw)) as source:
        assert source.sha256 == expected


def test_sha256_is_taken_along_with_the_first_reading_not_by_another(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("none", "gzip", "zstd"):
        with Source.open(write(PACKERS[kind](ROWS))) as source:
            for _ in source.blocks(100):
                pass
            with monkeypatch.context() as patch:
                patch.setattr(sources, "Reading", None)
                assert len(source.sha256) == 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    data=st.binary(min_size=1, max_size=3000).map(lambda data: b"{" + data),
    kind=st.sampled_from(list(PACKERS)),
    size_bytes=st.integers(1, 4000),
)
def test_blocks_are_never_empty_never_too_large_and_together_the_data(
    data: bytes, kind: str, size_bytes: int, write: Callable[..., Path]
) -> None:
    with Source.open(write(PACKERS[kind](data))) as source:
        blocks = list(source.blocks(size_bytes))
        assert b"".join(blocks) == data
        assert all(0 < len(block) <= size_bytes for block in blocks)
        assert source.head() == data


@pytest.mark.parametrize("kind", PACKERS)
def test_head_is_the_first_decompressed_bytes(kind: str, write: Callable[..., Path]) -> None:
    data = random.Random(1).randbytes(3 * HEAD_BYTES)
    with Source.open(write(PACKERS[kind](b"{" + data))) as source:
        assert source.head(5) == b"{" + data[:4]
        assert source.head() == b"{" + data[: HEAD_BYTES - 1]
        assert source.head(2 * HEAD_BYTES) == b"{" + data[: 2 * HEAD_BYTES - 1]
        assert source.head(1 << 30) == b"{" + data


def test_members_of_a_gzip_and_frames_of_a_zstd_are_read_one_after_another(write: Callable[..., Path]) -> None:
    parts = [ROWS[i : i + 700] for i in range(0, len(ROWS), 700)]
    assert read(write(b"".join(map(gzip.compress, parts)))) == ROWS
    assert read(write(b"".join(map(zst, parts)))) == ROWS
    skippable = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00any"
    assert read(write(skippable + zst(ROWS) + skippable)) == ROWS


def test_zero_bytes_behind_a_gzip_member_are_padding(write: Callable[..., Path]) -> None:
    assert read(write(gzip.compress(ROWS) + bytes(200_000))) == ROWS
    assert read(write(gzip.compress(ROWS[:50]) + bytes(512) + gzip.compress(ROWS[50:]))) == ROWS


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_what_is_written_is_never_packed_so_densely_that_it_is_taken_for_a_bomb(
    kind: Literal["gz", "zst"], tmp_path: Path
) -> None:
    size_bytes, letters = 0, b"a" * 50_000
    with OutputFile(tmp_path / "letters", kind) as file, OutputFile(tmp_path / "in other blocks", kind) as other:
        while size_bytes < 2.3 * FREE_BYTES:
            file.write(letters)
            size_bytes += len(letters)
        for _ in range(size_bytes // len(letters) // 100):
            other.write(letters * 100)
        other.write(letters * (size_bytes // len(letters) % 100))
    assert file.size_bytes < size_bytes / 400
    assert file.sha256 == other.sha256
    with Source.open(file.path) as source:
        assert sum(map(len, source.blocks(1 << 20))) == size_bytes


def test_a_block_belongs_to_the_caller(write: Callable[..., Path]) -> None:
    with Source.open(write(ROWS)) as source:
        kept = []
        for block in source.blocks(100):
            assert isinstance(block, bytearray)
            kept.append(bytes(block))
            block[:] = b"x"
        assert b"".join(kept) == ROWS
        assert source.sha256 == hashlib.sha256(ROWS).hexdigest()


def test_a_size_of_no_bytes_is_a_programming_error(write: Callable[..., Path]) -> None:
    with Source.open(write(ROWS)) as source, pytest.raises(ValueError, match="at least 1"):
        source.blocks(0)


def test_a_closed_source_reads_nothing_rather_than_another_file(write: Callable[..., Path]) -> None:
    with Source.open(write(ROWS)) as source:
        blocks = source.blocks(100)
        next(blocks)
    source.close()
    for use in (lambda: next(blocks), lambda: source.sha256, source.check_unchanged):
        with pytest.raises(ValueError, match="closed file"):
            use()


def test_importing_sources_loads_nothing_heavy() -> None:
    code = "import sys, tallyport_converters.sources; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    heavy = {"zipfile", "backports.zstd", "compression.zstd", "tempfile", "shutil", "hashlib"}
    assert not heavy & set(loaded.stdout.split())


# Names


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("january.adx.xml.gz", "january"),
        ("JANUARY.CSV.ZST", "JANUARY"),
        ("v1.2.json", "v1.2"),
        ("january.2025", "january.2025"),
        ("form.pdf.zstd", "form"),
        (".json", ".json"),
        (".json.gz", ".json"),
        ("..json", "..json"),
        ("...csv", "...csv"),
        ("a..json", "a."),
        ("", "source"),
        ("..", "source"),
    ],
)
def test_stem_is_the_name_without_format_and_compression(name: str, stem: str) -> None:
    assert stem_of(name) == stem


@given(st.text(alphabet=".ajsoncvgz", max_size=20))
def test_stem_is_always_a_usable_folder_name(name: str) -> None:
    assert stem_of(name) not in ("", ".", "..")
    assert stem_of(stem_of(name)) == stem_of(name)


def test_a_name_that_no_terminal_can_show_is_made_visible(write: Callable[..., Path], tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/a\xff\x1b[2J.csv"
    try:
        Path(os.fsdecode(path)).write_bytes(ROWS)
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    with Source.open(os.fsdecode(path)) as source:
        assert source.name == "a\\udcff\\x1b[2J.csv"
        assert os.fsencode(source.stem) == b"a\xff\x1b[2J"


# What cannot be opened


def test_what_is_missing_a_folder_or_no_path_at_all_cannot_be_opened(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    assert refusal(tmp_path).message == "the source cannot be opened: is a directory"
    assert refusal(tmp_path / "none.csv").message == "the source cannot be opened: no such file or directory"
    for path in (tmp_path, tmp_path / "none.csv", "a\0b", "", "x" * 300, write(ROWS) / "within"):
        assert refusal(path).code == "TP101"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_cannot_be_opened(write: Callable[..., Path]) -> None:
    path = write(ROWS)
    path.chmod(0)
    assert refusal(path).code == "TP101"


def test_a_disk_that_fails_is_a_finding(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with Source.open(write(ROWS)) as source, monkeypatch.context() as patch:
        patch.setattr(os, "preadv", fail)
        with pytest.raises(SourceUnreadable) as refused:
            list(source.blocks(100))
    assert refused.value.finding.code == "TP101"
    assert refused.value.finding.message == "the source cannot be read from byte 0 on: input/output error"


@pytest.mark.parametrize("raw", [b"", *(pack(b"") for pack in PACKERS.values())])
def test_nothing_and_compressed_nothing_are_empty(raw: bytes, write: Callable[..., Path]) -> None:
    assert refusal(write(raw)).code == "TP102"


def test_no_descriptor_stays_open_after_a_refusal(write: Callable[..., Path], tmp_path: Path) -> None:
    paths = [write(raw, str(i)) for i, raw in enumerate((b"", gzip.compress(ROWS)[:50], zip_of(), zst(zst(ROWS))))]
    before = open_descriptors()
    for path in (*paths, tmp_path):
        refusal(path)
    assert open_descriptors() == before


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


# Change


def test_a_replaced_file_is_read_on_as_it_was_opened(write: Callable[..., Path]) -> None:
    path = write(ROWS)
    with Source.open(path) as source:
        write(b"other", "other").replace(path)
        assert b"".join(source.blocks(100)) == ROWS
        source.check_unchanged()


@pytest.mark.parametrize("change", ["longer", "shorter", "rewritten"])
def test_a_file_that_changes_is_noticed_by_the_check_and_at_the_end_of_a_reading(
    change: str, write: Callable[..., Path]
) -> None:
    path = write(ROWS)
    os.utime(path, ns=(10**18, 10**18))
    with Source.open(path) as source:
        list(source.blocks(100))
        blocks = source.blocks(1000)
        next(blocks)
        if change == "rewritten":
            write(ROWS[::-1])
        else:
            os.truncate(path, len(ROWS) + (1 if change == "longer" else -1))
            os.utime(path, ns=(10**18, 10**18))
        for use in (source.check_unchanged, lambda: list(blocks)):
            with pytest.raises(SourceUnreadable) as refused:
                use()
            assert refused.value.finding.code == "TP121"
            assert refused.value.finding.found
            assert refused.value.finding.expected


# Damage


@pytest.mark.parametrize("kind", ["gzip", "zip", "zstd"])
def test_a_file_cut_short_at_any_byte_is_damaged(kind: str, write: Callable[..., Path]) -> None:
    raw = PACKERS[kind](ROWS[:500])
    magic_bytes = 2 if kind == "gzip" else 4
    for n in range(magic_bytes, len(raw)):
        said = refusal(write(raw[:n]))
        assert said.code == "TP104", n
        assert said.found
        assert said.expected
        if kind != "zip":
            assert said.message == f"{kind} data ends after {n:,} bytes"


@pytest.mark.parametrize("kind", ["gzip", "zip", "zstd"])
def test_2000_random_mutations_give_the_same_data_or_a_finding_never_a_traceback(kind: str, tmp_path: Path) -> None:
    raw = PACKERS[kind](ROWS[:1500])
    chance = random.Random(kind)
    path = tmp_path / "mutated"
    codes: Counter[str] = Counter()
    for _ in range(670):
        mutated = bytearray(raw)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(len(mutated))
            change = chance.randrange(4)
            if change == 0:
                mutated[at] ^= 1 << chance.randrange(8)
            elif change == 1:
                mutated[at] = chance.choice((0, 0xFF, chance.randrange(256)))
            elif change == 2:
                del mutated[at : at + chance.randrange(1, 9)]
            else:
                mutated[at:at] = chance.randbytes(chance.randrange(1, 9))
        path.write_bytes(mutated)
        try:
            with Source.open(path) as source:
                data = b"".join(source.blocks(512))
                assert data == (mutated if source.compression == "none" else ROWS[:1500])
        except SourceUnreadable as error:
            codes[error.finding.code] += 1
    assert codes.keys() <= {"TP102", "TP104", "TP105", "TP106"}
    assert codes["TP104"] > 300


@pytest.mark.parametrize("tail", [b"x", b"\n", b"garbage" * 30_000, bytes(9) + b"x", b"\x1f", b"\x1f\x8b\x08"])
def test_what_follows_gzip_data_and_is_none_is_refused(tail: bytes, write: Callable[..., Path]) -> None:
    assert refusal(write(gzip.compress(ROWS) + tail)).code == "TP104"


def test_the_place_of_garbage_behind_gzip_data_is_told(write: Callable[..., Path]) -> None:
    raw = gzip.compress(ROWS)
    said = refusal(write(raw + bytes(100_000) + b"surplus"))
    assert said.message == f"something else follows the gzip data at byte {len(raw) + 100_000:,}"
    assert said.found == "bytes 73 75 72 70 6c 75 73"


@pytest.mark.parametrize("tail", [b"x", bytes(4), b"garbage" * 30_000])
def test_what_follows_zstd_data_and_is_none_is_refused(tail: bytes, write: Callable[..., Path]) -> None:
    assert refusal(write(zst(ROWS) + tail)).code == "TP104"


def test_a_wrong_checksum_or_length_is_damage(write: Callable[..., Path]) -> None:
    raw = gzip.compress(ROWS)
    for at in (-8, -4):
        wrong = bytearray(raw)
        wrong[at] ^= 1
        said = refusal(write(bytes(wrong)))
        assert said.code == "TP104"
        assert said.found is not None
        assert "incorrect" in said.found


# Bombs


def zeros(n_mib: int, wbits: int) -> bytes:
    """Return a deflate stream of zeros that never ends: one segment again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    segment = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + segment * (n_mib - 1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: zeros(1024, 31),
    "zip": lambda: zip_of(Entry(packed=zeros(1024, -15), claimed_bytes=1 << 30)),
    "zstd": lambda: zstd.compress(bytes(1 << 30), 1),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_of_a_gibibyte_is_refused_soon_and_in_little_memory(kind: str, write: Callable[..., Path]) -> None:
    path = write(BOMBS[kind]())
    assert path.stat().st_size < 2 << 20
    tracemalloc.start()
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    said, out_bytes = drained(path)
    assert time.perf_counter() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 64 << 10
    assert said is not None
    assert said.code == "TP105"
    assert FREE_BYTES <= out_bytes < 256 << 20
    assert "expand to more than" in said.message


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_very_many_empty_members_or_frames_are_refused(
    pack: Callable[[bytes], bytes], write: Callable[..., Path]
) -> None:
    assert read(write(pack(ROWS) + pack(b"") * 5_000)) == ROWS
    assert refusal(write(pack(ROWS) + pack(b"") * 20_000)).code == "TP105"


def test_a_data_set_packed_as_well_as_any_is_not_taken_for_a_bomb(write: Callable[..., Path]) -> None:
    row = b'{"dataElement":"fbfJHSPpUQD","period":"202501","orgUnit":"DiszpKrYNg8","value":"0"},'
    data = (row * (1 + (1 << 20) // len(row)))[: 1 << 20]
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    raw = packer.compress(data)
    for _ in range(79):
        raw += packer.compress(data)
    raw += packer.flush()
    assert (80 << 20) / len(raw) > 200
    with Source.open(write(raw)) as source:
        assert sum(map(len, source.blocks(1 << 20))) == 80 << 20


def test_a_zstd_window_beyond_128_mib_is_refused_and_one_of_128_is_not(write: Callable[..., Path]) -> None:
    def windowed(log: int) -> bytes:
        packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
        return packer.compress(ROWS) + packer.flush()

    assert read(write(windowed(27))) == ROWS
    said = refusal(write(windowed(28)))
    assert said.code == "TP105"
    assert said.message == "the zstd data needs a window of more than 128 MiB in memory"


# Zip


def test_folders_and_what_file_managers_leave_behind_do_not_count(write: Callable[..., Path]) -> None:
    litter = (b"export/", b"__MACOSX/", b"__MACOSX/export/._january.csv", b"export/.DS_Store", b"Thumbs.db")
    entries = [Entry(b"litter" if not name.endswith(b"/") else b"", name) for name in litter]
    assert read(write(zip_of(*entries[:2], Entry(name=b"export/january.csv"), *entries[2:]))) == ROWS
    said = refusal(write(zip_of(*entries)))
    assert (said.code, said.message) == ("TP106", "the zip holds no data file")


def test_zips_of_the_standard_library_stored_streamed_and_zip64_are_read(tmp_path: Path) -> None:
    path = tmp_path / "january.zip"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path, "w", method) as archive, archive.open("a/é.csv", "w", force_zip64=True) as member:
            member.write(ROWS)
        assert read(path) == ROWS
    streamed = subprocess.run([sys.executable, "-c", STREAMED_ZIP], input=ROWS, capture_output=True, check=True).stdout
    path.write_bytes(streamed)
    assert read(path) == ROWS


STREAMED_ZIP = """
import sys, zipfile
with zipfile.ZipFile(sys.stdout.buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("january.csv", sys.stdin.buffer.read())
"""


def test_a_zip_with_a_comment_is_read(write: Callable[..., Path]) -> None:
    assert read(write(zip_of(Entry(), comment=b"from the district"))) == ROWS


def test_several_data_files_are_named(write: Callable[..., Path]) -> None:
    said = refusal(write(zip_of(*(Entry(name=b"%d.csv" % i) for i in range(5)))))
    assert said.code == "TP106"
    assert said.message == "the zip holds 5 data files"
    assert said.found == "0.csv, 1.csv, 2.csv and 2 more"


@pytest.mark.parametrize(
    "name",
    [b"/january.csv", b"../january.csv", b"a/../../b", b"C:january.csv", b"c:/x", b"a\\b.csv", b"a\0b.csv", b"", b".."],
)
def test_names_of_no_plain_file_within_the_archive_are_refused(name: bytes, write: Callable[..., Path]) -> None:
    assert refusal(write(zip_of(Entry(name=name)))).code == "TP106"
    assert refusal(write(zip_of(Entry(), Entry(name=name)))).code == "TP106"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry(flags=1), "the zip's data file is encrypted"),
        (Entry(flags=0x41), "the zip's data file is encrypted"),
        (Entry(method=12), "the zip's data file is packed in a way that cannot be read"),
        (Entry(method=99), "the zip's data file is packed in a way that cannot be read"),
        (Entry(flags=0x20), "the zip's data file is packed in a way that cannot be read"),
        (Entry(mode=0o120777), "the zip's data file is a link"),
        (Entry(version=99), "the zip asks for a newer version of the format"),
    ],
)
def test_members_that_cannot_be_read_say_why(entry: Entry, message: str, write: Callable[..., Path]) -> None:
    said = refusal(write(zip_of(entry)))
    assert (said.code, said.message) == ("TP106", message)


def test_two_members_of_one_name_are_refused(write: Callable[..., Path]) -> None:
    assert refusal(write(zip_of(Entry(), Entry()))).message == "a member's name occurs twice"


@pytest.mark.parametrize(
    "entry",
    [
        Entry(claimed_bytes=10),
        Entry(claimed_bytes=len(ROWS) + 1),
        Entry(claimed_bytes=100, crc32=zlib.crc32(ROWS[:100])),
        Entry(claimed_bytes=0xFFFFFFFE),
        Entry(method=0, claimed_bytes=100, crc32=zlib.crc32(ROWS[:100])),
        Entry(claimed_packed=10),
        Entry(claimed_packed=0x7FFFFFFF),
        Entry(method=0, claimed_packed=0, claimed_bytes=0xFFFFFF),
        Entry(crc32=1),
        Entry(method=0, crc32=1),
        Entry(packed=deflated(ROWS) + b"more"),
        Entry(packed=b"\xff" * 100),
        Entry(offset=1),
        Entry(offset=0x7FFFFFFF),
        Entry(local_method=0),
        Entry(method=0, data=b"short", claimed_packed=40, claimed_bytes=40),
    ],
)
def test_a_directory_that_lies_is_damage(entry: Entry, write: Callable[..., Path]) -> None:
    said = refusal(write(zip_of(entry)))
    assert said.code == "TP104"
    assert said.found
    assert said.expected


def test_no_more_is_given_out_than_a_zip_claims(write: Callable[..., Path]) -> None:
    said, out_bytes = drained(write(zip_of(Entry(bytes(10 << 20), claimed_bytes=3 << 20))))
    assert said is not None
    assert said.code == "TP104"
    assert said.found == "more than 4,194,304 bytes, in january.csv"
    assert out_bytes == 3 << 20


def test_a_zip_without_members_is_refused(write: Callable[..., Path]) -> None:
    assert refusal(write(zip_of())).message == "the zip holds no data file"


def test_a_directory_of_very_many_members_is_refused_unread(write: Callable[..., Path]) -> None:
    began = time.perf_counter()
    directory = struct.pack("<4sBB5H3L5H2L", b"PK\x01\x02", *[0] * 17) * 300_000
    body = zip_of(Entry())[:40]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(body), 0)
    said = refusal(write(body + directory + end))
    assert (said.code, said.message) == ("TP106", "the zip's directory is too large")
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("outer", ["gzip", "zip", "zstd"])
@pytest.mark.parametrize("inner", ["gzip", "zip", "zstd"])
def test_an_archive_within_an_archive_is_refused(outer: str, inner: str, write: Callable[..., Path]) -> None:
    said = refusal(write(PACKERS[outer](PACKERS[inner](ROWS))))
    assert said.code == "TP106"
    assert said.message == f"nested archive: there is {inner} data within the {outer} data"


# Stdin and other pipes

REPORT = """
import json, sys
from pathlib import Path
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Unusable
try:
    with Source.open(sys.argv[1], spool=Path(sys.argv[2])) as source:
        same = b"".join(source.blocks(1000)) == b"".join(source.blocks(333))
        size = sum(map(len, source.blocks(1000)))
        print(json.dumps([source.name, source.stem, source.compression, source.size_bytes, source.sha256, size, same]))
except Unusable as error:
    print(json.dumps(error.finding.as_json()))
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("converters", "schemas"))}


def report(spool: Path, path: str = "-", **stdin: object) -> object:
    command = [sys.executable, "-c", REPORT, path, str(spool)]
    done = subprocess.run(command, capture_output=True, check=True, env=environment(), **stdin)  # type: ignore[call-overload]
    return json.loads(done.stdout)


@pytest.mark.parametrize("path", ["-", "/dev/stdin"])
def test_stdin_is_read_twice_and_leaves_nothing_behind(path: str, tmp_path: Path) -> None:
    raw = gzip.compress(ROWS * 100)
    sha256 = hashlib.sha256(raw).hexdigest()
    assert report(tmp_path, path, input=raw) == ["stdin", "stdin", "gzip", len(raw), sha256, len(ROWS) * 100, True]
    assert list(tmp_path.iterdir()) == []


def test_a_file_redirected_to_stdin_is_read_from_where_it_stands(write: Callable[..., Path], tmp_path: Path) -> None:
    with write(ROWS).open("rb") as file:
        for start in (0, 100):
            file.seek(start)
            sha256 = hashlib.sha256(ROWS[start:]).hexdigest()
            n = len(ROWS) - start
            assert report(tmp_path, stdin=file) == ["stdin", "stdin", "none", n, sha256, n, True]


def test_empty_and_closed_stdin_are_findings(tmp_path: Path) -> None:
    empty = report(tmp_path, stdin=subprocess.DEVNULL)
    assert isinstance(empty, dict)
    assert (empty["code"], empty["source"]) == ("TP102", "stdin")
    closed = report(tmp_path, preexec_fn=lambda: os.close(0))
    assert isinstance(closed, dict)
    assert closed["code"] == "TP101"


def test_a_copy_of_stdin_that_cannot_be_written_is_a_failure_outside(tmp_path: Path) -> None:
    failed = report(tmp_path / "none", input=ROWS)
    assert isinstance(failed, dict)
    assert failed["code"] == "TP801"


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "january.json.gz"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(ROWS * 1000,))
    writer.start()
    yield path
    writer.join()


def test_a_fifo_is_copied_and_read_twice(fifo: Path, tmp_path: Path) -> None:
    with Source.open(fifo, spool=tmp_path) as source:
        assert (source.name, source.stem, source.size_bytes) == ("january.json.gz", "january", len(ROWS) * 1000)
        for _ in range(2):
            assert b"".join(source.blocks(1 << 16)) == ROWS * 1000
    assert list(tmp_path.iterdir()) == [fifo]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_while_copying_is_a_failure_outside(
    fifo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "r+"))
    # The writer may still be at work when the copy fails: it then finds no reader.
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises(OutsideFailed) as failed:
        Source.open(fifo, spool=tmp_path)
    assert failed.value.finding.code == "TP801"
