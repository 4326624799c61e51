"""`tallyport demo`: the real command, from legacy files to values in a database."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

from support.places import ROOT
from support.running import contents, run

SAMPLE = ROOT / "pipeline" / "tallyport" / "demo"
COMMANDS = ("convert", "validate", "import", "import", "export")


def test_demo_goes_the_whole_way_and_says_each_command() -> None:
    with TemporaryDirectory() as around:
        Path(around).chmod(0o755)  # where this is root, another user runs the database
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = run("demo", env={"TMPDIR": around})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the processor, as the machine may be busy with other tests; the server's own is not in it.
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
        assert not list(Path(around).iterdir())
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.decode()
    lines = [line.removeprefix("$ tallyport ") for line in said.split("\n") if line.startswith("$ tallyport ")]
    assert tuple(line.split()[0] for line in lines) == COMMANDS
    assert "19 read = 17 written + 1 superseded + 1 rejected" in said
    assert "46 rows read = 45 accepted + 1 ignored" in said
    assert said.count("          45 insert") == 2
    assert "45 read = 45 written" in said
    assert b"Traceback" not in ended.stderr


def test_demo_that_is_kept_can_be_gone_on_with_and_minds_no_settings_of_the_verbs() -> None:
    with TemporaryDirectory() as around:
        folder = Path(around)
        folder.chmod(0o755)
        settings = {
            "TALLYPORT_IMPORT_DATABASE": "postgresql:///somebodys",
            "TALLYPORT_EMBEDDED": str(folder / "elsewhere"),
            "TALLYPORT_CONVERT_STRICT": "1",
        }
        ended = run("demo", "--keep", "tour", "--json", cwd=folder, env=settings)
        assert ended.returncode == 0, ended.stderr
        document = json.loads(ended.stdout)
        assert document["folder"] == "tour"
        assert {path.name for path in folder.iterdir()} == {"tour"}
        tour = folder / "tour"
        assert {path.name for path in tour.iterdir()} == {"adv2", "back", "database", "legacy", "metadata.json"}
        kept = contents(tour / "legacy") | {"metadata.json": (tour / "metadata.json").read_bytes()}
        assert kept == contents(SAMPLE)
        program, *arguments = document["steps"][-1]["command"].split()
        assert program == "tallyport"
        again = run(*arguments, "--overwrite", "--json", cwd=tour)
        assert json.loads(again.stdout)["files"] == document["steps"][-1]["result"]["files"]
        assert run("demo", "--keep", "tour", cwd=folder).returncode == 5
