"""Evaluation: with its statistics fixed, the layer is one affine map for every row, whatever else happens."""

from __future__ import annotations

from bn_reference.cases.case import State
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.registry import IOFFE_SZEGEDY, TORCH_DOCS, Property, family
from bn_reference.properties.running import same_count
from bn_reference.properties.trial import Trial, contiguous

PROPERTIES: list[Property] = []
prop = family("evaluation", PROPERTIES)


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 2, line 11")
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
        same_bits("y of one row alone", alone, y[-1:]),
        same_bits("y in reversed order", reversed_order, y[::-1]),
        same_bits("y of fewer rows", some, y[: 1 + len(case.x) // 2]),
    )


@prop(source=f"{IOFFE_SZEGEDY}, section 3.1: inference depends on the input alone, deterministically")
def repeated_evaluation_gives_the_same_bits(trial: Trial) -> Comparison:
    """The same input in eval gives the same bits, again and in another layer of the same state."""
    x, session = trial.case, trial.open()
    first = session.forward(place(x.x, x.layout), training=False).y
    second = session.forward(place(x.x, x.layout), training=False).y
    return all_of(same_bits("y, repeated", second, first), same_bits("y of another layer", trial.evaluate().y, first))


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
        same_bits("running_mean as loaded", state.mean, loaded.mean),
        same_bits("running_var as loaded", state.var, loaded.var),
        same_count(state.batches, loaded.batches),
        within("y", y, trial.expected_evaluation(transform.with_state(case, loaded)).y),
    )


@prop(source=TORCH_DOCS)
def one_row_and_none_can_be_evaluated(trial: Trial) -> Comparison:
    """Eval takes a batch of one sample, and an empty one, whose output is empty and of the same form."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    one = transform.with_batch(case, case.x[:1])
    y = session.forward(contiguous(one.x), training=False).y
    none = session.forward(contiguous(case.x[:0]), training=False).y
    form = f"the output of an empty batch has shape {none.shape}, not {case.x[:0].shape}"
    return all_of(
        within("y of one row", y, trial.expected_evaluation(one).y),
        fact("y of no row", none.shape == case.x[:0].shape, form),
    )
