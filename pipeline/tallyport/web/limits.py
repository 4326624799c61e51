"""Limits: what a process that handles a file may take of the machine. The server reads none."""

from __future__ import annotations

import signal
import sys
from types import FrameType

MEMORY_BYTES = 8 << 30


class TimeUp(Exception):
    """The process has taken longer than it may."""


def limit(seconds: float) -> None:
    """Bound this process's time (`TimeUp` is raised) and memory (`MemoryError`); have SIGINT and SIGTERM interrupt it.

    The two signals are set anew as a process started in the background would ignore them.
    """

    def time_up(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeUp

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if sys.platform == "win32":
        return
    import resource

    signal.signal(signal.SIGALRM, time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
