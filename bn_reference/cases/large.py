"""Large cases: data in which one wrong row still shows, as recipes of a few numbers, whatever their size.

A worst-case bound on a sum grows with the number of rows, and with random data it hides one lost row of 8,192.
Where a channel is zero but for one row, that row is all there is. Which sizes are tried is for ``sizes``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import from_matrix

__all__ = ["HALVES", "INTEGERS", "ROWS", "SHIFTED", "LargeRecipe", "is_large"]

ROWS, INTEGERS, SHIFTED = "one row", "integers", "shifted integers"
HALVES = ("float16", "bfloat16")
PERIODS = (59, 53, 47)  # primes, of which one does not divide the number of channels: each then meets all of the numbers


@dataclass(frozen=True)
class LargeRecipe:
    """What determines a large case.

    Attributes:
        pair: dtypes of input and parameters.
        rows, channels: m = N L, and C.
        samples: N, where the batch is (N, C, L); 0: it is (N, C).
        values: "one row": zero but for the first, the middle and the last row, which are dealt out over the channels, and dy
            has each in another channel; "integers", whose sums are exact; "shifted integers", far from zero.
        seed: of signs and integers.
        eps, momentum: hyperparameters.
        affine, tracks, started: as in a ``Recipe``.
        layout: how x lies in memory.
        neutral: whether weight, bias and statistics are those that a layer begins with.
    """

    pair: Pair
    rows: int
    channels: int
    samples: int
    values: str
    seed: int
    eps: float
    momentum: float | None
    affine: bool = True
    tracks: bool = True
    started: bool = False
    layout: str = "contiguous"
    neutral: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C) or (N, C, L)."""
        return (self.samples, self.channels, self.rows // self.samples) if self.samples else (self.rows, self.channels)

    def of_size(self, *, rows: int | None = None, channels: int | None = None) -> LargeRecipe:
        """The same of another size; rows in whole samples, of one position at least."""
        rows, samples = rows or self.rows, self.samples or 1
        return replace(self, rows=max(rows - rows % samples, samples), channels=channels or self.channels)

    def realize(self) -> Case:
        """The case; one and the same object as long as no other is asked for."""
        return _realize(self)


def is_large(case: Case) -> bool:
    """Whether a case is one of this family: nothing that is made of it is worth its memory."""
    return isinstance(case.recipe, LargeRecipe)


@lru_cache(maxsize=1)
def _realize(recipe: LargeRecipe) -> Case:
    rng = np.random.default_rng(recipe.seed)
    pair, channels, neutral = recipe.pair, recipe.channels, recipe.neutral
    x, grad_y = (_few_rows(recipe, turn) if recipe.values == ROWS else _integers(recipe, turn, rng) for turn in (0, 1))

    def vector(some: npt.ArrayLike, start: float) -> Array:
        return np.resize(np.asarray([start] if neutral else some), channels).astype(pair.parameter_dtype)

    # beside a bias, or a running mean, what one row of a million leaves could not be seen
    shift = np.zeros(1) if recipe.values == ROWS else rng.integers(-4, 5, 7) / 4.0
    return Case(
        pair=pair,
        x=x,
        grad_y=grad_y,
        weight=vector(rng.integers(2, 9, 7) / 4.0, 1.0) if recipe.affine else None,
        bias=vector(shift, 0.0) if recipe.affine else None,
        running_mean=vector(shift[::-1] if recipe.started else 0.0, 0.0) if recipe.tracks else None,
        running_var=vector(rng.integers(2, 9, 7) / 4.0 if recipe.started else 1.0, 1.0) if recipe.tracks else None,
        batches=1 + recipe.seed % 7 if recipe.tracks and recipe.started and not neutral else 0,
        eps=recipe.eps,
        momentum=recipe.momentum,
        layout=recipe.layout,
        kinds=("a few rows" if recipe.values == ROWS and channels < 3 else recipe.values,) * channels,
        recipe=recipe,
    )


def _few_rows(recipe: LargeRecipe, turn: int) -> Array:
    """The first, the middle and the last row, each in one of the channels; ``turn`` deals them to other channels.

    Their value is about the root of m: the variance is then about 1, and no half format overflows.
    The first row, from which others may be subtracted, is nearer to the rest where it shares a channel: what is then lost of
    the variance, u times the square of its distance, leaves enough to see the other rows by.
    """
    m, channels = recipe.rows, recipe.channels
    matrix = np.zeros((m, channels), recipe.pair.input_dtype)
    size = 2.0 ** round(np.log2(m) / 2 - (recipe.seed + turn) % 2)
    for number, row in enumerate((m - 1, 0, m // 2)):
        for channel in range((number + turn) % min(channels, 3), channels, 3):
            value = size / 2 if row == 0 and channels < 3 else size
            matrix[row, channel] = value if (recipe.seed + channel) % 2 == 0 else -value
    return from_matrix(matrix, recipe.shape)


def _integers(recipe: LargeRecipe, turn: int, rng: np.random.Generator) -> Array:
    """Integers that repeat with a prime period along the memory of the batch."""
    period = next((length for length in PERIODS if recipe.channels % length), PERIODS[-1])
    most = min(100 if recipe.pair.input in HALVES else 8191, 2**24 // recipe.rows)
    numbers = rng.integers(1, most, period) * rng.choice([-1, 1], period)
    if turn:
        numbers = numbers % 9 - 4  # an upstream gradient has no reason to be as large
    elif recipe.values == SHIFTED:
        numbers = numbers % 16 + (200 if recipe.pair.input == "bfloat16" else 1000)
    return np.resize(numbers.astype(recipe.pair.input_dtype), recipe.shape)
