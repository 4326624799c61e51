"""Locks: files that a process holds for as long as it lives. The system frees them, however the process ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def held(path: Path) -> int | None:
    """Take the lock at `path`, making the file if need be; returns its handle, which frees it when closed.

    None: another process holds it, or it went away meanwhile.

    Raises:
        OSError: the file cannot be made; FileNotFoundError if its folder is not there.
    """
    from filelock import lock_descriptor  # takes longer to load than to lock

    lock = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        if lock_descriptor(lock, blocking=False) and _is_there(path, lock):
            return lock
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None


def give_up(path: Path, lock: int) -> None:
    """Remove the file at `path` and free its lock, in this order where an open file can be removed."""
    if sys.platform == "win32":
        os.close(lock)
    with suppress(OSError):
        path.unlink()
    if sys.platform != "win32":
        os.close(lock)


def _is_there(path: Path, lock: int) -> bool:
    """Whether `path` is still the file that was opened: whoever held it before may have taken it away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False
