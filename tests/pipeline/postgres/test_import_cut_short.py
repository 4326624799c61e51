"""An import that is cut short: what it reported is what is in the database, at whatever moment the signal comes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import execute, running_server, small
from support.importing import visits
from support.running import environment
from support.waiting import wait_until

GROUPS = 300
REPORTING = """
import sys
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.import_values import import_values
from tallyport.postgres.imports.report import GroupLoad
from pathlib import Path

source, database, changes, reported = sys.argv[1:]
with open(reported, "w", buffering=1) as out:
    watch = lambda event: print(event.rows["insert"], file=out) if isinstance(event, GroupLoad) else None
    print("begun", file=out)
    import_values([source], database, ImportOptions(changes=Path(changes)), watch=watch)
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_server() as server:
        yield small(server, "43")


@pytest.mark.parametrize("moment", range(3))
def test_what_was_reported_and_listed_is_what_is_in_the_database(url: str, tmp_path: Path, moment: int) -> None:
    execute(url, "truncate datavalue")
    periods = [f"{2000 + at // 12}{at % 12 + 1:02}" for at in range(GROUPS)]
    groups = [visits([5], pe=[period], ou=["ouClinicA01"]) for period in periods]
    source, changes, reported = tmp_path / "many.adv2.json", tmp_path / "changes.ndjson", tmp_path / "reported.txt"
    source.write_text(json.dumps(groups), encoding="utf-8")
    line = [sys.executable, "-c", REPORTING, str(source), url, str(changes), str(reported)]
    process = subprocess.Popen(
        line,
        env=environment(),
    )
    wait_until(lambda: reported.exists() and reported.read_text().count("\n") >= 3)
    time.sleep((moment + random.random()) / 3)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    ((stored,),) = execute(url, "select count(*) from datavalue")
    told = sum(int(line) for line in reported.read_text().splitlines()[1:])
    assert 0 < told == stored
    assert len(changes.read_text().splitlines()) == stored
