"""What batch norms on jax have in common: float64 enabled, a step compiled for each shape, gradients by ``jax.vjp``."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from bn_reference.targets.frameworks.weights import OLD
from bn_reference.targets.functional import Functional

jax.config.update("jax_enable_x64", True)


class OfJax(Functional):
    """A batch norm on jax; subclasses give its step. All numbers are traced, so that it is compiled for shapes alone."""

    momentum_weights = "old"
    momentum: tuple[float, ...] = OLD
    tracks = (True,)
    channels_last = True
    layouts = grad_layouts = False  # jax has no strides

    def to_array(self, array: Any) -> Any:
        return jnp.asarray(array)

    @abstractmethod
    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        """``(y, mean, var)``; rest is ``mean, var, eps, momentum, batches``, momentum as the library has it."""

    @cached_property
    def compiled(self) -> tuple[Any, Any]:
        """The step, and its gradients."""

        def gradients(training: bool, grad_y: Any, x: Any, weight: Any, bias: Any, *rest: Any) -> Any:
            y, go_back = jax.vjp(lambda *given: self.step(training, *given, *rest)[0], x, weight, bias)
            return go_back(grad_y.astype(y.dtype))

        return jax.jit(self.step, static_argnums=0), jax.jit(gradients, static_argnums=0)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        return self.compiled[0](training, x, weight, bias, mean, var, eps, 1 - momentum, self.batches)

    def backward(self, grad_y: Any, x: Any, weight: Any, bias: Any, *rest: Any) -> Any:
        mean, var, training, eps, momentum = rest
        return self.compiled[1](training, grad_y, x, weight, bias, mean, var, eps, 1 - momentum, self.batches)
