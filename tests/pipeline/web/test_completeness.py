"""The map of completeness counts what a plain reading of the rows counts, whatever the header leaves implicit."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyport.web.jobs import completeness
from tallyport.web.jobs.completeness import Completeness

PERIODS, UNITS = ("202501", "202502", "202503"), ("ouClinicA01", "ouClinicB01", "ouClinicC01")
COMBOS: tuple[dict[str, Any], ...] = (
    {},
    {"coc": ["cocOver1yr1", "cocUnder1y1"]},
    {"co": [["optFemale01", "optMale0001"], ["optOver1yr1"], ["optRural001", "optUrban001"]]},
)


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    """A group with some of the rows that it could have, in order."""
    header: dict[str, Any] = {"de": "deVisits001", **draw(st.sampled_from(COMBOS))}
    header["pe"] = list(PERIODS[: draw(st.integers(1, 3))])
    header["ou"] = list(UNITS[: draw(st.integers(1, 3))])
    sizes = [len(header["pe"]), len(header["ou"]), *map(len, header.get("co", [header.get("coc", [1])]))]
    places = [place for place in itertools.product(*map(range, sizes)) if draw(st.booleans())]
    rows = [[index for index, size in zip(place, sizes, strict=True) if size > 1] + ["7"] for place in places]
    header["pe"], header["ou"] = (names if len(names) > 1 else names[0] for names in (header["pe"], header["ou"]))
    return {**header, "size": len(rows), "data": rows, "places": places}


def counted(*made: dict[str, Any]) -> Completeness:
    found = Completeness()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.adv2.json"
        path.write_text(json.dumps([{k: v for k, v in group.items() if k != "places"} for group in made]))
        for _ in found.add([(str(path), path.name)]):
            pass
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=3))
def test_the_map_has_what_a_plain_count_of_the_rows_has(made: list[dict[str, Any]]) -> None:
    expected = Counter((PERIODS[at[0]], UNITS[at[1]]) for group in made for at in group["places"])
    found = counted(*made).map()
    if found is None:
        assert not expected
        return
    told = {
        (period, unit): count
        for unit, counts in zip(found["units"], found["cells"], strict=True)
        for period, count in zip(found["periods"], counts, strict=True)
        if count
    }
    assert told == dict(expected)
    assert (found["filled"], found["most"]) == (len(expected), max(expected.values()))


def test_units_with_the_least_stand_first_and_the_map_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completeness, "UNITS_SHOWN", 2)
    monkeypatch.setattr(completeness, "PERIODS_SHOWN", 2)
    rows = [[0, 0, "1"], [0, 1, "1"], [0, 2, "1"], [1, 1, "1"], [2, 1, "1"], [2, 2, "1"]]
    found = counted({"de": "deVisits001", "pe": list(PERIODS), "ou": list(UNITS), "size": 6, "data": rows}).map()
    assert found is not None
    assert (found["units"], found["periods"]) == (["ouClinicA01", "ouClinicC01"], ["202502", "202503"])
    assert (found["total_units"], found["total_periods"]) == (3, 3)


def test_what_is_too_much_for_a_map_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completeness, "CELLS_LIMIT", 1)
    rows = [[0, 0, "1"], [0, 1, "1"]]
    group = {"de": "deVisits001", "pe": list(PERIODS), "ou": list(UNITS), "size": 2, "data": rows}
    found = counted(group, {"delete": "hard", **group})
    assert found.map() is None
    assert found.removes_for_good == 1
