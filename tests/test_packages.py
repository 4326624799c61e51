"""What is published installs into an empty environment and works there: the wheel, and the source distribution."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build what a release publishes, as `make packages` does: the wheel is built from the source distribution."""
    folder = tmp_path_factory.mktemp("packages")
    run("make", f"PACKAGES={folder}", f"BIN={Path(sys.executable).parent}", "packages")
    [sdist] = folder.glob("*.tar.gz")
    [wheel] = folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_published_file_converts_the_samples_in_an_empty_environment(
    kind: str, published: dict[str, Path], tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty")
    python = tmp_path / "empty/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-compile", published[kind])
    assert "converts the samples" in run(python, ROOT / "tests/support/installed.py", cwd=tmp_path)


def test_wheel_fits_any_python_of_its_platform(published: dict[str, Path]) -> None:
    python, abi, platforms = published["wheel"].stem.split("-")[-3:]
    assert (python, abi) == ("py3", "none")
    machine = sysconfig.get_platform().rpartition("-")[2]
    assert all(name.startswith(("manylinux_", "manylinux2", "musllinux_")) for name in platforms.split("."))
    assert all(name.endswith(machine) for name in platforms.split("."))


def test_wheel_holds_three_packages_and_no_source_of_c(published: dict[str, Path]) -> None:
    names = ZipFile(published["wheel"]).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if "." not in name} == {"tallyport", "tallyport_converters", "tallyport_schemas"}
    assert [name for name in names if name.endswith(".so")] == ["tallyport_converters/native/scanner.so"]


def test_source_distribution_holds_all_that_the_tests_need(published: dict[str, Path]) -> None:
    with tarfile.open(published["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "LICENSE", "samples/january.json", "tests/support/installed.py", "README.md"} <= names
