"""The oracle: what batch normalization gives for a case, and how far an honest implementation may be from it.

The specification is run once over running errors. The values are carried in at least twice the digits of the working format
(float64 for computations in float32, double-double for float64), so the truth is known far below any rounding that is judged;
the carrier's own rounding is part of the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import FORMATS, Format, Pair, format_of
from bn_reference.arithmetic.running_error import Carrier, Rounding, RunningError, magnitude
from bn_reference.cases.case import Case
from bn_reference.layouts import to_matrix

__all__ = [
    "Bounded",
    "ExpectedState",
    "ExpectedStep",
    "expect_inference",
    "expect_sequence",
    "expect_training",
    "lift",
    "statistics",
]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bounded:
    """An expected array with a bound on each element's absolute error.

    Attributes:
        value: (m, C) or (C,), the truth to the carrier's precision.
        bound: same shape, float64, >= 0, in the units of the value. Infinite: no honest computation is required to be near.
        polluted: (C,) or (m, C) bool: a NaN or an infinity among the inputs reaches this element; it must not come out finite.
        scale: what the bound is measured against to tell whether it can see a fault: the value's magnitude where None.
    """

    value: Carrier
    bound: Float
    polluted: npt.NDArray[np.bool_]
    scale: Float | None = None

    def rows(self, index: Any) -> Bounded:
        """The same rows in another order, or some of them; honest bounds do not depend on the order of rows."""
        polluted = self.polluted[index] if self.polluted.ndim == 2 else self.polluted
        return Bounded(self.value[index], self.bound[index], polluted)

    def columns(self, index: Any) -> Bounded:
        """The same channels in another order, or some of them."""
        return Bounded(self.value[..., index], self.bound[..., index], self.polluted[..., index])


@dataclass(frozen=True, eq=False)
class ExpectedState:
    """Expected running statistics, (C,) each, and the exact number of batches; all None without tracking."""

    mean: Bounded | None
    var: Bounded | None
    batches: int | None


@dataclass(frozen=True, eq=False)
class ExpectedStep:
    """All that a step is expected to give: ``y, grad_x: (m, C)``, ``grad_weight, grad_bias: (C,)``, and the state after it."""

    y: Bounded
    x_hat: RunningError
    state: ExpectedState
    grad_x: Bounded
    grad_weight: Bounded
    grad_bias: Bounded


@dataclass(frozen=True, eq=False)
class Statistics:
    """The batch's own statistics with their errors: mean, biased and unbiased variance, (C,) each."""

    mean: RunningError
    biased: RunningError
    unbiased: RunningError


def rounding_in(working: Format, pair: Pair) -> Rounding:
    """The rounding of a computation in ``working``, judged in the carrier that the pair needs."""
    rounding = Rounding.working_in(working, pair.compute, DoubleDouble if pair.input == "float64" else FORMATS["float64"])
    # what is computed in a half format on purpose overflows there; else only what is stored does
    return replace(rounding, largest=working.largest) if pair.working else rounding


def lift(pair: Pair, array: npt.ArrayLike) -> RunningError:
    """A given array or number, known exactly, in the number type that judges this pair."""
    exact = np.asarray(array).astype(np.float64)
    return RunningError.exactly(DoubleDouble(exact) if pair.input == "float64" else exact, rounding_in(pair.elementwise, pair))


def channelwise(pair: Pair, number: RunningError) -> RunningError:
    """A number with one value a channel, to be computed with in the format that stores such numbers."""
    return number.computed_in(rounding_in(pair.channelwise, pair))


def constant(pair: Pair, number: float) -> RunningError:
    """A hyperparameter, which an implementation rounds to the format of the statistics that it meets."""
    return RunningError.rounded(lift(pair, number).value, rounding_in(pair.channelwise, pair))


