"""The fuzz targets of fuzz/ on all seeds and some seconds beyond: `TALLYPORT_FUZZ_SECONDS` for each, 3 if not said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support.places import ROOT

SECONDS = os.environ.get("TALLYPORT_FUZZ_SECONDS", "3")


def test_no_input_that_the_targets_make_breaks_the_scanner() -> None:
    command = [sys.executable, "-m", "fuzz.campaign", "--seconds", SECONDS, "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.stdout.startswith("no fuzzing"):
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
