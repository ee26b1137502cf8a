"""The smallest case: what broke a property, sought again among few numbers on a lattice, so that what people read is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis.strategies import SearchStrategy

from bn_reference.cases.case import Case
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.strategies import lattice_cases
from bn_reference.oracle.compare import Comparison
from bn_reference.verification.draw import Broken, Enough, search
from bn_reference.verification.tally import Tally

__all__ = ["smallest"]

LATTICE_EXAMPLES = 300  # among which a smaller counterexample is sought
SHRINK_CALLS = 400  # once it is found; a person waits for the verdict

Round = tuple[SearchStrategy[Case], str, int]  # what cases are drawn from, by which key, and how many


def smallest(
    note: Callable[[Tally, Case], None], tally: Tally, seed: int, rounds: Sequence[Round], domain: Domain = UNRESTRICTED
) -> tuple[Case, Comparison]:
    """The broken property's smallest case, and how it fails there; at worst that which broke it.

    Args:
        note: tries one case, and enters it in a tally.
        tally: what was seen, the failing case in it.
        seed: of the cases.
        rounds: what the failing case was drawn by; sought and shrunk again where nothing on the lattice fails.
        domain: of the target, in which cases are sought.
    """
    assert tally.failing is not None
    assert tally.failure is not None
    pair = tally.failing.pair
    for strategy, key, examples in ((lattice_cases(pair, domain), f"{seed}/{pair}/small", LATTICE_EXAMPLES), *rounds):
        shrinking = _Shrinking(note, tally)
        search(strategy, key, shrinking.attempt, examples, shrink=True)
        if shrinking.best is not None:
            return shrinking.best
    return tally.failing, tally.failure


class _Shrinking:
    """One search: the smallest that failed so far, and how many more cases a person will wait for."""

    def __init__(self, note: Callable[[Tally, Case], None], tally: Tally) -> None:
        self._note, self._property = note, tally.property
        self._calls_left = SHRINK_CALLS
        self.best: tuple[Case, Comparison] | None = None

    def attempt(self, case: Case) -> None:
        """Try a case; Broken where it fails too."""
        self._calls_left -= self.best is not None
        if self._calls_left < 0:
            raise Enough
        tally = Tally(self._property)
        self._note(tally, case)
        if tally.failing is None or tally.failure is None:
            return
        self.best = tally.failing, tally.failure
        raise Enough if tally.final else Broken
