"""Running updates: what training leaves in the layer's buffers."""

from __future__ import annotations

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.facts import Fact, Kind, Unseen, Wrong
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, presence, same_bits, unseen, within
from bn_reference.properties import transform
from bn_reference.properties.premises import require_batch_statistics
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.trial import Trial, asked, contiguous

PROPERTIES: list[Property] = []
prop = family("running", PROPERTIES, "training")


@prop(source=TORCH_DOCS, direct=True)
def one_step_moves_the_running_mean(trial: Trial) -> Comparison:
    """running_mean := (1 - f) running_mean + f mean(x), f = momentum, or 1 / (number of batches, this one included) for
    None."""
    trial.require(trial.case.tracks)
    return within("running_mean", trial.train().state.mean, trial.expected().state.mean)


@prop(source=TORCH_DOCS, direct=True)
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


def same_count(actual: int | Unseen | None, expected: int | Unseen | None) -> Comparison:
    """The number of batches, which is exact."""
    if isinstance(actual, Unseen):
        return unseen("num_batches_tracked", actual)
    if actual is None and expected is None:
        return presence("num_batches_tracked", False, False)
    return fact(actual == expected, Fact(Kind.COUNT, "num_batches_tracked", actual, expected))


def form_of(what: str, seen: Seen, wanted: tuple[tuple[int, ...], str]) -> Comparison:
    """Shape and dtype of something that was asked for."""
    if isinstance(seen, Unseen):
        return unseen(what, seen)
    if seen is None:
        return presence(what, False, True)
    form = seen.shape, seen.dtype.name
    return fact(form == wanted, Fact(Kind.FORM, what, form, wanted))


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


@prop(source=TORCH_DOCS, modes=("training", "eval"))
def without_tracking_there_are_no_buffers(trial: Trial) -> Comparison:
    """track_running_stats=False: no running statistics, and eval normalizes with the batch's own."""
    case = trial.case.but(running_mean=None, running_var=None, batches=0)
    training, evaluation = trial.train(case), trial.evaluate(case)
    states = training.state, evaluation.state
    compared = [_nothing_there(what, seen) for s in states for what, seen in (("running_mean", s.mean), ("running_var", s.var))]
    return all_of(
        *compared,
        within("y", training.y, trial.expected(case).y, Aspect.WITHOUT_TRACKING),
        within("y", evaluation.y, trial.expected_evaluation(case).y, Aspect.WITHOUT_TRACKING),
    )


def _nothing_there(what: str, seen: Seen) -> Comparison:
    of_a_wrong_form = isinstance(seen, Wrong) and seen.fact.what == what  # which is there, all the same
    if isinstance(seen, Unseen) and not of_a_wrong_form:
        return unseen(what, seen)
    return presence(what, seen is not None, False)


@prop(source=TORCH_DOCS, modes=("eval",))
def evaluation_moves_nothing(trial: Trial) -> Comparison:
    """In eval neither the forward nor the backward pass changes a bit of the state."""
    trial.require(trial.case.tracks)
    observed = trial.evaluate()
    return all_of(
        same_state(observed.state, trial.case, Aspect.AFTER_EVALUATION),
        same_state(observed.state_after_backward, trial.case, Aspect.AFTER_BACKWARD),
        same_count(observed.state_after_backward.batches, trial.case.batches),
    )


def same_state(state: State, case: Case, aspect: Aspect) -> Comparison:
    """The running statistics, bit for bit those that the case began with."""
    return all_of(
        same_bits("running_mean", state.mean, case.running_mean, aspect),
        same_bits("running_var", state.var, case.running_var, aspect),
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


@prop(source="source of torch.nn.modules.batchnorm: buffers are only updated if they are to be tracked")
def statistics_stand_still_while_they_are_not_tracked(trial: Trial) -> Comparison:
    """With track_running_stats set to False an evaluation normalizes with the running statistics that there are, a training
    step with its batch, and neither changes a bit of the state; set to True again, the next training step moves it."""
    case = trial.case
    require_batch_statistics(trial)
    trial.require(case.tracks)
    session = trial.open()
    untracked = case.but(running_mean=None, running_var=None, batches=0)  # whose dtypes decide in what it computes
    session.track(False)
    evaluated = session.forward(place(case.x, case.layout), training=False).y
    y = session.forward(place(case.x, case.layout), training=True).y
    state = session.state()
    session.track(True)
    session.forward(place(case.x, case.layout), training=True)
    return all_of(
        within("y", y, trial.expected(untracked).y, Aspect.UNTRACKED),
        within("y", evaluated, trial.expected_evaluation().y, Aspect.EVALUATED_UNTRACKED),
        same_state(state, case, Aspect.UNTRACKED),
        *transform.state_within(session.state(), trial.expected().state, Aspect.TRACKED_AGAIN),
    )


@prop(source="github.com/apache/singa/pull/554: a replaced buffer is never seen by whoever held the old one")
def buffers_are_updated_in_place(trial: Trial) -> Comparison:
    """Whoever holds the running statistics since before the step sees the update."""
    trial.require(trial.case.tracks)
    session = trial.open()
    session.forward(place(trial.case.x, trial.case.layout), training=True)
    held, state = session.held_state(), session.state()
    return all_of(
        same_bits("running_mean", held.mean, state.mean, Aspect.AS_HELD),
        same_bits("running_var", held.var, state.var, Aspect.AS_HELD),
        _same_counts(held, state),
    )


def _same_counts(held: State, state: State) -> Comparison:
    if isinstance(state.batches, Unseen):
        return unseen("num_batches_tracked", state.batches)
    return same_count(held.batches, state.batches)


@prop(source="github.com/pytorch/pytorch/issues/20275: a recorded statistic grows the graph with every batch")
def statistics_are_detached_and_keep_their_dtype(trial: Trial) -> Comparison:
    """The running statistics are (C,), of the parameters' dtype or the convention's, and no part of a recorded computation."""
    trial.require(trial.case.tracks)
    observed, wanted = trial.train(), ((trial.case.channels,), trial.case.precision.statistics_format.name)
    return all_of(
        form_of("running_mean", observed.state.mean, wanted),
        form_of("running_var", observed.state.var, wanted),
        asked(lambda: fact(not observed.state_in_graph, Fact(Kind.ATTACHED, "running statistics")), "running statistics"),
    )


@prop(source="github.com/apache/mxnet/issues/14357: an update in the backward pass is lost where there is none")
def statistics_move_before_any_backward_pass(trial: Trial) -> Comparison:
    """The forward pass alone updates the statistics; the backward pass leaves them."""
    trial.require(trial.case.tracks)
    observed = trial.train()
    return all_of(
        *transform.state_within(observed.state, trial.expected().state),
        same_bits("running_mean", observed.state_after_backward.mean, observed.state.mean, Aspect.AFTER_BACKWARD),
        same_bits("running_var", observed.state_after_backward.var, observed.state.var, Aspect.AFTER_BACKWARD),
        same_count(observed.state_after_backward.batches, trial.case.batches + 1),
    )
