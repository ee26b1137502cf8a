"""The cases of one target: drawn from the seed of a run, made of what was recorded, or those of its plan."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis.strategies import SearchStrategy

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.recorded import recorded_cases
from bn_reference.cases.strategies import cases, lattice_cases
from bn_reference.targets.watched import Watched
from bn_reference.verification.draw import AnyRecipe, Drawings, Round, drawings_within, growing_rounds, rounds
from bn_reference.verification.planned import recipes_of
from bn_reference.verification.selection import Budget
from bn_reference.verification.smallest import LATTICE_EXAMPLES

__all__ = ["Supply"]


class Supply:
    """What a target is tried on.

    Attributes:
        drawings: what was drawn, for whoever asks again.
    """

    def __init__(self, implementation: Watched, budget: Budget) -> None:
        self._implementation, self._budget = implementation, budget
        self.drawings = Drawings(self._known)

    def rounds(self, pair: Pair, *, timed: bool = False) -> Iterator[Round]:
        """The cases of one pair of dtypes, as many as the budget says; without end, where it says how long."""
        recording, domain = self._budget.recording, self._implementation.domain
        strategy: SearchStrategy[Case] = recorded_cases(recording, pair, domain) if recording else cases(pair, domain)
        key = f"{self._budget.seed}/{pair}"
        return growing_rounds(strategy, key) if timed else iter(rounds(strategy, key, self._budget.examples))

    def lattice(self, pair: Pair) -> Round:
        """Small cases, among which smallest ones are sought."""
        return lattice_cases(pair, self._implementation.domain), f"{self._budget.seed}/{pair}/small", LATTICE_EXAMPLES

    def _known(self, round: Round) -> list[AnyRecipe] | None:
        """The cases of a round of the plan, if there is one; else of what any judge draws within the domain."""
        plan, domain = self._budget.plan, self._implementation.domain
        if plan is not None and round[1:] in plan.rounds:
            return recipes_of(plan, round, domain)
        return None if self._budget.recording else drawings_within(domain).recipes(round)
