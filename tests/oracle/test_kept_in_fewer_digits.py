"""Running statistics in float32 beside float64: an update may round its products to float32, as flax.nnx does."""

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.conventions import LIBRARIES
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training

KEPT = LIBRARIES["flax"]
M = 1 - 0.9


def updated(case: Case, wrong: float = 0.0) -> np.ndarray:
    assert case.running_mean is not None
    old = np.float32(1 - M) * case.running_mean  # in float32
    return (old.astype(np.float64) + M * case.x.mean(axis=0) + wrong).astype(np.float32)


def test_an_average_that_is_kept_in_float32_may_be_made_in_float32_and_not_in_less() -> None:
    rng = np.random.default_rng(0)
    x, ones = rng.standard_normal((4, 200)) + 1.0, rng.uniform(1.0, 2.0, 200)
    case = Case(Pair("float64", "float64"), x, x, ones, ones, ones, ones, momentum=M, batches=3).kept_by(KEPT)
    expected = expect_training(case).state.mean

    assert within("running_mean", updated(case), expected).holds
    assert not within("running_mean", updated(case, wrong=2e-6), expected).holds
