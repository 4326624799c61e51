"""Ahead: an iterator that works on a thread of its own while what it gave is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], count: int) -> Generator[T, None, None]:
    """Yield `items` in their order; at most `count` of them wait. What they raise is raised in its turn."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        try:
            waiting = deque(pool.submit(next, items, None) for _ in range(count))
            while (item := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, items, None))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)
            items.close()
