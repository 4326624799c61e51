"""Converting on the way: sources of any format as ADV2 files. What is no ADV2 is converted into a working folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tallyport.validation.validate import walked
from tallyport_converters.adv2.file import is_adv2
from tallyport_converters.convert import Options, Outcome, conversion
from tallyport_converters.readers.detect import detect
from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.progress import Progress


def converted(
    sources: Sequence[str | os.PathLike[str]], work: Path, paths: list[str], options: Options | None = None
) -> Iterator[Outcome | Progress]:
    """Convert what is no ADV2 into `work`; fills `paths` with what is, in the order of the sources.

    Outcomes have a trail: it leads back for as long as `work` is there.

    `sources` are ADV2 files, legacy files, folders of either, or `-`. A path is a file or a folder of files.
    """
    for number, path in enumerate(kept(sources, work)):
        if _holds_adv2(path):
            paths.append(path)
            continue
        folder = work / str(number)
        for event in conversion([path], folder, options or Options(), trails=work / f"{number}.trails"):
            yield event
            if isinstance(event, Outcome) and event.folder and any(event.folder.glob("*.adv2.json")):
                paths.append(str(event.folder))


def kept(sources: Sequence[str | os.PathLike[str]], work: Path) -> list[str]:
    """Return the paths of sources; standard input, which can be read once, is kept in `work`."""
    paths = [os.fspath(source) for source in sources]
    for number, path in enumerate(paths):
        if path == "-":
            paths[number] = str(work / "stdin")
            with Path(paths[number]).open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
    return paths


def holds_adx(path: str) -> bool:
    """Whether a file is ADX by its content, or one of a folder's."""
    if Path(path).is_dir():
        return any(holds_adx(str(file)) for file in Path(path).rglob("*") if file.is_file())
    try:
        with Source.open(path) as source:
            return detect(source.head())[0].name == "adx"
    except SourceUnreadable:
        return False


def _holds_adv2(path: str) -> bool:
    """Whether a file is ADV2 by its content, or a folder has files of that name."""
    if Path(path).is_dir():
        try:
            return bool(list(walked([path])))
        except ValueError:
            return False
    if path.endswith((".adv2.json", ".adv2.json.gz", ".adv2.json.zst")):
        return True
    try:
        with Source.open(path) as source:
            return is_adv2(source)
    except SourceUnreadable:
        return False
