"""`tallyport show`: a look into a file of whichever format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tallyport.cli.options import (
    LEGACY_FORMATS,
    Command,
    id_scheme_option,
    is_given,
    option,
    refuse,
    usage,
)
from tallyport.cli.screen import SHOWN, counted, finding_text, show_findings, size_text
from tallyport.cli.table import show_table
from tallyport.cli.talk import Talk, print_document, talk_options
from tallyport.cli.verbs.stats import show_statistics
from tallyport_schemas.finding import shown

if TYPE_CHECKING:
    from tallyport.analysis.look.view import Cell, FieldUse, FileLine, FileView, GroupView, ShownRow

ROWS = 10
"""Rows that are shown unless more are asked for, as `analysis/wanted` has it: it need not be loaded for `--help`."""

_TITLES = {
    "data_element": "data element",
    "period": "period",
    "org_unit": "org unit",
    "category_option_combo": "category option combo",
    "attribute_option_combo": "attribute option combo",
    "data_set": "data set",
    "followup": "follow-up",
}
_FORMATS = {"adv2": "ADV2"}
_GROUPS_SHOWN = 3


@click.command("show", cls=Command)
@click.argument("file", metavar="FILE")
@option("--rows", type=click.IntRange(0, 10_000), default=ROWS, metavar="N", help="How many rows to show.")
@option("--row", metavar="N", help="Show row N alone, with all that is known about it; rows count from 0.")
@option("--where", multiple=True, metavar="FIELD=VALUE,...", help="Show rows with one of these values. Repeatable.")
@option("--metadata", metavar="SNAPSHOT", help="Show names by this metadata: a snapshot, or a DHIS2 export.")
@option("--from", "source_format", choices=LEGACY_FORMATS, help="The format.  [default: detected from the content]")
@option("--sheet", metavar="NAME", help="Sheet of a workbook, by name or number.  [default: the one with values]")
@id_scheme_option("With --metadata, the identifier scheme of a legacy file:")
@talk_options()
def command(talk: Talk, file: str, row: str | None, **how: Any) -> int:
    """Look into a file: what it is, what its header says, its first rows.

    \b
    Examples:
      tallyport show out/january/deMeasles01.adv2.json
      tallyport show january.json --rows 3
      tallyport show clinics.csv --row 3
      tallyport show clinics.csv --where ou=ouClinicA01 --where pe=202502
      tallyport show clinics.csv --metadata country.snapshot

    FILE is an ADV2 file or a legacy file, plain or compressed, a folder of such files, or - for standard input. Only as
    much is read as is shown; of a folder all, to count what is in it. A condition names a field by any of its names, or
    a category; all conditions have to hold. A period also stands for those within it: pe=2025 finds all months of 2025.
    With --metadata, names do as well as identifiers.
    """
    refuse(
        (row is not None and is_given("rows"), "--rows has no effect with --row"),
        (row is not None and how["where"], "--row and --where exclude each other"),
        (
            how["id_schemes"] and how["metadata"] is None,
            "--id-scheme has no effect without --metadata, where names are found",
        ),
    )
    from tallyport.analysis.look.show import show

    with talk.ticker() as ticker, usage():
        view = show(file, row=row, watch=ticker.show, **how)
    if talk.as_json:
        print_document(view.as_json())
        return view.exit_code
    if not talk.quiet:
        _show(view, is_one=row is not None, is_found=bool(how["where"]))
    found = [*view.findings, *(shown_row.finding for shown_row in view.rows if shown_row.finding)]
    show_findings(found, len(found))
    if view.error:
        click.echo(finding_text(view.error), err=True)
    return view.exit_code


def _show(view: FileView, *, is_one: bool, is_found: bool) -> None:
    if view.error and not view.size_bytes:
        return
    packed = "" if view.compression == "none" else f", {view.compression}"
    because = f" ({view.evidence})" if view.evidence else ""
    what = f": {_FORMATS.get(view.format, view.format)}{because}" if view.format else ""
    click.echo(f"{view.name}{what}, {size_text(view.size_bytes)}{packed}")
    if view.files:
        _show_files(view.files)
        if view.statistics:
            click.echo()
            show_statistics(view.statistics, SHOWN)
        return
    if is_one:
        for each in view.rows:
            _show_one(each)
        return
    for group in view.groups[:_GROUPS_SHOWN]:
        _show_lines(_group_lines(group, is_only=len(view.groups) == 1))
    if len(view.groups) > _GROUPS_SHOWN:
        click.echo(f"  first {_GROUPS_SHOWN} of {counted(len(view.groups), 'group')} that were read")
    _show_lines((name.replace("_", " "), _text(said)) for name, said in view.header.items())
    if view.fields:
        _show_fields(view.fields)
    _show_rows(view, is_found=is_found)


def _show_files(files: Sequence[FileLine]) -> None:
    click.echo()
    rows = []
    for file in files:
        group: Any = file.group or {}
        element, units = group.get("data_element", {}), group.get("org_unit", {}).get("count")
        texts = [file.name, _FORMATS.get(file.format or "", file.format or "unknown")]
        texts += [element.get("name") or element.get("id", ""), group.get("period", {}).get("text", "")]
        texts += ["" if units is None else f"{units:,}", f"{group['rows']:,}" if group else ""]
        rows.append(
            [*texts, size_text(file.size_bytes), f"{file.error.code}: {file.error.message}" if file.error else ""]
        )
    titles = ["file", "format", "data element", "periods", "org units", "rows", "size", "problem"]
    kept = [at for at, _ in enumerate(titles) if any(row[at] for row in rows)]
    show_table(
        [titles[at] for at in kept],
        [[row[at] for at in kept] for row in rows],
        right=("org units", "rows", "size"),
    )


def _show_lines(lines: Iterator[tuple[str, str]]) -> None:
    for name, text in lines:
        click.echo(f"  {name:<22}  {text}")


def _group_lines(group: GroupView, *, is_only: bool) -> Iterator[tuple[str, str]]:
    """Yield the header of a group in words."""
    header = group.header
    if not is_only:
        yield "group", f"{group.number:,}"
    for title, kind, identifier in (
        ("data element", "de", header.de),
        ("data set", "ds", header.ds),
        ("category combo", "cc", header.cc),
    ):
        if identifier is not None:
            yield title, _named(identifier, group.names.one(kind, identifier))
    yield "periods", "; ".join(span.text for span in group.periods) or "none"
    for dimension in group.dimensions:
        first = ", ".join(map(_named, dimension.first, dimension.names))
        more = (
            f", and {dimension.count - len(dimension.first):,} more" if dimension.count > len(dimension.first) else ""
        )
        title = _TITLES.get(dimension.column, shown(dimension.column))
        yield (
            f"{title}s" if dimension.count > 1 and dimension.column in _TITLES else title,
            (f"{dimension.count:,}: {first}{more}" if dimension.count > 1 else first),
        )
    schemes = set(header.ids.values())
    if schemes != {"UID"}:
        stated = {kind: scheme for kind, scheme in header.ids.items() if scheme != "UID"}
        yield "identifiers", schemes.pop() if len(schemes) == 1 else ", ".join(f"{k} {s}" for k, s in stated.items())
    if header.delete:
        yield "deletes", f"stored values of this scope ({header.delete})"
    if header.undo:
        yield "undo", f"of what was removed at {header.undo}"
    yield "rows", f"{header.size:,}"


def _named(identifier: str, name: str | None) -> str:
    return f"{shown(identifier)} ({shown(name)})" if name else shown(identifier)


def _show_fields(fields: Sequence[FieldUse]) -> None:
    click.echo()
    rows = []
    for use in fields:
        meant = f"; {use.nearest} may be meant" if use.nearest else ""
        column = _title(use.column) if use.column else "-"
        rows.append((use.name, column, f"{use.reason}{meant}"))
    show_table(("field", "is read as", ""), rows)


def _title(column: str) -> str:
    return _TITLES.get(column, shown(column))


def _show_rows(view: FileView, *, is_found: bool) -> None:
    if view.rows:
        click.echo()
        is_grouped = len({row.group for row in view.rows}) > 1
        constant = _shared(view.groups[0]) if len(view.groups) == 1 else set()
        columns = [
            column
            for column in dict.fromkeys(column for row in view.rows for column in row.cells)
            if column not in constant and any(row.cells.get(column) not in (None, False) for row in view.rows)
        ]
        place = _place(view.rows)
        titles = [place, *(_title(column).replace(" option", "\noption") for column in columns)]
        titles = ["file", *titles] if view.rows[0].file is not None else titles
        titles += ["problem"] if any(row.finding for row in view.rows) else []
        cells = [_cells(row, columns, titles, is_grouped=is_grouped) for row in view.rows]
        show_table(titles, cells, right=("line", "row", "sheet row"))
    if not view.is_complete and not view.error:
        more = "there are more: see --rows" if view.rows else "no rows are shown"
        click.echo(f"first {counted(len(view.rows), 'row')}; {more}" if view.rows else more)
    elif is_found:
        click.echo(f"{counted(len(view.rows), 'row')} found")
        for each in view.unmatched:
            near = f"; {shown(each.nearest)} may be meant" if each.nearest else ""
            click.echo(f"  nothing is {each.name}={shown(each.value)} here{near}")
    elif not view.rows and not view.error:
        click.echo("no rows")


def _place(rows: Sequence[ShownRow]) -> str:
    """Return by what rows are distinguished: their lines, those of a sheet, or their numbers."""
    for title, places in (("line", [row.line for row in rows]), ("sheet row", [row.sheet_row for row in rows])):
        if None not in places and len(set(places)) == len(rows):
            return title
    return "row"


def _shared(group: GroupView) -> set[str]:
    """Return the columns that say the same in all rows of a group: its header has them."""
    single = {dimension.column for dimension in group.dimensions if dimension.count == 1}
    return {"data_element", "data_set", *single, *(["period"] if len(group.header.pe) == 1 else [])}


def _cells(row: ShownRow, columns: list[str], titles: list[str], *, is_grouped: bool) -> list[str]:
    place = f"{row.group}:{row.number}" if is_grouped else str(row.number)
    cells = [row.file] if row.file is not None else []
    cells.append(str({"line": row.line, "sheet row": row.sheet_row}.get(titles[len(cells)], place)))
    cells += [row.names.get(column) or _text(row.cells.get(column)) for column in columns]
    if titles[-1] == "problem":
        cells.append(row.finding.code if row.finding else "")
    return cells


def _show_one(row: ShownRow) -> None:
    """Print all that is known about a row."""
    place = f"row {row.number:,}" + (f" of group {row.group:,}" if row.group else "")
    place += f", line {row.line:,}" if row.line is not None else ""
    click.echo(place + (f", sheet row {row.sheet_row:,}" if row.sheet_row not in (None, row.line) else ""))
    for column, cell in row.cells.items():
        if cell is not None:
            click.echo(f"  {_title(column):<22}  {_named(_text(cell), row.names.get(column))}")
    if period := row.details.get("period_type"):
        click.echo(f"  {'days':<22}  {row.details['period_start']} to {row.details['period_end']} ({period})")
    for name, title in (("org_unit_path", "hierarchy"), ("value_type", "value type")):
        if name in row.details:
            click.echo(f"  {title:<22}  {shown(row.details[name])}")
    if isinstance(row.original, dict):
        click.echo("  as the file has it")
        for name, said in row.original.items():
            click.echo(f"    {shown(name):<20}  {shown(_text(said))}")


def _text(said: Cell | object) -> str:
    """Return what a cell says, in a line."""
    if said is None:
        return ""
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, Mapping):
        return ", ".join(f"{name}={_text(part)}" for name, part in said.items())
    if isinstance(said, list | tuple):
        return ", ".join(map(_text, said))
    return str(said) if isinstance(said, str | int) else json.dumps(said)
