"""Contract: what a layer owes its caller beside the numbers."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Case, State
from bn_reference.cases.circumstances import RESET
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.running import form_of, same_count, same_state
from bn_reference.properties.trial import Trial, asked, contiguous

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES, "training", "eval")


@prop(source=TORCH_DOCS)
def output_has_the_form_of_the_input(trial: Trial) -> Comparison:
    """y and dx have shape, dtype and device of x; dgamma and dbeta those of the parameters."""
    case = trial.case
    batch, vector = (case.x.shape, case.pair.input), ((case.channels,), case.pair.parameters)
    output = case.x.shape, case.precision.output_format.name
    compared = []
    for observed in (trial.train(), trial.evaluate()):
        compared += [form_of("y", observed.y, output), form_of("grad_x", observed.grads.x, batch)]
        if case.affine:
            compared += [
                form_of("grad_weight", observed.grads.weight, vector),
                form_of("grad_bias", observed.grads.bias, vector),
            ]
        here, there = observed.device, trial.implementation.device
        on_it = here.split(":")[0] == there.split(":")[0]
        compared.append(fact(on_it, Fact(Kind.DEVICE, "y", here, there)))
    return all_of(*compared)


@prop(source="github.com/pytorch/pytorch/issues/63224: a permuted input gave permuted numbers")
def every_layout_agrees_with_the_contiguous_one(trial: Trial) -> Comparison:
    """However x lies in memory, y, dx and the running statistics are those of a contiguous x, within the bound."""
    case, expected = trial.case, trial.expected()
    compared = []
    for x, grad_y in transform.laid_out(case):
        session = trial.lend()
        step = session.forward(x, training=True)
        compared += [
            within("y", step.y, expected.y),
            within("grad_x", step.backward(grad_y).x, expected.grad_x),
            *transform.state_within(session.state(), expected.state),
        ]
    return all_of(*compared)


@prop(source="github.com/pytorch/pytorch/pull/13263: a race gave other numbers in each run")
def repeated_training_gives_the_same_bits(trial: Trial) -> Comparison:
    """The same step from the same state gives the same bits: output, gradients, running statistics."""
    case = transform.recorded(trial.case)
    first, session = trial.train(case), trial.open(case)
    step = session.forward(place(case.x, case.layout), training=True)
    state, grads = session.state(), step.backward(place(case.grad_y, case.grad_layout))
    return all_of(
        same_bits("y", step.y, first.y, Aspect.REPEATED),
        same_bits("running_mean", state.mean, first.state.mean, Aspect.REPEATED),
        same_bits("running_var", state.var, first.state.var, Aspect.REPEATED),
        same_bits("grad_x", grads.x, first.grads.x, Aspect.REPEATED),
        same_bits("grad_weight", grads.weight, first.grads.weight, Aspect.REPEATED),
        same_bits("grad_bias", grads.bias, first.grads.bias, Aspect.REPEATED),
    )


@prop(source=TORCH_DOCS)
def a_fresh_layer_starts_neutral(trial: Trial) -> Comparison:
    """A new layer has weight 1, bias 0, running mean 0, running variance 1, or 0 by another convention, and has seen no batch;
    None where it has none. One whose running statistics are reset has those of a new one.

    What an evaluation divides by 1 - (1 - f)^k after k batches begins with 0, the variance too: from v, it gives var(x) +
    (1 - f) / f v after one batch.
    """
    case = trial.case
    trial.require(case.affine or case.tracks)
    weight, bias, state = trial.implementation.fresh(case)
    zeros = np.zeros(case.channels, case.pair.parameter_dtype)
    affine = (np.ones_like(zeros), zeros) if case.affine else (None, None)
    statistics = []
    if (variance := _begun_variance(case)) is not None:
        begun = zeros.astype(DTYPES[case.precision.statistics_format.name])
        tracked = (begun, begun + begun.dtype.type(variance)) if case.tracks else (None, None)
        statistics = [
            same_bits("running_mean", state.mean, tracked[0], Aspect.AS_CONSTRUCTED),
            same_bits("running_var", state.var, tracked[1], Aspect.AS_CONSTRUCTED),
        ]
    return all_of(
        same_bits("weight", weight, affine[0], Aspect.AS_CONSTRUCTED),
        same_bits("bias", bias, affine[1], Aspect.AS_CONSTRUCTED),
        *statistics,
        same_count(state.batches, 0 if case.tracks else None),
        *([asked(lambda: _as_reset(trial, state), "running_mean")] if case.tracks else []),
    )


def _as_reset(trial: Trial, new: State) -> Comparison:
    """What reset_running_stats() leaves is what a new layer has."""
    case = trial.case.fresh
    state = trial.open(case).undergo(RESET, case).state()
    return all_of(
        same_bits("running_mean", state.mean, new.mean, Aspect.AFTER_A_RESET),
        same_bits("running_var", state.var, new.var, Aspect.AFTER_A_RESET),
        same_count(state.batches, new.batches),
    )


def _begun_variance(case: Case) -> int | None:
    """The variance that a new layer's average begins with; None where nothing that it begins with is ever read."""
    begins, momentum = case.conventions.first_batches, case.momentum
    if begins == "prior":
        return 1 if case.conventions.initial_variance == "one" else 0
    return 0 if begins == "debiased_in_eval" and momentum is not None and 0.0 < momentum < 1.0 else None


