"""The tree of a summation: how it is revealed, what it sums, how deep it is. Names of trees are in ``naming``.

Revealed by the method of FPRev (Xie, Gao, Wang & Xue, *Revealing Floating-Point Accumulation Orders*, USENIX ATC 2025): of n
summands one is M, one is -M, the others are one, and M is so large that it absorbs all of them. The ones that are added to M
or to -M before these two meet are lost. What is left counts the summands outside the smallest subtree that holds both; the
sizes of these subtrees, over all pairs, are the tree.

A tree is a leaf, the number of its row, or a tuple of the trees that are added in one operation, in the order of their
first rows, as addition commutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Pairs", "Tree", "depth", "drawn", "is_binary", "leaves", "node", "reveal", "sizes", "summed"]

Tree: TypeAlias = Any  # int, or a tuple of trees
Pairs: TypeAlias = list[tuple[int, int]]
Array = npt.NDArray[Any]


def leaves(tree: Tree) -> list[int]:
    """The rows that it sums."""
    return [tree] if isinstance(tree, int) else [row for part in tree for row in leaves(part)]


def node(*parts: Tree) -> Tree:
    """The trees added in one operation; one alone is itself."""
    if len(parts) == 1:
        return parts[0]
    return tuple(sorted(parts, key=lambda part: min(leaves(part))))


def depth(tree: Tree) -> int:
    """Additions that one summand goes through, at most: its error is bounded by so many u of the sum of magnitudes."""
    return 0 if isinstance(tree, int) else 1 + max(depth(part) for part in tree)


def is_binary(tree: Tree) -> bool:
    """Whether each addition has two operands."""
    return isinstance(tree, int) or (len(tree) == 2 and all(is_binary(part) for part in tree))


def sizes(tree: Tree, rows: int) -> Array:
    """Of each pair of rows, how many are in the smallest subtree that holds both: (rows, rows), zero on the diagonal."""
    table: Array = np.zeros((rows, rows), int)

    def fill(part: Tree) -> list[int]:
        if isinstance(part, int):
            return [part]
        groups = [fill(each) for each in part]
        together = [row for group in groups for row in group]
        for at, group in enumerate(groups):
            others = [row for other in groups[:at] + groups[at + 1 :] for row in other]
            table[np.ix_(group, others)] = len(together)
        return together

    fill(tree)
    return table


def reveal(rows: int, ask: Callable[[Pairs], Sequence[int]]) -> Tree | None:
    """The tree of a sum of so many rows; None where the answers are those of no tree.

    Args:
        rows: n.
        ask: of several pairs of rows, the sizes of the smallest subtrees that hold both.
    """
    known: dict[tuple[int, int], int] = {}

    def learn(groups: list[list[int]]) -> None:
        """Ask for all pairs of the first of each group with its others, and go on with the groups that these fall into."""
        while groups:
            wanted = [(group[0], other) for group in groups for other in group[1:] if (group[0], other) not in known]
            known.update(zip(wanted, map(int, ask(wanted)) if wanted else (), strict=True))
            groups = [below for group in groups for _, below in _fallen(group, known) if len(below) > 1]

    learn([list(range(rows))])
    return _grown(list(range(rows)), known)


def _fallen(group: list[int], known: dict[tuple[int, int], int]) -> list[tuple[int, list[int]]]:
    """The others by the size of the subtree in which they meet the first, small ones first."""
    by_size: dict[int, list[int]] = {}
    for other in group[1:]:
        by_size.setdefault(known[group[0], other], []).append(other)
    return sorted(by_size.items())


def _grown(group: list[int], known: dict[tuple[int, int], int], below: int | None = None) -> Tree | None:
    """The tree of these rows; where they meet in ``below`` rows or more, several trees were added in one operation."""
    tree: Tree = group[0]
    count = 1
    for size, others in _fallen(group, known):
        grown = _grown(others, known, below=size)
        if grown is None:
            return None
        several = isinstance(grown, tuple) and grown and grown[0] == "several"
        parts = grown[1] if several else [grown]
        count += len(others)
        if below is not None and size == below:  # they meet the first where all of them meet another: siblings of it
            return ("several", [tree, *parts]) if count == len(group) else None
        if size != count:
            return None
        tree = node(tree, *parts)
    return tree


def summed(tree: Tree, rows: Array) -> Array:
    """The sum of rows (m, C) in the order of a tree, each addition rounded to the dtype of the rows.

    Several numbers of at most 24 digits that are added in one operation are added in float64, and rounded once.
    """
    if isinstance(tree, int):
        row: Array = rows[tree]
        return row
    parts = [summed(part, rows) for part in tree]
    if len(parts) > 2 and rows.dtype != np.float64:
        return np.sum([part.astype(np.float64) for part in parts], axis=0).astype(rows.dtype)  # type: ignore[no-any-return]
    return sum(parts[1:], start=parts[0])


def drawn(tree: Tree) -> str:
    """The tree as text: the rows between brackets, runs of rows that are added one after another written first..last."""
    if isinstance(tree, int):
        return str(tree)
    chain, start = [], tree
    while isinstance(start, tuple) and len(start) == 2 and isinstance(start[1], int):
        chain.append(start[1])
        start = start[0]
    chain.reverse()
    if isinstance(start, int) and len(chain) > 1:
        steps = np.diff([start, *chain])
        if (steps == steps[0]).all():
            by = "" if steps[0] == 1 else f" by {steps[0]}"
            return f"({start} + {chain[0]} .. {chain[-1]}{by})"
    return f"({' + '.join(drawn(part) for part in tree)})"
