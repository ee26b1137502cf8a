"""Progress on a terminal while a target is verified."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn

from bn_reference.cli.display import BAR, Display
from bn_reference.verification.events import Done, Event, Started, Tried, Trying

__all__ = ["ProgressDisplay"]

WIDE = 100  # columns, from which there is room for a bar


class ProgressDisplay(Display):
    """What is tried, how much is done, how long the rest will take, and how many violations were found.

    What is done is measured by examples, as verdicts come many at a time; but a violation takes fewer examples than were asked
    for, and there the verdicts are ahead.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        columns = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *([BarColumn(BAR)] if console.width >= WIDE else []),
            TextColumn("{task.fields[counts]}"),
            TextColumn("[red]{task.fields[violations]}"),
            TextColumn("{task.fields[left]}"),
        ]
        super().__init__(console, columns, "loading the target", None, counts="", violations="", left="")
        self._clock = clock
        self._started, self._total, self._asked = 0.0, 0, 1
        self._verdicts = self._examples = self._violations = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._started, self._total, self._asked = self._clock(), event.total, event.total * event.examples
        elif isinstance(event, Trying):
            self.update(description=event.what)
        elif isinstance(event, Tried):
            self._examples = event.examples
        elif isinstance(event, Done):
            self._verdicts += 1
            self._violations += event.result.status == "violated"
        if self._total:
            self._show()

    def _show(self) -> None:
        share = max(self._verdicts / self._total, min(self._examples / self._asked, 0.99))
        seconds = (self._clock() - self._started) * (1 - share) / share if share else None
        self.update(
            total=1.0,
            completed=share,
            counts=f"{self._verdicts}/{self._total} verdicts  {self._examples:,} examples",
            violations=f"{self._violations} violated" if self._violations else "",
            left="" if seconds is None else f"{timedelta(seconds=round(seconds))} left",
        )
