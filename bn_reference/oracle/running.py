"""Running statistics: what one more batch makes of them, and what an evaluation takes of them, by the case's conventions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bn_reference import specification as spec
from bn_reference.arithmetic.precision import Precision
from bn_reference.arithmetic.running_error import RunningError
from bn_reference.cases.case import Case
from bn_reference.oracle.bounded import Bounded, bounded, channelwise, constant, finite, lift, rounding_in

__all__ = [
    "ExpectedState",
    "Statistics",
    "average",
    "debiased",
    "is_moving",
    "moved",
    "running_statistics",
    "updated_state",
    "weight_of_new",
]


@dataclass(frozen=True, eq=False)
class ExpectedState:
    """Expected running statistics, (C,) each, and the exact number of batches; all None without tracking."""

    mean: Bounded | None
    var: Bounded | None
    batches: int | None


@dataclass(frozen=True, eq=False)
class Statistics:
    """The batch's own statistics with their errors: mean, biased and unbiased variance, (C,) each."""

    mean: RunningError
    biased: RunningError
    unbiased: RunningError


def running_statistics(case: Case) -> tuple[RunningError, RunningError]:
    """The running statistics as given."""
    assert case.running_mean is not None
    assert case.running_var is not None
    return lift(case.precision, case.running_mean), lift(case.precision, case.running_var)


def _seen_weight(case: Case) -> RunningError:
    """What the batches so far weigh together in an average that began with zero: 1 - (1 - f)^k after k batches."""
    assert case.momentum is not None
    old = 1 - constant(case.precision, case.momentum)
    return 1 - old**case.batches if case.batches else old - old


def debiased(case: Case, rules: Any, mean: RunningError, var: RunningError) -> tuple[RunningError, RunningError]:
    """The running statistics as an evaluation takes them (Kingma & Ba 2015, section 3: divided by what they weigh)."""
    if case.conventions.first_batches != "debiased_in_eval" or case.momentum is None:
        return mean, var
    if case.batches == 0 or case.momentum == 0.0:  # nothing was seen: 0 / 0, of which nothing is promised
        nothing = np.ones(case.channels, dtype=bool)
        return mean.unbounded_where(nothing), var.unbounded_where(nothing)
    weight = _seen_weight(case)
    return mean / weight, var / weight


def is_moving(case: Case) -> bool:
    """Whether training normalizes with running statistics."""
    return case.tracks and case.conventions.training == "running"


def moved(case: Case, batch: Statistics, rules: Any) -> tuple[RunningError, RunningError]:
    """The running statistics after one more batch, kept or about to be: what normalizes it where training is moving."""
    mean, var = running_statistics(case)
    return average(case, channelwise(case.precision, mean), channelwise(case.precision, var), batch, rules)[1:]


def updated_state(case: Case, batch: Statistics, rules: Any) -> ExpectedState:
    """The running statistics after one more batch."""
    if not case.tracks:
        return ExpectedState(None, None, None)
    mean, var = running_statistics(case)
    return average(case, channelwise(case.precision, mean), channelwise(case.precision, var), batch, rules)[0]


def average(
    case: Case, mean: RunningError, var: RunningError, batch: Statistics, rules: Any = spec
) -> tuple[ExpectedState, RunningError, RunningError]:
    """One running update from given statistics, which may carry errors of their own (a sequence of batches)."""
    precision, kept = case.precision, case.precision.statistics_format
    estimate = batch.unbiased if case.conventions.running_variance == "unbiased" else batch.biased
    new_mean = _averaged(case, mean, channelwise(precision, batch.mean), rules).stored(kept)
    new_var = _averaged(case, var, estimate, rules).stored(kept)
    polluted = ~finite(batch.mean) | ~finite(mean)
    state = ExpectedState(bounded(new_mean, polluted), bounded(new_var, polluted | ~finite(var)), case.batches + 1)
    return state, new_mean, new_var


def _averaged(case: Case, running: RunningError, new: RunningError, rules: Any) -> RunningError:
    """A running statistic after one more batch, by the case's convention of how an average begins."""
    begins, momentum = case.conventions.first_batches, _momentum(case)
    if begins == "copied" and case.batches == 0:
        return new
    if begins == "debiased" and case.momentum is not None:  # the average that is kept is the one that began with zero
        hidden = running * _seen_weight(case)
        total: RunningError = rules.exponential_average(hidden, new, momentum) / _seen_weight(_after(case))
        return total
    averaged: RunningError = rules.exponential_average(running, new, momentum)
    return averaged


def _momentum(case: Case) -> RunningError:
    """The weight of the new value in an exponential average, or in the cumulative one."""
    precision = case.precision
    if case.momentum is not None:
        return _in_fewer_digits(precision, constant(precision, case.momentum))
    one = constant(precision, 1.0)
    return _in_fewer_digits(precision, RunningError.rounded((one / (case.batches + 1)).value, one.rounding))


def _after(case: Case) -> Case:
    return case.but(batches=case.batches + 1)


def weight_of_new(case: Case) -> RunningError:
    """What the batch weighs in the running statistics after it."""
    begins = case.conventions.first_batches
    if begins == "copied" and case.batches == 0:
        return lift(case.precision, 1.0)
    weight = _momentum(case)
    return weight / _seen_weight(_after(case)) if begins == "debiased" and case.momentum is not None else weight


def _in_fewer_digits(precision: Precision, momentum: RunningError) -> RunningError:
    """A weight whose products are rounded to the format of the statistics, where that has fewer digits than the others.

    ``momentum * running`` has the dtype of the statistic wherever a Python number takes that of what it meets (numpy, jax).
    """
    kept = precision.statistics_format
    if precision.statistics is None or kept.unit_roundoff <= precision.channelwise.unit_roundoff:
        return momentum
    return momentum.computed_in(rounding_in(kept, precision))
