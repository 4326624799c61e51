"""Chunk size: how many values go into a request, learnt from how long the server takes for them."""

from __future__ import annotations

FIRST, MOST = 500, 20_000
"""Values of the first request, and of any."""

TARGET_S = 8.0
"""Seconds that a request should take: its own cost is small then, and little is lost when it breaks."""

BYTES = 8 << 20
"""Bytes of a request at most, roughly, before they are packed."""

_GROWTH, _SHRINKING = 3.0, 0.25


class ChunkSize:
    """How many values the next request should have: `rows`. `fixed`: as many, unless the server takes fewer only."""

    def __init__(self, fixed: int | None = None) -> None:
        if fixed is not None and fixed < 1:
            raise ValueError("a chunk has at least 1 value")
        self._is_fixed = fixed is not None
        self._most = fixed or MOST
        self.rows = fixed or FIRST

    def took(self, rows: int, seconds: float) -> None:
        """Learn from a request that was answered. A request that was not full says nothing of larger ones."""
        if self._is_fixed or not rows:
            return
        factor = max(_SHRINKING, min(TARGET_S / max(seconds, 1e-3), _GROWTH))
        if factor < 1 or rows >= self.rows:
            self.rows = max(1, min(int(rows * factor), self._most))

    def refused(self, rows: int) -> None:
        """Learn that a request of so many values is too large, or takes too long: no later one is as large."""
        self._most = self.rows = max(1, min(self.rows, rows // 2))
