"""Work folders: where a run keeps what it makes on its way. They are for its user alone, and gone when it ends.

A run that is killed leaves its folder behind, with whatever values were in it. The next run that works at the same
place sweeps it: a folder whose lock nobody holds belongs to nobody.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tallyport_converters.files import locks
from tallyport_schemas.finding import OutsideFailed, finding

PREFIX = ".tallyport-work-"
"""How their names begin."""

_LOCK, _FILES = "lock", "files"
_TRIES = 100


@contextmanager
def work_folder(parent: Path | None = None, *, sweeps: bool = True) -> Iterator[Path]:
    """Give a new, empty folder of mode 0700 in `parent`, by default the system's for temporary files.

    What runs before left there is swept first, unless the caller did that (`sweep`).

    Raises:
        OutsideFailed: TP801, it cannot be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    if sweeps:
        sweep(parent)
    try:
        folder, lock = _made(parent)
    except OSError as error:
        raise OutsideFailed(finding("TP801", found=f"{parent}: {error.strerror or error}")) from error
    try:
        yield folder / _FILES
    finally:
        _remove(folder, lock)


def sweep(parent: Path) -> None:
    """Remove the work folders in `parent` of this user's runs that ended without doing so."""
    with suppress(OSError):
        for folder in parent.glob(f"{PREFIX}*"):
            with suppress(OSError):
                there = folder.lstat()
                if stat.S_ISDIR(there.st_mode) and (not hasattr(os, "geteuid") or there.st_uid == os.geteuid()):
                    lock = locks.held(folder / _LOCK)
                    if lock is not None:
                        _remove(folder, lock)


def _made(parent: Path) -> tuple[Path, int]:
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            lock = locks.held(folder / _LOCK)
        except FileNotFoundError:
            continue  # another run swept it before it had its lock
        if lock is not None:
            (folder / _FILES).mkdir(mode=0o700)
            return folder, lock
    raise OSError("no folder of its own can be made")


def _remove(folder: Path, lock: int) -> None:
    """Empty a folder and take it away, its lock last: until then it is known to be in use."""
    shutil.rmtree(folder / _FILES, ignore_errors=True)
    locks.give_up(folder / _LOCK, lock)
    with suppress(OSError):
        folder.rmdir()
