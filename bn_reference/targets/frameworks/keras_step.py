"""A step of keras.layers.BatchNormalization, axis -1, whatever the backend."""

from __future__ import annotations

from typing import Any

import keras

PAIRS = ("float32/float32", "float64/float64", "float16/float32", "bfloat16/float32", "float16/float16", "bfloat16/bfloat16")
POLICIES = dict(zip(PAIRS, ("float32", "float64", "mixed_float16", "mixed_bfloat16", "float16", "bfloat16"), strict=True))


def step(training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
    """``(y, mean, var)`` of a layer of the dtype policy that its arrays say; rest is ``mean, var, eps, momentum``."""
    mean, var, eps, momentum = rest[:4]
    affine = weight is not None
    pair = f"{keras.backend.standardize_dtype(x.dtype)}/{keras.backend.standardize_dtype(mean.dtype)}"
    layer = keras.layers.BatchNormalization(center=affine, scale=affine, dtype=POLICIES[pair])
    layer.build(tuple(x.shape))
    layer.epsilon, layer.momentum = eps, momentum  # the constructor makes numbers of them, which jax traces
    y, (mean, var) = layer.stateless_call([weight, bias] if affine else [], [mean, var], x, training=training)
    return y, mean, var
