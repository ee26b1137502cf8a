"""The smallest case: what broke a property, sought again among few numbers on a lattice, so that what people read is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bn_reference.cases.case import Case
from bn_reference.properties import Property
from bn_reference.verification.draw import Broken, Drawings, Enough, Round, search
from bn_reference.verification.tally import Tally

__all__ = ["LATTICE_EXAMPLES", "Smallest"]

LATTICE_EXAMPLES = 300  # among which a smaller counterexample is sought
SHRINK_CALLS = 400  # once it is found; a person waits for the verdict

Note = Callable[[Tally, Case], None]


@dataclass
class _Known:
    """A smallest case.

    Attributes:
        case: what a search ended with.
        held: cases no larger than it, for which the property held on the way.
        shared: whether it was taken for another property too, which held for all that is smaller on the lattice.
    """

    case: Case
    held: list[Case] = field(default_factory=list)
    shared: bool = False


class Smallest:
    """Smallest cases of the properties that were broken in one pair of dtypes; those of some are tried first on the others.

    What was found for one property is taken for another one that it breaks too, if that holds for whatever the first one held
    for while it was made smaller: a search of its own would hardly find anything smaller.

    Args:
        note: tries one case, and enters it in a tally.
        drawings: what was drawn, for whoever asks again.
        lattice: few numbers on a lattice, where the smallest cases lie.
        drawn: what the failing cases were drawn by; sought and shrunk again where nothing on the lattice fails.
    """

    def __init__(self, note: Note, drawings: Drawings, lattice: Round, drawn: Sequence[Round]) -> None:
        self._note, self._drawings, self._lattice, self._drawn = note, drawings, lattice, drawn
        self._known: list[_Known] = []  # the smallest first

    def of(self, tally: Tally) -> Tally:
        """What was seen on the smallest case that breaks the tally's property; at worst the tally itself."""
        return self._plainer(self._taken(tally.property) or self._sought(tally.property) or tally)

    def _plainer(self, least: Tally) -> Tally:
        """The same with as few circumstances as break the property: none, or one after another left out."""
        if least.failing is None or least.final or not least.failing.circumstances:
            return least
        words = least.failing.circumstances
        for fewer in ((), *(words[:place] + words[place + 1 :] for place in range(len(words)))):
            seen = _seen(self._note, least.property, least.failing.but(circumstances=fewer))
            if seen.failing is not None and not seen.final:
                return self._plainer(seen)
        return least

    def telling(self, tally: Tally) -> Case | None:
        """A case that broke the property in finite numbers, which tell slips apart; at worst that which broke it first."""
        if tally.failure is None or tally.failure.fact is not None or math.isfinite(tally.failure.actual):
            return tally.failing  # a fact has no numbers
        for case in self._drawings.cases(self._drawn[0]):
            failure = _seen(self._note, tally.property, case).failure
            if failure is not None and failure.fact is None and math.isfinite(failure.actual):
                return case
        return tally.failing

    def _taken(self, property: Property) -> Tally | None:
        """What was seen on a smallest case of another property."""
        if not self._known:
            strategy, key, _ = self._lattice
            simplest = next(self._drawings.cases((strategy, key, 1)))  # what Hypothesis draws first
            self._known = [_Known(simplest, shared=True)]
        for known in self._known:
            seen = _seen(self._note, property, known.case)
            if seen.failing is not None:
                if not seen.final and any(_seen(self._note, property, case).failing for case in self._smaller(known)):
                    return None
                known.shared = True
                return seen
        return None

    def _smaller(self, known: _Known) -> Iterator[Case]:
        """Cases that would show that a property has a smaller one."""
        yield from known.held
        if not known.shared:
            yield from (case for case in self._drawings.cases(self._lattice) if case.x.size < known.case.x.size)

    def _sought(self, property: Property) -> Tally | None:
        """What was seen on the smallest case of a search."""
        for round in (self._lattice, *self._drawn):
            shrinking = _Shrinking(self._note, property)
            if self._drawings.know(round) and not any(map(shrinking.begins_with, self._drawings.cases(round))):
                continue
            best = shrinking.shrunk(round)
            if best is None or best.failing is None:
                self._drawings.keep(round, [case.recipe for case in shrinking.held])
                continue
            if round is self._lattice:
                held = [case for case in shrinking.held if case.x.size <= best.failing.x.size]
                self._known = sorted([*self._known, _Known(best.failing, held)], key=lambda known: known.case.x.size)
            return best
        return None


class _Shrinking:
    """One search: the smallest that failed so far, and how many more cases a person will wait for.

    Attributes:
        held: the cases that broke nothing.
    """

    def __init__(self, note: Note, property: Property) -> None:
        self._note, self._property = note, property
        self._calls_left = SHRINK_CALLS
        self._awaited: Case | None = None
        self._best: Tally | None = None
        self.held: list[Case] = []

    def begins_with(self, case: Case) -> bool:
        """Whether a case that will be drawn breaks the property; those before it need not be tried again."""
        seen = _seen(self._note, self._property, case)
        if seen.failing is not None:
            self._awaited, self._best = case, seen
        return seen.failing is not None

    def shrunk(self, round: Round) -> Tally | None:
        """What was seen on the smallest case, after a search; None where nothing failed."""
        strategy, key, examples = round
        if self._best is None or not self._best.final:
            search(strategy, key, self._attempt, examples, shrink=True)
        return self._best

    def _attempt(self, case: Case) -> None:
        """Try a case; Broken where it fails too, for Hypothesis to make it smaller."""
        if self._awaited is not None and self._awaited.recipe != case.recipe:
            return
        self._awaited = None
        self._calls_left -= self._best is not None
        if self._calls_left < 0:
            raise Enough
        seen = _seen(self._note, self._property, case)
        if seen.failing is None:
            self.held.append(case)
            return
        self._best = seen
        raise Enough if seen.final else Broken


def _seen(note: Note, property: Property, case: Case) -> Tally:
    """What is seen of a property on one case."""
    tally = Tally(property)
    note(tally, case)
    return tally
