"""What ends a block from outside: a limit on its time, where this thread and this system have such signals, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interruption", "TooLate", "is_from_outside", "within_seconds"]


class Interruption(BaseException):
    """A block is ended from outside. Not an Exception, so that nobody's ``except Exception`` swallows it."""


class TooLate(Interruption):
    """The block took too long."""


def is_from_outside(error: BaseException) -> bool:
    """Whether it ends a block from outside; whatever else a target raises is its own, were it the end of the program.

    KeyboardInterrupt is the target's own where this process does not listen to Ctrl-C.
    """
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return isinstance(error, Interruption)


@contextmanager
def within_seconds(seconds: float) -> Iterator[None]:
    """Raise TooLate in a block that takes longer; nothing is raised where somebody else has set an alarm already."""
    here = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not here or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLate

    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
