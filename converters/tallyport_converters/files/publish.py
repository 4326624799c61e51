"""Publishing: an output folder appears whole or not at all, and a killed run is completed by running it again.

All is built in DIR/.tallyport-unfinished, which is for this user alone, and renamed at the end. A run that is killed
leaves it behind, and the next one empties it. While a run lasts, `plan.json` there names the folders
it set out to make. It outlives a run that fails after some of them appeared: found by a later run, those are known to
be the work of a run that never ended, and may be replaced.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tallyport_converters.files import locks
from tallyport_converters.files.output import failed, sync_folder
from tallyport_schemas.finding import Refused, finding

WORK = ".tallyport-unfinished"
_PLAN = "plan.json"
_LOCK = "lock"
_TRIES = 100


@contextmanager
def run_in(output: Path, names: Sequence[str], *, overwrite: bool) -> Iterator[Path]:
    """Give a working folder for a run that makes the folders `names` in `output`.

    At the end it is gone, unless folders of a run that failed wait there to be completed.

    Raises:
        Refused: TP901 a folder exists and may not be replaced, TP902 another run is using it.
        OutsideFailed: TP801, the disk failed.
    """
    work = output / WORK
    try:
        is_new = not output.exists()
        lock = _lock(work, output)
    except OSError as error:
        raise failed(error, output) from error
    done: Sequence[str] = ()
    is_over = False
    try:
        ours = _planned(work)
        taken = [name for name in names if _exists(output / name)]
        refused = [name for name in taken if name not in ours]
        if refused and not overwrite:
            found = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
            raise Refused(finding("TP901", found=found))
        _clear(work, keep=(_PLAN, _LOCK))
        _write_plan(work, {*ours, *(name for name in names if name not in taken)})
        yield work
        done = names
    except OSError as error:
        raise failed(error, output) from error
    finally:
        with suppress(OSError):
            is_over = _leave(work, output, done)
        if is_over:
            locks.give_up(
                work / _LOCK, lock
            )  # last, or another run could set to work in a folder that is being emptied
            with suppress(OSError):
                work.rmdir()
                if is_new:
                    output.rmdir()  # only if nothing came of it
        else:
            os.close(lock)


def _leave(work: Path, output: Path, done: Sequence[str]) -> bool:
    """Empty the working folder; returns whether it may go, which it may not while the plan has folders to complete."""
    waiting = _planned(work).difference(done)
    if any(_exists(output / name) for name in waiting):
        _clear(work, keep=(_PLAN, _LOCK))
        _write_plan(work, waiting)
        return False
    _clear(work, keep=(_LOCK,))
    return True


def publish(built: Path, final: Path) -> None:
    """Rename a finished folder to its final name, in place of what is there.

    Raises:
        OutsideFailed: TP801.
    """
    try:
        sync_folder(built)
        if _exists(final):
            _exchange(built, final)
            _remove(built)
        else:
            built.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise failed(error, final) from error


def _lock(work: Path, output: Path) -> int:
    """Make the working folder if need be and take its lock.

    Raises:
        Refused: TP902, another run has it.
    """
    for _ in range(_TRIES):
        output.mkdir(parents=True, exist_ok=True)
        work.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = locks.held(work / _LOCK)
        except FileNotFoundError:
            continue  # a run that ended took the folder away
        if lock is not None:
            work.chmod(0o700)  # one that was left over by a version that did not see to it
            return lock
        if work.exists():
            break
    raise Refused(finding("TP902", found=str(output)))


def _planned(work: Path) -> set[str]:
    try:
        names = json.loads((work / _PLAN).read_text())
    except (OSError, ValueError):
        return set()  # killed before the plan was written: nothing was made
    return set(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else set()


def _write_plan(work: Path, names: Iterable[str]) -> None:
    partial = work / f"{_PLAN}.new"
    with partial.open("w") as file:
        json.dump(sorted(names), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(work / _PLAN)
    sync_folder(work)


def _exchange(a: Path, b: Path) -> None:
    """Swap two folders, in one step where the system can."""
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        at_cwd, swap = -100, 2
        if hasattr(library, "renameat2"):
            if library.renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), swap) == 0:
                return
            if ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(b))
    aside = a.with_name(f"{a.name}.replaced")
    b.rename(aside)
    a.rename(b)
    aside.rename(a)


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _clear(folder: Path, keep: Collection[str]) -> None:
    for path in folder.iterdir():
        if path.name not in keep:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