def statistics(case: Case, rules: Any = spec) -> Statistics:
    """Mean and variance of the batch, as an implementation that keeps them in the parameter dtype may have them.

    ``rules`` is the specification, or one with a slip in it (``diagnosis``); so it is wherever it appears in this file.
    """
    kept = format_of(case.precision.parameter_dtype)
    x = lift(case.precision, to_matrix(case.x))
    mean = by_any_update(rules.mini_batch_mean(x), x).stored(kept)
    # keeping the sum of squares rounds it relative to itself, as its quotient by m is rounded
    variance = rules.biased_variance(x, mean)
    overflows = case.rows * (magnitude(variance.value) + variance.error) >= case.precision.sums.largest
    biased = channelwise(case.precision, variance.stored(case.precision.sums).unbounded_where(overflows))
    unbiased = rules.unbiased_variance(biased, case.rows) if case.rows > 1 else biased
    return Statistics(mean, biased, unbiased)


def by_any_update(mean: RunningError, x: RunningError) -> RunningError:
    """The mean with an error that covers means which are updated or merged, and never were a sum.

    Welford (1962) goes row by row, Chan, Golub & LeVeque (1983) merge halves: ``mean + (other - mean) * (r / m)`` for r more
    rows. In units of u / m, with the magnitudes summed over the rows, a merge of l and r <= l rows adds 3 on the difference
    (itself, the weight, the product) and 1 on the result: ``1 + 3 r / l`` for each of the l rows and 4 for each of the r.
    Row by row this makes ``m - 1 + 3 (1 + 1/2 + ... + 1/(m - 1))`` for the first row, which has the most; halves make less.
    Each of the m - 1 products may lose its end to underflow.
    """
    m = x.shape[0]
    merges = m - 1 + 3.0 * float((1.0 / np.arange(1, max(m, 1))).sum())
    updated = merges * mean.rounding.unit_roundoff * magnitude(x.value).sum(axis=0) / max(m, 1) + m * mean.rounding.underflow
    return RunningError(mean.value, np.maximum(mean.error, updated), mean.rounding)


def parameters(case: Case) -> tuple[RunningError, RunningError]:
    """gamma and beta, one and zero without affine parameters."""
    gamma = np.ones(case.channels) if case.weight is None else case.weight
    beta = np.zeros(case.channels) if case.bias is None else case.bias
    return lift(case.precision, gamma), lift(case.precision, beta)


@lru_cache(maxsize=512)
def expect_training(case: Case, rules: Any = spec) -> ExpectedStep:
    """What a step in training gives: Algorithm 1 with the batch's statistics, the running update, and section 3's gradients."""
    with np.errstate(all="ignore"):
        batch = statistics(case, rules)
        return _step(case, batch.mean, batch.biased, updated_state(case, batch, rules), True, rules)


@lru_cache(maxsize=512)
def expect_inference(case: Case, rules: Any = spec) -> ExpectedStep:
    """What a step in eval gives: Algorithm 2 with the running statistics, or with the batch's own where none are tracked."""
    with np.errstate(all="ignore"):
        if not case.tracks:
            batch = statistics(case, rules)
            return _step(case, batch.mean, batch.biased, ExpectedState(None, None, None), True, rules)
        mean, var = lift(case.precision, case.running_mean), lift(case.precision, case.running_var)  # type: ignore[arg-type]
        unchanged = ExpectedState(bounded(mean, ~_finite(mean)), bounded(var, ~_finite(var)), case.batches)
        return _step(case, mean, var, unchanged, False, rules)


