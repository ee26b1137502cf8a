"""flax.nnx.BatchNorm, channels last, with both ways to its variance."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.of_jax import OfJax


class Flax(OfJax):
    """The layer as it is by default, with a variance in one pass."""

    libraries = ("flax",)
    form = "flax.nnx.BatchNorm"
    conventions = LIBRARIES["flax"]
    fast = True

    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        mean, var, eps, momentum, _ = rest
        affine = {"use_bias": bias is not None, "use_scale": weight is not None}
        layer = nnx.BatchNorm(x.shape[-1], use_fast_variance=self.fast, **affine, rngs=nnx.Rngs(0))
        if weight is not None:
            layer.scale.value, layer.bias.value = weight, bias
        layer.mean.value, layer.var.value = mean.astype(jnp.float32), var.astype(jnp.float32)  # as it keeps them
        object.__setattr__(layer, "epsilon", eps)  # nnx takes no traced numbers as attributes
        object.__setattr__(layer, "momentum", momentum)
        y = layer(x, use_running_average=not training)
        return y, layer.mean.value, layer.var.value


class FlaxTwoPass(Flax):
    """The layer with ``use_fast_variance=False``."""

    form = "flax.nnx.BatchNorm(use_fast_variance=False)"
    conventions = LIBRARIES["flax"].but(variance="stable")
    fast = False
