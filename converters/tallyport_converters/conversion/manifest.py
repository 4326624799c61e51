"""The files of an output folder beside its rows: where groups go, and the manifest that accounts for all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

import orjson

from tallyport_converters.adv2 import group_text
from tallyport_converters.conversion import superseded, trail
from tallyport_converters.conversion.groups import Counts, WrittenGroup
from tallyport_converters.files.names import group_names
from tallyport_converters.files.output import Compress, OutputFile
from tallyport_converters.sources import Source
from tallyport_schemas import __version__
from tallyport_schemas.finding import Finding, finding

REJECTS_FREE_BYTES = 4 << 20
"""Bytes that rejected rows may always take, however small their source is."""

REJECTS_RATIO = 16
"""Bytes that they may take for each byte of their source beyond these: what most files come to if all is rejected."""

SHORT_FIELD = 40
"""Characters of a field's name that even a short line gives."""

_SUFFIXES: Mapping[Compress, str] = {"none": "", "gz": ".gz", "zst": ".zst"}


def place_groups(
    groups: Sequence[WrittenGroup],
    folder: Path,
    *,
    layout: Literal["split", "single"],
    compress: Compress,
    row_numbers: Path | None = None,
) -> list[dict[str, Any]]:
    """Give groups their final names in `folder`, or put them into one file; returns their entries in the manifest.

    `row_numbers`: the folder for the numbers of their rows, in a file for each of theirs.
    """
    by_element: dict[str, list[WrittenGroup]] = {}
    for group in sorted(groups, key=lambda group: (group.data_element, group.order)):
        by_element.setdefault(group.data_element, []).append(group)
    suffix = group_text.SUFFIX + _SUFFIXES[compress]
    if layout == "single":
        all_groups = [g for many in by_element.values() for g in many]
        _place_row_numbers(all_groups, row_numbers, f"values{suffix}")
        return _join(all_groups, folder / f"values{suffix}", compress)
    names = group_names({element: len(many) for element, many in by_element.items()})
    entries = []
    for element, many in by_element.items():
        for name, group in zip(names[element], many, strict=True):
            _place_row_numbers([group], row_numbers, f"{name}{suffix}")
            group.path.rename(folder / f"{name}{suffix}")
            entries.append(_entry(f"{name}{suffix}", group, group.size_bytes, group.sha256))
    return entries


def _place_row_numbers(groups: Sequence[WrittenGroup], folder: Path | None, file: str) -> None:
    """Put the numbers of the rows of a file's groups into one file."""
    if folder is None:
        return
    with OutputFile(folder / f"{file}{trail.SUFFIX}") as out:
        for group in groups:
            if group.row_numbers:
                with group.row_numbers.open("rb") as numbers:
                    for piece in iter(partial(numbers.read, 1 << 20), b""):
                        out.write(piece)
                group.row_numbers.unlink()


def _join(groups: Sequence[WrittenGroup], path: Path, compress: Compress) -> list[dict[str, Any]]:
    """Put groups into one file, an array."""
    if not groups:
        return []
    with OutputFile(path, compress) as out:
        separator = b"[\n"
        for group in groups:
            out.write(separator)
            separator = b",\n"
            with closing(Source.open(group.path)) as written:
                for piece in _without_line_end(written.blocks(1 << 20, is_hashed=False)):
                    out.write(piece)
        out.write(b"\n]\n")
    return [_entry(path.name, group, out.size_bytes, out.sha256) for group in groups]


def _entry(name: str, group: WrittenGroup, size_bytes: int, sha256: str) -> dict[str, Any]:
    return {"file": name, "de": group.data_element, "rows": group.rows, "bytes": size_bytes, "sha256": sha256}


def _without_line_end(blocks: Iterator[bytes | bytearray]) -> Iterator[bytes]:
    """Yield the bytes of a group file but its last line feed."""
    held = b""
    for block in blocks:
        if held:
            yield held
        held = bytes(block)
    yield held[:-1]


def manifest(
    source: Mapping[str, Any],
    counts: Counts,
    *,
    read: int,
    dropped: Mapping[str, int],
    groups: Sequence[Mapping[str, Any]],
    completions: int,
    findings: Sequence[Finding],
) -> dict[str, Any]:
    """Return the manifest of a source: what was read (`source`: its members) and what became of it, to the last value.

    Raises:
        RuntimeError: the sum does not hold, which is a fault of tallyport.
    """
    if read != counts.written + counts.superseded + counts.rejected:
        raise RuntimeError(
            f"{read} values read, but {counts.written} written, {counts.superseded} superseded, "
            f"{counts.rejected} rejected: please report this as a fault of tallyport"
        )
    members: dict[str, Any] = {
        "tallyport": __version__,
        **source,
        "values": {
            "read": read,
            "written": counts.written,
            "superseded": counts.superseded,
            "rejected": counts.rejected,
        },
        "dropped": dict(sorted(dropped.items())),
        "groups": groups,
    }
    if counts.different:
        members["superseded"] = superseded.members(counts)
    if completions:
        members["completions"] = completions
    if findings:
        members["findings"] = [found.as_json() for found in findings]
    return members


class RejectLines:
    """The lines of `rejects.ndjson`: each rejected row with its own fields, as long as all of them fit what was read.

    Beyond `REJECTS_FREE_BYTES`, and `REJECTS_RATIO` bytes for each byte of the source, a line says what is wrong with
    which row, and no more.
    """

    def __init__(self, source_bytes: int) -> None:
        self._left = REJECTS_FREE_BYTES + REJECTS_RATIO * source_bytes
        self._short = 0
        self._first_short = 0

    def line(self, found: Finding, original: Any) -> bytes:
        """Return the next row's line."""
        if not self._short:
            line = json_line({**found.as_json(), "original": original})
            self._left -= len(line)
            if self._left >= 0:
                return line
            self._first_short = found.row or 0
        self._short += 1
        return json_line(
            {"code": found.code, "severity": found.severity, "message": found.message, "source": found.source}
            | {"row": found.row}
            | ({} if found.line is None else {"line": found.line})
            | ({"field": found.field} if found.field and len(found.field) <= SHORT_FIELD else {})
        )

    def findings(self) -> list[Finding]:
        """Return what is to be said of the lines: that some are short."""
        return [finding("TP132", row=self._first_short, count=self._short)] if self._short else []


def json_line(value: Any, *, indent: bool = False) -> bytes:
    """Return JSON with a line end; lone surrogates, which only rejected rows have, as escapes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0))
    except (orjson.JSONEncodeError, TypeError):
        return json.dumps(value, indent=2 if indent else None).encode() + b"\n"
