"""The scanner's library where memory runs out: whichever allocation fails, it says so, and frees all that it made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.places import ROOT
from support.running import environment

NATIVE = ROOT / "converters" / "tallyport_converters" / "native" / "src"
HERE = ROOT / "tests" / "support" / "native"


@pytest.fixture(scope="module")
def counting_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, built with allocations that are counted and can be made to fail."""
    sys.path.insert(0, str(ROOT))
    try:
        from build_native import compiler
    finally:
        sys.path.remove(str(ROOT))
    command = compiler()
    if command is None:
        pytest.skip("there is no C compiler on this machine")
    library = tmp_path_factory.mktemp("native") / "counting.so"
    flags = [
        "-std=c11",
        "-O0",
        "-fPIC",
        "-shared",
        "-fvisibility=hidden",
        "-include",
        str(HERE / "counted.h"),
        f"-I{NATIVE}",
    ]
    sources = [*sorted(NATIVE.glob("*.c")), HERE / "counted.c", HERE / "nested.c"]
    subprocess.run([*command, *flags, "-o", str(library), *map(str, sources)], check=True)
    return library


def test_whichever_allocation_fails_it_is_told_and_nothing_stays_allocated(counting_library: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "fail_each.py")],
        env=environment({"TALLYPORT_SCANNER": str(counting_library)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    failures = dict(line.split() for line in done.stdout.splitlines())
    assert failures.pop("nested") == "3"
    assert failures.keys() == {"convert", "read_others", "validate"}
    assert all(int(count) > 5 for count in failures.values())
