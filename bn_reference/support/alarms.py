"""What ends a block from outside: a limit on its time, where this thread and this system have such signals, Ctrl-C, SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bn_reference.support.scheduling import waited

__all__ = ["LEAST", "Interruption", "Terminated", "TooLate", "cleaning_up", "is_from_outside", "within_seconds"]

LEAST = 0.05  # seconds of waiting for a processor, below which it is not what took so long


class Interruption(BaseException):
    """A block is ended from outside. Not an Exception, so that nobody's ``except Exception`` swallows it."""


class TooLate(Interruption):
    """The block took too long."""


class Terminated(Interruption):
    """The process is to end."""


def is_from_outside(error: BaseException) -> bool:
    """Whether it ends a block from outside; whatever else a target raises is its own, were it the end of the program.

    KeyboardInterrupt is the target's own where this process does not listen to Ctrl-C.
    """
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return isinstance(error, Interruption)


@contextmanager
def within_seconds(seconds: float) -> Iterator[None]:
    """Raise TooLate in a block that takes longer; nothing is raised where somebody else has set an alarm already.

    What it waits for a processor does not count: on a busy machine it would be blamed on the block.
    """
    here = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not here or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    known = waited()

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal known
        left, known = waited() - known, waited()
        if left < LEAST:
            raise TooLate
        signal.setitimer(signal.ITIMER_REAL, left)

    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def cleaning_up() -> Iterator[None]:
    """A block that SIGTERM ends as an exception does, so that what it has started is ended; the process ends after that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    handler = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Terminated:
        signal.signal(signal.SIGTERM, handler)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)
