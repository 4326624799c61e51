"""An import while others write the same table: DHIS2 itself, which waits for no import."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.databases import execute, running_server, small
from support.importing import TODAY, Importing, visits
from tallyport.postgres.connection import connection
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.imports import group
from tallyport.postgres.imports.batch_size import Mode
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport.postgres.imports.run import loading

ANOTHER = (
    "insert into datavalue select dataelementid, periodid, (select organisationunitid from organisationunit "
    "where uid = 'ouClinicA01'), categoryoptioncomboid, attributeoptioncomboid, '77', 'dhis', now(), now(), null, "
    "false, false from datavalue where value = '2'"
)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


def test_a_value_that_came_to_lie_where_a_read_one_lay_is_not_written_over(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is found by where it lies. Moved by an update and vacuumed away, its place is taken by the next insert."""
    monkeypatch.setattr(group, "ROWS_BATCH", 1)
    importing = Importing(small(server, "43", "beside"), tmp_path)
    execute(importing.url, "create index on datavalue (lastupdated)")  # as real servers have it: no update in place
    importing(visits([0, 0, "1"], [1, 1, "9"]))
    lay = execute(importing.url, "select ctid from datavalue where value = '9'")
    path = tmp_path / "later.adv2.json"
    path.write_text(json.dumps(visits([0, 0, "3"], [1, 1, "5"])))
    with psycopg.connect(importing.url) as dhis, connection(importing.url) as database:
        dhis.execute("update datavalue set value = '2', lastupdated = now() where value = '9'")
        steps = loading(database, [path], ImportOptions(today=TODAY, batch=Mode.ROWS))
        next(steps)  # what is stored was read
        dhis.commit()
        next(steps)  # the second batch: what it needs to see is the row that was moved
        execute(importing.url, "vacuum datavalue", ANOTHER)
        assert lay == execute(importing.url, "select ctid from datavalue where value = '77'"), "shows nothing"
        list(steps)
    assert importing.stored == [
        ("ouClinicA01", "2025-03-01", "3", False, False, None),
        ("ouClinicA01", "2025-04-01", "77", False, False, None),
        ("ouClinicB01", "2025-04-01", "5", False, False, None),
    ]
