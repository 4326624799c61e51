"""Limits: what a process that handles a file may take of the machine. The server reads none. Linux and macOS."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

MEMORY_BYTES = 8 << 30


class TimeUp(Exception):
    """The process has taken longer than it may."""


def limit(seconds: float) -> None:
    """Bound this process's time (`TimeUp` is raised) and memory (`MemoryError`); have what ends a run interrupt it.

    The signals are set again, as a process started in the background would ignore them.
    """

    def time_up(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeUp

    import resource

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def lift() -> None:
    """Take the bound on this process's time away: recording how it ended may take longer."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@asynccontextmanager
async def limited() -> AsyncIterator[None]:
    """Bound a task by the time that is left, by means of its loop: one that a signal raises may be lost in a callback.

    Raises:
        TimeUp: the process has taken longer than it may.
    """
    import asyncio

    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    began = time.monotonic()
    bound = asyncio.timeout(left_s or None)
    try:
        async with bound:
            yield
    except TimeoutError:
        if bound.expired():
            raise TimeUp from None
        raise
    finally:
        if left_s and not bound.expired():
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (time.monotonic() - began), 0.001))
