"""keras.layers.BatchNormalization on torch, on the CPU; gradients by torch's autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.keras_step import step
from bn_reference.targets.frameworks.weights import OLD
from bn_reference.targets.functional import Functional


class Keras(Functional):
    """The layer, called without its own state."""

    libraries = ("keras on torch",)
    form = "keras.layers.BatchNormalization on torch"
    conventions = LIBRARIES["keras"].but(variance="one_pass", subnormals="kept")
    momentum_weights = "old"
    momentum = OLD
    tracks = (True,)
    channels_last = True

    def to_array(self, array: Any) -> Any:
        bfloat16 = array.dtype.name == "bfloat16"
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16) if bfloat16 else torch.from_numpy(array)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        return step(training, x, weight, bias, mean, var, eps, 1 - momentum)

    def backward(self, grad_y: Any, x: Any, weight: Any, bias: Any, *rest: Any) -> Any:
        asked = [array.requires_grad_() for array in (x, weight, bias) if array is not None]
        gradients = torch.autograd.grad(self.forward(x, weight, bias, *rest)[0], asked, grad_y)
        return gradients if weight is not None else (*gradients, None, None)
