"""Gradients, of their mechanics: derivatives of derivatives, other ways to differentiate, who asks, and where gradients go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bn_reference.arithmetic.precision import HALVES
from bn_reference.cases.case import Array, Case, Seen
from bn_reference.cases.directions import direction_of
from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.oracle.derivatives import ExpectedDerivatives
from bn_reference.oracle.step import ExpectedStep
from bn_reference.properties import transform
from bn_reference.properties.gradients import grads_within
from bn_reference.properties.premises import require_batch_statistics
from bn_reference.properties.registry import Property, family
from bn_reference.properties.trial import EVAL_FIRST, Trial, asked, contiguous
from bn_reference.targets.protocol import Misbehaviour, Session

PROPERTIES: list[Property] = []
prop = family("gradients", PROPERTIES, "training")

TWICE = "docs of torch, Double Backward with Custom Functions: what is saved must be recorded too, or the derivative is wrong"
FAKES = "docs of torch.library.register_fake: what compiles a step believes what it is told there"
FORWARD = "docs of torch.autograd.forward_ad"


def added_ways(trial: Trial) -> Trial:
    """The trial, with a bound for what comes to a half format by several ways, each of which rounds to it.

    To x a second derivative comes by all that read x, forth and back: who computes the forward pass again, going back, reads
    it twice. No other quantity has more ways than in a first gradient.
    """
    return trial.under({"working": trial.case.pair.input}) if trial.case.pair.input in HALVES else trial


def second_within(trial: Trial, training: bool, expected: ExpectedDerivatives, ways: ExpectedDerivatives) -> Comparison:
    """The gradients of a step that go on being differentiated, and their own derivatives, against the expected ones; and the
    state that is left, which goes back no further."""
    case, once = trial.case, trial.expected() if training else trial.expected_evaluation()
    session = trial.lend()
    step = session.forward(place(case.x, case.layout), training=training)
    gave = step.second(place(case.grad_y, case.grad_layout), direction_of(case))
    compared = [
        grads_within(gave.grads, once, case),
        within("second_grad_x", gave.x, ways.second_grad_x),
        within("second_grad_grad_y", gave.grad_y, expected.second_grad_grad_y),
    ]
    if case.affine:
        compared.append(within("second_grad_weight", gave.weight, expected.second_grad_weight))
    return all_of(*compared, *_state_left(session, case, once))


def _state_left(session: Session, case: Case, expected: ExpectedStep) -> Iterator[Comparison]:
    """The running statistics that one step leaves, however often it is differentiated."""
    return transform.state_within(session.state(), expected.state) if case.tracks else iter(())


def tangent_within(trial: Trial, training: bool, expected: ExpectedDerivatives) -> Comparison:
    """The tangent of the output in forward mode against the expected one, and the state that is left."""
    case, session = trial.case, trial.open()
    tangent = session.tangent(place(case.x, case.layout), direction_of(case), training=training)
    once = trial.expected() if training else trial.expected_evaluation()
    return all_of(within("tangent_y", tangent, expected.tangent_y), *_state_left(session, case, once))


@prop(source=TWICE)
def second_derivatives_of_a_training_step(trial: Trial) -> Comparison:
    """s = <dx, u> + <dgamma, v> + <dbeta, w> has the derivatives by x, gamma and dy that the chain rule gives."""
    require_batch_statistics(trial)
    return second_within(trial, True, trial.expected_derivatives(), added_ways(trial).expected_derivatives())


@prop(source=TWICE, modes=("eval",))
def second_derivatives_of_an_evaluation(trial: Trial) -> Comparison:
    """In eval ds/dx = v dy / sigma, ds/dgamma = sum(dy u / sigma), ds/ddy = gamma u / sigma + v x_hat + w."""
    expected = trial.expected_derivatives_of_evaluation()
    # with running statistics the normalized batch alone reads x; without them mean and variance do, as in training
    ways = expected if trial.case.tracks else added_ways(trial).expected_derivatives_of_evaluation()
    return second_within(trial, False, expected, ways)


@prop(source=FORWARD)
def forward_mode_derivatives_of_a_training_step(trial: Trial) -> Comparison:
    """Along (u, v, w) y changes by gamma (u - mean(u) - x_hat mean(u x_hat)) / sigma + v x_hat + w."""
    require_batch_statistics(trial)
    return tangent_within(trial, True, trial.expected_derivatives())


@prop(source=FORWARD, modes=("eval",))
def forward_mode_derivatives_of_an_evaluation(trial: Trial) -> Comparison:
    """In eval y changes along (u, v, w) by gamma u / sigma + v x_hat + w."""
    return tangent_within(trial, False, trial.expected_derivatives_of_evaluation())


@prop(source="docs of torch.func.vmap", modes=("eval",))
def an_evaluation_of_several_batches_at_once_is_that_of_each(trial: Trial) -> Comparison:
    """Vectorized over two batches, eval gives for each of them what it gives for it alone."""
    case, other = trial.case, transform.another_of_its_shape(trial.case)
    ys = trial.open().mapped((contiguous(case.x), contiguous(other.x)))
    expected = trial.expected_evaluation(), trial.expected_evaluation(other)
    return all_of(*(within("y", y, right.y, Aspect.MAPPED) for y, right in zip(ys, expected, strict=True)))


@prop(source=f"{FAKES}; github.com/pytorch/pytorch/issues/192668", modes=("training", "eval"), one_in=16)
def a_step_without_numbers_gives_the_form_of_a_real_one(trial: Trial) -> Comparison:
    """Of tensors without numbers (FakeTensors, and those on the meta device) y and the gradients have shape, dtype and device
    of a real step's, of a contiguous batch; strides, too, where it runs through operators that are not torch's."""
    case, training = trial.case, trial.case.rows % 2 == 0
    trial.require(case.momentum is not None or not case.tracks)  # that divides by a count, which is a number
    session, x, grad_y = trial.lend(), contiguous(case.x), contiguous(case.grad_y)
    session.forward(x, training=training).backward(grad_y)
    forms = session.without_numbers(x, grad_y, training=training)
    return all_of(*(fact(one == real, Fact(Kind.WITHOUT_NUMBERS, what, one, real)) for what, one, real in forms))


BEYOND_THE_FIRST = frozenset(  # what a framework composes, and cannot where a gradient is written by hand
    rule.__name__
    for rule in (
        second_derivatives_of_a_training_step,
        second_derivatives_of_an_evaluation,
        forward_mode_derivatives_of_a_training_step,
        forward_mode_derivatives_of_an_evaluation,
        an_evaluation_of_several_batches_at_once_is_that_of_each,
    )
)


@prop(source="docs of torch.Tensor.requires_grad", modes=("training", "eval"))
def what_asks_for_a_gradient_gets_it_and_nothing_else_does(trial: Trial) -> Comparison:
    """Of x, weight and bias, some ask: they have their gradients afterwards, the others none, and the step is as ever."""
    trial.require(trial.case.affine)
    steps = (True, False)
    return all_of(*(asked(lambda training=training: just_those(trial, training), "grad_x") for training in steps))  # type: ignore[misc]


def just_those(trial: Trial, training: bool) -> Comparison:
    """The gradients of those that ask, and nothing of the others, after a step; and what else the step gives."""
    case, session, names = trial.case, trial.open(), transform.some_of_three(trial.case)
    session.ask(names)
    step = session.forward(place(case.x, case.layout), training=training)
    state, grads = session.state(), step.pile(place(case.grad_y, case.grad_layout))
    right = trial.expected() if training else trial.expected_evaluation()
    return all_of(
        within("y", step.y, right.y, Aspect.OF_SOME_GRADIENTS),
        *(transform.state_within(state, right.state, Aspect.OF_SOME_GRADIENTS) if case.tracks else ()),
        within("grad_x", grads.x, right.grad_x if "x" in names else None),
        within("grad_weight", grads.weight, right.grad_weight if "weight" in names else None),
        within("grad_bias", grads.bias, right.grad_bias if "bias" in names else None),
    )


@prop(source="docs of torch.autograd.backward: gradients are accumulated in the leaves")
def gradients_of_two_steps_add_up_exactly(trial: Trial) -> Comparison:
    """After two steps and their backward passes weight and bias have the sum of both gradients, rounded once."""
    case = trial.case
    trial.require(case.affine)
    batches = place(case.x, case.layout), contiguous(transform.another_of_its_shape(case).x)
    upstream = place(case.grad_y, case.grad_layout), contiguous(transform.small_upstream(case))
    alone = trial.lend()
    steps = [alone.forward(x, training=True) for x in batches]
    one, two = [step.backward(dy) for step, dy in zip(steps, upstream, strict=True)]
    adding = trial.lend()
    _, both = [adding.forward(x, training=True).pile(dy) for x, dy in zip(batches, upstream, strict=True)]
    return all_of(
        same_bits("grad_weight", both.weight, added(one.weight, two.weight), Aspect.OF_TWO_STEPS),
        same_bits("grad_bias", both.bias, added(one.bias, two.bias), Aspect.OF_TWO_STEPS),
    )


@prop(source="calculus: a derivative of a sum; github.com/jmschrei/tangermeme/pull/54", modes=("training", "eval"))
def one_backward_pass_through_two_steps_gives_both_gradients(trial: Trial) -> Comparison:
    """Of two steps and one backward pass through both, each batch has its own gradient, and weight and bias have the sum of
    what each step gives them, rounded once."""
    return all_of(*(asked(lambda training=training: both_within(trial, training), "grad_x") for training in EVAL_FIRST))  # type: ignore[misc]


def both_within(trial: Trial, training: bool) -> Comparison:
    """The gradients of two steps of one layer, of which the case's own is the first or the second."""
    if training:  # what one step moves, the other's gradients would follow from
        require_batch_statistics(trial)
    case, other = trial.case, transform.another_of_its_shape(trial.case)
    dy, small = place(case.grad_y, case.grad_layout), contiguous(transform.small_upstream(case))
    own, their = place(case.x, case.layout), contiguous(other.x)
    session, first = trial.lend(), case.rows % 2 == 0
    steps = [session.forward(x, training=training) for x in ((own, their) if first else (their, own))]
    step, beside = steps if first else steps[::-1]
    grads, other_x = step.beside(dy, beside, small)
    right = (trial.expected, trial.expected_evaluation)[not training]
    alone = trial.lend()
    apart = [alone.forward(x, training=training) for x in (own, their)]
    one, two = [each.backward(up) for each, up in zip(apart, (dy, small), strict=True)]
    by_itself = grads_within(one, right(), case)
    if not by_itself.holds:
        return by_itself
    return all_of(
        within("grad_x", grads.x, right().grad_x, Aspect.OF_BOTH_STEPS),
        within("grad_x", other_x, right(other).going_back_from(small.view()).grad_x, Aspect.OF_BOTH_STEPS),
        *(
            [
                same_bits("grad_weight", grads.weight, added(one.weight, two.weight), Aspect.OF_BOTH_STEPS),
                same_bits("grad_bias", grads.bias, added(one.bias, two.bias), Aspect.OF_BOTH_STEPS),
            ]
            if case.affine
            else []
        ),
    )


