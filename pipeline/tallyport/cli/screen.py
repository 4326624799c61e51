"""How findings, counts and progress look in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from tallyport_schemas.finding import Finding, Severity, shown
from tallyport_schemas.progress import Progress, Waiting

SHOWN = 20
"""Findings of a source that a screen shows; files and JSON have them all."""

LIST_SHOWN = 1_000
"""Characters of one finding's list that a screen shows; files and JSON have all of it."""

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_KEYS = {"dataElement": "data element", "period": "period", "orgUnit": "org unit"}
_EVERY_S = 5.0
_REDRAW_S = 0.2
_PACE_AFTER_S = 1.0


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


class Pace:
    """How fast things go, and how long they still take: of a stretch of work that counts towards one total."""

    def __init__(self) -> None:
        self._stretch: tuple[str, int] | None = None
        self._began = Progress("", "", 0, 0, 0)
        self._since = 0.0

    def text(self, progress: Progress, now: float) -> str:
        """Say it, of progress at a time in seconds; nothing as long as little is known."""
        stretch = (progress.phase.partition(" ")[0], progress.total)
        if stretch != self._stretch or progress.done < self._began.done:
            self._stretch, self._began, self._since = stretch, progress, now
        took, done = now - self._since, progress.done - self._began.done
        if took < _PACE_AFTER_S or done <= 0:
            return ""
        rate = f", {(progress.values - self._began.values) / took:,.0f} {progress.counted}/s"
        left = max(progress.total - progress.done, 0) * took / done
        return rate + (f", {duration_text(left)} left" if progress.total else "")


class Ticker:
    """Shows progress on stderr: a line redrawn on a terminal, else a plain line every few seconds."""

    def __init__(self, *, quiet: bool) -> None:
        self.is_quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._shown = time.monotonic() if not self._terminal else 0.0
        self._is_drawn = False
        self._is_waiting = False
        self._pace = Pace()

    def show(self, progress: Progress) -> None:
        """Show how far things are, if it is time to."""
        pace = self._pace.text(progress, time.monotonic())
        if self.is_due():
            part = f"{progress.done / progress.total:4.0%}" if progress.total else size_text(progress.done)
            self.draw(f"{progress.source}: {progress.phase} {part}, {progress.values:,} {progress.counted}{pace}")

    def wait(self, waiting: Waiting) -> None:
        """Show that a server is away, and that it is back: lines that stay, and between them how long it takes."""
        if self.is_quiet:
            return
        if waiting.is_over or not self._is_waiting:
            self.clear()
            limit = duration_text(waiting.wait_s)
            line = f"the server is away, waiting for up to {limit}: {waiting.reason}"
            if waiting.is_over:
                line = f"the server is back after {duration_text(waiting.waited_s)}"
            click.echo(line, err=True)
            self._is_waiting, self._shown = not waiting.is_over, time.monotonic()
        elif self.is_due():
            self.draw(f"waiting for the server for {duration_text(waiting.waited_s)}: {waiting.reason}")

    def is_due(self) -> bool:
        """Whether it is time to show something; if so, the next time begins now."""
        now = time.monotonic()
        if self.is_quiet or now - self._shown < (_REDRAW_S if self._terminal else _EVERY_S):
            return False
        self._shown = now
        return True

    def draw(self, line: str) -> None:
        """Show a line that may be replaced by the next."""
        if self._terminal:
            click.echo(f"\r\033[K{line}", err=True, nl=False)
            self._is_drawn = True
        else:
            click.echo(line, err=True)

    def clear(self) -> None:
        """Take the progress line away."""
        if self._is_drawn:
            click.echo("\r\033[K", err=True, nl=False)
            self._is_drawn = False


class JobTicker(Ticker):
    """Shows on stderr what a server's job says: each step as a line that stays, the steps of its loops as progress."""

    def tell(self, said: Any) -> None:
        """Show a notification, by its level, time and message."""
        if not (said.message or "").strip() and said.level != "ERROR":
            return  # such as jobs of data integrity begin and end with
        if self.is_quiet and said.level != "ERROR":
            return
        line = "  ".join(filter(None, ((said.time or "")[11:19], f"{said.level:<5}", shown(said.message or ""))))
        if said.level in ("LOOP", "DEBUG"):
            if self.is_due():
                self.draw(line)
            return
        self.clear()
        click.echo(line.rstrip(), err=True)

    def note(self, line: str) -> None:
        """Show a line that stays."""
        if not self.is_quiet:
            click.echo(line, err=True)
