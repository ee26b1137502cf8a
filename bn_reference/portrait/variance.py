"""Formulas of the batch's variance, each as floating point computes it, in an order of summation and a format.

A target's formula is told where its running statistics are, to the bit, those of one formula of these, and of no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.portrait.computes import MERGED, ONE_PASS, SEQUENTIAL, SHIFTED, TWO_PASS, UPDATED
from bn_reference.portrait.naming import WHOLE, named
from bn_reference.portrait.numbers import fused
from bn_reference.portrait.tree import Tree, is_binary, leaves, summed

__all__ = ["Formula", "finished", "formulas"]

Array = npt.NDArray[Any]
Moments = tuple[Array, Array]  # mean, and biased variance


@dataclass(frozen=True)
class Formula:
    """A way to compute mean and variance.

    Attributes:
        kind: TWO_PASS, ONE_PASS, SHIFTED, UPDATED or MERGED.
        format: in which sums are made.
        tree: the order of its sums.
        moments: of (m, C), its mean and biased variance in that format.
        fused: whether a square and its addition are rounded once.
    """

    kind: str
    format: str
    tree: Tree
    moments: Callable[[Array], Moments]
    fused: bool = False


def formulas(rows: int, tree: Tree | None) -> Iterator[Formula]:
    """All of them, in the order of the mean's sum where it is known, and in those that have names."""
    own = [tree] if tree is not None and is_binary(tree) else []
    for name in ("float32", "float64"):
        for order in dict.fromkeys([*own, *(named(each, rows) for each in WHOLE)]):
            wide = np.dtype(DTYPES[name])
            for kind, moments in _of_order(order, wide):
                yield Formula(kind, name, order, moments)
            for kept in dict.fromkeys((wide, np.dtype(np.float32))):
                yield Formula(TWO_PASS, name, order, partial(_two_pass_fused, tree=order, wide=wide, kept=kept), fused=True)


def _of_order(tree: Tree, wide: np.dtype[Any]) -> Iterator[tuple[str, Callable[[Array], Moments]]]:
    for narrow in dict.fromkeys((wide, np.dtype(np.float32))):
        for kept in dict.fromkeys((narrow, np.dtype(np.float32))):
            yield TWO_PASS, partial(_two_pass, tree=tree, wide=wide, narrow=narrow, kept=kept)
    yield TWO_PASS, partial(_two_pass, tree=tree, wide=wide, narrow=wide, kept=wide, corrected=True)
    for end, least in product(ONE_PASS_ENDS, (0.0, -np.inf)):
        yield ONE_PASS, partial(_one_pass, tree=tree, wide=wide, end=end, least=least)
        yield SHIFTED, partial(_shifted, tree=tree, wide=wide, end=end, least=least)
    chain = named(SEQUENTIAL, len(leaves(tree)))
    if tree == chain:
        for update in UPDATES:
            yield UPDATED, partial(_updated, wide=wide, update=update)
    for merge in MERGES:
        # a tree that is a chain merges single rows: an update by another name
        yield UPDATED if tree == chain else MERGED, partial(_merged, tree=tree, wide=wide, merge=merge)


def _two_pass(x: Array, tree: Tree, wide: Any, narrow: Any, kept: Any, corrected: bool = False) -> Moments:
    """The mean, kept in a format, and the mean square of differences from it, made in a format; sums are in ``wide``."""
    count = wide.type(len(x))
    mean = summed(tree, x.astype(wide)) / count
    apart = x.astype(narrow) - mean.astype(kept).astype(narrow)
    squares = summed(tree, (apart * apart).astype(wide))
    if corrected:  # Chan, Golub & LeVeque (1983), (1.7)
        squares = squares - summed(tree, apart.astype(wide)) ** 2 / count
    return mean, squares / count


def _two_pass_fused(x: Array, tree: Tree, wide: Any, kept: Any) -> Moments:
    """The same, each square and its addition in one rounding where a single row is added."""
    count = wide.type(len(x))
    mean = summed(tree, x.astype(wide)) / count
    apart = x.astype(wide) - mean.astype(kept).astype(wide)

    def squares(part: Tree) -> Array:
        if isinstance(part, int):
            square: Array = apart[part] * apart[part]
            return square
        left, right = part
        if isinstance(right, int):
            return fused(apart[right], apart[right], squares(left))
        return fused(apart[left], apart[left], squares(right)) if isinstance(left, int) else squares(left) + squares(right)

    return mean, squares(tree) / count


