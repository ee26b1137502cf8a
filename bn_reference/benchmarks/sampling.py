"""Timing by turns: an operation and what it is measured against, on the same machine in the same moments."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.benchmarks.clocks import Clock
from bn_reference.benchmarks.operations import Setting
from bn_reference.targets.forms.torch_tensors import TORCH_DTYPES

__all__ = [
    "COPY",
    "CORE",
    "OPERATION",
    "PASSES",
    "PATIENCE",
    "RIVAL",
    "SERIES",
    "Samples",
    "Series",
    "YARDSTICKS",
    "alternate",
    "times_in_a_turn",
    "yardsticks",
]

# What is timed in a turn: the operation; yardsticks, of which memory bounds the first, the second meets an array again as a
# layer does, while a cache may still hold it, and the third never leaves the core; and where two implementations are compared,
# the other one's operation.
OPERATION, COPY, PASSES, CORE, RIVAL = "operation", "copy", "passes", "core", "rival"
YARDSTICKS = (COPY, PASSES, CORE)
# At least, and at most; each with arrays of its own, as where they lie in memory moves a figure more than the noise of a turn.
SERIES = (3, 20)
PATIENCE = 10  # times its seconds a measurement may take before it is left at the least: arrays of 64 MB are slow to make
TURN = 1e-3  # seconds of one action's turn, below which the clock and the switch between them would show
CORE_ELEMENTS = 2**12  # three arrays of 16 KB
ROUNDS = (3, 101)  # of a series: at least, for a median; at most, for the size of a file
NEW_PAGES = 64  # in a round, beyond which it timed the system, which clears them, more than the actions
RETAKEN = 5  # rounds of a series at most: an action that is given new memory in each call is timed with it
WARM_UP = 2  # runs before anything is timed: code is compiled, pages are touched, running statistics settle


@dataclass(frozen=True)
class Series:
    """Seconds of each action, turn by turn, on the same arrays."""

    seconds: Mapping[str, tuple[float, ...]]

    def fractions(self, of: str) -> tuple[float, ...]:
        """The time of a yardstick over the operation's, for turns that stood side by side."""
        return tuple(other / own for own, other in zip(self.seconds[OPERATION], self.seconds[of], strict=True))


@dataclass(frozen=True)
class Samples:
    """Several series of one measurement."""

    series: tuple[Series, ...]

    @property
    def median_seconds(self) -> float:
        return statistics.median(self._seconds)

    def fraction(self, of: str) -> float:
        """The median over all turns of a yardstick's time over the operation's."""
        return statistics.median(fraction for series in self.series for fraction in series.fractions(of))

    @property
    def spread(self) -> float:
        """The interquartile range of the operation's seconds, as a part of their median."""
        lower, _, upper = statistics.quantiles(self._seconds, n=4)
        return (upper - lower) / self.median_seconds

    def __add__(self, other: Samples) -> Samples:
        return Samples(self.series + other.series)

    @property
    def _seconds(self) -> Sequence[float]:
        return [seconds for series in self.series for seconds in series.seconds[OPERATION]]


def yardsticks(setting: Setting, device: str) -> dict[str, Callable[[], None]]:
    """What the operation is measured against.

    COPY: torch's copy from one array to another that moves as many bytes as the setting's operation must, half of them in,
    half out. PASSES: the sum of the one array, and its multiple in the other. CORE: additions within a first-level cache,
    which what else happens to memory does not slow.
    """
    elements, dtype = max(1, setting.bytes // (2 * DTYPES[setting.dtype].itemsize)), TORCH_DTYPES[setting.dtype]
    source = torch.ones(elements, dtype=dtype, device=device)
    target = torch.zeros_like(source)
    one, two, total = torch.ones(3, CORE_ELEMENTS, device=device)

    def copy() -> None:
        target.copy_(source)

    def passes() -> None:
        torch.sum(source)
        torch.mul(source, 0.5, out=target)

    def core() -> None:
        torch.add(one, two, out=total)

    return {COPY: copy, PASSES: passes, CORE: core}


def times_in_a_turn(action: Callable[[], None], clock: Clock) -> int:
    """How often an action, which is warm, is done in a turn."""
    return max(1, round(TURN / clock.seconds(action, 1)))


def alternate(actions: Mapping[str, Callable[[], None]], clock: Clock, cache: str, budget: float) -> Series:
    """Time the actions by turns for about ``budget`` seconds; where the cache is to be cold, once a turn after evicting it.

    A round in which the process was given much new memory is taken again: at 512 MB clearing it takes ten times as long as
    normalizing, and whether it happens depends on what was freed before.
    """
    for _ in range(WARM_UP):
        for action in actions.values():
            action()
    cold = cache == "cold"
    times = {name: 1 if cold else times_in_a_turn(action, clock) for name, action in actions.items()}
    taken: dict[str, list[float]] = {name: [] for name in actions}
    least, most = ROUNDS
    began, rounds, retaken = time.perf_counter(), 0, 0
    while rounds < least or (rounds < most and time.perf_counter() - began < budget):
        pages, turns = clock.new_pages(), {}
        for name, action in actions.items():
            if cold:
                clock.evict()
            turns[name] = clock.seconds(action, times[name])
        if clock.new_pages() - pages > NEW_PAGES and retaken < RETAKEN:
            retaken += 1
            continue
        rounds += 1
        for name, seconds in turns.items():
            taken[name].append(seconds)
    return Series({name: tuple(seconds) for name, seconds in taken.items()})
