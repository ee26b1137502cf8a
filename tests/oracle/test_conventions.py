"""What the oracle expects of other conventions, against code that keeps them and has nothing in common with it."""

from typing import Any

import numpy as np
import pytest

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case
from bn_reference.conventions import TORCH
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training

SINGLE = Pair("float32", "float32")
MOMENTUM = 0.25


def case_of(pair: Pair, x: Array, **changes: Any) -> Case:
    rng, channels = np.random.default_rng(1), x.shape[1]
    names = ("weight", "bias", "running_mean", "running_var")
    vectors = {name: rng.uniform(0.5, 2.0, channels).astype(pair.parameter_dtype) for name in names}
    grad_y = rng.standard_normal(x.shape).astype(pair.input_dtype)
    return Case(pair, x, grad_y, **vectors, **{"momentum": MOMENTUM, "batches": 3, **changes})


def test_a_variance_in_one_pass_has_a_root_where_it_may_come_out_negative() -> None:
    """Seven values of 333.3, of which E[x^2] - E[x]^2 is -0.0078 in float32."""
    case = case_of(SINGLE, np.full((7, 1), 333.3, np.float32))
    expected = expect_training(case.kept_by(TORCH.but(variance="one_pass"))).y

    assert np.isfinite(expected.bound).all()
    assert not within("y", np.full((7, 1), np.nan, np.float32), expected).holds


@pytest.mark.parametrize("size", [333.3, 1e4, 1e6])
def test_a_variance_in_one_pass_that_is_clamped_is_within_its_bound(size: float) -> None:
    x = np.full((7, 1), size, np.float32)
    case = case_of(SINGLE, x)
    mean = x.mean(0)
    var = np.maximum((x * x).mean(0) - mean * mean, np.float32(0))

    y = case.weight * (x - mean) / np.sqrt(var + np.float32(case.eps)) + case.bias

    assert within("y", y, expect_training(case.kept_by(TORCH.but(variance="one_pass"))).y).holds
