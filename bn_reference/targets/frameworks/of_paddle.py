"""paddle.nn.BatchNorm1D, on the CPU; gradients by ``paddle.grad``."""

from __future__ import annotations

import warnings
from typing import Any

import paddle

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.weights import EXACT
from bn_reference.targets.functional import Functional

paddle.set_device("cpu")
warnings.filterwarnings("ignore", message="When training, we now always track")


class Paddle(Functional):
    """The layer, built for each call."""

    libraries = ("paddlepaddle",)
    form = "paddle.nn.BatchNorm1D"
    conventions = LIBRARIES["paddle"]
    momentum_weights = "old"
    momentum = EXACT  # the kernel holds it in float32
    dtypes = ("float32", "float64")
    tracks = (True,)
    layouts = grad_layouts = False

    def to_array(self, array: Any) -> Any:
        return paddle.to_tensor(array)

    def _step(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        paddle.set_default_dtype(mean.numpy().dtype.name)
        affine = None if weight is not None else False
        layer = paddle.nn.BatchNorm1D(x.shape[1], 1 - momentum, eps, weight_attr=affine, bias_attr=affine)
        parameters = [layer.weight, layer.bias] if weight is not None else []
        for place, value in zip([layer._mean, layer._variance, *parameters], (mean, var, weight, bias), strict=False):
            place.set_value(value)
        layer.training = training
        return layer(x), layer._mean, layer._variance, parameters

    def forward(self, *arguments: Any) -> Any:
        return self._step(*arguments)[:3]

    def backward(self, grad_y: Any, x: Any, *rest: Any) -> Any:
        x.stop_gradient = False
        y, _, _, parameters = self._step(x, *rest)
        gradients = paddle.grad([y], [x, *parameters], [grad_y])
        return gradients if parameters else (*gradients, None, None)
