"""tinygrad.nn.BatchNorm, on tinygrad's default device."""

from __future__ import annotations

from typing import Any

import numpy as np
from tinygrad import Tensor, dtypes, nn
from tinygrad.helpers import Context

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.functional import Functional


class Tinygrad(Functional):
    """The layer, built for each call; gradients by ``Tensor.gradient``."""

    libraries = ("tinygrad",)
    form = "tinygrad.nn.BatchNorm"
    conventions = LIBRARIES["tinygrad"]
    layouts = grad_layouts = False

    def to_array(self, array: Any) -> Any:
        half = array.dtype.name == "bfloat16"
        return Tensor(array.astype(np.float32)).cast(dtypes.bfloat16) if half else Tensor(array)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        layer = nn.BatchNorm(x.shape[1], eps, weight is not None, mean is not None, momentum)
        layer.weight, layer.bias, layer.running_mean, layer.running_var = weight, bias, mean, var
        with Context(TRAINING=int(training)):
            return layer(x), layer.running_mean, layer.running_var  # not realized: gradients end where a tensor was

    def backward(self, grad_y: Any, x: Any, *rest: Any) -> Any:
        asked = [array for array in (x, *rest[:2]) if array is not None]
        gradients = self.forward(x, *rest)[0].gradient(*asked, gradient=grad_y)
        return gradients if len(asked) == 3 else (*gradients, None, None)
