"""Progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere, or JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

import click

from tallyport.cli.screen import duration_text, size_text
from tallyport_schemas.document import Document
from tallyport_schemas.finding import shown
from tallyport_schemas.progress import Progress, Waiting

if TYPE_CHECKING:
    from tallyport.dhis2.api.models import Notification

_LINES_EVERY_S, _JSON_EVERY_S, _REDRAW_S = 5.0, 1.0, 0.2
BAR_AFTER_S = 0.3
"""What is done sooner has no bar: to load what draws it would take longer."""

_PACE_AFTER_S = 1.0


class Pace:
    """How fast things go, and how long they still take: of a stretch of work that counts towards one total."""

    def __init__(self) -> None:
        self._stretch: tuple[str, int] | None = None
        self._began = Progress("", "", 0, 0, 0)
        self._since = 0.0
        self.per_second: float | None = None
        """Values a second; None as long as little is known."""
        self.left_s: float | None = None
        """Seconds that it still takes."""

    def take(self, progress: Progress, now: float) -> None:
        """Take progress at a time in seconds."""
        stretch = (progress.phase.partition(" ")[0], progress.total)
        if stretch != self._stretch or progress.done < self._began.done:
            self._stretch, self._began, self._since = stretch, progress, now
        took, done = now - self._since, progress.done - self._began.done
        self.per_second = self.left_s = None
        if took >= _PACE_AFTER_S and done > 0:
            self.per_second = (progress.values - self._began.values) / took
            if progress.total:
                self.left_s = max(progress.total - progress.done, 0) * took / done

    def text(self, progress: Progress) -> str:
        """Return how many values there were, how fast, and how long it still takes."""
        text = f"{progress.values:,} {progress.counted}"
        text += "" if self.per_second is None else f", {self.per_second:,.0f}/s"
        return text + ("" if self.left_s is None else f", {duration_text(self.left_s)} left")


class Ticker:
    """Shows progress; this one shows nothing. Use it in a `with`, at whose end nothing of it is left on a terminal."""

    every_s = float("inf")

    def __init__(self) -> None:
        self._pace = Pace()
        self._shown = time.monotonic()
        self._is_waiting = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, event: object) -> None:
        """Show how far things are, if it is time to; that a server is away, and that it is back."""
        if isinstance(event, Waiting):
            self._wait(event)
        elif isinstance(event, Progress):
            self._pace.take(event, time.monotonic())
            if self.is_due():
                self._draw(event, self._pace)

    def _wait(self, waiting: Waiting) -> None:
        """Show that a server is away and that it is back, and between them how long it takes."""

    def say(self, said: Notification) -> None:
        """Show what a job of a server says; here only that it failed."""
        if said.level == "ERROR":
            self.clear()
            click.echo(_line(said), err=True)

    def note(self, line: str) -> None:
        """Show a line that stays."""

    def clear(self) -> None:
        """Take what may be replaced away, before other lines are printed."""

    def is_due(self) -> bool:
        """Whether it is time to show something; if so, the next time begins now."""
        now = time.monotonic()
        if now - self._shown < self.every_s:
            return False
        self._shown = now
        return True

    def _draw(self, progress: Progress, pace: Pace) -> None:
        """Show progress now."""


class PlainLines(Ticker):
    """Plain lines."""

    every_s = _LINES_EVERY_S

    def _wait(self, waiting: Waiting) -> None:
        if waiting.is_over or not self._is_waiting:
            limit = duration_text(waiting.wait_s)
            line = f"the server is away, waiting for up to {limit}: {waiting.reason}"
            if waiting.is_over:
                line = f"the server is back after {duration_text(waiting.waited_s)}"
            self.note(line)
            self._is_waiting, self._shown = not waiting.is_over, time.monotonic()
        elif self.is_due():
            self._line(f"waiting for the server for {duration_text(waiting.waited_s)}: {waiting.reason}")

    def say(self, said: Notification) -> None:
        """Show a line that stays, or for a step of a loop one that may be replaced."""
        if not (said.message or "").strip() and said.level != "ERROR":
            return  # such as jobs of data integrity begin and end with
        if said.level not in ("LOOP", "DEBUG"):
            self.note(_line(said))
        elif self.is_due():
            self._line(_line(said))

    def note(self, line: str) -> None:
        """Show a line that stays."""
        self.clear()
        click.echo(line, err=True)

    def _draw(self, progress: Progress, pace: Pace) -> None:
        part = f"{progress.done / progress.total:.0%}" if progress.total else size_text(progress.done)
        self._line(f"{progress.source}: {progress.phase} {part}, {pace.text(progress)}")

    def _line(self, line: str) -> None:
        """Show a line that the next may replace."""
        click.echo(line, err=True)


class Bar(PlainLines):
    """A bar in the last line of a terminal, drawn by rich."""

    every_s = _REDRAW_S

    def __init__(self) -> None:
        super().__init__()
        self._shown += BAR_AFTER_S - _REDRAW_S
        self._is_drawn = False

    def clear(self) -> None:
        """Take the bar away."""
        if self._is_drawn:
            self._write("")
            self._is_drawn = False

    def _draw(self, progress: Progress, pace: Pace) -> None:
        from rich.console import Console
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        console = Console(stderr=True, no_color=click.get_current_context().color is False)
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True, justify="right")
        row.add_column(no_wrap=True)
        is_known = progress.total > 0
        bar = ProgressBar(progress.total if is_known else None, progress.done, pulse=not is_known)
        part = f"{progress.done / progress.total:.0%}" if is_known else size_text(progress.done)
        row.add_row(f"{progress.source}: {progress.phase}", bar, part, pace.text(progress))
        with console.capture() as drawn:
            console.print(row, width=console.width - 1, end="")
        self._line(drawn.get().rstrip("\n"))

    def _line(self, line: str) -> None:
        self._write(line)
        self._is_drawn = True

    @staticmethod
    def _write(line: str) -> None:
        """Replace the line; past click, which would take the escape sequence for a color that is not wanted."""
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()


class JsonLines(Ticker):
    """A JSON object a line, as `json/progress.schema.json` describes it."""

    every_s = _JSON_EVERY_S

    def _wait(self, waiting: Waiting) -> None:
        if waiting.is_over or not self._is_waiting or self.is_due():
            self._is_waiting = not waiting.is_over
            self._print("waiting", asdict(waiting))

    def say(self, said: Notification) -> None:
        """Print it."""
        self._print("job", {"level": said.level, "time": said.time, "message": said.message})

    def _draw(self, progress: Progress, pace: Pace) -> None:
        found = {"per_second": pace.per_second, "left_s": pace.left_s}
        known = {name: round(value, 1) for name, value in found.items() if value is not None}
        self._print("progress", asdict(progress) | known)

    def _print(self, event: str, members: Document) -> None:
        click.echo(json.dumps({"event": event, **members}), err=True)


def ticker(form: str | None, *, is_quiet: bool) -> Ticker:
    """Return what shows progress in a form: `bar`, `plain`, `json`, or None for what suits where stderr leads."""
    if is_quiet:
        return Ticker()
    kinds: dict[str, type[Ticker]] = {"bar": Bar, "plain": PlainLines, "json": JsonLines}
    return kinds[form or ("bar" if sys.stderr.isatty() else "plain")]()


def _line(said: Notification) -> str:
    """Return a notification's time, level and message as a line."""
    return "  ".join(filter(None, ((said.time or "")[11:19], f"{said.level:<5}", shown(said.message or "")))).rstrip()
