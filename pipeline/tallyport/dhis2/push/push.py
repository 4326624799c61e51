"""Push: values of any source to a DHIS2 server, in chunks, a few of them at once.

What is no ADV2 is converted first, and all is checked for its form before anything is sent. A chunk whose outcome is
unknown is sent again: a value that is written twice is the same value. Nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from tallyport.any_source import converted, holds_adx, kept
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.patience import Patience
from tallyport.dhis2.client import Client
from tallyport.dhis2.pull_snapshot import pull_categories
from tallyport.dhis2.push.chunks import Feeder
from tallyport.dhis2.push.completions import complete
from tallyport.dhis2.push.journal import Journal, journal_path
from tallyport.dhis2.push.report import ChunkPushed, ClearingAhead, PushOptions, PushReport, PushRun, Watch
from tallyport.dhis2.push.survey import Surveyed, keeping_scopes, survey
from tallyport.metadata.known_categories import of_snapshot
from tallyport.source_report import Accounts
from tallyport.validation.validate import walked
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.folders import state_folder
from tallyport_converters.files.work_folders import work_folder
from tallyport_schemas.finding import finding

__all__ = ["ChunkPushed", "ClearingAhead", "PushOptions", "PushReport", "Watch", "push"]


async def push(
    client: Client,
    sources: Sequence[str | os.PathLike[str]],
    options: PushOptions | None = None,
    *,
    conversions: Sequence[Outcome] = (),
    watch: Watch | None = None,
    report: PushReport | None = None,
) -> PushReport:
    """Send values to a DHIS2 server.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. A push that broke off resumes where it stopped
    when it is called again with the same sources for the same server. `conversions`: those that were made before, with
    a trail, and have their folders among the sources. `watch` hears of everything as it happens, and at the end of
    the outcome of each legacy file. `report`: one to fill, for whoever needs to know how far a push came that fails.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: a folder holds no ADV2 file; the options for conversion have nothing to convert.
        Refused: TP886, another run pushes the same.
        OutsideFailed: TP850 to TP868 the server or the network failed, TP801 or TP877 the disk: what was acknowledged
            until then is kept, and not sent again.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = options or PushOptions()
    report = report or PushReport()
    report.server, report.version, report.dry_run = client.url, client.info.version, options.dry_run
    run = PushRun(client, options, report, watch or (lambda _: None))
    with ExitStack() as stack:
        file = stack.enter_context(WholeFile(options.rejects)) if options.rejects is not None else None
        work = stack.enter_context(work_folder())
        paths: list[str] = []
        patience = Patience(options.wait_s, run.watch)
        given = kept(sources, work)
        with client.connection.patient(patience):
            reading = await _reading(run, given)
        for event in converted(given, work, paths, reading):
            if isinstance(event, Outcome):
                report.conversions.append(event)
            run.watch(event)
        if options.conversion != Options() and not report.conversions:
            raise ValueError("the sources are ADV2 already: how to convert has no effect on them")
        made = [one for one in (*conversions, *report.conversions) if one.trail]
        report.accounts = stack.enter_context(closing(Accounts(made)))
        files = [
            # What conversion wrote is gone with this run: it is called after the source that it was made of.
            survey(run, place, file, called or label, is_converted=bool(called))
            for place, (path, file, label) in enumerate((path, *each) for path in paths for each in walked([path]))
            for called in [report.accounts.label(path, label)]
        ]
        files = keeping_scopes(files, made)
        digests = [file.digest for file in files]
        folder = options.state or state_folder() / "push"
        journal = run.journal = Journal(None if options.dry_run else journal_path(folder, client.url, digests))
        with journal.open():
            report.is_resumed = journal.is_resumed
            report.counts = journal.counts
            for earlier in journal.findings:
                run.take(earlier)
            with client.connection.patient(patience):
                try:
                    await _send(run, files, paths)
                except RequestFailed as failed:
                    journal.leave_open(failed.finding)
                    raise
                finally:
                    report.waited_s = patience.waited_s
            journal.finish()
        for account in report.accounts:
            if account.completions and not options.completions:
                help = "push again with --completions"
                account.note(finding("TP785", help=help, count=account.completions))
            report.sources.append(account.report(file))
            run.watch(report.sources[-1])
    report.is_ended = True
    return report


async def _reading(run: PushRun, sources: Sequence[str]) -> Options:
    """Return how sources are converted: attributes of ADX that the server has no category for are skipped."""
    options = run.options.conversion
    if options.categories or not any(map(holds_adx, sources)):
        return options
    snapshot = await pull_categories(run.client, watch=run.watch)
    return replace(options, categories=of_snapshot(snapshot)) if snapshot else options


async def _send(run: PushRun, files: Sequence[Surveyed], paths: Sequence[str]) -> None:
    """Send the values of files, then the completions beside them if asked."""
    feeder = Feeder(run)
    await feeder.send(files)
    if run.options.completions:
        folders = [*paths, *(str(one.folder) for one in run.report.conversions if one.folder)]
        run.report.completions = await complete(run.client, folders, feeder.schemes, dry_run=run.options.dry_run)
        for found in run.report.completions.findings:
            run.take(found)
