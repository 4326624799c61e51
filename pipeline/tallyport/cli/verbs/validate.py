"""`tallyport validate`: can these ADV2 files be imported?"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tallyport.cli.options import Command, Size, file_option, flag, option, read_once, refuse, usage
from tallyport.cli.screen import counted, failed_text, finding_text, show_worst
from tallyport.cli.talk import Talk, talk_options
from tallyport_schemas.finding import Finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.cli.progress import Ticker
    from tallyport.validation.report import Event, GroupResult

_SPOOL_BYTES = 8 << 20


@click.command("validate", cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@option("--metadata", metavar="SNAPSHOT", help="Also check against metadata: a snapshot, or a DHIS2 export.")
@option(
    "--dhis2",
    "generation",
    callback=lambda _context, _option, given: Generation(given),
    choices=[str(each) for each in Generation],
    default=str(Generation.V43),
    help="The DHIS2 version whose rules for values and comments apply.",
)
@flag("--header-only", help="Stop after the headers: reads no rows.")
@file_option("--report", "Write all findings to a file, as NDJSON.")
@option(
    "--memory",
    "memory_bytes",
    type=Size(),
    default="256MB",
    help="Memory for finding repeated rows; reading stops at a file that needs more.",
)
@talk_options(verbose="Print every group, and which checks could not be made.")
def command(talk: Talk, paths: tuple[str, ...], metadata: str | None, report: Path | None, **how: Any) -> int:
    """Check whether ADV2 files can be imported.

    \b
    Examples:
      tallyport validate out/january
      tallyport validate out/january --metadata country.snapshot
      tallyport validate big.adv2.json.zst --header-only
      tallyport validate out --report problems.ndjson

    PATH is an ADV2 file, plain or compressed, a folder of them, or - for standard input.
    """
    from tallyport.validation.validate import load_snapshot, validation, walked

    read_once(paths)
    with usage():
        files = [path for path, _ in walked(paths)]
        snapshot = load_snapshot(metadata)
        events = validation(paths, snapshot, **how)
    if report:
        read = [*files, *([metadata] if metadata else [])]
        refuse((any(_is_same(report, path) for path in read), f"the report would replace what is read: {report}"))
    about_metadata = snapshot.findings if snapshot else ()
    with ExitStack() as stack:
        lines = stack.enter_context(report.open("w", encoding="utf-8")) if report else None
        ticker = stack.enter_context(talk.ticker())
        # A document is printed when it is whole: what fails on the way is then the one document.
        spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, "w+", encoding="utf-8")  # noqa: SIM115
        stack.enter_context(spool)
        shown = _Document(spool, about_metadata) if talk.as_json else _Screen(talk, ticker, about_metadata)
        verdict = _Verdict(lines, about_metadata)
        for event in events:
            ticker.show(event)
            if not isinstance(event, Progress):
                verdict.take(event)
                shown.take(event)
        ticker.clear()
        shown.end()
        return verdict.exit_code


def _is_same(one: Path, other: str) -> bool:
    try:
        return other != "-" and one.samefile(other)
    except OSError:
        return False


class _Verdict:
    """Keeps the exit code, and writes every finding to the file for it."""

    def __init__(self, lines: IO[str] | None, about_metadata: Sequence[Finding]) -> None:
        self._lines = lines
        self.exit_code = 0
        self._take(about_metadata)

    def take(self, event: Event) -> None:
        from tallyport.validation.report import FileResult, GroupResult, findings_of

        self._take(findings_of(event))
        if isinstance(event, FileResult) and event.error:
            self._take([event.error])
        if (isinstance(event, GroupResult) and not event.valid) or (isinstance(event, FileResult) and event.error):
            self.exit_code = 3

    def _take(self, findings: Sequence[Finding]) -> None:
        if findings:
            self.exit_code = max(self.exit_code, 1)
        if self._lines:
            self._lines.writelines(json.dumps(found.as_json()) + "\n" for found in findings)


class _Document:
    """Prints the JSON document; however many findings there are, they are not held in memory."""

    def __init__(self, spool: IO[str], about_metadata: Sequence[Finding]) -> None:
        from tallyport.validation.report import ValidationDocument

        self._spool, self._document = spool, ValidationDocument(about_metadata)

    def take(self, event: Event) -> None:
        self._spool.writelines(self._document.parts(event))

    def end(self) -> None:
        self._spool.writelines(self._document.end())
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, sys.stdout)


class _Screen:
    """Shows verdicts as lines, and at the end the findings, one a cause, and the sum."""

    def __init__(self, talk: Talk, ticker: Ticker, about_metadata: Sequence[Finding]) -> None:
        from tallyport.validation.rejected_rows import Causes

        self._talk, self._ticker = talk, ticker
        self._causes, self._of_group = Causes(), Causes()
        self._files = self._groups = self._failed = self._read = self._accepted = 0
        self._not_made: set[str] = set()
        for found in about_metadata:
            click.echo(finding_text(found), err=True)

    def take(self, event: Event) -> None:
        from tallyport.validation.report import FileResult, GroupResult, findings_of

        for found in findings_of(event):
            self._of_group.add(found, found.count or (None if found.row is None else 1))
        if isinstance(event, GroupResult):
            self._end_group(event)
        elif isinstance(event, FileResult):
            self._files += 1
            if event.error:
                self._causes.add(event.error)

    def _end_group(self, result: GroupResult) -> None:
        from tallyport.validation.rejected_rows import Causes

        self._groups += 1
        self._failed += not result.valid
        self._read += result.read
        self._accepted += result.accepted
        self._not_made.update(result.not_made)
        for found in self._of_group.findings:
            self._causes.add(found, found.count, groups=1)
        self._of_group = Causes()
        if self._talk.verbose:
            self._ticker.clear()
            accepted = f"{result.accepted:,} of {counted(result.read, 'row')} accepted"
            verdict = accepted if result.valid else "the group fails"
            click.echo(f"{result.file}: {result.de or 'no data element'}: {verdict}")

    def end(self) -> None:
        show_worst(self._causes.findings)
        if self._talk.quiet:
            return
        click.echo(f"{counted(self._files, 'file')}, {failed_text(self._groups, self._failed, 'group')}")
        read, ignored = counted(self._read, "row"), self._read - self._accepted
        click.echo(f"  {read} read = {self._accepted:,} accepted + {ignored:,} ignored")
        if self._not_made:
            checks = "; ".join(sorted(self._not_made)) if self._talk.verbose else "see --verbose"
            click.echo(f"  {counted(len(self._not_made), 'check')} not made, for lack of metadata: {checks}")
