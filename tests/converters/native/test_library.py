"""The compiled scanner and abi.py agree: that is what the header declares, and other builds are refused."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from support.places import ROOT
from support.running import environment
from tallyport_converters.native.abi import DIGEST, NO_RANK
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.dictionaries import Dictionaries, Rejects, pack
from tallyport_converters.native.library import library_path, load
from tallyport_converters.native.merge import Merge
from tallyport_converters.native.split import Form, Meaning, Split
from tallyport_schemas.finding import OutsideFailed

NATIVE = ROOT / "converters" / "tallyport_converters" / "native"


def generated() -> tuple[str, str]:
    """The header and abi.py as generate_abi.py makes them now."""
    sys.path.insert(0, str(ROOT))
    try:
        from generate_abi import generate
    finally:
        sys.path.remove(str(ROOT))
    return generate((NATIVE / "src" / "scanner.h").read_text())


def test_abi_is_what_the_header_declares() -> None:
    assert generated() == ((NATIVE / "src" / "scanner.h").read_text(), (NATIVE / "abi.py").read_text())


def test_a_library_of_other_sources_is_refused_by_its_digest(tmp_path: Path) -> None:
    stale = tmp_path / library_path().name
    stale.write_bytes(library_path().read_bytes().replace(DIGEST.encode(), b"0123456789abcdef"))
    with pytest.raises(OutsideFailed) as refused:
        load(stale)
    found = refused.value.finding
    assert found.code == "TP810"
    assert found.found == f"{stale}: digest 0123456789abcdef"
    assert found.expected == f"digest {DIGEST}"


def test_a_library_that_is_no_scanner_is_refused() -> None:
    name = ctypes.util.find_library("c")
    with pytest.raises(OutsideFailed, match="TP810"):
        load(Path(name or sys.executable))


def test_the_command_line_says_so_without_a_traceback(tmp_path: Path) -> None:
    broken = tmp_path / "scanner.so"
    broken.write_text("not a library")
    done = subprocess.run(
        [sys.executable, "-m", "tallyport.cli.main", "convert", "samples", "-o", str(tmp_path / "out")],
        cwd=ROOT,
        env=environment({"TALLYPORT_SCANNER": str(broken)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("error[TP810]: the compiled scanner cannot be used")
    assert "install tallyport again" in done.stderr


@pytest.mark.parametrize("left", [3, 40])
def test_a_run_that_ends_within_a_value_is_a_cut_temporary_file(left: int) -> None:
    document = b'{"dataValues":[{"dataElement":"a","period":"202401","orgUnit":"b","value":"1"}]}'
    with Batch() as batch, Dictionaries() as dictionaries, Rejects() as rejects:
        batch.scan_json(document, state=0, final=True)
        with pack(batch, dictionaries, rejects, 0) as blob:
            meaning = Meaning(
                ranks=[[NO_RANK, 0], [NO_RANK, 0], [0], [0]],
                period_notes=[0, 0],
                coc_shapes=[0],
                aoc_shapes=[0],
                data_sets=[0],
                header=[NO_RANK] * 4,
                header_data_set=0,
            )
            with Split([(at, size) for _, at, size in blob.segments()], meaning, rejects) as split:
                with split.run(0) as run:
                    whole = bytes(run.view())
                form = Form([None] * 4, [None] * 4, followup_false=False)
                with Merge([lambda: BytesIO(whole).read], rejects) as merge:
                    assert b"".join(merge.pieces(form, 64)) == b"[1]"
                cut = whole + whole[:left]
                with Merge([lambda: BytesIO(cut).read], rejects) as merge, pytest.raises(OutsideFailed) as failed:
                    list(merge.pieces(form, 64))
                assert failed.value.finding.found == "a temporary file was cut"
