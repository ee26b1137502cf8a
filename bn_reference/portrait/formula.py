"""Which formula of the variance a target computes by: told where it is one to the bit, on two draws, and no other is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import MERGED, TWO_PASS
from bn_reference.portrait.numbers import digits, same
from bn_reference.portrait.tree import Tree
from bn_reference.portrait.variance import finished, formulas

__all__ = ["Found", "formula_of", "only"]

T = TypeVar("T")
Array = npt.NDArray[Any]

FEW = 64
CHANNELS = 2048  # with so many, one that is rounded otherwise is among them, be it once in a thousand


@dataclass(frozen=True)
class Found:
    """What the formulas that gave a target's variances to the bit have in common.

    Attributes:
        kind: of the formulas that gave the variance; None: none did, or several kinds.
        format: in which those were computed that gave the mean as well; None: in several, or none did.
        tree: in which rows were merged by them; None: they were not, or in several.
        fused: whether a square and its addition are rounded once, in two passes; None: it cannot be told.
        tried: how many formulas were.
    """

    kind: str | None = None
    format: str | None = None
    tree: Tree | None = None
    fused: bool | None = None
    tried: int = 0


def formula_of(asked: Asked, rows: int, tree: Tree | None) -> Found:
    """Of means far and near, in units of the deviation, mean and variance of as many channels, on draws of their own.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    candidates = list(formulas(rows, tree))
    left = dict.fromkeys(range(len(candidates)), True)  # whether it gave the mean as well
    for seed in (0, 1, 2):
        x = far_and_near(np.random.default_rng((seed, rows)), rows, asked)
        # the last time the running mean is near the batch's, which whoever shifts by it makes use of
        mean, variance = asked.statistics(x, near=x.astype(np.float64).mean(axis=0) if seed == 2 else None)
        for at, means_too in list(left.items()):
            with np.errstate(all="ignore"):
                own, biased = candidates[at].moments(x[:, :FEW])
                if not _ends_in(variance[:FEW], biased, rows):  # most are refused by these
                    del left[at]
                    continue
                own, biased = candidates[at].moments(x)
            if not _ends_in(variance, biased, rows):
                del left[at]
            elif seed < 2:
                left[at] = means_too and same(mean, own.astype(mean.dtype))
    kept = [candidates[at] for at in left]
    with_means = [candidates[at] for at, means_too in left.items() if means_too]
    kind, of_squares = (only([getattr(formula, name) for formula in kept]) for name in ("kind", "fused"))
    formats, trees = ([getattr(formula, name) for formula in with_means] for name in ("format", "tree"))
    merged = only(trees) if kind == MERGED else None
    return Found(kind, only(formats), merged, of_squares if kind == TWO_PASS else None, len(candidates))


def far_and_near(rng: np.random.Generator, rows: int, asked: Asked) -> Array:
    """Normal numbers with a deviation of one, and means from one to all but three digits of the input's."""
    p = digits(asked.pair.input)
    means = 2.0 ** rng.uniform(0.0, p - 3.0, CHANNELS) * rng.choice([-1.0, 1.0], CHANNELS)
    x: Array = (means + rng.standard_normal((rows, CHANNELS))).astype(asked.pair.input_dtype)
    return x


def _ends_in(variance: Array, biased: Array, rows: int) -> bool:
    """Whether a variance, in one of the ways to finish it, rounded to how it is kept, is the running one."""
    return any(same(variance, end.astype(variance.dtype)) for end in finished(biased, rows))


def only(values: list[T]) -> T | None:
    """What all of them are; None where they differ, or there are none."""
    return values[0] if len(set(values)) == 1 else None
