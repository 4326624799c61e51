"""Tables: columns as wide as what they hold, cut to the width of a terminal; elsewhere nothing is cut."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from tallyport_schemas.finding import shown

_UNCUT = 100_000
"""Columns of what is no terminal."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows below the names of their columns; those in `right` are numbers. A title of a column may be empty."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold" if is_terminal else "")
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    console = Console(file=sys.stdout, width=None if is_terminal else _UNCUT, highlight=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
