"""keras.layers.BatchNormalization, axis -1, on the backend that KERAS_BACKEND names: jax or torch."""

from __future__ import annotations

from importlib import import_module

import keras

from bn_reference.targets.protocol import UnusableTarget

BACKEND = keras.backend.backend()
if BACKEND not in ("jax", "torch"):
    raise UnusableTarget(f"keras.layers:BatchNormalization is on {BACKEND}, but must be on jax or torch; set KERAS_BACKEND")
Keras = import_module(f"bn_reference.targets.frameworks.of_keras_on_{BACKEND}").Keras