@prop(source="docs of torch.nn.ReLU(inplace=True); github.com/mapillary/inplace_abn/issues/155", modes=("training", "eval"))
def an_in_place_relu_is_gone_back_through(trial: Trial) -> Comparison:
    """Where y is rectified in place before the backward pass, the gradients are those of max(y, 0), or it raises."""
    return all_of(*(asked(lambda training=training: rectified_within(trial, training), "grad_x") for training in EVAL_FIRST))  # type: ignore[misc]


def rectified_within(trial: Trial, training: bool) -> Comparison:
    """The gradients that come through an in-place ReLU; what is said aloud misleads nobody."""
    case, step = trial.case, trial.forward(training=training)
    y = step.y
    try:
        step.rectify()
    except Misbehaviour as misbehaviour:
        return fact(misbehaviour.raised, misbehaviour.fact)
    grads = step.backward(place(case.grad_y, case.grad_layout))
    if isinstance(grads.x, Wrong) and grads.x.fact.kind is Kind.RAISED:
        return fact(True, grads.x.fact)
    expected = trial.expected() if training else trial.expected_evaluation()
    return grads_within(grads, expected.going_back_from(transform.rectified(case.grad_y, y)), case, aspect=Aspect.RECTIFIED)


def added(one: Seen, other: Seen) -> Seen:
    """The sum in their own dtype; of what could not be had, that."""
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return other if isinstance(one, np.ndarray) else one
    with np.errstate(all="ignore"):
        total: Array = one + other
        return total
