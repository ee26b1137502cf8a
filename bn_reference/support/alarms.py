"""A limit on the time that a block takes, where this thread and this system have the signals that it takes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TooLate", "within_seconds"]


class TooLate(BaseException):
    """The block took too long. Not an Exception, so that nobody's ``except Exception`` swallows it."""


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
