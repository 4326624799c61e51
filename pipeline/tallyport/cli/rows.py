"""Listings: rows as text, JSON, NDJSON or CSV, written as they come."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self

import click

from tallyport.cli.options import flag, option, refuse, together
from tallyport.cli.screen import SHOWN, finding_text
from tallyport.cli.talk import AS_JSON, MESSAGES
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, shown

FORMATS = ("text", "json", "ndjson", "csv")
_FLUSH_S = 0.1
_SPOOL_BYTES = 8 << 20


format_options = together(
    option("--format", "form", choices=FORMATS, help="How results are printed.  [default: text]"),
    flag("--json", "as_json", help="Print one JSON document, as --format json does."),
    section=MESSAGES,
)
"""--format and --json; see `chosen_format`."""


def chosen_format(form: str | None, *, as_json: bool) -> str:
    """Return the format that the options ask for."""
    refuse((as_json and form not in (None, "json"), f"--json and --format {form} exclude each other"))
    chosen = "json" if as_json else form or "text"
    click.get_current_context().meta[AS_JSON] = chosen == "json"
    return chosen


class Listing:
    """Prints rows; a context manager.

    A JSON document is shown when it is whole: what fails on the way is then the one document. `columns` are those of
    CSV, in order; text shows the ones with a width, to the right where it is negative.
    """

    def __init__(self, form: str, name: str, columns: Mapping[str, int]) -> None:
        self.count = 0
        self._form = form
        self._columns = columns
        self._findings: list[Finding] = []
        self._spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, "w+", encoding="utf-8")  # noqa: SIM115
        if form == "json":
            self._spool.write(f'{{"{name}":[')
        elif form == "csv":
            self._csv = csv.writer(sys.stdout, lineterminator="\n")
            self._csv.writerow(columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def row(self, row: Document) -> None:
        """Print one. Text and CSV have the columns, JSON all members."""
        self.count += 1
        if self._form == "json":
            self._spool.write(("," if self.count > 1 else "") + json.dumps(row))
        elif self._form == "ndjson":
            sys.stdout.write(json.dumps(row) + "\n")
        elif self._form == "csv":
            self._csv.writerow([_cell(row.get(name)) for name in self._columns])
        else:
            texts = [(shown(_cell(row.get(name))), width) for name, width in self._columns.items() if width]
            line = "  ".join(f"{text:>{-width}}" if width < 0 else f"{text:<{width}}" for text, width in texts)
            sys.stdout.write(line.rstrip() + "\n")

    def note(self, found: Finding) -> None:
        """Show a finding on stderr, or keep it for the document."""
        self._findings.append(found)
        if self._form != "json" and len(self._findings) <= SHOWN:
            click.echo(finding_text(found), err=True)

    def end(self) -> bool:
        """End it; returns whether there is something to report."""
        if self._form == "json":
            findings = [found.as_json() for found in self._findings]
            self._spool.write(f'],"findings":{json.dumps(findings)}}}\n')
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, sys.stdout)
        elif len(self._findings) > SHOWN:
            click.echo(f"first {SHOWN} of {len(self._findings):,} findings", err=True)
        return bool(self._findings)


@asynccontextmanager
async def flushed() -> AsyncIterator[None]:
    """Let rows be seen soon though they are written in large parts: while the next ones are waited for."""
    import asyncio

    printing = asyncio.current_task()
    assert printing is not None
    broken: list[OSError] = []

    async def flushing() -> None:
        try:
            while True:
                await asyncio.sleep(_FLUSH_S)
                sys.stdout.flush()
        except OSError as error:  # nobody reads on
            broken.append(error)
            printing.cancel()

    task = asyncio.create_task(flushing())
    try:
        yield
    except asyncio.CancelledError:
        if broken and printing.uncancel() == 0:
            raise broken[0] from None
        raise
    finally:
        task.cancel()


def _cell(value: object) -> str:
    """Return a value as a column shows it; half of a character, which UTF-8 cannot carry, as its number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
