"""A look into a folder: its files, one line each. Of each, no more than its beginning is read."""

from __future__ import annotations

from pathlib import Path

from tallyport.analysis.look.view import FileLine, FileView
from tallyport.validation.validate import walked


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder: its ADV2 files if it has any, all that are not hidden otherwise."""
    try:
        return [Path(path) for path, _ in walked([folder])]
    except ValueError:
        inner = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return [path for path in inner if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def file_line(view: FileView, name: str) -> FileLine:
    """Return the line of a file that was looked into; `name`: what it is called within the folder."""
    group = view.groups[0].as_json() if view.groups else None
    return FileLine(name, view.size_bytes, view.format, group, view.error)
