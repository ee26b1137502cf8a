"""The statistics of a batch: mean and variance, with errors that cover every honest way to compute them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.running_error import RunningError, leading
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import to_matrix
from bn_reference.conventions import ONE_PASS, rules_of
from bn_reference.oracle.bounded import channelwise, lift
from bn_reference.oracle.keeping import kept_by_case, of_a_batch
from bn_reference.oracle.running import Statistics

__all__ = ["by_any_update", "followed", "statistics"]

Float = npt.NDArray[np.float64]


@kept_by_case(of_a_batch)
def statistics(case: Case, rules: Any = spec) -> Statistics:
    """Mean and variance of the batch, as an implementation that keeps them in the parameter dtype may have them.

    ``rules`` is the specification, or one with a slip in it (``diagnosis``); so it is wherever it appears in this file.
    """
    kept = case.precision.kept
    rules = followed(case, rules)
    x = lift(case.precision, to_matrix(case.x))
    shifted, summed = ShiftedData(x), by_any_update(rules.mini_batch_mean(x), x)
    mean = summed.stored(kept)
    # keeping the sum of squares rounds it relative to itself, as its quotient by m is rounded
    variance = rules.biased_variance(x, mean)
    if case.conventions.variance == "one_pass" and rules is ONE_PASS:
        floor = 0.0 if case.precision.clamps else None
        variance = clamped(variance, spec.biased_variance(x, mean), floor)
    else:
        variance = shifted.variance(variance)
    squares = case.rows * (variance.size + variance.error)
    # merging l and r rows adds d^2 l r / (l + r), at most the sum of squares; d^2 l r, made first, is up to m times as much
    overflows = (squares >= case.precision.sums.largest) | (case.rows * squares >= case.precision.compute.largest)
    biased = channelwise(case.precision, variance.stored(case.precision.sums).unbounded_where(overflows))
    unbiased = rules.unbiased_variance(biased, case.rows) if case.rows > 1 else biased
    return Statistics(shifted.mean(summed).stored(kept), biased, unbiased)


def by_any_update(mean: RunningError, x: RunningError) -> RunningError:
    """The mean with an error that covers means which are updated or merged, and never were a sum.

    Welford (1962) goes row by row, Chan, Golub & LeVeque (1983) merge halves: ``mean + (other - mean) * (r / m)`` for r more
    rows. In units of u / m, with the magnitudes summed over the rows, a merge of l and r <= l rows adds 3 on the difference
    (itself, the weight, the product) and 1 on the result: ``1 + 3 r / l`` for each of the l rows and 4 for each of the r.
    Row by row this makes ``m - 1 + 3 (1 + 1/2 + ... + 1/(m - 1))`` for the first row, which has the most; halves make less.
    Each of the m - 1 products may lose its end to underflow.
    """
    m = x.shape[0]
    merges = m - 1 + 3.0 * _harmonic(max(m, 1) - 1)
    updated = merges * mean.rounding.unit_roundoff * x.size.sum(axis=0) / max(m, 1) + m * mean.rounding.underflow
    return RunningError(mean.value, np.maximum(mean.error, updated), mean.rounding)


@lru_cache(maxsize=256)
def _harmonic(n: int) -> float:
    """1 + 1/2 + ... + 1/n."""
    return float((1.0 / np.arange(1, n + 1)).sum())


class ShiftedData:
    """What is left of a batch without its first row, d_i = x_i - x_1, and what a pass over it may be off by.

    Chan, Golub & LeVeque (1983), section 3: the mean is x_1 + mean(d), the variance mean(d^2) - mean(d)^2. To first order, in
    units of u and with the sums in any order, mean(d) is off by ``(m + 2) mean|d|`` (1 on the difference, m - 1 on the sum,
    2 on the division) and mean(d^2) by ``(m + 4) mean(d^2)``; the sum with x_1, the square and the last difference are off by
    one each. For all but a first row far from the others that is about what two passes may be off by.

    Where the rows are x_1 or x_1 + c for one c of few digits, differences, squares and all partial sums are exact.
    """

    def __init__(self, x: RunningError) -> None:
        values, m = leading(x.value), max(x.shape[0], 1)
        self._u, self._underflow = x.rounding.unit_roundoff, x.rounding.underflow
        apart = values - values[:1]
        size = np.abs(apart)
        other = size.max(axis=0, initial=0.0)
        of_apart, of_size, of_squares = (each.sum(axis=0) for each in (apart, size, size * size))
        alone = of_squares == other * of_size
        exact = alone & (m * _odd_part(other) ** 2 * x.rounding.accumulation <= 1.0)
        # what comes before the division: of mean|d|, and of mean(d^2)
        self._of_sum = np.where(exact, 0.0, (m - 1) * x.rounding.accumulation + self._u)
        self._of_squares = np.where(exact, 0.0, self._of_sum + 2.0 * self._u)
        self._mean, self._size, self._square = of_apart / m, of_size / m, of_squares / m
        self._of_mean = (self._of_sum + 2.0 * self._u) * self._size + self._underflow

    def mean(self, mean: RunningError) -> RunningError:
        """A mean with an error that covers this one."""
        return RunningError(mean.value, np.maximum(mean.error, self._of_mean + self._u * mean.size), mean.rounding)

    def variance(self, variance: RunningError) -> RunningError:
        """A variance with an error that covers this one."""
        of_square = (2.0 * np.abs(self._mean) + self._of_mean) * self._of_mean + self._u * self._mean**2
        off = (self._of_squares + 2.0 * self._u) * self._square + of_square + 3.0 * self._underflow
        return RunningError(variance.value, np.maximum(variance.error, off), variance.rounding, variance.floor)


def _odd_part(numbers: Float) -> Float:
    """The least integers of which these numbers, which are not negative, are multiples by powers of two."""
    digits = np.ldexp(np.frexp(np.where(np.isfinite(numbers), numbers, 0.0))[0], 53).astype(np.int64)
    odd: Float = (digits // np.maximum(digits & -digits, 1)).astype(np.float64)
    return odd


def clamped(variance: RunningError, stable: RunningError, floor: float | None = 0.0) -> RunningError:
    """A variance in one pass as whoever keeps that convention has it: max(0, E[x^2] - E[x]^2), so that its root exists.

    Only with the clamp can the convention be kept: without it a constant channel of 100 already gives NaN in float32. What
    the carrier loses in one pass is no truth either, so the value is that of a stable variance, with the errors of both.
    """
    return RunningError(stable.value, variance.error + stable.error, stable.rounding, floor=floor)


def followed(case: Case, rules: Any) -> Any:
    """The rules of the case's conventions; a slip's own are taken as they are."""
    return rules_of(case.conventions) if rules is spec else rules
