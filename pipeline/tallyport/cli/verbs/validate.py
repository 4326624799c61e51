"""`tallyport validate`: can these ADV2 files be imported?"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import click

from tallyport.cli.screen import Ticker, counted, failed_text, finding_text
from tallyport.cli.source_reports import show_worst
from tallyport.cli.verbs.convert import Size
from tallyport_schemas.finding import Finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.progress import Progress

_SPOOL_BYTES = 8 << 20


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--metadata", metavar="SNAPSHOT", help="Also check against metadata: a snapshot, or a DHIS2 export.")
@click.option(
    "--dhis2",
    type=click.Choice([str(each) for each in Generation]),
    default=str(Generation.V43),
    show_default=True,
    help="The DHIS2 whose rules for values and comments hold.",
)
@click.option("--header-only", is_flag=True, help="Stop after the headers: reads no rows.")
@click.option(
    "--report", metavar="FILE", type=click.Path(dir_okay=False), help="Write all findings there, one JSON a line."
)
@click.option(
    "--memory",
    type=Size(),
    default="256MB",
    show_default=True,
    help="What finding repeated rows may take; a file that needs more is not read on.",
)
@click.option("--json", "as_json", envvar="TALLYPORT_VALIDATE_JSON", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
@click.option("-v", "--verbose", is_flag=True, help="Print every group, and which checks could not be made.")
def command(
    paths: tuple[str, ...],
    metadata: str | None,
    dhis2: str,
    header_only: bool,
    report: str | None,
    memory: int,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say of ADV2 files whether they can be imported.

    \b
    Examples:
      tallyport validate out/january
      tallyport validate out/january --metadata country.snapshot
      tallyport validate big.adv2.json.zst --header-only
      tallyport validate out --report problems.ndjson

    PATH is an ADV2 file, plain or compressed, a folder of them, or - for standard input.
    """
    from tallyport.validation.validate import load_snapshot, validation, walked

    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    if verbose and as_json:
        raise click.UsageError("--verbose has no effect on --json, which holds everything")
    if list(paths).count("-") > 1:
        raise click.UsageError("standard input can be read only once")
    try:
        files = [path for path, _ in walked(paths)]
        snapshot = load_snapshot(metadata)
        events = validation(paths, snapshot, header_only=header_only, generation=Generation(dhis2), memory_bytes=memory)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if report and any(_same_file(report, path) for path in [*files, *([metadata] if metadata else [])]):
        raise click.UsageError(f"the report would replace what is read: {report}")
    ticker = Ticker(quiet=quiet or as_json)
    with ExitStack() as stack:
        lines = stack.enter_context(Path(report).open("w", encoding="utf-8")) if report else None
        stack.callback(ticker.clear)
        listener: _Listener
        if as_json:
            # Shown when it is whole: what fails on the way is then the one document.
            document = stack.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES, "w+", encoding="utf-8"))
            listener = _Document(lines, document)
        else:
            listener = _Screen(lines, ticker, quiet=quiet, verbose=verbose)
        if snapshot:
            listener.metadata(snapshot.findings)
        for event in events:
            if isinstance(event, Progress):
                ticker.show(event)
            else:
                listener.tell(event)
        return listener.finish()


def _same_file(one: str, other: str) -> bool:
    try:
        return other != "-" and Path(one).samefile(other)
    except OSError:
        return False


class _Listener:
    """Follows the events: keeps the exit code, writes the report."""

    def __init__(self, report: IO[str] | None) -> None:
        self._report = report
        self.exit_code = 0

    def tell(self, event: Any) -> None:
        """Take one event."""
        from tallyport.validation.validate import FileResult, GroupResult, HeaderVerdict, RowFinding

        if isinstance(event, HeaderVerdict):
            self.start_group(event)
            self._found(event.findings)
        elif isinstance(event, RowFinding):
            self._found([event.finding])
        elif isinstance(event, GroupResult):
            self._found(event.findings)
            self.exit_code = max(self.exit_code, 0 if event.valid else 3)
            self.end_group(event)
        elif isinstance(event, FileResult):
            if event.error:
                self.exit_code = 3
                self._write(event.error)
            self.end_file(event)

    def metadata(self, findings: Sequence[Finding]) -> None:
        """Take what there is to say of the metadata, before anything else."""
        for found in findings:
            self.exit_code = 1
            self._write(found)

    def _found(self, findings: Iterable[Finding]) -> None:
        for found in findings:
            self.exit_code = max(self.exit_code, 1)
            self._write(found)
            self.found(found)

    def _write(self, found: Finding) -> None:
        if self._report:
            self._report.write(json.dumps(found.as_json()) + "\n")

    def start_group(self, verdict: Any) -> None:
        """A group's header was judged."""

    def found(self, found: Finding) -> None:
        """Something is wrong with the group."""

    def end_group(self, result: Any) -> None:
        """A group ends."""

    def end_file(self, result: Any) -> None:
        """A file ends."""

    def finish(self) -> int:
        """Return the exit code."""
        return self.exit_code


