"""Locks: files that a process holds for as long as it lives. The system frees them, however the process ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def held(path: Path) -> int | None:
    """Take the lock at `path`, making the file if need be; returns its handle, which frees it when closed.

    None: another process holds it, or it went away meanwhile.

    Raises:
        OSError: the file cannot be made; FileNotFoundError if its folder is not there.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _locks(lock) and _is_there(path, lock):
        return lock
    os.close(lock)
    return None


def _is_there(path: Path, lock: int) -> bool:
    """Whether `path` is still the file that was opened: whoever held it before may have taken it away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _locks(lock: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
