"""Slips of the normalization: which statistics it takes, over which values, and in which mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference import specification as spec
from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import format_of
from bn_reference.cases.case import Array, Case
from bn_reference.oracle.bounded import Bounded
from bn_reference.verification.generic import subnormal
from bn_reference.verification.rivals.gradients import in_short_form
from bn_reference.verification.rivals.hypothesis import STATE, Expect, Rival, Rules, of_case, of_rules, truth

__all__ = ["OF_THE_BATCH"]

UPDATED_FIRST = (
    "updated_before_use",
    "training normalizes with the running statistics, as the batch has updated them, where it should take the batch's own",
)
UNBIASED = "unbiased_normalization", "the batch is normalized with the unbiased variance"


def _unbiased_variance(x: Any, mu: Any) -> Any:
    return spec.unbiased_variance(spec.biased_variance(x, mu), x.shape[0])


def _derived_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    """Section 3's gradients where sigma^2 = sum (x - mu)^2 / (m - 1) + eps, as autograd derives them."""
    m = x.shape[0]
    dx_hat = dy * gamma
    dvar = -(dx_hat * (x - mu)).sum(axis=0) / (2 * sigma**3)
    dmu = -dx_hat.sum(axis=0) / sigma + dvar * (-2 * (x - mu)).sum(axis=0) / (m - 1)
    dx = dx_hat / sigma + dvar * 2 * (x - mu) / (m - 1) + dmu / m
    return spec.training_gradients(dy, x, mu, sigma, gamma)._replace(x=dx)


def _unbiased(**functions: Any) -> Rival:
    return of_rules(*UNBIASED, **{"biased_variance": _unbiased_variance, "unbiased_variance": lambda var, m: var, **functions})


# which statistics, in which mode


def _running_in_training(case: Case, training: bool, what: str) -> Bounded | None:
    return truth(case, training and (what in STATE or not case.tracks), what)


def _updated_first(momentum: Callable[[float | None], float | None], **kept: str) -> Expect:
    """Training with running statistics that the batch has moved already; what moves them once more is not said."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        if not (training and case.tracks):
            return truth(case, training, what)
        if what != "y":
            return None
        conventions = replace(case.conventions, training="running", **kept)
        return truth(case.but(conventions=conventions, momentum=momentum(case.momentum)), training, what)

    return expect


def _batch_in_eval(case: Case, training: bool, what: str) -> Bounded | None:
    return truth(case, training or what not in STATE, what)


def _nothing_tracked(case: Case) -> Case:
    """Mean 0 and variance 1 where no statistics are tracked."""
    if case.tracks:
        return case
    zeros = np.zeros(case.channels, case.pair.parameter_dtype)
    return case.but(running_mean=zeros, running_var=np.ones_like(zeros))


def _identity_without_tracking(case: Case, training: bool, what: str) -> Bounded | None:
    return truth(case if training or what in STATE else _nothing_tracked(case), training, what)


def _read_in_the_input_dtype(case: Case) -> Case:
    if case.running_mean is None or case.running_var is None:
        return case
    mean, var = (kept.astype(case.pair.input_dtype).astype(kept.dtype) for kept in (case.running_mean, case.running_var))
    return case.but(running_mean=mean, running_var=var)


# over which values


def _divided_by_samples(gradients: Any) -> Callable[[Case], Rules]:
    def rules(case: Case) -> Rules:
        samples = len(case.x)
        return Rules(
            mini_batch_mean=lambda x: x.sum(axis=0) / samples,
            biased_variance=lambda x, mu: ((x - mu) ** 2).sum(axis=0) / samples,
            training_gradients=gradients,
        )

    return rules


BY_SAMPLES = "sums_divided_by_samples", "mean and variance are sums over N L values, divided by the number of samples N"


def _carried(value: Any, change: Any) -> Any:
    """A carrier, rearranged."""
    return DoubleDouble(change(value.hi), change(value.lo)) if isinstance(value, DoubleDouble) else change(value)


def _apart(axis: int) -> Expect:
    """Statistics of their own for each sample (axis 0) or each position (axis 2): y and the gradient of x alone are said."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        if not training and case.tracks:
            return truth(case, training, what)
        if what not in ("y", "grad_x") or case.x.ndim != 3:
            return None
        samples, channels, length = case.x.shape
        groups = (samples, length)[axis // 2]

        def parted(batch: Array) -> Array:
            """(rows, C groups): the channels of one group after those of another."""
            ordered = batch if axis == 2 else batch.transpose(2, 1, 0)
            return np.ascontiguousarray(ordered.transpose(0, 2, 1)).reshape(len(ordered), groups * channels)

        def joined(matrix: Any) -> Any:
            """Back from (rows, groups C) to (m, C), sample by sample."""
            apart = matrix.reshape(-1, groups, channels)
            return (apart if axis == 2 else apart.transpose(1, 0, 2)).reshape(case.rows, channels)

        repeated = {
            name: None if getattr(case, name) is None else np.tile(getattr(case, name), groups)
            for name in ("weight", "bias", "running_mean", "running_var")
        }
        x, grad_y = parted(case.x), parted(case.grad_y)
        other = truth(case.but(x=x, grad_y=grad_y, layout="contiguous", grad_layout="contiguous", **repeated), training, what)
        assert other is not None
        polluted = joined(np.broadcast_to(other.polluted, other.bound.shape))
        return Bounded(_carried(other.value, joined), joined(other.bound), polluted)

    return expect


# what goes in


def _flushed(case: Case) -> Case:
    """Subnormal numbers taken for zero."""
    form = format_of(case.pair.input_dtype)
    smallest = form.underflow / form.unit_roundoff  # of the normal numbers
    x = np.where(np.abs(case.x.astype(np.float64)) < smallest, 0.0, case.x.astype(np.float64))
    return case.but(x=x.astype(case.x.dtype))


OF_THE_BATCH: tuple[Rival, ...] = (
    _unbiased(),
    _unbiased(training_gradients=_derived_gradients),
    Rival("running_statistics_in_training", "training normalizes with the running statistics", _running_in_training),
    *(
        Rival(*UPDATED_FIRST, _updated_first(momentum, running_variance=variance))
        for momentum in (lambda f: f, lambda f: 1.0 if f is None else f)
        for variance in ("unbiased", "biased")
    ),
    Rival("batch_statistics_in_eval", "eval normalizes with the statistics of the batch", _batch_in_eval),
    Rival(
        "identity_without_tracking",
        "eval without running statistics takes the mean for 0 and the variance for 1",
        _identity_without_tracking,
    ),
    of_rules(*BY_SAMPLES, rules=_divided_by_samples(spec.training_gradients)),
    of_rules(*BY_SAMPLES, rules=_divided_by_samples(in_short_form)),
    Rival("statistics_per_position", "each position has statistics of its own, over the samples", _apart(2)),
    Rival("statistics_per_sample", "each sample has statistics of its own, over its positions", _apart(0)),
    of_case(
        "running_statistics_read_in_the_input_dtype",
        "eval reads the running statistics rounded to the dtype of the input",
        _read_in_the_input_dtype,
        only=("y", "grad_x", "grad_weight", "grad_bias"),
    ),
    replace(
        of_case("subnormals_flushed", "subnormal numbers in x are taken for zero", _flushed),
        shows=lambda case: (subnormal(case),),
    ),
)
