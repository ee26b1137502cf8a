"""More kinds that were met in public code: constants that hide, statistics in a table, a way back that forgets."""

from typing import Any

import kernel_benchmark as benchmark
import numpy as np
import pytest
import torch
from torch import nn
from verdicts import formed

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.targets.recognition import load_target
from bn_reference.verification.demand import Demand
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

MEAN, VARIANCE = "one_step_moves_the_running_mean", "one_step_moves_the_running_variance"
GRADIENT, AGAIN = "training_gradient_of_the_input", "a_second_backward_pass_gives_the_same_bits"
EVALUATION, FRESH = "evaluation_uses_the_running_statistics", "a_fresh_layer_starts_neutral"


def statuses(target: Any, *rules: str) -> list[str]:
    results = verify(target, dtypes=["float32"], properties=rules, examples=4, conventions="auto").results
    return [next(result.status for result in results if result.property == rule) for rule in rules]


def broken(target: Any, *rules: str) -> set[str]:
    """Those of the rules that are seen broken, with nothing made small."""
    judge = Judge(load_target(target), Budget(examples=4, demand=Demand(accepts_all=True, by_default=False)))
    judge.settle()
    found = judge.broken([property for property in PROPERTIES if property.name in rules], PAIRS[0])
    return {name for name, how in found.items() if how}


class FoldedWithoutEps(nn.Module):
    """Right: a frozen layer that folds what it has into a factor and a shift, with no eps at all."""

    shifts = 1.0

    def __init__(self, planes: int) -> None:
        super().__init__()
        for name, start in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((planes,), start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factor = self.weight / self.running_var.sqrt()
        shift = self.bias - self.shifts * self.running_mean * factor
        return x * factor.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


class FoldedWrongly(FoldedWithoutEps):
    shifts = -1.0


class NextToNoEps:
    """Right but for a momentum of its own: its eps stands in its code alone, and no batch shows it; its way back forgets."""

    def __init__(self, size: int) -> None:
        self.gamma, self.beta = np.ones(size), np.zeros(size)
        self.running_mean, self.running_var = np.zeros(size), np.ones(size)
        self.kept: Any = None

    def forward(self, x: Any, training: bool = True) -> Any:
        mean, var = (x.mean(0), x.var(0)) if training else (self.running_mean, self.running_var)
        if training:
            self.running_mean, self.running_var = (
                0.875 * old + 0.125 * new for old, new in ((self.running_mean, mean), (self.running_var, var))
            )
        deviation = np.sqrt(var + 1e-30)
        self.kept = (x - mean) / deviation, deviation
        return self.gamma * self.kept[0] + self.beta

    def backward(self, grad: Any) -> Any:
        x_hat, deviation = self.kept
        self.kept = None
        self.dgamma, self.dbeta = (grad * x_hat).sum(0), grad.sum(0)
        grad = grad * self.gamma
        return (grad - grad.mean(0) - x_hat * (grad * x_hat).mean(0)) / deviation


def with_table(
    x: Any, gamma: Any, beta: Any, running_mean: Any, running_var: Any, momentum: float, eps: float, mode: str
) -> Any:
    """Right: the new statistics come in a table, behind a cache which has those of the batch."""
    cache = None
    mean, var = running_mean, running_var
    if mode == "train":
        mean, var = x.mean(0), x.var(0)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
        cache = {"mean": mean, "var": var}
    y = gamma * (x - mean) / np.sqrt(var + eps) + beta
    return y, cache, {"mode": mode, "running_mean": running_mean, "running_var": running_var}


def with_old_table(
    x: Any, gamma: Any, beta: Any, running_mean: Any, running_var: Any, momentum: float, eps: float, mode: str
) -> Any:
    y, cache, _ = with_table(x, gamma, beta, running_mean, running_var, momentum, eps, mode)
    return y, cache, {"running_mean": running_mean, "running_var": running_var}


def test_a_frozen_layer_without_eps_is_taken_and_held_to_what_it_does() -> None:
    found = formed(FoldedWithoutEps)

    assert (found.domain.eps, found.form) == (0.0, "torch.nn.Module, handed (N, C, H, W), inference alone")
    assert statuses(FoldedWithoutEps, EVALUATION) == ["passed"]
    assert broken(FoldedWrongly, EVALUATION) == {EVALUATION}


def test_an_eps_that_no_batch_shows_is_seen_where_the_running_variance_is_zero() -> None:
    assert formed(NextToNoEps).domain.eps == 1e-30


def test_a_way_back_that_forgets_what_it_goes_through_is_not_asked_for_twice() -> None:
    assert statuses(NextToNoEps, GRADIENT, AGAIN) == ["passed", "unsupported"]


def test_running_statistics_are_found_in_a_table_beside_a_cache() -> None:
    assert statuses(with_table, MEAN, VARIANCE) == ["passed", "passed"]
    assert broken(with_old_table, MEAN, VARIANCE) == {MEAN, VARIANCE}


def test_a_model_may_be_given_a_list_of_arguments_and_options_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load_target(benchmark.ByHand)
    monkeypatch.setattr(benchmark, "get_init_inputs", lambda: [[], {"num_features": benchmark.features}])

    found = load_target(benchmark.ByHand)

    assert (found.form, found.domain) == (usual.form, usual.domain)


def test_a_layer_with_a_weight_and_no_bias_is_said_to_be_one() -> None:
    class WithoutBias(nn.BatchNorm1d):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.bias = None  # type: ignore[assignment]

    with pytest.raises(UnusableTarget, match="it has a weight and no bias, and layers of one alone are not verified"):
        load_target(WithoutBias)


class Pair:
    """Right: a class whose objects have the two functions that make tables and are called with them."""

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.875) -> None:
        self.features, self.eps, self.momentum = features, eps, momentum

    def init(self, key: Any = None) -> Any:
        ones = np.ones(self.features)
        return {"scale": ones, "offset": ones - 1}, {"mean": ones - 1, "var": ones}

    def apply(self, params: Any, state: Any, x: Any, is_training: bool = True) -> Any:
        mean, var = (x.mean(0), x.var(0)) if is_training else (state["mean"], state["var"])
        if is_training:
            f = self.momentum
            state = {"mean": f * state["mean"] + (1 - f) * mean, "var": f * state["var"] + (1 - f) * var}
        return params["scale"] * (x - mean) / np.sqrt(var + self.eps) + params["offset"], state


