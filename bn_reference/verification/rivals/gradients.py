"""Slips of the backward pass, while what goes forward is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bn_reference import specification as spec
from bn_reference.cases.case import Case
from bn_reference.oracle.bounded import Bounded
from bn_reference.verification.rivals.hypothesis import Rival, Rules, of_rules, truth

__all__ = ["OF_THE_GRADIENTS", "in_short_form"]

Backward = Callable[..., spec.Gradients]


def _without_mean_term(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    right = spec.training_gradients(dy, x, mu, sigma, gamma)
    return right._replace(x=right.x + (dy * gamma).sum(axis=0) / sigma / x.shape[0])


def _variance_term(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> Any:
    """What the dependence of the variance on x adds to the gradient of x."""
    x_hat = spec.normalize(x, mu, sigma)
    return -(x_hat * (dy * gamma * x_hat).sum(axis=0) / x.shape[0] / sigma)


def _without_variance_term(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    right = spec.training_gradients(dy, x, mu, sigma, gamma)
    return right._replace(x=right.x - _variance_term(dy, x, mu, sigma, gamma))


def _variance_term_by_m_minus_1(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    right = spec.training_gradients(dy, x, mu, sigma, gamma)
    return right._replace(x=right.x + _variance_term(dy, x, mu, sigma, gamma) / (x.shape[0] - 1))


def in_short_form(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
    """Training's gradient in its short form, which takes for granted that x_hat has the mean 0."""
    m, x_hat = x.shape[0], spec.normalize(x, mu, sigma)
    centred = dy - dy.sum(axis=0) / m - x_hat * ((dy * x_hat).sum(axis=0) / m)
    return spec.inference_gradients(dy, x, mu, sigma, gamma)._replace(x=gamma / sigma * centred)


def _without_gamma(rule: Backward) -> Backward:
    """The gradient of x without the factor gamma: that of x_hat's own normalization."""

    def gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
        return rule(dy, x, mu, sigma, gamma)._replace(x=rule(dy, x, mu, sigma, gamma * 0 + 1).x)

    return gradients


def _bias_by_x_hat(rule: Backward) -> Backward:
    def gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> spec.Gradients:
        return rule(dy, x, mu, sigma, gamma)._replace(beta=spec.normalize(x, mu, sigma).sum(axis=0))

    return gradients


def _divided(field: str, by: Callable[[Case], int]) -> Callable[[Case], Rules]:
    """One gradient divided by a number that depends on the shape."""

    def rules(case: Case) -> Rules:
        def divided(rule: Backward) -> Backward:
            def gradients(*symbols: Any) -> spec.Gradients:
                right = rule(*symbols)
                return right._replace(**{field: getattr(right, field) / by(case)})

            return gradients

        return both(divided)

    return rules


def both(change: Callable[[Backward], Backward]) -> Rules:
    """The same change of the backward pass in training and in eval."""
    return Rules(training_gradients=change(spec.training_gradients), inference_gradients=change(spec.inference_gradients))


def _by_rows(name: str, what: str, field: str) -> tuple[Rival, ...]:
    return (
        of_rules(
            f"{name}_is_a_mean",
            f"the gradient of {what} is a mean where it should be a sum: it is divided by N L",
            rules=_divided(field, lambda case: case.rows),
        ),
        of_rules(
            f"{name}_divided_by_samples",
            f"the gradient of {what} is divided by the number of samples N",
            rules=_divided(field, lambda case: len(case.x)),
        ),
    )


def _multiplied(case: Case) -> Rules:
    def change(rule: Backward) -> Backward:
        def gradients(*symbols: Any) -> spec.Gradients:
            right = rule(*symbols)
            return right._replace(x=right.x * case.rows)

        return gradients

    return both(change)


def _of_training_in_eval(case: Case, training: bool, what: str) -> Bounded | None:
    """Eval goes back as if it had normalized with the batch's own statistics."""
    return truth(case, training or what.startswith("grad"), what)


_WITHOUT_GAMMA, _BIAS_BY_X_HAT = both(_without_gamma), both(_bias_by_x_hat)
IN_EVAL = "gradient_in_eval_is_that_of_training", "the gradient in eval is that of training, through the batch's statistics"

OF_THE_GRADIENTS: tuple[Rival, ...] = (
    of_rules("mean_term_missing", "the gradient of x misses the term of the mean", training_gradients=_without_mean_term),
    of_rules(
        "variance_term_missing", "the gradient of x misses the term of the variance", training_gradients=_without_variance_term
    ),
    of_rules(
        "variance_term_by_m_minus_1",
        "in the gradient of x the term of the variance is divided by n - 1, not n",
        training_gradients=_variance_term_by_m_minus_1,
    ),
    of_rules(
        "statistics_taken_for_constants",
        "the training gradient is that of eval: mean and variance are taken as constants",
        training_gradients=spec.inference_gradients,
    ),
    of_rules(*IN_EVAL, inference_gradients=spec.training_gradients),
    of_rules(*IN_EVAL, inference_gradients=in_short_form),
    Rival(*IN_EVAL, _of_training_in_eval),
    of_rules("gradient_without_weight", "the gradient of x misses the factor weight", rules=lambda case: _WITHOUT_GAMMA),
    of_rules(
        "bias_gradient_sums_x_hat",
        "the gradient of bias sums the normalized batch, where it should sum the upstream gradient",
        rules=lambda case: _BIAS_BY_X_HAT,
    ),
    *_by_rows("grad_x", "x", "x")[:1],
    *_by_rows("grad_weight", "weight", "gamma"),
    *_by_rows("grad_bias", "bias", "beta"),
    of_rules("grad_x_not_divided_by_m", "the gradient of x is multiplied by N L", rules=_multiplied),
)
