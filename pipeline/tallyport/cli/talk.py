"""How a command talks: results on stdout, or one JSON document; problems and progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import click

from tallyport.cli.options import Run, flag, gathered, option, refuse
from tallyport.cli.progress import Ticker, ticker
from tallyport_schemas.document import Document, Documented

Held = list[Documented]
"""The reports of a command line, held as click's `obj` so that they are printed if the run fails later, too."""

AS_JSON = "tallyport.as_json"
"""A command notes in click's `meta` by this that its answer is one JSON document: so is that of a failure."""

MESSAGES = "Messages"
"""The section of options about what is printed."""


def document_of(reports: Sequence[Documented]) -> Document:
    """Return the one document of several reports."""
    return {name: value for report in reports for name, value in report.as_json().items()}


def print_document(document: Document) -> None:
    """Print a JSON document, on a line."""
    click.echo(json.dumps(document))


class Talk:
    """How one run talks."""

    def __init__(self, *, as_json: bool, quiet: bool, verbose: bool = False, progress: str | None = None) -> None:
        refuse(
            (quiet and verbose, "--quiet and --verbose exclude each other"),
            (verbose and as_json, "--verbose has no effect on --json, which holds everything"),
            (quiet and progress, "--progress has no effect with --quiet"),
        )
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose
        self._progress = progress

    @property
    def is_shown(self) -> bool:
        """Whether results are printed as text."""
        return not (self.as_json or self.quiet)

    def ticker(self, *, with_json: bool = False) -> Ticker:
        """Return what shows progress. `with_json`: also beside a JSON document."""
        return ticker(self._progress, is_quiet=self.quiet or (self.as_json and not with_json and not self._progress))

    def hold(self, report: Documented) -> None:
        """Hold a report: its document is printed though the run fails later."""
        click.get_current_context().ensure_object(list).append(report)

    def print_held(self) -> None:
        """Print the document of all reports that are held."""
        print_document(document_of(click.get_current_context().ensure_object(list)))


progress_option = option(
    "--progress",
    choices=["bar", "plain", "json"],
    help="How progress is shown on stderr: a bar, plain lines, JSON lines.  [default: a bar on a terminal]",
)


def json_option(help: str = "Print one JSON document.") -> Callable[[Run], Run]:
    """Return the option --json of a command that has no more to say."""
    return flag("--json", "as_json", help=help)


def talk_options(
    *, quiet: str = "Print problems only.", verbose: str = "", progress: bool = True
) -> Callable[[Run], Run]:
    """Give a command --json, --quiet, --progress and, with a help for it, --verbose: it gets them as `talk`."""
    options = [
        flag("--json", "as_json", help="Print one JSON document on stdout."),
        flag("-q", "--quiet", help=quiet),
    ]
    if verbose:
        options.append(flag("-v", "--verbose", help=verbose))
    options += [progress_option] if progress else []
    return gathered("talk", Talk, *options, section=MESSAGES)
