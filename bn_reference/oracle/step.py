"""The oracle: what batch normalization gives for a case, and how far an honest implementation may be from it.

The specification is run once over running errors. The values are carried in at least twice the digits of the working format
(float64 for computations in float32, double-double for float64), so the truth is known far below any rounding that is judged;
the carrier's own rounding is part of the bound.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.running_error import RunningError
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import to_matrix
from bn_reference.conventions import moving_gradients
from bn_reference.oracle.bounded import Bounded, bounded, channelwise, constant, finite, lift, parameters, rounding_in
from bn_reference.oracle.keeping import kept_by_case, of_a_step
from bn_reference.oracle.running import (
    ExpectedState,
    Statistics,
    average,
    debiased,
    is_moving,
    moved,
    running_statistics,
    updated_state,
    weight_of_new,
)
from bn_reference.oracle.statistics import followed, statistics

__all__ = [
    "ExpectedState",
    "ExpectedStep",
    "expect_inference",
    "expect_sequence",
    "expect_training",
]

Array = npt.NDArray[Any]


class ExpectedStep:
    """All that a step is expected to give: ``y, grad_x: (m, C)``, ``grad_weight, grad_bias: (C,)``, and the state after it.

    Each is computed when it is first asked for, for most properties ask for some of them.
    """

    def __init__(self, case: Case, rules: Any, batch: Statistics | None, training: bool) -> None:
        """``batch`` has the statistics that the step normalizes with, or moves those with; None for the running ones."""
        rules = followed(case, rules)
        self._case, self._rules, self._batch, self._training = case, rules, batch, training
        self._grad_y = case.grad_y
        precision = case.precision
        self._inputs, self._outputs, self._kept = precision.input_format, precision.output_format, precision.kept
        if batch is None:
            self._mean, self._var = debiased(case, rules, *running_statistics(case))
        elif training and is_moving(case):
            self._mean, self._var = moved(case, batch, rules)
        else:
            self._mean, self._var = batch.mean, batch.biased
        root = rules.deviation(channelwise(precision, self._var), constant(precision, case.eps))
        self._inverse = root.largest_inverse()
        # a product may be made before the division by sigma, which then enlarges what it lost to underflow
        self._x = self._before(self._inverse, case.x)
        self._sigma = root.stored_as_inverse(self._kept).computed_in(self._x.rounding)
        self._gamma, self._beta = parameters(case)
        self._polluted = ~finite(self._x)

    def going_back_from(self, grad_y: Array) -> ExpectedStep:
        """The same forward pass with another upstream gradient, of the shape of x."""
        step = copy(self)
        step._grad_y = grad_y
        for name in ("_gradients", "grad_x", "grad_weight", "grad_bias"):
            vars(step).pop(name, None)
        return step

    def _before(self, factor: Any, batch: Array) -> RunningError:
        """A batch whose products may be made before such factors (C,) are applied."""
        number = lift(self._case.precision, to_matrix(batch))
        return number.computed_in(number.rounding.before_factor(factor))

    @cached_property
    def _channel(self) -> npt.NDArray[np.bool_]:
        """Which channels a NaN or an infinity of the input reaches."""
        return self._polluted.any(axis=0) | ~finite(self._mean) | ~finite(self._var)

    @cached_property
    def _reached(self) -> npt.NDArray[np.bool_]:
        """Which elements it reaches: through the statistics, the whole channel."""
        if self._batch is not None:
            return np.broadcast_to(self._channel, self._polluted.shape)
        return self._polluted | ~finite(self._mean) | ~finite(self._var)

    @cached_property
    def x_hat(self) -> RunningError:
        with np.errstate(all="ignore"):
            normalized: RunningError = self._rules.normalize(self._x, self._mean, self._sigma)
            return normalized

    @cached_property
    def y(self) -> Bounded:
        with np.errstate(all="ignore"):
            # the folded form x * a + (beta - mu * a), a = gamma / sigma, may overflow where that which subtracts first does not
            folded = (self._x.size + self._mean.size) * self._gamma.size * self._inverse
            y = self._rules.scale_and_shift(self.x_hat, self._gamma, self._beta)
            return bounded(y.unbounded_where(folded > self._x.rounding.largest).stored(self._outputs), self._reached)

    @cached_property
    def state(self) -> ExpectedState:
        with np.errstate(all="ignore"):
            if self._training and self._batch is not None:
                return updated_state(self._case, self._batch, self._rules)
            if self._batch is not None:
                return ExpectedState(None, None, None)
            mean, var = running_statistics(self._case)
            return ExpectedState(bounded(mean, ~finite(mean)), bounded(var, ~finite(var)), self._case.batches)

    @cached_property
    def _gradients(self) -> Any:
        gradients = self._rules.inference_gradients if self._batch is None else self._rules.training_gradients
        if self._batch is not None and self._training and is_moving(self._case):
            gradients = partial(moving_gradients, **self._part_of(self._batch))
        with np.errstate(all="ignore"):
            # gamma and 1 / sigma come in either order: (dy / sigma) gamma enlarges by gamma what dy / sigma lost to underflow
            either = np.maximum(1.0, self._inverse) * np.maximum(1.0, self._gamma.size)
            return gradients(self._before(either, self._grad_y), self._x, self._mean, self._sigma, self._gamma)

    def _part_of(self, batch: Statistics) -> dict[str, Any]:
        """By what running statistics depend on the batch that moves them."""
        rows, unbiased = self._case.rows, self._case.conventions.running_variance == "unbiased"
        return {"mean": batch.mean, "weight": weight_of_new(self._case), "degrees": rows - (unbiased and rows > 1)}

    @cached_property
    def grad_x(self) -> Bounded:
        with np.errstate(all="ignore"):
            reached = np.zeros_like(self._polluted) | ~finite(self._var) if self._batch is None else self._reached
            number = self._gradients.x
            if self._batch is not None:
                number = RunningError(number.value, number.error + self._lost_by_the_variance(self._batch), number.rounding)
            return bounded(number.stored(self._inputs), reached)

    def _lost_by_the_variance(self, batch: Statistics) -> Any:
        """What an upstream gradient loses to underflow on its way through the variance of a batch, (m, C).

        The paper has 2 (x - mu) dvar / m, dvar = -sum(dx_hat (x - mu)) / (2 sigma^3). Who derives it step by step divides
        before: dsigma = -sum(dx_hat x_hat / sigma), whose m products lose u |x_hat| and u each (u: half the smallest number),
        dvar = dsigma / (2 sigma) loses u, and dvar / m another. So

            2 |x - mu| (m u (1 + mean|x_hat|) / (2 sigma m) + u / m + u)

        is lost where 2 (x - mu) comes last: many units of u where x lies wide. About the first row that is 2 (x - x_1), less
        2 (mu - x_1) by the mean. By its own statistics mean|x_hat| is at most 1, by running ones it may be more.
        """
        u, m = rounding_in(self._case.precision.elementwise, self._case.precision).underflow, max(self._case.rows, 1)
        centred = self._x - batch.mean
        lost = centred.size + centred.error + 2.0 * centred.size[:1]
        enlarged = np.maximum(1.0, (self.x_hat.size + self.x_hat.error).sum(axis=0) / m)
        lost *= 2.0
        lost *= u
        lost *= 1.0 + 1.0 / m + 0.5 * (1.0 + enlarged) * self._inverse
        return lost

    @cached_property
    def grad_weight(self) -> Bounded:
        with np.errstate(all="ignore"):
            # dy / sigma may be made first, and x - mu then enlarges what it lost to underflow
            terms, underflow = self._gradients.gamma, self._case.rows * self._x.rounding.underflow
            lost = underflow * (self._x.size.max(axis=0, initial=0.0) + self._mean.size)
            total = RunningError(terms.value, terms.error + lost, terms.rounding)
            # sum(dy (x - mu)) is one number a channel: it may be kept before it is divided by sigma
            return bounded(total.stored(self._kept, self._inverse).stored(self._kept), self._channel)

    @cached_property
    def grad_bias(self) -> Bounded:
        with np.errstate(all="ignore"):
            return bounded(self._gradients.beta.stored(self._kept), np.zeros_like(self._channel))


@kept_by_case(of_a_step)
def expect_training(case: Case, rules: Any = spec) -> ExpectedStep:
    """What a step in training gives: Algorithm 1 with the batch's statistics, the running update, and section 3's gradients."""
    with np.errstate(all="ignore"):
        return ExpectedStep(case, rules, statistics(case, rules), training=True)


@kept_by_case(of_a_step)
def expect_inference(case: Case, rules: Any = spec) -> ExpectedStep:
    """What a step in eval gives: Algorithm 2 with the running statistics, or with the batch's own where none are tracked."""
    with np.errstate(all="ignore"):
        return ExpectedStep(case, rules, None if case.tracks else statistics(case, rules), training=False)


def expect_sequence(case: Case, batches: tuple[Array, ...]) -> ExpectedState:
    """The running statistics after several training batches: each update starts from what the last one may have left."""
    with np.errstate(all="ignore"):
        mean, var = running_statistics(case)
        state = ExpectedState(None, None, None)
        for batch in batches:
            seen = case.but(x=batch)
            state, mean, var = average(
                seen, channelwise(case.precision, mean), channelwise(case.precision, var), statistics(seen)
            )
            case = case.but(batches=case.batches + 1)
        return state
