"""Signals: what ends a run ends it in order, as an interrupt from the keyboard does."""

from __future__ import annotations

import signal
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Ended(KeyboardInterrupt):
    """A signal asks the run to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def end_in_order() -> None:
    """Have SIGTERM and SIGHUP raise `Ended` in the main thread, unless whoever started us has them ignored (nohup)."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Ended(number)

    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def exit_code(interrupt: BaseException) -> int:
    """Return the exit code for a run that was ended: 128 and the signal's number, as shells have it.

    >>> exit_code(KeyboardInterrupt()), exit_code(Ended(15))
    (130, 143)
    """
    return 128 + (interrupt.number if isinstance(interrupt, Ended) else signal.SIGINT)
