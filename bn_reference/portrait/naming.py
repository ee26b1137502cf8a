"""Names of trees: sequential, reversed, pairwise, lanes, blocks; each is a rule that makes a tree for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, reduce

from bn_reference.portrait.computes import ANOTHER, FOLDED_HALVES, PAIRWISE, REVERSED, SEQUENTIAL, SIDE_BY_SIDE
from bn_reference.portrait.tree import Tree, node

__all__ = ["WHOLE", "name_of", "named"]


Rule = Callable[[Sequence[Tree]], Tree]


def sequential(parts: Sequence[Tree]) -> Tree:
    """One after another, from the first."""
    return reduce(node, parts)


def backwards(parts: Sequence[Tree]) -> Tree:
    """One after another, from the last."""
    return reduce(node, parts[::-1])


def neighbours(parts: Sequence[Tree]) -> Tree:
    """The first half and the second half, each summed likewise (Higham, section 4.1)."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return node(neighbours(parts[:half]), neighbours(parts[half:]))


def adjacent(parts: Sequence[Tree]) -> Tree:
    """Each two that are side by side are added, and the sums likewise; an odd one waits."""
    while len(parts) > 1:
        paired = [node(*parts[at : at + 2]) for at in range(0, len(parts) - 1, 2)]
        parts = [*paired, *parts[2 * len(paired) :]]
    return parts[0]


def folded(parts: Sequence[Tree]) -> Tree:
    """The second half is added to the first, each to the one that stands as far, and the sums likewise; odd ones wait."""
    while len(parts) > 1:
        half = len(parts) // 2
        paired = [node(parts[at], parts[at + half]) for at in range(half)]
        parts = [*paired, *parts[2 * half :]]
    return parts[0]


WHOLE: dict[str, Rule] = {
    SEQUENTIAL: sequential,
    REVERSED: backwards,
    PAIRWISE: neighbours,
    SIDE_BY_SIDE: adjacent,
    FOLDED_HALVES: folded,
}


def _lanes(rows: int) -> Iterator[tuple[str, Tree]]:
    """Row r belongs to lane r modulo k; each lane is summed from its first row, then the lanes."""
    for k in range(2, rows // 2 + 1):
        lanes = [sequential(range(lane, rows, k)) for lane in range(k)]
        for how, rule in WHOLE.items():
            yield f"{k} lanes, then {how}", rule(lanes)


def _blocks(rows: int) -> Iterator[tuple[str, Tree]]:
    """Blocks of consecutive rows, the last may be smaller; each is summed, then the blocks."""
    for size in range(2, rows // 2 + 1):
        starts = range(0, rows, size)
        for inside, rule in WHOLE.items():
            blocks = [rule(range(start, min(start + size, rows))) for start in starts]
            for how, outer in WHOLE.items():
                yield f"blocks of {size}, each {inside}, then {how}", outer(blocks)


@lru_cache(maxsize=8)
def _known(rows: int) -> dict[Tree, str]:
    """The trees that have names; the first name where several rules make the same tree."""
    known: dict[Tree, str] = {}
    for name, rule in WHOLE.items():
        known.setdefault(rule(range(rows)), name)
    for rules in (_lanes, _blocks):
        for name, tree in rules(rows):
            known.setdefault(tree, name)
    return known


def name_of(tree: Tree, rows: int) -> str:
    """The name of a tree of so many rows."""
    return _known(rows).get(tree, ANOTHER)


def named(name: str, rows: int) -> Tree:
    """The tree of one of the names of ``WHOLE``."""
    return WHOLE[name](range(rows))
