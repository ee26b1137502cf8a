"""What layers often begin with is met often: ones and zeros, equal vectors, weights near one, gradients of zero."""

from collections.abc import Callable

import numpy as np
import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.recipe import Recipe

OFTEN = 0.05  # of the cases, at least


def case_of(seed: int) -> Case:
    return Recipe(PAIRS[0], (6, 4), ("plain",), seed, 1e-5, 0.1, True, True, True, "contiguous", "contiguous").realize()


CASES = [case_of(seed) for seed in range(100)]


@pytest.mark.parametrize(
    "is_met",
    [
        lambda c: (c.weight == 1).all() and (c.bias == 0).all() and (c.running_mean == 0).all() and (c.running_var == 1).all(),
        lambda c: (c.weight == c.running_var).all() and (c.bias == c.running_mean).all(),
        lambda c: (np.abs(c.weight - 1) < 0.05).all() and (c.weight != 1).any(),
        lambda c: (c.weight == 0).any() and (c.weight != 0).any(),
        lambda c: (c.weight < 0).any(),
        lambda c: (c.grad_y == 0).all(axis=1).any() and (c.grad_y == 0).all(axis=0).any() and (c.grad_y != 0).any(),
    ],
)
def test_it_is_met_often(is_met: Callable[[Case], bool]) -> None:
    assert np.mean([bool(is_met(case)) for case in CASES]) >= OFTEN


def test_half_of_the_cases_begin_as_drawn() -> None:
    plain = [case for case in CASES if len(set(case.weight.tolist())) == 4 and np.abs(case.weight - 1).max() > 0.05]

    assert len(plain) >= len(CASES) // 2
