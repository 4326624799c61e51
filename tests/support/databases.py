"""Databases for the tests, on an embedded PostgreSQL: a small DHIS2 of our own, and the real ones where they are there.

The real ones are no part of the project: `TALLYPORT_DATA` names the folder that has them, by default ../shared/data;
the program that restores them lies in the folder `tools` beside it.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from support.places import DATA, ROOT
from tallyport.postgres.embedded.server import EmbeddedServer, programs

GENERATIONS = ("42", "43")
RESTORE = DATA / ".." / "tools" / "restore-dhis2-database"
SMALL = ROOT / "tests" / "fixtures" / "database"

# What is lost when the machine fails is lost anyway.
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@contextmanager
def running_server() -> Iterator[EmbeddedServer]:
    """Run a server in a folder that other users can reach: it does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="tallyport-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServer(folder / "data", SETTINGS) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed; returns what the last one gave."""
    with psycopg.connect(url, autocommit=True) as database:
        for text in statements:
            cursor = database.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def fresh(server: EmbeddedServer, name: str, template: str | None = None) -> str:
    """Make a database, replacing one of that name; returns its URL."""
    made = f"create database {name}" + (f" template {template}" if template else "")
    execute(server.url(), f"drop database if exists {name} with (force)", made)
    return server.url(name)


def small(server: EmbeddedServer, generation: str, name: str = "") -> str:
    """Make a small DHIS2 of a generation."""
    url = fresh(server, name or f"small_{generation}")
    texts = [(SMALL / f"dhis2-{each}.sql").read_text(encoding="utf-8") for each in GENERATIONS if each <= generation]
    execute(url, *texts)
    return url


def restore_tables(server: EmbeddedServer, generation: str, *names: str) -> str:
    """Restore some tables of a real database, with all that is in them but without keys; returns its URL."""
    url = fresh(server, f"tables_{generation}")
    begins = tuple(f"{what} public.{name} " for name in names for what in ("CREATE TABLE", "COPY"))
    kept: list[str] = []
    with gzip.open(DATA / f"dhis2-v{generation}-database.sql.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(begins):
                kept.append(line)
                end = ");\n" if line.startswith("CREATE") else "\\.\n"
                while kept[-1] != end:
                    kept.append(next(lines))
    script = re.sub(r"public\.geometry\([A-Za-z]+,4326\)", "text", "".join(kept))
    run = subprocess.run(
        [programs() / "psql", url, "-q", "-v", "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    execute(url, "analyze")
    return url


def has_real() -> bool:
    """Whether the real databases are there."""
    return RESTORE.exists() and DATA.exists()


def restore_real(server: EmbeddedServer) -> dict[str, str]:
    """Restore the real databases, without their values; returns their URLs by generation."""
    urls = {generation: fresh(server, f"real_{generation}") for generation in GENERATIONS}
    options = ("--psql", str(programs() / "psql"), "--without-values")
    running = [
        subprocess.Popen([sys.executable, RESTORE, generation, url, *options], stdout=subprocess.PIPE)
        for generation, url in urls.items()
    ]
    for process in running:
        said, _ = process.communicate()
        assert process.returncode == 0, said.decode()
    for generation, url in urls.items():
        # Checking five foreign keys for every row is most of an insert: the small databases do it.
        execute(url, f"alter database real_{generation} set session_replication_role = replica")
    return urls
