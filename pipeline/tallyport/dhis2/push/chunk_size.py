"""Chunk size: how many values go into a request of one data set, learnt from what the server makes of them.

Servers differ: what a value costs falls with the size of a request, or rises with it, or both. So sizes are tried from
small to large for as long as values a second rise, and the best one is kept, and looked at again now and then.
"""

from __future__ import annotations

from math import sqrt

FIRST, MOST = 200, 20_000
"""Values of a data set's first request, and of any."""

MAX_REQUEST_S = 30.0
"""Seconds that a request may be expected to take."""

BYTES = 8 << 20
"""Bytes of a request at most, roughly, before they are packed."""

_STEP = 3.0
_LONGEST_STEP = 12.0
_FINEST_STEP = 1.25
_NEARLY_FREE = 0.75
"""Steps become longer where values a second rise nearly as much as the size: what is added costs nearly nothing."""

_GAIN = 1.03
"""A size is better than another if it takes so many times its values a second."""

_LOOK_AGAIN = 12
"""Requests after which neighbouring sizes are tried again: a server may have become slower or faster."""


class ChunkSize:
    """How many values the next request of a data set should have: `rows`.

    `fixed`: as many, unless the server takes fewer only. `max_request_s`: no size is tried that should take longer, by
    what was seen.
    """

    def __init__(self, fixed: int | None = None, max_request_s: float = MAX_REQUEST_S) -> None:
        if fixed is not None and fixed < 1:
            raise ValueError("a chunk has at least 1 value")
        if max_request_s <= 0:
            raise ValueError("a request takes more than 0 seconds")
        self._is_fixed = fixed is not None
        self._most = self._allowed = fixed or MOST
        self._max_s = max_request_s
        self._step = _STEP
        self._rates: dict[int, float] = {}
        self._seconds: dict[int, float] = {}
        self._since = 0
        self.rows = fixed or FIRST

    def took(self, rows: int, seconds: float, asked: int | None = None) -> None:
        """Learn from a request that was answered; `asked` is the size that it was cut to.

        A request that was far from full says nothing of sizes, but that it took too long.
        """
        if self._is_fixed or not rows:
            return
        seconds = max(seconds, 1e-6)
        if seconds > self._max_s:
            self._bound(max(1, int(0.8 * rows * self._max_s / seconds)))
        if asked is None or asked > self._most or rows < asked / 2:
            return
        rate = rows / seconds
        self._rates[asked] = (self._rates[asked] + rate) / 2 if asked in self._rates else rate
        self._seconds[asked] = seconds * asked / rows
        if asked == self.rows:
            self._stretch(asked)
            self.rows = self._next()

    def refused(self, rows: int) -> None:
        """Learn that a request of so many values is too large, or takes too long: no later one is as large."""
        self._allowed = max(1, min(self.rows, rows // 2))
        self._bound(self._allowed)

    def _bound(self, rows: int) -> None:
        self._most = min(self._most, rows)
        for size in [size for size in self._rates if size > self._most]:
            del self._rates[size], self._seconds[size]
        self.rows = min(self.rows, self._most)

    def _next(self) -> int:
        """Return the size to try after one that was tried: a neighbour of the best that is not known, or the best."""
        best = max(self._rates, key=self._rates.__getitem__)
        for size in sorted(self._rates):  # of those that are as good, the smallest: less is lost when it breaks
            if self._rates[size] * _GAIN >= self._rates[best]:
                best = size
                break
        while self._step >= _FINEST_STEP:
            larger = min(int(best * self._step), self._affordable(best))
            if larger >= best * _FINEST_STEP and not self._is_known(larger):
                return larger
            smaller = int(best / self._step)
            if 1 <= smaller < best and not self._is_known(smaller) and self._has_larger(best):
                return smaller
            self._step = sqrt(self._step)
        self._since += 1
        if self._since >= _LOOK_AGAIN:
            self._since = 0
            self._step = sqrt(_STEP)
            self._most = min(2 * self._most, self._allowed)  # what was too slow may have been an exception
            self._rates = {best: self._rates[best]}
            self._seconds = {best: self._seconds[best]}
        return best

    def _stretch(self, rows: int) -> None:
        """Make the next step up longer or shorter, after one that led to this size."""
        if self._step < _STEP or not (smaller := [size for size in self._rates if size < rows]):
            return
        before = max(smaller)
        is_free = self._rates[rows] / self._rates[before] >= _NEARLY_FREE * rows / before
        self._step = min(2 * self._step, _LONGEST_STEP) if is_free else _STEP

    def _is_known(self, rows: int) -> bool:
        return any(rows / _FINEST_STEP < size < rows * _FINEST_STEP for size in self._rates)

    def _has_larger(self, rows: int) -> bool:
        """Whether the best size is one between others, or none larger may be tried: then smaller ones may be better."""
        return any(size > rows for size in self._rates) or self._affordable(rows) < rows * _FINEST_STEP

    def _affordable(self, rows: int) -> int:
        """Return the largest size that should not take too long, if the cost grows with the square of the size."""
        return min(self._most, int(rows * sqrt(max(self._max_s / self._seconds[rows], 0))))
