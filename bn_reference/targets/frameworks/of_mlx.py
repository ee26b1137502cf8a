"""mlx.nn.BatchNorm: channels last, on the CPU."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.functional import Functional

mx.set_default_device(mx.cpu)


class Mlx(Functional):
    """The layer, built for each call; gradients by ``mx.vjp``."""

    libraries = ("mlx",)
    form = "mlx.nn.BatchNorm"
    conventions = LIBRARIES["mlx"]
    channels_last = True
    layouts = grad_layouts = False  # mx.array copies

    def to_array(self, array: Any) -> Any:
        bfloat16 = array.dtype.name == "bfloat16"
        return (
            mx.array(array.astype(np.float32), dtype=mx.bfloat16)
            if bfloat16
            else mx.array(array, dtype=getattr(mx, array.dtype.name))
        )

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        layer = nn.BatchNorm(x.shape[-1], eps, momentum, affine=weight is not None, track_running_stats=mean is not None)
        given = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": var}
        layer.update({name: value for name, value in given.items() if value is not None})
        layer.train(training)
        return layer(x), layer.get("running_mean"), layer.get("running_var")

    def backward(self, grad_y: Any, x: Any, weight: Any, bias: Any, *rest: Any) -> Any:
        inputs = [x] if weight is None else [x, weight, bias]

        def y(x: Any, weight: Any = None, bias: Any = None) -> list[Any]:
            return [self.forward(x, weight, bias, *rest)[0]]

        _, gradients = mx.vjp(y, inputs, [grad_y])
        return gradients if weight is not None else (*gradients, None, None)
