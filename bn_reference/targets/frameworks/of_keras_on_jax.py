"""keras.layers.BatchNormalization on jax."""

from __future__ import annotations

from typing import Any

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks import keras_step
from bn_reference.targets.frameworks.of_jax import OfJax


class Keras(OfJax):
    """The layer, called without its own state."""

    libraries = ("keras",)
    form = "keras.layers.BatchNormalization on jax"
    conventions = LIBRARIES["keras"]

    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        return keras_step.step(training, x, weight, bias, *rest)
