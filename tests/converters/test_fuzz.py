"""Mutations of all fixtures, in the test command: 8,000 of them, `TALLYPORT_FUZZ_CASES` for another number.

They are for what is in Python, and for its protocol with the scanner. What is in C alone is searched by fuzz/.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support import fuzz

CASES = int(os.environ.get("TALLYPORT_FUZZ_CASES", "8000"))
SEED = int(os.environ.get("TALLYPORT_FUZZ_SEED", "1"))
PROCESSES = 2


def test_no_mutation_of_any_fixture_breaks_a_reader() -> None:
    share = -(-CASES // PROCESSES)
    runs = []
    for first in range(0, CASES, share):
        command = [sys.executable, fuzz.__file__, f"--seed={SEED}", f"--first={first}", f"--cases={share}"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment))
    said = [run.communicate()[0].decode(errors="replace") for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), "\n".join(said)


def test_the_fixtures_of_every_format_are_mutated() -> None:
    assert {fixture.format for fixture in fuzz.fixtures()} == set(fuzz.SHARES)


def test_a_case_is_a_function_of_its_number_and_the_seed() -> None:
    (one,) = fuzz.cases(1, 3, first=41)
    assert one == list(fuzz.cases(42, 3))[-1]
    assert one != list(fuzz.cases(42, 4))[-1]


@pytest.mark.parametrize(
    "data",
    [
        b'{"de":"a","pe":"2024","ou":"o","size":2,"data":[\n[1]\n]}',
        b'{"de":"a","pe":["2024","2025"],"ou":"o","size":1,"data":[\n[2,1]\n]}',
        b'{"de":"a","pe":"2024","ou":"o","size":1,"data":[\n[1]\n]',
    ],
)
def test_a_file_that_does_not_hold_what_it_says_is_noticed(data: bytes) -> None:
    with pytest.raises(fuzz.CaseError):
        fuzz.check_group(data)
