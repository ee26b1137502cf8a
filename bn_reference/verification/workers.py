"""Worker processes: units of properties are tried side by side, and a target that crashes or hangs takes only its worker along.

The parent hands out one unit at a time. A worker leaves a note of what it is trying, which the parent finds when the worker has
died.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import wait

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.oracle.compare import fact
from bn_reference.properties import Property
from bn_reference.reports.results import Result, Violation
from bn_reference.reports.sentences import say
from bn_reference.support.threads import shared_by
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.demand import Description
from bn_reference.verification.events import Done, Listener, Started, Tried, Trying
from bn_reference.verification.failure import SuiteFailed
from bn_reference.verification.found_before import FOUND, FoundBefore
from bn_reference.verification.schedule import Schedule
from bn_reference.verification.selection import Budget, Unit
from bn_reference.verification.worker import LOADING, POLL, READY, Worker

__all__ = ["Pool", "run", "title"]

GRACE = 2.0  # seconds beyond the time limit before native code that does not return is ended
HURRY = 2.0  # seconds for which a worker is waited for after Ctrl-C
NOTHING = FoundBefore()
GIVE_UP_AFTER = 3  # crashes or hangs; what is left is then reported without being tried


def title(unit: Unit) -> str:
    """What a unit is called while it runs."""
    return f"{unit.properties[0].family}, {unit.pair}"


class Pool:
    """The workers of one run, what waits to be tried, and where the verdicts go."""

    def __init__(self, arguments: tuple[str, str, Budget, bool], jobs: int, listen: Listener = lambda event: None) -> None:
        self.target, self.device, self.budget, self.fail_fast = arguments
        self.arguments, self.jobs, self.listen = arguments, jobs, listen
        self.schedule = Schedule(self.budget.minutes, jobs)
        self.waiting: list[Unit] = []
        self.total = 0
        self.crashes = 0
        self.settles = True  # until finding out whose conventions the target keeps ends a worker
        self.tried = self.tried_by_others = 0  # examples: of all workers, and of those that are gone
        self.workers: list[Worker] = []
        self.results: list[Result] = []
        self.over = False

    def ask(self, units: Sequence[Unit]) -> None:
        """Let these be tried, while it is busy."""
        self.waiting += units
        self.total += sum(len(unit.properties) for unit in units)
        if self.crashes >= GIVE_UP_AFTER:
            self._give_up()
        self.start(min(self.jobs, len(self.waiting)) - len(self.workers))

    def load(self) -> None:
        """Start a worker, and wait until it has the target.

        Raises:
            UnusableTarget: the target cannot be loaded, or its loading ends the process.
        """
        self.start(1)
        while not any(worker.loaded for worker in self.workers):
            self.attend()

    def start(self, number: int) -> None:
        with shared_by(self.jobs):
            self.workers += [Worker(self.arguments, settles=self.settles) for _ in range(number)]

    def busy(self) -> bool:
        return not self.over and bool(self.waiting or any(worker.unit for worker in self.workers))

    def attend(self) -> None:
        """Wait for news of any worker, hear it, and hand out work."""
        ready = wait([worker.orders for worker in self.workers], timeout=POLL)
        for worker in list(self.workers):
            hung = worker.hangs(self.budget.timeout + GRACE)
            if hung or (worker.orders in ready and not self._hear(worker)):
                self._replace(worker, hung)
            elif worker.loaded and worker.unit is None and self.waiting:
                unit = self._next_for(worker)
                self.waiting.remove(unit)
                self.listen(Trying(title(unit)))
                others = [other.left() for other in self.workers if other is not worker]
                worker.give(unit, self.schedule.slice(unit, self.waiting, others))
        self._count()

    def _count(self) -> None:
        tried = self.tried_by_others + sum(worker.note.tried.value for worker in self.workers)
        if tried != self.tried:
            self.tried = tried
            self.listen(Tried(tried))

    def _next_for(self, worker: Worker) -> Unit:
        """A unit of the pair whose cases the worker has; else of one that no other worker is at.

        Else what the others would come to last: they go on with what they have, and all come to an end together.
        """
        taken = {other.pair for other in self.workers if other is not worker}
        own = [unit for unit in self.waiting if unit.pair == worker.pair]
        untouched = [unit for unit in self.waiting if unit.pair not in taken]
        return (own or untouched or self.waiting[::-1])[0]

    def _hear(self, worker: Worker) -> bool:
        """Take what a worker sends; False where it is gone."""
        try:
            message = worker.orders.recv()
        except (EOFError, OSError):
            return False
        if isinstance(message, UnusableTarget | SuiteFailed):
            self.workers.remove(worker)  # which is about to be gone, and did not crash
            worker.end()
            raise message
        if message == READY:
            if not any(other.loaded for other in self.workers):
                self.listen(Started(self.total, self.budget.examples))
            worker.loaded = True
        else:
            unit, worker.unit = worker.unit, None
            for result in message:
                self._verdict(result, None if unit is None else unit.seed)
        return True

    def _verdict(self, result: Result, seed: int | None) -> None:
        self.results.append(result)
        self.listen(Done(result, seed))
        self.over = self.over or (self.fail_fast and result.status == "violated")

    def _replace(self, worker: Worker, hung: bool) -> None:
        """The verdict on the property that ended a worker; another worker for what is left to try."""
        self.workers.remove(worker)
        self.tried_by_others += worker.note.tried.value
        if not hung:
            worker.process.join()  # it closed its end of the pipe, and is about to be gone
        status, loaded, unit = worker.process.exitcode, worker.loaded, worker.unit
        worker.end()
        if not loaded:
            ends = f"ends the process while it is loaded ({_ended(status)})"
            how = f"the target {self.target} {f'is not loaded within {LOADING} s' if hung else ends}"
            raise UnusableTarget(f"{how}; make its import and its constructor work first")
        if unit is not None and worker.settles and not worker.note.tried.value:
            self.settles = False
            self.waiting.insert(0, unit)
        else:
            self.crashes += worker.note.left() is None  # a lost device is another process's no more
            self._blame(worker, unit, status, hung)
        if self.crashes >= GIVE_UP_AFTER:
            self._give_up()
        elif self.waiting and not self.over:
            self.start(1)

    def _blame(self, worker: Worker, unit: Unit | None, status: int | None, hung: bool) -> None:
        """The verdict on the property that a worker was at when it ended; the others of its unit are tried anew."""
        if unit is not None:
            tried, case = worker.note.read()
            broken = tried or unit.properties[0]
            crashed = worker.note.left() or Fact(Kind.CRASHED, "an example", _ended(status))
            ended = Fact(Kind.HUNG, "an example", self.budget.timeout, True) if hung else crashed
            result = _violated(broken, unit.pair, self.device, ended, case, self.budget.found)
            self.budget.found.keep(broken.name, result.violation)
            self._verdict(result, unit.seed)
            rest = tuple(property for property in unit.properties if property is not broken)
            self.waiting[:0] = [Unit(rest, unit.pair, unit.seed)] if rest else []

    def _give_up(self) -> None:
        left = Fact(Kind.NOT_TRIED, "", self.crashes)
        for unit in self.waiting:
            for property in unit.properties:
                self._verdict(_violated(property, unit.pair, self.device, left, None), unit.seed)
        self.waiting.clear()

    def hurry(self) -> None:
        """After Ctrl-C: take what the workers have found of the units that they are at, if they can say it soon."""
        until = time.monotonic() + HURRY
        busy = [worker for worker in self.workers if worker.unit is not None]
        for worker in busy:
            worker.note.stop.value = 1
        self.listen = lambda event: None
        while busy and (left := until - time.monotonic()) > 0:
            ready = wait([worker.orders for worker in busy], timeout=left)
            busy = [worker for worker in busy if not (worker.orders in ready and (self._hear(worker) or True))]

    def described(self) -> Description | None:
        """What the target is, from a worker that has nothing else to do; None where that ends it, too."""
        for worker in self.workers:
            if worker.loaded and worker.unit is None:
                found = worker.described(self.budget.timeout + GRACE)
                if isinstance(found, Description):
                    return found
                self.workers.remove(worker)  # nobody is to take for verdicts what it may say later
                worker.end()
                if isinstance(found, UnusableTarget | SuiteFailed):
                    raise found
                return None
        return None

    def end(self) -> None:
        for worker in self.workers:
            worker.end()


def run(
    target: str,
    device: str,
    units: list[Unit],
    budget: Budget,
    fail_fast: bool,
    jobs: int,
    listen: Listener,
    results: list[Result],
    described: list[Description],
) -> None:
    """Try all units in worker processes; ``results`` takes the verdicts as they come, ``described`` what the target is.

    Raises:
        UnusableTarget: the target cannot be loaded, or its loading ends the process.
    """
    pool = Pool((target, device, budget, fail_fast), jobs, listen)
    pool.results = results
    try:
        pool.ask(units)
        while pool.busy():
            pool.attend()
        if (description := pool.described()) is not None:
            described.append(description)
    except KeyboardInterrupt:
        pool.hurry()
        raise
    finally:
        pool.end()


def _violated(
    property: Property, pair: Pair, device: str, how: Fact, case: Case | None, before: FoundBefore = NOTHING
) -> Result:
    found = fact(False, how)
    violation = Violation(f"{say(found)}{FOUND * before.has(property.name, case)}", found, case, found)
    return Result(
        property.name,
        property.family,
        pair.input,
        pair.parameters,
        device,
        "violated",
        message=violation.message,
        violation=violation,
    )


def _ended(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"
