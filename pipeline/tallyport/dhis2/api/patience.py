"""Patience: a server that goes away comes back. How long it is waited for, and the wait itself.

A server is away when it cannot be reached, does not answer in time, breaks off, or has a proxy answer for it. It is
back when it gives its system info: a request that failed is not repeated as a probe, as it may be a large one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from tallyport_schemas.finding import Finding, OutsideFailed
from tallyport_schemas.progress import Waiting

WAIT_S = 600.0
"""Seconds that a server is waited for, unless said otherwise: one that restarts is away for about a minute."""

FIRST_S, MOST_S = 1.0, 15.0
"""Seconds between the first looks, and at most."""

POLL_FIRST_S = 0.5
"""Seconds between the first looks at a job; each further wait is half as long again."""

POLL_MOST_S = 15.0
"""Seconds between looks at most."""

_AWAY = frozenset({"TP850", "TP851", "TP852"})
_AWAY_STATUS = frozenset({502, 503, 504})
_FINAL = frozenset({"TP853", "TP854", "TP858"})
_IN_VAIN = 2


@dataclass(frozen=True, slots=True)
class Poll:
    """How often to look: the first wait, how it grows, and the longest one, in seconds."""

    first_s: float = POLL_FIRST_S
    most_s: float = POLL_MOST_S
    growth: float = 1.5

    def waits(self) -> Iterator[float]:
        """Yield one wait after the other."""
        wait = self.first_s
        while True:
            yield wait
            wait = min(wait * self.growth, self.most_s)


@dataclass(slots=True)
class Patience:
    """How long a server that is away is waited for: 0 is not at all. `tell` hears of it, once for all requests.

    Between looks there are `first_s` seconds, each time twice as many, up to `most_s`. `waited_s` sums up all waits.
    """

    wait_s: float = 0.0
    tell: Callable[[Waiting], None] = field(default=lambda _: None)
    first_s: float = field(default_factory=lambda: FIRST_S)
    most_s: float = field(default_factory=lambda: MOST_S)
    waited_s: float = 0.0
    _spokesman: Wait | None = None

    def begin(self, look: Callable[[], Awaitable[object]]) -> Wait:
        """Return the wait of one request; `look` asks the server for something small."""
        return Wait(self, look)


class Wait:
    """What one request has waited for its server; all its failures count against one time."""

    def __init__(self, patience: Patience, look: Callable[[], Awaitable[object]]) -> None:
        self._patience, self._look = patience, look
        self._since: float | None = None
        self._pause_s = patience.first_s
        self._in_vain = 0
        self.is_over = False
        """Whether the time is up."""

    async def ends(self, failed: OutsideFailed, status: int | None) -> bool:
        """Wait until the server is back: True. False at once if waiting is no use, or when there was enough of it.

        `failed` then says how long it was. A server that is there, and does not answer this request in time, is not
        asked for it for ever.

        Raises:
            OutsideFailed: it is back, but does not let one in, or leads elsewhere.
        """
        patience = self._patience
        is_away = failed.finding.code in _AWAY or status in _AWAY_STATUS
        if not patience.wait_s or not is_away:
            return False
        if failed.finding.code == "TP851" and self._in_vain >= _IN_VAIN:
            self.is_over = True
            return False
        clock = asyncio.get_running_loop()
        began = clock.time()
        self._since = began if self._since is None else self._since
        if patience._spokesman is None:
            patience._spokesman = self
        found = failed.finding
        looks = 0
        try:
            while (waited_s := clock.time() - self._since) < patience.wait_s:
                self._say(found, waited_s)
                await asyncio.sleep(min(self._pause_s, patience.wait_s - waited_s))
                self._pause_s = min(2 * self._pause_s, patience.most_s)
                looks += 1
                try:
                    await self._look()
                except OutsideFailed as still:
                    if still.finding.code in _FINAL:
                        raise
                    found = still.finding
                    continue
                self._in_vain = self._in_vain + 1 if looks == 1 else 0
                self._say(found, clock.time() - self._since, is_over=True)
                return True
            words = f"{found.found or found.message}; waited {waited_s:,.0f} s for it"
            failed.finding = replace(failed.finding, found=words)
            self.is_over = True
            return False
        finally:
            if patience._spokesman is self:
                patience._spokesman = None
                patience.waited_s += clock.time() - began

    def _say(self, found: Finding, waited_s: float, *, is_over: bool = False) -> None:
        if self._patience._spokesman is self:
            reason = f"{found.message}: {found.found}" if found.found else found.message
            self._patience.tell(Waiting(found.source or "", reason, waited_s, self._patience.wait_s, is_over))
