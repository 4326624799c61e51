"""Progress in words: how fast, and how long still."""

from __future__ import annotations

from tallyport.cli.screen import Pace
from tallyport_schemas.progress import Progress


def test_rate_and_remaining_time_are_of_the_stretch_so_far() -> None:
    pace = Pace()
    assert pace.text(Progress("a", "import deVisits001", 100, 1_000, 50), 10.0) == ""
    assert pace.text(Progress("a", "import deVisits001", 200, 1_000, 150), 10.5) == ""
    assert pace.text(Progress("b", "import deNotes0001", 400, 1_000, 2_050), 12.0) == ", 1,000 values/s, 4 s left"


def test_another_phase_is_another_stretch() -> None:
    pace = Pace()
    pace.text(Progress("a", "read", 0, 100, 0), 0.0)
    assert pace.text(Progress("a", "read", 50, 100, 10), 100.0) == ", 0 values/s, 1 min 40 s left"
    assert pace.text(Progress("a", "write", 0, 100, 10), 101.0) == ""
    assert pace.text(Progress("a", "write", 1, 100, 10), 201.0) == ", 0 values/s, 2 h 45 min left"


def test_without_a_total_nothing_is_said_of_the_time_left() -> None:
    pace = Pace()
    pace.text(Progress("-", "read", 0, 0, 0), 0.0)
    assert pace.text(Progress("-", "read", 50, 0, 30), 2.0) == ", 15 values/s"


def test_what_is_counted_is_named() -> None:
    pace = Pace()
    pace.text(Progress("https://host", "pull dataElements", 0, 100, 0, "objects"), 0.0)
    assert (
        pace.text(Progress("https://host", "pull dataElements", 50, 100, 50, "objects"), 2.0)
        == ", 25 objects/s, 2 s left"
    )
