"""Probes: what is tried on a layer when its target is loaded, on a batch whose axes all have lengths of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import Placement, from_matrix, place, to_matrix

__all__ = ["COUNTS", "Probe", "normalized", "probe_case", "resembles"]

COUNTS = (3, 8, 16)  # channels: some layers take them in eights alone
SAMPLES, POSITIONS = 4, 10
RESEMBLES = 2.0**-4  # of the largest value: it tells a form, an option or a mode from another, and judges nothing


def probe_case(pair: Pair = PAIRS[0], channels: int = 3, ndim: int = 2, seed: int = 0) -> Case:
    """A batch of ordinary numbers; parameters and statistics that are no layer's first ones, and unlike each other."""
    rng = np.random.default_rng(seed)
    shape = (SAMPLES, channels, POSITIONS)[:ndim] if ndim == 3 else (SAMPLES * 3, channels)
    held = pair.parameter_dtype

    def vector(low: float, high: float) -> npt.NDArray[np.generic]:
        return np.linspace(low, high, channels).astype(held)

    return Case(
        pair,
        (rng.standard_normal(shape) * 1.5 + 0.5).astype(pair.input_dtype),
        rng.standard_normal(shape).astype(pair.input_dtype),
        weight=vector(0.75, 1.5),
        bias=vector(-0.5, 0.25),
        running_mean=vector(-4.0, 3.0),
        running_var=vector(5.0, 9.0),
        batches=7,
    )


def normalized(case: Case, *, training: bool = True) -> npt.NDArray[np.float64]:
    """What a layer gives for a case, roughly: to tell forms apart, not to judge by."""
    x = to_matrix(np.asarray(case.x, np.float64))
    mean, var = x.mean(axis=0), x.var(axis=0)
    if not training and case.running_mean is not None and case.running_var is not None:
        mean, var = case.running_mean.astype(np.float64), case.running_var.astype(np.float64)
    y = (x - mean) / np.sqrt(var + case.eps)
    if case.weight is not None and case.bias is not None:
        y = y * case.weight.astype(np.float64) + case.bias.astype(np.float64)
    return from_matrix(y, case.x.shape)


def resembles(seen: object, expected: npt.NDArray[np.float64]) -> bool:
    """Whether an array has this shape and roughly these numbers."""
    if not isinstance(seen, np.ndarray) or seen.shape != expected.shape:
        return False
    error = np.abs(seen.astype(np.float64) - expected).max()
    return bool(error <= RESEMBLES * np.abs(expected).max())


@dataclass(frozen=True, eq=False)
class Probe:
    """A case for a probe, and how its batch lies."""

    case: Case

    @property
    def x(self) -> Placement:
        return place(self.case.x, self.case.layout)

    @property
    def grad_y(self) -> Placement:
        return place(self.case.grad_y, self.case.grad_layout)

    def but(self, case: Case) -> Probe:
        return replace(self, case=case)
