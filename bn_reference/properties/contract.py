"""Contract: what a layer owes its caller beside the numbers."""

from __future__ import annotations

from itertools import product

import numpy as np

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Case, State
from bn_reference.cases.facts import Fact, Kind, Unseen
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.cases.others import another_batch, beginning
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, unseen, within
from bn_reference.properties import transform
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.running import form_of, same_count, same_state
from bn_reference.properties.trial import Observation, Trial, asked, contiguous
from bn_reference.targets.protocol import Grads

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


@prop(source="github.com/flagos-ai/FlagGems/issues/6332: the input used as scratch memory")
def the_input_is_never_modified(trial: Trial) -> Comparison:
    """The memory of x holds the same bits after the forward and the backward pass, with and without tracking."""
    bare = trial.case.but(running_mean=None, running_var=None, batches=0)
    steps = (trial.train, trial.evaluate, lambda: trial.train(bare))
    return all_of(*(asked(lambda step=step: _untouched(step()), "x") for step in steps))  # type: ignore[misc]


def _untouched(observed: Observation) -> Comparison:
    assert observed.grads is not None  # the backward pass may write as well
    return fact(not observed.input_changed(), Fact(Kind.WRITTEN, "x"))


@prop(source="docs of torch.autograd.Function.backward: the gradients that are passed in may be another's too")
def the_upstream_gradient_is_never_modified(trial: Trial) -> Comparison:
    """The memory of dy holds the same bits after the backward pass, in training and in eval."""
    steps = (trial.train, trial.evaluate)
    return all_of(*(asked(lambda step=step: _left_alone(step()), "grad_y") for step in steps))  # type: ignore[misc]


def _left_alone(observed: Observation) -> Comparison:
    grad_x = observed.grads.x
    if isinstance(grad_x, Unseen):  # then nothing went back
        return unseen("grad_y", grad_x)
    return fact(not observed.upstream_changed(), Fact(Kind.WRITTEN, "grad_y"))


@prop(source="github.com/pytorch/pytorch/issues/63224: a permuted input gave permuted numbers")
def every_layout_agrees_with_the_contiguous_one(trial: Trial) -> Comparison:
    """However x lies in memory, y, dx and the running statistics are those of a contiguous x, within the bound."""
    case, expected = trial.case, trial.expected()
    compared = []
    for layout in LAYOUTS:
        session = trial.open()
        step = session.forward(place(case.x, layout), training=True)
        compared += [
            within("y", step.y, expected.y),
            within("grad_x", step.backward(place(case.grad_y, layout)).x, expected.grad_x),
            *transform.state_within(session.state(), expected.state),
        ]
    return all_of(*compared)


@prop(source="github.com/pytorch/pytorch/pull/13263: a race gave other numbers in each run")
def repeated_training_gives_the_same_bits(trial: Trial) -> Comparison:
    """The same step from the same state gives the same bits: output, gradients, running statistics."""
    case, first = trial.case, trial.train()
    session = trial.open()
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


@prop(source="NumPy's and torch's convention: what a function returns is its caller's")
def what_came_out_stays_as_it_was(trial: Trial) -> Comparison:
    """y and the gradients of a step hold the same bits after another step of the same layer on a batch of the same shape."""
    steps = product((True, False), (True, False))
    return all_of(*(asked(lambda step=step: _stays(trial, *step), "y") for step in steps))  # type: ignore[misc]


def _stays(trial: Trial, training: bool, record: bool) -> Comparison:
    """What came out of a step, gradients too where they are recorded, against the same memory after another step."""
    case, session = trial.case, trial.open()
    step = session.forward(place(case.x, case.layout), training=training, record=record)
    grads = step.backward(place(case.grad_y, case.grad_layout)) if record else Grads(None, None, None)
    other = session.forward(contiguous(another_batch(case, 1)), training=training, record=record)
    if record:
        other.backward(contiguous(another_batch(case, 2)))
    y, later = step.now()
    pairs = {
        "y": (y, step.y),
        "grad_x": (later.x, grads.x),
        "grad_weight": (later.weight, grads.weight),
        "grad_bias": (later.bias, grads.bias),
    }
    return all_of(*(same_bits(what, now, then, Aspect.LOOKED_AT_AGAIN) for what, (now, then) in pairs.items()))


