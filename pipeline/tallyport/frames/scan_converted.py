"""Scan converted: legacy files as a lazy frame, through ADV2 in a work folder that is gone when the frame is."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tallyport.any_source import converted
from tallyport.frames.scan import lazy_frame
from tallyport.frames.value_files import Paths, ValueFiles, path_list
from tallyport_converters.convert import Options, Outcome
from tallyport_converters.files.work_folders import work_folder
from tallyport_schemas.finding import Finding, SourceUnreadable

if TYPE_CHECKING:
    from tallyport.metadata import Snapshot


def scan_legacy(
    paths: Paths,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    *,
    on_invalid: Callable[[Finding], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    source_format: str | None = None,
    id_schemes: Mapping[str, str] | None = None,
    data_set: str | None = None,
    header: bool | None = None,
) -> pl.LazyFrame:
    """Return the values of legacy files as a lazy frame with the columns of `scan_adv2`.

    The files are converted at once, into a work folder that goes when the frame, and all made of it, is no longer used.

    Args:
        paths: legacy files, or folders of them; ADV2 files are read as they are.
        metadata: as for `scan_adv2`.
        on_invalid: takes what is wrong with each value that is rejected; the frame omits it. Without it, a rejected
            value is an error.
        on_outcome: takes the outcome of each conversion, as `convert` reports it: counts, superseded values, dropped
            fields. Its folder is there until the frame is no longer used.
        source_format: the format, if it is not to be detected from content.
        id_schemes: the scheme of each kind of identifier, as for `convert`.
        data_set: the data set of files that name none.
        header: whether a CSV file starts with a header row, if that is not to be detected.

    Raises:
        ValueError: an option is none of what it can be.
        SourceUnreadable: a file or the metadata cannot be read; or a value is rejected, and nobody takes that.
        OutsideFailed: TP801, the disk failed.
    """
    options = Options(source_format, id_schemes or {}, data_set, header=header)
    with ExitStack() as stack:
        work = stack.enter_context(work_folder())
        found: list[str] = []
        for event in converted(path_list(paths), work, found, options):
            if isinstance(event, Outcome):
                _account(event, on_invalid)
                if on_outcome:
                    on_outcome(event)
        files = ValueFiles(found or _nothing(work), metadata, on_invalid=on_invalid)
        weakref.finalize(files, stack.pop_all().close)
    return lazy_frame(files)


def _account(outcome: Outcome, on_invalid: Callable[[Finding], None] | None) -> None:
    """Report what a conversion rejected.

    Raises:
        SourceUnreadable: the source is unreadable; or a value was rejected, and there is no `on_invalid`.
    """
    if outcome.error:
        raise SourceUnreadable(outcome.error)
    for rejected in _rejected(outcome):
        if on_invalid is None:
            raise SourceUnreadable(rejected)
        on_invalid(rejected)


def _rejected(outcome: Outcome) -> Iterator[Finding]:
    path = outcome.folder / "rejects.ndjson" if outcome.folder else None
    if path and path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                members = json.loads(line)
                members.pop("original", None)
                yield Finding.of_json(members)


def _nothing(work: Path) -> str:
    """Return an ADV2 file without groups: no value was left."""
    path = work / "nothing.adv2.json"
    path.write_text("[]", encoding="utf-8")
    return str(path)
