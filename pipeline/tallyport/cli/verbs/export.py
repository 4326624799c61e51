"""`tallyport export`: values of a DHIS2 database into ADV2, and ADV2 into legacy files."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from click.core import ParameterSource

from tallyport.cli.database_options import assume_option, database_options, opened_database
from tallyport.cli.screen import Ticker, show_findings
from tallyport.cli.verbs.convert import Scheme, schemes_by_kind, show_written, writing_options
from tallyport.cli.verbs.write_back import FORMATS, rewrite_files
from tallyport_schemas.generations import Generation

OPTIONS = ("coc", "co+cc", "co+ds", "co")
"""How option combos can be named, as postgres/combo_naming.py tells them: it need not be loaded for `--help`."""

_OF_FILES = {
    "sources",
    "to",
    "output",
    "data_sets",
    "metadata",
    "id_scheme",
    "compress",
    "overwrite",
    "as_json",
    "quiet",
}
"""What can be said where no database is read."""

_DAY = click.DateTime(["%Y-%m-%d"])
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command("export")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@database_options
@assume_option
@click.option("-o", "--output", required=True, metavar="DIR|-", help="Folder for the result; - for a legacy file.")
@click.option("--to", type=click.Choice(FORMATS), help="Write legacy files, in this format.")
@click.option(
    "--options",
    "naming",
    type=click.Choice(OPTIONS),
    help="How option combos are named: by themselves (coc); by category options with the category combo (co+cc) or "
    "with the data set (co+ds) that they are of; by category options alone (co), refused where that is ambiguous.",
)
@click.option("--data-element", "data_elements", multiple=True, metavar="ID", help="Values of this data element.")
@click.option("--data-element-group", "groups", multiple=True, metavar="ID", help="Values of its data elements.")
@click.option(
    "--data-set",
    "data_sets",
    multiple=True,
    metavar="ID",
    help="Values of its data elements; of files: data set of groups that name none.",
)
@click.option("--all", "all_elements", is_flag=True, help="Values of all data elements.")
@click.option("--period", "periods", multiple=True, metavar="PERIOD", help="Values of this period, such as 202501.")
@click.option("--start", type=_DAY, metavar="DATE", help="Values of periods that start on this day or later.")
@click.option("--end", type=_DAY, metavar="DATE", help="Values of periods that end on this day or before.")
@click.option("--org-unit", "org_units", multiple=True, metavar="ID", help="Values of this organisation unit.")
@click.option("--children", is_flag=True, help="Values of all below the organisation units as well.")
@click.option("--org-unit-group", "unit_groups", multiple=True, metavar="ID", help="Values of its organisation units.")
@click.option(
    "--level", "levels", type=click.IntRange(1, 255), multiple=True, metavar="N", help="Only organisation units of it."
)
@click.option("--attribute-option-combo", "attributes", multiple=True, metavar="ID", help="Values that have it.")
@click.option("--updated-since", type=_MOMENT, metavar="TIME", help="Values changed then or later, by server time.")
@click.option("--deleted", is_flag=True, help="Values that are marked deleted as well, as deleted rows.")
@click.option(
    "--id-scheme",
    type=Scheme(),
    multiple=True,
    help="Identifiers to write (UID, CODE, NAME, ATTRIBUTE:<uid>), in general or for one kind of de ou ds cc c co coc "
    "aoc. Repeatable.  [default: UID]",
)
@click.option("--keep-followup-false", is_flag=True, help="Write a stored false follow-up.")
@writing_options
@click.option("--overwrite", is_flag=True, help="Replace an existing output folder.")
@click.option("--json", "as_json", is_flag=True, envvar="TALLYPORT_EXPORT_JSON", help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only: no progress, no results.")
def command(
    sources: tuple[str, ...],
    database: str | None,
    metadata: Path | None,
    embedded: Path | None,
    assume: str | None,
    output: str,
    to: str | None,
    naming: str | None,
    data_elements: tuple[str, ...],
    groups: tuple[str, ...],
    data_sets: tuple[str, ...],
    all_elements: bool,
    periods: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    org_units: tuple[str, ...],
    children: bool,
    unit_groups: tuple[str, ...],
    levels: tuple[int, ...],
    attributes: tuple[str, ...],
    updated_since: datetime | None,
    deleted: bool,
    id_scheme: tuple[tuple[str, str], ...],
    keep_followup_false: bool,
    layout: Any,
    compress: Any,
    jobs: int | None,
    memory: int,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read values out of a DHIS2 database, 2.42 or 2.43; write legacy files.

    \b
    Examples:
      tallyport export --database postgresql://dhis@localhost/dhis -o out \\
          --data-set BfMAe6Itzgt --period 202501 --options coc
      tallyport export --database postgresql:///dhis -o out --options co+ds \\
          --data-set BfMAe6Itzgt --org-unit O6uvpzGd5pu --children \\
          --start 2024-01-01 --end 2024-12-31
      tallyport export --database postgresql:///dhis -o out --options coc \\
          --all --id-scheme CODE --compress zst
      tallyport export --all --to dxf-json -o legacy
      tallyport export out --to dxf-csv -o legacy
      tallyport export out --to adx -o legacy --data-set BfMAe6Itzgt
      tallyport export out --to dxf-xml -o legacy --metadata country.snapshot
      tallyport export january.adv2.json --to dxf-json -o - | less

    From a database comes ADV2, the same bytes that a conversion of these values gives, in DIR/<database's name>. Choose
    data elements by themselves, by group or data set, or --all; where no period or organisation unit is chosen, all
    are meant. Objects are named by UID or code. Options that name objects or periods can be repeated. Without
    --database it is the embedded one.

    With --to it becomes legacy files. These are also written of a SOURCE, an ADV2 file, a folder of them, or - for
    standard input, without a database: all become one file, or one for each data set where a file of the format has
    just one. With --metadata, category options are then written as option combos, and --id-scheme writes identifiers
    in another scheme.
    """
    context = click.get_current_context()
    given = {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }
    id_schemes = schemes_by_kind(id_scheme)
    if sources:
        if to is None:
            raise click.UsageError("say by --to which legacy format to write")
        for name in given:
            if name not in _OF_FILES:
                raise click.UsageError(f"{given[name]} has no effect on files")
        if len(data_sets) > 1:
            raise click.UsageError("--data-set is given twice for the groups that name none")
        return rewrite_files(
            sources,
            output,
            to,
            data_set=data_sets[0] if data_sets else None,
            metadata=metadata,
            id_schemes=id_scheme,
            compress=compress,
            overwrite=overwrite,
            as_json=as_json,
            quiet=quiet,
        )
    if to is None and naming is None:
        raise click.UsageError("choose by --options how option combos are named: coc, co+cc, co+ds or co")
    if to is None and output == "-":
        raise click.UsageError("--output - is for one legacy file: say by --to which format")
    if to is not None and "layout" in given:
        raise click.UsageError("--layout has no effect with --to")
    naming = naming or ("co+ds" if to == "adx" else "coc")
    if all_elements == bool(data_elements or groups or data_sets):
        raise click.UsageError(
            "choose data elements by --data-element, --data-element-group or --data-set, or all of them by --all"
        )
    from tallyport.postgres.exports.export_values import ExportOptions, export_values
    from tallyport.postgres.exports.filters import Filters
    from tallyport.postgres.exports.option_names import OptionNaming

    try:
        options = ExportOptions(
            options=OptionNaming(naming),
            filters=Filters(
                data_elements=data_elements,
                data_element_groups=groups,
                data_sets=data_sets,
                periods=periods,
                start=_day(start),
                end=_day(end),
                org_units=org_units,
                children=children,
                org_unit_groups=unit_groups,
                levels=levels,
                attribute_option_combos=attributes,
                updated_since=updated_since,
                deleted=deleted,
            ),
            id_schemes=id_schemes,
            keep_followup_false=keep_followup_false,
            layout=layout,
            compress="none" if to else compress,
            jobs=jobs or 0,
            memory_bytes=memory,
            overwrite=overwrite and to is None,
            assume=Generation(assume) if assume else None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    ticker = Ticker(quiet=quiet or as_json)
    with ExitStack() as stack:
        # Legacy files come by way of ADV2, in a folder that is gone afterwards.
        folder = stack.enter_context(TemporaryDirectory(prefix="tallyport-")) if to else output
        url = stack.enter_context(opened_database(database, metadata, embedded, is_shown=not (quiet or as_json)))
        try:
            outcome = export_values(url, folder, options, watch=ticker.show)
        finally:
            ticker.clear()
        assert outcome.manifest is not None
        assert outcome.folder is not None
        if to is not None and outcome.manifest["groups"]:
            if not as_json:
                show_findings(outcome.findings, len(outcome.findings))
            rewritten = rewrite_files(
                [str(outcome.folder)],
                output,
                to,
                data_set=None,
                metadata=None,
                id_schemes=(),
                compress=compress,
                overwrite=overwrite,
                as_json=as_json,
                quiet=quiet,
            )
            return max(rewritten, outcome.exit_code)
    if as_json:
        shown = {} if to else {"folder": str(outcome.folder)}
        click.echo(json.dumps({**context.ensure_object(dict), **outcome.manifest, **shown}))
        return outcome.exit_code
    head = f"{outcome.source}: DHIS2 {outcome.manifest['database']['generation']}, option combos named by {naming}"
    show_written(outcome, head, quiet=quiet, verbose=False)
    return outcome.exit_code


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
