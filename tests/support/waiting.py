"""Wait for what another process or thread is about to do, by looking, never by a guess of how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], object], *, seconds: float = 60) -> None:
    """Look until something holds; fail where it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"did not come about within {seconds} s"
        time.sleep(0.005)
