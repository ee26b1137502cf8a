"""What the oracle expects of other conventions, against code that keeps them and has nothing in common with it."""

from typing import Any

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case
from bn_reference.conventions import TORCH, Conventions
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training

SINGLE, DOUBLE = Pair("float32", "float32"), Pair("float64", "float64")
RUNNING = TORCH.but(training="running")
MOMENTUM = 0.25


def case_of(pair: Pair, x: Array, **changes: Any) -> Case:
    rng, channels = np.random.default_rng(1), x.shape[1]
    names = ("weight", "bias", "running_mean", "running_var")
    vectors = {name: rng.uniform(0.5, 2.0, channels).astype(pair.parameter_dtype) for name in names}
    grad_y = rng.standard_normal(x.shape).astype(pair.input_dtype)
    return Case(pair, x, grad_y, **vectors, **{"momentum": MOMENTUM, "batches": 3, **changes})


def moving(case: Case, weight_of_new: float, *, through: bool) -> tuple[Array, ...]:
    """y and the gradient of x by torch's autograd, in training that normalizes with the running statistics."""
    x = torch.tensor(case.x, requires_grad=True)
    unbiased = case.conventions.running_variance == "unbiased"
    mean, var = x.mean(0), x.var(0, unbiased=unbiased)
    mean, var = (
        (1 - weight_of_new) * torch.tensor(kept) + weight_of_new * new
        for kept, new in ((case.running_mean, mean), (case.running_var, var))
    )
    if not through:
        mean, var = mean.detach(), var.detach()
    y = torch.tensor(case.weight) * (x - mean) / torch.sqrt(var + case.eps) + torch.tensor(case.bias)
    (grad_x,) = torch.autograd.grad(y, x, torch.tensor(case.grad_y))
    return y.detach().numpy(), grad_x.numpy()


@pytest.mark.parametrize(
    ("conventions", "batches", "weight"),
    [
        (RUNNING, 3, MOMENTUM),
        (RUNNING.but(running_variance="biased"), 3, MOMENTUM),
        (RUNNING.but(running_variance="biased", first_batches="copied"), 3, MOMENTUM),
        (RUNNING.but(running_variance="biased", first_batches="copied"), 0, 1.0),
    ],
)
def test_gradients_go_through_the_statistics_that_normalize(conventions: Conventions, batches: int, weight: float) -> None:
    x = np.random.default_rng(0).standard_normal((7, 3))
    case = case_of(DOUBLE, x, batches=batches).kept_by(conventions)

    (y, grad_x), (_, of_constants) = (moving(case, weight, through=through) for through in (True, False))

    assert within("y", y, expect_training(case).y).holds
    assert within("grad_x", grad_x, expect_training(case).grad_x).holds
    assert not within("grad_x", of_constants, expect_training(case).grad_x).holds


def test_a_copied_first_batch_is_normalized_with_its_own_statistics() -> None:
    x = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    case = case_of(SINGLE, x, batches=0)
    copied = case.kept_by(RUNNING.but(running_variance="biased", first_batches="copied"))

    for what in ("y", "grad_x", "grad_weight", "grad_bias"):
        expected: Any = getattr(expect_training(copied), what)
        assert within(what, np.asarray(getattr(expect_training(case), what).value), expected).holds


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


@pytest.mark.parametrize("kept", [(), ("weight", "bias"), ("running_mean", "running_var")])
def test_outputs_are_promoted_with_what_there_is(kept: tuple[str, ...]) -> None:
    absent: dict[str, Any] = {name: None for name in ("weight", "bias", "running_mean", "running_var") if name not in kept}
    pair = Pair("bfloat16", "float32")
    case = case_of(pair, np.zeros((2, 3), pair.input_dtype)).but(**absent)

    promoted = case.kept_by(TORCH.but(output="promoted")).precision.output_format

    assert promoted.name == ("float32" if kept else "bfloat16")
