"""Directions: along what a step is differentiated, or what its gradients are multiplied with before they are differentiated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import Placement, place

__all__ = ["Direction", "direction_of"]


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of x, weight and bias: ``x`` of the batch's shape, as it lies in memory; ``weight, bias: (C,)`` or None."""

    x: Placement
    weight: Array | None
    bias: Array | None


def direction_of(case: Case) -> Direction:
    """Halves between -3 and 3, of the case's form, laid out as its upstream gradient; of no parameters there is none."""
    x, weight, bias = _halves(case.x.shape, case.x.dtype, case.pair.parameter_dtype)
    layout = "contiguous" if case.grad_layout == "expanded" else case.grad_layout
    return Direction(place(x, layout), *((weight, bias) if case.affine else (None, None)))


@lru_cache(maxsize=256)
def _halves(shape: tuple[int, ...], batch: np.dtype[Any], parameters: np.dtype[Any]) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng((2, *shape))
    sizes = (shape, shape[1:2], shape[1:2])
    dtypes = (batch, parameters, parameters)
    x, weight, bias = (
        (rng.integers(1, 7, size) * rng.choice([-0.5, 0.5], size)).astype(dtype)
        for size, dtype in zip(sizes, dtypes, strict=True)
    )
    return x, weight, bias
