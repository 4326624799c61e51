"""Streams: requests that are on their way at once, no two of which claim the same, such as an organisation unit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Self


class Streams:
    """Work that runs side by side, `most` at once. An asynchronous context manager: left when all has ended.

    When one fails the others are waited for, so that their outcome is known; then the failure is raised.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("at least 1 request is sent at once")
        self.most = most
        self._running: dict[asyncio.Task[None], frozenset[str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        del kind, trace
        if error is None:
            await self.drain()
            return
        if not isinstance(error, Exception):  # it is cancelled
            for task in self._running:
                task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()

    async def room(self) -> None:
        """Wait until less work than `most` is running."""
        while len(self._running) >= self.most:
            await self._one_ends()

    async def start(self, claims: frozenset[str], work: Coroutine[Any, Any, None]) -> None:
        """Start work, once there is room, and no other work claims any of the same."""
        try:
            while len(self._running) >= self.most or any(not claims.isdisjoint(of) for of in self._running.values()):
                await self._one_ends()
        except BaseException:
            work.close()
            raise
        self._running[asyncio.create_task(work)] = claims
        await asyncio.sleep(0)  # it begins before the next one is made

    async def drain(self) -> None:
        """Wait until all work has ended."""
        while self._running:
            await self._one_ends()

    async def _one_ends(self) -> None:
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in done if task.exception()]
        for task in done:
            del self._running[task]
        if failed:
            await asyncio.gather(*self._running, return_exceptions=True)
            self._running.clear()
            error = failed[0].exception()
            assert error
            raise error
