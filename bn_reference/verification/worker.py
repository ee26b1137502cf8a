"""One worker process: its life, and the process as its parent sees it. Which worker tries what is for ``workers``."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pickle import PicklingError
from typing import TYPE_CHECKING

from bn_reference.arithmetic.precision import Pair
from bn_reference.properties import ALL
from bn_reference.reports.results import Result
from bn_reference.support.originals import Originals
from bn_reference.support.scheduling import waited
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.targets.recognition import load_target
from bn_reference.verification.failure import SuiteFailed
from bn_reference.verification.note import CONTEXT, NUMBER, Note
from bn_reference.verification.relied_on import left_in_place
from bn_reference.verification.selection import Budget, Unit

if TYPE_CHECKING:
    from bn_reference.verification.judge import Judge

__all__ = ["COLLECT_AFTER", "POLL", "READY", "Worker"]

READY, DESCRIBE = "ready", "describe"  # what a worker says once it has loaded the target, and is asked in the end
COLLECT_AFTER = 20_000  # objects
POLL = 0.25  # seconds between looks at the clock
LOADING = 240  # seconds, after which native code has the import or the constructor; Python would have been interrupted


def _work(target: str, device: str, budget: Budget, fail_fast: bool, settles: bool, orders: Connection, note: Note) -> None:
    """A worker's life, to its end; also where the target has broken the way to the parent, which then finds it gone."""
    with suppress(OSError, EOFError, PicklingError):
        _live(target, device, budget, fail_fast, settles, orders, note)


def _live(target: str, device: str, budget: Budget, fail_fast: bool, settles: bool, orders: Connection, note: Note) -> None:
    """Load the target, find out whose conventions it keeps, then try unit after unit."""
    from bn_reference.verification.judge import Judge  # and with it Hypothesis, for which the parent has no use

    originals = Originals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends the workers
    os.dup2(2, 1)  # what the target prints must not get between the lines of a report
    try:
        with left_in_place(target, originals):
            judge = Judge(load_target(target, device, budget.imports), budget, spec=target, on_example=note.write)
    except UnusableTarget as unusable:
        orders.send(unusable)
        return
    except Exception as error:
        orders.send(SuiteFailed.of(error))
        return
    judge.limit.on_extended = note.again
    judge.attempts.on_lost = note.leave
    gc.freeze()  # what is loaded by now stays: no collection needs to look at a framework again,
    gc.set_threshold(COLLECT_AFTER)  # nor often at what is left, in which hardly anything is a cycle
    orders.send(READY)
    while (order := orders.recv()) is not None:
        note.begin()
        try:
            with left_in_place(target, originals):
                if settles:
                    judge.settle()
                    settles = False
                    note.begin()
                answer = judge.described() if order == DESCRIBE else _verdicts(judge, order, fail_fast)
            orders.send(answer)
        except UnusableTarget as unusable:
            orders.send(unusable)
            return
        except Exception as error:
            orders.send(SuiteFailed.of(error))
            return


def _verdicts(judge: Judge, order: tuple[Sequence[int], Pair, int | None, float | None], fail_fast: bool) -> list[Result]:
    numbers, pair, seed, seconds = order
    if seed not in (None, judge.budget.seed):
        judge.turn_to(seed)
    return judge.check_together([ALL[number] for number in numbers], pair, fail_fast=fail_fast, seconds=seconds)


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, arguments: tuple[str, str, Budget, bool], *, settles: bool = True) -> None:
        self.note, self.settles = Note(), settles
        self.unit: Unit | None = None
        self.pair: Pair | None = None  # of the latest unit
        self.loaded = self._describes = False
        self._since = self._waited = 0.0  # when its example began, and what it had waited for a processor by then
        self._started = self._until = time.monotonic()
        self.orders, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_work, args=(*arguments, settles, theirs, self.note), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, unit: Unit, seconds: float | None = None) -> None:
        """Let it try a unit, for so many seconds, if that is said."""
        self.unit, self.pair = unit, unit.pair
        self._until = time.monotonic() + (seconds or 0.0)
        self.note.begin()
        self.orders.send(([NUMBER[property.name] for property in unit.properties], unit.pair, unit.seed, seconds))

    def described(self, limit: float) -> object:
        """What it says of the target; None where that ends it, or takes longer than the limit; it is then of no more use."""
        with suppress(EOFError, ConnectionError):
            self._describes = True
            self.note.begin()
            self.orders.send(DESCRIBE)
            while not self.orders.poll(POLL):
                if self.hangs(limit):
                    return None
            self._describes = False
            return self.orders.recv()
        return None

    def left(self) -> float:
        """Seconds that it has for what it is at."""
        return max(self._until - time.monotonic(), 0.0) if self.unit is not None else 0.0

    def hangs(self, limit: float) -> bool:
        """Whether loading, or what it is at, takes longer than it may; what it waits for a processor does not count."""
        if self.loaded and self.unit is None and not self._describes:
            return False
        since, limit = (self.note.since.value, limit) if self.loaded else (self._started, LOADING)
        if since != self._since:
            self._since, self._waited = since, waited(self.process.pid)
        taken = time.monotonic() - since
        return taken > limit and taken - (waited(self.process.pid) - self._waited) > limit

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.orders.close()
