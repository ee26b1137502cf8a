"""Large cases on a target: tried last, on the rules that hold a step of the case itself against the oracle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.large import LargeRecipe
from bn_reference.cases.sizes import large_recipes
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.watched import Watched
from bn_reference.verification.attempts import Attempts, too_large
from bn_reference.verification.edge import Edge, Edges
from bn_reference.verification.selection import Budget
from bn_reference.verification.tally import Tally

__all__ = ["Large"]

TELLING = 2**13  # numbers from which on the time of a case says how long a larger one takes
SHARE = 0.5  # of the time that an example may take, which a case may be expected to need
BRIEF = 1 / 32  # of it, in which what else a machine does may look like growth


class Large:
    """The large cases of one target.

    A slow target, one that goes through rows in Python perhaps, is not to be ended for it: what is expected to take too long
    counts as refused.
    """

    def __init__(self, attempts: Attempts, implementation: Watched, budget: Budget) -> None:
        self._attempts, self._implementation, self._budget = attempts, implementation, budget
        self._times: list[tuple[int, float]] = []  # numbers of x, and seconds that the slowest example with them took
        self._edges: dict[Pair, Edges] = {}

    def recipes(self, pair: Pair) -> Iterator[LargeRecipe]:
        """Those of one pair of dtypes; none where cases are made of what was recorded.

        All are tried in the first pair that the target takes, and in another by turns of the seed.
        """
        if self._budget.recording:
            return
        taken = [other for other in self._budget.pairs if other == pair or self._supports(other)]
        position, others = taken.index(pair) if pair in taken else 0, len(taken) - 1
        by_turns = others > 0 and position == 1 + self._budget.seed % others
        budget, everything = self._budget, position == 0 or by_turns
        yield from large_recipes(
            pair, self._implementation.domain, seed=budget.seed, examples=budget.examples, everything=everything
        )

    def _supports(self, pair: Pair) -> bool:
        try:
            return self._implementation.supports(pair)
        except (Unsupported, Misbehaviour):
            return False

    def try_on(
        self, tallies: Sequence[Tally], pair: Pair, *, fail_fast: bool, over: Callable[[], bool] = lambda: False
    ) -> None:
        """Try them on all rules that are to see them and were kept so far, until the time is over."""
        seeing = [tally for tally in tallies if tally.property.direct and tally.examples]
        for recipe in self.recipes(pair):
            wanting = [tally for tally in seeing if tally.is_wanting()]
            numbers, limit = recipe.rows * recipe.channels, self._attempts.limit.seconds
            if not wanting or over():
                return
            if self._foreseen(numbers) > SHARE * limit:
                for tally in wanting:
                    tally.refused[too_large(recipe.rows, recipe.channels, limit)] += 1
                continue
            slowest = self._slowest(recipe, wanting, fail_fast)
            if numbers >= TELLING:
                self._times = [*self._times[-1:], (numbers, slowest)]
            if fail_fast and any(tally.failing is not None for tally in wanting):
                return

    def _foreseen(self, numbers: int) -> float:
        """The seconds that an example of so many numbers may take, as those of the latest two sizes grew.

        That is in proportion, and up to the square where they took long: a matrix of rows by rows may not fit into the memory.
        """
        if not self._times:
            return 0.0
        latest, seconds = self._times[-1]
        before, briefer = self._times[0]
        brief = before == latest or seconds < BRIEF * self._attempts.limit.seconds
        power = 1.0 if brief else math.log(seconds / briefer) / math.log(latest / before)
        return seconds * math.pow(numbers / latest, min(max(power, 1.0), 2.0))

    def smallest(self, tally: Tally, pair: Pair) -> tuple[Tally, Edge | None]:
        """What was seen on the smallest large case that breaks the tally's rule, and where it begins to be broken."""
        edges = self._edges.setdefault(pair, Edges(self._attempts.note, self._implementation.domain.takes))
        return edges.of(tally)

    def _slowest(self, recipe: LargeRecipe, tallies: Sequence[Tally], fail_fast: bool) -> float:
        """Try one case; the seconds that the slowest of its examples took."""
        case, slowest = recipe.realize(), 0.0
        for tally in tallies:
            started = time.perf_counter()
            self._attempts.note(tally, case)
            slowest = max(slowest, time.perf_counter() - started)
            if fail_fast and tally.failing is not None:
                break
        self._attempts.release()
        return slowest
