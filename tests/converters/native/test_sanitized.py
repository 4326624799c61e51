"""All formats on a scanner that is compiled with sanitizers, in few cases each; `make sanitized` runs more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support.places import ROOT

CASES = {"TALLYPORT_JSON_CASES": "300", "TALLYPORT_CSV_CASES": "300", "TALLYPORT_XML_CASES": "1000"}
CASES |= {"TALLYPORT_VALIDATION_CASES": "200"}
TESTS = (
    *("tests/converters/readers/test_json_against_json.py", "tests/converters/readers/test_csv_against_twin.py"),
    *("tests/converters/readers/test_xml_against_lxml.py", "tests/converters/test_goldens.py"),
    *("tests/pipeline/validation/test_validation_against_twin.py", "tests/converters/conversion/test_numbers.py"),
)


def test_formats_are_read_and_written_without_a_fault_of_memory_or_undefined_behaviour() -> None:
    command = [sys.executable, "-m", "fuzz.sanitized", "-q", "--no-header", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | CASES, capture_output=True, text=True, check=False)
    if done.stdout.startswith("no sanitized tests"):
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    assert " passed" in done.stdout
