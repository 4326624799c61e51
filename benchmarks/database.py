"""A real DHIS2 2.43 database for load.py: restored once into the work folder, and put into a known state before a run.

What is stored is 1,000,000 values: the Sierra Leone values, repeated over years. The yardsticks are files of SQL and of
COPY lines with exactly the rows that tallyport writes, made from what it wrote.
"""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby, product
from pathlib import Path

import psycopg
from benchmarks import claims, inputs
from benchmarks.measure import FailedError

from tallyport.postgres.embedded.server import EmbeddedServer, programs

# As on a server that has its memory for itself; checkpoints and vacuums are run between the rounds.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "16GB", "checkpoint_timeout": "1d", "autovacuum": "off"}
SERVER = "TALLYPORT_BENCHMARK_SERVER"
"""Names another server than the embedded one, which cannot compile statements as a stock PostgreSQL does."""

KEY = ("dataelementid", "periodid", "sourceid", "categoryoptioncomboid", "attributeoptioncomboid")
COLUMNS = (*KEY, "value", "storedby", "comment", "followup", "deleted")
UPSERT_ROWS = 500
JOINED = """
copy (
    select e.uid, p.iso, u.uid, c.uid, a.uid, v.value, v.comment, v.followup
    from datavalue as v
    join dataelement as e using (dataelementid)
    join period as p using (periodid)
    join organisationunit as u on u.organisationunitid = v.sourceid
    join categoryoptioncombo as c on c.categoryoptioncomboid = v.categoryoptioncomboid
    join categoryoptioncombo as a on a.categoryoptioncomboid = v.attributeoptioncomboid
    where not v.deleted
) to stdout
"""
"""All values with their identifiers: the least that an export has to read."""
NO_LOG = "drop trigger if exists trg_datavalue_audit on datavalue"
LOG = (
    "create trigger trg_datavalue_audit after insert or update on datavalue "
    "for each row execute function log_datavalue_audit()"
)


