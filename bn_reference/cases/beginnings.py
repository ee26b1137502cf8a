"""What layers often begin with, and what often flows back into them: ones, zeros, equal vectors, a row without a gradient,
or next to none.

Random numbers never meet it: an optimizer of graphs that merges equal constants, a shortcut for a weight of one, a division
by a gradient of zero. So every second case or so has such vectors; the seed says which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import Format

__all__ = ["Beginning", "begun"]

MARGIN = 5  # bits beyond the smallest subnormal number, and beyond the smallest normal one
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beginning:
    """Parameters and running statistics before the step, (C,) each, and the upstream gradient, (N, C) or (N, C, L), which is to
    be of the format."""

    weight: Float
    bias: Float
    mean: Float
    var: Float
    grad_y: Float
    form: Format

    def but(self, **changes: Any) -> Beginning:
        """The same with some of them changed."""
        return replace(self, **changes)


Kind = Callable[[Beginning, np.random.Generator], Beginning]


def _as_drawn(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    return drawn


def _as_constructed(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Weight 1 and bias 0, and statistics of 0 and 1 beside them."""
    ones = np.ones_like(drawn.weight)
    return drawn.but(weight=ones, bias=ones - 1, mean=ones - 1, var=ones)


def _equal(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Weight and variance are one vector, bias and mean another."""
    return drawn.but(weight=drawn.var, mean=drawn.bias)


def _near_one(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Weights within a few percent of one, as after a little training; biases as small."""
    size = drawn.weight.size
    return drawn.but(weight=1.0 + rng.integers(-4, 5, size) / 128.0, bias=rng.integers(-4, 5, size) / 128.0)


def _switched(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Weights and biases of zero, one and minus one; of several channels one alone, now and then."""
    size = drawn.weight.size
    chosen = np.arange(size) == rng.integers(size)
    weight = np.where(chosen, 1.0, 0.0) if rng.integers(2) else rng.integers(-1, 2, size).astype(np.float64)
    return drawn.but(weight=weight, bias=rng.integers(-1, 2, size).astype(np.float64))


def _far(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Running variances of nothing, of next to nothing and of much, as of dead and of wild channels; means far from zero."""
    size = drawn.var.size
    var = rng.choice([0.0, 2.0**-20, 2.0**-12, 2.0**10], size) * drawn.var
    mean = drawn.mean * rng.choice([1.0, 2.0**6, 2.0**10], size)
    return drawn.but(mean=mean, var=var)


def _silent(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Rows, and of several channels one, into which no gradient flows."""
    grad_y = drawn.grad_y.copy()
    grad_y[rng.permutation(len(grad_y))[: len(grad_y) // 2]] = 0.0
    if grad_y.shape[1] > 1:
        grad_y[:, rng.integers(grad_y.shape[1])] = 0.0
    return drawn.but(grad_y=grad_y)


def _faint(drawn: Beginning, rng: np.random.Generator) -> Beginning:
    """Upstream gradients of a few units of the smallest subnormal number, or up to some that are normal, channel by channel."""
    digits = round(-np.log2(drawn.form.unit_roundoff))
    exponents = rng.integers(MARGIN, digits + MARGIN + 1, drawn.grad_y.shape[1])
    units = 2.0 * drawn.form.underflow * 2.0**exponents
    return drawn.but(grad_y=drawn.grad_y * units.reshape(1, -1, *[1] * (drawn.grad_y.ndim - 2)))


# by the last digit of the seed; shrinks to what is drawn
KINDS: tuple[Kind, ...] = (
    _as_drawn,
    _as_constructed,
    _as_drawn,
    _equal,
    _as_drawn,
    _near_one,
    _far,
    _switched,
    _faint,
    _silent,
)


def begun(drawn: Beginning, seed: int) -> Beginning:
    """What a case of this seed begins with."""
    rng = np.random.default_rng((seed, drawn.weight.size))
    return KINDS[seed % len(KINDS)](drawn, rng)
