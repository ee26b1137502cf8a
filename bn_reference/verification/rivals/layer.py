"""Slips of the layer: with eps and the root, with momentum and the running statistics, with weight and bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bn_reference import specification as spec
from bn_reference.cases.case import Array, Case
from bn_reference.oracle.bounded import Bounded
from bn_reference.verification.rivals.hypothesis import (
    STATE,
    Expect,
    Rival,
    Rules,
    expected,
    of_case,
    of_rules,
    step_of,
    truth,
    with_eps,
)

__all__ = ["OF_THE_PARAMETERS", "OF_THE_ROOT", "OF_THE_UPDATE"]

# eps, and the root


OF_THE_ROOT: tuple[Rival, ...] = (
    of_rules("eps_outside_the_root", "eps is added outside the root", deviation=lambda var, eps: np.sqrt(var) + eps),
    of_case("eps_left_out", "eps is left out", lambda case: case.but(eps=0.0)),
    of_rules("eps_squared", "eps is squared before it is added to the variance", deviation=lambda v, eps: np.sqrt(v + eps**2)),
    of_case("eps_fixed_at_1e-5", "eps is fixed at 1e-5, whatever was asked for", lambda case: case.but(eps=1e-5)),
    of_case("eps_fixed_at_1e-3", "eps is fixed at 1e-3, whatever was asked for", lambda case: case.but(eps=1e-3)),
    of_case("eps_held_in_float32", "eps is held in float32", lambda case: case.but(eps=float(np.float32(case.eps)))),
    of_rules("root_missing", "the root is missing: x is divided by var + eps", deviation=lambda var, eps: var + eps),
    of_rules("square_for_root", "var + eps is squared where its root belongs", deviation=lambda var, eps: (var + eps) ** 2),
)


# momentum, and the running statistics


def _momentum(change: Callable[[Case, float | None], float | None]) -> Callable[[Case], Case]:
    return lambda case: case.but(momentum=change(case, case.momentum))


def _cumulative(case: Case) -> float:
    """The weight of the k-th batch in the average of k."""
    return 1.0 / (case.batches + 1)


def _not_updated(which: tuple[str, ...]) -> Expect:
    return lambda case, training, what: truth(case, training and what not in which, what)


def _swapped(case: Case, training: bool, what: str) -> Bounded | None:
    """What belongs into one of the running statistics is found in the other."""
    other = dict(zip(STATE, reversed(STATE), strict=True)).get(what, what) if training else what
    return truth(case, training, other)


def _updated_in_eval(case: Case, training: bool, what: str) -> Bounded | None:
    return truth(case, training or (what in STATE and case.rows > 1), what)


def _twice(case: Case) -> Rules:
    def average(running: Any, new: Any, momentum: Any) -> Any:
        again = momentum / (1 + momentum) if case.momentum is None else momentum  # 1 / (k + 1) after 1 / k
        return spec.exponential_average(spec.exponential_average(running, new, momentum), new, again)

    return Rules(exponential_average=average)


def _samples_for_values(count: Callable[[int], int], freedom: Callable[[int], int]) -> Expect:
    """N / (N - 1), by what is made of one sample; where nothing is, N - 1 is 0 and nothing is said."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        n, left = count(len(case.x)), freedom(len(case.x))
        if left == 0:
            return None
        return expected(step_of(case, training, Rules(unbiased_variance=lambda var, m: var * n / left)), what)

    return expect


REVERSED = "momentum_reversed", "momentum is the weight of the old value, not of the new one"
IN_FLOAT32 = "momentum_held_in_float32", "momentum is held in float32"
BY_SAMPLES = "bessel_counts_samples", "the factor n / (n - 1) of the running variance has n = N, not N L"

