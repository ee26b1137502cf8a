"""Gradients: the chain rule through the batch's statistics, and what must not disturb it."""

from __future__ import annotations

from typing import Literal

from bn_reference.cases.case import Array, Case
from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.cases.layouts import place
from bn_reference.oracle import relations
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.oracle.step import ExpectedStep
from bn_reference.properties import transform
from bn_reference.properties.premises import require_batch_statistics
from bn_reference.properties.registry import IOFFE_SZEGEDY, Property, family
from bn_reference.properties.trial import EVAL_FIRST, Trial, contiguous
from bn_reference.targets.protocol import Grads, Misbehaviour, had

WRITTEN_OVER: tuple[Literal["x", "y", "weight"], ...] = ("x", "y", "weight")
PROPERTIES: list[Property] = []
prop = family("gradients", PROPERTIES, "training")


def input_gradient(trial: Trial) -> Array:
    """dx of a training step, for rules that compute with it."""
    grad_x = had(trial.train().grads.x)
    if grad_x is None:
        raise Misbehaviour(Fact(Kind.ABSENT, "grad_x"))
    return grad_x


def grads_within(
    grads: Grads, expected: ExpectedStep, case: Case, *, x: bool = True, aspect: Aspect = Aspect.VALUE
) -> Comparison:
    """All gradients that a case asks for against the expected ones."""
    compared = [within("grad_x", grads.x, expected.grad_x, aspect)] if x else []
    if case.affine:
        compared += [
            within("grad_weight", grads.weight, expected.grad_weight, aspect),
            within("grad_bias", grads.bias, expected.grad_bias, aspect),
        ]
    return all_of(*compared)


@prop(source=f"{IOFFE_SZEGEDY}, section 3", direct=True)
def training_gradient_of_the_input(trial: Trial) -> Comparison:
    """dx = gamma / sigma (dy - mean(dy) - x_hat mean(dy x_hat)), through the mean and the variance of the batch."""
    return within("grad_x", trial.train().grads.x, trial.expected().grad_x)


@prop(source=f"{IOFFE_SZEGEDY}, section 3", direct=True)
def training_gradient_of_the_weight(trial: Trial) -> Comparison:
    """dgamma = sum(dy x_hat) over the channel's N L values."""
    trial.require(trial.case.affine)
    return within("grad_weight", trial.train().grads.weight, trial.expected().grad_weight)


@prop(source=f"{IOFFE_SZEGEDY}, section 3", direct=True)
def training_gradient_of_the_bias(trial: Trial) -> Comparison:
    """dbeta = sum(dy) over the channel's N L values."""
    trial.require(trial.case.affine)
    return within("grad_bias", trial.train().grads.bias, trial.expected().grad_bias)


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 2, line 11: an affine map", modes=("eval",), direct=True)
def evaluation_gradients(trial: Trial) -> Comparison:
    """In eval dx = gamma dy / sqrt(running_var + eps), dgamma = sum(dy (x - running_mean) / sigma), dbeta = sum(dy)."""
    return grads_within(trial.evaluate().grads, trial.expected_evaluation(), trial.case)


@prop(source=f"{IOFFE_SZEGEDY}, section 3: BN(x + b) = BN(x)", implied_by=("training_gradient_of_the_input",))
def input_gradient_sums_to_zero(trial: Trial) -> Comparison:
    """sum(dx) = 0 over the rows: the output does not change with a constant added to the channel."""
    require_batch_statistics(trial)
    measured = relations.sum_of(trial.case.precision, input_gradient(trial), trial.expected().grad_x)
    return within("grad_x", *measured, Aspect.SUM)


@prop(source=f"{IOFFE_SZEGEDY}, section 3.3: BN((1 + a) x) = BN(x) but for eps", implied_by=("training_gradient_of_the_input",))
def input_gradient_against_x_hat_is_what_eps_leaves(trial: Trial) -> Comparison:
    """sum(dx x_hat) = gamma / sigma sum(dy x_hat) eps / (var + eps): scaling the input changes only what eps adds."""
    require_batch_statistics(trial)
    expected, case = trial.expected(), trial.modelled(trial.case)
    measured = relations.weighted_sum(case, input_gradient(trial), expected.grad_x, expected.x_hat)
    return within("grad_x", *measured, Aspect.SUM_WITH_X_HAT)


@prop(source="calculus: a derivative is linear")
def gradients_are_linear_in_the_upstream_gradient(trial: Trial) -> Comparison:
    """A small multiple of dy gives the small multiple of each gradient, and a sum of upstream gradients their sum."""
    case, expected = trial.case, trial.expected()
    upstream = transform.small_upstream(case), transform.mixed_upstream(case)
    return all_of(
        *(grads_within(trial.forward().backward(contiguous(dy)), expected.going_back_from(dy), case) for dy in upstream),
    )


