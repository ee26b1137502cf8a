"""The known deviations of torch on the CPU, and everywhere."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import HALVES, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import FOLDS
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import transform
from bn_reference.properties.deviation import GAPS, Deviation, by_model, in_order
from bn_reference.properties.gradients import an_evaluation_gradient_survives_later_training, grads_within
from bn_reference.properties.mechanics import BEYOND_THE_FIRST
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial, contiguous

__all__ = ["IN_ORDER", "LAYS_X_OUT", "OF_TORCH"]

IN_ORDER = ("contiguous", "offset")
LAYS_X_OUT = ("every_layout_agrees_with_the_contiguous_one", "strided_upstream_gradients_agree")
READ = (  # rules of other families that read gradients
    "every_layout_agrees_with_the_contiguous_one",
    "no_channel_changes_a_bit_of_another",
    "repeated_training_gives_the_same_bits",
    "what_came_out_stays_as_it_was",
)


# half precision where x or dy is not contiguous


def _lies_strided(property: Property, case: Case) -> bool:
    return case.pair.input in HALVES and _lays_out(property, case)


def _lays_out(property: Property, case: Case) -> bool:
    """Whether x or dy lies otherwise than in order."""
    return case.layout not in IN_ORDER or case.grad_layout not in IN_ORDER or property.name in LAYS_X_OUT


def _strided_witness(pair: Pair) -> Case:
    """Three sliced rows in which dx is the small difference of large terms, and the sum of dy needs more than a half
    format's digits."""
    x = np.array([[1.0, 0.5], [2.0, 3.0], [4.0, 7.0]], pair.input_dtype)
    grad_y = np.array([[1.0, 0.75], [1.0078125, -0.3125], [1.015625, 1.5078125]], pair.input_dtype)
    ones, zeros = np.array([1.0, 1.5], pair.parameter_dtype), np.array([0.1, -0.7], pair.parameter_dtype)
    return Case(pair, x, grad_y, ones, zeros, zeros, ones, layout="sliced", grad_layout="sliced")


# half precision where torch composes what it gives


def _far_from_zero_witness(pair: Pair) -> Case:
    """Three rows whose mean a half format rounds by more than they are apart."""
    x = np.array([[256.0], [257.0], [260.0]], pair.input_dtype)
    grad_y = np.array([[1.0], [0.75], [-1.5]], pair.input_dtype)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, grad_y, one, zero, zero, one)


# gradients where parameters and running statistics lie with gaps


def _one_position_with_gaps(property: Property, case: Case) -> bool:
    """(N, C), and (N, C, 1), which torch goes back through alike."""
    return GAPS in case.circumstances and case.rows == len(case.x) and (case.affine or case.tracks)


def _spread_witness(pair: Pair) -> Case:
    """Three rows of two channels, whose weights are not their variances."""
    x = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], pair.input_dtype)
    weight, zeros = np.array([2.0, 3.0], pair.parameter_dtype), np.zeros(2, pair.parameter_dtype)
    return Case(pair, x, x[::-1].copy(), weight, zeros, zeros, weight * weight, circumstances=(GAPS,))


# upstream gradients that lie otherwise than x, where all positions stand in one row or column


def _is_folded(property: Property, case: Case) -> bool:
    folded = any(word in FOLDS for word in case.circumstances) and case.x.ndim == 3 and case.x.shape[2] > 1
    return folded and case.channels > 1 and _lays_out(property, case)


def _unfolded(case: Case) -> Case:
    return case.but(circumstances=tuple(word for word in case.circumstances if word not in FOLDS))


def _folded_witness(pair: Pair) -> Case:
    """Two samples (2, 2, 2, 1), of whose upstream gradient the second channel has the larger sum; x lies channels last."""
    x = np.array([[[0.0, 1.0], [0.0, 2.0]], [[3.0, 1.0], [-1.0, 1.0]]], pair.input_dtype)
    grad_y = np.array([[[1.0, 2.0], [3.0, 5.0]], [[1.0, -1.0], [2.0, 4.0]]], pair.input_dtype)
    zeros, ones = np.zeros(2, pair.parameter_dtype), np.ones(2, pair.parameter_dtype)
    return Case(pair, x, grad_y, ones, zeros, zeros, ones, layout="channels last", circumstances=("column",))


