"""Outlook: what a job changes, what it leaves as it is, what is lost, and the verdict that follows from these.

The verdict follows from the values, not from whether anything failed: any value lost to a different one, or one in a
hundred rejected, is no green; one in twenty lost is red.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Tone = Literal["good", "warn", "bad"]

LOST_IS_BAD = 0.05
"""Share of the values from which a loss turns the verdict red."""

CHANGES = ("insert", "update", "undelete", "delete", "imported", "updated", "deleted")
"""Counts of what is written differently from what is stored."""

_LOST = ("rejected", "left_out", "not_sent")


def outlook(summary: Mapping[str, Any], target_kind: str) -> dict[str, Any]:
    """Return the members that a summary gets at its end.

    `given` values of the sources; `changes` (what the target has differently afterwards; where files are all there is,
    the values in them), `same` (stored already), `duplicates` (dropped, of the same value), `lost`; `tone`. A server
    says `ignored` of values that it has already, a database of values that it cannot take.

    >>> summary = {"values": {"read": 10, "written": 9, "superseded": 1, "rejected": 0, "superseded_differing": 1},
    ...     "rows": {"insert": 2, "unchanged": 7, "ignored": 0}, "exit_code": 0}
    >>> outlook(summary, "database")
    {'given': 10, 'changes': 2, 'same': 7, 'duplicates': 0, 'lost': 1, 'tone': 'bad'}
    """
    values, rows = summary["values"], summary["rows"]
    differing = values.get("superseded_differing", 0)
    same = rows.get("unchanged", 0) + (rows.get("ignored", 0) if target_kind == "profile" else 0)
    not_written = sum(rows.get(name, 0) for name in _LOST) + (rows.get("ignored", 0) if target_kind != "profile" else 0)
    changes = sum(rows.get(name, 0) for name in CHANGES) if target_kind != "convert" else rows.get("accepted", 0)
    given = values["read"] - values["written"] + sum(rows.values())
    lost = values["rejected"] + differing + not_written
    tone: Tone = "warn" if summary["exit_code"] == 1 or lost else "good"
    if summary["exit_code"] > 1 or lost > given * LOST_IS_BAD:
        tone = "bad"
    return {
        "given": given,
        "changes": changes + summary.get("cleared", 0),
        "same": same,
        "duplicates": values["superseded"] - differing,
        "lost": lost,
        "tone": tone,
    }
