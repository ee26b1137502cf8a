"""Recipes: the few drawn numbers that determine a case, and the case that they make.

A recipe is small and hashable. The same recipe always makes the same ``Case`` object (as long as it is kept), which is what
lets several properties share a case, what the oracle says of it and what an implementation gave for it.

So these keep what they know by the identity of a case, which compares and hashes as the object that it is:
``properties.transform`` (cases made of a case), ``properties.trial`` (what an implementation gave, and the case under another
precision model). ``oracle.keeping`` keeps statistics and expected steps by the identity of the arrays that they are computed
of, and says how; of rules by theirs. ``verification.draw`` keeps recipes: they compare by value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import Format, Pair, format_of
from bn_reference.cases.beginnings import Beginning, begun
from bn_reference.cases.case import Array, Case
from bn_reference.cases.circumstances import Circumstances
from bn_reference.cases.layouts import from_matrix
from bn_reference.cases.profiles import PROFILES, WEIGHTED_PROFILES

__all__ = ["Lattice", "Recipe"]


@dataclass(frozen=True)
class Lattice:
    """Values on a lattice, for people to read: ``offset + k * 2^-fineness`` with small integers k, row by row, (m, C)."""

    numbers: tuple[int, ...]
    fineness: int
    offset: int


@dataclass(frozen=True)
class Recipe:
    """What a strategy draws.

    Attributes:
        pair: dtypes of input and parameters.
        shape: (N, C) or (N, C, L).
        values: a lattice, or the names of the profiles of the first channels; the seed decides on the others.
        seed: with the shape, of everything that is not drawn by itself.
        eps, momentum: hyperparameters.
        affine, tracks: whether there are parameters and running statistics.
        started: whether the running statistics have seen batches before.
        layout, grad_layout: how x and dy lie in memory.
        neutral: whether weight, bias and statistics are those that a layer begins with.
        circumstances: of the step.
    """

    pair: Pair
    shape: tuple[int, ...]
    values: Lattice | tuple[str, ...]
    seed: int
    eps: float
    momentum: float | None
    affine: bool
    tracks: bool
    started: bool
    layout: str
    grad_layout: str
    neutral: bool = False
    circumstances: Circumstances = ()

    def realize(self) -> Case:
        """The case; equal recipes give one and the same object."""
        return _realize(self)


@lru_cache(maxsize=512)
def _realize(recipe: Recipe) -> Case:
    rng = np.random.default_rng((recipe.seed, *recipe.shape))
    channels, pair = recipe.shape[1], recipe.pair
    if isinstance(recipe.values, Lattice):
        x, kinds, draw = _on_lattice(recipe.values, recipe.shape), ("lattice",) * channels, _small
    else:
        x, kinds = _profiled(recipe.values, recipe.shape, rng, format_of(pair.input_dtype))
        draw = _smooth
    grad_y = draw(rng, recipe.shape)
    x = _repeated(x) if recipe.layout == "expanded" else x

    def vector(values: npt.NDArray[Any]) -> Array:
        return values.astype(pair.parameter_dtype)

    weight, bias = draw(rng, (channels,)), draw(rng, (channels,))
    mean, var = draw(rng, (channels,)), np.abs(draw(rng, (channels,))) + 0.25
    beginning = begun(Beginning(weight, bias, mean, var, grad_y, format_of(pair.input_dtype)), recipe.seed)
    zeros = np.zeros(channels)
    if not recipe.started:
        beginning = beginning.but(mean=zeros, var=np.ones_like(zeros))
    if recipe.neutral:
        beginning = beginning.but(weight=np.ones_like(zeros), bias=zeros)
    grad_y = _repeated(beginning.grad_y) if recipe.grad_layout == "expanded" else beginning.grad_y
    with np.errstate(over="ignore"):
        return Case(
            pair=pair,
            x=x.astype(pair.input_dtype),
            grad_y=grad_y.astype(pair.input_dtype),
            weight=vector(beginning.weight) if recipe.affine else None,
            bias=vector(beginning.bias) if recipe.affine else None,
            running_mean=vector(beginning.mean) if recipe.tracks else None,
            running_var=vector(beginning.var) if recipe.tracks else None,
            batches=int(rng.integers(1, 1000)) if recipe.tracks and recipe.started else 0,
            eps=recipe.eps,
            momentum=recipe.momentum,
            layout=recipe.layout,
            grad_layout=recipe.grad_layout,
            circumstances=recipe.circumstances,
            kinds=kinds,
            recipe=recipe,
        )


def _on_lattice(lattice: Lattice, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    rows = int(np.prod(shape)) // shape[1]
    numbers = np.array(lattice.numbers, dtype=np.float64).reshape(rows, shape[1])
    return from_matrix(lattice.offset + numbers * 2.0**-lattice.fineness, shape)


def _profiled(
    names: tuple[str, ...], shape: tuple[int, ...], rng: np.random.Generator, form: Format
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    rows, channels = int(np.prod(shape)) // shape[1], shape[1]
    # the first channels as drawn, so that they shrink; the others from all profiles, each one more experiment
    others = rng.choice(WEIGHTED_PROFILES, max(channels - len(names), 0)).tolist()
    chosen = [*names[:channels], *others]
    matrix = rng.standard_normal((rows, channels))
    for name in dict.fromkeys(chosen):
        columns = [c for c, kind in enumerate(chosen) if kind == name]
        matrix[:, columns] = PROFILES[name](matrix[:, columns], rng, form)
    return from_matrix(matrix, shape), tuple(chosen)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    normal: npt.NDArray[np.float64] = rng.standard_normal(shape)
    return normal


def _small(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Multiples of a half between -3 and 3, no zeros."""
    halves = rng.integers(1, 7, shape) * rng.choice([-1, 1], shape)
    multiples: npt.NDArray[np.float64] = halves / 2.0
    return multiples


def _repeated(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same along the last axis of positions, or along the batch where there is none, so that it can lie expanded."""
    first = values[:, :, :1] if values.ndim == 3 and values.shape[2] > 1 else values[:1]
    return np.broadcast_to(first, values.shape).copy()
