"""keras.layers.BatchNormalization, axis -1, on the backend that KERAS_BACKEND names: jax or torch."""

from __future__ import annotations

from typing import Any

import keras

from bn_reference.targets.protocol import UnusableTarget

BACKEND = keras.backend.backend()
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


if BACKEND == "jax":
    from bn_reference.targets.frameworks.of_keras_on_jax import Keras as Keras
elif BACKEND == "torch":
    from bn_reference.targets.frameworks.of_keras_on_torch import Keras as Keras  # type: ignore[assignment]
else:
    raise UnusableTarget(f"keras.layers:BatchNormalization is on {BACKEND}, but must be on jax or torch; set KERAS_BACKEND")