ONE_PASS_ENDS: tuple[Callable[[Array, Array, Any], Array], ...] = (
    lambda total, squares, m: squares / m - (total / m) * (total / m),
    lambda total, squares, m: (squares - total * total / m) / m,
    lambda total, squares, m: (squares - total * (total / m)) / m,
    lambda total, squares, m: (squares - m * ((total / m) * (total / m))) / m,
)


def _one_pass(x: Array, tree: Tree, wide: Any, end: Callable[[Array, Array, Any], Array], least: float) -> Moments:
    """E[x^2] - E[x]^2, clamped at zero or not."""
    x = x.astype(wide)
    m, total, squares = x.dtype.type(len(x)), summed(tree, x), summed(tree, x * x)
    return total / m, np.maximum(end(total, squares, m), x.dtype.type(least))


def _shifted(x: Array, tree: Tree, wide: Any, end: Callable[[Array, Array, Any], Array], least: float) -> Moments:
    x = x.astype(wide)
    mean, variance = _one_pass(x - x[0], tree, wide, end, least)
    return x[0] + mean, variance


UPDATES: tuple[Callable[[Array, Any], tuple[Array, bool]], ...] = (
    lambda apart, k: (apart / k, True),
    lambda apart, k: (apart * (apart.dtype.type(1) / k), True),
    lambda apart, k: (apart / k, False),
    lambda apart, k: (apart * (apart.dtype.type(1) / k), False),
)


def _updated(x: Array, wide: Any, update: Callable[[Array, Any], tuple[Array, bool]]) -> Moments:
    """Welford (1962), and the form of Youngs & Cramer, whose squares grow by d^2 (k - 1) / k."""
    x, real = x.astype(wide), wide.type
    mean, squares = np.zeros_like(x[0]), np.zeros_like(x[0])
    for k, row in enumerate(x, start=1):
        apart = row - mean
        step, from_new = update(apart, real(k))
        mean = mean + step
        squares = squares + (apart * (row - mean) if from_new else apart * apart * real((k - 1) / k))
    return mean, squares / real(len(x))


def _weighted(apart: Array, left: Any, right: Any, real: Any) -> tuple[Array, Array]:
    return apart * real(right / (left + right)), apart * apart * real(left * right / (left + right))


def _weighted_once(apart: Array, left: Any, right: Any, real: Any) -> tuple[Array, Array]:
    weight = real(right) / real(left + right)
    return apart * weight, apart * apart * real(left) * weight


def _divided(apart: Array, left: Any, right: Any, real: Any) -> tuple[Array, Array]:
    both = real(left + right)
    return apart * real(right) / both, apart * apart * real(left * right) / both


MERGES = (_weighted, _weighted_once, _divided)


def _merged(x: Array, tree: Tree, wide: Any, merge: Callable[..., tuple[Array, Array]]) -> Moments:
    """Chan, Golub & LeVeque (1983), (2.1), along a tree."""
    x, real = x.astype(wide), wide.type

    def moments(part: Tree) -> tuple[int, Array, Array]:
        if isinstance(part, int):
            return 1, x[part], np.zeros_like(x[part])
        (left, mean, squares), (right, other, others) = (moments(each) for each in part)
        step, grown = merge(other - mean, left, right, real)
        return left + right, mean + step, squares + others + grown

    _, mean, squares = moments(tree)
    return mean, squares / real(len(x))


def finished(variance: Array, rows: int) -> Iterator[Array]:
    """What a running variance may take up: the variance as it is, or times m / (m - 1), in some order and format."""
    yield variance
    for name in ("float32", "float64"):
        real = DTYPES[name].type
        v, m = variance.astype(real), real(rows)
        yield v * m / (m - real(1))
        yield v * real(rows / (rows - 1))
        yield v * m * (real(1) / (m - real(1)))
        yield v * (m / (m - real(1)))