def _step(
    case: Case, mean: RunningError, var: RunningError, state: ExpectedState, through_statistics: bool, rules: Any
) -> ExpectedStep:
    gradients = rules.training_gradients if through_statistics else rules.inference_gradients
    inputs, kept = format_of(case.precision.input_dtype), format_of(case.precision.parameter_dtype)
    x, dy = lift(case.precision, to_matrix(case.x)), lift(case.precision, to_matrix(case.grad_y))
    gamma, beta = parameters(case)
    root = rules.deviation(channelwise(case.precision, var), constant(case.precision, case.eps))
    inverse = root.largest_inverse()
    # a product may be made before the division by sigma, which then enlarges what it lost to underflow
    x, dy = (number.computed_in(number.rounding.before_factor(inverse)) for number in (x, dy))
    sigma = root.stored_as_inverse(kept).computed_in(x.rounding)
    x_hat = rules.normalize(x, mean, sigma)
    # the folded form x * a + (beta - mu * a), a = gamma / sigma, may overflow where the form that subtracts first does not
    folds = (magnitude(x.value) + magnitude(mean.value)) * magnitude(gamma.value) * inverse > x.rounding.largest
    y = rules.scale_and_shift(x_hat, gamma, beta).unbounded_where(folds).stored(inputs)
    grads = gradients(dy, x, mean, sigma, gamma)

    element = ~(np.isfinite(to_matrix(case.x).astype(np.float64)))
    channel = element.any(axis=0) | ~_finite(mean) | ~_finite(var)
    reached = np.broadcast_to(channel, element.shape) if through_statistics else element | ~_finite(mean) | ~_finite(var)
    return ExpectedStep(
        y=bounded(y, reached),
        x_hat=x_hat,
        state=state,
        grad_x=bounded(grads.x.stored(inputs), reached if through_statistics else np.zeros_like(element) | ~_finite(var)),
        # sum(dy (x - mu)) is one number a channel: it may be kept before it is divided by sigma
        grad_weight=bounded(grads.gamma.stored(kept, inverse).stored(kept), channel),
        grad_bias=bounded(grads.beta.stored(kept), np.zeros_like(channel)),
    )


def updated_state(case: Case, batch: Statistics, rules: Any) -> ExpectedState:
    """The running statistics after one more batch (torch's rule; unbiased variance)."""
    if not case.tracks:
        return ExpectedState(None, None, None)
    mean, var = lift(case.precision, case.running_mean), lift(case.precision, case.running_var)  # type: ignore[arg-type]
    return average(case, channelwise(case.precision, mean), channelwise(case.precision, var), batch, rules)[0]


def average(
    case: Case, mean: RunningError, var: RunningError, batch: Statistics, rules: Any = spec
) -> tuple[ExpectedState, RunningError, RunningError]:
    """One running update from given statistics, which may carry errors of their own (a sequence of batches)."""
    kept = format_of(case.precision.parameter_dtype)
    batches = case.batches + 1
    if case.momentum is None:
        one = constant(case.precision, 1.0)
        momentum = RunningError.rounded((one / batches).value, one.rounding)
    else:
        momentum = constant(case.precision, case.momentum)
    new_mean = rules.exponential_average(mean, channelwise(case.precision, batch.mean), momentum).stored(kept)
    new_var = rules.exponential_average(var, batch.unbiased, momentum).stored(kept)
    polluted = ~_finite(batch.mean) | ~_finite(mean)
    state = ExpectedState(bounded(new_mean, polluted), bounded(new_var, polluted | ~_finite(var)), batches)
    return state, new_mean, new_var


def expect_sequence(case: Case, batches: tuple[Array, ...]) -> ExpectedState:
    """The running statistics after several training batches: each update starts from what the last one may have left."""
    with np.errstate(all="ignore"):
        mean, var = lift(case.precision, case.running_mean), lift(case.precision, case.running_var)  # type: ignore[arg-type]
        state = ExpectedState(None, None, None)
        for batch in batches:
            seen = case.but(x=batch)
            state, mean, var = average(
                seen, channelwise(case.precision, mean), channelwise(case.precision, var), statistics(seen)
            )
            case = case.but(batches=case.batches + 1)
        return state


def _finite(number: RunningError) -> npt.NDArray[np.bool_]:
    """False where the value is NaN or infinite, which finite inputs never make: the strategies keep carriers in range."""
    value = number.value
    result: npt.NDArray[np.bool_] = np.isfinite(value.hi if isinstance(value, DoubleDouble) else value)
    return result


def bounded(number: RunningError, polluted: npt.NDArray[np.bool_]) -> Bounded:
    """Split a running error into what is expected and by how much it may be missed.

    ``polluted`` says where a NaN or an infinity of the input arrives; it counts where IEEE arithmetic leaves nothing finite.
    """
    return Bounded(number.value, np.where(np.isnan(number.error), np.inf, number.error), polluted & ~_finite(number))
