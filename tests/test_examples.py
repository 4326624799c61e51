"""Every example of the documents runs: commands in a shell, Python as a program, on a real database and a server.

Each runs in a copy of one scene: the sample of `tallyport demo`, under the names that the documents use.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from support.dhis2_server import PASSWORD, USERNAME, Dhis2Server
from support.places import ROOT
from tallyport import convert, embedded_database, load_metadata, write_back

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SAMPLE = ROOT / "pipeline/tallyport/demo"

NOT_RUN = {
    r"uvx |pipx |pip ": "needs what is published; test_packages.py installs what is built here",
    r"make ": "the tests themselves, and what test_documents.py compares",
    r"tallyport demo": "test_demo.py runs it",
    r"tallyport serve|TALLYPORT_SERVE_KEY=|curl -H": "serves until it is ended; the tests of the page run it",
}
"""Commands that are not run here, by how they begin, and why."""

STANDS_FOR = {
    "BfMAe6Itzgt": "dsImmunis01",
    "--as amina": "--as admin",
    "0 5 * * * ": "",
}
"""What examples name that the scene has under another name; the database's URL is one more."""


@dataclass(frozen=True, slots=True)
class Example:
    page: str
    number: int
    code: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}-{self.code.splitlines()[0][:60]}"


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [code for marked, code in found if marked == language]


def commands() -> Iterator[Example]:
    """Yield each command once, of the first page that has it."""
    seen: set[str] = set()
    for page in PAGES:
        lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
        lines = [line.partition(" #")[0].strip() for line in lines if line.strip()]
        runs = [line for line in lines if not any(re.match(start, line) for start in NOT_RUN)]
        for number, line in enumerate(runs):
            if line in seen:
                continue
            seen.add(line)
            yield Example(str(page.relative_to(ROOT)), number, line)


def programs() -> Iterator[Example]:
    """Yield a program for each page: its blocks build on one another."""
    for page in PAGES:
        if code := blocks(page, "python"):
            yield Example(str(page.relative_to(ROOT)), 0, "".join(code))


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder with all files that examples name, and where its database and server are."""

    folder: Path
    database: str
    environment: dict[str, str]

    def run(self, example: Example, *command: str, database: str) -> None:
        code = example.code
        for named, real in {**STANDS_FOR, "postgresql://dhis@localhost/dhis": database}.items():
            code = code.replace(named, real)
        work = Path(tempfile.mkdtemp(dir=self.folder.parent))
        work.chmod(0o755)
        shutil.copytree(self.folder, work, dirs_exist_ok=True)
        for output in re.findall(r"(?<=-o )[\w.]+|(?<=\", \")out(?=\", options)", code):
            if (work / output).is_file():
                (work / output).unlink()
            else:
                shutil.rmtree(work / output, ignore_errors=True)
        done = subprocess.run(
            [*command, code], cwd=work, env=self.environment | {"HOME": str(work)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), f"{code}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr


def fill(folder: Path) -> None:
    """Make the files that examples name."""
    metadata = json.loads((SAMPLE / "metadata.json").read_text(encoding="utf-8"))
    for name in ("metadata.json", "january.json", "february.csv"):
        shutil.copy(SAMPLE / name, folder / name)
    (folder / "org-units.json").write_text(json.dumps({"organisationUnits": metadata["organisationUnits"]}))
    (folder / "february.json").write_bytes((folder / "january.json").read_bytes())
    shutil.copytree(ROOT / "samples", folder / "samples")
    shutil.copytree(ROOT / "samples", folder / "exports")
    (folder / "clinics.csv").write_bytes((ROOT / "samples/february.csv").read_bytes())
    pl.read_csv(SAMPLE / "february.csv", infer_schema=False).write_excel(folder / "report.xlsx", worksheet="February")
    for name in ("hmis.snapshot", "country.snapshot"):
        load_metadata(folder / "metadata.json").save(folder / name)
    convert([folder / "january.json"], folder / "out")
    convert([folder / "january.json"], folder / "build")
    convert([folder / "january.json"], folder / "single", layout="single")
    (folder / "single/january/values.adv2.json").rename(folder / "january.adv2.json")
    with (folder / "january.xml").open("wb") as document:
        write_back([folder / "out"], document, "dxf-xml")


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        # Where this is root, another user runs the database and has to reach it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallyport-examples-")))
        folder.chmod(0o755)
        files = folder / "files"
        files.mkdir()
        fill(files)
        database = stack.enter_context(embedded_database(folder / "database", files / "metadata.json"))
        metadata = json.loads((files / "metadata.json").read_text(encoding="utf-8"))
        server = stack.enter_context(Dhis2Server(metadata=metadata))
        profile = f'url = "{server.url}"\nusername = "{USERNAME}"\npassword = "{PASSWORD}"\n'
        profiles = folder / "profiles.toml"
        profiles.write_text("".join(f"[profiles.{name}]\n{profile}" for name in ("play", "production", "country")))
        profiles.chmod(0o600)
        yield Scene(
            files,
            database.url,
            {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "TALLYPORT_PROFILES": str(profiles),
                "TALLYPORT_EMBEDDED": str(folder / "database"),
                "EXPORT": (files / "january.json").as_uri(),
            },
        )


@pytest.mark.parametrize("example", list(commands()), ids=str)
def test_command_of_the_documents_runs(example: Example, scene: Scene) -> None:
    scene.run(example, "bash", "-o", "pipefail", "-c", database=shlex.quote(scene.database))


@pytest.mark.parametrize("example", list(programs()), ids=str)
def test_program_of_the_documents_runs(example: Example, scene: Scene) -> None:
    scene.run(example, sys.executable, "-c", database=scene.database)


def test_reason_not_to_run_a_command_is_needed() -> None:
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    for start in NOT_RUN:
        assert any(re.match(start, line) for line in lines), f"no example begins with {start}"
