"""Evaluation: with its statistics fixed, the layer is one affine map for every row, whatever else happens."""

from __future__ import annotations

import numpy as np

from bn_reference.cases.case import State
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.registry import IOFFE_SZEGEDY, TORCH_DOCS, Property, family
from bn_reference.properties.running import same_count
from bn_reference.properties.trial import Trial, contiguous

PROPERTIES: list[Property] = []
prop = family("evaluation", PROPERTIES, "eval")


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 2, line 11", direct=True)
def evaluation_uses_the_running_statistics(trial: Trial) -> Comparison:
    """y = gamma (x - running_mean) / sqrt(running_var + eps) + beta."""
    return within("y", trial.evaluate().y, trial.expected_evaluation().y)


@prop(source=f"{IOFFE_SZEGEDY}, section 3.1: inference depends on the input alone, deterministically")
def a_row_does_not_depend_on_its_companions(trial: Trial) -> Comparison:
    """In eval a sample's output has the same bits alone, in another order and among others."""
    case = trial.case
    trial.require(case.tracks and case.x.shape[0] > 1)
    session = trial.open()
    y = session.forward(contiguous(case.x), training=False).y
    alone = session.forward(contiguous(case.x[-1:]), training=False).y
    reversed_order = session.forward(contiguous(case.x[::-1]), training=False).y
    some = session.forward(contiguous(case.x[: 1 + len(case.x) // 2]), training=False).y
    return all_of(
        same_bits("y", alone, y[-1:], Aspect.OF_ONE_ROW_ALONE),
        same_bits("y", reversed_order, y[::-1], Aspect.IN_REVERSED_ORDER),
        same_bits("y", some, y[: 1 + len(case.x) // 2], Aspect.OF_FEWER_ROWS),
    )


@prop(source=f"{IOFFE_SZEGEDY}, section 3.1: inference depends on the input alone, deterministically")
def repeated_evaluation_gives_the_same_bits(trial: Trial) -> Comparison:
    """The same input in eval gives the same bits, again and in another layer of the same state."""
    case = transform.recorded(trial.case)
    session = trial.open(case)
    first = session.forward(place(case.x, case.layout), training=False).y
    second = session.forward(place(case.x, case.layout), training=False).y
    return all_of(
        same_bits("y", second, first, Aspect.REPEATED), same_bits("y", trial.evaluate(case).y, first, Aspect.OF_ANOTHER_LAYER)
    )


@prop(source=TORCH_DOCS)
def nothing_is_stale_after_more_training(trial: Trial) -> Comparison:
    """After eval, training, eval the last output follows from the statistics as they are now."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    session.forward(place(case.x, case.layout), training=False)
    session.forward(place(case.x, case.layout), training=True)
    now = transform.with_state(case, session.state())
    y = session.forward(place(case.x, case.layout), training=False).y
    return within("y", y, trial.expected_evaluation(now).y)


@prop(source=TORCH_DOCS)
def nothing_is_stale_after_loading_a_state(trial: Trial) -> Comparison:
    """After eval, loading a state, eval the last output follows from the loaded statistics, and the state is what was
    loaded."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    session.forward(place(case.x, case.layout), training=False)
    loaded = transform.another_state(case)
    session.load(loaded)
    state: State = session.state()
    y = session.forward(place(case.x, case.layout), training=False).y
    return all_of(
        same_bits("running_mean", state.mean, loaded.mean, Aspect.AS_LOADED),
        same_bits("running_var", state.var, loaded.var, Aspect.AS_LOADED),
        same_count(state.batches, loaded.batches),
        within("y", y, trial.expected_evaluation(transform.with_state(case, loaded)).y),
    )


@prop(source=TORCH_DOCS)
def one_row_and_none_can_be_evaluated(trial: Trial) -> Comparison:
    """Eval takes a batch of one sample, and an empty one, whose output is empty and of the same form; going back through that
    gives an empty gradient of x, and zeros."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    one = transform.with_batch(case, case.x[:1])
    y = session.forward(contiguous(one.x), training=False).y
    empty = session.forward(contiguous(case.x[:0]), training=False)
    grads, zeros = empty.backward(contiguous(case.grad_y[:0])), None if case.weight is None else np.zeros_like(case.weight)
    form = Fact(Kind.SHAPE, "y", empty.y.shape, case.x[:0].shape)
    return all_of(
        within("y", y, trial.expected_evaluation(one).y, Aspect.OF_ONE_ROW),
        fact(empty.y.shape == case.x[:0].shape, form, Aspect.OF_NO_ROW),
        same_bits("grad_x", grads.x, case.x[:0], Aspect.OF_NO_ROW),
        same_bits("grad_weight", grads.weight, zeros, Aspect.OF_NO_ROW),
        same_bits("grad_bias", grads.bias, zeros, Aspect.OF_NO_ROW),
    )
