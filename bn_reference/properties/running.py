"""Running updates: what training leaves in the layer's buffers."""

from __future__ import annotations

from bn_reference.cases.case import Case, State
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.trial import Trial, contiguous

PROPERTIES: list[Property] = []
prop = family("running", PROPERTIES)


@prop(source=TORCH_DOCS)
def one_step_moves_the_running_mean(trial: Trial) -> Comparison:
    """running_mean := (1 - f) running_mean + f mean(x), f = momentum, or 1 / (number of batches, this one included) for
    None."""
    trial.require(trial.case.tracks)
    return within("running_mean", trial.train().state.mean, trial.expected().state.mean)


@prop(source=TORCH_DOCS)
def one_step_moves_the_running_variance(trial: Trial) -> Comparison:
    """running_var := (1 - f) running_var + f n / (n - 1) var(x), var biased, n = N L."""
    trial.require(trial.case.tracks)
    return within("running_var", trial.train().state.var, trial.expected().state.var)


@prop(source=TORCH_DOCS)
def a_sequence_of_batches_accumulates(trial: Trial) -> Comparison:
    """Batches of changing sizes one after another give the update applied to each in turn."""
    trial.require(trial.case.tracks)
    batches = transform.batches_of_several_sizes(trial.case)
    session = trial.open()
    for batch in batches:
        session.forward(contiguous(batch), training=True)
    state, expected = session.state(), trial.expected_after(batches)
    return all_of(*transform.state_within(state, expected), same_count(state.batches, expected.batches))


def same_count(actual: int | None, expected: int | None) -> Comparison:
    """The number of batches, which is exact."""
    return fact("num_batches_tracked", actual == expected, f"num_batches_tracked is {actual} and must be {expected}")


@prop(source=TORCH_DOCS)
def the_counter_counts_training_batches(trial: Trial) -> Comparison:
    """num_batches_tracked grows by one with each training batch, and not with others."""
    trial.require(trial.case.tracks)
    session = trial.open()
    for training in (True, False, True):
        session.forward(place(trial.case.x, trial.case.layout), training=training)
    return same_count(session.state().batches, trial.case.batches + 2)


@prop(source=f"{TORCH_DOCS}; Ioffe & Szegedy 2015, Algorithm 2, line 10")
def bessel_counts_every_position(trial: Trial) -> Comparison:
    """The factor n / (n - 1) of the running variance has n = N L, not N: seen with momentum 1 and L > 1."""
    trial.require(trial.case.tracks and trial.case.rows >= 4)
    case = transform.with_fresh_state(transform.in_two_positions(trial.case), momentum=1.0)
    return within("running_var", trial.train(case).state.var, trial.expected(case).state.var)


@prop(source=TORCH_DOCS)
def without_tracking_there_are_no_buffers(trial: Trial) -> Comparison:
    """track_running_stats=False: no running statistics, and eval normalizes with the batch's own."""
    case = trial.case.but(running_mean=None, running_var=None, batches=0)
    training, evaluation = trial.train(case), trial.evaluate(case)
    absent = all(state.mean is None and state.var is None for state in (training.state, evaluation.state))
    return all_of(
        fact("running statistics", absent, "there are running statistics though track_running_stats is False"),
        within("y in training", training.y, trial.expected(case).y),
        within("y in eval", evaluation.y, trial.expected_evaluation(case).y),
    )


@prop(source=TORCH_DOCS)
def evaluation_moves_nothing(trial: Trial) -> Comparison:
    """In eval neither the forward nor the backward pass changes a bit of the state."""
    trial.require(trial.case.tracks)
    observed = trial.evaluate()
    return all_of(
        *(same_state(state, trial.case) for state in (observed.state, observed.state_after_backward)),
        same_count(observed.state_after_backward.batches, trial.case.batches),
    )


def same_state(state: State, case: Case) -> Comparison:
    """The running statistics, bit for bit those that the case began with."""
    return all_of(
        same_bits("running_mean", state.mean, case.running_mean), same_bits("running_var", state.var, case.running_var)
    )


@prop(source=TORCH_DOCS)
def statistics_move_without_gradients(trial: Trial) -> Comparison:
    """Training updates the statistics under no_grad and with frozen parameters just the same."""
    trial.require(trial.case.tracks)
    frozen, unrecorded = trial.open(trainable=False, input_gradient=False), trial.open()
    frozen.forward(place(trial.case.x, trial.case.layout), training=True)
    unrecorded.forward(place(trial.case.x, trial.case.layout), training=True, record=False)
    expected = trial.expected().state
    return all_of(
        *transform.state_within(frozen.state(), expected),
        *transform.state_within(unrecorded.state(), expected),
        same_count(frozen.state().batches, expected.batches),
        same_count(unrecorded.state().batches, expected.batches),
    )


@prop(source="github.com/apache/singa/pull/554: a replaced buffer is never seen by whoever held the old one")
def buffers_are_updated_in_place(trial: Trial) -> Comparison:
    """Whoever holds the running statistics since before the step sees the update."""
    trial.require(trial.case.tracks)
    observed = trial.train()
    return all_of(
        same_bits("running_mean as held", observed.held.mean, observed.state.mean),
        same_bits("running_var as held", observed.held.var, observed.state.var),
        same_count(observed.held.batches, observed.state.batches),
    )


@prop(source="github.com/pytorch/pytorch/issues/20275: a recorded statistic grows the graph with every batch")
def statistics_are_detached_and_keep_their_dtype(trial: Trial) -> Comparison:
    """The running statistics are (C,), of the parameters' dtype, and no part of a recorded computation."""
    trial.require(trial.case.tracks)
    observed, dtype = trial.train(), trial.case.pair.parameter_dtype
    forms = {None if a is None else (a.shape, a.dtype.name) for a in (observed.state.mean, observed.state.var)}
    expected = {((trial.case.channels,), dtype.name)}
    return all_of(
        fact("running statistics", forms == expected, f"running statistics have (shape, dtype) {forms}, not {expected}"),
        fact("running statistics", not observed.state_in_graph, "a running statistic is attached to the recorded computation"),
    )


@prop(source="github.com/apache/mxnet/issues/14357: an update in the backward pass is lost where there is none")
def statistics_move_before_any_backward_pass(trial: Trial) -> Comparison:
    """The forward pass alone updates the statistics; the backward pass leaves them."""
    trial.require(trial.case.tracks)
    observed = trial.train()
    return all_of(
        *transform.state_within(observed.state, trial.expected().state),
        same_bits("running_mean after backward", observed.state_after_backward.mean, observed.state.mean),
        same_bits("running_var after backward", observed.state_after_backward.var, observed.state.var),
        same_count(observed.state_after_backward.batches, trial.case.batches + 1),
    )
