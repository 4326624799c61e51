"""Runs of the program for the tests: in this process for speed, as a process of its own where that matters."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from support.places import ROOT

WORK = ".tallyport-unfinished"


def command(*arguments: str | os.PathLike[str]) -> list[str]:
    """The command line that runs the program."""
    return [sys.executable, "-m", "tallyport.cli.main", *(os.fspath(argument) for argument in arguments)]


def environment(settings: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment for it: this one without settings of the program, with `settings`."""
    left_out = ("TALLYPORT_", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")  # without compiled modules each start is slow
    kept = {name: text for name, text in os.environ.items() if not name.startswith(left_out)}
    sources = os.pathsep.join(str(ROOT / name) for name in ("converters", "pipeline", "schemas"))
    return {**kept, "PYTHONPATH": sources, **settings}


def run(
    *arguments: str | os.PathLike[str], stdin: bytes = b"", env: Mapping[str, str] = {}, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments), input=stdin, env=environment(env), cwd=cwd, capture_output=True, timeout=120, check=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def check_whole(folder: Path) -> None:
    """Fail unless an output folder is complete: what the manifest lists is there as listed, and nothing else."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    listed = {group["file"]: group for group in manifest["groups"]}
    for name, group in listed.items():
        data = (folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (group["bytes"], group["sha256"]), name
    others = {"manifest.json"}
    if manifest["values"]["rejected"]:
        others.add("rejects.ndjson")
        assert (folder / "rejects.ndjson").read_bytes().count(b"\n") == manifest["values"]["rejected"]
    if manifest.get("completions"):
        others.add("completions.json")
        stated = json.loads((folder / "completions.json").read_bytes())["completeDataSetRegistrations"]
        assert len(stated) == manifest["completions"]
    assert {path.name for path in folder.iterdir()} == {*listed, *others}


def names(folder: Path) -> set[str]:
    """What is in a folder; nothing if there is none."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def json_rows(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A DXF2 JSON file of these rows."""
    return json.dumps({"dataValues": list(rows)}).encode()


def signals_as_usual() -> None:
    """Undo what a shell does to the signals of a process in the background: for the `preexec_fn` of a process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def interrupt(process: subprocess.Popen[Any]) -> int:
    """Interrupt a process until it ends, as a person would: one that comes within an import can be lost to Python."""
    end = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < end, "it does not end"
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    return process.returncode
