"""The lecture's two models: a small multilayer perceptron with batch normalization, and the same without."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

__all__ = ["CLASSES", "HIDDEN", "LayerFactory", "batch_norm_layers", "model_pair", "perceptron", "seeded"]

LayerFactory = Callable[..., nn.Module]  # num_features, and optionally dtype=: a batch-norm layer

HIDDEN = (32, 32)  # the lecture's widths
CLASSES = 10


def perceptron(
    inputs: int,
    layer: LayerFactory | None,
    *,
    hidden: tuple[int, ...] = HIDDEN,
    activation: Callable[[], nn.Module] = nn.ReLU,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """Linear, batch norm, activation for each hidden width, then a linear layer to the ten classes.

    Args:
        inputs: numbers in an image.
        layer: builds the batch-norm layers; None leaves them out.
        hidden: widths of the hidden layers.
        activation: builds what follows each of them.
        dtype: of parameters and statistics.

    Weights and biases of the linear layers are drawn from torch's global generator, the same ones with batch norm and without.
    """
    modules: list[nn.Module] = []
    for wide, narrow in pairwise((inputs, *hidden)):
        modules.append(nn.Linear(wide, narrow, dtype=dtype))
        if layer is not None:
            modules.append(layer(narrow, dtype=dtype))
        modules.append(activation())
    modules.append(nn.Linear(hidden[-1], CLASSES, dtype=dtype))
    return nn.Sequential(*modules)


def seeded(seed: int, build: Callable[[], nn.Sequential]) -> nn.Sequential:
    """What ``build`` gives when torch's generator starts from ``seed``; the generator itself is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def model_pair(
    inputs: int, layer: LayerFactory, seed: int, *, dtype: torch.dtype = torch.float32
) -> tuple[nn.Sequential, nn.Sequential]:
    """The model with batch norm and the plain one, from the same initial weights."""
    with_bn = seeded(seed, lambda: perceptron(inputs, layer, dtype=dtype))
    plain = seeded(seed, lambda: perceptron(inputs, None, dtype=dtype))
    return with_bn, plain


def batch_norm_layers(model: nn.Sequential) -> list[int]:
    """Positions of the batch-norm layers: what follows a linear layer and has running statistics."""
    return [position for position, module in enumerate(model) if hasattr(module, "running_mean")]
