"""The known deviations of other frameworks' batch norms; ``docs/findings.md`` follows each to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import HALVES, Pair, format_of
from bn_reference.cases.case import Array, Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.oracle.statistics import statistics
from bn_reference.properties import transform
from bn_reference.properties.contract import a_fresh_layer_starts_neutral, output_has_the_form_of_the_input
from bn_reference.properties.deviation import Deviation, by_model
from bn_reference.properties.evaluation import a_row_does_not_depend_on_its_companions
from bn_reference.properties.memory import the_input_is_never_modified
from bn_reference.properties.normalization import scaling_by_powers_of_two_changes_no_bit
from bn_reference.properties.registry import Property
from bn_reference.properties.running import form_of, same_count
from bn_reference.properties.trial import Trial, contiguous

__all__ = ["OF_FRAMEWORKS"]

SMALL = 8  # elements of the constants that onnxruntime shares
OF_JAX = ("equinox", "flax", "haiku", "keras")


def _case(pair: Pair, x: Any, **changes: Any) -> Case:
    """A batch on a layer as it was just made."""
    batch = np.array(x).astype(pair.input_dtype)
    ones, zeros = (np.full(batch.shape[1], value, pair.parameter_dtype) for value in (1, 0))
    return Case(pair, batch, batch[::-1].copy(), ones, zeros, zeros, ones).but(**changes)


def _always(property: Property, case: Case) -> bool:
    return True


def _trains(property: Property) -> bool:
    return "training" in property.modes


# a variance in one pass that may be negative


def _equal_values(pair: Pair) -> Case:
    """A channel of equal values whose squares are rounded, on a layer of keras' eps."""
    return _case(pair, [[333.3]] * 7, eps=1e-3, momentum=0.25)


# a hidden variance that begins with one


def _begins_with_one(property: Property, trial: Trial) -> Comparison:
    """Weight 1, bias 0, mean 0, and variance 1 though evaluations debias it."""
    case = trial.case
    weight, bias, state = trial.implementation.fresh(case)
    ones = np.ones(case.channels, case.pair.parameter_dtype)
    affine = (ones, ones - 1) if case.affine else (None, None)
    return all_of(
        same_bits("weight", weight, affine[0], Aspect.AS_CONSTRUCTED),
        same_bits("bias", bias, affine[1], Aspect.AS_CONSTRUCTED),
        same_bits("running_mean", state.mean, ones - 1, Aspect.AS_CONSTRUCTED),
        same_bits("running_var", state.var, ones, Aspect.AS_CONSTRUCTED),
        same_count(state.batches, 0),
    )


# rows whose last bits depend on how many there are


