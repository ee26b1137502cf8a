"""Known deviations of torch from the rules: strict expected failures, each with a region, a reason, a link and a witness.

A deviation is not a tolerance: in its region an implementation keeps the rule, or does *what torch does there* within the
computed bound of that; anything else is a violation. The witness is replayed first, so that the day torch is mended is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.compare import Comparison
from bn_reference.layouts import place
from bn_reference.properties import transform
from bn_reference.properties.gradients import an_evaluation_gradient_survives_later_training, grads_within
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial, contiguous

__all__ = ["DEVIATIONS", "Deviation", "deviations_of"]

IN_ORDER = ("contiguous", "offset")
HALVES = ("float16", "bfloat16")
LAYS_X_OUT = ("every_layout_agrees_with_the_contiguous_one", "strided_upstream_gradients_agree")


@dataclass(frozen=True)
class Deviation:
    """Where torch is known to break a rule.

    Attributes:
        name: short, for reports.
        reason: what torch does instead, in one sentence.
        link: where it is documented or discussed.
        concerns: whether a property may meet it in this pair of dtypes.
        region: whether a case lies where it holds.
        as_torch: the property's comparison with what torch does there.
        witness: a case in the region that shows it.
    """

    name: str
    reason: str
    link: str
    concerns: Callable[[Property, Pair], bool]
    region: Callable[[Property, Case], bool]
    as_torch: Callable[[Property, Trial], Comparison]
    witness: Callable[[Pair], Case]


def deviations_of(property: Property, pair: Pair) -> tuple[Deviation, ...]:
    """The known deviations that a property may meet in this pair of dtypes."""
    return tuple(deviation for deviation in DEVIATIONS if deviation.concerns(property, pair))


# half precision where x or dy is not contiguous


def _lies_strided(property: Property, case: Case) -> bool:
    strided = case.layout not in IN_ORDER or case.grad_layout not in IN_ORDER
    return case.pair.input in HALVES and (strided or property.name in LAYS_X_OUT)


def _elementwise_in_half(property: Property, trial: Trial) -> Comparison:
    return property.body(trial.judged_in(trial.case.pair.input))


def _strided_witness(pair: Pair) -> Case:
    """Three sliced rows in which dx is the small difference of large terms, and the sum of dy needs more than a half
    format's digits."""
    x = np.array([[1.0, 0.5], [2.0, 3.0], [4.0, 7.0]], pair.input_dtype)
    grad_y = np.array([[1.0, 0.75], [1.0078125, -0.3125], [1.015625, 1.5078125]], pair.input_dtype)
    ones, zeros = np.array([1.0, 1.5], pair.parameter_dtype), np.array([0.1, -0.7], pair.parameter_dtype)
    return Case(pair, x, grad_y, ones, zeros, zeros, ones, layout="sliced", grad_layout="sliced")


# the backward pass of an evaluation after later training


def _is_stale_evaluation(property: Property, pair: Pair) -> bool:
    return property.body is an_evaluation_gradient_survives_later_training


def _with_the_later_statistics(property: Property, trial: Trial) -> Comparison:
    case = trial.case
    trial = trial.judged_in(case.pair.input) if _lies_strided(property, case) else trial
    session = trial.open()
    step = session.forward(place(case.x, case.layout), training=False)
    session.forward(contiguous(transform.another_batch(case)), training=True)
    later = transform.with_state(case, session.state())
    return grads_within(step.backward(place(case.grad_y, case.grad_layout)), trial.expected_evaluation(later), case)


def _stale_witness(pair: Pair) -> Case:
    """The reduced input of the report: a column 1, 2, 4."""
    x = np.array([[1.0], [2.0], [4.0]], pair.input_dtype)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.ones_like(x), one, zero, zero, one)


DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        name="half precision, strided",
        reason="where x or dy is strided, torch rounds each elementwise step and the sum of dy to the half format of the input",
        link="https://github.com/pytorch/pytorch/pull/147353",
        concerns=lambda property, pair: pair.input in HALVES,
        region=_lies_strided,
        as_torch=_elementwise_in_half,
        witness=_strided_witness,
    ),
    Deviation(
        name="stale evaluation gradient",
        reason="going back through eval after later training, torch uses the statistics of then, not those that eval used",
        link="https://github.com/pytorch/pytorch/issues/13402",
        concerns=_is_stale_evaluation,
        region=lambda property, case: case.tracks,
        as_torch=_with_the_later_statistics,
        witness=_stale_witness,
    ),
)
