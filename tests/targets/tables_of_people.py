"""Pure functions with their parameters and statistics in tables, and factories of pairs of functions; right and wrong ones."""

from typing import Any, NamedTuple

import numpy as np
import torch


def of_two_tables(params: dict[str, Any], state: dict[str, Any], x: Any, training: bool = True, decay: float = 0.9) -> Any:
    mean, var = state["mean"], state["var"]
    if training:
        mean, var = x.mean(0), x.var(0, unbiased=False)
        state = {"mean": decay * state["mean"] + (1 - decay) * mean, "var": decay * state["var"] + (1 - decay) * var}
    return (x - mean) / (var + 1e-3).sqrt() * params["gamma"] + params["beta"], state


def of_two_tables_hasty(params: dict[str, Any], state: dict[str, Any], x: Any, training: bool = True) -> Any:
    """Moves the variance by the batch's mean."""
    mean, var = state["mean"], state["var"]
    if training:
        mean, var = x.mean(0), x.var(0, unbiased=False)
        state = {"mean": 0.9 * state["mean"] + 0.1 * mean, "var": 0.9 * state["var"] + 0.1 * mean.abs()}
    return (x - mean) / (var + 1e-3).sqrt() * params["gamma"] + params["beta"], state


def of_one_table(x: Any, params: dict[str, Any], train: bool = True) -> Any:
    """Writes into its table."""
    mean, var = params["running_mean"], params["running_var"]
    if train:
        mean, var = np.mean(x, axis=0), np.var(x, axis=0)
        params["running_mean"] = 0.75 * params["running_mean"] + 0.25 * mean
        params["running_var"] = 0.75 * params["running_var"] + 0.25 * var
    return params["scale"] * (x - mean) / np.sqrt(var + 1e-3) + params["offset"]


class Kept(NamedTuple):
    mean: Any
    var: Any
    count: int


def of_a_named_tuple(x: Any, weight: Any, bias: Any, state: Kept, training: bool, momentum: float = 0.1) -> Any:
    mean, var = state.mean, state.var
    if training:
        mean, var = x.mean(0), x.var(0, unbiased=False)
        state = Kept(torch.lerp(state.mean, mean, momentum), torch.lerp(state.var, var, momentum), state.count + 1)
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias, state


def pair(channels: int, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    def init(seed: int) -> Any:
        del seed
        return {"w": np.ones(channels), "b": np.zeros(channels)}, {"mu": np.zeros(channels), "var": np.ones(channels)}

    def apply(params: Any, state: Any, x: Any, is_training: bool) -> Any:
        mean, var = state["mu"], state["var"]
        if is_training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            state = {
                "mu": (1 - momentum) * state["mu"] + momentum * mean,
                "var": (1 - momentum) * state["var"] + momentum * var,
            }
        return (x - mean) / np.sqrt(var + eps) * params["w"] + params["b"], state

    return init, apply


def pair_twice_eps(channels: int, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    return pair(channels, momentum, 2 * eps)


def of_images(x: Any, params: dict[str, Any]) -> Any:
    """No batch norm: there is no bias among its parameters."""
    return x * params["scale"]
