"""A limit on the time that an implementation may take for one example."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TimedOut", "time_limit"]


class TimedOut(BaseException):
    """The example took too long. Not an Exception, so that no ``except Exception`` of a target swallows it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimedOut in the body after that many seconds.

    By an alarm signal, which interrupts Python code and sleeping; so it needs the main thread and a system that has such
    signals. Elsewhere, and in native code that never returns, nothing is interrupted: worker processes are for that.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def on_alarm(number: int, frame: FrameType | None) -> None:
        raise TimedOut(f"an example did not come to an end within {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
