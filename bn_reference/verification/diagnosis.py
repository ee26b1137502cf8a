"""Diagnosis: which known slip explains what an implementation gave.

The oracle is evaluated again under *rival hypotheses*: other conventions and frequent slips. A rival is named where
everything that was seen in the failing mode lies within its bounds, as it does not lie within those of the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bn_reference import specification as spec
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison, within
from bn_reference.oracle.step import ExpectedStep, expect_inference, expect_training
from bn_reference.properties import Property
from bn_reference.properties.trial import Observation
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.time_limit import TimeLimit

__all__ = ["RIVALS", "Rival", "explain"]

Expect = Callable[[Case], ExpectedStep]


@dataclass(frozen=True)
class Rival:
    """A hypothesis: what it says, in words, and what it expects of a step in training and in eval."""

    sentence: str
    training: Expect
    evaluation: Expect


class Rules:
    """The specification with some of its functions replaced; told apart by identity, as the oracle keeps what it gave."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self.__dict__.update({**vars(spec), **functions})


def _slip(sentence: str, **functions: Callable[..., Any]) -> Rival:
    """The specification with some of its functions replaced."""
    rules = Rules(**functions)
    return Rival(sentence, lambda case: expect_training(case, rules), lambda case: expect_inference(case, rules))


def _other_case(sentence: str, change: Callable[[Case], Case]) -> Rival:
    """The specification on another case: a hyperparameter or parameter that was misread."""
    return Rival(sentence, lambda case: expect_training(change(case)), lambda case: expect_inference(change(case)))


def _without_mean_term(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    right = spec.training_gradients(dy, x, mu, sigma, gamma)
    return right._replace(x=right.x + (dy * gamma).sum(axis=0) / sigma / x.shape[0])


def _without_variance_term(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    right = spec.training_gradients(dy, x, mu, sigma, gamma)
    x_hat = spec.normalize(x, mu, sigma)
    return right._replace(x=right.x + x_hat * (dy * gamma * x_hat).sum(axis=0) / x.shape[0] / sigma)


def _reversed_momentum(case: Case) -> Case:
    return case if case.momentum is None else case.but(momentum=1.0 - case.momentum)


def _abs_weight(case: Case) -> Case:
    return case if case.weight is None else case.but(weight=np.abs(case.weight))


def _zero_bias(case: Case) -> Case:
    return case if case.bias is None else case.but(bias=np.zeros_like(case.bias))


def _unit_weight(case: Case) -> Case:
    return case if case.weight is None else case.but(weight=np.ones_like(case.weight))


RIVALS: tuple[Rival, ...] = (
    _slip(
        "the running variance takes the biased variance, without the factor n / (n - 1)", unbiased_variance=lambda var, m: var
    ),
    _other_case("momentum is the weight of the old value, not of the new one", _reversed_momentum),
    _slip("eps is added outside the root", deviation=lambda var, eps: np.sqrt(var) + eps),
    _other_case("eps is left out", lambda case: case.but(eps=0.0)),
    _other_case("eps is fixed at 1e-5, whatever was asked for", lambda case: case.but(eps=1e-5)),
    _other_case("eps is fixed at 1e-3, whatever was asked for", lambda case: case.but(eps=1e-3)),
    _slip("the root is missing: x is divided by var + eps", deviation=lambda var, eps: var + eps),
    _slip(
        "the batch is normalized with the unbiased variance",
        biased_variance=lambda x, mu: spec.unbiased_variance(spec.biased_variance(x, mu), x.shape[0]),
        unbiased_variance=lambda var, m: var,
    ),
    _other_case(
        "momentum=None is taken as 0.1", lambda case: case.but(momentum=case.momentum if case.momentum is not None else 0.1)
    ),
    _other_case(
        "momentum=None is taken as 0", lambda case: case.but(momentum=case.momentum if case.momentum is not None else 0.0)
    ),
    _other_case("momentum 0 is taken as None", lambda case: case.but(momentum=case.momentum or None)),
    _other_case("the running statistics are not updated", lambda case: case.but(momentum=0.0)),
    _other_case("the absolute value of weight is used", _abs_weight),
    _other_case("weight is not used", _unit_weight),
    _other_case("bias is not used", _zero_bias),
    _slip("the gradient of x misses the term of the mean", training_gradients=_without_mean_term),
    _slip("the gradient of x misses the term of the variance", training_gradients=_without_variance_term),
    _slip(
        "the training gradient is that of eval: mean and variance are taken as constants",
        training_gradients=spec.inference_gradients,
    ),
    _slip(
        "the gradient in eval is that of training, through the batch's statistics", inference_gradients=spec.training_gradients
    ),
    Rival("training normalizes with the running statistics", expect_inference, expect_inference),
    Rival("eval normalizes with the statistics of the batch", expect_training, expect_training),
)


def explain(
    implementation: Implementation, limit: TimeLimit, property: Property, found: Comparison, cases: Sequence[Case]
) -> str:
    """The slip that explains it, in a sentence; empty where none does, or where the rule is about something else."""
    return ""


def _rival(seen: Observation, case: Case, training: bool, broken: list[str]) -> str:
    """The rival that explains everything; failing that, one that explains what is broken."""
    explained: list[str] = []
    for rival in RIVALS:
        expected = (rival.training if training else rival.evaluation)(case)
        wrong = {c.what for c in _comparisons(seen, expected) if not c.holds}
        if not wrong:
            return rival.sentence
        if not wrong & set(broken):
            explained.append(rival.sentence)
    return explained[0] if explained else ""


def _comparisons(seen: Observation, expected: ExpectedStep) -> Iterator[Comparison]:
    yield within("y", seen.y, expected.y)
    if expected.state.mean is not None and expected.state.var is not None:
        yield within("running_mean", seen.state.mean, expected.state.mean)
        yield within("running_var", seen.state.var, expected.state.var)
    for what, actual, right in (
        ("grad_x", seen.grads.x, expected.grad_x),
        ("grad_weight", seen.grads.weight, expected.grad_weight),
        ("grad_bias", seen.grads.bias, expected.grad_bias),
    ):
        if actual is not None:
            yield within(what, actual, right)