class PairLeftBehind(Pair):
    def apply(self, params: Any, state: Any, x: Any, is_training: bool = True) -> Any:
        return super().apply(params, state, x, is_training)[0], state


class Constants(nn.Module):
    """Right but for the names of its parameters, which are constants where it has none; images alone."""

    def __init__(self, num_features: int, affine: bool = True, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum, shape = eps, momentum, (1, num_features, 1, 1)
        self.alpha = nn.Parameter(torch.ones(shape), requires_grad=affine)
        self.beta = nn.Parameter(torch.zeros(shape), requires_grad=affine)
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, var, m = self.running_mean, self.running_var, x[:, 0].numel()
        if self.training:
            mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * (m / (m - 1)), self.momentum)
        return (x - mean) / torch.sqrt(var + self.eps) * self.alpha + self.beta


class TrainedAllTheSame(Constants):
    def __init__(self, num_features: int, affine: bool = True, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(num_features, True, eps, momentum)


def test_a_class_of_init_and_apply_is_a_pair_of_functions() -> None:
    assert load_target(Pair).form.startswith("pair of functions (x, weight, bias, running_mean, running_var, ")
    assert statuses(Pair, MEAN, VARIANCE, EVALUATION) == ["passed"] * 3
    assert broken(PairLeftBehind, MEAN, EVALUATION) == {MEAN}


def test_the_one_parameter_that_is_left_is_the_weight_where_it_begins_as_one() -> None:
    assert formed(Constants).plan.slots["weight"].name == "alpha"


def test_constants_in_place_of_parameters_are_no_parameters() -> None:
    assert broken(Constants, FRESH) == set()
    assert broken(TrainedAllTheSame, FRESH) == {FRESH}
