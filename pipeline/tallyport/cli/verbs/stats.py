"""`tallyport stats`: what is in files, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import LEGACY_FORMATS, Command, id_scheme_option, option, read_once, usage
from tallyport.cli.screen import SHOWN, counted, dropped_text, finding_text, show_findings, size_text, sum_text
from tallyport.cli.table import show_table
from tallyport.cli.talk import Talk, print_document, talk_options
from tallyport_schemas.finding import shown

if TYPE_CHECKING:
    from tallyport.analysis.statistics.number_range import NumberRange
    from tallyport.analysis.statistics.report import ElementStatistics, Statistics
    from tallyport_converters.convert import Outcome

_KEY = ("period", "org_unit", "category_option_combo", "attribute_option_combo")
_COLUMNS = {
    "category_option_combo": "category option combo",
    "attribute_option_combo": "attribute option combo",
}


@click.command("stats", cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@option("--metadata", metavar="SNAPSHOT", help="Show names and levels by this metadata: a snapshot, or a DHIS2 export.")
@option("--from", "source_format", choices=LEGACY_FORMATS, help="The format of legacy files.  [default: detected]")
@id_scheme_option("The identifier scheme of legacy files, as for convert:")
@talk_options(verbose="Print all lines of each table.")
def command(talk: Talk, files: tuple[str, ...], **how: Any) -> int:
    """Count what is in files: values by data element, period, org unit and option combo, gaps, duplicates, ranges.

    \b
    Examples:
      tallyport stats out/january
      tallyport stats january.json february.json --metadata country.snapshot
      tallyport stats exports/ --json

    FILE is an ADV2 file or a legacy file, plain or compressed, a folder of such files, or - for standard input. Legacy
    files are converted on the way, into a folder that is gone afterwards. A gap is a period for which an org unit has
    no value of a data element, though it has one for another period, and other org units have one for this. A duplicate
    is a row whose data element, period, org unit and option combos an earlier row has.
    """
    read_once(files)
    from tallyport.analysis.statistics.stats import stats

    with talk.ticker() as ticker, usage():
        report = stats(files, watch=ticker.show, **how)
    if talk.as_json:
        print_document(report.as_json())
        return report.exit_code
    for outcome in report.conversions:
        _show_conversion(outcome, is_quiet=talk.quiet)
    if report.files and not talk.quiet:
        show_statistics(report, None if talk.verbose else SHOWN)
    errors = [file.error for file in report.files if file.error]
    show_findings([*errors, *report.findings], len(errors) + len(report.findings))
    return report.exit_code


def _show_conversion(outcome: Outcome, *, is_quiet: bool) -> None:
    if outcome.error:
        click.echo(finding_text(outcome.error), err=True)
        return
    show_findings(outcome.findings, len(outcome.findings))
    if outcome.manifest and not is_quiet:
        click.echo(f"{shown(outcome.source)}: {sum_text(outcome.manifest['values'])}")
        if outcome.manifest["dropped"]:
            click.echo(f"  dropped (no place in ADV2): {dropped_text(outcome.manifest['dropped'])}")


def show_statistics(report: Statistics, most: int | None) -> None:
    """Print what was counted; `most`: lines of a table that are shown, None for all."""
    counts = report.counts
    each = f", {report.size_bytes / counts.rows:,.1f} bytes a row" if counts.rows else ""
    files = counted(len(report.files), "file")
    click.echo(f"{files}, {size_text(report.size_bytes)}: {counted(counts.rows, 'row')}{each}")
    if not counts.rows:
        return
    levels = ", ".join(f"{level.units:,} of level {level.level}" for level in report.levels)
    units = counted(report.units, "org unit") + (f" ({levels})" if levels else "")
    click.echo(f"  {counted(len(report.elements), 'data element')}, {units}")
    click.echo(f"  {'; '.join(span.text for span in report.spans)}")
    special = {
        "deleted": counts.deleted,
        "without a value": counts.empty,
        "marked for follow-up": counts.followup,
        "with a comment": counts.comments,
    }
    if any(special.values()):
        click.echo("  " + ", ".join(f"{count:,} {text}" for text, count in special.items() if count))
    _show_elements(report.elements, most)
    _show_part(("period", "rows"), [(period, f"{rows:,}") for period, rows in report.periods], most, "periods")
    for column, combos in report.combos.items():
        rows = [(name or each, f"{count:,}") for each, name, count in combos]
        title = _COLUMNS.get(column, column)
        if len(rows) > 1:
            _show_part((title, "rows"), rows, most, f"{title}s")
    _show_gaps(report, most)
    _show_duplicates(report.elements, most)


def _show_part(titles: Sequence[str], rows: Sequence[Sequence[str]], most: int | None, what: str) -> None:
    """Print a table, and of how many lines it has the first if not all."""
    click.echo()
    show_table(titles, rows[:most], right=titles[1:])
    if most is not None and len(rows) > most:
        click.echo(f"first {most} of {len(rows):,} {what}, all with --verbose")


def _show_elements(elements: Sequence[ElementStatistics], most: int | None) -> None:
    titles = ("data element", "rows", "periods", "org units", "gaps", "duplicates")
    ranges = ("min", "median", "max", "zeros", "negatives", "texts")
    rows = []
    for one in elements:
        count = sum(span.count for span in one.spans)
        cells = one.gaps.periods * one.gaps.units
        gaps = f"{one.gaps.missing / cells:.0%}" if one.gaps.missing else ""
        basic = [one.name or one.data_element, f"{one.counts.rows:,}", f"{count:,}", f"{one.units:,}", gaps]
        rows.append([*basic, f"{one.duplicates:,}" if one.duplicates else "", *_range(one.values)])
    _show_part(*_filled((*titles, *ranges), rows), most, "data elements")


def _range(values: NumberRange) -> list[str]:
    found = values.quartiles()
    numbers = ["", "", ""] if found is None else [_number(n) for n in (found.minimum, found.median, found.maximum)]
    return numbers + [f"{count:,}" if count else "" for count in (values.zeros, values.negatives, values.texts)]


def _number(number: float) -> str:
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1 << 53 else f"{number:,}"


def _filled(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Sequence[str], list[list[str]]]:
    """Return a table without the columns that hold nothing."""
    table = [list(row) for row in rows]
    kept = [at for at, _ in enumerate(titles) if any(row[at] for row in table)]
    return [titles[at] for at in kept], [[row[at] for at in kept] for row in table]


def _show_gaps(report: Statistics, most: int | None) -> None:
    if not report.worst:
        return
    rows = [
        (gap.name or gap.unit, f"{gap.reported:,}", f"{gap.expected:,}", f"{1 - gap.reported / gap.expected:.0%}")
        for gap in report.worst
    ]
    click.echo()
    click.echo("Org units with most gaps: periods of data elements that they state, of those that they could")
    _show_part(("org unit", "stated", "of", "gaps"), rows, most, "org units")


def _show_duplicates(elements: Sequence[ElementStatistics], most: int | None) -> None:
    rows = [
        (
            one.name or one.data_element,
            *(repeat.key.get(f"{column}_name") or repeat.key.get(column, "") for column in _KEY),
            f"{repeat.count:,}",
            "differ" if repeat.differs else "same",
            ", ".join(dict.fromkeys(shown(place.file) for place in repeat.places)),
        )
        for one in elements
        for repeat in one.repeats.samples
    ]
    if not rows:
        return
    keys, differing = (sum(getattr(one.repeats, name) for one in elements) for name in ("keys", "differing"))
    click.echo()
    differ = f"{differing:,} with different values" if differing else "always with the same value"
    click.echo(f"{counted(keys, 'key')} in several groups, {differ}; the first:")
    titles = ("data element", "period", "org unit", *_COLUMNS.values(), "rows", "values", "files")
    titled, filled = _filled(titles, rows)
    click.echo()
    show_table(titled, filled[:most], right=("rows",))
