"""The smallest large case that breaks a rule: the size from which it is broken, and the nearest with which it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bn_reference.cases.case import Case
from bn_reference.cases.large import LargeRecipe
from bn_reference.properties import Property
from bn_reference.verification.tally import Tally

__all__ = ["Edge", "Edges"]

MOST_CALLS = 24  # with a million rows each takes half a second
Note = Callable[[Tally, Case], None]


@dataclass(frozen=True)
class Edge:
    """A rule is broken with so many rows or channels, and holds with fewer."""

    axis: str
    broken: int
    holds: int


class Edges:
    """Where rules begin to be broken in one pair of dtypes; what was found for one rule is tried first on the others.

    Args:
        note: tries one case, and enters it in a tally.
        takes: whether the target takes a case.
    """

    def __init__(self, note: Note, takes: Callable[[Case], bool]) -> None:
        self._note, self._takes = note, takes
        self._known: list[tuple[LargeRecipe, Edge | None]] = []

    def of(self, tally: Tally) -> tuple[Tally, Edge | None]:
        """What was seen on the smallest large case found that breaks the tally's rule; at worst the tally itself."""
        assert tally.failing is not None
        recipe: LargeRecipe = tally.failing.recipe
        for known, edge in self._known:
            seen = self._seen(tally.property, known)
            if seen is not None and (edge is None or self._holds(tally.property, _sized(known, edge.axis, edge.holds))):
                return seen, edge
        if tally.final:
            return tally, None
        axis, other = ("channels", "rows") if recipe.channels > recipe.rows else ("rows", "channels")
        best = tally
        for simpler in (replace(recipe, samples=0, layout="contiguous"), replace(recipe, layout="contiguous"), recipe):
            for few in (1, 2, 3):
                seen = self._seen(tally.property, _sized(simpler, other, few))
                if seen is not None:
                    best = seen
                    break
            if best is not tally:
                break
        return self._bisected(best, axis)

    def _bisected(self, best: Tally, axis: str) -> tuple[Tally, Edge | None]:
        """Powers of two and their neighbours first, for there most faults begin."""
        assert best.failing is not None
        recipe: LargeRecipe = best.failing.recipe
        holds, broken = 0, getattr(recipe, axis)
        edges = [edge for power in range(1, broken.bit_length()) for edge in (2**power, 2**power + 1) if edge < broken]
        for _ in range(MOST_CALLS):
            between = [edge for edge in edges if holds < edge < broken]
            smaller = _sized(recipe, axis, between[len(between) // 2] if between else (holds + broken) // 2)
            size = getattr(smaller, axis)
            if not holds < size < broken:
                break
            tally = self._tried(best.property, smaller)
            if tally is None or (tally.failing is None and not tally.kept()):
                break  # a size that it does not take: of those below nothing is said
            if tally.failing is None:
                holds = size
            else:
                best, broken = tally, size
        edge = Edge(axis, broken, holds) if holds else None
        assert best.failing is not None
        self._known.append((best.failing.recipe, edge))
        return best, edge

    def _seen(self, property: Property, recipe: LargeRecipe) -> Tally | None:
        """What breaks the rule in a case; None where nothing does, or where the target does not take the case."""
        tally = self._tried(property, recipe)
        return tally if tally is not None and tally.failing is not None else None

    def _holds(self, property: Property, recipe: LargeRecipe) -> bool:
        """Whether the rule was compared on a case, and held."""
        tally = self._tried(property, recipe)
        return tally is not None and tally.failing is None and tally.kept() > 0

    def _tried(self, property: Property, recipe: LargeRecipe) -> Tally | None:
        """What is seen on a case; None where the target does not take it."""
        case = recipe.realize()
        if case.rows < 2 or not self._takes(case):
            return None
        tally = Tally(property)
        self._note(tally, case)
        return tally


def _sized(recipe: LargeRecipe, axis: str, size: int) -> LargeRecipe:
    return recipe.of_size(rows=size) if axis == "rows" else recipe.of_size(channels=size)
