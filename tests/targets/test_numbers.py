"""Numbers that no argument sets are seen in what a target does, and none is taken for another."""

from typing import Any

import numpy as np
import pytest
from verdicts import formed

from bn_reference.targets.forms import functions
from bn_reference.targets.forms.functions import FunctionImplementation


def layer_with(weight: float) -> type:
    """A class in whose code alone the weight of the new batch stands."""

    class Layer:
        def __init__(self, dim: int, eps: float = 1e-5) -> None:
            self.eps, self.training = eps, True
            self.gamma, self.beta = np.ones(dim, np.float32), np.zeros(dim, np.float32)
            self.running_mean, self.running_var = np.zeros(dim, np.float32), np.ones(dim, np.float32)

        def __call__(self, x: Any) -> Any:
            mean, var = self.running_mean, self.running_var
            if self.training:
                mean, var = x.mean(axis=0), x.var(axis=0)
                self.running_mean = (1 - weight) * self.running_mean + weight * mean
                self.running_var = (1 - weight) * self.running_var + weight * var
            return self.gamma * (x - mean) / np.sqrt(var + self.eps) + self.beta

    return Layer


def layer_that_keeps(share: float) -> type:
    """A class whose momentum is an attribute, and the weight of the old value."""

    class Layer(layer_with(1.0 - share)):  # type: ignore[misc]
        def __init__(self, dim: int, eps: float = 1e-5) -> None:
            super().__init__(dim, eps)
            self.momentum = share

    return Layer


@pytest.mark.parametrize("weight", [0.1, 0.01, 0.001, 0.015])
def test_the_weight_of_the_new_batch_is_seen_however_small_it_is(weight: float) -> None:
    assert formed(layer_with(weight)).domain.momentum == (weight,)


def test_a_layer_whose_statistics_do_not_move_is_asked_for_what_torch_does() -> None:
    assert formed(layer_with(0.0)).domain.momentum == (0.1,)


@pytest.mark.parametrize("share", [0.9, 0.51, 0.495])
def test_what_an_attribute_weights_is_told_by_the_nearer_of_both(share: float) -> None:
    assert formed(layer_that_keeps(share)).domain.momentum == (1.0 - share,)


@pytest.mark.parametrize("weight", [0.1, 0.01, 0.0001])
def test_the_weight_in_a_functions_code_is_seen_however_small_it_is(weight: float) -> None:
    def batch_norm(x: Any, gamma: Any, beta: Any, moving_mean: Any, moving_var: Any, training: bool, eps: float) -> Any:
        mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (moving_mean, moving_var)
        if training:
            moving_mean[...] = (1 - weight) * moving_mean + weight * mean
            moving_var[...] = (1 - weight) * moving_var + weight * var
        return gamma * (x - mean) / np.sqrt(var + eps) + beta

    found = functions.recognize("it", batch_norm)

    assert isinstance(found, FunctionImplementation), found
    assert found.domain.momentum == (weight,)
