"""Virtual time: an event loop whose clock stands still while anything runs, and jumps when all are waiting.

Client and server run on the one loop, over real sockets. Hours pass in as long as their work takes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from support.dhis2_http import LoopbackServer

Found = TypeVar("Found")

_UNDERWAY_S = 0.0005
"""Real seconds that what was written to a socket of this machine may take to arrive."""


class _Selector(selectors.DefaultSelector):
    """Waits for nothing but sockets; a timer that is due next is due at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        found = super().select(_UNDERWAY_S if timeout is not None else None)
        if not found and timeout is not None:
            self.now += timeout
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which begins at 0."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def elapsed(server: LoopbackServer, work: Callable[[], Coroutine[Any, Any, Found]]) -> tuple[Found, float]:
    """Run work against a server; return what came of it, and how many seconds it would have taken."""

    async def running() -> tuple[Found, float]:
        async with server.on_this_loop():
            loop = asyncio.get_running_loop()
            began = loop.time()
            found = await work()
            return found, loop.time() - began

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(running())
