"""Downloads: what a job leaves, as the command line writes it, streamed. Archives are the same bytes each time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from tallyport.web.folders import CHANGES, FINDINGS, REJECTS, SCRIPT, UNDO, VALIDATION, Folders, SourceNames
from tallyport.web.jobs.change_preview import changes
from tallyport_converters.sources import stem_of

MEDIA_TYPES: Mapping[str, str] = {
    "adv2.zip": "application/zip",
    "findings.ndjson": "application/x-ndjson",
    "rejects.ndjson": "application/x-ndjson",
    "manifest.json": "application/json",
    "changes.ndjson": "application/x-ndjson",
    "statements.sql": "application/sql",
    "undo.zip": "application/zip",
}
"""All that a job may leave."""

_BLOCK_BYTES = 1 << 18
_DATE = (1980, 1, 1, 0, 0, 0)
_PACKED = (".gz", ".zst")


class Downloads:
    """What one job left."""

    def __init__(self, folders: Folders, job: Mapping[str, Any]) -> None:
        self._out, self._folder = folders.out(job["id"]), folders.job(job["id"])
        self._uploads = folders.uploads
        self._sources = job["request"]["sources"]
        self._naming = SourceNames([source["name"] for source in self._sources])
        self.validation = self._folder / VALIDATION

    def offered(self) -> Iterator[tuple[str, int | None]]:
        """Yield what there is, with its size where that is known."""
        if next(self._outputs(), None):
            yield "adv2.zip", None
        if size := _size(self._folder / FINDINGS):
            yield "findings.ndjson", size
        if size := sum(map(_size, self._rejects())):
            yield "rejects.ndjson", size
        if self._manifests():
            yield "manifest.json", None
        if _size(self._folder / CHANGES):
            yield "changes.ndjson", None
        if size := _size(self._folder / SCRIPT):
            yield "statements.sql", size
        if next(self._undone(), None):
            yield "undo.zip", None

    def blocks(self, what: str) -> Iterator[bytes]:
        """Yield the bytes of one of them; whoever asks has seen that it is offered."""
        if what == "adv2.zip":
            yield from zipped(self._outputs())
        elif what == "undo.zip":
            yield from zipped(self._undone())
        elif what == "changes.ndjson":
            yield from _gathered(changes(self._folder / CHANGES, self._naming))
        elif what == "manifest.json":
            yield json.dumps({"sources": [json.loads(path.read_bytes()) for path in self._manifests()]}).encode()
        else:
            names = {"findings.ndjson": [self._folder / FINDINGS], "statements.sql": [self._folder / SCRIPT]}
            for path in names.get(what) or self._rejects():
                yield from read(path)

    def script(self, size_bytes: int) -> bytes:
        """Return the first bytes of the statements, for a look at them."""
        with (self._folder / SCRIPT).open("rb") as file:
            return file.read(size_bytes)

    def single(self) -> Path | None:
        """The one ADV2 file of the one source, where there is one."""
        found = [path for _, path in self._outputs() if ".adv2.json" in path.name]
        return found[0] if len(found) == 1 else None

    def _converted(self, name: str) -> list[Path]:
        folders = (self._out / self._naming.folder(n) / s["upload"] for n, s in enumerate(self._sources))
        return [folder / name for folder in folders if (folder / name).exists()]

    def _manifests(self) -> list[Path]:
        return self._converted("manifest.json")

    def _rejects(self) -> list[Path]:
        """Whatever rejected values: the conversion, or whoever wrote them as well."""
        written = self._folder / REJECTS
        return [written] if written.exists() else self._converted(REJECTS)

    def _outputs(self) -> Iterator[tuple[str, Path]]:
        """Yield (name in the archive, file) as the command line names them: a folder for each source."""
        for number, source in enumerate(self._sources):
            folder = self._out / self._naming.folder(number) / source["upload"]
            if folder.exists():
                for path in sorted(folder.rglob("*")):
                    yield f"{self._naming.stems[number]}/{path.relative_to(folder).as_posix()}", path
            elif (self._out / self._naming.adv2(number)).exists():
                suffixes = source["name"].removeprefix(stem_of(source["name"]))
                yield f"{self._naming.stems[number]}{suffixes}", self._uploads / source["upload"]

    def _undone(self) -> Iterator[tuple[str, Path]]:
        folder = self._folder / UNDO
        if folder.exists():
            yield from ((path.name, path) for path in sorted(folder.iterdir()))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def read(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines in blocks."""
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


class _Passed:
    """A file that is written to and emptied in turns: what a zip archive is streamed through."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        data = bytes(self._kept)
        self._kept.clear()
        return data


def zipped(files: Iterator[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a zip archive of files, (name, path), as it is made."""
    passed = _Passed()
    out: IO[bytes] = passed  # type: ignore[assignment]
    with zipfile.ZipFile(out, "w") as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_STORED if path.name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                for block in read(path):
                    member.write(block)
                    yield passed.taken()
    yield passed.taken()
