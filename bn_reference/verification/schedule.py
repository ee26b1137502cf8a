"""A time budget, spread over what is to be tried: each rule in each pair of dtypes gets the same part of what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic  # by name: a target may put another in its place

from bn_reference.verification.selection import Unit

__all__ = ["Clock", "Schedule"]

SEARCH = 0.75  # of a slice, after which large cases are tried


class Schedule:
    """The time of one run.

    Args:
        minutes: the budget; None for one of examples.
        jobs: units that are tried at once.
    """

    def __init__(self, minutes: float | None, jobs: int) -> None:
        self._ends = None if minutes is None else monotonic() + 60.0 * minutes
        self._jobs = jobs

    def slice(self, unit: Unit, waiting: Iterable[Unit], under_way: Sequence[float] = ()) -> float | None:
        """The seconds that a unit gets; None for as long as its examples take.

        Args:
            unit: is given out now.
            waiting: those that are not yet, without it.
            under_way: the seconds that others have left of theirs.
        """
        if self._ends is None:
            return None
        left = max(self._ends - monotonic(), 0.0)
        free = max(left * self._jobs - sum(max(seconds, 0.0) for seconds in under_way), 0.0)
        rules = len(unit.properties)
        return min(left, free * rules / (rules + sum(len(other.properties) for other in waiting)))


class Clock:
    """The time of one unit; without seconds it is never over."""

    def __init__(self, seconds: float | None = None) -> None:
        self._began, self._seconds = monotonic(), seconds

    def begin(self) -> None:
        """It begins now, and not when it was made: what is loaded and tried once before counts for nobody."""
        self._began = monotonic()

    @property
    def runs(self) -> bool:
        """Whether there is a time to keep to."""
        return self._seconds is not None

    def searched(self) -> bool:
        """Whether the time for what is drawn is over."""
        return self._over(SEARCH)

    def over(self) -> bool:
        """Whether all of it is."""
        return self._over(1.0)

    def _over(self, share: float) -> bool:
        return self._seconds is not None and monotonic() - self._began >= share * self._seconds
