"""Imports of many small groups: what each costs, and that each still stands for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from databases import running_server, small
from importing import Importing, visits
from tallyport.postgres.server import EmbeddedServer
from tallyport.postgres.statements import statement


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> str:
    return small(server, "43", "many")


@pytest.fixture
def importing(url: str, tmp_path: Path) -> Importing:
    made = Importing(url, tmp_path)
    made.sql("truncate datavalue, datavalueaudit; delete from period")
    return made


# --- Cost ------------------------------------------------------------------------------------------------------------


def test_nothing_is_compiled_for_a_group(importing: Importing, tmp_path: Path) -> None:
    script = tmp_path / "done.sql"
    importing(visits([0, 0, 5]), sql=script)
    assert "set local jit = off;" in script.read_text()


def test_expiry_is_looked_up_without_nested_loops(url: str) -> None:
    """Where these are switched off, a plan that has one claims to be so dear that it is compiled."""
    with psycopg.connect(url) as database:
        database.execute(statement("staging"))
        database.execute(statement("join_by_hash"))
        asked = f"explain\n{statement('expired')}"
        plan = database.execute(asked.encode(), {"data_sets": [1, 2], "today": "2026-01-31"}).fetchall()
    assert "Nested Loop" not in "\n".join(line for (line,) in plan)