class Database:
    """The restored database at `url`."""

    def __init__(self, url: str, work: Path) -> None:
        self.url = url
        self.work = work
        self.psql = [str(programs() / "psql"), url, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each committed; returns what the last one gave."""
        with psycopg.connect(self.url, autocommit=True) as database:
            for text in statements:
                cursor = database.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """Leave no value and no change log."""
        self.run("truncate datavalue, datavalueaudit", "vacuum analyze datavalue", "checkpoint")

    def fill(self, rows: Path) -> None:
        """Store the values of a file of COPY lines and nothing else."""
        self.run("truncate datavalue, datavalueaudit")
        self._psql("set session_replication_role = replica", self.copying(rows))
        self.run("vacuum analyze datavalue", "checkpoint")

    def copying(self, rows: Path) -> str:
        """Give the command of psql that stores COPY lines."""
        return f"\\copy datavalue ({', '.join(COLUMNS)}) from '{rows}'"

    def stored(self) -> int:
        """Count what is stored."""
        ((count,),) = self.run("select count(*) from datavalue")
        return int(str(count))

    def dump(self, to: Path) -> None:
        """Write what is stored as COPY lines, in the order in which it lies."""
        self._psql(f"\\copy (select {', '.join(COLUMNS)} from datavalue) to '{to}'")

    def _psql(self, *commands: str) -> None:
        options = [word for command in commands for word in ("--command", command)]
        done = subprocess.run([*self.psql, *options], capture_output=True, text=True)
        if done.returncode:
            raise FailedError(f"psql: {done.stderr.strip()}")


@contextmanager
def _server(work: Path) -> Iterator[Callable[[str], str]]:
    """Run the embedded server, or take the one of the environment; gives the URL of a database by its name."""
    given = os.environ.get(SERVER)
    if given:
        yield lambda name: psycopg.conninfo.make_conninfo(given, dbname=name)
        return
    with EmbeddedServer(work / "database", SETTINGS) as server:
        yield server.url


@contextmanager
def restored(work: Path) -> Iterator[Database]:
    """Run a server with the database, which is restored the first time."""
    source = inputs.source_file().parent
    work.mkdir(parents=True, exist_ok=True)
    with _server(work) as url:
        database = Database(url("dhis2"), work)
        with psycopg.connect(url("postgres"), autocommit=True) as admin:
            known = {name for (name,) in admin.execute("select datname from pg_database")}
            if "dhis2" not in known:
                admin.execute("drop database if exists restoring")
                admin.execute("create database restoring")
                tool = source / ".." / "tools" / "restore-dhis2-database"
                options = ["--psql", str(programs() / "psql"), "--without-values"]
                done = subprocess.run([sys.executable, tool, "43", url("restoring"), *options], stdout=sys.stderr)
                if done.returncode:
                    raise FailedError("the database cannot be restored")
                admin.execute("alter database restoring rename to dhis2")
        database.run(NO_LOG, "analyze")
        yield database


def repeated(settings: claims.Settings, values: int, *, others: bool = False) -> Path:
    """Make a CSV file of the source's values over as many years, back from its own, as it takes.

    `others`: with other values under the same keys, each greater by one.
    """
    path = settings.work / "load" / f"{'other' if others else 'first'}-{values}.csv"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    source = inputs.make_apart("dxf-csv", inputs.SOURCE_VALUES, settings.work)
    partial = path.with_suffix(".partial")
    with source.open(newline="", encoding="utf-8") as given, partial.open("w", newline="", encoding="utf-8") as made:
        head, *rows = csv.reader(given)
        out = csv.writer(made)
        out.writerow(head)
        period, value = head.index("period"), head.index("value")
        for number in range(values):
            row = list(rows[number % len(rows)])
            year = int(inputs.SOURCE_YEAR) - number // len(rows)
            row[period] = str(year) + row[period].removeprefix(inputs.SOURCE_YEAR)
            if others:
                row[value] = re.sub(r"^(?!0\d)\d+", lambda found: str(int(found[0]) + 1), row[value])
            out.writerow(row)
    return partial.rename(path)


def converted(settings: claims.Settings, source: Path) -> Path:
    """Convert a file, once; returns the folder of its ADV2 files."""
    output = settings.work / "load" / source.stem
    if not output.exists():
        words = [*claims.tallyport_command(settings), "convert", str(source), "-o", str(output), "-q"]
        done = subprocess.run(words, env=claims.environment())
        if done.returncode not in (0, 1):
            raise FailedError(f"{source.name} cannot be converted")
    return output / source.stem


def upserts(rows: Path) -> Path:
    """Make of a file of COPY lines what DHIS2 runs: upserts of 500 rows as literals, a transaction an element."""
    path = rows.with_suffix(".upsert.sql")
    columns = ", ".join(COLUMNS)
    sets = ", ".join(f"{name} = excluded.{name}" for name in ("value", "storedby", "comment", "followup", "deleted"))
    tail = f"\non conflict ({', '.join(KEY)}) do update set {sets}, lastupdated = now();\n"
    with rows.open(encoding="utf-8") as given, path.open("w", encoding="utf-8") as made:
        parted = (line.rstrip("\n").split("\t") for line in given)
        for _, group in groupby(parted, key=lambda row: row[0]):
            made.write("begin;\n")
            values = [f"({', '.join(row[:5])}, {', '.join(map(_literal, row[5:]))})" for row in group]
            for at in range(0, len(values), UPSERT_ROWS):
                rows_of_one = ",\n".join(values[at : at + UPSERT_ROWS])
                made.write(f"insert into datavalue ({columns}) values\n{rows_of_one}{tail}")
            made.write("commit;\n")
    return path


def _literal(text: str) -> str:
    return "null" if text == "\\N" else "'" + text.replace("'", "''") + "'"


LARGE = """
select e.uid, s.uid, array_agg(distinct c.uid), array_agg(distinct o.uid)
from dataelement as e
join datasetelement as m using (dataelementid)
join dataset as s using (datasetid)
join categorycombo as a on a.categorycomboid = s.categorycomboid and a.name = 'default'
join periodtype as t using (periodtypeid)
join categorycombos_optioncombos as l on l.categorycomboid = coalesce(m.categorycomboid, e.categorycomboid)
join categoryoptioncombo as c using (categoryoptioncomboid)
join datasetsource as u using (datasetid)
join organisationunit as o on o.organisationunitid = u.sourceid
where o.openingdate < '1990-01-01' and o.closeddate is null
    and e.valuetype in ('INTEGER', 'INTEGER_POSITIVE', 'INTEGER_ZERO_OR_POSITIVE')
    and t.name = 'Monthly'
group by 1, 2
order by count(*) desc, 1
limit 1
"""
"""A data element with many places for values: its data set, its option combos, organisation units open since long."""


def one_element(database: Database, months: int) -> Path:
    """Make an ADV2 file of one data element with all its places in so many months, for the memory of a large group."""
    found = database.run(LARGE)
    if not found:
        raise FailedError("no data element that fits")
    element, data_set, combos, units = found[0]
    periods = [f"{1990 + i // 12}{i % 12 + 1:02d}" for i in range(months)]
    header = {"ds": data_set, "de": element, "pe": periods, "ou": units, "coc": combos}
    assert isinstance(units, list)
    assert isinstance(combos, list)
    size = len(periods) * len(units) * len(combos)
    path = database.work / "load" / f"one-element-{size}.adv2.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as made:
        made.write(json.dumps({**header, "size": size})[:-1] + ',"data":[\n')
        for period in range(months):
            rows = (
                f"[{period},{u},{c},{(period + u * c) % 500 + 1}]"
                for u in range(len(units))
                for c in range(len(combos))
            )
            made.write((",\n" if period else "") + ",\n".join(rows))
        made.write("\n]}\n")
    return path


def small_groups(database: Database, count: int, rows: int) -> Path:
    """Make an ADV2 file of one data element in so many groups: by month, then by other organisation units."""
    path = database.work / "load" / f"{count}-groups-of-{rows}.adv2.json"
    ((element, data_set, combos, units),) = database.run(LARGE)
    assert isinstance(units, list)
    assert isinstance(combos, list)
    combos = combos[:1] if rows < len(combos) else combos[: max(n for n in range(1, len(combos) + 1) if rows % n == 0)]
    width = rows // len(combos)
    stretches = [units[at : at + width] for at in range(0, len(units) - width + 1, width)]
    months = [f"{2024 - at // 12}{at % 12 + 1:02d}" for at in range(-(-count // len(stretches)))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as made:
        for number, (month, of_group) in zip(range(count), product(months, stretches), strict=False):
            header = {"ds": data_set, "de": element, "pe": month, "ou": of_group, "coc": combos, "size": rows}
            values = [
                [*([u] if width > 1 else []), *([c] if len(combos) > 1 else []), (number + u * c) % 500 + 1]
                for u in range(width)
                for c in range(len(combos))
            ]
            made.write(("," if number else "[") + json.dumps({**header, "data": values}, separators=(",", ":")) + "\n")
        made.write("]\n")
    return path
