"""How findings, counts and reports look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallyport_schemas.finding import Finding, Severity, shown

if TYPE_CHECKING:
    from tallyport.source_report import SourceReport

SHOWN = 20
"""Findings of a source that a screen shows; files and JSON have them all."""

LIST_SHOWN = 1_000
"""Characters of one finding's list that a screen shows; files and JSON have all of it."""

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_KEYS = {"dataElement": "data element", "period": "period", "orgUnit": "org unit"}


def finding_text(found: Finding) -> str:
    """Return a finding as a few lines: what, where, found, help."""
    head = click.style(f"{found.severity}[{found.code}]", fg=_COLORS[found.severity], bold=True)
    lines = [f"{head}: {found.message}"]
    where = [found.source] if found.source else []
    first = "first " if (found.count or 1) > 1 else ""
    if found.line is not None:
        where.append(f"{first}line {found.line:,}")
        if found.sheet_row not in (None, found.line):
            where.append(f"sheet row {found.sheet_row:,}")
    elif found.sheet is not None:
        where.append(f"sheet {found.sheet}")
        where += [f"{first}row {found.sheet_row:,}"] if found.sheet_row else []
        where += [f"cell {found.cell}"] if found.cell else []
    elif found.row is not None:
        where.append(f"{first}row {found.row:,}")
    if found.field:
        where.append(f'field "{found.field}"')
    if where:
        lines.append(f"  --> {', '.join(where)}")
    if shared := _shared(found):
        lines.append(f"      {shared}")
    if found.keys:
        named = ", ".join(f"{_KEYS[name]} {text}" for name, text in found.keys.items())
        lines.append(f"      {'first: ' if first else ''}{named}")
    if found.found is not None:
        lines.append(f"      found {_capped(found.found)}")
    if found.expected is not None:
        lines.append(f"      expected {found.expected}")
    if found.help:
        lines.append(f"  help: {found.help}")
    return "\n".join(lines)


def _shared(found: Finding) -> str:
    """Return how many values and groups share a finding."""
    values = "" if found.count is None else f"{found.count:,} {'value' if found.count == 1 else 'values'}"
    groups = f"in {found.groups:,} groups" if (found.groups or 1) > 1 else ""
    return " ".join(filter(None, (values, groups)))


def _capped(text: str) -> str:
    """Return a list of culprits as far as a screen shows it."""
    return text if len(text) <= LIST_SHOWN else f"{text[:LIST_SHOWN]}... ({len(text):,} characters, all with --json)"


def show_findings(findings: Sequence[Finding], total: int) -> None:
    """Print findings on stderr, capped, and say so."""
    for found in findings[:SHOWN]:
        click.echo(finding_text(found), err=True)
    if total > SHOWN:
        click.echo(f"first {SHOWN} of {total:,}", err=True)


def show_worst(findings: Sequence[Finding]) -> None:
    """Print findings that are one a cause, the worst first, capped."""
    from tallyport.validation.rejected_rows import worst_first

    show_findings(worst_first(findings), len(findings))


def sum_text(values: Mapping[str, int]) -> str:
    """Return the sum that always holds.

    >>> sum_text({"read": 8, "written": 6, "superseded": 1, "rejected": 1})
    '8 read = 6 written + 1 superseded + 1 rejected'
    """
    return (
        f"{values['read']:,} read = {values['written']:,} written + {values['superseded']:,} superseded "
        f"+ {values['rejected']:,} rejected"
    )


def dropped_text(dropped: Mapping[str, int]) -> str:
    """Return what ADV2 has no place for, with how many values had it."""
    return ", ".join(f"{shown(name)} {count:,}" for name, count in dropped.items())


def show_source(report: SourceReport, rejects: Path | None) -> None:
    """Print the sum of a source, what else it has, and where its rejected values are; `rejects`: the file of these."""
    click.echo(f"{shown(report.source)}: {sum_text(report.values)}")
    if report.values["rejected"]:
        hint = f"are in {rejects}" if rejects else "go to a file with --rejects FILE"
        click.echo(f"  the rejected values and why {hint}")
    if report.dropped:
        click.echo(f"  dropped (no place in ADV2): {dropped_text(report.dropped)}")
    if report.completions:
        click.echo(f"  data sets reported complete: {report.completions:,}")


def show_count(count: int, text: str, *, if_none: bool = False) -> None:
    """Print a line of a sum, unless it is nothing."""
    if count or if_none:
        click.echo(f"  {count:>12,} {text}")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, which is in the singular for one.

    >>> counted(1, "group"), counted(2_000, "group")
    ('1 group', '2,000 groups')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def failed_text(count: int, failed: int, noun: str) -> str:
    """Return how many there are of something, and how many of them failed.

    >>> failed_text(42, 2, "group"), failed_text(2, 1, "group"), failed_text(1, 1, "data element")
    ('42 groups, 2 of them fail', '2 groups, 1 of them fails', '1 data element, which fails')
    """
    if not failed:
        return counted(count, noun)
    which = "which fails" if count == 1 else f"{failed:,} of them {'fails' if failed == 1 else 'fail'}"
    return f"{counted(count, noun)}, {which}"


def size_text(size_bytes: int) -> str:
    """Return a size as people say it.

    >>> size_text(2841162)
    '2.8 MB'
    """
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def duration_text(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> duration_text(75), duration_text(600)
    ('1 min 15 s', '10 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    words = [f"{minutes} min"] if minutes else []
    return " ".join(words + ([f"{rest} s"] if rest or not minutes else []))
