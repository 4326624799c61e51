"""`show`: a look into one file, of whichever format. Reads its beginning, and no further than what is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tallyport.analysis.look import adv2_view, legacy_view
from tallyport.analysis.look.conditions import UnknownField, conditions
from tallyport.analysis.look.folder_view import file_line, files_of
from tallyport.analysis.look.view import FileView
from tallyport.analysis.look.wanted import ROWS, ROWS_LIMIT, Wanted, numbered
from tallyport.validation.validate import load_snapshot
from tallyport_converters.adv2.file import is_adv2
from tallyport_converters.readers.detect import FORMATS, detect
from tallyport_converters.readers.reader import Hints
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable, finding, shown
from tallyport_schemas.progress import Progress

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot

_ADV2_NAMES = (".adv2.json", ".adv2.json.gz", ".adv2.json.zst")


def show(
    path: str | os.PathLike[str],
    *,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    rows: int = ROWS,
    row: str | int | None = None,
    where: Iterable[str] = (),
    source_format: str | None = None,
    id_schemes: Mapping[str, str] | None = None,
    sheet: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> FileView:
    """Look into a file: ADV2 or legacy, plain or compressed, a folder of such files, or `-` for standard input.

    `rows`: how many of its first rows, or of those that meet all conditions of `where` (`ou=ouClinicA01,ouClinicB01`:
    a field by any of its names, values with commas between them). `row`: the one of this number alone, from 0 as
    findings count; `3:12` is row 12 of group 3 in an ADV2 file of several groups. `metadata` is a snapshot, or the path
    of one or of a DHIS2 metadata export: rows have names then, and conditions may use them. `source_format`,
    `id_schemes` and `sheet` are those of `convert`. Of a folder there are its files, and what `stats` says of them, or
    rows of all of them with `where`; `watch` hears of progress then.

    A file that is damaged, or is none of these, is no exception: see `FileView.error`.

    Raises:
        ValueError: an option is none of what it can be, or the file has no such row or field.
        SourceUnreadable: the metadata cannot be read.
    """
    if not 0 <= rows <= ROWS_LIMIT:
        raise ValueError(f"rows: 0 to {ROWS_LIMIT:,} can be shown, not {rows:,}")
    if source_format is not None and source_format not in FORMATS:
        raise ValueError(f"source_format: {source_format!r} is none of {', '.join(FORMATS)}")
    group, number = (None, None) if row is None else numbered(row)
    wanted = Wanted(rows if row is None else 1, number, group, conditions(where))
    if wanted.row is not None and wanted.where:
        raise ValueError("one row by its number, or rows by conditions, not both")
    snapshot = load_snapshot(metadata)
    look = partial(
        _view,
        wanted=wanted,
        snapshot=snapshot,
        source_format=source_format,
        id_schemes=id_schemes or {},
        hints=Hints(sheet=sheet),
    )
    if os.fspath(path) == "-" or not Path(path).is_dir():
        return look(os.fspath(path))
    if wanted.row is not None:
        raise ValueError("a row has a number within a file: name one of the folder's")
    view = _folder(Path(path), wanted, look)
    if view.files and not wanted.where:
        from tallyport.analysis.statistics.stats import stats

        view.statistics = stats(
            [path], metadata=snapshot, source_format=source_format, id_schemes=id_schemes, watch=watch
        )
    return view


def _folder(folder: Path, wanted: Wanted, look: Callable[..., FileView]) -> FileView:
    """Return what there is to see of a folder: its files, or the rows of all of them that meet conditions."""
    whole = FileView(shown(folder.name or str(folder)), format="folder", is_complete=True)
    unknown: list[UnknownField] = []
    paths = files_of(folder)
    if not paths:
        whole.error = finding("TP125", source=whole.name, expected="a file, or a folder of files")
    for path in paths:
        label = shown(path.relative_to(folder).as_posix())
        try:
            view = look(str(path), wanted=replace(wanted, rows=wanted.rows - len(whole.rows) if wanted.where else 0))
        except UnknownField as error:
            unknown.append(error)
            continue
        whole.size_bytes += view.size_bytes
        if not wanted.where:
            whole.files.append(file_line(view, label))
            continue
        whole.rows += [replace(row, file=label) for row in view.rows]
        whole.error = whole.error or view.error
        whole.unmatched = view.unmatched if whole.unmatched or path is paths[0] else []
        if not view.is_complete and not view.error:
            whole.is_complete = False
            break
    if unknown and len(unknown) == len(paths):
        raise unknown[0]
    return whole


def _view(
    path: str,
    wanted: Wanted,
    snapshot: Snapshot | None,
    source_format: str | None,
    id_schemes: Mapping[str, str],
    hints: Hints,
) -> FileView:
    view = FileView("stdin" if path == "-" else shown(Path(path).name or path))
    try:
        with closing(Source.open(path)) as source:
            view.size_bytes, view.compression = source.size_bytes, source.compression
            _look(source, view, wanted, snapshot, source_format, id_schemes, hints)
    except SourceUnreadable as error:
        view.error = error.finding if error.finding.source else error.finding.at(view.name)
    return view


def _look(
    source: Source,
    view: FileView,
    wanted: Wanted,
    snapshot: Snapshot | None,
    source_format: str | None,
    id_schemes: Mapping[str, str],
    hints: Hints,
) -> None:
    if source_format is None and (evidence := _adv2_evidence(source)):
        view.format, view.evidence = "adv2", evidence
        _check_sheet(hints, "ADV2")
        adv2_view.look(source, view, wanted, snapshot)
        return
    form, evidence = (FORMATS[source_format], "as said") if source_format else detect(source.head())
    view.format, view.evidence = form.name, evidence
    _check_sheet(hints, form.name)
    if wanted.group is not None:
        raise ValueError(f"a legacy file has no groups: say --row {wanted.row}")
    legacy_view.look(form.readers(source, hints), view, wanted, snapshot, id_schemes)


def _check_sheet(hints: Hints, form: str) -> None:
    if hints.sheet is not None and form != "xlsx":
        raise ValueError(f"a sheet has no effect on {form}")


def _adv2_evidence(source: Source) -> str | None:
    """Say why a source is ADV2; None where it is not."""
    if source.name.endswith(_ADV2_NAMES):
        return "by its name"
    try:
        return "it starts with the header of a group" if is_adv2(source) else None
    except SourceUnreadable:
        return None
