"""Downloads: what a job leaves, as the command line writes it, streamed. Archives are the same bytes each time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO

from tallyport.web.folders import CHANGES, REJECTS, UNDO, JobContext
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
_LINES = 500
_DATE = (1980, 1, 1, 0, 0, 0)
_PACKED = (".gz", ".zst")
_PLAIN = ("findings.ndjson", "rejects.ndjson", "statements.sql")
"""Those that are sent as they lie on the disk: their size is known before."""


class Downloads:
    """What one job left."""

    def __init__(self, job: JobContext) -> None:
        self._job = job

    def offered(self) -> dict[str, int | None]:
        """Return what there is, with its size where that is known."""
        found = {what: sum(path.stat().st_size for _, path in self._files(what)) for what in MEDIA_TYPES}
        return {what: size if what in _PLAIN else None for what, size in found.items() if size}

    def blocks(self, what: str) -> Iterator[bytes]:
        """Yield the bytes of one of them; the caller has checked that it is offered."""
        files = self._files(what)
        if what.endswith(".zip"):
            yield from zipped(files)
        elif what == "changes.ndjson":
            lines = changes(self._job.folder / CHANGES, self._job.names)
            yield from iter(lambda: b"".join(islice(lines, _LINES)), b"")
        elif what == "manifest.json":
            yield json.dumps({"sources": [json.loads(path.read_bytes()) for _, path in files]}).encode()
        else:
            for _, path in files:
                yield from read(path)

    def single(self) -> Path | None:
        """The one ADV2 file of the one source, where there is one."""
        found = [path for _, path in self._files("adv2.zip") if ".adv2.json" in path.name]
        return found[0] if len(found) == 1 else None

    def _files(self, what: str) -> Iterator[tuple[str, Path]]:
        """Yield the files that one of them is made of, with their names in an archive."""
        rejects = self._job.folder / REJECTS  # the target's, which has the conversion's as well
        if what == "adv2.zip":
            yield from self._outputs()
        elif what == "manifest.json" or (what == "rejects.ndjson" and not rejects.exists()):
            yield from ((name, path) for name, path in self._outputs() if path.name == what)
        elif what == "undo.zip":
            yield from ((path.name, path) for path in sorted((self._job.folder / UNDO).glob("*")))
        elif (path := self._job.folder / what).exists():
            yield what, path

    def _outputs(self) -> Iterator[tuple[str, Path]]:
        """Yield (name in the archive, file) as the command line names them: a folder for each source."""
        names, out = self._job.names, self._job.out
        for number, upload in enumerate(self._job.uploads):
            folder = out / names.folder(number) / upload.name
            if folder.exists():
                for path in sorted(folder.rglob("*")):
                    yield f"{names.stems[number]}/{path.relative_to(folder).as_posix()}", path
            elif (out / names.adv2(number)).exists():
                name = names.names[number]
                yield f"{names.stems[number]}{name.removeprefix(stem_of(name))}", upload


def read(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


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