# the backward pass of an evaluation after later training


def _is_stale_evaluation(property: Property, pair: Pair) -> bool:
    return property.body is an_evaluation_gradient_survives_later_training


def _with_the_later_statistics(property: Property, trial: Trial) -> Comparison:
    case = trial.case
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


# sums of squares in float16


def _sums_witness(pair: Pair) -> Case:
    """The reduced input of the report: 64 rows, the sum of whose squares is beyond float16 and their mean is not."""
    x = np.resize(np.array([60.0, -60.0], pair.input_dtype), (64, 1))
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.linspace(-1.0, 1.5, 64).astype(pair.input_dtype)[:, None], one, zero, zero, one)


OF_TORCH: tuple[Deviation, ...] = (
    Deviation(
        name="half precision, strided",
        reason="where x or dy is strided, torch rounds each elementwise step and the sum of dy to the half format of the input",
        link="https://github.com/pytorch/pytorch/pull/147353",
        concerns=lambda property, pair: pair.input in HALVES,
        region=_lies_strided,
        witness=_strided_witness,
        as_torch=by_model,
        model=lambda case: {"working": case.pair.input},
        shown_by="strided_upstream_gradients_agree",
        shown_in=lambda pair: pair.parameters == "float32",  # in half precision the parameters hide the extra rounding
    ),
    Deviation(
        name="half precision, composed",
        reason="torch composes second and forward-mode derivatives, and what it vectorizes, of steps that round to the half "
        "format of the input, and rounds the mean to it",
        link="https://github.com/pytorch/pytorch/blob/main/torch/csrc/autograd/FunctionsManual.cpp",
        concerns=lambda property, pair: pair.input in HALVES and property.name in BEYOND_THE_FIRST,
        region=lambda property, case: True,
        witness=_far_from_zero_witness,
        as_torch=by_model,
        model=lambda case: {"working": case.pair.input},
        device=None,
        shown_by="second_derivatives_of_a_training_step",
        shown_in=lambda pair: pair.parameters == "float32",
    ),
    Deviation(
        name="float16 sums of squares",
        reason="torch keeps the sum of squared differences in float16, where it overflows above 65504",
        link="https://github.com/pytorch/pytorch/pull/126525",
        concerns=lambda property, pair: pair.input == "float16",
        region=lambda property, case: True,  # a property's own cases may be without parameters, and then in float16 throughout
        witness=_sums_witness,
        as_torch=by_model,
        model=lambda case: {"narrow_sums": True},
        gone_in=(2, 6),
        shown_by="one_step_moves_the_running_variance",
        shown_in=lambda pair: pair.parameters == "float16",  # others keep sums of squares in float32
    ),
    Deviation(
        name="stale evaluation gradient",
        reason="going back through eval after later training, torch uses the statistics of then, not those that eval used",
        link="https://github.com/pytorch/pytorch/issues/13402",
        concerns=_is_stale_evaluation,
        region=lambda property, case: case.tracks,
        witness=_stale_witness,
        as_torch=_with_the_later_statistics,
        device=None,
        shown_by="an_evaluation_gradient_survives_later_training",
    ),
    Deviation(
        name="gradients of freed memory",
        reason="going back through (N, C), torch reads weight and statistics that lie with gaps from a copy that it has freed",
        link="https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/cpu/batch_norm_kernel.cpp",
        concerns=lambda property, pair: pair.input not in HALVES and (property.family == "gradients" or property.name in READ),
        region=_one_position_with_gaps,
        witness=_spread_witness,
        as_torch=by_model,
        instead=in_order,  # with gaps, torch reads memory that is freed already, and nothing is so or not so
        quantities="grad_",  # no rule shows it for certain: what was freed may be there still
    ),
    Deviation(
        name="upstream gradient in another order",
        reason="going back through (N, C, L, 1) or (N, C, 1, L), torch misreads a dy that lies otherwise than x",
        link="https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/Normalization.cpp",
        concerns=lambda property, pair: property.family == "gradients" or property.name in READ,
        region=_is_folded,
        witness=_folded_witness,
        as_torch=by_model,
        instead=_unfolded,
        quantities="grad_",
        shown_by="training_gradient_of_the_bias",
    ),
)
