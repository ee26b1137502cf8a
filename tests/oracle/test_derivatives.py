"""The oracle of derivatives: torch derives its values in float64, honest layers keep its bounds and come near them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Case
from bn_reference.cases.directions import direction_of
from bn_reference.cases.layouts import from_matrix, place
from bn_reference.cases.recipe import Recipe
from bn_reference.oracle.compare import within
from bn_reference.oracle.derivatives import (
    ExpectedDerivatives,
    expect_derivatives_of_inference,
    expect_derivatives_of_training,
)
from bn_reference.power.controls import CONTROLS
from bn_reference.targets.forms.torch_derivatives import tangent
from bn_reference.targets.forms.torch_module import TorchImplementation

SHAPES = ((2, 3), (3, 5, 1), (5, 8), (2, 4, 9), (33, 3), (1, 6, 40), (64, 5))
PROFILES = ("plain", "offset", "scaled", "outlier", "alternating")
SHARP = 0.02  # the worst ratio over these cases is not to be below it
HONEST = ("framework_function", "derived_gradient", "own_second_gradient", "var_mean_and_reciprocal_root")
QUANTITIES = ("tangent_y", "second_grad_x", "second_grad_weight", "second_grad_grad_y")


def seeded_cases(pair: Pair) -> list[Case]:
    def recipe(i: int) -> Recipe:
        eps = (1e-5, 1e-3, 0.125)[i % 3]
        return Recipe(pair, SHAPES[i % len(SHAPES)], PROFILES, i, eps, 0.1, True, True, i % 4 > 0, "contiguous", "contiguous")

    return [recipe(i).realize() for i in range(14)]


def expected_of(case: Case, training: bool) -> ExpectedDerivatives:
    return (expect_derivatives_of_training if training else expect_derivatives_of_inference)(case)


def torch_in_float64(case: Case, training: bool) -> dict[str, Any]:
    """What torch derives of the same numbers in float64."""
    x, dy, weight, bias, mean, var = (
        torch.from_numpy(np.ascontiguousarray(each, np.float64))
        for each in (case.x, case.grad_y, case.weight, case.bias, case.running_mean, case.running_var)
    )
    along = direction_of(case)
    directions = [torch.from_numpy(np.array(each, np.float64)) for each in (along.x.view(), along.weight, along.bias)]
    sources = [each.requires_grad_() for each in (x, weight, bias)]

    def output(x: Any, weight: Any, bias: Any) -> Any:
        return torch.nn.functional.batch_norm(x, mean.clone(), var.clone(), weight, bias, training, 0.1, case.eps)

    grads = torch.autograd.grad(output(*sources), sources, dy.requires_grad_(), create_graph=True)
    by_x, by_weight, by_dy = torch.autograd.grad(grads, (x, weight, dy), directions)
    vectors = {"weight": (weight, directions[1]), "bias": (bias, directions[2])}
    along_y = tangent(lambda batch, others: output(batch, **others), x.detach(), directions[0], vectors)
    second = (each.numpy() for each in (by_x, by_weight, by_dy))
    return dict(zip(QUANTITIES, (along_y, *second), strict=True))


@pytest.mark.parametrize("training", [True, False])
def test_the_values_are_those_of_torch_in_float64(training: bool) -> None:
    """To rounding alone: by the bounds of float64."""
    with np.errstate(all="ignore"):
        for case in seeded_cases(PAIRS[0]):
            wide, expected = torch_in_float64(case, training), expected_of(case, training)
            exact = expected_of(case.converted(PAIRS[1]), training)
            for what in QUANTITIES:
                value, bound = leading(getattr(expected, what).value), getattr(exact, what).bound
                value = from_matrix(value, case.x.shape) if value.ndim > 1 else value
                bound = from_matrix(bound, case.x.shape) if bound.ndim > 1 else bound
                assert (np.abs(wide[what] - value) <= bound).all(), what


def given(name: str, case: Case, training: bool) -> dict[str, Any]:
    (control,) = (each for each in CONTROLS if each.name == name)
    implementation = TorchImplementation(control.factory, name)
    x, along = place(case.x, case.layout), direction_of(case)
    step = implementation.open(case).forward(x, training=training)
    second = step.second(place(case.grad_y, case.grad_layout), along)
    along_y = implementation.open(case).tangent(x, along, training=training)
    return dict(zip(QUANTITIES, (along_y, second.x, second.weight, second.grad_y), strict=True))


@pytest.mark.parametrize("pair", PAIRS[:2], ids=str)
def test_honest_layers_keep_the_bounds_and_come_near_them(pair: Pair) -> None:
    worst: dict[str, float] = defaultdict(float)
    with np.errstate(all="ignore"):
        for case in seeded_cases(pair):
            for training in (True, False):
                expected = expected_of(case, training)
                for name in HONEST:
                    for what, seen in given(name, case, training).items():
                        ratio = within(what, seen, getattr(expected, what)).ratio or 0.0
                        worst[f"{what} {training}"] = max(worst[f"{what} {training}"], ratio)

    assert max(worst.values()) <= 1.0, dict(worst)
    assert min(worst.values()) >= SHARP, dict(worst)


@pytest.mark.parametrize(("pair", "digits"), [(PAIRS[0], 1e-3), (PAIRS[1], 1e-12)], ids=str)
def test_most_of_what_is_derived_is_seen_to_many_digits(pair: Pair, digits: float) -> None:
    """The median over these cases of the part of a value that an error must be to be seen."""
    found = defaultdict(list)
    with np.errstate(all="ignore"):
        for case in seeded_cases(pair):
            for training in (True, False):
                for what in QUANTITIES:
                    right = getattr(expected_of(case, training), what)
                    found[what, training].append(within(what, right.value, right).resolution)

    assert max(float(np.median(parts)) for parts in found.values()) < digits, found


def test_where_the_variance_is_zero_a_root_has_no_second_derivative_and_other_numbers_are_held_to_theirs() -> None:
    x = np.array([[3.0, 1.0], [3.0, 2.0], [3.0, 4.0]], np.float32)
    expected = expect_derivatives_of_training(Case(PAIRS[0], x, x[::-1].copy())).second_grad_x
    none, wrong = expected.value.copy(), expected.value.copy()
    none[:, 0], wrong[0, 0] = np.nan, expected.value[0, 0] + 2 * expected.bound[0, 0]

    assert within("second_grad_x", none, expected).holds
    assert not within("second_grad_x", np.full_like(none, np.nan), expected).holds
    assert not within("second_grad_x", wrong, expected).holds