@prop(source="github.com/HazyResearch/flash-fft-conv/issues/26: a library set the seed of whoever used it")
def a_step_leaves_its_surroundings(trial: Trial) -> Comparison:
    """Random states, default dtype, gradient mode and number of threads are after a step, forth and back, what they were."""
    steps = (True, False)
    return all_of(*(asked(lambda training=training: _as_before(trial, training), "y") for training in steps))  # type: ignore[misc]


def _as_before(trial: Trial, training: bool) -> Comparison:
    case, session = trial.case, trial.open()
    before = trial.implementation.surroundings()
    session.forward(place(case.x, case.layout), training=training).backward(place(case.grad_y, case.grad_layout))
    after = trial.implementation.surroundings()
    changed = [name for name, value in before.items() if after[name] != value]
    return fact(not changed, Fact(Kind.SURROUNDINGS, " and ".join(changed)))


@prop(source="docs of Python's copy.deepcopy")
def a_copy_shares_nothing(trial: Trial) -> Comparison:
    """A trained copy with other parameters changes neither state nor evaluation of the layer, nor the layer the copy's."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    copy = session.copied().settle(beginning(case.but(circumstances=())))
    copy.forward(contiguous(another_batch(case, 1)), training=True)
    left, state = copy.state(), session.state()

    def evaluated() -> Comparison:
        y = session.forward(place(case.x, case.layout), training=False).y
        return within("y", y, trial.expected_evaluation().y, Aspect.BESIDE_A_COPY)

    evaluation = asked(evaluated, "y")
    session.forward(place(case.x, case.layout), training=True)
    return all_of(
        same_state(state, case, Aspect.BESIDE_A_COPY),
        evaluation,
        same_bits("running_mean", copy.state().mean, left.mean, Aspect.OF_THE_COPY),
        same_bits("running_var", copy.state().var, left.var, Aspect.OF_THE_COPY),
    )


@prop(source=TORCH_DOCS)
def a_fresh_layer_starts_neutral(trial: Trial) -> Comparison:
    """A new layer has weight 1, bias 0, running mean 0, running variance 1 and has seen no batch; None where it has none.

    What an evaluation divides by 1 - (1 - f)^k after k batches begins with 0, the variance too: from v, it gives var(x) +
    (1 - f) / f v after one batch.
    """
    case = trial.case
    trial.require(case.affine or case.tracks)
    weight, bias, state = trial.implementation.fresh(case)
    zeros = np.zeros(case.channels, case.pair.parameter_dtype)
    affine = (zeros + 1, zeros) if case.affine else (None, None)
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
    )


def _begun_variance(case: Case) -> int | None:
    """The variance that a new layer's average begins with; None where nothing that it begins with is ever read."""
    begins, momentum = case.conventions.first_batches, case.momentum
    if begins == "prior":
        return 1
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
        *([same_state(empty.state(), case, Aspect.AFTER_NO_ROW)] if harmless else []),
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
        state = session.state()
        finite = fact(_is_finite(state), Fact(Kind.NOT_FINITE, "running_var", "one value"))
        left = [same_state(state, single, Aspect.AFTER_A_REFUSAL)] if refused else []
        return all_of(finite, fact(refused, Fact(Kind.NOT_REFUSED, "x")), *left)
    y = session.forward(contiguous(one), training=True).y
    given = same_bits("y", y, one.astype(y.dtype), Aspect.OF_ONE_VALUE)
    value = given if convention == "input" else within("y", y, trial.expected(single).y, Aspect.OF_ONE_VALUE)
    return all_of(value, fact(_is_finite(session.state()), Fact(Kind.NOT_FINITE, "running_var", "one value")))


def _is_finite(state: State) -> bool:
    known = [array for array in (state.mean, state.var) if isinstance(array, np.ndarray)]
    return all(bool(np.isfinite(array.astype(np.float64)).all()) for array in known)
