"""Reading by position on systems that lack the calls for it: Windows has neither, older macOS one of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.checking import checked_convert
from support.places import ROOT
from tallyport_converters.sources.raw import read_into

LACKING = pytest.mark.parametrize("lacking", [(), ("preadv",), ("preadv", "pread")])


@LACKING
def test_threads_that_share_a_file_read_what_lies_at_their_positions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...]
) -> None:
    for name in lacking:
        monkeypatch.delattr(os, name)
    path = tmp_path / "numbers"
    path.write_bytes(b"".join(number.to_bytes(4, "big") for number in range(5_000)))

    def number_at(number: int) -> int:
        buffer = bytearray(4)
        assert read_into(file.fileno(), buffer, 4 * number) == 4
        return int.from_bytes(buffer, "big")

    with path.open("rb") as file, ThreadPoolExecutor(4) as threads:
        assert list(threads.map(number_at, range(5_000))) == list(range(5_000))
        assert read_into(file.fileno(), bytearray(4), 20_000) == 0


@LACKING
def test_a_conversion_by_way_of_the_disk_gives_the_same_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...]
) -> None:
    source = ROOT / "samples" / "january.json"
    wanted, found = (tmp_path / name for name in ("wanted", "found"))
    checked_convert([source], wanted)
    for name in lacking:
        monkeypatch.delattr(os, name)
    checked_convert([source], found, memory_bytes=1)
    names = sorted(path.relative_to(wanted) for path in wanted.rglob("*.adv2.json"))
    assert names
    assert [(found / name).read_bytes() for name in names] == [(wanted / name).read_bytes() for name in names]
