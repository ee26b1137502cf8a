"""Contract, of memory: what a layer may write to, what it may share, and what it must leave as it was."""

from __future__ import annotations

from itertools import product

from bn_reference.cases.facts import Fact, Kind, Unseen
from bn_reference.cases.layouts import place
from bn_reference.cases.others import another_batch, beginning
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, unseen, within
from bn_reference.properties import transform
from bn_reference.properties.registry import Property, family
from bn_reference.properties.running import same_state
from bn_reference.properties.trial import EVAL_FIRST, Observation, Trial, asked, contiguous
from bn_reference.targets.protocol import Grads

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES, "training", "eval")


@prop(source="github.com/flagos-ai/FlagGems/issues/6332: the input used as scratch memory")
def the_input_is_never_modified(trial: Trial) -> Comparison:
    """The memory of x, and of what else is handed over to be read, holds the same bits after a forward and a backward pass."""
    bare = trial.case.but(running_mean=None, running_var=None, batches=0)
    steps = (trial.train, trial.evaluate, lambda: trial.train(bare))
    of_x = [asked(lambda step=step: _untouched(step()), "x") for step in steps]  # type: ignore[misc]
    return all_of(*of_x, *(asked(lambda step=step: _unwritten(step()), "given") for step in steps))  # type: ignore[misc]


def _untouched(observed: Observation) -> Comparison:
    assert observed.grads is not None  # the backward pass may write as well
    return fact(not observed.input_changed(), Fact(Kind.WRITTEN, "x"))


def _unwritten(observed: Observation) -> Comparison:
    written = observed.given_changed()
    return fact(not written, Fact(Kind.WRITTEN, written or "what was handed over"))


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


@prop(source="NumPy's and torch's convention: what a function returns is its caller's")
def what_came_out_stays_as_it_was(trial: Trial) -> Comparison:
    """y and the gradients of a step hold the same bits after another step of the same layer on a batch of the same shape."""
    steps = product(EVAL_FIRST, (True, False))
    return all_of(*(asked(lambda step=step: _stays(trial, *step), "y") for step in steps))  # type: ignore[misc]


def _stays(trial: Trial, training: bool, record: bool) -> Comparison:
    """What came out of a step, gradients too where they are recorded, against the same memory after another step."""
    case, session = trial.case, trial.lend()
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


@prop(source="NumPy's and torch's convention: what a function returns is its caller's")
def the_output_lies_in_memory_of_its_own(trial: Trial) -> Comparison:
    """y lies in no memory of x: in training, in eval, and in eval where y is x but for rounding (weight 1, bias 0, mean 0,
    variance 1)."""
    neutral = transform.neutral(trial.case)
    steps = trial.train, trial.evaluate, lambda: trial.evaluate(neutral), lambda: trial.evaluate(transform.unrecorded(neutral))
    return all_of(*(asked(lambda step=step: _apart(step()), "y") for step in steps))  # type: ignore[misc]


def _apart(observed: Observation) -> Comparison:
    return fact(not observed.output_shares_memory(), Fact(Kind.SHARED, "y"))


@prop(source="docs of torch.nn.Module.load_state_dict: parameters and buffers are copied from the state_dict")
def what_was_loaded_is_copied(trial: Trial) -> Comparison:
    """Whoever loaded a saved state may write over its arrays: the layer's statistics, weight and bias stay."""
    case = trial.case
    trial.require(case.tracks)
    session, loaded = trial.open(), transform.another_state(case)
    session.load(loaded)
    session.reuse_loaded()
    state = session.state()

    def evaluated() -> Comparison:
        y = session.forward(place(case.x, case.layout), training=False).y
        return within("y", y, trial.expected_evaluation(transform.with_state(case, loaded)).y, Aspect.AFTER_REUSE)

    return all_of(
        same_bits("running_mean", state.mean, loaded.mean, Aspect.AFTER_REUSE),
        same_bits("running_var", state.var, loaded.var, Aspect.AFTER_REUSE),
        asked(evaluated, "y"),
    )


@prop(source="docs of Python's copy.deepcopy")
def a_copy_shares_nothing(trial: Trial) -> Comparison:
    """A trained copy with other parameters changes neither state nor evaluation of the layer, nor the layer the copy's."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    copy = session.copied().settle(beginning(case.fresh))
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
