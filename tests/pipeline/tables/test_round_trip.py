"""Random values into ADV2, into a table, and from there into ADV2 again: byte for byte."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallyport import convert, read_adv2, write_table
from tallyport_schemas.finding import WHITE
from twin import legacy, values
from twin.values import Document

DOCUMENTS = st.tuples(values.documents("dxf-json"), st.integers(0, 2**32), st.booleans())

some = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def adv2(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.adv2.json")}


def converted(folder: Path, document: Document, seed: int, *, keeps: bool) -> Path | None:
    """Convert a random document; None if nothing came of it, or something that no table has a column for."""
    source = folder / "source.json"
    source.write_bytes(legacy.write(document, "dxf-json", random.Random(seed), noise=False))
    (outcome,) = convert([source], folder / "first", source_format="dxf-json", keep_followup_false=keeps).sources
    groups = [json.loads(text) for text in adv2(outcome.folder).values()] if outcome.folder else []
    is_carried = groups and not any("delete" in group or "cc" in group for group in groups)
    return outcome.folder if is_carried else None


def schemes(folder: Path) -> Mapping[str, str]:
    """The identifier schemes of a conversion, which is told them again: they are in no column."""
    ids = json.loads(next(iter(adv2(folder).values()))).get("ids", {})
    return {"": ids} if isinstance(ids, str) else ids


def fits_cells(folder: Path) -> bool:
    """Whether cells carry all texts: a reader of workbooks removes white space at their ends, and empty ones."""
    columns = read_adv2(folder).select(pl.col(pl.String)).iter_columns()
    return all(text and text == text.strip(WHITE) for column in columns for text in column.drop_nulls())


@pytest.mark.parametrize("kind", ["parquet", "arrow", "xlsx"])
def test_values_come_back_from_a_table_byte_for_byte(kind: str) -> None:
    @some
    @given(DOCUMENTS)
    def check(drawn: tuple[Document, int, bool]) -> None:
        document, seed, keeps = drawn
        with tempfile.TemporaryDirectory() as name, mock.patch("os.fsync"):
            first = converted(Path(name), document, seed, keeps=keeps)
            if first is None or (kind == "xlsx" and not fits_cells(first)):
                return
            report = write_table([first], Path(name) / f"table.{kind}")
            assert (report.ignored, report.left_out) == (0, 0)
            assert report.read == json.loads((first / "manifest.json").read_bytes())["values"]["written"]
            table = Path(name) / f"table.{kind}"
            (second,) = convert([table], Path(name) / "second", id_schemes=schemes(first)).sources
            assert second.folder
            assert adv2(second.folder) == adv2(first)

    check()
