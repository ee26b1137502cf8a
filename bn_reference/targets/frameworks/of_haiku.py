"""haiku.BatchNorm, channels last; its averages are zero-debiased, and count their updates."""

from __future__ import annotations

from typing import Any

import haiku as hk
import jax.numpy as jnp

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.of_jax import OfJax


class Haiku(OfJax):
    """The module, with the state that an average has after so many updates; momentum is its ``decay_rate``."""

    libraries = ("haiku",)
    form = "haiku.BatchNorm"
    conventions = LIBRARIES["haiku"]
    pairs = ("float32/float32", "float64/float64", "float16/float16", "bfloat16/bfloat16")
    momentum = tuple(momentum for momentum in OfJax.momentum if momentum > 0)  # the decay is in [0, 1)

    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        mean, var, eps, decay, batches = rest
        affine = weight is not None
        module = hk.transform_with_state(lambda x: hk.BatchNorm(affine, affine, decay, eps, name="bn")(x, training))
        rows = (1,) * (x.ndim - 1)
        parameters = {"bn": {"scale": weight.reshape(*rows, -1), "offset": bias.reshape(*rows, -1)}} if affine else {}
        weight_of_zero = 1 - jnp.power(decay, batches)
        state = {
            f"bn/~/{name}_ema": {
                "counter": jnp.asarray(batches, jnp.int32),
                "hidden": (value * weight_of_zero.astype(value.dtype)).reshape(*rows, -1),
                "average": value.reshape(*rows, -1),
            }
            for name, value in (("mean", mean), ("var", var))
        }
        y, state = module.apply(parameters, state, None, x)
        return y, state["bn/~/mean_ema"]["average"].reshape(-1), state["bn/~/var_ema"]["average"].reshape(-1)
