"""What the oracle's numbers imply for relations: between two outputs, or between an output and its own statistics.

A relation's bound is propagated through exact arithmetic from the bounds of the outputs that it relates (running error with no
rounding of its own), so it is as rigorous as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.precision import Precision
from bn_reference.arithmetic.running_error import Carrier, Rounding, RunningError, magnitude
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import to_matrix
from bn_reference.oracle.bounded import Bounded, bounded, lift, parameters, rounding_in
from bn_reference.oracle.statistics import statistics

__all__ = [
    "difference",
    "last_place_of_the_root",
    "output_mean",
    "output_variance",
    "subtract",
    "sum_of",
    "weighted_sum",
]

Array = npt.NDArray[Any]
EXACT = Rounding.none()


def carried(precision: Precision, array: Array) -> Carrier:
    """An output as the implementation gave it, (m, C) or (C,), in the carrier of the precision model."""
    return lift(precision, to_matrix(array)).value


def inexact(expected: Bounded) -> RunningError:
    """An expected array with its bound, for exact arithmetic."""
    return RunningError(expected.value, expected.bound, EXACT)


def output_mean(case: Case, y: Array, expected: Bounded) -> tuple[Carrier, Bounded]:
    """The mean of y over the rows, and beta with the mean of y's bounds: (C,) each."""
    mean = spec.mini_batch_mean(inexact(expected))
    beta = parameters(case)[1].value
    with np.errstate(all="ignore"):
        slack = mean.error + magnitude(mean.value - beta)  # zero but for the carrier's rounding
        return spec.mini_batch_mean(carried(case.precision, y)), Bounded(beta, _open(slack), _any_row(expected))


def output_variance(case: Case, y: Array, expected: Bounded) -> tuple[Carrier, Bounded]:
    """The biased variance of y over the rows, and gamma^2 var / (var + eps) with what y's bounds allow: (C,) each."""
    with np.errstate(all="ignore"):
        var = statistics(case).biased.value
        gamma, eps = parameters(case)[0].value, lift(case.precision, case.eps).value
        left = gamma * gamma * var / (var + eps)
        of_expected = inexact(expected)
        spread = spec.biased_variance(of_expected, spec.mini_batch_mean(of_expected))
        slack = spread.error + magnitude(spread.value - left)
        actual = carried(case.precision, y)
        measured = spec.biased_variance(actual, spec.mini_batch_mean(actual))
        return measured, Bounded(left, _open(slack), _any_row(expected))


def subtract(precision: Precision, a: Array, b: Array) -> Carrier:
    """a - b of two outputs of one shape, exactly to the carrier: (m, C)."""
    with np.errstate(all="ignore"):
        return carried(precision, a) - carried(precision, b)


def difference(a: Bounded, b: Bounded) -> Bounded:
    """a - b: each may be off by its own bound."""
    with np.errstate(all="ignore"):
        number = inexact(a) - inexact(b)
        return Bounded(number.value, _open(number.error), a.polluted | b.polluted, magnitude(a.value))


def sum_of(precision: Precision, array: Array, expected: Bounded) -> tuple[Carrier, Bounded]:
    """The sum of an output over its rows, and zero with the sum of its bounds: (C,) each."""
    with np.errstate(all="ignore"):
        total = inexact(expected).sum(axis=0)
        zero = total.value - total.value
        slack, sizes = total.error + magnitude(total.value), magnitude(expected.value).sum(axis=0)
        return carried(precision, array).sum(axis=0), Bounded(zero, _open(slack), _any_row(expected), sizes)


def weighted_sum(case: Case, grad_x: Array, expected: Bounded, x_hat: RunningError) -> tuple[Carrier, Bounded]:
    """sum(dx * x_hat) over the rows, and gamma / sigma * sum(dy x_hat) * eps / (var + eps) with what dx's bounds allow."""
    with np.errstate(all="ignore"):
        weights = RunningError.exactly(x_hat.value, EXACT)
        total = (inexact(expected) * weights).sum(axis=0)
        var, eps = statistics(case).biased.value, lift(case.precision, case.eps).value
        gamma, dy = parameters(case)[0].value, lift(case.precision, to_matrix(case.grad_y)).value
        through = (dy * x_hat.value).sum(axis=0)
        left = gamma / spec.deviation(var, eps) * through * eps / (var + eps)
        slack = total.error + magnitude(total.value - left)
        measured = (carried(case.precision, grad_x) * x_hat.value).sum(axis=0)
        sizes = magnitude(expected.value * x_hat.value).sum(axis=0)
        return measured, Bounded(left, _open(slack), _any_row(expected), sizes)


def last_place_of_the_root(case: Case) -> Bounded:
    """By how much two outputs differ whose statistics are the same to the bit and whose roots differ in the last place.

    Of the operations of Algorithm 1 only the root is not always correctly rounded (IEEE 754 leaves ``pow`` to the library): two
    faithful roots are 2u apart, relatively. The rounding of the steps after it may then fall differently too.
    """
    with np.errstate(all="ignore"):
        rounding = rounding_in(case.precision.elementwise, case.precision)
        batch = statistics(case)
        sigma = spec.deviation(batch.biased.value, lift(case.precision, case.eps).value)
        kept = max(case.precision.kept.unit_roundoff, rounding.unit_roundoff)
        root = RunningError(sigma, 2.0 * kept * magnitude(sigma), rounding)
        x, mean = lift(case.precision, to_matrix(case.x)), RunningError.exactly(batch.mean.value, rounding)
        y = spec.scale_and_shift(spec.normalize(x, mean, root), *parameters(case)).stored(case.precision.input_format)
        one = bounded(y, ~np.isfinite(y.error))
        zero = one.value - one.value
        return Bounded(zero, 2.0 * one.bound, np.zeros_like(one.polluted), magnitude(one.value))


def _any_row(expected: Bounded) -> npt.NDArray[np.bool_]:
    """Where a channel has a polluted row: (C,)."""
    polluted: npt.NDArray[np.bool_] = np.any(expected.polluted, axis=0)
    return polluted


def _open(bound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """NaN, of infinite bounds that met, means no bound."""
    result: npt.NDArray[np.float64] = np.where(np.isnan(bound), np.inf, bound)
    return result
