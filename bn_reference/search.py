"""Search, the only place that runs Hypothesis: cases are drawn from a seed and handed to a body until it has had enough."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, HypothesisWarning
from hypothesis.strategies import SearchStrategy

from bn_reference.cases.case import Case

__all__ = ["Broken", "Enough", "search"]


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
