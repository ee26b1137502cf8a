"""Probes: what is tried on a layer when its target is loaded, on a batch whose axes all have lengths of their own."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import to_matrix

__all__ = ["COUNTS", "RESEMBLES", "maps_each_channel", "probe_case", "resembles"]

COUNTS = (3, 8, 16)  # channels: some layers take them in eights alone
SAMPLES, POSITIONS = 4, 10
# Tells a form from another, and judges nothing. Rounding to bfloat16 takes 2^-16 from a squared correlation of 1, and moves an
# output by 2^-8 of its largest number: no batch norm is missed. On the probes, means along other axes leave a squared
# correlation of 0.65 at most, and one pooled over all axes moves the other channels by 0.23 or more: none is taken for one.
RESEMBLES = 2.0**-6


def probe_case(pair: Pair = PAIRS[0], channels: int = 3, ndim: int = 2, seed: int = 0) -> Case:
    """A batch of numbers that grow along each axis, so that means along another axis than the channels' show.

    Parameters and statistics are no layer's first ones, and unlike each other.
    """
    rng = np.random.default_rng(seed)
    shape = (SAMPLES, channels, POSITIONS)[:ndim] if ndim == 3 else (SAMPLES * 3, channels)
    slopes = sum(np.indices(shape)[axis] / length for axis, length in enumerate(shape))
    held = pair.parameter_dtype

    def vector(low: float, high: float) -> Array:
        return np.linspace(low, high, channels).astype(held)

    return Case(
        pair,
        (rng.standard_normal(shape) + 3.0 * slopes).astype(pair.input_dtype),
        rng.standard_normal(shape).astype(pair.input_dtype),
        weight=vector(0.75, 1.5),
        bias=vector(-0.5, 0.25),
        running_mean=vector(-4.0, 3.0),
        running_var=vector(5.0, 9.0),
        batches=7,
    )


def maps_each_channel(x: Array, y: object) -> bool:
    """Whether y has the shape of x, and is, roughly, one affine map of it in each channel."""
    if not isinstance(y, np.ndarray) or y.shape != x.shape:
        return False
    a, b = (to_matrix(np.asarray(values, np.float64)) for values in (x, y))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    sizes = (a**2).sum(axis=0) * (b**2).sum(axis=0)
    return bool((((a * b).sum(axis=0)) ** 2 >= (1.0 - RESEMBLES) * sizes).all() and (sizes > 0).all())


def resembles(one: Array, other: Array) -> bool:
    """Whether two arrays of one shape hold roughly the same numbers."""
    if one.shape != other.shape:
        return False
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return bool((np.abs(a - b) <= RESEMBLES * np.abs(b).max()).all())
