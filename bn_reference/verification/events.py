"""What happens while a target is verified, for whoever shows progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bn_reference.cases.case import Case
from bn_reference.properties import Property
from bn_reference.reports.results import Result

__all__ = ["Counter", "Done", "Event", "Listener", "Started", "Tried", "Trying"]

INTERVAL = 0.1  # seconds between counts, which cost more than an example may


@dataclass(frozen=True)
class Started:
    """The target is loaded; ``total`` verdicts are to come, each from ``examples`` where nothing breaks before."""

    total: int
    examples: int


@dataclass(frozen=True)
class Trying:
    """A unit of properties is being tried: ``what`` names it."""

    what: str


@dataclass(frozen=True)
class Tried:
    """So many examples were tried since the start, of all properties together; those that make a case smaller count too."""

    examples: int


@dataclass(frozen=True)
class Done:
    """A verdict has come; ``seed`` of its cases, where a unit has its own."""

    result: Result
    seed: int | None = None


Event: TypeAlias = Started | Trying | Tried | Done
Listener: TypeAlias = Callable[[Event], None]


class Counter:
    """Counts examples, and tells a listener a few times a second."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._tried, self._next = 0, 0.0

    def __call__(self, property: Property, case: Case) -> None:
        """One more is tried."""
        self._tried += 1
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            self._listen(Tried(self._tried))
