"""`tallyport snapshot`: metadata into one compact file for checks without a server, and what is in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallyport.cli.options import Command, extra, flag, option, read_once, refuse
from tallyport.cli.screen import show_findings, size_text
from tallyport.cli.server_options import ServerOptions, source_server_options
from tallyport.cli.talk import Talk, print_document, talk_options
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Refused, finding

if TYPE_CHECKING:
    from tallyport.dhis2.client import Client
    from tallyport.metadata import Snapshot


@click.command("snapshot", cls=Command)
@click.argument("exports", nargs=-1, metavar="[EXPORT...]")
@option("-o", "--output", metavar="FILE", help="File to write the snapshot to.")
@flag("--show", help="Only print what is in a snapshot, or would be in one of these exports.")
@flag("--overwrite", help="Replace an existing file.")
@source_server_options
@talk_options()
def command(
    talk: Talk,
    server: ServerOptions,
    exports: tuple[str, ...],
    output: str | None,
    show: bool,
    overwrite: bool,
) -> int:
    """Make one file of the metadata that validation needs, for use without a server.

    \b
    Examples:
      tallyport snapshot metadata.json.gz -o hmis.snapshot
      tallyport snapshot metadata.json org-units.json -o hmis.snapshot
      tallyport snapshot --server production -o hmis.snapshot
      tallyport snapshot --show hmis.snapshot
      tallyport validate out --metadata hmis.snapshot

    EXPORT is a metadata export of DHIS2 in JSON, plain or in gzip, zip or zstd, or - for standard input. Several are
    put together: organisation units are often exported apart. --server takes the metadata from a server instead, as
    far as the user may see it. --show says which checks the metadata can answer, and what it lacks for the others.
    """
    is_pulled, idle = server.profile is not None, server.loose[:1]
    refuse(
        (not is_pulled and idle, f"{''.join(idle)} has no effect without --server"),
        (not is_pulled and not exports, "give metadata exports, or a --server to take the metadata from"),
        (is_pulled and exports, "give metadata exports or a --server, not both"),
        (not show and output is None, "give --output FILE to make a snapshot, or --show to see what is in one"),
    )
    if show:
        _refuse_idle(output=output is not None, overwrite=overwrite, quiet=talk.quiet)
    read_once(exports)
    path = Path(output) if output is not None else None
    if path is not None and not overwrite and (path.exists() or path.is_symlink()):  # before any work
        advice = "choose another file, or replace it with --overwrite"
        raise Refused(finding("TP901", help=advice, found=str(path)))

    from tallyport.metadata import Snapshot, load_metadata

    if not exports:
        snapshot = _pulled(server, talk)
    else:
        snapshot = load_metadata(exports[0]) if show and len(exports) == 1 else Snapshot.from_exports(exports)
    saved: Document = {}
    if path is not None:
        saved = {"snapshot": {"file": path.name, "bytes": snapshot.save(path, overwrite=overwrite)}}
    if talk.as_json:
        print_document(saved | snapshot.as_json())
    else:
        show_findings(snapshot.findings, len(snapshot.findings))
        if not talk.quiet:
            if path is not None:
                click.echo(f"{path}: {size_text(path.stat().st_size)}")
            _show(snapshot)
    return 1 if snapshot.findings else 0


def _pulled(server: ServerOptions, talk: Talk) -> Snapshot:
    """Return a server's metadata."""
    with extra("server"):
        from tallyport.dhis2.pull_snapshot import pull_snapshot
    found: list[Snapshot] = []
    with talk.ticker() as ticker:

        async def pull(client: Client) -> int:
            found.append(await pull_snapshot(client, watch=ticker.show, wait_s=server.wait_s))
            return 0

        server.talk(pull, watch=ticker.show)
    return found[0]


def _refuse_idle(**given: bool) -> None:
    idle = [f"--{name}" for name, is_given in given.items() if is_given]
    if idle:
        raise click.UsageError(f"{' and '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect with --show")


def _show(snapshot: Snapshot) -> None:
    """Print counts, and the checks that cannot be made."""
    summary = snapshot.summary()
    for name, count in summary["objects"].items():
        click.echo(f"  {count:>9,} {name}")
    checks = summary["checks"]
    impossible = [check for check in checks if not check["possible"]]
    click.echo(f"  {len(checks) - len(impossible)} of {len(checks)} checks can be made")
    for check in impossible:
        click.echo(f"  not: {check['check']} (it has no {', no '.join(check['missing'])})")
