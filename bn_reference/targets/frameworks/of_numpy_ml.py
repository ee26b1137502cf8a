"""numpy_ml's BatchNorm1D, (N, C); momentum weights the old statistics."""

from __future__ import annotations

import collections
import collections.abc
from typing import Any

import numpy as np

if not hasattr(collections, "Hashable"):  # which numpy-ml 0.1.2 takes from where Python 3.10 removed it
    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]

from numpy_ml.neural_nets.layers import BatchNorm1D

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.weights import OLD
from bn_reference.targets.functional import Functional
from bn_reference.targets.protocol import Unsupported


class NumpyMl(Functional):
    """The layer, built for each call, with its own backward pass for training; eval is ``retain_derived=False``."""

    libraries = ("numpy-ml",)
    form = "numpy_ml.neural_nets.layers.BatchNorm1D"
    conventions = LIBRARIES["numpy_ml"]
    momentum_weights = "old"
    momentum = OLD
    dtypes = ("float32", "float64")
    dimensions = (2,)
    affine = tracks = (True,)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        layer = _layer(x, weight, bias, mean, var, eps, momentum)
        y = layer.forward(x, retain_derived=training)
        return y, layer.parameters["running_mean"], layer.parameters["running_var"]

    def backward(self, grad_y: Any, x: Any, *rest: Any) -> Any:
        weight, bias, mean, var, training, eps, momentum = rest
        if not training:
            raise Unsupported("it goes back through a step of training alone")
        layer = _layer(x, weight, bias, mean, var, eps, momentum)
        layer.forward(x)
        return layer.backward(grad_y), layer.gradients["scaler"], layer.gradients["intercept"]


def _layer(x: Any, weight: Any, bias: Any, mean: Any, var: Any, eps: float, momentum: float) -> Any:
    layer = BatchNorm1D(1 - momentum, eps)
    layer.n_in = layer.n_out = x.shape[1]
    random = np.random.get_state()  # noqa: NPY002 -- a layer draws its first parameters once, and is built for each step here
    layer._init_params()
    np.random.set_state(random)  # noqa: NPY002
    layer.parameters = {"scaler": weight, "intercept": bias, "running_mean": mean, "running_var": var}
    layer.gradients = {"scaler": np.zeros_like(weight), "intercept": np.zeros_like(bias)}
    return layer
