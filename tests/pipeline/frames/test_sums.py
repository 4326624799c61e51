"""Sums of the public DHIS2 demo: the same through frames, through DuckDB, and by SQL where DHIS2 stores them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from support.databases import execute, restore_tables, running_server
from support.places import DATA
from support.sierra_leone import FILE, VALUES
from tallyport import Snapshot, convert, open_adv2, scan_adv2, write_table

METADATA = [DATA / "sierra-leone-metadata.json.gz", DATA / "sierra-leone-org-units.json.gz"]
DUMP = DATA / "dhis2-v43-database.sql.gz"
PLACES = 6

Sums = dict[tuple[str, str, str], Decimal]

pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (FILE, DUMP, *METADATA)),
    reason=f"values and database of Sierra Leone are not in {DATA}: set TALLYPORT_DATA to the folder that has them",
)

SQL = r"""
    select element.uid, period.iso, district.name, sum(value::numeric)
    from datavalue
    join dataelement element using (dataelementid)
    join period using (periodid)
    join organisationunit unit on unit.organisationunitid = sourceid
    join organisationunit district on district.uid = split_part(unit.path, '/', 3)
    where not deleted and value ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?$'
    group by 1, 2, 3
"""


@pytest.fixture(scope="module")
def adv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adv2")
    convert([FILE], folder)
    return folder


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Snapshot.from_exports(METADATA)


@pytest.fixture(scope="module")
def stored() -> Iterator[Sums]:
    """Sums of the values as DHIS2's own database has them."""
    with running_server() as server:
        url = restore_tables(server, "43", "datavalue", "dataelement", "period", "organisationunit")
        yield {(element, period, district): total for element, period, district, total in execute(url, SQL)}


def test_sums_by_data_element_period_and_district_are_those_of_the_database(
    adv2: Path, snapshot: Snapshot, stored: Sums
) -> None:
    exact = pl.col("value").cast(pl.Decimal(38, PLACES)).sum()
    found = (
        scan_adv2(adv2, snapshot)
        .filter(pl.col("number").is_not_null() & ~pl.col("deleted"))
        .group_by("data_element", "period", "level_2")
        .agg(exact)
        .collect(engine="streaming")
    )
    assert {(element, period, district): total for element, period, district, total in found.rows()} == stored
    assert len(stored) > 5_000


def test_sums_in_duckdb_are_those_of_the_database(adv2: Path, snapshot: Snapshot, stored: Sums, tmp_path: Path) -> None:
    write_table([adv2], tmp_path / "values.parquet")
    districts = scan_adv2(adv2, snapshot).select("org_unit", "level_2").unique().collect().to_arrow()
    values = open_adv2(adv2)
    database = duckdb.connect()
    for source in (f"'{tmp_path / 'values.parquet'}'", "values"):
        rows = database.execute(
            f"select data_element, period, level_2, sum(value::decimal(38, {PLACES})) from {source} "
            "join districts using (org_unit) where number is not null and not deleted group by 1, 2, 3"
        ).fetchall()
        assert {(element, period, district): total for element, period, district, total in rows} == stored
    assert database.execute("select count(*) from values").fetchall() == [(VALUES,)]
    del districts, values
