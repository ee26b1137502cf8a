"""Search by Hypothesis: cases are drawn from a seed and handed to a body until it has had enough.

Drawing costs as much as judging. The same key gives the same cases, so what was drawn once is replayed to whoever asks later.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Protocol

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, HypothesisWarning
from hypothesis.strategies import SearchStrategy

from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain

__all__ = ["AnyRecipe", "Broken", "Drawings", "Enough", "Round", "drawings_within", "growing_rounds", "rounds", "search"]

ROUND = 100  # examples that are drawn at once: a worker that tries nothing for long is taken to hang
FIRST = 10  # examples of the first round where there is little time, which is not to be spent on drawing
FURTHER = 5  # times the examples that are asked for, drawn for properties that say nothing of some


Round = tuple[SearchStrategy[Case], str, int]  # what cases are drawn from, by which key, and how many


def rounds(strategy: SearchStrategy[Case], key: str, examples: int) -> list[Round]:
    """Rounds of one strategy: other keys for each ``key``, so that pairs of dtypes together try more.

    A property says nothing of some cases. In further rounds, short ones as few need many, those that it does speak of become
    as many as was asked for.
    """
    first = [(strategy, f"{key}/{start}", min(ROUND, examples - start)) for start in range(0, examples, ROUND)]
    short = max(min(ROUND, examples) // 2, 5)
    return first + [(strategy, f"{key}/more/{start}", short) for start in range(0, FURTHER * examples, short)]


def growing_rounds(strategy: SearchStrategy[Case], key: str) -> Iterator[Round]:
    """Rounds without end, other cases in each, the first ones short."""
    start, count = 0, FIRST
    while True:
        yield strategy, f"{key}/timed/{start}", count
        start, count = start + count, min(2 * count, ROUND)


class Broken(Exception):
    """Raised by the body: a property does not hold for the case, which is then to be made smaller."""


class Enough(BaseException):
    """Raised by the body: end the search at once. Not an Exception, so that Hypothesis lets it through."""


def search(
    strategy: SearchStrategy[Case], key: str, body: Callable[[Case], None], examples: int, *, shrink: bool = False
) -> None:
    """Draw ``examples`` cases for the body; the same strategy and key give the same ones as long as the body raises nothing."""

    @seed(key)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(strategy)
    def example(case: Case) -> None:
        body(case)

    with contextlib.suppress(Broken, Flaky, Enough), warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of the length of a case's repr, which nobody sees
        example()


class AnyRecipe(Protocol):
    """What a strategy drew, by value."""

    def realize(self) -> Case:
        """The case that it makes."""


class Drawings:
    """What was drawn in the latest rounds, as recipes, from which the cases are made again.

    The cases of a round's strategy have recipes, and it is the same strategy whenever the key is.
    """

    KEPT = 256  # rounds, of a hundred recipes at most, or of the few hundred of a lattice

    def __init__(self, known: Callable[[Round], list[AnyRecipe] | None] = lambda round: None) -> None:
        self._known = known  # what was drawn of a round before
        self._drawn: OrderedDict[tuple[str, int], list[AnyRecipe]] = OrderedDict()

    def know(self, round: Round) -> bool:
        """Whether the round was drawn."""
        return round[1:] in self._drawn

    def keep(self, round: Round, recipes: list[AnyRecipe]) -> None:
        """What the round gave."""
        self._drawn[round[1:]] = recipes
        if len(self._drawn) > self.KEPT:
            self._drawn.popitem(last=False)

    def recipes(self, round: Round) -> list[AnyRecipe]:
        """Those of the cases that ``search`` draws."""
        strategy, key, examples = round
        if not self.know(round):
            recipes = self._known(round)
            if recipes is None:
                recipes = drawn = list[AnyRecipe]()
                search(strategy, key, lambda case: drawn.append(case.recipe), examples)
            self.keep(round, recipes)
        self._drawn.move_to_end((key, examples))
        return self._drawn[key, examples]

    def cases(self, round: Round) -> Iterator[Case]:
        """The cases that ``search`` draws, and the same ones to whoever asks again."""
        for recipe in self.recipes(round):
            yield recipe.realize()


@lru_cache(maxsize=16)
def drawings_within(domain: Domain) -> Drawings:
    """What was drawn within a domain in this process, of rounds whose keys say in which pair of dtypes."""
    return Drawings()
