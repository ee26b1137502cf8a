"""Search, the only place that runs Hypothesis: cases are drawn from a seed and handed to a body until it has had enough.

Drawing costs as much as judging. The same key gives the same cases, so what was drawn once is replayed to whoever asks later.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, HypothesisWarning
from hypothesis.strategies import SearchStrategy

from bn_reference.cases.case import Case
from bn_reference.cases.recipe import Recipe

__all__ = ["Broken", "Drawings", "Enough", "rounds", "search"]

ROUND = 100  # examples that are drawn at once: a worker that tries nothing for long is taken to hang
FURTHER = 5  # times the examples that are asked for, drawn for properties that say nothing of some


def rounds(key: str, examples: int) -> list[tuple[str, int]]:
    """Keys and numbers of examples: other keys for each ``key``, so that pairs of dtypes together try more.

    A property says nothing of some cases. In further rounds, short ones as few need many, those that it does speak of become
    as many as was asked for.
    """
    first = [(f"{key}/{start}", min(ROUND, examples - start)) for start in range(0, examples, ROUND)]
    short = max(first[0][1] // 2, 5)
    return first + [(f"{key}/more/{start}", short) for start in range(0, FURTHER * examples, short)]


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


class Drawings:
    """What was drawn for the latest keys, as recipes, from which the cases are made again."""

    KEPT = 256  # keys, of a hundred recipes at most

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[str, int], list[Recipe]] = OrderedDict()

    def cases(self, strategy: SearchStrategy[Case], key: str, examples: int) -> Iterator[Case]:
        """The cases that ``search`` draws, and the same ones to whoever asks again.

        The cases of ``strategy`` have recipes, and it is the same one whenever the key is.
        """
        asked = (key, examples)
        if asked not in self._drawn:
            recipes: list[Recipe] = []
            search(strategy, key, lambda case: recipes.append(case.recipe), examples)
            self._drawn[asked] = recipes
            if len(self._drawn) > self.KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(asked)
        for recipe in self._drawn[asked]:
            yield recipe.realize()
