"""`tallyport export`: values of a DHIS2 database into ADV2, or into legacy files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.database_options import database_options, opened_database
from tallyport.cli.options import (
    WRITTEN_FORMATS,
    Command,
    HintedUsageError,
    Run,
    flag,
    id_scheme_option,
    is_given,
    option,
    refuse,
    together,
    usage,
    writing_options,
)
from tallyport.cli.talk import Talk, talk_options
from tallyport.cli.verbs.convert import show_written
from tallyport.cli.verbs.write_back import Watching, print_written, target_of

if TYPE_CHECKING:
    from tallyport.postgres.exports.export_values import ExportReport

NAMINGS = ("coc", "co+cc", "co+ds", "co")
"""How option combos can be named, as postgres/exports/option_names.py has it: it need not be loaded for `--help`."""

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
_TYPED = "tallyport.typed"


def _ids(name: str, parameter: str, help: str) -> Callable[[Run], Run]:
    return option(name, parameter, multiple=True, metavar="ID", help=help)


def _day(name: str, help: str) -> Callable[[Run], Run]:
    return option(
        name,
        type=click.DateTime(["%Y-%m-%d"]),
        callback=lambda _context, _option, given: given and given.date(),
        metavar="DATE",
        help=help,
    )


_LEVEL = click.IntRange(1, 255)
_which_values = together(
    _ids("--data-element", "data_elements", "Values of this data element."),
    _ids("--data-element-group", "data_element_groups", "Values of its data elements."),
    _ids("--data-set", "data_sets", "Values of its data elements."),
    flag("--all", "all_elements", help="Values of all data elements."),
    option("--period", "periods", multiple=True, metavar="PERIOD", help="Values of this period, such as 202501."),
    _day("--start", "Periods that start on this day or later."),
    _day("--end", "Periods that end on this day or before."),
    _ids("--org-unit", "org_units", "Values of this organisation unit."),
    flag("--children", help="Include everything below the organisation units."),
    _ids("--org-unit-group", "org_unit_groups", "Values of its organisation units."),
    option("--level", "levels", type=_LEVEL, multiple=True, metavar="N", help="Only organisation units of this level."),
    _ids("--attribute-option-combo", "attribute_option_combos", "Values that have it."),
    option("--updated-since", type=_MOMENT, metavar="TIME", help="Values changed then or later, by server time."),
    flag("--deleted", help="Include values marked deleted, as deleted rows."),
    section="Which values",
)


class _Export(Command):
    """Keeps the arguments as they were typed, to say what to type instead."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep and parse them."""
        ctx.meta[_TYPED] = list(args)
        return super().parse_args(ctx, args)


@click.command("export", cls=_Export)
@click.argument("sources", nargs=-1, metavar="")
@option("-o", "--output", required=True, metavar="DIR|-", help="Folder for the result; - for a legacy file.")
@option("--to", choices=WRITTEN_FORMATS, help="Write legacy files in this format, not ADV2.")
@flag("--overwrite", help="Replace an existing output folder.")
@flag("--keep-followup-false", help="Write a stored false follow-up.")
@database_options
@_which_values
@together(
    option(
        "--options",
        "naming",
        choices=NAMINGS,
        help="How option combos are named: by identifier (coc); by category options with the category combo (co+cc) "
        "or the data set (co+ds) that they belong to; by category options alone (co), refused where that is ambiguous.",
    ),
    id_scheme_option("The identifier scheme to write, by default UID:"),
    section="Identifiers",
)
@writing_options
@talk_options(quiet="Print problems only: no progress, no results.")
def command(
    talk: Talk,
    sources: tuple[str, ...],
    database: str | None,
    metadata: Path | None,
    embedded: Path | None,
    output: str,
    to: str | None,
    naming: str | None,
    all_elements: bool,
    **how: Any,
) -> int:
    """Read values out of a DHIS2 database, 2.42 or 2.43.

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

    The result is ADV2, the same bytes that a conversion of these values gives, in DIR/<database's name>, or with --to
    legacy files. Choose data elements by themselves, by group or data set, or --all; where no period or organisation
    unit is chosen, all are meant. Objects are named by UID or code. Options that name objects or periods can be
    repeated. Without --database it is the embedded one.
    """
    _refuse_sources(sources)
    by_elements = how["data_elements"] or how["data_element_groups"] or how["data_sets"]
    refuse(
        (to is None and naming is None, "choose by --options how option combos are named: coc, co+cc, co+ds or co"),
        (to is None and output == "-", "--output - is for one legacy file: choose its format with --to"),
        (to and is_given("layout"), "--layout has no effect with --to"),
        (output == "-" and talk.as_json, "--json has no effect with --output -: standard output holds the values"),
        (output == "-" and how["overwrite"], "--overwrite has no effect with --output -"),
        (
            all_elements == bool(by_elements),
            "choose data elements by --data-element, --data-element-group or --data-set, or all of them by --all",
        ),
    )
    naming = naming or ("co+ds" if to == "adx" else "coc")
    from tallyport.postgres.exports.export_legacy import export_legacy
    from tallyport.postgres.exports.export_values import ExportOptions, export_values
    from tallyport.postgres.exports.filters import Filters
    from tallyport.postgres.exports.option_names import OptionNaming

    with usage():
        filters = Filters(**{each.name: how.pop(each.name) for each in fields(Filters)})
        options = ExportOptions(options=OptionNaming(naming), filters=filters, **how)
    with opened_database(talk, database, metadata, embedded) as url, talk.ticker() as ticker:
        if to is not None:
            legacy = export_legacy(url, target_of(output), to, options, watch=Watching(talk, ticker))
        else:
            report = export_values(url, output, options, watch=ticker.show)
    if to is not None:
        talk.hold(legacy)
        report = legacy.read
        if legacy.written is not None:
            print_written(talk, legacy.written, is_stream=output == "-", earlier=len(report.findings))
            return legacy.exit_code
    else:
        talk.hold(report)
    if talk.as_json:
        talk.print_held()
    else:
        _show(talk, report, naming)
    return report.exit_code


def _show(talk: Talk, read: ExportReport, naming: str) -> None:
    assert read.manifest is not None
    generation = read.manifest["database"]["generation"]
    show_written(talk, read, f"{read.source}: DHIS2 {generation}, option combos named by {naming}")


def _refuse_sources(sources: Sequence[str]) -> None:
    """Refuse files, which are written back by a verb of its own.

    Raises:
        click.UsageError: with the command to type instead.
    """
    if sources:
        typed = click.get_current_context().meta[_TYPED]
        hint = f"write files back with: {shlex.join(['tallyport', 'write-back', *typed])}"
        raise HintedUsageError("export reads a database, not files", hint)
