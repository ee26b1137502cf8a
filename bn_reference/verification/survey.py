"""Surveys: in which cases a rule is broken, and in which it is kept; and the region that follows from that.

A run that writes accepted deviations goes on where it has found a rule broken, so that it can say where. A condition on cases
is part of the region where every case that broke the rule meets it, and where that is no chance: the cases that were tried
would hardly all have met it had the condition nothing to do with the fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import LIVES
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.cases.region import EVERYWHERE, Features, Region, features_of, region_with
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.accepted import found_in

__all__ = ["Survey", "region_of"]

CHANCE = 1e-3  # of a condition that has nothing to do with the fault: of a dozen conditions hardly one is then named in vain
WORDS = tuple(dict.fromkeys(word for life in LIVES for word in life))


@dataclass
class Survey:
    """What was seen of one rule in one pair of dtypes.

    Attributes:
        failed, held: the cases that broke it, and those that did not.
        shown: cases that broke it and were sought for that, so that what they have in common with others may be chance.
        found: what showed.
        edge: an axis, rows or channels, and the least size that breaks it, where smaller ones are known not to.
    """

    failed: list[Features] = field(default_factory=list)
    held: list[Features] = field(default_factory=list)
    shown: list[Features] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    edge: tuple[str, int] | None = None

    def broke(self, case: Case, broken: Comparison) -> None:
        """One more case broke it."""
        self.failed.append(features_of(case))
        self.found.add(found_in(broken))

    def shows(self, case: Case, broken: Comparison) -> None:
        """A small case was found that breaks it."""
        self.shown.append(features_of(case))
        self.found.add(found_in(broken))

    def kept(self, case: Case) -> None:
        """One more did not."""
        self.held.append(features_of(case))

    def region(self) -> Region:
        """Where it is broken."""
        found = region_of(self.failed, self.held, self.shown)
        if self.edge is None:
            return found
        axis, least = self.edge
        beyond = region_with(axis, (least, None))
        return found.and_(beyond) if all(map(beyond.has, [*self.failed, *self.shown])) else found


def region_of(failed: Sequence[Features], held: Sequence[Features], shown: Sequence[Features] = ()) -> Region:
    """The conditions that all failed cases meet and that leave fewest of those that held, as many as no chance explains.

    Rules are tried on the same cases, so the same features are evidence once, however many rules they broke; what was ``shown``
    has to meet the conditions too, and is no evidence for them.
    """
    seen = list(dict.fromkeys(failed))
    broken = list(dict.fromkeys([*failed, *shown]))
    region, inside = EVERYWHERE, [case for case in dict.fromkeys(held) if case not in set(broken)]
    while inside:
        found: tuple[Region, list[Features]] | None = None
        for condition in _conditions(broken, inside, region):
            left = list(filter(condition.has, inside))
            share = (len(seen) + len(left)) / (len(seen) + len(inside))
            if share ** len(seen) < CHANCE and (found is None or len(left) < len(found[1])):
                found = condition, left
        if found is None:
            break
        region, inside = region.and_(found[0]), found[1]
    return region


def _conditions(failed: Sequence[Features], held: Sequence[Features], region: Region) -> Iterator[Region]:
    """Those that all failed cases meet; of what the region says already no more."""
    for name in ("affine", "tracks", "cumulative"):
        values = {getattr(case, name) for case in failed}
        if len(values) == 1 and getattr(region, name) is None:
            yield region_with(name, values.pop())
    dimensions = {case.dimensions for case in failed}
    if len(dimensions) == 1 and region.dimensions is None:
        yield Region(dimensions=tuple(dimensions))
    for name, of in (("layouts", "layout"), ("grad_layouts", "grad_layout")):
        broken, kept = ({getattr(case, of) for case in cases} for cases in (failed, held))
        lying = tuple(layout for layout in LAYOUTS if layout in broken or layout not in kept)
        if getattr(region, name) is None and len(lying) < len(LAYOUTS):
            yield region_with(name, lying)
    for name in ("rows", "channels"):
        yield from _ends(name, [getattr(case, name) for case in failed], [getattr(case, name) for case in held])
    if region.circumstances is None:
        yield from _circumstances(failed, held)


def _ends(name: str, failed: Sequence[int], held: Sequence[int]) -> Iterator[Region]:
    """From the size after the last that held below those that failed, and up to the one before the next that held."""
    below = [size for size in held if size < min(failed)]
    above = [size for size in held if size > max(failed)]
    if below:
        yield region_with(name, (max(below) + 1, None))
    if above:
        yield region_with(name, (None, min(above) - 1))


def _circumstances(failed: Sequence[Features], held: Sequence[Features]) -> Iterator[Region]:
    """None at all; one that all have; or as few as explain all, none of which held."""
    lives = [frozenset(case.circumstances) for case in failed]
    if not any(lives):
        yield Region(circumstances=())
        return
    yield from (Region(circumstances=(word,)) for word in WORDS if all(word in life for life in lives))
    harmless = frozenset(word for case in held for word in case.circumstances)
    chosen: list[str] = []
    left = lives
    while left:
        suspects = [word for word in WORDS if word not in harmless and any(word in life for life in left)]
        if not suspects:
            return
        best = max(suspects, key=lambda word: sum(word in life for life in left))
        chosen, left = [*chosen, best], [life for life in left if best not in life]
    yield Region(circumstances=tuple(chosen))
