"""Tables: columns as wide as what they hold, the widest cut to fit a terminal; elsewhere nothing is cut."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from tallyport_schemas.finding import shown

_UNCUT = 100_000
"""Columns of what is no terminal."""

_BETWEEN = 2
"""Columns between two columns of a table."""

_LEAST = 4
"""Columns that a column keeps, however narrow the terminal is."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows below the titles of their columns; those in `right` are numbers. A title may have two lines."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if is_terminal else _UNCUT, highlight=False)
    cells = [[shown(cell) for cell in row] for row in rows]
    titles = list(columns)

    def room() -> tuple[list[int], int]:
        texts = [[*title.split("\n"), *(row[at] for row in cells)] for at, title in enumerate(titles)]
        return [max(map(cell_len, each)) for each in texts], console.width - _BETWEEN * (len(titles) - 1)

    widths, most = room()
    if sum(widths) > most and len(cells) > 1:
        # What all rows share is said once, so that more of the rest fits.
        shared = [at for at in range(1, len(titles)) if len({row[at] for row in cells}) == 1]
        if shared:
            said = (f"{titles[at].replace(chr(10), ' ')} {cells[0][at]}" for at in shared)
            click.echo(f"in all of these: {', '.join(said)}")
        titles, *cells = ([cell for at, cell in enumerate(row) if at not in shared] for row in (titles, *cells))
        widths, most = room()
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold" if is_terminal else "",
    )
    for title, width in zip(titles, fitting(widths, most), strict=True):
        table.add_column(
            Text(title), justify="right" if title in right else "left", no_wrap=True, width=width, vertical="bottom"
        )
    for row in cells:
        table.add_row(*map(Text, row))
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def fitting(natural: Sequence[int], room: int) -> list[int]:
    """Return the widths of columns that fit a room together: the widest are cut, to one width.

    >>> fitting([4, 30, 11, 60], 60)
    [4, 22, 11, 22]
    """
    most = max(natural, default=0)
    while most > _LEAST and sum(min(width, most) for width in natural) > room:
        most -= 1
    return [min(width, most) for width in natural]