def _each_within(property: Property, trial: Trial) -> Comparison:
    """What each batch gives is right, if not bit for bit what another gives."""
    case, session = trial.case, trial.open()

    def given(x: Array) -> Comparison:
        part = case.but(x=x, grad_y=x, layout="contiguous", grad_layout="contiguous")
        return within("y", session.forward(contiguous(x), training=False).y, trial.expected_evaluation(part).y)

    return all_of(*map(given, (case.x, case.x[-1:], case.x[::-1].copy(), case.x[: 1 + len(case.x) // 2])))


def _unlike_rows(pair: Pair) -> Case:
    """Rows that XLA multiplies and adds in one rounding, or in two, by how many there are."""
    rng = np.random.default_rng(0)
    return _case(pair, rng.standard_normal((9, 5)) * 3, weight=rng.uniform(0.5, 2.0, 5).astype(pair.parameter_dtype))


# equal constants that are written to


def _shared(property: Property, case: Case) -> bool:
    """What is written to, mean and variance, equals what is read later, weight or bias; a rule may make a fresh state."""
    if case.channels > SMALL or case.running_mean is None or case.running_var is None:
        return False
    fresh = np.zeros_like(case.running_mean), np.ones_like(case.running_var)
    read = [vector for vector in (case.weight, case.bias) if vector is not None]
    written = (case.running_mean, case.running_var, *fresh)
    return any(np.array_equal(one, other) for one in read for other in written)


def _apart(case: Case) -> Case:
    """The case with a weight and a bias that equal no statistic, and no initial one."""
    steps = np.arange(case.channels)
    dtype = case.pair.parameter_dtype
    return case.but(weight=(1.625 + steps / 64).astype(dtype), bias=(-0.3125 - steps / 64).astype(dtype))


# the cube of a root that is beyond float16


def _cube_overflows(property: Property, case: Case) -> bool:
    """(var + eps)^-1.5, which the gradient of the root multiplies with, is beyond 65504 where the variance is small."""
    least = float(format_of(case.pair.input_dtype).largest) ** (-2 / 3)
    return case.pair.input == "float16" and bool((statistics(case).biased.size + case.eps < 2 * least).any())


def _with_variance(case: Case) -> Case:
    """The case with a batch whose values are apart."""
    steps = np.arange(case.x.size, dtype=np.float64).reshape(case.x.shape[0], -1).T.reshape(case.x.shape)
    return case.but(x=(steps % 7 - 3).astype(case.x.dtype), layout="contiguous")


# promotion with parameters that there are not


def _half_in_training(property: Property, trial: Trial) -> Comparison:
    """y has the dtype of x in training alone; its numbers are rounded to that."""
    if property.body is not output_has_the_form_of_the_input:
        return by_model(property, trial)
    case = trial.case
    promoted = (case.x.shape, case.precision.output_format.name)
    batch, steps = (case.x.shape, case.pair.input), (trial.train(), trial.evaluate())
    forms = [form_of("y", step.y, form) for step, form in zip(steps, (batch, promoted), strict=True)]
    return all_of(*forms, *(form_of("grad_x", step.grads.x, batch) for step in steps))


# what is fed is written to


def _x_alone(property: Property, trial: Trial) -> Comparison:
    """x is left alone, and of what else is handed over all but the running statistics."""
    compared = []
    for step in (trial.train(), trial.evaluate()):
        written = step.given_changed()
        compared += [
            fact(not step.input_changed(), Fact(Kind.WRITTEN, "x")),
            fact(written in ("", "mean", "var"), Fact(Kind.WRITTEN, written)),
        ]
    return all_of(*compared)


def _in_half(property: Property, pair: Pair) -> bool:
    return pair.input in HALVES


def _in_half_throughout(property: Property, trial: Trial) -> Comparison:
    """The rule by the model; of a scaled batch, whose sums may overflow where the batch's do not, that each is right by it."""
    if property.body is not scaling_by_powers_of_two_changes_no_bit:
        return by_model(property, trial)
    scaled, _ = transform.scaled(trial.case, trial.modelled(trial.case))
    return all_of(*(within("y", trial.train(case).y, trial.expected(case).y) for case in (trial.case, scaled)))


def _large_halves(pair: Pair) -> Case:
    """Numbers whose squares are beyond float16, and more than bfloat16 has digits for."""
    return _case(pair, [[300.0], [-300.0], [301.0], [-303.0]])


IN_HALF = Deviation(
    name="statistics in half precision",
    reason="mean and variance are computed in the half format of the input",
    link="https://github.com/ml-explore/mlx/issues/4228",
    concerns=_in_half,
    region=_always,
    witness=_large_halves,
    as_torch=_in_half_throughout,
    model=lambda case: {"working": case.pair.input, "narrow_sums": True, "narrow_totals": True},
    libraries=("mlx", "tinygrad", "onnx.reference"),
)
OF_FRAMEWORKS: tuple[Deviation, ...] = (
    Deviation(
        name="negative variance",
        reason="haiku, and keras on torch, take E[x^2] - E[x]^2 for the variance and do not keep it from being negative",
        link="https://github.com/keras-team/keras/pull/18795",
        concerns=lambda property, pair: True,
        region=lambda property, case: case.conventions.variance == "one_pass",
        witness=_equal_values,
        as_torch=by_model,
        model=lambda case: {"clamps": False},
        libraries=("haiku", "keras on torch"),
    ),
    Deviation(
        name="variance from one",
        reason="equinox begins with a hidden variance of one, and divides it by 1 - momentum^k in evaluations",
        link="https://github.com/patrick-kidger/equinox/pull/948",
        concerns=lambda property, pair: property.body is a_fresh_layer_starts_neutral,
        region=lambda property, case: case.tracks,
        witness=lambda pair: _case(pair, [[1.0], [2.0]]),
        as_torch=_begins_with_one,
        libraries=("equinox",),
    ),
    Deviation(
        name="rows by XLA",
        reason="XLA compiles each shape for itself, and a row's last bits depend on how many there are",
        link="https://github.com/jax-ml/jax/issues/26795",
        concerns=lambda property, pair: property.body is a_row_does_not_depend_on_its_companions,
        region=_always,
        witness=_unlike_rows,
        as_torch=_each_within,
        libraries=OF_JAX,
    ),
    Deviation(
        name="merged initializers",
        reason="onnxruntime merges equal constants, and writes the running statistics into what it still reads as scale or B",
        link="https://github.com/microsoft/onnxruntime/issues/29790",
        concerns=lambda property, pair: True,
        region=_shared,
        witness=lambda pair: _case(pair, [[1.0], [2.0], [6.0]], momentum=0.125),
        as_torch=by_model,
        instead=_apart,
        libraries=("onnxruntime, Y of initializers",),
    ),
    Deviation(
        name="cube of the root",
        reason="going back, mlx makes (var + eps)^-1.5 in float16, where it overflows for a small variance, and gives NaN",
        link="https://github.com/ml-explore/mlx/blob/main/python/mlx/nn/layers/normalization.py",
        concerns=lambda property, pair: pair.input == "float16" and property.family == "gradients" and _trains(property),
        region=_cube_overflows,
        witness=lambda pair: _case(pair, [[1.0], [1.0], [1.0]], grad_y=np.array([[1], [2], [6]], pair.input_dtype)),
        as_torch=by_model,
        instead=_with_variance,
        libraries=("mlx",),
    ),
    Deviation(
        name="unpromoted without weights",
        reason="without weight and bias mlx puts out the half format of its input in training, and float32 in eval",
        link="https://github.com/ml-explore/mlx/blob/main/python/mlx/nn/layers/normalization.py",
        concerns=lambda property, pair: pair.input in HALVES and pair.parameters == "float32" and _trains(property),
        region=lambda property, case: not case.affine,
        witness=lambda pair: _case(pair, [[1.0], [2.0], [6.0]], weight=None, bias=None),
        as_torch=_half_in_training,
        model=lambda case: {"outputs": None},
        libraries=("mlx",),
    ),
    Deviation(
        name="fed statistics",
        reason="onnxruntime writes the new running statistics into the arrays that it is fed, where Y alone is an output",
        link="https://github.com/microsoft/onnxruntime/pull/29878",
        concerns=lambda property, pair: property.body is the_input_is_never_modified,
        region=lambda property, case: case.tracks,
        witness=lambda pair: _case(pair, [[1.0], [2.0], [6.0]], momentum=0.125),
        as_torch=_x_alone,
        libraries=("onnxruntime, Y of inputs",),
    ),
    IN_HALF,
    replace(IN_HALF, link="https://github.com/google-deepmind/dm-haiku/issues/396", libraries=("haiku",)),
)