@prop(source="docs of torch.nn.BatchNorm1d; github.com/pytorch/pytorch/issues/1381: NaN in the statistics for ever")
def bad_input_is_refused(trial: Trial) -> Comparison:
    """Twice the channels raise. One value per channel in training raises, or gives what the convention says; an empty batch
    that is taken, and what is refused, leave the running statistics as they were.

    (A layer without parameters and statistics has nothing of C elements, and torch's then takes any number of channels.)
    """
    case = trial.case
    trial.require(case.tracks and case.channels > 1)
    trial.train()  # whoever refuses everything refuses nothing for being bad
    wide, empty = trial.open(), trial.open()
    twice = np.concatenate([case.x, case.x], axis=1)
    refused = trial.refuses(lambda: wide.forward(contiguous(twice), training=True))
    trial.refuses(lambda: empty.forward(contiguous(case.x[:0]), training=True))
    harmless = case.conventions.empty_batch == "harmless"
    return all_of(
        fact(refused, Fact(Kind.ACCEPTED, "x", twice.shape, case.channels)),
        _of_one_value(trial),
        *([_left(empty.state(), case, "no value", Aspect.AFTER_NO_ROW)] if harmless else []),
    )


def _of_one_value(trial: Trial) -> Comparison:
    """What a training step of one value a channel gives, by the convention."""
    case, convention = trial.case, trial.case.conventions.single_value
    one = np.ones((1, *case.x.shape[1:2], *(1 for _ in case.x.shape[2:])), case.x.dtype)
    single = case.but(x=one, grad_y=one, layout="contiguous", grad_layout="contiguous")
    session = trial.open(single)
    if convention == "undefined":
        return fact(True, Fact(Kind.NOT_REFUSED, "x"))
    if convention == "refused":
        refused = trial.refuses(lambda: session.forward(contiguous(one), training=True))
        left = _left(session.state(), single, "one value", Aspect.AFTER_A_REFUSAL)
        return left if refused or left.fact else fact(False, Fact(Kind.NOT_REFUSED, "x"))
    y = session.forward(contiguous(one), training=True).y
    given = same_bits("y", y, one.astype(y.dtype), Aspect.OF_ONE_VALUE)
    value = given if convention == "input" else within("y", y, trial.expected(single).y, Aspect.OF_ONE_VALUE)
    return all_of(value, fact(_is_finite(session.state()), Fact(Kind.NOT_FINITE, "running_var", "one value")))


def _left(state: State, case: Case, values: str, aspect: Aspect) -> Comparison:
    """The running statistics, which must be finite and those that the case began with."""
    if not _is_finite(state):
        return fact(False, Fact(Kind.NOT_FINITE, "running_var", values))
    return same_state(state, case, aspect)


def _is_finite(state: State) -> bool:
    known = [array for array in (state.mean, state.var) if isinstance(array, np.ndarray)]
    return all(bool(np.isfinite(array.astype(np.float64)).all()) for array in known)
