"""A batch norm in a functional style: parameters and state are values, which go in and come out."""

import numpy as np


def batch_norm(params, state, x, training, momentum=0.1, eps=1e-5):
    """y, and the state after the step; channels come last, as in (N, C) and (N, L, C)."""
    if training:
        rows = tuple(range(x.ndim - 1))
        mean, var = x.mean(rows), x.var(rows)
        state = {
            "mean": state["mean"] + momentum * (mean - state["mean"]),
            "var": state["var"] + momentum * (var - state["var"]),
        }
    else:
        mean, var = state["mean"], state["var"]
    return (x - mean) / np.sqrt(var + eps) * params["scale"] + params["offset"], state