class _Document(_Listener):
    """Writes the JSON document as things happen: however many findings there are, they are not held in memory."""

    def __init__(self, report: IO[str] | None, spool: IO[str]) -> None:
        super().__init__(report)
        self._spool = spool
        self._spool.write('{"files":[')
        self._files = self._groups = self._findings = 0
        self._file_open = False
        self._metadata: list[dict[str, Any]] = []

    def metadata(self, findings: Sequence[Finding]) -> None:
        super().metadata(findings)
        self._metadata = [found.as_json() for found in findings]

    def _open_file(self, name: str) -> None:
        if not self._file_open:
            self._spool.write(f'{"," if self._files else ""}{{"file":{json.dumps(name)},"groups":[')
            self._file_open, self._groups = True, 0
            self._files += 1

    def start_group(self, verdict: Any) -> None:
        self._open_file(verdict.file)
        self._spool.write(f'{"," if self._groups else ""}{{"de":{json.dumps(verdict.de)},"findings":[')
        self._groups += 1
        self._findings = 0

    def found(self, found: Finding) -> None:
        self._spool.write(("," if self._findings else "") + json.dumps(found.as_json()))
        self._findings += 1

    def end_group(self, result: Any) -> None:
        rows = {
            "declared": result.declared,
            "read": result.read,
            "accepted": result.accepted,
            "ignored": result.ignored,
        }
        members = {"valid": result.valid, "rows": rows}
        if result.not_made:
            members["not_made"] = list(result.not_made)
        self._spool.write("]," + json.dumps(members)[1:])

    def end_file(self, result: Any) -> None:
        self._open_file(result.file)
        error = f',"error":{json.dumps(result.error.as_json())}' if result.error else ""
        self._spool.write(f"]{error}}}")
        self._file_open = False

    def finish(self) -> int:
        self._spool.write("]" + (f',"metadata":{json.dumps(self._metadata)}' if self._metadata else "") + "}\n")
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, sys.stdout)
        return self.exit_code


class _Screen(_Listener):
    """Shows verdicts as lines, and at the end the findings, one a cause, and the sum."""

    def __init__(self, report: IO[str] | None, ticker: Ticker, *, quiet: bool, verbose: bool) -> None:
        super().__init__(report)
        from tallyport.validation.rejected_rows import Causes

        self._ticker, self._quiet, self._verbose = ticker, quiet, verbose
        self._causes, self._of_group = Causes(), Causes()
        self._files = self._groups = self._failed = self._read = self._accepted = 0
        self._not_made: set[str] = set()

    def metadata(self, findings: Sequence[Finding]) -> None:
        super().metadata(findings)
        for found in findings:
            click.echo(finding_text(found), err=True)

    def found(self, found: Finding) -> None:
        self._of_group.add(found, found.count or (None if found.row is None else 1))

    def end_group(self, result: Any) -> None:
        self._groups += 1
        self._failed += not result.valid
        self._read += result.read
        self._accepted += result.accepted
        self._not_made.update(result.not_made)
        for found in self._of_group.in_order():
            self._causes.add(found, found.count, groups=1)
        self._of_group.clear()
        if self._verbose and not self._quiet:
            self._ticker.clear()
            accepted = f"{result.accepted:,} of {counted(result.read, 'row')} accepted"
            verdict = accepted if result.valid else "the group fails"
            click.echo(f"{result.file}: {result.de or 'no data element'}: {verdict}")

    def end_file(self, result: Any) -> None:
        self._files += 1
        if result.error:
            self._causes.add(result.error)

    def finish(self) -> int:
        self._ticker.clear()
        show_worst(self._causes.in_order())
        if not self._quiet:
            files, groups = counted(self._files, "file"), failed_text(self._groups, self._failed, "group")
            click.echo(f"{files}, {groups}")
            read, ignored = counted(self._read, "row"), self._read - self._accepted
            click.echo(f"  {read} read = {self._accepted:,} accepted + {ignored:,} ignored")
            if self._not_made:
                checks = "; ".join(sorted(self._not_made)) if self._verbose else "see --verbose"
                click.echo(f"  {counted(len(self._not_made), 'check')} not made, for want of metadata: {checks}")
        return self.exit_code
