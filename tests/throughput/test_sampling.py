"""What a series of turns takes and leaves out."""

from collections.abc import Callable, Iterator

from bn_reference.benchmarks.clocks import Clock
from bn_reference.benchmarks.sampling import NEW_PAGES, OPERATION, RETAKEN, ROUNDS, alternate


class Scripted(Clock):
    """A clock that says of each round what it is told to: its seconds, and the pages that came with it."""

    device = "cpu"

    def __init__(self, rounds: Iterator[tuple[float, int]]) -> None:
        self._rounds, self._pages = rounds, 0
        self._timing = False

    def seconds(self, action: Callable[[], object], times: int) -> float:
        if not self._timing:  # how often an action fits a turn is asked before the first round
            self._timing = True
            return 1.0
        seconds, pages = next(self._rounds)
        self._pages += pages
        return seconds

    def evict(self) -> None:
        raise AssertionError("the cache is warm")

    def new_pages(self) -> int:
        return self._pages


def series(*rounds: tuple[float, int]) -> tuple[float, ...]:
    return alternate({OPERATION: lambda: None}, Scripted(iter(rounds)), "warm", budget=0.0).seconds[OPERATION]


def test_rounds_that_met_new_memory_are_taken_again() -> None:
    few, many = NEW_PAGES, NEW_PAGES + 1

    assert series((9.0, many), (1.0, 0), (9.0, many), (2.0, few), (3.0, 0)) == (1.0, 2.0, 3.0)


def test_an_action_that_meets_new_memory_every_time_is_timed_with_it() -> None:
    rounds = [(float(number), 10 * NEW_PAGES) for number in range(RETAKEN + ROUNDS[0])]

    assert series(*rounds) == tuple(float(RETAKEN + number) for number in range(ROUNDS[0]))
