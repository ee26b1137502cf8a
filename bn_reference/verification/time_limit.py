"""A limit on the time that an implementation may take for one example."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic  # by name: a target may put another in its place
from types import FrameType, TracebackType

from bn_reference.cases.facts import Fact, Kind
from bn_reference.support.alarms import LEAST, Interruption
from bn_reference.support.compiling import compiles_now
from bn_reference.support.scheduling import waited

__all__ = ["PATIENCE", "TimeLimit", "TimedOut"]

PATIENCE = 30  # times the limit that compiling may take before it hangs; 3 while nobody knows whether it is that
UNKNOWN = 3
AGAIN = 1.0  # seconds


class TimedOut(Interruption):
    """The example took too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.fact = Fact(Kind.HUNG, "an example", seconds, False)


class TimeLimit:
    """Raises TimedOut in a ``with`` block that takes longer than ``seconds``, while it is ``in_force``.

    By an alarm signal, which interrupts Python code and sleeping; so it needs the main thread and a system that has such
    signals. Elsewhere, and in native code that never returns, nothing is interrupted: worker processes are for that.

    One alarm serves many blocks, as setting one takes longer than some examples do: when it rings, it is set again for what
    the block that runs by then has left. What a block imports or compiles for the first time does not count: where modules were
    loaded since it began, or something is being compiled, its time begins again. Nor does what it waits for a processor, on a
    machine that is busy with something else.

    Attributes:
        on_extended: is called where the time of a block begins again.
        compiling: whether something is being compiled, which may take ``patience`` times as long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.on_extended: Callable[[], None] = lambda: None
        self.compiling: Callable[[], bool] = bool
        self.patience = UNKNOWN
        self._ends: float | None = None  # of the block that runs
        self._loaded = 0  # modules, when its time began
        self._compiling = 0  # times that it was found compiling
        self._waited = 0.0  # seconds for a processor, when the alarm was set or counted them last
        self._in_force = self._set = False

    @staticmethod
    def can_be_kept() -> bool:
        """Whether this thread and this system have the signals that it takes."""
        return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Blocks are limited meanwhile; an alarm that somebody else had set is set again afterwards."""
        if not self.can_be_kept():
            yield
            return
        handler = signal.signal(signal.SIGALRM, self._on_alarm)
        rings_in, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        began, self._in_force = monotonic(), True
        try:
            yield
        finally:
            self._in_force = self._set = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if rings_in:
                signal.setitimer(signal.ITIMER_REAL, max(rings_in - (monotonic() - began), 1e-6), interval)

    def __enter__(self) -> None:
        self._ends = monotonic() + self.seconds
        self._loaded, self._compiling = len(sys.modules), 0
        if self._in_force and not self._set:
            self._set, self._waited = True, waited()
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._ends = None

    def _begins_again(self) -> bool:
        """Whether what took so long does not count."""
        if len(sys.modules) > self._loaded:
            self._loaded = len(sys.modules)
            return True
        by_torch = compiles_now()
        if not (by_torch or self.compiling()):
            return False
        self._compiling += 1
        return self._compiling <= (PATIENCE if by_torch else self.patience)

    def _granted(self) -> float:
        """Seconds that the block is given beyond the limit: for what does not count of the time that it took."""
        if self._begins_again():
            return self.seconds
        waiting, self._waited = waited() - self._waited, waited()
        return waiting if waiting >= LEAST else 0.0

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        left = 0.0 if self._ends is None else self._ends - monotonic()
        if left <= 0 and self._ends is not None and (left := self._granted()) > 0:
            self._ends = monotonic() + left
            self.on_extended()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        self._set = self._ends is not None
        if self._ends is not None:
            signal.setitimer(signal.ITIMER_REAL, AGAIN)  # where it was raised in what swallows whatever is raised
            raise TimedOut(self.seconds)