OF_THE_UPDATE: tuple[Rival, ...] = (
    of_rules(
        "biased_running_variance",
        "the running variance takes the biased variance, without the factor n / (n - 1)",
        unbiased_variance=lambda var, m: var,
    ),
    Rival(*BY_SAMPLES, _samples_for_values(lambda n: n, lambda n: n - 1)),
    Rival(*BY_SAMPLES, _samples_for_values(lambda n: n, lambda n: max(n - 1, 1))),
    Rival(*BY_SAMPLES, _samples_for_values(lambda n: max(n, 2), lambda n: max(n - 1, 1))),
    of_rules(
        "running_deviation",
        "the running variance averages standard deviations",
        unbiased_variance=lambda var, m: np.sqrt(spec.unbiased_variance(var, m)),
    ),
    of_rules(
        "running_inverse_deviation",
        "the running variance averages 1 / sqrt(var + eps)",
        rules=with_eps(lambda eps: {"unbiased_variance": lambda var, m: (var * 0 + 1) / np.sqrt(var + eps)}),
    ),
    of_rules(
        "eps_in_the_running_variance",
        "eps is added to the variance before it goes into the running variance",
        rules=with_eps(lambda eps: {"unbiased_variance": lambda var, m: spec.unbiased_variance(var + eps, m)}),
    ),
    of_rules(
        "eps_in_bessels_factor",
        "the factor of the running variance is n / (n - 1 + eps), where it should be n / (n - 1)",
        rules=with_eps(lambda eps: {"unbiased_variance": lambda var, m: var * m / (m - 1 + eps)}),
    ),
    of_case(*REVERSED, _momentum(lambda case, f: None if f is None else 1.0 - f)),
    of_case(*REVERSED, _momentum(lambda case, f: 1.0 - (_cumulative(case) if f is None else f))),
    of_case(
        "momentum_taken_as_1", "momentum is taken as 1: the new value replaces the old one", _momentum(lambda case, f: 1.0)
    ),
    of_case(*IN_FLOAT32, _momentum(lambda case, f: None if f is None else float(np.float32(f)))),
    of_case(*IN_FLOAT32, _momentum(lambda case, f: float(np.float32(_cumulative(case) if f is None else f)))),
    of_case("momentum_fixed_at_0.1", "momentum is fixed at 0.1, whatever was asked for", _momentum(lambda case, f: 0.1)),
    of_case("none_taken_as_0.1", "momentum=None is taken as 0.1", _momentum(lambda case, f: 0.1 if f is None else f)),
    of_case("none_taken_as_0", "momentum=None is taken as 0", _momentum(lambda case, f: 0.0 if f is None else f)),
    of_case(
        "cumulative_weight_reversed",
        "with momentum=None the k-th batch has the weight 1 - 1/k, which belongs to the old average",
        _momentum(lambda case, f: 1.0 - _cumulative(case) if f is None else f),
    ),
    of_case("zero_taken_as_none", "momentum 0 is taken as None", _momentum(lambda case, f: f or None)),
    of_case(
        "first_batch_copied",
        "the first batch replaces the starting values, where it should be averaged with them",
        _momentum(lambda case, f: f if case.batches else 1.0),
    ),
    of_rules("updated_twice", "the running statistics are updated twice in one step", rules=_twice),
    Rival("running_statistics_not_updated", "the running statistics are not updated", _not_updated(STATE)),
    Rival("running_mean_not_updated", "the running mean is not updated", _not_updated(STATE[:1])),
    Rival("running_variance_not_updated", "the running variance is not updated", _not_updated(STATE[1:])),
    Rival("running_statistics_swapped", "running mean and running variance are exchanged", _swapped),
    Rival("updated_in_eval", "eval updates the running statistics as training does", _updated_in_eval),
)


# weight and bias


def _changed(name: str, make: Callable[[Array], Array]) -> Callable[[Case], Case]:
    """The case with another weight or bias, if it has one."""

    def change(case: Case) -> Case:
        values: Array | None = getattr(case, name)
        return case if values is None else case.but(**{name: make(values)})

    return change


def _one_more(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Section 3's gradients with 1 + gamma."""
    return lambda dy, x, mu, sigma, gamma: rule(dy, x, mu, sigma, gamma + 1)


OF_THE_PARAMETERS: tuple[Rival, ...] = (
    of_case("absolute_weight", "the absolute value of weight is used", _changed("weight", np.abs)),
    of_case("weight_not_used", "weight is not used", _changed("weight", np.ones_like)),
    of_rules(
        "one_added_to_the_weight",
        "1 + weight is used, where weight is to be used as it is",
        rules=lambda case: (
            Rules()
            if case.weight is None
            else Rules(
                scale_and_shift=lambda x_hat, gamma, beta: (gamma + 1) * x_hat + beta,
                training_gradients=_one_more(spec.training_gradients),
                inference_gradients=_one_more(spec.inference_gradients),
            )
        ),
    ),
    of_case("bias_not_used", "bias is not used", _changed("bias", np.zeros_like)),
    of_rules("bias_added_twice", "bias is added twice", scale_and_shift=lambda x_hat, gamma, beta: gamma * x_hat + beta + beta),
    of_rules("bias_subtracted", "bias is subtracted", scale_and_shift=lambda x_hat, gamma, beta: gamma * x_hat - beta),
)