@prop(source="github.com/pytorch/pytorch/issues/1866: the upstream gradient of a sum has stride 0")
def strided_upstream_gradients_agree(trial: Trial) -> Comparison:
    """The layout of dy changes nothing: transposed, sliced, or expanded from one row."""
    case, expected = trial.case, trial.expected()
    expanded = transform.expanded_upstream(case)
    laid_out = [(place(case.grad_y, layout), expected) for layout in ("transposed", "sliced")]
    laid_out.append((place(expanded, "expanded"), expected.going_back_from(expanded)))
    return all_of(*(grads_within(trial.forward().backward(dy), right, case) for dy, right in laid_out))


@prop(source="calculus: each partial derivative stands by itself")
def frozen_parameters_change_no_other_gradient(trial: Trial) -> Comparison:
    """Where weight and bias need no gradient, dx is as before."""
    case = trial.case
    step = trial.open(trainable=False).forward(place(case.x, case.layout), training=True)
    return within("grad_x", step.backward(place(case.grad_y, case.grad_layout)).x, trial.expected().grad_x)


@prop(source="calculus: each partial derivative stands by itself")
def inputs_without_gradient_change_no_other_gradient(trial: Trial) -> Comparison:
    """Where x needs no gradient, dgamma and dbeta are as before."""
    case = trial.case
    trial.require(case.affine)
    step = trial.open(input_gradient=False).forward(place(case.x, case.layout), training=True)
    grads = step.backward(place(case.grad_y, case.grad_layout))
    return grads_within(grads, trial.expected(), case, x=False)


@prop(
    source="github.com/pytorch/pytorch/pull/2268: a backward pass must leave what was saved for it", modes=("training", "eval")
)
def a_second_backward_pass_gives_the_same_bits(trial: Trial) -> Comparison:
    """Going back twice through the same forward pass gives the same gradients, in training and in eval."""
    case = trial.case
    compared = []
    for training in EVAL_FIRST:
        step = trial.forward(training=training)
        step.keep()
        first = step.backward(place(case.grad_y, case.grad_layout))
        second = step.backward(place(case.grad_y, case.grad_layout))
        compared += [
            same_bits("grad_x", second.x, first.x, Aspect.AGAIN),
            same_bits("grad_weight", second.weight, first.weight, Aspect.AGAIN),
            same_bits("grad_bias", second.bias, first.bias, Aspect.AGAIN),
        ]
    return all_of(*compared)


@prop(source=f"{IOFFE_SZEGEDY}, section 3: the gradients are those of the batch that made the output")
def a_backward_pass_belongs_to_its_own_forward_pass(trial: Trial) -> Comparison:
    """After a training step on another batch, going back through the first one still gives the first one's gradients."""
    case = trial.case
    session = trial.open()
    step = session.forward(place(case.x, case.layout), training=True)
    session.forward(contiguous(transform.another_batch(case)), training=True)
    return grads_within(step.backward(place(case.grad_y, case.grad_layout)), trial.expected(), case)


@prop(source="github.com/pytorch/pytorch/issues/13402", modes=("eval",))
def an_evaluation_gradient_survives_later_training(trial: Trial) -> Comparison:
    """After eval and then training on another batch, going back through eval uses the statistics that eval used, or raises."""
    case = trial.case
    trial.require(case.tracks)
    session = trial.open()
    step = session.forward(place(case.x, case.layout), training=False)
    session.forward(contiguous(transform.another_batch(case)), training=True)
    grads = step.backward(place(case.grad_y, case.grad_layout))
    if isinstance(grads.x, Wrong) and grads.x.fact.kind is Kind.RAISED:
        return fact(True, grads.x.fact)  # what is said aloud misleads nobody
    return grads_within(grads, trial.expected_evaluation(), case)


@prop(
    source="docs of torch.autograd: an array that is needed for the backward pass and was changed is an error",
    modes=("training", "eval"),
)
def arrays_written_over_give_no_wrong_gradient(trial: Trial) -> Comparison:
    """Where x, y or weight is written over between forward and backward pass, the gradients are the step's own, or it
    raises."""
    case, compared = trial.case, []
    for training in EVAL_FIRST:
        expected = trial.expected() if training else trial.expected_evaluation()
        for what in WRITTEN_OVER if case.affine else WRITTEN_OVER[:2]:
            step = trial.forward(training=training)
            step.overwrite(what)
            grads = step.backward(place(case.grad_y, case.grad_layout))
            said = isinstance(grads.x, Wrong) and grads.x.fact.kind is Kind.RAISED
            compared.append(fact(True, Fact(Kind.WRITTEN, what)) if said else grads_within(grads, expected, case))
    return all_of(*compared)
